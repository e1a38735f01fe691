"""Bathroom things: shampoo, soap dispenser, toothbrush, toothpaste, hair brush, comb, and more."""

from __future__ import annotations

from datafactory_assets.families.forms import (
    ONE_POSE,
    accent,
    block,
    describe,
    label,
    lying,
    standing,
)
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import CREAM, METAL, shade
from datafactory_assets.families.pieces import (
    box,
    circle,
    cylinder,
    polygon,
    top,
)
from datafactory_assets.families.solids import Loft, Prism, Revolve, Solid, Sweep, rounded_box

_VIVID = ("red", "blue", "green", "yellow", "orange", "pink", "purple", "teal", "white", "black")


def _draw_shampoo(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        _VIVID,
        half_x=draw.uniform(0.0190, 0.0270),
        half_y=draw.uniform(0.0300, 0.0380),
        height=draw.uniform(0.130, 0.185),
        cap=draw.uniform(0.022, 0.034),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(900.0, 1000.0),
    )


def _build_shampoo(params: Params) -> Form:
    size = params.size
    a, b, h, cap = size["half_x"], size["half_y"], size["height"], size["cap"]
    shoulder = h - cap
    low, high = 0.18 * shoulder, 0.70 * shoulder
    c, neck = 0.92 * a, 0.52 * a
    solids = (
        Loft(((a - 0.003, b - 0.003, c - 0.003, 0.0), (a, b, c, 0.004), (a, b, c, low)),
             params.rgba, "base"),
        Loft(((a, b, c, low), (a, b, c, high)), label(params), "label"),
        Loft(((a, b, c, high), (a, b, c, 0.88 * shoulder), (neck, 0.6 * b, 0.5 * a, shoulder)),
             params.rgba, "shoulder"),
        Loft(((neck, neck, 0.9 * neck, shoulder), (neck, neck, 0.9 * neck, shoulder + 0.004),
              (0.72 * a, 0.72 * a, 0.6 * a, shoulder + 0.004), (0.72 * a, 0.72 * a, 0.6 * a, h)),
             accent(params), "cap"),
    )  # fmt: skip
    return Form(
        solids=solids,
        shapes=(
            box((a, 0.86 * b, 0.46 * shoulder), (0.0, 0.0, 0.46 * shoulder)),
            box((0.72 * a, b, 0.45 * shoulder), (0.0, 0.0, 0.45 * shoulder)),
            cylinder(0.72 * a, 0.92 * shoulder, h, "cap"),
        ),
        poses=ONE_POSE,
        surfaces=(top(polygon(8, 0.65 * a), h),),
        symmetry="box",
        grip=2.0 * a,
    )


def _draw_dispenser(draw: Draw) -> Params:
    return draw.params(
        ("plastic", "ceramic"),
        ("white", "green", "blue", "pink", "teal", "yellow", "grey", "black"),
        radius=draw.uniform(0.0290, 0.0370),
        height=draw.uniform(0.095, 0.130),
        spout=draw.uniform(0.030, 0.042),
        pump=draw.uniform(0.030, 0.042),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(850.0, 1000.0),
    )


