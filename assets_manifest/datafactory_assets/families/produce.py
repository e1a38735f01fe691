"""Fruit: apple, orange, lemon. Collision is one sphere or ellipsoid; they roll."""

from __future__ import annotations

import math

from datafactory_assets.asset import Shape, StablePose
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import STEM
from datafactory_assets.families.pieces import UPRIGHT, nm
from datafactory_assets.families.solids import Ellipsoid, Revolve, Solid
from datafactory_assets.source import FamilyInfo


def _fruit(solids: tuple[Solid, ...], semi: tuple[float, float, float]) -> Form:
    """One ellipsoid (a sphere when round) resting on z = 0, with semi-axes in metres."""
    a, b, c = (nm(s) for s in semi)
    shape = (
        Shape("sphere", (a,), (0.0, 0.0, a))
        if a == b == c
        else Shape("ellipsoid", (a, b, c), (0.0, 0.0, c))
    )
    return Form(
        solids=solids,
        shapes=(shape,),
        poses=(StablePose(UPRIGHT, 0.0, 1.0, "upright"),),
        symmetry="z" if a == b else "box",
        grip=2.0 * b,
        attributes=("rolls", "food"),
    )


def _draw_apple(draw: Draw) -> Params:
    return draw.params(
        ("fruit",),
        ("red", "green", "yellow"),
        radius=draw.uniform(0.0315, 0.0385),
        squat=draw.uniform(0.86, 0.95),
        density=draw.uniform(820.0, 880.0),
    )


def _build_apple(params: Params) -> Form:
    radius = params.size["radius"]
    half = radius * params.size["squat"]
    points = []
    for i in range(13):
        angle = math.radians(-78.0 + 156.0 * i / 12)
        points.append((radius * math.cos(angle), half * (1.0 + math.sin(angle))))
    low, high = points[0][1], points[-1][1]
    dimple = ((0.06 * radius, low + 0.10 * half), *points, (0.06 * radius, high - 0.20 * half))
    # The lowest ring stands on z = 0.
    profile = tuple((r, (z - low) * 2.0 * half / (high - low)) for r, z in dimple)
    stem_z = profile[-1][1]
    stem = Revolve(((0.0012, stem_z - 0.002), (0.0016, stem_z + 0.010)), STEM, "stem")
    return _fruit((Revolve(profile, params.rgba), stem), (radius, radius, half))


def _draw_orange(draw: Draw) -> Params:
    return draw.params(
        ("fruit",),
        ("orange",),
        radius=draw.uniform(0.031, 0.0385),
        density=draw.uniform(880.0, 950.0),
    )


def _build_orange(params: Params) -> Form:
    radius = params.size["radius"]
    semi = (radius, radius, radius)
    return _fruit((Ellipsoid(semi, (0.0, 0.0, radius), params.rgba),), semi)


def _draw_lemon(draw: Draw) -> Params:
    radius = draw.uniform(0.024, 0.030)
    return draw.params(
        ("fruit",),
        ("yellow", "green"),
        radius=radius,
        half_length=radius * draw.uniform(1.20, 1.38),
        density=draw.uniform(900.0, 960.0),
    )


def _build_lemon(params: Params) -> Form:
    radius = params.size["radius"]
    semi = (params.size["half_length"], radius, radius)
    return _fruit((Ellipsoid(semi, (0.0, 0.0, radius), params.rgba),), semi)


def _info(
    name: str, synonyms: tuple[str, ...], description: str, dimension_source: str
) -> FamilyInfo:
    return FamilyInfo(
        name,
        name,
        synonyms,
        container=False,
        graspable=True,
        supports=False,
        description=description,
        dimension_source=dimension_source,
        materials=("fruit",),
    )


FAMILIES = (
    Family(
        _info(
            "apple",
            ("fruit",),
            "An apple, a little squat, with dimples and a stem.",
            "dessert apples of trade sizes 63-77 mm, 0.10-0.20 kg",
        ),
        _draw_apple,
        _build_apple,
    ),
    Family(
        _info(
            "orange",
            ("fruit",),
            "A round orange.",
            "oranges of trade sizes 62-77 mm, 0.11-0.22 kg",
        ),
        _draw_orange,
        _build_orange,
    ),
    Family(
        _info(
            "lemon",
            ("fruit", "citrus"),
            "A lemon (or lime), lying along x.",
            "lemons 48-60 mm across, 1.2-1.4 times as long, 0.06-0.14 kg",
        ),
        _draw_lemon,
        _build_lemon,
    ),
)
