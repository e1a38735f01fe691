"""Stationery: stapler, eraser, pencil, glue stick, scissors, ruler, notebook."""

from __future__ import annotations

import math

from datafactory_assets.asset import Shape
from datafactory_assets.families.forms import (
    ONE_POSE,
    accent,
    block,
    brick,
    describe,
    label,
    lying,
    standing,
    turned,
)
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import CREAM, DARK, METAL, shade
from datafactory_assets.families.pieces import (
    box,
    cylinder,
    extruded,
    flat_rod,
    lying_cylinder,
    polygon,
    rectangle,
    top,
)
from datafactory_assets.families.solids import Loft, Prism, Revolve, Solid, rounded_box

_VIVID = ("red", "blue", "green", "yellow", "orange", "pink", "purple", "teal", "black", "white")


def _draw_stapler(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        _VIVID,
        half_x=draw.uniform(0.050, 0.070),
        half_y=draw.uniform(0.0150, 0.0195),
        height=draw.uniform(0.045, 0.060),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(1300.0, 1700.0),
    )


def _build_stapler(params: Params) -> Form:
    size = params.size
    a, b, h = size["half_x"], size["half_y"], size["height"]
    base, gap = 0.011, 0.42 * h
    # In (z, x), counter-clockwise: the arm rises from the hinge at -x to the nose at +x.
    arm = ((0.3 * h, -a), (0.70 * h, -0.98 * a), (0.86 * h, -0.75 * a), (h, 0.2 * a),
           (h, 0.80 * a), (gap + 0.010, a), (gap, 0.92 * a), (0.011, -0.92 * a))  # fmt: skip
    solids = (
        Loft(((a, b, 0.010, 0.0), (a - 0.001, b - 0.001, 0.009, base)), DARK, "base"),
        Prism(arm, -0.85 * b, 0.85 * b, params.rgba, "arm", axis="y"),
        block((0.008, 0.6 * b, 0.001), (0.84 * a, 0.0, base + 0.001), METAL, "anvil"),
    )
    shapes = (
        box((a, b, 0.5 * base), (0.0, 0.0, 0.5 * base), "base"),
        extruded(arm, -0.85 * b, 0.85 * b, "y", "arm"),
    )
    return Form(solids=solids, shapes=shapes, poses=ONE_POSE, grip=1.7 * b)


def _draw_eraser(draw: Draw) -> Params:
    return draw.params(
        ("rubber",),
        ("white", "pink", "blue", "green", "yellow", "grey"),
        half_x=draw.uniform(0.020, 0.033),
        half_y=draw.uniform(0.0090, 0.0130),
        height=draw.uniform(0.0105, 0.0160),
        sleeve=draw.uniform(0.55, 0.72),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(1300.0, 1600.0),
    )


def _build_eraser(params: Params) -> Form:
    size = params.size
    a, b, h = size["half_x"], size["half_y"], size["height"]
    seam = -a + 2.0 * a * size["sleeve"]
    third = (seam + a) / 3.0
    solids: list[Solid] = []
    for k, colour in enumerate((accent(params), CREAM, accent(params))):
        x = -a + (k + 0.5) * third
        solids.append(block((0.5 * third, b, 0.5 * h), (x, 0.0, 0.5 * h), colour, "sleeve"))
    rest = rounded_box((0.5 * (a - seam), b - 0.0007, 0.5 * h - 0.0004),
                       (0.5 * (a + seam), 0.0, 0.5 * h), 0.003, 0.0015, params.rgba, "rubber")
    return brick((a, b, 0.5 * h), (*solids, rest), 2.0 * b, supports=False)  # fmt: skip


def _draw_pencil(draw: Draw) -> Params:
    return draw.params(
        ("wood",),
        (*_VIVID, "brown"),
        apothem=draw.uniform(0.0034, 0.0050),
        length=draw.uniform(0.110, 0.178),
        eraser=draw.uniform(0.0, 1.0),
        accent=draw.uniform(0.0, 1.0),
    )


