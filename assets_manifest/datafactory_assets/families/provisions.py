"""Food by itself or in pots and jars: yoghurt, egg, cheese, bread, ketchup, spice, honey."""

from __future__ import annotations

import math

from datafactory_assets.asset import Shape
from datafactory_assets.families.forms import (
    ONE_POSE,
    accent,
    describe,
    label,
    standing,
    turned,
)
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import CREAM, METAL, shade
from datafactory_assets.families.pieces import (
    box,
    circle,
    cylinder,
    extruded,
    nm,
    polygon,
    top,
)
from datafactory_assets.families.solids import Loft, Prism, Revolve


def _draw_yoghurt_pot(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        ("white", "pink", "yellow", "purple", "green", "blue", "red"),
        foot=draw.uniform(0.024, 0.029),
        rim=draw.uniform(0.032, 0.0385),
        height=draw.uniform(0.060, 0.092),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(1000.0, 1060.0),
    )


def _build_yoghurt_pot(params: Params) -> Form:
    size = params.size
    foot, rim, h = size["foot"], size["rim"], size["height"]
    lip = h - 0.003

    def at(z: float) -> float:
        return foot + (rim - 0.0015 - foot) * z / lip

    low, high = 0.2 * h, 0.8 * h
    solids = (
        Revolve(((foot - 0.002, 0.0), (at(0.003), 0.003), (at(low), low)), params.rgba, "foot"),
        Revolve(((at(low), low), (at(high), high)), accent(params), "sleeve"),
        Revolve(((at(high), high), (at(lip), lip)), params.rgba, "neck"),
        Revolve(((rim, lip), (rim, h)), METAL, "lid"),
    )
    profile = ((foot, 0.0), (at(lip), lip), (rim, h))
    form = standing(solids, profile, (0.0, 0.25 * h, 0.5 * h, 0.75 * h, lip, h))
    return Form(form.solids, form.shapes, form.poses, (top(polygon(12, 0.9 * rim), h),),
                symmetry="z", grip=2.0 * rim, attributes=("rolls", "food"))  # fmt: skip


def _draw_egg(draw: Draw) -> Params:
    return draw.params(
        ("eggshell",),
        radius=draw.uniform(0.0205, 0.0230),
        ratio=draw.uniform(1.28, 1.38),
        point=draw.uniform(0.10, 0.20),
        density=draw.uniform(1030.0, 1090.0),
    )


def _build_egg(params: Params) -> Form:
    size = params.size
    r, a, point = size["radius"], size["radius"] * size["ratio"], size["point"]
    points = []
    for i in range(15):
        t = math.radians(-84.0 + 168.0 * i / 14)
        points.append((r * math.cos(t) * (1.0 - point * math.sin(t)), a * math.sin(t)))
    widest = max(p for p, _ in points)
    profile = tuple((p * r / widest, x) for p, x in points)
    moments = turned(profile, params.rgba, r).moments()
    middle = moments[1] / moments[0]
    # The centre of mass is over the middle of the ellipsoid it rolls on: it rests level.
    shell = turned([(p, x - middle) for p, x in profile], params.rgba, r)
    return Form(
        solids=(shell,),
        shapes=(Shape("ellipsoid", (nm(a), nm(r), nm(r)), (0.0, 0.0, nm(r))),),
        poses=ONE_POSE,
        symmetry="none",
        grip=2.0 * r,
        attributes=("rolls", "food"),
    )


def _draw_cheese_wedge(draw: Draw) -> Params:
    return draw.params(
        ("food",),
        ("yellow", "orange", "white"),
        radius=draw.uniform(0.085, 0.120),
        half_angle=draw.uniform(0.15, 0.21),
        height=draw.uniform(0.030, 0.055),
        rind=draw.uniform(0.002, 0.004),
        density=draw.uniform(900.0, 1080.0),
    )


def _build_cheese_wedge(params: Params) -> Form:
    size = params.size
    r, t, h, rind = size["radius"], size["half_angle"], size["height"], size["rind"]
    shift = 0.5 * r

    def arc(radius: float, n: int = 6) -> list[tuple[float, float]]:
        angles = [t * (2.0 * i / n - 1.0) for i in range(n + 1)]
        return [(nm(radius * math.cos(a) - shift), nm(radius * math.sin(a))) for a in angles]

    inner, outer = arc(r - rind), arc(r)
    wedge = ((-shift, 0.0), *inner)
    rim = (*outer, *reversed(inner))
    rind_colour = (0.75, 0.24, 0.13, 1.0) if rind > 0.003 else (0.72, 0.52, 0.25, 1.0)
    solids = (
        Prism(wedge, 0.0, h, params.rgba, "cheese"),
        Prism(rim, 0.0, h, rind_colour, "rind"),
        *(
            Prism(circle(s, 10, x * r - shift, y * r), h, h + 0.0003, shade(params.rgba, 0.72),
                  "hole")
            for x, y, s in ((0.45, 0.05, 0.006), (0.68, -0.09, 0.008), (0.82, 0.10, 0.005))
        ),
    )  # fmt: skip
    return Form(
        solids=solids,
        shapes=(extruded(((-shift, 0.0), *outer), 0.0, h),),
        poses=ONE_POSE,
        grip=2.0 * 0.6 * r * math.sin(t),
        attributes=("food",),
    )


