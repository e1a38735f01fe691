"""Long fruit and vegetables, lying along x: banana, cucumber, carrot, aubergine, corn."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from datafactory_assets.asset import Shape
from datafactory_assets.families.forms import describe, lying, turned
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import STEM, shade
from datafactory_assets.families.pieces import flat_rod, lying_cylinder, nm
from datafactory_assets.families.solids import Prism, Sweep

_LEAF = (0.24, 0.46, 0.17, 1.0)


def _tapered(
    sections: Sequence[tuple[float, float, float]], rgba: tuple[float, float, float, float],
    part: str = "body",
) -> Sweep:  # fmt: skip
    """Lies on z = 0 along its whole length; sections are (radius, x, y), metres."""
    return Sweep(tuple((r, r, r, x, y, r) for r, x, y in sections), rgba, part)


def _rods(sections: Sequence[tuple[float, float, float]]) -> tuple[Shape, ...]:
    """Capsules from section to section, each as thick as its middle, resting on z = 0."""
    shapes = []
    for (r0, x0, y0), (r1, x1, y1) in itertools.pairwise(sections):
        r = 0.5 * (r0 + r1)
        shapes.append(flat_rod((x0, y0), (x1, y1), r, r))
    return tuple(shapes)


def _draw_banana(draw: Draw) -> Params:
    return draw.params(
        ("fruit",),
        ("yellow", "green"),
        radius=draw.uniform(0.0155, 0.0195),
        bend=draw.uniform(0.095, 0.130),
        half_angle=draw.uniform(0.62, 0.80),
        density=draw.uniform(900.0, 960.0),
    )


def _build_banana(params: Params) -> Form:
    size = params.size
    r, bend, half = size["radius"], size["bend"], size["half_angle"]
    shift = bend * 0.5 * (1.0 + math.cos(half))

    def at(share: float, radius: float) -> tuple[float, float, float]:
        angle = share * half
        return (radius, bend * math.sin(angle), bend * math.cos(angle) - shift)

    widths = (0.42, 0.72, 0.92, 1.0, 1.0, 0.94, 0.76, 0.46)
    shares = [-0.84 + 1.72 * i / 7 for i in range(8)]
    flesh = [at(s, r * w) for s, w in zip(shares, widths, strict=True)]
    stalk = [at(-1.0, 0.22 * r), at(-0.93, 0.20 * r), flesh[0]]
    tip = [flesh[-1], at(0.93, 0.24 * r)]
    solids = (
        _tapered(flesh, params.rgba),
        _tapered(stalk, shade(params.rgba, 0.62), "stalk"),
        _tapered(tip, STEM, "tip"),
    )
    rods = []
    for p, q in zip(flesh, [*flesh[1:-1], at(0.80, flesh[-1][0])], strict=False):
        thick = min(p[0], q[0])
        rods.append(flat_rod((p[1], p[2]), (q[1], q[2]), thick, thick))
    thin = 0.25 * r
    rods.append(flat_rod(at(-0.96, thin)[1:], stalk[2][1:], thin, thin, "stalk"))
    return lying(solids, tuple(rods), 2.0 * r, ("food", "lies_along_x"))


def _draw_cucumber(draw: Draw) -> Params:
    return draw.params(
        ("vegetable",),
        ("green",),
        radius=draw.uniform(0.018, 0.023),
        length=draw.uniform(0.180, 0.260),
        density=draw.uniform(930.0, 980.0),
    )


def _build_cucumber(params: Params) -> Form:
    r, length = params.size["radius"], params.size["length"]
    half = 0.5 * length
    profile = [
        (0.35 * r, -half),
        (0.72 * r, -half + 0.35 * r),
        (0.95 * r, -half + r),
        (r, -half + 2.0 * r),
        (r, half - 2.0 * r),
        (0.90 * r, half - r),
        (0.60 * r, half - 0.30 * r),
        (0.30 * r, half),
    ]
    ridges = tuple(
        Prism(((-0.0012, 0.0), (0.0012, 0.0), (0.0, 0.0012)), -half + 2.0 * r, half - 2.0 * r,
              shade(params.rgba, 1.5), "stripe", axis="x",
              origin=(0.0, 0.0, 2.0 * r - 0.0004))
        for _ in range(1)
    )  # fmt: skip
    end = turned(((0.20 * r, half), (0.16 * r, half + 0.004)), STEM, r, "stem")
    return lying(
        (turned(profile, params.rgba, r), end, *ridges),
        (lying_cylinder(r, -half + 0.5 * r, half - 0.5 * r, r),
         Shape("sphere", (nm(0.75 * r),), (nm(0.75 * r - half), 0.0, nm(r))),
         Shape("sphere", (nm(0.75 * r),), (nm(half - 0.75 * r), 0.0, nm(r)))),
        2.0 * r,
        ("rolls", "food", "lies_along_x"),
    )  # fmt: skip


def _draw_carrot(draw: Draw) -> Params:
    return draw.params(
        ("vegetable",),
        ("orange", "purple", "yellow"),
        radius=draw.uniform(0.014, 0.020),
        length=draw.uniform(0.120, 0.180),
        tip=draw.uniform(0.18, 0.30),
        leaf=draw.uniform(0.020, 0.045),
        density=draw.uniform(1000.0, 1050.0),
    )


def _build_carrot(params: Params) -> Form:
    size = params.size
    r, length, leaf = size["radius"], size["length"], size["leaf"]
    x0, x1 = -0.5 * length, 0.5 * length
    tip = size["tip"] * r
    root = [
        (tip, x0, 0.0),
        (0.55 * r, x0 + 0.12 * length, 0.0),
        (0.80 * r, x0 + 0.45 * length, 0.0),
        (r, x0 + 0.88 * length, 0.0),
        (0.92 * r, x0 + 0.97 * length, 0.0),
        (0.45 * r, x1, 0.0),
    ]
    leaves = tuple(
        Sweep(((0.003, 0.003, 0.0029, x1, 0.15 * k * r, 0.6 * r),
               (0.004, 0.003, 0.0029, x1 + 0.6 * leaf, 0.4 * k * r, 0.6 * r),
               (0.0015, 0.0015, 0.0014, x1 + leaf, 0.6 * k * r, 0.6 * r)), _LEAF, "leaf")
        for k in (-1.6, 0.0, 1.6)
    )  # fmt: skip
    rods = (
        *_rods([(tip, x0 + tip, 0.0), *root[1:4], (r, x1 - r, 0.0)]),
        lying_cylinder(0.004, x1 - 0.004, x1 + leaf, 0.6 * r, "leaf"),
    )
    return lying((_tapered(root, params.rgba), *leaves), rods, 2.0 * r,
                 ("food", "lies_along_x"))  # fmt: skip


def _draw_aubergine(draw: Draw) -> Params:
    return draw.params(
        ("vegetable",),
        ("purple", "black"),
        radius=draw.uniform(0.028, 0.037),
        length=draw.uniform(0.130, 0.185),
        neck=draw.uniform(0.50, 0.66),
        density=draw.uniform(520.0, 640.0),
    )


def _build_aubergine(params: Params) -> Form:
    size = params.size
    r, length, neck = size["radius"], size["length"], size["neck"] * size["radius"]
    x0, x1 = -0.5 * length, 0.5 * length
    body = [
        (0.40 * r, x0, 0.0),
        (0.78 * r, x0 + 0.06 * length, 0.0),
        (0.97 * r, x0 + 0.18 * length, 0.0),
        (r, x0 + 0.32 * length, 0.0),
        (0.90 * r, x0 + 0.52 * length, 0.0),
        (neck, x0 + 0.85 * length, 0.0),
        (0.8 * neck, x1, 0.0),
    ]
    cap = [
        (0.82 * neck, x1, 0.0),
        (0.60 * neck, x1 + 0.006, 0.0),
        (0.22 * neck, x1 + 0.012, 0.0),
        (0.20 * neck, x1 + 0.030, 0.0),
    ]
    level = 0.8 * neck
    crown = Sweep(tuple((q, q, q, x, y, level) for q, x, y in cap), _LEAF, "cap")
    rods = _rods([(0.85 * r, x0 + 0.90 * r, 0.0), *body[3:6], (0.8 * neck, x1 - 0.8 * neck, 0.0)])
    stalk = lying_cylinder(0.22 * neck, x1 - 0.004, x1 + 0.030, level, "stem")
    return lying((_tapered(body, params.rgba), crown), (*rods, stalk), 2.0 * r,
                 ("food", "lies_along_x"))  # fmt: skip


def _draw_corn(draw: Draw) -> Params:
    return draw.params(
        ("vegetable",),
        ("yellow",),
        radius=draw.uniform(0.019, 0.024),
        length=draw.uniform(0.140, 0.190),
        husk=draw.uniform(0.28, 0.45),
        density=draw.uniform(820.0, 920.0),
    )


def _build_corn(params: Params) -> Form:
    size = params.size
    r, length = size["radius"], size["length"]
    x0, x1 = -0.5 * length, 0.5 * length
    seam = x0 + size["husk"] * length
    cob: list[tuple[float, float]] = []
    rows = 6
    for i in range(rows):  # rows of grains show as rings
        x = seam + (x1 - 0.02 - seam) * i / rows
        step = (x1 - 0.02 - seam) / rows
        cob += [(0.90 * r, x), (0.96 * r, x + 0.5 * step)]
    cob += [(0.88 * r, x1 - 0.02), (0.55 * r, x1 - 0.006), (0.2 * r, x1)]
    husk = (
        (0.25 * r, x0),
        (0.30 * r, x0 + 0.018),
        (0.85 * r, x0 + 0.034),
        (r, 0.5 * (x0 + seam)),
        (r, seam),
    )
    solids = (turned(cob, params.rgba, r, "cob"), turned(husk, _LEAF, r, "husk"))
    shapes = (
        lying_cylinder(r, x0 + 0.03, seam, r, "husk"),
        lying_cylinder(0.3 * r, x0, x0 + 0.03, r, "husk"),
        lying_cylinder(0.97 * r, seam, x1 - 0.02, r),
        Shape("sphere", (nm(0.86 * r),), (nm(x1 - 0.86 * r), 0.0, nm(r))),
    )
    return lying(solids, shapes, 2.0 * r, ("rolls", "food", "lies_along_x"))


_KINDS = (
    ("banana", ("fruit",), "fruit", "A bent banana, lying on its side.",
     "dessert bananas: 31-39 mm thick, 140-190 mm long, 90-180 g",
     _draw_banana, _build_banana),
    ("cucumber", ("vegetable",), "vegetable", "A short cucumber.",
     "snack and garden cucumbers: 36-46 mm across, 180-260 mm long",
     _draw_cucumber, _build_cucumber),
    ("carrot", ("vegetable",), "vegetable", "A tapered carrot with the stubs of its leaves.",
     "carrots of trade sizes 28-40 mm, 120-180 mm long",
     _draw_carrot, _build_carrot),
    ("aubergine", ("eggplant", "vegetable"), "vegetable", "A small aubergine with its green cap.",
     "small aubergines: 56-74 mm across, 130-185 mm long",
     _draw_aubergine, _build_aubergine),
    ("corn", ("corn cob", "ear of corn", "vegetable"), "vegetable",
     "A cob of sweet corn half in its husk.",
     "sweet corn cobs: 38-48 mm across, 140-190 mm long",
     _draw_corn, _build_corn),
)  # fmt: skip

FAMILIES = tuple(
    Family(describe(name, nouns, text, sizes, (material,)), draw, build)
    for name, nouns, material, text, sizes, draw, build in _KINDS
)
