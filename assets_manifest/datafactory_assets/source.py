"""What an asset source is: a named set of seeded object families."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from datafactory_assets.asset import RigidAsset, VisualMesh


@dataclass(frozen=True)
class FamilyInfo:
    """What is known of a family before an instance of it is made.

    Attributes:
        name: Family name, unique within its source (``open_box``).
        category: Category noun of every instance (``box``).
        synonyms: Other nouns for it.
        container: Every instance has a cavity or slots.
        graspable: Instances can be lifted by a parallel gripper.
        supports: Every instance has a surface open to the sky that objects can stand on.
        description: One sentence.
        dimension_source: Where the dimension priors come from.
        materials: Every material an instance can be made of; empty when unknown.
        instances: How many there are when they are files, which any seed is taken modulo of; None
            when every seed makes another one.
    """

    name: str
    category: str
    synonyms: tuple[str, ...]
    container: bool
    graspable: bool
    supports: bool
    description: str
    dimension_source: str
    materials: tuple[str, ...] = ()
    instances: int | None = None


@runtime_checkable
class AssetSource(Protocol):
    """A set of object families, made on demand from a seed.

    ``make`` is a pure function: the same family and seed give the same asset, byte for byte, in
    any process. ``datafactory_assets.conformance.check_source`` proves it for an implementation.
    """

    @property
    def name(self) -> str:
        """Source name, the first part of every uid (``tier0``)."""
        ...

    def families(self) -> tuple[FamilyInfo, ...]:
        """The families on offer, sorted by name."""
        ...

    def make(self, family: str, seed: int) -> RigidAsset:
        """Makes one instance; raises ``AssetError`` for an unknown family."""
        ...

    def visual(self, asset: RigidAsset) -> tuple[VisualMesh, ...]:
        """Meshes of the visual geometry of an asset this source made, object frame."""
        ...