def _draw_bread_loaf(draw: Draw) -> Params:
    return draw.params(
        ("food",),
        ("brown",),
        half_x=draw.uniform(0.085, 0.125),
        half_y=draw.uniform(0.048, 0.058),
        height=draw.uniform(0.085, 0.110),
        waist=draw.uniform(0.82, 0.92),
        density=draw.uniform(230.0, 300.0),
    )


def _build_bread_loaf(params: Params) -> Form:
    size = params.size
    a, b, h, w = size["half_x"], size["half_y"], size["height"], size["waist"]
    side = ((w * b, 0.0), (w * b, 0.50 * h), (b, 0.62 * h), (b, 0.78 * h), (0.86 * b, 0.92 * h),
            (0.50 * b, h))  # fmt: skip
    outline = (*side, *((-y, z) for y, z in reversed(side)))
    crumb = (0.93, 0.83, 0.64, 1.0)
    crust = 0.004
    solids = (
        Prism(outline, -a, a - crust, shade(params.rgba, 1.35), "crust", axis="x"),
        Prism(outline, a - crust, a, crumb, "crumb", axis="x"),
    )
    lower = ((-w * b, 0.0), (w * b, 0.0), (w * b, 0.5 * h), (-w * b, 0.5 * h))
    upper = (*side[1:], *((-y, z) for y, z in reversed(side[1:])))
    return Form(
        solids=solids,
        shapes=(extruded(lower, -a, a, "x"), extruded(upper, -a, a, "x")),
        poses=ONE_POSE,
        symmetry="box",
        attributes=("food", "soft"),
    )


def _draw_ketchup(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        ("red", "yellow", "brown", "green"),
        half_x=draw.uniform(0.024, 0.030),
        half_y=draw.uniform(0.032, 0.039),
        height=draw.uniform(0.145, 0.185),
        cap=draw.uniform(0.026, 0.036),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(900.0, 1000.0),
    )


def _build_ketchup(params: Params) -> Form:
    size = params.size
    a, b, h, cap = size["half_x"], size["half_y"], size["height"], size["cap"]
    low, high = cap + 0.25 * (h - cap), cap + 0.70 * (h - cap)
    foot = 0.86 * a
    solids = (
        Loft(((foot, foot, 0.98 * foot, 0.0), (foot, foot, 0.98 * foot, cap)),
             accent(params) if params.colour != "red" else CREAM, "cap"),
        Loft(((0.8 * a, 0.8 * b, 0.75 * a, cap), (a, b, 0.9 * a, low)), params.rgba, "shoulder"),
        Loft(((a, b, 0.9 * a, low), (a, b, 0.9 * a, high)), label(params), "label"),
        Loft(((a, b, 0.9 * a, high), (0.8 * a, 0.92 * b, 0.75 * a, h - 0.006),
              (0.6 * a, 0.75 * b, 0.55 * a, h)), params.rgba, "body"),
    )  # fmt: skip
    return Form(
        solids=solids,
        shapes=(
            cylinder(foot, 0.0, cap, "cap"),
            box((a, 0.86 * b, 0.5 * (h - cap)), (0.0, 0.0, 0.5 * (h + cap))),
            box((0.75 * a, b, 0.5 * (high - low)), (0.0, 0.0, 0.5 * (high + low)), "belly"),
        ),
        poses=ONE_POSE,
        symmetry="box",
        grip=2.0 * a,
        attributes=("food",),
    )


def _draw_spice_jar(draw: Draw) -> Params:
    return draw.params(
        ("glass",),
        ("red", "orange", "green", "brown", "yellow", "black"),
        radius=draw.uniform(0.020, 0.025),
        height=draw.uniform(0.088, 0.115),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(650.0, 900.0),
    )


