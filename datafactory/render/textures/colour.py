"""Colours of drawings: sRGB triples, mixed and mapped over fields."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datafactory.render.textures.swatch import Field, Image, Swatch, single

Colour = NDArray[np.float32]
"""(3,) sRGB, 0..1."""

_STEPS = 512


def rgb(code: str) -> Colour:
    """The colour of six hexadecimal digits, such as ``"c9a673"``."""
    return np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)], np.float32) / np.float32(255)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """Colour between a (share 0) and b (share 1)."""
    return a + np.float32(share) * (b - a)


def luma(colour: Colour) -> float:
    """Perceived brightness of an sRGB colour, 0..1."""
    red, green, blue = colour.tolist()
    return float(0.299 * red + 0.587 * green + 0.114 * blue)


def varied(swatch: Swatch, code: str, amount: float = 0.04) -> Colour:
    """A colour near a given one: brightness and, half as much, warmth are drawn anew."""
    brightness = swatch.uniform(-amount, amount)
    warmth = swatch.uniform(-0.5 * amount, 0.5 * amount)
    shift = np.array([brightness + warmth, brightness, brightness - warmth], np.float32)
    return single(np.clip(rgb(code) + shift, 0.0, 1.0))


def ramp(share: Field, stops: Sequence[Colour], places: Sequence[float] | None = None) -> Image:
    """Colours of a field of shares 0..1 along stops, (3, size, size).

    Args:
        share: Shares; values outside 0..1 take the end colours.
        stops: Two or more colours.
        places: Share at which each stop lies, rising; evenly spread when None.
    """
    at = np.linspace(0.0, 1.0, len(stops)) if places is None else np.asarray(places)
    steps = np.linspace(0.0, 1.0, _STEPS)
    stacked = np.stack(stops)
    table = np.stack([np.interp(steps, at, stacked[:, i]) for i in range(3)]).astype(np.float32)
    number = np.clip(share * (_STEPS - 1) + 0.5, 0, _STEPS - 1).astype(np.intp)
    return single(np.take(table, number, axis=1))


def each(colours: NDArray[np.float32], which: NDArray[np.intp]) -> Image:
    """The colour, out of (count, 3), of each pixel's part, (3, size, size)."""
    return np.take(colours.T, which, axis=1)


def laid(base: Image | Colour, over: Image | Colour, share: Field) -> Image:
    """One image or colour over another where a field of shares says so, (3, size, size)."""
    below = _planes(base)
    return below + share * (_planes(over) - below)


def lit(image: Image | Colour, factor: Field) -> Image:
    """An image or colour made brighter or darker by a field of factors, (3, size, size)."""
    return _planes(image) * factor


def _planes(image: Image | Colour) -> Image:
    return image[:, None, None] if image.ndim == 1 else image
