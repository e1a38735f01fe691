"""Executes the tasks of a suite until an attempt of every variant is accepted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

from datafactory.plugin import load_generator
from datafactory.task_suite import VARIANTS, Proof, SuiteLock, TaskSuite, suite_task

ROBOT = "franka_panda"
RUN_SEED = 0
TRIES = 12


@dataclass(frozen=True)
class Outcome:
    """What executing one variant came to.

    Attributes:
        number: Task.
        variant: ``seen`` or ``unseen``.
        attempt: Index of an accepted attempt; None when none was.
        reasons: Reason codes of the attempts refused before it.
        cpu_s: CPU seconds of all of them.
    """

    number: str
    variant: str
    attempt: int | None
    reasons: tuple[str, ...]
    cpu_s: float


def prove(
    suite: TaskSuite, numbers: Sequence[str], *, tries: int = TRIES, workers: int = 1
) -> Iterator[Outcome]:
    """Executes every variant of some tasks: first the attempt of the lock, then from index 0 on.

    Args:
        suite: The suite.
        numbers: Its tasks to execute.
        tries: Attempts before a variant counts as not executable.
        workers: Processes; with one, this process does it.

    Yields:
        One outcome per task and variant, in order.
    """
    jobs = [(number, variant) for number in numbers for variant in VARIANTS]
    one = partial(_outcome, suite.name, tries=tries)
    if workers == 1:
        yield from map(one, jobs)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(one, jobs)


def _outcome(name: str, job: tuple[str, str], *, tries: int) -> Outcome:
    from datafactory.task_suite import task_suite

    number, variant = job
    suite = task_suite(name)
    generator = load_generator(suite.generator)
    spec = generator.spec(suite_task(f"{name}/{number}", variant), robot=ROBOT)
    maker = generator.open(spec, RUN_SEED)
    reasons: list[str] = []
    cpu_s = 0.0
    for index in _order(suite, number, variant, tries):
        episode = maker.attempt(index)
        cpu_s += episode.cpu_s["total"]
        if episode.verdict.accepted:
            return Outcome(number, variant, index, tuple(reasons), cpu_s)
        reasons.append(episode.verdict.reason)
    return Outcome(number, variant, None, tuple(reasons), cpu_s)


def _order(suite: TaskSuite, number: str, variant: str, tries: int) -> tuple[int, ...]:
    proofs = suite.lock.proofs if suite.lock is not None else {}
    known = proofs[number][variant].attempt if number in proofs else None
    first = () if known is None else (known,)
    return (*first, *(k for k in range(tries) if k != known))


def new_lock(suite: TaskSuite, outcomes: Sequence[Outcome], counts: tuple[int, int]) -> SuiteLock:
    """The suite's lock with what was found; other tasks keep their record.

    Args:
        suite: The suite.
        outcomes: From ``prove``.
        counts: Distinct objects, and containers among them.
    """
    import mujoco

    old = suite.lock.proofs if suite.lock is not None else {}
    found = {(o.number, o.variant): o.attempt for o in outcomes}
    proofs = {}
    for task in suite.tasks:
        hashes = task.hashes()
        entry = {}
        for variant, digest in hashes.items():
            kept = old[task.number][variant] if task.number in old else Proof(digest, None)
            attempt = kept.attempt if kept.content_hash == digest else None
            entry[variant] = Proof(digest, found.get((task.number, variant), attempt))
        proofs[task.number] = entry
    version = load_generator(suite.generator).version
    return SuiteLock(ROBOT, RUN_SEED, version, mujoco.mj_versionString(), *counts, proofs)
