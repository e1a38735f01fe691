"""Intersection of straight lines with convex collision pieces, and their surface normals.

A line meets a convex piece in one interval, in closed form for every primitive: slabs for boxes, a
quadratic for round sides, half-spaces for hulls. That is all antipodal sampling needs; no mesh.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datafactory.geometry import quat_to_matrix
from datafactory_assets.asset import Shape

Array = NDArray[np.float64]
_FAR = 1e9


@lru_cache(maxsize=2048)
def hull_planes(vertices: tuple[tuple[float, float, float], ...]) -> tuple[Array, Array]:
    """Outward unit normals (f, 3) and offsets (f,) of a convex hull: n·x <= offset inside."""
    from scipy.spatial import ConvexHull

    equations = ConvexHull(np.array(vertices)).equations
    return equations[:, :3].copy(), -equations[:, 3]


def _slabs(p: Array, d: Array, half: Array) -> tuple[Array, Array]:
    """Interval inside |x_i| <= half_i; p, d (n, k), half (k,)."""
    safe = np.where(np.abs(d) < 1e-12, 1e-12, d)
    a, b = (-half - p) / safe, (half - p) / safe
    return np.minimum(a, b).max(axis=1), np.maximum(a, b).min(axis=1)


def _quadratic(p: Array, d: Array, radius: float) -> tuple[Array, Array]:
    """Interval inside |x| <= radius over the given components; p, d (n, k)."""
    a = np.einsum("ij,ij->i", d, d)
    b = np.einsum("ij,ij->i", p, d)
    c = np.einsum("ij,ij->i", p, p) - radius * radius
    flat = a < 1e-12
    root = b * b - np.where(flat, 1.0, a) * c
    span = np.sqrt(np.maximum(root, 0.0))
    scale = np.where(flat, 1.0, a)
    low, high = (-b - span) / scale, (-b + span) / scale
    miss = np.where(flat, c > 0.0, root < 0.0)
    low = np.where(flat, -_FAR, low)
    high = np.where(flat, _FAR, high)
    return np.where(miss, _FAR, low), np.where(miss, -_FAR, high)


def _local_interval(shape: Shape, p: Array, d: Array) -> tuple[Array, Array]:
    if shape.kind == "box":
        return _slabs(p, d, np.array(shape.size))
    if shape.kind == "sphere":
        return _quadratic(p, d, shape.size[0])
    if shape.kind == "ellipsoid":
        axes = np.array(shape.size)
        return _quadratic(p / axes, d / axes, 1.0)
    if shape.kind == "convex":
        normals, offsets = hull_planes(shape.vertices)
        rate, gap = d @ normals.T, offsets - p @ normals.T
        safe = np.where(np.abs(rate) < 1e-12, 1e-12, rate)
        t = gap / safe
        low = np.where(rate < 0, t, -_FAR).max(axis=1)
        return low, np.where(rate > 0, t, _FAR).min(axis=1)
    radius, half = shape.size
    round_low, round_high = _quadratic(p[:, :2], d[:, :2], radius)
    flat_low, flat_high = _slabs(p[:, 2:], d[:, 2:], np.array([half]))
    low, high = np.maximum(round_low, flat_low), np.minimum(round_high, flat_high)
    if shape.kind == "cylinder":
        return low, high
    miss = low > high
    low, high = np.where(miss, _FAR, low), np.where(miss, -_FAR, high)
    for z in (-half, half):  # a capsule is a cylinder with two spherical ends
        end_low, end_high = _quadratic(p - np.array([0.0, 0.0, z]), d, radius)
        low, high = np.minimum(low, end_low), np.maximum(high, end_high)
    return low, high


def _local_normal(shape: Shape, x: Array) -> Array:
    """Outward unit normals (n, 3) at surface points (n, 3) in the piece's frame."""
    if shape.kind == "box":
        share = np.abs(x) / np.array(shape.size)
        axis = share.argmax(axis=1)
        n = np.zeros_like(x)
        rows = np.arange(len(x))
        n[rows, axis] = np.sign(x[rows, axis])
        return n
    if shape.kind == "convex":
        normals, offsets = hull_planes(shape.vertices)
        return np.asarray(normals[np.abs(offsets - x @ normals.T).argmin(axis=1)])
    if shape.kind == "cylinder":
        radius, half = shape.size
        side = np.hypot(x[:, 0], x[:, 1]) / radius >= np.abs(x[:, 2]) / half
        n = np.where(
            side[:, None], x * np.array([1.0, 1.0, 0.0]), np.sign(x) * np.array([0.0, 0.0, 1.0])
        )
    elif shape.kind == "capsule":
        n = x - np.clip(x, -shape.size[1], shape.size[1]) * np.array([0.0, 0.0, 1.0])
    elif shape.kind == "ellipsoid":
        n = x / np.square(np.array(shape.size))
    else:
        n = x
    return np.asarray(n / np.maximum(np.linalg.norm(n, axis=1, keepdims=True), 1e-12))


