"""Laid surfaces: tiles of several shapes, mosaics, patterned cement tiles, bricks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datafactory.render.textures.colour import Colour, each, laid, lit, mix, ramp, rgb, varied
from datafactory.render.textures.swatch import Draft, Field, Image, Swatch, single

GLAZES = (
    "eeece6", "d9e0e0", "a9bdb8", "6f8f8c", "c9b79c", "8d9aa8", "e4d6bf", "3e5560", "b7a08a",
    "4d4f52", "c8d0bd", "9a5b48", "d8c9c0", "5b7a68", "f2efe9", "2f3e57",
)  # fmt: skip
GROUT = ("d6d2c8", "b5b1a8", "8f8c86", "efece6", "5c5a57")
PAIRS = (
    ("ece8df", "2b2b2d"), ("e8e2d4", "7c8a86"), ("ddd3c0", "8a5a44"), ("e9e6df", "51667a"),
    ("d8d5cd", "77736c"), ("efe9da", "5c6d52"), ("cdbfa8", "5e4636"), ("e6dfd6", "8c3f37"),
    ("bfc7c9", "38444d"), ("f0ece4", "b39a6b"),
)  # fmt: skip
BRICKS = (
    ("8c4a36", "b9b2a6"), ("a2573d", "cfc8bb"), ("6f3a2e", "9b968d"), ("b98a62", "ddd6c8"),
    ("5a4a44", "a8a29a"), ("d9d3c8", "c9c3b8"), ("9a6a52", "c4bcb0"), ("7b7670", "b8b4ac"),
)  # fmt: skip


def _grid(s: Swatch, across: int, down: int, shift: float) -> tuple[NDArray[np.intp], Field, Field]:
    """Numbers of the tiles of a grid, and places in them 0..1; odd rows moved by a share."""
    at_y = s.y * down
    row = np.floor(at_y)
    at_x = s.x * across + shift * (row % 2)
    column = np.floor(at_x)
    number = (column % across + across * row).astype(np.intp)
    return number, single(at_x - column), single(np.broadcast_to(at_y - row, number.shape))


def _inset(in_x: Field, in_y: Field, across: int, down: int) -> Field:
    """Distance to the nearest edge of a grid's tile, in tiles of the texture."""
    beside = np.minimum(in_x, 1.0 - in_x) / np.float32(across)
    above = np.minimum(in_y, 1.0 - in_y) / np.float32(down)
    return single(np.minimum(beside, above))


def _grouted(s: Swatch, image: Image, inset: Field, grout: Colour, width: float) -> Image:
    """Puts grout between tiles and rounds the tiles' edges with light and shade."""
    pillow = np.clip(inset / np.float32(2.2 * width), 0.0, 1.0)
    shaded = lit(image, s.relief(0.35 * width * pillow, 0.45))
    gritty = lit(grout, 1.0 + 0.05 * s.noise(128, 128))
    return laid(gritty, shaded, s.edge(inset - np.float32(0.5 * width)))


def _tones(s: Swatch, number: NDArray[np.intp], count: int, spread: float) -> Field:
    """A brightness factor per tile."""
    return single(s.rng.normal(1.0, spread, count))[number]


def ceramic_tile(s: Swatch) -> Draft:
    """Glazed wall and floor tiles, stacked or in running bond."""
    base, grout = varied(s, s.cycle(GLAZES), 0.04), varied(s, s.pick(GROUT), 0.03)
    across, down, shift = s.pick(((4, 4, 0.0), (3, 3, 0.0), (3, 6, 0.5), (2, 4, 0.5), (4, 8, 0.5),
                                  (2, 6, 0.5), (2, 2, 0.0), (6, 6, 0.0)))  # fmt: skip
    number, in_x, in_y = _grid(s, across, down, shift)
    tone = _tones(s, number, across * down, s.uniform(0.01, 0.05))
    glaze = 1.0 + 0.02 * s.noise(6, 6, 3) + s.uniform(0.0, 0.05) * (0.5 - in_y)
    image = lit(base, tone * glaze)
    image = _grouted(s, image, _inset(in_x, in_y, across, down), grout, s.uniform(0.006, 0.014))
    return Draft(image, s.uniform(0.35, 0.8), s.uniform(0.45, 0.8))


