"""Food in boxes: milk, juice, cereals, eggs, chocolate, butter. The density counts the contents."""

from __future__ import annotations

from datafactory_assets.families.forms import (
    ONE_POSE,
    accent,
    block,
    brick,
    describe,
    label,
)
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import CREAM, METAL, shade
from datafactory_assets.families.pieces import (
    box,
    circle,
    cylinder,
    extruded,
)
from datafactory_assets.families.solids import Loft, Prism, Revolve, rounded_box

_PRINT = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "white")


def _draw_milk_carton(draw: Draw) -> Params:
    half = draw.uniform(0.033, 0.036)
    return draw.params(
        ("cardboard",),
        ("blue", "red", "green", "white", "teal", "yellow"),
        half=half,
        shoulder=draw.uniform(0.095, 0.115),
        roof=draw.uniform(0.026, 0.034),
        fin=draw.uniform(0.012, 0.016),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(800.0, 860.0),
    )


def _build_milk_carton(params: Params) -> Form:
    size = params.size
    a, h, roof, fin = size["half"], size["shoulder"], size["roof"], size["fin"]
    ridge = h + roof
    gable = ((-a, h), (a, h), (0.003, ridge), (-0.003, ridge))
    low, high = 0.25 * h, 0.62 * h
    solids = (
        Loft(((a, a, 0.001, 0.0), (a, a, 0.001, low)), params.rgba, "body"),
        Loft(((a, a, 0.001, low), (a, a, 0.001, high)), CREAM, "picture"),
        Loft(((a, a, 0.001, high), (a, a, 0.001, h)), params.rgba, "shoulder"),
        Prism(gable, -a, a, shade(params.rgba, 1.08), "roof", axis="x"),
        block((a, 0.003, 0.5 * fin), (0.0, 0.0, ridge + 0.5 * fin), CREAM, "fin"),
    )
    return Form(
        solids=solids,
        shapes=(
            box((a, a, 0.5 * h), (0.0, 0.0, 0.5 * h)),
            extruded(gable, -a, a, "x", "roof"),
            box((a, 0.003, 0.5 * fin), (0.0, 0.0, ridge + 0.5 * fin), "fin"),
        ),
        poses=ONE_POSE,
        symmetry="box",
        grip=2.0 * a,
    )


def _draw_juice_box(draw: Draw) -> Params:
    return draw.params(
        ("cardboard",),
        ("orange", "red", "purple", "green", "yellow", "pink"),
        half_x=draw.uniform(0.018, 0.021),
        half_y=draw.uniform(0.023, 0.026),
        height=draw.uniform(0.080, 0.120),
        straw=draw.uniform(0.025, 0.045),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(980.0, 1030.0),
    )


def _build_juice_box(params: Params) -> Form:
    size = params.size
    a, b, h = size["half_x"], size["half_y"], size["height"]
    x, y, tip = 0.45 * a, 0.5 * b, h + size["straw"]
    edge = (a, b, 0.001)
    solids = (
        Loft(((*edge, 0.0), (*edge, 0.30 * h)), params.rgba, "body"),
        Loft(((*edge, 0.30 * h), (*edge, 0.72 * h)), label(params), "picture"),
        Loft(((*edge, 0.72 * h), (*edge, h)), params.rgba, "top"),
        Revolve(((0.0028, h), (0.0028, tip)), accent(params), "straw", origin=(x, y, 0.0)),
    )
    return Form(
        solids=solids,
        shapes=(
            box((a, b, 0.5 * h), (0.0, 0.0, 0.5 * h)),
            cylinder(0.0028, h, tip, "straw", x, y),
        ),
        poses=ONE_POSE,
        grip=2.0 * a,
    )


def _draw_cereal_box(draw: Draw) -> Params:
    thick, wide, high = (
        draw.uniform(0.042, 0.066),
        draw.uniform(0.130, 0.185),
        draw.uniform(0.195, 0.250),
    )
    return draw.params(
        ("cardboard",),
        _PRINT,
        thick=thick,
        wide=wide,
        height=high,
        accent=draw.uniform(0.0, 1.0),
        bowl=draw.uniform(0.55, 0.80),
        density=min(draw.uniform(110.0, 190.0), 0.5 / (thick * wide * high)),
    )


