"""Joint-space curves q(s) that are twice continuously differentiable in their parameter.

Two kinds: a polyline with rounded corners, and a cubic spline through dense points.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from datafactory.geometry import Array


@dataclass(frozen=True, eq=False)
class Curve:
    """A piecewise polynomial of degree four.

    Attributes:
        breaks: (m + 1,) increasing parameter values from 0.
        coefficients: (m, 5, dof): per piece, of the powers of the distance to its start.
        end: (dof,) the last point, exactly.
    """

    breaks: Array
    coefficients: Array
    end: Array

    def sample(self, s: Array) -> tuple[Array, Array, Array]:
        """Point, first and second derivative (n, dof) at parameters s (n,)."""
        piece = np.searchsorted(self.breaks[1:-1], s, side="right")
        x = (s - self.breaks[piece])[:, None]
        c = self.coefficients[piece]
        c0, c1, c2, c3, c4 = (c[:, k] for k in range(5))
        point = c0 + x * (c1 + x * (c2 + x * (c3 + x * c4)))
        first = c1 + x * (2.0 * c2 + x * (3.0 * c3 + x * (4.0 * c4)))
        second = 2.0 * c2 + x * (6.0 * c3 + x * (12.0 * c4))
        point[s >= self.breaks[-1]] = self.end
        return point, first, second

    def third_derivative(self, s: Array) -> Array:
        """Third derivative (n, dof) at parameters s (n,); it jumps at the breaks."""
        piece = np.searchsorted(self.breaks[1:-1], s, side="right")
        x = (s - self.breaks[piece])[:, None]
        return np.asarray(
            6.0 * self.coefficients[piece, 3] + 24.0 * x * self.coefficients[piece, 4]
        )


@dataclass(frozen=True, eq=False)
class Corner:
    """The rounding of one corner of a polyline.

    The direction turns from one segment's to the next's by a cubic smoothstep over ``length``, so
    the curve joins both segments with zero curvature and stays within 3/32 of
    ``length * |turn|`` of the corner.

    Attributes:
        length: Parameter length, half of it on either segment; 0 for a sharp corner.
        turn: (dof,) change of direction.
    """

    length: float
    turn: Array


def round_corners(directions: Array, lengths: Array, max_deviation: float) -> list[Corner]:
    """Sizes the rounding of every inner corner.

    Args:
        directions: (n, dof) derivative of the polyline along each segment.
        lengths: (n,) parameter length of each segment.
        max_deviation: Largest distance of any joint to the polyline, rad.

    Returns:
        n - 1 corners. At least a fifth of every segment stays straight, which leaves room to
        change speed.
    """
    corners = []
    for k, turn in enumerate(np.diff(directions, axis=0)):
        size = float(np.abs(turn).max())
        room = 0.8 * float(min(lengths[k], lengths[k + 1]))
        length = room if size * room * 3.0 <= 32.0 * max_deviation else 0.0
        if length == 0.0:
            length = max_deviation * 32.0 / (3.0 * size)
        corners.append(Corner(length, turn))
    return corners


def rounded_polyline(
    points: Array, directions: Array, lengths: Array, corners: list[Corner]
) -> Curve:
    """The polyline (n + 1, dof) with its corners rounded; the parameter is the polyline's."""
    breaks: list[float] = [0.0]
    pieces: list[Array] = []
    at = 0.0
    for k, direction in enumerate(directions):
        before = 0.5 * corners[k - 1].length if k > 0 else 0.0
        piece = np.zeros((5, points.shape[1]))
        piece[0], piece[1] = points[k] + before * direction, direction
        pieces.append(piece)
        at += float(lengths[k])
        if k == len(corners):
            break
        corner = corners[k]
        breaks.append(at - 0.5 * corner.length)
        if corner.length > 0.0:
            piece = np.zeros((5, points.shape[1]))
            piece[0] = points[k + 1] - 0.5 * corner.length * direction
            piece[1] = direction
            piece[3] = corner.turn / corner.length**2
            piece[4] = -0.5 * corner.turn / corner.length**3
            pieces.append(piece)
            breaks.append(at + 0.5 * corner.length)
    breaks.append(at)
    return Curve(np.array(breaks), np.array(pieces), points[-1].copy())


@functools.lru_cache(maxsize=256)
def _slope_matrix(n: int) -> Array:
    """Matrix (n, n) from values at 0, 1, ..., n - 1 to the slopes of the cubic spline there.

    Not-a-knot ends (C. de Boor, "A Practical Guide to Splines", 1978, chapter IV).
    """
    if n == 2:
        return np.array([[-1.0, 1.0], [-1.0, 1.0]])
    if n == 3:
        return np.array([[-1.5, 2.0, -0.5], [-0.5, 0.0, 0.5], [0.5, -2.0, 1.5]])
    left, right = np.zeros((n, n)), np.zeros((n, n))
    left[0, :2], right[0, :3] = (1.0, 2.0), (-2.5, 2.0, 0.5)
    left[-1, -2:], right[-1, -3:] = (2.0, 1.0), (-0.5, -2.0, 2.5)
    for k in range(1, n - 1):
        left[k, k - 1 : k + 2] = 1.0, 4.0, 1.0
        right[k, k - 1 : k + 2] = -3.0, 0.0, 3.0
    return np.asarray(np.linalg.solve(left, right))


def spline(points: Array) -> Curve:
    """Cubic spline through points (n, dof), n >= 2, at evenly spaced parameters from 0 to 1."""
    n, dof = points.shape
    slopes = _slope_matrix(n) @ points
    step = np.diff(points, axis=0)
    coefficients = np.zeros((n - 1, 5, dof))
    coefficients[:, 0] = points[:-1]
    coefficients[:, 1] = slopes[:-1]
    coefficients[:, 2] = 3.0 * step - 2.0 * slopes[:-1] - slopes[1:]
    coefficients[:, 3] = slopes[:-1] + slopes[1:] - 2.0 * step
    coefficients *= (float(n - 1) ** np.arange(5))[:, None]
    return Curve(np.linspace(0.0, 1.0, n), coefficients, points[-1].copy())


def speed_bound(curve: Curve) -> Array:
    """Upper bound (dof,) of the absolute first derivative, from Bezier control values.

    A polynomial lies within the convex hull of its control values (G. Farin, "Curves and Surfaces
    for CAGD", chapter 5).
    """
    width = np.diff(curve.breaks)[:, None]
    c1, c2, c3, c4 = (curve.coefficients[:, k] for k in range(1, 5))
    one, two = 2.0 * width * c2, 3.0 * width**2 * c3
    three = 4.0 * width**3 * c4
    values = [c1, c1 + one / 3.0, c1 + (2.0 * one + two) / 3.0, c1 + one + two + three]
    return np.asarray(np.abs(np.stack(values)).max(axis=(0, 1)))


def derivative_bounds(curve: Curve) -> tuple[Array, Array, Array]:
    """Bounds (dof,) of the absolute first three derivatives of a cubic spline.

    The first as in :func:`speed_bound`, the others exact.
    """
    width = np.diff(curve.breaks)[:, None]
    c2, c3 = curve.coefficients[:, 2], curve.coefficients[:, 3]
    second = np.stack([2.0 * c2, 2.0 * c2 + 6.0 * width * c3])
    return speed_bound(curve), np.abs(second).max(axis=(0, 1)), 6.0 * np.abs(c3).max(axis=0)
