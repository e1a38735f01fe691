"""Things that stand about on tables: vase, salt shaker, pepper mill, coaster."""

from __future__ import annotations

from datafactory_assets.asset import StablePose
from datafactory_assets.families.forms import describe
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import METAL
from datafactory_assets.families.pieces import (
    UPRIGHT,
    cylinder,
    cylinder_poses,
    inner_floor,
    polygon,
    top,
)
from datafactory_assets.families.solids import Revolve
from datafactory_assets.families.tableware import bulged, standing
from datafactory_assets.families.vessels import (
    RING,
    round_cavity,
)


def _draw_vase(draw: Draw) -> Params:
    radius = draw.uniform(0.033, 0.0375)
    return draw.params(
        ("ceramic", "glass"),
        radius=radius,
        height=draw.uniform(0.140, 0.180),
        base=radius * draw.uniform(0.66, 0.76),
        bulge=radius * draw.uniform(0.10, 0.20),
    )


def _build_vase(params: Params) -> Form:
    size = params.size
    radius, height, base = size["radius"], size["height"], size["base"]
    wall, thick, floor = 0.0034, 0.0045, 0.008
    lip = radius - 0.004
    profile = (
        (base - 0.004, 0.0),
        (base, 0.002),
        *bulged((base, 0.004), (lip, height - 0.016), size["bulge"] + 0.003, 7),
        (lip + 0.0005, height - 0.008),
        (radius, height - 0.001),
        (radius - 0.5 * wall, height),
        (radius - wall, height - 0.001),
        (lip + 0.0005 - wall, height - 0.008),
        *bulged((lip - wall, height - 0.016), (base - wall, floor), -size["bulge"] - 0.003, 7),
    )
    shapes, cavity = round_cavity(
        (base - thick, floor), (radius, height), thick, (base, 0.0, floor), RING
    )
    return Form(
        solids=(Revolve(profile, params.rgba),),
        shapes=shapes,
        poses=standing(height, 0.15, 0.25),
        surfaces=(inner_floor(cavity, shallow=False),),
        cavity=cavity,
        symmetry="z",
        grip=wall,
    )


def _draw_salt_shaker(draw: Draw) -> Params:
    return draw.params(
        ("glass", "ceramic"),
        ("white", "blue", "red", "green", "yellow", "black", "teal", "brown"),
        radius=draw.uniform(0.018, 0.022),
        height=draw.uniform(0.072, 0.090),
        density=draw.uniform(1300.0, 1600.0),
    )


def _build_salt_shaker(params: Params) -> Form:
    size = params.size
    r, h = size["radius"], size["height"]
    seam = 0.74 * h
    return Form(
        solids=(
            Revolve(
                (
                    (r - 0.003, 0.0),
                    (r, 0.003),
                    (r, 0.010),
                    (0.80 * r, 0.45 * h),
                    (0.78 * r, seam),
                ),
                params.rgba,
            ),
            Revolve(
                (
                    (0.84 * r, seam),
                    (0.84 * r, h - 0.009),
                    (0.72 * r, h - 0.004),
                    (0.45 * r, h - 0.001),
                    (0.15 * r, h),
                ),
                METAL,
                "cap",
            ),
        ),
        shapes=(
            cylinder(r, 0.0, 0.25 * h),
            cylinder(0.86 * r, 0.25 * h, h),
        ),
        poses=(StablePose(UPRIGHT, 0.0, 0.3, "upright"),),
        symmetry="z",
        grip=2.0 * r,
        attributes=("rolls",),
    )


def _draw_pepper_mill(draw: Draw) -> Params:
    return draw.params(
        ("wood",),
        ("brown", "black", "white", "red", "orange", "grey"),
        radius=draw.uniform(0.025, 0.029),
        height=draw.uniform(0.150, 0.200),
        knob=draw.uniform(0.007, 0.009),
        waist=draw.uniform(0.58, 0.68),
    )


