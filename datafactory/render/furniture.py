"""The table and the robot's stand, drawn around the boxes that the physics knows; furniture.

Surfaces are in the frame of the table's box (its centre) and of the robot's base.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from datafactory.geometry import Pose
from datafactory.render.look import Colour, TableLook
from datafactory.render.paint import Paint, patterned
from datafactory.render.poses import PhysicsGeom, TableBox, Vector
from datafactory.render.primitives import cylinder, merged, moved, rounded_box
from datafactory.render.shapes import geom_mesh
from datafactory.render.stage import Material, Mesh, Surface
from datafactory.render.unwrap import box_uv, joined
from datafactory.robots.model import Box

EDGE_M = 0.006
"""Radius of the table top's edges; the top's outline is exactly the physical box."""
_GRAIN = {"wood": "wood_veneer", "stone": "granite", "metal": "brushed_metal"}
"""Texture family of a finish; paint and laminate are plain."""
_PLAIN_GLOSS = 0.3
_STAND_COLOUR: Colour = (0.27, 0.28, 0.30)
_STAND_MARGIN_M = 0.02
_LOWEST_STAND_M = 0.04


def table_surfaces(
    box: TableBox, floor_z: float, look: TableLook, paint: Paint
) -> tuple[Surface, ...]:
    """The table: its top, and a frame down to the floor.

    Args:
        box: The physical box.
        floor_z: Height of the floor, metres.
        look: Form and colour of the frame.
        paint: Of the top.
    """
    top = Surface("top", rounded_box(box.half, EDGE_M, paint.repeat_m), paint.material)
    under = box.center[2] - box.half[2] - floor_z
    if under < 0.05:
        return (top,)
    place = Pose.of((0.0, 0.0, -box.half[2] - under))
    parts = [moved(m, place @ p) for m, p in _FRAMES[look.form](box.half, under)]
    return (top, Surface("frame", merged(*parts), Material(look.frame, gloss=0.3)))


def furniture_surfaces(
    geoms: Sequence[PhysicsGeom], pixels: int, raised: float = 0.0
) -> tuple[Surface, ...]:
    """Parts of a piece of furniture, as the physics has them, in their finishes and colours.

    Args:
        geoms: Their geoms.
        pixels: Edge of the texture's image.
        raised: z of the body's frame in the frame they are drawn in, metres.
    """
    groups: dict[tuple[str, Colour], list[Mesh]] = {}
    for geom in geoms:
        groups.setdefault((geom.finish, geom.rgba[:3]), []).append(geom_mesh(geom))
    surfaces = []
    for (finish, colour), meshes in groups.items():
        mesh = moved(merged(*meshes), Pose.of((0.0, 0.0, raised)))
        family = _GRAIN.get(finish)
        if family is None:
            surfaces.append(Surface(finish, mesh, Material(colour, gloss=_PLAIN_GLOSS)))
            continue
        # Things of one colour have one pattern: the picture follows from the physics alone.
        paint = patterned(f"{family}/{round(1000 * sum(colour)) % 8:03d}", colour, pixels)
        corners = mesh.vertices[mesh.faces].astype(np.float64)
        normals = mesh.normals[mesh.faces].astype(np.float64)
        uv = box_uv(corners, paint.repeat_m)
        surfaces.append(Surface(finish, joined(corners, normals, uv), paint.material))
    return tuple(surfaces)


def stand_surfaces(base: Box, height: float) -> tuple[Surface, ...]:
    """A pedestal under a robot's base, in the base's frame; none for a robot near the floor.

    Args:
        base: Box around the fixed base, base frame.
        height: Of the base above the floor, metres.
    """
    if height < _LOWEST_STAND_M:
        return ()
    x, y, _ = base.center
    half_x, half_y = base.half[0] + _STAND_MARGIN_M, base.half[1] + _STAND_MARGIN_M
    plate = 0.012
    column = 0.5 * height - plate
    wide = 0.75 * half_x
    parts = [
        moved(rounded_box((half_x, half_y, plate), 0.003), Pose.of((x, y, -plate))),
        moved(rounded_box((wide, wide, column), 0.0), Pose.of((x, y, -0.5 * height))),
        moved(rounded_box((half_x + 0.08, half_y + 0.08, plate), 0.003),
              Pose.of((x, y, plate - height))),
    ]  # fmt: skip
    bolts = [
        moved(cylinder(0.012, 0.008),
              Pose.of((x + i * (half_x + 0.05), y + j * (half_y + 0.05), 2 * plate - height)))
        for i in (-1, 1) for j in (-1, 1)
    ]  # fmt: skip
    return (
        Surface("stand", merged(*parts), Material(_STAND_COLOUR, gloss=0.35)),
        Surface("bolts", merged(*bolts), Material((0.7, 0.71, 0.73), gloss=0.6)),
    )


_Part = tuple[Mesh, Pose]


def _legs(half: Vector, under: float) -> list[_Part]:
    """Four square legs and rails between them; z = 0 on the floor."""
    leg, inset, rail = 0.028, 0.05, 0.04
    x, y = half[0] - inset, half[1] - inset
    parts = [
        (rounded_box((leg, leg, 0.5 * under), 0.004), Pose.of((i * x, j * y, 0.5 * under)))
        for i in (-1, 1)
        for j in (-1, 1)
    ]
    z = under - rail
    for side in (-1, 1):
        parts.append((rounded_box((0.012, y, rail), 0.002), Pose.of((side * x, 0.0, z))))
        parts.append((rounded_box((x, 0.012, rail), 0.002), Pose.of((0.0, side * y, z))))
    return parts


def _trestle(half: Vector, under: float) -> list[_Part]:
    """Two columns on feet, as of a desk; z = 0 on the floor."""
    y, foot, arm = 0.7 * half[1], 0.022, 0.015
    parts = []
    for side in (-1, 1):
        parts += [
            (rounded_box((0.92 * half[0], 0.035, foot), 0.006), Pose.of((0.0, side * y, foot))),
            (rounded_box((0.05, 0.03, 0.5 * under - foot), 0.005),
             Pose.of((0.0, side * y, 0.5 * under + foot - arm))),
            (rounded_box((0.85 * half[0], 0.03, arm), 0.004),
             Pose.of((0.0, side * y, under - arm))),
        ]  # fmt: skip
    beam = rounded_box((0.02, y, 0.035), 0.003)
    return [*parts, (beam, Pose.of((0.0, 0.0, under - 0.08)))]


def _cabinet(half: Vector, under: float) -> list[_Part]:
    """A closed body on a plinth with doors at its long sides; z = 0 on the floor."""
    plinth, inset = 0.05, 0.04
    x, y = half[0] - inset, half[1] - inset
    body = 0.5 * (under - plinth)
    parts = [
        (rounded_box((x - 0.04, y - 0.04, 0.5 * plinth), 0.002), Pose.of((0.0, 0.0, 0.5 * plinth))),
        (rounded_box((x, y, body), 0.004), Pose.of((0.0, 0.0, plinth + body))),
    ]
    door = rounded_box((0.009, y / 3.0 - 0.004, body - 0.012), 0.003)
    grip = rounded_box((0.008, 0.006, 0.07), 0.003)
    for side in (-1, 1):
        for k in (-1, 0, 1):
            place = (side * (x + 0.009), k * y / 1.5, plinth + body)
            parts.append((door, Pose.of(place)))
            handle = (side * (x + 0.026), place[1] + 0.25 * y, plinth + 1.4 * body)
            parts.append((grip, Pose.of(handle)))
    return parts


_FRAMES: dict[str, Callable[[Vector, float], list[_Part]]] = {
    "legs": _legs,
    "trestle": _trestle,
    "cabinet": _cabinet,
}
