"""Conveyor belts: physics, prediction, interception, judgement as seen from the belt."""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from datafactory.binding import ManipulationSpec
from datafactory.episode import Episode
from datafactory.errors import SpecError
from datafactory.geometry import Pose
from datafactory.plugin import load_generator
from datafactory.robots import load_robot
from datafactory.sim.assembly import SceneModel, assemble
from datafactory.sim.measure import Measurer, speeds
from datafactory.sim.recorder import Recorder
from datafactory.sim.replay import replay
from datafactory.testing.episodes import digest, mesh_files
from datafactory.testing.generators import check_expert
from datafactory_pick_place import judge
from datafactory_pick_place.belt_attempt import Chase
from datafactory_pick_place.maker import asset_sources
from datafactory_pick_place.meeting import (
    MEET_S,
    RISE_M,
    RISE_S,
    SLOWING_FROM_S,
    SLOWING_S,
    Track,
    leaving_poses,
    meeting_poses,
    times,
)
from datafactory_pick_place.sampling import draw_scene
from datafactory_pick_place.streams import AttemptStreams

GENERATOR = load_generator("pick_place")
TASKS = {info.name: info for info in GENERATOR.tasks()}
ARM = "primitive_arm"
SEED = 1


def task(**conveyor: Any) -> dict[str, Any]:
    data = copy.deepcopy(dict(TASKS["conveyor"].spec))
    data["conveyor"] = {**data["conveyor"], **conveyor}
    return data


def bound(data: dict[str, Any]) -> ManipulationSpec:
    spec = GENERATOR.spec(data, robot=ARM)
    assert isinstance(spec, ManipulationSpec)
    return spec


@lru_cache(maxsize=8)
def scene(index: int, speed: float) -> SceneModel:
    spec = bound(task(speed_m_s=[speed, speed], bystanders=[2, 2]))
    robot = load_robot(ARM)
    draw = draw_scene(spec, robot, AttemptStreams(spec, SEED, index), asset_sources(("tier0",)))
    assert draw.scene is not None, draw.unsatisfied
    return assemble(draw.scene, robot)


@lru_cache(maxsize=4)
def accepted(count: int) -> tuple[Episode, ...]:
    maker = GENERATOR.open(bound(task()), SEED)
    found = (maker.attempt(k) for k in range(12))
    good = [e for e in found if e.verdict.accepted]
    assert len(good) >= count
    return tuple(good[:count])


# Physics.


@pytest.mark.parametrize("speed", [0.03, 0.12, 0.3])
def test_the_belt_keeps_its_speed_and_carries_what_stands_on_it(speed: float) -> None:
    model = scene(1, speed)
    assert model.belt is not None
    recorder = Recorder(model, 20)
    for _ in range(60):
        recorder.tick()
    data = recorder.data
    assert data.qvel[model.belt.dof] == pytest.approx(speed, rel=1e-3)
    assert data.qpos[model.belt.qpos] == pytest.approx(3.0 * speed, rel=1e-3)
    state = Measurer(model).state_of(data)
    for name in model.belt.belt.carried:
        start = model.scene.object(name).world_from_object.position
        assert name in state.carried
        assert np.linalg.norm(state.place(name) - start) < 0.002
        went = state.poses[name].position - start
        assert went @ model.belt.belt.direction == pytest.approx(3.0 * speed, abs=0.002)
    assert speeds(model, data)[0].max() < 0.002, "at rest as seen from the belt"
    checks, reason = judge.started(model, data, state, _never(model), diverged=recorder.diverged)
    assert not reason, [c for c in checks if not c.passed]


def _never(model: SceneModel) -> Any:
    from datafactory.scene_graph.graph import Goal

    return Goal.from_json({"relation": "on", "subject": "a", "object": "b"})


def test_bystanders_are_judged_as_seen_from_the_belt() -> None:
    model = scene(1, 0.1)
    recorder, measurer = Recorder(model, 20), Measurer(model)
    before = measurer.state_of(recorder.data)
    for _ in range(20):
        recorder.tick()
    riders = [n for n in model.belt.belt.carried if n != "a"] if model.belt else []
    assert riders
    after = measurer.state_of(recorder.data)
    assert all(c.passed for c in judge.bystanders(riders, before, after))
    address = model.object_qpos[[o.name for o in model.scene.objects].index(riders[0])]
    recorder.data.qpos[address : address + 2] += 0.02
    pushed = measurer.state_of(recorder.data)
    moved = judge.bystanders(riders, before, pushed)[0]
    assert not moved.passed
    assert moved.value == pytest.approx(0.02 * np.sqrt(2.0), abs=0.003)


# Tool paths.


def test_the_tool_meets_the_object_and_stays_with_it() -> None:
    velocity = np.array([0.03, -0.11, 0.0])
    grasp = Pose.of((0.5, 0.2, 0.8), (0.0, 1.0, 0.0, 0.0))
    t = times(MEET_S + 1.0, 0.01)
    offset = np.array([0.01, 0.0, -0.004])
    poses = meeting_poses(grasp, velocity, t, offset)
    relative = poses[:, :3] - grasp.position - t[:, None] * velocity
    together = t >= MEET_S - 1e-9
    assert np.abs(relative[together]).max() < 1e-9
    speed = np.diff(poses[:, :3], axis=0) / 0.01
    assert np.linalg.norm(speed[0]) < 0.01, "it starts at rest"
    assert np.abs(speed[together[1:]][1:] - velocity).max() < 1e-9
    assert np.abs(np.diff(speed, axis=0)).max() / 0.01 < 2.0, "no jumps of the speed"
    behind = relative[0] - offset
    assert behind[2] == pytest.approx(0.09), "above, as this tool points down"


