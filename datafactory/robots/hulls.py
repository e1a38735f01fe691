"""Reduced convex hulls of collision meshes: few vertices, bounded error, the same bytes always."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from datafactory.errors import AssetError

Array = NDArray[np.float64]
Faces = NDArray[np.int64]


def read_vertices(path: Path) -> Array:
    """Vertices (n, 3) of a binary STL or an OBJ file, in the file's own unit."""
    data = path.read_bytes()
    if path.suffix == ".stl":
        record = np.dtype([("normal", "<f4", 3), ("corner", "<f4", (3, 3)), ("pad", "<u2")])
        count = int.from_bytes(data[80:84], "little")
        if len(data) != 84 + count * record.itemsize:
            raise AssetError("not a binary STL file", where=str(path))
        corners = np.frombuffer(data, record, count, 84)["corner"]
        return np.asarray(corners.reshape(-1, 3), dtype=np.float64)
    lines = [line.split()[1:4] for line in data.decode().splitlines() if line.startswith("v ")]
    return np.array(lines, dtype=np.float64)


def _farthest(points: Array, hull: ConvexHull) -> tuple[int, float]:
    outside = (points @ hull.equations[:, :3].T + hull.equations[:, 3]).max(axis=1)
    worst = int(np.argmax(outside))
    return worst, float(outside[worst])


def reduce_hull(vertices: Array, limit: int) -> tuple[Array, float]:
    """Reduces the convex hull of a point set to few vertices.

    Hull vertices are chosen greedily, always the one farthest outside the hull of those chosen;
    then the result is grown so that the remaining error is shared between inside and outside.

    Args:
        vertices: (n, 3) metres.
        limit: Largest number of vertices.

    Returns:
        Vertices (m, 3), m <= limit, rounded to a micrometre, and the largest distance in metres
        by which the true hull and the reduced one differ, to either side.
    """
    points = np.unique(np.round(vertices, 6), axis=0)
    points = points[np.sort(ConvexHull(points).vertices)]
    extreme = [f(points[:, k]) for k in range(3) for f in (np.argmin, np.argmax)]
    chosen = sorted({int(i) for i in extreme})
    if np.linalg.matrix_rank(points[chosen] - points[chosen[0]], tol=1e-4) < 3:
        chosen = list(range(min(limit, len(points))))
    hull = ConvexHull(points[chosen])
    worst, error = _farthest(points, hull)
    while len(chosen) < limit and error > 2e-4:
        chosen.append(worst)
        hull = ConvexHull(points[chosen])
        worst, error = _farthest(points, hull)
    normals = np.zeros((len(chosen), 3))
    for corners, equation in zip(hull.simplices, hull.equations, strict=True):
        normals[corners] += equation[:3]
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    grown = np.round(points[chosen] + 0.5 * error * normals, 6)
    left = _farthest(points, ConvexHull(grown))[1]
    return grown, max(left, 0.5 * error)


def hull_faces(vertices: Array) -> Faces:
    """Outward triangles (m, 3) of the convex hull of vertices (n, 3), sorted."""
    hull = ConvexHull(vertices)
    faces = []
    for corners, equation in zip(hull.simplices, hull.equations, strict=True):
        a, b, c = vertices[corners]
        flip = float(np.dot(np.cross(b - a, c - a), equation[:3])) < 0
        i, j, k = (int(n) for n in (corners[::-1] if flip else corners))
        first = min((i, j, k))
        faces.append((i, j, k) if first == i else (j, k, i) if first == j else (k, i, j))
    return np.array(sorted(faces), dtype=np.int64)


def encode_obj(vertices: Array) -> bytes:
    """OBJ file of the convex hull of vertices (n, 3), metres."""
    lines = ["v {:.6f} {:.6f} {:.6f}".format(*v) for v in vertices]
    lines += ["f {} {} {}".format(*(f + 1)) for f in hull_faces(vertices)]
    return ("\n".join(lines) + "\n").encode()


def mesh_file(vertices: Array) -> tuple[str, bytes]:
    """File name ``<sha256>.obj`` and content of the convex hull of vertices (n, 3)."""
    data = encode_obj(vertices)
    return f"{hashlib.sha256(data).hexdigest()}.obj", data
