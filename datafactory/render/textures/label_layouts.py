"""How the front of a label is laid out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from datafactory.render.textures.colour import Colour, luma, mix, rgb, varied
from datafactory.render.textures.emblems import EMBLEMS
from datafactory.render.textures.label_art import Board, Box
from datafactory.render.textures.label_words import Product
from datafactory.render.textures.swatch import Swatch

ACCENTS = ("d8a23a", "22344f", "f3e7cb", "b8352c", "3c6e47", "2d7d7d", "2b2a2c", "7a2e46", "e2cfa6")
BADGES = ("NEW", "1.99", "2.49", "+20%", "BIO", "0.89", "XL")


@dataclass(frozen=True)
class Inks:
    """Colours of a label: its body, what stands out from it, and light and dark."""

    body: Colour
    deep: Colour
    pale: Colour
    accent: Colour
    on_body: Colour
    on_accent: Colour
    dark: Colour


@dataclass(frozen=True)
class Front:
    """What goes on the front and where.

    Attributes:
        board: The label.
        box: The front, in label heights.
        product: The goods.
        brand: The brand.
        inks: Colours.
    """

    board: Board
    box: Box
    product: Product
    brand: str
    inks: Inks

    @property
    def centre(self) -> float:
        """Middle of the front."""
        return 0.5 * (self.box[0] + self.box[2])

    @property
    def width(self) -> float:
        """Width of the front."""
        return self.box[2] - self.box[0]

    def row(self, top: float, bottom: float, share: float = 1.0) -> Box:
        """A centred row of the front, its width a share of the front's."""
        half = 0.5 * share * self.width
        return (self.centre - half, top, self.centre + half, bottom)

    def emblem(
        self, x: float, y: float, radius: float, colour: Colour, *, disc: bool = False
    ) -> None:
        """The product's emblem, no wider than fits the front, on a light disc if asked for."""
        radius = min(radius, 0.3 * self.width)
        if disc:
            self.board.disc(x, y, radius, radius, self.inks.pale)
            radius *= 0.74
        EMBLEMS[self.product.emblem](self.board, x, y, radius, colour)

    def words(self, box: Box, text: str, colour: Colour, weight: float = 0.04) -> None:
        """A text in one line, or a word a line where the box is narrow for it."""
        words = text.split()
        if len(words) > 1 and (box[2] - box[0]) / (box[3] - box[1]) < 0.42 * len(text):
            self.board.lines(box, words, colour, weight)
        else:
            self.board.text(box, text, colour, weight=weight)


def inks(s: Swatch, body_code: Colour) -> Inks:
    """Draws the colours that go with a body colour."""
    body = body_code
    apart = [c for c in ACCENTS if abs(luma(rgb(c)) - luma(body)) > 0.22]
    accent = varied(s, s.pick(apart), 0.03)
    pale = mix(rgb(s.pick(("fbf6e9", "ffffff", "f4ecd8"))), body, 0.04)
    dark = mix(rgb("1d1d20"), body, 0.12)
    if luma(body) > 0.8:
        pale, on_body = mix(body, accent, 0.12), (accent if luma(accent) < 0.5 else dark)
    else:
        on_body = pale if luma(body) < 0.62 else dark
    return Inks(
        body, mix(body, rgb("000000"), 0.32), pale, accent, on_body,
        pale if luma(accent) < 0.55 else dark, dark,
    )  # fmt: skip


def banner(f: Front) -> None:
    """A light band around the label that carries the brand."""
    b, k = f.board, f.inks
    b.box((0.0, 0.31, b.aspect, 0.60), k.pale)
    for y in (0.29, 0.60):
        b.box((0.0, y, b.aspect, y + 0.02), k.accent)
    f.emblem(f.centre, 0.165, 0.12, k.deep, disc=True)
    b.text(f.row(0.34, 0.57), f.brand, k.deep if luma(k.body) < 0.7 else k.dark, weight=0.07)
    f.words(f.row(0.65, 0.80), f.product.name, k.on_body)
    b.text(f.row(0.82, 0.88, 0.8), f.product.praise, k.on_body, weight=0.01)