def intervals(shapes: tuple[Shape, ...], origins: Array, directions: Array) -> tuple[Array, Array]:
    """Intersects lines with every piece.

    Args:
        shapes: k convex pieces.
        origins: (n, 3) points of the lines, object frame, metres.
        directions: (n, 3) unit directions.

    Returns:
        (n, k) entry and exit parameters in metres; entry > exit where a line misses.
    """
    low = np.empty((len(origins), len(shapes)))
    high = np.empty_like(low)
    for k, shape in enumerate(shapes):
        rotation = quat_to_matrix(shape.quat)
        p = (origins - np.array(shape.position)) @ rotation
        low[:, k], high[:, k] = _local_interval(shape, p, directions @ rotation)
    return low, high


def normals(shapes: tuple[Shape, ...], index: NDArray[np.int64], points: Array) -> Array:
    """Outward unit normals (n, 3) at points (n, 3) on the surface of piece ``index`` (n,)."""
    result = np.zeros_like(points)
    for k in np.unique(index):
        shape = shapes[k]
        rows = index == k
        rotation = quat_to_matrix(shape.quat)
        local = (points[rows] - np.array(shape.position)) @ rotation
        result[rows] = _local_normal(shape, local) @ rotation.T
    return result


def surface_points(
    shapes: tuple[Shape, ...], count: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Samples points and outward normals (count, 3) on the outside of a union of pieces.

    Lines through random interior points of randomly drawn pieces (by bounding volume) are
    followed to where they leave the piece; points inside another piece are dropped and redrawn,
    at most four times.
    """
    kept_p: list[Array] = []
    kept_n: list[Array] = []
    total = 0
    weight = np.array([_bounding_volume(s) ** (2.0 / 3.0) for s in shapes])
    centers = np.array([s.position for s in shapes])
    halves = np.array([_half_extent(s) for s in shapes])
    rotations = quat_to_matrix(np.array([s.quat for s in shapes]))
    for _ in range(4):
        index = rng.choice(len(shapes), size=2 * count, p=weight / weight.sum())
        direction = rng.standard_normal((2 * count, 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        local = rng.uniform(-0.95, 0.95, (2 * count, 3)) * halves[index]
        start = centers[index] + np.einsum("nij,nj->ni", rotations[index], local)
        low, high = intervals(shapes, start, direction)
        rows = np.arange(2 * count)
        exit_t = high[rows, index]
        good = (low[rows, index] < exit_t) & (exit_t > 0)
        point = start + exit_t[:, None] * direction
        buried = (low < exit_t[:, None] - 1e-5) & (high > exit_t[:, None] + 1e-5)
        good &= ~buried.any(axis=1)
        kept_p.append(point[good])
        kept_n.append(normals(shapes, index[good], point[good]))
        total += int(good.sum())
        if total >= count:
            break
    return np.concatenate(kept_p)[:count], np.concatenate(kept_n)[:count]


def _half_extent(shape: Shape) -> tuple[float, float, float]:
    if shape.kind in ("box", "ellipsoid"):
        return (shape.size[0], shape.size[1], shape.size[2])
    if shape.kind == "sphere":
        return (shape.size[0],) * 3
    if shape.kind == "convex":
        half = np.abs(np.array(shape.vertices)).max(axis=0)
        return (float(half[0]), float(half[1]), float(half[2]))
    return (shape.size[0], shape.size[0], shape.size[1])


def _bounding_volume(shape: Shape) -> float:
    x, y, z = _half_extent(shape)
    return 8.0 * x * y * z
