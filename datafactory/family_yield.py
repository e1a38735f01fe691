"""Yield per family: every kind of object and table has attempts of its own.

A family that a gripper can lift is what has to be moved; one that it cannot lift is the place to
put something in, on or beside. Each family gets a task of its own, so that an attempt whose layout
fails counts against the family like any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Any

from datafactory.errors import UnknownNameError
from datafactory.scene_graph.contradictions import find_asset_contradictions
from datafactory.scene_graph.graph import Relation
from datafactory_assets.families import SeededSource, Tier0, Tier1
from datafactory_assets.source import FamilyInfo
from datafactory_assets.tables import table_families

FAMILY_BAR = 0.5
CONTAINERS = ("open_box", "basket")
CARRIERS = ("tray",)
PUT_IN = ("block", "dice", "orange", "soap")
PUT_ON = ("block", "can", "soap", "cream_jar")
STOOD_IN: Mapping[str, tuple[str, ...]] = {
    "bottle_crate": ("bottle",),
    "cutlery_tray": ("glue_stick",),
    "spice_rack": ("spice_jar",),
    "utensil_crock": ("wooden_spoon", "spatula", "fork", "spoon"),
}
"""What stands in things that are too deep or too finely divided to drop a block into."""
SEEDS_TRIED = 8
DISTRACTORS = {"count": [0, 2], "query": {"family": ["can", "carton", "block", "jar", "tin"]}}
WEAK: Mapping[str, str] = {
    "teapot": "planning finds a motion without contact in about half of its attempts: of 24 each, "
    "12 were accepted into a box, 12 into a basket, 9 onto a tray",
    "toast_rack": "its walls of 5 mm are held with a finger between two of them, and planning "
    "seldom finds a motion without contact then",
}
"""Families whose yield may be below the bar, and why."""


@dataclass(frozen=True)
class FamilyTask:
    """The task that a family is measured with.

    Attributes:
        family: The family.
        source: Its source, or ``table``.
        goal: The goal in words, ``it`` being the family.
        data: The task as plain data.
    """

    family: str
    source: str
    goal: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class FamilyYield:
    """What came of a family's attempts.

    Attributes:
        family, source, goal: As in :class:`FamilyTask`.
        attempts: Attempts made.
        accepted: Attempts accepted.
        reasons: Rejected attempts by reason, most frequent first.
    """

    family: str
    source: str
    goal: str
    attempts: int
    accepted: int
    reasons: Mapping[str, int]

    @property
    def share(self) -> float:
        """Accepted of attempted."""
        return self.accepted / self.attempts

    @property
    def passed(self) -> bool:
        """The yield reaches the bar, or there is a stated reason why it does not."""
        return self.share >= FAMILY_BAR or self.family in WEAK


def family_tasks(only: Sequence[str] = ()) -> tuple[FamilyTask, ...]:
    """The tasks of all built-in families, or of some of them.

    Raises:
        UnknownNameError: There is no family of this name.
    """
    tasks = tuple(_all_tasks())
    known = [task.family for task in tasks]
    for name in only:
        if name not in known:
            raise UnknownNameError.of("family", name, known)
    return tuple(task for task in tasks if not only or task.family in only)


def _all_tasks() -> Iterator[FamilyTask]:
    for source in (Tier0(), Tier1()):
        for info in source.families():
            yield _moved(source, info) if info.graspable else _target(source, info)
    for table in table_families():
        yield _task(
            table.name, "table", "in", PUT_IN, CONTAINERS, {"table": {"family": table.name}}
        )


def _moved(source: SeededSource, info: FamilyInfo) -> FamilyTask:
    """The family is moved into a container it fits, or else onto a tray."""
    fits = sum(
        not find_asset_contradictions(
            [Relation("in", "a", ("b",))],
            {"a": source.make(info.name, seed), "b": Tier0().make(container, seed)},
            (0,),
        )
        for seed in range(SEEDS_TRIED)
        for container in CONTAINERS
    )
    if 2 * fits >= SEEDS_TRIED * len(CONTAINERS):
        return _task(info.name, source.name, "in", (info.name,), CONTAINERS)
    return _task(info.name, source.name, "on", (info.name,), CARRIERS)


def _target(source: SeededSource, info: FamilyInfo) -> FamilyTask:
    """Something is put on the family, in it, or else near it."""
    if info.name in STOOD_IN:
        return _task(info.name, source.name, "upright_in", STOOD_IN[info.name], (info.name,))
    if info.supports:
        return _task(info.name, source.name, "on", PUT_ON, (info.name,))
    relation = "in" if source.make(info.name, 0).cavity is not None else "near"
    return _task(info.name, source.name, relation, PUT_IN, (info.name,))


def _task(
    family: str, source: str, relation: str, moved: tuple[str, ...], target: tuple[str, ...],
    layout: Mapping[str, Any] | None = None,
) -> FamilyTask:  # fmt: skip
    word = relation.replace("_", " ")
    data = {
        "name": f"yield_{family}",
        "generator": "pick_place",
        "sources": ["tier0", "tier1"],
        "objects": {"a": {"family": list(moved)}, "b": {"family": list(target)}},
        "goal": {"relation": relation, "subject": "a", "object": "b"},
        "instructions": {"train": [f"put {{a}} {word} {{b}}"]},
        "distractors": DISTRACTORS,
        "layout": dict(layout or {}),
    }
    a, b = ("it" if family in names else " or ".join(names) for names in (moved, target))
    goal = f"{a} {word} {b}" + (", at it" if source == "table" else "")
    return FamilyTask(family, source, goal, data)


def measure_family(task: FamilyTask, *, n: int, seed: int, robot: str | None) -> FamilyYield:
    """Makes ``n`` attempts of a family's task in this process."""
    from datafactory.settings import bind_task, resolve_run

    flags = {"task": task.data, "robot": robot, "seed": seed}
    bound = bind_task(resolve_run(flags, environ={}))
    maker = bound.generator.open(bound.spec, seed)
    verdicts = [maker.attempt(index).verdict for index in range(n)]
    reasons = Counter(v.reason for v in verdicts if v.reason)
    accepted = sum(v.accepted for v in verdicts)
    return FamilyYield(
        task.family, task.source, task.goal, n, accepted, dict(reasons.most_common())
    )


def measure_families(
    tasks: Sequence[FamilyTask], *, n: int, seed: int = 0, robot: str | None = None,
    workers: int = 1, on_family: Callable[[FamilyYield], None] | None = None,
) -> tuple[FamilyYield, ...]:  # fmt: skip
    """Measures families, in the order given; the numbers do not depend on the workers.

    Args:
        tasks: The families' tasks.
        n: Attempts of each family.
        seed: Run seed.
        robot: Robot; the tasks' default when None.
        workers: Processes.
        on_family: Called with every family measured.
    """
    measure = partial(measure_family, n=n, seed=seed, robot=robot)
    found = []
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for result in pool.map(measure, tasks):
            found.append(result)
            if on_family is not None:
                on_family(result)
    return tuple(found)
