"""Relations of position: left, right, front, behind, near, between.

The viewer of a frame looks along ``forward``; ``left`` is a quarter turn counter-clockwise from
it. All distances are between footprints, all angles between footprint centres.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from datafactory.geometry import Array
from datafactory.scene_graph.body import Body
from datafactory.scene_graph.graph import Relation
from datafactory.scene_graph.rules import Draft, Drawer, Measure, limit
from datafactory.scene_graph.world import World

MAX_GAP = (0.30, 0.28)
MIN_GAP = (0.0, 0.008)
MAX_ANGLE = (45.0, 41.0)
MAX_HEIGHT_DIFFERENCE = (0.03, 0.025)
NEAR_GAP = (0.10, 0.09)
NEAR_VERTICAL_GAP = (0.05, 0.04)
MIDDLE = (0.25, 0.30)
LATERAL_SHARE = (0.25, 0.18)
LATERAL = (0.06, 0.04)

DRAWN_GAP = (0.015, 0.20)
DRAWN_ANGLE = math.radians(38.0)
DRAWN_NEAR = (0.012, 0.08)


def height_difference(a: Body, b: Body, world: World) -> Measure:
    """Both stand at the same height."""
    bound = limit(world, *MAX_HEIGHT_DIFFERENCE)
    return Measure("height_difference_max", abs(a.bottom - b.bottom), bound, "m")


class Directional:
    """``left``, ``right``, ``front``, ``behind``: a positive gap along the dominant axis.

    Args:
        name: Relation name.
        turn: Matrix (2, 2) that turns the viewer's forward direction into the relation's.
    """

    def __init__(self, name: str, turn: tuple[tuple[float, float], tuple[float, float]]) -> None:
        self.name = name
        self._turn = np.array(turn)

    def axis(self, world: World, frame: str) -> Array:
        """(2,) world direction in which the subject lies from the reference."""
        direction: Array = self._turn @ world.forward(frame)
        return direction

    def measure(self, relation: Relation, world: World) -> tuple[Measure, ...]:
        """Gap along the axis, angle off the axis, height difference."""
        a, b = world.body(relation.subject), world.body(relation.objects[0])
        axis = self.axis(world, relation.frame)
        gap = a.polygon.extent(axis)[0] - b.polygon.extent(axis)[1]
        return self.measures_of(gap, axis, a, b, world)

    @staticmethod
    def measures_of(gap: float, axis: Array, a: Body, b: Body, world: World) -> tuple[Measure, ...]:
        """The measures of a known gap (m) along an axis (2,)."""
        dx, dy = float(a.centre[0] - b.centre[0]), float(a.centre[1] - b.centre[1])
        ux, uy = float(axis[0]), float(axis[1])
        angle = math.degrees(math.atan2(abs(ux * dy - uy * dx), ux * dx + uy * dy))
        return (
            Measure("gap_min", gap, limit(world, *MIN_GAP), "m"),
            Measure("gap_max", gap, limit(world, *MAX_GAP), "m"),
            Measure("angle_max", angle, limit(world, *MAX_ANGLE), "deg"),
            height_difference(a, b, world),
        )

    def draw(self, relation: Relation, drawer: Drawer) -> Draft | None:
        """Centres in the cone around the axis, 1.5 to 20 cm of gap."""
        axis = self.axis(drawer.world, relation.frame)
        other = relation.objects[0]
        if drawer.name == other:
            axis, other = -axis, relation.subject
        reference = drawer.world.body(other)
        n = len(drawer.yaw)
        ahead = reference.polygon.extent(axis)[1] - float(reference.centre @ axis)
        along = ahead + drawer.reach(-axis) + drawer.rng.uniform(*DRAWN_GAP, n)
        aside = along * math.tan(DRAWN_ANGLE) * drawer.rng.uniform(-1.0, 1.0, n)
        across = np.array([-axis[1], axis[0]])
        return drawer.flat(reference.centre + along[:, None] * axis + aside[:, None] * across)


class Near:
    """Footprints at most 10 cm apart, overlapping in height, neither on nor in one another."""

    name = "near"

    def __init__(self, rests_on: Callable[[str, str, World], bool]) -> None:
        self._rests_on = rests_on

    def measure(self, relation: Relation, world: World) -> tuple[Measure, ...]:
        """Horizontal gap, vertical gap, and that neither carries or contains the other."""
        (other,) = relation.objects
        a, b = world.body(relation.subject), world.body(other)
        bound = limit(world, *NEAR_GAP)
        least = math.hypot(*(a.centre - b.centre).tolist()) - a.radius - b.radius
        if world.planned and least > bound:
            return (Measure("gap_max", least, bound, "m"),)
        carried = self._rests_on(a.name, b.name, world) or self._rests_on(b.name, a.name, world)
        return (
            Measure("gap_max", a.polygon.distance(b.polygon), bound, "m"),
            Measure(
                "vertical_gap_max",
                max(a.bottom - b.top, b.bottom - a.top),
                limit(world, *NEAR_VERTICAL_GAP),
                "m",
            ),
            Measure("on_or_in_max", float(carried), 0.0, ""),
        )

    def draw(self, relation: Relation, drawer: Drawer) -> Draft | None:
        """Centres around the other object, 1.2 to 8 cm of gap."""
        other = relation.objects[0] if drawer.name == relation.subject else relation.subject
        reference = drawer.world.body(other)
        n = len(drawer.yaw)
        angle = drawer.rng.uniform(-math.pi, math.pi, n)
        axis = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        corners = reference.polygon.vertices - reference.centre
        ahead = (axis @ corners.T).max(axis=1)
        along = ahead + drawer.reach(-axis) + drawer.rng.uniform(*DRAWN_NEAR, n)
        return drawer.flat(reference.centre + along[:, None] * axis)


class Between:
    """In the middle part of the segment between two references, at their height."""

    name = "between"

    def measure(self, relation: Relation, world: World) -> tuple[Measure, ...]:
        """Position along and beside the segment, gaps, height differences."""
        a = world.body(relation.subject)
        b, c = (world.body(name) for name in relation.objects)
        segment = c.centre - b.centre
        length = math.hypot(float(segment[0]), float(segment[1]))
        axis = segment / max(length, 1e-9)
        offset = a.centre - b.centre
        along = float(offset @ axis) / max(length, 1e-9)
        beside = abs(float(axis[0] * offset[1] - axis[1] * offset[0]))
        middle = limit(world, *MIDDLE)
        lateral = min(limit(world, *LATERAL), limit(world, *LATERAL_SHARE) * length)
        gap = min(a.polygon.distance(b.polygon), a.polygon.distance(c.polygon))
        return (
            Measure("along_min", along, middle, ""),
            Measure("along_max", along, 1.0 - middle, ""),
            Measure("lateral_max", beside, lateral, "m"),
            Measure("gap_min", gap, limit(world, *MIN_GAP), "m"),
            height_difference(a, b, world),
            height_difference(a, c, world),
        )

    def draw(self, relation: Relation, drawer: Drawer) -> Draft | None:
        """The subject near the middle, or a reference across from the other one."""
        placed = drawer.world.bodies
        n, rng = len(drawer.yaw), drawer.rng
        subject = relation.subject
        if drawer.name == subject:
            if not all(name in placed for name in relation.objects):
                return None
            b, c = (placed[name].centre for name in relation.objects)
            across = np.array([b[1] - c[1], c[0] - b[0]]) / max(np.linalg.norm(c - b), 1e-9)
            t, side = rng.uniform(0.4, 0.6, (n, 1)), rng.uniform(-0.02, 0.02, (n, 1))
            return drawer.flat(b + t * (c - b) + side * across)
        others = [name for name in relation.objects if name != drawer.name and name in placed]
        if not others:
            return None
        other = placed[others[0]]
        if subject in placed:
            arm = placed[subject].centre - other.centre
            turn = rng.uniform(-0.2, 0.2, n)
            c, s = np.cos(turn), np.sin(turn)
            turned = np.stack([c * arm[0] - s * arm[1], s * arm[0] + c * arm[1]], axis=1)
            return drawer.flat(placed[subject].centre + turned * rng.uniform(0.75, 1.3, (n, 1)))
        room = drawer.widths.get(subject, 0.1)
        angle = rng.uniform(-math.pi, math.pi, n)
        axis = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        far = other.radius + drawer.rest.radius + room + rng.uniform(0.04, 0.16, n)
        return drawer.flat(other.centre + far[:, None] * axis)


LEFT = Directional("left", ((0.0, -1.0), (1.0, 0.0)))
RIGHT = Directional("right", ((0.0, 1.0), (-1.0, 0.0)))
FRONT = Directional("front", ((-1.0, 0.0), (0.0, -1.0)))
BEHIND = Directional("behind", ((1.0, 0.0), (0.0, 1.0)))
