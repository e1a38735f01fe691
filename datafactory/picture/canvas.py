"""A small anti-aliased drawing surface on Pillow: everything is drawn enlarged, then averaged."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFilter, ImageFont

Color = tuple[int, int, int]
Point = tuple[float, float]
Box = tuple[float, float, float, float]

SCALE = 2
"""Drawing is done at this multiple of the final size."""


@lru_cache(maxsize=32)
def font(size: float) -> ImageFont.FreeTypeFont:
    """Pillow's built-in scalable font at a size in final pixels."""
    loaded = ImageFont.load_default(size * SCALE)
    assert isinstance(loaded, ImageFont.FreeTypeFont)
    return loaded


def mix(a: Color, b: Color, t: float) -> Color:
    """Linear blend from a (t = 0) to b (t = 1)."""
    return (
        round(a[0] + t * (b[0] - a[0])),
        round(a[1] + t * (b[1] - a[1])),
        round(a[2] + t * (b[2] - a[2])),
    )


def overlap(a: Box, b: Box) -> float:
    """Area two boxes (left, top, right, bottom) share."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


class Canvas:
    """A picture in final pixel coordinates, origin top left.

    Attributes:
        width, height: Final size in pixels.
    """

    def __init__(self, width: int, height: int, background: Color) -> None:
        self.width = width
        self.height = height
        self._image = Image.new("RGB", (width * SCALE, height * SCALE), background)
        self._draw = ImageDraw.Draw(self._image)

    def finished(self) -> Image.Image:
        """The picture at its final size."""
        return self._image.reduce(SCALE)

    @contextmanager
    def clipped(self, box: Box) -> Iterator[None]:
        """Whatever is drawn inside the block stays inside a box."""
        before = self._image.copy()
        yield
        left, top, right, bottom = (round(v * SCALE) for v in box)
        inside = self._image.crop((left, top, right, bottom))
        self._image.paste(before)
        self._image.paste(inside, (left, top))

    def line(self, points: Sequence[Point], color: Color, width: float = 1.0) -> None:
        """A polyline with rounded corners and ends."""
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        if len(scaled) < 2:
            return
        pixels = max(1, round(width * SCALE))
        self._draw.line(scaled, fill=color, width=pixels, joint="curve")
        if pixels > 2:
            radius = pixels / 2
            for x, y in (scaled[0], scaled[-1]):
                self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)

    def dashes(self, points: Sequence[Point], color: Color, width: float, dash: float) -> None:
        """A polyline drawn as dashes and gaps of equal length."""
        drawn, on = 0.0, True
        for (x0, y0), (x1, y1) in pairwise(points):
            length, done = math.hypot(x1 - x0, y1 - y0), 0.0
            while done < length:
                step = min(dash - drawn, length - done)
                if on and length > 0:
                    a, b = done / length, (done + step) / length
                    ends = [(x0 + t * (x1 - x0), y0 + t * (y1 - y0)) for t in (a, b)]
                    self.line(ends, color, width)
                done += step
                drawn += step
                if drawn >= dash - 1e-9:
                    drawn, on = 0.0, not on

    def rectangle(
        self, box: Box, fill: Color | None, outline: Color | None = None, radius: float = 0.0
    ) -> None:
        """A filled or outlined rectangle with rounded corners."""
        left, top, right, bottom = (v * SCALE for v in box)
        if right - left < 1 or bottom - top < 1:
            return
        self._draw.rounded_rectangle(
            (left, top, right - 1, bottom - 1), radius * SCALE, fill, outline, SCALE
        )

    def circle(
        self, center: Point, radius: float, fill: Color | None, outline: Color | None = None,
        width: float = 1.0,
    ) -> None:  # fmt: skip
        """A disc or ring."""
        x, y, r = center[0] * SCALE, center[1] * SCALE, radius * SCALE
        pixels = max(1, round(width * SCALE))
        self._draw.ellipse((x - r, y - r, x + r, y + r), fill, outline, pixels)

    def arrow(self, tail: Point, head: Point, color: Color, size: float) -> None:
        """A filled triangle at ``head`` pointing away from ``tail``."""
        angle = math.atan2(head[1] - tail[1], head[0] - tail[0])
        corners = [
            (head[0] + size * math.cos(angle + a), head[1] + size * math.sin(angle + a))
            for a in (0.0, 2.5, -2.5)
        ]
        self._draw.polygon([(x * SCALE, y * SCALE) for x, y in corners], fill=color)

    def silhouette(
        self,
        polygons: Sequence[tuple[Sequence[Point], Color]],
        outline: Color | None,
        opacity: float = 1.0,
        clip: Box | None = None,
    ) -> Box | None:
        """Fills polygons in order and draws one outline around their union.

        Args:
            polygons: Corner points and fill of each polygon, lowest first.
            outline: Colour of the outline; None for none.
            opacity: Of the fills, in [0, 1].
            clip: Nothing is drawn outside this box.

        Returns:
            The box that was touched, or None when nothing is visible.
        """
        every = [p for points, _ in polygons for p in points]
        if not every:
            return None
        limits = clip or (0, 0, self.width, self.height)
        low = [max(limits[k], min(p[k] for p in every) - 3) for k in (0, 1)]
        high = [min(limits[k + 2], max(p[k] for p in every) + 3) for k in (0, 1)]
        left, top, right, bottom = (
            math.floor(low[0] * SCALE), math.floor(low[1] * SCALE),
            math.ceil(high[0] * SCALE), math.ceil(high[1] * SCALE),
        )  # fmt: skip
        if right <= left or bottom <= top:
            return None
        patch = self._image.crop((left, top, right, bottom))
        paint, mask = ImageDraw.Draw(patch), Image.new("L", patch.size, 0)
        stencil = ImageDraw.Draw(mask)
        for points, fill in polygons:
            local = [(x * SCALE - left, y * SCALE - top) for x, y in points]
            paint.polygon(local, fill=fill)
            stencil.polygon(local, fill=255)
        ground = self._image.crop((left, top, right, bottom))
        blended = Image.blend(ground, patch, opacity)
        self._image.paste(blended, (left, top), mask)
        if outline is not None:
            grown = mask.filter(ImageFilter.MaxFilter(2 * SCALE + 1))
            grown.paste(0, (0, 0), mask)
            self._image.paste(outline, (left, top, right, bottom), grown)
        return (low[0], low[1], high[0], high[1])

    def text(
        self, at: Point, text: str, color: Color, size: float = 13, anchor: str = "la",
        halo: Color | None = None,
    ) -> None:  # fmt: skip
        """One line of text; ``anchor`` as in Pillow (``la`` left top, ``mm`` middle)."""
        self._draw.text(
            (at[0] * SCALE, at[1] * SCALE), text, color, font(size), anchor=anchor,
            stroke_width=2 * SCALE if halo else 0, stroke_fill=halo,
        )  # fmt: skip


def text_width(text: str, size: float = 13) -> float:
    """Width of a line of text in final pixels."""
    return font(size).getlength(text) / SCALE


def shortened(text: str, width: float, size: float = 13) -> str:
    """The text, cut with three dots to fit a width in final pixels."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "...", size) > width:
        text = text[:-1]
    return text.rstrip() + "..."


def wrapped(text: str, width: float, size: float, most: int) -> list[str]:
    """Breaks text into at most ``most`` lines of a width; the last one may be shortened."""
    lines: list[str] = []
    words = text.split()
    while words and len(lines) < most:
        count = 1
        while count < len(words) and text_width(" ".join(words[: count + 1]), size) <= width:
            count += 1
        last = len(lines) == most - 1
        lines.append(shortened(" ".join(words if last else words[:count]), width, size))
        words = [] if last else words[count:]
    return lines