def test_the_tool_leaves_with_the_speed_of_the_belt_and_comes_to_rest() -> None:
    velocity = np.array([0.0, 0.2, 0.0])
    t = times(RISE_S + 0.2, 0.01)
    poses = leaving_poses(Pose.identity(), velocity, t, np.array([0.0, 0.0, 1.0]))
    speed = np.diff(poses[:, :3], axis=0) / 0.01
    assert speed[0] == pytest.approx(velocity, abs=1e-3)
    assert np.linalg.norm(speed[-1]) < 1e-9
    assert poses[-1, :3] == pytest.approx([0.0, (SLOWING_FROM_S + 0.5 * SLOWING_S) * 0.2, RISE_M])
    assert (np.diff(poses[:, 2]) >= 0.0).all()


def test_a_track_is_linear_between_samples_and_rests_beyond_its_ends() -> None:
    track = Track(0.05, np.array([[0.0], [1.0], [4.0]]))
    found = track.positions(np.array([-1.0, 0.0, 0.025, 0.05, 0.075, 0.1, 9.0]))[:, 0]
    assert found == pytest.approx([0.0, 0.0, 0.5, 1.0, 2.5, 4.0, 4.0])
    speed, change = track.peaks()
    assert (speed[0], change[0]) == pytest.approx((60.0, 800.0))


# Episodes.


def test_an_episode_replays_and_repeats_bit_for_bit() -> None:
    (episode,) = accepted(1)
    result = replay(episode, mesh_files(episode))
    assert result.exact, result
    again = GENERATOR.open(bound(task()), SEED).attempt(episode.attempt)
    assert digest(again) == digest(episode)


def test_the_record_tells_what_moved() -> None:
    (episode,) = accepted(1)
    track = episode.trajectory
    assert track is not None
    speed = episode.metrics["belt_speed_m_s"]
    assert (track.ctrl[:, -1] == np.float32(speed)).all(), "the belt's control is recorded"
    names = [p.name for p in track.phases]
    assert names[:4] == ["reach", "approach", "grasp", "lift"]
    grasp = next(p for p in track.phases if p.name == "grasp")
    moving = np.diff(track.eef_pose[grasp.start : grasp.stop, :2], axis=0) * track.fps
    assert np.linalg.norm(moving, axis=1).mean() == pytest.approx(speed, rel=0.15)
    checks = {c.check: c for c in episode.verdict.checks}
    assert checks["prediction_error"].value == episode.metrics["prediction_error_m"]


def test_the_environment_runs_the_belt() -> None:
    (episode,) = accepted(1)
    assert check_expert(GENERATOR, bound(task()), SEED, episode)


def test_an_object_that_cannot_be_reached_in_time_is_said_so() -> None:
    maker = GENERATOR.open(bound(task(arrival_s=[0.2, 0.3], speed_m_s=[0.3, 0.3])), SEED)
    reasons = {maker.attempt(k).verdict.reason for k in range(3)}
    assert "out_of_reach" in reasons


def nudge(monkeypatch: pytest.MonkeyPatch, by_m: float) -> None:
    """Moves the object ahead on the belt in the ninth frame of the first chase."""
    tick, done = Chase.tick, []

    def nudged(chase: Chase) -> Any:
        if len(done) < 9:
            done.append(chase)
            if len(done) == 9:
                execution = chase._execution
                address = execution.scene.object_qpos[0]
                ahead = by_m * execution.scene.belt.belt.direction
                execution.recorder.data.qpos[address : address + 3] += ahead
        return tick(chase)

    monkeypatch.setattr(Chase, "tick", nudged)


def test_a_wrong_prediction_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    (episode,) = accepted(1)
    assert episode.metrics["corrections"] == 0.0
    nudge(monkeypatch, 0.012)
    found = GENERATOR.open(bound(task()), SEED).attempt(episode.attempt)
    assert found.metrics["corrections"] >= 1.0
    assert found.metrics["prediction_error_m"] == pytest.approx(0.012, abs=0.002)
    assert found.metrics["regrasps"] == 0.0
    assert found.verdict.accepted, found.verdict.reason


def test_what_is_missed_is_tried_again_or_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    (episode,) = accepted(1)
    nudge(monkeypatch, 0.05)
    found = GENERATOR.open(bound(task()), SEED).attempt(episode.attempt)
    assert found.metrics["regrasps"] == 1.0
    assert found.trajectory is not None
    assert "regrasp" in [p.name for p in found.trajectory.phases]
    assert found.verdict.accepted or found.verdict.reason == "out_of_reach"


# Tasks.


@pytest.mark.parametrize(
    ("conveyor", "why"),
    [
        ({"carries": ["z"]}, "carries 'z'"),
        ({"speed_m_s": [0.1, 0.9]}, "above 0.5"),
        ({"speed_m_s": [0.0, 0.1]}, "positive"),
        ({"bystanders": [3, 1]}, "bystanders"),
        ({"speed": [0.1, 0.1]}, "not known"),
    ],
)
def test_bad_belts_are_refused(conveyor: dict[str, Any], why: str) -> None:
    with pytest.raises(SpecError) as error:
        bound(task(**conveyor))
    assert why in str(error.value)


def test_tasks_without_a_belt_keep_their_hash() -> None:
    spec = GENERATOR.spec(TASKS["put_on_plate"].spec)
    assert "conveyor" not in spec.to_dict()
