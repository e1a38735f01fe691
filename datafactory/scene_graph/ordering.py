"""In which order a layout places its objects, and what guides each one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from datafactory.scene_graph.graph import TABLE, Relation

SIDEWAYS = frozenset({"left", "right", "front", "back", "behind", "near", "between", "aligned"})


def roots_of(supports: Mapping[str, str]) -> dict[str, str]:
    """The object on the table that carries each object at last (itself when it stands there).

    Args:
        supports: Name of what carries each object.
    """
    roots = {}
    for name in supports:
        root = name
        for _ in supports:
            if supports.get(root, TABLE) == TABLE:
                break
            root = supports[root]
        roots[name] = root
    return roots


def guides_of(
    name: str, relations: Sequence[Relation], roots: Mapping[str, str]
) -> tuple[Relation, ...]:
    """Relations to draw an object from, carried members replaced by what carries them at last.

    A plate that shall carry a cup to the left of a box is itself best drawn left of the box.
    """
    guides = []
    for relation in relations:
        if relation.name == "below" and relation.subject == name:
            guides.append(relation)
        if relation.name not in SIDEWAYS:
            continue
        members = [roots.get(n, n) for n in (relation.subject, *relation.objects)]
        if name in members and len(set(members)) == len(members):
            guides.append(Relation(relation.name, members[0], tuple(members[1:]), relation.frame))
    return tuple(guides)


def placing_order(
    supports: Mapping[str, str],
    guides: Mapping[str, tuple[Relation, ...]],
    widths: Mapping[str, float],
    fixed: Sequence[str],
) -> list[str]:
    """Supports before what they carry; then by relations to placed objects, relations, size.

    The subject of ``between`` waits for its references as long as anything else can be placed.
    """
    placed = set(fixed)
    waiting = [name for name in supports if name not in placed]
    order: list[str] = []
    while waiting:
        able = [n for n in waiting if supports[n] == TABLE or supports[n] in placed]
        best = max(able, key=lambda n: (*_urgency(n, guides[n], placed), widths[n]))
        waiting.remove(best)
        placed.add(best)
        order.append(best)
    return order


def _urgency(name: str, guides: tuple[Relation, ...], placed: set[str]) -> tuple[int, int, int]:
    """(may go now, relations it has to placed objects, relations)."""
    ready = early = 0
    for guide in guides:
        known = sum(n in placed for n in (guide.subject, *guide.objects) if n != name)
        if guide.name == "between":
            ready += known == 2 or (known == 1 and name in guide.objects)
            early += name == guide.subject and known < 2
        elif guide.name == "aligned":
            ready += name == guide.subject and known == len(guide.objects)
            early += name == guide.subject and known < len(guide.objects)
        else:
            ready += known == 1
            early += guide.name == "below" and known == 0
    return (-early, ready, len(guides))
