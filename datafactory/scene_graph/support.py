"""Relations of contact and weight: on, in, stacked, touching, above, below."""

from __future__ import annotations

import math

import numpy as np

from datafactory.belt import BELT, RAIL
from datafactory.geometry import Array
from datafactory.scene_graph.body import Body, Surface, table_surface
from datafactory.scene_graph.graph import FURNITURE, TABLE, Relation
from datafactory.scene_graph.polygon import ConvexPolygon
from datafactory.scene_graph.rules import Draft, Drawer, Measure, limit
from datafactory.scene_graph.surfaces import draw_centred, draw_in, draw_on, draw_under
from datafactory.scene_graph.world import ROBOT, Load, World

SUPPORT_SHARE = 0.5
EXCLUSIVE_SHARE = 0.95
LEAST_LOAD = 0.1
GRIP = 0.5
SUPPORT_HEIGHT = 0.005
COM_CLEARANCE = (-0.002, 0.001)
INSIDE_SHARE = (0.5, 0.6)
WALL_TOLERANCE = 0.003
CENTRE_OFFSET = (0.5, 0.3)
UPRIGHT = 15.0
TOUCH_FORCE = 0.005
ABOVE_TOLERANCE = 0.005
OVER = (0.0, -0.002)

NO_LOAD = Load(0.0, 0.0, math.inf)
NO_OBJECTS = frozenset({TABLE, FURNITURE, ROBOT, "floor", BELT, RAIL})


def outline(name: str, world: World) -> ConvexPolygon:
    """Footprint of an object or of the table."""
    return table_surface(world.table).polygon if name == TABLE else world.body(name).polygon


def weight_shares(name: str, world: World) -> dict[str, float]:
    """Share of an object's upward contact force that each entity gives; empty without any."""
    loads = world.loads(name)
    total = sum(load.up for load in loads.values())
    return {other: load.up / total for other, load in loads.items()} if total > 0.0 else {}


def carried(body: Body, up: float, share: float, world: World) -> tuple[Measure, ...]:
    """Enough of the weight comes from the support and none from the robot.

    Args:
        body: The carried object.
        up: Upward force from the support, newtons.
        share: Its share of all upward contact forces on the object.
        world: Where to look.
    """
    weight = body.geometry.weight
    grip = world.loads(body.name).get(ROBOT, NO_LOAD).force
    return (
        Measure("support_share_min", share, SUPPORT_SHARE, ""),
        Measure("load_min", up, LEAST_LOAD * weight, "N"),
        Measure("grip_max", grip, GRIP * weight, "N"),
    )


def support_height(a: Body, support: str, world: World) -> float:
    """World height, metres, at which a support carries an object.

    That of the lowest contact between them whose normal rises, or, where the object's centre of
    mass is over an open cavity, of the cavity's floor if that is lower; ``inf`` without contact.
    """
    lowest = world.loads(a.name).get(support, NO_LOAD).lowest
    if support == TABLE or math.isinf(lowest):
        return lowest
    cavity = world.body(support).cavity_surface
    if cavity is None or cavity.polygon.overshoot(a.com[:2]) > 0.0:
        return lowest
    return min(lowest, cavity.z)


class On:
    """The support's contacts carry the subject, whose centre of mass is over the support."""

    name = "on"

    def measure(self, relation: Relation, world: World) -> tuple[Measure, ...]:
        """Weight share, load, grip, centre of mass over the footprint, bottom at the support."""
        (support,) = relation.objects
        a = world.body(relation.subject)
        load = world.loads(a.name).get(support, NO_LOAD)
        share = weight_shares(a.name, world).get(support, 0.0)
        over = outline(support, world).overshoot(a.com[:2])
        return (
            *carried(a, load.up, share, world),
            Measure("com_outside_max", over, limit(world, *OVER), "m"),
            Measure(
                "below_support_max",
                support_height(a, support, world) - a.bottom,
                SUPPORT_HEIGHT,
                "m",
            ),
        )

    def draw(self, relation: Relation, drawer: Drawer) -> Draft | None:
        """Positions all over the support's surfaces; None for the table."""
        if drawer.name != relation.subject or relation.objects[0] == TABLE:
            return None
        return draw_on(drawer.world.body(relation.objects[0]), drawer)


