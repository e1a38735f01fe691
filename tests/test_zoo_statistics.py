"""Streamed statistics equal NumPy's, however the rows come in."""

from __future__ import annotations

import numpy as np
import pytest

from datafactory.errors import DatasetCorruptError, SpecError
from datafactory_zoo.statistics import Statistics, StreamingStatistics, merged
from tests.zoo_fixture import rng


@pytest.mark.parametrize("sizes", [(1000,), (1, 999), (250, 250, 250, 250), (999, 0, 1)])
def test_any_batches_give_numpys_numbers(sizes):
    rows = rng(1).normal([1e3, -5, 0], [1, 1e-3, 10], (1000, 3))
    stream = StreamingStatistics(3)
    start = 0
    for size in sizes:
        stream.add(rows[start : start + size])
        start += size
    found = stream.finish()
    assert found.count == 1000
    np.testing.assert_allclose(found.mean, rows.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.std, rows.std(0), rtol=1e-9)
    np.testing.assert_array_equal(found.min, rows.min(0))
    np.testing.assert_array_equal(found.max, rows.max(0))
    np.testing.assert_allclose(found.q01, np.quantile(rows, 0.01, axis=0))
    np.testing.assert_allclose(found.q99, np.quantile(rows, 0.99, axis=0))


def test_a_reservoir_is_a_fair_sample():
    rows = rng(2).uniform(0, 1, (40_000, 1))
    stream = StreamingStatistics(1, reservoir=2000)
    for part in np.array_split(np.sort(rows, axis=0), 37):  # sorted: the worst order
        stream.add(part)
    found = stream.finish()
    assert abs(found.q01[0] - 0.01) < 0.01
    assert abs(found.q99[0] - 0.99) < 0.01


def test_merging_is_streaming_on():
    rows = rng(3).normal(size=(600, 2))
    parts = []
    for chunk in (rows[:100], rows[100:]):
        stream = StreamingStatistics(2)
        stream.add(chunk)
        parts.append(stream.finish())
    found = merged(parts)
    np.testing.assert_allclose(found.mean, rows.mean(0))
    np.testing.assert_allclose(found.std, rows.std(0))
    np.testing.assert_array_equal(found.max, rows.max(0))


def test_json_keeps_every_bit():
    stream = StreamingStatistics(2)
    stream.add(rng(4).normal(size=(50, 2)))
    one = stream.finish()
    other = Statistics.from_dict(one.to_dict())
    for name in ("mean", "std", "min", "max", "q01", "q99"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_what_cannot_be_measured_is_an_error():
    stream = StreamingStatistics(1, name="state")
    with pytest.raises(SpecError, match="no rows of 'state'"):
        stream.finish()
    with pytest.raises(DatasetCorruptError, match="'state'"):
        stream.add(np.array([[np.nan]]))
