"""What a sky does to a scene: the sun or strongest lamp, and the light from all around.

Images of skies are equirectangular: (height, 2 * height, 3) linear radiance, row 0 at the zenith,
column 0 towards +x and columns turning towards +y, world z up. Radiance 1 is the white of a
picture; suns and lamps are brighter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import SpecError

Radiance = NDArray[np.float32]
"""(height, width, 3) linear radiance, >= 0."""
Tint = tuple[float, float, float]
"""Linear RGB."""

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_NEAR_RAD = 0.35
"""Angle around the brightest place within which excess light counts as the sun's."""


@dataclass(frozen=True)
class Sky:
    """A dome light reduced to a sun and an ambient colour.

    Attributes:
        name: ``"<family>/<2 digits>"``.
        sun_direction: Unit vector from the scene to the sun or strongest lamp, world z up.
        sun_colour: Linear RGB, the largest component 1.
        sun_intensity: Share of the light on a surface facing the sun that comes from it, 0 .. 1;
            0 under an even sky.
        ambient: Linear RGB mean radiance of the upper hemisphere without the sun, 0 .. 1.
        split: ``"seen"`` or ``"unseen"``.
    """

    name: str
    sun_direction: tuple[float, float, float]
    sun_colour: tuple[float, float, float]
    sun_intensity: float
    ambient: tuple[float, float, float]
    split: str


@lru_cache(maxsize=16)
def directions(height: int) -> Radiance:
    """Unit vectors from the scene to the pixels' centres, (height, 2 * height, 3)."""
    polar = np.pi * (np.arange(height) + 0.5) / height
    azimuth = np.pi * (np.arange(2 * height) + 0.5) / height
    sine = np.sin(polar)[:, None]
    z = np.broadcast_to(np.cos(polar)[:, None], (height, 2 * height))
    vectors = np.stack([sine * np.cos(azimuth), sine * np.sin(azimuth), z], axis=-1)
    return vectors.astype(np.float32)


def solid_angles(height: int) -> NDArray[np.float64]:
    """Steradians of a pixel of each row, (height,)."""
    edges = np.cos(np.pi * np.arange(height + 1) / height)
    return -np.diff(edges) * np.pi / height


def luminance(image: Radiance) -> Radiance:
    """Luminance of linear RGB (Rec. 709), one axis less."""
    return np.asarray(np.sum(image * _LUMA, axis=-1), np.float32)


def sky_from_image(name: str, image: Radiance, split: str) -> Sky:
    """Estimates the sun and the ambient light of an equirectangular image.

    What exceeds radiance 1 near the brightest place is the sun's (Debevec's split of a light
    probe into a key light and the rest); the mean of the upper hemisphere with every pixel cut
    off at 1 is ambient.

    Args:
        name: Name of the sky.
        image: (height, 2 * height, 3) radiance, as at the top of this module; an image of another
            exposure should be scaled first, so that a lit white surface comes out near 1.
        split: ``"seen"`` or ``"unseen"``.

    Raises:
        SpecError: The image is not twice as wide as high, or not finite and >= 0.
    """
    if image.ndim != 3 or image.shape[1] != 2 * image.shape[0] or image.shape[2] != 3:
        raise SpecError(
            f"sky '{name}' cannot be used",
            why=f"an image of a sky is (height, 2 * height, 3), this one is {image.shape}",
        )
    if not np.all(np.isfinite(image)) or np.any(image < 0.0):
        raise SpecError(f"sky '{name}' cannot be used", why="radiance must be finite and >= 0")
    height = image.shape[0]
    weight = solid_angles(height)[:, None, None]
    toward = directions(height)
    bright = luminance(image)
    peak = toward[np.unravel_index(int(np.argmax(bright)), bright.shape)]
    near = toward @ peak > np.cos(_NEAR_RAD)
    excess = np.maximum(image - 1.0, 0.0) * near[..., None] * weight
    mass = luminance(excess.astype(np.float32))
    total = np.sum(excess, axis=(0, 1))
    half = height // 2
    upper = weight[:half] * np.minimum(image[:half], 1.0)
    ambient = np.sum(upper, axis=(0, 1)) / (2 * height * np.sum(weight[:half]))
    if float(np.sum(mass)) > 0.0:
        direction = np.sum(toward.astype(np.float64) * mass[..., None], axis=(0, 1))
        colour = total / np.max(total)
    else:
        direction, colour = peak.astype(np.float64), np.ones(3)
    key = float(np.sum(mass))
    fill = np.pi * float(luminance(ambient.astype(np.float32)))
    direction = direction / np.linalg.norm(direction)
    return Sky(
        name=name,
        sun_direction=_triple(direction),
        sun_colour=_triple(colour),
        sun_intensity=round(key / (key + fill), 4) if key > 0.0 else 0.0,
        ambient=_triple(ambient),
        split=split,
    )


def _triple(values: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def tone_mapped(image: Radiance) -> NDArray[np.uint8]:
    """A picture of linear radiance, (..., 3) uint8 sRGB.

    Radiance up to 0.8 keeps its value; above, highlights are rolled off towards white
    exponentially, so that lamps and suns lose no neighbour to a hard edge.
    """
    knee = np.float32(0.8)
    over = np.maximum(image - knee, 0.0)
    linear = np.minimum(image, knee) + (1.0 - knee) * (1.0 - np.exp(-over / (1.0 - knee)))
    srgb = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-6) ** (1 / 2.4) - 0.055
    )
    return np.asarray(np.clip(srgb, 0.0, 1.0) * 255.0 + 0.5, np.uint8)