class Stacked:
    """``on`` with nothing else helping, centred, both upright."""

    name = "stacked"

    def __init__(self, on: On) -> None:
        self._on = on

    def measure(self, relation: Relation, world: World) -> tuple[Measure, ...]:
        """What ``on`` measures, then exclusiveness, centring and tilts."""
        (support,) = relation.objects
        a, b = world.body(relation.subject), world.body(support)
        share = weight_shares(a.name, world).get(support, 0.0)
        offset, room = centre_offset(a, b)
        return (
            *self._on.measure(relation, world),
            Measure("exclusive_share_min", share, EXCLUSIVE_SHARE, ""),
            Measure("centre_offset_max", offset, limit(world, *CENTRE_OFFSET) * room, "m"),
            Measure("tilt_max", math.degrees(a.geometry.tilt(a.pose.quat)), UPRIGHT, "deg"),
            Measure("support_tilt_max", math.degrees(b.geometry.tilt(b.pose.quat)), UPRIGHT, "deg"),
        )

    def draw(self, relation: Relation, drawer: Drawer) -> Draft | None:
        """Positions close to the middle of the support's highest surface."""
        if drawer.name != relation.subject:
            return None
        return draw_centred(drawer.world.body(relation.objects[0]), drawer)


def centre_offset(a: Body, b: Body) -> tuple[float, float]:
    """Distance of a's centre of mass from the centre of the surface of b it is nearest to.

    Returns:
        (offset, inradius of that surface), metres; (inf, 0) when b has no surface.
    """
    surfaces = b.surfaces or [s for s in (b.cavity_surface,) if s is not None]
    if not surfaces:
        return math.inf, 0.0
    best = min(surfaces, key=lambda s: abs(s.z - a.bottom))
    offset = a.com[:2] - best.polygon.centroid
    return math.hypot(float(offset[0]), float(offset[1])), best.polygon.inradius


class In:
    """Centre of mass and most of the volume in the cavity, weight carried from within."""

    name = "in"

    def measure(self, relation: Relation, world: World) -> tuple[Measure, ...]:
        """Depth of the centre of mass, share of volume inside, weight share, load, grip."""
        (container,) = relation.objects
        a, b = world.body(relation.subject), world.body(container)
        if b.geometry.cavity is None:
            return (Measure("cavity_min", 0.0, 1.0, ""),)
        depth, share = contained(a, b)
        if world.planned and depth < COM_CLEARANCE[1]:
            return (Measure("com_depth_min", depth, COM_CLEARANCE[1], "m"),)
        up = inside_support(a.name, container, world)
        total = sum(load.up for load in world.loads(a.name).values())
        return (
            Measure("com_depth_min", depth, limit(world, *COM_CLEARANCE), "m"),
            Measure("inside_share_min", share, limit(world, *INSIDE_SHARE), ""),
            *carried(a, up, up / total if total > 0.0 else 0.0, world),
        )

    def draw(self, relation: Relation, drawer: Drawer) -> Draft | None:
        """Positions in the cavity, as low as its walls and contents allow."""
        if drawer.name != relation.subject:
            return None
        return draw_in(drawer.world.body(relation.objects[0]), drawer)


def contained(a: Body, b: Body) -> tuple[float, float]:
    """(depth of a's centre of mass in b's cavity in metres, share of a's volume inside)."""
    field = b.geometry.cavity
    if field is None:
        return -math.inf, 0.0
    depth = field.clearance(b.to_local(a.com))
    if depth < COM_CLEARANCE[0]:
        return depth, 0.0
    samples = a.geometry.samples @ a.rotation.T + a.pose.position
    inside = field.cavity.contains(b.to_local(samples), margin=-WALL_TOLERANCE)
    return depth, float(np.count_nonzero(inside)) / len(inside)


def is_contained(a: Body, b: Body) -> bool:
    """Whether a's centre of mass and half its volume are in b's cavity, whatever carries it."""
    depth, share = contained(a, b)
    return depth >= COM_CLEARANCE[0] and share >= INSIDE_SHARE[0]


