"""A swatch: a square of material being drawn, with the periodic fields drawings are made of.

Every field is defined on the unit square and wraps at its edges, so a swatch tiles; and it is
defined by lattices of fixed size, so the same instance looks the same at every resolution.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datafactory.seeding import name_key

Field = NDArray[np.float32]
"""Numbers on the pixel grid, (size, size) or broadcastable to it."""
Image = NDArray[np.float32]
"""(3, size, size) sRGB values, 0..1 where not yet clipped: planes, which NumPy is quick on."""
T = TypeVar("T")


class Draft(NamedTuple):
    """What a family draws: the image, metres one tile covers, and the specular hint 0..1."""

    image: Image
    repeat_m: float
    gloss: float


class Cells(NamedTuple):
    """Distances to the nearest and second nearest of scattered points, and who is nearest.

    Distances are in cell sides; ``which`` numbers the points from 0.
    """

    nearest: Field
    second: Field
    which: NDArray[np.intp]


@dataclass(frozen=True)
class Swatch:
    """A square of material being drawn.

    Attributes:
        rng: The instance's own generator; draws must not depend on ``size``.
        index: Number of the instance in its family.
        size: Pixels along an edge.
    """

    rng: np.random.Generator
    index: int
    size: int

    @property
    def x(self) -> Field:
        """Pixel centres from left to right in 0..1, (1, size)."""
        return _centres(self.size)[None, :]

    @property
    def y(self) -> Field:
        """Pixel centres from top to bottom in 0..1, (size, 1)."""
        return _centres(self.size)[:, None]

    def uniform(self, low: float, high: float) -> float:
        """A number drawn from [low, high)."""
        return float(self.rng.uniform(low, high))

    def integer(self, low: int, high: int) -> int:
        """A whole number drawn from low..high, both included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        """True with a probability."""
        return bool(self.rng.random() < probability)

    def pick(self, options: Sequence[T]) -> T:
        """One of the options at random."""
        return options[int(self.rng.integers(len(options)))]

    def cycle(self, options: Sequence[T]) -> T:
        """The option whose turn it is: instances of a family take the options in order."""
        return options[self.index % len(options)]

    def noise(self, across: int, down: int, octaves: int = 1, gain: float = 0.5) -> Field:
        """Smooth periodic noise, mean about 0, standard deviation about 1, (size, size).

        A lattice of normal deviates under periodic cubic B-splines; octaves double both counts.

        Args:
            across: Lattice points along x.
            down: Lattice points along y.
            octaves: Layers, each twice as fine as the one before.
            gain: Amplitude of a layer over that of the one before.
        """
        total = np.zeros((self.size, self.size), np.float32)
        power = 0.0
        for octave in range(octaves):
            columns, rows = across << octave, down << octave
            lattice = self.rng.standard_normal((rows, columns), dtype=np.float32)
            total += _interpolated(lattice * np.float32(gain**octave), self.size)
            power += gain ** (2 * octave)
        total /= np.float32(power**0.5)
        return total

    def cells(self, across: int, down: int, jitter: float = 0.8) -> Cells:
        """Distances to points scattered one per cell of a periodic grid (Worley's cell noise).

        Args:
            across: Cells along x.
            down: Cells along y.
            jitter: Share of its cell a point may lie in, 0 (a regular grid) .. 1.
        """
        spread = self.rng.uniform(-0.5 * jitter, 0.5 * jitter, (2, down, across))
        point = spread.astype(np.float32) + np.float32(0.5)
        column, in_x = _cell(self.x, across)
        row, in_y = _cell(self.y, down)
        nearest = np.full((self.size, self.size), np.inf, np.float32)
        second = nearest.copy()
        which = np.zeros((self.size, self.size), np.intp)
        flat_x, flat_y = point[0].ravel(), point[1].ravel()
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                pick = ((row + dy) % down) * across + (column + dx) % across
                away, down_to = np.take(flat_x, pick), np.take(flat_y, pick)
                away += dx - in_x
                away *= away
                down_to += dy - in_y
                down_to *= down_to
                away += down_to
                np.minimum(second, np.maximum(nearest, away), out=second)
                closer = away < nearest
                np.copyto(nearest, away, where=closer)
                np.copyto(which, pick, where=closer)
        return Cells(np.sqrt(nearest), np.sqrt(second), which)

    def warped(self, field: Field, right: Field, down: Field) -> Field:
        """A field read at displaced places, periodic; displacements in tiles."""
        size = self.size
        at_x, at_y = (self.x + right) * size - 0.5, (self.y + down) * size - 0.5
        column, row = np.floor(at_x), np.floor(at_y)
        in_x, in_y = at_x - column, at_y - row
        left, right_of = _wrapped(column, size), _wrapped(column + 1.0, size)
        top, low = _wrapped(row, size) * size, _wrapped(row + 1.0, size) * size
        flat = field.ravel()
        above = flat[top + left] * (1.0 - in_x) + flat[top + right_of] * in_x
        below = flat[low + left] * (1.0 - in_x) + flat[low + right_of] * in_x
        return single(above + in_y * (below - above))

    def edge(self, distance: ArrayLike, softness_px: float = 1.0) -> Field:
        """1 inside (distance > 0) and 0 outside an edge, antialiased; distance in tiles."""
        share = single(distance) * np.float32(self.size / softness_px) + 0.5
        return single(np.clip(share, 0.0, 1.0))

    def relief(self, height: Field, strength: float) -> Field:
        """Brightness factor (size, size) of a bumpy surface lit from the top left.

        Args:
            height: Heights, in tiles, (size, size).
            strength: Change of brightness per unit of slope.
        """
        slope_x = np.roll(height, -1, 1) - np.roll(height, 1, 1)
        slope_y = np.roll(height, -1, 0) - np.roll(height, 1, 0)
        factor = 1.0 + (0.5 * strength * self.size) * (slope_x + slope_y)
        return np.clip(single(factor), 0.45, 1.45)


