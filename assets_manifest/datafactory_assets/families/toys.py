"""Toys: car, duck, dice, ring, boat, puzzle cube, domino, studded brick."""

from __future__ import annotations

import math
from itertools import product

from datafactory_assets.asset import Shape
from datafactory_assets.families.forms import ONE_POSE, accent, block, brick, describe, lying
from datafactory_assets.families.language import Draw, Family, Form, Params
from datafactory_assets.families.materials import COLOURS, CREAM, DARK, Rgba, shade
from datafactory_assets.families.pieces import (
    box,
    circle,
    cylinder,
    extruded,
    nm,
    rectangle,
    ring_wall,
    top,
)
from datafactory_assets.families.solids import (
    Axis,
    Prism,
    Revolve,
    Solid,
    Sweep,
    rounded_box,
)

_VIVID = ("red", "blue", "green", "yellow", "orange", "pink", "purple", "teal", "white", "black")


def _draw_toy_car(draw: Draw) -> Params:
    return draw.params(
        ("plastic", "wood"),
        _VIVID,
        half_x=draw.uniform(0.038, 0.062),
        half_y=draw.uniform(0.0175, 0.0270),
        wheel=draw.uniform(0.0095, 0.0140),
        cabin=draw.uniform(0.40, 0.62),
        height=draw.uniform(0.034, 0.052),
        accent=draw.uniform(0.0, 1.0),
    )


def _build_toy_car(params: Params) -> Form:
    size = params.size
    a, b, r, h = size["half_x"], size["half_y"], size["wheel"], size["height"]
    low, belt = 0.7 * r, 0.7 * r + 0.45 * (h - 0.7 * r)
    inner = b - 0.005
    half = size["cabin"] * a
    body = ((low, -a), (belt, -a), (belt, 0.98 * a), (0.55 * (low + belt), a), (low, a))
    glass = ((belt, -0.15 * a - half), (h, -0.15 * a - 0.68 * half), (h, -0.15 * a + 0.5 * half),
             (belt, -0.15 * a + half))  # fmt: skip
    ahead, behind = 0.58 * a, -0.58 * a
    solids: list[Solid] = [
        Prism(_ccw(body), -inner, inner, params.rgba, "body", axis="y"),
        Prism(_ccw(glass), -0.82 * inner, 0.82 * inner, shade(accent(params), 0.9),
              "cabin", axis="y"),
    ]  # fmt: skip
    shapes: list[Shape] = [
        box((a, inner, 0.5 * (belt - low)), (0.0, 0.0, 0.5 * (belt + low))),
        extruded(_ccw(glass), -0.82 * inner, 0.82 * inner, "y", "cabin"),
    ]
    tyre = ((0.9 * r, 0.0), (r, 0.001), (r, 0.0055), (0.9 * r, 0.0065))
    hub = ((0.45 * r, 0.0), (0.45 * r, 0.0006))
    for x in (ahead, behind):
        for side in (-1, 1):
            y = side * (inner + 0.0001) if side > 0 else -inner - 0.0066
            solids.append(Revolve(tyre, DARK, "wheel", axis="y", origin=(x, y, r)))
            y = y + 0.0066 if side > 0 else y - 0.0007
            solids.append(Revolve(hub, CREAM, "hub", axis="y", origin=(x, y, r)))
            # A box under the axle: the car stands on four feet and does not roll away.
            shapes.append(box((0.72 * r, 0.0033, r), (x, side * (inner + 0.0033), r), "wheel"))
    return Form(
        solids=tuple(solids),
        shapes=tuple(shapes),
        poses=ONE_POSE,
        grip=2.0 * b + 0.005,
        attributes=("toy", "lies_along_x"),
    )


