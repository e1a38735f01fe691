"""Closed-loop evaluation on worlds the policy has not seen, many episodes at once in processes.

Scenes are those of a generator's own attempts under a seed that made no training data; a scene
counts only when the expert solves it, so that a policy is not blamed for what cannot be done.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from datafactory.errors import SpecError
from datafactory.plugin import load_generator
from datafactory_zoo.results import Lineage, Summary, store_results, summarise
from datafactory_zoo.rollouts import Actor, Outcome, run_episode, solvable
from datafactory_zoo.suites import suite as find_suite

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
    """

    kind: str
    where: str
    robot: str
    name: str


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
    """

    contender: Contender
    generator: str
    task: Mapping[str, Any]
    suite: str
    seed: int
    episodes: int
    verify: bool = True


@dataclass(frozen=True)
class SuiteResult:
    """What came of a suite."""

    plan: Plan
    outcomes: tuple[Outcome, ...]
    skipped: int
    spec_hash: str

    @property
    def summary(self) -> Summary:
        """Its numbers."""
        return summarise(self.plan.suite, self.outcomes, self.skipped)


class _Process:
    """What a worker process keeps between jobs."""

    world: Any = None
    actor: Any = None
    eyes: Any = None
    verify: bool = True


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


def _prepare(plan: Plan) -> None:
    import torch

    torch.set_num_threads(1)
    generator = load_generator(plan.generator)
    spec = generator.spec(plan.task, robot=plan.contender.robot)
    _Process.world = generator.world(spec, plan.seed)
    _Process.actor = _make_actor(plan.contender, plan.seed)
    _Process.verify = plan.verify


def _run(indices: Sequence[int]) -> tuple[list[Outcome], int]:
    """Episodes of some indices, and how many were left out."""
    world = _Process.world
    chosen = solvable(world, indices) if _Process.verify else list(indices)
    outcomes = [run_episode(world, _Process.actor, k, _Process.eyes) for k in chosen]
    return outcomes, len(indices) - len(chosen)


def _refuse_cameras(contender: Contender) -> None:
    """Raises ``SpecError`` for policies that see images: worlds give none to them here."""
    from datafactory_zoo.checkpoint import read_checkpoint

    if contender.kind != "checkpoint":
        return
    cameras = read_checkpoint(contender.where).processors[contender.robot].io.cameras
    if cameras:
        raise SpecError(
            "policies that see images cannot be evaluated closed loop", where=contender.where,
            why=f"it looks through {', '.join(cameras)}, and evaluation gives states only",
            remedy="evaluate policies whose recipe has no cameras",
        )  # fmt: skip


def run_suite(
    plan: Plan, *, workers: int | None = None, report: Report | None = None
) -> SuiteResult:
    """Runs one suite; the result does not depend on the number of workers.

    Args:
        plan: What to run.
        workers: Processes; one per core by default.
        report: Progress.

    Raises:
        SpecError: The task is invalid, or the expert solves hardly any of its scenes.
    """
    _refuse_cameras(plan.contender)
    generator = load_generator(plan.generator)
    spec = generator.spec(plan.task, robot=plan.contender.robot)
    count = workers or os.cpu_count() or 1
    outcomes: list[Outcome] = []
    skipped, asked = 0, 0
    limit = (1 + MAX_SKIPPED_SHARE) * plan.episodes
    with ProcessPoolExecutor(count, get_context("spawn"), _prepare, (plan,)) as pool:
        while len(outcomes) < plan.episodes and asked < limit:
            missing = plan.episodes - len(outcomes)
            starts = range(asked, asked + missing, CHUNK)
            jobs = [list(range(s, min(s + CHUNK, asked + missing))) for s in starts]
            asked += missing
            for found, left_out in pool.map(_run, jobs):
                outcomes += found
                skipped += left_out
                if report:
                    report(len(outcomes), plan.episodes, sum(o.success for o in outcomes))
    if len(outcomes) < plan.episodes:
        raise SpecError(
            f"the expert solves only {len(outcomes)} of {asked} scenes of suite '{plan.suite}'",
            where=f"task '{spec.task}'", why="a policy cannot be measured on what cannot be done",
            remedy=f"datafactory bench generate --task {spec.task}",
        )  # fmt: skip
    return SuiteResult(plan, tuple(outcomes), skipped, spec.spec_hash)


def evaluate_suites(
    contender: Contender, task: Mapping[str, Any], suites: Sequence[str], *, generator: str,
    episodes: int, seed: int = EVALUATION_SEED, out: Path | None = None,
    workers: int | None = None, report: Callable[[str], Report] | None = None,
) -> list[SuiteResult]:  # fmt: skip
    """Runs several suites of a task and stores their episodes.

    Args:
        contender: Who acts.
        task: Task as trained, plain data.
        suites: Suite names.
        generator: Generator of the task.
        episodes: Episodes per suite.
        seed: Run seed of the worlds.
        out: Folder for the table of results; None stores nothing.
        workers: Processes.
        report: Makes the progress callback of a suite.
    """
    identity = uuid.uuid4().hex
    results = []
    for name in suites:
        plan = Plan(contender, generator, find_suite(name).task(task), name, seed, episodes)
        if contender.kind == "random":  # a guard has nothing to be unfair to
            plan = replace(plan, verify=False)
        result = run_suite(plan, workers=workers, report=report(name) if report else None)
        results.append(result)
        if out is not None:
            lineage = Lineage(
                identity, contender.name, contender.where, name, str(task.get("name", "")),
                contender.robot, seed, result.spec_hash,
            )  # fmt: skip
            store_results(out, lineage, result.outcomes, {})
    return results