def _build_cereal_box(params: Params) -> Form:
    size = params.size
    a, b, h = 0.5 * size["thick"], 0.5 * size["wide"], size["height"]
    round_picture = circle(size["bowl"] * b, 20, 0.0, 0.38 * h)  # (y, z)
    banner = ((-0.9 * b, 0.74 * h), (0.9 * b, 0.78 * h), (0.9 * b, 0.93 * h), (-0.9 * b, 0.90 * h))
    solids = [rounded_box((a, b, 0.5 * h), (0.0, 0.0, 0.5 * h), 0.0012, 0.0006, params.rgba)]
    prints = []
    for low, high in ((a, a + 0.0004), (-a - 0.0004, -a)):
        prints.append(Prism(round_picture, low, high, label(params), "bowl", axis="x"))
        prints.append(Prism(banner, low, high, accent(params), "name", axis="x"))
    return brick((a, b, 0.5 * h), (*solids, *prints), 2.0 * a)


def _draw_egg_box(draw: Draw) -> Params:
    return draw.params(
        ("cardboard",),
        ("grey", "brown", "green", "blue", "yellow"),
        half_x=draw.uniform(0.072, 0.080),
        half_y=draw.uniform(0.050, 0.055),
        height=draw.uniform(0.062, 0.072),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(280.0, 420.0),
    )


def _build_egg_box(params: Params) -> Form:
    size = params.size
    a, b, h = size["half_x"], size["half_y"], size["height"]
    seam, dome = 0.45 * h, h - 0.005
    solids: list[Loft | Revolve | Prism] = [
        Loft(((a - 0.005, b - 0.005, 0.010, 0.0), (a, b, 0.012, seam)), params.rgba, "tray"),
        Loft(
            ((a, b, 0.012, seam), (a - 0.003, b - 0.003, 0.012, 0.85 * h),
             (a - 0.006, b - 0.006, 0.012, dome)), shade(params.rgba, 1.08), "lid",
        ),
        block((0.5 * a, 0.3 * b, 0.0005), (0.0, 0.0, dome + 0.0005), accent(params), "label"),
    ]  # fmt: skip
    for i in (-1, 1):  # the label is between them
        for j in (-1, 1):
            place = (i * 0.62 * a, j * 0.45 * b, dome)
            bump = ((0.34 * b, 0.001), (0.26 * b, 0.004), (0.12 * b, 0.005))
            solids.append(Revolve(bump, shade(params.rgba, 1.08), "bump", origin=place))
    return Form(
        solids=tuple(solids),
        shapes=(
            box((a, b, 0.5 * dome), (0.0, 0.0, 0.5 * dome)),
            box((0.8 * a, 0.8 * b, 0.5 * (h - dome)), (0.0, 0.0, 0.5 * (h + dome)), "lid"),
        ),
        poses=ONE_POSE,
        symmetry="box",
        attributes=("food",),
    )


def _draw_chocolate_bar(draw: Draw) -> Params:
    return draw.params(
        ("food",),
        ("brown", "white", "black"),
        half_x=draw.uniform(0.055, 0.080),
        half_y=draw.uniform(0.024, 0.038),
        height=draw.uniform(0.010, 0.015),
        wrapped=draw.uniform(0.35, 0.55),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(1150.0, 1300.0),
    )


def _build_chocolate_bar(params: Params) -> Form:
    size = params.size
    a, b, h = size["half_x"], size["half_y"], size["height"]
    seam = -a + 2.0 * a * size["wrapped"]
    base, middle = 0.6 * h, 0.5 * (seam + a)
    solids = [
        block((0.5 * (seam + a), b, 0.5 * h), (0.5 * (seam - a), 0.0, 0.5 * h), accent(params),
              "wrapper"),
        block((0.5 * (a - seam), b - 0.002, 0.5 * base), (middle, 0.0, 0.5 * base), params.rgba,
              "bar"),
    ]  # fmt: skip
    columns, rows = max(2, round((a - seam) / 0.018)), 3
    dx, dy = (a - seam) / columns, 2.0 * (b - 0.002) / rows
    for i in range(columns):
        for j in range(rows):
            place = (seam + (i + 0.5) * dx, (j + 0.5) * dy - b + 0.002, 0.5 * (base + h))
            half = (0.5 * dx - 0.0012, 0.5 * dy - 0.0012, 0.5 * (h - base))
            solids.append(block(half, place, shade(params.rgba, 0.88), "piece"))
    return brick((a, b, 0.5 * h), tuple(solids), 2.0 * b, ("flat", "food"), supports=False)


