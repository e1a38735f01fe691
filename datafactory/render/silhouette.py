"""Exact outlines of triangle meshes: which pixels an object covers with nothing in front of it.

A pixel is covered when its centre is, as in OpenGL. Every triangle adds one to the count of the
pixels it covers, and a pixel's count is the sum of signed edge crossings to its left, so edges
between neighbouring triangles that face the same way cancel before anything is drawn. What is
left are the contour edges, about the square root of the number of triangles. No assumption is
made on the mesh: open, unwelded and self-intersecting ones give the same union of triangles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datafactory.render.stage import Intrinsics

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

NEAR_M = 0.01
"""Nothing nearer than this along the camera's z axis is outlined: the renderers' near plane."""
REACH = 1
"""Outlines are followed this many image sizes beyond each side of the image."""


@dataclass(frozen=True, eq=False)
class Topology:
    """Triangles of welded vertices and the edges they share.

    Attributes:
        faces: (m, 3) vertex indices.
        edges: (e, 2) vertex indices of each edge.
        face_edges: (m, 3) edge from corner k to corner k + 1 of each face.
        face_signs: (m, 3) 1 where the face runs along the edge, -1 where it runs against it.
    """

    faces: Ints
    edges: Ints
    face_edges: Ints
    face_signs: Array


@dataclass(frozen=True, eq=False)
class Outline:
    """Pixels an object covers, on a canvas larger than the image.

    Attributes:
        mask: (h, w) bool crop that bounds the outline; empty when it covers no pixel.
        left, top: Pixel coordinates of the crop's first pixel; negative left of or above the image.
    """

    mask: NDArray[np.bool_]
    left: int
    top: int

    @property
    def pixels(self) -> int:
        """Number of pixels of the outline, in- and outside the image."""
        return int(np.count_nonzero(self.mask))

    def inside(self, width: int, height: int) -> Outline:
        """The part within an image of this size."""
        x0, y0 = max(self.left, 0), max(self.top, 0)
        x1, y1 = (
            min(self.left + self.mask.shape[1], width),
            min(self.top + self.mask.shape[0], height),
        )
        if x0 >= x1 or y0 >= y1:
            return EMPTY
        rows = slice(y0 - self.top, y1 - self.top)
        return Outline(self.mask[rows, x0 - self.left : x1 - self.left], x0, y0)

    def box(self) -> tuple[int, int, int, int] | None:
        """Left, top, right and bottom edges of the tight box; None when there are no pixels."""
        rows = np.flatnonzero(self.mask.any(axis=1))
        if not len(rows):
            return None
        columns = np.flatnonzero(self.mask.any(axis=0))
        return (
            self.left + int(columns[0]),
            self.top + int(rows[0]),
            self.left + int(columns[-1]) + 1,
            self.top + int(rows[-1]) + 1,
        )


EMPTY = Outline(np.zeros((0, 0), dtype=bool), 0, 0)


def weld(vertices: ArrayLike, faces: ArrayLike) -> tuple[Array, Topology]:
    """Joins vertices at exactly the same place and finds the edges.

    Args:
        vertices: (n, 3) metres.
        faces: (m, 3) vertex indices.

    Returns:
        The (k, 3) distinct vertices and the topology over them.
    """
    points = np.asarray(vertices, dtype=np.float64).reshape(-1, 3) + 0.0  # -0.0 becomes 0.0
    order = np.lexsort(points.T)
    ordered = points[order]
    fresh = np.ones(len(points), dtype=bool)
    fresh[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    place = np.empty(len(points), dtype=np.int64)
    place[order] = np.cumsum(fresh) - 1
    return ordered[fresh], topology(place[np.asarray(faces, dtype=np.int64).reshape(-1, 3)])


def topology(faces: ArrayLike) -> Topology:
    """The edges of triangles (m, 3) of vertex indices."""
    corners = np.asarray(faces, dtype=np.int64).reshape(-1, 3)
    ends = np.stack([corners, np.roll(corners, -1, axis=1)], axis=-1)
    low, high = ends.min(axis=-1), ends.max(axis=-1)
    span = int(corners.max(initial=0)) + 1
    keys, index = np.unique(low * span + high, return_inverse=True)
    signs = np.where(ends[..., 0] <= ends[..., 1], 1.0, -1.0)
    edges = np.stack([keys // span, keys % span], axis=1)
    return Topology(corners, edges, index.reshape(corners.shape), signs)


def outline(vertices_camera: Array, mesh: Topology, intrinsics: Intrinsics) -> Outline:
    """Outlines a mesh.

    Args:
        vertices_camera: (n, 3) vertices in the camera's frame (OpenCV axes), metres.
        mesh: Topology over them.
        intrinsics: Pinhole parameters.

    Returns:
        The outline, followed up to ``REACH`` image sizes beyond the image's sides.
    """
    nearest = float(vertices_camera[:, 2].min(initial=np.inf))
    if nearest < NEAR_M:
        vertices_camera, mesh = _clipped(vertices_camera, mesh.faces)
    if not len(mesh.faces):
        return EMPTY
    z = vertices_camera[:, 2]
    x = intrinsics.fx * vertices_camera[:, 0] / z + intrinsics.cx
    y = intrinsics.fy * vertices_camera[:, 1] / z + intrinsics.cy
    window = _window(x, y, intrinsics)
    if window is None:
        return EMPTY
    a, b, weight = _contour(x, y, mesh)
    return _trim(_count(x[a], y[a], x[b], y[b], weight, window) > 0, window[0], window[1])


def _clipped(points: Array, faces: Ints) -> tuple[Array, Topology]:
    """Cuts triangles at the near plane; the parts in front as unconnected triangles."""
    front = points[:, 2] >= NEAR_M
    count = front[faces].sum(axis=1)
    parts = [points[faces[count == 3]]]
    for wanted, odd in ((1, True), (2, False)):
        chosen = faces[count == wanted]
        # The corner that is alone on its side comes first; winding is kept.
        turn = np.argmax(front[chosen] == odd, axis=1)
        rolled = np.take_along_axis(chosen, (turn[:, None] + np.arange(3)) % 3, axis=1)
        p, q, r = (points[rolled[:, k]] for k in range(3))
        pq, pr = _cut(p, q), _cut(p, r)
        if odd:
            parts.append(np.stack([p, pq, pr], axis=1))
        else:
            parts += [np.stack([pq, q, r], axis=1), np.stack([pq, r, pr], axis=1)]
    soup = np.concatenate(parts).reshape(-1, 3)
    return soup, topology(np.arange(len(soup)).reshape(-1, 3))


def _cut(p: Array, q: Array) -> Array:
    """Where segments p q (k, 3) cross the near plane."""
    t = (NEAR_M - p[:, 2:]) / (q[:, 2:] - p[:, 2:])
    cut = p + t * (q - p)
    cut[:, 2] = NEAR_M
    return cut


def _window(x: Array, y: Array, k: Intrinsics) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of the canvas that is filled; None when it is empty."""
    left = max(int(np.floor(max(x.min(), -(2.0**30)))), -REACH * k.width)
    top = max(int(np.floor(max(y.min(), -(2.0**30)))), -REACH * k.height)
    right = min(int(np.ceil(min(x.max(), 2.0**30))), (1 + REACH) * k.width)
    bottom = min(int(np.ceil(min(y.max(), 2.0**30))), (1 + REACH) * k.height)
    return (left, top, right, bottom) if left < right and top < bottom else None


