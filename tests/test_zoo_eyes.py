"""A policy sees in a running world what it saw in training: the same pixels, drawn when wanted."""

from __future__ import annotations

import numpy as np
import pytest

import datafactory as df
from datafactory.errors import SpecError, UnknownNameError
from datafactory.executor.render_run import RenderRequest, run_rendering
from datafactory.plugin import find_task
from datafactory.render.library import load_style
from datafactory.store.dataset import open_dataset
from datafactory.store.image_reader import ImageReader
from datafactory_zoo.eyes import LiveEyes, Sight
from datafactory_zoo.films import Tape, film_sight, shoot
from datafactory_zoo.rollouts import ExpertActor, PolicyActor, run_episode
from datafactory_zoo.suites import suite

TASK = {**find_task("pick_one")[1].spec, "randomize": {}}
"""Without jolts, which a world does not repeat."""
ROBOT, SEED = "primitive_arm", 3
STYLE = ("size=[96, 72]", "fps=5", "codec=png", "masks=false", "samples=1",
         "randomise.lights=high", "randomise.camera=medium", "randomise.surfaces=low")  # fmt: skip


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    path = tmp_path_factory.mktemp("eyes") / "d"
    df.generate(TASK, n=1, out=path, robot=ROBOT, seed=SEED, workers=1)
    style = load_style("default", STYLE)
    run_rendering(RenderRequest(path=str(path), style=style, variant="small", workers=1))
    return open_dataset(str(path))


@pytest.fixture(scope="module")
def world():
    generator, _ = find_task("pick_one")
    return generator.world(generator.spec(TASK, robot=ROBOT), SEED)


@pytest.fixture
def eyes(dataset):
    made = LiveEyes(Sight.of_dataset(dataset, "small"))
    yield made
    made.close()


class Watcher:
    """The expert, looking at every fourth frame: those that were rendered."""

    def __init__(self):
        self._expert, self.seen = ExpertActor(), []

    def begin(self, world, index):
        self._expert.begin(world, index)

    def act(self, look):
        if len(self.seen) % 4 == 0:
            self.seen.append({name: look.pictures[name] for name in look.pictures})
        else:
            self.seen.append(None)
        return self._expert.act(look)


