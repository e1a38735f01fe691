"""Deterministic points spread over the volume of convex collision shapes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.spatial import ConvexHull

from datafactory.geometry import Array, quat_rotate
from datafactory_assets.asset import Shape

TOTAL = 96
LEAST_PER_SHAPE = 3


def volume_samples(shapes: Sequence[Shape]) -> Array:
    """Points (n, 3), object frame, about 96 in all, shared by volume between the shapes."""
    volumes = np.array([shape_volume(shape) for shape in shapes])
    counts = np.maximum(LEAST_PER_SHAPE, np.rint(TOTAL * volumes / volumes.sum())).astype(int)
    parts = []
    for shape, count in zip(shapes, counts, strict=True):
        local = _inside(shape, _halton(int(count)))
        parts.append(quat_rotate(np.array(shape.quat), local) + shape.position)
    return np.concatenate(parts)


def shape_volume(shape: Shape) -> float:
    """Volume of one shape, m^3."""
    s = shape.size
    if shape.kind == "box":
        return 8.0 * s[0] * s[1] * s[2]
    if shape.kind == "cylinder":
        return 2.0 * math.pi * s[0] ** 2 * s[1]
    if shape.kind == "sphere":
        return 4.0 / 3.0 * math.pi * s[0] ** 3
    if shape.kind == "capsule":
        return math.pi * s[0] ** 2 * (2.0 * s[1] + 4.0 / 3.0 * s[0])
    if shape.kind == "ellipsoid":
        return 4.0 / 3.0 * math.pi * s[0] * s[1] * s[2]
    return float(ConvexHull(np.array(shape.vertices)).volume)


def _halton(n: int) -> Array:
    """(n, 4) quasi-random numbers in [0, 1): radical inverses in bases 2, 3, 5, 7."""
    out = np.zeros((n, 4))
    for column, prime in enumerate((2, 3, 5, 7)):
        index, scale = np.arange(1, n + 1), 1.0 / prime
        while index.any():
            out[:, column] += (index % prime) * scale
            index, scale = index // prime, scale / prime
    return out


def _inside(shape: Shape, u: Array) -> Array:
    """Maps quasi-random numbers (n, 4) into the shape's volume, shape frame."""
    s = shape.size
    if shape.kind == "box":
        return (2.0 * u[:, :3] - 1.0) * np.array(s, dtype=np.float64)
    if shape.kind == "cylinder":
        return np.column_stack([_disc(u) * s[0], (2.0 * u[:, 2] - 1.0) * s[1]])
    if shape.kind == "sphere":
        return _ball(u) * np.float64(s[0])
    if shape.kind == "ellipsoid":
        return _ball(u) * np.array(s, dtype=np.float64)
    if shape.kind == "capsule":
        share = 2.0 * s[1] / (2.0 * s[1] + 4.0 / 3.0 * s[0])
        tube = np.column_stack([_disc(u) * s[0], (2.0 * u[:, 2] - 1.0) * s[1]])
        cap = _ball(u) * s[0]
        cap[:, 2] += np.where(cap[:, 2] >= 0.0, s[1], -s[1])
        return np.where(u[:, 3:] < share, tube, cap)
    return _in_hull(np.array(shape.vertices), u)


def _disc(u: Array) -> Array:
    """(n, 2) uniform over the unit disc."""
    r, angle = np.sqrt(u[:, 0]), 2.0 * math.pi * u[:, 1]
    return np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)


def _ball(u: Array) -> Array:
    """(n, 3) uniform over the unit ball."""
    z, angle = 2.0 * u[:, 0] - 1.0, 2.0 * math.pi * u[:, 1]
    flat = np.sqrt(1.0 - z * z)
    direction = np.stack([flat * np.cos(angle), flat * np.sin(angle), z], axis=1)
    return direction * np.cbrt(u[:, 2:3])


def _in_hull(vertices: Array, u: Array) -> Array:
    """(n, 3) uniform over the hull of vertices (k, 3), by tetrahedra around their mean."""
    hull = ConvexHull(vertices)
    apex = vertices.mean(axis=0)
    corners = vertices[hull.simplices] - apex
    volumes = np.abs(np.linalg.det(corners))
    edges = np.cumsum(volumes)
    pick = np.minimum(np.searchsorted(edges, u[:, 3] * edges[-1]), len(edges) - 1)
    a, b, c = np.sort(u[:, :3], axis=1).T
    weights = np.stack([a, b - a, c - b], axis=1)
    points: Array = apex + np.einsum("nk,nkd->nd", weights, corners[pick])
    return points
