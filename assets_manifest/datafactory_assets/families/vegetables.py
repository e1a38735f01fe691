"""Fruit and vegetables that are no plain balls and stand: pear, tomato, onion and so on."""

from __future__ import annotations

import math

from datafactory_assets.asset import Shape
from datafactory_assets.families.forms import ONE_POSE, describe, standing
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import CREAM, STEM, shade
from datafactory_assets.families.pieces import circle, cylinder, nm
from datafactory_assets.families.solids import Loft, Prism, Revolve, Solid, Sweep

_LEAF = (0.24, 0.46, 0.17, 1.0)
_FOOD = ("food",)


def _draw_pear(draw: Draw) -> Params:
    return draw.params(
        ("fruit",),
        ("green", "yellow", "red"),
        radius=draw.uniform(0.030, 0.037),
        height=draw.uniform(0.080, 0.100),
        neck=draw.uniform(0.42, 0.55),
        density=draw.uniform(930.0, 990.0),
    )


def _build_pear(params: Params) -> Form:
    size = params.size
    r, h, neck = size["radius"], size["height"], size["neck"] * size["radius"]
    profile = (
        (0.62 * r, 0.0),
        (0.86 * r, 0.07 * h),
        (0.98 * r, 0.20 * h),
        (r, 0.32 * h),
        (0.93 * r, 0.46 * h),
        (0.5 * (0.8 * r + neck), 0.62 * h),
        (neck, 0.76 * h),
        (0.92 * neck, 0.88 * h),
        (0.62 * neck, 0.96 * h),
        (0.25 * neck, h),
    )
    stem = Revolve(((0.0016, h), (0.0022, h + 0.016)), STEM, "stem")
    heights = (0.0, 0.10 * h, 0.48 * h, 0.66 * h, 0.90 * h, h)
    form = standing((Revolve(profile, params.rgba), stem), profile, heights, ("rolls", "food"))
    stalk = cylinder(0.0022, h, h + 0.016, "stem")
    return Form(form.solids, (*form.shapes, stalk), form.poses, symmetry="z", grip=form.grip,
                attributes=form.attributes)  # fmt: skip


def _round(
    solids: tuple[Solid, ...], r: float, c: float, stalk: tuple[Shape, ...] = ()
) -> Form:
    """A squat ellipsoid on z = 0, with more pieces on top."""
    return Form(
        solids=solids,
        shapes=(Shape("ellipsoid", (nm(r), nm(r), nm(c)), (0.0, 0.0, nm(c))), *stalk),
        poses=ONE_POSE,
        symmetry="z",
        grip=2.0 * r,
        attributes=("rolls", "food"),
    )


def _bulb(r: float, c: float, n: int = 11) -> list[tuple[float, float]]:
    """Profile of a squat ellipsoid that stands on z = 0, without its poles."""
    angles = [math.radians(-80.0 + 160.0 * i / (n - 1)) for i in range(n)]
    return [(r * math.cos(t), c * (1.0 + math.sin(t)) if i else 0.0) for i, t in enumerate(angles)]


def _star(radius: float, inner: float, points: int) -> tuple[tuple[float, float], ...]:
    """Outline of a star, counter-clockwise, metres."""
    outline = []
    for i in range(2 * points):
        t, q = math.pi * i / points, radius if i % 2 == 0 else inner
        outline.append((nm(q * math.cos(t)), nm(q * math.sin(t))))
    return tuple(outline)


def _draw_tomato(draw: Draw) -> Params:
    return draw.params(
        ("vegetable",),
        ("red", "orange", "yellow"),
        radius=draw.uniform(0.027, 0.0375),
        squat=draw.uniform(0.72, 0.92),
        leaf=draw.uniform(0.45, 0.65),
        density=draw.uniform(930.0, 1000.0),
    )


def _build_tomato(params: Params) -> Form:
    size = params.size
    r = size["radius"]
    c = r * size["squat"]
    high = 2.0 * c
    leaf = Prism(_star(size["leaf"] * r, 0.12 * r, 5), high - 0.0022, high - 0.0004, _LEAF, "leaf")
    stem = Revolve(((0.002, high - 0.0004), (0.0016, high + 0.004)), _LEAF, "stem")
    profile = [(p, min(z, high - 0.0022)) for p, z in _bulb(r, c, 15)]
    return _round((Revolve(tuple(profile), params.rgba), leaf, stem), r, c)


def _draw_onion(draw: Draw) -> Params:
    return draw.params(
        ("vegetable",),
        ("brown", "purple", "white", "orange"),
        radius=draw.uniform(0.027, 0.037),
        squat=draw.uniform(0.82, 0.95),
        density=draw.uniform(930.0, 990.0),
    )


