"""Wood: floors of planks, veneered tops, butcher's blocks and parquet."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datafactory.render.textures.colour import Colour, lit, mix, ramp, rgb, varied
from datafactory.render.textures.swatch import Draft, Field, Image, Swatch, single

SPECIES = (
    ("8f6a3e", "c8a26c"),  # oak
    ("4a2f20", "7d573b"),  # walnut
    ("c9a877", "e3ca9d"),  # maple
    ("b08a52", "dfbd82"),  # pine
    ("6a3a22", "a1673f"),  # cherry
    ("857866", "b8aa93"),  # grey ash
    ("b4926a", "d8b78e"),  # beech
    ("2d211b", "584236"),  # wenge
    ("7c5430", "b08250"),  # teak
    ("b5ab9c", "d9d1c3"),  # limed oak
    ("5a2a1b", "8a4a30"),  # mahogany
    ("6f6a63", "9a948a"),  # weathered
)
"""Dark and light colour of each wood."""


class Boards(NamedTuple):
    """Boards laid in rows: the number of each pixel's board and its distance to the edge, tiles."""

    number: NDArray[np.intp]
    to_edge: Field
    across: Field
    total: int


def _boards(s: Swatch, rows: int, per_row: int) -> Boards:
    """Rows of boards along x with joints at drawn places."""
    at = s.y * rows
    row = np.minimum(np.floor(at), rows - 1).astype(np.intp)
    across = at - row
    gaps = s.rng.dirichlet(np.full(per_row, 6.0), rows)
    joints = single(np.sort((np.cumsum(gaps, axis=1) + s.rng.random((rows, 1))) % 1.0, axis=1))
    from_joint = s.x - joints[:, :, None]
    number = np.sum(from_joint > 0, axis=1) % per_row + per_row * np.arange(rows)[:, None]
    to_joint = np.min(np.abs(from_joint - np.round(from_joint)), axis=1)
    to_edge = np.minimum(np.minimum(across, 1.0 - across) / rows, to_joint[row[:, 0]])
    return Boards(number[row[:, 0]], single(to_edge), across, rows * per_row)


def _rings(phase: Field) -> Field:
    """Brightness 0..1 across growth rings: fades slowly to dark late wood, then jumps back."""
    t = phase - np.floor(phase)
    return single(1.0 - np.where(t < 0.86, np.square(t / 0.86), (1.0 - t) / 0.14))


def _figure(s: Swatch, base: Field, rings: float, wave: float, stretch: int) -> Field:
    """Brightness about 0..1 of wood whose grain runs along x.

    Args:
        s: The swatch.
        base: Ring numbers of undisturbed straight grain.
        rings: Rings by which the wood is disturbed (cathedral figure where large).
        wave: Contrast of the rings.
        stretch: Lattice points of the disturbance across the tile.
    """
    phase = base + rings * s.noise(2, stretch, 2, 0.35)
    fibre = s.noise(8, 128)
    pores = np.clip(s.noise(24, 112) - 1.25, 0.0, 1.0)
    patch = s.noise(3, 6, 2)
    ringed = 0.62 + wave * (_rings(phase) - 0.5)
    return single(ringed + 0.07 * (fibre + patch) - 0.22 * pores)


def _species(s: Swatch) -> tuple[Colour, Colour]:
    dark, light = s.cycle(SPECIES)
    return varied(s, dark, 0.03), varied(s, light, 0.04)


def _stained(share: Field, dark: Colour, light: Colour) -> Image:
    darkest, lightest = mix(dark, rgb("120c08"), 0.35), mix(light, rgb("ffffff"), 0.12)
    return ramp(share, (darkest, dark, light, lightest), (0.0, 0.2, 0.78, 1.0))


def _jointed(s: Swatch, image: Image, boards: Boards, gap_px: float, depth: float) -> Image:
    """Darkens the joints between boards; the gap is given for 256 pixels a tile."""
    inside = np.clip((boards.to_edge * 256.0 - gap_px) / 1.6 + 0.5, 0.0, 1.0)
    return lit(image, (1.0 - depth * (1.0 - inside)).astype(np.float32))


