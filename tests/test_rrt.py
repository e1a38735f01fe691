"""The path search, on a small planar world and on the arm."""

from __future__ import annotations

import numpy as np
import pytest

from datafactory.errors import SpecError
from datafactory.geometry import Array, Pose
from datafactory.planning.rrt import PathResult, SearchBounds, find_path
from datafactory.planning.sampling import bisection, segments
from tests.arm_fixture import (
    HOME,
    LOWER,
    TABLE,
    UPPER,
    collision_world,
    compile_world,
    kinematics,
    wall,
)

LOW, HIGH = np.full(2, -2.0), np.full(2, 2.0)


class Plane:
    """A square with a wall at x = 0 that leaves a gap."""

    def __init__(self, gap: tuple[float, float]) -> None:
        self.gap = gap
        self.checks = 0

    def free(self, q: Array) -> bool:
        self.checks += 1
        return bool(abs(q[0]) > 0.2 or self.gap[0] < q[1] < self.gap[1])

    def edge_free(
        self, q0: Array, q1: Array, resolution_rad: float = 0.04, *, check_start: bool = True
    ) -> bool:
        if check_start and not self.free(q0):
            return False
        order = bisection(segments(q0, q1, resolution_rad))
        return all(self.free(q0 + t * (q1 - q0)) for t in order)


def _rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def _plan(seed: int, gap: tuple[float, float], bounds: SearchBounds | None = None) -> PathResult:
    start, goal = np.array([-1.0, -1.0]), np.array([1.0, -1.0])
    return find_path(Plane(gap), start, goal, LOW, HIGH, _rng(seed), bounds)


@pytest.mark.parametrize("seed", range(8))
def test_finds_the_gap_and_stays_free_at_a_finer_resolution(seed: int) -> None:
    found = _plan(seed, (0.6, 1.2))
    assert found.path is not None
    assert (found.reason, found.iterations > 0) == ("", True)
    np.testing.assert_array_equal(found.path[0], [-1.0, -1.0])
    np.testing.assert_array_equal(found.path[-1], [1.0, -1.0])
    plane = Plane((0.58, 1.22))
    for a, b in zip(found.path, found.path[1:], strict=False):
        assert plane.edge_free(a, b, 0.005)
    length = np.linalg.norm(np.diff(found.path, axis=0), axis=1).sum()
    assert length < 1.25 * (2 * np.hypot(0.8, 1.6) + 0.4)


def test_same_seed_same_path_and_another_seed_another() -> None:
    one, two, other = (_plan(seed, (0.6, 1.2)) for seed in (5, 5, 6))
    assert one.path is not None
    assert two.path is not None
    assert other.path is not None
    assert one.path.tobytes() == two.path.tobytes()
    assert one.collision_checks == two.collision_checks
    assert one.path.tobytes() != other.path.tobytes()


def test_a_free_straight_edge_needs_no_random_number() -> None:
    rng = _rng(0)
    before = rng.bit_generator.state
    found = find_path(Plane((-3, 3)), np.array([-1.0, 0.0]), np.ones(2), LOW, HIGH, rng)
    assert found.path is not None
    assert (len(found.path), found.iterations) == (2, 0)
    assert rng.bit_generator.state == before


def test_a_closed_wall_uses_up_its_bounds() -> None:
    found = _plan(1, (5.0, 6.0), SearchBounds(max_iterations=50))
    assert (found.path, found.reason, found.iterations) == (None, "plan_timeout", 50)
    few = _plan(1, (5.0, 6.0), SearchBounds(max_iterations=10**6, max_checks=300))
    assert few.reason == "plan_timeout"
    assert 300 <= few.collision_checks < 400


def test_a_colliding_end_is_a_collision() -> None:
    plane, rng = Plane((0.6, 1.2)), _rng(0)
    inside, outside = np.zeros(2), np.array([1.0, 0.0])
    for start, goal in ((inside, outside), (outside, inside)):
        found = find_path(plane, start, goal, LOW, HIGH, rng)
        assert (found.path, found.reason) == (None, "plan_collision")


def test_goal_sets_leave_out_colliding_goals_and_take_the_near_one() -> None:
    goals = np.array([[0.0, 0.0], [1.0, -1.0], [-1.0, 1.5]])
    found = find_path(Plane((0.6, 1.2)), np.array([-1.0, -1.0]), goals, LOW, HIGH, _rng(0))
    assert found.path is not None
    np.testing.assert_array_equal(found.path[-1], goals[2])
    with pytest.raises(SpecError):
        find_path(Plane((0, 1)), np.zeros(2), np.zeros((1, 3)), LOW, HIGH, _rng(0))


@pytest.mark.parametrize("seed", range(3))
def test_the_arm_goes_round_a_wall(seed: int) -> None:
    world = collision_world(compile_world(TABLE, wall("wall", (0.5, 0, 0.2), (0.25, 0.02, 0.2))))
    kin = kinematics()
    ends = [kin.solve(Pose.of([0.5, y, 0.15], [0, 1, 0, 0]), HOME) for y in (-0.25, 0.25)]
    assert all(end.ok and world.free(end.q) for end in ends)
    assert not world.edge_free(ends[0].q, ends[1].q)
    found = find_path(world, ends[0].q, ends[1].q, LOWER, UPPER, _rng(seed))
    assert found.path is not None
    assert len(found.path) > 2
    assert np.all((found.path >= LOWER) & (found.path <= UPPER))
    close = collision_world(world.model, clearance_m=0.0)
    for a, b in zip(found.path, found.path[1:], strict=False):
        assert close.edge_free(a, b, 0.004)
