"""English noun phrases: articles, plurals, numbers, lists, and how one object is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

NUMBERS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve",
)  # fmt: skip
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
IRREGULAR: Mapping[str, str] = {
    "knife": "knives", "shelf": "shelves", "loaf": "loaves", "mouse": "mice", "box": "boxes",
    "dice": "dice", "scissors": "scissors", "pliers": "pliers", "leaf": "leaves", "foot": "feet",
}  # fmt: skip
O_AS_ES = frozenset({"potato", "tomato", "mango"})
CONSONANT_SOUND = ("uni", "use", "usb", "ute", "eu", "one")
"""Beginnings that are written with a vowel and spoken with a consonant."""


class Named(Protocol):
    """What has a colour and a category noun."""

    @property
    def colour(self) -> str:
        """Colour word; empty when it has none to say."""
        ...

    @property
    def category(self) -> str:
        """Category noun."""
        ...


def with_article(phrase: str) -> str:
    """``a mug``, ``an orange``, ``a USB stick``."""
    word = phrase.lower()
    vowel = word[:1] in "aeiou" and not word.startswith(CONSONANT_SOUND)
    return f"{'an' if vowel else 'a'} {phrase}"


def plural(noun: str) -> str:
    """Plural of a noun; of several words the last one changes."""
    head, space, last = noun.rpartition(" ")
    return head + space + _plural_word(last)


def _plural_word(word: str) -> str:
    if word in IRREGULAR:
        return IRREGULAR[word]
    if word.endswith(("s", "x", "z", "ch", "sh")) or word in O_AS_ES:
        return word + "es"
    if word.endswith("y") and word[-2:-1] not in ("a", "e", "i", "o", "u", ""):
        return word[:-1] + "ies"
    return word + "s"


def listed(parts: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return ", ".join(parts[:-1]) + " and " + parts[-1]


def number_word(count: int) -> str:
    """``three``; digits beyond twelve."""
    return NUMBERS[count] if 0 <= count < len(NUMBERS) else str(count)


def noun(item: Named) -> str:
    """``red mug``, but not ``orange orange``."""
    same = not item.colour or item.colour == item.category
    return item.category if same else f"{item.colour} {item.category}"


def group_phrase(items: Sequence[Named]) -> str:
    """A definite phrase for all of several objects: ``the two cans and the red block``.

    Objects of one category are counted together, with their colour when they share it; a single
    one is named by its noun.
    """
    by_category: dict[str, list[Named]] = {}
    for item in items:
        by_category.setdefault(item.category, []).append(item)
    parts = []
    for category, members in by_category.items():
        if len(members) == 1:
            parts.append(f"the {noun(members[0])}")
            continue
        colours = {m.colour for m in members}
        shared = noun(members[0]) if len(colours) == 1 else category
        parts.append(f"the {number_word(len(members))} {plural(shared)}")
    return listed(parts)


def some_phrase(items: Sequence[Named], count: int) -> str:
    """``two of the three cans``."""
    return f"{number_word(count)} of {group_phrase(items)}"


def kind_phrase(items: Sequence[Named]) -> str:
    """Every category of several objects in the plural: ``cans and blocks``."""
    return listed([plural(c) for c in dict.fromkeys(i.category for i in items)])
