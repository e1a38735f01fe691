"""Streaming statistics of features and actions: mean, deviation, range, 1 % and 99 % quantiles.

Means and variances are merged batch by batch (Chan, Golub and LeVeque, "Updating Formulae and a
Pairwise Algorithm for Computing Sample Variances", 1979). Quantiles come from a uniform reservoir
of 100,000 rows (Vitter, "Random Sampling with a Reservoir", 1985): the 1 % quantile is then right
to within 0.1 % of rank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import DatasetCorruptError, SpecError
from datafactory.seeding import stream

Array = NDArray[np.float64]
RESERVOIR = 100_000
_NAMES = ("mean", "std", "min", "max", "q01", "q99")


@dataclass(frozen=True, eq=False)
class Statistics:
    """Statistics of D numbers over ``count`` rows, or of (H, D) numbers of chunks.

    Attributes:
        count: Number of rows.
        mean, std, min, max, q01, q99: (D,) or (H, D) each; ``std`` is the population's.
    """

    count: int
    mean: Array
    std: Array
    min: Array
    max: Array
    q01: Array
    q99: Array

    def to_dict(self) -> dict[str, Any]:
        """JSON form; numbers survive exactly."""
        return {"count": self.count, **{n: getattr(self, n).tolist() for n in _NAMES}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Statistics:
        """Reads the JSON form."""
        arrays = {n: np.asarray(data[n], dtype=np.float64) for n in _NAMES}
        return cls(count=int(data["count"]), **arrays)


class StreamingStatistics:
    """Collects statistics of rows (n, D), any number at a time.

    Args:
        width: D.
        seed: Seed of the reservoir.
        name: What the rows are, for errors.
        reservoir: Rows kept for quantiles.
    """

    def __init__(
        self, width: int, *, seed: int = 0, name: str = "values", reservoir: int = RESERVOIR
    ) -> None:
        self._name, self._room = name, reservoir
        self._count = 0
        self._mean = np.zeros(width)
        self._square = np.zeros(width)
        self._min = np.full(width, np.inf)
        self._max = np.full(width, -np.inf)
        self._kept = np.empty((reservoir, width))
        self._rng = stream(seed, "statistics", 0, name)

    def add(self, rows: NDArray[Any]) -> None:
        """Takes in rows (n, D).

        Raises:
            DatasetCorruptError: A value is not finite.
        """
        x = np.asarray(rows, dtype=np.float64)
        if not len(x):
            return
        if not np.isfinite(x).all():
            raise DatasetCorruptError(f"'{self._name}' has values that are not finite numbers")
        self._keep(x)
        n, m = self._count, len(x)
        mean = x.mean(axis=0)
        square = ((x - mean) ** 2).sum(axis=0)
        shift = mean - self._mean
        self._square += square + shift**2 * (n * m / (n + m))
        self._mean += shift * (m / (n + m))
        self._min = np.minimum(self._min, x.min(axis=0))
        self._max = np.maximum(self._max, x.max(axis=0))
        self._count = n + m

    def _keep(self, x: Array) -> None:
        free = max(0, min(len(x), self._room - self._count))
        self._kept[self._count : self._count + free] = x[:free]
        if free < len(x):
            rank = np.arange(max(self._count, self._room), self._count + len(x))
            place = self._rng.integers(0, rank + 1)
            chosen = place < self._room
            self._kept[place[chosen]] = x[free:][chosen]  # the last one wins, as one by one

    def finish(self) -> Statistics:
        """The statistics so far.

        Raises:
            SpecError: No row was taken in.
        """
        if not self._count:
            raise SpecError(f"there are no rows of '{self._name}' to take statistics of")
        kept = self._kept[: min(self._count, self._room)]
        low, high = np.quantile(kept, [0.01, 0.99], axis=0)
        return Statistics(
            self._count, self._mean.copy(), np.sqrt(self._square / self._count),
            self._min.copy(), self._max.copy(), low, high,
        )  # fmt: skip


def stacked(parts: Sequence[Statistics]) -> Statistics:
    """Statistics (H, D) of chunks from those of their H steps; ``count`` is that of the first."""
    arrays = {n: np.stack([getattr(p, n) for p in parts]) for n in _NAMES}
    return Statistics(parts[0].count, **arrays)


def merged(parts: Sequence[Statistics]) -> Statistics:
    """Statistics over several sets of rows; quantiles are averages weighted by count."""
    if not parts:
        raise SpecError("there are no statistics to merge")
    counts = np.array([p.count for p in parts], dtype=np.float64)
    share = (counts / counts.sum()).reshape(-1, *[1] * parts[0].mean.ndim)
    mean = (share * np.stack([p.mean for p in parts])).sum(axis=0)
    var = (share * np.stack([p.std**2 + (p.mean - mean) ** 2 for p in parts])).sum(axis=0)
    return Statistics(
        int(counts.sum()), mean, np.sqrt(var),
        np.min([p.min for p in parts], axis=0), np.max([p.max for p in parts], axis=0),
        (share * np.stack([p.q01 for p in parts])).sum(axis=0),
        (share * np.stack([p.q99 for p in parts])).sum(axis=0),
    )  # fmt: skip
