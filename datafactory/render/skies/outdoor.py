"""Skies outdoors: gradient, haze, sun, clouds, hills or a skyline, ground."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from datafactory.render.skies.light import Radiance, Tint, directions
from datafactory.render.textures.swatch import Swatch, single

_SUN_RAD = 0.05
"""Radius of the sun: ten times the real one, so that it never falls between pixels."""


@dataclass(frozen=True)
class Weather:
    """Ranges an outdoor family draws its skies from; colours are linear RGB.

    Attributes:
        elevation: Degrees of the sun above the horizon.
        sun: Radiance of the sun's disc along its middle; (0, 0): no disc.
        sun_tint: Colour of the sun, low and high end.
        zenith: Colours overhead.
        horizon: Colours at the horizon.
        haze: How far up the horizon's colour reaches, 0.1 thin .. 1 thick.
        glow: Brightness of the light around the sun.
        cover: Share of the sky under clouds.
        cloud: Colour of lit clouds.
        shade: Brightness of a cloud's dark side over that of its lit side.
        land: Colours of the ground.
        skyline: Buildings with lit windows instead of hills.
    """

    elevation: tuple[float, float]
    sun: tuple[float, float]
    sun_tint: tuple[Tint, Tint]
    zenith: Sequence[Tint]
    horizon: Sequence[Tint]
    haze: tuple[float, float]
    glow: tuple[float, float]
    cover: tuple[float, float]
    cloud: Tint
    shade: float
    land: Sequence[Tint]
    skyline: bool = False


_LAND: Sequence[Tint] = (
    (0.11, 0.13, 0.06), (0.16, 0.14, 0.10), (0.10, 0.11, 0.11), (0.20, 0.17, 0.12),
)  # fmt: skip
_DARK_LAND: Sequence[Tint] = ((0.030, 0.030, 0.034), (0.024, 0.026, 0.024))

WEATHERS: dict[str, Weather] = {
    "clear_day": Weather(
        (30, 70), (500, 800), ((1.0, 0.90, 0.76), (1.0, 0.96, 0.90)),
        ((0.12, 0.27, 0.56), (0.15, 0.31, 0.60), (0.10, 0.24, 0.50)),
        ((0.55, 0.70, 0.86), (0.60, 0.72, 0.82), (0.50, 0.66, 0.86)),
        (0.5, 0.9), (0.25, 0.5), (0.0, 0.15), (0.95, 0.95, 0.97), 0.7, _LAND,
    ),
    "fair_clouds": Weather(
        (25, 65), (350, 700), ((1.0, 0.89, 0.74), (1.0, 0.95, 0.88)),
        ((0.11, 0.25, 0.54), (0.10, 0.22, 0.48)),
        ((0.58, 0.70, 0.84), (0.62, 0.70, 0.78)),
        (0.45, 0.8), (0.25, 0.5), (0.35, 0.6), (0.96, 0.95, 0.95), 0.5, _LAND,
    ),
    "hazy": Weather(
        (25, 60), (120, 300), ((1.0, 0.86, 0.68), (1.0, 0.93, 0.82)),
        ((0.32, 0.42, 0.56), (0.38, 0.45, 0.54), (0.30, 0.38, 0.50)),
        ((0.72, 0.74, 0.74), (0.76, 0.72, 0.66)),
        (0.6, 1.0), (0.5, 0.9), (0.0, 0.3), (0.85, 0.84, 0.83), 0.85, _LAND,
    ),
    "overcast": Weather(
        (35, 70), (0, 0), ((1.0, 1.0, 1.0), (1.0, 1.0, 1.0)),
        ((0.62, 0.65, 0.69), (0.72, 0.74, 0.77), (0.52, 0.55, 0.60)),
        ((0.46, 0.48, 0.52), (0.56, 0.57, 0.59)),
        (0.5, 0.9), (0.02, 0.1), (0.9, 1.0), (0.80, 0.82, 0.84), 0.5, _LAND,
    ),
    "golden_hour": Weather(
        (5, 16), (200, 420), ((1.0, 0.55, 0.20), (1.0, 0.70, 0.36)),
        ((0.18, 0.27, 0.46), (0.22, 0.28, 0.42), (0.14, 0.22, 0.42)),
        ((0.92, 0.60, 0.30), (0.86, 0.52, 0.30), (0.90, 0.66, 0.40)),
        (0.3, 0.55), (0.6, 1.0), (0.1, 0.5), (0.98, 0.72, 0.48), 0.42, _LAND,
    ),
    "dusk": Weather(
        (-6, -2), (0, 0), ((1.0, 0.55, 0.35), (1.0, 0.6, 0.45)),
        ((0.05, 0.08, 0.20), (0.07, 0.08, 0.19), (0.04, 0.09, 0.22)),
        ((0.52, 0.26, 0.20), (0.46, 0.22, 0.26), (0.58, 0.34, 0.20)),
        (0.25, 0.5), (0.3, 0.6), (0.15, 0.55), (0.40, 0.22, 0.24), 0.35, _DARK_LAND,
    ),
    "night_city": Weather(
        (-30, -12), (0, 0), ((1.0, 0.8, 0.6), (1.0, 0.8, 0.6)),
        ((0.030, 0.038, 0.078), (0.036, 0.040, 0.070), (0.026, 0.040, 0.094)),
        ((0.36, 0.25, 0.16), (0.28, 0.24, 0.24), (0.40, 0.27, 0.13)),
        (0.3, 0.6), (0.0, 0.0), (0.0, 0.7), (0.16, 0.13, 0.12), 0.6, _DARK_LAND, True,
    ),
}  # fmt: skip
"""Outdoor families."""


def outdoor(weather: Weather, s: Swatch, height: int) -> Radiance:
    """Draws an outdoor sky, (height, 2 * height, 3) linear radiance."""
    toward = directions(height)
    up = toward[..., 2]
    azimuth, elevation = s.uniform(0.0, 2 * np.pi), np.radians(s.uniform(*weather.elevation))
    sun = np.array(
        [
            np.cos(elevation) * np.cos(azimuth),
            np.cos(elevation) * np.sin(azimuth),
            np.sin(elevation),
        ]
    )
    tint = _between(s, *weather.sun_tint)
    zenith, horizon = _near(s, weather.zenith), _near(s, weather.horizon)
    from_sun = np.arccos(np.clip(toward @ sun, -1.0, 1.0))
    share = np.exp(-np.maximum(up, 0.0) / s.uniform(*weather.haze) * 2.2)
    # The horizon is warm and bright on the sun's side and takes up the zenith's hue opposite it.
    facing = 0.5 + 0.5 * np.cos(from_sun)
    rim = horizon * (0.62 + 0.38 * facing)[..., None] + zenith * (0.3 * (1 - facing))[..., None]
    image = zenith + share[..., None] * (rim - zenith)
    halo = s.uniform(*weather.glow) * (
        0.55 * np.exp(-from_sun / 0.12) + 0.4 * np.exp(-from_sun / 0.5)
    )
    image = image + halo[..., None] * tint
    peak = s.uniform(*weather.sun)
    disc = peak * np.exp(-np.power(from_sun / _SUN_RAD, 6))
    cloud, cover = _clouds(weather, s, toward, sun)
    image = image + cover[..., None] * (cloud * (0.75 + 0.4 * facing)[..., None] - image)
    # Clouds thin out over the sun: a sunny family has its sun.
    image = image + disc[..., None] * tint
    land = _near(s, weather.land)
    if weather.skyline:
        image = _skyline(s, image, toward, land)
    else:
        image = _hills(s, image, toward, land, 0.5 * (rim + zenith))
    image = _ground(s, image, toward, land, rim)
    return np.maximum(image, 0.0).astype(np.float32)


def _near(s: Swatch, tints: Sequence[Tint]) -> NDArray[np.float64]:
    """The tint whose turn it is, a little brighter or darker."""
    return np.array(s.cycle(tints)) * s.uniform(0.9, 1.1)


def _between(s: Swatch, low: Tint, high: Tint) -> NDArray[np.float64]:
    share = s.uniform(0.0, 1.0)
    return np.array([a + share * (b - a) for a, b in zip(low, high, strict=True)])


def _read(field: Radiance, x: ArrayLike, y: ArrayLike) -> Radiance:
    """A periodic field at places in tiles."""
    size = field.shape[0]
    at = single(y) * size - 0.5, single(x) * size - 0.5
    read = ndimage.map_coordinates(field, at, order=1, mode="grid-wrap")
    return single(read)


def _clouds(
    weather: Weather, s: Swatch, toward: Radiance, sun: NDArray[np.float64]
) -> tuple[NDArray[np.float64], Radiance]:
    """Colour and cover of a layer of clouds seen from below."""
    up = np.maximum(toward[..., 2], 0.0)
    reach = s.uniform(0.1, 0.22) / (up + 0.12)
    x, y = toward[..., 0] * reach, toward[..., 1] * reach
    field = s.noise(5, 5, 6, 0.55)
    cover = s.uniform(*weather.cover)
    level = float(np.quantile(field, 1.0 - cover)) if cover > 0.02 else float(np.max(field))
    here = _read(field, x, y)
    step = 0.02 / max(0.2, float(np.hypot(sun[0], sun[1])))
    sunward = _read(field, x + step * float(sun[0]), y + step * float(sun[1]))
    density = np.clip((here - level) / 0.9, 0.0, 1.0)
    amount = np.sqrt(density) * np.clip(up / 0.06, 0.0, 1.0)
    light = np.clip(0.75 + 0.55 * (here - sunward) - 0.35 * density, 0.0, 1.0)
    brightness = weather.shade + (1.0 - weather.shade) * light
    return np.array(weather.cloud) * brightness[..., None], 0.95 * amount


def _along(s: Swatch, width: int, waves: int, octaves: int) -> NDArray[np.float64]:
    """Periodic noise around the horizon, (width,)."""
    around = 2 * np.pi * (np.arange(width) + 0.5) / width
    total = np.zeros(width)
    for octave in range(octaves):
        for wave in range(waves << octave, (waves << octave) + waves):
            total += (
                s.rng.normal() / (1 << octave) * np.cos(wave * around + s.uniform(0, 2 * np.pi))
            )
    return np.asarray(total / np.sqrt(waves))


def _hills(
    s: Swatch, image: Radiance, toward: Radiance, land: NDArray[np.float64], air: Radiance
) -> Radiance:
    """Two ranges of hills, the far one veiled by the air."""
    height, width = image.shape[:2]
    level = np.arcsin(np.clip(toward[..., 2], -1.0, 1.0))
    for rise, veil in ((s.uniform(0.04, 0.09), 0.7), (s.uniform(0.015, 0.045), 0.35)):
        crest = rise * (1.0 + 0.4 * _along(s, width, 3, 5))
        inside = np.clip((crest - level) * height / np.pi + 0.5, 0.0, 1.0)[..., None]
        hill = land * 0.8 + veil * (air - land * 0.8)
        image = image + inside * (hill - image)
    return image


def _skyline(s: Swatch, image: Radiance, toward: Radiance, land: NDArray[np.float64]) -> Radiance:
    """Blocks of buildings around the horizon, some of their windows lit."""
    blocks = s.integer(50, 64)
    turn = np.arctan2(toward[..., 1], toward[..., 0]) / (2 * np.pi) % 1.0 * blocks
    level = np.arcsin(np.clip(toward[..., 2], -1.0, 1.0))
    block = np.floor(turn).astype(int) % blocks
    tall = s.rng.gamma(2.2, 0.05, blocks) + 0.03
    inside = (level < tall[block]) & (level > -0.02)
    wall = land * s.rng.uniform(0.5, 1.6, (blocks, 1))
    image = np.where(inside[..., None], wall[block], image)
    column, floor = np.floor(turn * 3).astype(int), np.floor((level + 0.02) * 36).astype(int)
    lit = s.rng.random((blocks * 3, 64)) < s.uniform(0.12, 0.28)
    lamp = np.array([[1.0, 0.72, 0.38], [0.95, 0.85, 0.65], [0.7, 0.82, 1.0]])
    tint = lamp[s.rng.integers(3, size=blocks)] * s.rng.uniform(0.3, 0.95, (blocks, 1))
    shown = inside & lit[column % (blocks * 3), np.clip(floor, 0, 63)]
    return np.where(shown[..., None], tint[block], image).astype(np.float32)


def _ground(
    s: Swatch, image: Radiance, toward: Radiance, land: NDArray[np.float64], air: Radiance
) -> Radiance:
    """The plain below the horizon, paler towards it."""
    height = image.shape[0]
    down = np.maximum(-toward[..., 2], 1e-3)
    reach = 0.15 / (down + 0.02)
    grain = _read(s.noise(6, 6, 5, 0.6), toward[..., 0] * reach, toward[..., 1] * reach)
    far = np.exp(-down * 14.0)[..., None]
    plain = land * (1.0 + 0.18 * grain * np.clip(down * 6.0, 0.0, 1.0))[..., None]
    plain = plain + 0.4 * far * (air - plain)
    level = np.arcsin(np.clip(toward[..., 2], -1.0, 1.0))
    inside = np.clip(-level * height / np.pi + 0.5, 0.0, 1.0)[..., None]
    return np.asarray(image + inside * (plain - image))