def _build_dispenser(params: Params) -> Form:
    size = params.size
    r, h, spout, pump = size["radius"], size["height"], size["spout"], size["pump"]
    collar = h + 0.014
    high = collar + pump
    metal = METAL if size["accent"] < 0.5 else CREAM
    arm = 0.006
    solids = (
        Revolve(((r - 0.003, 0.0), (r, 0.003), (r, 0.2 * h)), params.rgba, "base"),
        Revolve(((r, 0.2 * h), (r, 0.62 * h)), label(params), "label"),
        Revolve(((r, 0.62 * h), (r, 0.86 * h), (0.82 * r, 0.95 * h), (0.45 * r, h)), params.rgba),
        Revolve(((0.42 * r, h), (0.42 * r, collar)), metal, "collar"),
        Revolve(((0.004, collar), (0.004, high - 2.0 * arm)), metal, "rod"),
        Revolve(((0.0105, high - 2.0 * arm), (0.0105, high)), metal, "head"),
        Sweep(((arm, arm, 0.9 * arm, 0.0105, 0.0, high - arm),
               (0.7 * arm, 0.7 * arm, 0.6 * arm, spout, 0.0, high - arm - 0.004)), metal,
              "spout"),
    )  # fmt: skip
    profile = ((r, 0.0), (r, 0.86 * h), (0.45 * r, h))
    form = standing(solids, profile, (0.0, 0.9 * h, h), ())
    shapes = (
        *form.shapes,
        cylinder(0.42 * r, h, collar, "collar"),
        cylinder(0.0105, collar, high, "pump"),
        box((0.5 * (spout - 0.0105), arm, arm + 0.002),
            (0.5 * (spout + 0.0105), 0.0, high - arm - 0.002), "spout"),
    )  # fmt: skip
    return Form(solids, shapes, form.poses, symmetry="none", grip=2.0 * r)


def _draw_toothbrush(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        _VIVID,
        length=draw.uniform(0.165, 0.195),
        half_y=draw.uniform(0.0055, 0.0075),
        half_z=draw.uniform(0.0045, 0.0060),
        bristles=draw.uniform(0.0090, 0.0115),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(900.0, 1100.0),
    )


def _build_toothbrush(params: Params) -> Form:
    size = params.size
    b, c, hair = size["half_y"], size["half_z"], size["bristles"]
    x0 = -0.5 * size["length"]
    x1 = -x0
    neck, head = x0 + 0.66 * size["length"], x1 - 0.028

    def at(y: float, z: float, x: float) -> tuple[float, float, float, float, float, float]:
        return (y, z, 0.9 * min(y, z), x, 0.0, z)

    head_z = 0.5 * c
    solids: list[Solid] = [
        Sweep((at(0.7 * b, 0.8 * c, x0), at(b, c, x0 + 0.02), at(0.8 * b, c, x0 + 0.06),
               at(b, c, neck - 0.02), at(0.55 * b, 0.8 * c, neck)), params.rgba, "handle"),
        Sweep((at(0.55 * b, 0.8 * c, neck), at(0.45 * b, 0.6 * c, head)), CREAM, "neck"),
        Sweep((at(0.7 * b, head_z, head), at(0.95 * b, head_z, head + 0.006),
               at(0.95 * b, head_z, x1 - 0.006), at(0.5 * b, head_z, x1)), params.rgba, "head"),
    ]  # fmt: skip
    for i in range(5):
        x = head + 0.004 + 0.005 * i
        colour = accent(params) if i % 2 else CREAM
        solids.append(
            block((0.0019, 0.75 * b, 0.5 * hair), (x, 0.0, 2.0 * head_z + 0.5 * hair), colour,
                  "bristles")
        )  # fmt: skip
    high = 2.0 * head_z + hair
    shapes = (
        box((0.5 * (neck - x0), b, c), (0.5 * (x0 + neck), 0.0, c), "handle"),
        box((0.5 * (head - neck), 0.55 * b, 0.8 * c), (0.5 * (neck + head), 0.0, 0.8 * c), "neck"),
        box((0.5 * (x1 - head), 0.9 * b, 0.5 * high), (0.5 * (head + x1), 0.0, 0.5 * high), "head"),
    )
    return lying(tuple(solids), shapes, 2.0 * b)


def _draw_toothpaste(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        ("white", "blue", "red", "green", "teal", "purple", "pink"),
        half_y=draw.uniform(0.0200, 0.0270),
        half_z=draw.uniform(0.0130, 0.0180),
        length=draw.uniform(0.115, 0.160),
        cap=draw.uniform(0.016, 0.026),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(1100.0, 1250.0),
    )


