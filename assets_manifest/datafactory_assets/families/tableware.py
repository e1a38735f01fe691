"""Round tableware: bowl, plate, mug, cup.

The true solids are solids of revolution (a ceramic wall of 4 to 6 mm). The collision wall is a ring
of tilted boxes along the chord of the wall, over a cylinder for the base.
"""

from __future__ import annotations

import math
from itertools import pairwise

from datafactory_assets.asset import StablePose
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.pieces import (
    FLIPPED,
    UPRIGHT,
    Point,
    cone_cavity,
    cylinder,
    inner_floor,
    nm,
    rod,
    round_wall,
)
from datafactory_assets.families.solids import Arc, Revolve
from datafactory_assets.source import FamilyInfo

RING = 12
WIDE_RING = 16


def standing(height: float, upright: float, flipped: float) -> tuple[StablePose, ...]:
    """Upright and upside-down poses of a vessel of a height (metres), with their shares."""
    return (
        StablePose(UPRIGHT, 0.0, upright, "upright"),
        StablePose(FLIPPED, nm(height), flipped, "upside_down"),
    )


def mean_apothem(n: int, radius: float) -> float:
    """Apothem of the n-gon halfway between inscribed and circumscribed to a circle, metres."""
    return radius * 0.5 * (1.0 + math.cos(math.pi / n))


def wall_line(n: int, base: Point, rim: Point, thickness: float) -> tuple[Point, Point]:
    """Inner face of a collision wall, from the inner base circle and the outer rim circle.

    Args:
        n: Number of wall boxes.
        base: (radius, z) of the edge of the inner floor, metres.
        rim: (radius, z) of the outer rim, metres.
        thickness: Wall thickness, metres.

    Returns:
        (apothem, z) of the lower and of the upper edge.
    """
    low = mean_apothem(n, base[0])
    tilt = math.atan2(rim[0] - thickness - base[0], rim[1] - base[1])
    return (low, base[1]), (mean_apothem(n, rim[0]) - thickness * math.cos(tilt), rim[1])


def bulged(start: Point, end: Point, bulge: float, steps: int) -> tuple[Point, ...]:
    """Points from start to end, bowed outwards (to larger r) by ``bulge`` metres."""
    dr, dz = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dr, dz)
    points = []
    for i in range(steps + 1):
        s = i / steps
        bow = bulge * math.sin(math.pi * s) / length
        points.append((start[0] + dr * s + dz * bow, start[1] + dz * s - dr * bow))
    return tuple(points)


def _draw_bowl(draw: Draw) -> Params:
    radius = draw.uniform(0.060, 0.085)
    return draw.params(
        ("ceramic", "plastic", "wood"),
        radius=radius,
        height=radius * draw.uniform(0.70, 0.82),
        base=radius * draw.uniform(0.50, 0.58),
        bulge=radius * draw.uniform(0.03, 0.07),
        wall=draw.uniform(0.0040, 0.0050),
    )


def _build_bowl(params: Params) -> Form:
    size = params.size
    radius, height, base, wall = size["radius"], size["height"], size["base"], size["wall"]
    floor = 1.4 * wall
    foot = ((base - 0.007, 0.002), (base - 0.005, 0.0))
    outer = bulged((base, 0.0), (radius, height - 0.4 * wall), size["bulge"], 7)
    inner = bulged((radius - wall, height - 0.4 * wall), (base, floor), -size["bulge"], 7)
    lip = ((radius - 0.3 * wall, height), (radius - 0.7 * wall, height))
    low, high = wall_line(RING, (base, floor), (radius, height), wall)
    cavity = cone_cavity(RING, low, high)
    return Form(
        solids=(Revolve((*foot, *outer, *lip, *inner), params.rgba),),
        shapes=(
            *round_wall(RING, low, high, wall),
            cylinder(base + 0.5 * wall, 0.0, floor, "floor"),
        ),
        poses=standing(height, 0.55, 0.45),
        surfaces=(inner_floor(cavity, shallow=False),),
        cavity=cavity,
        symmetry="z",
        grip=wall,
    )


def _draw_plate(draw: Draw) -> Params:
    radius = draw.uniform(0.095, 0.135)
    return draw.params(
        ("ceramic", "plastic"),
        radius=radius,
        height=draw.uniform(0.018, 0.025),
        base=radius * draw.uniform(0.62, 0.70),
        wall=draw.uniform(0.0050, 0.0060),
    )


def _build_plate(params: Params) -> Form:
    size = params.size
    radius, height, base, wall = size["radius"], size["height"], size["base"], size["wall"]
    profile = (
        (base - 0.006, 0.0015),
        (base - 0.004, 0.0),
        (base, 0.0),
        (base + 0.004, 0.0008),
        (radius - 0.002, height - wall),
        (radius, height - 0.6 * wall),
        (radius - 0.0005, height - 0.1 * wall),
        (radius - 0.002, height),
        (base + 0.006, wall + 0.0015),
        (base, wall),
    )
    low, high = wall_line(WIDE_RING, (base, wall), (radius, height), 0.8 * wall)
    cavity = cone_cavity(WIDE_RING, low, high)
    return Form(
        solids=(Revolve(profile, params.rgba),),
        shapes=(
            *round_wall(WIDE_RING, low, high, 0.8 * wall),
            cylinder(base + 0.001, 0.0, wall, "floor"),
        ),
        poses=standing(height, 0.60, 0.40),
        surfaces=(inner_floor(cavity, shallow=True),),
        cavity=cavity,
        symmetry="z",
        attributes=("shallow",),
    )