def _build_pencil(params: Params) -> Form:
    size = params.size
    r, length = size["apothem"], size["length"]
    x0, x1 = -0.5 * length, 0.5 * length
    cone = 2.6 * r + 0.009
    back = x0 + 0.016
    # Turned so that a flat side is below.
    flat = tuple((y, z) for z, y in reversed(polygon(6, r)))
    wood = (0.85, 0.68, 0.46, 1.0)
    solids: list[Solid] = [
        Prism(flat, back, x1 - cone, params.rgba, "barrel", axis="x", origin=(0.0, 0.0, r)),
        turned(((1.03 * r, x1 - cone), (0.32 * r, x1 - 0.28 * cone)), wood, r, "wood"),
        turned(((0.32 * r, x1 - 0.28 * cone), (0.0004, x1)), DARK, r, "lead"),
    ]
    if size["eraser"] < 0.7:
        solids.append(turned(((r, back - 0.007), (r, back)), METAL, r, "ferrule"))
        solids.append(
            turned(((0.8 * r, x0), (0.95 * r, x0 + 0.002), (0.95 * r, back - 0.007)),
                   (0.88, 0.45, 0.48, 1.0), r, "eraser")
        )  # fmt: skip
    else:
        solids.append(turned(((1.02 * r, x0), (1.02 * r, back)), accent(params), r, "end"))
    barrel = extruded(tuple((y, z + r) for y, z in flat), x0, x1 - 0.6 * cone, "x")
    shapes = (barrel, lying_cylinder(0.4 * r, x1 - 0.6 * cone, x1, r, "tip"))
    return lying(tuple(solids), shapes, None)


def _draw_glue_stick(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        _VIVID,
        radius=draw.uniform(0.0115, 0.0165),
        height=draw.uniform(0.082, 0.115),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(850.0, 1000.0),
    )


def _build_glue_stick(params: Params) -> Form:
    size = params.size
    r, h = size["radius"], size["height"]
    knob, seam = 0.10 * h, 0.70 * h
    lid = 0.95 * r
    solids = (
        Revolve(((r - 0.001, 0.0), (r, 0.001), (r, knob)), accent(params), "knob"),
        Revolve(((0.93 * r, knob), (0.93 * r, 0.18 * h)), CREAM, "collar"),
        Revolve(((r, 0.18 * h), (r, 0.58 * h)), params.rgba, "barrel"),
        Revolve(((r, 0.58 * h), (r, seam)), label(params), "band"),
        Revolve(((lid, seam), (lid, h - 0.003), (0.8 * lid, h)), shade(params.rgba, 0.72), "cap"),
    )
    form = standing(solids, ((r, 0.0), (r, seam), (lid, seam + 1e-4), (lid, h)), (0.0, seam, h))
    surfaces = (top(polygon(12, 0.8 * lid), h),)
    return Form(form.solids, form.shapes, form.poses, surfaces, symmetry="z", grip=2.0 * r,
                attributes=("rolls",))  # fmt: skip


def _torus(radius: float, tube: float, z: float, n: int = 8) -> tuple[tuple[float, float], ...]:
    """Closed profile of a torus about z, counter-clockwise in (r, z), metres."""
    return tuple(
        (radius + tube * math.cos(t), z + tube * math.sin(t))
        for t in (2.0 * math.pi * i / n for i in range(n))
    )


def _draw_scissors(draw: Draw) -> Params:
    return draw.params(
        ("steel",),
        _VIVID,
        blade=draw.uniform(0.060, 0.095),
        bow=draw.uniform(0.0160, 0.0215),
        tube=draw.uniform(0.0052, 0.0062),
        wide=draw.uniform(0.0075, 0.0105),
        density=draw.uniform(1600.0, 2200.0),
    )