def planks(s: Swatch) -> Draft:
    """A floor of long boards."""
    dark, light = _species(s)
    rows = s.integer(5, 9)
    boards = _boards(s, rows, s.integer(1, 2))
    tone = s.rng.normal(0.0, s.uniform(0.06, 0.13), boards.total).astype(np.float32)
    start = s.rng.uniform(0.0, 9.0, boards.total).astype(np.float32)
    bend = s.rng.uniform(-3.0, 3.0, boards.total).astype(np.float32)[boards.number]
    base = start[boards.number] + bend * np.square(boards.across - 0.4)
    share = _figure(s, base, s.uniform(0.8, 1.9), s.uniform(0.18, 0.4), rows + 3)
    image = _stained(share + tone[boards.number], dark, light)
    image = _jointed(s, image, boards, 0.4, s.uniform(0.45, 0.75))
    if s.chance(0.5):
        image = image.swapaxes(1, 2)
    return Draft(image, round(rows * s.uniform(0.11, 0.18), 3), s.uniform(0.15, 0.45))


def veneer(s: Swatch) -> Draft:
    """One unbroken veneered or solid top."""
    dark, light = _species(s)
    rings = s.integer(5, 12)
    wave = s.uniform(0.16, 0.42)
    share = _figure(s, rings * s.y, s.uniform(0.7, 1.8), wave, s.integer(3, 5))
    image = _stained(share, dark, light)
    if s.chance(0.3):
        image = image.swapaxes(1, 2)
    return Draft(image, s.uniform(0.7, 1.2), s.uniform(0.2, 0.6))


def butcher_block(s: Swatch) -> Draft:
    """Staves glued side by side, or blocks with their end grain up."""
    dark, light = _species(s)
    end_grain = s.chance(0.35)
    rows = s.integer(7, 10) if end_grain else s.integer(8, 15)
    boards = _boards(s, rows, rows - 1 if end_grain else s.integer(2, 4))
    tone = s.rng.normal(0.0, s.uniform(0.1, 0.2), boards.total).astype(np.float32)
    if end_grain:
        centre = s.rng.uniform(-0.6, 1.6, (2, boards.total)).astype(np.float32)
        away = np.hypot(s.x * rows % 1.0 - centre[0][boards.number],
                        boards.across - centre[1][boards.number])  # fmt: skip
        rings = _rings(s.uniform(3.0, 5.0) * away + 0.1 * s.noise(8, 8))
        share = 0.55 + 0.4 * (rings - 0.5) + 0.04 * s.noise(90, 90)
    else:
        start = s.rng.uniform(0.0, 9.0, boards.total).astype(np.float32)
        share = _figure(s, start[boards.number] + boards.across, 0.8, s.uniform(0.15, 0.3), rows)
    image = _stained(share + tone[boards.number], dark, light)
    image = _jointed(s, image, boards, 0.0, s.uniform(0.25, 0.5))
    return Draft(image, s.uniform(0.4, 0.7), s.uniform(0.15, 0.4))


def parquet(s: Swatch) -> Draft:
    """Squares of short strips laid in turns along and across, like a basket weave."""
    dark, light = _species(s)
    squares, strips = s.pick((2, 4)), s.integer(3, 5)
    across = s.x * squares * strips + 0.0 * s.y
    down = s.y * squares * strips + 0.0 * s.x
    column, row = np.floor(s.x * squares).astype(int), np.floor(s.y * squares).astype(int)
    turned = (column + row) % 2 == 1
    strip = np.where(turned, np.floor(across), np.floor(down)).astype(int)
    place = np.where(turned, across - np.floor(across), down - np.floor(down))
    along = np.where(turned, s.y * squares % 1.0, s.x * squares % 1.0)
    number = strip + squares * strips * np.where(turned, row, column)
    count = 2 * squares * squares * strips
    number = number + np.where(turned, count // 2, 0)
    tone = s.rng.normal(0.0, s.uniform(0.07, 0.14), count).astype(np.float32)
    start = s.rng.uniform(0.0, 9.0, count).astype(np.float32)
    base = start[number] + 1.2 * place
    straight = _figure(s, base, 0.7, s.uniform(0.2, 0.35), squares * strips)
    crossed = _figure(s, base.T, 0.7, s.uniform(0.2, 0.35), squares * strips).T
    share = np.where(turned, crossed, straight) + tone[number]
    image = _stained(share, dark, light)
    strip_side = 1.0 / (squares * strips)
    to_edge = np.minimum(
        np.minimum(place, 1.0 - place) * strip_side, np.minimum(along, 1.0 - along) / squares
    )
    boards = Boards(number, to_edge.astype(np.float32), place, count)
    image = _jointed(s, image, boards, 0.4, s.uniform(0.4, 0.65))
    return Draft(image, round(squares * s.uniform(0.2, 0.35), 3), s.uniform(0.2, 0.5))
