"""Trajectories: limits, ends, smoothness and optimality."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from datafactory.errors import SpecError
from datafactory.geometry import Array
from datafactory.planning import double_s
from datafactory.planning.double_s import Bounds
from datafactory.planning.timing import (
    JointLimits,
    Trajectory,
    concatenate,
    dense_trajectory,
    polyline_trajectory,
)
from tests.arm_fixture import LIMITS, random_q

SEEDS = st.integers(0, 2**32 - 1)
STEP = 5e-4


def _rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def _assert_within_limits(trajectory: Trajectory, limits: JointLimits = LIMITS) -> None:
    """Checks velocity, acceleration and jerk, given and numeric, and both ends."""
    n = int(trajectory.duration_s / STEP) + 3
    q, qd, qdd = trajectory.sample(np.arange(-1, n) * STEP)
    tolerance = 1.0 + 1e-6
    for rate, limit in ((qd, limits.velocity), (qdd, limits.acceleration)):
        assert np.all(np.abs(rate) <= limit * tolerance)
    for value, limit in (
        (q, limits.velocity),
        (qd, limits.acceleration),
        (qdd, limits.jerk),
    ):
        assert np.all(np.abs(np.diff(value, axis=0)) / STEP <= limit * tolerance + 1e-7)
    middle = 0.5 * STEP * (qd[1:] + qd[:-1])
    np.testing.assert_allclose(np.diff(q, axis=0), middle, atol=1e-7)
    ends = trajectory.sample([0.0, trajectory.duration_s])
    np.testing.assert_array_equal(ends[0], [trajectory.start, trajectory.end])
    np.testing.assert_array_equal(ends[1], 0.0)
    np.testing.assert_allclose(ends[2][1], 0.0)
    np.testing.assert_allclose(ends[2][0], 0.0, atol=1e-12)
    late = trajectory.sample([trajectory.duration_s - 1e-6])
    np.testing.assert_allclose(late[0][0], trajectory.end, atol=1e-9)
    np.testing.assert_allclose(late[1], 0.0, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(2, 6), st.sampled_from([0.0, 0.01, 0.1, 1.0]))
def test_polylines_stay_within_limits_and_near_the_path(
    seed: int, n: int, deviation: float
) -> None:
    rng = _rng(seed)
    points = np.stack([random_q(rng) for _ in range(n)])
    trajectory = polyline_trajectory(points, LIMITS, max_deviation_rad=deviation)
    np.testing.assert_array_equal(trajectory.start, points[0])
    np.testing.assert_array_equal(trajectory.end, points[-1])
    _assert_within_limits(trajectory)
    q = trajectory.positions(np.linspace(0.0, trajectory.duration_s, 200))
    assert max(_distance(x, points) for x in q) <= deviation + 1e-9


def _distance(q: Array, points: Array) -> float:
    """Upper estimate of the largest-joint distance of q to a polyline."""
    best = np.inf
    for a, b in itertools.pairwise(points):
        span = b - a
        t = np.clip((q - a) @ span / (span @ span) + np.linspace(-0.2, 0.2, 81), 0.0, 1.0)
        t = np.append(t, np.clip((q - a) @ span / (span @ span), 0.0, 1.0))
        best = min(best, float(np.abs(a + t[:, None] * span - q).max(axis=1).min()))
    return best


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.floats(-6.0, 0.0))
def test_short_and_long_straight_moves_are_exact(seed: int, log_length: float) -> None:
    rng = _rng(seed)
    start = random_q(rng)
    end = start + 10.0**log_length * rng.uniform(-1.0, 1.0, 7)
    trajectory = polyline_trajectory([start, end], LIMITS)
    _assert_within_limits(trajectory)
    q = trajectory.positions(np.linspace(0.0, trajectory.duration_s, 50))
    assert max(_distance(x, np.stack([start, end])) for x in q) < 1e-9


def _farthest(time: float, bounds: Bounds, n: int = 90) -> float:
    """Longest rest-to-rest distance in a time, by a linear program over the jerk of n steps."""
    h = time / n
    acceleration = h * np.tri(n)
    velocity = h * np.tri(n) @ (np.vstack([np.zeros(n), acceleration[:-1]]) + 0.5 * h * np.eye(n))
    before = np.vstack([np.zeros(n), velocity[:-1]])
    earlier = np.vstack([np.zeros(n), acceleration[:-1]])
    distance = (h * before + 0.5 * h**2 * earlier + h**3 / 6.0 * np.eye(n)).sum(axis=0)
    rows = np.vstack([acceleration, -acceleration, velocity, -velocity])
    caps = np.repeat([bounds.acceleration] * 2 + [bounds.velocity] * 2, n)
    result = linprog(
        -distance,
        A_ub=rows,
        b_ub=caps,
        A_eq=np.vstack([acceleration[-1], velocity[-1]]),
        b_eq=[0.0, 0.0],
        bounds=(-bounds.jerk, bounds.jerk),
    )
    assert result.success
    return -float(result.fun)


@pytest.mark.parametrize("distance", [0.002, 0.05, 0.5, 3.0])
@pytest.mark.parametrize("jerk", [5.0, 40.0])
def test_a_straight_move_takes_the_shortest_time(distance: float, jerk: float) -> None:
    limits = JointLimits.of([-9.0], [9.0], [1.5], [4.0], [jerk])
    duration = polyline_trajectory([[0.0], [distance]], limits).duration_s
    bounds = Bounds(1.5, 4.0, jerk)
    assert _farthest(duration, bounds) == pytest.approx(distance, rel=0.01)
    assert _farthest(0.97 * duration, bounds) < distance
    many = double_s.rest_to_rest_time(
        np.full(1, distance), np.full(1, 1.5), np.full(1, 4.0), np.full(1, jerk)
    )
    assert many[0] == pytest.approx(duration, rel=1e-9)


@settings(max_examples=100, deadline=None)
@given(
    st.floats(1e-4, 5.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.floats(0.1, 20.0),
    st.floats(0.5, 500.0),
)
def test_profiles_between_speeds_cover_the_distance(
    distance: float, v0: float, share: float, acceleration: float, jerk: float
) -> None:
    bounds = Bounds(1.0, acceleration, jerk)
    top = min(1.0, double_s.reachable_velocity(v0, distance, bounds))
    assert double_s.ramp_distance(v0, top, bounds) <= distance * (1.0 + 1e-6)
    v1 = v0 + share * (top - v0) * (1.0 - 1e-6)
    for a, b in ((v0, v1), (v1, v0)):
        profile = double_s.join([(0.0, a, double_s.phases(distance, a, b, bounds))], distance)
        s, v, change = profile.sample(np.linspace(0.0, profile.duration_s * (1 - 1e-9), 200))
        assert s[-1] == pytest.approx(distance, rel=1e-6)
        assert v[-1] == pytest.approx(b, abs=1e-6)
        assert np.all((v > -1e-9) & (v < 1.0 + 1e-9))
        assert np.abs(change).max() < acceleration * (1 + 1e-9)
        assert np.abs(profile.state[:, 3]).max() < jerk * (1 + 1e-9)


def test_rounded_corners_save_time_without_stopping() -> None:
    points = np.zeros((4, 7))
    points[1, 0], points[2, :2], points[3, :3] = 1.0, (1.0, 1.0), (1.0, 1.0, 1.0)
    stop, round_ = (polyline_trajectory(points, LIMITS, max_deviation_rad=d) for d in (0.0, 0.2))
    assert round_.duration_s < 0.85 * stop.duration_s
    inside = np.linspace(0.2, round_.duration_s - 0.2, 100)
    assert np.abs(round_.sample(inside)[1]).max(axis=1).min() > 0.1
    collinear = polyline_trajectory([np.zeros(7), np.full(7, 0.3), np.ones(7)], LIMITS)
    straight = polyline_trajectory([np.zeros(7), np.ones(7)], LIMITS)
    assert collinear.duration_s < 1.2 * straight.duration_s


def test_no_motion_takes_no_time() -> None:
    q = np.arange(7.0)
    for still in (
        polyline_trajectory([q, q, q], LIMITS),
        dense_trajectory(np.stack([q, q]), LIMITS),
    ):
        assert still.duration_s == 0.0
        for value, expected in zip(still.sample([-1.0, 0.0, 2.0]), (q, 0.0, 0.0), strict=True):
            np.testing.assert_array_equal(value, np.broadcast_to(expected, (3, 7)))


def _smooth_path(rng: np.random.Generator, n: int, size: float) -> Array:
    t = np.linspace(0.0, 1.0, n)[:, None]
    waves = sum(
        rng.normal(0, size / k, 7) * np.sin(k * t + rng.uniform(0, 6, 7)) for k in (1, 2, 4)
    )
    return np.asarray(waves)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(2, 30), st.floats(-3.0, 0.0))
def test_dense_paths_stay_within_limits_and_on_their_points(seed: int, n: int, log: float) -> None:
    points = _smooth_path(_rng(seed), n, 10.0**log)
    trajectory = dense_trajectory(points, LIMITS)
    _assert_within_limits(trajectory)
    np.testing.assert_allclose(trajectory.curve.sample(np.linspace(0, 1, n))[0], points, atol=1e-12)
    rough = dense_trajectory(_rng(seed).normal(0, 0.3, (n, 7)), LIMITS)
    _assert_within_limits(rough)


def test_a_rate_bound_slows_a_dense_path() -> None:
    points = np.linspace(np.zeros(7), np.ones(7), 12)
    fast, slow = dense_trajectory(points, LIMITS), dense_trajectory(points, LIMITS, max_rate=0.25)
    assert slow.duration_s > 4.0 > fast.duration_s
    times = np.linspace(0.0, slow.duration_s, 500)
    assert slow.profile.sample(times)[1].max() <= 0.25 + 1e-12


def test_a_dense_straight_path_is_nearly_optimal() -> None:
    points = np.linspace(np.zeros(7), np.ones(7), 9)
    best = polyline_trajectory([points[0], points[-1]], LIMITS).duration_s
    assert best <= dense_trajectory(points, LIMITS).duration_s < 1.08 * best


def test_trajectories_in_a_row() -> None:
    rng = _rng(9)
    a, b, c = (random_q(rng) for _ in range(3))
    parts = [
        polyline_trajectory([a, b], LIMITS),
        polyline_trajectory([b, b], LIMITS),
        dense_trajectory(np.linspace(b, c, 9), LIMITS),
    ]
    both = concatenate(parts)
    assert both.duration_s == pytest.approx(sum(p.duration_s for p in parts))
    _assert_within_limits(both)
    meet = both.sample([parts[0].duration_s])
    np.testing.assert_allclose(meet[0][0], b, atol=1e-12)
    np.testing.assert_allclose(meet[1][0], 0.0, atol=1e-12)
    with pytest.raises(SpecError):
        concatenate([parts[0], parts[0]])
    with pytest.raises(SpecError):
        concatenate([])


def test_limits_are_validated_and_scale() -> None:
    with pytest.raises(SpecError):
        JointLimits.of([0.0], [1.0], [0.0], [1.0], [1.0])
    with pytest.raises(SpecError):
        JointLimits.of([0.0], [1.0, 2.0], [1.0], [1.0], [1.0])
    points = np.stack([LIMITS.lower, LIMITS.upper])
    fast, slow = (polyline_trajectory(points, LIMITS.scaled(r)).duration_s for r in (1.0, 0.5))
    assert slow == pytest.approx(2.0 * fast)
    assert LIMITS.contains(points)
    assert not LIMITS.contains(LIMITS.upper + 0.1)
