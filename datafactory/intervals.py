"""Confidence intervals of success rates."""

from __future__ import annotations

import math
from dataclasses import dataclass

Z95 = 1.959963984540054


@dataclass(frozen=True)
class Rate:
    """A share with its 95 % interval.

    Attributes:
        successes, trials: Counts.
        low, high: Wilson score interval (Wilson, "Probable Inference, the Law of Succession, and
            Statistical Inference", 1927).
    """

    successes: int
    trials: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Successes over trials; 0 without trials."""
        return self.successes / self.trials if self.trials else 0.0

    def __str__(self) -> str:
        return f"{self.share:.1%} [{self.low:.1%}, {self.high:.1%}] of {self.trials}"


def wilson(successes: int, trials: int, z: float = Z95) -> Rate:
    """Share of successes with the Wilson score interval; [0, 1] without trials."""
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials}")
    if not trials:
        return Rate(0, 0, 0.0, 1.0)
    p, n = successes / trials, trials
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Rate(successes, trials, max(0.0, middle - half), min(1.0, middle + half))
