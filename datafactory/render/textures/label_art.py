"""The drawing board of labels: shapes, lettering and small print, in label heights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from datafactory.errors import MissingPartError
from datafactory.render.textures.colour import Colour
from datafactory.render.textures.swatch import Image

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

_OVERSAMPLING = 1.5
_REFERENCE = 64
_FINE = 0.025
_SMALLEST_PX = 5
_LEAST = 128
"""Pixels of height below which thin bands would come out too thick."""


@lru_cache(maxsize=1)
def _face() -> ImageFont.FreeTypeFont:
    loaded = ImageFont.load_default(_REFERENCE)
    if not isinstance(loaded, ImageFont.FreeTypeFont):
        raise MissingPartError(
            "labels cannot be lettered",
            why="this Pillow was built without FreeType",
            remedy="install a Pillow wheel from the package index",
        )
    return loaded


@lru_cache(maxsize=256)
def _font(size: int) -> ImageFont.FreeTypeFont:
    # Opening the built-in font decodes it from text, which takes longer than a label may.
    return _face().font_variant(size=size)


@lru_cache(maxsize=4096)
def _extent(text: str) -> tuple[float, float, float]:
    """Advance, top and bottom of a text's ink, in font sizes."""
    _, top, _, bottom = _font(_REFERENCE).getbbox(text)
    return _length(text, _REFERENCE) / _REFERENCE, top / _REFERENCE, bottom / _REFERENCE


@lru_cache(maxsize=4096)
def _length(text: str, size: int) -> float:
    """Pixels letters set one by one take."""
    font = _font(size)
    return sum(font.getlength(letter) for letter in text)


def ink(colour: Colour) -> tuple[int, int, int]:
    """A colour as Pillow takes it."""
    red, green, blue = (min(255, max(0, int(255.0 * v + 0.5))) for v in colour.tolist())
    return red, green, blue


