"""Statistics of a dataset: yield by cause and factor, lengths, CPU, workspace coverage.

Accepted and rejected attempts are read page by page, without time series.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

    from datafactory.store.dataset import Dataset

Array = NDArray[np.float64]
PAGE = 4096
CELL_M = 0.05
COLUMNS = ("goal", "objects", "cpu_s", "instruction_split", "robot")


@dataclass(frozen=True)
class Tally:
    """Accepted and attempted counts of one group."""

    accepted: int
    attempted: int

    @property
    def share(self) -> float:
        """Accepted over attempted, 0 for nothing attempted."""
        return self.accepted / self.attempted if self.attempted else 0.0


@dataclass(frozen=True)
class Spread:
    """Smallest, median, 95th percentile, largest and mean of a quantity."""

    low: float
    median: float
    p95: float
    high: float
    mean: float


@dataclass(frozen=True, eq=False)
class Coverage:
    """Where the manipulated objects were, on a grid of square cells seen from above.

    Attributes:
        x, y: World ranges the grid covers, metres.
        start, end: (nx, ny) counts of start and end positions of accepted episodes.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    start: Array
    end: Array


@dataclass(frozen=True, eq=False)
class Statistics:
    """What ``datafactory stats`` reports.

    Attributes:
        accepted, rejected: Attempts.
        reasons: (stage, reason) to count of rejected attempts, most frequent first.
        factors: Factor name to group name to tally: ``goal``, ``family``, ``distractors``,
            ``robot``, ``wording``. A ``family`` row counts attempts with such an object in the
            goal.
        seconds: Episode durations; None without episodes.
        frames: Recorded frames in all.
        cpu_s: CPU seconds by stage over all attempts, ``mj_step`` among them (it is part of the
            other stages).
        coverage: None without episodes.
    """

    accepted: int
    rejected: int
    reasons: Mapping[tuple[str, str], int]
    factors: Mapping[str, Mapping[str, Tally]]
    seconds: Spread | None
    frames: int
    cpu_s: Mapping[str, float]
    coverage: Coverage | None

    @property
    def attempted(self) -> int:
        """All attempts."""
        return self.accepted + self.rejected

    @property
    def cpu_over_step(self) -> float | None:
        """Total CPU over the CPU inside ``mj_step``; None when that was not measured."""
        step = self.cpu_s.get("mj_step", 0.0)
        return cpu_total(self.cpu_s) / step if step > 0 else None


def cpu_total(cpu_s: Mapping[str, float]) -> float:
    """CPU seconds in all: ``total`` where measured, else the sum of the stages.

    ``mj_step`` is spent inside the stages.
    """
    if "total" in cpu_s:
        return cpu_s["total"]
    return sum(value for name, value in cpu_s.items() if name != "mj_step")


@dataclass
class _Sums:
    """Running sums while pages are read."""

    tallies: dict[str, dict[str, list[int]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(lambda: [0, 0]))
    )
    cpu_s: Counter[str] = field(default_factory=Counter)
    seconds: list[Array] = field(default_factory=list)
    frames: int = 0
    starts: list[Array] = field(default_factory=list)
    ends: list[Array] = field(default_factory=list)

    def count(self, factor: str, groups: Mapping[str, int], accepted: bool) -> None:
        """Adds group counts of one page."""
        for group, count in groups.items():
            tally = self.tallies[factor][group]
            tally[0] += count * accepted
            tally[1] += count


def collect(dataset: Dataset) -> Statistics:
    """Reads a dataset and sums it up."""
    sums = _Sums()
    reasons: Counter[tuple[str, str]] = Counter()
    rejected = 0
    for page in _pages(dataset, "episodes", (*COLUMNS, "length", "fps")):
        _add(sums, page, accepted=True)
        length = page["length"].to_numpy()
        sums.seconds.append(length / page["fps"].to_numpy())
        sums.frames += int(length.sum())
    for page in _pages(dataset, "attempts", (*COLUMNS, "stage", "reason")):
        _add(sums, page, accepted=False)
        rejected += page.num_rows
        reasons.update(zip(page["stage"].to_pylist(), page["reason"].to_pylist(), strict=True))
    factors = {
        factor: {
            group: Tally(*groups[group])
            for group in sorted(groups, key=lambda g, all_=groups: (-all_[g][1], g))  # type: ignore[misc]
        }
        for factor, groups in sums.tallies.items()
    }
    return Statistics(
        accepted=len(dataset),
        rejected=rejected,
        reasons=dict(reasons.most_common()),
        factors=factors,
        seconds=_spread(np.concatenate(sums.seconds)) if sums.seconds else None,
        frames=sums.frames,
        cpu_s=dict(sums.cpu_s),
        coverage=_coverage(sums),
    )