def _build_pepper_mill(params: Params) -> Form:
    """A turned body with a waist, a round head and a metal knob."""
    size = params.size
    r, h, knob, waist = size["radius"], size["height"], size["knob"], size["waist"]
    neck, head = 0.62 * h, 0.80 * h
    tip = h - 2.0 * knob
    body = (
        (r - 0.002, 0.0),
        (r, 0.003),
        (r, 0.020),
        (0.86 * r, 0.030),
        (waist * r, 0.36 * h),
        (0.78 * r, 0.50 * h),
        (0.92 * r, neck - 0.004),
        (0.92 * r, neck),
    )
    cap = (
        (0.92 * r, neck + 0.001),
        (0.70 * r, neck + 0.006),
        (0.96 * r, 0.5 * (neck + head)),
        (0.94 * r, head),
        (0.60 * r, tip - 0.004),
        (0.30 * r, tip),
    )
    ball = (
        (0.5 * knob, tip),
        (knob, tip + 0.7 * knob),
        (0.7 * knob, h - 0.3 * knob),
        (0.2 * knob, h),
    )
    return Form(
        solids=(
            Revolve(body, params.rgba),
            Revolve(cap, params.rgba, "head"),
            Revolve(ball, METAL, "knob"),
        ),
        shapes=(
            cylinder(r, 0.0, 0.14 * h),
            cylinder(0.80 * r, 0.14 * h, neck - 0.004),
            cylinder(0.96 * r, neck - 0.004, head + 0.004, "head"),
            cylinder(knob, head + 0.004, h, "knob"),
        ),
        poses=(StablePose(UPRIGHT, 0.0, 0.2, "upright"),),
        symmetry="z",
        grip=2.0 * r,
        attributes=("rolls",),
    )


def _draw_coaster(draw: Draw) -> Params:
    return draw.params(
        ("wood", "rubber", "ceramic"),
        radius=draw.uniform(0.044, 0.052),
        height=draw.uniform(0.006, 0.009),
    )


def _build_coaster(params: Params) -> Form:
    r, h = params.size["radius"], params.size["height"]
    return Form(
        solids=(
            Revolve(
                (
                    (r - 0.0012, 0.0),
                    (r, 0.0012),
                    (r, h - 0.001),
                    (r - 0.001, h),
                    (r - 0.003, h),
                    (r - 0.0035, h - 0.0008),
                ),
                params.rgba,
            ),
        ),
        shapes=(cylinder(r, 0.0, h),),
        poses=(cylinder_poses(r, h, 0.5 * h)[0], cylinder_poses(r, h, 0.5 * h)[-2]),
        surfaces=(top(polygon(12, 0.9 * r), h),),
        symmetry="z",
        attributes=("flat",),
    )


FAMILIES = (
    Family(
        describe(
            "vase",
            ("flower vase",),
            "A slender vase with a flared lip.",
            "small vases: 66-75 mm across, 140-180 mm high",
            ("ceramic", "glass"),
            container=True,
        ),
        _draw_vase,
        _build_vase,
        patterns=True,
    ),
    Family(
        describe(
            "salt_shaker",
            ("salt cellar", "shaker"),
            "A waisted shaker with a metal cap.",
            "table salt shakers: 36-44 mm across, 72-90 mm high",
            ("glass", "ceramic"),
        ),
        _draw_salt_shaker,
        _build_salt_shaker,
        patterns=True,
    ),
    Family(
        describe(
            "pepper_mill",
            ("pepper grinder",),
            "A turned wooden mill with a waist, a round head and a metal knob.",
            "pepper mills: 50-58 mm across, 150-200 mm high",
            ("wood",),
        ),
        _draw_pepper_mill,
        _build_pepper_mill,
    ),
    Family(
        describe(
            "coaster",
            ("drink mat",),
            "A flat round coaster with a fine rim.",
            "drink coasters: 88-104 mm across, 6-9 mm thick",
            ("wood", "rubber", "ceramic"),
            graspable=False,
            supports=True,
        ),
        _draw_coaster,
        _build_coaster,
        patterns=True,
    ),
)