def _build_toothpaste(params: Params) -> Form:
    size = params.size
    b, c, length, cap = size["half_y"], size["half_z"], size["length"], size["cap"]
    x0, x1 = -0.5 * (length + cap), 0.5 * (length - cap)
    crimp = 0.003

    def at(y: float, z: float, x: float) -> tuple[float, float, float, float, float, float]:
        return (y, z, 0.9 * min(y, z), x, 0.0, z)

    wide = 1.12 * b
    cut, end = x0 + 0.55 * length, x1 - 0.010
    half = c * 0.55
    solids = (
        Sweep((at(wide, crimp, x0), at(wide, crimp, x0 + 0.008)), shade(params.rgba, 0.8), "crimp"),
        Sweep((at(wide, crimp, x0 + 0.008), at(b, half, cut)), params.rgba, "tube"),
        Sweep((at(b, half, cut), at(0.92 * b, c, end)), accent(params), "stripe"),
        Sweep((at(0.92 * b, c, end), at(0.75 * c, 0.9 * c, x1)), params.rgba, "shoulder"),
        Sweep((at(0.75 * c, 0.8 * c, x1), at(0.62 * c, 0.62 * c, x1 + cap)), CREAM, "cap"),
    )
    m = x0 + 0.30 * length
    shapes = (
        box((0.5 * (m - x0), wide, 0.32 * c), (0.5 * (x0 + m), 0.0, 0.32 * c), "tube"),
        box((0.5 * (cut - m), b, half), (0.5 * (m + cut), 0.0, half), "tube"),
        box((0.5 * (end - cut), 0.95 * b, c), (0.5 * (cut + end), 0.0, c), "tube"),
        box((0.5 * (x1 + cap - end), 0.75 * c, 0.75 * c), (0.5 * (end + x1 + cap), 0.0, 0.75 * c),
            "cap"),
    )  # fmt: skip
    return lying(solids, shapes, 2.0 * b)


def _draw_hair_brush(draw: Draw) -> Params:
    return draw.params(
        ("wood", "plastic"),
        (*_VIVID, "brown"),
        half_y=draw.uniform(0.0240, 0.0330),
        pad=draw.uniform(0.090, 0.120),
        handle=draw.uniform(0.085, 0.110),
        grip=draw.uniform(0.0095, 0.0130),
        accent=draw.uniform(0.0, 1.0),
    )


def _build_hair_brush(params: Params) -> Form:
    size = params.size
    b, pad, handle, g = size["half_y"], size["pad"], size["handle"], size["grip"]
    x0 = -0.5 * (pad + handle)
    x1, x2 = x0 + handle, x0 + handle + pad
    c = 0.0075  # half the height of the board
    hair = 0.016

    def at(y: float, z: float, x: float) -> tuple[float, float, float, float, float, float]:
        return (y, z, 0.85 * min(y, z), x, 0.0, z)

    m, half = 0.5 * (x1 + x2), 0.5 * pad
    cushion = 2.0 * c
    solids: list[Solid] = [
        Sweep((at(0.8 * g, 0.7 * g, x0), at(g, g, x0 + 0.02), at(0.8 * g, 0.9 * g, x0 + 0.06),
               at(0.7 * g, c, x1)), params.rgba, "handle"),
        Sweep((at(0.5 * b, c, x1), at(0.9 * b, c, x1 + 0.15 * pad), at(b, c, m),
               at(0.9 * b, c, x2 - 0.15 * pad), at(0.5 * b, c, x2)), params.rgba, "board"),
        rounded_box((0.82 * half, 0.72 * b, 0.002), (m, 0.0, cushion + 0.002), 0.012, 0.001,
                    accent(params), "cushion"),
    ]  # fmt: skip
    for i in range(8):
        for j in range(5):
            x, y = m + (i - 3.5) * 0.19 * half, (j - 2) * 0.27 * b
            solids.append(
                Prism(circle(0.0011, 4, x, y), cushion + 0.004, cushion + hair,
                      shade(params.rgba, 0.35), "bristle")
            )  # fmt: skip
    high = cushion + hair
    shapes = (
        box((0.5 * handle, 0.9 * g, 0.92 * g), (0.5 * (x0 + x1), 0.0, 0.92 * g), "handle"),
        box((0.80 * half, b, c), (m, 0.0, c), "board"),
        box((half, 0.6 * b, c), (m, 0.0, c), "board"),
        box((0.74 * half, 0.62 * b, 0.5 * (high - cushion)), (m, 0.0, 0.5 * (high + cushion)),
            "bristles"),
    )  # fmt: skip
    return lying(tuple(solids), shapes, 2.0 * b)


