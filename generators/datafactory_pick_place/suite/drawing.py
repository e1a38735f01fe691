"""Drawing ``pick_place_200``: 200 tasks from one seed.

Seen and unseen variants never share an object (the ``split`` of object families), a place (bearings
on either side of the robot's heading, swapped), a heading of an object (quarter turns on either
side, disjoint also for what looks the same after half a turn) or a phrasing (the phrase book's
``train`` and ``held_out``).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from itertools import chain
from typing import Any

import numpy as np

from datafactory.plugin import load
from datafactory.seeding import stream
from datafactory.task_suite import VARIANTS, SuiteLock, SuiteTask, TaskSuite
from datafactory_assets.query import INSTANCES_PER_FAMILY, UNSEEN_FROM, Query
from datafactory_assets.source import AssetSource
from datafactory_pick_place.suite.recipe import Part, Recipe
from datafactory_pick_place.suite.recipes import AROUND, RECIPES

NAME = "pick_place_200"
DESCRIPTION = "200 tasks of every goal form, each with seen and unseen objects, poses and words"
SEED = 0
SOURCES = ("tier0", "tier1")
LISTED = {"seen": 12, "unseen": 6}
MIN_OBJECTS = 3000
GAP_RAD = 0.04
"""Half the bearing left free between the two sides."""
YAW_RAD = (0.02, 1.55)
AROUND_RADIUS_M = (0.36, 0.76)
AROUND_ANGLE_RAD = (-1.25, 1.25)


def draw_suite(seed: int = SEED) -> tuple[SuiteTask, ...]:
    """Draws the tasks; a pure function of the seed and the object families."""
    recipes = chain.from_iterable([recipe] * recipe.tasks for recipe in RECIPES)
    return tuple(_task(k, recipe, seed) for k, recipe in enumerate(recipes))


@lru_cache(maxsize=1)
def pick_place_200() -> TaskSuite:
    """The suite with its lock."""
    path = files("datafactory_pick_place.suite").joinpath(f"{NAME}.json")
    lock = None
    if path.is_file():
        lock = SuiteLock.read(path.read_text(encoding="utf-8"), str(path))
    return TaskSuite(NAME, DESCRIPTION, "pick_place", SEED, MIN_OBJECTS, draw_suite(), lock)


def _task(k: int, recipe: Recipe, seed: int) -> SuiteTask:
    rng = stream(seed, NAME, k, recipe.title)
    number = f"{k:03d}"
    chosen = {name: _families(part, rng) for name, part in recipe.parts.items()}
    around = tuple(str(f) for f in rng.choice(AROUND, 4, replace=False))
    variants: dict[str, Mapping[str, Any]] = {}
    for variant in VARIANTS:
        queries = {
            name: _query(part, chosen[name], variant, rng) for name, part in recipe.parts.items()
        }
        others = _query(Part(around), around, variant, rng)
        variants[variant] = _data(recipe, f"{NAME}_{number}_{variant}", variant, queries, others)
    return SuiteTask(number, recipe.title, variants)


def _families(part: Part, rng: np.random.Generator) -> tuple[str, ...]:
    count = min(part.kinds, len(part.families))
    return tuple(sorted(str(f) for f in rng.choice(part.families, count, replace=False)))


def _query(
    part: Part, families: tuple[str, ...], variant: str, rng: np.random.Generator
) -> dict[str, Any]:
    query: dict[str, Any] = {"family": list(families), "split": variant}
    query |= {k: list(v) if isinstance(v, tuple) else v for k, v in part.where.items()}
    if part.listed:
        query["instances"] = _instances(query, families, variant, rng)
    return query


def _instances(
    query: Mapping[str, Any], families: tuple[str, ...], variant: str, rng: np.random.Generator
) -> list[str]:
    """So many instances that meet the query, in equal parts of every family."""
    low, high = (0, UNSEEN_FROM) if variant == "seen" else (UNSEEN_FROM, INSTANCES_PER_FAMILY)
    found: list[str] = []
    share = -(-LISTED[variant] // len(families))
    asked, homes = Query.parse(query), _homes()
    for family in families:
        seeds = (int(s) for s in rng.permutation(np.arange(low, high)))
        good = (s for s in seeds if asked.matches(homes[family].make(family, s)))
        found += [f"{family}@{seed}" for seed, _ in zip(good, range(share), strict=False)]
    return sorted(found)


@lru_cache(maxsize=1)
def _homes() -> Mapping[str, AssetSource]:
    """Family to the source that makes it."""
    sources: list[AssetSource] = [load("asset source", name)() for name in SOURCES]
    return {info.name: source for source in sources for info in source.families()}


def _data(
    recipe: Recipe, name: str, variant: str, queries: Mapping[str, Any], around: Mapping[str, Any]
) -> dict[str, Any]:
    """A task file's content."""
    parts = recipe.parts
    data: dict[str, Any] = {
        "name": name,
        "description": recipe.description,
        "generator": "pick_place",
        "sources": list(SOURCES),
        "objects": {n: queries[n] for n, part in parts.items() if part.count is None},
        "sets": {
            n: {"query": queries[n], "count": list(part.count)}
            for n, part in parts.items() if part.count is not None
        },
        "goal": dict(recipe.goal),
        "zones": {n: _zone(part, variant, recipe.reach_rad)
                  for n, part in parts.items() if part.side != "carried"},
        "held_out_share": 1.0 if variant == "unseen" else 0.0,
        "distractors": {"count": list(recipe.distractors), "query": dict(around),
                        "radius_m": list(AROUND_RADIUS_M), "angle_rad": list(AROUND_ANGLE_RAD)},
        "layout": {"angle_rad": [-recipe.reach_rad, recipe.reach_rad]},
    }  # fmt: skip
    for key in ("objects", "sets"):
        if not data[key]:
            del data[key]
    if recipe.table is not None:
        data["layout"]["table"] = dict(recipe.table)
    if recipe.refer:
        data["refer"] = {role: list(kinds) for role, kinds in recipe.refer.items()}
        data["lookalikes"] = [dict(group) for group in recipe.lookalikes]
    return data


def _zone(part: Part, variant: str, reach: float) -> dict[str, Any]:
    left = (part.side == "one") == (variant == "seen")
    low, high = YAW_RAD
    return {
        "angle_rad": [GAP_RAD, reach] if left else [-reach, -GAP_RAD],
        "yaw_rad": [-high, -low] if variant == "seen" else [low, high],
    }
