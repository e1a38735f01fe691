"""Noun phrases that fit exactly one of the objects in an image.

A phrase is used only when no other object that shows a pixel fits it too, so an answer is never a
matter of luck. Objects for which there is no such phrase are not asked about, nor are those whose
phrases are no labels, as those of the categories ``can (12 oz)`` and ``7up``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from datafactory.episode import ObjectRecord
from datafactory.qa.answers import is_label

UNSAID = frozenset({"fruit"})
"""Materials that are not said of objects made of them."""
ADJECTIVES = {"wood": "wooden"}
"""Materials whose adjective is another word."""
SIZE_RATIO = 1.5
"""The largest of several has this many times the volume of the next."""
SIDE_GAP = 0.08
"""The leftmost of several is this share of the image's width away from the next."""
SUPPORTS = ("on", "in")


@dataclass(frozen=True)
class Candidate:
    """An object that a phrase could mean.

    Attributes:
        index: Its index in the episode.
        record: What it is.
        x: Horizontal position in the image, as a share of its width; None when it is not seen.
        support: Relations ``on`` and ``in`` to other objects that hold now.
    """

    index: int
    record: ObjectRecord
    x: float | None = None
    support: tuple[tuple[str, ObjectRecord], ...] = ()


def named(record: ObjectRecord) -> str:
    """Colour and category: ``red mug``, but not ``orange orange``."""
    same = not record.colour or record.colour == record.category
    return record.category if same else f"{record.colour} {record.category}"


def references(candidates: Sequence[Candidate]) -> dict[int, tuple[str, ...]]:
    """Phrases (without ``the``) that fit exactly one candidate, by object index.

    Simple ones come first: the category, then colour and material, then comparisons and places.
    """
    words = {c.index: _words(c.record) for c in candidates}
    extremes = _extremes(candidates)
    phrases = {c.index: (*words[c.index], *extremes.get(c.index, ())) for c in candidates}
    phrases = {i: _unique(p, phrases) for i, p in phrases.items()}
    for c in candidates:
        phrases[c.index] += _supported(c, candidates, words)
    return {i: _unique(p, phrases) for i, p in phrases.items()}


def _unique(mine: Iterable[str], every: Mapping[int, Iterable[str]]) -> tuple[str, ...]:
    times = Counter(chain.from_iterable(set(p) for p in every.values()))
    return tuple(dict.fromkeys(p for p in mine if times[p] == 1 and is_label(p)))


def _words(record: ObjectRecord) -> tuple[str, ...]:
    """Phrases about the object alone."""
    unsaid = record.material in (*UNSAID, record.category)
    material = "" if unsaid else ADJECTIVES.get(record.material, record.material)
    found = [record.category, named(record)]
    if record.colour:
        found.append(f"{record.colour} object")
    if material:
        found.append(f"{material} {record.category}")
        if record.colour != record.category:
            found.append(f"{record.colour} {material} {record.category}".lstrip())
    return tuple(dict.fromkeys(found))


def _extremes(candidates: Sequence[Candidate]) -> dict[int, tuple[str, ...]]:
    """Comparisons among objects of one category: largest, smallest, leftmost, rightmost."""
    found: dict[int, tuple[str, ...]] = {}
    for category in dict.fromkeys(c.record.category for c in candidates):
        group = [c for c in candidates if c.record.category == category]
        if len(group) < 2:
            continue
        by_size = sorted(group, key=_volume)
        if _volume(by_size[-1]) > SIZE_RATIO * _volume(by_size[-2]):
            _append(found, by_size[-1], f"largest {category}")
        if _volume(by_size[1]) > SIZE_RATIO * _volume(by_size[0]):
            _append(found, by_size[0], f"smallest {category}")
        placed = sorted((c.x, c.index) for c in group if c.x is not None)
        if len(placed) < len(group):
            continue
        where = {c.index: c for c in group}
        if placed[1][0] - placed[0][0] > SIDE_GAP:
            _append(found, where[placed[0][1]], f"leftmost {category}")
        if placed[-1][0] - placed[-2][0] > SIDE_GAP:
            _append(found, where[placed[-1][1]], f"rightmost {category}")
    return found


def _append(found: dict[int, tuple[str, ...]], candidate: Candidate, phrase: str) -> None:
    found[candidate.index] = (*found.get(candidate.index, ()), phrase)


def _volume(candidate: Candidate) -> float:
    x, y, z = candidate.record.size
    return x * y * z


def _supported(
    candidate: Candidate, candidates: Sequence[Candidate], words: Mapping[int, tuple[str, ...]]
) -> tuple[str, ...]:
    """Phrases such as ``can on the blue tray``, where the tray itself is named beyond doubt."""
    found = []
    for relation, other in candidate.support:
        place = next((c for c in candidates if c.record.name == other.name), None)
        if place is None:
            continue
        sure = _unique(words[place.index], words)
        if sure:
            found.append(f"{candidate.record.category} {relation} the {sure[0]}")
    return tuple(found)
