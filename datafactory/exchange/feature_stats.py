"""Statistics of exported features: flat in memory, the same on every machine.

Minimum, maximum, mean and standard deviation are exact (moments merged in float64 as in Chan,
Golub and LeVeque, 1979). Quantiles are exact up to ``SAMPLE_ROWS`` rows; beyond, they are those of
every 2nd, 4th, 8th ... row. Statistics of images come from histograms of 256 levels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Summary = dict[str, Any]
"""One feature's ten statistics as nested lists, and ``count`` as a list of one integer."""

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
SAMPLE_ROWS = 1 << 16


class VectorStats:
    """Statistics of rows (n, d). Rows with a value that is not finite are left out."""

    def __init__(self, width: int) -> None:
        self.count = 0
        self._min = np.full(width, np.inf)
        self._max = np.full(width, -np.inf)
        self._mean = np.zeros(width)
        self._squares = np.zeros(width)
        self._stride = 1
        self._seen = 0
        self._sample: list[Array] = []
        self._kept = 0

    def add(self, values: NDArray[Any]) -> None:
        """Adds rows (n, d) or (n,)."""
        rows = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
        rows = rows[np.isfinite(rows).all(axis=1)]
        n = len(rows)
        if not n:
            return
        self._min = np.minimum(self._min, rows.min(axis=0))
        self._max = np.maximum(self._max, rows.max(axis=0))
        mean = rows.mean(axis=0)
        apart = mean - self._mean
        total = self.count + n
        self._squares += ((rows - mean) ** 2).sum(axis=0) + apart**2 * (self.count * n / total)
        self._mean += apart * (n / total)
        self.count = total
        self._keep(rows)

    def _keep(self, rows: Array) -> None:
        first = -self._seen % self._stride
        self._seen += len(rows)
        taken = rows[first :: self._stride]
        self._sample.append(taken)
        self._kept += len(taken)
        if self._kept > SAMPLE_ROWS:
            self._stride *= 2
            self._sample = [np.concatenate(self._sample)[::2]]
            self._kept = len(self._sample[0])

    def result(self) -> Summary:
        """The statistics; zeros for no rows at all."""
        if not self.count:
            zeros = [0.0] * len(self._mean)
            names = ("min", "max", "mean", "std", *QUANTILES)
            return {**dict.fromkeys(names, zeros), "count": [0]}
        levels = np.quantile(np.concatenate(self._sample), list(QUANTILES.values()), axis=0)
        return {
            "min": self._min.tolist(),
            "max": self._max.tolist(),
            "mean": self._mean.tolist(),
            "std": np.sqrt(self._squares / self.count).tolist(),
            "count": [self.count],
            **dict(zip(QUANTILES, levels.tolist(), strict=True)),
        }


class ImageStats:
    """Statistics of RGB images per channel, scaled to [0, 1], in the shape (3, 1, 1)."""

    def __init__(self) -> None:
        self.count = 0
        self._levels = np.zeros((3, 256), dtype=np.int64)

    def add(self, images: NDArray[np.uint8]) -> None:
        """Adds images (n, h, w, 3)."""
        self.count += len(images)
        for channel in range(3):
            values = np.ascontiguousarray(images[..., channel]).reshape(-1)
            self._levels[channel] += np.bincount(values, minlength=256)

    def merge(self, other: ImageStats) -> None:
        """Adds all that another one has seen."""
        self.count += other.count
        self._levels += other._levels

    def result(self) -> Summary:
        """The statistics; zeros for no images at all."""
        level = np.arange(256) / 255.0
        pixels = np.maximum(self._levels.sum(axis=1), 1)
        mean = self._levels @ level / pixels
        spread = (self._levels * (level - mean[:, None]) ** 2).sum(axis=1) / pixels
        summed = np.cumsum(self._levels, axis=1)
        found = {"mean": mean, "std": np.sqrt(spread)}
        found["min"] = np.array([level[np.argmax(row > 0)] for row in self._levels])
        found["max"] = np.array([level[np.argmax(row >= row[-1])] for row in summed])
        for name, share in QUANTILES.items():
            found[name] = np.array([level[np.argmax(row >= share * row[-1])] for row in summed])
        shaped = {name: values.reshape(3, 1, 1).tolist() for name, values in found.items()}
        return {**shaped, "count": [self.count]}
