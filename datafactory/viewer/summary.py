"""What the overview shows: counts, yields, distributions and places, of all rows and of those
a filter lets through. Without a filter the numbers are those of ``datafactory stats``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.difference import Counted
from datafactory.statistics import CELL_M, Tally
from datafactory.viewer.columns import Mask, Numbers, Places, Texts, TextSets
from datafactory.viewer.index import Snapshot

FACETS = (
    ("relation", "Goal relation"),
    ("family", "Object family"),
    ("task", "Task"),
    ("robot", "Robot"),
    ("distractors", "Distractors"),
    ("split", "Wording"),
    ("tag", "Tags"),
    ("rendered", "Rendered as"),
)
FACTORS = {"goal": "relation", "family": "family", "distractors": "distractors", "robot": "robot",
           "wording": "split"}  # fmt: skip
"""Factors of ``datafactory.statistics`` and the fields that hold them."""
BINS = 32
_SHOWN = 60


def overview(snapshot: Snapshot, where: str) -> dict[str, Any]:
    """Everything the overview page shows.

    What does not depend on the filter is added up once for a snapshot.

    Raises:
        FilterError: The filter is not understood.
    """
    mask = snapshot.mask(where)
    return {
        "total": _total(snapshot),
        "shown": _counts(snapshot, mask),
        "reasons": list(_reasons(snapshot, mask)),
        "facets": [f for f in (_facet(snapshot, *facet, mask) for facet in FACETS) if f],
        "histograms": [histogram(snapshot, "seconds", mask)],
        "phases": list(_phases(snapshot, mask)),
        "coverage": _coverage(snapshot, mask),
        "cpu_s": _cpu(snapshot, mask),
    }


@lru_cache(maxsize=4)
def _total(snapshot: Snapshot) -> dict[str, Any]:
    return _counts(snapshot, np.ones(snapshot.count, bool))


def _counts(snapshot: Snapshot, mask: Mask) -> dict[str, Any]:
    accepted = mask & snapshot.accepted
    length, seconds = (_numbers(snapshot, n)[accepted] for n in ("length", "seconds"))
    passed, chosen = int(accepted.sum()), int(mask.sum())
    excluded = _numbers(snapshot, "excluded")[mask]
    return {
        "accepted": passed,
        "rejected": chosen - passed,
        "attempted": chosen,
        "yield": passed / chosen if chosen else None,
        "frames": int(np.nansum(length)),
        "seconds": spread(seconds),
        "duration_s": float(np.nansum(seconds)),
        "excluded": int(excluded.sum()),
    }


def counted(snapshot: Snapshot) -> Counted:
    """What comparisons need, without reading anything again."""
    every = np.ones(snapshot.count, bool)
    total = _total(snapshot)
    return Counted(
        snapshot.dataset,
        total["accepted"],
        total["rejected"],
        total["frames"],
        {(r["stage"], r["reason"]): r["count"] for r in _reasons(snapshot, every)},
        {factor: _groups(_tally(snapshot, field)) for factor, field in FACTORS.items()},
    )


def spread(values: NDArray[np.float64]) -> dict[str, float] | None:
    """Smallest, median, 95th percentile, largest and mean; None of nothing."""
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    median, p95 = (float(v) for v in np.percentile(values, [50, 95]))
    low, high, mean = (float(f(values)) for f in (np.min, np.max, np.mean))
    return {"low": low, "median": median, "p95": p95, "high": high, "mean": mean}


def _numbers(snapshot: Snapshot, name: str) -> NDArray[np.float64]:
    column = snapshot.columns.get(name)
    return column.values if isinstance(column, Numbers) else np.full(snapshot.count, np.nan)


def _reasons(snapshot: Snapshot, mask: Mask) -> Iterator[dict[str, Any]]:
    """Rejected attempts by stage and reason, most frequent first."""
    stage, reason = snapshot.columns["stage"], snapshot.columns["reason"]
    assert isinstance(stage, Texts)
    assert isinstance(reason, Texts)
    width = len(reason.names) + 1
    key = stage.codes.astype(np.int64) * width + reason.codes
    there = reason.codes >= 0
    size = len(stage.names) * width + width
    every = np.bincount(key[there], minlength=size)
    shown = np.bincount(key[there & mask], minlength=size)
    for k in sorted(np.flatnonzero(every).tolist(), key=lambda k: -every[k]):
        yield {"stage": stage.names[k // width], "reason": reason.names[k % width],
               "count": int(every[k]), "shown": int(shown[k])}  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Tally:
    """All rows by the values of a field: accepted and attempted."""

    column: Texts | TextSets
    attempted: NDArray[np.int64]
    accepted: NDArray[np.int64]


@lru_cache(maxsize=32)
def _tally(snapshot: Snapshot, name: str) -> _Tally | None:
    column = snapshot.columns.get(name)
    if not isinstance(column, (Numbers, Texts, TextSets)):
        return None
    if isinstance(column, Numbers):
        column = _as_texts(column)
    every = column.counts(np.ones(snapshot.count, bool))
    return _Tally(column, every, column.counts(snapshot.accepted))


def _groups(tally: _Tally | None) -> dict[str, Tally]:
    """Tallies by group, the most attempted first."""
    if tally is None:
        return {}
    order = _order(tally)
    return {
        tally.column.names[k]: Tally(int(tally.accepted[k]), int(tally.attempted[k])) for k in order
    }


def _order(tally: _Tally) -> list[int]:
    """Groups that have attempts, the most attempted first."""
    names, attempted = tally.column.names, tally.attempted
    found = np.flatnonzero(attempted).tolist()
    return sorted(found, key=lambda k: (-attempted[k], names[k]))


def _facet(snapshot: Snapshot, name: str, title: str, mask: Mask) -> dict[str, Any] | None:
    """Accepted and attempted by the values of a field; None when it has no value."""
    tally = _tally(snapshot, name)
    if tally is None or not tally.attempted.any():
        return None
    names, attempted = tally.column.names, tally.attempted
    shown = tally.column.counts(mask)
    passed = tally.column.counts(mask & snapshot.accepted)
    order = _order(tally)
    groups = [
        {"name": names[k], "attempted": int(attempted[k]), "accepted": int(tally.accepted[k]),
         "shown": int(shown[k]), "shown_accepted": int(passed[k])}
        for k in order[:_SHOWN]
    ]  # fmt: skip
    text = not isinstance(snapshot.columns[name], Numbers)
    return {"field": name, "title": title, "text": text, "groups": groups,
            "more": max(0, len(order) - _SHOWN)}  # fmt: skip


def _as_texts(column: Numbers) -> Texts:
    """Whole numbers as texts."""
    there = ~np.isnan(column.values)
    values, codes = np.unique(column.values[there], return_inverse=True)
    all_codes = np.full(len(column), -1, np.int32)
    all_codes[there] = codes
    return Texts(all_codes, tuple(str(int(v)) for v in values))


def histogram(snapshot: Snapshot, name: str, mask: Mask) -> dict[str, Any]:
    """Counts of a number field in bins that do not depend on the filter."""
    edges, bins = _bins(snapshot, name)
    every = np.bincount(bins[bins >= 0], minlength=BINS)
    shown = np.bincount(bins[mask & (bins >= 0)], minlength=BINS)
    return {"field": name, "edges": edges.tolist(), "all": every.tolist(),
            "shown": shown.tolist(),
            "spread": spread(_numbers(snapshot, name)[mask])}  # fmt: skip


@lru_cache(maxsize=8)
def _bins(snapshot: Snapshot, name: str) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Edges of the bins of a number field, and the bin of each row; -1 without a value."""
    values = _numbers(snapshot, name)
    there = ~np.isnan(values)
    edges = np.linspace(*_range(values[there]), BINS + 1)
    bins = np.full(len(values), -1, np.int8)
    bins[there] = np.minimum(np.searchsorted(edges, values[there], side="right") - 1, BINS - 1)
    return edges, bins


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    """The range of a histogram: never empty."""
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _phases(snapshot: Snapshot, mask: Mask) -> Iterator[dict[str, Any]]:
    """How long the phases of accepted episodes take, in their usual order."""
    chosen = mask & snapshot.accepted
    for name in snapshot.columns:
        if name.startswith("phase."):
            found = spread(_numbers(snapshot, name)[chosen])
            if found is not None:
                count = int((~np.isnan(_numbers(snapshot, name)[chosen])).sum())
                yield {"name": name.removeprefix("phase."), "episodes": count, **found}


