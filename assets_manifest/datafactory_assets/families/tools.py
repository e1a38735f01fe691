"""Hand tools and tape; what is long lies along x."""

from __future__ import annotations

import math

from datafactory_assets.families.forms import (
    ONE_POSE,
    accent,
    block,
    describe,
    lying,
    standing,
    turned,
)
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import CREAM, DARK, METAL, shade
from datafactory_assets.families.pieces import (
    box,
    circle,
    cylinder,
    extruded,
    lying_cylinder,
    nm,
    polygon,
    ring_wall,
    top,
    turned_box,
)
from datafactory_assets.families.solids import Prism, Revolve, Sweep

_VIVID = ("red", "orange", "yellow", "green", "blue", "black", "teal")


def _draw_hammer(draw: Draw) -> Params:
    return draw.params(
        ("wood", "plastic", "rubber"),
        (*_VIVID, "brown"),
        length=draw.uniform(0.190, 0.270),
        grip=draw.uniform(0.0120, 0.0150),
        head=draw.uniform(0.0170, 0.0230),
        wide=draw.uniform(0.070, 0.095),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(800.0, 1100.0),
    )


def _build_hammer(params: Params) -> Form:
    size = params.size
    length, g, r, wide = size["length"], size["grip"], size["head"], size["wide"]
    x1 = 0.5 * length
    x0, half = x1 - length, 0.5 * wide
    steel = METAL if params.material != "rubber" else DARK
    middle = 0.72 * r
    centre = (x1 - r, 0.0, r)
    head = (
        (0.92 * r, -half),
        (r, -half + 0.002),
        (r, -0.28 * wide),
        (middle, -0.22 * wide),
        (middle, 0.12 * wide),
        (0.85 * r, 0.22 * wide),
        (0.85 * r, half),
    )
    shaft = x1 - r - middle
    solids = (
        Revolve(head, steel, "head", axis="y", origin=centre),
        Sweep(((0.8 * g, g, 0.7 * g, x0, 0.0, g), (g, g, 0.9 * g, x0 + 0.01, 0.0, g),
               (0.85 * g, g, 0.8 * g, x0 + 0.45 * length, 0.0, g)), params.rgba, "grip"),
        Sweep(((0.70 * g, 0.8 * g, 0.6 * g, x0 + 0.45 * length, 0.0, g),
               (0.62 * g, 0.75 * g, 0.6 * g, shaft, 0.0, r)), accent(params), "shaft"),
    )  # fmt: skip
    box_head = (nm(r), nm(half), nm(r))
    shapes = (
        box(box_head, centre, "head"),
        box((0.225 * length, g, g), (x0 + 0.225 * length, 0.0, g), "grip"),
        box((0.5 * (shaft - x0 - 0.45 * length), 0.68 * g, 0.75 * g),
            (0.5 * (shaft + x0 + 0.45 * length), 0.0, 0.5 * (g + r)), "shaft"),
    )  # fmt: skip
    return lying(solids, shapes, 2.0 * g)


def _draw_screwdriver(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        _VIVID,
        grip=draw.uniform(0.0115, 0.0165),
        handle=draw.uniform(0.080, 0.105),
        shaft=draw.uniform(0.060, 0.110),
        rod=draw.uniform(0.0024, 0.0036),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(1100.0, 1400.0),
    )


def _build_screwdriver(params: Params) -> Form:
    size = params.size
    r, handle, shaft, rod = size["grip"], size["handle"], size["shaft"], size["rod"]
    x0 = -0.5 * (handle + shaft)
    x1, x2 = x0 + handle, x0 + handle + shaft
    grip = (
        (0.70 * r, x0),
        (0.95 * r, x0 + 0.006),
        (r, x0 + 0.018),
        (r, x0 + 0.62 * handle),
        (0.68 * r, x0 + 0.78 * handle),
        (0.86 * r, x0 + 0.92 * handle),
        (0.62 * r, x1),
    )
    blade = ((rod, rod, 0.9 * rod, x2 - 0.012, 0.0, r),
             (1.5 * rod, 0.4 * rod, 0.0003, x2, 0.0, r))  # fmt: skip
    solids = (
        turned(grip, params.rgba, r, "handle"),
        turned(((rod, x1), (rod, x2 - 0.012)), METAL, r, "shaft"),
        Sweep(blade, METAL, "blade"),
    )
    shapes = (
        lying_cylinder(r, x0, x0 + 0.66 * handle, r, "handle"),
        lying_cylinder(0.86 * r, x0 + 0.66 * handle, x1, r, "handle"),
        lying_cylinder(rod, x1, x2, r, "shaft"),
    )
    return lying(solids, shapes, 2.0 * r, ("rolls", "lies_along_x"))


