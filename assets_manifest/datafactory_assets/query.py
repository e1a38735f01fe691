"""Asking for an object by what it is, instead of by name: category, size, material, use."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import lru_cache

import numpy as np

from datafactory_assets.asset import RigidAsset
from datafactory_assets.errors import AssetError
from datafactory_assets.source import AssetSource, FamilyInfo

Words = str | tuple[str, ...]
Candidate = tuple[AssetSource, FamilyInfo]

INSTANCES_PER_FAMILY = 256
"""Seeds queries draw from: enough variety, few enough that what is derived from an asset (grasps,
footprints) can be cached by a worker over a long run."""
_WORDS = (
    "family",
    "category",
    "exclude_category",
    "colour",
    "material",
    "attributes",
    "licence",
    "instances",
)
UNSEEN_FROM = 205
"""Seeds from here on (the last fifth) are ``unseen``, those before ``seen``."""
SPLITS = ("seen", "unseen")
_FLAGS = ("graspable", "container", "supports")


@dataclass(frozen=True)
class Query:
    """Conditions on an asset; every condition given must hold, an empty query matches all.

    A field of words takes one word or several; several mean *any of them*, except ``attributes``,
    where all are needed. Words ignore case, and ``_`` counts as a space.

    Attributes:
        family: Family name.
        category: Category noun, or a synonym of it.
        exclude_category: Category nouns or synonyms that must not apply.
        colour: Colour word.
        material: Material name.
        graspable: A parallel gripper can lift it.
        container: It has a cavity or slots.
        supports: It has a surface that is open above.
        attributes: Attribute words, all needed.
        min_width_m: Least smaller horizontal extent, metres.
        max_width_m: Greatest smaller horizontal extent, metres.
        min_height_m: Least height, metres.
        max_height_m: Greatest height, metres.
        min_depth_m: Least depth of the cavity or of the deepest slot, metres; implies a container.
        max_mass_kg: Greatest mass, kg.
        licence: SPDX identifiers.
        split: ``seen`` or ``unseen``: instances of the first 205 of a family's 256 seeds, or of
            the last 51, so that what is trained on and what is tested on have no instance in
            common.
        instances: Single instances, as ``family@seed``.
    """

    family: Words = ()
    category: Words = ()
    exclude_category: Words = ()
    colour: Words = ()
    material: Words = ()
    graspable: bool | None = None
    container: bool | None = None
    supports: bool | None = None
    attributes: Words = ()
    min_width_m: float | None = None
    max_width_m: float | None = None
    min_height_m: float | None = None
    max_height_m: float | None = None
    min_depth_m: float | None = None
    max_mass_kg: float | None = None
    licence: Words = ()
    split: str | None = None
    instances: Words = ()

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _WORDS:
                object.__setattr__(self, field.name, _checked_words(field.name, value))
            elif field.name == "split":
                _check_split(value)
            elif value is not None:
                _check_scalar(field.name, value)
        for name in self.instances:
            instance_of(name)

    @classmethod
    def parse(cls, value: str | Mapping[str, object] | Query) -> Query:
        """Reads a category noun or synonym (``"mug"``) or a mapping of the fields.

        Raises:
            AssetError: For an unknown key or a value of the wrong type.
        """
        if isinstance(value, Query):
            return value
        if isinstance(value, str):
            return cls(category=value)
        known = [field.name for field in fields(cls)]
        for key in value:
            if key not in known:
                close = get_close_matches(str(key), known, n=1, cutoff=0.0)
                raise AssetError(
                    f"an object query has no key {key!r}",
                    where=f"query {dict(value)!r}",
                    why="known keys: " + ", ".join(known),
                    remedy=f"{close[0]!r}" if close else "",
                )
        return cls(**value)  # type: ignore[arg-type]  # checked in __post_init__

    def to_dict(self) -> dict[str, object]:
        """The conditions given, words sorted: JSON-ready and canonical for hashing."""
        result: dict[str, object] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and value != ():
                result[field.name] = sorted(value) if isinstance(value, tuple) else value
        return result

    def matches(self, asset: RigidAsset) -> bool:
        """Tells whether an asset meets every condition."""
        sides = asset.extents
        depth = max((c.rim_z - c.floor_z for c in asset.volumes), default=0.0)
        return (
            self._names(asset.family, asset.category, asset.synonyms)
            and _any(self.colour, (asset.colour,))
            and _any(self.material, (asset.material,))
            and _flag(self.graspable, asset.graspable)
            and _flag(self.container, asset.container)
            and _flag(self.supports, is_support(asset))
            and {_norm(word) for word in self.attributes} <= {_norm(a) for a in asset.attributes}
            and _within(min(sides[0], sides[1]), self.min_width_m, self.max_width_m)
            and _within(sides[2], self.min_height_m, self.max_height_m)
            and (self.min_depth_m is None or (asset.container and depth >= self.min_depth_m))
            and _within(asset.mass, None, self.max_mass_kg)
            and _any(self.licence, (asset.licence.spdx,))
            and (self.split is None or (self.split == "seen") == (asset.seed < UNSEEN_FROM))
            and _any(self.instances, (f"{asset.family}@{asset.seed}",))
        )

    def candidates(self, sources: Sequence[AssetSource]) -> tuple[Candidate, ...]:
        """The (source, family) pairs that can have a matching instance."""
        return tuple(
            (source, info) for source in sources for info in source.families() if self._admits(info)
        )

    def draw(
        self,
        rng: np.random.Generator,
        sources: Sequence[AssetSource],
        max_tries: int = 400,
    ) -> RigidAsset:
        """Draws an asset: a family uniformly among the candidates, then an instance seed.

        Both are drawn again until the instance matches.

        Args:
            rng: The only randomness used.
            sources: Where to look, in order.
            max_tries: Draws before giving up.

        Raises:
            AssetError: When no family can match, or no instance did.
        """
        pool = _pool(self, tuple(sources))
        if not pool:
            raise self._nothing(sources)
        for _ in range(max_tries):
            source, info = pool[int(rng.integers(len(pool)))]
            asset = source.make(info.name, self._seed(info.name, rng))
            if self.matches(asset):
                return asset
        names = ", ".join(sorted({info.name for _, info in pool}))
        raise AssetError(
            f"no object matches the query {self.to_dict()!r}",
            why=f"none of {max_tries} instances of {names} met every condition",
            remedy="widen the sizes, mass, colours or attributes asked for",
        )

    def _seed(self, family: str, rng: np.random.Generator) -> int:
        """An instance seed the query allows."""
        listed = [seed for name, seed in map(instance_of, self.instances) if name == family]
        if listed:
            return listed[int(rng.integers(len(listed)))]
        low = UNSEEN_FROM if self.split == "unseen" else 0
        high = UNSEEN_FROM if self.split == "seen" else INSTANCES_PER_FAMILY
        return int(rng.integers(low, high))

    def _admits(self, info: FamilyInfo) -> bool:
        families = {name for name, _ in map(instance_of, self.instances)}
        return (not families or info.name in families) and (
            self._names(info.name, info.category, info.synonyms)
            and (not info.materials or _any(self.material, info.materials))
            and (info.graspable or self.graspable is not True)
            and _flag(self.container, info.container)
            and _flag(self.supports, info.supports)
            and (self.min_depth_m is None or info.container)
        )

    def _names(self, family: str, category: str, synonyms: tuple[str, ...]) -> bool:
        nouns = (category, *synonyms)
        return (
            _any(self.family, (family,))
            and _any(self.category, nouns)
            and not (self.exclude_category and _any(self.exclude_category, nouns))
        )

    def _nothing(self, sources: Sequence[AssetSource]) -> AssetError:
        infos = [info for source in sources for info in source.families()]
        nouns = sorted({noun for i in infos for noun in (i.category, *i.synonyms)})
        close = {
            word: get_close_matches(_norm(word), nouns, n=1, cutoff=0.5)
            for word in self.category
            if not _any(word, tuple(nouns))
        }
        hints = [f"{match[0]!r} instead of {word!r}" for word, match in close.items() if match]
        categories = ", ".join(sorted({info.category for info in infos}))
        return AssetError(
            f"no object family can match the query {self.to_dict()!r}",
            why=f"categories on offer: {categories or 'none'}",
            remedy=", ".join(hints) or "drop a condition, or name a source that has it: `sources`",
        )


@lru_cache(maxsize=256)
def _pool(query: Query, sources: tuple[AssetSource, ...]) -> tuple[Candidate, ...]:
    return query.candidates(sources)


def is_support(asset: RigidAsset) -> bool:
    """Tells whether the asset has a surface that is open above."""
    return any(math.isinf(surface.clearance) for surface in asset.surfaces)


def instance_of(text: str) -> tuple[str, int]:
    """Family and seed of an instance such as ``mug@17``.

    Raises:
        AssetError: It is written otherwise, or the seed is not among those queries draw from.
    """
    family, at, seed = text.partition("@")
    if not (family and at and seed.isdigit() and int(seed) < INSTANCES_PER_FAMILY):
        raise AssetError(
            f"an object query cannot use instance {text!r}",
            remedy=f"family@seed with a seed from 0 to {INSTANCES_PER_FAMILY - 1}, as 'mug@17'",
        )
    return family, int(seed)


def _check_split(value: object) -> None:
    if value not in (None, *SPLITS):
        raise AssetError(f"an object query cannot use split={value!r}",
                         remedy="'seen' or 'unseen'")  # fmt: skip


def _norm(word: str) -> str:
    return word.replace("_", " ").strip().casefold()


def _any(wanted: Words, found: tuple[str, ...]) -> bool:
    """Nothing wanted, or one of the wanted words is found."""
    if not wanted:
        return True
    words = (wanted,) if isinstance(wanted, str) else wanted
    have = {_norm(word) for word in found}
    return any(_norm(word) in have for word in words)


def _flag(wanted: bool | None, found: bool) -> bool:
    return wanted is None or wanted == found


def _within(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def _checked_words(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = (value,)
    if isinstance(value, (tuple, list)) and all(isinstance(w, str) and w.strip() for w in value):
        return tuple(value)
    raise AssetError(
        f"an object query cannot use {name}={value!r}", remedy="a word or a list of words"
    )


def _check_scalar(name: str, value: object) -> None:
    if name in _FLAGS:
        if isinstance(value, bool):
            return
        raise AssetError(f"an object query cannot use {name}={value!r}", remedy="true or false")
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0.0 <= value < math.inf:
        return
    raise AssetError(
        f"an object query cannot use {name}={value!r}", remedy="a finite number, 0 or more"
    )
