"""An epoch is a permutation; any position can be gone on from; ranks share it."""

from __future__ import annotations

import numpy as np
import pytest

from datafactory.errors import SpecError
from datafactory_zoo.sampler import Sampler, SamplerState


@pytest.mark.parametrize("count", [1, 2, 3, 17, 64, 1000])
def test_every_epoch_is_another_permutation(count):
    sampler = Sampler(count, seed=5)
    epochs = [sampler.next(count) for _ in range(3)]
    for epoch in epochs:
        np.testing.assert_array_equal(np.sort(epoch), np.arange(count))
    if count > 10:
        assert (epochs[0] != epochs[1]).any()
        assert (epochs[0] != np.arange(count)).any()


def test_going_on_gives_the_same_samples():
    whole = Sampler(97, seed=1)
    expected = np.concatenate([whole.next(10) for _ in range(30)])
    first = Sampler(97, seed=1)
    begin = np.concatenate([first.next(10) for _ in range(13)])
    second = Sampler(97, seed=1, state=SamplerState(first.state.drawn))
    rest = np.concatenate([second.next(10) for _ in range(17)])
    np.testing.assert_array_equal(np.concatenate([begin, rest]), expected)


def test_ranks_share_an_epoch():
    count, world = 96, 3
    ranks = [Sampler(count, seed=2, rank=r, world=world) for r in range(world)]
    seen = np.concatenate([s.next(count // world) for s in ranks])
    np.testing.assert_array_equal(np.sort(seen), np.arange(count))
    assert {s.state for s in ranks} == {SamplerState(count)}


def test_the_order_is_spread_out():
    """Neighbours in the order are not neighbours in the data."""
    order = Sampler(10_000, seed=3).next(10_000)
    assert np.median(np.abs(np.diff(order))) > 1500
    assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 0.05


def test_nothing_and_strange_ranks_are_refused():
    with pytest.raises(SpecError, match="nothing to sample"):
        Sampler(0, seed=0)
    with pytest.raises(SpecError, match="rank 2"):
        Sampler(5, seed=0, rank=2, world=2)
