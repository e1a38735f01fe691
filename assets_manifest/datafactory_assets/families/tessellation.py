"""Triangle meshes of the true solids, for drawing. Not on the hot path.

Polygons are inflated to the area of the circle they stand for, so a mesh keeps its solid's volume.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from datafactory_assets.asset import Array, VisualMesh
from datafactory_assets.families.solids import (
    Arc,
    Ellipsoid,
    Loft,
    Prism,
    Revolve,
    Solid,
    Sweep,
)

_ROUND = 40
_CORNER = 5
_TUBE = 12
_ARC = 14
_LATITUDES = 18


def mesh(solid: Solid) -> VisualMesh:
    """Watertight mesh of one solid, faces outwards, object frame, metres."""
    if isinstance(solid, Revolve):
        rings = [_circle(r, z) for r, z in solid.profile]
        vertices, faces = _tube(rings, loop=solid.ring)
        vertices = _oriented(vertices, solid.axis) + np.array(solid.origin)
    elif isinstance(solid, Loft):
        rings = [_rounded_rectangle(*section) for section in solid.sections]
        vertices, faces = _tube(rings, loop=solid.ring)
        vertices = _oriented(vertices, solid.axis) + np.array(solid.origin)
    elif isinstance(solid, Arc):
        vertices, faces = _arc(solid)
    elif isinstance(solid, Prism):
        vertices, faces = _prism(solid)
    elif isinstance(solid, Sweep):
        vertices, faces = _sweep(solid)
    else:
        vertices, faces = _ellipsoid(solid)
    return VisualMesh(solid.part, vertices, faces, solid.rgba)


def _inflation(n: int) -> float:
    """Factor on the radius that gives an n-gon the area of its circle."""
    step = 2.0 * math.pi / n
    return math.sqrt(step / math.sin(step))


def _circle(r: float, z: float, n: int = _ROUND) -> Array:
    angle = np.arange(n) * (2.0 * math.pi / n)
    radius = r * _inflation(n)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), np.full(n, z)], axis=1)


def _rounded_rectangle(a: float, b: float, c: float, z: float) -> Array:
    """Ring of 4 (_CORNER + 1) points, counter-clockwise, (n, 3) metres."""
    arc = np.linspace(0.0, 0.5 * math.pi, _CORNER + 1)
    points = []
    for i, (sx, sy) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        angle = arc + 0.5 * math.pi * i
        x = sx * (a - c) + c * np.cos(angle)
        y = sy * (b - c) + c * np.sin(angle)
        points.append(np.stack([x, y, np.full_like(x, z)], axis=1))
    return np.concatenate(points)


def _tube(rings: list[Array], loop: bool) -> tuple[Array, NDArray[np.int64]]:
    """Joins rings of equal size; caps both ends, or closes the loop of rings."""
    n, count = len(rings[0]), len(rings)
    vertices = np.concatenate(rings)
    i = np.arange(n)
    j = (i + 1) % n
    faces = []
    for k in range(count if loop else count - 1):
        low, high = k * n, (k + 1) % count * n
        faces.append(np.stack([low + i, low + j, high + j], axis=1))
        faces.append(np.stack([low + i, high + j, high + i], axis=1))
    if not loop:
        centres = np.stack([rings[0].mean(axis=0), rings[-1].mean(axis=0)])
        first, last = len(vertices), (count - 1) * n
        vertices = np.concatenate([vertices, centres])
        faces.append(np.stack([np.full(n, first), j, i], axis=1))
        faces.append(np.stack([np.full(n, first + 1), last + i, last + j], axis=1))
    return vertices, np.concatenate(faces).astype(np.int64)


def _oriented(vertices: Array, axis: str) -> Array:
    """Turns the local z to an object axis; for x, local (x, y, z) are object (y, z, x)."""
    order = {"x": [2, 0, 1], "y": [1, 2, 0], "z": [0, 1, 2]}[axis]
    return vertices[:, order]


def _sweep(solid: Sweep) -> tuple[Array, NDArray[np.int64]]:
    """Rings across x; their corners are inflated to the area of a quarter circle."""
    grown = math.sqrt(0.25 * math.pi / (0.5 * _CORNER * math.sin(0.5 * math.pi / _CORNER)))
    rings = []
    for a, b, c, x, y, z in solid.sections:
        more = c * (grown - 1.0)
        ring = _rounded_rectangle(a + more, b + more, c * grown, 0.0)[:, [2, 0, 1]]
        rings.append(ring + np.array([x, y, z]))
    return _tube(rings, loop=False)


def _prism(solid: Prism) -> tuple[Array, NDArray[np.int64]]:
    n = len(solid.outline)
    flat = np.array(solid.outline)
    ends = [np.column_stack([flat, np.full(n, z)]) for z in (solid.low, solid.high)]
    i = np.arange(n)
    j = (i + 1) % n
    cap = np.array(_ears(solid.outline), dtype=np.int64)
    faces = np.concatenate(
        [
            np.stack([i, j, n + j], axis=1),
            np.stack([i, n + j, n + i], axis=1),
            cap[:, ::-1],
            cap + n,
        ]
    )
    vertices = _oriented(np.concatenate(ends), solid.axis) + np.array(solid.origin)
    return vertices, faces.astype(np.int64)


def _ears(outline: tuple[tuple[float, float], ...]) -> list[tuple[int, int, int]]:
    """Triangles of a simple counter-clockwise polygon (Meisters, "Polygons have ears", 1975)."""

    def turn(a: int, b: int, c: int) -> float:
        (ax, ay), (bx, by), (cx, cy) = outline[a], outline[b], outline[c]
        return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)

    left = list(range(len(outline)))
    triangles = []
    while len(left) > 3:
        for k in range(len(left)):
            a, b, c = left[k - 1], left[k], left[(k + 1) % len(left)]
            inside = (
                p
                for p in left
                if p not in (a, b, c)
                and turn(a, b, p) >= 0.0
                and turn(b, c, p) >= 0.0
                and turn(c, a, p) >= 0.0
            )
            if turn(a, b, c) > 0.0 and next(inside, None) is None:
                triangles.append((a, b, c))
                del left[k]
                break
        else:
            raise ValueError("the outline of a prism crosses itself or runs clockwise")
    return [*triangles, (left[0], left[1], left[2])]


def _arc(solid: Arc) -> tuple[Array, NDArray[np.int64]]:
    tube = _circle(solid.tube, 0.0, _TUBE)
    rings = []
    for theta in np.linspace(-0.5 * math.pi, 0.5 * math.pi, _ARC + 1):
        radius = solid.radius + tube[:, 0]
        x = radius * math.cos(theta)
        z = radius * math.sin(theta) * solid.stretch
        rings.append(np.stack([x, tube[:, 1], z], axis=1))
    vertices, faces = _tube(rings, loop=False)
    out = np.eye(3)["xyz".index(solid.out[-1])] * (-1.0 if solid.out[0] == "-" else 1.0)
    along = np.eye(3)["xyz".index(solid.along)]
    return vertices @ np.array([out, np.cross(along, out), along]) + solid.centre, faces


def _ellipsoid(solid: Ellipsoid) -> tuple[Array, NDArray[np.int64]]:
    latitude = np.linspace(-0.5 * math.pi, 0.5 * math.pi, _LATITUDES + 1)[1:-1]
    rings = [_circle(math.cos(t), math.sin(t), 32) for t in latitude]
    vertices, faces = _tube(rings, loop=False)
    vertices[-2] = (0.0, 0.0, -1.0)
    vertices[-1] = (0.0, 0.0, 1.0)
    corners = vertices[faces]
    volume = float(np.sum(np.cross(corners[:, 0], corners[:, 1]) * corners[:, 2])) / 6.0
    scale = (4.0 / 3.0 * math.pi / volume) ** (1.0 / 3.0)
    return vertices * scale * np.array(solid.semi) + np.array(solid.centre), faces
