"""Plan view (from above, robot at the bottom, its left on the left) and side view (x to z)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datafactory.episode import AssetRecord, Trajectory
from datafactory.geometry import Pose, quat_to_matrix
from datafactory.picture.axes import Axes, Labels
from datafactory.picture.canvas import Box, Canvas, Color, Point, mix
from datafactory.picture.palette import (
    DIM,
    INK,
    PANEL,
    PAPER,
    ROBOT,
    ROBOT_DARK,
    TABLE,
    TABLE_EDGE,
    series_color,
)
from datafactory.picture.world import (
    Outline,
    Pictured,
    TableTop,
    Track,
    arm_postures,
    hull,
    outlines,
    table_top,
)
from datafactory.render.holds import acting_arms

Array = NDArray[np.float64]
LARGE_PX2 = 8000
"""Labels may stand on objects that are drawn larger than this."""
MOVED_M = 0.01
"""Objects that moved less are drawn once."""


@dataclass(frozen=True, eq=False)
class Scenery:
    """Everything the views draw, in world coordinates.

    Attributes:
        shapes: Outlines of the objects.
        start, end: (n, 7) poses of the objects.
        tcp: (T, 3) tool path; (0, 3) when nothing was executed.
        phase_of: (T,) phase index of each frame.
        phases: Phase names by first appearance.
        marks: Frame and word of grasps and releases.
        table: Table top, when the stored model has one.
        base: Pose of the robot's base.
        arms: Postures of the arm at the start and at the lowest point of the first grasp.
    """

    shapes: tuple[Outline, ...]
    start: Array
    end: Array
    tcp: Array
    phase_of: NDArray[np.int64]
    phases: tuple[str, ...]
    marks: tuple[tuple[int, str], ...]
    table: TableTop | None
    base: Pose
    arms: tuple[Array, ...]


def scenery(
    episode: Pictured,
    assets: Iterable[AssetRecord],
    track: Track | None = None,
    *,
    with_arm: bool = True,
) -> Scenery:
    """Collects what the views draw from an episode, executed or not."""
    run = episode.trajectory
    start = np.array([o.initial_pose for o in episode.objects]).reshape(-1, 7)
    end = np.array([o.final_pose for o in episode.objects]).reshape(-1, 7)
    tcp, phase_of = np.zeros((0, 3)), np.zeros(0, dtype=np.int64)
    names: tuple[str, ...] = ()
    marks: tuple[tuple[int, str], ...] = ()
    arms: tuple[Array, ...] = ()
    if run is not None and run.length:
        tools = run.per_arm(run.eef_pose)[..., :3].astype(np.float64)
        tcp = tools[np.arange(run.length), acting_arms(run)]
        phase_of, names = _phases(run)
        marks = _gripper_marks(run)
        if with_arm and run.qpos.shape[1]:
            frames = [0, marks[0][0] if marks else run.length // 2]
            arms = tuple(arm_postures(episode.replay, run.qpos[frames]))
    elif track is not None and len(track.tcp):
        tcp, names = track.tcp, ("track",)
        phase_of = np.zeros(len(tcp), dtype=np.int64)
        end = track.object_poses[-1]
    return Scenery(
        outlines(episode, assets), start, end, tcp, phase_of, names, marks,
        table_top(episode.replay), Pose.from_vector(episode.world_from_base), arms,
    )  # fmt: skip


def _phases(run: Trajectory) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    names: list[str] = []
    index = np.zeros(run.length, dtype=np.int64)
    for phase in run.phases:
        if phase.name not in names:
            names.append(phase.name)
        index[phase.start : phase.stop] = names.index(phase.name)
    return index, tuple(names)


def _gripper_marks(run: Trajectory) -> tuple[tuple[int, str], ...]:
    """Frames at which the gripper is told to close and to open again."""
    closed = run.per_arm(run.action_gripper) < 0.5
    marks = []
    for frame, arm in np.argwhere(np.diff(closed.astype(np.int8), axis=0)):
        marks.append((int(frame) + 1, "grasp" if closed[frame + 1, arm] else "release"))
    return tuple(marks)


def plan_view(canvas: Canvas, box: Box, scene: Scenery, *, detail: bool = True) -> None:
    """Draws the scene from above into a box.

    Args:
        canvas: Where to draw.
        box: Frame of the panel, without tick labels.
        scene: What to draw.
        detail: Ticks, labels and the arm; off for thumbnails.
    """
    x, y = _plan_range(scene)
    axes = Axes.equal(box, y, x, flip_x=True)
    canvas.rectangle(box, PANEL)
    if scene.table is not None:
        _draw_table(canvas, axes, scene.table)
    if detail:
        axes.grid(canvas, x_label="y, m", y_label="x, m", lines=False)
    labels = Labels((box[0] + 3, box[1] + 3, box[2] - 3, box[3] - 3))
    project = _Projection(axes, (1, 0), box)
    project.base(canvas, scene.base, detail)
    if detail:
        with canvas.clipped(box):
            project.arms(canvas, scene)
    boxes = project.objects(canvas, scene)
    project.path(canvas, scene, labels, 2.4 if detail else 1.6)
    if detail:
        for touched, _ in boxes.values():
            area = (touched[2] - touched[0]) * (touched[3] - touched[1])
            labels.avoid(touched, 0.6 if area < LARGE_PX2 else 0.1)
        project.marks(canvas, scene, labels)
        for touched, shape in boxes.values():
            labels.place(canvas, touched, shape.label, INK if shape.role else DIM,
                         12.5 if shape.role else 11)  # fmt: skip


def side_view(canvas: Canvas, box: Box, scene: Scenery) -> None:
    """Draws the scene from the robot's right (x to the right, z up) into a box."""
    x = _plan_range(scene)[0]
    heights = [scene.tcp[:, 2], scene.start[:, 2], scene.end[:, 2], *[a[:, 2] for a in scene.arms]]
    every = np.concatenate([h for h in heights if len(h)] or [np.zeros(1)])
    floor = scene.table.height if scene.table is not None else float(every.min())
    axes = Axes.equal(box, x, (min(floor, float(every.min())) - 0.05, float(every.max()) + 0.08))
    canvas.rectangle(box, PANEL)
    if scene.table is not None:
        left, right = (scene.table.center[0] + s * scene.table.half[0] for s in (-1, 1))
        (px, py), (qx, _) = axes.at(left, scene.table.height), axes.at(right, 0)
        edge = (max(px, box[0]), py, min(qx, box[2]), min(py + 7, box[3]))
        canvas.rectangle(edge, TABLE, TABLE_EDGE)
    axes.grid(canvas, x_label="x, m", y_label="z, m", lines=False)
    labels = Labels((box[0] + 3, box[1] + 3, box[2] - 3, box[3] - 3))
    project = _Projection(axes, (0, 2), box)
    with canvas.clipped(box):
        project.arms(canvas, scene)
    project.objects(canvas, scene)
    project.path(canvas, scene, labels, 2.4)
    project.marks(canvas, scene, labels)


