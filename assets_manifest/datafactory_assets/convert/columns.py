"""A solid seen from above: its upper side on a grid, hollows that hold things, and flat tops.

A hollow is where water would stay: the upper side is filled up to the lowest way out (priority
flood; Barnes, Lehman and Mulla, Computers and Geosciences 62, 2014). Everything found is
conservative: outlines lie inside what is free.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull

from datafactory_assets.asset import Array, Cavity, SupportSurface

CELLS = 112
"""Cells across the longer side of the footprint."""
LEVELS = 8
MIN_RADIUS_M = 0.012
MIN_DEPTH_M = 0.008
SHALLOW_M = 0.03
"""A floor this near below the rim counts as open above."""
FLAT_M = 0.0008
_SIDES = 16
_FLOOR_RADIUS_M = 0.006
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class HeightField:
    """Upper side of a solid.

    Attributes:
        x: (n,) cell centres, metres.
        y: (m,) cell centres, metres.
        top: (n, m) greatest height of the solid; -inf where there is none.
    """

    x: Array
    y: Array
    top: Array

    @property
    def cell_m(self) -> float:
        """Edge of a cell."""
        return float(self.x[1] - self.x[0])

    def points(self, mask: Mask) -> Array:
        """(k, 2) centres of the cells of a mask."""
        i, j = np.nonzero(mask)
        return np.stack([self.x[i], self.y[j]], axis=1)


@dataclass(frozen=True)
class Outline:
    """A centred circle or rectangle: ``half`` is (radius,) or (half u, half v), turned by yaw."""

    centre: tuple[float, float]
    half: tuple[float, ...]
    yaw_rad: float = 0.0

    @property
    def radius(self) -> float:
        """Radius of the largest circle about the centre that fits."""
        return min(self.half)

    @property
    def area(self) -> float:
        """Area of the polygon, m^2."""
        if len(self.half) == 1:
            return 0.5 * _SIDES * math.sin(2.0 * math.pi / _SIDES) * self.half[0] ** 2
        return 4.0 * self.half[0] * self.half[1]

    def polygon(self) -> tuple[tuple[float, float], ...]:
        """Corners, counter-clockwise, rounded to a nanometre."""
        if len(self.half) == 1:
            angle = 2.0 * np.pi * np.arange(_SIDES) / _SIDES
            local = self.half[0] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        else:
            a, b = self.half
            local = np.array([(-a, -b), (a, -b), (a, b), (-a, b)])
        c, s = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        turned = local @ np.array([[c, s], [-s, c]]) + np.array(self.centre)
        return tuple((round(float(u), 9), round(float(v), 9)) for u, v in turned)


def height_field(hulls: Sequence[Array], triangles: Array) -> HeightField:
    """Upper side of convex pieces and of the mesh they stand for, whichever is higher.

    Args:
        hulls: Vertices (n, 3) of every piece.
        triangles: (m, 3, 3) corners of the mesh.
    """
    corners = np.concatenate([*hulls, triangles.reshape(-1, 3)])
    low, high = corners[:, :2].min(axis=0), corners[:, :2].max(axis=0)
    cell = float((high - low).max()) / CELLS
    x, y = (
        np.arange(low[k] - 1.5 * cell, high[k] + 2.0 * cell, cell) + 0.01 * cell for k in (0, 1)
    )
    top = np.full((len(x), len(y)), -np.inf)
    for points in hulls:
        _raise_hull(top, x, y, points)
    for triangle in triangles:
        _raise_triangle(top, x, y, triangle)
    return HeightField(x, y, top)


def _window(x: Array, low: float, high: float) -> slice:
    return slice(int(np.searchsorted(x, low)), int(np.searchsorted(x, high, side="right")))


def _raise_hull(top: Array, x: Array, y: Array, points: Array) -> None:
    equations = ConvexHull(points).equations
    a, b = (_window(axis, points[:, k].min(), points[:, k].max()) for k, axis in enumerate((x, y)))
    if a.start == a.stop or b.start == b.stop:
        return
    gx, gy = np.meshgrid(x[a], y[b], indexing="ij")
    gap = -(equations[:, 3] + gx[..., None] * equations[:, 0] + gy[..., None] * equations[:, 1])
    nz = equations[:, 2]
    safe = np.where(np.abs(nz) < 1e-9, 1.0, nz)
    z = gap / safe
    upper = np.where(nz > 1e-9, z, np.inf).min(axis=-1)
    lower = np.where(nz < -1e-9, z, -np.inf).max(axis=-1)
    beside = np.where(np.abs(nz) <= 1e-9, gap < -1e-12, False).any(axis=-1)
    height = np.where((upper >= lower) & ~beside, upper, -np.inf)
    top[a, b] = np.maximum(top[a, b], height)


def _raise_triangle(top: Array, x: Array, y: Array, t: Array) -> None:
    a, b = (_window(axis, t[:, k].min(), t[:, k].max()) for k, axis in enumerate((x, y)))
    if a.start == a.stop or b.start == b.stop:
        return
    (ux, uy), (vx, vy) = t[1, :2] - t[0, :2], t[2, :2] - t[0, :2]
    area = ux * vy - uy * vx
    if abs(area) < 1e-14:
        return
    px, py = (x[a] - t[0, 0])[:, None], (y[b] - t[0, 1])[None, :]
    u, v = (px * vy - py * vx) / area, (py * ux - px * uy) / area
    inside = (u >= 0.0) & (v >= 0.0) & (u + v <= 1.0)
    z = t[0, 2] + u * (t[1, 2] - t[0, 2]) + v * (t[2, 2] - t[0, 2])
    top[a, b] = np.where(inside, np.maximum(top[a, b], z), top[a, b])


def water_level(top: Array) -> Array:
    """(n, m) height water would stand at: the lowest way out over the border, at least ``top``."""
    level = np.full(top.shape, np.inf)
    n, m = top.shape
    border = [(i, j) for i in range(n) for j in range(m) if i in (0, n - 1) or j in (0, m - 1)]
    heap = [(float(top[p]), p) for p in border]
    for height, p in heap:
        level[p] = height
    heapq.heapify(heap)
    while heap:
        height, (i, j) = heapq.heappop(heap)
        for p in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
            if 0 <= p[0] < n and 0 <= p[1] < m and level[p] == np.inf:
                level[p] = max(height, float(top[p]))
                heapq.heappush(heap, (level[p], p))
    return level


def find_cavity(field: HeightField) -> Cavity | None:
    """The largest hollow that is open above, as deep and wide as ``MIN_DEPTH_M, MIN_RADIUS_M``."""
    solid = np.isfinite(field.top)
    level = water_level(field.top)
    depth = np.where(solid, level - np.where(solid, field.top, 0.0), 0.0)
    depth = np.where(np.isfinite(depth), depth, 0.0)
    label, count = ndimage.label(depth > 0.5 * MIN_DEPTH_M)
    if count == 0:
        return None
    volume = ndimage.sum_labels(depth, label, np.arange(1, count + 1))
    basin = label == 1 + int(np.argmax(volume))
    rim = float(level[basin].max())
    return _cavity(field, basin, rim)


def _cavity(field: HeightField, basin: Mask, rim: float) -> Cavity | None:
    lowest = float(field.top[basin].min())
    half = basin & (field.top < 0.5 * (lowest + rim))
    if not half.any():
        return None
    centre = _deepest_inside(field, half)
    gx, gy = np.meshgrid(field.x - centre[0], field.y - centre[1], indexing="ij")
    near = np.hypot(gx, gy) <= max(_FLOOR_RADIUS_M, 1.5 * field.cell_m)
    floor = float(field.top[near].max())
    if rim - floor < MIN_DEPTH_M:
        return None
    heights = np.linspace(floor, rim, LEVELS + 1)
    above = np.concatenate([[floor + min(2e-3, 0.1 * (rim - floor))], heights[1:]])
    outlines = [_inscribed(field, basin & (field.top < z), centre, half) for z in above]
    if any(outline is None for pair in outlines for outline in pair):
        return None
    options = [_grown([pair[k] for pair in outlines if pair[k]]) for k in (0, 1)]  # type: ignore[misc]
    best = max(options, key=lambda steps: sum(step.area for step in steps))
    if best[0].radius < MIN_RADIUS_M:
        return None
    return Cavity(best[0].polygon(), best[-1].polygon(), round(floor, 9), round(rim, 9),
                  _profile(best, heights))  # fmt: skip


def _deepest_inside(field: HeightField, mask: Mask) -> tuple[float, float]:
    """The point of a mask farthest from its edge; the middle of all such points."""
    distance = ndimage.distance_transform_edt(mask)
    points = field.points(distance >= distance.max() - 0.75)
    middle = points.mean(axis=0)
    return (round(float(middle[0]), 9), round(float(middle[1]), 9))


def _inscribed(
    field: HeightField, free: Mask, centre: tuple[float, float], shape: Mask
) -> tuple[Outline | None, Outline | None]:
    """The largest circle and rectangle about a centre that cover free cells only.

    Args:
        field: The grid.
        free: Cells that may be covered.
        centre: Middle of both.
        shape: Cells whose smallest enclosing rectangle gives the yaw.
    """
    blocked = field.points(~free) - np.array(centre)
    slack = 0.71 * field.cell_m
    radius = float(np.linalg.norm(blocked, axis=1).min()) - slack
    if radius <= 0.0:
        return None, None
    yaw = _yaw(field.points(shape))
    c, s = math.cos(yaw), math.sin(yaw)
    u, v = np.abs(blocked @ np.array([c, s])), np.abs(blocked @ np.array([-s, c]))
    order = np.argsort(u, kind="stable")
    u, v = u[order], v[order]
    reach = np.concatenate([[v.max()], np.minimum.accumulate(v)[:-1]])
    a, b = u - slack, reach - slack
    best = int(np.argmax(np.where((a > 0.0) & (b > 0.0), a * b, 0.0)))
    half = (float(a[best]), float(b[best]))
    rectangle = Outline(centre, half, yaw) if min(half) > 0.0 else None
    return Outline(centre, (radius,)), rectangle


def _yaw(points: Array) -> float:
    """Yaw of the smallest rectangle around points (n, 2), in [0, pi/2); 0 if it saves nothing."""
    hull = points[ConvexHull(points).vertices]
    edges = np.roll(hull, -1, axis=0) - hull
    yaws = np.unique(np.concatenate([[0.0], np.arctan2(edges[:, 1], edges[:, 0]) % (0.5 * np.pi)]))
    areas = []
    for yaw in yaws:
        c, s = math.cos(yaw), math.sin(yaw)
        areas.append(float(np.prod(np.ptp(hull @ np.array([[c, -s], [s, c]]), axis=0))))
    best = int(np.argmin(areas))
    return float(yaws[best]) if areas[best] < 0.97 * areas[0] else 0.0


def _grown(steps: Sequence[Outline]) -> list[Outline]:
    """Outlines from floor to rim, none wider than one above it."""
    half = np.minimum.accumulate(np.array([s.half for s in steps])[::-1], axis=0)[::-1]
    return [
        Outline(s.centre, tuple(float(v) for v in row), s.yaw_rad)
        for s, row in zip(steps, half, strict=True)
    ]


def _profile(steps: Sequence[Outline], heights: Array) -> tuple[tuple[float, float], ...]:
    """How far the sides have opened at every height; empty for straight walls."""
    half = np.array([s.half for s in steps])
    span = half[-1] - half[0]
    if span.max() < 1e-3:
        return ()
    wide = span > 1e-6
    scale = np.where(wide, (half - half[0]) / np.where(wide, span, 1.0), 1.0).min(axis=1)
    scale[0], scale[-1] = 0.0, 1.0
    return tuple(
        (round(float(z), 9), round(float(t), 6)) for z, t in zip(heights, scale, strict=True)
    )


def find_surfaces(field: HeightField, cavity: Cavity | None) -> tuple[SupportSurface, ...]:
    """Flat places other objects can stand on: the cavity's floor, and the highest flat top."""
    found = []
    if cavity is not None:
        depth = cavity.rim_z - cavity.floor_z
        clearance = math.inf if depth <= SHALLOW_M else round(depth, 9)
        found.append(SupportSurface("floor", cavity.floor_polygon, cavity.floor_z, clearance))
    solid = np.isfinite(field.top)
    for z in np.sort(np.unique(field.top[solid].round(4)))[::-1]:
        flat = solid & (np.abs(field.top - z) < FLAT_M)
        if flat.sum() * field.cell_m**2 < math.pi * MIN_RADIUS_M**2:
            continue
        label, count = ndimage.label(flat)
        sizes = ndimage.sum_labels(flat, label, np.arange(1, count + 1))
        patch = label == 1 + int(np.argmax(sizes))
        centre = _deepest_inside(field, patch)
        options = [o for o in _inscribed(field, patch, centre, patch) if o is not None]
        best = max(options, key=lambda o: o.area, default=None)
        if best is None or best.radius < MIN_RADIUS_M:
            continue
        inside = cavity is not None and bool(cavity.contains(np.array([[*best.centre, z]]))[0])
        if not inside:
            found.append(SupportSurface("top", best.polygon(), round(float(z), 9)))
        break
    return tuple(found)
