"""Checks what a suite promises, without executing anything."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

from datafactory.case import Case
from datafactory.goals.form import Form
from datafactory.language.book import Split, form_templates, phrase_book
from datafactory.plugin import load, load_generator
from datafactory.spec import TaskSpec
from datafactory.task_suite import VARIANTS, TaskSuite
from datafactory_assets.asset import RigidAsset
from datafactory_assets.query import Query, instance_of
from datafactory_assets.source import AssetSource


@dataclass(frozen=True)
class SuiteCheck:
    """One promise and what was found.

    Attributes:
        name: The promise.
        passed: Whether it is kept.
        finding: In words, with numbers.
    """

    name: str
    passed: bool
    finding: str


@dataclass(frozen=True)
class Objects:
    """Objects a suite lists.

    Attributes:
        seen: Content hashes of the seen variants.
        unseen: Those of the unseen variants.
        containers: Those that are containers, of both.
    """

    seen: frozenset[str]
    unseen: frozenset[str]
    containers: frozenset[str]

    @property
    def counts(self) -> tuple[int, int]:
        """Distinct objects, and containers among them."""
        return len(self.seen | self.unseen), len(self.containers)


def check_suite(suite: TaskSuite) -> tuple[SuiteCheck, ...]:
    """Checks a suite's tasks, objects, places, headings, words and lock.

    Raises:
        SpecError: A task is invalid.
    """
    specs = read_specs(suite)
    objects = listed_objects(specs)
    return (
        SuiteCheck("tasks", True, f"{len(suite.tasks)} tasks of {_forms(specs['seen'])} goal forms"
                   " are valid"),
        _check_lock(suite),
        _check_proofs(suite),
        _check_count(suite, objects),
        _check_objects(specs, objects),
        *_check_zones(specs),
        _check_words(specs),
    )  # fmt: skip


Specs = Mapping[str, tuple[TaskSpec, ...]]
"""Variant to the tasks of a suite."""


def read_specs(suite: TaskSuite) -> Specs:
    """All tasks, validated by their generator.

    Raises:
        SpecError: A task is invalid.
    """
    generator = load_generator(suite.generator)

    def read(data: Mapping[str, Any]) -> TaskSpec:
        plain = generator.spec(data, where=str(data["name"])).to_dict()
        del plain["generator_version"]
        return TaskSpec.model_validate(plain)

    return {v: tuple(read(task.variants[v]) for task in suite.tasks) for v in VARIANTS}


def _forms(specs: tuple[TaskSpec, ...]) -> int:
    goals = (case.goal for spec in specs for case in spec.cases)
    return len({goal.kind if isinstance(goal, Form) else "relations" for goal in goals})


def queries_of(spec: TaskSpec) -> Iterator[Query]:
    """Every object query of a task, distractors included."""
    for case in spec.cases:
        yield from map(Query.parse, case.objects.values())
        yield from (Query.parse(group.query) for group in case.sets.values())
    yield Query.parse(spec.distractors.query)


def listed_objects(specs: Specs) -> Objects:
    """The single instances that queries list, made and hashed; queries without a list add none."""
    found: dict[str, dict[tuple[str, int], RigidAsset]] = {v: {} for v in VARIANTS}
    for variant, tasks in specs.items():
        made = found[variant]
        for spec in tasks:
            home = _homes(spec.sources)
            listed = chain.from_iterable(query.instances for query in queries_of(spec))
            for family, seed in map(instance_of, listed):
                if (family, seed) not in made:
                    made[family, seed] = home[family].make(family, seed)
    assets = {v: frozenset(a.content_hash for a in made.values()) for v, made in found.items()}
    containers = frozenset(
        a.content_hash for made in found.values() for a in made.values() if a.container
    )
    return Objects(assets["seen"], assets["unseen"], containers)


@lru_cache(maxsize=4)
def _homes(names: tuple[str, ...]) -> Mapping[str, AssetSource]:
    sources: list[AssetSource] = [load("asset source", name)() for name in names]
    return {info.name: source for source in sources for info in source.families()}


def _check_lock(suite: TaskSuite) -> SuiteCheck:
    if suite.lock is None:
        return SuiteCheck("lock", False, "there is none")
    changed = [
        f"{task.number}/{variant}"
        for task in suite.tasks
        for variant, digest in task.hashes().items()
        if task.number not in suite.lock.proofs
        or suite.lock.proofs[task.number][variant].content_hash != digest
    ]
    extra = sorted(set(suite.lock.proofs) - {task.number for task in suite.tasks})
    return SuiteCheck("lock", not changed and not extra, _some(changed + extra, "variants differ")
                      or "every task is what its hash says")  # fmt: skip


def _check_proofs(suite: TaskSuite) -> SuiteCheck:
    proofs = suite.lock.proofs if suite.lock is not None else {}
    version = load_generator(suite.generator).version
    if suite.lock is not None and suite.lock.generator_version != version:
        return SuiteCheck("proven", False, f"by version {suite.lock.generator_version} of the "
                          f"generator, {version} is installed")  # fmt: skip
    missing = [
        f"{task.number}/{variant}"
        for task in suite.tasks
        for variant in VARIANTS
        if task.number not in proofs or proofs[task.number][variant].attempt is None
    ]
    robot = suite.lock.robot if suite.lock is not None else ""
    return SuiteCheck("proven", not missing, _some(missing, "variants without an accepted attempt")
                      or f"every variant has an accepted attempt of {robot}")  # fmt: skip


def _some(names: list[str], what: str) -> str:
    more = "" if len(names) <= 5 else " ..."
    return f"{len(names)} {what}: {', '.join(names[:5])}{more}" if names else ""


def _check_count(suite: TaskSuite, objects: Objects) -> SuiteCheck:
    count, containers = objects.counts
    recorded = suite.lock is None or (suite.lock.objects, suite.lock.containers) == objects.counts
    note = "" if recorded else "; the lock says otherwise"
    return SuiteCheck("distinct objects", count >= suite.min_objects and recorded,
                      f"{count:,} by content hash, {containers:,} of them containers, at least "
                      f"{suite.min_objects:,}{note}")  # fmt: skip


def _check_objects(specs: Specs, objects: Objects) -> SuiteCheck:
    both = objects.seen & objects.unseen
    open_queries = sum(
        query.split != variant
        for variant, found in specs.items() for spec in found for query in queries_of(spec)
    )  # fmt: skip
    return SuiteCheck("unseen objects", not both and not open_queries,
                      f"{len(objects.seen):,} seen, {len(objects.unseen):,} unseen, {len(both)} in "
                      f"both; {open_queries} queries without their split")  # fmt: skip


def _check_zones(specs: Specs) -> tuple[SuiteCheck, SuiteCheck]:
    """Whatever stands on the table has a zone, and those of the two variants are apart.

    Headings must also differ for what looks the same after half a turn.
    """
    zones = places = headings = 0
    for seen, unseen in zip(specs["seen"], specs["unseen"], strict=True):
        for one, other in zip(seen.cases, unseen.cases, strict=True):
            loose = len(_free(one) | _free(other))
            both = [(one.zones[role], other.zones[role]) for role in one.zones]
            zones += len(both)
            places += loose + sum(_overlap(a.angle_rad, b.angle_rad, 2.0 * math.pi)
                                  for a, b in both)  # fmt: skip
            headings += loose + sum(_overlap(a.yaw_rad, b.yaw_rad, math.pi) for a, b in both)
    return (
        SuiteCheck("unseen positions", not places, f"{zones} zones, {places} shared"),
        SuiteCheck("unseen orientations", not headings, f"{zones} zones, {headings} shared"),
    )


def _free(case: Case) -> set[str]:
    """Roles and sets that are neither in a zone nor carried by something at the start."""
    carried = {relation.subject for relation in case.initial}
    if isinstance(case.goal, Form) and case.goal.kind == "unload":
        carried |= set(case.goal.names()) & set(case.sets)
    return {*case.objects, *case.sets} - set(case.zones) - carried


def _overlap(a: tuple[float, float], b: tuple[float, float], period: float) -> bool:
    """Whether two ranges of angles share one, modulo a period."""
    shifts = (k * period for k in range(-2, 3))
    return any(a[0] < b[1] + shift and b[0] + shift < a[1] for shift in shifts)


def _check_words(specs: Specs) -> SuiteCheck:
    """Seen variants use training phrasings only, unseen ones held-out phrasings only."""
    wanted = {"seen": 0.0, "unseen": 1.0}
    mixed = sum(
        case.instructions is not None or case.held_out_share != wanted[variant]
        for variant, found in specs.items() for spec in found for case in spec.cases
    )  # fmt: skip
    train, held = _phrasings("train"), _phrasings("held_out")
    return SuiteCheck("unseen instructions", not mixed and not train & held,
                      f"{len(train)} training phrasings, {len(held)} held out, "
                      f"{len(train & held)} in both; {mixed} cases mix them")  # fmt: skip


def _phrasings(split: Split) -> set[str]:
    """All templates of the phrase book in one split, whatever their slots are called."""
    forms = phrase_book()["forms"]
    texts = chain.from_iterable(form_templates(form, split) for form in forms)
    return {re.sub(r"\$\w+", "$", text) for text in texts}
