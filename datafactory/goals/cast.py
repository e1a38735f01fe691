"""Who plays which role in one episode: the members of sets and the assets of all objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from datafactory.scene_graph.graph import Relation
from datafactory_assets.asset import RigidAsset


def member_names(name: str, count: int) -> tuple[str, ...]:
    """Object names of the members of a set."""
    return tuple(f"{name}_{k}" for k in range(count))


@dataclass(frozen=True)
class Cast:
    """The objects of one episode that take part.

    Attributes:
        sets: Set name to the object names of its members.
        assets: Object name to asset.
    """

    sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    assets: Mapping[str, RigidAsset] = field(default_factory=dict)

    def of(self, *names: str) -> tuple[str, ...]:
        """Object names behind roles and sets, in order."""
        return tuple(member for name in names for member in self.sets.get(name, (name,)))

    def widest_first(self, names: Iterable[str]) -> tuple[str, ...]:
        """Object names by their smaller horizontal extent, widest first; ties keep the order."""
        return tuple(sorted(names, key=lambda n: -min(self.assets[n].extents[:2])))

    def trait(self, name: str, trait: str) -> str:
        """``colour``, ``material``, ``category`` or ``family`` of an object."""
        return str(getattr(self.assets[name], trait))

    def expand(self, relation: Relation) -> tuple[Relation, ...]:
        """One relation for every member where the subject of a relation is a set."""
        return tuple(
            Relation(relation.name, subject, relation.objects, relation.frame)
            for subject in self.of(relation.subject)
        )