def _plan_range(scene: Scenery) -> tuple[tuple[float, float], tuple[float, float]]:
    """World x and y ranges that hold base, objects and path, with a margin."""
    points = [scene.base.position[None, :2], scene.tcp[:, :2]]
    for shape, pose, other in zip(scene.shapes, scene.start, scene.end, strict=True):
        corners = np.concatenate(shape.pieces)
        points += [Pose.from_vector(p).apply(corners)[:, :2] for p in (pose, other)]
    every = np.concatenate(points)
    low, high = every.min(axis=0) - 0.07, every.max(axis=0) + 0.07
    return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))


def _draw_table(canvas: Canvas, axes: Axes, table: TableTop) -> None:
    if table.outline:
        points = [axes.at(y, x) for x, y in table.outline]
        canvas.silhouette([(points, TABLE)], TABLE_EDGE, clip=axes.box)
        return
    (cx, cy), (hx, hy) = table.center, table.half
    corners = [axes.at(cy + s * hy, cx + t * hx) for s in (-1, 1) for t in (-1, 1)]
    left, right = min(p[0] for p in corners), max(p[0] for p in corners)
    top, bottom = min(p[1] for p in corners), max(p[1] for p in corners)
    box = axes.box
    shown = (max(left, box[0]), max(top, box[1]), min(right, box[2]), min(bottom, box[3]))
    canvas.rectangle(shown, TABLE, TABLE_EDGE)


