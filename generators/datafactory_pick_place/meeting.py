"""Tool paths that meet, accompany and lift an object that moves at constant velocity.

A path is drawn in the object's frame (how far the tool is drawn back, how far it is ahead) and
then added to the object's predicted motion. All blends are the quintic of T. Flash and N. Hogan,
"The Coordination of Arm Movements", J. Neuroscience 5(7), 1985: rest at both ends, continuous
acceleration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datafactory.geometry import Array, Pose
from datafactory_pick_place.poses import APPROACH_M

SYNC_S = 0.5
"""Time in which the tool takes up the object's speed."""
DESCENT_FROM_S = 0.3
"""The tool starts towards the object when it has taken up a third of its speed."""
DESCENT_S = 0.8
MEET_S = DESCENT_FROM_S + DESCENT_S
"""Time from the start of the path until the tool is at the grasp."""
CLOSING_S = 0.75
"""So long the tool accompanies the object at most while the fingers close."""
SLOWING_FROM_S = 0.4
SLOWING_S = 0.6
"""The tool rises with the object before it slows down: what follows on the belt does not stop."""
RISE_S = 1.0
RISE_M = 0.14


@dataclass(frozen=True, eq=False)
class Track:
    """Joint positions sampled evenly in time, linear in between.

    Attributes:
        step_s: Time between samples.
        q: (n, dof) joint positions, rad.
    """

    step_s: float
    q: Array

    @property
    def duration_s(self) -> float:
        """Time of the last sample."""
        return self.step_s * (len(self.q) - 1)

    def positions(self, times: Array) -> Array:
        """(m, dof) positions at times (m,) in s; the ends beyond them."""
        at = np.clip(times / self.step_s, 0.0, len(self.q) - 1.0)
        low = np.minimum(at.astype(np.int64), len(self.q) - 2)
        share = (at - low)[:, None]
        return np.asarray((1.0 - share) * self.q[low] + share * self.q[low + 1])

    def peaks(self) -> tuple[Array, Array]:
        """Largest speeds (dof,) rad/s and accelerations (dof,) rad/s^2, by differences."""
        speed = np.diff(self.q, axis=0) / self.step_s
        change = np.diff(speed, axis=0) / self.step_s
        return np.abs(speed).max(axis=0), np.abs(change).max(axis=0)


def blend(t: Array) -> Array:
    """Rises from 0 at t <= 0 to 1 at t >= 1."""
    t = np.clip(t, 0.0, 1.0)
    return np.asarray(t**3 * (10.0 - 15.0 * t + 6.0 * t * t))


def blended_distance(t: Array) -> Array:
    """Integral of ``blend``: distance of what takes up unit speed between t = 0 and 1."""
    inside = np.clip(t, 0.0, 1.0)
    return np.asarray(inside**4 * (2.5 - 3.0 * inside + inside * inside) + np.maximum(t - 1.0, 0.0))


def times(duration_s: float, step_s: float) -> Array:
    """(n,) evenly spaced times from 0 that cover a duration."""
    count = int(np.ceil(duration_s / step_s - 1e-9)) + 1
    return np.arange(count, dtype=np.float64) * step_s


def meeting_poses(grasp: Pose, velocity: Array, t: Array, offset: Array) -> Array:
    """world_from_tcp (n, 7) of a tool that starts at rest, meets an object and stays with it.

    Args:
        grasp: world_from_tcp of the grasp at t = 0; it moves with the object.
        velocity: (3,) of the object, m/s.
        t: (n,) times, s. The tool is at the grasp from ``MEET_S`` on.
        offset: (3,) where the tool really starts, from where this path does, metres; made up for
            while it takes up speed.
    """
    ahead = 0.5 * SYNC_S + SYNC_S * blended_distance(t / SYNC_S)
    back = APPROACH_M * (1.0 - blend((t - DESCENT_FROM_S) / DESCENT_S))
    position = grasp.position + ahead[:, None] * velocity
    position -= back[:, None] * grasp.rotation()[:, 2]
    position += (1.0 - blend(t / SYNC_S))[:, None] * offset
    return np.column_stack([position, np.tile(grasp.quat, (len(t), 1))])


def waiting_pose(grasp: Pose, velocity: Array) -> Pose:
    """world_from_tcp at which such a tool starts."""
    return Pose.from_vector(meeting_poses(grasp, velocity, np.zeros(1), np.zeros(3))[0])


def leaving_poses(tcp: Pose, velocity: Array, t: Array, direction: Array) -> Array:
    """world_from_tcp (n, 7) of a tool that leaves a moving surface and comes to rest.

    Args:
        tcp: world_from_tcp at t = 0.
        velocity: (3,) of the tool at t = 0, m/s; lost within ``SLOWING_S`` of ``SLOWING_FROM_S``.
        t: (n,) times, s.
        direction: (3,) unit vector along which it rises by ``RISE_M`` within ``RISE_S``.
    """
    run = t - SLOWING_S * blended_distance((t - SLOWING_FROM_S) / SLOWING_S)
    rise = RISE_M * blend(t / RISE_S)
    position = tcp.position + run[:, None] * velocity + rise[:, None] * direction
    return np.column_stack([position, np.tile(tcp.quat, (len(t), 1))])
