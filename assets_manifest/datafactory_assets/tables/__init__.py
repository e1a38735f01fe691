"""Seeded families of tables, desks, counters and shelves: fixed supports to work at."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache

from datafactory_assets.errors import AssetError
from datafactory_assets.tables import home, work
from datafactory_assets.tables.asset import TableAsset, TableInfo
from datafactory_assets.tables.language import NOMINAL_HEIGHT_M, TableFamily, assemble

__all__ = ["NOMINAL_HEIGHT_M", "TableAsset", "TableInfo", "make_table", "table_families"]

_FAMILIES: dict[str, TableFamily] = {
    f.info.name: f for f in sorted((*home.FAMILIES, *work.FAMILIES), key=lambda f: f.info.name)
}


def table_families() -> tuple[TableInfo, ...]:
    """The table families, sorted by name."""
    return tuple(family.info for family in _FAMILIES.values())


@lru_cache(maxsize=512)
def make_table(family: str, seed: int, height: float = NOMINAL_HEIGHT_M) -> TableAsset:
    """Makes one table, a pure function of its arguments.

    Args:
        family: Family name.
        seed: Instance seed, >= 0.
        height: z of the top surface above the floor, metres; the content hash does not depend
            on it.

    Raises:
        AssetError: When there is no such family, or the seed is negative.
    """
    found = _FAMILIES.get(family)
    if found is None:
        close = get_close_matches(family, _FAMILIES, n=1, cutoff=0.5)
        raise AssetError(
            f"no table family {family!r}",
            why=f"there are {len(_FAMILIES)}",
            remedy=f"{close[0]!r}" if close else "one of " + ", ".join(_FAMILIES),
        )
    if seed < 0:
        raise AssetError(
            f"cannot make a {family} from seed {seed}", why="instance seeds are not negative"
        )
    return assemble(found, seed, height)
