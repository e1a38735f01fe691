"""Kitchen storage: lunch box, food container, canister, bucket, measuring cup."""

from __future__ import annotations

from datafactory_assets.asset import StablePose
from datafactory_assets.families.forms import describe
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import CREAM, METAL, shade
from datafactory_assets.families.pieces import (
    UPRIGHT,
    box,
    box_poses,
    cylinder,
    inner_floor,
    rectangle,
    top,
)
from datafactory_assets.families.solids import Loft, Revolve, rounded_box
from datafactory_assets.families.tableware import standing
from datafactory_assets.families.vessels import (
    RING,
    loop,
    round_cavity,
    shell,
)

_STANDS = (StablePose(UPRIGHT, 0.0, 0.9, "upright"),)


def _draw_lunch_box(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        half_x=draw.uniform(0.075, 0.092),
        half_y=draw.uniform(0.052, 0.062),
        height=draw.uniform(0.052, 0.068),
        density=draw.uniform(260.0, 380.0),
    )


def _build_lunch_box(params: Params) -> Form:
    """A body, a lid that overhangs it, and two clips on the short sides."""
    size = params.size
    a, b, h = size["half_x"], size["half_y"], size["height"]
    seam = 0.72 * h
    clip, clip_half = a + 0.0015, (0.0035, 0.014, 0.010)
    clips = [(side * clip, 0.0, seam) for side in (-1.0, 1.0)]
    half = (a, b, 0.5 * h)
    dark = shade(params.rgba, 0.55)
    return Form(
        solids=(
            Loft(
                (
                    (a - 0.008, b - 0.008, 0.012, 0.0),
                    (a - 0.003, b - 0.003, 0.016, 0.006),
                    (a - 0.002, b - 0.002, 0.016, seam),
                ),
                params.rgba,
            ),
            Loft(
                (
                    (a, b, 0.017, seam),
                    (a, b, 0.017, h - 0.006),
                    (a - 0.006, b - 0.006, 0.012, h),
                ),
                CREAM,
                "lid",
            ),
            *(rounded_box(clip_half, c, 0.002, 0.001, dark, "clip") for c in clips),
        ),
        shapes=(
            box(half, (0.0, 0.0, 0.5 * h)),
            *(box(clip_half, c, "clip") for c in clips),
        ),
        poses=standing(h, 0.5, 0.3),
        surfaces=(top(rectangle(a - 0.006, b - 0.006), h),),
        symmetry="box",
        attributes=("flat",),
    )


def _draw_food_container(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        half_x=draw.uniform(0.046, 0.062),
        half_y=draw.uniform(0.0330, 0.0385),
        height=draw.uniform(0.045, 0.070),
        density=draw.uniform(420.0, 560.0),
    )


def _build_food_container(params: Params) -> Form:
    """A pale tub under a coloured lid with a rib around it."""
    size = params.size
    a, b, h = size["half_x"], size["half_y"], size["height"]
    seam = h - 0.011
    half = (a, b, 0.5 * h)
    return Form(
        solids=(
            Loft(
                (
                    (a - 0.0075, b - 0.0075, 0.008, 0.0),
                    (a - 0.005, b - 0.005, 0.010, 0.004),
                    (a - 0.002, b - 0.002, 0.012, seam),
                ),
                CREAM,
                "tub",
            ),
            Loft(
                (
                    (a, b, 0.014, seam),
                    (a, b, 0.014, h - 0.004),
                    (a - 0.003, b - 0.003, 0.011, h - 0.0005),
                    (a - 0.009, b - 0.009, 0.008, h - 0.0005),
                    (a - 0.010, b - 0.010, 0.007, h),
                ),
                params.rgba,
                "lid",
            ),
        ),
        shapes=(box(half, (0.0, 0.0, 0.5 * h)),),
        poses=box_poses(half),
        surfaces=(top(rectangle(a - 0.003, b - 0.003), h),),
        symmetry="box",
        grip=2.0 * b,
        attributes=("flat",),
    )


def _draw_canister(draw: Draw) -> Params:
    radius = draw.uniform(0.048, 0.058)
    return draw.params(
        ("plastic", "wood"),
        radius=radius,
        height=radius * draw.uniform(1.9, 2.4),
        knob=draw.uniform(0.013, 0.017),
    )


def _build_canister(params: Params) -> Form:
    """A cookie jar: a hollow body closed by a lid with a knob, all one body."""
    size = params.size
    r, h, knob = size["radius"], size["height"], size["knob"]
    wall = 0.003 if params.material == "plastic" else 0.006
    rim = h - 0.016
    lid = (
        (r + 0.002, rim),
        (r + 0.002, rim + 0.006),
        (r - 0.004, h - 0.002),
        (0.5 * r, h + 0.002),
        (0.45 * knob, h + 0.003),
        (0.45 * knob, h + 0.008),
        (0.95 * knob, h + 0.014),
        (knob, h + 0.020),
        (0.8 * knob, h + 0.026),
        (0.3 * knob, h + 0.028),
    )
    end = h + 0.028
    return Form(
        solids=(
            Revolve(shell(r - 0.001, (r, rim), wall, 0.004), params.rgba),
            Revolve(lid, shade(params.rgba, 0.7), "lid"),
        ),
        shapes=(
            cylinder(r, 0.0, rim),
            cylinder(r + 0.002, rim, h, "lid"),
            cylinder(0.55 * knob, h, h + 0.011, "knob"),
            cylinder(knob, h + 0.011, end, "knob"),
        ),
        poses=_STANDS,
        symmetry="z",
        grip=2.0 * knob,
        attributes=("lid", "knob"),
    )


