"""For the oven and the worktop: cutting board, casserole, baking tray, colander, pot lid."""

from __future__ import annotations

from datafactory_assets.asset import StablePose
from datafactory_assets.families.boxes import FLOOR, tub
from datafactory_assets.families.forms import block, describe
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import DARK, METAL, shade
from datafactory_assets.families.pieces import (
    FLIPPED,
    UPRIGHT,
    box,
    box_poses,
    cylinder,
    inner_floor,
    nm,
    rectangle,
    square_cavity,
    square_wall,
    top,
)
from datafactory_assets.families.solids import Loft, Revolve, rounded_box
from datafactory_assets.families.tableware import bulged, standing
from datafactory_assets.families.vessels import loop, round_cavity

_STANDS = (StablePose(UPRIGHT, 0.0, 0.9, "upright"),)
_COLANDER_RING = 8


def _draw_cutting_board(draw: Draw) -> Params:
    return draw.params(
        ("wood", "plastic"),
        half_x=draw.uniform(0.115, 0.150),
        half_y=draw.uniform(0.080, 0.100),
        half_z=draw.uniform(0.0070, 0.0095),
        tongue=draw.uniform(0.040, 0.055),
    )


def _build_cutting_board(params: Params) -> Form:
    """A board with a tongue along +x to hold it by, and a dark hole drawn in the tongue."""
    size = params.size
    a, b, c, tongue = size["half_x"], size["half_y"], size["half_z"], size["tongue"]
    grip = (0.5 * tongue, 0.026, c)
    at = (a + 0.5 * tongue, 0.0, c)
    hole = rounded_box((0.010, 0.006, 0.0002), (at[0], 0.0, 2.0 * c), 0.0055, 1e-4, DARK, "hole")
    return Form(
        solids=(
            rounded_box((a, b, c), (0.0, 0.0, c), 0.012, 0.002, params.rgba),
            rounded_box(grip, at, 0.010, 0.002, params.rgba, "handle"),
            hole,
        ),
        shapes=(box((a, b, c), (0.0, 0.0, c)), box(grip, at, "handle")),
        poses=(box_poses((a, b, c))[0], StablePose(FLIPPED, nm(2.0 * c), 0.45, "upside_down")),
        surfaces=(top(rectangle(a, b), 2.0 * c),),
        attributes=("flat",),
    )


def _draw_casserole(draw: Draw) -> Params:
    return draw.params(
        ("ceramic",),
        half_x=draw.uniform(0.105, 0.130),
        half_y=draw.uniform(0.075, 0.092),
        height=draw.uniform(0.055, 0.072),
        taper=draw.uniform(0.006, 0.012),
    )


def _build_casserole(params: Params) -> Form:
    """A rectangular oven dish with two ears along x."""
    size = params.size
    a, b, h, taper = size["half_x"], size["half_y"], size["height"], size["taper"]
    wall, floor = 0.006, 0.008
    low, high = (a - taper - wall, b - taper - wall, floor), (a - wall, b - wall, h)
    cavity = square_cavity(low, high)

    def at(z: float, inset: float) -> tuple[float, float, float, float]:
        narrow = taper * (1.0 - z / h) + inset
        return (a - narrow, b - narrow, 0.026 - inset, z)

    profile = (
        at(0.0, 0.004),
        at(0.004, 0.0),
        at(h - 0.002, 0.0),
        at(h, 0.002),
        at(h, wall - 0.002),
        at(h - 0.002, wall),
        at(floor + 0.004, wall),
        at(floor, wall + 0.004),
    )
    ear, z = (0.011, 0.034, 0.005), h - 0.010
    ears = [(side * (a + ear[0] - 0.001), 0.0, z) for side in (-1.0, 1.0)]
    return Form(
        solids=(
            Loft(profile, params.rgba),
            *(rounded_box(ear, c, 0.010, 0.002, params.rgba, "handle") for c in ears),
        ),
        shapes=(
            *square_wall(low, high, wall),
            box((a - taper, b - taper, 0.5 * floor), (0.0, 0.0, 0.5 * floor), "floor"),
            *(box(ear, c, "handle") for c in ears),
        ),
        poses=standing(h, 0.55, 0.35),
        surfaces=(inner_floor(cavity, shallow=False),),
        cavity=cavity,
        symmetry="box",
        attributes=("handle",),
    )


def _draw_baking_tray(draw: Draw) -> Params:
    return draw.params(
        ("aluminium",),
        ("grey", "black", "brown", "red", "blue"),
        half_x=draw.uniform(0.135, 0.175),
        half_y=draw.uniform(0.095, 0.125),
        height=draw.uniform(0.018, 0.026),
        taper=draw.uniform(0.005, 0.009),
    )


def _build_baking_tray(params: Params) -> Form:
    """A low sheet tray with a pale rim."""
    wall = 0.0008 if params.material == "steel" else 0.0014
    return tub(
        params, wall, FLOOR, 0.016, flipped=0.40, shallow=True, band=0.004,
        attributes=("shallow", "flat"),
    )  # fmt: skip


def _draw_colander(draw: Draw) -> Params:
    radius = draw.uniform(0.095, 0.110)
    return draw.params(
        ("plastic", "aluminium"),
        radius=radius,
        height=radius * draw.uniform(0.80, 0.92),
        base=radius * draw.uniform(0.62, 0.70),
    )


