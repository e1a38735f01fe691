"""Coats, skins and sheets: cork, leather, metal, paint, wallpaper, laminate, card, glaze."""

from __future__ import annotations

import numpy as np

from datafactory.render.textures.colour import laid, lit, mix, ramp, rgb, varied
from datafactory.render.textures.swatch import Draft, Field, Swatch

CORK = ("c49a6c", "b3855a", "d1ad82", "a0764e", "8a6444")
HIDES = (
    "5a3826", "2b2523", "8a5a3a", "a3764c", "6b2f2a", "3c4650", "c9b494", "4c4a44", "7a4a3a",
    "ddd4c6", "2f3f3a",
)  # fmt: skip
METALS = ("b4b6b8", "9a9da1", "c9c7c2", "7d8085", "b8a88a", "b08868", "5d6065", "d3d5d6")
PAINTS = (
    "e9e4d8", "d8dcd8", "c9d1d3", "dccdb8", "b8c4b4", "a9b8c4", "e8d9cc", "c4b5a4", "8fa3a0",
    "b59a8a", "d9d2a8", "6f8290", "f0ede6", "98a58a", "cdb7bd", "4f5d66",
)  # fmt: skip
PAPERS = (
    ("e6dfd0", "c2b08c"), ("d5dcd9", "8fa6a0"), ("e8dcd6", "b98a80"), ("cfd6de", "7f93a8"),
    ("e9e3d3", "8a9a6a"), ("3f4f56", "8fa09a"), ("ddd3c4", "6f5f50"), ("e4e1da", "a8a49a"),
    ("5a4a50", "a58a80"), ("efe9dd", "5f7f8a"),
)  # fmt: skip
LAMINATES = (
    "e9e8e4", "d3d4d2", "b9bdbf", "3b3f44", "8d9396", "d9cfbf", "c3ccc8", "5f6b75", "a8b4b9",
    "efe7d6", "7c6f66", "2f5560",
)  # fmt: skip
CARDS = ("b98f60", "c6a074", "a67d52", "d2b48a", "9c7a58", "e2dccf")
STONEWARE = (
    "e6e1d6", "c8d2cf", "9fb0ad", "d9c7ad", "7f95a0", "b5836a", "5f6f66", "efe9df", "8a7f74",
    "475a68", "cfae74", "a8b79a", "3d3c3d", "c99a94",
)  # fmt: skip


def cork(s: Swatch) -> Draft:
    """Pressed cork: granules of several browns with dark seams and specks."""
    base = varied(s, s.cycle(CORK), 0.05)
    across = s.integer(20, 34)
    cells = s.cells(across, across, 0.95)
    tone = s.rng.normal(0.5, 0.17, across * across).astype(np.float32)[cells.which]
    seam = np.clip((cells.second - cells.nearest) / np.float32(0.28), 0.0, 1.0)
    share = tone + 0.16 * s.noise(48, 48, 2) - 0.16 * (1.0 - seam)
    image = ramp(share, (0.58 * base, base, np.minimum(1.2 * base, 1.0)))
    specks = np.clip(2.5 * (s.noise(80, 80) - 1.7), 0.0, 1.0)
    return Draft(lit(image, 1.0 - 0.5 * specks), s.uniform(0.15, 0.35), 0.03)


def leather(s: Swatch) -> Draft:
    """Grained leather: pebbles between fine creases."""
    across = s.integer(22, 40)
    cells = s.cells(across, across, 0.9)
    crease = np.clip((cells.second - cells.nearest) / np.float32(0.35), 0.0, 1.0)
    height = np.sqrt(crease) + 0.15 * s.noise(64, 64)
    image = varied(s, s.cycle(HIDES))
    worn = 1.0 + 0.07 * s.noise(3, 3, 4) + 0.02 * s.noise(100, 100)
    image = lit(image, worn * (0.8 + 0.2 * crease) * s.relief(height / across * 0.22, 0.9))
    return Draft(image, s.uniform(0.06, 0.16), s.uniform(0.2, 0.5))