def _jaw(x: float, sign: float, r: float, gap: float) -> list[tuple[float, float]]:
    """Half outline of an open jaw at an end of a spanner, from its back to its opening."""
    points = [(-0.55, 0.80), (0.0, 1.0), (0.60, 0.88), (0.95, 0.62)]
    outer = [(x + sign * p * r, q * r) for p, q in points]
    return [*outer, (x + sign * 0.80 * r, 0.5 * gap), (x - sign * 0.25 * r, 0.5 * gap)]


def _draw_wrench(draw: Draw) -> Params:
    return draw.params(
        ("steel",),
        ("grey", "black", "blue", "red"),
        length=draw.uniform(0.130, 0.200),
        shaft=draw.uniform(0.0065, 0.0090),
        jaw=draw.uniform(0.0155, 0.0210),
        height=draw.uniform(0.0080, 0.0115),
        second=draw.uniform(0.75, 1.0),
        density=draw.uniform(6200.0, 7850.0),
    )


def _build_wrench(params: Params) -> Form:
    size = params.size
    length, s, r1, h = size["length"], size["shaft"], size["jaw"], size["height"]
    r0 = r1 * size["second"]
    x1, x0 = 0.5 * length - r1, r0 - 0.5 * length
    right = _jaw(x1, 1.0, r1, 0.85 * r1)
    left = _jaw(x0, -1.0, r0, 0.85 * r0)
    shaft = [(x0 + 1.2 * r0, s), (x1 - 1.2 * r1, s)]
    upper = [*reversed(left), *shaft, *right]
    lower = [(x, -y) for x, y in upper]
    outline = tuple((nm(x), nm(y)) for x, y in [*lower, *reversed(upper)])
    groove = block((0.25 * length, 0.45 * s, 0.0004), (0.0, 0.0, h), shade(params.rgba, 0.6),
                   "groove")  # fmt: skip
    shapes = [box((0.5 * (x1 - x0), s, 0.5 * h), (0.5 * (x0 + x1), 0.0, 0.5 * h))]
    for x, r, sign in ((x1, r1, 1.0), (x0, r0, -1.0)):
        shapes.append(cylinder(0.62 * r, 0.0, h, "jaw", x - sign * 0.45 * r))
        for side in (-1, 1):
            place = (x + sign * 0.30 * r, side * 0.66 * r, 0.5 * h)
            shapes.append(box((0.62 * r, 0.25 * r, 0.5 * h), place, "jaw"))
    return lying((Prism(outline, 0.0, h, params.rgba), groove), tuple(shapes), 2.0 * s,
                 ("flat", "lies_along_x"))  # fmt: skip


def _draw_pliers(draw: Draw) -> Params:
    return draw.params(
        ("steel",),
        _VIVID,
        handle=draw.uniform(0.085, 0.110),
        jaw=draw.uniform(0.040, 0.055),
        spread=draw.uniform(0.18, 0.26),
        height=draw.uniform(0.0145, 0.0175),
        density=draw.uniform(2700.0, 3500.0),
    )


def _build_pliers(params: Params) -> Form:
    size = params.size
    handle, jaw, t, h = size["handle"], size["jaw"], size["spread"], size["height"]
    x = 0.5 * (handle - jaw)  # the pivot
    r, wide = 0.0125, 0.0058
    nose = ((x, -r), (x + jaw, -0.0080), (x + jaw, 0.0080), (x, r))
    solids = [
        Prism(nose, 0.15 * h, 0.85 * h, METAL, "jaw"),
        Prism(circle(1.02 * r, 16, x - 0.4 * r), 0.85 * h, h, METAL, "pivot"),
        block((0.5 * jaw - 0.002, 0.0006, 0.0005), (x + 0.5 * jaw, 0.0, 0.85 * h + 0.0005), DARK,
              "slit"),
    ]  # fmt: skip
    shapes = [extruded(nose, 0.0, h, "z", "jaw")]
    c, s = math.cos(t), math.sin(t)
    for side in (-1.0, 1.0):
        bend = (x - 0.42 * handle * c, side * (0.42 * handle * s + 0.5 * wide))
        end = (x - handle, side * (0.62 * handle * s))
        outline = [
            (x, side * 0.0002),
            (x, side * r),
            (bend[0], bend[1] + side * wide),
            (end[0], end[1] + side * wide),
            (end[0], end[1] - side * wide),
            (bend[0], bend[1] - side * wide),
        ]
        points = tuple((nm(u), nm(v)) for u, v in (outline if side > 0 else outline[::-1]))
        solids.append(Prism(points, 0.0, 0.85 * h, params.rgba, "handle"))
        for p, q in (((x, side * 0.5 * r), bend), (bend, end)):
            yaw = math.atan2(q[1] - p[1], q[0] - p[0])
            half = 0.5 * math.hypot(q[0] - p[0], q[1] - p[1])
            middle = (0.5 * (p[0] + q[0]), 0.5 * (p[1] + q[1]), 0.425 * h)
            shapes.append(turned_box((half, wide, 0.425 * h), middle, yaw, "handle"))
    return lying(tuple(solids), tuple(shapes), 2.0 * r, ("flat", "lies_along_x"))


