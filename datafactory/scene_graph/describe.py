"""The graph of all relations that hold in a state."""

from __future__ import annotations

import math
from itertools import combinations

from datafactory.scene import WorldState
from datafactory.scene_graph.body import Body
from datafactory.scene_graph.catalogue import RULES
from datafactory.scene_graph.directional import BEHIND, FRONT, LEFT, MAX_GAP, NEAR_GAP, RIGHT
from datafactory.scene_graph.graph import TABLE, Node, Relation, SceneGraph
from datafactory.scene_graph.world import ROBOT, MeasuredWorld

FRAME = "robot"
OPPOSITES = ((LEFT, RIGHT), (BEHIND, FRONT))


def describe_graph(state: WorldState) -> SceneGraph:
    """The graph of all relations that hold in a state.

    Edges: ``on``, ``in``, ``stacked``, ``above``, ``near``, ``touching`` between objects; ``on``
    and ``touching`` with the table; left, right, front and behind in the robot's frame, both ways
    round. The symmetric ``near`` and ``touching`` appear once, names in order. Left out are
    ``between`` and ``below`` (they follow from the others) and the other frames.
    """
    world = MeasuredWorld(state)
    names = sorted(state.poses)
    bodies = [world.body(name) for name in names]
    edges: list[Relation] = []
    for body in bodies:
        edges += _with_table(body, world)
    spans = [_spans(body, world) for body in bodies]
    for i, j in combinations(range(len(bodies)), 2):
        a, b = bodies[i], bodies[j]
        apart = math.hypot(float(a.centre[0] - b.centre[0]), float(a.centre[1] - b.centre[1]))
        room = apart - a.radius - b.radius
        if room <= 0.0 or b.name in world.loads(a.name):
            edges += _contact_edges(a, b, world)
        if room <= NEAR_GAP[0]:
            edges += _holding((Relation("near", a.name, (b.name,)),), world)
        if room <= MAX_GAP[0]:
            edges += _direction_edges(a, b, spans[i], spans[j], world)
    nodes = [_node(body) for body in bodies]
    nodes += [Node(TABLE, "support", "", state.table.uid), Node(ROBOT, "robot")]
    return SceneGraph(tuple(nodes), tuple(sorted(edges, key=_sorting)))


def _sorting(edge: Relation) -> tuple[str, str, tuple[str, ...]]:
    return (edge.name, edge.subject, edge.objects)


def _node(body: Body) -> Node:
    asset = body.asset
    kind = "container" if asset.container else "object"
    return Node(body.name, kind, asset.category, asset.uid)


def _holding(relations: tuple[Relation, ...], world: MeasuredWorld) -> list[Relation]:
    return [r for r in relations if all(m.holds for m in RULES[r.name].measure(r, world))]


def _with_table(body: Body, world: MeasuredWorld) -> list[Relation]:
    if TABLE not in world.loads(body.name):
        return []
    wanted = (Relation("on", body.name, (TABLE,)), Relation("touching", body.name, (TABLE,)))
    return _holding(wanted, world)


def _contact_edges(a: Body, b: Body, world: MeasuredWorld) -> list[Relation]:
    """Relations of contact, containment and height, both ways round."""
    edges = []
    for upper, lower in ((a, b), (b, a)):
        pair = (upper.name, (lower.name,))
        edges += _holding((Relation("above", *pair),), world)
        if lower.name in world.loads(upper.name):
            resting = _holding((Relation("on", *pair),), world)
            edges += resting
            if resting:
                edges += _holding((Relation("stacked", *pair),), world)
        if lower.asset.cavity is not None:
            edges += _holding((Relation("in", *pair),), world)
    if b.name in world.loads(a.name):
        edges += _holding((Relation("touching", a.name, (b.name,)),), world)
    return edges


def _spans(body: Body, world: MeasuredWorld) -> tuple[tuple[float, float], ...]:
    """Extents along the leftward and the forward axis of the robot's frame, metres."""
    return tuple(body.polygon.extent(rule.axis(world, FRAME)) for rule, _ in OPPOSITES)


def _direction_edges(
    a: Body,
    b: Body,
    spans_a: tuple[tuple[float, float], ...],
    spans_b: tuple[tuple[float, float], ...],
    world: MeasuredWorld,
) -> list[Relation]:
    """The direction in which a and b lie from one another, and its opposite."""
    for k, (plus, minus) in enumerate(OPPOSITES):
        for first, second, one, two in ((a, b, spans_a, spans_b), (b, a, spans_b, spans_a)):
            gap = one[k][0] - two[k][1]
            if gap < 0.0:
                continue
            axis = plus.axis(world, FRAME)
            if all(m.holds for m in plus.measures_of(gap, axis, first, second, world)):
                return [
                    Relation(plus.name, first.name, (second.name,), FRAME),
                    Relation(minus.name, second.name, (first.name,), FRAME),
                ]
    return []
