"""Graphs that no layout can satisfy, recognised before any sampling."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from datafactory.errors import SpecError
from datafactory.scene_graph.catalogue import rule_of
from datafactory.scene_graph.fitting import fits_in, has_support
from datafactory.scene_graph.graph import TABLE, Relation
from datafactory.scene_graph.ordering import SIDEWAYS
from datafactory_assets.asset import RigidAsset

DIRECT = frozenset({"on", "stacked"})
SUPPORTED = frozenset({"on", "stacked", "in"})
HIGHER = frozenset({"on", "stacked", "in", "above"})
AXES = {"left": ("side", 1), "right": ("side", -1), "front": ("depth", 1), "behind": ("depth", -1)}

Edge = tuple[str, str, Relation]


@dataclass(frozen=True)
class Contradiction:
    """Edges that cannot hold together, and why.

    Attributes:
        edges: The relations in conflict.
        message: One sentence naming them.
    """

    edges: tuple[Relation, ...]
    message: str


def find_contradictions(relations: Sequence[Relation]) -> list[Contradiction]:
    """Contradictions visible from the graph alone.

    Cycles of support and height; cycles of left/right or front/behind in one frame; two different
    directions between one pair in one frame; two supports that are not nested; a pair that is
    both beside and above one another; two middles of one triple; relations without meaning for
    the table.
    """
    unique = list(dict.fromkeys(relations))
    found = _meaningless(unique)
    if found:
        return found
    found = _cycles(_height_edges(unique), "carry one another in a circle")
    for frame in sorted({r.frame for r in unique}):
        for axis in ("side", "depth"):
            edges = _axis_edges(unique, frame, axis)
            found += _cycles(edges, f"order one another in a circle in frame '{frame}'")
    found += _two_supports(unique)
    for check in (_two_directions, _beside_and_over, _two_middles):
        found += [c for a, b in combinations(unique, 2) for c in check(a, b)]
    return found


def find_asset_contradictions(
    relations: Sequence[Relation],
    assets: Mapping[str, RigidAsset],
    stable_poses: tuple[int, ...] | None = None,
) -> list[Contradiction]:
    """Contradictions with the things themselves: no cavity, no support surface, too big.

    Args:
        relations: The graph; names without an asset are passed over.
        assets: Asset of every object by role name.
        stable_poses: Stable poses in which things may lie in a container; None for all.
    """
    found = []
    for relation in dict.fromkeys(relations):
        target = relation.objects[0]
        if target == TABLE or target not in assets or relation.subject not in assets:
            continue
        subject, reference = assets[relation.subject], assets[target]
        if relation.name == "in" and reference.cavity is None:
            why = f"'{target}' ({reference.category}) is not a container"
        elif relation.name == "in" and not fits_in(subject, reference, stable_poses):
            why = f"'{relation.subject}' ({subject.category}) does not fit into '{target}'"
        elif relation.name in DIRECT and not has_support(reference):
            why = f"'{target}' ({reference.category}) has no surface that carries anything"
        else:
            continue
        found.append(Contradiction((relation,), f"{relation}: {why}"))
    return found


def require_consistent(relations: Sequence[Relation], where: str = "") -> None:
    """Raises ``SpecError`` naming all contradictions, if there are any."""
    found = find_contradictions(relations)
    if found:
        raise SpecError("; ".join(c.message for c in found), where=where)


def _join(edges: Iterable[Relation]) -> str:
    return " and ".join(str(e) for e in edges)


def _meaningless(relations: Sequence[Relation]) -> list[Contradiction]:
    found = []
    for relation in relations:
        try:
            rule_of(relation)
        except SpecError as error:
            found.append(Contradiction((relation,), str(error)))
    return found


def _height_edges(relations: Sequence[Relation]) -> list[Edge]:
    """(higher, lower, relation) of every relation that orders heights."""
    edges = [(r.subject, r.objects[0], r) for r in relations if r.name in HIGHER]
    edges += [(r.objects[0], r.subject, r) for r in relations if r.name == "below"]
    return edges


def _axis_edges(relations: Sequence[Relation], frame: str, axis: str) -> list[Edge]:
    """(first, second, relation) of every relation that orders along an axis of a frame."""
    edges = []
    for relation in relations:
        along, sign = AXES.get(_plain(relation), ("", 0))
        if along != axis or relation.frame != frame:
            continue
        pair = (relation.subject, relation.objects[0])
        first, second = pair if sign > 0 else pair[::-1]
        edges.append((first, second, relation))
    return edges


def _plain(relation: Relation) -> str:
    return "behind" if relation.name == "back" else relation.name


def _cycles(edges: Sequence[Edge], why: str) -> list[Contradiction]:
    """One contradiction for every edge set that closes a circle, each circle once."""
    found: dict[frozenset[Relation], Contradiction] = {}
    for first, second, relation in edges:
        back = _path(second, first, edges)
        if back is None:
            continue
        circle = (relation, *back)
        message = f"{_join(circle)} contradict each other: they {why}"
        found.setdefault(frozenset(circle), Contradiction(circle, message))
    return list(found.values())


def _path(start: str, goal: str, edges: Sequence[Edge]) -> list[Relation] | None:
    """Relations of a shortest path along the edges, breadth first."""
    paths: dict[str, list[Relation]] = {start: []}
    queue = [start]
    for node in queue:
        if node == goal:
            return paths[node]
        for first, second, relation in edges:
            if first == node and second not in paths:
                paths[second] = [*paths[node], relation]
                queue.append(second)
    return None


def _two_supports(relations: Sequence[Relation]) -> list[Contradiction]:
    """Objects carried by two things of which neither is in or on the other."""
    carried = [r for r in relations if r.name in SUPPORTED]
    edges = _height_edges(carried)
    found = []
    for a, b in combinations(carried, 2):
        one, two = a.objects[0], b.objects[0]
        if a.subject != b.subject or one == two:
            continue
        outer_first = _path(two, one, edges) is not None and a.name == "in"
        outer_second = _path(one, two, edges) is not None and b.name == "in"
        if not (outer_first or outer_second):
            message = f"{a} and {b} contradict each other: '{a.subject}' has two supports"
            found.append(Contradiction((a, b), message))
    return found


def _two_directions(a: Relation, b: Relation) -> list[Contradiction]:
    """One pair, one frame, along both axes: each asks for its axis to be the dominant one."""
    first, second = AXES.get(_plain(a)), AXES.get(_plain(b))
    if first is None or second is None or a.frame != b.frame or first[0] == second[0]:
        return []
    if {a.subject, *a.objects} != {b.subject, *b.objects}:
        return []
    message = f"{a} and {b} contradict each other: only one axis can dominate"
    return [Contradiction((a, b), message)]


def _beside_and_over(a: Relation, b: Relation) -> list[Contradiction]:
    """One pair that is to be both beside and over one another."""
    over: Callable[[Relation], bool] = lambda r: r.name in HIGHER or r.name == "below"  # noqa: E731
    for beside, other in ((a, b), (b, a)):
        if beside.name in SIDEWAYS and over(other):
            members = {beside.subject, *beside.objects}
            pair = {other.subject, other.objects[0]}
            apart = beside.name != "between" or beside.subject in pair
            near_over = beside.name == "near" and other.name in ("above", "below")
            if pair <= members and apart and not near_over:
                message = f"{a} and {b} contradict each other: beside and over cannot both hold"
                return [Contradiction((a, b), message)]
    return []


def _two_middles(a: Relation, b: Relation) -> list[Contradiction]:
    """Three objects of which two are to be in the middle."""
    if a.name != "between" or b.name != "between" or a.subject == b.subject:
        return []
    if {a.subject, *a.objects} != {b.subject, *b.objects}:
        return []
    return [Contradiction((a, b), f"{a} and {b} contradict each other: only one can be between")]