def inside_support(
    name: str, container: str, world: World, seen: frozenset[str] = frozenset()
) -> float:
    """Upward force, newtons, an object gets from a container or from carried things inside it."""
    total, good = 0.0, 0.0
    seen |= {name}
    for other, load in world.loads(name).items():
        total += load.up
        if other == container:
            good += load.up
        elif load.up > 0.0 and other not in NO_OBJECTS and other not in seen:
            if not is_contained(world.body(other), world.body(container)):
                continue
            if inside_support(other, container, world, seen) > 0.0:
                good += load.up
    return good if good >= SUPPORT_SHARE * total else 0.0


class Touching:
    """Any contact with a force."""

    name = "touching"

    def measure(self, relation: Relation, world: World) -> tuple[Measure, ...]:
        """Sum of the normal forces between the two."""
        (other,) = relation.objects
        force = world.loads(relation.subject).get(other, NO_LOAD).force
        return (Measure("force_min", force, TOUCH_FORCE, "N"),)

    def draw(self, relation: Relation, drawer: Drawer) -> Draft | None:
        """Resting on, or else in, the reference: the ways to touch that last."""
        if drawer.name != relation.subject or relation.objects[0] == TABLE:
            return None
        reference = drawer.world.body(relation.objects[0])
        return draw_on(reference, drawer) or draw_in(reference, drawer)


class Above:
    """Centre of mass over the reference's footprint, lowest point not below its surface."""

    name = "above"

    def measure(self, relation: Relation, world: World) -> tuple[Measure, ...]:
        """Centre of mass over the footprint, height over what lies below it."""
        (other,) = relation.objects
        a = world.body(relation.subject)
        over = outline(other, world).overshoot(a.com[:2])
        height = a.bottom - self._reference_height(a, other, world)
        return (
            Measure("com_outside_max", over, limit(world, *OVER), "m"),
            Measure("height_min", height, -ABOVE_TOLERANCE, "m"),
        )

    @staticmethod
    def _reference_height(a: Body, other: str, world: World) -> float:
        """Height of what a is over: the contact that carries it, a surface, or the top."""
        if weight_shares(a.name, world).get(other, 0.0) >= SUPPORT_SHARE:
            return support_height(a, other, world)
        if other == TABLE:
            return world.table.height
        b = world.body(other)
        under = surfaces_under(a.com[:2], b)
        reached = [z for z in under if z <= a.bottom + ABOVE_TOLERANCE]
        return max(reached) if reached else min(under, default=b.top)

    def draw(self, relation: Relation, drawer: Drawer) -> Draft | None:
        """The subject on the reference, or the reference under the subject."""
        if relation.objects[0] == TABLE:
            return None
        if drawer.name == relation.subject:
            reference = drawer.world.body(relation.objects[0])
            return draw_on(reference, drawer) or draw_in(reference, drawer)
        return draw_under(drawer.world.body(relation.subject), drawer)


def surfaces_under(point: Array, b: Body) -> list[float]:
    """Heights of b's surfaces, metres, over which a world point (2,) lies."""
    candidates: list[Surface] = list(b.surfaces)
    cavity = b.cavity_surface
    if cavity is not None:
        candidates.append(cavity)
    return [s.z for s in candidates if s.polygon.overshoot(point) <= 0.0]


class Below:
    """``above`` read backwards."""

    name = "below"

    def __init__(self, above: Above) -> None:
        self._above = above

    @staticmethod
    def _mirror(relation: Relation) -> Relation:
        return Relation("above", relation.objects[0], (relation.subject,), relation.frame)

    def measure(self, relation: Relation, world: World) -> tuple[Measure, ...]:
        """What ``above`` measures with the roles exchanged."""
        return self._above.measure(self._mirror(relation), world)

    def draw(self, relation: Relation, drawer: Drawer) -> Draft | None:
        """What ``above`` draws with the roles exchanged."""
        return self._above.draw(self._mirror(relation), drawer)


def rests_on(name: str, other: str, world: World) -> bool:
    """Whether one object is on or in another: half its weight, or it lies in the cavity."""
    shares = weight_shares(name, world)
    if shares.get(other, 0.0) >= SUPPORT_SHARE:
        return True
    b = world.body(other)
    return b.geometry.cavity is not None and is_contained(world.body(name), b)


ON = On()
STACKED = Stacked(ON)
IN = In()
TOUCHING = Touching()
ABOVE = Above()
BELOW = Below(ABOVE)
