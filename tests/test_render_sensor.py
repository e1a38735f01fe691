"""Sensor effects: identity, each effect against its definition, determinism."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from datafactory.render.sensor import SensorDraw, apply_sensor, draw_sensor
from datafactory.render.style import SENSOR, SensorRanges
from datafactory.seeding import stream


def pictures(seed: int = 0, frames: int = 2, height: int = 40, width: int = 56) -> np.ndarray:
    rng = stream(seed, "sensor", 0, "pictures")
    coarse = rng.integers(20, 236, (frames, height // 8, width // 8, 3))
    return coarse.repeat(8, axis=1).repeat(8, axis=2).astype(np.uint8)


def linear(srgb: np.ndarray) -> np.ndarray:
    s = srgb / 255.0
    return np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)


def encoded(light: np.ndarray) -> np.ndarray:
    x = np.clip(light, 0.0, 1.0)
    return 255.0 * np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)


def generator(seed: int = 0) -> np.random.Generator:
    return stream(seed, "sensor", 0, "noise of a test")


def test_nothing_on_gives_the_same_array() -> None:
    rgb = pictures()
    drawn = draw_sensor(SensorRanges(), generator())
    assert drawn == SensorDraw()
    assert apply_sensor(rgb, drawn, generator()) is rgb


def test_a_hardly_visible_effect_changes_no_grey_level() -> None:
    rgb = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    assert np.array_equal(apply_sensor(rgb, SensorDraw(exposure_stops=1e-6), generator()), rgb)


@given(stops=st.floats(-2, 2), gains=st.tuples(*[st.floats(0.7, 1.3)] * 3), seed=st.integers(0, 99))
def test_exposure_and_white_balance_scale_light(
    stops: float, gains: tuple[float, float, float], seed: int
) -> None:
    rgb = pictures(seed)
    got = apply_sensor(rgb, SensorDraw(exposure_stops=stops, gains=gains), generator())
    expected = encoded(linear(rgb) * 2.0**stops * np.array(gains))
    assert np.abs(got - expected).max() <= 0.75


@settings(max_examples=20)
@given(sigma=st.floats(0.2, 3.0), seed=st.integers(0, 99))
def test_blur_is_a_gaussian_of_the_light(sigma: float, seed: int) -> None:
    rgb = pictures(seed)
    got = apply_sensor(rgb, SensorDraw(blur_px=sigma), generator())
    light = gaussian_filter(linear(rgb), (0, sigma, sigma, 0), mode="nearest", truncate=6.0)
    assert np.abs(linear(got) - light).max() <= 0.025
    assert np.abs(linear(got).mean() - linear(rgb).mean()) < 0.01


def test_vignette_darkens_towards_the_corners() -> None:
    rgb = np.full((1, 41, 61, 3), 180, np.uint8)
    light = linear(apply_sensor(rgb, SensorDraw(vignette=0.3), generator()))[0, ..., 1]
    full = linear(rgb)[0, 0, 0, 1]
    assert light[20, 30] == pytest.approx(full, abs=0.01)
    assert light[0, 0] == pytest.approx(0.7 * full, abs=0.01)
    assert (np.diff(light[20, 30:]) <= 0).all()


def test_noise_has_the_drawn_deviation_and_no_bias() -> None:
    rgb = np.full((4, 96, 96, 3), 128, np.uint8)
    got = apply_sensor(rgb, SensorDraw(noise=6.0), generator()).astype(float) - 128.0
    assert got.std() == pytest.approx(6.0, rel=0.03)
    assert abs(got.mean()) < 0.1
    frames = got.reshape(4, -1)
    assert np.abs(np.corrcoef(frames) - np.eye(4)).max() < 0.05


def test_same_seed_same_bytes() -> None:
    rgb = pictures()
    drawn = draw_sensor(SENSOR["high"], generator(3))
    first = apply_sensor(rgb, drawn, generator(5))
    assert np.array_equal(first, apply_sensor(rgb, drawn, generator(5)))
    assert not np.array_equal(first, apply_sensor(rgb, drawn, generator(6)))


def test_pictures_larger_than_the_noise() -> None:
    rgb = np.full((1, 600, 800, 3), 128, np.uint8)
    assert apply_sensor(rgb, SensorDraw(noise=3.0), generator()).std() == pytest.approx(
        3.0, rel=0.05
    )


@given(seed=st.integers(0, 999))
def test_draws_stay_within_their_ranges(seed: int) -> None:
    ranges = SENSOR["high"]
    drawn = draw_sensor(ranges, generator(seed))
    for value, span in (
        (drawn.exposure_stops, ranges.exposure_stops),
        (drawn.noise, ranges.noise),
        (drawn.blur_px, ranges.blur_px),
        (drawn.vignette, ranges.vignette),
    ):
        assert span[0] <= value <= span[1]
    assert all(abs(g - 1.0) <= ranges.white_balance for g in drawn.gains)
    assert json.loads(json.dumps(asdict(drawn)))["noise"] == drawn.noise


def test_switching_one_effect_off_leaves_the_others_draws() -> None:
    ranges = SENSOR["high"]
    without = ranges.model_copy(update={"noise": (0.0, 0.0)})
    first, second = (draw_sensor(r, generator(1)) for r in (ranges, without))
    assert (first.blur_px, first.vignette, first.gains) == (
        second.blur_px, second.vignette, second.gains,
    )  # fmt: skip
