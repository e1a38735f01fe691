"""Candidate poses for one object in a planned world, each one confirmed by the relations."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import numpy as np

from datafactory.geometry import Array
from datafactory.scene_graph.body import Body, table_surface
from datafactory.scene_graph.catalogue import RULES
from datafactory.scene_graph.footprint import AssetGeometry, Rest
from datafactory.scene_graph.graph import TABLE, Relation, is_place
from datafactory.scene_graph.region import KeepOut, Region
from datafactory.scene_graph.rules import Draft, Drawer, Placement
from datafactory.scene_graph.world import PlannedWorld
from datafactory_assets.asset import RigidAsset

BATCH = 16
BATCH_WORK = 4
CARRIED_BATCH_WORK = 12
SHARED_SUPPORT_GAP = 0.004
CARRYING = ("on", "stacked", "upright_in", "in", "above", "touching")
VERTICAL = frozenset({"above", "below"})
STEP = 0.01


@dataclass
class Tally:
    """Work done and refusals. Work is counted in units of about 50 microseconds.

    Attributes:
        limit: Work after which every search stops.
        work: Work done so far: 4 for each batch of candidates (12 on a carrier), 1 for
            each candidate looked at closely.
        batches: Batches of 16 candidates drawn so far.
        round: Number of the search; in odd ones the first batch on a support is packed tightly,
            in the others the second, as long as no candidate was good.
        refused: Candidates refused, by object and by edge.
    """

    limit: int
    work: int = 0
    batches: int = 0
    round: int = 0
    refused: dict[str, Counter[str]] = field(default_factory=dict)

    def of(self, name: str) -> Counter[str]:
        """Refusals of one object's candidates."""
        return self.refused.setdefault(name, Counter())


@dataclass(frozen=True)
class Site:
    """One object to place and everything that restricts where.

    Attributes:
        name: Role name.
        asset: What it is.
        relations: All relations that mention it.
        carrier: The relation that says what carries it; None when it stands on the table.
        guides: Relations to draw from, the names of carried things replaced by what carries them.
        region: Where its centre may be.
        gap: Least horizontal clearance to unrelated objects, metres.
        gaps: Clearances other objects ask for, metres.
        yaw: (least, greatest) rotation about world z, rad.
        edge_margin: Least distance to the table's edge when it stands on the table, metres.
        keep_out: Discs it must not enter.
        widths: Footprint diameters of objects not placed yet, metres.
    """

    name: str
    asset: RigidAsset
    relations: tuple[Relation, ...]
    carrier: Relation | None
    guides: tuple[Relation, ...]
    region: Region
    gap: float
    gaps: dict[str, float] = field(default_factory=dict)
    yaw: tuple[float, float] = (-math.pi, math.pi)
    edge_margin: float = 0.02
    keep_out: tuple[KeepOut, ...] = ()
    widths: dict[str, float] = field(default_factory=dict)


def carrier_of(name: str, relations: tuple[Relation, ...]) -> Relation | None:
    """The relation that says what carries an object: on, stacked, in, above, touching, below."""
    for kind in CARRYING:
        for relation in relations:
            if relation.name == kind and relation.subject == name:
                return relation
    for relation in relations:
        if relation.name == "below" and relation.objects[0] == name:
            return relation
    return None


def resting_ways(
    name: str, geometry: AssetGeometry, carrier: Relation | None, allowed: Sequence[int]
) -> list[Rest]:
    """The orientations an object may have where its carrier relation puts it.

    Args:
        name: Role name.
        geometry: Its geometry.
        carrier: The relation that says what carries it.
        allowed: Stable poses to choose from where the relation does not say.
    """
    if carrier is not None and carrier.name == "upright_in" and carrier.subject == name:
        return list(geometry.standing)
    return [geometry.rest(index) for index in allowed]


def carrier_name(name: str, relation: Relation | None) -> str:
    """Name of what a carrier relation puts an object on; the table without one."""
    if relation is None:
        return TABLE
    return relation.subject if relation.objects[0] == name else relation.objects[0]


