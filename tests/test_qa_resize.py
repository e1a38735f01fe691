"""Sizes are multiples of 28 within the budget, and keep the shape as well as that allows."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.errors import SpecError
from datafactory.qa.resize import Resize, resize_28

SIDES = st.integers(1, 3000)


@settings(deadline=None)
@given(SIDES, SIDES, st.integers(784, 20000), st.integers(1, 40))
def test_multiples_of_28_within_the_budget(width: int, height: int, low: int, factor: int) -> None:
    if max(width, height) > 200 * min(width, height):
        with pytest.raises(SpecError, match="too long"):
            resize_28(width, height, low, low * factor)
        return
    high = low * (3 + factor)
    w, h = resize_28(width, height, low, high)
    assert w % 28 == h % 28 == 0
    assert min(w, h) >= 28
    assert w * h <= high or min(w, h) == 28
    assert w * h >= low


@pytest.mark.parametrize(
    ("size", "low", "high", "wanted"),
    [
        ((224, 224), 3136, 50176, (224, 224)),
        ((640, 480), 3136, 12845056, (644, 476)),
        ((640, 480), 3136, 50176, (252, 168)),
        ((30, 30), 3136, 50176, (56, 56)),
        ((42, 70), 784, 50176, (56, 56)),  # halves round to even
    ],
)
def test_known_sizes(size, low, high, wanted) -> None:
    assert Resize(low, high).size(*size) == wanted


def test_an_empty_budget_is_refused() -> None:
    with pytest.raises(SpecError, match="cannot be made"):
        Resize(min_pixels=100)
    with pytest.raises(SpecError):
        Resize(min_pixels=5000, max_pixels=4000)
