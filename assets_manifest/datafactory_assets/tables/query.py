"""Which table: conditions on table families, and a draw among those that meet them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches

import numpy as np

from datafactory_assets.errors import AssetError
from datafactory_assets.query import INSTANCES_PER_FAMILY
from datafactory_assets.tables import TableAsset, TableInfo, make_table, table_families

Words = tuple[str, ...]


@dataclass(frozen=True)
class TableQuery:
    """Conditions on a table; one without any admits every family.

    Attributes:
        family: Names of families.
        category: Nouns, synonyms included.
        top: Forms of the top: ``rectangle``, ``rounded``, ``circle``, ``oval``, ``octagon``,
            ``half_round``.
        finish: What the top is made of.
        exclude_family: Names of families to leave out.
    """

    family: Words = ()
    category: Words = ()
    top: Words = ()
    finish: Words = ()
    exclude_family: Words = ()

    @classmethod
    def parse(cls, value: object) -> TableQuery:
        """Reads ``"desk"`` or ``{"top": ["circle"]}``.

        Raises:
            AssetError: An unknown key, a value that is no word, or nothing that matches.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            value = {"category": value}
        if not isinstance(value, Mapping):
            raise AssetError(f"{value!r} is no table query", why="a noun or a mapping is needed")
        known = [f.name for f in fields(cls)]
        found: dict[str, Words] = {}
        for key, words in value.items():
            if key not in known:
                close = get_close_matches(str(key), known, n=1, cutoff=0.0)
                raise AssetError(
                    f"a table query has no key {key!r}",
                    why="known keys: " + ", ".join(known),
                    remedy=f"{close[0]!r}" if close else "",
                )
            listed = (words,) if isinstance(words, str) else tuple(words)
            if not all(isinstance(word, str) for word in listed):
                raise AssetError(f"the words of {key!r} in a table query must be text")
            found[key] = tuple(_norm(word) for word in listed)
        query = cls(**found)
        if not query.candidates():
            names = ", ".join(info.name for info in table_families())
            raise AssetError(f"no table family matches {dict(value)!r}", why=f"there are: {names}")
        return query

    def to_dict(self) -> dict[str, list[str]]:
        """The conditions given, words sorted: JSON-ready and canonical for hashing."""
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: sorted(words) for name, words in given.items() if words}

    def candidates(self) -> tuple[TableInfo, ...]:
        """The families that can have a matching table, sorted by name."""
        return tuple(info for info in table_families() if self._admits(info))

    def draw(self, rng: np.random.Generator, height: float, max_tries: int = 200) -> TableAsset:
        """Draws a table: a family uniformly among the candidates, then an instance seed.

        Args:
            rng: The only randomness used.
            height: Of the top surface above the floor, metres.
            max_tries: Draws before giving up.

        Raises:
            AssetError: No instance met the conditions.
        """
        pool = self.candidates()
        for _ in range(max_tries):
            info = pool[int(rng.integers(len(pool)))]
            table = make_table(info.name, int(rng.integers(INSTANCES_PER_FAMILY)), height)
            if not self.finish or table.finish in self.finish:
                return table
        raise AssetError(f"no table matches {self.to_dict()!r}", why=f"tried {max_tries} instances")

    def _admits(self, info: TableInfo) -> bool:
        nouns = {_norm(noun) for noun in (info.category, *info.synonyms)}
        name = _norm(info.name)
        return (
            (not self.family or name in self.family)
            and (not self.category or bool(nouns & set(self.category)))
            and (not self.top or _norm(info.top) in self.top)
            and (not self.finish or bool(set(info.finishes) & set(self.finish)))
            and name not in self.exclude_family
        )


def _norm(word: str) -> str:
    return word.replace("_", " ").strip().casefold()
