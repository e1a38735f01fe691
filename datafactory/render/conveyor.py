"""A conveyor belt as drawn: stripes that show its motion, and feet under its rails."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from datafactory.belt import BELT, RAIL
from datafactory.geometry import Pose
from datafactory.render.poses import WORLD, PhysicsGeom
from datafactory.render.primitives import merged, moved, rounded_box
from datafactory.render.shapes import geom_surfaces
from datafactory.render.stage import Material, Surface

STRIPE_EVERY_M = 0.1
_STRIPE_HALF_M = 0.004
_STRIPE_RISE_M = 0.0004
_STRIPE_COLOUR = (0.36, 0.37, 0.38)
_FOOT_HALF_M = (0.02, 0.009)
_FEET = (-0.9, 0.0, 0.9)
"""Places of the feet along half a rail."""


def body_surfaces(
    name: str, geoms: Sequence[PhysicsGeom], table_z: float | None
) -> tuple[Surface, ...]:
    """Surfaces of a body that is no robot's and no object's, in its frame.

    Args:
        name: Of the body.
        geoms: Its geoms.
        table_z: World height of the table's top; None without a table.
    """
    plain = geom_surfaces(geoms)
    if name == BELT:
        return (*plain, *(_stripes(geom) for geom in geoms))
    rails = [geom for geom in geoms if geom.name.startswith(f"{RAIL}/")]
    if name != WORLD or not rails or table_z is None:
        return plain
    return (*plain, *(_feet(rail, table_z) for rail in rails))


def _stripes(slab: PhysicsGeom) -> Surface:
    """Thin lines across the slab."""
    half_length, half_width, half_height = slab.size
    count = int(2.0 * half_length / STRIPE_EVERY_M)
    line = rounded_box((_STRIPE_HALF_M, 0.98 * half_width, _STRIPE_RISE_M), 0.0)
    places = (np.arange(count) - 0.5 * (count - 1)) * STRIPE_EVERY_M
    body = Pose.from_vector(slab.body_from_geom)
    lines = [moved(line, body @ Pose.of((float(x), 0.0, half_height))) for x in places]
    return Surface("stripes", merged(*lines), Material(_STRIPE_COLOUR, gloss=0.1))


def _feet(rail: PhysicsGeom, table_z: float) -> Surface:
    """Feet from the table to under a rail."""
    place = Pose.from_vector(rail.body_from_geom)
    half = 0.5 * (float(place.position[2]) - rail.size[2] - table_z)
    foot = rounded_box((*_FOOT_HALF_M, half), 0.0)
    down = -rail.size[2] - half
    feet = [moved(foot, place @ Pose.of((at * rail.size[0], 0.0, down))) for at in _FEET]
    return Surface(f"{rail.name}/feet", merged(*feet), Material(rail.rgba[:3], gloss=0.3))