def single(values: ArrayLike) -> Field:
    """Numbers in single precision, which fields are kept in."""
    return np.asarray(values, np.float32)


Draw = Callable[[Swatch], Draft]


def swatch(family: str, index: int, size: int) -> Swatch:
    """The swatch of one instance, with the generator that belongs to its name."""
    key = name_key(f"texture/{family}/{index:03d}")
    return Swatch(np.random.Generator(np.random.PCG64(key)), index, size)


@lru_cache(maxsize=32)
def _centres(size: int) -> Field:
    return single((np.arange(size) + 0.5) / size)


def _interpolated(lattice: Field, size: int) -> Field:
    """A lattice under periodic cubic B-splines, (size, size).

    Four weighted copies along each axis in turn. A matrix product would be shorter, but its
    rounding, and its speed among busy neighbours, depend on the threads it runs on.
    """
    near, weight = _spline(size, lattice.shape[1])
    wide = weight[0] * lattice[:, near[0]]
    for k in range(1, 4):
        wide += weight[k] * lattice[:, near[k]]
    near, weight = _spline(size, lattice.shape[0])
    full: Field = weight[0][:, None] * wide[near[0]]
    part = np.empty_like(full)
    for k in range(1, 4):
        np.take(wide, near[k], axis=0, out=part, mode="clip")
        part *= weight[k][:, None]
        full += part
    return full


@lru_cache(maxsize=512)
def _spline(size: int, points: int) -> tuple[NDArray[np.intp], Field]:
    """The four lattice points near each pixel, and their weights, (4, size) each.

    The weights are scaled to keep the variance of independent deviates at 1 on average.
    """
    at = (np.arange(size) + 0.5) * points / size
    low = np.floor(at).astype(np.intp)
    t = at - low
    pieces = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    weight = np.stack(pieces)
    near = (low + np.array([[-1], [0], [1], [2]])) % points
    summed = np.zeros((size, points))
    np.add.at(summed, (np.arange(size), near), weight)
    scale = np.sqrt(np.mean(np.sum(np.square(summed), axis=1)))
    return near, (weight / scale).astype(np.float32)


def _wrapped(number: Field, size: int) -> NDArray[np.int32]:
    """Whole numbers modulo the size; divided in floating point, which NumPy does faster."""
    return np.asarray(number - size * np.floor((number + 0.5) / size), np.int32)


def _cell(centre: Field, count: int) -> tuple[NDArray[np.intp], Field]:
    """Cell numbers and the places in them, 0..1, of coordinates in 0..1."""
    at = centre * np.float32(count)
    number = np.floor(at)
    return number.astype(np.intp), at - number
