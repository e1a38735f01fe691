"""Whole motions: free space, contact phases and their refusals."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from datafactory.errors import SpecError
from datafactory.geometry import Array, Pose
from datafactory.planning.cartesian import pose_distance
from datafactory.planning.collision import FINGERS, HELD, CollisionWorld
from datafactory.planning.motion import MotionResult, PathKind, plan_free, plan_line
from datafactory.planning.rrt import SearchBounds
from datafactory.planning.timing import Trajectory
from tests.arm_fixture import (
    HOME,
    LIMITS,
    TABLE,
    UPPER,
    box,
    collision_world,
    compile_world,
    kinematics,
    table_scene,
    wall,
)

KIN = kinematics()
DOWN = (0.0, 1.0, 0.0, 0.0)
WALL = wall("wall", (0.5, 0.0, 0.2), (0.25, 0.02, 0.2))


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def _over(x: float, y: float, z: float) -> Array:
    found = KIN.solve_best(Pose.of([x, y, z], DOWN), [HOME])
    assert found.ok
    return found.q


def _free_along(world: CollisionWorld, trajectory: Trajectory, step_s: float = 0.004) -> bool:
    times = np.arange(0.0, trajectory.duration_s + step_s, step_s)
    return all(world.free(q) for q in trajectory.positions(times))


def _planned(result: MotionResult) -> Trajectory:
    assert result.trajectory is not None, result
    assert result.reason == ""
    return result.trajectory


def test_an_open_way_is_a_straight_joint_edge() -> None:
    goal = HOME + 0.3
    result = plan_free(collision_world(table_scene(2)), HOME, goal, LIMITS, _rng())
    trajectory = _planned(result)
    np.testing.assert_array_equal(result.path, [HOME, goal])
    np.testing.assert_array_equal(trajectory.start, HOME)
    np.testing.assert_array_equal(trajectory.end, goal)
    q = trajectory.positions(np.linspace(0, trajectory.duration_s, 20)) - HOME
    np.testing.assert_allclose(q, q[:, :1].repeat(7, axis=1), atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_a_wall_is_gone_round_smoothly(seed: int) -> None:
    world = collision_world(compile_world(TABLE, WALL))
    a, b = _over(0.5, -0.25, 0.15), _over(0.5, 0.25, 0.15)
    result = plan_free(world, a, b, LIMITS, _rng(seed))
    trajectory = _planned(result)
    assert len(result.path) > 2
    assert _free_along(collision_world(world.model, clearance_m=0.0), trajectory)
    _, qd, qdd = trajectory.sample(np.arange(0.0, trajectory.duration_s, 0.001))
    assert np.all(np.abs(qd) <= LIMITS.velocity * (1 + 1e-9))
    assert np.all(np.abs(qdd) <= LIMITS.acceleration * (1 + 1e-9))
    assert np.all(np.abs(np.diff(qdd, axis=0)) <= LIMITS.jerk * 0.001 * (1 + 1e-6))
    again = _planned(plan_free(world, a, b, LIMITS, _rng(seed)))
    times = np.linspace(0.0, trajectory.duration_s, 50)
    assert again.positions(times).tobytes() == trajectory.positions(times).tobytes()


def test_free_motions_are_refused_with_their_reason() -> None:
    world = collision_world(compile_world(TABLE, WALL))
    a, b = _over(0.5, -0.25, 0.15), _over(0.5, 0.25, 0.15)
    bounds = SearchBounds(max_iterations=3)
    late = plan_free(world, a, b, LIMITS, _rng(), bounds=bounds)
    assert (late.trajectory, late.reason, late.iterations) == (None, "plan_timeout", 3)
    inside = _over(0.5, 0.0, 0.15)
    for start, goal in ((a, inside), (inside, a)):
        refused = plan_free(world, start, goal, LIMITS, _rng())
        assert refused.reason == "plan_collision"
        assert refused.collision is not None
        assert "wall" in (refused.collision.a, refused.collision.b)
    for start, goal in ((a, UPPER + 0.1), (UPPER + 0.1, a)):
        assert plan_free(world, start, goal, LIMITS, _rng()).reason == "joint_limit"
    several = plan_free(world, a, np.stack([inside, UPPER + 0.1, b]), LIMITS, _rng())
    np.testing.assert_array_equal(_planned(several).end, b)


@pytest.mark.parametrize("kind", get_args(PathKind))
def test_a_line_is_followed_to_its_end(kind: PathKind) -> None:
    world = collision_world(table_scene(2))
    start = KIN.fk(HOME)
    goal = Pose(start.position + np.array([0.05, 0.1, -0.08]), start.quat)
    result = plan_line(
        world, KIN, HOME, goal, LIMITS, kind="screw" if kind == "screw" else "straight"
    )
    trajectory = _planned(result)
    np.testing.assert_array_equal(trajectory.start, HOME)
    distance, angle = pose_distance(KIN.fk(trajectory.end), goal)
    assert distance < 2e-4
    assert angle < 2e-3
    direction = (goal.position - start.position) / np.linalg.norm(goal.position - start.position)
    for q in trajectory.positions(np.linspace(0, trajectory.duration_s, 60)):
        moved = KIN.fk(q).position - start.position
        assert np.linalg.norm(moved - (moved @ direction) * direction) < 3e-4


def test_lines_are_refused_with_their_reason() -> None:
    world = collision_world(compile_world(TABLE, WALL))
    a = _over(0.5, -0.2, 0.15)
    start = KIN.fk(a)
    through = Pose(start.position + np.array([0.0, 0.3, 0.0]), start.quat)
    blocked = plan_line(world, KIN, a, through, LIMITS)
    assert blocked.reason == "plan_collision"
    assert blocked.collision is not None
    assert "wall" in (blocked.collision.a, blocked.collision.b)
    far = Pose(start.position + np.array([1.0, 0.0, 0.0]), start.quat)
    assert plan_line(world, KIN, a, far, LIMITS).reason in ("ik_failed", "joint_limit")
    assert plan_line(world, KIN, UPPER + 0.1, start, LIMITS).reason == "joint_limit"
    with pytest.raises(SpecError):
        plan_line(world, KIN, a, [], LIMITS)


def test_a_line_obeys_its_tool_speed() -> None:
    world, start = collision_world(compile_world()), KIN.fk(HOME)
    goal = Pose(start.position + np.array([0.0, 0.0, 0.1]), start.quat)
    trajectory = _planned(plan_line(world, KIN, HOME, goal, LIMITS, max_speed_m_s=0.08))
    times = np.arange(0.0, trajectory.duration_s, 0.01)
    places = np.array([KIN.fk(q).position for q in trajectory.positions(times)])
    speed = np.linalg.norm(np.diff(places, axis=0), axis=1) / 0.01
    assert 0.075 < speed.max() < 0.081


def test_pick_and_place_in_five_motions() -> None:
    model = compile_world(TABLE, box("cube", (0.5, -0.2, 0.031), (0.02, 0.02, 0.03)))
    world, rng = collision_world(model), _rng()
    grasp, above = Pose.of([0.5, -0.2, 0.04], DOWN), Pose.of([0.5, -0.2, 0.16], DOWN)
    goal = Pose.of([0.5, 0.2, 0.04], DOWN)
    pregrasp = KIN.solve_best(above, [HOME], valid=world.free).q
    q = _planned(plan_free(world, HOME, pregrasp, LIMITS, rng)).end
    q = _planned(plan_line(world, KIN, q, grasp, LIMITS)).end
    cube = Pose.of([0.5, -0.2, 0.031])
    closed = world.check(q, [0.02, 0.02])
    assert closed is not None
    assert closed.a == "cube" or closed.b == "cube"
    world.allow(FINGERS, "cube")
    assert world.free(q)
    world.attach("cube", KIN.fk(q).inverse() @ cube)
    assert plan_line(world, KIN, q, above, LIMITS).reason == "plan_collision"
    world.allow(HELD, "table")
    q = _planned(plan_line(world, KIN, q, above, LIMITS)).end
    world.clear_allowances()
    preplace = KIN.solve_best(Pose.of([0.5, 0.2, 0.16], DOWN), [q], valid=world.free).q
    q = _planned(plan_free(world, q, preplace, LIMITS, rng)).end
    world.allow(HELD, "table")
    result = plan_line(world, KIN, q, [goal, Pose.of([0.5, 0.2, 0.1], DOWN)], LIMITS)
    assert _planned(result).duration_s > 0.0
    assert result.collision_checks > 0