class Board:
    """A canvas whose unit is the label's height: x in 0..aspect, y in 0..1 downwards."""

    def __init__(self, aspect: float, size: int, ground: Colour) -> None:
        self.aspect = aspect
        self.size = size
        self.unit = max(_LEAST, round(_OVERSAMPLING * size))
        width = round(aspect * self.unit)
        self.picture = PillowImage.new("RGB", (width, self.unit), ink(ground))
        self.pen = ImageDraw.Draw(self.picture)

    def image(self) -> Image:
        """The label squeezed into a square, (3, size, size)."""
        small = self.picture.resize((self.size, self.size), PillowImage.Resampling.BOX)
        return np.asarray(small, np.float32).transpose(2, 0, 1) / np.float32(255.0)

    def _px(self, points: Sequence[Point]) -> list[Point]:
        return [(x * self.unit, y * self.unit) for x, y in points]

    def box(self, box: Box, colour: Colour, radius: float = 0.0) -> None:
        """A filled rectangle, its corners rounded when a radius is given."""
        left, top, right, bottom = (round(v * self.unit) for v in box)
        if right <= left or bottom <= top:
            return
        corner = min(radius * self.unit, 0.5 * (right - left), 0.5 * (bottom - top))
        # Pillow fills up to and including the last coordinates.
        self.pen.rounded_rectangle((left, top, right - 1, bottom - 1), corner, fill=ink(colour))

    def disc(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        """A filled ellipse."""
        u = self.unit
        box = ((x - rx) * u, (y - ry) * u, (x + rx) * u, (y + ry) * u)
        self.pen.ellipse(box, fill=ink(colour))

    def shape(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled polygon."""
        self.pen.polygon(self._px(points), fill=ink(colour))

    def line(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """A line through points."""
        thick = max(1, round(width * self.unit))
        self.pen.line(self._px(points), fill=ink(colour), width=thick, joint="curve")

    def petal(
        self, x: float, y: float, length: float, width: float, turn: float, colour: Colour
    ) -> None:
        """A pointed oval from (x, y) along an angle; 0 points right, pi/2 down."""
        along = [i / 8 for i in range(9)]
        half = [0.5 * width * math.sin(math.pi * t) ** 0.8 for t in along]
        c, s = math.cos(turn), math.sin(turn)
        rim = [(length * t, h) for t, h in zip(along, half, strict=True)]
        rim += [(length * t, -h) for t, h in zip(reversed(along), reversed(half), strict=True)]
        self.shape([(x + c * a - s * b, y + s * a + c * b) for a, b in rim], colour)

    def star(
        self, x: float, y: float, radius: float, tips: int, inner: float, colour: Colour
    ) -> None:
        """A star; ``inner`` is the share of the radius its notches lie at."""
        points = []
        for i in range(2 * tips):
            r = radius if i % 2 == 0 else inner * radius
            angle = math.pi * i / tips - math.pi / 2
            points.append((x + r * math.cos(angle), y + r * math.sin(angle)))
        self.shape(points, colour)

    def text(
        self, box: Box, text: str, colour: Colour, *, weight: float = 0.05,
        outline: Colour | None = None, across: float = 0.5,
    ) -> None:  # fmt: skip
        """Letters as large as fit a box; a bar where they would be too small to be letters.

        Args:
            box: Where the ink may go.
            text: One line.
            colour: Colour of the letters.
            weight: Boldness: widening of the strokes over the font size.
            outline: Colour of a rim around the letters.
            across: Place in the box when there is room: 0 left, 0.5 centred, 1 right.
        """
        left, top, right, bottom = (v * self.unit for v in box)
        advance, ink_top, ink_bottom = _extent(text)
        rim = weight + (0.045 if outline is not None else 0.0)
        spacing = 1.6 * weight if rim > _FINE else 0.0  # bold strokes eat the gaps between letters
        extra = spacing * len(text) + 2.0 * rim
        high = ink_bottom - ink_top + 2.0 * rim
        size = int(min((right - left) / (advance + extra), (bottom - top) / high))
        # Letters of few pixels are rounded to whole ones, so they may be wider than their share.
        while size >= _SMALLEST_PX and _length(text, size) + extra * size > right - left:
            size -= 1
        if size < _SMALLEST_PX:
            middle, tall = 0.5 * (box[1] + box[3]), 0.25 * (box[3] - box[1])
            self.box((box[0], middle - 0.5 * tall, box[2], middle + 0.5 * tall), colour)
            return
        font = _font(size)
        x = left + across * (right - left - _length(text, size) - extra * size)
        x += (rim + 0.5 * spacing) * size
        y = 0.5 * (top + bottom) - 0.5 * (ink_top + ink_bottom) * size
        places = [((x, y), text)]
        if spacing:
            places = []
            for letter in text:
                places.append(((x, y), letter))
                x += font.getlength(letter) + spacing * size
        for tint, stroke in ((outline, rim), (colour, weight)):
            if tint is not None:
                for at, letter in places:
                    self.pen.text(at, letter, ink(tint), font, stroke_width=stroke * size)

    def lines(self, box: Box, texts: Sequence[str], colour: Colour, weight: float = 0.05) -> None:
        """Lines of text one below the other, each as large as fits."""
        left, top, right, bottom = box
        pitch = (bottom - top) / len(texts)
        for i, text in enumerate(texts):
            row = (left, top + (i + 0.06) * pitch, right, top + (i + 0.94) * pitch)
            self.text(row, text, colour, weight=weight)

    def barcode(self, box: Box, rng: np.random.Generator, paper: Colour, bar: Colour) -> None:
        """A barcode on its white field, with digits below when there is room."""
        left, top, right, bottom = box
        self.box(box, paper)
        widths = rng.integers(1, 4, 49)
        step = 0.88 * (right - left) / float(np.sum(widths))
        x = left + 0.06 * (right - left)
        for i, width in enumerate(widths):
            if i % 2 == 0:
                foot = top + 0.76 * (bottom - top)
                self.box((x, top + 0.1 * (bottom - top), x + step * float(width), foot), bar)
            x += step * float(width)
        digits = "".join(str(d) for d in rng.integers(0, 10, 12))
        low = top + 0.8 * (bottom - top)
        self.text((left + 0.08 * (right - left), low, right, bottom), digits, bar, weight=0.0,
                  across=0.3)  # fmt: skip

    def facts(self, box: Box, rng: np.random.Generator, paper: Colour, dark: Colour) -> None:
        """A table of nutrition facts."""
        left, top, right, bottom = box
        width, height = right - left, bottom - top
        self.box(box, paper)
        edge = 0.012 * height
        rim = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        self.line(rim, dark, edge)
        inner = (left + 0.06 * width, right - 0.06 * width)
        self.text((inner[0], top + 0.03 * height, inner[1], top + 0.15 * height), "NUTRITION", dark)
        rows = ("Energy", "Fat", "Carbs", "Sugars", "Protein", "Salt")
        pitch = 0.8 * height / len(rows)
        for i, row in enumerate(rows):
            y = top + 0.17 * height + i * pitch
            self.line([(inner[0], y), (inner[1], y)], dark, 0.01 * height)
            middle = left + 0.62 * width
            y0, y1 = y + 0.25 * pitch, y + 0.85 * pitch
            self.text((inner[0], y0, middle - 0.06 * width, y1), row, dark, weight=0.0, across=0.0)
            amount = f"{float(rng.uniform(0.1, 40.0)):.1f} g"
            self.text((middle, y0, inner[1], y1), amount, dark, weight=0.0, across=1.0)

    def small_print(self, box: Box, rng: np.random.Generator, colour: Colour) -> None:
        """Rows of words too small to read."""
        left, top, right, bottom = box
        rows = 7
        pitch = (bottom - top) / rows
        for i in range(rows):
            x = left
            end = right if i < rows - 1 else left + 0.6 * (right - left)
            while x < end - 0.02:
                word = float(rng.uniform(0.02, 0.07))
                y = top + i * pitch
                self.box((x, y, min(x + word, end), y + 0.42 * pitch), colour)
                x += word + 0.014
