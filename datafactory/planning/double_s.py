"""Jerk-limited motion along one coordinate: the double-S (seven-segment) velocity profile.

Formulas after L. Biagiotti and C. Melchiorri, "Trajectory Planning for Automatic Machines and
Robots", 2008, section 3.4. A profile starts and ends with zero acceleration; between them it is the
fastest within its velocity, acceleration and jerk limits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datafactory.geometry import Array

Phase = tuple[float, float]
"""Duration in s, and the constant jerk in units/s^3."""

_BISECTIONS = 60


@dataclass(frozen=True)
class Bounds:
    """Limits on the path coordinate's rate, its acceleration and its jerk, all positive."""

    velocity: float
    acceleration: float
    jerk: float


def ramp_time(change: float, bounds: Bounds) -> float:
    """Shortest time in s to change velocity by ``change``, with zero acceleration at both ends."""
    a, j, dv = bounds.acceleration, bounds.jerk, abs(change)
    return dv / a + a / j if dv * j >= a * a else 2.0 * math.sqrt(dv / j)


def ramp_distance(v0: float, v1: float, bounds: Bounds) -> float:
    """Distance covered by the shortest velocity change; the profile is point-symmetric."""
    return 0.5 * (v0 + v1) * ramp_time(v1 - v0, bounds)


def ramp(v0: float, v1: float, bounds: Bounds) -> list[Phase]:
    """Phases of the shortest velocity change."""
    if v0 == v1:
        return []
    total = ramp_time(v1 - v0, bounds)
    rise = min(bounds.acceleration / bounds.jerk, 0.5 * total)
    hold = total - 2.0 * rise
    jerk = (v1 - v0) / (rise * (total - rise))
    return [(rise, jerk), (hold, 0.0), (rise, -jerk)]


def reachable_velocity(v0: float, distance: float, bounds: Bounds) -> float:
    """Largest velocity reachable from v0 within a distance, both ends without acceleration."""
    a, j = bounds.acceleration, bounds.jerk
    if distance <= 0.0:
        return v0
    b = v0 + 0.5 * a * a / j
    c = 2.0 * (v0 * a * a / j - distance * a)
    gain = -b + math.sqrt(max(0.0, b * b - c))
    if gain * j < a * a:
        goal, p = distance * math.sqrt(j), 2.0 * v0
        root = math.cbrt(0.5 * goal + math.sqrt(0.25 * goal * goal + p * p * p / 27.0))
        y = root - p / (3.0 * root)
        y -= (y * (y * y + p) - goal) / (3.0 * y * y + p)
        gain = y * y
    return v0 + gain


def rest_to_rest_peak(distance: float, bounds: Bounds) -> float:
    """Peak velocity of the fastest rest-to-rest profile, ignoring the velocity limit."""
    a, j = bounds.acceleration, bounds.jerk
    ratio = a / j
    peak = 0.5 * a * (math.sqrt(ratio * ratio + 4.0 * distance / a) - ratio)
    return peak if peak * j >= a * a else math.cbrt(0.25 * distance * distance * j)


def _peak(distance: float, v0: float, v1: float, bounds: Bounds) -> float:
    """Highest velocity <= the limit from which v1 can still be reached in time."""
    if v0 == 0.0 == v1:
        return min(bounds.velocity, rest_to_rest_peak(distance, bounds))
    low, high = max(v0, v1), bounds.velocity

    def needed(peak: float) -> float:
        return ramp_distance(v0, peak, bounds) + ramp_distance(peak, v1, bounds)

    if needed(high) <= distance:
        return high
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        if needed(middle) <= distance:
            low = middle
        else:
            high = middle
    return low


def phases(distance: float, v0: float, v1: float, bounds: Bounds) -> list[Phase]:
    """Phases of the fastest motion over a distance from velocity v0 to v1.

    Args:
        distance: Length > 0, at least ``ramp_distance(v0, v1)`` up to rounding.
        v0: Velocity at the start, between 0 and the limit.
        v1: Velocity at the end, between 0 and the limit.
        bounds: Limits.
    """
    peak = _peak(distance, v0, v1, bounds)
    used = ramp_distance(v0, peak, bounds) + ramp_distance(peak, v1, bounds)
    cruise = max(0.0, (distance - used) / peak)
    return [*ramp(v0, peak, bounds), (cruise, 0.0), *ramp(peak, v1, bounds)]