def _build_onion(params: Params) -> Form:
    size = params.size
    r = size["radius"]
    c = r * size["squat"]
    body = _bulb(r, c, 13)[:-2]
    low = body[-1][1]
    neck = ((body[-1][0], low), (0.30 * r, 2.0 * c), (0.14 * r, 2.0 * c + 0.008),
            (0.10 * r, 2.0 * c + 0.016))  # fmt: skip
    solids = (
        Revolve(tuple(body), params.rgba),
        Revolve(neck, shade(params.rgba, 0.80), "neck"),
    )
    return _round(solids, r, c, (cylinder(0.14 * r, 2.0 * c - 0.002, 2.0 * c + 0.016, "neck"),))


def _draw_potato(draw: Draw) -> Params:
    return draw.params(
        ("vegetable",),
        ("brown", "yellow", "red"),
        half_x=draw.uniform(0.036, 0.055),
        half_y=draw.uniform(0.025, 0.034),
        squat=draw.uniform(0.78, 0.95),
        lump=draw.uniform(-0.10, 0.10),
        density=draw.uniform(1060.0, 1100.0),
    )


def _build_potato(params: Params) -> Form:
    size = params.size
    a, b, lump = size["half_x"], size["half_y"], size["lump"]
    c = b * size["squat"]
    sections = []
    for i in range(13):
        t = math.radians(-82.0 + 164.0 * i / 12)
        wide = math.cos(t) ** 0.85
        wave = 1.0 + lump * math.sin(2.5 * t)
        y, z = b * wide * min(wave, 1.0), c * wide
        sections.append((y, z, 0.98 * min(y, z), a * math.sin(t), 0.0, c))
    middle = Sweep(tuple(sections), params.rgba).moments()
    shift = middle[1] / middle[0]
    level = tuple((y, z, q, x - shift, cy, cz) for y, z, q, x, cy, cz in sections)
    eyes = tuple(
        Prism(circle(0.0022, 6, x * a, y * b), 0.0, 0.0015, shade(params.rgba, 0.6), "eye",
              origin=(0.0, 0.0, c * (1.0 + math.sqrt(1.0 - x * x - y * y)) - 0.002))
        for x, y in ((0.3, 0.2), (-0.35, -0.15), (-0.1, 0.4))
    )  # fmt: skip
    return Form(
        solids=(Sweep(level, params.rgba), *eyes),
        shapes=(Shape("ellipsoid", (nm(a), nm(b), nm(c)), (0.0, 0.0, nm(c))),),
        poses=ONE_POSE,
        symmetry="box",
        grip=2.0 * b,
        attributes=("rolls", "food"),
    )


def _draw_bell_pepper(draw: Draw) -> Params:
    return draw.params(
        ("vegetable",),
        ("red", "yellow", "green", "orange"),
        radius=draw.uniform(0.031, 0.0385),
        height=draw.uniform(0.070, 0.095),
        foot=draw.uniform(0.60, 0.78),
        density=draw.uniform(420.0, 560.0),
    )


def _build_bell_pepper(params: Params) -> Form:
    size = params.size
    r, h = size["radius"], size["height"]
    foot = size["foot"] * r

    def at(half: float, z: float) -> tuple[float, float, float, float]:
        return (half, half, 0.55 * half, z)

    skin = Loft(
        (at(0.70 * foot, 0.0), at(foot, 0.05 * h), at(0.5 * (foot + r), 0.30 * h),
         at(0.97 * r, 0.62 * h), at(r, 0.78 * h), at(0.92 * r, 0.92 * h), at(0.66 * r, h)),
        params.rgba,
    )  # fmt: skip
    stem = Revolve(((0.22 * r, h), (0.14 * r, h + 0.004), (0.11 * r, h + 0.020)), _LEAF, "stem")
    profile = ((0.8 * foot, 0.0), (foot, 0.05 * h), (r, 0.78 * h), (0.92 * r, 0.92 * h),
               (0.66 * r, h))  # fmt: skip
    form = standing((skin, stem), profile, (0.0, 0.04 * h, 0.36 * h, 0.62 * h, 0.92 * h, h))
    stalk = cylinder(0.14 * r, h, h + 0.020, "stem")
    return Form(form.solids, (*form.shapes, stalk), form.poses, symmetry="box", grip=2.0 * r,
                attributes=_FOOD)  # fmt: skip


def _draw_mushroom(draw: Draw) -> Params:
    return draw.params(
        ("vegetable",),
        ("white", "brown"),
        cap=draw.uniform(0.021, 0.032),
        stem=draw.uniform(0.46, 0.58),
        height=draw.uniform(0.036, 0.052),
        density=draw.uniform(550.0, 700.0),
    )


