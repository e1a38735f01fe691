"""End states that look like success and are not. Every one of them has to be refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from datafactory.geometry import Pose
from datafactory.scene_graph.graph import Goal, Relation
from datafactory.sim.measure import Measurer
from datafactory_pick_place import judge
from datafactory_pick_place.execution import Stop
from tests.sim_fixture import HEIGHT, EndState, asset, posture, standing

B = (0.52, 0.25)


def goal_of(relation: Relation) -> Goal:
    return Goal((((relation,),),))


ON = goal_of(Relation("on", "a", ("b",)))
IN = goal_of(Relation("in", "a", ("b",)))
LEFT = goal_of(Relation("left", "a", ("b",), "robot"))


def lying(family: str, x: float, y: float, z: float, yaw: float = 0.0) -> Pose:
    """The object's long z axis laid horizontally, its side at height z."""
    radius = 0.5 * asset(family).extents[0]
    tip = Pose.of((0, 0, 0), (math.sqrt(0.5), 0.0, math.sqrt(0.5), 0.0))
    return Pose.from_yaw((x, y, z + radius), yaw) @ tip


def end(goal: Goal, b: str, a: str = "block", **more: object) -> EndState:
    """b at its place, a and a bystander c elsewhere."""
    objects = {
        "a": (a, standing(a, 0.45, -0.25)),
        "b": (b, standing(b, *B)),
        "c": ("carton", standing("carton", 0.62, -0.05)),
    }
    return EndState(goal, objects, **more)  # type: ignore[arg-type]


def inside(b: str) -> float:
    """World height of the floor of a container's cavity."""
    cavity = asset(b).cavity
    assert cavity is not None
    return HEIGHT + cavity.floor_z


def done(b: str = "open_box", a: str = "block", goal: Goal = IN, **more: object) -> EndState:
    """The task done properly: a rests in the middle of b."""
    state = end(goal, b, a, **more)
    state.put("a", standing(a, *B, z=inside(b) + 0.001))
    state.run(0.3)
    return state


def refused(state: EndState, *reasons: str) -> list[str]:
    rejected = state.verdict()
    assert rejected is not None, "accepted"
    assert rejected.reason in reasons, (rejected, state.failed())
    assert state.failed(), "refused without a failed check"
    return state.failed()


# What is done properly is accepted: otherwise the refusals below would prove nothing.


@pytest.mark.parametrize(
    ("goal", "b", "a"),
    [(IN, "open_box", "block"), (IN, "bowl", "apple"), (ON, "plate", "can"), (ON, "tray", "soap")],
)
def test_true_success_is_accepted(goal: Goal, b: str, a: str) -> None:
    state = done(b, a, goal)
    rejected = state.verdict()
    assert rejected is None, (rejected, state.failed())
    assert not state.failed()


def test_true_success_beside_is_accepted() -> None:
    state = end(LEFT, "can")
    state.put("a", standing("block", B[0], B[1] + 0.1))
    state.run(0.2)
    assert state.verdict() is None, state.failed()


# The object is not where the goal wants it.


def test_leaning_on_the_outside() -> None:
    state = end(IN, "open_box", "marker")
    side = 0.5 * asset("open_box").extents[1]
    lean = Pose.of((0, 0, 0), (math.cos(0.6), 0.0, math.sin(0.6), 0.0))
    pose = Pose.from_yaw((B[0], B[1] - side - 0.04, HEIGHT + 0.07), math.pi / 2) @ lean
    state.put("a", pose)
    state.run(0.6)
    refused(state, "place_missed")


def test_standing_against_the_outside() -> None:
    state = end(IN, "open_box", "carton")
    side = 0.5 * asset("open_box").extents[1] + 0.5 * asset("carton").extents[1]
    state.put("a", standing("carton", B[0], B[1] - side - 0.0005))
    state.run(0.2)
    refused(state, "place_missed")


def test_bridging_the_rim() -> None:
    state = end(IN, "bowl", "marker")
    rim = asset("bowl").extents[2]
    flat = asset("marker").stable_poses[0].height
    state.put("a", Pose.of((*B, HEIGHT + rim + flat)))
    state.run(0.3)
    refused(state, "place_missed")


def test_book_as_a_lid() -> None:
    state = end(IN, "bowl", "book")
    state.put("a", standing("book", *B, z=HEIGHT + asset("bowl").extents[2] + 0.001))
    state.run(0.3)
    refused(state, "place_missed")


def test_half_off_the_plate() -> None:
    state = end(ON, "plate", "carton")
    edge = 0.5 * asset("plate").extents[0]
    state.put("a", standing("carton", B[0] + edge + 0.02, B[1], z=HEIGHT + 0.02))
    state.run(0.5)
    refused(state, "place_missed", "not_settled")


def test_beside_but_on_the_floor() -> None:
    state = end(LEFT, "can")
    state.put("a", standing("block", B[0], 0.68, z=0.0))
    state.run(0.2)
    refused(state, "place_missed")


