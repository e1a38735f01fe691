"""What the overview shows: counts, yields, distributions and places, of all rows and of those
a filter lets through. Without a filter the numbers are those of ``datafactory stats``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.statistics import CELL_M
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
BINS = 32
_SHOWN = 60


def overview(snapshot: Snapshot, where: str) -> dict[str, Any]:
    """Everything the overview page shows.

    Raises:
        FilterError: The filter is not understood.
    """
    every = np.ones(snapshot.count, bool)
    mask = snapshot.mask(where)
    return {
        "total": _counts(snapshot, every),
        "shown": _counts(snapshot, mask),
        "reasons": list(_reasons(snapshot, mask)),
        "facets": [f for f in (_facet(snapshot, *facet, mask) for facet in FACETS) if f],
        "histograms": [histogram(snapshot, "seconds", mask)],
        "phases": list(_phases(snapshot, mask)),
        "coverage": _coverage(snapshot, mask),
        "cpu_s": _cpu(snapshot, mask),
    }


def accepted_rows(snapshot: Snapshot) -> Mask:
    """Which rows are accepted."""
    return np.arange(snapshot.count) < snapshot.accepted


def _counts(snapshot: Snapshot, mask: Mask) -> dict[str, Any]:
    accepted = mask & accepted_rows(snapshot)
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


def spread(values: NDArray[np.float64]) -> dict[str, float] | None:
    """Smallest, median, 95th percentile, largest and mean; None of nothing."""
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    low, median, p95, high = (float(v) for v in np.percentile(values, [0, 50, 95, 100]))
    return {"low": low, "median": median, "p95": p95, "high": high, "mean": float(values.mean())}


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


def _facet(snapshot: Snapshot, name: str, title: str, mask: Mask) -> dict[str, Any] | None:
    """Accepted and attempted by the values of a field; None when it has no value."""
    column = snapshot.columns.get(name)
    if column is None or isinstance(column, Places):
        return None
    texts = isinstance(column, (Texts, TextSets))
    if isinstance(column, Numbers):
        column = _as_texts(column)
    accepted = accepted_rows(snapshot)
    parts = [column.counts(m) for m in (np.ones(len(mask), bool), accepted, mask, mask & accepted)]
    attempted, passed, shown, shown_passed = parts
    order = sorted(
        np.flatnonzero(attempted).tolist(), key=lambda k: (-attempted[k], column.names[k])
    )
    if not order:
        return None
    groups = [
        {"name": column.names[k], "attempted": int(attempted[k]), "accepted": int(passed[k]),
         "shown": int(shown[k]), "shown_accepted": int(shown_passed[k])}
        for k in order[:_SHOWN]
    ]  # fmt: skip
    return {"field": name, "title": title, "text": texts, "groups": groups,
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
    values = _numbers(snapshot, name)
    there = ~np.isnan(values)
    low, high = _range(values[there])
    edges = np.linspace(low, high, BINS + 1)
    every = np.histogram(values[there], edges)[0]
    shown = np.histogram(values[there & mask], edges)[0]
    return {"field": name, "edges": edges.tolist(), "all": every.tolist(),
            "shown": shown.tolist(), "spread": spread(values[mask])}  # fmt: skip


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    """The range of a histogram: never empty."""
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _phases(snapshot: Snapshot, mask: Mask) -> Iterator[dict[str, Any]]:
    """How long the phases of accepted episodes take, in their usual order."""
    chosen = mask & accepted_rows(snapshot)
    for name in snapshot.columns:
        if name.startswith("phase."):
            found = spread(_numbers(snapshot, name)[chosen])
            if found is not None:
                count = int((~np.isnan(_numbers(snapshot, name)[chosen])).sum())
                yield {"name": name.removeprefix("phase."), "episodes": count, **found}


def _coverage(snapshot: Snapshot, mask: Mask) -> dict[str, Any] | None:
    """Where manipulated objects of accepted episodes start and end, in cells from above."""
    start, end = snapshot.columns["start"], snapshot.columns["end"]
    assert isinstance(start, Places)
    assert isinstance(end, Places)
    accepted = accepted_rows(snapshot)
    points = [p.xy[accepted[p.rows]] for p in (start, end)]
    both = np.concatenate(points)
    if not len(both):
        return None
    low = np.floor(both.min(axis=0) / CELL_M) * CELL_M
    high = np.maximum(np.ceil(both.max(axis=0) / CELL_M) * CELL_M, low + CELL_M)
    bins = np.maximum(np.rint((high - low) / CELL_M).astype(int), 1).tolist()
    bounds = [(float(low[k]), float(high[k])) for k in (0, 1)]

    def grid(places: Places, chosen: Mask) -> list[list[int]]:
        xy = places.xy[chosen[places.rows]]
        counts = np.histogram2d(xy[:, 0], xy[:, 1], bins=bins, range=bounds)[0]
        listed: list[list[int]] = counts.astype(int).tolist()
        return listed

    shown = mask & accepted
    return {"x": bounds[0], "y": bounds[1], "cell": CELL_M, "start": grid(start, accepted),
            "end": grid(end, accepted), "shown_start": grid(start, shown),
            "shown_end": grid(end, shown)}  # fmt: skip


def _cpu(snapshot: Snapshot, mask: Mask) -> dict[str, float]:
    """CPU seconds by stage."""
    names = [n for n in snapshot.columns if n.startswith("cpu.")]
    return {n.removeprefix("cpu."): float(np.nansum(_numbers(snapshot, n)[mask])) for n in names}