def _draw_bucket(draw: Draw) -> Params:
    radius = draw.uniform(0.062, 0.074)
    return draw.params(
        ("plastic",),
        radius=radius,
        height=radius * draw.uniform(1.55, 1.85),
        base=radius * draw.uniform(0.72, 0.80),
        rise=draw.uniform(0.060, 0.072),
    )


def _build_bucket(params: Params) -> Form:
    """A small pail with its handle up, over the opening along y."""
    size = params.size
    radius, height, base, rise = size["radius"], size["height"], size["base"], size["rise"]
    wall = 0.0024
    thick, floor = 0.0035, 0.007
    shapes, cavity = round_cavity(
        (base - thick, floor), (radius, height), thick, (base - 0.0005, 0.0, floor), RING
    )
    handle, bars = loop(
        (0.0, 0.0, height - 0.004),
        rise,
        0.0045,
        METAL,
        stretch=(radius + 0.0035) / rise,
        out="z",
        along="y",
    )
    return Form(
        solids=(Revolve(shell(base, (radius, height), wall, floor), params.rgba), handle),
        shapes=(*shapes, *bars),
        poses=_STANDS,
        surfaces=(inner_floor(cavity, shallow=False),),
        cavity=cavity,
        symmetry="box",
        grip=0.009,
        attributes=("handle",),
    )


def _draw_measuring_cup(draw: Draw) -> Params:
    radius = draw.uniform(0.034, 0.040)
    return draw.params(
        ("steel", "plastic"),
        radius=radius,
        height=radius * draw.uniform(1.25, 1.55),
        base=radius * draw.uniform(0.86, 0.94),
        handle=draw.uniform(0.070, 0.090),
    )


def _build_measuring_cup(params: Params) -> Form:
    size = params.size
    radius, height, base, length = size["radius"], size["height"], size["base"], size["handle"]
    wall = 0.0012 if params.material == "steel" else 0.0026
    thick, floor = 0.003, 0.006
    shapes, cavity = round_cavity(
        (base - thick, floor), (radius, height), thick, (base - 0.0005, 0.0, floor), RING
    )
    half = (0.5 * length, 0.0085, 0.0040)
    centre = (radius + half[0] - 0.0015, 0.0, height - 0.006)
    return Form(
        solids=(
            Revolve(shell(base, (radius, height), wall, floor), params.rgba),
            rounded_box(half, centre, 0.0080, 0.0015, params.rgba, "handle"),
        ),
        shapes=(*shapes, box(half, centre, "handle")),
        poses=(StablePose(UPRIGHT, 0.0, 0.55, "upright"),),
        surfaces=(inner_floor(cavity, shallow=False),),
        cavity=cavity,
        grip=wall,
        attributes=("handle",),
    )


FAMILIES = (
    Family(
        describe(
            "lunch_box",
            ("bento box",),
            "A closed lunch box with a pale lid and two clips.",
            "lunch boxes as sold: 150-184 x 104-124 x 52-68 mm, filled",
            ("plastic",),
            graspable=False,
            supports=True,
        ),
        _draw_lunch_box,
        _build_lunch_box,
        patterns=True,
    ),
    Family(
        describe(
            "food_container",
            ("storage container", "plastic container"),
            "A closed food container: a pale tub with a coloured lid.",
            "0.2-0.5 l food containers: 92-124 x 66-77 x 45-70 mm, half filled",
            ("plastic",),
            supports=True,
        ),
        _draw_food_container,
        _build_food_container,
        patterns=True,
    ),
    Family(
        describe(
            "canister",
            ("cookie jar", "biscuit jar"),
            "A closed round jar whose lid has a knob.",
            "kitchen canisters of 0.6-1.3 l: 96-116 mm across, 120-167 mm high with the knob",
            ("plastic", "wood"),
        ),
        _draw_canister,
        _build_canister,
        patterns=True,
    ),
    Family(
        describe(
            "bucket",
            ("pail",),
            "A small bucket with its handle up, over the opening along y.",
            "small pails: 124-148 mm across, 96-137 mm high without the handle",
            ("plastic",),
            container=True,
        ),
        _draw_bucket,
        _build_bucket,
        patterns=True,
    ),
    Family(
        describe(
            "measuring_cup",
            ("measuring scoop", "dry measure"),
            "A small measure with a flat handle along +x.",
            "dry measures of 150-250 ml: 68-80 mm across, handle 70-90 mm",
            ("steel", "plastic"),
            container=True,
        ),
        _draw_measuring_cup,
        _build_measuring_cup,
        patterns=True,
    ),
)