def rest_to_rest_time(distance: Array, velocity: Array, acceleration: Array, jerk: Array) -> Array:
    """Durations (n,) in s of rest-to-rest profiles, elementwise over limits (n,)."""
    ratio = acceleration / jerk
    peak = 0.5 * acceleration * (np.sqrt(ratio * ratio + 4.0 * distance / acceleration) - ratio)
    short = peak * jerk < acceleration * acceleration
    peak = np.where(short, np.cbrt(0.25 * distance * distance * jerk), peak)
    peak = np.minimum(peak, velocity)
    held = peak * jerk >= acceleration * acceleration
    rise = np.where(held, peak / acceleration + ratio, 2.0 * np.sqrt(peak / jerk))
    return np.asarray(rise + distance / peak)


@dataclass(frozen=True, eq=False)
class Profile:
    """A path coordinate as a function of time: cubic pieces of constant jerk.

    Attributes:
        breaks: (k + 1,) increasing times from 0, s.
        state: (k, 4) position, velocity, acceleration and jerk at the start of each piece.
        ceiling: (k,) position that each piece must stay below; keeps rounding from carrying a
            position over a corner of the path, where the direction changes.
        end: Position at the end; velocity and acceleration are zero there.
    """

    breaks: Array
    state: Array
    ceiling: Array
    end: float

    @property
    def duration_s(self) -> float:
        """Time from start to rest, s."""
        return float(self.breaks[-1])

    def sample(self, times: Array) -> tuple[Array, Array, Array]:
        """Position, velocity and acceleration (n,) at times (n,), clipped to the duration."""
        inside = np.clip(times, 0.0, self.breaks[-1])
        piece = np.searchsorted(self.breaks[1:-1], inside, side="right")
        position, velocity, acceleration, _ = self.within(piece, inside - self.breaks[piece])
        done = times >= self.breaks[-1]
        position[done], velocity[done], acceleration[done] = self.end, 0.0, 0.0
        return position, velocity, acceleration

    def within(self, piece: NDArray[np.int64], t: Array) -> tuple[Array, Array, Array, Array]:
        """Position, velocity, acceleration and jerk (n,), a time t (n,) into given pieces (n,)."""
        s, v, a, j = self.state[piece].T
        position = s + t * (v + t * (0.5 * a + t * (j / 6.0)))
        position = np.minimum(position, np.nextafter(self.ceiling[piece], -np.inf))
        return position, v + t * (a + t * (0.5 * j)), a + t * j, j

    def peak_velocity(self) -> float:
        """Largest velocity; it is reached where a piece starts."""
        return float(self.state[:, 1].max())

    def faster(self, rate: float) -> Profile:
        """The same motion, ``rate`` times as fast."""
        scale = np.array([1.0, rate, rate**2, rate**3])
        return Profile(self.breaks / rate, self.state * scale, self.ceiling, self.end)


def join(pieces: list[tuple[float, float, list[Phase]]], end: float) -> Profile:
    """Strings phases together.

    Args:
        pieces: Per piece, in order: position and velocity at its start (so that rounding never
            builds up; the acceleration there is zero) and its phases.
        end: Position at the end, where the motion rests.
    """
    breaks: list[float] = [0.0]
    state: list[tuple[float, float, float, float]] = []
    ceiling: list[float] = []
    for k, (position, velocity, parts) in enumerate(pieces):
        s, v, a = position, velocity, 0.0
        for t, j in parts:
            if t <= 0.0:
                continue
            state.append((s, v, a, j))
            ceiling.append(pieces[k + 1][0] if k + 1 < len(pieces) else end)
            breaks.append(breaks[-1] + t)
            s += t * (v + t * (0.5 * a + t * (j / 6.0)))
            v += t * (a + t * (0.5 * j))
            a += t * j
    if not state:
        return Profile(np.zeros(2), np.array([[end, 0.0, 0.0, 0.0]]), np.full(1, end), end)
    return Profile(np.array(breaks), np.array(state), np.array(ceiling), end)