def _draw_toilet_roll(draw: Draw) -> Params:
    return draw.params(
        ("tissue",),
        outer=draw.uniform(0.0310, 0.0395),
        core=draw.uniform(0.0170, 0.0205),
        height=draw.uniform(0.088, 0.104),
        density=draw.uniform(150.0, 260.0),
    )


def _build_toilet_roll(params: Params) -> Form:
    size = params.size
    r, core, h = size["outer"], size["core"], size["height"]
    edge = core + 0.0012
    card = (0.66, 0.52, 0.38, 1.0)
    end = 0.0025
    solids = (
        Revolve(((edge, 0.0), (r - end, 0.0), (r, end), (r, h - end), (r - end, h), (edge, h)),
                params.rgba, "paper", ring=True),
        Revolve(((core, 0.0), (edge, 0.0), (edge, h), (core, h)), card, "core", ring=True),
        block((0.0006, 0.010, 0.5 * h - 0.004), (r + 0.0002, 0.006, 0.5 * h),
              shade(params.rgba, 0.93), "sheet"),
    )  # fmt: skip
    return Form(
        solids=solids,
        # The core is closed: nothing is put on a roll, and a gripper takes it by its outside.
        shapes=(cylinder(r, 0.0, h),),
        poses=ONE_POSE,
        symmetry="z",
        grip=2.0 * r,
        attributes=("rolls", "soft"),
    )


def _draw_cream_jar(draw: Draw) -> Params:
    return draw.params(
        ("plastic", "glass"),
        ("white", "blue", "pink", "green", "teal", "purple", "black"),
        radius=draw.uniform(0.0250, 0.0385),
        height=draw.uniform(0.036, 0.056),
        lid=draw.uniform(0.36, 0.48),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(950.0, 1250.0),
    )


def _build_cream_jar(params: Params) -> Form:
    size = params.size
    r, h = size["radius"], size["height"]
    seam = h * (1.0 - size["lid"])
    inner = r - 0.003
    solids = (
        Revolve(((inner - 0.003, 0.0), (inner, 0.003), (inner, 0.25 * seam)), params.rgba, "base"),
        Revolve(((inner, 0.25 * seam), (inner, 0.80 * seam)), label(params), "label"),
        Revolve(((inner, 0.80 * seam), (inner, seam)), params.rgba, "body"),
        Revolve(((r, seam), (r, h - 0.003), (r - 0.003, h)), accent(params), "lid"),
        Prism(circle(0.45 * r, 16), h, h + 0.0003, CREAM, "print"),
    )
    profile = ((inner, 0.0), (inner, seam), (r, seam + 1e-4), (r, h))
    form = standing(solids, profile, (0.0, seam, h))
    return Form(form.solids, form.shapes, form.poses, (top(polygon(12, 0.9 * r), h),),
                symmetry="z", grip=2.0 * r, attributes=("rolls",))  # fmt: skip


def _draw_comb(draw: Draw) -> Params:
    return draw.params(
        ("plastic", "wood"),
        (*_VIVID, "brown"),
        half_x=draw.uniform(0.060, 0.090),
        spine=draw.uniform(0.0100, 0.0140),
        teeth=draw.uniform(0.018, 0.026),
        height=draw.uniform(0.0085, 0.0120),
    )


