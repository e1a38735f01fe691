"""Meshes of files made fit for use: welded, oriented, united, small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from datafactory_assets.asset import Array
from datafactory_assets.convert.parts import Faces, Part

COLLISION_FACES = 5000
"""Faces of the mesh that is split into convex pieces: more cost time and change nothing."""
_THIN = 1e-12
InertiaSource = Literal["exact", "hulls"]


@dataclass(frozen=True)
class MassProperties:
    """Of a solid of density 1.

    Attributes:
        volume: m^3.
        com: (3,) metres.
        inertia: (3, 3) about the centre of mass, m^5.
        source: ``exact`` from a closed surface, ``hulls`` from the convex pieces.
    """

    volume: float
    com: Array
    inertia: Array
    source: InertiaSource


def welded(part: Part) -> Any:
    """A part as a ``trimesh.Trimesh``: equal corners joined, empty faces gone, normals outwards."""
    import trimesh

    mesh = trimesh.Trimesh(part.vertices, part.faces, process=False)
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    mesh.update_faces(mesh.unique_faces() & mesh.nondegenerate_faces(height=1e-12))
    mesh.remove_unreferenced_vertices()
    trimesh.repair.fix_normals(mesh, multibody=True)
    return mesh


def simplified(vertices: Array, faces: Faces, limit: int) -> tuple[Array, Faces]:
    """Reduces a mesh to about ``limit`` faces by quadric edge collapse; smaller ones are kept."""
    import fast_simplification

    if len(faces) <= limit:
        return vertices, faces
    points, triangles = fast_simplification.simplify(
        vertices.astype(np.float32), faces.astype(np.int32), target_count=limit
    )
    return np.asarray(points, dtype=np.float64), np.asarray(triangles, dtype=np.int64)


def joined(meshes: Sequence[Any]) -> Any:
    """One mesh of several: the union of their bodies when all are closed, else all their faces.

    Bodies of one object overlap (a handle ends inside its wall), also within one mesh. That would
    count mass twice, and cutting surfaces that cross each other takes CoACD minutes.
    """
    import trimesh

    bodies = [body for mesh in meshes for body in mesh.split(only_watertight=False)]
    if len(bodies) > 1 and all(body.is_volume for body in bodies):
        union = trimesh.boolean.union(bodies, engine="manifold")
        if union.is_volume:
            return union
    if len(meshes) == 1:
        return meshes[0]
    return trimesh.util.concatenate(list(meshes))


def mass_properties(mesh: Any, hulls: Sequence[Array]) -> MassProperties:
    """Volume, centre of mass and inertia of a solid, by closed-form surface integrals.

    Args:
        mesh: The surface; used when it is closed and oriented.
        hulls: Vertices (n, 3) of the convex pieces; their union stands in for an open surface.
    """
    if mesh.is_volume and mesh.volume > _THIN:
        return _integrals(mesh, "exact")
    import trimesh

    pieces = [trimesh.convex.convex_hull(points) for points in hulls]
    return _integrals(joined(pieces), "hulls")


def _integrals(mesh: Any, source: InertiaSource) -> MassProperties:
    found = mesh.mass_properties
    volume = float(found["mass"]) / float(found["density"])
    inertia = np.asarray(found["inertia"], dtype=np.float64) / float(found["density"])
    com = np.asarray(found["center_mass"], dtype=np.float64)
    return MassProperties(volume, com, 0.5 * (inertia + inertia.T), source)
