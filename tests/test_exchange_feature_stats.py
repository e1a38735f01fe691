from __future__ import annotations

import numpy as np
import pytest

from datafactory.exchange import feature_stats
from datafactory.exchange.feature_stats import QUANTILES, ImageStats, VectorStats

RNG = np.random.Generator(np.random.PCG64(3))


def test_parts_give_the_statistics_of_the_whole():
    rows = RNG.normal(50, 3, (1000, 4)) * [1, 10, 0.1, 1e-3]
    stats = VectorStats(4)
    for part in np.split(rows, [10, 11, 400]):
        stats.add(part)
    found = stats.result()
    assert found["count"] == [1000]
    assert np.array_equal(found["min"], rows.min(0))
    assert np.array_equal(found["max"], rows.max(0))
    assert np.allclose(found["mean"], rows.mean(0), rtol=1e-12)
    assert np.allclose(found["std"], rows.std(0), rtol=1e-9)
    for name, share in QUANTILES.items():
        assert np.allclose(found[name], np.quantile(rows, share, axis=0), rtol=1e-12)


def test_memory_is_bounded_and_quantiles_stay_close(monkeypatch):
    monkeypatch.setattr(feature_stats, "SAMPLE_ROWS", 1000)
    rows = RNG.normal(size=(20_000, 2))
    stats = VectorStats(2)
    for part in np.array_split(rows, 57):
        stats.add(part)
        assert stats._kept <= 1000
    kept = np.concatenate(stats._sample)
    assert np.array_equal(kept, rows[:: stats._stride])
    assert np.allclose(stats.result()["q50"], np.quantile(rows, 0.5, axis=0), atol=0.1)


def test_rows_that_are_not_finite_are_left_out():
    stats = VectorStats(2)
    stats.add(np.array([[1.0, np.nan], [2.0, 3.0], [np.inf, 1.0]]))
    assert stats.result()["count"] == [1]
    assert stats.result()["mean"] == [2.0, 3.0]
    assert VectorStats(1).result()["count"] == [0]


@pytest.mark.parametrize("parts", [1, 3])
def test_images_have_exact_statistics(parts):
    images = RNG.integers(0, 256, (6, 20, 30, 3), dtype=np.uint8)
    stats = ImageStats()
    for part in np.split(images, parts):
        own = ImageStats()
        own.add(part)
        stats.merge(own)
    found = {k: np.array(v) for k, v in stats.result().items()}
    values = images.reshape(-1, 3) / 255
    assert found["count"].tolist() == [6]
    assert found["mean"].shape == (3, 1, 1)
    assert np.allclose(found["mean"].ravel(), values.mean(0))
    assert np.allclose(found["std"].ravel(), values.std(0))
    assert np.array_equal(found["min"].ravel(), values.min(0))
    assert np.array_equal(found["max"].ravel(), values.max(0))
    assert np.allclose(found["q50"].ravel(), np.quantile(values, 0.5, axis=0), atol=1 / 255)
