"""What is different between two datasets, or two versions of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from datafactory.statistics import Tally, collect
from datafactory.store.dataset import Dataset
from datafactory.store.location import reading

BINS = 24
SAMPLE = 256
SERIES = ("action_joint", "action_gripper")


@dataclass(frozen=True)
class Change:
    """One value that is not the same; None where there is none."""

    key: str
    a: Any
    b: Any


@dataclass(frozen=True, eq=False)
class Distribution:
    """One quantity of both.

    Attributes:
        name, unit: What it is.
        edges: (BINS + 1,) edges of the bins, common to both.
        a, b: (BINS,) counts.
        distance: Largest difference of the cumulative shares, 0 to 1 (Kolmogorov-Smirnov).
    """

    name: str
    unit: str
    edges: tuple[float, ...]
    a: tuple[int, ...]
    b: tuple[int, ...]
    distance: float


@dataclass(frozen=True)
class Overlap:
    """Episodes by id.

    Attributes:
        common: In both with the same content.
        changed: In both with another content.
        only_a, only_b: In one of them.
    """

    common: int
    changed: int
    only_a: int
    only_b: int


@dataclass(frozen=True, eq=False)
class Difference:
    """What is different.

    Attributes:
        config: Values of spec, versions and options that differ, by dotted key.
        counts: Accepted, rejected, frames, yield.
        reasons: Rejected attempts by ``stage: reason`` that differ.
        factors: (factor, group) to tallies (accepted, attempted) that differ.
        distributions: Episode length, and the actions of a sample of up to 256 episodes each.
        episodes: How many episodes they share.
    """

    config: tuple[Change, ...]
    counts: tuple[Change, ...]
    reasons: tuple[Change, ...]
    factors: Mapping[tuple[str, str], tuple[tuple[int, int], tuple[int, int]]]
    distributions: tuple[Distribution, ...]
    episodes: Overlap

    @property
    def equal(self) -> bool:
        """Same episodes with the same content, and the same refused attempts."""
        o = self.episodes
        return not (o.changed or o.only_a or o.only_b or self.reasons)


@dataclass(frozen=True, eq=False)
class Counted:
    """A dataset with what was counted of its attempts, as ``datafactory.statistics`` counts.

    Attributes:
        dataset: The dataset.
        accepted, rejected, frames: Attempts, and frames of the accepted ones.
        reasons: (stage, reason) to count of rejected attempts.
        factors: Factor name to group name to tally, the most attempted group first.
    """

    dataset: Dataset
    accepted: int
    rejected: int
    frames: int
    reasons: Mapping[tuple[str, str], int]
    factors: Mapping[str, Mapping[str, Tally]]


def compare(a: Dataset, b: Dataset) -> Difference:
    """Compares two datasets; both are read once."""
    return compare_counted(_counted(a), _counted(b))


def _counted(dataset: Dataset) -> Counted:
    found = collect(dataset)
    return Counted(
        dataset, found.accepted, found.rejected, found.frames, found.reasons, found.factors
    )


def compare_counted(first: Counted, second: Counted) -> Difference:
    """Compares two datasets whose attempts have been counted."""
    a, b = first.dataset, second.dataset
    counts = (
        Change("accepted", first.accepted, second.accepted),
        Change("rejected", first.rejected, second.rejected),
        Change("yield", _share(first), _share(second)),
        Change("frames", first.frames, second.frames),
    )
    return Difference(
        config=_changes(_config(a), _config(b)),
        counts=counts,
        reasons=_changes(_reasons(first), _reasons(second)),
        factors=_factors(first, second),
        distributions=_distributions(a, b),
        episodes=_overlap(a, b),
    )


def _share(found: Counted) -> float | None:
    attempted = found.accepted + found.rejected
    return found.accepted / attempted if attempted else None


def _reasons(found: Counted) -> dict[str, int]:
    """Most frequent first."""
    ordered = sorted(found.reasons.items(), key=lambda item: (-item[1], item[0]))
    return {f"{stage}: {reason}": count for (stage, reason), count in ordered}


def _config(dataset: Dataset) -> dict[str, Any]:
    """Spec, versions and seed of the last call that made episodes, by dotted key."""
    runs = [run for run in dataset.runs() if run.kind != "render"]
    if not runs:
        return {}
    run = runs[-1]
    versions = {**run.versions, run.generator: run.generator_version}
    return _dotted(
        {"spec": run.spec, "versions": versions, "seed": run.run_seed, "engine": run.engine}
    )


def _dotted(value: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping) and value:
        found: dict[str, Any] = {}
        for key, item in value.items():
            found |= _dotted(item, f"{prefix}.{key}" if prefix else str(key))
        return found
    return {prefix: value}


def _changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Change, ...]:
    keys = [*a, *(k for k in b if k not in a)]
    return tuple(Change(k, a.get(k), b.get(k)) for k in keys if a.get(k) != b.get(k))


def _factors(
    a: Counted, b: Counted
) -> dict[tuple[str, str], tuple[tuple[int, int], tuple[int, int]]]:
    found = {}
    for factor in sorted({*a.factors, *b.factors}):
        mine, other = a.factors.get(factor, {}), b.factors.get(factor, {})
        for group in dict.fromkeys([*mine, *other]):
            x, y = mine.get(group), other.get(group)
            pair = (
                (x.accepted, x.attempted) if x else (0, 0),
                (y.accepted, y.attempted) if y else (0, 0),
            )
            if pair[0] != pair[1]:
                found[factor, group] = pair
    return found


def _overlap(a: Dataset, b: Dataset) -> Overlap:
    mine, other = (d.episodes(columns=["episode_id", "content_hash"]) for d in (a, b))
    place = pc.index_in(mine["episode_id"], value_set=_whole(other["episode_id"]))
    shared = place.is_valid()
    there = _whole(other["content_hash"]).take(_whole(place.filter(shared)))
    same = int(pc.sum(pc.equal(_whole(mine["content_hash"].filter(shared)), there)).as_py() or 0)
    common = len(there)
    return Overlap(same, common - same, len(mine) - common, len(other) - common)


def _whole(column: Any) -> Any:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _distributions(a: Dataset, b: Dataset) -> tuple[Distribution, ...]:
    lengths = [_seconds(a), _seconds(b)]
    found = [_distribution("episode length", "s", *lengths)]
    actions = [_actions(a), _actions(b)]
    for name in dict.fromkeys([*actions[0], *actions[1]]):
        none = np.zeros(0)
        unit = "1" if name.startswith("gripper") else "rad"
        values = [part.get(name, none) for part in actions]
        found.append(_distribution(name, unit, *values))
    return tuple(found)


def _seconds(dataset: Dataset) -> NDArray[np.float64]:
    table = dataset.episodes(columns=["length", "fps"])
    values: NDArray[np.float64] = table["length"].to_numpy() / table["fps"].to_numpy()
    return values


def _actions(dataset: Dataset) -> dict[str, NDArray[np.float64]]:
    """Values of every action of up to ``SAMPLE`` episodes, spread evenly over the dataset."""
    total = len(dataset)
    if not total:
        return {}
    rows = np.unique(np.linspace(0, total - 1, min(SAMPLE, total)).astype(int)).tolist()
    with reading(dataset.location, "episodes"):
        table = dataset.table("episodes").take(rows, columns=["length", *SERIES])
    found: dict[str, list[NDArray[np.float64]]] = {}
    for row in table.to_pylist():
        for series, title in zip(SERIES, ("joint", "gripper"), strict=True):
            values = np.array(row[series], np.float64).reshape(-1, row["length"])
            for i, line in enumerate(values):
                found.setdefault(f"{title} {i + 1}", []).append(line)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _distribution(
    name: str, unit: str, a: NDArray[np.float64], b: NDArray[np.float64]
) -> Distribution:
    both = np.concatenate([a, b])
    low, high = (float(both.min()), float(both.max())) if len(both) else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    counts = [np.histogram(values, edges)[0] for values in (a, b)]
    return Distribution(
        name,
        unit,
        tuple(edges.tolist()),
        tuple(counts[0].tolist()),
        tuple(counts[1].tolist()),
        _distance(a, b),
    )


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Largest difference of the cumulative shares; 1 when one of them is empty."""
    if not len(a) or not len(b):
        return float(len(a) != len(b))
    points = np.concatenate([a, b])
    shares = [np.searchsorted(np.sort(v), points, side="right") / len(v) for v in (a, b)]
    return float(np.abs(shares[0] - shares[1]).max())


def to_data(found: Difference) -> dict[str, Any]:
    """A difference as JSON-ready data."""
    return {
        "equal": found.equal,
        "counts": [{"name": c.key, "a": c.a, "b": c.b} for c in found.counts],
        "config": [vars(c) for c in found.config],
        "reasons": [{"name": c.key, "a": c.a or 0, "b": c.b or 0} for c in found.reasons],
        "factors": [
            {"factor": factor, "group": group, "a": list(pair[0]), "b": list(pair[1])}
            for (factor, group), pair in found.factors.items()
        ],
        "distributions": [vars(d) for d in found.distributions],
        "episodes": vars(found.episodes),
    }