def _contour(x: Array, y: Array, mesh: Topology) -> tuple[Ints, Ints, Array]:
    """Ends and weights of the edges whose crossings change the count of covering triangles."""
    fx, fy = x[mesh.faces], y[mesh.faces]
    ux, uy = fx[:, 1] - fx[:, 0], fy[:, 1] - fy[:, 0]
    vx, vy = fx[:, 2] - fx[:, 0], fy[:, 2] - fy[:, 0]
    facing = np.sign(ux * vy - uy * vx)
    signs = (facing[:, None] * mesh.face_signs).ravel()
    weight = np.bincount(mesh.face_edges.ravel(), weights=signs, minlength=len(mesh.edges))
    kept = np.flatnonzero(weight)
    return mesh.edges[kept, 0], mesh.edges[kept, 1], weight[kept].astype(np.float64)


def _count(
    ax: Array, ay: Array, bx: Array, by: Array, weight: Array, window: tuple[int, int, int, int]
) -> Array:
    """(h, w) number of triangles over each pixel centre of a window, from edges a to b.

    The edge function is evaluated once per edge and row: a row's count changes by the edge's
    weight at the first pixel centre at or right of the crossing.
    """
    left, top, right, bottom = window
    first = np.ceil(np.minimum(ay, by) - 0.5).clip(top, bottom).astype(np.int64)
    last = np.ceil(np.maximum(ay, by) - 0.5).clip(top, bottom).astype(np.int64)
    rows = last - first
    edge = np.repeat(np.arange(len(rows)), rows)
    offset = np.cumsum(rows) - rows
    row = np.arange(len(edge)) - (offset - first)[edge]
    slope = np.divide(bx - ax, by - ay, out=np.zeros_like(ax), where=rows > 0)
    cross = ax[edge] + (row + 0.5 - ay[edge]) * slope[edge]
    column = np.ceil(cross - 0.5).clip(left, right).astype(np.int64)
    width = right - left + 1
    change = np.where(ay < by, -weight, weight)[edge]
    place = (row - top) * width + (column - left)
    counts = np.bincount(place, weights=change, minlength=(bottom - top) * width)
    covering: Array = np.cumsum(counts.reshape(bottom - top, width), axis=1, dtype=np.float64)
    return covering[:, :-1]


def _trim(mask: NDArray[np.bool_], left: int, top: int) -> Outline:
    """The outline without empty rows and columns around it."""
    box = Outline(mask, left, top).box()
    if box is None:
        return EMPTY
    x0, y0, x1, y1 = box
    return Outline(mask[y0 - top : y1 - top, x0 - left : x1 - left], x0, y0)
