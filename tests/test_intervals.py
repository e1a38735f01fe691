"""Wilson's interval against published values."""

from __future__ import annotations

import pytest

from datafactory.intervals import wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(90, 100, 0.826, 0.945), (0, 20, 0.0, 0.161), (20, 20, 0.839, 1.0), (1, 10, 0.018, 0.404)],
)
def test_known_intervals(successes, trials, low, high):
    found = wilson(successes, trials)
    assert found.low == pytest.approx(low, abs=6e-4)
    assert found.high == pytest.approx(high, abs=6e-4)


def test_nothing_tried_says_nothing():
    found = wilson(0, 0)
    assert (found.low, found.high, found.share) == (0.0, 1.0, 0.0)
    with pytest.raises(ValueError, match="3 successes of 2"):
        wilson(3, 2)
