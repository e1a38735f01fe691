"""Kitchen utensils that lie along x: whisk, spatula, ladle, wooden spoon, rolling pin.

A handle rises from where it touches the table to the tool's head, so that fingers reach under it.
"""

from __future__ import annotations

import math

from datafactory_assets.asset import Shape, StablePose
from datafactory_assets.families.forms import LIES, describe, lying
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import DARK, METAL
from datafactory_assets.families.pieces import (
    UPRIGHT,
    Point,
    box,
    circle,
    hull,
    inner_floor,
    lying_cylinder,
    nm,
)
from datafactory_assets.families.solids import Arc, Loft, Revolve, Sweep, rounded_box
from datafactory_assets.families.tableware import bulged
from datafactory_assets.families.vessels import RING, chain, round_cavity

_ACCENT = ("black", "red", "green", "teal", "blue", "orange", "grey", "purple", "yellow")


def bar(p: Point, q: Point, half_y: float, half_z: float, part: str = "handle") -> Shape:
    """Box between two points (x, z) of the plane y = 0, metres."""
    dx, dz = q[0] - p[0], q[1] - p[1]
    half = -0.5 * math.atan2(dz, dx)
    quat = (nm(math.cos(half)), 0.0, nm(math.sin(half)), 0.0)
    centre = (nm(0.5 * (p[0] + q[0])), 0.0, nm(0.5 * (p[1] + q[1])))
    size = (nm(0.5 * math.hypot(dx, dz)), nm(half_y), nm(half_z))
    return Shape("box", size, centre, quat, part=part)


def scoop(a: float, b: float, depth: float, wall: float, x: float, params: Params) -> Loft:
    """A long shallow bowl with its bottom on z = 0 and its middle at x, metres."""
    rim = wall * 0.4
    return Loft(
        (
            (0.55 * a, 0.50 * b, 0.50 * b - 5e-4, 0.0),
            (0.85 * a, 0.80 * b, 0.80 * b - 5e-4, 0.45 * depth),
            (a, b, b - 5e-4, depth - rim),
            (a - rim, b - rim, b - rim - 5e-4, depth),
            (a - wall, b - wall, b - wall - 5e-4, depth),
            (0.85 * a - wall, 0.80 * b - wall, 0.80 * b - wall - 5e-4, 0.45 * depth + wall),
            (0.55 * a - wall, 0.50 * b - wall, 0.50 * b - wall - 5e-4, wall),
        ),
        params.rgba,
        "bowl",
        origin=(x, 0.0, 0.0),
    )


def scoop_hull(a: float, b: float, depth: float, x: float) -> Shape:
    """The hull of ``scoop``."""
    low = [(x + 0.55 * a * u, 0.50 * b * v, 0.0) for u, v in circle(1.0, 12)]
    high = [(x + a * u, b * v, depth) for u, v in circle(1.0, 12)]
    return hull([*low, *high], "bowl")


def _draw_wooden_spoon(draw: Draw) -> Params:
    return draw.params(
        ("wood",),
        ("brown", "orange", "white", "black"),
        length=draw.uniform(0.250, 0.300),
        bowl=draw.uniform(0.030, 0.036),
        thick=draw.uniform(0.0060, 0.0072),
    )


def _build_wooden_spoon(params: Params) -> Form:
    size = params.size
    length, a, t = size["length"], size["bowl"], size["thick"]
    b, depth = 0.72 * a, 0.014
    x0, x1 = -0.5 * length, 0.5 * length
    neck = x1 - 1.75 * a
    rise = 0.011
    return lying(
        (
            scoop(a, b, depth, 0.0035, x1 - a, params),
            Sweep(
                (
                    (0.9 * t, 0.9 * t, 0.6 * t, x0, 0.0, t),
                    (t, t, 0.7 * t, x0 + 0.010, 0.0, t + 0.0002),
                    (0.9 * t, 0.9 * t, 0.6 * t, 0.5 * (x0 + neck), 0.0, 0.5 * (t + rise) + 0.001),
                    (0.8 * t, 0.7 * t, 0.5 * t, neck, 0.0, rise),
                    (0.7 * t, 0.45 * t, 0.3 * t, neck + 0.006, 0.0, rise),
                ),
                params.rgba,
                "handle",
            ),
        ),
        (
            scoop_hull(a, b, depth, x1 - a),
            bar((x0, t), (neck + 0.004, rise), 0.95 * t, 0.95 * t),
        ),
        2.0 * t,
    )


def _draw_spatula(draw: Draw) -> Params:
    return draw.params(
        ("plastic", "steel"),
        _ACCENT,
        length=draw.uniform(0.250, 0.290),
        blade=draw.uniform(0.042, 0.050),
        width=draw.uniform(0.032, 0.038),
        grip=draw.uniform(0.0095, 0.0115),
        density=draw.uniform(950.0, 1150.0),
    )


