"""Closed-loop evaluation on worlds the policy has not seen, many episodes at once in processes.

Scenes are those of a generator's own attempts under a seed that made no training data; a scene
counts only when the expert solves it, so that a policy is not blamed for what cannot be done.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from datafactory.errors import SpecError
from datafactory.plugin import Spec, load_generator
from datafactory.task_suite import is_suite_task
from datafactory_zoo.eyes import LiveEyes, Sight
from datafactory_zoo.films import Tape, film_sight, shoot
from datafactory_zoo.results import Lineage, Summary, check_results, store_results, summarise
from datafactory_zoo.rollouts import Actor, Outcome, run_episode, solvable
from datafactory_zoo.suites import suites_named

EVALUATION_SEED = 1_000_003
"""Default seed of evaluation worlds; run seeds of datasets start at 0."""
MAX_SKIPPED_SHARE = 5
CHUNK = 4

Report = Callable[[int, int, int], None]
"""Called with episodes done, episodes wanted, and successes so far."""


@dataclass(frozen=True)
class Contender:
    """Who acts: a checkpoint, a policy server, or one of the guards.

    Attributes:
        kind: ``checkpoint``, ``server``, ``random`` or ``expert``.
        where: Folder of the checkpoint or address of the server; empty for guards.
        robot: Robot it acts on.
        name: Name for tables.
        cameras: Cameras it looks through.
        sight: How the pictures it was trained on were drawn; None when nobody knows.
    """

    kind: str
    where: str
    robot: str
    name: str
    cameras: tuple[str, ...] = ()
    sight: Sight | None = None


@dataclass(frozen=True)
class Plan:
    """One suite to be run.

    Attributes:
        contender: Who acts.
        generator: Generator whose worlds are used.
        task: Task of the suite, plain data.
        suite: Suite name.
        seed: Run seed of the worlds.
        episodes: Episodes wanted.
        verify: Count only scenes the expert solves.
        sight: How pictures are drawn for it; None for contenders that see none.
        films: Failures that are filmed, the first ones.
    """

    contender: Contender
    generator: str
    task: Mapping[str, Any]
    suite: str
    seed: int
    episodes: int
    verify: bool = True
    sight: Sight | None = None
    films: int = 0

    def spec(self) -> Spec:
        """The task on the contender's robot."""
        return load_generator(self.generator).spec(self.task, robot=self.contender.robot)


@dataclass(frozen=True)
class SuiteResult:
    """What came of a suite; ``films`` are MP4 files by episode index."""

    plan: Plan
    outcomes: tuple[Outcome, ...]
    skipped: int
    spec_hash: str
    films: Mapping[int, bytes]

    @property
    def summary(self) -> Summary:
        """Its numbers."""
        return summarise(self.plan.suite, self.outcomes, self.skipped)


class _Process:
    """What a worker process keeps between jobs: everything one plan needs, never a result."""

    plan: Plan | None = None
    world: Any = None
    actor: Any = None
    eyes: LiveEyes | None = None
    fps: int = 0


def _make_actor(contender: Contender, seed: int) -> Actor:
    from datafactory_zoo.rollouts import ExpertActor, PolicyActor, RandomActor

    if contender.kind == "random":
        return RandomActor(seed)
    if contender.kind == "expert":
        return ExpertActor()
    if contender.kind == "server":
        from datafactory_zoo.client import ServerActor

        return ServerActor(contender.where)
    from datafactory_zoo.checkpoint import read_checkpoint

    return PolicyActor(read_checkpoint(contender.where).agent(contender.robot), seed)


def _start() -> None:
    import torch

    torch.set_num_threads(1)


def _take_up(plan: Plan) -> None:
    """Makes the world and the actor of a plan, unless they are there from the last job."""
    if _Process.plan == plan:
        return
    if _Process.eyes is not None:
        _Process.eyes.close()
    _Process.plan = None  # until everything is there
    spec = plan.spec()
    _Process.world, _Process.fps = load_generator(plan.generator).world(spec, plan.seed), spec.fps
    _Process.eyes = LiveEyes(plan.sight) if plan.sight is not None else None
    _Process.actor = _make_actor(plan.contender, plan.seed)
    _Process.plan = plan


Played = tuple[Outcome, Tape | None]


def _run(plan: Plan, indices: Sequence[int]) -> tuple[list[Played], int]:
    """Episodes of some indices, with the tapes of failures; and how many were left out."""
    _take_up(plan)
    world = _Process.world
    chosen = solvable(world, indices) if plan.verify else list(indices)
    played: list[Played] = []
    for index in chosen:
        tape = Tape.of(_Process.fps, world) if plan.films else None
        outcome = run_episode(world, _Process.actor, index, _Process.eyes, tape)
        played.append((outcome, None if outcome.success else tape))
    return played, len(indices) - len(chosen)


def _film(plan: Plan, index: int, tape: Tape) -> bytes:
    _take_up(plan)
    _Process.world.reset(options={"index": index})
    return shoot(_Process.world, tape, film_sight(plan.sight))


def _pool(workers: int | None) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers or os.cpu_count() or 1, get_context("spawn"), _start)


