"""Drawing the objects: roles, members of sets, lookalikes and distractors of one attempt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from datafactory.case import Case, Lookalikes
from datafactory.errors import SpecError
from datafactory.goals.cast import Cast, member_names
from datafactory.goals.form import Form, Said
from datafactory.grasps.ranking import can_grasp
from datafactory.language.nouns import noun
from datafactory.language.referring import SIZE_RATIO, volume
from datafactory.robots.model import RobotModel
from datafactory.scene_graph.contradictions import find_asset_contradictions
from datafactory.scene_graph.graph import Goal, Relation
from datafactory.spec import Distractors
from datafactory_assets.asset import RigidAsset
from datafactory_assets.query import Query
from datafactory_assets.source import AssetSource
from datafactory_pick_place.streams import AttemptStreams

MAX_DISTRACTOR_TRIES = 12
MAX_OBJECT_TRIES = 8
MAX_FORM_TRIES = 60
STARTING_POSES = (0,)
"""Stable poses that objects start in."""


@dataclass(frozen=True)
class Play:
    """A case with everything decided that depends on the objects drawn.

    Attributes:
        case: The case.
        cast: Who plays which role.
        goal: The goal over object names.
        initial: Initial relations over object names.
        said: What an instruction says, stage by stage; empty when the case has its own templates.
    """

    case: Case
    cast: Cast
    goal: Goal
    initial: tuple[Relation, ...]
    said: tuple[Said, ...]

    @classmethod
    def of(cls, case: Case, cast: Cast) -> Play:
        """Resolves a case for a cast."""
        initial = tuple(r for relation in case.initial for r in cast.expand(relation))
        if isinstance(case.goal, Goal):
            return cls(case, cast, case.goal, initial, ())
        goal, form = case.goal.goal(cast), case.goal
        said = form.said(cast) if case.instructions is None else ()
        return cls(case, cast, goal, (*initial, *form.initial(cast)), said)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the objects that take part."""
        return tuple(self.cast.assets)


def draw_cast(
    case: Case, robot: RobotModel, streams: AttemptStreams, sources: Sequence[AssetSource]
) -> tuple[Play, set[str], tuple[str, ...]]:
    """Task objects with distinct noun phrases, drawn again while they contradict the goal.

    Returns:
        The resolved case, the noun phrases taken, and what cannot be when no draw was free of
        contradictions.
    """
    tries = MAX_FORM_TRIES if isinstance(case.goal, Form) else MAX_OBJECT_TRIES
    for _ in range(tries):  # a bottle does not fit every bowl: draw again
        cast, taken = _draw_once(case, streams["object_choice"], sources)
        play = Play.of(case, cast)
        relations = (*play.initial, *play.goal.relations())
        impossible = _contradictions(relations, cast.assets) + _too_wide(play, robot)
        if not impossible:
            break
    return play, taken, impossible


def _draw_once(
    case: Case, rng: np.random.Generator, sources: Sequence[AssetSource]
) -> tuple[Cast, set[str]]:
    assets: dict[str, RigidAsset] = {}
    taken: set[str] = set()
    for role, wanted in case.objects.items():
        assets[role] = distinct(Query.parse(wanted), rng, sources, taken)
    sets = {}
    rules = case.goal.matching() if isinstance(case.goal, Form) else ()
    places = {into: trait for _, into, trait in rules}
    for name in sorted(case.sets, key=lambda n: n not in places):  # places come first
        low, high = case.sets[name].count
        sets[name] = member_names(name, int(rng.integers(low, high + 1)))
        query = Query.parse(case.sets[name].query)
        for k, member in enumerate(sets[name]):
            if name in places:
                used = {str(getattr(assets[n], places[name])) for n in sets[name][:k]}
                assets[member] = _draw_place(query, places[name], used, rng, sources, taken)
            else:
                own = _member_query(name, k, query, rules, sets, assets)
                assets[member] = distinct(own, rng, sources, taken)
    return Cast(sets, assets), taken


def _member_query(
    name: str, k: int, query: Query, rules: Iterable[tuple[str, str, str]],
    sets: Mapping[str, tuple[str, ...]], assets: Mapping[str, RigidAsset],
) -> Query:  # fmt: skip
    """What member k of a set is drawn from: the trait of the place it is dealt to in turn."""
    for objects, into, trait in rules:
        if objects == name:
            places = sets.get(into, (into,))
            wanted = getattr(assets[places[k % len(places)]], trait)
            return replace(query, **{trait: wanted})
    return query