def _build_spatula(params: Params) -> Form:
    """A flat slotted blade, a bent neck and a thick handle that ends on the table."""
    size = params.size
    length, a, b, grip = size["length"], size["blade"], size["width"], size["grip"]
    x0, x1 = -0.5 * length, 0.5 * length
    heel = x1 - 2.0 * a
    bend, top, t = heel - 0.030, 0.024, 0.0065
    colour = METAL if params.material == "steel" else DARK
    slots = [
        rounded_box((0.55 * a, 0.0022, 0.0002), (x1 - a, y, 0.0031), 0.002, 0.0001, DARK, "slot")
        for y in (-0.5 * b, 0.0, 0.5 * b)
    ]
    return lying(
        (
            rounded_box((a, b, 0.0015), (x1 - a, 0.0, 0.0015), 0.010, 0.0004, colour, "blade"),
            *(slots if params.material == "steel" else ()),
            Sweep(
                (
                    (0.006, 0.0024, 0.0016, bend, 0.0, top),
                    (0.007, 0.0024, 0.0016, heel - 0.004, 0.0, 0.0055),
                    (0.020, 0.0018, 0.0014, heel + 0.006, 0.0, 0.0030),
                ),
                colour,
                "neck",
            ),
            Sweep(
                (
                    (0.8 * grip, 0.8 * t, 0.5 * t, x0, 0.0, t),
                    (grip, t, 0.8 * t, x0 + 0.012, 0.0, t + 0.001),
                    (0.85 * grip, t, 0.8 * t, 0.5 * (x0 + bend), 0.0, 0.5 * (t + top)),
                    (0.8 * grip, 0.8 * t, 0.6 * t, bend, 0.0, top),
                ),
                params.rgba,
                "handle",
            ),
        ),
        (
            box((a, b, 0.0015), (x1 - a, 0.0, 0.0015), "blade"),
            bar((bend, top), (heel + 0.004, 0.004), 0.007, 0.0024, "neck"),
            bar((x0, t), (bend, top), 0.9 * grip, 0.95 * t),
        ),
        2.0 * grip,
    )


def _draw_ladle(draw: Draw) -> Params:
    radius = draw.uniform(0.034, 0.040)
    return draw.params(
        ("steel", "plastic", "wood"),
        radius=radius,
        depth=radius * draw.uniform(0.72, 0.85),
        reach=draw.uniform(0.190, 0.230),
    )


def _build_ladle(params: Params) -> Form:
    """A deep round bowl about the origin and a long handle along -x down to the table."""
    size = params.size
    radius, depth, reach = size["radius"], size["depth"], size["reach"]
    wall = {"steel": 0.0014, "plastic": 0.0030, "wood": 0.0040}[params.material]
    half_y, half_z = 0.0075, 0.0020 if params.material == "steel" else 0.0045
    base, floor, thick = 0.45 * radius, 0.005, 0.003
    bulge = 0.16 * radius
    profile = (
        (base - 0.003, 0.0),
        *bulged((base, 0.001), (radius, depth - 0.0005), bulge, 7),
        (radius - 0.5 * wall, depth),
        *bulged((radius - wall, depth - 0.0005), (base - 0.001, floor), -bulge, 7),
    )
    shapes, cavity = round_cavity(
        (base, floor), (radius, depth), thick, (base + 0.002, 0.0, floor), RING
    )
    end, start = (-radius - reach, half_z), (-radius + 0.001, depth - half_z - 0.001)
    return Form(
        solids=(
            Revolve(profile, params.rgba, "bowl"),
            Sweep(
                (
                    (half_y + 0.002, half_z, 0.6 * half_z, end[0], 0.0, end[1]),
                    (half_y, half_z, 0.6 * half_z, 0.5 * end[0], 0.0, 0.5 * (end[1] + start[1])),
                    (0.7 * half_y, half_z, 0.6 * half_z, start[0], 0.0, start[1]),
                ),
                params.rgba,
                "handle",
            ),
        ),
        shapes=(*shapes, bar(end, start, half_y, half_z)),
        poses=(StablePose(UPRIGHT, 0.0, 0.4, "upright"),),
        surfaces=(inner_floor(cavity, shallow=False),),
        cavity=cavity,
        grip=2.0 * half_y,
        attributes=("lies_along_x",),
    )


def _draw_whisk(draw: Draw) -> Params:
    return draw.params(
        ("steel",),
        _ACCENT,
        length=draw.uniform(0.230, 0.270),
        width=draw.uniform(0.026, 0.033),
        grip=draw.uniform(0.0095, 0.0115),
        density=draw.uniform(1300.0, 1700.0),
    )