def _build_scissors(params: Params) -> Form:
    size = params.size
    blade, bow, tube, wide = size["blade"], size["bow"], size["tube"], size["wide"]
    neck = 0.030
    x = 0.5 * (neck + 2.0 * bow - blade)  # of the pivot
    tip = x + blade
    centre = x - neck - 0.6 * bow
    z0, z1, z2 = 0.35 * tube, tube, 1.65 * tube
    steel = shade(METAL, 1.05)
    edge = ((x - 0.012, -wide), (x + 0.3 * blade, -wide), (tip, -0.0008), (tip, 0.0008),
            (x + 0.3 * blade, 0.5 * wide), (x - 0.012, 0.5 * wide))  # fmt: skip
    mirrored = tuple((u, -v) for u, v in reversed(edge))
    solids: list[Solid] = [
        Prism(edge, z0, z1, steel, "blade"),
        Prism(mirrored, z1, z2, shade(steel, 0.9), "blade"),
        Revolve(((0.0045, z2), (0.0045, z2 + 0.0015)), DARK, "screw", origin=(x, 0.0, 0.0)),
    ]
    shapes: list[Shape] = [
        box((0.5 * blade + 0.006, wide, 0.5 * (z2 - z0)),
            (0.5 * (x - 0.012 + tip), 0.0, 0.5 * (z2 + z0)), "blade"),
    ]  # fmt: skip
    for side in (-1.0, 1.0):
        y = side * (bow + 0.75 * tube)
        profile = _torus(bow, tube, tube)
        solids.append(Revolve(profile, params.rgba, "bow", origin=(centre, y, 0.0), ring=True))
        root = (x - 0.012, side * 0.4 * wide)
        start = (centre + 0.80 * (bow + tube), y - side * 0.60 * bow)
        bar = (
            (start[0], start[1] - 0.9 * tube),
            (root[0], root[1] - 0.4 * wide),
            (root[0], root[1] + 0.4 * wide),
            (start[0], start[1] + 0.9 * tube),
        )
        solids.append(Prism(bar, 0.2 * tube, 1.8 * tube, params.rgba, "shank"))
        shapes.append(flat_rod(root, start, tube, tube, "shank"))
        for k in range(6):
            t0, t1 = math.pi * k / 3.0, math.pi * (k + 1) / 3.0
            p = (centre + bow * math.cos(t0), y + bow * math.sin(t0))
            q = (centre + bow * math.cos(t1), y + bow * math.sin(t1))
            shapes.append(flat_rod(p, q, tube, tube, "bow"))
    return lying(tuple(solids), tuple(shapes), 2.0 * wide)


def _draw_ruler(draw: Draw) -> Params:
    return draw.params(
        ("wood", "plastic", "steel"),
        half_x=draw.uniform(0.100, 0.160),
        half_y=draw.uniform(0.0130, 0.0190),
        height=draw.uniform(0.0025, 0.0045),
    )


def _build_ruler(params: Params) -> Form:
    size = params.size
    a, b, h = size["half_x"], size["half_y"], size["height"]
    ink = CREAM if params.colour in ("black", "blue", "brown", "purple") else DARK
    ticks = []
    count = int(2.0 * a / 0.005)
    for i in range(1, count):
        x = -a + i * 0.005
        long = 0.010 if i % 10 == 0 else (0.008 if i % 2 == 0 else 0.005)
        ticks.append(block((0.0004, 0.5 * long, 0.0001), (x, b - 0.5 * long, h + 0.0001), ink,
                           "tick"))  # fmt: skip
    body = rounded_box((a, b, 0.5 * h), (0.0, 0.0, 0.5 * h), 0.002, 0.0006, params.rgba)
    return brick((a, b, 0.5 * h), (body, *ticks), None, ("flat", "lies_along_x"), supports=False)


def _draw_notebook(draw: Draw) -> Params:
    return draw.params(
        ("paper",),
        _VIVID,
        half_x=draw.uniform(0.052, 0.076),
        half_y=draw.uniform(0.070, 0.105),
        height=draw.uniform(0.009, 0.018),
        accent=draw.uniform(0.0, 1.0),
    )


def _build_notebook(params: Params) -> Form:
    size = params.size
    a, b, h = size["half_x"], size["half_y"], size["height"]
    coil = 0.0065
    edge = -a + coil  # of the paper, at the coil
    middle, half = 0.5 * (edge + a), 0.5 * (a - edge)
    cover = 0.0012
    solids: list[Solid] = [
        block((half, b, 0.5 * cover), (middle, 0.0, 0.5 * cover), shade(params.rgba, 0.8), "back"),
        block((half - 0.001, b - 0.001, 0.5 * h - cover), (middle, 0.0, 0.5 * h), CREAM, "pages"),
        block((half, b, 0.5 * cover), (middle, 0.0, h - 0.5 * cover), params.rgba, "cover"),
        block((0.55 * half, 0.22 * b, 0.0002), (middle, 0.45 * b, h + 0.0002), accent(params),
              "label"),
    ]  # fmt: skip
    turns = 12
    for i in range(turns):
        y = b * (2.0 * (i + 0.5) / turns - 1.0)
        wire = ((0.0, edge), (0.0, edge - coil), (h, edge - coil), (h, edge))
        solids.append(Prism(wire, y - 0.0013, y + 0.0013, METAL, "coil", axis="y"))
    return Form(
        solids=tuple(solids),
        shapes=(box((a, b, 0.5 * h), (0.0, 0.0, 0.5 * h)),),
        poses=ONE_POSE,
        surfaces=(top(rectangle(a, b), h),),
        symmetry="none",
        attributes=("flat",),
    )