def _build_comb(params: Params) -> Form:
    size = params.size
    a, spine, teeth, h = size["half_x"], size["spine"], size["teeth"], size["height"]
    y1 = 0.5 * (spine + teeth)
    seam = y1 - spine
    count = 22
    pitch = 2.0 * a / count
    solids: list[Solid] = [
        rounded_box((a, 0.5 * spine, 0.5 * h), (0.0, y1 - 0.5 * spine, 0.5 * h), 0.004, 0.0012,
                    params.rgba, "spine"),
    ]  # fmt: skip
    for i in range(count):
        x = -a + (i + 0.5) * pitch
        end = i in (0, count - 1)
        half = 0.42 * pitch if end else 0.24 * pitch
        tooth = ((x - 0.4 * half, seam - teeth), (x + 0.4 * half, seam - teeth), (x + half, seam),
                 (x - half, seam))  # fmt: skip
        solids.append(Prism(tooth, 0.15 * h, 0.85 * h, params.rgba, "tooth"))
    shapes = (
        box((a, 0.5 * spine, 0.5 * h), (0.0, y1 - 0.5 * spine, 0.5 * h), "spine"),
        box((a - 0.1 * pitch, 0.5 * teeth, 0.5 * h), (0.0, seam - 0.5 * teeth, 0.5 * h), "teeth"),
    )
    return lying(tuple(solids), shapes, spine + teeth, ("flat", "lies_along_x"))


_KINDS = (
    ("shampoo_bottle", ("shampoo", "shower gel"), ("plastic",),
     "An oval bottle of shampoo with a flip cap.",
     "200-300 ml bottles: 38-54 x 60-76 x 130-185 mm", True, _draw_shampoo, _build_shampoo),
    ("soap_dispenser", ("soap pump", "pump bottle", "liquid soap"), ("plastic", "ceramic"),
     "A round soap dispenser with a pump.",
     "250-350 ml dispensers: 58-74 mm across, 140-185 mm high", False,
     _draw_dispenser, _build_dispenser),
    ("toothbrush", ("brush",), ("plastic",), "A toothbrush, bristles up.",
     "toothbrushes: 165-195 mm long, handles 11-15 mm wide", False,
     _draw_toothbrush, _build_toothbrush),
    ("toothpaste", ("toothpaste tube", "tube of toothpaste", "tube"), ("plastic",),
     "A tube of toothpaste, lying along x.", "75-100 ml tubes: 130-185 mm long, 45-60 mm wide",
     False, _draw_toothpaste, _build_toothpaste),
    ("hair_brush", ("hairbrush", "brush"), ("wood", "plastic"), "A paddle brush, bristles up.",
     "paddle brushes: 175-230 mm long, 48-66 mm wide", False,
     _draw_hair_brush, _build_hair_brush),
    ("toilet_roll", ("roll of toilet paper", "toilet paper"), ("tissue",),
     "A used roll of toilet paper, standing.",
     "toilet rolls, half used: 62-79 mm across, 88-104 mm high", False,
     _draw_toilet_roll, _build_toilet_roll),
    ("cream_jar", ("cream", "pot of cream"), ("plastic", "glass"), "A low jar of cream.",
     "50-150 ml jars: 50-77 mm across, 36-56 mm high", True,
     _draw_cream_jar, _build_cream_jar),
    ("comb", ("hair comb",), ("plastic", "wood"), "A thick comb lying flat.",
     "wide combs: 120-180 x 28-40 x 8-12 mm", False, _draw_comb, _build_comb),
)  # fmt: skip

_PATTERNED = ("cream_jar", "shampoo_bottle", "soap_dispenser")

FAMILIES = tuple(
    Family(
        describe(name, nouns, text, sizes, materials, supports=supports),
        draw,
        build,
        patterns=name in _PATTERNED,
    )
    for name, nouns, materials, text, sizes, supports, draw, build in _KINDS
)
