"""Outlines of table tops, and the convex pieces a top is made of."""

from __future__ import annotations

import math

from datafactory_assets.asset import Shape
from datafactory_assets.families.pieces import box, extruded, nm
from datafactory_assets.tables.asset import Point, Polygon

LEAST_PIECE_M2 = 1e-5


def rectangle(a: float, b: float) -> Polygon:
    """Rectangle of half sides a (x) and b (y)."""
    return _rounded(((-a, -b), (a, -b), (a, b), (-a, b)))


def rounded(a: float, b: float, corner: float) -> Polygon:
    """Rectangle with round corners of four chords each."""
    points = []
    for k, (sx, sy) in enumerate(((1, -1), (1, 1), (-1, 1), (-1, -1))):
        for i in range(5):
            t = 0.5 * math.pi * (k - 1 + i / 4)
            points.append((sx * (a - corner) + corner * math.cos(t),
                           sy * (b - corner) + corner * math.sin(t)))  # fmt: skip
    return _rounded(points)


def oval(a: float, b: float, n: int = 28) -> Polygon:
    """Ellipse of semi-axes a and b as an n-gon with corners at its ends; n divisible by 4."""
    angles = [2.0 * math.pi * i / n for i in range(n)]
    return _rounded((a * math.cos(t), b * math.sin(t)) for t in angles)


def octagon(apothem: float) -> Polygon:
    """Regular octagon with a side towards the robot."""
    r = apothem / math.cos(math.pi / 8.0)
    return _rounded(
        (r * math.cos(t), r * math.sin(t)) for t in (math.pi * (i + 0.5) / 4 for i in range(8))
    )


def half_round(depth: float, half_width: float, n: int = 12) -> Polygon:
    """Half an ellipse whose straight side is away from the robot, centred on its bounds."""
    arc = [math.pi * (0.5 + i / n) for i in range(n + 1)]
    shift = 0.5 * depth
    return _rounded((shift + depth * math.cos(t), half_width * math.sin(t)) for t in arc)


def pieces(outline: Polygon, height: float, thickness: float) -> tuple[Shape, ...]:
    """Convex pieces of a top: the largest box inside, then what is left beside it.

    Args:
        outline: Convex, counter-clockwise, mirrored at the x axis, metres.
        height: z of the top surface, metres.
        thickness: Of the top, metres.
    """
    low = height - thickness
    best = (0.0, 0.0, 0.0, 0.0)
    for y in {abs(v) for _, v in outline if v != 0.0}:
        x0, x1 = _span(outline, y)
        if (x1 - x0) * y > (best[1] - best[0]) * best[2]:
            best = (x0, x1, y, 0.0)
    x0, x1, y, _ = best
    half = (0.5 * (x1 - x0), y, 0.5 * thickness)
    found = [box(half, (0.5 * (x0 + x1), 0.0, 0.5 * (low + height)), "top")]
    band = _clip(_clip(outline, 1, y, 1.0), 1, -y, -1.0)
    beside = (
        _clip(outline, 1, y, -1.0),
        _clip(outline, 1, -y, 1.0),
        _clip(band, 0, x1, -1.0),
        _clip(band, 0, x0, 1.0),
    )
    for rest in beside:
        if len(rest) >= 3 and _area(rest) > LEAST_PIECE_M2:
            found.append(extruded(rest, low, height, "z", "top"))
    return tuple(found)


def _rounded(points: object) -> Polygon:
    """To a nanometre, so that outlines do not depend on a platform's ``sin``."""
    return tuple((nm(x), nm(y)) for x, y in points)  # type: ignore[attr-defined]


def _span(outline: Polygon, y: float) -> tuple[float, float]:
    """Range of x of the outline at +-y."""
    found = []
    for (x0, y0), (x1, y1) in zip(outline, (*outline[1:], outline[0]), strict=True):
        if min(y0, y1) - 1e-9 <= y <= max(y0, y1) + 1e-9:
            if abs(y1 - y0) < 1e-9:
                found += [x0, x1]
            else:
                found.append(x0 + (x1 - x0) * (y - y0) / (y1 - y0))
    return min(found), max(found)


def _clip(outline: Polygon, axis: int, at: float, side: float) -> Polygon:
    """The part of a convex polygon where side * (at - coordinate) >= 0 (Sutherland-Hodgman)."""
    kept: list[Point] = []
    for p, q in zip(outline, (*outline[1:], outline[0]), strict=True):
        a, b = side * (at - p[axis]), side * (at - q[axis])
        if a >= 0.0:
            kept.append(p)
        if a * b < 0.0:
            t = a / (a - b)
            kept.append((nm(p[0] + t * (q[0] - p[0])), nm(p[1] + t * (q[1] - p[1]))))
    return tuple(kept)


def _area(outline: Polygon) -> float:
    """Area of a polygon, square metres."""
    return 0.5 * sum(
        x0 * y1 - x1 * y0
        for (x0, y0), (x1, y1) in zip(outline, (*outline[1:], outline[0]), strict=True)
    )
