"""What a run is asked for, what it reports while it runs, and what it ends with."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from datafactory.errors import SpecError
from datafactory.seeding import MAX_SEED

LOW_YIELD_AFTER = 500
"""Attempts after which the yield is judged."""


@dataclass(frozen=True)
class GenerateRequest:
    """A run to make or to continue.

    Attributes:
        path: Dataset: local folder or object store URI.
        generator: Entry point name or ``module:attribute``.
        spec: Plain data of the spec (``Spec.to_dict()``).
        run_seed: Seed of the run.
        n: Accepted episodes the dataset shall hold.
        workers: Local processes; None for one per core. Ignored with a scheduler.
        scheduler: Address of an existing dask scheduler, or None for a local cluster.
        shard_size: Largest number of attempts in a shard.
        attempt_timeout_s: Wall seconds an attempt may take.
        min_yield: Stop when accepted / attempted is below this after 500 attempts.
        command: Command line, recorded in the dataset.
    """

    path: str
    generator: str
    spec: Mapping[str, Any]
    run_seed: int
    n: int
    workers: int | None = None
    scheduler: str | None = None
    shard_size: int = 32
    attempt_timeout_s: float = 120.0
    min_yield: float = 0.01
    command: str = ""

    def __post_init__(self) -> None:
        _need(0 <= self.run_seed <= MAX_SEED, "run_seed", self.run_seed, "0 ... 2**63 - 1")
        _need(self.n >= 1, "n", self.n, ">= 1")
        _need(self.workers is None or self.workers >= 1, "workers", self.workers, ">= 1")
        _need(self.shard_size >= 1, "shard_size", self.shard_size, ">= 1")
        _need(self.attempt_timeout_s > 0, "attempt_timeout_s", self.attempt_timeout_s, "> 0")
        _need(0 <= self.min_yield <= 1, "min_yield", self.min_yield, "0 ... 1")

    @property
    def local_workers(self) -> int:
        """Number of local processes."""
        return self.workers or len(os.sched_getaffinity(0))

    def options(self) -> dict[str, Any]:
        """What is recorded of the request beside the lineage."""
        return {
            "generator": self.generator,
            "shard_size": self.shard_size,
            "attempt_timeout_s": self.attempt_timeout_s,
            "min_yield": self.min_yield,
            "workers": None if self.scheduler else self.local_workers,
            "scheduler": self.scheduler is not None,
        }


def _need(condition: bool, name: str, value: object, range_: str) -> None:
    if not condition:
        raise SpecError(f"{name} = {value} is out of range", where=name, remedy=f"use {range_}")


@dataclass(frozen=True)
class Progress:
    """Where a run stands; all counts are of the whole run.

    Attributes:
        planned: Accepted episodes asked for.
        accepted, attempted: Counts.
        rate: Accepted episodes per second over the last minute; 0 when not known yet.
        eta_s: Seconds left at this rate; None when not known yet.
        reasons: (reason, count) of rejected attempts, most frequent first.
    """

    planned: int
    accepted: int
    attempted: int
    rate: float
    eta_s: float | None
    reasons: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class RunSummary:
    """How a run ended.

    Attributes:
        path: Dataset.
        run_id: Id of the run.
        status: ``complete`` or ``interrupted``.
        planned, accepted, attempted: Counts of the whole run.
        made: Episodes accepted by this call.
        reasons: (reason, count), most frequent first.
        wall_s: Wall seconds of this call.
        remarks: What the user should know, such as programs that changed since the run began.
    """

    path: str
    run_id: str
    status: str
    planned: int
    accepted: int
    attempted: int
    made: int
    reasons: tuple[tuple[str, int], ...]
    wall_s: float
    remarks: tuple[str, ...] = ()


@dataclass
class Meter:
    """Throttled progress events with a trailing rate.

    Attributes:
        on_event: Receives events, at most one per ``every_s``.
        planned: Accepted episodes asked for.
    """

    on_event: Callable[[Progress], None] | None
    planned: int
    every_s: float = 0.5
    window_s: float = 60.0
    _last: float = 0.0
    _history: deque[tuple[float, int]] = field(default_factory=deque)

    def start(self, accepted: int) -> None:
        """Marks the start of the work, with the episodes that were there before."""
        self._history.append((time.monotonic(), accepted))

    def first_reply(self, wall_s: float) -> None:
        """Leaves the time before the first attempt began out of the rate."""
        self._history[0] = (time.monotonic() - wall_s, self._history[0][1])

    def update(self, accepted: int, attempted: int, reasons: Mapping[str, int], end: bool) -> None:
        """Notes the counts and sends an event if one is due."""
        now = time.monotonic()
        history = self._history
        if accepted != history[-1][1]:
            history.append((now, accepted))
        while len(history) > 2 and now - history[1][0] > self.window_s:
            history.popleft()
        if self.on_event is None or (now - self._last < self.every_s and not end):
            return
        self._last = now
        gained, span = accepted - history[0][1], now - history[0][0]
        rate = gained / span if gained > 0 and span > 0 else 0.0
        eta = (self.planned - accepted) / rate if rate > 0 else None
        self.on_event(
            Progress(self.planned, accepted, attempted, rate, eta, most_frequent(reasons))
        )


def most_frequent(reasons: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Reasons with their counts, most frequent first, then by name."""
    return tuple(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))
