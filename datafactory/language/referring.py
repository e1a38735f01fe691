"""Referring expressions that fit exactly one object of a settled scene.

An expression is a noun (category, with or without colour) and what singles the object out:
attributes, size, a place in the order from left to right or from near to far, or a relation to
another object that its own noun names beyond doubt. Each is decided by the scene's measured
numbers with a margin: what is said of the object clearly holds, and of every other object of
that noun clearly does not.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from datafactory.language.nouns import ORDINALS, noun
from datafactory.scene import WorldState
from datafactory.scene_graph.catalogue import RULES
from datafactory.scene_graph.graph import Relation
from datafactory.scene_graph.rules import Measure
from datafactory.scene_graph.world import MeasuredWorld
from datafactory_assets.asset import RigidAsset

SIZE_RATIO = 1.4
"""The largest has this many times the bounding volume of the next."""
ORDER_GAP_M = 0.04
"""Neighbours in an order are at least this far apart along it."""
CLEARLY = {"m": 0.004, "deg": 4.0}
"""By how much a relation must hold for the object it is said of, by unit."""
CLEARLY_NOT = {"m": 0.02, "deg": 10.0}
"""By how much it must fail for every other object of the noun, by unit."""
UNSAID = frozenset({"fruit"})
ADJECTIVES = {"wood": "wooden"}
PATTERNS = (
    "striped", "dotted", "checked", "banded", "speckled", "spotted", "floral", "transparent",
)  # fmt: skip
RELATION_WORDS: Mapping[str, str] = {
    "left": "to the left of", "right": "to the right of", "front": "in front of",
    "behind": "behind", "near": "next to", "on": "on", "in": "in",
}  # fmt: skip


@dataclass(frozen=True)
class Expression:
    """A phrase for one object.

    Attributes:
        kind: ``attribute``, ``size``, ``ordinal`` or ``relation``.
        text: Definite phrase: ``the second can from the left``.
    """

    kind: str
    text: str


def nouns_of(asset: RigidAsset) -> tuple[str, ...]:
    """``can``, ``red can``."""
    return tuple(dict.fromkeys((asset.category, noun(asset))))


def fits_noun(word: str, asset: RigidAsset) -> bool:
    """Whether an object may be called by a noun."""
    return word in nouns_of(asset)


def attribute_nouns(asset: RigidAsset) -> tuple[str, ...]:
    """Nouns with attributes: colour, material, pattern."""
    material = ADJECTIVES.get(asset.material, asset.material)
    said = material not in (*UNSAID, asset.category)
    found = [noun(asset)]
    if said:
        found += [f"{material} {asset.category}"]
        if asset.colour and asset.colour != asset.category:
            found += [f"{asset.colour} {material} {asset.category}"]
    for pattern in PATTERNS:
        if pattern in asset.attributes:
            found += [f"{pattern} {asset.category}", f"{pattern} {noun(asset)}"]
    return tuple(dict.fromkeys(found))


def expressions(
    name: str, state: WorldState, *, avoid: Collection[str] = (), frame: str = "robot"
) -> tuple[Expression, ...]:
    """All expressions that fit one object and no other, in a fixed order.

    Args:
        name: Object name.
        state: Settled scene.
        avoid: Objects that are no landmarks, such as where the object shall go.
        frame: Frame of directions: whose left and right is meant.
    """
    world = MeasuredWorld(state)
    found = [
        *_attribute(name, state.assets),
        *_size(name, state.assets),
        *_ordinal(name, state, world, frame),
        *_relation(name, state, world, avoid, frame),
    ]
    return tuple(dict.fromkeys(found))


def _attribute(name: str, assets: Mapping[str, RigidAsset]) -> Iterator[Expression]:
    others = [a for n, a in assets.items() if n != name]
    for word in attribute_nouns(assets[name]):
        if not any(word in attribute_nouns(other) for other in others):
            yield Expression("attribute", f"the {word}")


def _groups(name: str, assets: Mapping[str, RigidAsset]) -> Iterator[tuple[str, list[str]]]:
    """Nouns of an object that others share, with all objects they fit."""
    for word in nouns_of(assets[name]):
        members = [n for n, asset in assets.items() if fits_noun(word, asset)]
        if len(members) > 1:
            yield word, members


def volume(asset: RigidAsset) -> float:
    """Volume of the bounding box, m^3."""
    x, y, z = asset.extents
    return x * y * z


def _size(name: str, assets: Mapping[str, RigidAsset]) -> Iterator[Expression]:
    for word, members in _groups(name, assets):
        order = sorted(members, key=lambda n: volume(assets[n]))
        two = len(order) == 2
        if name == order[-1] and volume(assets[name]) > SIZE_RATIO * volume(assets[order[-2]]):
            yield Expression("size", f"the {'larger' if two else 'largest'} {word}")
        if name == order[0] and volume(assets[order[1]]) > SIZE_RATIO * volume(assets[name]):
            yield Expression("size", f"the {'smaller' if two else 'smallest'} {word}")


def _ordinal(
    name: str, state: WorldState, world: MeasuredWorld, frame: str
) -> Iterator[Expression]:
    forward = world.forward(frame)
    leftward = np.array([-forward[1], forward[0]])
    viewer = (
        state.world_from_camera if frame == "camera" else state.world_from_base
    ).position[:2]  # fmt: skip

    def from_left(n: str) -> float:
        return -float(world.body(n).centre @ leftward)

    def distance(n: str) -> float:
        return float(np.linalg.norm(world.body(n).centre - viewer))

    for word, members in _groups(name, state.assets):
        order = _clear_order(members, from_left)
        if order:
            yield from _row_words(name, word, order)
        order = _clear_order(members, distance)
        if order and name == order[0]:
            yield Expression("ordinal", f"the nearest {word}")
        if order and name == order[-1]:
            yield Expression("ordinal", f"the farthest {word}")


def _clear_order(members: Sequence[str], key: Callable[[str], float]) -> list[str]:
    """Names in order; empty when two neighbours are too close to tell."""
    order = sorted(members, key=key)
    pairs = itertools.pairwise(order)
    return order if all(key(b) - key(a) >= ORDER_GAP_M for a, b in pairs) else []


def _row_words(name: str, word: str, order: Sequence[str]) -> Iterator[Expression]:
    last, k = len(order) - 1, order.index(name)
    if k == 0:
        yield Expression("ordinal", f"the leftmost {word}")
    elif k == last:
        yield Expression("ordinal", f"the rightmost {word}")
    if last >= 2:
        yield Expression("ordinal", f"the {ORDINALS[k]} {word} from the left")
        yield Expression("ordinal", f"the {ORDINALS[last - k]} {word} from the right")
    if last == 2 and k == 1:
        yield Expression("ordinal", f"the middle {word}")


def _relation(
    name: str, state: WorldState, world: MeasuredWorld, avoid: Collection[str], frame: str
) -> Iterator[Expression]:
    assets = state.assets
    own = {name, *avoid}
    landmarks = [n for n in assets if n not in own and _unique(noun(assets[n]), assets)]
    for word, members in _groups(name, assets):
        rivals = [n for n in members if n != name]
        for landmark in landmarks:
            if landmark in members:
                continue
            for relation, words in RELATION_WORDS.items():
                if _only(name, rivals, relation, landmark, world, frame):
                    text = f"the {word} {words} the {noun(assets[landmark])}"
                    yield Expression("relation", text)


def _unique(word: str, assets: Mapping[str, RigidAsset]) -> bool:
    return sum(fits_noun(word, asset) for asset in assets.values()) == 1


def _only(
    name: str, rivals: Iterable[str], relation: str, landmark: str, world: MeasuredWorld,
    frame: str,
) -> bool:  # fmt: skip
    """Whether a relation to a landmark clearly holds for one object and clearly for no rival."""

    def measures(subject: str) -> tuple[Measure, ...]:
        return RULES[relation].measure(Relation(relation, subject, (landmark,), frame), world)

    if not all(slack(m) >= CLEARLY.get(m.unit, 0.0) for m in _sideways(measures(name), relation)):
        return False
    return all(
        any(slack(m) < -CLEARLY_NOT.get(m.unit, 0.0) for m in measures(rival)) for rival in rivals
    )


def _sideways(measures: tuple[Measure, ...], relation: str) -> tuple[Measure, ...]:
    """Relations of contact have millimetre limits: for them it is enough that they hold."""
    if relation in ("on", "in"):
        return tuple(Measure(m.name, m.value, m.limit, "") for m in measures)
    return measures


def slack(measure: Measure) -> float:
    """How far a measure is on the good side of its limit, in its own unit; negative when not."""
    good = measure.value - measure.limit
    return good if measure.name.endswith("_min") else -good