def test_a_live_picture_is_the_rendered_one(dataset, world, eyes):
    attempt = dataset.episodes(columns=["attempt"]).column(0)[0].as_py()
    watcher = Watcher()
    assert run_episode(world, watcher, attempt, eyes).success
    reader = ImageReader(dataset, "small")
    count = min(reader.length(0), len(watcher.seen) // 4)
    assert count > 5
    for camera in ("front", "wrist"):
        (stored,) = reader.read([(0, camera, range(count))])
        live = np.stack([watcher.seen[4 * k][camera] for k in range(count)])
        assert live.shape == stored.shape
        difference = np.abs(live.astype(int) - stored)
        # The shadow map is fitted to the frames of a film, so edges of shadows differ a little.
        assert difference.mean() < 0.5
        assert (difference > 8).mean() < 0.02
        assert stored.std() > 20
    run = dataset.episode(0).trajectory
    places = run.eef_pose[::4].reshape(-1, 1, 7).astype(float)
    again = eyes._studio.images(run.qpos[::4].astype(float), places)
    for camera in ("front", "wrist"):
        (stored,) = reader.read([(0, camera, range(reader.length(0)))])
        np.testing.assert_array_equal(again[camera], stored)


def test_what_nobody_looks_at_is_not_drawn(world, eyes, monkeypatch):
    world.reset(options={"index": 0})
    eyes.begin(world, 0)
    drawn = []
    images = eyes._studio.images
    monkeypatch.setattr(eyes._studio, "images", lambda *at: drawn.append(1) or images(*at))
    moment = eyes.look(world)
    assert not drawn
    assert moment["front"] is moment["front"]
    assert set(moment) == {"front", "wrist"}
    assert len(drawn) == 1


def test_a_policy_looks_only_when_it_plans():
    from datafactory_zoo.rollouts import Look
    from tests.zoo_fixture import arrays

    class Glance(dict):
        looks = 0

        def __getitem__(self, camera):
            Glance.looks += 1
            return np.zeros((96, 96, 3), np.uint8)

    agent = tiny_agent()
    actor = PolicyActor(agent, 0)
    actor.begin(None, 0)
    for _ in range(9):
        actor.act(Look(arrays(frames=1), Glance(), "go"))
    # Two observation steps, chunks of four: planned at frames 0, 4 and 8.
    assert Glance.looks == 6


def tiny_agent():
    from datafactory_zoo.interface import PolicyIO
    from datafactory_zoo.policy import Agent, configured, policy_class
    from datafactory_zoo.processors import Processors
    from datafactory_zoo.statistics import Statistics

    io = PolicyIO(robot=ROBOT, dof=7, arms=1, fps=20, observation=("joint_position",),
                  cameras=("front",), steps=2, chunk=8, execute=4, state_width=7, state_dim=7,
                  action_width=8, action_dim=8)  # fmt: skip

    def plain(*shape):
        zeros, ones = np.zeros(shape), np.ones(shape)
        return Statistics(1, zeros, ones, -ones, ones, -ones, ones)

    kind = policy_class("flow_chunk")
    config = configured(
        kind, "tiny", {"width": 16, "blocks": 1, "condition": 16, "pyramid": (8, 8, 8, 8)}
    )
    return Agent(kind(io, config), Processors(io, {"state": plain(7), "action": plain(8, 8)}))


def test_a_sight_survives_and_knows_its_cameras(dataset):
    sight = Sight.of_dataset(dataset, None)
    assert Sight.from_dict(sight.to_dict()) == sight
    assert sight.cameras == ("front", "wrist")
    sight.check(("wrist",))
    with pytest.raises(UnknownNameError, match="camera 'top'"):
        sight.check(("top",))


def test_suites_change_what_cameras_see(dataset, world):
    sight = Sight.of_dataset(dataset, None)
    moved = suite("camera_shift").sight(sight)
    assert moved.style.randomise.ranges()[2].position_m == pytest.approx(0.06)
    assert moved.style.randomise.ranges()[2].rotation_deg == pytest.approx(6.0)
    with pytest.raises(SpecError, match="no light that training had not"):
        suite("light_shift").sight(sight)
    plain = Sight.of_style(load_style("plain", STYLE[:3]), sight.renderer)
    bright = suite("light_shift").sight(plain)
    pictures = []
    for each in (plain, suite("camera_shift").sight(plain), bright):
        eyes = LiveEyes(each)
        world.reset(options={"index": 0})
        eyes.begin(world, 0)
        pictures.append(eyes.look(world)["front"].astype(int))
        eyes.close()
    assert np.abs(pictures[1] - pictures[0]).mean() > 2
    assert np.abs(pictures[2] - pictures[0]).mean() > 2
    assert suite("physics").sight(plain) is plain
    for name in ("camera_shift", "light_shift"):
        with pytest.raises(SpecError, match="changes only what cameras see"):
            suite(name).sight(None)


def test_worlds_that_cannot_be_drawn_are_refused(eyes):
    with pytest.raises(SpecError, match="cannot be drawn"):
        eyes.begin(object(), 0)


def test_a_tape_keeps_ten_moments_a_second(world):
    tapes = [Tape.of(fps, world) for fps in (20, 10, 5, 25, 30, 50)]
    assert [(t.fps, t.every) for t in tapes] == [
        (10, 2), (10, 1), (5, 1), (25, 1), (10, 3), (10, 5)
    ]  # fmt: skip
    with pytest.raises(SpecError, match="cannot be drawn"):
        Tape.of(20, object())


@pytest.mark.parametrize("blind", [True, False])
def test_a_film_shows_the_whole_episode(dataset, world, blind):
    import io

    import av

    sight = film_sight(None if blind else Sight.of_dataset(dataset, None))
    tape, index = Tape.of(20, world), dataset.episodes(columns=["attempt"]).column(0)[0].as_py()
    outcome = run_episode(world, ExpertActor(), index, tape=tape)
    assert len(tape.qpos) == (outcome.frames + 1 + 1) // 2
    tape.qpos, tape.world_from_tcp = tape.qpos[:6], tape.world_from_tcp[:6]
    world.reset(options={"index": index})
    with av.open(io.BytesIO(shoot(world, tape, sight))) as film:
        frames = [f.to_ndarray(format="rgb24") for f in film.decode(video=0)]
        assert film.streams.video[0].average_rate == 10
    assert len(frames) == 6
    assert frames[0].shape == ((240, 320, 3) if blind else (224, 2 * 298, 3))
    assert frames[0].std() > 20
