"""Convex hulls of collision meshes as files: the same bytes always."""

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
