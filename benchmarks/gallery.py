"""Draws the gallery's pictures: ``python -m benchmarks.gallery DATASET [DATASET ...] OUT``.

Every picture is made of stored episodes by the commands of this project and nothing else.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from datafactory.picture.film import contact_sheet, evenly
from datafactory.render.choice import choose, probe
from datafactory.render.library import load_style
from datafactory.render.skies import SKY_FAMILIES, sky_image, sky_names, tone_mapped
from datafactory.render.studio import Studio
from datafactory.render.textures import FAMILIES, texture
from datafactory.store.dataset import open_dataset

QUALITY = 68
LABELS_SHOWN = 8


def save(path: Path, image: Image.Image) -> None:
    image.convert("RGB").save(path, quality=QUALITY, optimize=True, progressive=True)
    print(f"{path}  {path.stat().st_size / 1000:.0f} kB")


def pictures(dataset: Path, which: int, style: str, *changes: str, count: int = 2) -> list:
    """``count`` images of every camera of one episode."""
    look = load_style(style, changes)
    studio = Studio(open_dataset(dataset), look, look.style, choose(look.renderer))
    try:
        film = studio.scene(studio.dataset.episode(which)).film
        images = studio.renderer.render(film)
        chosen = evenly(len(film.world_from_body), count + 2)[1:-1]
        return [images[shot.camera].rgb[i] for shot in film.shots for i in chosen]
    finally:
        studio.close()


def textures(out: Path) -> None:
    cell, across = 72, 12
    names = [f"{f.name}/{7 * k:03d}" for f in FAMILIES.values() if f.aspect == 1.0 for k in (0, 1)]
    tiles = [texture(n, cell).image for n in names]
    starts = range(0, len(tiles) // across * across, across)
    rows = [("", tiles[start : start + across]) for start in starts]
    labels = [f for f in FAMILIES.values() if f.aspect != 1.0]
    for family in labels:
        row = []
        for k in range(LABELS_SHOWN):
            image = Image.fromarray(texture(f"{family.name}/{11 * k:03d}", 256).image)
            row.append(np.asarray(image.resize((int(96 * family.aspect), 96))))
        width = across * (cell + 8)
        while sum(t.shape[1] + 8 for t in row) > width:
            row.pop()
        rows.append((family.name, row))
    count = sum(f.count for f in FAMILIES.values())
    save(out / "textures.jpg", contact_sheet(rows, f"{count:,} textures"))


def skies(out: Path) -> None:
    rows = []
    for family in SKY_FAMILIES:
        mine = [n for n in sky_names() if n.startswith(f"{family}/")][:5]
        rows.append((family, [tone_mapped(sky_image(n, 96)) for n in mine]))
    save(out / "skies.jpg", contact_sheet(rows, f"{len(sky_names())} skies"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("datasets", nargs="+", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    first, out = given.datasets[0], given.out
    out.mkdir(parents=True, exist_ok=True)
    textures(out)
    skies(out)
    views = "cameras=[front,wrist,top]"
    total = len(open_dataset(first))
    rows = [
        (f"seed {seed}", pictures(first, seed % total, "random", f"seed={seed}", views))
        for seed in range(6)
    ]
    save(out / "render_random.jpg", contact_sheet(rows, "style random"))
    rows = [
        (open_dataset(d).episode(0).instruction, pictures(d, 0, "default", views, "room=corner"))
        for d in given.datasets
    ]
    save(out / "render_tasks.jpg", contact_sheet(rows, "style default"))
    usable = [s.name for s in probe() if s.available]
    small = ("fps=1", "size=[320, 240]")
    rows = [
        (name, pictures(first, 0, "default", f"renderer={name}", *small, count=1))
        for name in usable
    ]
    save(out / "renderers.jpg", contact_sheet(rows, "one episode, every renderer"))


if __name__ == "__main__":
    main()
