"""Things go only into what has an opening: tasks that ask otherwise are refused when read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from datafactory.case import Case
from datafactory.errors import SpecError
from datafactory.plugin import load
from datafactory.scene_graph.inserting import INSERTED_SHARE
from datafactory_assets.asset import RigidAsset
from datafactory_assets.query import Query, instance_of
from datafactory_assets.source import AssetSource

IN, UPRIGHT_IN = "in", "upright_in"
SEEDS_TRIED = 4


def require_openings(case: Case, source_names: tuple[str, ...], where: str) -> None:
    """Checks that objects can be put into what a case puts them into.

    The first instances of all families that may be drawn are looked at.

    Args:
        case: The case.
        source_names: Asset sources of the task.
        where: Place of the case in the task file.

    Raises:
        SpecError: None of them has an opening, or none is deep enough to stand something in.
        UnknownNameError: No installed plugin provides a source.
    """
    queries = {**case.objects, **{name: made.query for name, made in case.sets.items()}}
    initial = ((r.name, r.subject, name) for r in case.initial for name in r.objects)
    asked = [
        (relation, subject, into)
        for relation, subject, into in dict.fromkeys((*case.wanted(), *initial))
        if relation in (IN, UPRIGHT_IN) and subject in queries and into in queries
    ]
    if not asked:
        return
    sources = tuple(load("asset source", name)() for name in source_names)
    for relation, subject, into in asked:
        things, holders = (_instances(queries[role], sources) for role in (subject, into))
        why = _shut(relation, things, holders)
        if why:
            raise SpecError(
                f"'{subject}' cannot be put into '{into}'", where=where, why=why,
                remedy="choose another container: `datafactory assets list` marks them",
            )  # fmt: skip


def _instances(query: dict[str, Any], sources: Sequence[AssetSource]) -> Iterator[RigidAsset]:
    """The instances a query names, else the first ones of every family it admits."""
    wanted = Query.parse(query)
    named = [instance_of(name) for name in wanted.instances]
    for source, info in wanted.candidates(sources):
        seeds = [seed for family, seed in named if family == info.name] or range(SEEDS_TRIED)
        yield from (source.make(info.name, seed) for seed in seeds)


def _shut(relation: str, things: Iterator[RigidAsset], holders: Iterator[RigidAsset]) -> str:
    """Why none of the holders can take any of the things; empty when one can."""
    needed_m, deepest_m, seen = 0.0, 0.0, set()
    if relation == UPRIGHT_IN:
        needed_m = INSERTED_SHARE[0] * min((max(a.extents) for a in things), default=0.0)
    for holder in holders:
        seen.add(holder.category)
        volumes = holder.volumes if relation == UPRIGHT_IN else (holder.cavity,)
        depths_m = [v.rim_z - v.floor_z for v in volumes if v is not None]
        deepest_m = max(deepest_m, *depths_m, 0.0)
        if depths_m and deepest_m >= needed_m:
            return ""
    if not seen:  # nothing matches the query, which is said elsewhere
        return ""
    names = ", ".join(sorted(seen)[:6])
    if not deepest_m:
        return f"it has no opening: {names}"
    return (
        f"its hollow is too shallow to stand something in: {names}, {1e3 * deepest_m:.0f} mm; "
        f"{1e3 * needed_m:.0f} mm are needed"
    )
