"""What every relation is made of: a measured verdict, a placement, and the rule interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from datafactory.geometry import Array, Pose
from datafactory.scene_graph.footprint import Rest
from datafactory.scene_graph.graph import Relation
from datafactory.scene_graph.world import PlannedWorld, World


class Measure(NamedTuple):
    """One measured number of a verdict and the limit it was held against.

    The name's ending tells the sense: ``..._min`` holds when value >= limit, ``..._max`` when
    value <= limit.
    """

    name: str
    value: float
    limit: float
    unit: str

    @property
    def holds(self) -> bool:
        """Whether the value is on the right side of its limit; NaN never is."""
        if self.name.endswith("_min"):
            return self.value >= self.limit
        return self.value <= self.limit


@dataclass(frozen=True)
class RelationCheck:
    """The verdict of one predicate.

    Attributes:
        relation: What was asked.
        holds: All measures hold.
        measured: The numbers it rests on, as (name, value, limit, unit).
    """

    relation: Relation
    holds: bool
    measured: tuple[Measure, ...]

    @classmethod
    def of(cls, relation: Relation, measured: tuple[Measure, ...]) -> RelationCheck:
        """The verdict that all these measures together give."""
        return cls(relation, all(m.holds for m in measured), measured)

    def failed(self) -> tuple[Measure, ...]:
        """The measures that do not hold."""
        return tuple(m for m in self.measured if not m.holds)


@dataclass(frozen=True)
class Placement:
    """A resting pose proposed for one object.

    Attributes:
        world_from_object: Pose at rest: no penetration, lowest reachable height.
        stable_pose: Index into the asset's ``stable_poses``.
        drop_height: Free height, metres, the object may still fall from this pose until it rests
            (0 on a flat support; some millimetres in a curved cavity). Release no higher than
            this plus your own clearance.
        support: Name of the entity that will carry it.
    """

    world_from_object: Pose
    stable_pose: int
    drop_height: float
    support: str


@dataclass(frozen=True, eq=False)
class Drawer:
    """What a sampler needs to draw candidate positions of one object.

    Attributes:
        world: Everything placed so far.
        name: Object to place.
        rest: Its stable pose.
        yaw: (n,) rotations about world z already drawn, rad.
        plane: World height of what it stands on when the relation does not say so, metres.
        support: Name of what it then stands on.
        widths: Footprint diameters of objects not placed yet, metres.
        rng: Source of randomness.
        packed: Prefer the edges of a support, to leave room for more.
    """

    world: PlannedWorld
    name: str
    rest: Rest
    yaw: Array
    plane: float
    support: str
    widths: dict[str, float]
    rng: np.random.Generator
    packed: bool = False

    def reach(self, axis: Array) -> Array:
        """(n,) extent of the footprint from its centre along world axes (2,) or (n, 2)."""
        x, y = np.broadcast_to(axis, (len(self.yaw), 2)).T
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        local = np.stack([c * x + s * y, c * y - s * x], axis=1)
        corners = self.rest.polygon.vertices - self.rest.centre
        reach: Array = (local @ corners.T).max(axis=1)
        return reach

    def flat(self, centres: Array) -> Draft:
        """Candidates with these footprint centres (n, 2), standing on the plane."""
        heights = np.full(len(centres), self.plane)
        return Draft(centres, heights, np.zeros(len(centres)), self.support)


@dataclass(frozen=True, eq=False)
class Draft:
    """Candidate positions, one for each drawn yaw.

    Attributes:
        centres: (n, 2) footprint centres, world, metres.
        heights: (n,) world height of the object's lowest point; NaN marks no candidate.
        drops: (n,) how far each may still fall until it rests, metres.
        support: Name of the entity that will carry it.
    """

    centres: Array
    heights: Array
    drops: Array
    support: str


class Rule(Protocol):
    """One relation, defined once: what it measures and where it draws from.

    ``measure`` serves the verifier on a measured world and the sampler on a planned one, where it
    uses its tighter planning limits, so what is planned to hold still holds after settling.
    """

    name: str

    def measure(self, relation: Relation, world: World) -> tuple[Measure, ...]:
        """The numbers the relation rests on; it holds when all of them do."""
        ...

    def draw(self, relation: Relation, drawer: Drawer) -> Draft | None:
        """Candidates for the drawer's object, subject or reference of the relation.

        None when this relation cannot guide that object yet.
        """
        ...


def limit(world: World, check: float, plan: float) -> float:
    """The limit that applies in this world."""
    return plan if world.planned else check
