"""Groceries: can, tin, bottle, jar, carton. Full packages, so their density counts the contents."""

from __future__ import annotations

from datafactory_assets.asset import StablePose
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import CREAM, METAL, Rgba, shade
from datafactory_assets.families.pieces import (
    LYING,
    UPRIGHT,
    box,
    box_poses,
    cylinder,
    cylinder_poses,
    nm,
    polygon,
    rectangle,
    top,
)
from datafactory_assets.families.solids import Loft, Revolve, Solid
from datafactory_assets.source import FamilyInfo

_LABEL: dict[str, Rgba] = {"white": (0.16, 0.34, 0.60, 1.0)}


def _label(params: Params) -> Rgba:
    """Colour of a printed band that stands out from the main colour."""
    return _LABEL.get(params.colour, CREAM)


def _canister(params: Params, bevel: float, cover: tuple[float, float]) -> tuple[Solid, ...]:
    """A cylinder in three stacked parts: metal base, printed sleeve, metal end.

    Args:
        params: With ``radius`` and ``height``, metres.
        bevel: Size of the chamfers at both ends, metres.
        cover: Heights between which the sleeve runs, as shares of the height.
    """
    r, h = params.size["radius"], params.size["height"]
    z0, z1 = cover[0] * h, cover[1] * h
    return (
        Revolve(((r - bevel, 0.0), (r, bevel), (r, z0)), METAL, "base"),
        Revolve(((r, z0), (r, z1)), params.rgba, "sleeve"),
        Revolve(((r, z1), (r, h - bevel), (r - bevel, h)), METAL, "end"),
    )


def _round_package(params: Params, solids: tuple[Solid, ...]) -> Form:
    """One collision cylinder around an upright round package."""
    r, h = params.size["radius"], params.size["height"]
    return Form(
        solids=solids,
        shapes=(cylinder(r, 0.0, h),),
        poses=cylinder_poses(r, h, 0.5 * h),
        surfaces=(top(polygon(12, 0.9 * r), h),),
        symmetry="z",
        grip=2.0 * r,
        attributes=("rolls",),
    )


def _draw_can(draw: Draw) -> Params:
    slim = draw.uniform(0.0, 1.0) < 0.3
    radius = draw.uniform(0.0285, 0.0292) if slim else draw.uniform(0.0328, 0.0333)
    height = draw.uniform(0.133, 0.146) if slim else draw.uniform(0.114, 0.123)
    return draw.params(
        ("aluminium",), radius=radius, height=height, density=draw.uniform(890.0, 930.0)
    )


def _build_can(params: Params) -> Form:
    return _round_package(params, _canister(params, 0.005, (0.07, 0.92)))


def _draw_tin(draw: Draw) -> Params:
    radius = draw.uniform(0.0325, 0.0380)
    return draw.params(
        ("steel",),
        ("red", "orange", "yellow", "green", "teal", "blue", "purple", "white"),
        radius=radius,
        height=draw.uniform(0.075, 0.112),
        density=draw.uniform(1020.0, 1120.0),
    )


def _build_tin(params: Params) -> Form:
    return _round_package(params, _canister(params, 0.0012, (0.05, 0.95)))


def _draw_bottle(draw: Draw) -> Params:
    height = draw.uniform(0.190, 0.220)
    return draw.params(
        ("plastic", "glass"),
        ("green", "blue", "brown", "white", "teal", "red", "yellow", "orange"),
        radius=draw.uniform(0.029, 0.0330),
        height=height,
        neck=draw.uniform(0.0125, 0.0145),
        shoulder=height * draw.uniform(0.60, 0.66),
        density=draw.uniform(900.0, 980.0),
    )


def _build_bottle(params: Params) -> Form:
    size = params.size
    r, h, neck, shoulder = size["radius"], size["height"], size["neck"], size["shoulder"]
    cap, neck_z = h - 0.018, h - 0.035
    band = (0.22 * h, 0.48 * h)
    slope = neck_z - shoulder
    upper = (
        (r, band[1]),
        (r, shoulder),
        (0.90 * r + 0.10 * neck, shoulder + 0.25 * slope),
        (0.62 * r + 0.38 * neck, shoulder + 0.60 * slope),
        (neck, neck_z),
        (neck, cap),
    )
    solids = (
        Revolve(((r - 0.004, 0.0), (r, 0.004), (r, band[0])), params.rgba, "base"),
        Revolve(((r, band[0]), (r, band[1])), _label(params), "label"),
        Revolve(upper, params.rgba, "body"),
        Revolve(
            ((neck + 0.002, cap), (neck + 0.002, h - 0.001), (neck + 0.001, h)),
            shade(params.rgba, 0.5),
            "cap",
        ),
    )
    middle = shoulder + 0.6 * slope
    return Form(
        solids=solids,
        shapes=(
            cylinder(r, 0.0, shoulder),
            cylinder(0.76 * r + 0.24 * neck, shoulder, middle, "shoulder"),
            cylinder(neck + 0.001, middle, h, "neck"),
        ),
        poses=(
            StablePose(UPRIGHT, 0.0, 0.12, "upright"),
            StablePose(LYING, nm(r), 0.87, "lying"),
        ),
        symmetry="z",
        grip=2.0 * r,
        attributes=("rolls",),
    )