@dataclass(frozen=True, eq=False)
class _Cells:
    """The workspace in cells.

    Attributes:
        x, y: World ranges, metres.
        shape: Cells along x and y.
        rows, cells: Row and cell of the places of accepted episodes, by ``start`` and ``end``.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    shape: tuple[int, int]
    rows: Mapping[str, NDArray[np.int64]]
    cells: Mapping[str, NDArray[np.int64]]

    def counts(self, name: str, chosen: Mask) -> list[list[int]]:
        """(nx, ny) places of chosen rows."""
        found = self.cells[name][chosen[self.rows[name]]]
        listed: list[list[int]] = (
            np.bincount(found, minlength=self.shape[0] * self.shape[1]).reshape(self.shape).tolist()
        )
        return listed


@lru_cache(maxsize=4)
def _cells(snapshot: Snapshot) -> _Cells | None:
    """Cells as ``datafactory.statistics`` makes them; None when there are no places."""
    kept = {}
    for name in ("start", "end"):
        places = snapshot.columns[name]
        assert isinstance(places, Places)
        mine = snapshot.accepted[places.rows]
        kept[name] = (places.rows[mine], places.xy[mine])
    both = np.concatenate([xy for _, xy in kept.values()])
    if not len(both):
        return None
    low = np.floor(both.min(axis=0) / CELL_M) * CELL_M
    high = np.maximum(np.ceil(both.max(axis=0) / CELL_M) * CELL_M, low + CELL_M)
    nx, ny = (int(n) for n in np.maximum(np.rint((high - low) / CELL_M), 1))
    edges = (np.linspace(low[0], high[0], nx + 1), np.linspace(low[1], high[1], ny + 1))
    cells = {}
    for name, (_, xy) in kept.items():
        place = [
            np.minimum(np.searchsorted(edges[k], xy[:, k], side="right") - 1, (nx, ny)[k] - 1)
            for k in (0, 1)
        ]
        cells[name] = (place[0] * ny + place[1]).astype(np.int64)
    x, y = ((float(low[k]), float(high[k])) for k in (0, 1))
    return _Cells(x, y, (nx, ny), {n: r for n, (r, _) in kept.items()}, cells)


def _coverage(snapshot: Snapshot, mask: Mask) -> dict[str, Any] | None:
    """Where manipulated objects of accepted episodes start and end, in cells from above."""
    cells = _cells(snapshot)
    if cells is None:
        return None
    every = np.ones(snapshot.count, bool)
    grids = {
        prefix + name: cells.counts(name, chosen)
        for prefix, chosen in (("", every), ("shown_", mask))
        for name in ("start", "end")
    }
    return {"x": cells.x, "y": cells.y, "cell": CELL_M, **grids}


def _cpu(snapshot: Snapshot, mask: Mask) -> dict[str, float]:
    """CPU seconds by stage."""
    names = [n for n in snapshot.columns if n.startswith("cpu.")]
    return {n.removeprefix("cpu."): float(np.nansum(_numbers(snapshot, n)[mask])) for n in names}
