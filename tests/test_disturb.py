"""Disturbances: the force that moves an object, triggers, recoveries, records, the environment."""

from __future__ import annotations

import copy
import json
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from datafactory.binding import ManipulationSpec
from datafactory.episode import Episode
from datafactory.errors import SpecError
from datafactory.plugin import load_generator
from datafactory.robots import load_robot
from datafactory.scene_graph.graph import Goal
from datafactory.sim.assembly import SceneModel, assemble
from datafactory.sim.recorder import Recorder
from datafactory.sim.replay import replay
from datafactory.subtasks import subtasks_of
from datafactory.testing.episodes import digest, mesh_files
from datafactory.testing.generators import check_expert
from datafactory_pick_place.disturb import CARRY_S, Disturbance, SceneDisturber
from datafactory_pick_place.maker import asset_sources
from datafactory_pick_place.sampling import draw_scene
from datafactory_pick_place.streams import AttemptStreams

GENERATOR = load_generator("pick_place")
TASKS = {info.name: info for info in GENERATOR.tasks()}
ARM = "primitive_arm"
SEED = 7
TRIES = 8


def bound(name: str, **disturb: Any) -> ManipulationSpec:
    data = copy.deepcopy(dict(TASKS[name].spec))
    data["disturb"] = {**data["disturb"], **disturb}
    spec = GENERATOR.spec(data, robot=ARM)
    assert isinstance(spec, ManipulationSpec)
    return spec


@lru_cache(maxsize=8)
def disturbed(name: str) -> Episode:
    """The first accepted episode that was disturbed."""
    maker = GENERATOR.open(bound(name, share=1.0), SEED)
    for k in range(TRIES):
        episode = maker.attempt(k)
        if episode.verdict.accepted and episode.metrics["disturbed"]:
            return episode
    raise AssertionError(name)


@lru_cache(maxsize=4)
def scene(index: int) -> SceneModel:
    robot, spec = load_robot(ARM), bound("recover_moved")
    draw = draw_scene(spec, robot, AttemptStreams(spec, SEED, index), asset_sources(("tier0",)))
    assert draw.scene is not None, draw.unsatisfied
    return assemble(draw.scene, robot)


def push(moved_m: float, headings: tuple[float, ...]) -> Disturbance:
    return Disturbance("object_moved", "a", moved_m, 9.0, 1.0, headings, None, "")


# The force.


def test_a_force_carries_an_object_and_puts_it_down() -> None:
    for index in range(3):
        recorder = Recorder(scene(index), 20)
        recorder.settle(0.5)
        headings = tuple(np.linspace(-np.pi, np.pi, 12, endpoint=False).tolist())
        disturber = SceneDisturber(scene(index), recorder, push(0.06, headings))
        address = scene(index).object_qpos[0]
        start = recorder.data.qpos[address : address + 7].copy()
        for _ in range(round(2.0 * CARRY_S * 20) + 10):
            disturber.before_frame()
            recorder.tick()
        end = recorder.data.qpos[address : address + 7]
        assert disturber.over
        assert disturber.displacement_m in (pytest.approx(0.06), pytest.approx(0.036))
        went = float(np.linalg.norm(end[:2] - start[:2]))
        assert went == pytest.approx(disturber.displacement_m, abs=0.012)
        assert end[2] == pytest.approx(start[2], abs=0.004)
        assert abs(float(end[3:] @ start[3:])) > 0.99, "it stands as it stood"
        assert (recorder.data.ctrl[scene(index).push.ctrl] == 0.0).all()


def test_without_room_nothing_is_moved() -> None:
    recorder = Recorder(scene(0), 20)
    disturber = SceneDisturber(scene(0), recorder, push(2.0, (0.0, 1.0)))
    for _ in range(5):
        disturber.before_frame()
        recorder.tick()
    assert not disturber.happened
    assert disturber.events() == []


# Recoveries.


@pytest.mark.parametrize("name", ["recover_moved", "recover_goal"])
def test_a_recovery_is_labelled_measured_and_repeats_bit_for_bit(name: str) -> None:
    episode = disturbed(name)
    track = episode.trajectory
    assert track is not None
    phases = {p.name: p for p in track.phases}
    assert {"replan", "recovery"} <= set(phases)
    frame = round(episode.metrics["disturbed_frame"])
    assert frame < phases["replan"].start < phases["recovery"].start
    assert phases["replan"].start == episode.metrics["noticed_frame"]
    assert phases["recovery"].stop == episode.metrics["recovered_frame"]
    (event,) = episode.extra["events"]
    assert event["frame"] == frame
    checks = {c.check: c for c in episode.verdict.checks}
    assert checks["disturbance_noticed"].passed
    assert replay(episode, mesh_files(episode)).exact
    again = GENERATOR.open(bound(name, share=1.0), SEED).attempt(episode.attempt)
    assert digest(again) == digest(episode)


