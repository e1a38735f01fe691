"""The seen/unseen split of textures and skies."""

from __future__ import annotations

from datafactory.seeding import name_key

_BLOCK = 5


def split_of(family: str, index: int) -> str:
    """``"unseen"`` for one instance in five, else ``"seen"``; fixed for good.

    Of every five consecutive instances of a family the one whose name hashes lowest is unseen,
    so every family has both, and instances added to a family leave the others where they were.

    Args:
        family: Family name, with the sort of thing before it (``"sky/overcast"``).
        index: Number of the instance, >= 0.
    """
    first = index - index % _BLOCK
    keys = [name_key(f"{family}/{number:03d}/split") for number in range(first, first + _BLOCK)]
    return "unseen" if keys.index(min(keys)) == index - first else "seen"
