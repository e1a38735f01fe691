"""A short trial of a run: yield with its uncertainty, time and disk, before anything is written."""

from __future__ import annotations

import math
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from datafactory.episode import Episode
from datafactory.intervals import wilson

if TYPE_CHECKING:
    from datafactory.plugin import Generator, Spec
    from datafactory.settings import BoundTask

ATTEMPTS = 24
LIMIT_S = 90.0
START_S = 3.5
"""Starting the workers and closing the dataset, on an ordinary machine."""
DATASET_BYTES = 150_000
"""Empty tables, the record of the run, and the first assets."""
SMALL_FILE_BYTES, SMALL_FILES = 45_000, 20
"""What the first episodes of a run take more, in files of a few episodes each."""


@dataclass(frozen=True)
class Estimate:
    """What a run would give, from a few attempts of it.

    Attributes:
        attempts, accepted: The trial.
        reasons: Rejected attempts by reason.
        share: Accepted over attempts, with ``low`` and ``high`` its 95 % interval (Wilson).
        attempt_s: Wall seconds of one attempt on one core, after the first.
        seconds: Time for the whole run with the workers asked for, start-up included;
            ``seconds_high`` at the low end of the yield. Infinite when nothing was accepted.
        bytes_per_episode: Disk per accepted episode, rejected attempts included; 0 when unknown.
        bytes_total: Disk for the whole run, with what a dataset takes however small it is.
        workers: Local processes assumed.
    """

    attempts: int
    accepted: int
    reasons: Mapping[str, int]
    share: float
    low: float
    high: float
    attempt_s: float
    seconds: float
    seconds_high: float
    bytes_per_episode: float
    bytes_total: float
    workers: int


def probe(
    bound: BoundTask, *, seed: int, n: int, workers: int, attempts: int = ATTEMPTS
) -> Estimate:
    """Makes the first attempts of a run in this process and extrapolates.

    Args:
        bound: The task.
        seed: Run seed.
        n: Accepted episodes of the whole run.
        workers: Local processes of the whole run.
        attempts: Attempts to make; fewer when they take longer than 90 s together.
    """
    made, walls = try_attempts(bound.generator, bound.spec, seed, attempts, LIMIT_S)
    good = [episode for episode in made if episode.verdict.accepted]
    share = wilson(len(good), len(made))
    later = walls[1:] or walls
    attempt_s = sum(later) / len(later)
    per_episode = disk_per_episode(bound.generator, bound.spec, made) if good else 0.0

    def seconds(assumed: float) -> float:
        return START_S + n / assumed * attempt_s / min(workers, n) if assumed > 0 else math.inf

    return Estimate(
        attempts=len(made),
        accepted=len(good),
        reasons=dict(Counter(e.verdict.reason for e in made if e.verdict.reason).most_common()),
        share=share.share,
        low=share.low,
        high=share.high,
        attempt_s=attempt_s,
        seconds=seconds(share.share),
        seconds_high=seconds(share.low),
        bytes_per_episode=per_episode,
        bytes_total=per_episode * n + DATASET_BYTES + SMALL_FILE_BYTES * min(n, SMALL_FILES),
        workers=workers,
    )


def try_attempts(
    generator: Generator, spec: Spec, seed: int, count: int, limit_s: float
) -> tuple[list[Episode], list[float]]:
    """Makes attempts 0, 1, 2 ... in this process.

    Returns:
        The attempts (at least one) and the wall seconds of each.
    """
    maker = generator.open(spec, seed)
    made: list[Episode] = []
    walls: list[float] = []
    begin = time.perf_counter()
    while len(made) < count and (not made or time.perf_counter() - begin < limit_s):
        start = time.perf_counter()
        made.append(maker.attempt(len(made)))
        walls.append(time.perf_counter() - start)
    return made, walls


def disk_per_episode(generator: Generator, spec: Spec, made: Sequence[Episode]) -> float:
    """Bytes per accepted episode, by storing the attempts in a temporary folder.

    Assets are left out: each is stored once however long the run.
    """
    from datafactory.executor.machine import cpu, engine
    from datafactory.store.commit import create_tables
    from datafactory.store.encode import Lineage, attempt_row, episode_row
    from datafactory.store.location import Location
    from datafactory.store.writer import FragmentWriter

    extra = generator.extra_columns()
    lineage = Lineage(
        "probe", generator.name, generator.version, spec.spec_hash, 0, engine(), cpu()
    )
    accepted = [episode_row(e, lineage, extra) for e in made if e.verdict.accepted]
    rejected = [attempt_row(e, lineage) for e in made if not e.verdict.accepted]
    with tempfile.TemporaryDirectory(prefix="datafactory-probe-") as folder:
        location = Location.of(Path(folder) / "probe")
        create_tables(location, extra)
        before = folder_bytes(location.path)
        writer = FragmentWriter(location)
        writer.write("episodes", accepted)
        writer.write("attempts", rejected)
        return (folder_bytes(location.path) - before) / max(len(accepted), 1)


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
