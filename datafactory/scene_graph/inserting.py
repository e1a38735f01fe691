"""The relation ``upright_in``: something long stands in a cavity or in a cell of a rack."""

from __future__ import annotations

import math

import numpy as np

from datafactory.geometry import Array
from datafactory.scene_graph.body import Body
from datafactory.scene_graph.footprint import CavityField
from datafactory.scene_graph.graph import Relation
from datafactory.scene_graph.rules import Draft, Drawer, Measure, limit
from datafactory.scene_graph.support import carried, weight_shares
from datafactory.scene_graph.surfaces import field_lift
from datafactory.scene_graph.world import World

LEAN = (35.0, 5.0)
INSERTED_SHARE = (0.25, 0.28)
TIP_CLEARANCE = (-0.004, 0.0)
CLEARANCES = (0.0, 0.0015)
DEEPEST_LIFT = 0.006


def long_axis(body: Body) -> tuple[int, float]:
    """Index of the object's longest axis and its length, metres."""
    extents = body.asset.extents
    index = int(np.argmax(extents))
    return index, extents[index]


def lean(body: Body) -> float:
    """Angle, degrees, of the longest axis from the vertical.

    An object that is longest along its own z stands the right way up only; of others either end
    may be on top.
    """
    index, _ = long_axis(body)
    rise = float(body.rotation[2, index])
    if index != 2:
        rise = abs(rise)
    return math.degrees(math.acos(min(1.0, max(-1.0, rise))))


def ends(body: Body) -> tuple[Array, Array]:
    """The lower and the upper end (3,) of the longest axis through the box's middle, world."""
    index, _ = long_axis(body)
    low, high = np.array(body.asset.aabb[0]), np.array(body.asset.aabb[1])
    first, second = 0.5 * (low + high), 0.5 * (low + high)
    first[index], second[index] = low[index], high[index]
    a = body.rotation @ first + body.pose.position
    b = body.rotation @ second + body.pose.position
    return (a, b) if a[2] <= b[2] else (b, a)


def cells(holder: Body) -> tuple[CavityField, ...]:
    """The cavity and the slots of a holder."""
    return holder.geometry.cells


def best_cell(a: Body, holder: Body) -> CavityField | None:
    """The cell whose middle is nearest to the lower end of an object; None without cells."""
    low = holder.to_local(ends(a)[0])[:2]
    found = cells(holder)
    if not found:
        return None
    return min(found, key=lambda f: float(np.linalg.norm(f.sections[-1].centroid - low)))


class UprightIn:
    """The longest axis nearly vertical, its lower end in a cell, the weight carried there."""

    name = "upright_in"

    def measure(self, relation: Relation, world: World) -> tuple[Measure, ...]:
        """Lean, clearance of the lower end in the cell, share of the length inside, weight."""
        (container,) = relation.objects
        a, b = world.body(relation.subject), world.body(container)
        field = best_cell(a, b)
        if field is None:
            return (Measure("cavity_min", 0.0, 1.0, ""),)
        low, high = (b.to_local(end) for end in ends(a))
        length = float(np.linalg.norm(high - low))
        inside = float(field.z[-1]) - float(low[2])
        tip = np.array([low[0], low[1], max(float(low[2]), float(field.z[0]))])
        load = world.loads(a.name).get(container)
        share = weight_shares(a.name, world).get(container, 0.0)
        return (
            Measure("lean_max", lean(a), limit(world, *LEAN), "deg"),
            Measure("tip_clearance_min", field.side_clearance(tip), limit(world, *TIP_CLEARANCE),
                    "m"),
            Measure("inserted_min", inside, limit(world, *INSERTED_SHARE) * length, "m"),
            *carried(a, load.up if load else 0.0, share, world),
        )  # fmt: skip

    def draw(self, relation: Relation, drawer: Drawer) -> Draft | None:
        """The middles of free cells, as low as their walls allow."""
        if drawer.name != relation.subject:
            return None
        holder = drawer.world.body(relation.objects[0])
        free = [f for f in cells(holder) if self._free(f, holder, drawer)]
        if not free or not holder.upright:
            return None
        n, rng = len(drawer.yaw), drawer.rng
        centres, heights = np.empty((n, 2)), np.full(n, np.nan)
        drops = np.zeros(n)
        pick = rng.integers(len(free), size=n)
        for k, field in enumerate(free):
            rows = np.flatnonzero(pick == k)
            if not len(rows):
                continue
            middle = field.sections[0].centroid
            floor = np.array([middle[0], middle[1], float(field.z[0])])
            world = holder.rotation @ floor + holder.pose.position
            spread = max(0.0, field.sections[0].inradius - drawer.rest.radius) * 0.3
            centres[rows] = world[:2] + rng.uniform(-spread, spread, (len(rows), 2))
            lifts = field_lift(field, holder, drawer.rest, centres[rows], drawer.yaw[rows])
            good = lifts <= DEEPEST_LIFT
            heights[rows[good]] = world[2] + lifts[good]
            drops[rows] = lifts
        return Draft(centres, heights, drops, holder.name)

    @staticmethod
    def _free(field: CavityField, holder: Body, drawer: Drawer) -> bool:
        """Whether nothing else stands in a cell of which there are several."""
        if len(cells(holder)) == 1:
            return True
        inside = [
            holder.to_local(drawer.world.bodies[n].com)[:2]
            for n, support in drawer.world.supports.items()
            if support == holder.name and n != drawer.name
        ]
        return all(field.sections[-1].overshoot(point) > 0.0 for point in inside)


UPRIGHT_IN = UprightIn()
