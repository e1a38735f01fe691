"""Whole pictures: one episode on a page, many plan views in a grid, workspace heat maps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datafactory.episode import AssetRecord, CheckResult
from datafactory.picture.canvas import Box, Canvas, mix, shortened, text_width, wrapped
from datafactory.picture.palette import BAD, DIM, FRAME, GOOD, INK, PAPER, series_color
from datafactory.picture.plots import (
    gripper_curves,
    heat_map,
    joint_curves,
    motion_curves,
    phase_legend,
    time_plot,
)
from datafactory.picture.views import Scenery, phase_spans, plan_view, scenery, side_view
from datafactory.picture.world import Pictured, Track

WIDTH, HEIGHT = 1480, 1010
MARGIN = 36
CHECK_ROWS = 15


def episode_picture(
    episode: Pictured,
    assets: Iterable[AssetRecord],
    caption: str = "",
    track: Track | None = None,
) -> Image.Image:
    """Draws one episode: plan and side view, curves over time, the verdict and its numbers.

    Args:
        episode: Any attempt, accepted or rejected; curves need a trajectory.
        assets: Rows of its assets; an object without one is drawn as its bounding box.
        caption: Small text under the title, such as the lineage.
        track: Low-rate path of an attempt without a trajectory.
    """
    run = episode.trajectory
    executed = run is not None and run.length > 1
    canvas = Canvas(WIDTH, HEIGHT if executed else 700, PAPER)
    scene = scenery(episode, assets, track)
    _header(canvas, episode, caption)
    plan_view(canvas, (76, 140, 596, 640), scene)
    side_view(canvas, (660, 140, 1060, 420), scene)
    _objects(canvas, episode, scene, (660, 470, 1060, 640))
    _verdict(canvas, episode, (1100, 124, WIDTH - MARGIN, 640))
    if run is not None and executed:
        spans = phase_spans(scene)
        for left, title, curves in (
            (76, "joint targets, rad", joint_curves(run)),
            (548, "gripper, mm", gripper_curves(run)),
            (1020, "tool speed, m/s", motion_curves(run)),
        ):
            box = (left, 762, left + 410, 950)
            time_plot(canvas, box, title, curves, run.fps, spans)
            phase_legend(canvas, (left, 690, left + 410, 736), scene.phases, spans, run.fps)
    return canvas.finished()


def _header(canvas: Canvas, episode: Pictured, caption: str) -> None:
    verdict = episode.verdict
    word = "accepted" if verdict.accepted else f"rejected: {verdict.reason}"
    color = GOOD if verdict.accepted else BAD
    width = text_width(word, 15) + 28
    right = WIDTH - MARGIN
    canvas.rectangle((right - width, 30, right, 60), mix(color, PAPER, 0.86), radius=15)
    canvas.text((right - width / 2, 45), word, color, 15, "mm")
    room = right - width - 20 - MARGIN
    canvas.text((MARGIN, 28), shortened(_title(episode), room, 25), INK, 25)
    run = episode.trajectory
    facts = [episode.task, episode.robot, f"attempt {episode.attempt}"]
    if run is not None and run.length:
        facts.append(f"{run.length} frames, {run.length / run.fps:.1f} s at {run.fps} Hz")
    if caption:
        facts.append(caption)
    line = "   |   ".join(facts)
    canvas.text((MARGIN, 70), shortened(line, WIDTH - 2 * MARGIN, 13), DIM, 13)
    canvas.line([(MARGIN, 98), (WIDTH - MARGIN, 98)], FRAME)


def _title(episode: Pictured) -> str:
    text = episode.instruction or f"attempt {episode.attempt}"
    return text[:1].upper() + text[1:]


def _objects(canvas: Canvas, episode: Pictured, scene: Scenery, box: Box) -> None:
    """The list of objects with their colours, masses and how far they moved."""
    canvas.text((box[0], box[1]), "objects", INK, 13)
    canvas.text((box[2], box[1]), "mass, kg       moved, m", DIM, 11, "ra")
    rows = sorted(
        zip(episode.objects, scene.shapes, strict=True), key=lambda pair: not pair[1].role
    )
    most = int((box[3] - box[1] - 20) // 19)
    for i, (item, shape) in enumerate(rows[:most]):
        y = box[1] + 29 + 19 * i
        if i == most - 1 and len(rows) > most:
            canvas.text((box[0], y), f"and {len(rows) - most + 1} more", DIM, 12, "lm")
            break
        canvas.circle((box[0] + 6, y), 5.5, shape.color, mix(shape.color, INK, 0.5), 1)
        text = f"{item.name}: {shape.label}, {item.material}"
        ink = INK if shape.role else DIM
        canvas.text((box[0] + 20, y), shortened(text, 250, 12.5), ink, 12.5, "lm")
        moved = math.dist(item.initial_pose[:3], item.final_pose[:3])
        canvas.text((box[2] - 84, y), f"{item.mass:.3f}", ink, 12.5, "rm")
        canvas.text((box[2], y), f"{moved:.3f}", ink, 12.5, "rm")


def _verdict(canvas: Canvas, episode: Pictured, box: Box) -> None:
    """The checks with their measured values and limits; refused ones first, then the closest."""
    checks = sorted(episode.verdict.checks, key=_rank)
    left, top, right, _ = box
    canvas.text((left, top), f"checks ({len(checks)})", INK, 13)
    canvas.text((right, top), "value / limit", DIM, 11, "ra")
    for i, check in enumerate(checks[:CHECK_ROWS]):
        y = top + 32 + 24 * i
        color = GOOD if check.passed else BAD
        canvas.circle((left + 4, y), 3.6, color)
        numbers = f"{_number(check.value)} / {_number(check.limit)}"
        unit = "" if check.unit in ("", "1") else " " + check.unit
        wide = text_width(numbers + unit, 12) + 8
        name = shortened(f"{check.stage}: {check.check}", right - left - 16 - wide, 12)
        canvas.text((left + 15, y), name, INK if check.passed else BAD, 12, "lm")
        canvas.text((right, y), numbers + unit, INK if check.passed else BAD, 12, "rm")
    more = len(checks) - CHECK_ROWS
    y = top + 32 + 24 * min(len(checks), CHECK_ROWS)
    if more > 0:
        canvas.text((left, y), f"and {more} more, all passed", DIM, 12, "lm")
        y += 24
    goal = _goal_text(episode.goal)
    for i, line in enumerate(wrapped(f"goal: {goal}", right - left, 12.5, 3) if goal else ()):
        canvas.text((left, y + 12 + 18 * i), line, DIM, 12.5, "lm")


def _rank(check: CheckResult) -> tuple[bool, bool, float]:
    """Refused checks first, then measured ones by how close they came to their limit."""
    scale = max(abs(check.limit), 1e-9)
    return (check.passed, check.value == check.limit, abs(check.value - check.limit) / scale)


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "-"


def _goal_text(goal: object) -> str:
    from datafactory.scene_graph.graph import Goal

    return str(Goal.from_json(goal)) if isinstance(goal, list) and goal else ""


def sheet_picture(
    episodes: Sequence[Pictured], assets: Iterable[AssetRecord], title: str, columns: int = 0
) -> Image.Image:
    """Plan views of many episodes in one grid, each with its instruction and verdict.

    Args:
        episodes: At least one.
        assets: Rows of their assets.
        title: Line above the grid.
        columns: Number of columns; 0 chooses a landscape grid.
    """
    assets = tuple(assets)
    columns = columns or max(1, min(8, math.ceil(math.sqrt(1.5 * len(episodes)))))
    rows = math.ceil(len(episodes) / columns)
    cell_w, cell_h = 250, 262
    width = 2 * MARGIN + columns * cell_w + (columns - 1) * 14
    canvas = Canvas(max(width, 420), 92 + rows * (cell_h + 14) + 10, PAPER)
    canvas.text((MARGIN, 26), shortened(title, canvas.width - 2 * MARGIN, 20), INK, 20)
    for i, episode in enumerate(episodes):
        left = MARGIN + (i % columns) * (cell_w + 14)
        top = 72 + (i // columns) * (cell_h + 14)
        scene = scenery(episode, assets, with_arm=False)
        box = (left, top, left + cell_w, top + cell_h - 48)
        plan_view(canvas, box, scene, detail=False)
        canvas.rectangle(box, None, FRAME)
        color = GOOD if episode.verdict.accepted else BAD
        canvas.circle((left + 5, top + cell_h - 34), 4, color)
        for k, line in enumerate(wrapped(_title(episode), cell_w - 18, 12, 2)):
            canvas.text((left + 15, top + cell_h - 34 + 16 * k), line, INK, 12, "lm")
    return canvas.finished()


def coverage_picture(
    maps: Sequence[tuple[str, NDArray[np.float64]]],
    x: tuple[float, float],
    y: tuple[float, float],
    title: str,
) -> Image.Image:
    """Heat maps of positions on the table, side by side.

    Args:
        maps: Title and (nx, ny) counts of each map.
        x: World x range the cells cover, metres.
        y: World y range the cells cover, metres.
        title: Line above all.
    """
    side = 400
    canvas = Canvas(2 * MARGIN + 30 + len(maps) * (side + 56) - 26, side + 176, PAPER)
    canvas.text((MARGIN, 26), title, INK, 20)
    for i, (name, counts) in enumerate(maps):
        left = MARGIN + 30 + i * (side + 56)
        heat_map(canvas, (left, 104, left + side, 104 + side), counts, x, y, name,
                 series_color(i))  # fmt: skip
    return canvas.finished()
