"""The size an image has when a vision-language model sees it; coordinates are given in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from datafactory.errors import SpecError

PATCH = 28
"""Both sides are multiples of this: 14-pixel patches, merged two by two, as in Qwen2.5-VL."""
LONGEST = 200.0
"""Images longer than this many times their width are refused."""


@dataclass(frozen=True)
class Resize:
    """Bounds on the pixels of a resized image.

    Attributes:
        min_pixels, max_pixels: Width times height after resizing lies within; the default
            maximum is 224 x 224.
    """

    min_pixels: int = 56 * 56
    max_pixels: int = 224 * 224

    def __post_init__(self) -> None:
        if not PATCH * PATCH <= self.min_pixels <= self.max_pixels:
            raise SpecError(
                f"images of {self.min_pixels} to {self.max_pixels} pixels cannot be made",
                why=f"the smallest image has {PATCH} x {PATCH} pixels",
                remedy=f"keep {PATCH * PATCH} <= min_pixels <= max_pixels",
            )

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height after resizing; see :func:`resize_28`."""
        return resize_28(width, height, self.min_pixels, self.max_pixels)


def resize_28(width: int, height: int, min_pixels: int, max_pixels: int) -> tuple[int, int]:
    """Nearest size with sides that are multiples of 28, within a pixel budget.

    Each side is rounded by itself. If the result has too many (few) pixels, both sides are scaled
    by the same factor to the budget and rounded down (up) instead. The rule is Qwen2.5-VL's.

    Args:
        width: Width of the image, pixels.
        height: Its height, pixels.
        min_pixels: Least width * height after resizing.
        max_pixels: Greatest width * height after resizing.

    Returns:
        Width and height. Very long images may leave the budget, as no side is below 28.

    Raises:
        SpecError: The image is more than 200 times as long as it is wide.
    """
    if max(width, height) > LONGEST * min(width, height):
        raise SpecError(f"an image of {width} x {height} pixels is too long to be resized")
    sides = [max(PATCH, round(side / PATCH) * PATCH) for side in (width, height)]
    area = sides[0] * sides[1]
    if area > max_pixels:
        factor = math.sqrt(max_pixels / (width * height)) / PATCH
        sides = [max(PATCH, math.floor(side * factor) * PATCH) for side in (width, height)]
    elif area < min_pixels:
        factor = math.sqrt(min_pixels / (width * height)) / PATCH
        sides = [math.ceil(side * factor) * PATCH for side in (width, height)]
    return sides[0], sides[1]
