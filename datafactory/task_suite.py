"""Suites: many tasks from one seed, each with a ``seen`` and an ``unseen`` variant.

A variant is an ordinary task. The two of a task ask for the same thing, with other objects, at
other places, turned otherwise, in other words. A lock, kept beside the suite, says what every task
was when an attempt of it was executed and accepted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datafactory.binding import content_hash
from datafactory.errors import SpecError, UnknownNameError

VARIANTS = ("seen", "unseen")
_NAME = re.compile(r"^(?P<suite>[a-z0-9_]+)/(?P<task>\d{3})(?:/(?P<variant>seen|unseen))?$")


@dataclass(frozen=True)
class Proof:
    """The record of one variant.

    Attributes:
        content_hash: Hash of the variant's data.
        attempt: Index of an accepted attempt; None while there is none.
    """

    content_hash: str
    attempt: int | None


@dataclass(frozen=True)
class SuiteLock:
    """What was executed.

    Attributes:
        robot: Robot of the attempts.
        run_seed: Their run seed.
        generator_version: Version of the generator they were made by.
        engine: Version of the physics engine.
        objects: Distinct objects, containers included.
        containers: Distinct containers.
        proofs: Task number to variant to record.
    """

    robot: str
    run_seed: int
    generator_version: str
    engine: str
    objects: int
    containers: int
    proofs: Mapping[str, Mapping[str, Proof]]

    @classmethod
    def read(cls, text: str, where: str) -> SuiteLock:
        """Reads a lock's JSON.

        Raises:
            SpecError: It is not a lock.
        """
        try:
            data = json.loads(text)
            proofs = {
                number: {variant: Proof(*entry[variant]) for variant in VARIANTS}
                for number, entry in data.pop("tasks").items()
            }
            return cls(proofs=proofs, **data)
        except (KeyError, TypeError, ValueError) as error:
            raise SpecError("not a suite's lock", where=where, why=str(error),
                            remedy="`datafactory tasks suite NAME --prove --lock FILE` writes one"
                            ) from error  # fmt: skip

    def text(self) -> str:
        """Its JSON, one task a line."""
        head = {k: v for k, v in vars(self).items() if k != "proofs"}
        lines = [
            f'    "{number}": ' + json.dumps({v: [p.content_hash, p.attempt]
                                              for v, p in entry.items()})
            for number, entry in sorted(self.proofs.items())
        ]  # fmt: skip
        body = json.dumps(head, indent=2)[:-2]
        return body + ',\n  "tasks": {\n' + ",\n".join(lines) + "\n  }\n}\n"


@dataclass(frozen=True)
class SuiteTask:
    """One task of a suite.

    Attributes:
        number: Three digits, its name in the suite.
        title: What it is about (``stack_three``).
        variants: ``seen`` and ``unseen`` to plain task data.
    """

    number: str
    title: str
    variants: Mapping[str, Mapping[str, Any]]

    def hashes(self) -> dict[str, str]:
        """Content hash of every variant's data."""
        return {name: content_hash(data) for name, data in self.variants.items()}


@dataclass(frozen=True)
class TaskSuite:
    """A suite.

    Attributes:
        name: Its name.
        description: One line.
        generator: Generator whose tasks these are.
        seed: What it was drawn from.
        min_objects: Distinct objects it promises at least.
        tasks: In order of their numbers.
        lock: The record kept with it; None before there is one.
    """

    name: str
    description: str
    generator: str
    seed: int
    min_objects: int
    tasks: tuple[SuiteTask, ...]
    lock: SuiteLock | None

    def task(self, number: str) -> SuiteTask:
        """A task by its number.

        Raises:
            UnknownNameError: There is none.
        """
        for task in self.tasks:
            if task.number == number:
                return task
        known = [task.number for task in self.tasks]
        raise UnknownNameError.of(f"task of suite '{self.name}'", number, known)


def is_suite_task(text: str) -> bool:
    """Whether a task name has the form ``suite/017`` or ``suite/017/unseen``."""
    return _NAME.match(text) is not None


def task_suites() -> dict[str, TaskSuite]:
    """The suites of all generators by name; a broken generator hides its own only."""
    from datafactory.plugin import SuiteGenerator, load_generator, registered

    found: dict[str, TaskSuite] = {}
    for point in sorted(registered("generator")):
        try:
            generator = load_generator(point)
            suites = generator.suites() if isinstance(generator, SuiteGenerator) else ()
        except Exception:  # a broken plugin is reported by `list`, not here
            continue
        for suite in suites:
            found.setdefault(suite.name, suite)
    return found


def task_suite(name: str) -> TaskSuite:
    """A suite by name.

    Raises:
        UnknownNameError: There is none of this name.
    """
    suites = task_suites()
    if name not in suites:
        raise UnknownNameError.of("suite", name, suites)
    return suites[name]


def suite_task(name: str, variant: str | None = None) -> Mapping[str, Any]:
    """Data of a suite's task: ``suite_task("pick_place_200/017", "unseen")``.

    Args:
        name: ``suite/number`` or ``suite/number/variant``.
        variant: ``seen`` or ``unseen``; the name's own, else ``seen``, when None.

    Raises:
        SpecError: The name has another form, or two variants are asked for.
        UnknownNameError: There is no such suite, task or variant.
    """
    match = _NAME.match(name)
    if match is None:
        raise SpecError(f"'{name}' is not a task of a suite", why="expected SUITE/NUMBER",
                        remedy="for example pick_place_200/017 or pick_place_200/017/unseen"
                        )  # fmt: skip
    named = match["variant"]
    if named and variant and named != variant:
        raise SpecError(f"'{name}' is not the {variant} variant", remedy="leave one of the two out")
    chosen = variant or named or "seen"
    if chosen not in VARIANTS:
        raise UnknownNameError.of("variant", chosen, VARIANTS)
    return task_suite(match["suite"]).task(match["task"]).variants[chosen]
