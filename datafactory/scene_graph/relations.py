"""The relations: one sampler and one predicate each, under one name.

``check_relation`` verifies a relation on a physical state; ``sample_poses`` draws poses that make
relations true. Both go through the same rule (``directional``, ``support``), which measures the
same numbers in a state and in a plan; the plan has the tighter limits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from datafactory.errors import SpecError
from datafactory.scene import WorldState
from datafactory.scene_graph.catalogue import rule_of
from datafactory.scene_graph.footprint import AssetGeometry, asset_geometry
from datafactory.scene_graph.graph import TABLE, Relation
from datafactory.scene_graph.ordering import SIDEWAYS
from datafactory.scene_graph.placing import Site, Tally, carrier_of, find_candidates, resting_ways
from datafactory.scene_graph.region import Region
from datafactory.scene_graph.rules import Measure, Placement, RelationCheck
from datafactory.scene_graph.world import MeasuredWorld, PlannedWorld
from datafactory_assets.asset import RigidAsset

__all__ = ["Measure", "Placement", "RelationCheck", "check_relation", "sample_poses"]

SAME_PLANE = 0.025
LEAST_WORK = 120
WORK_PER_POSE = 20


def check_relation(relation: Relation, state: WorldState | MeasuredWorld) -> RelationCheck:
    """Tells whether a relation holds in a world state, with the numbers it rests on.

    Args:
        relation: What to check.
        state: Where; a ``MeasuredWorld`` made from a state saves the work shared by many checks.
    """
    world = state if isinstance(state, MeasuredWorld) else MeasuredWorld(state)
    return RelationCheck.of(relation, rule_of(relation).measure(relation, world))


def sample_poses(
    relation: Relation | Sequence[Relation],
    subject: RigidAsset,
    context: WorldState,
    rng: np.random.Generator,
    n: int,
    *,
    stable_pose: int | None = None,
    gap: float = 0.01,
    region: Region | None = None,
) -> list[Placement]:
    """Draws resting poses of the relation's subject that will make the relation(s) true.

    Args:
        relation: One relation, or several about the same subject that shall hold together.
        subject: Asset of the subject.
        context: State with every reference placed; the subject itself is not an obstacle.
        rng: Source of randomness.
        n: Number of poses wanted; fewer (also none) come back when room is scarce.
        stable_pose: Resting orientation to use; None keeps the subject's current one (the stable
            pose nearest to its pose in ``context``), or 0 when it has no pose.
        gap: Least horizontal clearance to unrelated objects, metres.
        region: Where the subject's centre may be; None for anywhere on the support.

    Returns:
        Up to n placements, in random order, yaw uniform over the circle.
    """
    relations = (relation,) if isinstance(relation, Relation) else tuple(relation)
    if not relations or len({r.subject for r in relations}) != 1:
        raise SpecError("sample_poses needs relations of one subject")
    name = relations[0].subject
    for item in relations:
        rule_of(item)
    geometry = asset_geometry(subject)
    if stable_pose is None:
        stable_pose = _current_pose(name, geometry, context)
    world = PlannedWorld.of_state(context, without=name)
    relations += _implied_support(name, relations, world)
    site = Site(
        name=name,
        asset=subject,
        relations=relations,
        carrier=carrier_of(name, relations),
        guides=relations,
        region=region or Region(),
        gap=gap,
        edge_margin=0.0,
    )
    found: list[Placement] = []
    ways = resting_ways(name, geometry, site.carrier, (stable_pose,))
    effort = (LEAST_WORK + WORK_PER_POSE * n) // len(ways)
    for k, rest in enumerate(ways):
        wanted = n * (k + 1) // len(ways)
        search = find_candidates(site, rest, world, rng, Tally(effort), effort)
        for placement in search if len(found) < wanted else ():
            found.append(placement)
            if len(found) >= wanted:
                break
        search.close()
    return found


def _current_pose(name: str, geometry: AssetGeometry, context: WorldState) -> int:
    if name not in context.poses:
        return 0
    return geometry.nearest_rest(context.poses[name].quat)


def _implied_support(
    name: str, relations: tuple[Relation, ...], world: PlannedWorld
) -> tuple[Relation, ...]:
    """What is only related sideways to a thing that stands high goes onto that thing's support."""
    if carrier_of(name, relations) is not None:
        return ()
    for relation in relations:
        reference = relation.objects[0]
        if relation.name not in SIDEWAYS:
            continue
        support = world.supports.get(reference, TABLE)
        if support != TABLE and world.body(reference).bottom > world.table.height + SAME_PLANE:
            return (Relation("on", name, (support,)),)
    return ()
