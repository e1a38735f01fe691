"""Several arms: who takes a move, and passing an object on."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from datafactory.episode import Episode, Trajectory
from datafactory.errors import PackMissingError, SpecError
from datafactory.exchange.actions import action_names, convention
from datafactory.geometry import Pose
from datafactory.grasps.ranking import Grasp
from datafactory.plugin import find_task
from datafactory.render.cameras import camera_shots
from datafactory.render.holds import acting_arms, find_holds
from datafactory.render.presets import RIG
from datafactory.render.style import Style
from datafactory.robots import load_robot
from datafactory.robots.model import RobotModel
from datafactory.testing.episodes import check_replay, check_trajectory, require_equal
from datafactory.testing.generators import check_expert
from datafactory_pick_place.handover_plan import apart, gripper_points, meeting_poses

SEED, PASSED = 7, 3


@pytest.fixture(scope="module")
def robot() -> RobotModel:
    try:
        return load_robot("aloha")
    except PackMissingError as error:
        pytest.skip(str(error))


@lru_cache(maxsize=1)
def passed_on() -> tuple[Episode, Trajectory]:
    generator, info = find_task("handover")
    episode = generator.open(generator.spec(info.spec), SEED).attempt(PASSED)
    assert episode.verdict.accepted, episode.verdict.reason
    assert episode.trajectory is not None
    return episode, episode.trajectory


def touches(t: Trajectory, a: str, b: str) -> list[tuple[int, int]]:
    pair = tuple(sorted((a, b)))
    return [(c.start, c.stop) for c in t.contacts if (c.a, c.b) == pair]


def test_an_object_changes_hands(robot: RobotModel) -> None:
    episode, t = passed_on()
    names = [p.name for p in t.phases]
    steps = ["lift", "handover_bring", "handover_reach", "handover_approach", "handover_grasp",
             "handover_release", "handover_retreat", "withdraw", "carry", "lower"]  # fmt: skip
    assert [n for n in names if n in steps] == steps
    assert episode.metrics["handovers"] == 1.0
    grasp = next(p for p in t.phases if p.name == "handover_grasp")
    givers = [arm.name for arm in robot.arms if touches(t, f"{arm.name}_gripper", "a")]
    assert sorted(givers) == ["left", "right"], "both grippers held it"
    both = [
        any(start <= grasp.stop - 1 < stop for start, stop in touches(t, f"{n}_gripper", "a"))
        for n in givers
    ]
    assert all(both), "one lets go only after the other has taken it"
    assert not touches(t, "left_gripper", "right_gripper")
    assert not touches(t, "left_arm", "right_arm")


def test_one_arm_holds_still_while_the_other_works(robot: RobotModel) -> None:
    _, t = passed_on()
    first = slice(0, robot.arms[0].dof), slice(robot.arms[0].dof, robot.dof)
    for phase in t.phases:
        targets = t.action_joint[phase.start : phase.stop]
        moving = [bool(np.ptp(targets[:, part], axis=0).max() > 0.0) for part in first]
        assert sum(moving) <= 1, phase.name


def test_records_have_an_axis_of_arms(robot: RobotModel) -> None:
    episode, t = passed_on()
    check_trajectory(episode, t.fps)
    assert [(arm.name, arm.dof) for arm in t.arms] == [("left", 6), ("right", 6)]
    assert t.eef_pose.shape == (t.length, 2, 7)
    assert t.gripper_width.shape == t.action_gripper.shape == (t.length, 2)
    assert t.action_joint.shape == (t.length, 12)
    joints = t.qpos[:, list(t.joint_addresses)]
    assert np.abs(joints - t.action_joint).max() < 0.5
    result = check_replay(episode)
    assert result is not None
    assert result.exact


def test_an_attempt_is_repeatable_and_its_actions_succeed_in_the_world(robot: RobotModel) -> None:
    generator, info = find_task("handover")
    spec = generator.spec(info.spec)
    episode, _ = passed_on()
    require_equal(episode, generator.open(spec, SEED).attempt(PASSED), "the same attempt")
    assert check_expert(generator, spec, SEED, episode)
    world = generator.world(spec, SEED)
    assert world.action_space.shape == (14,)
    seen, _ = world.reset(options={"index": PASSED})
    assert seen["eef_pose"].shape == (2, 7)
    assert seen["gripper_opening"].shape == (2,)


def test_belts_need_a_robot_with_one_arm(robot: RobotModel) -> None:
    generator, info = find_task("conveyor")
    with pytest.raises(SpecError, match="one arm"):
        generator.open(generator.spec(info.spec, robot="aloha"), SEED)


def test_meetings_lie_between_the_arms(robot: RobotModel) -> None:
    left, right = robot.arms
    base = Pose.from_yaw((0.3, -0.2, 0.75), 0.4)
    for pose, across in meeting_poses(base, left, right):
        local = base.inverse() @ pose
        assert abs(local.position[1]) < 1e-9
        assert local.position[0] > left.shoulder[0] + 0.2
        assert local.position[2] > left.shoulder[2]
        assert np.allclose(base.rotation().T @ across, [0.0, -1.0, 0.0])


def test_grippers_are_apart_only_where_they_do_not_meet(robot: RobotModel) -> None:
    left, right = robot.arms
    down = (0.0, 1.0, 0.0, 0.0)
    here = Grasp(Pose.of((0.0, 0.0, 0.0), down), 0.03, 0.8, 1.0)
    beside = Grasp(Pose.of((0.1, 0.0, 0.0), down), 0.03, 0.8, 1.0)
    below = Grasp(Pose.of((0.0, 0.0, -0.03)), 0.03, 0.8, 1.0)
    assert not apart(left, here, right, here)
    assert apart(left, here, right, beside)
    turned = below.object_from_tcp @ Pose.from_yaw((0.0, 0.0, 0.0), np.pi / 2)
    assert apart(left, here, right, Grasp(turned, 0.03, 0.8, 1.0))
    assert len(gripper_points(left, 0.5)) > 100


def test_holds_and_traces_know_the_arm(robot: RobotModel) -> None:
    episode, t = passed_on()
    holds = find_holds(t, [item.name for item in episode.objects])
    assert {hold.arm for hold in holds if hold.object == 0} == {0, 1}
    acting = acting_arms(t)
    assert set(acting.tolist()) == {0, 1}
    (taking,) = (p for p in t.phases if p.name == "handover_reach")
    (bringing,) = (p for p in t.phases if p.name == "handover_bring")
    assert acting[taking.start] != acting[bringing.start]


def test_exported_names_tell_the_arms_apart() -> None:
    arms = ("left", "right")
    names = action_names("absolute", "eef", (), arms)
    assert names[:2] == ["left_x", "left_y"]
    assert names[-2:] == ["left_gripper", "right_gripper"]
    assert len(names) == 16
    assert action_names("delta", "joint", ("a", "b"), arms)[2:] == names[-2:]
    assert convention("absolute", "joint", ("a",), "world", arms)["gripper"]["index"] == [-2, -1]
    assert convention("absolute", "joint", ("a",))["gripper"]["index"] == -1


def test_a_wrist_camera_is_on_every_wrist() -> None:
    mounts = {
        name: np.tile([0, 0, 1.0, 1, 0, 0, 0], (3, 1)) for name in ("left_wrist", "right_wrist")
    }
    shots = camera_shots(
        (RIG["wrist"],), Style(style="x"), world_from_table=Pose.identity(),
        world_from_base=Pose.identity(), mounts=mounts, n_frames=3,
        stream=lambda _: np.random.Generator(np.random.PCG64(1)),
    )  # fmt: skip
    assert [shot.camera for shot in shots] == ["left_wrist", "right_wrist"]
