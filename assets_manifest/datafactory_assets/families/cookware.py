"""Round cookware: pot and pan. Sheet metal of about 2 to 4 mm; collision walls are thicker."""

from __future__ import annotations

from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import DARK, METAL
from datafactory_assets.families.pieces import (
    box,
    cone_cavity,
    cylinder,
    inner_floor,
    round_wall,
)
from datafactory_assets.families.solids import Revolve, rounded_box
from datafactory_assets.families.tableware import standing, wall_line
from datafactory_assets.source import FamilyInfo

_RING = 14
_SHEET = {"steel": 0.0016, "aluminium": 0.0032}
_WALL = 0.004


def _draw_pot(draw: Draw) -> Params:
    radius = draw.uniform(0.080, 0.110)
    return draw.params(
        ("steel", "aluminium"),
        radius=radius,
        height=radius * draw.uniform(0.95, 1.20),
        lug=draw.uniform(0.022, 0.030),
    )


def _build_pot(params: Params) -> Form:
    size = params.size
    radius, height, lug = size["radius"], size["height"], size["lug"]
    sheet = _SHEET[params.material]
    floor = sheet + 0.0035
    profile = (
        (radius - 0.006, 0.0),
        (radius - 0.0015, 0.002),
        (radius, 0.007),
        (radius, height - 0.001),
        (radius - 0.5 * sheet, height),
        (radius - sheet, height - 0.001),
        (radius - sheet, floor + 0.005),
        (radius - sheet - 0.005, floor),
    )
    low, high = wall_line(_RING, (radius - _WALL, floor), (radius, height), _WALL)
    cavity = cone_cavity(_RING, low, high)
    z = height - 0.022
    half = (0.5 * lug, 0.030, 0.005)
    lugs = [(sign * (radius + 0.5 * lug - 0.002), 0.0, z) for sign in (-1.0, 1.0)]
    return Form(
        solids=(
            Revolve(profile, params.rgba),
            *(rounded_box(half, centre, 0.009, 0.002, DARK, "handle") for centre in lugs),
        ),
        shapes=(
            *round_wall(_RING, low, high, _WALL),
            cylinder(radius - 0.002, 0.0, floor, "floor"),
            *(box(half, centre, "handle") for centre in lugs),
        ),
        poses=standing(height, 0.40, 0.35),
        surfaces=(inner_floor(cavity, shallow=False),),
        cavity=cavity,
        symmetry="box",
        attributes=("handle",),
    )


def _draw_pan(draw: Draw) -> Params:
    radius = draw.uniform(0.100, 0.130)
    return draw.params(
        ("aluminium", "steel"),
        radius=radius,
        height=draw.uniform(0.040, 0.055),
        base=radius * draw.uniform(0.78, 0.86),
        handle=draw.uniform(0.14, 0.18),
    )


def _build_pan(params: Params) -> Form:
    size = params.size
    radius, height, base, length = size["radius"], size["height"], size["base"], size["handle"]
    sheet = _SHEET[params.material]
    floor = sheet + 0.003
    profile = (
        (base - 0.003, 0.0),
        (base, 0.0015),
        (radius, height - 0.0005),
        (radius - 0.4 * sheet, height),
        (radius - sheet, height - 0.0005),
        (base - sheet, floor + 0.002),
        (base - sheet - 0.003, floor),
    )
    low, high = wall_line(_RING, (base - 0.003, floor), (radius, height), 0.003)
    cavity = cone_cavity(_RING, low, high)
    half = (0.5 * length, 0.011, 0.007)
    drop = (radius - base) * 0.012 / height
    centre = (radius - drop + half[0], 0.0, height - 0.012)
    return Form(
        solids=(
            Revolve(profile, params.rgba),
            rounded_box(half, centre, 0.008, 0.003, METAL, "handle"),
        ),
        shapes=(
            *round_wall(_RING, low, high, 0.003),
            cylinder(base - 0.001, 0.0, floor, "floor"),
            box(half, centre, "handle"),
        ),
        poses=standing(height, 0.55, 0.40),
        surfaces=(inner_floor(cavity, shallow=False),),
        cavity=cavity,
        attributes=("handle",),
    )


FAMILIES = (
    Family(
        FamilyInfo(
            "pot",
            "pot",
            ("cooking pot", "saucepot", "stockpot"),
            container=True,
            graspable=False,
            supports=False,
            description="A straight cooking pot with two side handles along x.",
            dimension_source="cookware sizes 16-22 cm, 1.5-4 litres",
            materials=("steel", "aluminium"),
        ),
        _draw_pot,
        _build_pot,
    ),
    Family(
        FamilyInfo(
            "pan",
            "pan",
            ("frying pan", "skillet"),
            container=True,
            graspable=False,
            supports=False,
            description="A frying pan with a long handle along +x.",
            dimension_source="cookware sizes 20-26 cm, rim 40-55 mm",
            materials=("aluminium", "steel"),
        ),
        _draw_pan,
        _build_pan,
    ),
)
