"""What a real camera does to a picture: blur, vignette, exposure, white balance and noise.

Light is scaled and blurred as light, not as sRGB values. Noise is added to the sRGB values with
one standard deviation at all brightnesses: photon noise grows with the square root of the light,
and sRGB encoding, nearly a square root itself, makes that even again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datafactory import seeding
from datafactory.render.style import SensorRanges

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

_LEVELS = 65535.0
_FRACTION_BITS = 4
_NOISE_SAMPLES = 2**20


@dataclass(frozen=True)
class SensorDraw:
    """The sensor of one episode.

    Attributes:
        exposure_stops: Light is multiplied by 2 to this power.
        gains: Factor of each channel's light, red, green, blue.
        noise: Standard deviation, grey levels of 255.
        blur_px: Standard deviation of a Gaussian, pixels.
        vignette: Share of the light that is missing in the corners.
    """

    exposure_stops: float = 0.0
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)
    noise: float = 0.0
    blur_px: float = 0.0
    vignette: float = 0.0


def draw_sensor(ranges: SensorRanges, rng: np.random.Generator) -> SensorDraw:
    """Draws a sensor; every number takes its draw whether or not its range is empty."""
    exposure = float(rng.uniform(*ranges.exposure_stops))
    red, green, blue = (1.0 + ranges.white_balance * rng.uniform(-1.0, 1.0, 3)).tolist()
    noise, blur, vignette = (
        float(rng.uniform(*span)) for span in (ranges.noise, ranges.blur_px, ranges.vignette)
    )
    return SensorDraw(exposure, (red, green, blue), noise, blur, vignette)


def apply_sensor(rgb: Bytes, drawn: SensorDraw, rng: np.random.Generator) -> Bytes:
    """Pictures as the sensor would have taken them.

    Args:
        rgb: (F, h, w, 3) uint8 sRGB.
        drawn: The sensor.
        rng: Generator of the noise.

    Returns:
        New pictures of the same shape; ``rgb`` itself when the sensor changes nothing.
    """
    if drawn == SensorDraw():
        return rgb
    frames, height, width, channels = rgb.shape
    weights = _gaussian(drawn.blur_px)
    r = len(weights) - 1
    gain = _gain(height, width, drawn) / np.float32((1.0 + 2.0 * sum(weights[1:])) ** 2)
    noise = _noise(drawn.noise, height * width * channels)
    starts = rng.integers(0, _NOISE_SAMPLES, size=(frames,))
    decode, encode = _linear_from_srgb(), _srgb_from_linear()
    padded = np.empty((height + 2 * r, (width + 2 * r) * channels), np.uint8)
    light, spare, pair = (np.zeros(padded.shape, np.float32) for _ in range(3))
    level = np.empty((height, width * channels), np.int16)
    index = np.empty(level.shape, np.uint16)
    out = np.empty_like(rgb)
    for frame in range(frames):
        _repeat_edges(rgb[frame], padded, r)
        np.take(decode, padded, out=light, mode="clip")
        for step in (channels, padded.shape[1]):
            light, spare = _filtered(light, spare, pair, weights, step)
        shown = light[r : r + height, r * channels : (r + width) * channels]
        shown *= gain
        np.clip(shown, 0.0, _LEVELS, out=shown)
        np.copyto(index, shown, casting="unsafe")
        np.take(encode, index, out=level, mode="clip")
        if noise is not None:
            grain = noise[starts[frame] :][: level.size]
            level += grain.reshape(level.shape)
            np.clip(level, 0, 255 << _FRACTION_BITS, out=level)
        level += 1 << (_FRACTION_BITS - 1)
        level >>= _FRACTION_BITS
        np.copyto(out[frame].reshape(level.shape), level, casting="unsafe")
    return out


def _repeat_edges(image: Bytes, padded: Bytes, r: int) -> None:
    """Writes an image (h, w, c) into the middle of (h + 2 r, (w + 2 r) c), edges repeated."""
    height, width, channels = image.shape
    middle = padded.reshape(height + 2 * r, width + 2 * r, channels)
    middle[r : r + height, r : r + width] = image
    middle[r : r + height, :r] = image[:, :1]
    middle[r : r + height, r + width :] = image[:, -1:]
    middle[:r] = middle[r]
    middle[r + height :] = middle[r + height - 1]


def _filtered(
    image: Floats, spare: Floats, pair: Floats, weights: tuple[float, ...], step: int
) -> tuple[Floats, Floats]:
    """Symmetric filter along neighbours that are ``step`` apart in the flattened image.

    Rows run into each other, which only spoils the margins. Returns the filtered image and the
    other of the two buffers.
    """
    if len(weights) == 1:
        return image, spare
    source, total, flat = image.reshape(-1), spare.reshape(-1), pair.reshape(-1)
    reach = (len(weights) - 1) * step
    inside = slice(reach, -reach)
    middle, ends = source[inside], len(source) - reach
    for k, weight in enumerate(weights[1:], start=1):
        np.add(source[reach - k * step : ends - k * step],
               source[reach + k * step : ends + k * step], out=flat[inside])  # fmt: skip
        flat[inside] *= np.float32(weight)
        np.add(middle, flat[inside], out=total[inside])
        middle = total[inside]
    return spare, image


def _gain(height: int, width: int, drawn: SensorDraw) -> Floats:
    """(h, w * 3) factor from linear light in [0, 1] to table index."""
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    # The law of lenses, cos^4, is 1 - 2 r^2 for small fields; scaled to the drawn loss at r = 1.
    falloff = 1.0 - drawn.vignette * 0.5 * (x**2 + y**2)
    channels = np.array(drawn.gains) * 2.0**drawn.exposure_stops * _LEVELS
    gain: Floats = (falloff[..., None] * channels).reshape(height, -1).astype(np.float32)
    return gain


def _gaussian(sigma: float) -> tuple[float, ...]:
    """Weights at each distance from the middle's, which is 1, to at least 2.5 sigma."""
    if sigma <= 0.0:
        return (1.0,)
    radius = max(1, math.ceil(2.5 * sigma - 0.5))
    return tuple(math.exp(-0.5 * (k / sigma) ** 2) for k in range(radius + 1))


def _noise(deviation: float, pixels: int) -> NDArray[np.int16] | None:
    """Noise in sixteenths of a grey level; any run of ``pixels`` from the first million serves."""
    if deviation <= 0.0:
        return None
    scaled = np.rint(_normals() * np.float32(deviation * (1 << _FRACTION_BITS)))
    limited = np.clip(scaled, -(2**14), 2**14).astype(np.int16)
    return np.resize(limited, _NOISE_SAMPLES + pixels)


@lru_cache(maxsize=1)
def _normals() -> Floats:
    """A million normal numbers, always the same; frames differ by where they begin to read.

    Drawing them anew for every frame would take longer than all else here together.
    """
    rng = seeding.stream(0, "sensor", 0, "noise")
    return rng.standard_normal(_NOISE_SAMPLES, dtype=np.float32)


@lru_cache(maxsize=1)
def _linear_from_srgb() -> Floats:
    """(256,) linear light of each sRGB value, IEC 61966-2-1."""
    s = np.arange(256) / 255.0
    return np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4).astype(np.float32)


@lru_cache(maxsize=1)
def _srgb_from_linear() -> NDArray[np.int16]:
    """(65536,) sRGB value of linear light i / 65535, in sixteenths."""
    light = np.arange(65536) / _LEVELS
    s = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    levels: NDArray[np.int16] = np.rint(s * (255 << _FRACTION_BITS)).astype(np.int16)
    return levels