def test_beside_but_on_something_else() -> None:
    state = end(LEFT, "plate")
    state.put("c", standing("carton", B[0], B[1] + 0.2))
    state.run(0.2)
    state.attempt.initial = Measurer(state.model).state_of(state.data)
    top = HEIGHT + asset("carton").extents[2]
    state.put("a", standing("block", B[0], B[1] + 0.2, z=top + 0.001))
    state.run(0.2)
    refused(state, "place_missed")


def test_container_knocked_over() -> None:
    state = end(IN, "open_box", "block")
    state.put("b", lying("open_box", B[0] + 0.2, B[1], HEIGHT + 0.001))
    state.put("a", standing("block", *B))
    state.run(0.5)
    refused(state, "place_missed", "not_settled")


def test_container_upside_down_over_the_object() -> None:
    state = end(IN, "open_box", "block")
    state.put("a", standing("block", *B))
    state.put("b", standing("open_box", *B, index=1, z=HEIGHT + 0.001))
    state.run(0.3)
    refused(state, "place_missed", "wrong_target")


def test_container_carried_away_with_the_object() -> None:
    state = end(IN, "open_box", "block")
    x, y = B[0], B[1] - 0.06
    state.put("b", standing("open_box", x, y))
    state.put("a", standing("block", x, y, z=inside("open_box") + 0.001))
    state.run(0.3)
    refused(state, "wrong_target")


# Another object, or more than was asked for.


def test_wrong_object_in_the_container() -> None:
    state = end(IN, "open_box", "block")
    state.put("c", standing("carton", *B, z=inside("open_box") + 0.001))
    state.run(0.3)
    refused(state, "place_missed", "wrong_target")


@pytest.mark.parametrize(
    "pose",
    [
        standing("carton", 0.62, -0.09),
        lying("carton", 0.64, -0.05, HEIGHT + 0.001),
        standing("carton", 0.62, -0.05, math.pi / 2),
        standing("carton", 0.62, -0.05, index=5),
        standing("carton", 0.62, 1.0, z=0.0),
    ],
    ids=["pushed", "toppled", "turned", "upside down", "on the floor"],
)
def test_bystander_displaced(pose: Pose) -> None:
    state = done()
    state.put("c", pose)
    state.run(0.5)
    refused(state, "wrong_target")


def test_second_object_lost_from_its_place() -> None:
    """Stage one put c on b; stage two moved a. In the end c lies beside b again."""
    two = Goal((((Relation("on", "c", ("b",)),),), ((Relation("left", "a", ("b",), "robot"),),)))
    state = end(two, "plate", moved=("a", "c"))
    state.put("a", standing("block", B[0], B[1] + 0.2))
    state.run(0.2)
    refused(state, "place_missed", "wrong_target")


# Not at rest, or not for long.


def test_still_rolling() -> None:
    state = end(ON, "tray", "ball")
    state.put("a", standing("ball", B[0] - 0.08, B[1], z=inside("tray")), (0.25, 0, 0, 0, 8.0, 0))
    refused(state, "not_settled", "place_missed")


def test_spinning_in_place() -> None:
    state = done("plate", "can", ON)
    before = Measurer(state.model).state_of(state.data)
    state.put("a", state.pose("a"), (0, 0, 0, 0, 0, 0.5))
    now = Measurer(state.model).state_of(state.data)
    checks = judge.at_rest(state.model, state.data, before, now)
    assert [c.check for c in checks if not c.passed] == ["spin"]


def test_rolls_off_half_a_second_later() -> None:
    state = end(ON, "book", "ball")
    half = 0.5 * asset("book").extents[0]
    top = HEIGHT + asset("book").extents[2]
    state.put("a", standing("ball", B[0] + half - 0.015, B[1], z=top), (0.08, 0, 0, 0, 2.6, 0))
    state.run(0.01)
    assert state.attempt._stage_reached(0) is None, "the goal holds at release"
    state.attempt.checks.clear()
    rejected = state.attempt._hold()
    assert rejected is not None
    assert rejected.reason in ("place_missed", "not_settled")


def test_topples_half_a_second_later() -> None:
    """A bottle tilted just past its balance: over the plate at first, lying soon after."""
    state = end(ON, "plate", "bottle")
    radius, height = 0.5 * asset("bottle").extents[0], asset("bottle").com[2]
    tilt = 1.1 * math.atan2(radius, height)
    turn = Pose.of((0, 0, 0), (math.cos(tilt / 2), 0.0, math.sin(tilt / 2), 0.0))
    foot = turn.apply([radius, 0.0, 0.0])  # stands on this point of its edge
    state.put("a", Pose.of((B[0] - foot[0], B[1], inside("plate") - foot[2]), turn.quat))
    state.run(0.03)
    assert state.attempt._stage_reached(0) is None, "the goal holds at release"
    rejected = state.attempt._hold()
    assert state.pose("a").rotation()[2, 2] < 0.9, "it has fallen over"
    assert rejected is not None
    assert rejected.reason in ("place_missed", "not_settled")


