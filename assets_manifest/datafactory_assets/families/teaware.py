"""Closed vessels that pour: teapot and kettle, with spout, lid and loop handle."""

from __future__ import annotations

from datafactory_assets.asset import StablePose
from datafactory_assets.families.forms import describe
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import DARK, METAL
from datafactory_assets.families.pieces import UPRIGHT, Point, cylinder, strut
from datafactory_assets.families.solids import Revolve, Sweep
from datafactory_assets.families.tableware import bulged
from datafactory_assets.families.vessels import loop

_STANDS = (StablePose(UPRIGHT, 0.0, 0.6, "upright"),)


def _hollow(base: float, rim: Point, wall: float, bulge: float) -> tuple[Point, ...]:
    """Profile of a bulging vessel whose opening a lid covers, metres."""
    radius, height = rim
    return (
        (base - 0.003, 0.0),
        *bulged((base, 0.002), (radius, height), bulge, 5),
        *bulged((radius - wall, height), (base - wall, wall), -bulge, 3),
    )


def _lid(radius: float, z: float, knob: float) -> tuple[Point, ...]:
    """Profile of a lid with a knob on it, standing on z, metres."""
    return (
        (radius, z),
        (0.6 * radius, z + 0.006),
        (0.6 * knob, z + 0.009),
        (0.6 * knob, z + 0.012),
        (knob, z + 0.017),
        (0.85 * knob, z + 0.023),
        (0.3 * knob, z + 0.026),
    )


def _draw_teapot(draw: Draw) -> Params:
    radius = draw.uniform(0.046, 0.052)
    return draw.params(
        ("ceramic",),
        radius=radius,
        height=radius * draw.uniform(1.45, 1.65),
        base=radius * draw.uniform(0.66, 0.74),
        opening=radius * draw.uniform(0.56, 0.64),
        spout=draw.uniform(0.036, 0.044),
        knob=draw.uniform(0.010, 0.012),
    )


def _build_teapot(params: Params) -> Form:
    size = params.size
    radius, h, base, opening = size["radius"], size["height"], size["base"], size["opening"]
    spout, knob = size["spout"], size["knob"]
    middle = 0.5 * (base + opening)
    bulge = radius - middle
    side = radius - 0.001
    tip = -radius - spout
    handle, bars = loop((side - 0.004, 0.0, 0.52 * h), 0.028, 0.0045, params.rgba, stretch=0.95)
    low, high = 0.30 * h, 0.86 * h
    return Form(
        solids=(
            Revolve(_hollow(base, (opening, h), 0.0034, bulge), params.rgba),
            Revolve(_lid(opening + 0.001, h, knob), params.rgba, "lid"),
            Sweep(
                (
                    (0.0065, 0.0065, 0.0060, tip, 0.0, high + 0.004),
                    (0.0075, 0.0080, 0.0070, tip + 0.30 * spout, 0.0, 0.5 * (low + high) + 0.012),
                    (0.0105, 0.0120, 0.0100, tip + 0.70 * spout, 0.0, low + 0.010),
                    (0.0140, 0.0160, 0.0135, -radius + 0.004, 0.0, low),
                ),
                params.rgba,
                "spout",
            ),
            handle,
        ),
        shapes=(
            cylinder(0.5 * (base + radius), 0.0, 0.25 * h),
            cylinder(radius, 0.25 * h, 0.70 * h),
            cylinder(0.5 * (opening + radius), 0.70 * h, h),
            cylinder(0.9 * opening, h, h + 0.007, "lid"),
            cylinder(knob, h + 0.007, h + 0.026, "knob"),
            strut((-radius, 0.0, low + 0.004), (tip + 0.008, 0.0, high), 0.008, "spout"),
            *bars,
        ),
        poses=_STANDS,
        grip=2.0 * knob,
        attributes=("handle", "lid", "knob", "spout"),
    )


def _draw_kettle(draw: Draw) -> Params:
    radius = draw.uniform(0.066, 0.076)
    return draw.params(
        ("aluminium",),
        radius=radius,
        height=radius * draw.uniform(1.15, 1.35),
        opening=radius * draw.uniform(0.50, 0.58),
        rise=draw.uniform(0.060, 0.070),
        spout=draw.uniform(0.034, 0.042),
    )


def _build_kettle(params: Params) -> Form:
    """A wide pan of thin sheet, a short spout along -x and a dark bow over the lid along x."""
    size = params.size
    radius, h, opening = size["radius"], size["height"], size["opening"]
    rise, spout, wall = size["rise"], size["spout"], 0.0018
    shoulder = 0.68 * h
    profile = (
        (radius - 0.006, 0.0),
        (radius - 0.001, 0.003),
        (radius, 0.012),
        (0.97 * radius, shoulder),
        (0.80 * radius, 0.88 * h),
        (opening, h),
        (opening - wall, h - wall),
        (0.80 * radius - wall, 0.88 * h - wall),
        (0.97 * radius - wall, shoulder - wall),
        (radius - wall, 0.012),
        (radius - 0.008, wall),
    )
    bow, bars = loop(
        (0.0, 0.0, 0.92 * h), rise, 0.0060, DARK, stretch=0.72 * radius / rise, out="z", along="x"
    )
    tip, low, high = -radius - spout, 0.46 * h, 0.90 * h
    return Form(
        solids=(
            Revolve(profile, params.rgba),
            Revolve(_lid(opening - 0.001, h, 0.008), METAL, "lid"),
            Sweep(
                (
                    (0.0070, 0.0080, 0.0065, tip, 0.0, high),
                    (0.0100, 0.0120, 0.0095, tip + 0.55 * spout, 0.0, 0.5 * (low + high)),
                    (0.0150, 0.0170, 0.0140, -0.97 * radius, 0.0, low),
                ),
                params.rgba,
                "spout",
            ),
            bow,
        ),
        shapes=(
            cylinder(radius, 0.0, shoulder),
            cylinder(0.88 * radius, shoulder, 0.88 * h),
            cylinder(0.66 * radius, 0.88 * h, h),
            cylinder(0.5 * opening, h, h + 0.012, "lid"),
            cylinder(0.008, h + 0.012, h + 0.026, "knob"),
            strut((-radius, 0.0, low + 0.006), (tip + 0.009, 0.0, high), 0.009, "spout"),
            *bars,
        ),
        poses=_STANDS,
        grip=0.012,
        attributes=("handle", "lid", "spout"),
    )


FAMILIES = (
    Family(
        describe(
            "teapot",
            ("tea pot",),
            "A round teapot with a spout along -x, a loop handle along +x and a lid with a knob.",
            "small teapots of 0.3-0.45 l: bodies 92-104 mm across, 67-86 mm high",
            ("ceramic",),
        ),
        _draw_teapot,
        _build_teapot,
        patterns=True,
    ),
    Family(
        describe(
            "kettle",
            ("tea kettle", "water kettle"),
            "A wide kettle with a short spout along -x and a dark bow over its lid.",
            "small stove kettles of 1-1.4 l, empty: 132-152 mm across, 76-103 mm high",
            ("aluminium",),
        ),
        _draw_kettle,
        _build_kettle,
    ),
)