@dataclass(frozen=True)
class _Projection:
    """Draws world geometry on two world axes, the first one to the right on the canvas."""

    axes: Axes
    world: tuple[int, int]
    clip: Box

    def points(self, points: Array) -> list[Point]:
        """Canvas points of (n, 3) world points."""
        i, j = self.world
        return [self.axes.at(float(p[i]), float(p[j])) for p in points]

    def base(self, canvas: Canvas, base: Pose, detail: bool) -> None:
        """The robot's base with its forward direction."""
        forward = base.position + quat_to_matrix(base.quat)[:, 0] * 0.1
        center, tip = self.points(np.array([base.position, forward]))
        radius = abs(self.axes.at(0.07, 0)[0] - self.axes.at(0, 0)[0])
        canvas.circle(center, radius, mix(ROBOT, PAPER, 0.5), ROBOT, 1.2)
        canvas.line([center, tip], ROBOT_DARK, 1.6)
        canvas.arrow(center, tip, ROBOT_DARK, 5 if detail else 3.5)

    def arms(self, canvas: Canvas, scene: Scenery) -> None:
        """The arm's posture at the start (faint) and at the first grasp."""
        for posture, t in zip(scene.arms, (0.72, 0.35), strict=False):
            points = self.points(posture)
            color = mix(ROBOT, PANEL, t)
            canvas.line(points, color, 5)
            for point in points:
                canvas.circle(point, 3.4, PAPER, color, 1.4)

    def objects(self, canvas: Canvas, scene: Scenery) -> dict[str, tuple[Box, Outline]]:
        """All objects, distractors first; returns the boxes touched and what they show."""
        boxes: dict[str, tuple[Box, Outline]] = {}
        triples = zip(scene.shapes, scene.start, scene.end, strict=True)
        for shape, start, end in sorted(triples, key=lambda t: (t[0].role, t[2][2])):
            if math.dist(start[:3], end[:3]) > MOVED_M:
                self._ghost(canvas, shape, Pose.from_vector(start))
            box = self._solid(canvas, shape, Pose.from_vector(end))
            if box is not None:
                boxes[shape.name] = (box, shape)
        return boxes

    def _hulls(self, shape: Outline, pose: Pose) -> list[tuple[list[Point], float]]:
        """Canvas hull and nearness to the viewer of every piece, farthest first."""
        placed = [pose.apply(piece) for piece in shape.pieces]
        toward = np.array((0.0, 0.0, 1.0) if self.world[1] != 2 else (0.0, -1.0, 0.0))
        near = [float((points @ toward).max()) for points in placed]
        order = np.argsort(near, kind="stable")
        return [(hull(np.array(self.points(placed[i]))), near[i]) for i in order]

    def _solid(self, canvas: Canvas, shape: Outline, pose: Pose) -> Box | None:
        hulls = self._hulls(shape, pose)
        low, high = hulls[0][1], hulls[-1][1]
        fills = []
        for points, top in hulls:
            t = 0.0 if high - low < 1e-4 else (top - low) / (high - low)
            fills.append((points, mix(mix(shape.color, INK, 0.22), shape.color, t)))
        edge = mix(shape.color, INK, 0.55)
        return canvas.silhouette(fills, edge, 1.0 if shape.role else 0.75, self.clip)

    def _ghost(self, canvas: Canvas, shape: Outline, pose: Pose) -> None:
        """Start footprint: pale, with a dashed edge."""
        hulls = self._hulls(shape, pose)
        pale = mix(shape.color, PAPER, 0.55)
        canvas.silhouette([(points, pale) for points, _ in hulls], None, 0.8, self.clip)
        around = hull(np.array([p for points, _ in hulls for p in points]))
        if around:
            canvas.dashes([*around, around[0]], mix(shape.color, INK, 0.45), 1.2, 4)

    def path(self, canvas: Canvas, scene: Scenery, labels: Labels, width: float) -> None:
        """The tool path, coloured by phase, with a ring at its start and an arrow at its end."""
        points = self.points(scene.tcp)
        if len(points) < 2:
            return
        first = 0
        for i in range(1, len(points)):
            last = i == len(points) - 1
            if last or scene.phase_of[i] != scene.phase_of[first]:
                color = _phase_color(scene, first)
                canvas.line(points[first : i + 1], color, width)
                first = i
        canvas.circle(points[0], width * 1.7, PAPER, _phase_color(scene, 0), 1.4)
        tail = next((p for p in reversed(points) if math.dist(p, points[-1]) > 3), points[0])
        canvas.arrow(tail, points[-1], _phase_color(scene, len(points) - 1), 2.6 * width)
        labels.avoid_path(points[:: max(1, len(points) // 60)])

    def marks(self, canvas: Canvas, scene: Scenery, labels: Labels) -> None:
        """Dots where the gripper closes and opens."""
        for frame, word in scene.marks:
            (x, y) = self.points(scene.tcp[frame : frame + 1])[0]
            canvas.circle((x, y), 4.2, INK if word == "grasp" else PAPER, INK, 1.6)
            labels.place(canvas, (x - 4, y - 4, x + 4, y + 4), word, INK, 11)


def _phase_color(scene: Scenery, frame: int) -> Color:
    return series_color(int(scene.phase_of[frame]))


def phase_spans(scene: Scenery) -> Sequence[tuple[int, int, int]]:
    """Runs of equal phase as (start, stop, phase index)."""
    spans, first = [], 0
    for i in range(1, len(scene.phase_of) + 1):
        if i == len(scene.phase_of) or scene.phase_of[i] != scene.phase_of[first]:
            spans.append((first, i, int(scene.phase_of[first])))
            first = i
    return spans
