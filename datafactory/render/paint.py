"""Textures of the library as materials; images are made once and shared, so renderers can tell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from datafactory.render.look import Colour, SurfaceLook
from datafactory.render.stage import Bytes, Material
from datafactory.render.textures.library import texture

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_RELIEF = (0.7, 1.0)
"""Range of brightness an object's pattern may have, so that its colour keeps its name."""


@dataclass(frozen=True, eq=False)
class Paint:
    """A material and how large its texture is.

    Attributes:
        material: The material.
        repeat_m: Metres the texture covers; 0 when it is stretched once over the surface.
    """

    material: Material
    repeat_m: float


def painted(surface: SurfaceLook, pixels: int, over: Colour = (1.0, 1.0, 1.0)) -> Paint:
    """The material of a surface.

    Args:
        surface: Texture and tint.
        pixels: Edge of the texture's image.
        over: Multiplies the colour once more.
    """
    r, g, b = (float(t * o) for t, o in zip(surface.tint, over, strict=True))
    if not surface.texture:
        return Paint(Material((r, g, b)), 0.0)
    found = texture(surface.texture, pixels)
    material = Material((r, g, b), found.image, found.name, found.gloss)
    return Paint(material, found.repeat_m)


def patterned(name: str, colour: Colour, pixels: int) -> Paint:
    """A texture's pattern in an object's own colour: only its brightness varies.

    Args:
        name: Texture name.
        colour: sRGB colour of the object.
        pixels: Edge of the texture's image.
    """
    found = texture(name, pixels)
    image, mean = _relief(name, pixels)
    # Brighter by what the pattern takes away, as far as no channel is cut off: that shifts hues.
    r, g, b = (c / max(mean, *colour) for c in colour)
    return Paint(Material((r, g, b), image, found.name, found.gloss), found.repeat_m)


@lru_cache(maxsize=256)
def _relief(name: str, pixels: int) -> tuple[Bytes, float]:
    """A grey image of a texture's brightness, and its mean in [0, 1]."""
    grey = texture(name, pixels).image.astype(np.float32) @ _LUMA
    low, high = np.percentile(grey, (2.0, 98.0))
    share = np.clip((grey - low) / max(float(high - low), 24.0), 0.0, 1.0)
    level = _RELIEF[0] + (_RELIEF[1] - _RELIEF[0]) * share
    image = np.repeat((level * 255.0 + 0.5).astype(np.uint8)[..., None], 3, axis=2)
    image.flags.writeable = False
    return image, float(level.mean())