def find_candidates(
    site: Site,
    rest: Rest,
    world: PlannedWorld,
    rng: np.random.Generator,
    tally: Tally,
    effort: int,
) -> Generator[Placement, None, None]:
    """Yields placements that satisfy every relation whose other members are placed.

    While the consumer holds a placement, the object stands there in ``world``; when it asks for
    the next one (or closes the generator), the object is taken away again.

    Args:
        site: What to place and its restrictions.
        rest: Stable pose to use.
        world: Everything placed so far.
        rng: Source of randomness.
        tally: Counts the work and the candidates refused, by edge.
        effort: Work this search may do.
    """
    guides = [g for g in site.guides if _usable(g, site.name, world)]
    present = [r for r in site.relations if _complete(r, site.name, world)]
    rejected = tally.of(site.name)
    accepted, visit, end = 0, tally.round, tally.work + effort
    while tally.work < min(end, tally.limit):
        tally.batches += 1
        tally.work += BATCH_WORK if site.carrier is None else CARRIED_BATCH_WORK
        packed = visit % 2 == 1 and not accepted
        drawer = _drawer(site, rest, world, rng, packed)
        visit += 1
        draft = _draft(site, drawer, guides, visit, rejected)
        if draft is None:
            return
        origins = draft.centres - _turned(rest.centre, drawer.yaw)
        for i in _promising(site, draft, world, rejected):
            at = np.array([origins[i, 0], origins[i, 1], draft.heights[i]])
            tally.work += 1
            body = Body.resting(site.name, site.asset, rest, at, float(drawer.yaw[i]))
            world.place(body, draft.support)
            try:
                reason = _refusal(site, body, draft.support, present, world)
                if reason is None:
                    accepted += 1
                    yield Placement(body.pose, rest.index, float(draft.drops[i]), draft.support)
                else:
                    rejected[reason] += 1
            finally:
                world.remove(site.name)


def _drawer(
    site: Site, rest: Rest, world: PlannedWorld, rng: np.random.Generator, packed: bool
) -> Drawer:
    return Drawer(
        world=world,
        name=site.name,
        rest=rest,
        yaw=_yaws(site, world, rng, packed),
        plane=world.table.height,
        support=TABLE,
        widths=site.widths,
        rng=rng,
        packed=packed,
    )


def _yaws(site: Site, world: PlannedWorld, rng: np.random.Generator, packed: bool) -> Array:
    """Uniform yaws (16,), or, to pack a support tightly, yaws square to it."""
    low, high = site.yaw
    yaw = rng.uniform(low, high, BATCH)
    support = world.bodies.get(carrier_name(site.name, site.carrier))
    if support is None or not packed:
        return yaw
    rotation = support.rotation
    square = math.atan2(rotation[1, 0] - rotation[0, 1], rotation[0, 0] + rotation[1, 1])
    turned = square + (math.pi / 2.0) * rng.integers(0, 4, BATCH) + rng.uniform(-0.05, 0.05, BATCH)
    turned = np.mod(turned + math.pi, 2.0 * math.pi) - math.pi
    return np.where((turned >= low) & (turned <= high), turned, yaw)


def _turned(point: Array, yaw: Array) -> Array:
    """A point (2,) turned about the origin by angles (n,): (n, 2)."""
    c, s = np.cos(yaw), np.sin(yaw)
    turned = np.empty((len(yaw), 2))
    turned[:, 0] = c * point[0] - s * point[1]
    turned[:, 1] = s * point[0] + c * point[1]
    return turned


def _usable(guide: Relation, name: str, world: PlannedWorld) -> bool:
    """Whether a relation can guide an object now; ``between`` decides for itself."""
    others = [n for n in (guide.subject, *guide.objects) if n not in (name, TABLE)]
    return guide.name == "between" or all(n in world.bodies or is_place(n) for n in others)


def _complete(relation: Relation, name: str, world: PlannedWorld) -> bool:
    members = (relation.subject, *relation.objects)
    return all(n in (name, TABLE) or n in world.bodies or is_place(n) for n in members)


