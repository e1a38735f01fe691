"""Woven, knitted and piled cloth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datafactory.render.textures.colour import Colour, laid, lit, mix, ramp, rgb, varied
from datafactory.render.textures.swatch import Draft, Field, Image, Swatch, single

NATURAL = (
    "d9cdb8", "c2b296", "e8e1d3", "a89a86", "8d9a94", "b7c0bf", "6f7f8a", "c79f84", "8a6f5a",
    "5f6a5a", "a65f4f", "d9bf8f", "4b5563", "c9b8c0", "7d8f6f", "394650",
)  # fmt: skip
INDIGO = ("2d3f5c", "3d5474", "1f2a3d", "55708e", "6d84a0", "2a2c33", "8b8f94", "3a4a4a")
PILE = (
    "7d7a76", "5b6470", "a3937d", "6f5a4c", "8a8f86", "44505a", "9a6a5a", "b8b0a2", "596b5a",
    "73485a", "c2a878", "3f4a63",
)  # fmt: skip
CLOTH_PAIRS = (
    ("f0ece3", "3f5f86"), ("efe8da", "a5483f"), ("f1ede4", "5f7f62"), ("ece5d6", "6b6660"),
    ("f3eee2", "c28a3f"), ("e6dfd2", "2f3e50"), ("f0e6e0", "b06a74"), ("e3ded2", "7d6a8a"),
    ("d8cdb9", "5a4334"), ("f2efe8", "3c7a80"), ("cfd6d8", "4a5a66"), ("efe3c8", "8a5a34"),
)  # fmt: skip


def _weave(s: Swatch, threads: int, slub: float) -> Field:
    """Brightness factor of plain weave: threads over and under in turns, uneven in thickness."""
    at_x, at_y = s.x * threads, s.y * threads
    over = (np.floor(at_x) + np.floor(at_y)) % 2 == 0
    round_x = np.abs(np.sin(np.float32(np.pi) * at_x))
    round_y = np.abs(np.sin(np.float32(np.pi) * at_y))
    warp = round_x * (0.75 + 0.25 * round_y)
    weft = round_y * (0.75 + 0.25 * round_x)
    thread = np.where(over, warp, weft)
    uneven = np.where(over, s.noise(threads, 6), s.noise(6, threads))
    # Threads too fine for the pixels fade to their mean brightness instead of beating with them.
    seen = min(1.0, max(0.0, 0.5 * s.size / threads - 1.0))
    return single(0.965 + 0.32 * seen * (thread - 0.579) + slub * uneven)


def _patterned(s: Swatch, image: Image | Colour, threads: int) -> Image:
    """A printed or dyed pattern seen on woven cloth."""
    soft = 1.0 + 0.025 * s.noise(4, 4, 3)
    return lit(image, _weave(s, threads, 0.03) * soft)


def linen(s: Swatch) -> Draft:
    """Plain woven linen or canvas with slubs."""
    base = varied(s, s.cycle(NATURAL), 0.04)
    threads = s.pick((40, 48, 56, 64))
    other = mix(base, rgb("ffffff"), s.uniform(0.0, 0.25))
    share = 0.5 + 0.25 * s.noise(4, threads) + 0.25 * s.noise(threads, 4)
    image = lit(ramp(share, (0.92 * base, other)), _weave(s, threads, s.uniform(0.03, 0.08)))
    return Draft(image, s.uniform(0.08, 0.25), s.uniform(0.0, 0.1))


def denim(s: Swatch) -> Draft:
    """Twill of dyed warp over pale weft, worn in places."""
    dye = varied(s, s.cycle(INDIGO), 0.03)
    pale = mix(dye, rgb("dfe3e6"), s.uniform(0.45, 0.75))
    threads = s.pick((48, 60, 72))
    at_x, at_y = np.floor(s.x * threads), np.floor(s.y * threads)
    weft = (at_x + at_y) % 3 == 0
    bulge = np.sin(np.float32(np.pi) * (s.x * threads % 1.0)) + np.zeros_like(s.y)
    fade = np.clip(0.22 + 0.16 * s.noise(3, 3, 3), 0.0, 0.8)
    share = np.where(weft, 0.75, fade) + 0.1 * s.noise(threads, 5) + 0.06 * s.noise(128, 128)
    image = lit(ramp(share.astype(np.float32), (dye, pale)), 0.86 + 0.2 * bulge)
    return Draft(image, s.uniform(0.05, 0.12), s.uniform(0.0, 0.06))


def carpet(s: Swatch) -> Draft:
    """Carpet or felt: short pile with flecks of a second colour."""
    base, fleck = varied(s, s.cycle(PILE), 0.04), varied(s, s.pick(PILE), 0.04)
    points = s.pick((64, 80, 100))
    tufts = s.noise(points, points) + 0.5 * s.noise(128, 128)
    brush = s.noise(4, 4, 4, 0.6)
    mottle = np.clip(s.uniform(0.0, 0.35) * (s.noise(48, 48) + 0.4), 0.0, 0.8)
    image = laid(base, fleck, mottle)
    if s.chance(0.3):
        squares = s.pick((2, 4))
        turned = (np.floor(s.x * squares) + np.floor(s.y * squares)) % 2
        image = lit(image, (1.0 + 0.07 * (turned - 0.5)).astype(np.float32))
    image = lit(image, 1.0 + 0.12 * np.clip(tufts, -2.0, 2.0) + 0.03 * brush)
    return Draft(image, s.uniform(0.3, 0.8), 0.0)


def _profile(s: Swatch, count: int, stripes: int) -> NDArray[np.intp]:
    """Numbers of colours across a repeat: runs of drawn widths, mirrored; (512,)."""
    runs: list[int] = []
    for place in range(stripes):
        # The first two colours are always there; cloth of one colour is another family's.
        colour = place if place < 2 else s.integer(0, count - 1)
        runs += [colour] * s.integer(1, 4)
    line = np.array(runs + runs[::-1], np.intp)
    return line[np.arange(512) * len(line) // 512]


def _colour_line(s: Swatch, palette: list[Colour], repeats: int, stripes: int) -> Image:
    """Colours along one edge of the swatch, (3, 1, size), antialiased."""
    line = np.stack(palette)[_profile(s, len(palette), stripes)]
    fine = 2048
    place = (np.arange(fine) * repeats * 512 // fine) % 512
    edges = np.linspace(0, fine, s.size + 1).astype(int)[:-1]
    sums = np.add.reduceat(line[place], edges, axis=0)
    mean = sums / np.diff(np.append(edges, fine))[:, None]
    return mean.T[:, None, :].astype(np.float32)


def _dyes(s: Swatch, extra: int) -> list[Colour]:
    light, strong = s.cycle(CLOTH_PAIRS)
    others = [varied(s, s.pick(CLOTH_PAIRS)[1], 0.03) for _ in range(extra)]
    return [varied(s, light, 0.02), varied(s, strong, 0.03), *others]


def stripes(s: Swatch) -> Draft:
    """Ticking and awning stripes."""
    dyes = _dyes(s, s.integer(0, 1))
    repeats = s.pick((1, 2, 3, 4))
    if s.chance(0.4):
        wide = s.uniform(0.2, 0.5)
        share = s.edge((wide - np.abs(s.x * 4 * repeats % 1.0 * 2 - 1)) / np.float32(8 * repeats))
        row = laid(dyes[0], dyes[1], share)
    else:
        row = _colour_line(s, [*dyes, dyes[0]], repeats, s.integer(3, 6))
    image = _patterned(s, row, s.pick((64, 80)))
    if s.chance(0.5):
        image = image.swapaxes(1, 2)
    return Draft(image, s.uniform(0.15, 0.4), s.uniform(0.0, 0.1))


def plaid(s: Swatch) -> Draft:
    """Gingham and tartan: coloured warp crossed by the same coloured weft."""
    dyes = _dyes(s, s.integer(0, 2))
    if s.chance(0.4):
        checks = s.pick((4, 6, 8, 10))
        odd = s.edge((0.25 - np.abs(s.x * checks % 1.0 - 0.5)) / np.float32(checks))
        line = laid(dyes[0], dyes[1], odd)
    else:
        line = _colour_line(s, dyes, s.pick((1, 2, 3)), s.integer(4, 8))
    image = 0.5 * (line + line.swapaxes(1, 2))
    image = _patterned(s, image, s.pick((64, 80)))
    return Draft(image, s.uniform(0.12, 0.4), s.uniform(0.0, 0.08))


def dots(s: Swatch) -> Draft:
    """Polka dots and other small prints."""
    light, strong = _dyes(s, 0)
    if s.chance(0.5):
        light, strong = strong, light
    count = s.pick((4, 5, 6, 8, 10))
    radius = s.uniform(0.16, 0.3)
    kind = s.pick(("dot", "dot", "ring", "flower", "cross"))
    image: Image | Colour = light
    for half in (0.0, 0.5):
        px, py = (s.x * count + half) % 1.0 - 0.5, (s.y * count + half) % 1.0 - 0.5
        away = np.hypot(px, py)
        if kind == "ring":
            away = np.abs(away - 0.75 * radius) + 0.65 * radius
        elif kind == "flower":
            away = away / (0.75 + 0.25 * np.cos(5.0 * np.arctan2(py, px)))
        elif kind == "cross":
            away = np.minimum(np.maximum(np.abs(px), 2.8 * np.abs(py)),
                              np.maximum(2.8 * np.abs(px), np.abs(py)))  # fmt: skip
        image = laid(image, strong, s.edge(((radius - away) / count).astype(np.float32)))
    return Draft(_patterned(s, image, 80), s.uniform(0.1, 0.35), s.uniform(0.0, 0.15))


def tweed(s: Swatch) -> Draft:
    """Herringbone tweed with flecks."""
    base = varied(s, s.cycle(PILE), 0.03)
    light = mix(base, rgb("e8e2d6"), s.uniform(0.35, 0.6))
    columns = s.pick((6, 8, 10))
    slope = s.pick((16, 20, 24))
    zigzag = np.abs((s.x * columns) % 2.0 - 1.0) * (slope / columns)
    line = np.sin(np.float32(2 * np.pi) * (s.y * slope * 2 + zigzag * 2))
    share = 0.5 + 0.42 * line + 0.16 * s.noise(128, 128) + 0.1 * s.noise(64, 12)
    image = ramp(share.astype(np.float32), (base, light))
    fleck = np.clip(3.0 * (s.noise(90, 90) - 2.1), 0.0, 1.0)
    image = laid(image, varied(s, s.pick(NATURAL), 0.05), 0.8 * fleck)
    return Draft(lit(image, 1.0 + 0.02 * s.noise(4, 4, 3)), s.uniform(0.1, 0.2), 0.0)


def knit(s: Swatch) -> Draft:
    """Stockinette knitting: columns of V stitches."""
    base = varied(s, s.cycle(NATURAL), 0.04)
    columns = s.pick((14, 18, 22))
    rows = columns + s.pick((2, 4, 6))
    at_x = s.x * columns
    leg = np.abs(at_x % 1.0 - 0.5) * 2.0
    at_y = (s.y * rows - 0.75 * leg) % 1.0
    stitch = np.sin(np.pi * at_y) * np.sqrt(np.clip(np.sin(np.pi * (0.08 + 0.84 * leg)), 0.0, 1.0))
    fuzz = 0.05 * s.noise(128, 128) + 0.03 * s.noise(20, 20)
    image: Image | Colour = base
    band = s.integer(0, 3)
    if band:
        row = np.floor(s.y * rows - 0.75 * leg) % rows
        other = varied(s, s.pick(NATURAL), 0.04)
        image = laid(image, other, (row % (2 * band + 2) <= band).astype(np.float32))
    image = lit(image, (0.52 + 0.58 * stitch + fuzz).astype(np.float32))
    return Draft(image, round(columns * s.uniform(0.005, 0.008), 3), 0.0)