def _draw_hole_punch(draw: Draw) -> Params:
    return draw.params(
        ("steel",),
        _VIVID,
        half_x=draw.uniform(0.048, 0.060),
        half_y=draw.uniform(0.029, 0.036),
        height=draw.uniform(0.052, 0.066),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(1300.0, 1700.0),
    )


def _build_hole_punch(params: Params) -> Form:
    size = params.size
    a, b, h = size["half_x"], size["half_y"], size["height"]
    base = 0.012
    lever = ((0.66 * h, -0.78 * a), (h, 0.40 * a), (h, 0.75 * a), (0.80 * h, 0.85 * a),
             (0.45 * h, -0.70 * a))  # fmt: skip
    solids: list[Solid] = [
        Loft(((a, b, 0.006, 0.0), (a, b, 0.006, base)), DARK, "base"),
        Prism(lever, -b + 0.004, b - 0.004, params.rgba, "lever", axis="y"),
    ]
    shapes = [
        box((a, b, 0.5 * base), (0.0, 0.0, 0.5 * base), "base"),
        extruded(lever, -b + 0.004, b - 0.004, "y", "lever"),
    ]
    high = 0.45 * h
    for side in (-1, 1):
        place = (-0.55 * a, side * 0.62 * b)
        pin = ((0.007, base), (0.007, high))
        solids.append(Revolve(pin, METAL, "punch", origin=(*place, 0.0)))
        shapes.append(cylinder(0.007, base, 0.55 * h, "punch", *place))
    return Form(solids=tuple(solids), shapes=tuple(shapes), poses=ONE_POSE, grip=2.0 * b)


_KINDS = (
    ("stapler", ("desk stapler",), ("plastic",), "A desk stapler.",
     "half-strip staplers: 100-140 x 30-39 x 45-60 mm", True, False,
     _draw_stapler, _build_stapler),
    ("eraser", ("rubber",), ("rubber",), "A block eraser in a striped sleeve.",
     "block erasers: 40-66 x 18-26 x 10-16 mm", True, False, _draw_eraser, _build_eraser),
    ("pencil", ("crayon",), ("wood",), "A hexagonal pencil, too thin for thick fingers.",
     "pencils, thin and jumbo: 7-10 mm across the flats, 110-178 mm long", False, False,
     _draw_pencil, _build_pencil),
    ("glue_stick", ("glue", "stick of glue"), ("plastic",), "A capped glue stick.",
     "8-40 g glue sticks: 23-33 mm across, 82-115 mm high", True, True,
     _draw_glue_stick, _build_glue_stick),
    ("scissors", ("pair of scissors", "shears"), ("steel",),
     "Closed scissors with two bows, lying along x.", "household scissors 130-190 mm", True,
     False, _draw_scissors, _build_scissors),
    ("ruler", ("measuring stick",), ("wood", "plastic", "steel"),
     "A flat ruler with ticks, too thin for a parallel gripper from above.",
     "200-320 mm rulers: 26-38 x 2.5-4.5 mm", False, False, _draw_ruler, _build_ruler),
    ("notebook", ("spiral notebook", "notepad"), ("paper",), "A wire-bound notebook, closed.",
     "A6 to A5 notebooks: 105-150 x 140-210 x 9-18 mm", False, True,
     _draw_notebook, _build_notebook),
    ("hole_punch", ("punch", "paper punch"), ("steel",), "A two-hole punch.",
     "desk punches: 96-120 x 58-72 x 52-66 mm", True, False,
     _draw_hole_punch, _build_hole_punch),
)  # fmt: skip

_PATTERNED = ("glue_stick", "notebook")

FAMILIES = tuple(
    Family(
        describe(name, nouns, text, sizes, materials, graspable=lifts, supports=supports),
        draw,
        build,
        patterns=name in _PATTERNED,
    )
    for name, nouns, materials, text, sizes, lifts, supports, draw, build in _KINDS
)
