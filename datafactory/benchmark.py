"""Measures the making of states-only episodes against the project's quality bars."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from datafactory.errors import SpecError
from datafactory.probe import disk_per_episode, folder_bytes

if TYPE_CHECKING:
    from datafactory.episode import Episode
    from datafactory.executor.request import Progress
    from datafactory.settings import BoundTask

BLOCKS = 3
CORES_OF_BAR = 2
YIELD_BAR = 0.85
RATE_BAR = 4.0
CPU_BAR = 1.5
DISK_BAR = 80_000.0


@dataclass(frozen=True)
class Measure:
    """One measured number and the bar it is held against.

    Attributes:
        name: What was measured.
        value: The number.
        unit: Its unit.
        bar: The bar; None when there is none.
        better: Whether ``high`` or ``low`` values are good.
    """

    name: str
    value: float
    unit: str
    bar: float | None = None
    better: Literal["high", "low"] = "high"

    @property
    def passed(self) -> bool:
        """The bar is reached, or there is none."""
        if self.bar is None:
            return True
        return self.value >= self.bar if self.better == "high" else self.value <= self.bar


@dataclass(frozen=True)
class Result:
    """A benchmark.

    Attributes:
        measures: The numbers.
        stage_ms: Median CPU milliseconds per attempt by stage.
        reasons: Rejected attempts by reason.
        attempts: Attempts made.
    """

    measures: tuple[Measure, ...]
    stage_ms: Mapping[str, float]
    reasons: Mapping[str, int]
    attempts: int


def bench_attempts(
    bound: BoundTask, *, seed: int, attempts: int,
    on_attempt: Callable[[int], None] | None = None,
) -> Result:  # fmt: skip
    """Makes attempts one after the other in this process, twice each.

    What is derived from an asset (grasps, footprints) is kept by a worker, and a long run meets
    every asset many times. The first pass over the attempts shows the cost with nothing kept yet,
    the second one, over the same attempts, the steady state that the bars are about; both give the
    same episodes. Storing the episodes is counted in. Rates are medians over three blocks of
    attempts, which a short disturbance does not move, and per CPU second of this process, so that
    other work on the machine does not count.

    Args:
        bound: The task.
        seed: Run seed.
        attempts: Attempts to measure, at least three.
        on_attempt: Called with the number of attempts done, of both passes.

    Raises:
        SpecError: Too few attempts.
    """
    if attempts < BLOCKS:
        raise SpecError(f"a benchmark needs at least {BLOCKS} attempts", why=f"got {attempts}")
    from datafactory.executor.machine import relax_collector

    relax_collector()  # as every worker does
    maker = bound.generator.open(bound.spec, seed)
    passes: list[tuple[list[Episode], list[float]]] = []
    for _ in range(2):
        made: list[Episode] = []
        cpu: list[float] = []
        for index in range(attempts):
            begin = time.process_time()
            made.append(maker.attempt(index))
            cpu.append(time.process_time() - begin)
            if on_attempt is not None:
                on_attempt(len(passes) * attempts + len(made))
        passes.append((made, cpu))
    return _result(bound, *passes[1], _ratio(*passes[0]))


def _ratio(made: Sequence[Episode], cpu: Sequence[float]) -> float | None:
    step = sum(e.cpu_s.get("mj_step", 0.0) for e in made)
    return sum(cpu) / step if step > 0 else None


def _result(
    bound: BoundTask, made: Sequence[Episode], cpu: Sequence[float], first_ratio: float | None
) -> Result:
    size = len(made) // BLOCKS
    blocks = [slice(k * size, None if k == BLOCKS - 1 else (k + 1) * size) for k in range(BLOCKS)]
    good = _accepted(made)
    disk, store_s = 0.0, 0.0
    if good:
        disk_per_episode(bound.generator, bound.spec, made)  # loads and starts the store
        begin = time.process_time()
        disk = disk_per_episode(bound.generator, bound.spec, made)
        store_s = time.process_time() - begin
    share = store_s / len(made)
    rates = [
        _accepted(made[block]) / (sum(cpu[block]) + share * len(cpu[block])) for block in blocks
    ]
    measures = [
        Measure("yield", good / len(made), "1", YIELD_BAR),
        Measure("accepted per CPU second, one core", statistics.median(rates), "1/s",
                RATE_BAR / CORES_OF_BAR),
        Measure("CPU per accepted episode", (sum(cpu) + store_s) / good if good else float("inf"),
                "s"),
        Measure("CPU per attempt, median", statistics.median(cpu), "s"),
        Measure("CPU for storing, per attempt", share, "s"),
    ]  # fmt: skip
    step = sum(e.cpu_s.get("mj_step", 0.0) for e in made)
    if step > 0 and first_ratio is not None:
        ratio = (sum(cpu) + store_s) / step
        measures.append(Measure("total CPU / CPU in mj_step", ratio, "1", CPU_BAR, "low"))
        measures.append(Measure("the same, first pass, nothing kept", first_ratio, "1"))
    if good:
        measures.append(Measure("disk per accepted episode", disk, "B", DISK_BAR, "low"))
    return Result(
        measures=tuple(measures),
        stage_ms=_stages(made),
        reasons=dict(Counter(e.verdict.reason for e in made if e.verdict.reason).most_common()),
        attempts=len(made),
    )


def _accepted(made: Sequence[Episode]) -> int:
    return sum(e.verdict.accepted for e in made)


def _stages(made: Sequence[Episode]) -> dict[str, float]:
    """Median milliseconds by stage over the attempts that reached it, most expensive first."""
    names = {name for e in made for name in e.cpu_s}
    medians = {
        name: 1000 * statistics.median(e.cpu_s[name] for e in made if name in e.cpu_s)
        for name in names
    }
    return dict(sorted(medians.items(), key=lambda item: -item[1]))


def bench_run(
    bound: BoundTask, *, seed: int, n: int, workers: int | None,
    on_event: Callable[[Progress], None] | None = None,
) -> Result:  # fmt: skip
    """Makes ``n`` accepted episodes through the executor into a temporary folder.

    The rate is taken from the first commit to the end, so start-up does not count; it is reported
    beside it.

    Args:
        bound: The task.
        seed: Run seed.
        n: Accepted episodes.
        workers: Local processes; one per core when None.
        on_event: Receives progress.
    """
    from datafactory.executor.coordinator import run_generation
    from datafactory.executor.request import GenerateRequest

    count = workers or len(os.sched_getaffinity(0))
    marks: list[tuple[float, int]] = []

    def note(event: Progress) -> None:
        if event.accepted and (not marks or event.accepted != marks[-1][1]):
            marks.append((time.monotonic(), event.accepted))
        if on_event is not None:
            on_event(event)

    with tempfile.TemporaryDirectory(prefix="datafactory-bench-") as folder:
        path = str(Path(folder) / "dataset")
        request = GenerateRequest(
            path=path, generator=bound.generator_name, spec=bound.spec.to_dict(), run_seed=seed,
            n=n, workers=count, min_yield=0.0,
        )  # fmt: skip
        begin = time.monotonic()
        summary = run_generation(request, on_event=note)
        disk = folder_bytes(Path(path)) / max(summary.accepted, 1)
    (first, before), (last, after) = marks[0], marks[-1]
    steady = (after - before) / (last - first) if last > first else summary.made / summary.wall_s
    measures = (
        Measure("yield", summary.accepted / summary.attempted, "1", YIELD_BAR),
        Measure(f"accepted per second, {count} workers", steady, "1/s",
                RATE_BAR * count / CORES_OF_BAR),
        Measure("accepted per second, start-up included", summary.made / summary.wall_s, "1/s"),
        Measure("start-up", first - begin, "s"),
        Measure("disk per accepted episode", disk, "B", DISK_BAR, "low"),
    )  # fmt: skip
    return Result(measures, {}, dict(summary.reasons), summary.attempted)