def _pages(dataset: Dataset, table: str, columns: tuple[str, ...]) -> Iterator[pa.Table]:
    read = dataset.episodes if table == "episodes" else dataset.attempts
    offset = 0
    while True:
        page = read(columns=list(columns), limit=PAGE, offset=offset)
        if page.num_rows:
            yield page
        if page.num_rows < PAGE:
            return
        offset += PAGE


def _add(sums: _Sums, page: pa.Table, *, accepted: bool) -> None:
    goals = page["goal"].to_pylist()
    sums.count("goal", Counter(goal_kind(goal) for goal in goals), accepted)
    sums.count("robot", Counter(page["robot"].to_pylist()), accepted)
    sums.count("wording", Counter(page["instruction_split"].to_pylist()), accepted)
    for row in page["cpu_s"].to_pylist():
        for entry in row:
            sums.cpu_s[entry["name"]] += entry["value"]
    objects = page["objects"].combine_chunks()
    flat = objects.flatten()
    rows = objects.value_parent_indices().to_numpy()
    names = flat.field("name").to_pylist()
    uids = flat.field("uid").to_pylist()
    distractors = np.zeros(page.num_rows, dtype=np.int64)
    families: list[set[str]] = [set() for _ in goals]
    movers: list[int] = []
    for k, (row, name, uid) in enumerate(zip(rows, names, uids, strict=True)):
        subjects, mentioned = goal_names(goals[row])
        if name.startswith("distractor"):
            distractors[row] += 1
        elif name in mentioned or not mentioned:
            families[row].add(family_of(uid))
        if accepted and name in subjects:
            movers.append(k)
    sums.count("distractors", Counter(str(n) for n in distractors), accepted)
    sums.count("family", Counter(f for group in families for f in group), accepted)
    if movers:
        sums.starts.append(_positions(flat.field("initial_pose"))[movers])
        sums.ends.append(_positions(flat.field("final_pose"))[movers])


def _positions(poses: Any) -> Array:
    """(n, 2) x and y of a fixed-size-list column of poses."""
    values = poses.flatten().to_numpy(zero_copy_only=False)
    found: Array = np.asarray(values, dtype=np.float64).reshape(-1, 7)[:, :2]
    return found


@lru_cache(maxsize=4096)
def goal_names(goal_json: str) -> tuple[frozenset[str], frozenset[str]]:
    """Subjects of a stored goal, and every object it mentions."""
    subjects: set[str] = set()
    mentioned: set[str] = set()
    for relation in _relations(json.loads(goal_json)):
        subjects.add(relation["subject"])
        mentioned |= {relation["subject"], *relation["objects"]}
    return frozenset(subjects), frozenset(mentioned)


@lru_cache(maxsize=4096)
def goal_kind(goal_json: str) -> str:
    """The relations of a stored goal without its objects: ``in``, ``on and left`` ..."""
    goal = json.loads(goal_json)
    if not isinstance(goal, list):
        return "not reached"
    return " then ".join(
        " or ".join(" and ".join(str(r["relation"]) for r in alternative) for alternative in stage)
        for stage in goal
    )


def _relations(goal: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(goal, Mapping):
        if "relation" in goal:
            yield goal
    elif isinstance(goal, list):
        for part in goal:
            yield from _relations(part)


def family_of(uid: str) -> str:
    """``mug`` of ``tier0/mug@1f2e3d4c``."""
    return uid.rsplit("/", 1)[-1].split("@", 1)[0]


def _spread(values: Array) -> Spread:
    low, median, p95, high = (float(v) for v in np.percentile(values, [0, 50, 95, 100]))
    return Spread(low, median, p95, high, float(values.mean()))


def _coverage(sums: _Sums) -> Coverage | None:
    if not sums.starts:
        return None
    start, end = np.concatenate(sums.starts), np.concatenate(sums.ends)
    both = np.concatenate([start, end])
    low = np.floor(both.min(axis=0) / CELL_M) * CELL_M
    high = np.maximum(np.ceil(both.max(axis=0) / CELL_M) * CELL_M, low + CELL_M)
    bins = np.maximum(np.rint((high - low) / CELL_M).astype(int), 1).tolist()
    bounds = [(float(low[k]), float(high[k])) for k in (0, 1)]

    def grid(points: Array) -> Array:
        counts: Array = np.histogram2d(points[:, 0], points[:, 1], bins=bins, range=bounds)[0]
        return counts

    return Coverage(bounds[0], bounds[1], grid(start), grid(end))
