"""Shares of a mixture, and how datasets are dealt to ranks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafactory.errors import SpecError
from datafactory_zoo.mixture import Mixture, assign_lpt, mixture_weights


def test_weights_follow_frames_and_gamma():
    np.testing.assert_allclose(mixture_weights([100, 300]), [0.25, 0.75])
    np.testing.assert_allclose(mixture_weights([100, 300], gamma=0.0), [0.5, 0.5])
    np.testing.assert_allclose(mixture_weights([100, 300], [3.0, 1.0]), [0.5, 0.5])
    with pytest.raises(SpecError, match="positive"):
        mixture_weights([1, 2], [1.0, 0.0])


@given(
    sizes=st.lists(st.integers(1, 1000), min_size=1, max_size=20), ranks=st.integers(1, 6)
)  # fmt: skip
def test_no_rank_gets_more_than_grahams_bound(sizes, ranks):
    shares = assign_lpt(sizes, ranks)
    assert len(shares) == ranks
    assert all(shares)
    if len(sizes) >= ranks:
        assert sorted(k for share in shares for k in share) == list(range(len(sizes)))
        loads = [sum(sizes[k] for k in share) for share in shares]
        lower = max(max(sizes), sum(sizes) / ranks)
        if len(sizes) > ranks:
            ordered = sorted(sizes, reverse=True)
            lower = max(lower, ordered[ranks - 1] + ordered[ranks])
        assert max(loads) <= (4 / 3 - 1 / (3 * ranks)) * lower + 1e-9
    else:
        assert {k for share in shares for k in share} == set(range(len(sizes)))


def test_a_mixture_goes_on_where_it_stopped():
    shares = mixture_weights([50, 200])

    def drawn(mixture, times):
        return [[(k, s.tolist()) for k, s in mixture.next(32)] for _ in range(times)]

    expected = drawn(Mixture([50, 200], shares, seed=4), 12)
    first = Mixture([50, 200], shares, seed=4)
    begin = drawn(first, 5)
    rest = drawn(Mixture([50, 200], shares, seed=4, state=first.state), 7)
    assert begin + rest == expected


def test_shares_are_kept_over_time():
    mixture = Mixture([1000, 1000], np.array([0.2, 0.8]), seed=1)
    counts = np.zeros(2)
    for _ in range(200):
        for k, samples in mixture.next(64):
            counts[k] += len(samples)
    assert abs(counts[0] / counts.sum() - 0.2) < 0.02
    assert mixture.samples == counts.sum()