def _build_spice_jar(params: Params) -> Form:
    size = params.size
    r, h = size["radius"], size["height"]
    lid, shoulder = 0.80 * h, 0.74 * h
    neck = 0.88 * r
    solids = (
        Revolve(((r - 0.002, 0.0), (r, 0.002), (r, 0.16 * h)), params.rgba, "base"),
        Revolve(((r, 0.16 * h), (r, 0.52 * h)), label(params), "label"),
        Revolve(((r, 0.52 * h), (r, shoulder), (neck, lid)), params.rgba, "body"),
        Revolve(((neck, lid), (neck, h - 0.002), (neck - 0.002, h)), accent(params), "lid"),
    )
    profile = ((r, 0.0), (r, shoulder), (neck, lid), (neck, h))
    form = standing(solids, profile, (0.0, shoulder, h))
    surfaces = (top(polygon(12, 0.9 * neck), h),)
    return Form(form.solids, form.shapes, form.poses, surfaces, symmetry="z", grip=2.0 * r,
                attributes=("rolls", "food"))  # fmt: skip


def _draw_honey_jar(draw: Draw) -> Params:
    return draw.params(
        ("glass",),
        ("orange", "yellow", "brown"),
        apothem=draw.uniform(0.029, 0.036),
        height=draw.uniform(0.078, 0.105),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(1150.0, 1250.0),
    )


def _build_honey_jar(params: Params) -> Form:
    size = params.size
    r, h = size["apothem"], size["height"]
    outline = polygon(6, r)
    seam, lid = h - 0.018, 0.92 * r
    wide = tuple((1.006 * x, 1.006 * y) for x, y in outline)
    solids = (
        Prism(outline, 0.0, 0.25 * h, params.rgba, "honey"),
        Prism(wide, 0.25 * h, 0.62 * h, CREAM, "label"),
        Prism(outline, 0.62 * h, seam, params.rgba, "shoulder"),
        Revolve(((lid, seam), (lid, h - 0.001), (lid - 0.001, h)), accent(params), "lid"),
    )
    return Form(
        solids=solids,
        shapes=(extruded(outline, 0.0, seam), cylinder(lid, seam, h, "lid")),
        poses=ONE_POSE,
        surfaces=(top(polygon(12, 0.9 * lid), h),),
        symmetry="box",
        grip=2.0 * r,
        attributes=("food",),
    )


FAMILIES = (
    Family(
        describe(
            "yoghurt_pot",
            ("yoghurt", "yogurt cup"),
            "A tapered pot of yoghurt with a foil lid.",
            "125-200 g yoghurt pots: 64-77 mm at the rim, 60-92 mm high",
            ("plastic",),
            supports=True,
        ),
        _draw_yoghurt_pot,
        _build_yoghurt_pot,
    ),
    Family(
        describe(
            "egg",
            ("hen's egg",),
            "A hen's egg, lying along x.",
            "hen's eggs S to XL: 41-46 mm across, 1.28-1.38 times as long, 50-75 g",
            ("eggshell",),
        ),
        _draw_egg,
        _build_egg,
    ),
    Family(
        describe(
            "cheese_wedge",
            ("cheese", "piece of cheese"),
            "A wedge cut from a wheel of cheese, with its rind.",
            "wedges of 150-350 g: 85-120 mm long, 30-55 mm high",
            ("food",),
        ),
        _draw_cheese_wedge,
        _build_cheese_wedge,
    ),
    Family(
        describe(
            "bread_loaf",
            ("bread", "loaf", "loaf of bread"),
            "A tin loaf with one cut end.",
            "tin loaves of 400-500 g: 170-250 x 96-116 x 85-110 mm",
            ("food",),
            graspable=False,
        ),
        _draw_bread_loaf,
        _build_bread_loaf,
    ),
    Family(
        describe(
            "squeeze_bottle",
            ("ketchup", "mustard", "ketchup bottle", "sauce bottle"),
            "An oval squeeze bottle that stands on its cap.",
            "250-450 ml squeeze bottles: 48-60 x 64-78 x 145-185 mm",
            ("plastic",),
        ),
        _draw_ketchup,
        _build_ketchup,
    ),
    Family(
        describe(
            "spice_jar",
            ("spice", "spices"),
            "A slim glass jar of spice with a lid.",
            "40-50 g spice jars: 40-50 mm across, 88-115 mm high",
            ("glass",),
            supports=True,
        ),
        _draw_spice_jar,
        _build_spice_jar,
    ),
    Family(
        describe(
            "honey_jar",
            ("honey",),
            "A hexagonal jar of honey with a round lid.",
            "250-375 g hexagonal jars: 58-72 mm across the flats, 78-105 mm high",
            ("glass",),
            supports=True,
        ),
        _draw_honey_jar,
        _build_honey_jar,
    ),
)
