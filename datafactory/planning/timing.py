"""Time along a joint-space path: trajectories within velocity, acceleration and jerk limits.

A trajectory is a curve q(s) and a profile s(t); derivatives follow by the chain rule, and the
limits hold as follows:

- On a straight segment the profile is the time-optimal double-S under the limits scaled by the
  segment's direction. Corners are taken at constant speed, so there the joint acceleration is
  q'' v^2 and the jerk q''' v^3, and the fastest allowed speed v is in closed form.
- On a dense curve the profile is one double-S, run as fast as the joint limits allow at the peaks
  of the chain rule's sums.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datafactory.errors import SpecError
from datafactory.geometry import Array
from datafactory.planning import double_s
from datafactory.planning.curve import (
    Corner,
    Curve,
    derivative_bounds,
    round_corners,
    rounded_polyline,
    spline,
)
from datafactory.planning.double_s import Bounds, Profile

_SAFETY = 1.0 - 1e-9
_SAMPLED_SAFETY = 0.992
_CURVATURE_SHARE = 0.5
_SCAN_RATES = np.repeat(np.linspace(0.05, 1.0, 8), 2)
_SCAN_SHARES = np.tile([1.0, 0.5], 8)
_PEAK_SHARES = np.clip(np.linspace(0.0, 1.0, 10), 1e-6, 1.0 - 1e-6)


@dataclass(frozen=True, eq=False)
class JointLimits:
    """Limits of the arm's joints, each (dof,).

    Attributes:
        lower: Lowest positions, rad.
        upper: Highest positions, rad.
        velocity: rad/s, positive.
        acceleration: rad/s^2, positive.
        jerk: rad/s^3, positive.
    """

    lower: Array
    upper: Array
    velocity: Array
    acceleration: Array
    jerk: Array

    @classmethod
    def of(
        cls,
        lower: ArrayLike,
        upper: ArrayLike,
        velocity: ArrayLike,
        acceleration: ArrayLike,
        jerk: ArrayLike,
    ) -> JointLimits:
        """Builds limits from any sequences of one length."""
        parts = (lower, upper, velocity, acceleration, jerk)
        rows = [np.asarray(part, dtype=np.float64) for part in parts]
        if len({row.shape for row in rows}) != 1 or rows[0].ndim != 1:
            raise SpecError("joint limits need one value per joint each")
        if not all((row > 0.0).all() for row in rows[2:]):
            raise SpecError("velocity, acceleration and jerk limits must be positive")
        return cls(*rows)

    def scaled(self, rate: float) -> JointLimits:
        """Limits for motions slower by a factor: velocity x rate, acceleration x rate^2 ..."""
        return JointLimits(
            self.lower,
            self.upper,
            self.velocity * rate,
            self.acceleration * rate**2,
            self.jerk * rate**3,
        )

    def contains(self, q: Array, tolerance: float = 1e-9) -> bool:
        """Whether positions (..., dof) are within the limits."""
        return bool(((q >= self.lower - tolerance) & (q <= self.upper + tolerance)).all())


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Joint motion from rest to rest, with continuous acceleration.

    Attributes:
        curve: The path q(s).
        profile: The motion s(t) along it.
    """

    curve: Curve
    profile: Profile

    @property
    def duration_s(self) -> float:
        """Time from start to rest, s."""
        return self.profile.duration_s

    @property
    def start(self) -> Array:
        """(dof,) first position, rad."""
        return np.asarray(self.curve.coefficients[0, 0])

    @property
    def end(self) -> Array:
        """(dof,) last position, rad."""
        return self.curve.end

    def sample(self, times: ArrayLike) -> tuple[Array, Array, Array]:
        """Positions, velocities and accelerations, each (n, dof), at times (n,) in s.

        Times before the start and after the end give rest there.
        """
        s, rate, change = self.profile.sample(np.asarray(times, dtype=np.float64))
        point, first, second = self.curve.sample(s)
        velocity = first * rate[:, None]
        acceleration = second * (rate * rate)[:, None] + first * change[:, None]
        return point, velocity, acceleration

    def positions(self, times: ArrayLike) -> Array:
        """Positions (n, dof), rad, at times (n,) in s."""
        s, _, _ = self.profile.sample(np.asarray(times, dtype=np.float64))
        return self.curve.sample(s)[0]