def _draw_tape_measure(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        ("yellow", "orange", "red", "blue", "green", "black"),
        half_y=draw.uniform(0.0290, 0.0370),
        half_x=draw.uniform(0.0150, 0.0200),
        height=draw.uniform(0.055, 0.072),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(1300.0, 1700.0),
    )


def _build_tape_measure(params: Params) -> Form:
    size = params.size
    a, b, h = size["half_x"], size["half_y"], size["height"]
    c = 0.42 * h
    side = [(-b, 0.0), (b, 0.0), (b, h - c)]
    side += [(b - c + c * math.cos(t), h - c + c * math.sin(t)) for t in (0.4, 0.8, 1.2, 1.57)]
    side += [(-b + c * math.cos(t), h - c + c * math.sin(t)) for t in (1.57, 1.95, 2.35, 2.75)]
    side.append((-b, h - c))
    outline = tuple((nm(y), nm(z)) for y, z in side)
    disc = circle(0.30 * h, 18, 0.0, 0.52 * h)
    solids = (
        Prism(outline, -a, a, params.rgba, "case", axis="x"),
        *(Prism(disc, x, x + 0.0008, accent(params), "badge", axis="x")
          for x in (a, -a - 0.0008)),
        block((0.7 * a, 0.007, 0.0006), (0.0, b + 0.007, 0.0035), (0.95, 0.82, 0.2, 1.0), "tape"),
        block((0.8 * a, 0.0008, 0.0035), (0.0, b + 0.0148, 0.0035), METAL, "hook"),
    )  # fmt: skip
    return Form(
        solids=solids,
        shapes=(
            extruded(outline, -a, a, "x"),
            box((0.8 * a, 0.0078, 0.0035), (0.0, b + 0.0078, 0.0035), "tape"),
        ),
        poses=ONE_POSE,
        grip=2.0 * a,
    )


def _draw_tape_roll(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        ("brown", "white", "grey", "yellow", "red", "blue", "green", "black"),
        outer=draw.uniform(0.0260, 0.0385),
        core=draw.uniform(0.58, 0.72),
        height=draw.uniform(0.019, 0.050),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(850.0, 1000.0),
    )


def _build_tape_roll(params: Params) -> Form:
    size = params.size
    r, h = size["outer"], size["height"]
    core = size["core"] * r
    edge = core + 0.002
    solids = (
        Revolve(((edge, 0.0), (r, 0.0), (r, h), (edge, h)), params.rgba, "tape", ring=True),
        Revolve(((core, 0.0), (edge, 0.0), (edge, h), (core, h)), (0.72, 0.58, 0.42, 1.0), "core",
                ring=True),
    )  # fmt: skip
    return Form(
        solids=solids,
        shapes=ring_wall(core, r, h),
        poses=ONE_POSE,
        symmetry="z",
        grip=2.0 * r,
        attributes=("ring",),
    )


def _draw_paint_brush(draw: Draw) -> Params:
    return draw.params(
        ("wood",),
        ("brown", "red", "yellow", "blue", "green", "white", "black"),
        half_y=draw.uniform(0.0150, 0.0300),
        half_z=draw.uniform(0.0070, 0.0100),
        handle=draw.uniform(0.100, 0.140),
        bristles=draw.uniform(0.040, 0.056),
        accent=draw.uniform(0.0, 1.0),
    )


def _build_paint_brush(params: Params) -> Form:
    size = params.size
    b, c, handle, hair = size["half_y"], size["half_z"], size["handle"], size["bristles"]
    ferrule = 0.035
    x0 = -0.5 * (handle + ferrule + hair)
    x1, x2 = x0 + handle, x0 + handle + ferrule
    x3 = x2 + hair

    def at(y: float, x: float, z: float = 0.0) -> tuple[float, float, float, float, float, float]:
        z = z or c
        return (y, z, 0.9 * min(y, z), x, 0.0, c)

    dark = (0.20, 0.16, 0.12, 1.0) if size["accent"] < 0.5 else CREAM
    solids = (
        Sweep((at(0.006, x0), at(0.0095, x0 + 0.02), at(0.0075, x0 + 0.55 * handle),
               at(0.0095, x0 + 0.75 * handle), at(0.92 * b, x1)), params.rgba, "handle"),
        Sweep((at(b, x1), at(b, x2)), METAL, "ferrule"),
        Sweep((at(0.95 * b, x2, 0.9 * c), at(1.05 * b, x2 + 0.6 * hair, 0.9 * c),
               at(0.95 * b, x3, 0.25 * c)), dark, "bristles"),
    )  # fmt: skip
    shapes = (
        box((0.40 * handle, 0.0095, c), (x0 + 0.40 * handle, 0.0, c), "handle"),
        box((0.11 * handle, 0.7 * b, c), (x0 + 0.89 * handle, 0.0, c), "handle"),
        box((0.5 * (ferrule + hair), b, c), (0.5 * (x1 + x3), 0.0, c), "head"),
    )
    return lying(solids, shapes, 0.019, ("flat", "lies_along_x"))


