"""Vessels to drink and pour: teacup, saucer, wine glass, jug, egg cup."""

from __future__ import annotations

from datafactory_assets.asset import StablePose
from datafactory_assets.families.forms import describe
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.pieces import (
    UPRIGHT,
    box,
    cylinder,
    inner_floor,
)
from datafactory_assets.families.solids import Loft, Revolve
from datafactory_assets.families.tableware import WIDE_RING, bulged, standing
from datafactory_assets.families.vessels import (
    HANDLE_RING,
    RING,
    loop,
    round_cavity,
    shell,
)


def _draw_teacup(draw: Draw) -> Params:
    radius = draw.uniform(0.040, 0.046)
    return draw.params(
        ("ceramic",),
        radius=radius,
        height=draw.uniform(0.054, 0.064),
        base=radius * draw.uniform(0.66, 0.72),
        bulge=radius * draw.uniform(0.08, 0.12),
        wall=draw.uniform(0.0034, 0.0040),
        reach=draw.uniform(0.0185, 0.0210),
    )


def _build_teacup(params: Params) -> Form:
    size = params.size
    radius, height, base, wall = size["radius"], size["height"], size["base"], size["wall"]
    floor = 0.006
    shapes, cavity = round_cavity(
        (base - wall, floor), (radius, height), wall, (base, 0.0, floor), HANDLE_RING
    )
    reach = size["reach"]
    middle = 0.60 * height
    side = 0.5 * (base + radius) + 0.8 * size["bulge"]
    handle, bars = loop(
        (side, 0.0, middle), reach, 0.0032, params.rgba, stretch=0.85, nearest=radius + 0.0005
    )
    return Form(
        solids=(Revolve(shell(base, (radius, height), wall, floor, size["bulge"]), params.rgba),
                handle),
        shapes=(*shapes, *bars),
        poses=standing(height, 0.45, 0.30),
        surfaces=(inner_floor(cavity, shallow=False),),
        cavity=cavity,
        grip=wall,
        attributes=("handle",),
    )  # fmt: skip


def _draw_saucer(draw: Draw) -> Params:
    radius = draw.uniform(0.064, 0.078)
    return draw.params(
        ("ceramic",),
        radius=radius,
        height=draw.uniform(0.016, 0.021),
        base=radius * draw.uniform(0.52, 0.60),
        wall=draw.uniform(0.0042, 0.0050),
    )


def _build_saucer(params: Params) -> Form:
    size = params.size
    radius, height, base, wall = size["radius"], size["height"], size["base"], size["wall"]
    profile = (
        (base - 0.006, 0.0015),
        (base - 0.004, 0.0),
        (base, 0.0),
        (base + 0.003, 0.001),
        (radius - 0.001, height - wall),
        (radius, height - 0.5 * wall),
        (radius - 0.001, height),
        (base + 0.004, wall + 0.001),
        (0.45 * base + 0.003, wall),
        (0.45 * base, wall - 0.0008),
    )
    shapes, cavity = round_cavity(
        (base, wall), (radius, height), 0.8 * wall, (base + 0.001, 0.0, wall), WIDE_RING
    )
    return Form(
        solids=(Revolve(profile, params.rgba),),
        shapes=shapes,
        poses=standing(height, 0.60, 0.40),
        surfaces=(inner_floor(cavity, shallow=True),),
        cavity=cavity,
        symmetry="z",
        attributes=("shallow",),
    )


def _draw_wine_glass(draw: Draw) -> Params:
    radius = draw.uniform(0.031, 0.036)
    height = draw.uniform(0.160, 0.195)
    return draw.params(
        ("glass",),
        radius=radius,
        height=height,
        stem=height * draw.uniform(0.42, 0.48),
        foot=radius * draw.uniform(0.96, 1.04),
        bulge=draw.uniform(0.006, 0.010),
    )


def _build_wine_glass(params: Params) -> Form:
    size = params.size
    radius, height, stem, foot = size["radius"], size["height"], size["stem"], size["foot"]
    wall, neck = 0.0022, 0.0042
    start = 0.019
    floor = stem + 0.008
    outer = bulged((start, stem + 0.004), (radius, height - 0.001), size["bulge"], 6)
    inner = bulged((radius - wall, height - 0.001), (start - wall, floor), -size["bulge"], 6)
    profile = (
        (foot - 0.003, 0.0),
        (foot, 0.0012),
        (foot - 0.002, 0.0030),
        (0.010, 0.0055),
        (neck, 0.012),
        (neck, stem - 0.010),
        (0.010, stem),
        *outer,
        (radius - 0.5 * wall, height),
        *inner,
    )
    shapes, cavity = round_cavity(
        (start - wall, floor), (radius, height), 0.003, (start, stem, floor), RING
    )
    return Form(
        solids=(Revolve(profile, params.rgba),),
        shapes=(
            *shapes,
            cylinder(foot, 0.0, 0.004, "foot"),
            cylinder(neck + 0.0004, 0.004, stem, "stem"),
        ),
        poses=standing(height, 0.15, 0.25),
        surfaces=(inner_floor(cavity, shallow=False),),
        cavity=cavity,
        symmetry="z",
        grip=2.0 * neck,
    )