def _build_mushroom(params: Params) -> Form:
    size = params.size
    r, h = size["cap"], size["height"]
    s, rim = size["stem"] * r, 0.45 * h
    dome = [(0.90 * r, rim), (r, rim + 0.10 * h)]
    for i in range(1, 7):
        t = 0.5 * math.pi * i / 7
        dome.append((r * math.cos(t), rim + 0.10 * h + 0.45 * h * math.sin(t)))
    dome.append((0.12 * r, h))
    solids = (
        Revolve(((s, 0.0), (0.86 * s, 0.4 * rim), (0.94 * s, rim)), CREAM, "stem"),
        Revolve(tuple(dome), params.rgba, "cap"),
    )
    profile = ((s, 0.0), (s, rim - 1e-4), *dome)
    form = standing(solids, profile, (0.0, rim, 0.68 * h, 0.84 * h, 0.94 * h, h))
    return Form(form.solids, form.shapes, form.poses, symmetry="z", grip=2.0 * r,
                attributes=_FOOD)  # fmt: skip


def _draw_strawberry(draw: Draw) -> Params:
    return draw.params(
        ("fruit",),
        ("red",),
        radius=draw.uniform(0.0135, 0.0190),
        ratio=draw.uniform(1.9, 2.4),
        density=draw.uniform(850.0, 950.0),
    )


def _build_strawberry(params: Params) -> Form:
    r = params.size["radius"]
    h = r * params.size["ratio"]
    profile = (
        (0.55 * r, 0.0),
        (0.90 * r, 0.08 * h),
        (r, 0.24 * h),
        (0.93 * r, 0.42 * h),
        (0.74 * r, 0.62 * h),
        (0.46 * r, 0.84 * h),
        (0.16 * r, h),
    )
    seeds = []
    for ring, (share, n) in enumerate(((0.30, 8), (0.50, 7), (0.70, 5))):
        q = {0.30: 0.985, 0.50: 0.87, 0.70: 0.64}[share] * r
        for i in range(n):
            t = 2.0 * math.pi * (i + 0.5 * ring) / n
            place = (q * math.cos(t), q * math.sin(t), share * h)
            seeds.append(Prism(circle(0.0009, 4), -0.0008, 0.0008, (0.93, 0.80, 0.35, 1.0),
                               "seed", axis="z", origin=place))  # fmt: skip
    raised = tuple((p, z + 0.0012) for p, z in profile)
    base = ((0.8 * r, 0.0), *raised)
    solids: tuple[Solid, ...] = (
        Prism(_star(0.98 * r, 0.42 * r, 7), 0.0, 0.0012, _LEAF, "leaf"),
        Revolve(raised, params.rgba),
        *seeds,
    )
    heights = (0.0, 0.10 * h, 0.45 * h, 0.66 * h, 0.86 * h, h + 0.0012)
    return standing(solids, base, heights, ("rolls", "food"))


_KINDS = (
    ("pear", ("fruit",), "fruit", "A standing pear with its stalk.",
     "pears of trade sizes 60-74 mm, 80-100 mm high, 0.12-0.24 kg",
     _draw_pear, _build_pear),
    ("tomato", ("vegetable",), "vegetable", "A tomato with its green star of leaves.",
     "tomatoes of trade sizes 54-75 mm",
     _draw_tomato, _build_tomato),
    ("onion", ("vegetable",), "vegetable", "A round onion with a dry neck.",
     "onions of trade sizes 54-74 mm",
     _draw_onion, _build_onion),
    ("potato", ("vegetable",), "vegetable", "A potato, lying along x.",
     "table potatoes: 50-68 mm across, 72-110 mm long",
     _draw_potato, _build_potato),
    ("bell_pepper", ("pepper", "paprika", "vegetable"), "vegetable",
     "A blocky bell pepper, standing on its tip end.",
     "bell peppers of trade sizes 62-77 mm, 70-95 mm high, hollow",
     _draw_bell_pepper, _build_bell_pepper),
    ("mushroom", ("champignon", "vegetable"), "vegetable", "A button mushroom.",
     "button mushrooms: caps 42-64 mm across, 36-52 mm high",
     _draw_mushroom, _build_mushroom),
    ("strawberry", ("fruit", "berry"), "fruit", "A strawberry standing on its leaves.",
     "strawberries: 27-38 mm across, 10-25 g",
     _draw_strawberry, _build_strawberry),
)  # fmt: skip

FAMILIES = tuple(
    Family(describe(name, nouns, text, sizes, (material,)), draw, build)
    for name, nouns, material, text, sizes, draw, build in _KINDS
)
