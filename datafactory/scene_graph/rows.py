"""Relations of rows and places: aligned, at, apart."""

from __future__ import annotations

import itertools
import math

import numpy as np

from datafactory.geometry import Array
from datafactory.scene_graph.body import Body
from datafactory.scene_graph.directional import height_difference
from datafactory.scene_graph.graph import Relation
from datafactory.scene_graph.rules import Draft, Drawer, Measure, limit
from datafactory.scene_graph.world import World

STRAIGHT = (0.02, 0.010)
ROW_GAP = (0.0, 0.015)
ROW_SPACING = (0.16, 0.14)
AT_OFFSET = (0.03, 0.012)
APART_GAP = (0.015, 0.03)
DRAWN_SPACING = (0.03, 0.10)
DRAWN_STRAIGHT = 0.004
DRAWN_AT = 0.006
DRAWN_APART = (0.035, 0.30)


def row_axis(centres: Array) -> Array:
    """Direction (2,) of the line that fits points (n, 2) best: least squares across it."""
    offsets = centres - centres.mean(axis=0)
    _, _, directions = np.linalg.svd(offsets, full_matrices=False)
    axis: Array = directions[0]
    return axis


def row_spacing(members: list[Body], axis: Array) -> tuple[float, float]:
    """Smallest and largest gap, metres, between neighbours of a row along its axis (2,)."""
    spans = sorted((b.polygon.extent(axis) for b in members), key=lambda span: span[0] + span[1])
    gaps = [after[0] - before[1] for before, after in itertools.pairwise(spans)]
    return min(gaps), max(gaps)


class Aligned:
    """The subject and its references stand in one straight row without wide gaps."""

    name = "aligned"

    def measure(self, relation: Relation, world: World) -> tuple[Measure, ...]:
        """Largest distance of a centre from the row's line, gaps in the row, heights."""
        members = [world.body(n) for n in (relation.subject, *relation.objects)]
        centres = np.array([b.centre for b in members])
        axis = row_axis(centres)
        offsets = (centres - centres.mean(axis=0)) @ np.array([-axis[1], axis[0]])
        least, most = row_spacing(members, axis)
        bottoms = [b.bottom for b in members]
        lowest = members[int(np.argmin(bottoms))]
        highest = members[int(np.argmax(bottoms))]
        return (
            Measure("off_line_max", float(np.abs(offsets).max()), limit(world, *STRAIGHT), "m"),
            Measure("gap_min", least, limit(world, *ROW_GAP), "m"),
            Measure("gap_max", most, limit(world, *ROW_SPACING), "m"),
            height_difference(highest, lowest, world),
        )

    def draw(self, relation: Relation, drawer: Drawer) -> Draft | None:
        """Beyond one end of the row, or on any side of a single reference."""
        placed = drawer.world.bodies
        names = (relation.subject, *relation.objects)
        row = [placed[n] for n in names if n != drawer.name and n in placed]
        if not row:
            return None
        n, rng = len(drawer.yaw), drawer.rng
        if len(row) == 1:
            angle = rng.uniform(-math.pi, math.pi, n)
            axis = np.stack([np.cos(angle), np.sin(angle)], axis=1)
            middle = row[0].centre
        else:
            centres = np.array([b.centre for b in row])
            sign = np.where(rng.random(n) < 0.5, -1.0, 1.0)
            axis = sign[:, None] * row_axis(centres)
            middle = centres.mean(axis=0)
        ahead = np.max([((b.polygon.vertices - middle) @ axis.T).max(axis=0) for b in row], axis=0)
        along = ahead + drawer.reach(-axis) + rng.uniform(*DRAWN_SPACING, n)
        aside = rng.uniform(-DRAWN_STRAIGHT, DRAWN_STRAIGHT, n)
        across = np.stack([-axis[:, 1], axis[:, 0]], axis=1)
        return drawer.flat(middle + along[:, None] * axis + aside[:, None] * across)


class At:
    """The subject's centre is where that of the reference is, at the same height."""

    name = "at"

    def measure(self, relation: Relation, world: World) -> tuple[Measure, ...]:
        """Distance of the footprints' centres, height difference."""
        a, b = world.body(relation.subject), world.body(relation.objects[0])
        offset = math.hypot(*(a.centre - b.centre).tolist())
        return (
            Measure("offset_max", offset, limit(world, *AT_OFFSET), "m"),
            height_difference(a, b, world),
        )

    def draw(self, relation: Relation, drawer: Drawer) -> Draft | None:
        """Within millimetres of the place; None for the place itself."""
        if drawer.name != relation.subject:
            return None
        place = drawer.world.body(relation.objects[0])
        jitter = drawer.rng.uniform(-DRAWN_AT, DRAWN_AT, (len(drawer.yaw), 2))
        return drawer.flat(place.centre + jitter)


class Apart:
    """The subject stands beside the reference's place, clear of it."""

    name = "apart"

    def measure(self, relation: Relation, world: World) -> tuple[Measure, ...]:
        """Gap of the footprints, height difference."""
        a, b = world.body(relation.subject), world.body(relation.objects[0])
        return (
            Measure("gap_min", a.polygon.distance(b.polygon), limit(world, *APART_GAP), "m"),
            height_difference(a, b, world),
        )

    def draw(self, relation: Relation, drawer: Drawer) -> Draft | None:
        """Around the reference, 3.5 to 30 cm of gap; None for the reference."""
        if drawer.name != relation.subject:
            return None
        reference = drawer.world.body(relation.objects[0])
        n = len(drawer.yaw)
        angle = drawer.rng.uniform(-math.pi, math.pi, n)
        axis = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        ahead = (axis @ (reference.polygon.vertices - reference.centre).T).max(axis=1)
        along = ahead + drawer.reach(-axis) + drawer.rng.uniform(*DRAWN_APART, n)
        return drawer.flat(reference.centre + along[:, None] * axis)


ALIGNED = Aligned()
AT = At()
APART = Apart()
