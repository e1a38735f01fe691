"""The pick-and-place generator: its tasks, its named streams, its instructions and its phases."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from datafactory.binding import ManipulationSpec
from datafactory.episode import Episode
from datafactory.plugin import TaskInfo, load_generator
from datafactory.robots import load_robot
from datafactory.scene_graph.goal import check_goal
from datafactory.scene_graph.graph import Goal
from datafactory.sim.assembly import assemble
from datafactory.sim.measure import Measurer
from datafactory.testing.episodes import mesh_files
from datafactory.testing.generators import check_expert
from datafactory_pick_place.attempt import Attempt, Rejected
from datafactory_pick_place.generator import PickPlace
from datafactory_pick_place.language import noun_phrase, phrase
from datafactory_pick_place.maker import PickPlaceMaker, asset_sources
from datafactory_pick_place.sampling import Draw, draw_scene
from datafactory_pick_place.streams import AttemptStreams

GENERATOR = load_generator("pick_place")
TASKS = {info.name: info for info in GENERATOR.tasks()}
ARM = "primitive_arm"
MOST_TRIES = 8
DRAWS = 6


def bound(data: Mapping[str, Any], robot: str = ARM) -> ManipulationSpec:
    """The task bound to a robot; to its own where it does not run on that one."""
    robot = robot if robot in data.get("robots", [robot]) else data["robots"][0]
    spec = GENERATOR.spec(data, robot=robot)
    assert isinstance(spec, ManipulationSpec)
    return spec


@lru_cache(maxsize=32)
def episodes(task: str, count: int) -> tuple[Episode, ...]:
    maker = GENERATOR.open(bound(TASKS[task].spec), 11)
    return tuple(maker.attempt(k) for k in range(count))


def first_accepted(task: str) -> Episode:
    maker = GENERATOR.open(bound(TASKS[task].spec), 5)
    seen = []
    for k in range(MOST_TRIES):
        episode = maker.attempt(k)
        if episode.verdict.accepted:
            return episode
        seen.append(f"{episode.verdict.stage}/{episode.verdict.reason}")
    raise AssertionError(f"{task}: {seen}")


# Tasks.


def test_at_least_eight_variants_beside_the_default() -> None:
    assert "pick_place" in TASKS
    assert len(TASKS) >= 9


@pytest.mark.parametrize("info", TASKS.values(), ids=TASKS)
def test_every_task_gives_episodes(info: TaskInfo) -> None:
    episode = first_accepted(info.name)
    record = episode.trajectory
    assert record is not None
    stages = {check.stage for check in episode.verdict.checks}
    assert stages >= {"layout", "settle", "grasp", "execute", "goal", "hold"}
    goal = Goal.from_json(episode.goal)
    names = [phase.name for phase in record.phases]
    assert names[0] == "reach"
    assert names[-1] == "hold"
    assert "lift" in names
    assert "carry" in names
    subjects = {relation.subject for relation in goal.relations()}
    assert {o.name for o in episode.objects} >= goal.names() - {"table"}
    moved = {o.name for o in episode.objects if np.linalg.norm(
        np.subtract(o.final_pose[:3], o.initial_pose[:3])) > 0.03}  # fmt: skip
    if "conveyor" not in info.spec:  # a belt moves what rides on it
        assert moved <= subjects, "something else was moved"
    assert moved, "nothing was moved"
    assert episode.final_graph
    assert episode.initial_graph
    assert check_expert(GENERATOR, bound(info.spec), 5, episode)


@pytest.mark.slow
@pytest.mark.parametrize("info", TASKS.values(), ids=TASKS)
def test_every_task_gives_episodes_on_the_default_robot(info: TaskInfo) -> None:
    maker = GENERATOR.open(bound(info.spec, "franka_panda"), 5)
    assert any(maker.attempt(k).verdict.accepted for k in range(MOST_TRIES))


def test_the_robot_is_one_argument() -> None:
    data = TASKS["put_on_plate"].spec
    specs = {name: GENERATOR.spec(data, robot=name) for name in (ARM, "franka_panda")}
    assert specs[ARM].spec_hash != specs["franka_panda"].spec_hash
    drawn = {name: draws(data, robot=name, count=2) for name in specs}
    for arm, panda in zip(drawn[ARM], drawn["franka_panda"], strict=True):
        assert choices(arm) == choices(panda)
        assert arm.scene is not None
        assert panda.scene is not None
        assert arm.scene.table == panda.scene.table


# Named streams.


def draws(data: Mapping[str, Any], robot: str = ARM, count: int = DRAWS) -> list[Draw]:
    spec = bound(data, robot)
    model, sources = load_robot(robot), asset_sources(("tier0",))
    return [draw_scene(spec, model, AttemptStreams(spec, 3, k), sources) for k in range(count)]


def changed(**sections: Mapping[str, Any]) -> dict[str, Any]:
    data = copy.deepcopy(dict(TASKS["put_on_plate"].spec))
    data["distractors"] = {**data["distractors"], "count": [2, 3]}
    for name, values in sections.items():
        data[name] = {**data.get(name, {}), **values}
    return data


def choices(draw: Draw) -> dict[str, str]:
    return {n: a.uid for n, a in draw.assets.items() if not n.startswith("distractor")}


def distractors(draw: Draw) -> dict[str, str]:
    return {n: a.uid for n, a in draw.assets.items() if n.startswith("distractor")}


def table(draw: Draw) -> Any:
    return draw.scene and draw.scene.table


def base(draw: Draw) -> Any:
    return draw.scene and draw.scene.world_from_base.vector().tolist()


def home(draw: Draw) -> Any:
    return draw.scene and draw.scene.home


def poses(draw: Draw) -> Any:
    """Object poses relative to what carries them all: the table's height and the base."""
    if draw.scene is None:
        return None
    return [o.world_from_object.vector().tolist() for o in draw.scene.objects]