def _ccw(outline: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    """The outline counter-clockwise, whichever way it runs."""
    area = sum(
        u0 * v1 - u1 * v0
        for (u0, v0), (u1, v1) in zip(outline, (*outline[1:], outline[0]), strict=True)
    )
    return outline if area > 0.0 else outline[::-1]


def _draw_rubber_duck(draw: Draw) -> Params:
    return draw.params(
        ("rubber",),
        ("yellow", "yellow", "pink", "blue", "white", "green"),
        half_y=draw.uniform(0.0240, 0.0335),
        length=draw.uniform(2.05, 2.45),
        head=draw.uniform(0.58, 0.70),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(220.0, 420.0),
    )


def _build_rubber_duck(params: Params) -> Form:
    size = params.size
    b = size["half_y"]
    a, c = 0.5 * b * size["length"], 0.62 * b
    r = size["head"] * b
    shares = (-1.0, -0.92, -0.72, -0.40, 0.0, 0.40, 0.72, 0.92, 1.0)
    body = []
    for s in shares:
        wide = max(0.25, math.sqrt(1.0 - (0.97 * s) ** 2))
        tail = 0.28 * b * max(0.0, -s - 0.45)  # the tail turns up
        high = c * (0.45 + 0.55 * wide)
        body.append((b * wide, high, 0.85 * min(b * wide, high), a * s, 0.0, high + tail))
    x, neck = 0.42 * a, 1.72 * c
    z = neck + 0.86 * r
    angles = [math.radians(-62.0 + 142.0 * i / 9) for i in range(10)]
    head = tuple((r * math.cos(t), z + r * math.sin(t)) for t in angles)
    bottom = head[0][1]
    stop = max(bottom, 2.0 * c + 0.0002)
    clipped = tuple((p, max(q, stop)) for p, q in head)
    beak = (
        (0.42 * r, 0.20 * r, 0.19 * r, x + 0.93 * r, 0.0, z - 0.05 * r),
        (0.34 * r, 0.09 * r, 0.08 * r, x + 1.42 * r, 0.0, z + 0.02 * r),
    )
    orange: Rgba = (0.95, 0.45, 0.10, 1.0)
    solids: list[Solid] = [
        Sweep(tuple(body), params.rgba, "body"),
        Revolve(clipped, params.rgba, "head", origin=(x, 0.0, 0.0)),
        Sweep(beak, orange if params.colour != "red" else CREAM, "beak"),
    ]
    for side in (-1, 1):
        eye = circle(0.11 * r, 8, side * 0.46 * r, z + 0.30 * r)  # (y, z)
        front = x + 0.80 * r
        solids.append(Prism(eye, front, front + 0.06 * r, DARK, "eye", axis="x"))
    shapes = (
        box((0.80 * a, 0.72 * b, c), (0.0, 0.0, c)),
        cylinder(0.9 * b, 0.25 * c, 1.6 * c, "belly"),
        box((0.97 * a, 0.30 * b, 0.6 * c), (0.0, 0.0, 1.35 * c), "tail"),
        Shape("sphere", (nm(r),), (nm(x), 0.0, nm(z)), part="head"),
        box((0.22 * r, 0.38 * r, 0.14 * r), (x + 1.17 * r, 0.0, z), "beak"),
    )
    return Form(
        solids=tuple(solids), shapes=shapes, poses=ONE_POSE, grip=1.8 * b, attributes=("toy",)
    )


_PIPS = {
    1: ((0.0, 0.0),),
    2: ((-1.0, -1.0), (1.0, 1.0)),
    3: ((-1.0, -1.0), (0.0, 0.0), (1.0, 1.0)),
    4: ((-1.0, -1.0), (1.0, 1.0), (-1.0, 1.0), (1.0, -1.0)),
    5: ((-1.0, -1.0), (1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (0.0, 0.0)),
    6: ((-1.0, -1.0), (1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, 0.0), (1.0, 0.0)),
}


def _draw_dice(draw: Draw) -> Params:
    return draw.params(
        ("plastic", "wood", "foam"),
        ("white", "red", "blue", "green", "yellow", "pink", "orange", "purple"),
        half=draw.uniform(0.0125, 0.0300),
        up=draw.uniform(0.0, 6.0),
        pip=draw.uniform(0.16, 0.21),
    )


def _build_dice(params: Params) -> Form:
    size = params.size
    a, pip = size["half"], size["pip"] * size["half"]
    ink = DARK if params.colour in ("white", "yellow", "pink", "orange") else CREAM
    up = 1 + int(size["up"])
    others = [n for n in range(1, 7) if n not in (up, 7 - up)]
    faces: tuple[tuple[Axis, float, int], ...] = (
        ("z", a, up), ("x", a, others[0]), ("x", -a, 7 - others[0]), ("y", a, others[1]),
        ("y", -a, 7 - others[1]),
    )  # fmt: skip
    solids: list[Solid] = [
        rounded_box((a, a, a), (0.0, 0.0, a), 0.20 * a, 0.08 * a, params.rgba, "cube")
    ]
    thin = 0.0003
    for axis, at, number in faces:  # not the one it stands on
        low, high = (at, at + thin) if at > 0.0 else (at - thin, at)
        for u, v in _PIPS[number]:
            outline = circle(pip, 8, 0.48 * a * u, 0.48 * a * v)
            solids.append(
                Prism(outline, low, high, ink, "pip", axis=axis, origin=(0.0, 0.0, a))
            )  # fmt: skip
    return brick((a, a, a), tuple(solids), 2.0 * a, ("flat", "toy"))


def _draw_ring(draw: Draw) -> Params:
    return draw.params(
        ("plastic", "wood"),
        _VIVID,
        tube=draw.uniform(0.0090, 0.0113),
        hole=draw.uniform(0.0175, 0.0205),
        flat=draw.uniform(0.80, 1.0),
    )


def _build_ring(params: Params) -> Form:
    size = params.size
    t, hole, c = size["tube"], size["hole"], size["flat"] * size["tube"]
    radius = hole + t
    turns = [2.0 * math.pi * (i + 0.5) / 14 for i in range(14)]
    profile = tuple((radius + t * math.cos(s), c + c * math.sin(s)) for s in turns)
    low = min(z for _, z in profile)
    profile = tuple((r, (z - low) * c / (c - low)) for r, z in profile)
    return Form(
        solids=(Revolve(profile, params.rgba, "ring", ring=True),),
        shapes=ring_wall(radius - 0.93 * t, radius + 0.93 * t, 2.0 * c),
        poses=ONE_POSE,
        symmetry="z",
        grip=2.0 * t,
        attributes=("toy", "ring"),
    )


def _draw_boat(draw: Draw) -> Params:
    return draw.params(
        ("plastic", "wood"),
        _VIVID,
        half_x=draw.uniform(0.055, 0.080),
        half_y=draw.uniform(0.0240, 0.0350),
        hull=draw.uniform(0.022, 0.032),
        cabin=draw.uniform(0.016, 0.026),
        accent=draw.uniform(0.0, 1.0),
        density=draw.uniform(350.0, 600.0),
    )


def _build_boat(params: Params) -> Form:
    size = params.size
    a, b, h, cabin = size["half_x"], size["half_y"], size["hull"], size["cabin"]
    outline = ((-a, -0.80 * b), (-0.7 * a, -b), (0.25 * a, -b), (0.68 * a, -0.62 * b), (a, 0.0),
               (0.68 * a, 0.62 * b), (0.25 * a, b), (-0.7 * a, b), (-a, 0.80 * b))  # fmt: skip
    keel = tuple((0.86 * x - 0.02 * a, 0.80 * y) for x, y in outline)
    middle = tuple((0.93 * x, 0.92 * y) for x, y in outline)
    chimney = ((0.26 * b, h + cabin), (0.24 * b, h + cabin + 0.020))
    centre = -0.18 * a
    solids: list[Solid] = [
        Prism(keel, 0.0, 0.35 * h, shade(params.rgba, 0.65), "keel"),
        Prism(middle, 0.35 * h, 0.70 * h, params.rgba, "hull"),
        Prism(outline, 0.70 * h, h, CREAM if params.colour != "white" else accent(params), "deck"),
        rounded_box((0.36 * a, 0.55 * b, 0.5 * cabin), (centre, 0.0, h + 0.5 * cabin), 0.004,
                    0.001, accent(params), "cabin"),
        Revolve(chimney, COLOURS["red"] if params.colour != "red" else DARK, "chimney",
                origin=(centre, 0.0, 0.0)),
    ]  # fmt: skip
    for side in (-1, 1):
        for x in (-0.2, 0.1):
            window = circle(0.005, 8, h + 0.55 * cabin, centre + x * a)  # (z, x)
            low = side * 0.55 * b
            ends = (low, low + 0.0005) if side > 0 else (low - 0.0005, low)
            solids.append(Prism(window, *ends, (0.55, 0.75, 0.9, 1.0), "window", axis="y"))
    shapes = (
        extruded(keel, 0.0, 0.7 * h, "z", "hull"),
        extruded(outline, 0.55 * h, h, "z", "hull"),
        box((0.36 * a, 0.55 * b, 0.5 * cabin), (centre, 0.0, h + 0.5 * cabin), "cabin"),
        cylinder(0.26 * b, h + cabin, h + cabin + 0.020, "chimney", centre),
    )
    return lying(tuple(solids), shapes, 2.0 * b, ("toy", "lies_along_x"))


def _draw_puzzle_cube(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        ("black", "white"),
        half=draw.uniform(0.0250, 0.0300),
        mixed=draw.uniform(0.0, 1.0),
        density=draw.uniform(430.0, 560.0),
    )


_STICKERS = ("white", "yellow", "green", "blue", "red", "orange")


def _build_puzzle_cube(params: Params) -> Form:
    a = params.size["half"]
    seed = int(params.size["mixed"] * 9973)
    pitch, half, thin = 2.0 * a / 3.0, 0.29 * a, 0.0004
    solids: list[Solid] = [
        rounded_box((a, a, a), (0.0, 0.0, a), 0.003, 0.0015, params.rgba, "cube")
    ]
    sides: tuple[tuple[Axis, float], ...] = (
        ("x", a), ("x", -a - thin), ("y", a), ("y", -a - thin), ("z", a),
    )  # fmt: skip
    for axis, low in sides:  # not the one it stands on
        for i, j in product((-1, 0, 1), repeat=2):
            seed = (seed * 75 + 74) % 65537
            tile = tuple((u + i * pitch, v + j * pitch) for u, v in rectangle(half, half))
            colour = COLOURS[_STICKERS[seed % 6]]
            solids.append(Prism(tile, low, low + thin, colour, "sticker", axis, (0.0, 0.0, a)))
    return brick((a, a, a), tuple(solids), 2.0 * a, ("flat", "toy"))


def _draw_domino(draw: Draw) -> Params:
    return draw.params(
        ("wood", "plastic"),
        ("white", "black", "brown", "red", "blue", "green", "yellow"),
        half_x=draw.uniform(0.020, 0.032),
        height=draw.uniform(0.0095, 0.0150),
        left=draw.uniform(1.0, 7.0),
        right=draw.uniform(1.0, 7.0),
    )


def _build_domino(params: Params) -> Form:
    size = params.size
    a, h = size["half_x"], size["height"]
    b = 0.5 * a
    ink = DARK if params.colour in ("white", "yellow") else CREAM
    solids: list[Solid] = [
        rounded_box((a, b, 0.5 * h), (0.0, 0.0, 0.5 * h), 0.0025, 0.001, params.rgba, "tile"),
        block((0.0006, 0.85 * b, 0.0002), (0.0, 0.0, h + 0.0002), ink, "line"),
    ]
    for side, number in ((-1.0, int(size["left"])), (1.0, int(size["right"]))):
        for u, v in _PIPS[number]:
            dot = circle(0.13 * b, 8, side * 0.5 * a + 0.52 * 0.5 * a * u, 0.52 * b * v)
            solids.append(Prism(dot, h, h + 0.0004, ink, "pip"))
    return brick((a, b, 0.5 * h), tuple(solids), 2.0 * b, ("flat", "toy"))


def _draw_stud_brick(draw: Draw) -> Params:
    return draw.params(
        ("plastic",),
        _VIVID,
        unit=draw.uniform(0.0150, 0.0200),
        long=draw.uniform(2.0, 5.0),
        high=draw.uniform(0.95, 1.25),
        density=draw.uniform(420.0, 560.0),
    )


def _build_stud_brick(params: Params) -> Form:
    size = params.size
    unit, columns = size["unit"], int(size["long"])
    a, b = 0.5 * unit * columns, unit
    h, stud = size["high"] * unit, 0.22 * unit
    solids: list[Solid] = [
        rounded_box((a, b, 0.5 * h), (0.0, 0.0, 0.5 * h), 0.0012, 0.0006, params.rgba)
    ]
    for i in range(columns):
        for j in (-0.5, 0.5):
            x = (i + 0.5) * unit - a
            disc = circle(0.31 * unit, 14, x, j * unit)
            solids.append(Prism(disc, h, h + stud, shade(params.rgba, 1.06), "stud"))
    shapes = (
        box((a, b, 0.5 * h), (0.0, 0.0, 0.5 * h)),
        box((a - 0.19 * unit, 0.81 * unit, 0.5 * stud), (0.0, 0.0, h + 0.5 * stud), "studs"),
    )
    return Form(
        solids=tuple(solids),
        shapes=shapes,
        poses=ONE_POSE,
        surfaces=(top(rectangle(a - 0.19 * unit, 0.81 * unit), h + stud),),
        symmetry="box",
        grip=2.0 * min(a, b),
        attributes=("toy",),
    )


_KINDS = (
    ("toy_car", ("car", "toy"), ("plastic", "wood"), "A toy car with dark wheels.",
     "die-cast and wooden cars: 76-124 x 40-60 x 34-52 mm", False,
     _draw_toy_car, _build_toy_car),
    ("rubber_duck", ("duck", "bath duck", "toy"), ("rubber",), "A rubber duck.",
     "bath ducks: 50-80 mm long, 48-67 mm wide", False, _draw_rubber_duck, _build_rubber_duck),
    ("dice", ("die", "toy"), ("plastic", "wood", "foam"), "A large die with pips.",
     "jumbo dice: 25-60 mm", True, _draw_dice, _build_dice),
    ("stacking_ring", ("ring", "toy ring", "toy"), ("plastic", "wood"),
     "A ring of a stacking toy, lying flat.", "stacking rings: 71-86 mm across, 14-23 mm high",
     False, _draw_ring, _build_ring),
    ("toy_boat", ("boat", "ship", "toy"), ("plastic", "wood"), "A toy boat with a chimney.",
     "bath boats: 110-160 x 48-70 mm", False, _draw_boat, _build_boat),
    ("puzzle_cube", ("cube puzzle", "toy"), ("plastic",), "A mixed 3 x 3 x 3 puzzle cube.",
     "3 x 3 x 3 cubes: 50-60 mm, 60-110 g", True, _draw_puzzle_cube, _build_puzzle_cube),
    ("domino", ("domino tile", "toy"), ("wood", "plastic"), "A domino tile lying face up.",
     "domino tiles, standard and jumbo: 40-64 x 20-32 x 9-15 mm", True,
     _draw_domino, _build_domino),
    ("stud_brick", ("building brick", "toy brick", "toy"), ("plastic",),
     "A large building brick with two rows of studs.",
     "large studded bricks: pitch 15-20 mm, 2-4 studs long", True,
     _draw_stud_brick, _build_stud_brick),
)  # fmt: skip

_PATTERNED = ("stacking_ring", "toy_boat", "toy_car")

FAMILIES = tuple(
    Family(describe(name, nouns, text, sizes, materials, supports=supports), draw, build,
           patterns=name in _PATTERNED)
    for name, nouns, materials, text, sizes, supports, draw, build in _KINDS
)  # fmt: skip