def _draw_torch(draw: Draw) -> Params:
    return draw.params(
        ("aluminium", "plastic"),
        ("black", "red", "blue", "grey", "yellow", "green"),
        head=draw.uniform(0.0190, 0.0265),
        body=draw.uniform(0.58, 0.74),
        height=draw.uniform(0.105, 0.150),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(1300.0, 1900.0),
    )


def _build_torch(params: Params) -> Form:
    size = params.size
    r, h = size["head"], size["height"]
    b = size["body"] * r
    lens, bell, neck = 0.004, 0.22 * h, 0.34 * h
    solids = (
        Revolve(((r - 0.001, 0.0), (r, 0.001), (r, lens)), METAL, "rim"),
        Revolve(((r, lens), (r, bell), (b, neck)), params.rgba, "head"),
        Revolve(((b, neck), (b, 0.52 * h)), shade(params.rgba, 0.8), "barrel"),
        Revolve(((1.06 * b, 0.52 * h), (1.06 * b, 0.82 * h)), shade(params.rgba, 0.55), "grip"),
        Revolve(((b, 0.82 * h), (b, 0.97 * h), (0.9 * b, h)), params.rgba, "tail"),
        block((0.005, 0.003, 0.008), (b + 0.0035, 0.0, 0.44 * h), accent(params), "switch"),
    )
    profile = ((r, 0.0), (r, bell), (b, neck), (1.06 * b, 0.52 * h), (1.06 * b, 0.82 * h), (b, h))
    form = standing(solids, profile, (0.0, bell, 0.5 * (bell + neck), h))
    surfaces = (top(polygon(12, 0.85 * b), h),)
    return Form(form.solids, form.shapes, form.poses, surfaces, symmetry="none", grip=2.0 * r,
                attributes=("rolls",))  # fmt: skip


_KINDS = (
    ("hammer", ("mallet", "tool"), ("wood", "plastic", "rubber"),
     "A light hammer or mallet, lying along x.",
     "small mallets and toy hammers: 190-270 mm long, heads 34-46 x 70-95 mm", False,
     _draw_hammer, _build_hammer),
    ("screwdriver", ("tool",), ("plastic",), "A screwdriver with a round handle.",
     "screwdrivers 2.5-6 mm: handles 23-33 x 80-105 mm, shafts 60-110 mm", False,
     _draw_screwdriver, _build_screwdriver),
    ("wrench", ("spanner", "tool"), ("steel",), "A double open-ended spanner.",
     "open-ended spanners 10-19 mm: 130-200 mm long", False, _draw_wrench, _build_wrench),
    ("pliers", ("tongs", "tool"), ("steel",), "Pliers with covered handles.",
     "combination pliers 130-165 mm", False, _draw_pliers, _build_pliers),
    ("tape_measure", ("measuring tape", "tool"), ("plastic",),
     "A pocket tape measure with its hook out.",
     "3-5 m pocket tapes: 58-74 x 30-40 x 55-72 mm", False,
     _draw_tape_measure, _build_tape_measure),
    ("tape_roll", ("roll of tape", "tape", "sticky tape"), ("plastic",),
     "A roll of adhesive tape lying flat.",
     "19-50 mm tape on 1-2 inch cores: 52-77 mm across", False, _draw_tape_roll, _build_tape_roll),
    ("paint_brush", ("brush", "paintbrush"), ("wood",), "A flat paint brush, lying along x.",
     "flat brushes 30-60 mm wide: 175-230 mm long", False,
     _draw_paint_brush, _build_paint_brush),
    ("torch", ("flashlight",), ("aluminium", "plastic"), "A torch standing on its head.",
     "pocket torches: heads 38-53 mm, 105-150 mm long", True, _draw_torch, _build_torch),
)  # fmt: skip

FAMILIES = tuple(
    Family(describe(name, nouns, text, sizes, materials, supports=supports), draw, build)
    for name, nouns, materials, text, sizes, supports, draw, build in _KINDS
)