def _draft(
    site: Site, drawer: Drawer, guides: list[Relation], batch: int, rejected: Counter[str]
) -> Draft | None:
    """Candidates from the carrier, else from the guides in turn, else from the region."""
    if site.carrier is not None and carrier_name(site.name, site.carrier) != TABLE:
        draft = RULES[site.carrier.name].draw(site.carrier, drawer)
        if draft is None:
            rejected[str(site.carrier)] += BATCH
        return draft
    for k in range(len(guides)):
        guide = guides[(batch + k) % len(guides)]
        draft = RULES[guide.name].draw(guide, drawer)
        if draft is not None:
            return draft
    surface = table_surface(drawer.world.table)
    return drawer.flat(site.region.sample(surface.polygon, drawer.rng, len(drawer.yaw)))


def _promising(site: Site, draft: Draft, world: PlannedWorld, rejected: Counter[str]) -> list[int]:
    """Indices of candidates in the region and on the table, lowest centimetre first."""
    good = ~np.isnan(draft.heights)
    if not good.all():
        rejected[f"room({site.name}, {draft.support})"] += int((~good).sum())
    inside = site.region.contains(draft.centres)
    if draft.support == TABLE:
        inside &= _over_table(draft.centres, world)
    if not inside.all():
        rejected[f"region({site.name})"] += int((good & ~inside).sum())
    rows = np.flatnonzero(good & inside)
    order = np.argsort(np.floor(draft.drops[rows] / STEP), kind="stable")
    return [int(i) for i in rows[order]]


def _over_table(points: Array, world: PlannedWorld) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    table = world.table
    if table.outline:
        return np.asarray(table_surface(table).polygon.signed_distance(points) <= 0.0)
    offset = np.abs(points - np.array(table.center))
    within: np.ndarray[tuple[int], np.dtype[np.bool_]] = (
        offset <= np.array(table.half_extents)
    ).all(axis=1)
    return within


def _refusal(
    site: Site, body: Body, support: str, present: list[Relation], world: PlannedWorld
) -> str | None:
    """The first edge that refuses a candidate, or None."""
    for relation in present:
        if not all(m.holds for m in RULES[relation.name].measure(relation, world)):
            return str(relation)
    if support == TABLE and not _clear_of_edge(body, site.edge_margin, world):
        return f"edge({site.name})"
    for disc in site.keep_out:
        if disc.blocks(body.polygon):
            return f"keep_out({site.name})"
    return _crowding(site, body, support, present, world)


def _clear_of_edge(body: Body, margin: float, world: PlannedWorld) -> bool:
    table = world.table
    if table.outline:
        inside = table_surface(table).polygon.signed_distance(body.polygon.vertices)
        return bool((inside <= -margin).all())
    offset = np.abs(body.polygon.vertices - np.array(table.center)).max(axis=0)
    return bool((offset <= np.array(table.half_extents) - margin).all())


def _crowding(
    site: Site, body: Body, support: str, present: list[Relation], world: PlannedWorld
) -> str | None:
    """Names the first placed object that is too close."""
    lineage = world.ancestors(site.name)
    vertical = {n for r in present if r.name in VERTICAL for n in (r.subject, *r.objects)} - {
        site.name
    }
    x, y = float(body.centre[0]), float(body.centre[1])
    for other in world.bodies.values():
        if other is body or other.name in lineage:
            continue
        gap = max(site.gap, site.gaps.get(other.name, 0.0))
        shared = lineage & world.ancestors(other.name)
        if shared:
            gap = min(gap, SHARED_SUPPORT_GAP)
        distance = math.hypot(x - float(other.centre[0]), y - float(other.centre[1]))
        if distance >= body.radius + other.radius + gap:
            continue
        apart = body.bottom >= other.top or other.bottom >= body.top
        if apart and (shared or other.name in vertical):
            continue
        if body.polygon.separation(other.polygon) < gap:
            return f"gap({site.name}, {other.name})"
    return None