def run_suite(
    plan: Plan, *, workers: int | None = None, report: Report | None = None
) -> SuiteResult:
    """Runs one suite; the result does not depend on the number of workers.

    Args:
        plan: What to run.
        workers: Processes; one per core by default.
        report: Progress.

    Raises:
        SpecError: The task is invalid, the expert solves hardly any of its scenes, or the
            contender sees and its worlds cannot be drawn.
    """
    with _pool(workers) as pool:
        return _run_in(pool, plan, report)


def _run_in(pool: ProcessPoolExecutor, plan: Plan, report: Report | None) -> SuiteResult:
    spec = plan.spec()
    outcomes: list[Outcome] = []
    tapes: dict[int, Tape] = {}
    skipped, asked = 0, 0
    limit = (1 + MAX_SKIPPED_SHARE) * plan.episodes
    while len(outcomes) < plan.episodes and asked < limit:
        missing = plan.episodes - len(outcomes)
        starts = range(asked, asked + missing, CHUNK)
        jobs = [list(range(s, min(s + CHUNK, asked + missing))) for s in starts]
        asked += missing
        for played, left_out in pool.map(partial(_run, plan), jobs):
            for outcome, tape in played:
                outcomes.append(outcome)
                if tape is not None and len(tapes) < plan.films:
                    tapes[outcome.index] = tape
            skipped += left_out
            if report:
                report(len(outcomes), plan.episodes, sum(o.success for o in outcomes))
    if len(outcomes) < plan.episodes:
        raise SpecError(
            f"the expert solves only {len(outcomes)} of {asked} scenes of suite '{plan.suite}'",
            where=f"task '{spec.task}'", why="a policy cannot be measured on what cannot be done",
            remedy=f"datafactory bench generate --task {spec.task}",
        )  # fmt: skip
    films = dict(zip(tapes, pool.map(partial(_film, plan), tapes, tapes.values()), strict=True))
    return SuiteResult(plan, tuple(outcomes), skipped, spec.spec_hash, films)


def evaluate_suites(
    contender: Contender, task: Mapping[str, Any], suites: Sequence[str], *, generator: str,
    episodes: int, seed: int = EVALUATION_SEED, out: Path | None = None,
    workers: int | None = None, report: Callable[[str], Report] | None = None, films: int = 0,
) -> list[SuiteResult]:  # fmt: skip
    """Runs several suites of a task and stores their episodes.

    Args:
        contender: Who acts.
        task: Task as trained, plain data.
        suites: Suite names, those of task suites and their tasks included.
        generator: Generator of the task.
        episodes: Episodes per suite.
        seed: Run seed of the worlds.
        out: Folder for the table of results; None stores nothing.
        workers: Processes.
        report: Makes the progress callback of a suite.
        films: Failures of each suite that are filmed.

    Raises:
        SpecError: A suite does not suit the task or the contender, or it sees and nobody knows how
            its pictures are drawn.
        DatasetError: The folder holds results of other columns.
    """
    if out is not None:
        check_results(out)
    identity = uuid.uuid4().hex
    sight = _sight(contender)
    chosen = [suite for name in suites for suite in suites_named(name)]
    plans = [
        Plan(
            contender, (suite.given or {}).get("generator", generator), suite.task(task),
            suite.name, seed, episodes,
            verify=contender.kind != "random",  # a guard has nothing to be unfair to
            sight=suite.sight(sight), films=films,
        )
        for suite in chosen
    ]  # fmt: skip
    results = []
    with _pool(workers) as pool:
        for plan in plans:
            result = _run_in(pool, plan, report(plan.suite) if report else None)
            results.append(result)
            if out is not None:
                lineage = Lineage(
                    identity, contender.name, contender.where, plan.suite,
                    str(plan.task.get("name", "")), contender.robot, seed, result.spec_hash,
                    plan.sight.style.style_hash if plan.sight else "",
                )  # fmt: skip
                store_results(out, lineage, result.outcomes, result.films)
    return results


def pooled(results: Sequence[SuiteResult]) -> list[Summary]:
    """Numbers of each suite; those of a task suite with several tasks are put together as well."""
    groups: dict[str, list[SuiteResult]] = {}
    for result in results:
        if is_suite_task(result.plan.suite):
            whole, _, variant = result.plan.suite.split("/")
            groups.setdefault(f"{whole}/*/{variant}", []).append(result)
    return [r.summary for r in results] + [
        summarise(name, [o for p in parts for o in p.outcomes], sum(p.skipped for p in parts))
        for name, parts in groups.items()
        if len(parts) > 1
    ]


def _sight(contender: Contender) -> Sight | None:
    """How pictures are drawn for a contender; None when it sees none.

    Raises:
        SpecError: It sees, and nobody knows how its pictures are drawn.
        UnknownNameError: They lack one of its cameras.
    """
    if not contender.cameras:
        return None
    if contender.sight is None:
        raise SpecError(
            f"nothing says what '{contender.name}' shall see", where=contender.where,
            why=f"it looks through {', '.join(contender.cameras)}, and how the pictures it was "
            "trained on were made is not recorded",
            remedy="name a style with these cameras: --style FILE",
        )  # fmt: skip
    contender.sight.check(contender.cameras)
    return contender.sight
