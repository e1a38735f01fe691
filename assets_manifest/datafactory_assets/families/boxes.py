"""Rectangular containers: tray, basket, open box. Four wall boxes over one floor box."""

from __future__ import annotations

import math

from datafactory_assets.asset import StablePose
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import shade
from datafactory_assets.families.pieces import (
    FLIPPED,
    UPRIGHT,
    box,
    inner_floor,
    nm,
    square_cavity,
    square_wall,
)
from datafactory_assets.families.solids import Loft, Solid
from datafactory_assets.source import FamilyInfo

FLOOR = 0.006  # Height of the inner floor, metres; thinner ones let fast, small bodies through.


def tub(
    params: Params,
    wall: float,
    floor: float,
    corner: float,
    *,
    flipped: float,
    shallow: bool = False,
    band: float = 0.0,
    attributes: tuple[str, ...] = (),
) -> Form:
    """A rectangular tub whose walls lean outwards.

    Args:
        params: With ``half_x``, ``half_y`` (outer rim), ``height`` and ``taper`` (how much
            narrower the base is, each side), metres.
        wall: Wall thickness, metres.
        floor: Height of the inner floor, metres.
        corner: Outer corner radius, metres, > wall.
        flipped: Share of the upside-down pose.
        shallow: The floor counts as open above.
        band: Height of a darker rim band, metres.
        attributes: Attribute words.
    """
    size = params.size
    a, b, height, taper = size["half_x"], size["half_y"], size["height"], size["taper"]
    a0, b0 = a - taper, b - taper
    thick = max(wall, 0.003)
    lean = thick * math.cos(math.atan2(taper, height))
    low = (a0 - thick, b0 - thick, floor)
    high = (a - lean, b - lean, height)
    cavity = square_cavity(low, high)
    return Form(
        solids=_tub_solids(params, wall, floor, corner, band),
        shapes=(
            *square_wall(low, high, thick),
            box((a0, b0, 0.5 * floor), (0.0, 0.0, 0.5 * floor), "floor"),
        ),
        poses=(
            StablePose(UPRIGHT, 0.0, round(0.95 - flipped, 6), "upright"),
            StablePose(FLIPPED, nm(height), flipped, "upside_down"),
        ),
        surfaces=(inner_floor(cavity, shallow),),
        cavity=cavity,
        symmetry="box",
        attributes=attributes,
    )


def _tub_solids(
    params: Params, wall: float, floor: float, corner: float, band: float
) -> tuple[Solid, ...]:
    """The tub as one shell; a floor thicker than the wall is hollow underneath."""
    size = params.size
    a, b, height, taper = size["half_x"], size["half_y"], size["height"], size["taper"]
    bevel = 0.4 * wall
    recess = max(0.0, floor - max(wall, 0.003))

    def at(z: float, inset: float) -> tuple[float, float, float, float]:
        narrow = taper * (1.0 - z / height) + inset
        return (a - narrow, b - narrow, max(5e-4, corner - inset), z)

    rim = (
        at(height - bevel, 0.0),
        at(height, bevel),
        at(height, wall - 0.5 * bevel),
        at(height - bevel, wall),
    )
    foot = 2.0 * wall + bevel
    under = () if recess == 0.0 else (at(recess, foot), at(0.0, foot))
    start = (*under, at(0.0, bevel), at(bevel, 0.0))
    end = (at(floor + bevel, wall), at(floor, wall + bevel))
    if band == 0.0:
        return (Loft((*start, *rim, *end), params.rgba),)
    cut = height - band
    body = Loft((*start, at(cut, 0.0), at(cut, wall), *end), params.rgba)
    hoop = Loft(
        (at(cut, 0.0), *rim, at(cut, wall)), shade(params.rgba, 0.65), part="rim", ring=True
    )
    return (body, hoop)


def _draw_tray(draw: Draw) -> Params:
    return draw.params(
        ("wood", "plastic"),
        half_x=draw.uniform(0.150, 0.205),
        half_y=draw.uniform(0.105, 0.145),
        height=draw.uniform(0.028, 0.048),
        taper=draw.uniform(0.004, 0.012),
    )


def _build_tray(params: Params) -> Form:
    wall = 0.006 if params.material == "wood" else 0.004
    return tub(
        params, wall, FLOOR, 0.022, flipped=0.40, shallow=True, attributes=("shallow", "flat")
    )


def _draw_basket(draw: Draw) -> Params:
    return draw.params(
        ("plastic", "wood"),
        half_x=draw.uniform(0.130, 0.170),
        half_y=draw.uniform(0.095, 0.125),
        height=draw.uniform(0.095, 0.140),
        taper=draw.uniform(0.010, 0.022),
    )


def _build_basket(params: Params) -> Form:
    wall = 0.005 if params.material == "wood" else 0.0028
    return tub(params, wall, FLOOR, 0.030, flipped=0.30, band=0.018)


def _draw_open_box(draw: Draw) -> Params:
    return draw.params(
        ("cardboard", "wood", "plastic"),
        half_x=draw.uniform(0.100, 0.150),
        half_y=draw.uniform(0.080, 0.110),
        height=draw.uniform(0.075, 0.130),
        taper=0.0,
    )


_BOX_WALL = {"cardboard": 0.004, "wood": 0.008, "plastic": 0.003}


def _build_open_box(params: Params) -> Form:
    wall = _BOX_WALL[params.material]
    return tub(params, wall, max(wall, FLOOR), wall + 0.001, flipped=0.35)


FAMILIES = (
    Family(
        FamilyInfo(
            "tray",
            "tray",
            ("serving tray", "platter"),
            container=True,
            graspable=False,
            supports=True,
            description="A flat rectangular serving tray with a low rim.",
            dimension_source="serving trays as sold: 300-410 x 210-290 mm, rim 28-48 mm",
            materials=("wood", "plastic"),
        ),
        _draw_tray,
        _build_tray,
    ),
    Family(
        FamilyInfo(
            "basket",
            "basket",
            ("storage basket", "hamper"),
            container=True,
            graspable=False,
            supports=False,
            description="A tapered storage basket with a darker rim band.",
            dimension_source="shelf baskets as sold: 260-340 x 190-250 mm, 95-140 mm high",
            materials=("plastic", "wood"),
        ),
        _draw_basket,
        _build_basket,
    ),
    Family(
        FamilyInfo(
            "open_box",
            "box",
            ("open box", "bin", "crate"),
            container=True,
            graspable=False,
            supports=False,
            description="A rectangular box without a lid.",
            dimension_source="parcel and storage boxes: 200-300 x 160-220 mm, 75-130 mm high",
            materials=("cardboard", "wood", "plastic"),
        ),
        _draw_open_box,
        _build_open_box,
    ),
)