def test_falls_through_the_goal() -> None:
    state = end(IN, "open_box", "ball")
    state.put("a", standing("ball", *B, z=inside("open_box") + 0.03), (0, 0, -0.3, 0, 0, 0))
    refused(state, "place_missed", "not_settled")


def test_penetrating() -> None:
    state = done("tray", "soap", ON)
    before = Measurer(state.model).state_of(state.data)
    state.put("a", standing("soap", *B, z=inside("tray") - 0.003))
    now = Measurer(state.model).state_of(state.data)
    checks = judge.at_rest(state.model, state.data, before, now)
    assert [c.check for c in checks if not c.passed] == ["penetration"]


# The robot holds, carries or touches what it must not.


def held(height: float, b: str = "plate", goal: Goal = ON) -> EndState:
    """a between the closed fingers, its bottom a height above b's floor."""
    z = inside(b) + height
    tip = z + 0.5 * asset("block").extents[2]
    state = end(goal, b, home=posture(*B, tip))
    state.grip("a", standing("block", *B, z=z))
    state.run(0.2)
    assert state.attempt.recorder.pad_contacts(state.model.first_object) == 3, "not in the gripper"
    return state


@pytest.mark.parametrize("goal", [ON, goal_of(Relation("above", "a", ("b",)))], ids=str)
def test_floating_in_the_gripper(goal: Goal) -> None:
    state = held(0.03, goal=goal)
    state.attempt._stage_reached(0)
    now = Measurer(state.model).state_of(state.data)
    checks = judge.robot_clear(state.model, now, state.attempt.execution, {"a"})
    assert {c.check for c in checks if not c.passed} == {
        "gripper_opening", "retreat_distance", "robot_contacts"
    }  # fmt: skip
    if goal is ON:
        assert "goal/goal_holds" in state.failed()


def test_standing_on_the_plate_but_still_held() -> None:
    state = held(0.0005)
    failed = refused(state, "place_missed", "robot_contact")
    assert any("grip_max" in name or "load_min" in name for name in failed)


def test_let_go_but_not_retreated() -> None:
    """The hand hangs open around the object, touching nothing."""
    tip = inside("plate") + asset("block").extents[2] * 0.6
    state = end(ON, "plate", home=posture(*B, tip))
    state.put("a", standing("block", *B, z=inside("plate") + 0.0005))
    state.run(0.3)
    failed = refused(state, "robot_contact")
    assert "hold/retreat_distance" in failed


def test_balanced_on_the_hand() -> None:
    """The object lies on the plate's rim and on a fingertip."""
    state = end(ON, "plate", "book", home=posture(B[0] + 0.09, B[1], HEIGHT + 0.035))
    state.put("a", standing("book", B[0] + 0.09, B[1], z=HEIGHT + 0.07))
    state.run(0.6)
    refused(state, "place_missed", "robot_contact", "not_settled")


def test_robot_rests_on_a_bystander() -> None:
    top = HEIGHT + asset("carton").extents[2]
    state = done(home=posture(0.62, -0.05, top + 0.05))
    lower = np.array(posture(0.62, -0.05, top + 0.005))
    state.attempt.recorder.set_targets(lower, 0.0)
    state.run(1.0)
    now = Measurer(state.model).state_of(state.data)
    assert any({c.a, c.b} == {"c", "robot"} for c in now.contacts), "the hand does not touch"
    refused(state, "robot_contact", "wrong_target")


def test_a_touch_while_closing_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gripper brushes a bystander in one frame of closing, then holds the right object."""
    state = end(ON, "plate")
    execution, recorder = state.attempt.execution, state.attempt.recorder
    first, gripper = state.model.first_object, state.model.arms[0].gripper
    execution.touchable = {first}
    tick = recorder.tick

    def touch() -> None:
        tick()
        recorder.touching = {(gripper, first + 2): (5.0, 0.0)}

    monkeypatch.setattr(recorder, "tick", touch)
    monkeypatch.setattr(recorder, "pad_contacts", lambda entity, arm: 3)
    stop = execution.close(first, 10)
    assert isinstance(stop, Stop), "the contact that stopped the closing is not reported"
    assert stop.reason == "robot_contact"


# Before the robot moved.


def test_goal_true_at_the_start() -> None:
    objects = {
        "a": ("block", standing("block", *B, z=inside("plate"))),
        "b": ("plate", standing("plate", *B)),
    }
    state = EndState(ON, objects)
    rejected = state.attempt.settle()
    assert rejected is not None
    assert rejected.reason == "goal_already_true"


def test_scene_that_does_not_settle() -> None:
    objects = {
        "a": ("bottle", Pose.of((0.45, -0.2, HEIGHT + 0.04))),
        "b": ("plate", standing("plate", *B)),
    }
    rejected = EndState(ON, objects).attempt.settle()
    assert rejected is not None
    assert rejected.reason == "scene_unstable"