def polyline_trajectory(
    points: ArrayLike, limits: JointLimits, *, max_deviation_rad: float = 0.05
) -> Trajectory:
    """Times a polyline, rounding its corners without stopping there.

    Args:
        points: (n, dof) way-points, n >= 1, rad; equal neighbours are merged.
        limits: Joint limits.
        max_deviation_rad: Largest distance of any joint to the polyline near a corner; 0 follows
            the polyline exactly and stops at every corner. The straight edges of a free polyline
            are free, its rounded corners must be checked again.
    """
    nodes = np.asarray(points, dtype=np.float64)
    keep = np.abs(np.diff(nodes, axis=0)).max(axis=1) > 1e-12
    nodes = nodes[np.concatenate([[True], keep])]
    nodes[-1] = np.asarray(points, dtype=np.float64)[-1]
    if len(nodes) == 1:
        return _rest(nodes[0])
    steps = np.diff(nodes, axis=0)
    lengths = np.abs(steps / limits.velocity).max(axis=1)
    directions = steps / lengths[:, None]
    corners = round_corners(directions, lengths, max_deviation_rad)
    curve = rounded_polyline(nodes, directions, lengths, corners)
    return Trajectory(curve, _polyline_profile(directions, lengths, corners, limits))


def _rest(q: Array) -> Trajectory:
    coefficients = np.zeros((1, 5, len(q)))
    coefficients[0, 0] = q
    curve = Curve(np.zeros(2), coefficients, q.copy())
    return Trajectory(curve, double_s.join([], 0.0))


def _polyline_profile(
    directions: Array, lengths: Array, corners: list[Corner], limits: JointLimits
) -> Profile:
    """Double-S on every straight part, constant speed through every corner."""
    tiny = 1e-12
    slope = np.abs(directions) + tiny
    fastest = (limits.acceleration / slope).min(axis=1), (limits.jerk / slope).min(axis=1)
    bounds = [Bounds(1.0, a, j) for a, j in zip(*(f.tolist() for f in fastest), strict=True)]
    halves = [0.0, *(0.5 * corner.length for corner in corners), 0.0]
    straight = [float(x) - halves[k] - halves[k + 1] for k, x in enumerate(lengths)]
    speed = [0.0, *(_corner_speed(corner, limits) for corner in corners), 0.0]
    for k, part in enumerate(straight):
        reach = double_s.reachable_velocity(speed[k], part, bounds[k]) * _SAFETY
        speed[k + 1] = min(speed[k + 1], reach)
    for k in range(len(straight) - 1, -1, -1):
        reach = double_s.reachable_velocity(speed[k + 1], straight[k], bounds[k]) * _SAFETY
        speed[k] = min(speed[k], reach)
    pieces = []
    at = 0.0
    for k, part in enumerate(straight):
        v0, v1 = speed[k], speed[k + 1]
        pieces.append((at + halves[k], v0, double_s.phases(part, v0, v1, bounds[k])))
        at += float(lengths[k])
        if halves[k + 1] > 0.0:
            width = 2.0 * halves[k + 1]
            pieces.append((at - halves[k + 1], v1, [(width / v1, 0.0)]))
    return double_s.join(pieces, at)


def _corner_speed(corner: Corner, limits: JointLimits) -> float:
    """Fastest constant speed <= 1 through a corner.

    With direction d1 + turn * smoothstep, the second derivative peaks at 3/2 turn / length and the
    third at 6 turn / length^2.
    """
    turn = np.abs(corner.turn)
    size = float(turn.max())
    if size < 1e-12:
        return 1.0
    moving = turn > 1e-12 * size
    by_acceleration = (limits.acceleration[moving] / turn[moving]).min() * corner.length / 1.5
    by_jerk = (limits.jerk[moving] / turn[moving]).min() * corner.length**2 / 6.0
    return min(1.0, math.sqrt(by_acceleration), math.cbrt(by_jerk)) * _SAFETY


def dense_trajectory(points: Array, limits: JointLimits, *, max_rate: float = np.inf) -> Trajectory:
    """Times a dense joint path, such as the solution of a Cartesian line.

    Args:
        points: (n, dof), n >= 2, rad, at evenly spaced values of the path's own parameter; a cubic
            spline goes through them.
        limits: Joint limits.
        max_rate: Largest rate of the path parameter (0 at the start, 1 at the end), 1/s; a path of
            length l is followed at no more than ``max_rate * l``.
    """
    nodes = np.asarray(points, dtype=np.float64)
    if np.abs(nodes - nodes[0]).max() <= 1e-12:
        return _rest(nodes[-1])
    curve = spline(nodes)
    bounds = _curve_bounds(curve, limits, max_rate)
    profile = double_s.join([(0.0, 0.0, double_s.phases(1.0, 0.0, 0.0, bounds))], 1.0)
    rate = min(_headroom(curve, profile, limits), max_rate / profile.peak_velocity())
    return Trajectory(curve, profile.faster(rate * _SAMPLED_SAFETY))


