"""Curves over time with phase bands, and heat maps."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datafactory.episode import Trajectory
from datafactory.picture.axes import Axes, Labels
from datafactory.picture.canvas import Box, Canvas, Color, mix, text_width
from datafactory.picture.palette import DIM, INK, PANEL, PAPER, series_color

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """One line of a plot: a name and (T,) values; ``dashed`` for targets."""

    name: str
    values: Array
    color: Color
    dashed: bool = False


def time_plot(
    canvas: Canvas,
    box: Box,
    title: str,
    curves: Sequence[Curve],
    fps: int,
    spans: Sequence[tuple[int, int, int]],
) -> None:
    """Draws curves over seconds, phases as bands behind them, a legend above.

    Args:
        canvas: Where to draw.
        box: Frame of the plot.
        title: Quantity and unit.
        curves: At least one curve, all of the same length T.
        fps: Frames per second.
        spans: Phase runs (start, stop, index).
    """
    values = np.concatenate([c.values for c in curves])
    low, high = float(values.min()), float(values.max())
    pad = 0.08 * (high - low) or 0.5
    count = len(curves[0].values)
    axes = Axes(box, (0.0, max(count - 1, 1) / fps), (low - pad, high + pad))
    canvas.rectangle(box, PANEL)
    for start, stop, index in spans:
        left, right = axes.at(start / fps, 0)[0], axes.at(min(stop, count - 1) / fps, 0)[0]
        canvas.rectangle((left, box[1], right, box[3]), mix(series_color(index), PAPER, 0.84))
    axes.grid(canvas, x_label="s", y_label="", x_most=8, y_most=4)
    for curve in curves:
        points = [axes.at(i / fps, float(v)) for i, v in enumerate(curve.values)]
        if curve.dashed:
            canvas.dashes(points, curve.color, 1.2, 3.5)
        else:
            canvas.line(points, curve.color, 1.6)
    canvas.text((box[0], box[1] - 7), title, INK, 12.5, "lb")
    _legend(canvas, box, curves, text_width(title, 12.5))


def _legend(canvas: Canvas, box: Box, curves: Sequence[Curve], title_width: float) -> None:
    widths = [text_width(c.name, 11) + 24 for c in curves]
    room = box[2] - box[0] - title_width - 12
    if len(curves) < 2 or sum(widths) > room:
        return
    x = box[2] - sum(widths)
    y = box[1] - 13
    for curve, width in zip(curves, widths, strict=True):
        canvas.line([(x, y), (x + 13, y)], curve.color, 2)
        canvas.text((x + 17, y), curve.name, DIM, 11, "lm")
        x += width


def phase_legend(
    canvas: Canvas, box: Box, names: Sequence[str], spans: Sequence[tuple[int, int, int]], fps: int
) -> None:
    """A strip of the phases in time order, each named once where its first run fits or beside."""
    count = max((stop for _, stop, _ in spans), default=1)
    axes = Axes(box, (0.0, max(count - 1, 1) / fps), (0.0, 1.0))
    strip = (box[0], box[3] - 7, box[2], box[3])
    labels = Labels((box[0] - 30, box[1] - 30, box[2] + 30, box[3]))
    named: set[int] = set()
    for start, stop, index in spans:
        left, right = axes.at(start / fps, 0)[0], axes.at(min(stop, count - 1) / fps, 0)[0]
        canvas.rectangle((left, strip[1], right, strip[3]), series_color(index))
    rows = (strip[1] - 4, strip[1] - 18, strip[1] - 32)
    for start, stop, index in spans:
        if index in named:
            continue
        named.add(index)
        middle = axes.at(0.5 * (start + min(stop, count - 1)) / fps, 0)[0]
        width = text_width(names[index], 11)
        middle = min(max(middle, box[0] + width / 2), box[2] - width / 2)
        for row in rows:
            place = (middle - width / 2 - 4, row - 13, middle + width / 2 + 4, row)
            if all(_apart(place, taken) for taken, _ in labels.taken):
                labels.avoid(place)
                dark = mix(series_color(index), INK, 0.35)
                canvas.text((middle, row), names[index], dark, 11, "mb")
                break


def _apart(a: Box, b: Box) -> bool:
    return a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def joint_curves(run: Trajectory) -> list[Curve]:
    """Joint targets in rad; the recorded arm positions follow them closely."""
    targets = np.asarray(run.action_joint, dtype=np.float64)
    return [Curve(f"q{j + 1}", targets[:, j], series_color(j)) for j in range(targets.shape[1])]


def gripper_curves(run: Trajectory) -> list[Curve]:
    """Gripper width in millimetres, and its target as the share of the widest opening."""
    widths = run.per_arm(run.gripper_width).astype(np.float64) * 1000
    targets = run.per_arm(run.action_gripper).astype(np.float64)
    curves = []
    for k, arm in enumerate(arm_names(run)):
        widest = float(widths[:, k].max()) or 1.0
        curves += [
            Curve(f"{arm}width", widths[:, k], series_color(2 * k)),
            Curve(f"{arm}target", targets[:, k] * widest, series_color(2 * k + 1), dashed=True),
        ]
    return curves


def arm_names(run: Trajectory) -> list[str]:
    """What comes before a curve's name: nothing for one arm."""
    return [f"{arm.name} " for arm in run.arms] or [""]


def motion_curves(run: Trajectory) -> list[Curve]:
    """Tool speed in m/s by finite differences over one frame."""
    positions = run.per_arm(run.eef_pose)[..., :3].astype(np.float64)
    speed = np.zeros(positions.shape[:2])
    if len(positions) > 1:
        speed[1:] = np.linalg.norm(np.diff(positions, axis=0), axis=2) * run.fps
    names = arm_names(run)
    return [Curve(f"{n}tool speed", speed[:, k], series_color(k)) for k, n in enumerate(names)]


def heat_map(
    canvas: Canvas, box: Box, counts: Array, x: tuple[float, float], y: tuple[float, float],
    title: str, color: Color,
) -> None:  # fmt: skip
    """Cell counts (rows along x upwards, columns along y to the left) as shades of a colour.

    Args:
        canvas: Where to draw.
        box: Frame of the map.
        counts: (nx, ny) counts.
        x: World x range the cells cover, metres.
        y: World y range the cells cover, metres.
        title: Title.
        color: Colour of the fullest cell.
    """
    axes = Axes.equal(box, y, x, flip_x=True)
    canvas.rectangle(box, PANEL)
    most = float(counts.max()) or 1.0
    nx, ny = counts.shape
    for i, j in itertools.product(range(nx), range(ny)):
        if counts[i, j]:
            a = axes.at(y[0] + (y[1] - y[0]) * j / ny, x[0] + (x[1] - x[0]) * i / nx)
            b = axes.at(y[0] + (y[1] - y[0]) * (j + 1) / ny, x[0] + (x[1] - x[0]) * (i + 1) / nx)
            cell = (min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1]))
            canvas.rectangle(cell, mix(PANEL, color, 0.12 + 0.88 * float(counts[i, j]) / most))
    axes.grid(canvas, x_label="y, m", y_label="", lines=False)
    canvas.text((box[0], box[1] - 7), title, INK, 12.5, "lb")