def _draw_jug(draw: Draw) -> Params:
    radius = draw.uniform(0.046, 0.053)
    return draw.params(
        ("plastic", "glass"),
        radius=radius,
        height=draw.uniform(0.145, 0.180),
        base=radius * draw.uniform(0.84, 0.94),
        reach=draw.uniform(0.034, 0.040),
    )


def _build_jug(params: Params) -> Form:
    size = params.size
    radius, height, base, reach = size["radius"], size["height"], size["base"], size["reach"]
    wall = 0.0026 if params.material == "plastic" else 0.0030
    thick, floor = 0.0032, 0.007
    shapes, cavity = round_cavity(
        (base - thick, floor), (radius, height), thick, (base - 0.0005, 0.0, floor), HANDLE_RING
    )
    handle, bars = loop(
        (0.5 * (radius + base), 0.0, 0.55 * height),
        reach,
        0.0058,
        params.rgba,
        stretch=0.30 * height / reach,
        nearest=radius + 0.0035,
    )
    # The pouring lip, a wedge outside the rim across from the handle.
    lip_z, out = height - 0.020, radius + 0.004
    lip = Loft(
        ((0.002, 0.004, 0.0015, lip_z), (0.007, 0.013, 0.0015, height - 0.001)),
        params.rgba,
        "lip",
        origin=(-out, 0.0, 0.0),
    )
    return Form(
        solids=(Revolve(shell(base, (radius, height), wall, floor), params.rgba), handle, lip),
        shapes=(
            *shapes,
            *bars,
            box((0.007, 0.011, 0.006), (-out, 0.0, height - 0.007), "lip"),
        ),
        poses=standing(height, 0.30, 0.30),
        surfaces=(inner_floor(cavity, shallow=False),),
        cavity=cavity,
        grip=wall,
        attributes=("handle",),
    )


def _draw_egg_cup(draw: Draw) -> Params:
    radius = draw.uniform(0.0235, 0.0270)
    return draw.params(
        ("ceramic", "wood", "plastic"),
        radius=radius,
        height=draw.uniform(0.052, 0.066),
        foot=radius * draw.uniform(1.02, 1.08),
        waist=radius * draw.uniform(0.78, 0.88),
    )


def _build_egg_cup(params: Params) -> Form:
    size = params.size
    radius, height, foot, waist = size["radius"], size["height"], size["foot"], size["waist"]
    wall = 0.0032
    stem = height - 0.030
    floor = stem + 0.005
    start = 0.84 * radius - wall
    profile = (
        (foot - 0.002, 0.0),
        (foot, 0.002),
        (foot, 0.004),
        (waist, 0.010),
        (waist, stem - 0.004),
        *bulged((start + wall, stem + 0.001), (radius, height - 0.001), 0.003, 5),
        (radius - 0.5 * wall, height),
        *bulged((radius - wall, height - 0.001), (start, floor), -0.003, 5),
    )
    shapes, cavity = round_cavity(
        (start, floor), (radius, height), 0.003, (start + 0.002, stem, floor), RING
    )
    return Form(
        solids=(Revolve(profile, params.rgba),),
        shapes=(
            *shapes,
            cylinder(foot, 0.0, stem, "foot"),
        ),
        poses=(StablePose(UPRIGHT, 0.0, 0.30, "upright"), standing(height, 0.3, 0.35)[1]),
        surfaces=(inner_floor(cavity, shallow=False),),
        cavity=cavity,
        symmetry="z",
        grip=2.0 * radius + 0.004,
    )


FAMILIES = (
    Family(
        describe(
            "teacup",
            ("tea cup",),
            "A wide, low cup with a small loop handle along +x.",
            "tea cups of 100-180 ml: 80-92 mm across, 54-64 mm high",
            ("ceramic",),
            container=True,
        ),
        _draw_teacup,
        _build_teacup,
        patterns=True,
    ),
    Family(
        describe(
            "saucer",
            ("cup plate",),
            "A small plate with a ring for a cup in its middle.",
            "saucers as sold: 128-156 mm across, 16-21 mm high",
            ("ceramic",),
            container=True,
            graspable=False,
            supports=True,
        ),
        _draw_saucer,
        _build_saucer,
        patterns=True,
    ),
    Family(
        describe(
            "wine_glass",
            ("goblet", "stemmed glass"),
            "A glass bowl on a stem and a round foot.",
            "small wine glasses: 62-72 mm across, 160-195 mm high",
            ("glass",),
            container=True,
        ),
        _draw_wine_glass,
        _build_wine_glass,
    ),
    Family(
        describe(
            "jug",
            ("pitcher", "carafe"),
            "A tall jug with a large loop handle along +x and a lip across from it.",
            "0.8-1.3 l jugs: 92-106 mm across, 145-180 mm high",
            ("plastic", "glass"),
            container=True,
        ),
        _draw_jug,
        _build_jug,
        patterns=True,
    ),
    Family(
        describe(
            "egg_cup",
            ("eggcup",),
            "A small cup on a foot for one egg.",
            "egg cups as sold: 47-54 mm across, 52-66 mm high",
            ("ceramic", "wood", "plastic"),
            container=True,
        ),
        _draw_egg_cup,
        _build_egg_cup,
        patterns=True,
    ),
)