def _draw_jar(draw: Draw) -> Params:
    radius = draw.uniform(0.030, 0.0375)
    return draw.params(
        ("glass",),
        ("red", "orange", "yellow", "green", "brown", "purple", "white", "pink"),
        radius=radius,
        height=draw.uniform(0.075, 0.105),
        density=draw.uniform(1150.0, 1250.0),
    )


def _build_jar(params: Params) -> Form:
    size = params.size
    r, h = size["radius"], size["height"]
    lid = r - 0.0015
    seam = h - 0.014
    solids = (
        Revolve(((r - 0.004, 0.0), (r, 0.004), (r, 0.25 * h)), params.rgba, "base"),
        Revolve(((r, 0.25 * h), (r, 0.65 * h)), _label(params), "label"),
        Revolve(
            ((r, 0.65 * h), (r, seam - 0.008), (lid - 0.002, seam - 0.001), (lid - 0.002, seam)),
            params.rgba,
            "body",
        ),
        Revolve(((lid, seam), (lid, h - 0.001), (lid - 0.001, h)), METAL, "lid"),
    )
    return Form(
        solids=solids,
        shapes=(cylinder(r, 0.0, seam - 0.004), cylinder(lid, seam - 0.004, h, "lid")),
        poses=cylinder_poses(r, h, 0.48 * h),
        surfaces=(top(polygon(12, 0.9 * lid), h),),
        symmetry="z",
        grip=2.0 * r,
        attributes=("rolls",),
    )


def _draw_carton(draw: Draw) -> Params:
    thick = draw.uniform(0.038, 0.072)
    wide, high = draw.uniform(0.075, 0.135), draw.uniform(0.110, 0.190)
    heaviest = 0.55 / (thick * wide * high)
    return draw.params(
        ("cardboard",),
        ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "brown", "white"),
        thick=thick,
        wide=wide,
        height=high,
        density=min(draw.uniform(200.0, 520.0), heaviest),
    )


def _build_carton(params: Params) -> Form:
    size = params.size
    a, b, h = 0.5 * size["thick"], 0.5 * size["wide"], size["height"]
    edge = 0.0008
    low, high = 0.52 * h, 0.80 * h
    full = (a, b, edge)
    inset = (a - 0.5 * edge, b - 0.5 * edge, 0.5 * edge)
    solids = (
        Loft(((*inset, 0.0), (*full, 0.5 * edge), (*full, low)), params.rgba, "body"),
        Loft(((*full, low), (*full, high)), _label(params), "label"),
        Loft(((*full, high), (*full, h - 0.5 * edge), (*inset, h)), params.rgba, "top"),
    )
    return Form(
        solids=solids,
        shapes=(box((a, b, 0.5 * h), (0.0, 0.0, 0.5 * h)),),
        poses=box_poses((a, b, 0.5 * h)),
        surfaces=(top(rectangle(a, b), h),),
        symmetry="box",
        grip=2.0 * a,
        attributes=("flat",),
    )


def _info(
    name: str,
    synonyms: tuple[str, ...],
    supports: bool,
    description: str,
    dimension_source: str,
    materials: tuple[str, ...],
) -> FamilyInfo:
    return FamilyInfo(
        name,
        name,
        synonyms,
        container=False,
        graspable=True,
        supports=supports,
        description=description,
        dimension_source=dimension_source,
        materials=materials,
    )


FAMILIES = (
    Family(
        _info(
            "can",
            ("soda can", "drink can", "beverage can"),
            True,
            "A full beverage can, standard or slim.",
            "standard 330/355 ml cans 66.2 x 115-122 mm; slim 57-58 x 133-146 mm",
            ("aluminium",),
        ),
        _draw_can,
        _build_can,
    ),
    Family(
        _info(
            "tin",
            ("food can", "tin can", "soup can"),
            True,
            "A full food tin with a paper sleeve.",
            "food can sizes 211x300 to 300x407 (68-76 mm across, 76-113 mm high)",
            ("steel",),
        ),
        _draw_tin,
        _build_tin,
    ),
    Family(
        _info(
            "bottle",
            ("drink bottle", "water bottle"),
            False,
            "A full round bottle with shoulder, neck and cap.",
            "0.33-0.5 litre bottles: 58-66 mm across, 190-220 mm high",
            ("plastic", "glass"),
        ),
        _draw_bottle,
        _build_bottle,
    ),
    Family(
        _info(
            "jar",
            ("jam jar", "glass jar", "preserve jar"),
            True,
            "A full glass jar with a twist-off lid.",
            "212-370 ml twist-off jars: 60-75 mm across, 75-105 mm high",
            ("glass",),
        ),
        _draw_jar,
        _build_jar,
    ),
    Family(
        _info(
            "carton",
            ("grocery box", "food box", "package"),
            True,
            "A closed cardboard box of dry groceries.",
            "tea, pudding, rice and cracker boxes: 38-72 x 75-135 x 110-190 mm, at most 0.55 kg",
            ("cardboard",),
        ),
        _draw_carton,
        _build_carton,
    ),
)