def badge(f: Front) -> None:
    """A light oval with the brand, and a ribbon with the product."""
    b, k = f.board, f.inks
    rx = min(0.5 * f.width, 0.62)
    for grow, colour in ((1.0, k.accent), (0.955, k.pale), (0.9, k.accent), (0.885, k.pale)):
        b.disc(f.centre, 0.38, grow * rx, grow * 0.28, colour)
    f.emblem(f.centre, 0.245, 0.085, k.accent)
    b.text((f.centre - 0.8 * rx, 0.345, f.centre + 0.8 * rx, 0.50), f.brand, k.dark, weight=0.07)
    b.text((f.centre - 0.5 * rx, 0.52, f.centre + 0.5 * rx, 0.57), f.product.praise, k.dark,
           weight=0.01)  # fmt: skip
    left, right = f.box[0], f.box[2]
    for x, side in ((left, -1), (right, 1)):
        places = ((0.05, 0.70), (-0.1, 0.70), (-0.1, 0.86), (0.05, 0.86), (0.01, 0.78))
        b.shape([(x + dx * side, y) for dx, y in places], mix(k.accent, k.dark, 0.35))
    b.box((left, 0.68, right, 0.84), k.accent)
    f.words(f.row(0.70, 0.82, 0.9), f.product.name, k.on_accent)


def wave(f: Front) -> None:
    """A swell of another colour below, with a large emblem on it."""
    b, k = f.board, f.inks
    cycles = max(1, round(b.aspect))
    for lift, colour in ((0.0, k.pale), (0.035, k.accent)):
        steps = 24 * cycles
        turns = [2 * math.pi * cycles * i / steps for i in range(steps + 1)]
        crest = [
            (b.aspect * i / steps, 0.70 + lift + 0.045 * math.cos(turn))
            for i, turn in enumerate(turns)
        ]
        b.shape([*crest, (b.aspect, 1.0), (0.0, 1.0)], colour)
    rim = k.dark if luma(k.on_body) > 0.5 else None
    b.text(f.row(0.09, 0.34), f.brand, k.on_body, weight=0.07, outline=rim)
    f.words(f.row(0.37, 0.49, 0.92), f.product.name, k.on_body)
    f.emblem(f.centre, 0.71, 0.2, k.deep, disc=True)


def rays(f: Front) -> None:
    """Rays behind the brand."""
    b, k = f.board, f.inks
    count = 14
    for i in range(count):
        turn = 2 * math.pi * i / count
        reach = 0.5 * f.width + 0.3
        far = [
            (f.centre + reach * math.cos(a), 0.42 + reach * math.sin(a))
            for a in (turn, turn + math.pi / count)
        ]
        b.shape([(f.centre, 0.42), *far], mix(k.body, k.pale, 0.2))
    f.emblem(f.centre, 0.19, 0.14, k.deep, disc=True)
    letters, rim = (k.pale, k.deep) if luma(k.body) < 0.55 else (k.dark, k.pale)
    b.text(f.row(0.34, 0.58), f.brand, letters, weight=0.07, outline=rim)
    b.box(f.row(0.64, 0.81, 0.96), k.accent, 0.08)
    f.words(f.row(0.665, 0.785, 0.84), f.product.name, k.on_accent)
    b.text(f.row(0.84, 0.90, 0.7), f.product.praise, k.on_body, weight=0.02)


def panel(f: Front) -> None:
    """A framed light panel with emblem and product; the brand above it."""
    b, k = f.board, f.inks
    b.text(f.row(0.08, 0.29), f.brand, k.on_body, weight=0.08)
    b.box(f.row(0.33, 0.90), k.accent, 0.04)
    left, top, right, bottom = f.row(0.33, 0.90)
    b.box((left + 0.015, top + 0.015, right - 0.015, bottom - 0.015), k.pale, 0.03)
    if f.width > 0.9:
        f.emblem(left + 0.26, 0.615, 0.2, k.deep)
        f.words((left + 0.5, 0.42, right - 0.06, 0.70), f.product.name, k.dark)
        b.text((left + 0.5, 0.74, right - 0.1, 0.82), f.product.praise, k.dark, weight=0.0)
    else:
        f.emblem(f.centre, 0.50, 0.13, k.deep)
        f.words(f.row(0.66, 0.80, 0.86), f.product.name, k.dark)
        b.text(f.row(0.825, 0.87, 0.7), f.product.praise, k.dark, weight=0.0)


