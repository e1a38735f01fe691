"""Parts that vessels share: shells of revolution, their collision walls, and loop handles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from datafactory_assets.asset import Cavity, Shape
from datafactory_assets.families.materials import Rgba
from datafactory_assets.families.pieces import (
    Point,
    Vec3,
    cone_cavity,
    cylinder,
    round_wall,
    strut,
)
from datafactory_assets.families.solids import Arc
from datafactory_assets.families.tableware import bulged, wall_line

RING = 12
HANDLE_RING = 11
_KNOTS_DEG = (-90.0, -42.0, 0.0, 42.0, 90.0)
Side = Literal["x", "-x", "y", "-y", "z"]


def shell(
    base: float, rim: Point, wall: float, floor: float, bulge: float = 0.0
) -> tuple[Point, ...]:
    """Profile of a round vessel with a flat base: up its outside, over the rim, down its inside.

    Args:
        base: Outer radius of the base, metres.
        rim: (outer radius, height) of the rim, metres.
        wall: Wall thickness, metres.
        floor: Height of the inner floor, metres.
        bulge: How far the wall bows outwards, metres.
    """
    radius, height = rim
    top = height - 0.4 * wall
    steps = 6 if bulge else 1
    outside = bulged((base, 0.003), (radius, top), bulge, steps)
    inside = bulged((radius - wall, top), (base - wall, floor + 0.002), -bulge, steps)
    lip = ((radius - 0.3 * wall, height), (radius - 0.7 * wall, height))
    return (
        (base - 0.004, 0.0),
        (base - 0.001, 0.0008),
        *outside,
        *lip,
        *inside,
        (base - wall - 0.003, floor),
    )


def round_cavity(
    inner: Point, rim: Point, thickness: float, foot: tuple[float, float, float], n: int = RING
) -> tuple[tuple[Shape, ...], Cavity]:
    """Collision wall and floor of a round vessel, and the cavity inside.

    Args:
        inner: (radius, height) of the edge of the inner floor, metres.
        rim: (outer radius, height) of the rim, metres.
        thickness: Thickness of the collision wall, metres.
        foot: (radius, low, high) of the cylinder under the inner floor, metres.
        n: Number of wall pieces.
    """
    low, high = wall_line(n, inner, rim, thickness)
    radius, bottom, top = foot
    shapes = (*round_wall(n, low, high, thickness), cylinder(radius, bottom, top, "floor"))
    return shapes, cone_cavity(n, low, high)


def loop(
    centre: Vec3,
    radius: float,
    tube: float,
    rgba: Rgba,
    *,
    stretch: float = 1.0,
    out: Side = "x",
    along: Literal["x", "y", "z"] = "z",
    nearest: float = -math.inf,
) -> tuple[Arc, tuple[Shape, ...]]:
    """A handle loop: its solid, and the bars that a finger can be put behind.

    Args:
        centre: Middle between its ends, metres.
        radius: How far its centre line reaches out, metres.
        tube: Radius of its tube, metres.
        rgba: Colour.
        stretch: Half distance of its ends over ``radius``.
        out: Object axis and sign it bulges towards.
        along: Object axis its ends are apart along.
        nearest: Least distance of the bars' ends from the origin along ``out``: keeps their
            round ends out of the cavity, metres.
    """
    i, sign = "xyz".index(out[-1]), -1.0 if out[0] == "-" else 1.0
    j = "xyz".index(along)
    knots = []
    for angle in map(math.radians, _KNOTS_DEG):
        knot = list(centre)
        knot[i] = sign * max(nearest, sign * centre[i] + radius * math.cos(angle))
        knot[j] += stretch * radius * math.sin(angle)
        knots.append((knot[0], knot[1], knot[2]))
    return (
        Arc(centre, radius, tube, stretch, rgba, out=out, along=along),
        chain(knots, tube),
    )


def chain(knots: Sequence[Vec3], tube: float, part: str = "handle") -> tuple[Shape, ...]:
    """Capsules from knot to knot, metres."""
    return tuple(strut(p, q, tube, part) for p, q in pairwise(knots))