def _draw_mug(draw: Draw) -> Params:
    radius = draw.uniform(0.037, 0.044)
    return draw.params(
        ("ceramic",),
        radius=radius,
        height=draw.uniform(0.085, 0.105),
        wall=draw.uniform(0.0038, 0.0046),
        reach=draw.uniform(0.027, 0.032),
        tube=draw.uniform(0.0045, 0.0055),
        stretch=draw.uniform(1.0, 1.12),
    )


def _build_mug(params: Params) -> Form:
    size = params.size
    radius, height, wall = size["radius"], size["height"], size["wall"]
    reach, tube, stretch = size["reach"], size["tube"], size["stretch"]
    floor = 1.6 * wall
    profile = (
        (radius - 0.004, 0.0),
        (radius - 0.001, 0.0012),
        (radius, 0.005),
        (radius, height - 0.4 * wall),
        (radius - 0.3 * wall, height),
        (radius - 0.7 * wall, height),
        (radius - wall, height - 0.4 * wall),
        (radius - wall, floor + 0.004),
        (radius - wall - 0.004, floor),
    )
    centre = (radius - 0.0015, 0.0, 0.5 * height)
    low, high = wall_line(RING, (radius - wall, floor), (radius, height), wall)
    nearest = low[0] + tube + 5e-4  # keeps the capsules' round ends out of the cavity
    knots = [
        (
            max(nearest, centre[0] + reach * math.cos(math.radians(angle))),
            centre[2] + stretch * reach * math.sin(math.radians(angle)),
        )
        for angle in (-90.0, -42.0, 0.0, 42.0, 90.0)
    ]
    handle = tuple(rod(p, q, tube, "handle") for p, q in pairwise(knots))
    cavity = cone_cavity(RING, low, high)
    return Form(
        solids=(
            Revolve(profile, params.rgba),
            Arc(centre, reach, tube, stretch, params.rgba),
        ),
        shapes=(
            *round_wall(RING, low, high, wall),
            cylinder(radius - 0.001, 0.0, floor, "floor"),
            *handle,
        ),
        poses=standing(height, 0.30, 0.25),
        surfaces=(inner_floor(cavity, shallow=False),),
        cavity=cavity,
        grip=wall,
        attributes=("handle",),
    )


def _draw_cup(draw: Draw) -> Params:
    radius = draw.uniform(0.034, 0.038)
    return draw.params(
        ("plastic", "glass", "steel"),
        radius=radius,
        height=draw.uniform(0.085, 0.125),
        base=radius * draw.uniform(0.74, 0.88),
    )


_CUP_WALL = {"plastic": 0.0025, "glass": 0.0030, "steel": 0.0012}


def _build_cup(params: Params) -> Form:
    size = params.size
    radius, height, base = size["radius"], size["height"], size["base"]
    wall = _CUP_WALL[params.material]
    floor = 0.006
    profile = (
        (base - 0.005, floor - 1.5 * wall),
        (base - 0.004, 0.0),
        (base - 0.002, 0.0),
        (base, 0.002),
        (radius, height - 0.3 * wall),
        (radius - 0.3 * wall, height),
        (radius - 0.7 * wall, height),
        (radius - wall, height - 0.3 * wall),
        (base - wall + 0.0005, floor + 0.002),
        (base - wall - 0.002, floor),
    )
    low, high = wall_line(RING, (base - 0.003, floor), (radius, height), 0.003)
    cavity = cone_cavity(RING, low, high)
    return Form(
        solids=(Revolve(profile, params.rgba),),
        shapes=(
            *round_wall(RING, low, high, 0.003),
            cylinder(base - 0.001, 0.0, floor, "floor"),
        ),
        poses=standing(height, 0.20, 0.25),
        surfaces=(inner_floor(cavity, shallow=False),),
        cavity=cavity,
        symmetry="z",
        grip=2.0 * radius / math.cos(math.pi / RING),
    )


FAMILIES = (
    Family(
        FamilyInfo(
            "bowl",
            "bowl",
            ("cereal bowl", "soup bowl", "dish"),
            container=True,
            graspable=True,
            supports=False,
            description="A round bowl with a flat base and a gently curved wall.",
            dimension_source="cereal and soup bowls as sold: 120-170 mm across, 45-70 mm high",
            materials=("ceramic", "plastic", "wood"),
        ),
        _draw_bowl,
        _build_bowl,
    ),
    Family(
        FamilyInfo(
            "plate",
            "plate",
            ("dinner plate", "side plate"),
            container=True,
            graspable=False,
            supports=True,
            description="A round plate with a flat floor and a raised rim.",
            dimension_source="side to dinner plates as sold: 190-270 mm across, 18-25 mm high",
            materials=("ceramic", "plastic"),
        ),
        _draw_plate,
        _build_plate,
    ),
    Family(
        FamilyInfo(
            "mug",
            "mug",
            ("coffee mug", "tea mug", "coffee cup"),
            container=True,
            graspable=True,
            supports=False,
            description="A straight ceramic mug with a loop handle along +x.",
            dimension_source="300-400 ml mugs: 75-88 mm across, 85-105 mm high, 0.3-0.4 kg",
            materials=("ceramic",),
        ),
        _draw_mug,
        _build_mug,
        version=2,
        patterns=True,
    ),
    Family(
        FamilyInfo(
            "cup",
            "cup",
            ("tumbler", "beaker", "drinking glass"),
            container=True,
            graspable=True,
            supports=False,
            description="A tapered drinking cup without a handle.",
            dimension_source="200-350 ml tumblers: 68-76 mm rim, 85-125 mm high",
            materials=("plastic", "glass", "steel"),
        ),
        _draw_cup,
        _build_cup,
        version=2,
        patterns=True,
    ),
)
