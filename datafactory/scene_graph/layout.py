"""The layout solver: a graph of relations becomes poses, or a reasoned refusal.

Depth-first search with chronological backtracking over an order in which everything comes after
what carries it and the most related objects come first. Work is counted in candidates, never in
seconds, so a result depends on the problem and the generator only.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from datafactory.errors import SpecError, UnknownNameError
from datafactory.geometry import Pose
from datafactory.scene import Table
from datafactory.scene_graph.body import Body
from datafactory.scene_graph.catalogue import rule_of
from datafactory.scene_graph.contradictions import require_consistent
from datafactory.scene_graph.footprint import asset_geometry
from datafactory.scene_graph.graph import TABLE, Relation
from datafactory.scene_graph.ordering import guides_of, placing_order, roots_of
from datafactory.scene_graph.placing import (
    BATCH,
    Site,
    Tally,
    carrier_name,
    carrier_of,
    find_candidates,
    resting_ways,
)
from datafactory.scene_graph.region import KeepOut, Region
from datafactory.scene_graph.rules import Placement
from datafactory.scene_graph.world import PlannedWorld
from datafactory_assets.asset import RigidAsset

__all__ = ["KeepOut", "LayoutObject", "LayoutProblem", "LayoutResult", "Region", "solve_layout"]

RESTARTS = 8
VISIT_WORK = 24
BRANCHES = 2
BLAME_SHARE = 0.05


@dataclass(frozen=True)
class LayoutObject:
    """One object to place.

    Attributes:
        asset: What it is.
        stable_poses: Allowed indices into ``asset.stable_poses``; drawn uniformly.
        region: Where its centre may be; None for the problem's region.
        gap: Least horizontal clearance to unrelated objects; None for the problem's.
        yaw: (least, greatest) rotation about world z, rad.
        fixed: Pose it already has; it is then an obstacle and a reference, not a variable.
    """

    asset: RigidAsset
    stable_poses: tuple[int, ...] = (0,)
    region: Region | None = None
    gap: float | None = None
    yaw: tuple[float, float] = (-math.pi, math.pi)
    fixed: Pose | None = None


@dataclass(frozen=True)
class LayoutProblem:
    """A scene to be laid out. Objects without ``on``/``in`` stand on the table.

    Between two objects the greater of their gaps applies; objects that share a support other than
    the table need only 4 mm.

    Attributes:
        objects: By role name; their order only breaks ties.
        relations: What shall hold at the start.
        table: The table top.
        world_from_base: Robot base pose, for frame ``robot``.
        world_from_camera: Camera pose (OpenCV axes), for frame ``camera``.
        region: Default region of object centres.
        gap: Default least clearance between footprints of unrelated objects, metres.
        edge_margin: Least distance of a footprint from the table's edge, metres.
        keep_out: Discs no footprint may enter.
    """

    objects: Mapping[str, LayoutObject]
    relations: tuple[Relation, ...]
    table: Table
    world_from_base: Pose
    world_from_camera: Pose
    region: Region = field(default_factory=Region)
    gap: float = 0.015
    edge_margin: float = 0.02
    keep_out: tuple[KeepOut, ...] = ()


@dataclass(frozen=True)
class LayoutResult:
    """What the solver found.

    Attributes:
        placements: By role name, every object; empty when it failed.
        ok: All objects placed and all relations planned to hold.
        unsatisfied: When it failed, the edges that refused the candidates of the object it got
            stuck at, most first: ``on(a, b)``, ``gap(a, c)`` (too close), ``region(a)``,
            ``edge(a)`` (of the table), ``keep_out(a)``, ``room(a, b)`` (no room on or in b).
        rejections: (edge, number of candidates it refused) of all objects, most first.
        candidates: Number of candidate poses drawn.
    """

    placements: Mapping[str, Placement]
    ok: bool
    unsatisfied: tuple[str, ...]
    rejections: tuple[tuple[str, int], ...]
    candidates: int


def solve_layout(problem: LayoutProblem, rng: np.random.Generator) -> LayoutResult:
    """Places all objects so that every relation is planned to hold.

    Args:
        problem: What to place and what shall hold.
        rng: Source of randomness; the result is a function of it and the problem.

    Raises:
        SpecError: The relations contradict one another or name unknown objects.
    """
    _require_valid(problem)
    search = _Search(problem, rng)
    for k in range(RESTARTS):
        if search.run(k):
            break
    return search.result()


def _require_valid(problem: LayoutProblem) -> None:
    require_consistent(problem.relations, where="initial relations")
    for relation in problem.relations:
        rule_of(relation)
        for name in (relation.subject, *relation.objects):
            if name != TABLE and name not in problem.objects:
                raise UnknownNameError.of("object", name, problem.objects, str(relation))
    for name, item in problem.objects.items():
        if not item.stable_poses:
            raise SpecError(f"object '{name}' has no allowed stable pose")


class _Search:
    """One depth-first search, restarted with fresh candidates when its budget is spent."""

    def __init__(self, problem: LayoutProblem, rng: np.random.Generator) -> None:
        self._problem = problem
        self._rng = rng
        self._carriers = {n: carrier_of(n, problem.relations) for n in problem.objects}
        self._widths = {
            name: 2.0 * asset_geometry(item.asset).rest(item.stable_poses[0]).radius
            for name, item in problem.objects.items()
        }
        supports = {n: carrier_name(n, r) for n, r in self._carriers.items()}
        roots = roots_of(supports)
        guides = {n: guides_of(n, problem.relations, roots) for n in problem.objects}
        fixed = [n for n, item in problem.objects.items() if item.fixed is not None]
        order = placing_order(supports, guides, self._widths, fixed)
        self._sites = [self._site(name, guides[name]) for name in order]
        self._fixed = [(name, supports[name]) for name in fixed]
        self._tally = Tally(0)
        self._stuck: Counter[str] = Counter()
        self._placements: dict[str, Placement] = {}
        self._ok = False

    def _site(self, name: str, guides: tuple[Relation, ...]) -> Site:
        problem, item = self._problem, self._problem.objects[name]
        gaps = {n: o.gap for n, o in problem.objects.items() if o.gap is not None}
        return Site(
            name=name,
            asset=item.asset,
            relations=tuple(r for r in problem.relations if name == r.subject or name in r.objects),
            carrier=self._carriers[name],
            guides=guides,
            region=item.region or problem.region,
            gap=problem.gap if item.gap is None else item.gap,
            gaps=gaps,
            yaw=item.yaw,
            edge_margin=problem.edge_margin,
            keep_out=problem.keep_out,
            widths=self._widths,
        )

    def run(self, number: int) -> bool:
        """Searches from an empty table until success or until this run's budget is spent."""
        self._tally.round = number
        problem = self._problem
        world = PlannedWorld(problem.table, problem.world_from_base, problem.world_from_camera)
        for name, support in self._fixed:
            item = problem.objects[name]
            if item.fixed is not None:
                world.place(Body.at(name, item.asset, item.fixed), support)
        self._placements = {}
        self._tally.limit = self._tally.work + VISIT_WORK * (1 + len(self._sites))
        self._ok = self._descend(0, world)
        return self._ok

    def _descend(self, depth: int, world: PlannedWorld) -> bool:
        if depth == len(self._sites):
            return True
        site = self._sites[depth]
        allowed = self._problem.objects[site.name].stable_poses
        geometry = asset_geometry(site.asset)
        found = 0
        ways = resting_ways(site.name, geometry, site.carrier, allowed)
        for k in self._rng.permutation(len(ways)):
            rest = ways[k]
            search = find_candidates(site, rest, world, self._rng, self._tally, VISIT_WORK)
            for placement in search:
                found += 1
                self._placements[site.name] = placement
                if self._descend(depth + 1, world):
                    search.close()
                    return True
                if found >= BRANCHES:
                    break
            search.close()
            if found >= BRANCHES:
                break
        if not found:
            self._stuck[site.name] += 1
        return False

    def result(self) -> LayoutResult:
        """The outcome of the last run, with the refusals of all."""
        total: Counter[str] = Counter()
        for refused in self._tally.refused.values():
            total.update(refused)
        drawn = BATCH * self._tally.batches
        rejections = tuple(sorted(total.items(), key=lambda item: (-item[1], item[0])))
        if self._ok:
            return LayoutResult(dict(self._placements), True, (), rejections, drawn)
        return LayoutResult({}, False, self._blame(), rejections, drawn)

    def _blame(self) -> tuple[str, ...]:
        """Edges that refused most of the candidates of the object the search got stuck at."""
        worst = max(self._sites, key=lambda site: self._stuck[site.name]).name
        rejected = self._tally.of(worst)
        least = BLAME_SHARE * sum(rejected.values())
        edges = sorted(rejected.items(), key=lambda item: (-item[1], item[0]))
        return tuple(edge for edge, count in edges if count >= least)
