"""Convex pieces of a solid: V-HACD, CoACD or one hull, each of few vertices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from datafactory_assets.asset import Array
from datafactory_assets.convert.repair import simplified
from datafactory_assets.errors import AssetError

Method = Literal["auto", "vhacdx", "coacd", "hull"]
METHODS: tuple[Method, ...] = ("auto", "vhacdx", "coacd", "hull")
MAX_HULLS = 32
MAX_VERTICES = 32
VOXELS = 400_000
COACD_THRESHOLD = 0.05
COACD_FACES = 1500
FINE = 12
"""Edges given to V-HACD are no longer than this part of the longest side."""
GAP_M = 0.003
GAP_SHARE = 0.03
"""Surface farther than this outside every piece, absolute and of the longest side, is missing."""
CONVEX_SHARE = 0.97
"""A solid that fills its hull to this share is one piece."""
THINNEST_M = 2e-4


def decompose(
    mesh: Any, method: Method, *, hollow: bool, max_hulls: int = MAX_HULLS
) -> tuple[tuple[Array, ...], Method]:
    """Splits a solid into convex pieces and makes sure that they cover it.

    V-HACD splits a voxel model; CoACD (Wei et al., SIGGRAPH 2022) cuts the surface itself and
    keeps thin walls and narrow openings, at several times the cost. ``auto`` is CoACD for a
    hollow object and V-HACD for any other.

    Args:
        mesh: The surface, metres.
        method: One of ``METHODS``.
        hollow: The object has a hollow that is open above.
        max_hulls: Most pieces.

    Returns:
        Vertices (n, 3) of every piece, n <= 32, metres, rounded to a micrometre; and the method
        that made them.

    Raises:
        AssetError: CoACD is needed and not installed, nothing solid is left, or the pieces leave
            some of the surface out.
    """
    whole = mesh.convex_hull
    if method == "auto":
        method = "coacd" if hollow else "vhacdx"
    if mesh.is_volume and mesh.volume >= CONVEX_SHARE * whole.volume:
        method = "hull"
    if method == "hull":
        found: Sequence[Array] = [np.asarray(whole.vertices)]
    else:
        found = _coacd(mesh, max_hulls) if method == "coacd" else _vhacd(mesh, max_hulls)
    pieces = tuple(piece for points in found if (piece := _piece(points)) is not None)
    if not pieces:
        raise AssetError(
            "a mesh has no solid part",
            why=f"every convex piece is thinner than {1e3 * THINNEST_M:.1f} mm",
            remedy="check the unit of the file (`units: mm`), or give the surface a thickness",
        )
    gap = uncovered(mesh, pieces)
    limit = max(GAP_M, GAP_SHARE * float(mesh.extents.max()))
    if gap > limit:
        other = "coacd" if method == "vhacdx" else "hull"
        raise AssetError(
            f"the convex pieces of {method} leave a part of the surface out",
            why=f"some is {1e3 * gap:.1f} mm outside every piece, {1e3 * limit:.1f} mm at most",
            remedy=f"--decompose {other}",
        )
    return pieces, method


def uncovered(mesh: Any, pieces: Sequence[Array]) -> float:
    """Greatest distance of a point of the surface to the nearest piece, metres; 0 when covered."""
    spacing = max(0.006, float(mesh.extents.max()) / 40.0)
    dense = mesh.subdivide_to_size(spacing, max_iter=20)
    points = np.concatenate([dense.vertices, dense.triangles_center])
    distance = np.full(len(points), np.inf)
    for piece in pieces:
        equations = ConvexHull(piece).equations
        outside = (points @ equations[:, :3].T + equations[:, 3]).max(axis=1)
        distance = np.minimum(distance, outside)
    return max(0.0, float(distance.max()))


def _vhacd(mesh: Any, max_hulls: int) -> list[Array]:
    import vhacdx

    # V-HACD loses parts of flat sides that are a few large triangles.
    fine = mesh.subdivide_to_size(float(mesh.extents.max()) / FINE, max_iter=20)
    found = vhacdx.compute_vhacd(
        np.asarray(fine.vertices, dtype=np.float64),
        np.asarray(fine.faces, dtype=np.uint32),
        maxConvexHulls=max_hulls,
        resolution=VOXELS,
        maxNumVerticesPerCH=MAX_VERTICES,
        asyncACD=False,
    )
    return [np.asarray(points, dtype=np.float64) for points, _ in found]


def _coacd(mesh: Any, max_hulls: int) -> list[Array]:
    try:
        import coacd
    except ImportError as error:
        raise AssetError(
            "CoACD is not installed",
            why=str(error),
            remedy="pip install 'datafactory[coacd]'; or --decompose vhacdx, which is coarse for "
            "thin walls; or --decompose hull, which fills hollows",
        ) from error
    coacd.set_log_level("error")
    points, faces = simplified(np.asarray(mesh.vertices), np.asarray(mesh.faces), COACD_FACES)
    found = coacd.run_coacd(
        coacd.Mesh(points, faces),
        threshold=COACD_THRESHOLD,
        max_convex_hull=max_hulls,
        preprocess_mode="off" if mesh.is_watertight else "on",
        max_ch_vertex=MAX_VERTICES,
        decimate=True,
        resolution=1000,
        mcts_iterations=100,
        seed=0,
    )
    return [np.asarray(points, dtype=np.float64) for points, _ in found]


def _piece(points: Array) -> Array | None:
    """A piece's hull vertices, few enough; None when it is flat."""
    points = np.asarray(points, dtype=np.float64)
    if len(points) < 4:
        return None
    spread = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2]
    if np.ptp(points @ spread.T, axis=0).min() < THINNEST_M:
        return None
    try:
        return reduce_hull(points, MAX_VERTICES)[0]
    except QhullError:  # flat in a direction that rounding makes exact
        return None


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