def _curve_bounds(curve: Curve, limits: JointLimits, max_rate: float) -> Bounds:
    """Constant bounds of the profile that suit the joint limits all along the curve.

    With derivative bounds d1, d2, d3 the limits hold where d1 V <= v, d2 V^2 + d1 A <= a and
    d3 V^3 + 3 d2 V A + d1 J <= j. V and A are scanned; the fastest rest-to-rest pair is taken. The
    terms with d2 and d3 seldom peak together with the others and count in part: the bounds set the
    profile's shape, its speed is then scaled by :func:`_headroom`. Small enough rates always fit,
    so the scan ends.
    """
    d1, d2, d3 = derivative_bounds(curve)
    d1 = np.maximum(d1, 1e-12)
    d2, d3 = _CURVATURE_SHARE * d2, _CURVATURE_SHARE * d3
    top = min(float((limits.velocity / d1).min()), max_rate)
    bend = float(np.sqrt(limits.acceleration / np.maximum(d2, 1e-12)).min())
    top = min(top, 0.999 * bend)
    while True:
        velocity = top * _SCAN_RATES
        room = ((limits.acceleration - d2 * velocity[:, None] ** 2) / d1).min(axis=1)
        acceleration = _SCAN_SHARES * room
        spent = d3 * velocity[:, None] ** 3
        spent += 3.0 * d2 * (velocity * acceleration)[:, None]
        jerk = ((limits.jerk - spent) / d1).min(axis=1)
        possible = jerk > 0.0
        if possible.any():
            break
        top *= 0.1
    v, a, j = velocity[possible], acceleration[possible], jerk[possible]
    k = int(double_s.rest_to_rest_time(np.ones(len(v)), v, a, j).argmin())
    return Bounds(float(v[k]), float(a[k]), float(j[k]))


def _headroom(curve: Curve, profile: Profile, limits: JointLimits) -> float:
    """Factor by which the motion may run faster until a joint limit is reached somewhere.

    Running k times faster multiplies velocities by k, accelerations by k^2 and jerks by k^3, so
    the factor follows from the peaks, measured on samples. These include both sides of every jump:
    of the profile's jerk, and of the curve's third derivative at its breaks.
    """
    piece, elapsed = _sample_places(curve, profile)
    s, rate, change, jerk = profile.within(piece, elapsed)
    _, first, second = curve.sample(s)
    third = curve.third_derivative(s)
    v, a, j = rate[:, None], change[:, None], jerk[:, None]
    speed = np.abs(first * v).max(axis=0) / limits.velocity
    bend = np.abs(second * (v * v) + first * a).max(axis=0) / limits.acceleration
    jolt = np.abs(third * v**3 + 3.0 * second * (v * a) + first * j).max(axis=0) / limits.jerk
    return float(1.0 / max(speed.max(), math.sqrt(bend.max()), math.cbrt(jolt.max())))


def _sample_places(curve: Curve, profile: Profile) -> tuple[NDArray[np.int64], Array]:
    """Profile pieces (n,) and times (n,) into them.

    The motion is smooth between the events at which a piece of the profile or of the curve ends;
    every such interval is sampled, next to its ends and evenly within.
    """
    knots, ends, total = curve.breaks[1:-1], profile.breaks, profile.duration_s
    coarse = np.linspace(0.0, total, 64)
    crossing = np.interp(knots, profile.sample(coarse)[0], coarse)
    for _ in range(2):
        at, rate, _ = profile.sample(crossing)
        crossing = np.clip(crossing - (at - knots) / np.maximum(rate, 1e-6), 0.0, total)
    events = np.sort(np.concatenate([ends, crossing]))
    times = (events[:-1, None] + np.diff(events)[:, None] * _PEAK_SHARES).reshape(-1)
    piece = np.searchsorted(ends[1:-1], times, side="right")
    return piece, times - ends[piece]


def concatenate(parts: Sequence[Trajectory]) -> Trajectory:
    """One trajectory from several that rest where the next one starts."""
    if not parts:
        raise SpecError("no trajectories to concatenate")
    breaks, times = [np.zeros(1)], [np.zeros(1)]
    coefficients, states, ceilings = [], [], []
    for k, part in enumerate(parts):
        if k and not np.allclose(parts[k - 1].end, part.start, rtol=0.0, atol=1e-9):
            raise SpecError("a trajectory does not start where the one before it ends")
        offset = float(breaks[-1][-1])
        shifted = part.profile.state.copy()
        shifted[:, 0] += offset
        states.append(shifted)
        ceilings.append(part.profile.ceiling + offset)
        times.append(part.profile.breaks[1:] + times[-1][-1])
        breaks.append(part.curve.breaks[1:] + offset)
        coefficients.append(part.curve.coefficients)
    curve = Curve(np.concatenate(breaks), np.concatenate(coefficients), parts[-1].end)
    profile = Profile(
        np.concatenate(times),
        np.concatenate(states),
        np.concatenate(ceilings),
        float(curve.breaks[-1]),
    )
    return Trajectory(curve, profile)