def brushed_metal(s: Swatch) -> Draft:
    """Metal brushed along one direction."""
    streaks = s.noise(3, 128) + 0.6 * s.noise(14, 128) + 0.4 * s.noise(3, 40)
    scratches = np.clip(s.noise(5, 120) - 2.0, 0.0, 1.0)
    sheen = s.uniform(0.02, 0.06) * s.noise(3, 2)
    image = varied(s, s.cycle(METALS))
    image = lit(image, 1.0 + s.uniform(0.02, 0.05) * streaks + 0.12 * scratches + sheen)
    if s.chance(0.5):
        image = image.swapaxes(1, 2)
    return Draft(image, s.uniform(0.2, 0.5), s.uniform(0.6, 0.9))


def painted_wall(s: Swatch) -> Draft:
    """Rolled wall paint: faint orange peel, slight unevenness."""
    image = varied(s, s.cycle(PAINTS))
    peel = s.noise(70, 70) + 0.6 * s.noise(128, 128)
    light = s.relief(np.float32(0.0008) * peel, s.uniform(0.04, 0.14))
    image = lit(image, light * (1.0 + 0.012 * s.noise(3, 3, 3)))
    return Draft(image, s.uniform(0.8, 1.6), s.uniform(0.02, 0.3))


def _ornament(s: Swatch, kind: str, count: int) -> Field:
    """Share 0..1 of the second colour of a wallpaper."""
    total = np.zeros((s.size, s.size), np.float32)
    if kind == "stripe":
        broad = s.edge((0.25 - np.abs(s.x * count % 1.0 - 0.5)) / np.float32(count))
        return total + broad
    if kind == "trellis":
        u, v = (s.x + s.y) * count, (s.x - s.y) * count
        line = np.minimum(np.abs(u - np.round(u)), np.abs(v - np.round(v)))
        return s.edge((0.07 - line) / np.float32(1.4 * count))
    for half in (0.0, 0.5):
        px = (s.x * count + half) % 1.0 - 0.5
        py = (s.y * count + half) % 1.0 - 0.5
        away, angle = np.hypot(px, py), np.arctan2(py, px)
        if kind == "leaf":
            side = np.abs(px) - 0.16 * np.cos(np.clip(py / 0.42, -1.0, 1.0) * np.pi / 2)
            vein = np.abs(np.abs(px) - 0.4 * ((py * 6.0) % 1.0) * 0.12) - 0.008
            shape = np.minimum(-side, vein) - 0.6 * np.clip(np.abs(py) - 0.42, 0.0, 1.0)
        elif kind == "fan":
            shape = np.where(py > -0.5, 0.035 - np.abs((away * 7.0) % 1.0 - 0.5) / 7.0, -1.0)
            shape = np.minimum(shape, 0.48 - away)
        else:
            petals = 0.3 + 0.09 * np.cos(6.0 * angle) + 0.05 * np.cos(12.0 * angle)
            shape = np.maximum(np.minimum(petals - away, away - 0.13), np.minimum(0.09 - away, 0.1))
        total = np.maximum(total, s.edge((shape / count).astype(np.float32)))
    return total


def wallpaper(s: Swatch) -> Draft:
    """Printed wallpaper: stripes, trellis, leaves, scales, rosettes."""
    base, ink = (varied(s, code, 0.03) for code in s.cycle(PAPERS))
    kind = s.pick(("stripe", "trellis", "leaf", "fan", "rosette"))
    count = s.pick((2, 3, 4, 5))
    share = _ornament(s, kind, count) * s.uniform(0.55, 0.95)
    share = share * np.clip(0.95 + 0.06 * s.noise(100, 100), 0.0, 1.0)
    image = laid(base, ink, share.astype(np.float32))
    paper = 1.0 + 0.015 * s.noise(128, 128) + 0.01 * s.noise(4, 4, 2)
    return Draft(lit(image, paper), s.uniform(0.25, 0.7), s.uniform(0.0, 0.15))