def checker_tile(s: Swatch) -> Draft:
    """Square floor tiles of two colours in turns, straight or on the diagonal."""
    light, dark = (varied(s, code, 0.03) for code in s.cycle(PAIRS))
    squares = s.pick((2, 4, 4, 6))
    if s.chance(0.35):
        u, v = (s.x + s.y) * (squares // 2), (s.x - s.y) * (squares // 2) + squares
    else:
        u, v = s.x * squares + 0.0 * s.y, s.y * squares + 0.0 * s.x
    column, row = np.floor(u).astype(np.intp), np.floor(v).astype(np.intp)
    odd = single((column + row) % 2)
    number = (column % squares) + squares * (row % squares)
    cloud = 0.04 * s.noise(5, 5, 5, 0.65)
    vein = single(np.exp(-np.abs(s.noise(4, 4, 4)) / 0.05) * s.uniform(0.0, 0.14))
    tone = _tones(s, number, squares * squares, 0.02) + cloud
    image = laid(light, dark, odd)
    image = lit(image, 1.0 + vein * (2 * odd - 1))
    inset = _inset(u - column, v - row, squares, squares)
    image = _grouted(s, lit(image, tone), inset, mix(light, dark, 0.4), s.uniform(0.003, 0.007))
    return Draft(image, round(squares * s.uniform(0.15, 0.3), 3), s.uniform(0.35, 0.7))


def hex_tile(s: Swatch) -> Draft:
    """Hexagonal tiles; some of another colour."""
    base, grout = varied(s, s.cycle(GLAZES), 0.04), varied(s, s.pick(GROUT), 0.03)
    accent = varied(s, s.pick(GLAZES), 0.03)
    across = s.pick((4, 5, 6, 8))
    down = 2 * round(across / np.sqrt(3))
    # Two staggered grids of centres; the nearer centre owns the pixel.
    best = np.full((s.size, s.size), np.inf, np.float32)
    other = best.copy()
    number = np.zeros((s.size, s.size), np.intp)
    for half in (0.0, 0.5):
        at_x, at_y = s.x * across - half, s.y * down / 2 - half
        column, row = np.round(at_x), np.round(at_y)
        dx, dy = np.abs(at_x - column), np.abs(at_y - row) * np.float32(2 * across / down)
        away = np.maximum(dx, 0.5 * dx + np.float32(0.8660254) * dy)
        mine = (column % across + across * (row % (down // 2))).astype(np.intp)
        mine = mine + (across * down // 2 if half else 0)
        closer = away < best
        other = np.where(closer, best, np.minimum(other, away))
        number = np.where(closer, mine, number)
        best = np.where(closer, away, best)
    inset = (0.5 - best) / np.float32(across)
    count = across * down
    tone = _tones(s, number, count, 0.03)
    share = (s.rng.random(count) < s.uniform(0.0, 0.3)).astype(np.float32)[number]
    image = lit(laid(base, accent, share), tone + 0.015 * s.noise(8, 8, 3))
    image = _grouted(s, image, inset.astype(np.float32), grout, s.uniform(0.006, 0.011))
    return Draft(image, round(across * s.uniform(0.05, 0.14), 3), s.uniform(0.3, 0.65))


def mosaic(s: Swatch) -> Draft:
    """Small square tiles in a blend of colours."""
    first, grout = s.cycle(GLAZES), varied(s, s.pick(GROUT), 0.03)
    codes = (first, first, first, s.pick(GLAZES), s.pick(GLAZES))
    blend = [varied(s, code, 0.04) for code in codes]
    across = s.pick((10, 12, 14, 16))
    number, in_x, in_y = _grid(s, across, across, 0.0)
    chosen = s.rng.integers(len(blend), size=across * across)
    tint = np.stack(blend)[chosen] * s.rng.normal(1.0, 0.05, (across * across, 1))
    image = each(tint.astype(np.float32), number)
    image = lit(image, 1.0 + 0.02 * s.noise(32, 32, 2))
    image = _grouted(s, image, _inset(in_x, in_y, across, across), grout, 0.14 / across)
    return Draft(image, round(across * s.uniform(0.023, 0.03), 3), s.uniform(0.4, 0.75))


def _motif(kind: int, px: Field, py: Field, turn: float) -> Field:
    """Signed distance-like value of a motif in a tile; px, py in -1..1 from its centre."""
    radius, angle = np.hypot(px, py), np.arctan2(py, px)
    corner = np.hypot(1.0 - np.abs(px), 1.0 - np.abs(py))
    if kind == 0:  # rings at the corners and a star
        star = 0.55 + 0.18 * np.cos(8.0 * angle) - radius
        return single(np.maximum(star, 0.12 - np.abs(corner - 0.62)))
    if kind == 1:  # petals
        petals = 0.8 * np.abs(np.cos(2.0 * angle)) - radius
        return single(np.maximum(np.minimum(petals, radius - 0.15), 0.3 - corner))
    if kind == 2:  # interlaced circles
        return single(0.11 - np.minimum(np.abs(corner - 1.0), np.abs(radius - 0.42)))
    if kind == 3:  # diamonds
        diamond = np.abs(px) + np.abs(py)
        return single(np.maximum(0.09 - np.abs(diamond - 0.82), 0.36 + turn - diamond))
    lattice = np.minimum(np.abs(np.abs(px) - np.abs(py)), np.abs(radius - 0.75))
    return single(np.maximum(0.08 - lattice, 0.24 - radius))


def pattern_tile(s: Swatch) -> Draft:
    """Cement tiles with an ornament."""
    light, dark = (varied(s, code, 0.03) for code in s.cycle(PAIRS))
    third = varied(s, s.pick(GLAZES), 0.03)
    tiles = s.pick((2, 3, 4))
    number, in_x, in_y = _grid(s, tiles, tiles, 0.0)
    px, py = 2.0 * in_x - 1.0, 2.0 * in_y - 1.0
    figure, ground = s.integer(0, 4), s.integer(0, 4)
    turn = s.uniform(-0.1, 0.15)
    image = laid(light, mix(light, third, 0.7), s.edge(_motif(ground, py, px, turn) / (2 * tiles)))
    image = laid(image, dark, s.edge(_motif(figure, px, py, turn) / (2 * tiles)))
    wear = 1.0 + 0.035 * s.noise(4, 4, 5, 0.6)
    image = lit(image, wear * _tones(s, number, tiles * tiles, 0.02))
    inset = _inset(in_x, in_y, tiles, tiles)
    image = _grouted(s, image, inset, mix(light, rgb("8f8c86"), 0.5), 0.007)
    return Draft(image, round(tiles * s.uniform(0.12, 0.22), 3), s.uniform(0.1, 0.35))


def brick(s: Swatch) -> Draft:
    """A wall of bricks in running bond, bare or painted."""
    body, joint = s.cycle(BRICKS)
    clay, mortar = varied(s, body, 0.04), varied(s, joint, 0.03)
    across, down = s.pick(((3, 8), (4, 10), (4, 12), (5, 14)))
    number, in_x, in_y = _grid(s, across, down, 0.5)
    ragged = 0.0015 * s.noise(48, 48, 2)
    width = s.uniform(0.010, 0.016)
    inset = (_inset(in_x, in_y, across, down) + ragged).astype(np.float32)
    count = across * down
    heat = s.rng.normal(0.5, 0.22, count).astype(np.float32)[number]
    grain = 0.10 * s.noise(64, 64, 2) + 0.08 * s.noise(6, 6, 3)
    image = ramp(heat + grain, (0.68 * clay, clay, mix(clay, rgb("d8a888"), 0.35)))
    raised = np.clip((inset - 0.4 * width) / width, 0.0, 1.0)
    bumps = 0.004 * raised + 0.0006 * s.noise(80, 80)
    bed = lit(mortar, 1.0 + 0.06 * s.noise(100, 100))
    image = laid(bed, image, s.edge(inset - np.float32(0.5 * width), 1.5))
    image = lit(image, s.relief(bumps.astype(np.float32), 0.5))
    return Draft(image, round(across * s.uniform(0.21, 0.25), 3), s.uniform(0.02, 0.12))
