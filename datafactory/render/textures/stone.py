"""Stone and its kin: granite, marble, terrazzo, concrete, plaster, slate."""

from __future__ import annotations

import numpy as np

from datafactory.render.textures.colour import each, laid, lit, mix, ramp, rgb, varied
from datafactory.render.textures.swatch import Draft, Field, Swatch, single

GRANITES = (
    ("2b2a2c", "56524f", "8d8780", "c9c3b8"),  # grey
    ("1a1a1d", "2b2c30", "44474d", "a7a9ab"),  # black
    ("4b3a34", "8a6558", "b98f7c", "dcc3b0"),  # rose
    ("4d463c", "9c8c72", "c9b795", "e6dac0"),  # sand
    ("23302e", "3f524c", "67796f", "b4bcae"),  # green
    ("5a5a5c", "a9a8a6", "d2d0cb", "efece6"),  # white
    ("3a2a1e", "6f5034", "a37a4c", "d9b780"),  # brown gold
    ("27303b", "465465", "76879a", "c3cbd1"),  # blue pearl
)
MARBLES = (
    ("efece6", "8f9296"),  # white with grey
    ("e8dfd0", "b08a58"),  # cream with ochre
    ("2a2b2e", "d5d1c8"),  # black with white
    ("d9d3c7", "6f6257"),  # beige with brown
    ("3f5a4c", "c8d2c4"),  # green with white
    ("c8cbce", "5b6570"),  # grey with slate
    ("e9d9cf", "a4685a"),  # rose
    ("5c4033", "d8bfa0"),  # brown with cream
)
TERRAZZO = (
    ("dcd7cc", ("8c6f5a", "4f5b57", "b58d6a", "f1ece2", "2f3436")),
    ("cfcfcd", ("6d7275", "a6a9aa", "3c4043", "efefed", "8b8f86")),
    ("e6ddd0", ("c46f4e", "d9a35c", "5b7d78", "f4efe6", "94604c")),
    ("3f4346", ("c9c5bb", "8e8a81", "6a6f73", "e4ded2", "23272a")),
    ("d3dad6", ("5d8078", "9bb3a6", "2f4a48", "f0f2ec", "c2a878")),
    ("e5d5cf", ("b5776a", "7a4a42", "d8b3a0", "f6ece6", "8d8680")),
    ("c9bfae", ("776a57", "a08d6d", "544c40", "eee6d3", "b9855a")),
)
CONCRETE = ("a3a19b", "8b8a87", "b9b4aa", "9a9890", "76777a", "aba398", "c6c3bc", "918b80")
PLASTER = ("e6e0d3", "d8c7ad", "cdb89b", "dcdad4", "c8a98c", "b9bfb8", "e9d9c4", "a8aeb4", "d4b8a4")
SLATES = (
    ("2e3338", "555d63"),
    ("3c3f3a", "6a6e64"),
    ("4a4440", "7c736b"),
    ("2f3a3d", "5a6a6b"),
    ("45404a", "736d78"),
    ("5b5c5c", "8c8d8b"),
)


def granite(s: Swatch) -> Draft:
    """Polished granite: grains of four minerals."""
    minerals = [varied(s, code, 0.03) for code in s.cycle(GRANITES)]
    coarse = s.integer(34, 72)
    mass = 0.8 * s.noise(coarse, coarse) + 0.5 * s.noise(128, 128)
    mass = mass + s.uniform(0.1, 0.35) * s.noise(5, 5, 3)
    image = ramp(0.5 + 0.19 * mass, minerals, (0.16, 0.4, 0.6, 0.85))
    flecks = np.clip(2.5 * (s.noise(84, 84) + 0.4 * s.noise(128, 128) - 1.5), 0.0, 1.0)
    image = laid(image, minerals[0], 0.9 * single(flecks))
    sparkle = np.clip(2.5 * (s.noise(120, 120) - 1.6), 0.0, 1.0)
    image = laid(image, mix(minerals[3], rgb("ffffff"), 0.4), 0.7 * sparkle)
    return Draft(image, s.uniform(0.35, 0.7), s.uniform(0.4, 0.7))


def _vein(s: Swatch, points: int, bent: tuple[Field, Field], width: float) -> Field:
    """Ridges 0..1 along the zero lines of a noise read at displaced places."""
    along = s.warped(s.noise(points, points, 3), *bent)
    return single(np.exp(-np.abs(along) / np.float32(width)))


