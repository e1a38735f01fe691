"""Cartesian paths of the tool: straight lines and constant screws, as dense pose arrays.

A path is (n, 7) float64: xyz in metres and a unit quaternion wxyz, world_from_tcp, at evenly spaced
values of the path parameter.
"""

from __future__ import annotations

import math

import numpy as np

from datafactory.geometry import Array, Pose, quat_angle, quat_multiply, quat_rotate


def pose_distance(a: Pose, b: Pose) -> tuple[float, float]:
    """Distance in metres and angle in rad between two poses."""
    return float(np.linalg.norm(b.position - a.position)), quat_angle(a.quat, b.quat)


def step_count(a: Pose, b: Pose, step_m: float, step_rad: float) -> int:
    """Number of poses (>= 2) so that neighbours are within both steps on the straight path."""
    distance, angle = pose_distance(a, b)
    return 1 + max(1, math.ceil(distance / step_m), math.ceil(angle / step_rad))


def straight_path(a: Pose, b: Pose, n: int) -> Array:
    """Poses (n, 7) with a straight line in position and slerp along the shorter arc."""
    t = np.linspace(0.0, 1.0, n)[:, None]
    path = np.empty((n, 7))
    path[:, :3] = a.position + t * (b.position - a.position)
    end = b.quat if float(a.quat @ b.quat) >= 0.0 else -b.quat
    half_angle = 0.5 * quat_angle(a.quat, end)
    if half_angle < 1e-6:
        mixed = a.quat + t * (end - a.quat)
        path[:, 3:] = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    else:
        weights = np.sin((1.0 - t) * half_angle), np.sin(t * half_angle)
        path[:, 3:] = (weights[0] * a.quat + weights[1] * end) / math.sin(half_angle)
    return path


def screw_path(a: Pose, b: Pose, n: int) -> Array:
    """Poses (n, 7) along the constant screw that carries a to b (Chasles' theorem).

    The motion a exp(t log(a^-1 b)) turns about and slides along one fixed axis, so it also follows
    hinges and screw caps. Exponential coordinates as in R. Murray, Z. Li and S. Sastry, "A
    Mathematical Introduction to Robotic Manipulation", 1994, chapter 2. A relative rotation of
    half a turn has two shortest screws; the quaternion's sign decides.
    """
    relative = a.inverse() @ b
    quat = relative.quat if relative.quat[0] >= 0.0 else -relative.quat
    sine = float(np.linalg.norm(quat[1:]))
    angle = 2.0 * math.atan2(sine, float(quat[0]))
    if angle < 1e-7:
        return straight_path(a, b, n)
    axis = quat[1:] / sine
    shift = relative.position
    slide = float(axis @ shift)
    across = shift - slide * axis
    centre = 0.5 * (across + np.cross(axis, across) / math.tan(0.5 * angle))
    t = np.linspace(0.0, 1.0, n)[:, None]
    turns = np.concatenate([np.cos(0.5 * angle * t), np.sin(0.5 * angle * t) * axis], axis=1)
    moved = centre - quat_rotate(turns, centre) + t * slide * axis
    path = np.empty((n, 7))
    path[:, :3] = a.position + quat_rotate(a.quat, moved)
    path[:, 3:] = quat_multiply(a.quat, turns)
    return path