def _draw_place(
    query: Query, trait: str, used: set[str], rng: np.random.Generator,
    sources: Sequence[AssetSource], taken: set[str],
) -> RigidAsset:  # fmt: skip
    """A place whose trait differs from those of the places before it.

    Raises:
        SpecError: The query gives no other one.
    """
    asset = distinct(query, rng, sources, taken, lambda a: getattr(a, trait) not in used)
    if getattr(asset, trait) in used:
        raise SpecError(
            f"there are not enough places of different {trait}", where=str(query.to_dict()),
            why=f"none of {MAX_FORM_TRIES} draws was other than {', '.join(sorted(used))}",
            remedy="widen the query of the places, or lower their count",
        )  # fmt: skip
    return asset


def _contradictions(
    relations: Sequence[Relation], assets: Mapping[str, RigidAsset]
) -> tuple[str, ...]:
    """What cannot be: among others, things that do not fit in the orientation they start in."""
    return tuple(c.message for c in find_asset_contradictions(relations, assets, STARTING_POSES))


def _too_wide(play: Play, robot: RobotModel) -> tuple[str, ...]:
    """Objects that shall move and that are graspable, but for none of the robot's grippers."""
    assets = play.cast.assets
    return tuple(
        f"{name}: no gripper of {robot.name} can take it"
        for name in dict.fromkeys(r.subject for r in play.goal.relations())
        if assets[name].graspable and not any(can_grasp(assets[name], arm) for arm in robot.arms)
    )


def distinct(
    query: Query, rng: np.random.Generator, sources: Sequence[AssetSource], taken: set[str],
    allowed: Callable[[RigidAsset], bool] | None = None,
) -> RigidAsset:  # fmt: skip
    """Draws an asset whose noun phrase is not taken yet, as far as a few draws find one."""
    tries = MAX_DISTRACTOR_TRIES if allowed is None else MAX_FORM_TRIES
    fitting = None
    for _ in range(tries):
        asset = query.draw(rng, sources)
        if allowed is not None and not allowed(asset):
            continue
        fitting = asset
        if noun(asset) not in taken:
            break
    chosen = fitting or asset
    taken.add(noun(chosen))
    return chosen


def draw_others(
    play: Play, distractors: Distractors, streams: AttemptStreams, taken: set[str],
    sources: Sequence[AssetSource], riders: int = 0,
) -> dict[str, RigidAsset]:  # fmt: skip
    """Lookalikes, then distractors that no phrase of the instruction fits.

    The last ``riders`` of them are more than the task's count: they go onto a belt.
    """
    found: dict[str, RigidAsset] = {}
    for group in play.case.lookalikes:
        rng = streams["object_choice"]
        model = play.cast.assets[group.of]
        for _ in range(int(rng.integers(group.count[0], group.count[1] + 1))):
            query = Query.parse(play.case.objects[group.of])
            found[f"distractor_{len(found)}"] = _lookalike(group, query, model, rng, sources)
    rng = streams["distractors"]
    low, high = distractors.count
    query = Query.parse(distractors.query)
    counted = {play.cast.assets[n].category for members in play.cast.sets.values() for n in members}
    count = int(rng.integers(low, high + 1))
    for k in range(count + riders):
        if not counted:
            asset = distinct(query, rng, sources, taken)
        else:
            asset = distinct(query, rng, sources, taken, lambda a: a.category not in counted)
            if asset.category in counted and k < count:
                continue  # rather one fewer than an instruction about all that is not true
        found[f"distractor_{len(found)}"] = asset
    return found


def _lookalike(
    group: Lookalikes, query: Query, model: RigidAsset, rng: np.random.Generator,
    sources: Sequence[AssetSource],
) -> RigidAsset:  # fmt: skip
    """An object like another one: same family, and as asked the same colour, larger or smaller.

    Where no draw has the size asked for, the nearest to it is taken.
    """
    query = replace(query, instances=())
    if "category" in group.share:
        query = replace(query, family=model.family)
    if "colour" in group.share:
        query = replace(query, colour=model.colour)
    sign = {"larger": 1.0, "smaller": -1.0, "any": 0.0}[group.size]
    best, best_ratio = None, -np.inf
    for _ in range(MAX_DISTRACTOR_TRIES):
        asset = query.draw(rng, sources)
        if asset.content_hash == model.content_hash:
            continue
        ratio = sign * np.log(volume(asset) / volume(model))
        if best is None or ratio > best_ratio:
            best, best_ratio = asset, ratio
        if sign == 0.0 or ratio > np.log(SIZE_RATIO):
            break
    return best or model