def laminate(s: Swatch) -> Draft:
    """Bench and counter laminate: plain or with fine flecks."""
    code = s.cycle(LAMINATES)
    image = lit(varied(s, code), 1.0 + 0.008 * s.noise(128, 128))
    flecks = s.integer(0, 3)
    for _ in range(flecks):
        points = s.pick((56, 80, 112, 128))
        tint = mix(rgb(code), rgb(s.pick(("ffffff", "20242a", "8d7f6c", "6f7f8a"))), 0.55)
        share = np.clip(3.0 * (s.noise(points, points) - s.uniform(1.3, 2.1)), 0.0, 1.0)
        image = laid(image, tint, 0.8 * share)
    return Draft(image, s.uniform(0.25, 0.6), s.uniform(0.2, 0.55))


def cardboard(s: Swatch) -> Draft:
    """Kraft board with the shadow of its flutes and stray fibres."""
    flutes = s.pick((24, 32, 40))
    wave = np.cos(np.float32(2 * np.pi * flutes) * s.y)
    fibre = s.noise(64, 128) + 0.7 * s.noise(40, 20)
    spots = np.clip(s.noise(60, 90) - 1.9, 0.0, 1.0)
    tone = 1.0 + s.uniform(0.01, 0.035) * wave + 0.02 * fibre + 0.03 * s.noise(3, 3, 3)
    image = lit(varied(s, s.cycle(CARDS)), tone - 0.16 * spots)
    if s.chance(0.5):
        image = image.swapaxes(1, 2)
    return Draft(image, s.uniform(0.2, 0.4), s.uniform(0.0, 0.08))


def stoneware(s: Swatch) -> Draft:
    """Glazed earthenware: pooled glaze with iron specks, sometimes over a second glaze."""
    first = varied(s, s.cycle(STONEWARE), 0.04)
    pool = 0.5 + 0.2 * s.noise(3, 4, 4, 0.55)
    image = ramp(pool, (0.84 * first, first, mix(first, rgb("ffffff"), 0.16)))
    if s.chance(0.4):
        second = varied(s, s.pick(STONEWARE), 0.04)
        level = s.uniform(0.3, 0.7) + 0.02 * s.noise(6, 1, 3)
        inside = np.minimum(s.y - level * 0.5, 1.0 - 0.5 * level - s.y)
        image = laid(image, second, s.edge(-inside.astype(np.float32), 6.0))
    specks = np.clip(4.0 * (s.noise(90, 90) - s.uniform(2.0, 2.7)), 0.0, 1.0)
    image = laid(image, rgb("4a3a2c"), 0.7 * specks)
    return Draft(image, s.uniform(0.12, 0.3), s.uniform(0.4, 0.75))


def moulded(s: Swatch) -> Draft:
    """Moulded plastic or rubber with a fine grain, plain, ribbed or studded."""
    image = varied(s, s.cycle(PAINTS + HIDES))
    kind = s.pick(("grain", "grain", "ribs", "studs", "diamonds"))
    height = np.float32(0.0003) * s.noise(110, 110)
    count = s.pick((12, 16, 20))
    if kind == "ribs":
        height = height + 0.0025 * np.cos(np.float32(2 * np.pi * count) * s.x) * (8 / count)
    elif kind == "studs":
        px, py = s.x * count % 1.0 - 0.5, s.y * count % 1.0 - 0.5
        height = height + (0.05 / count) * np.clip((0.38 - np.hypot(px, py)) / 0.16, 0.0, 1.0)
    elif kind == "diamonds":
        u, v = (s.x + s.y) * count, (s.x - s.y) * count
        ridge = np.minimum(np.abs(u - np.round(u)), np.abs(v - np.round(v)))
        height = height + (0.09 / count) * np.clip(ridge / 0.4, 0.0, 1.0)
    image = lit(image, s.relief(height.astype(np.float32), s.uniform(0.5, 0.9)))
    return Draft(image, s.uniform(0.1, 0.3), s.uniform(0.15, 0.55))
