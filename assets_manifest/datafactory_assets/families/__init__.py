"""Seeded families of everyday objects, made by code, with exact mass properties.

``tier0`` is the first set; ``tier1`` holds every family added since. A task names its sources, so
a new family never changes what an existing task draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from functools import lru_cache

from datafactory_assets.asset import RigidAsset, VisualMesh
from datafactory_assets.errors import AssetError
from datafactory_assets.families import (
    bathroom,
    boxes,
    cookware,
    cutlery,
    drinkware,
    electronics,
    groceries,
    holders,
    household,
    long_produce,
    ovenware,
    packages,
    produce,
    provisions,
    racks,
    stationery,
    storage,
    tabletop,
    tableware,
    teaware,
    tools,
    toys,
    utensils,
    vegetables,
)
from datafactory_assets.families.language import Family, Params, assemble
from datafactory_assets.source import FamilyInfo

__all__ = ["SeededSource", "Tier0", "Tier1"]

_TIER0: tuple[Sequence[Family], ...] = (
    boxes.FAMILIES,
    cookware.FAMILIES,
    groceries.FAMILIES,
    household.FAMILIES,
    produce.FAMILIES,
    tableware.FAMILIES,
)
_TIER1: tuple[Sequence[Family], ...] = (
    bathroom.FAMILIES,
    cutlery.FAMILIES,
    drinkware.FAMILIES,
    electronics.FAMILIES,
    holders.FAMILIES,
    long_produce.FAMILIES,
    ovenware.FAMILIES,
    packages.FAMILIES,
    provisions.FAMILIES,
    racks.FAMILIES,
    stationery.FAMILIES,
    storage.FAMILIES,
    tabletop.FAMILIES,
    teaware.FAMILIES,
    tools.FAMILIES,
    toys.FAMILIES,
    utensils.FAMILIES,
    vegetables.FAMILIES,
)


class SeededSource:
    """An asset source that needs no files: every object is a family name and a seed.

    Args:
        name: Source name, the first part of every uid.
        themes: Its families.
    """

    def __init__(self, name: str, themes: Sequence[Sequence[Family]]) -> None:
        self.name = name
        self._families = {f.info.name: f for theme in themes for f in theme}
        self._infos = tuple(self._families[name].info for name in sorted(self._families))
        # The same object, not an equal one: what others derive from an asset is kept by identity.
        self._made = lru_cache(maxsize=8192)(self._assemble)

    def families(self) -> tuple[FamilyInfo, ...]:
        """The families, sorted by name."""
        return self._infos

    def make(self, family: str, seed: int) -> RigidAsset:
        """Makes one instance, a pure function of its arguments.

        Args:
            family: Family name.
            seed: Instance seed, >= 0.

        Raises:
            AssetError: When there is no such family, or the seed is negative.
        """
        if seed < 0:
            raise AssetError(
                f"cannot make a {family} from seed {seed}", why="instance seeds are not negative"
            )
        return self._made(family, seed)

    def _assemble(self, family: str, seed: int) -> RigidAsset:
        return assemble(self.name, self._family(family), seed)

    def visual(self, asset: RigidAsset) -> tuple[VisualMesh, ...]:
        """Watertight coloured parts of an asset this source made, object frame, metres."""
        from datafactory_assets.families.tessellation import mesh

        form = self._family(asset.family).build(Params.from_json(asset.params_json))
        return tuple(mesh(solid) for solid in form.solids)

    def _family(self, name: str) -> Family:
        found = self._families.get(name)
        if found is None:
            close = get_close_matches(name, self._families, n=1, cutoff=0.5)
            remedy = f"{close[0]!r}" if close else "one of " + ", ".join(sorted(self._families))
            raise AssetError(
                f"no object family {name!r} in source {self.name!r}",
                why=f"it has {len(self._families)} families",
                remedy=remedy,
            )
        return found


class Tier0(SeededSource):
    """The families that tasks draw from unless they say otherwise."""

    def __init__(self) -> None:
        super().__init__("tier0", _TIER0)


class Tier1(SeededSource):
    """More families by the same rules, for tasks that name the source ``tier1``."""

    def __init__(self) -> None:
        super().__init__("tier1", _TIER1)
