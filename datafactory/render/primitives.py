"""Meshes of simple solids and grids, in their own frame, in metres; made once per size."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import numpy as np

from datafactory.geometry import Pose
from datafactory.render.stage import Mesh
from datafactory.render.unwrap import (
    Array,
    Faces,
    corner_normals,
    corners_of,
    cylinder_uv,
    joined,
    read_only,
    side_uv,
    welded,
)

CELL_M = 1.5
"""Largest cell of big surfaces; renderers that light vertices divide them further."""

_ROUND, _ROUND_SMALL = 32, 12
_SMALL_M = 0.02
"""Solids of revolution below this radius get fewer sides: pictures show a few pixels of them."""
_SHARP_M = 0.0045
"""Roundings below this radius are drawn as sharp edges: they cost vertices and show on no pixel."""
_BEVEL_STEPS = (0.0, 1.0)
Vector = tuple[float, float, float]


@lru_cache(maxsize=512)
def rounded_box(half: Vector, radius: float, repeat_m: float = 0.0) -> Mesh:
    """A box with rounded edges, centred on the origin.

    Args:
        half: Half extents, the roundings included.
        radius: Of the edges; sharp ones below ``_SHARP_M``.
        repeat_m: Metres a texture covers; 0 for no texture.
    """
    reach = np.array(half)
    r = min(radius, 0.999 * float(reach.min())) if radius >= _SHARP_M else 0.0
    lines = [_ruler(h, r) for h in half]
    sides = [_side(lines, axis, sign) for axis in range(3) for sign in (-1, 1)]
    points = np.concatenate([p for p, _, _ in sides])
    normals = np.concatenate([n for _, n, _ in sides])
    if r > 0.0:
        inner = np.clip(points, r - reach, reach - r)
        normals = points - inner
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        points = inner + r * normals
    faces, uv, count = [], [], 0
    for k, (side, _, triangles) in enumerate(sides):
        place = points[count : count + len(side)]
        faces.append(triangles + count)
        uv.append(side_uv(place, k // 2, 2 * (k % 2) - 1))
        count += len(side)
    scale = 1.0 / repeat_m if repeat_m > 0.0 else 0.0
    return read_only(points, normals, np.concatenate(faces), np.concatenate(uv) * scale)


@lru_cache(maxsize=128)
def cylinder(radius: float, half: float, bevel: float = 0.0, top: float = 1.0) -> Mesh:
    """A cylinder along z, centred on the origin.

    Args:
        radius: At the bottom, metres.
        half: Half length.
        bevel: Rounding of both ends.
        top: Radius at the top as a share of the one at the bottom.
    """
    b = min(bevel, 0.5 * radius, half)
    turns = np.linspace(0.0, 0.5 * math.pi, 5) if b > 0.0 else [0.5 * math.pi]
    low = [(radius - b + b * math.sin(t), -half + b * (1 - math.cos(t))) for t in turns]
    profile = low + [(r, -z) for r, z in reversed(low)]
    return revolved(tuple((r * (1.0 if z < 0.0 else top), z) for r, z in profile))


@lru_cache(maxsize=128)
def revolved(profile: tuple[tuple[float, float], ...]) -> Mesh:
    """A solid of revolution about z from (radius, height) pairs, bottom first, closed flat."""
    n = _ROUND if max(r for r, _ in profile) >= _SMALL_M else _ROUND_SMALL
    angle = np.arange(n) * (2.0 * math.pi / n)
    circle = np.stack([np.cos(angle), np.sin(angle), np.zeros(n)], axis=1)
    rings = [circle * (r, r, 0.0) + (0.0, 0.0, z) for r, z in profile]
    points = np.concatenate([*rings, [[0.0, 0.0, profile[0][1]], [0.0, 0.0, profile[-1][1]]]])
    i = np.arange(n)
    j = (i + 1) % n
    faces = []
    for k, _ in enumerate(pairwise(profile)):
        low, high = k * n, (k + 1) * n
        faces.append(np.stack([low + i, low + j, high + j], axis=1))
        faces.append(np.stack([low + i, high + j, high + i], axis=1))
    first, last = len(profile) * n, (len(profile) - 1) * n
    faces.append(np.stack([np.full(n, first), j, i], axis=1))
    faces.append(np.stack([np.full(n, first + 1), last + i, last + j], axis=1))
    points, triangles = welded(points, np.concatenate(faces))
    corners = corners_of(points, triangles)
    heights = [z for _, z in profile]
    uv = cylinder_uv(corners, (0.0, 0.0), (min(heights), max(heights)))
    return joined(corners, corner_normals(points, triangles), uv)


@lru_cache(maxsize=64)
def ellipsoid(semi: Vector, upper_m: float = 0.0) -> Mesh:
    """An ellipsoid; with ``upper_m`` its halves are that far apart, as in a capsule.

    Args:
        semi: Semi-axes, metres.
        upper_m: Distance of the two half centres along z.
    """
    latitude = np.linspace(-0.5 * math.pi, 0.5 * math.pi, 17)
    split = [*latitude[:8], 0.0, 0.0, *latitude[9:]] if upper_m > 0.0 else list(latitude)
    shift = [(-0.5 if k <= len(split) // 2 - 1 else 0.5) * upper_m for k in range(len(split))]
    angle = np.arange(_ROUND) * (2.0 * math.pi / _ROUND)
    rings = []
    for t, dz in zip(split, shift, strict=True):
        x, y = math.cos(t) * np.cos(angle), math.cos(t) * np.sin(angle)
        ring = np.stack([x, y, np.full(_ROUND, math.sin(t))], axis=1) * semi
        rings.append(ring + np.array([0.0, 0.0, dz]))
    points, faces = _sheet(np.stack(rings), loop=True)
    points, faces = welded(points, faces)
    return joined(corners_of(points, faces), corner_normals(points, faces, 60.0))


@lru_cache(maxsize=256)
def panel(width: float, height: float, repeat_m: float, u_m: float = 0.0, v_m: float = 0.0) -> Mesh:
    """A rectangle in the xy plane that faces +z, from (0, 0) to (width, height), as a grid.

    Args:
        width: Metres.
        height: Metres.
        repeat_m: Metres a texture covers; 0 stretches it once over the rectangle.
        u_m: Texture place of the corner (0, 0), metres, so that neighbours fit together.
        v_m: The same upwards.
    """
    nx, ny = (max(1, math.ceil(s / CELL_M)) for s in (width, height))
    x, y = np.linspace(0.0, width, nx + 1), np.linspace(0.0, height, ny + 1)
    grid = np.stack([*np.meshgrid(x, y), np.zeros((ny + 1, nx + 1))], axis=-1)
    points, faces = _sheet(grid, loop=False)
    if repeat_m > 0.0:
        uv = (points[:, :2] + (u_m, v_m)) / repeat_m
    else:
        uv = points[:, :2] / (width, height)
    return read_only(points, np.broadcast_to((0.0, 0.0, 1.0), points.shape), faces, uv)


@lru_cache(maxsize=32)
def sweep(radius: float, height: float, fillet: float, half_angle: float, repeat_m: float) -> Mesh:
    """A curved studio wall around the origin, open towards +x, that runs out into the floor.

    Args:
        radius: Of the wall in plan, metres.
        height: Of the wall.
        fillet: Radius of the curve between wall and floor.
        half_angle: How far it goes around to both sides of -x, rad.
        repeat_m: Metres a texture covers; 0 for no texture.
    """
    bend = np.linspace(0.5 * math.pi, 0.0, 9)
    low = np.stack([radius - fillet * (1 - np.cos(bend)), fillet * (1 - np.sin(bend))], axis=1)
    rise = np.linspace(fillet, height, max(2, math.ceil((height - fillet) / CELL_M)))
    profile = np.concatenate([low, np.stack([np.full(len(rise), radius), rise], axis=1)[1:]])
    columns = max(8, math.ceil(2.0 * half_angle * radius / CELL_M))
    angle = math.pi + np.linspace(half_angle, -half_angle, columns + 1)
    grid = np.empty((len(profile), columns + 1, 3))
    grid[..., 0] = profile[:, :1] * np.cos(angle)
    grid[..., 1] = profile[:, :1] * np.sin(angle)
    grid[..., 2] = profile[:, 1:]
    points, faces = _sheet(grid, loop=False)
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(profile, axis=0), axis=1))])
    place = np.stack(np.meshgrid(angle * -radius, along), axis=-1).reshape(-1, 2)
    scale = 1.0 / repeat_m if repeat_m > 0.0 else 0.0
    normals = corner_normals(points, faces, 60.0)
    return joined(corners_of(points, faces), normals, scale * place[faces])


def moved(mesh: Mesh, pose: Pose) -> Mesh:
    """A mesh in another frame.

    Args:
        mesh: In frame b.
        pose: a_from_b.
    """
    turn = pose.rotation().astype(np.float32)
    vertices = mesh.vertices @ turn.T + pose.position.astype(np.float32)
    return Mesh(vertices, mesh.normals @ turn.T, mesh.faces, mesh.uv)


def stretched(mesh: Mesh, factors: Vector) -> Mesh:
    """A mesh scaled along its axes by positive factors."""
    scale = np.array(factors, np.float32)
    normals = mesh.normals / scale
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return Mesh(mesh.vertices * scale, normals, mesh.faces, mesh.uv)


def merged(*meshes: Mesh) -> Mesh:
    """Several meshes of one material as one."""
    first = np.cumsum([0, *(len(m.vertices) for m in meshes)])
    return Mesh(
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.normals for m in meshes]),
        np.concatenate([m.faces + np.int32(s) for m, s in zip(meshes, first, strict=False)]).astype(
            np.int32
        ),
        np.concatenate([m.uv for m in meshes]),
    )


def _ruler(half: float, radius: float) -> Array:
    """Grid lines along one side: fine at the roundings, coarse between them."""
    cells = max(1, math.ceil(2.0 * (half - radius) / CELL_M))
    middle = np.linspace(radius - half, half - radius, cells + 1)
    if radius <= 0.0:
        return middle
    edge = half - radius + radius * np.array(_BEVEL_STEPS[1:])
    return np.concatenate([-edge[::-1], middle, edge])


def _side(lines: list[Array], axis: int, sign: int) -> tuple[Array, Array, Faces]:
    """Points, normals and faces of one gridded side of a box."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    u, v = lines[first], lines[second]
    grid = np.empty((len(v), len(u), 3))
    grid[..., axis] = lines[axis][-1 if sign > 0 else 0]
    grid[..., first], grid[..., second] = u, v[:, None]
    points, faces = _sheet(grid, loop=False)
    normals = np.zeros_like(points)
    normals[:, axis] = sign
    return points, normals, faces if sign > 0 else faces[:, ::-1]


def _sheet(grid: Array, *, loop: bool) -> tuple[Array, Faces]:
    """Points and faces of a grid (rows, columns, 3), facing columns x rows; rows may close."""
    rows, columns = grid.shape[:2]
    across = columns if loop else columns - 1
    i, j = np.repeat(np.arange(rows - 1), across), np.tile(np.arange(across), rows - 1)
    ahead = (j + 1) % columns
    a, b = i * columns + j, i * columns + ahead
    c, d = (i + 1) * columns + ahead, (i + 1) * columns + j
    faces = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    return grid.reshape(-1, 3), faces.astype(np.int64)