def _build_whisk(params: Params) -> Form:
    """A flat whisk: three nested wire loops in the plane of the table, and a handle."""
    size = params.size
    length, width, grip = size["length"], size["width"], size["grip"]
    x0 = -0.5 * length
    seam = x0 + 0.46 * length
    z, wire, half = 0.0085, 0.0013, 0.0085
    reach = 0.5 * length - seam - wire
    loops = [
        Arc((seam, 0.0, z), share * reach, wire, k * width / (share * reach), METAL, "wire",
            out="x", along="y")
        for share, k in ((1.0, 1.0), (0.96, 0.62), (0.93, 0.26))
    ]  # fmt: skip
    knots = [
        (seam + reach * math.cos(a), width * math.sin(a), z)
        for a in (math.radians(d) for d in (-90.0, -45.0, 0.0, 45.0, 90.0))
    ]
    middle = 0.5 * (x0 + seam)
    arm = 0.5 * (seam - x0)
    return lying(
        (
            *loops,
            rounded_box((0.0035, width + 0.002, 0.003), (seam - 0.0035, 0.0, z), 0.0015, 0.0008,
                        METAL, "ferrule"),
            rounded_box((arm - 0.0035, grip, half), (middle - 0.0035, 0.0, half), 0.007, 0.003,
                        params.rgba, "handle"),
        ),
        (
            box((arm - 0.0035, grip, half), (middle - 0.0035, 0.0, half), "handle"),
            box((0.0035, width + 0.002, 0.003), (seam - 0.0035, 0.0, z), "ferrule"),
            *chain(knots, wire, "wire"),
        ),
        2.0 * grip,
    )  # fmt: skip


def _draw_rolling_pin(draw: Draw) -> Params:
    return draw.params(
        ("wood", "plastic"),
        radius=draw.uniform(0.020, 0.026),
        length=draw.uniform(0.270, 0.320),
        grip=draw.uniform(0.0095, 0.0120),
    )


def _build_rolling_pin(params: Params) -> Form:
    size = params.size
    r, length, grip = size["radius"], size["length"], size["grip"]
    x1, barrel = 0.5 * length, 0.31 * length
    half = (
        (grip, x1 - 0.004),
        (grip, barrel + 0.012),
        (0.65 * grip, barrel + 0.004),
        (0.65 * grip, barrel),
        (r - 0.003, barrel),
        (r, barrel - 0.004),
    )
    right = tuple((a, x) for a, x in reversed(half))
    profile = (
        (0.6 * grip, -x1),
        *((a, -x) for a, x in half),
        *right,
        (0.6 * grip, x1),
    )
    return Form(
        solids=(Revolve(profile, params.rgba, axis="x", origin=(0.0, 0.0, r)),),
        shapes=(
            lying_cylinder(r, -barrel, barrel, r),
            lying_cylinder(grip, -x1, -barrel, r, "handle"),
            lying_cylinder(grip, barrel, x1, r, "handle"),
        ),
        poses=LIES,
        symmetry="box",
        grip=2.0 * r,
        attributes=("rolls", "lies_along_x"),
    )


FAMILIES = (
    Family(
        describe(
            "wooden_spoon",
            ("cooking spoon",),
            "A long wooden spoon, lying along x with its bowl up.",
            "wooden spoons: 250-300 mm long, bowls 43-52 mm wide",
            ("wood",),
        ),
        _draw_wooden_spoon,
        _build_wooden_spoon,
    ),
    Family(
        describe(
            "spatula",
            ("turner", "slotted turner"),
            "A turner with a flat blade, a bent neck and a thick handle, lying along x.",
            "turners: 250-290 mm long, blades 64-76 mm wide; hollow handles",
            ("plastic", "steel"),
        ),
        _draw_spatula,
        _build_spatula,
    ),
    Family(
        describe(
            "ladle",
            ("soup ladle",),
            "A deep round bowl with a long handle along -x.",
            "small ladles: bowls 68-80 mm across, 260-310 mm long",
            ("steel", "plastic", "wood"),
            container=True,
        ),
        _draw_ladle,
        _build_ladle,
    ),
    Family(
        describe(
            "whisk",
            ("egg beater", "flat whisk"),
            "A flat whisk of three nested wire loops, lying along x.",
            "flat whisks: 230-270 mm long, 52-66 mm wide; plastic over steel",
            ("steel",),
        ),
        _draw_whisk,
        _build_whisk,
    ),
    Family(
        describe(
            "rolling_pin",
            ("dough roller",),
            "A rolling pin with a grip at either end, lying along x.",
            "small rolling pins: 40-52 mm across, 270-320 mm long",
            ("wood", "plastic"),
        ),
        _draw_rolling_pin,
        _build_rolling_pin,
    ),
)