def marble(s: Swatch) -> Draft:
    """Polished marble with clouds and veins of three strengths."""
    base, vein = (varied(s, code, 0.03) for code in s.cycle(MARBLES))
    slant = s.pick((-1, 1, 2))
    cloud = s.noise(3, 3, 3, 0.6)
    image = ramp(0.35 + 0.22 * cloud, (base, mix(base, vein, 0.3)))
    presence = np.clip(0.75 + 0.45 * s.noise(4, 4), 0.0, 1.0)
    bend = s.uniform(0.03, 0.06)
    bent = (slant * s.y + bend * s.noise(3, 3, 3), bend * s.noise(4, 4, 2))
    broad = _vein(s, 3, bent, s.uniform(0.12, 0.3)) * presence
    fine = _vein(s, s.integer(5, 8), bent, 0.06)
    fine = fine * np.clip(0.45 + 0.5 * s.noise(5, 5), 0.0, 1.0)
    image = laid(image, mix(base, vein, s.uniform(0.4, 0.7)), 0.75 * broad)
    core = broad * broad * broad
    image = laid(image, vein, np.clip(0.8 * core * core + 0.65 * fine, 0.0, 1.0))
    image = lit(image, 1.0 + 0.008 * s.noise(100, 100))
    return Draft(image, s.uniform(0.8, 1.6), s.uniform(0.5, 0.85))


def terrazzo(s: Swatch) -> Draft:
    """Chips of stone in cement, ground flat."""
    ground, chips = s.cycle(TERRAZZO)
    base = varied(s, ground, 0.03)
    image = lit(base, 1.0 + 0.03 * s.noise(64, 64, 2))
    colours = np.stack([varied(s, code, 0.04) for code in chips])
    grid = s.integer(9, 15)
    for across, kept, strength in ((3 * grid, 0.45, 0.85), (grid, s.uniform(0.45, 0.8), 1.0)):
        cells = s.cells(across, across, 0.9)
        count = across * across
        tint = colours[s.rng.integers(len(colours), size=count)]
        tint = tint * s.rng.uniform(0.9, 1.08, (count, 1)).astype(np.float32)
        shrink = np.where(s.rng.random(count) < kept, s.rng.uniform(0.08, 0.4, count), 9.0)
        border = (cells.second - cells.nearest) - shrink.astype(np.float32)[cells.which]
        border = border + 0.05 * s.noise(3 * grid, 3 * grid)
        inside = strength * s.edge(border / np.float32(2 * across))
        image = laid(image, each(tint, cells.which), inside)
    return Draft(image, s.uniform(0.35, 0.8), s.uniform(0.35, 0.6))


def concrete(s: Swatch) -> Draft:
    """Trowelled or cast concrete with stains and small holes."""
    base = varied(s, s.cycle(CONCRETE), 0.03)
    cloud = s.noise(3, 3, 5, 0.62)
    stain = np.clip(s.noise(4, 3, 3) - 0.7, 0.0, 1.5)
    share = 0.5 + s.uniform(0.1, 0.2) * cloud - 0.14 * stain + 0.03 * s.noise(128, 128)
    image = ramp(share, (0.72 * base, base, np.minimum(1.14 * base, 1.0)))
    holes = np.clip(3.0 * (s.noise(72, 72) - s.uniform(2.1, 2.6)), 0.0, 1.0)
    image = lit(image, 1.0 - 0.5 * holes)
    if s.chance(0.35):
        panels = s.pick((1, 2))
        place = s.x * panels % 1.0
        beside = np.minimum(place, 1.0 - place) / panels
        stacked = np.minimum(beside, np.minimum(s.y, 1.0 - s.y))
        image = lit(image, 1.0 - 0.4 * s.edge(0.004 - stacked, 1.5))
    return Draft(image, s.uniform(1.0, 2.2), s.uniform(0.05, 0.3))


def plaster(s: Swatch) -> Draft:
    """Rough plaster or stucco, painted through."""
    base = varied(s, s.cycle(PLASTER), 0.03)
    points = s.integer(10, 40)
    stretch = s.pick((1, 1, 3))
    bumps = s.noise(points, points * stretch, 3, 0.6)
    bumps = np.minimum(bumps, s.uniform(0.2, 1.2))
    light = s.relief(bumps * np.float32(0.004), s.uniform(0.12, 0.4) * 24 / points / stretch**0.5)
    tone = 1.0 + 0.03 * s.noise(3, 3, 3) + 0.015 * s.noise(120, 120)
    image = lit(base, light * tone)
    return Draft(image, s.uniform(0.6, 1.5), s.uniform(0.0, 0.12))


def slate(s: Swatch) -> Draft:
    """Cleft slate: layers broken off in steps."""
    dark, light = (varied(s, code, 0.03) for code in s.cycle(SLATES))
    layers = s.noise(4, 3, 5, 0.6) * s.uniform(0.6, 1.1)
    step = np.floor(layers) + np.clip(4.0 * (layers - np.floor(layers)) - 3.0, 0.0, 1.0)
    rough = s.noise(40, 60, 2)
    share = 0.5 + 0.07 * step + 0.09 * rough + 0.12 * s.noise(3, 3, 4, 0.6)
    light_factor = s.relief(0.004 * step + 0.0013 * rough, 0.4)
    image = lit(ramp(share, (dark, light)), light_factor)
    if s.chance(0.4):
        rust = np.clip(s.noise(3, 4, 3) - 0.9, 0.0, 1.0)
        image = laid(image, rgb("7a5a40"), 0.5 * rust)
    return Draft(image, s.uniform(0.4, 0.9), s.uniform(0.1, 0.35))
