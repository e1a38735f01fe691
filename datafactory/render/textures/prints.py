"""Patterns printed on objects in two colours: their own, and one that stands out from it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import UnknownNameError
from datafactory_assets.families.materials import CREAM
from datafactory_assets.families.patterns import PATTERNS

Colour = tuple[float, float, float]
_DARK: Colour = (0.15, 0.18, 0.32)
_PALE_LUMA = 0.6
_SPECKS = 26


@lru_cache(maxsize=256)
def printed(pattern: str, colour: Colour, pixels: int) -> NDArray[np.uint8]:
    """One tile of a pattern, which wraps at its edges.

    The object's own colour covers more than half of it, so that the colour keeps its name.

    Args:
        pattern: One of ``patterns.PATTERNS``.
        colour: sRGB colour of the object.
        pixels: Edge of the tile.

    Returns:
        (pixels, pixels, 3) uint8 sRGB, row 0 at v = 1; read-only, since calls share it.

    Raises:
        UnknownNameError: There is no such pattern.
    """
    if pattern not in PATTERNS:
        raise UnknownNameError.of("pattern", pattern, PATTERNS)
    at = (np.arange(pixels) + 0.5) / pixels
    x, y = at[None, :], at[::-1, None]
    second = _second(pattern, x, y)[..., None]
    luma = float(np.dot((0.299, 0.587, 0.114), colour))
    other = np.array(_DARK if luma > _PALE_LUMA else CREAM[:3])
    image = (1.0 - second) * np.array(colour) + second * other
    tile: NDArray[np.uint8] = (np.clip(image, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    tile.flags.writeable = False
    return tile


def _second(pattern: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the second colour (n, n) at places x (1, n) and y (n, 1) of the unit tile."""
    every = np.zeros(np.broadcast_shapes(x.shape, y.shape))
    if pattern == "striped":
        return every + (np.abs(x - 0.5) < 0.18)
    if pattern == "banded":
        return every + (np.abs(y - 0.5) < 0.15)
    if pattern == "dotted":
        return every + ((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.27**2)
    if pattern == "checked":
        return 0.45 * ((x < 0.5) + every) + 0.45 * ((y < 0.5) + every)
    rng = np.random.Generator(np.random.PCG64(5))
    for u, v, r in zip(*rng.random((3, _SPECKS)), strict=True):
        dx, dy = np.abs(x - u), np.abs(y - v)
        dx, dy = np.minimum(dx, 1.0 - dx), np.minimum(dy, 1.0 - dy)
        every = np.maximum(every, dx**2 + dy**2 < (0.018 + 0.027 * r) ** 2)
    return every