def test_the_moved_object_is_in_the_record() -> None:
    episode = disturbed("recover_moved")
    track = episode.trajectory
    assert track is not None
    frame = round(episode.metrics["disturbed_frame"])
    later = frame + round(2.0 * CARRY_S * track.fps) + 4
    assert not track.ctrl[:frame, -3:].any(), "no force before"
    assert track.ctrl[frame, -3:].any()
    assert not track.ctrl[later:, -3:].any(), "no force after"
    went = np.linalg.norm(track.object_poses[later, 0, :2] - track.object_poses[frame, 0, :2])
    assert went == pytest.approx(episode.metrics["moved_m"], abs=0.015)


def test_the_changed_goal_is_what_is_reached_and_stored() -> None:
    episode = disturbed("recover_goal")
    track = episode.trajectory
    assert track is not None
    (event,) = episode.extra["events"]
    assert event["kind"] == "goal_changed"
    assert json.loads(event["goal"]) == episode.goal
    (relation,) = Goal.from_json(episode.goal).relations()
    assert (relation.name, relation.subject, relation.objects) == ("on", "a", ("c",))
    first, second = subtasks_of(episode.extra)
    replan = next(p for p in track.phases if p.name == "replan")
    assert (first.name, second.name, second.objects) == ("put_in", "put_on", ("a", "c"))
    assert first.stop == second.start == replan.start
    words = next(o.category for o in episode.objects if o.name == "c")
    assert words in event["instruction"]
    assert event["instruction"] != episode.instruction


@pytest.mark.parametrize("name", ["recover_moved", "recover_goal"])
def test_the_environment_is_disturbed_at_the_same_moment(name: str) -> None:
    episode, spec = disturbed(name), bound(name, share=1.0)
    assert check_expert(GENERATOR, spec, SEED, episode)
    world = GENERATOR.world(spec, SEED)
    world.reset(options={"index": episode.attempt})
    track = episode.trajectory
    assert track is not None
    said = {}
    for k, action in enumerate(np.column_stack([track.action_joint, track.action_gripper])):
        _, _, terminated, truncated, info = world.step(action)
        if "instruction" in info:
            said[k] = info["instruction"]
        if terminated or truncated:
            break
    expected = {e["frame"]: e["instruction"] for e in episode.extra["events"] if e["instruction"]}
    assert said == expected


def test_an_undisturbed_attempt_is_the_task_without_disturbance() -> None:
    calm = GENERATOR.open(bound("recover_goal", share=0.0), SEED).attempt(0)
    data = copy.deepcopy(dict(TASKS["recover_goal"].spec))
    del data["disturb"]
    plain = GENERATOR.open(GENERATOR.spec(data, robot=ARM), SEED).attempt(0)
    assert calm.metrics["disturbed"] == 0.0
    assert calm.extra == {**plain.extra, "events": []}
    assert calm.trajectory is not None
    assert plain.trajectory is not None
    assert calm.trajectory.qpos.tobytes() == plain.trajectory.qpos.tobytes()
    assert calm.instruction == plain.instruction


# Tasks.


@pytest.mark.parametrize(
    ("disturb", "why"),
    [
        ({"kind": []}, "at least 1"),
        ({"kind": ["earthquake"]}, "object_moved"),
        ({"goal": None}, "needs a goal"),
        ({"goal": {"relation": "on", "subject": "a", "object": "z"}}, "unknown object 'z'"),
        ({"goal": {"relation": "on", "subject": "b", "object": "c"}}, "the object that is carried"),
        ({"instructions": {"train": ["put it on {q}"]}}, "unknown object 'q'"),
    ],
)
def test_bad_disturbances_are_refused(disturb: dict[str, Any], why: str) -> None:
    with pytest.raises(SpecError) as error:
        bound("recover_goal", **disturb)
    assert why in str(error.value)


def test_a_belt_and_a_disturbance_do_not_go_together() -> None:
    data = copy.deepcopy(dict(TASKS["conveyor"].spec))
    data["disturb"] = {"kind": ["object_moved"]}
    with pytest.raises(SpecError, match="conveyor cannot be disturbed"):
        GENERATOR.spec(data)