def _draw_butter(draw: Draw) -> Params:
    return draw.params(
        ("food",),
        ("yellow", "white", "blue", "green", "red"),
        half_x=draw.uniform(0.046, 0.058),
        half_y=draw.uniform(0.029, 0.037),
        height=draw.uniform(0.030, 0.044),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(900.0, 950.0),
    )


def _build_butter(params: Params) -> Form:
    size = params.size
    a, b, h = size["half_x"], size["half_y"], size["height"]
    half = (a, b, 0.5 * h)
    inset = (a - 0.0015, b - 0.0015, 0.5 * h)
    flap = ((-b, 0.0), (b, 0.0), (0.0, 0.75 * h))  # the folded foil at the ends, (y, z)
    solids = (
        rounded_box((0.45 * a, b, 0.5 * h), (0.0, 0.0, 0.5 * h), 0.001, 0.0005, accent(params),
                    "band"),
        block((0.5 * (inset[0] - 0.45 * a), inset[1], inset[2]),
              (0.5 * (inset[0] + 0.45 * a), 0.0, 0.5 * h), params.rgba, "front"),
        block((0.5 * (inset[0] - 0.45 * a), inset[1], inset[2]),
              (-0.5 * (inset[0] + 0.45 * a), 0.0, 0.5 * h), params.rgba, "back"),
        Prism(flap, inset[0], a, METAL, "flap", axis="x"),
        Prism(flap, -a, -inset[0], METAL, "flap", axis="x"),
    )  # fmt: skip
    return brick(half, solids, 2.0 * b, ("flat", "food"))


FAMILIES = (
    Family(
        describe(
            "milk_carton",
            ("milk", "gable-top carton"),
            "A gable-top carton with a fin.",
            "0.5 l gable-top cartons: 70 x 70 mm foot, about 95-115 mm to the shoulder",
            ("cardboard",),
        ),
        _draw_milk_carton,
        _build_milk_carton,
        patterns=True,
    ),
    Family(
        describe(
            "juice_box",
            ("juice", "drink carton"),
            "A small drink carton with a straw.",
            "0.2 l drink cartons: 38 x 47 x 85-120 mm",
            ("cardboard",),
        ),
        _draw_juice_box,
        _build_juice_box,
        patterns=True,
    ),
    Family(
        describe(
            "cereal_box",
            ("cereals", "muesli box"),
            "An upright box of cereals with a picture.",
            "small cereal boxes: 130-185 x 42-66 x 195-250 mm, at most 0.5 kg",
            ("cardboard",),
            supports=True,
        ),
        _draw_cereal_box,
        _build_cereal_box,
        patterns=True,
    ),
    Family(
        describe(
            "egg_box",
            ("egg carton", "box of eggs"),
            "A closed pulp box of six eggs.",
            "boxes of six eggs: 145-160 x 100-110 x 62-72 mm",
            ("cardboard",),
            graspable=False,
        ),
        _draw_egg_box,
        _build_egg_box,
    ),
    Family(
        describe(
            "chocolate_bar",
            ("chocolate",),
            "A half unwrapped bar of chocolate.",
            "100 g bars: 110-160 x 48-76 x 10-15 mm",
            ("food",),
        ),
        _draw_chocolate_bar,
        _build_chocolate_bar,
    ),
    Family(
        describe(
            "butter",
            ("pack of butter",),
            "A packet of butter in foil with a printed band.",
            "250 g packets: about 100 x 65 x 40 mm; 125 g: 92 x 58 x 30 mm",
            ("food",),
            supports=True,
        ),
        _draw_butter,
        _build_butter,
    ),
)