def _build_colander(params: Params) -> Form:
    """A wide bowl on a ring foot with two loop handles along x and rows of dark holes."""
    size = params.size
    radius, height, base = size["radius"], size["height"], size["base"]
    wall = 0.0012 if params.material == "aluminium" else 0.0028
    thick, floor, foot = 0.004, 0.011, 0.0075
    profile = (
        (base - 0.016, foot),
        (base - 0.012, 0.0),
        (base - 0.008, 0.0),
        (base - 0.004, foot),
        *bulged((base, foot + 0.001), (radius, height - 0.0005), 0.05 * radius, 4),
        (radius - 0.5 * wall, height),
        *bulged((radius - wall, height - 0.0005), (base - wall, floor), -0.05 * radius, 2),
    )
    shapes, cavity = round_cavity(
        (base - thick, floor), (radius, height), thick, (base, 0.0, floor), _COLANDER_RING
    )
    loops = [
        loop(
            (radius - 0.002 if out == "x" else 0.002 - radius, 0.0, height - 0.008),
            0.026,
            0.004,
            params.rgba,
            stretch=1.15,
            out=out,
            along="y",
            nearest=radius + 0.001,
        )
        for out in ("x", "-x")
    ]
    # Holes are drawn, not cut: small dark studs that stand a hair out of the wall.
    z = 0.55 * height
    out = 0.5 * (base + radius) + 0.05 * radius
    studs = [
        block((0.0020, 0.0009, 0.006), (x, y, z), shade(params.rgba, 0.3), "hole")
        for x, y in ((0.0, out), (0.03, 0.955 * out), (-0.03, 0.955 * out),
                     (0.0, -out), (0.03, -0.955 * out), (-0.03, -0.955 * out))
    ]  # fmt: skip
    return Form(
        solids=(Revolve(profile, params.rgba), *(solid for solid, _ in loops), *studs),
        shapes=(*shapes, *(bar for _, bars in loops for bar in bars)),
        poses=standing(height, 0.50, 0.40),
        surfaces=(inner_floor(cavity, shallow=False),),
        cavity=cavity,
        symmetry="box",
        grip=wall,
        attributes=("handle", "holes"),
    )


def _draw_lid(draw: Draw) -> Params:
    return draw.params(
        ("steel", "aluminium", "glass"),
        radius=draw.uniform(0.083, 0.112),
        dome=draw.uniform(0.014, 0.020),
        knob=draw.uniform(0.012, 0.015),
    )


def _build_lid(params: Params) -> Form:
    """A domed pot lid, hollow below, with a dark knob."""
    size = params.size
    r, dome, knob = size["radius"], size["dome"], size["knob"]
    sheet = {"steel": 0.0008, "aluminium": 0.0018, "glass": 0.0020}[params.material]
    rim, crown = 0.006, 0.006 + dome
    body = (
        (0.2 * r, crown - sheet),
        (0.6 * r, 0.7 * dome + rim - sheet),
        (0.9 * r, rim - sheet),
        (r - 0.0022, rim - sheet),
        (r - 0.0022, 0.0),
        (r, 0.0),
        (r, rim),
        (0.9 * r, rim + 0.1 * dome),
        (0.6 * r, 0.7 * dome + rim),
        (0.2 * r, crown),
    )
    end = crown + 0.024
    button = (
        (0.6 * knob, crown),
        (0.6 * knob, crown + 0.008),
        (knob, crown + 0.013),
        (knob, crown + 0.020),
        (0.7 * knob, end),
    )
    return Form(
        solids=(
            Revolve(body, params.rgba, "lid"),
            Revolve(button, METAL if params.colour == "black" else DARK, "knob"),
        ),
        shapes=(
            cylinder(r, 0.0, rim, "rim"),
            cylinder(0.75 * r, rim, rim + 0.5 * dome, "dome"),
            cylinder(0.42 * r, rim + 0.5 * dome, crown, "dome"),
            cylinder(0.7 * knob, crown, crown + 0.010, "knob"),
            cylinder(knob, crown + 0.010, end, "knob"),
        ),
        poses=_STANDS,
        symmetry="z",
        grip=2.0 * knob,
        attributes=("knob",),
    )


FAMILIES = (
    Family(
        describe(
            "cutting_board",
            ("chopping board",),
            "A flat board with a tongue along +x to hold it by.",
            "small cutting boards: 230-300 x 160-200 mm, 14-19 mm thick",
            ("wood", "plastic"),
            graspable=False,
            supports=True,
        ),
        _draw_cutting_board,
        _build_cutting_board,
    ),
    Family(
        describe(
            "casserole",
            ("baking dish", "oven dish"),
            "A rectangular ceramic oven dish with two ears along x.",
            "oven dishes: 210-260 x 150-184 mm, 55-72 mm high",
            ("ceramic",),
            container=True,
            graspable=False,
        ),
        _draw_casserole,
        _build_casserole,
        patterns=True,
    ),
    Family(
        describe(
            "baking_tray",
            ("baking sheet", "sheet pan"),
            "A low metal tray with a narrow darker rim.",
            "small oven trays: 270-350 x 190-250 mm, rim 18-26 mm",
            ("aluminium",),
            container=True,
            graspable=False,
            supports=True,
        ),
        _draw_baking_tray,
        _build_baking_tray,
    ),
    Family(
        describe(
            "colander",
            ("strainer",),
            "A wide bowl on a ring foot with two loop handles along x and dark holes.",
            "colanders: 190-220 mm across, 76-101 mm high",
            ("plastic", "aluminium"),
            container=True,
        ),
        _draw_colander,
        _build_colander,
    ),
    Family(
        describe(
            "lid",
            ("pot lid", "pan lid"),
            "A domed pot lid, hollow below, with a knob.",
            "lids for 16-22 cm pots: 166-224 mm across, 44-50 mm high with the knob",
            ("steel", "aluminium", "glass"),
        ),
        _draw_lid,
        _build_lid,
    ),
)
