"""Things that hold others upright: pen holder, utensil crock, napkin holder."""

from __future__ import annotations

from datafactory_assets.families.boxes import FLOOR
from datafactory_assets.families.forms import describe
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import shade
from datafactory_assets.families.pieces import (
    Vec3,
    box,
    inner_floor,
    square_cavity,
    square_wall,
)
from datafactory_assets.families.racks import STANDS, boards_of, slot_at
from datafactory_assets.families.solids import Loft, Revolve
from datafactory_assets.families.tableware import standing
from datafactory_assets.families.vessels import (
    RING,
    round_cavity,
    shell,
)

_PEN_WALL = {"plastic": 0.0028, "wood": 0.005, "steel": 0.001}


def _draw_pen_holder(draw: Draw) -> Params:
    return draw.params(
        ("plastic", "wood", "steel"),
        half=draw.uniform(0.0320, 0.0375),
        height=draw.uniform(0.090, 0.110),
    )


def _build_pen_holder(params: Params) -> Form:
    """A square cup."""
    a, h = params.size["half"], params.size["height"]
    wall = _PEN_WALL[params.material]
    thick = max(wall, 0.003)
    low, high = (a - thick, a - thick, FLOOR), (a - thick, a - thick, h)
    cavity = square_cavity(low, high)
    profile = (
        (a - 0.002, a - 0.002, 0.006, 0.0),
        (a, a, 0.007, 0.002),
        (a, a, 0.007, h - 0.0005),
        (a - 0.3 * wall, a - 0.3 * wall, 0.007, h),
        (a - 0.7 * wall, a - 0.7 * wall, 0.0065, h),
        (a - wall, a - wall, 0.006, h - 0.0005),
        (a - wall, a - wall, 0.006, FLOOR),
    )
    return Form(
        solids=(Loft(profile, params.rgba),),
        shapes=(
            *square_wall(low, high, thick),
            box((a, a, 0.5 * FLOOR), (0.0, 0.0, 0.5 * FLOOR), "floor"),
        ),
        poses=standing(h, 0.25, 0.25),
        surfaces=(inner_floor(cavity, shallow=False),),
        cavity=cavity,
        symmetry="box",
        grip=2.0 * a,
        attributes=("holder",),
    )


def _draw_utensil_crock(draw: Draw) -> Params:
    radius = draw.uniform(0.054, 0.062)
    return draw.params(
        ("ceramic",),
        radius=radius,
        height=draw.uniform(0.150, 0.170),
        wall=draw.uniform(0.0055, 0.0065),
    )


def _build_utensil_crock(params: Params) -> Form:
    """A heavy straight crock with two bands."""
    size = params.size
    r, h, wall = size["radius"], size["height"], size["wall"]
    floor = 0.010
    shapes, cavity = round_cavity((r - wall, floor), (r, h), wall, (r - 0.001, 0.0, floor), RING)
    outside = shell(r - 0.001, (r, h), wall, floor)
    bands = [
        Revolve(
            ((r - 0.0005, z), (r + 0.0012, z), (r + 0.0012, z + 0.007), (r - 0.0005, z + 0.007)),
            shade(params.rgba, 0.6),
            "band",
            ring=True,
        )
        for z in (0.16 * h, 0.80 * h)
    ]
    return Form(
        solids=(Revolve(outside, params.rgba), *bands),
        shapes=shapes,
        poses=standing(h, 0.35, 0.30),
        surfaces=(inner_floor(cavity, shallow=False),),
        cavity=cavity,
        symmetry="z",
        attributes=("holder",),
    )


def _draw_napkin_holder(draw: Draw) -> Params:
    return draw.params(
        ("wood", "plastic"),
        gap=draw.uniform(0.030, 0.038),
        half_y=draw.uniform(0.060, 0.072),
        height=draw.uniform(0.085, 0.105),
    )


def _build_napkin_holder(params: Params) -> Form:
    """Two upright boards on a foot with one wide slot between them."""
    size = params.size
    gap, b, h = size["gap"], size["half_y"], size["height"]
    wall = 0.006
    x = 0.5 * (gap + wall)
    half_z, z = 0.5 * (h - FLOOR), 0.5 * (h + FLOOR)
    boards: list[tuple[Vec3, Vec3, str]] = [
        ((x + 0.5 * wall + 0.008, b, 0.5 * FLOOR), (0.0, 0.0, 0.5 * FLOOR), "floor"),
        ((0.5 * wall, b - 0.004, half_z), (-x, 0.0, z), "wall"),
        ((0.5 * wall, b - 0.004, half_z), (x, 0.0, z), "wall"),
    ]
    solids, shapes = boards_of(boards, params)
    return Form(
        solids=solids,
        shapes=shapes,
        poses=STANDS,
        slots=(slot_at(0.0, 0.0, 0.5 * gap, b - 0.006, FLOOR, h),),
        symmetry="box",
        grip=gap + 2.0 * wall,
        attributes=("slots", "holder"),
    )


FAMILIES = (
    Family(
        describe(
            "pen_holder",
            ("pencil cup", "pencil holder", "desk organizer"),
            "A square cup for pens.",
            "desk pen cups: 64-75 mm wide, 90-110 mm high",
            ("plastic", "wood", "steel"),
            container=True,
        ),
        _draw_pen_holder,
        _build_pen_holder,
        patterns=True,
    ),
    Family(
        describe(
            "utensil_crock",
            ("utensil holder", "crock"),
            "A heavy straight crock with two bands, for kitchen utensils.",
            "utensil crocks: 108-124 mm across, 150-170 mm high",
            ("ceramic",),
            container=True,
            graspable=False,
        ),
        _draw_utensil_crock,
        _build_utensil_crock,
        patterns=True,
    ),
    Family(
        describe(
            "napkin_holder",
            ("napkin stand", "letter holder"),
            "Two upright boards on a foot with one wide slot between them.",
            "napkin holders: slot of 30-38 mm, 120-144 mm wide, 85-105 mm high",
            ("wood", "plastic"),
            container=True,
        ),
        _draw_napkin_holder,
        _build_napkin_holder,
        patterns=True,
    ),
)
