"""Axes: a rectangle of the canvas that shows a range of numbers, with ticks; and labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from datafactory.picture.canvas import Box, Canvas, Color, Point, overlap, text_width
from datafactory.picture.palette import DIM, FRAME, GRID, INK, PAPER

LABEL = 12.0


def ticks(low: float, high: float, most: int) -> list[float]:
    """At most ``most`` round numbers inside [low, high], steps of 1, 2 or 5 times 10^k."""
    span = high - low
    if span <= 0 or not math.isfinite(span):
        return []
    raw = span / max(1, most)
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]


@dataclass(frozen=True)
class Axes:
    """A mapping from numbers to canvas pixels.

    Attributes:
        box: Left, top, right, bottom on the canvas.
        x: Numbers at the left and the right edge.
        y: Numbers at the bottom and the top edge.
    """

    box: Box
    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: float, y: float) -> Point:
        """Canvas position of a point."""
        left, top, right, bottom = self.box
        u = (x - self.x[0]) / (self.x[1] - self.x[0])
        v = (y - self.y[0]) / (self.y[1] - self.y[0])
        return (left + u * (right - left), bottom - v * (bottom - top))

    @classmethod
    def equal(
        cls, box: Box, x: tuple[float, float], y: tuple[float, float], *, flip_x: bool = False
    ) -> Axes:
        """Axes of equal scale in both directions that show at least the given ranges."""
        left, top, right, bottom = box
        scale = max((x[1] - x[0]) / (right - left), (y[1] - y[0]) / (bottom - top))
        half_x, half_y = 0.5 * scale * (right - left), 0.5 * scale * (bottom - top)
        mid_x, mid_y = 0.5 * (x[0] + x[1]), 0.5 * (y[0] + y[1])
        span = (mid_x - half_x, mid_x + half_x)
        return cls(box, (span[1], span[0]) if flip_x else span, (mid_y - half_y, mid_y + half_y))

    def grid(
        self, canvas: Canvas, *, x_label: str, y_label: str, x_most: int = 6, y_most: int = 5,
        lines: bool = True,
    ) -> None:  # fmt: skip
        """Draws ticks, faint lines and axis labels."""
        left, top, right, bottom = self.box
        for value in ticks(min(self.x), max(self.x), x_most):
            px = self.at(value, self.y[0])[0]
            if lines:
                canvas.line([(px, top), (px, bottom)], GRID)
            canvas.text((px, bottom + 5), f"{value:g}", DIM, 11, "ma")
        for value in ticks(min(self.y), max(self.y), y_most):
            py = self.at(self.x[0], value)[1]
            if lines:
                canvas.line([(left, py), (right, py)], GRID)
            canvas.text((left - 6, py), f"{value:g}", DIM, 11, "rm")
        canvas.rectangle(self.box, None, FRAME)
        if x_label:
            canvas.text((right, bottom + 20), x_label, DIM, 11, "ra")
        if y_label:
            canvas.text((left, top - 7), y_label, DIM, 11, "lb")


@dataclass
class Labels:
    """Places labels near their anchors so that none covers another.

    Attributes:
        bounds: Labels stay inside this box.
        taken: Boxes labels avoid, with the cost of covering a square pixel of each.
    """

    bounds: Box
    taken: list[tuple[Box, float]] = field(default_factory=list)

    def avoid(self, box: Box, cost: float = 1.0) -> None:
        """Marks a box as better left free."""
        self.taken.append((box, cost))

    def avoid_path(self, points: Sequence[Point], cost: float = 0.4) -> None:
        """Marks the neighbourhood of a path as better left free."""
        for x, y in points:
            self.avoid((x - 5, y - 5, x + 5, y + 5), cost)

    def place(
        self, canvas: Canvas, around: Box, text: str, color: Color = INK, size: float = LABEL
    ) -> None:
        """Writes a label at the free place nearest to a box, with a leader line when far."""
        width, height = text_width(text, size) + 4, size + 5
        center = (0.5 * (around[0] + around[2]), 0.5 * (around[1] + around[3]))
        best, best_cost = around, math.inf
        for gap in (4, 14, 26, 42, 60, 84):
            for step in range(16):
                angle = 2 * math.pi * step / 16
                dx = 0.5 * (around[2] - around[0]) + gap + 0.5 * width
                dy = 0.5 * (around[3] - around[1]) + gap + 0.5 * height
                x, y = center[0] + dx * math.cos(angle), center[1] + dy * math.sin(angle)
                box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
                cost = self._cost(box) + 5 * gap + (10 if step % 4 else 0)
                if cost < best_cost:
                    best, best_cost = box, cost
        self.avoid(best, 50.0)
        middle = (0.5 * (best[0] + best[2]), 0.5 * (best[1] + best[3]))
        near = (
            min(max(middle[0], around[0]), around[2]), min(max(middle[1], around[1]), around[3])
        )  # fmt: skip
        edge = (min(max(near[0], best[0]), best[2]), min(max(near[1], best[1]), best[3]))
        if math.dist(near, edge) > 12:
            canvas.line([near, edge], DIM, 0.8)
        canvas.text(middle, text, color, size, "mm", halo=PAPER)

    def _cost(self, box: Box) -> float:
        inside = (box[2] - box[0]) * (box[3] - box[1])
        outside = inside - overlap(box, self.bounds)
        return 100 * outside + sum(c * overlap(box, other) for other, c in self.taken)
