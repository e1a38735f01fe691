"""Rigid transforms: position in metres and unit quaternion in wxyz order.

A pose ``a_from_b`` maps coordinates in frame b to frame a: ``p_a = a_from_b.apply(p_b)``, and
``a_from_c = a_from_b @ b_from_c``. Frames are right-handed with z up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def normalize(v: ArrayLike) -> Array:
    """Returns v (..., n) scaled to unit length along the last axis; zero vectors stay zero."""
    a = np.asarray(v, dtype=np.float64)
    if a.ndim == 1:
        length = math.sqrt(float(a @ a))
        return np.asarray(a / length if length > 0.0 else a.copy())
    n = np.linalg.norm(a, axis=-1, keepdims=True)
    return a / np.where(n > 0.0, n, 1.0)


# One pose at a time is the common case, and plain floats are five times faster than arrays there.
def _floats(v: ArrayLike) -> list[float]:
    flat: list[float] = np.asarray(v, dtype=np.float64).tolist()
    return flat


def _product(a: Sequence[float], b: Sequence[float]) -> tuple[float, float, float, float]:
    aw, ax, ay, az = a
    bw, bx, by, bz = b
    return (
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    )


def _rotated(q: Sequence[float], v: Sequence[float]) -> tuple[float, float, float]:
    w, x, y, z = q
    a, b, c = v
    tx, ty, tz = 2.0 * (y * c - z * b), 2.0 * (z * a - x * c), 2.0 * (x * b - y * a)
    return (
        a + w * tx + y * tz - z * ty,
        b + w * ty + z * tx - x * tz,
        c + w * tz + x * ty - y * tx,
    )


def _rows(q: Sequence[float]) -> list[list[float]]:
    w, x, y, z = q
    return [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]


def quat_multiply(a: ArrayLike, b: ArrayLike) -> Array:
    """Hamilton product of quaternions (..., 4), wxyz."""
    if np.ndim(a) == 1 and np.ndim(b) == 1:
        return np.array(_product(_floats(a), _floats(b)))
    aw, ax, ay, az = np.moveaxis(np.asarray(a, dtype=np.float64), -1, 0)
    bw, bx, by, bz = np.moveaxis(np.asarray(b, dtype=np.float64), -1, 0)
    return np.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=-1,
    )


def quat_conjugate(q: ArrayLike) -> Array:
    """Inverse of unit quaternions (..., 4), wxyz."""
    return np.asarray(np.asarray(q, dtype=np.float64) * np.array([1.0, -1.0, -1.0, -1.0]))


def quat_rotate(q: ArrayLike, v: ArrayLike) -> Array:
    """Rotates vectors v (..., 3) by unit quaternions q (..., 4), wxyz."""
    if np.ndim(q) == 1 and np.ndim(v) == 1:
        return np.array(_rotated(_floats(q), _floats(v)))
    a = np.asarray(q, dtype=np.float64)
    b = np.asarray(v, dtype=np.float64)
    t = 2.0 * np.cross(a[..., 1:], b)
    return b + a[..., :1] * t + np.cross(a[..., 1:], t)


def quat_from_axis_angle(axis: ArrayLike, angle_rad: float) -> Array:
    """Quaternion (4,) of a rotation about an axis (3,), which is normalised here."""
    half = 0.5 * angle_rad
    return np.concatenate([[math.cos(half)], math.sin(half) * normalize(axis)])


def quat_to_matrix(q: ArrayLike) -> Array:
    """Rotation matrices (..., 3, 3) of unit quaternions (..., 4), wxyz."""
    if np.ndim(q) == 1:
        return np.array(_rows(_floats(q)))
    w, x, y, z = np.moveaxis(np.asarray(q, dtype=np.float64), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(r, axis=-1) for r in rows], axis=-2)


def quat_from_matrix(matrix: ArrayLike) -> Array:
    """Unit quaternion (4,) wxyz, w >= 0, of one rotation matrix (3, 3).

    Shepperd's method: the largest of the four squared components is found first.
    """
    (a, b, c), (d, e, f), (g, h, i) = np.asarray(matrix, dtype=np.float64).tolist()
    trace = a + e + i
    largest = max(trace, a, e, i)
    if largest == trace:
        q = (1 + trace, h - f, c - g, d - b)
    elif largest == a:
        q = (h - f, 1 + a - e - i, b + d, c + g)
    elif largest == e:
        q = (c - g, b + d, 1 - a + e - i, f + h)
    else:
        q = (d - b, c + g, f + h, 1 - a - e + i)
    scale = math.copysign(1.0 / math.sqrt(sum(x * x for x in q)), q[0])
    return np.array([x * scale for x in q])


def quat_angle(a: ArrayLike, b: ArrayLike) -> float:
    """Angle in rad, in [0, pi], between two orientations (4,) wxyz."""
    d = quat_multiply(quat_conjugate(a), b)
    return float(2.0 * np.arctan2(np.linalg.norm(d[..., 1:]), abs(d[..., 0])))


def quat_slerp(a: ArrayLike, b: ArrayLike, t: float) -> Array:
    """Spherical interpolation (4,) from a (t = 0) to b (t = 1) along the shorter arc."""
    qa = np.asarray(a, dtype=np.float64)
    qb = np.asarray(b, dtype=np.float64)
    dot = float(qa @ qb)
    if dot < 0.0:
        qb, dot = -qb, -dot
    if dot > 1.0 - 1e-9:
        return normalize(qa + t * (qb - qa))
    angle = math.acos(min(1.0, dot))
    return (math.sin((1 - t) * angle) * qa + math.sin(t * angle) * qb) / math.sin(angle)


def quat_random(rng: np.random.Generator) -> Array:
    """Uniformly distributed unit quaternion (4,), by normalising a Gaussian."""
    return normalize(rng.standard_normal(4))


@dataclass(frozen=True, eq=False)
class Pose:
    """A rigid transform.

    Attributes:
        position: (3,) float64, metres.
        quat: (4,) float64 unit quaternion, wxyz.
    """

    position: Array
    quat: Array

    @classmethod
    def of(
        cls, position: Sequence[float] | Array, quat: Sequence[float] | Array = (1, 0, 0, 0)
    ) -> Pose:
        """Builds a pose from any sequences; the quaternion is normalised."""
        return cls(np.asarray(position, dtype=np.float64), normalize(quat))

    @classmethod
    def identity(cls) -> Pose:
        """The identity transform."""
        return cls(np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0]))

    @classmethod
    def from_matrix(cls, matrix: ArrayLike) -> Pose:
        """Pose of a homogeneous matrix (4, 4)."""
        m = np.asarray(matrix, dtype=np.float64)
        return cls(m[:3, 3].copy(), quat_from_matrix(m[:3, :3]))

    @classmethod
    def from_yaw(cls, position: Sequence[float] | Array, yaw_rad: float) -> Pose:
        """Pose at a position (3,), rotated about +z."""
        half = 0.5 * yaw_rad
        return cls.of(position, (math.cos(half), 0.0, 0.0, math.sin(half)))

    def matrix(self) -> Array:
        """Homogeneous matrix (4, 4)."""
        m = np.eye(4)
        m[:3, :3] = quat_to_matrix(self.quat)
        m[:3, 3] = self.position
        return m

    def rotation(self) -> Array:
        """Rotation matrix (3, 3)."""
        return quat_to_matrix(self.quat)

    def inverse(self) -> Pose:
        """b_from_a of this a_from_b."""
        q = quat_conjugate(self.quat)
        return Pose(-quat_rotate(q, self.position), q)

    def apply(self, points: ArrayLike) -> Array:
        """Maps points (..., 3) of frame b to frame a."""
        return np.asarray(points, dtype=np.float64) @ self.rotation().T + self.position

    def __matmul__(self, other: Pose) -> Pose:
        return Pose(
            self.position + quat_rotate(self.quat, other.position),
            normalize(quat_multiply(self.quat, other.quat)),
        )

    def vector(self) -> Array:
        """(7,) float64: xyz then wxyz."""
        return np.concatenate([self.position, self.quat])

    @classmethod
    def from_vector(cls, v: ArrayLike) -> Pose:
        """Pose of a (7,) xyz + wxyz vector."""
        a = np.asarray(v, dtype=np.float64)
        return cls(a[:3].copy(), normalize(a[3:7]))

    def interpolate(self, other: Pose, t: float) -> Pose:
        """Straight line in position and slerp in orientation, t in [0, 1]."""
        return Pose(
            (1 - t) * self.position + t * other.position, quat_slerp(self.quat, other.quat, t)
        )
