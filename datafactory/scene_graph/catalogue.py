"""All relations by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from datafactory.errors import SpecError
from datafactory.scene_graph.directional import BEHIND, FRONT, LEFT, RIGHT, Between, Near
from datafactory.scene_graph.graph import TABLE, Relation, is_place
from datafactory.scene_graph.inserting import UPRIGHT_IN
from datafactory.scene_graph.rows import ALIGNED, APART, AT
from datafactory.scene_graph.rules import Rule
from datafactory.scene_graph.support import ABOVE, BELOW, IN, ON, STACKED, TOUCHING, rests_on
from datafactory.scene_graph.world import ROBOT

NEAR = Near(rests_on)
BETWEEN = Between()

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "on": ON,
        "in": IN,
        "left": LEFT,
        "right": RIGHT,
        "front": FRONT,
        "behind": BEHIND,
        "back": BEHIND,
        "near": NEAR,
        "between": BETWEEN,
        "above": ABOVE,
        "below": BELOW,
        "touching": TOUCHING,
        "stacked": STACKED,
        "aligned": ALIGNED,
        "upright_in": UPRIGHT_IN,
        "at": AT,
        "apart": APART,
    }
)
ON_TABLE = frozenset({"on", "touching", "above"})
OF_PLACES = frozenset({
    "at", "apart", "left", "right", "front", "behind", "back", "near", "aligned", "between",
})  # fmt: skip
OF_ROBOT = frozenset({"touching"})


def rule_of(relation: Relation) -> Rule:
    """The rule of a relation; raises ``SpecError`` where it makes no sense of table or robot."""
    if relation.subject in (TABLE, ROBOT):
        raise SpecError(f"{relation}: '{relation.subject}' cannot be the subject of a relation")
    if is_place(relation.subject):
        raise SpecError(f"{relation}: a place cannot be the subject of a relation")
    if any(is_place(n) for n in relation.objects) and relation.name not in OF_PLACES:
        raise SpecError(f"{relation}: '{relation.name}' has no meaning for a place")
    if TABLE in relation.objects and relation.name not in ON_TABLE:
        raise SpecError(f"{relation}: '{relation.name}' has no meaning for the table")
    if ROBOT in relation.objects and relation.name not in OF_ROBOT:
        raise SpecError(f"{relation}: '{relation.name}' has no meaning for the robot")
    return RULES[relation.name]