def slant(f: Front) -> None:
    """Slanted stripes across the front; brand over product, emblem in the corner."""
    b, k = f.board, f.inks
    left, _, right, _ = f.box
    rise = 0.16
    for low, high, colour in ((0.50, 0.80, k.accent), (0.82, 0.85, k.pale), (0.455, 0.475, k.pale)):
        west, east = left - 0.06, right + 0.06
        tops = [(west, low + rise / 2), (east, low - rise / 2)]
        b.shape([*tops, (east, high - rise / 2), (west, high + rise / 2)], colour)
    b.text((left, 0.10, right, 0.37), f.brand, k.on_body, weight=0.08)
    side = min(0.13, 0.2 * f.width)
    f.words((left + 0.02, 0.60, right - 2.4 * side, 0.73), f.product.name, k.on_accent)
    f.emblem(right - side, 0.67, 1.15 * side, k.deep, disc=True)
    b.text((left, 0.39, left + 0.55 * f.width, 0.44), f.product.praise, k.on_body, weight=0.02,
           across=0.0)  # fmt: skip


def cover(f: Front) -> None:
    """The cover of a book: title, picture, author."""
    b, k = f.board, f.inks
    b.box(f.row(0.05, 0.95, 1.06), k.on_body, 0.0)
    b.box(f.row(0.056, 0.944, 1.045), k.body, 0.0)
    f.words(f.row(0.10, 0.40, 0.92), f.product.name, k.on_body, 0.03)
    b.disc(f.centre, 0.60, 0.34 * f.width, 0.34 * f.width, k.accent)
    f.emblem(f.centre, 0.60, 0.24 * f.width, k.on_accent)
    b.text(f.row(0.80, 0.835, 0.5), f.product.praise, k.on_body, weight=0.0)
    b.text(f.row(0.86, 0.92, 0.8), f.brand, k.on_body, weight=0.02)


def band_cover(f: Front) -> None:
    """A cover with broad bands and the title between them."""
    b, k = f.board, f.inks
    for i in range(6):
        y = 0.42 + 0.065 * i
        b.box((0.0, y, b.aspect, y + 0.04), mix(k.body, k.accent, 0.15 + 0.17 * i))
    f.emblem(f.centre, 0.58, 0.22 * f.width, k.on_body)
    f.words((f.box[0], 0.08, f.box[2], 0.36), f.product.name, k.on_body, 0.06)
    b.text(f.row(0.87, 0.94, 0.9), f.brand, k.on_body, weight=0.04)


def stencil(f: Front) -> None:
    """Print on a shipping box: tape, stencilled words, a sign."""
    b, k = f.board, f.inks
    b.box((0.0, 0.0, b.aspect, 0.1), mix(k.body, k.pale, 0.3))
    b.box((0.0, 0.1, b.aspect, 0.108), k.deep)
    dark = k.on_body
    b.text(f.row(0.18, 0.34), f.brand, dark, weight=0.06)
    f.words((f.box[0] + 0.42, 0.42, f.box[2], 0.68), f.product.name, dark, 0.08)
    f.emblem(f.box[0] + 0.19, 0.57, 0.2, k.dark, disc=True)
    b.text((f.box[0] + 0.42, 0.72, f.box[2], 0.78), f.product.praise, dark, weight=0.02)


Layout = Callable[[Front], None]
GOODS: tuple[Layout, ...] = (banner, badge, wave, rays, panel, slant)
COVERS: tuple[Layout, ...] = (cover, band_cover)
PARCELS: tuple[Layout, ...] = (stencil,)
