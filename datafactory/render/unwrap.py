"""Plain triangle meshes become meshes to draw: normals that respect hard edges, and texture space.

Everything works on corners, (m, 3, k) arrays with one entry per corner of every face; equal
corners are joined at the end.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datafactory.render.stage import Mesh

Array = NDArray[np.float64]
Faces = NDArray[np.int64]

CREASE_DEG = 35.0
"""Faces that meet at a sharper angle have a hard edge between them."""

_POSITION_GRID_M = 1e-7
_NORMAL_GRID, _UV_GRID = 1e-3, 1e-5


def welded(
    vertices: ArrayLike, faces: ArrayLike, grid_m: float = _POSITION_GRID_M
) -> tuple[Array, Faces]:
    """Joins vertices at the same place and drops faces without area.

    Args:
        vertices: (n, 3) metres.
        faces: (m, 3).
        grid_m: Places that round to the same point of this grid are the same.
    """
    points = np.asarray(vertices, dtype=np.float64)
    keys = np.round(points / grid_m).astype(np.int64)
    first, back = _distinct(keys)
    joined = back[np.asarray(faces, dtype=np.int64)]
    a, b, c = joined.T
    whole = (a != b) & (b != c) & (c != a)
    corners = points[first][joined]
    area = np.linalg.norm(_doubled_areas(corners), axis=1)
    return points[first], joined[whole & (area > 1e-14)]


def corners_of(vertices: Array, faces: Faces) -> Array:
    """(m, 3, 3) positions of the corners of every face."""
    return np.asarray(vertices[faces])


def face_normals(corners: Array) -> Array:
    """(m, 3) unit normals of faces with area."""
    cross = _doubled_areas(corners)
    return np.asarray(cross / np.linalg.norm(cross, axis=1, keepdims=True))


def corner_normals(vertices: Array, faces: Faces, crease_deg: float = CREASE_DEG) -> Array:
    """Normals (m, 3, 3) of every corner of a welded mesh.

    A corner's normal is the mean, weighted by the angle there, over those faces around its vertex
    that make less than the crease angle with its own face.
    """
    corners = corners_of(vertices, faces)
    flat = face_normals(corners)
    weight = _corner_angles(corners).ravel()
    vertex = faces.ravel()
    order = np.argsort(vertex, kind="stable")
    start = np.searchsorted(vertex[order], vertex[order], side="left")
    count = np.searchsorted(vertex[order], vertex[order], side="right") - start
    # Every pair (corner, other corner of the same vertex), laid out one after another.
    mine = np.repeat(order, count)
    offset = np.arange(len(mine)) - np.repeat(np.cumsum(count) - count, count)
    other = order[np.repeat(start, count) + offset]
    near = np.einsum("ij,ij->i", flat[mine // 3], flat[other // 3])
    near = near >= math.cos(math.radians(crease_deg))
    mine, other = mine[near], other[near]
    share = flat[other // 3] * weight[other, None]
    total = np.stack([np.bincount(mine, share[:, k], len(vertex)) for k in range(3)], axis=1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.asarray(total / length).reshape(-1, 3, 3)


def joined(corners: Array, normals: Array, uv: Array | None = None) -> Mesh:
    """The mesh of some corners; those equal in place, normal and texture place are shared.

    Args:
        corners: (m, 3, 3) metres.
        normals: (m, 3, 3) unit.
        uv: (m, 3, 2); None for no texture.
    """
    places = np.zeros((len(corners), 3, 2)) if uv is None else uv
    rows = [
        np.round(corners.reshape(-1, 3) / _POSITION_GRID_M),
        np.round(normals.reshape(-1, 3) / _NORMAL_GRID),
        np.round(places.reshape(-1, 2) / _UV_GRID),
    ]
    first, back = _distinct(np.concatenate(rows, axis=1).astype(np.int64))
    return read_only(
        corners.reshape(-1, 3)[first],
        normals.reshape(-1, 3)[first],
        back.reshape(-1, 3),
        places.reshape(-1, 2)[first],
    )


def read_only(vertices: Array, normals: Array, faces: Faces, uv: Array) -> Mesh:
    """A mesh that may be shared: its arrays cannot be written to."""
    arrays = [np.array(a, np.float32, order="C") for a in (vertices, normals, uv)]
    triangles = np.array(faces, np.int32, order="C")
    for array in (*arrays, triangles):
        array.flags.writeable = False
    return Mesh(arrays[0], arrays[1], triangles, arrays[2])


def drawn(vertices: ArrayLike, faces: ArrayLike, repeat_m: float = 0.0) -> Mesh:
    """A mesh to draw, with box-projected texture space if it has a texture.

    Args:
        vertices: (n, 3) metres.
        faces: (m, 3), counter-clockwise seen from outside.
        repeat_m: Metres a texture covers; 0 for no texture.
    """
    points, triangles = welded(vertices, faces)
    corners = corners_of(points, triangles)
    normals = corner_normals(points, triangles)
    uv = box_uv(corners, repeat_m) if repeat_m > 0.0 else None
    return joined(corners, normals, uv)


def box_uv(corners: Array, repeat_m: float) -> Array:
    """Texture places (m, 3, 2) projected along the axis each face looks along most.

    Seen from outside with z up, u runs to the right and v up; on top, u is x and v is y.
    """
    normal = face_normals(corners)
    axis = np.argmax(np.abs(normal) + np.array([0.0, 1e-6, 2e-6]), axis=1)
    sign = np.where(np.take_along_axis(normal, axis[:, None], axis=1) < 0.0, -1.0, 1.0)
    uv = np.empty((*corners.shape[:2], 2))
    for k in range(3):
        mine = axis == k
        uv[mine] = side_uv(corners[mine], k, sign[mine])
    return uv / repeat_m


def side_uv(points: Array, axis: int, sign: ArrayLike) -> Array:
    """Projects points (..., 3) along an axis, seen from its side of a sign, to (..., 2) metres."""
    x, y, z = np.moveaxis(points, -1, 0)
    if axis == 2:
        return np.stack([x, y * sign], axis=-1)
    return np.stack([y * sign if axis == 0 else -x * np.asarray(sign), z], axis=-1)


def cylinder_uv(corners: Array, center: tuple[float, float], span: tuple[float, float]) -> Array:
    """Texture places (m, 3, 2): u goes once around z, to the right seen from outside; v along z.

    Faces that cross the seam at -x keep u continuous, so it may exceed 1 by less than half.

    Args:
        corners: (m, 3, 3) metres.
        center: x and y of the axis.
        span: Heights of v = 0 and v = 1, metres.
    """
    angle = np.arctan2(corners[..., 1] - center[1], corners[..., 0] - center[0])
    u = angle / (2.0 * math.pi) + 0.5
    u = np.where((u.max(axis=1) - u.min(axis=1) > 0.5)[:, None] & (u < 0.5), u + 1.0, u)
    u -= u.min(axis=1, keepdims=True) > 1.0 - 1e-6
    return np.stack([u, _share(corners[..., 2], span)], axis=-1)


def front_uv(corners: Array, lower: Array, upper: Array) -> Array:
    """Texture places (m, 3, 2) that show the whole texture upright on each of the four sides.

    Faces that look up or down get the place of the texture's bottom left corner.

    Args:
        corners: (m, 3, 3) metres.
        lower: (3,) lowest corner of the box whose sides are covered.
        upper: (3,) its highest corner.
    """
    normal = face_normals(corners)
    x = _share(corners[..., 0], (lower[0], upper[0]))
    y = _share(corners[..., 1], (lower[1], upper[1]))
    along_x = (np.abs(normal[:, 0]) >= np.abs(normal[:, 1]))[:, None]
    u = np.where(
        along_x,
        np.where(normal[:, :1] > 0.0, y, 1.0 - y),
        np.where(normal[:, 1:2] > 0.0, 1.0 - x, x),
    )
    uv = np.stack([u, _share(corners[..., 2], (lower[2], upper[2]))], axis=-1)
    flat = np.abs(normal[:, 2]) > math.sqrt(0.5)
    return np.where(flat[:, None, None], 0.0, uv)


def _share(values: Array, span: tuple[float, float]) -> Array:
    return np.asarray((values - span[0]) / (span[1] - span[0]))


def _doubled_areas(corners: Array) -> Array:
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def _corner_angles(corners: Array) -> Array:
    """(m, 3) inner angles, rad."""
    ahead = np.roll(corners, -1, axis=1) - corners
    back = np.roll(corners, 1, axis=1) - corners
    cross = np.linalg.norm(np.cross(ahead, back), axis=-1)
    return np.asarray(np.arctan2(cross, np.sum(ahead * back, axis=-1)))


def _distinct(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First index of every distinct row, in order of first appearance, and each row's number."""
    order = np.lexsort(rows.T[::-1])
    ordered = rows[order]
    fresh = np.concatenate([[True], np.any(ordered[1:] != ordered[:-1], axis=1)])
    group = np.cumsum(fresh) - 1
    number = np.empty(len(rows), np.int64)
    number[order] = group
    first = order[fresh]  # lexsort is stable, so this is the smallest index of each group
    appearance = np.argsort(first, kind="stable")
    rank = np.empty(len(first), np.int64)
    rank[appearance] = np.arange(len(first))
    return first[appearance], rank[number]
