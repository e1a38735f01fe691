"""Geoms of a physics model as meshes to draw, for bodies of which nothing more is known."""

from __future__ import annotations

from collections.abc import Sequence

from datafactory.geometry import Pose
from datafactory.render.poses import PhysicsGeom
from datafactory.render.primitives import cylinder, ellipsoid, moved, panel, rounded_box
from datafactory.render.stage import Material, Mesh, Surface
from datafactory.render.unwrap import drawn

_PLANE_M = 8.0
"""Side of a plane that the model leaves infinite."""


def geom_mesh(geom: PhysicsGeom) -> Mesh:
    """The mesh of one geom in its body's frame."""
    return moved(_local(geom), Pose.from_vector(geom.body_from_geom))


def geom_surfaces(geoms: Sequence[PhysicsGeom], gloss: float = 0.2) -> tuple[Surface, ...]:
    """Surfaces of geoms in their colours, in their body's frame."""
    return tuple(
        Surface(
            geom.name or f"{geom.kind}/{i}", geom_mesh(geom), Material(geom.rgba[:3], gloss=gloss)
        )
        for i, geom in enumerate(geoms)
    )


def _local(geom: PhysicsGeom) -> Mesh:
    a, b, c = geom.size
    if geom.kind == "mesh":
        return drawn(geom.vertices, geom.faces)
    if geom.kind == "box":
        return rounded_box((a, b, c), 0.0)
    if geom.kind == "cylinder":
        return cylinder(a, b)
    if geom.kind == "capsule":
        return ellipsoid((a, a, a), 2.0 * b)
    if geom.kind == "plane":
        width, height = (2.0 * s if s > 0.0 else _PLANE_M for s in (a, b))
        return moved(panel(width, height, 0.0), Pose.of((-0.5 * width, -0.5 * height, 0.0)))
    return ellipsoid((a, b, c) if geom.kind == "ellipsoid" else (a, a, a))