def masses(draw: Draw) -> Any:
    return draw.scene and [o.mass for o in draw.scene.objects]


def frictions(draw: Draw) -> Any:
    return draw.scene and [o.friction for o in draw.scene.objects]


DRAWN = {f.__name__: f for f in (choices, distractors, table, base, home, poses, masses, frictions)}
CHANGES = {
    "masses": ({"randomize": {"mass_scale": [1.0, 1.0]}}, {"masses"}),
    "frictions": ({"randomize": {"friction_scale": [0.5, 0.6]}}, {"frictions"}),
    "table": ({"randomize": {"table_height_m": [0.76, 0.76]}}, {"table", "poses"}),
    "base": ({"randomize": {"base_xy_m": 0.0, "base_yaw_rad": 0.0}}, {"base", "poses"}),
    "home": ({"randomize": {"home_rad": 0.0}}, {"home"}),
    "poses": ({"randomize": {"object_pose": False}}, {"poses"}),
    "layout": ({"layout": {"gap_m": 0.05}}, {"poses"}),
    "distractors": (
        {"randomize": {"distractors": False}},
        {"distractors", "poses", "masses", "frictions"},
    ),
    "no distractors": (
        {"distractors": {"count": [0, 0]}},
        {"distractors", "poses", "masses", "frictions"},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_stream_switched_off_changes_no_other(name: str) -> None:
    sections, may_change = CHANGES[name]
    before, after = draws(changed()), draws(changed(**sections))
    complete = [
        (a, b) for a, b in zip(before, after, strict=True) if a.scene is not None and b.scene
    ]
    assert len(complete) >= 3
    differing = {
        what for what, part in DRAWN.items() for a, b in complete if part(a) != part(b)
    }  # fmt: skip
    assert differing <= may_change
    assert differing, "the change changes nothing"


@pytest.mark.parametrize("sections", [CHANGES["no distractors"][0], CHANGES["distractors"][0]])
def test_distractors_do_not_move_the_task_objects(sections: Mapping[str, Any]) -> None:
    for a, b in zip(draws(changed()), draws(changed(**sections)), strict=True):
        if a.scene is None or b.scene is None:
            continue
        for role in ("a", "b"):
            one, two = a.scene.object(role), b.scene.object(role)
            assert one.mass == two.mass
            assert one.friction == two.friction
            assert (
                one.world_from_object.vector().tolist() == two.world_from_object.vector().tolist()
            )


def test_streams_switched_off_repeat_attempt_zero() -> None:
    off = {"object_choice": False, "distractors": False}
    found = draws(changed(randomize=off, distractors={"count": [2, 2]}))
    assert len({tuple(sorted(choices(d).items())) for d in found}) == 1
    assert len({tuple(sorted(distractors(d).items())) for d in found}) == 1
    heights = {d.scene.table.height for d in found if d.scene}
    assert len(heights) > 1


def test_mass_and_friction_are_scaled_within_their_ranges() -> None:
    scales = {"mass_scale": [0.5, 0.6], "friction_scale": [1.2, 1.3]}
    seen = []
    for draw in draws(changed(randomize=scales)):
        for item in draw.scene.objects if draw.scene else ():
            seen.append((item.mass / item.asset.mass, item.friction / item.asset.friction))
    mass, friction = np.array(seen).T
    assert np.all((mass >= 0.5) & (mass <= 0.6))
    assert np.all((friction >= 1.2) & (friction <= 1.3))
    assert len(set(mass.tolist())) == len(mass)


def test_layout_keeps_its_ranges() -> None:
    data = changed(layout={"radius_m": [0.4, 0.5], "angle_rad": [-0.5, 0.5]})
    for draw in draws(data):
        if draw.scene is None:
            continue
        inverse = draw.scene.world_from_base.inverse()
        for item in draw.scene.objects:
            x, y, _ = (inverse @ item.world_from_object).position
            assert 0.36 < np.hypot(x, y) < 0.54
            assert abs(np.arctan2(y, x)) < 0.6


# Instructions.


def test_noun_phrases_are_unambiguous() -> None:
    data = {**TASKS["clutter"].spec, "distractors": {**TASKS["clutter"].spec["distractors"]}}
    for draw in draws(data, count=25):
        words = [noun_phrase(asset) for asset in draw.assets.values()]
        assert len(set(words)) == len(words), sorted(words)


def patterns(data: Mapping[str, Any], split: str) -> list[re.Pattern[str]]:
    templates = [t for case in data["cases"] for t in case["instructions"].get(split, ())]
    parts = [re.split(r"\{[^}]*\}", template) for template in templates]
    return [re.compile("the .+".join(map(re.escape, p)) + r"\Z") for p in parts]


OWN_WORDS = [name for name, info in TASKS.items() if "instructions" in info.spec["cases"][0]]


@pytest.mark.parametrize("task", OWN_WORDS)
def test_instruction_splits_never_mix(task: str) -> None:
    data = copy.deepcopy(dict(TASKS[task].spec))
    for case in data["cases"]:
        case["instructions"]["held_out_share"] = 0.5
        assert not set(case["instructions"]["train"]) & set(case["instructions"]["held_out"])
    train, held_out = patterns(data, "train"), patterns(data, "held_out")
    splits = set()
    maker = PickPlaceMaker(bound(data), 2)
    for k in range(12):
        streams = AttemptStreams(maker.spec, 2, k)
        draw = draw_scene(maker.spec, maker.robot, streams, maker.sources)
        said = phrase(draw.play, draw.assets, streams["language"])
        splits.add(said.split)
        own, other = (train, held_out) if said.split == "train" else (held_out, train)
        for text in (said.instruction, *said.paraphrases):
            assert any(p.match(text) for p in own), text
            assert not any(p.match(text) for p in other), text
    assert splits == {"train", "held_out"}


def test_held_out_share_of_zero_holds_nothing_out() -> None:
    for episode in episodes("pick_place", 4):
        assert episode.instruction_split in ("train", "held_out")
    data = copy.deepcopy(dict(TASKS["put_near"].spec))
    data["cases"][0]["instructions"]["held_out_share"] = 0.0
    maker = GENERATOR.open(bound(data), 0)
    assert {maker.attempt(k).instruction_split for k in range(3)} == {"train"}


# Execution.


def test_stages_are_reached_in_order() -> None:
    episode = first_accepted("plate_then_box")
    record = episode.trajectory
    assert record is not None
    goal = Goal.from_json(episode.goal)
    subgoals = [phase.subgoal for phase in record.phases if phase.name != "hold"]
    assert subgoals == sorted(subgoals)
    assert set(subgoals) == {0, 1}
    grasped = []
    names = [item.name for item in episode.objects]
    for number in (0, 1):
        (lift,) = [p for p in record.phases if p.name == "lift" and p.subgoal == number]
        rise = record.object_poses[lift.stop - 1, :, 2] - record.object_poses[lift.start, :, 2]
        grasped.append(names[int(rise.argmax())])
    assert grasped == [stage[0][0].subject for stage in goal.stages]


def test_phases_follow_the_plan() -> None:
    follow = {
        "reach": {"approach"},
        "approach": {"grasp"},
        "grasp": {"lift", "regrasp"},
        "lift": {"carry", "regrasp"},
        "carry": {"lower"},
        "lower": {"release"},
        "release": {"retreat"},
        "retreat": {"reach", "hold", "regrasp"},
        "regrasp": {"retreat", "reach"},
    }
    for episode in episodes("pick_place", 6):
        if episode.trajectory is None or not episode.verdict.accepted:
            continue
        for a, b in pairwise(episode.trajectory.phases):
            assert b.name in follow[a.name], (a.name, b.name)


def test_a_second_grasp_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first lift is made to fail; the attempt backs off, grasps again and says so."""
    lift = Attempt._lift
    failures = []

    def slipping(self: Attempt, subject: int, number: int) -> tuple[Rejected | None, bool]:
        if not failures:
            failures.append(number)
            return Rejected("grasp", "grasp_slip"), True
        return lift(self, subject, number)

    monkeypatch.setattr(Attempt, "_lift", slipping)
    maker = GENERATOR.open(bound(TASKS["put_in_container"].spec), 5)
    for k in range(MOST_TRIES):
        failures.clear()
        episode = maker.attempt(k)
        if episode.verdict.accepted:
            break
    assert episode.verdict.accepted
    assert episode.metrics["regrasps"] == 1.0
    assert episode.trajectory is not None
    names = [phase.name for phase in episode.trajectory.phases]
    assert names.count("grasp") == 2
    assert "regrasp" in names


def test_two_failed_grasps_end_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    slip = (Rejected("grasp", "grasp_slip"), True)
    monkeypatch.setattr(Attempt, "_lift", lambda self, subject, number: slip)
    maker = GENERATOR.open(bound(TASKS["put_in_container"].spec), 5)
    seen = [maker.attempt(k) for k in range(3)]
    slipped = [e for e in seen if e.verdict.reason == "grasp_slip"]
    assert slipped
    assert all(e.metrics["regrasps"] == 1.0 for e in slipped)
    assert not any(e.verdict.accepted for e in seen)


@pytest.mark.parametrize("task", ["put_in_container", "put_on_plate", "plate_then_box"])
def test_the_end_state_is_true_when_measured_again(task: str) -> None:
    """The last checkpoint alone, in a model compiled from the stored text, satisfies the goal."""
    episode = first_accepted(task)
    assert episode.replay is not None
    maker = PickPlaceMaker(bound(TASKS[task].spec), 5)
    streams = AttemptStreams(maker.spec, 5, episode.attempt)
    draw = draw_scene(maker.spec, maker.robot, streams, maker.sources)
    assert draw.scene is not None
    model = assemble(draw.scene, maker.robot)
    assert model.mjcf == episode.replay.mjcf
    assert mesh_files(episode) == dict(maker.robot.meshes)
    state = Measurer(model).state(episode.replay.states[-1])
    goal = Goal.from_json(episode.goal)
    for stage in range(len(goal.stages)):
        assert check_goal(goal, state, stage=stage).holds
    assert not any("robot" in (c.a, c.b) for c in state.contacts)


def test_generator_speaks_the_contract() -> None:
    assert isinstance(GENERATOR, PickPlace)
    assert GENERATOR.stages == ("layout", "settle", "grasp", "plan", "execute", "goal", "hold")
