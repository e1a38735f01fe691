"""Emblems on labels: fruit, vegetables, waves, suns and the like, as flat shapes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from datafactory.render.textures.colour import Colour, mix, rgb
from datafactory.render.textures.label_art import Board, Point

Emblem = Callable[[Board, float, float, float, Colour], None]
"""Draws around (x, y) within a radius; the colour is for emblems without one of their own."""

_LEAF, _STALK, _WHITE = rgb("4f8a3f"), rgb("5a4428"), rgb("fbf8ef")


def _poly(b: Board, x: float, y: float, r: float, points: Sequence[Point], colour: Colour) -> None:
    """A polygon of points in radii from (x, y)."""
    b.shape([(x + dx * r, y + dy * r) for dx, dy in points], colour)


def _ball(b: Board, x: float, y: float, r: float, colour: Colour) -> None:
    """A disc with a shaded rim and a highlight."""
    b.disc(x, y, r, r, mix(colour, rgb("000000"), 0.22))
    b.disc(x - 0.05 * r, y - 0.06 * r, 0.92 * r, 0.92 * r, colour)
    b.disc(x - 0.35 * r, y - 0.4 * r, 0.2 * r, 0.15 * r, mix(colour, _WHITE, 0.7))


def _tomato(b: Board, x: float, y: float, r: float, _: Colour) -> None:
    _ball(b, x, y + 0.08 * r, 0.9 * r, rgb("cf3a26"))
    for i in range(5):
        b.petal(x, y - 0.68 * r, 0.5 * r, 0.2 * r, math.pi * (0.05 + 0.225 * i), _LEAF)
    b.line([(x, y - 0.7 * r), (x + 0.1 * r, y - r)], _LEAF, 0.1 * r)


def _citrus(b: Board, x: float, y: float, r: float, peel: Colour, flesh: Colour) -> None:
    b.disc(x, y, r, r, peel)
    b.disc(x, y, 0.86 * r, 0.86 * r, _WHITE)
    for i in range(8):
        turn = math.pi * (i / 4 + 0.125)
        tip = (x + 0.1 * r * math.cos(turn), y + 0.1 * r * math.sin(turn))
        arc = [turn + d for d in (-0.32, -0.16, 0.0, 0.16, 0.32)]
        rim = [(x + 0.78 * r * math.cos(a), y + 0.78 * r * math.sin(a)) for a in arc]
        b.shape([tip, *rim], flesh)


def _orange(b: Board, x: float, y: float, r: float, _: Colour) -> None:
    b.petal(x + 0.3 * r, y - 0.6 * r, 0.9 * r, 0.4 * r, -0.7, _LEAF)
    _citrus(b, x, y + 0.06 * r, 0.92 * r, rgb("e2801c"), rgb("f2a03a"))


def _lemon(b: Board, x: float, y: float, r: float, _: Colour) -> None:
    b.petal(x + 0.2 * r, y - 0.6 * r, 0.9 * r, 0.4 * r, -0.5, _LEAF)
    b.petal(x - 1.05 * r, y + 0.1 * r, 2.1 * r, 1.3 * r, 0.0, rgb("e8c527"))
    _citrus(b, x, y + 0.1 * r, 0.72 * r, rgb("e8c527"), rgb("f4dd62"))


def _apple(b: Board, x: float, y: float, r: float, _: Colour) -> None:
    red = rgb("b8322a")
    for side in (-1, 1):
        b.disc(x + 0.32 * side * r, y + 0.12 * r, 0.58 * r, 0.78 * r, red)
    b.disc(x - 0.45 * r, y - 0.2 * r, 0.14 * r, 0.2 * r, mix(red, _WHITE, 0.6))
    b.line([(x, y - 0.5 * r), (x + 0.08 * r, y - r)], _STALK, 0.1 * r)
    b.petal(x + 0.05 * r, y - 0.7 * r, 0.65 * r, 0.3 * r, -0.4, _LEAF)


def _cherry(b: Board, x: float, y: float, r: float, _: Colour) -> None:
    top = (x + 0.1 * r, y - 0.95 * r)
    for dx, dy in ((-0.45, 0.45), (0.45, 0.3)):
        b.line([top, (x + dx * r, y + (dy - 0.4) * r)], _LEAF, 0.08 * r)
        _ball(b, x + dx * r, y + dy * r, 0.45 * r, rgb("a81f35"))
    b.petal(*top, 0.8 * r, 0.35 * r, 0.25, _LEAF)


def _grapes(b: Board, x: float, y: float, r: float, _: Colour) -> None:
    b.petal(x, y - 0.75 * r, 0.8 * r, 0.45 * r, -0.3, _LEAF)
    for row, count in enumerate((3, 4, 3, 2, 1)):
        for i in range(count):
            gx = x + (i - 0.5 * (count - 1)) * 0.42 * r
            _ball(b, gx, y + (-0.5 + 0.34 * row) * r, 0.24 * r, rgb("5f3a78"))


def _leaf(b: Board, x: float, y: float, r: float, _: Colour) -> None:
    for turn, length in ((-math.pi / 2, 1.8), (-2.3, 1.35), (-0.85, 1.35)):
        tip = (x + length * r * math.cos(turn), y + 0.85 * r + length * r * math.sin(turn))
        b.petal(x, y + 0.85 * r, length * r, 0.62 * r, turn, _LEAF)
        b.line([(x, y + 0.85 * r), tip], mix(_LEAF, _WHITE, 0.45), 0.05 * r)


def _wheat(b: Board, x: float, y: float, r: float, _: Colour) -> None:
    gold = rgb("d9a441")
    for lean in (-0.55, 0.55, 0.0):
        up = lean - math.pi / 2
        foot = (x, y + r)
        b.line([foot, (x + 1.1 * r * math.cos(up), y + r + 1.1 * r * math.sin(up))],
               mix(gold, _STALK, 0.35), 0.07 * r)  # fmt: skip
        for i in range(5):
            reach = (0.85 + 0.2 * i) * r
            at = (x + reach * math.cos(up), y + r + reach * math.sin(up))
            for side in (-1, 1):
                b.petal(*at, 0.34 * r, 0.17 * r, up + 0.6 * side, gold)
        tip = (x + 1.8 * r * math.cos(up), y + r + 1.8 * r * math.sin(up))
        b.petal(*tip, 0.34 * r, 0.17 * r, up, mix(gold, _WHITE, 0.3))


def _peas(b: Board, x: float, y: float, r: float, _: Colour) -> None:
    b.petal(x - 1.1 * r, y + 0.5 * r, 2.4 * r, 1.0 * r, -0.42, mix(_LEAF, rgb("000000"), 0.15))
    for i in range(4):
        t = -0.6 + 0.4 * i
        _ball(b, x + t * r, y + (0.03 - 0.43 * t) * r, 0.25 * r, rgb("8fb84a"))


def _corn(b: Board, x: float, y: float, r: float, _: Colour) -> None:
    b.disc(x, y - 0.1 * r, 0.45 * r, 0.9 * r, rgb("d9a51f"))
    for row in range(7):
        for column in (-1, 0, 1):
            place = (x + 0.24 * column * r, y + (-0.72 + 0.2 * row) * r)
            b.disc(*place, 0.11 * r, 0.09 * r, rgb("f3cf4e"))
    for side in (-1, 1):
        b.petal(x, y + r, 1.5 * r, 0.6 * r, -math.pi / 2 + 0.5 * side, _LEAF)


def _carrot(b: Board, x: float, y: float, r: float, _: Colour) -> None:
    for turn in (-1.0, -0.6, -0.2):
        b.petal(x + 0.35 * r, y - 0.35 * r, 0.85 * r, 0.22 * r, turn, _LEAF)
    _poly(b, x, y, r, ((0.15, -0.6), (0.6, -0.15), (-0.85, 0.95)), rgb("dd7a26"))
    b.disc(x + 0.36 * r, y - 0.36 * r, 0.3 * r, 0.3 * r, rgb("dd7a26"))


def _fish(b: Board, x: float, y: float, r: float, colour: Colour) -> None:
    b.shape([(x + 0.5 * r, y), (x + 1.1 * r, y - 0.5 * r), (x + 1.1 * r, y + 0.5 * r)], colour)
    b.petal(x - 1.1 * r, y, 2.0 * r, 1.0 * r, 0.0, colour)
    b.disc(x - 0.65 * r, y - 0.1 * r, 0.1 * r, 0.1 * r, _WHITE)
    b.line([(x - 0.35 * r, y - 0.3 * r), (x - 0.25 * r, y), (x - 0.35 * r, y + 0.3 * r)],
           _WHITE, 0.05 * r)  # fmt: skip


def _mushroom(b: Board, x: float, y: float, r: float, _: Colour) -> None:
    b.box((x - 0.25 * r, y - 0.1 * r, x + 0.25 * r, y + 0.9 * r), rgb("e9dcc3"), 0.2 * r)
    cap = [(x + 0.95 * r * math.cos(a), y + 0.15 * r - 0.95 * r * math.sin(a))
           for a in (math.pi * i / 16 for i in range(17))]  # fmt: skip
    b.shape(cap, rgb("a9764c"))
    b.disc(x - 0.35 * r, y - 0.3 * r, 0.15 * r, 0.1 * r, rgb("c79a70"))


def _olive(b: Board, x: float, y: float, r: float, _: Colour) -> None:
    for turn in (-2.5, -1.9, -0.6):
        b.petal(x, y - 0.2 * r, 1.1 * r, 0.3 * r, turn, mix(_LEAF, rgb("b8b890"), 0.35))
    for dx, dy in ((-0.4, 0.35), (0.4, 0.25)):
        b.disc(x + dx * r, y + dy * r, 0.42 * r, 0.5 * r, rgb("6b7a2e"))
        b.disc(x + (dx - 0.13) * r, y + (dy - 0.2) * r, 0.1 * r, 0.14 * r, rgb("b5bd74"))


def _chili(b: Board, x: float, y: float, r: float, _: Colour) -> None:
    red = rgb("c22a20")
    pod = ((-0.75, -0.65), (-0.3, -0.85), (0.25, -0.2), (1.0, 0.75), (0.1, 0.55), (-0.5, 0.0))
    _poly(b, x, y, r, pod, red)
    b.disc(x - 0.52 * r, y - 0.72 * r, 0.27 * r, 0.2 * r, _LEAF)
    b.line([(x - 0.55 * r, y - 0.75 * r), (x - 0.85 * r, y - r)], _LEAF, 0.1 * r)


def _sun(b: Board, x: float, y: float, r: float, _: Colour) -> None:
    b.star(x, y, r, 14, 0.68, rgb("eeb02c"))
    b.disc(x, y, 0.58 * r, 0.58 * r, rgb("f6cf58"))


def _star(b: Board, x: float, y: float, r: float, colour: Colour) -> None:
    b.star(x, y, r, 5, 0.42, colour)


def _mountain(b: Board, x: float, y: float, r: float, colour: Colour) -> None:
    for dx, h in ((0.45, 0.95), (-0.3, 1.5)):
        cx, top, cut = x + dx * r, y + (0.8 - h) * r, 0.3 * h
        _poly(b, cx, top, r, ((0.0, 0.0), (-0.85, h), (0.85, h)), colour)
        snow = ((0.0, 0.0), (-0.255, cut), (0.0, 0.7 * cut), (0.255, cut))
        _poly(b, cx, top, r, snow, mix(colour, _WHITE, 0.85))


def _drop(b: Board, x: float, y: float, r: float, _: Colour) -> None:
    for scale, colour in ((1.0, rgb("3f74ac")), (0.84, rgb("eef4f8"))):
        b.disc(x, y + 0.3 * r, 0.66 * scale * r, 0.66 * scale * r, colour)
        tip = y + 0.3 * r - 1.3 * scale * r
        side = 0.56 * scale * r
        b.shape([(x, tip), (x - side, y + 0.3 * r - 0.36 * scale * r),
                 (x + side, y + 0.3 * r - 0.36 * scale * r)], colour)  # fmt: skip


def _wave(b: Board, x: float, y: float, r: float, colour: Colour) -> None:
    for row in (-0.5, 0.0, 0.5):
        crest = [(t / 8 - 1, row + 0.16 * math.sin(t * 0.785)) for t in range(17)]
        b.line(
            [(x + dx * r, y + dy * r) for dx, dy in crest],
            mix(colour, _WHITE, 0.25 + 0.25 * row),
            0.2 * r,
        )


def _bubbles(b: Board, x: float, y: float, r: float, colour: Colour) -> None:
    for dx, dy, size in ((-0.4, 0.4, 0.5), (0.45, 0.1, 0.38), (-0.15, -0.5, 0.3), (0.5, -0.7, 0.2)):
        b.disc(x + dx * r, y + dy * r, size * r, size * r, _WHITE)
        b.disc(x + dx * r, y + dy * r, 0.8 * size * r, 0.8 * size * r, mix(colour, _WHITE, 0.35))


def _comb(b: Board, x: float, y: float, r: float, _: Colour) -> None:
    around = [math.pi * k / 3 for k in range(6)]
    rim = [(0.34 * math.sin(a), 0.34 * math.cos(a)) for a in around]
    places = [(0.0, 0.0), *((0.64 * math.cos(a), 0.64 * math.sin(a)) for a in around)]
    for i, (dx, dy) in enumerate(places):
        _poly(b, x + dx * r, y + dy * r, r, rim, rgb("e3a52b") if i % 2 else rgb("f0c350"))


def _cookie(b: Board, x: float, y: float, r: float, _: Colour) -> None:
    _ball(b, x, y, 0.95 * r, rgb("c98f4f"))
    for dx, dy in ((-0.4, 0.1), (0.1, -0.45), (0.45, 0.15), (0.0, 0.45), (-0.25, -0.3), (0.1, 0.0)):
        b.disc(x + dx * r, y + dy * r, 0.12 * r, 0.11 * r, rgb("4a2c1a"))


def _cup(b: Board, x: float, y: float, r: float, colour: Colour) -> None:
    b.disc(x + 0.62 * r, y + 0.2 * r, 0.36 * r, 0.32 * r, colour)
    b.disc(x + 0.62 * r, y + 0.2 * r, 0.2 * r, 0.17 * r, _WHITE)
    _poly(b, x, y, r, ((-0.75, -0.15), (0.65, -0.15), (0.45, 0.75), (-0.55, 0.75)), colour)
    b.box((x - 0.95 * r, y + 0.82 * r, x + 0.85 * r, y + 0.95 * r), colour, 0.05 * r)
    for dx in (-0.4, 0.0, 0.4):
        steam = [(x + (dx - 0.05 + 0.1 * math.sin(2 * t)) * r, y - (0.3 + 0.15 * t) * r)
                 for t in range(5)]  # fmt: skip
        b.line(steam, mix(colour, _WHITE, 0.4), 0.08 * r)


def _arrows(b: Board, x: float, y: float, r: float, colour: Colour) -> None:
    for dx in (-0.5, 0.5):
        cx = x + dx * r
        _poly(b, cx, y, r, ((0.0, -0.9), (0.42, -0.25), (-0.42, -0.25)), colour)
        b.box((cx - 0.16 * r, y - 0.3 * r, cx + 0.16 * r, y + 0.6 * r), colour)
    b.box((x - r, y + 0.75 * r, x + r, y + 0.92 * r), colour)


EMBLEMS: Mapping[str, Emblem] = MappingProxyType(
    {
        "apple": _apple, "arrows": _arrows, "bubbles": _bubbles, "carrot": _carrot,
        "cherry": _cherry, "chili": _chili, "comb": _comb, "cookie": _cookie, "corn": _corn,
        "cup": _cup, "drop": _drop, "fish": _fish, "grapes": _grapes, "leaf": _leaf,
        "lemon": _lemon, "mountain": _mountain, "mushroom": _mushroom, "olive": _olive,
        "orange": _orange, "peas": _peas, "star": _star, "sun": _sun, "tomato": _tomato,
        "wave": _wave, "wheat": _wheat,
    }
)  # fmt: skip
"""Every emblem by name."""
