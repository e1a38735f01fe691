"""Draws every object and table family and writes the catalogue page.

``python -m benchmarks.catalogue [DOCS]`` renders instances of every family of the built-in sources
into contact sheets ``DOCS/images/catalogue_*.jpg``, counts distinct content hashes over all
instance seeds and writes ``DOCS/catalogue.md``. It takes about a minute.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import mujoco
import numpy as np
from PIL import Image

from datafactory.episode import ObjectRecord
from datafactory.geometry import Pose
from datafactory.picture.canvas import Canvas, shortened
from datafactory.picture.palette import DIM, INK, PAPER
from datafactory.render.choice import choose
from datafactory.render.furniture import furniture_surfaces
from datafactory.render.object_visuals import object_surfaces
from datafactory.render.poses import visible_geoms
from datafactory.render.primitives import rounded_box
from datafactory.render.stage import (
    Body,
    Film,
    Intrinsics,
    Light,
    Material,
    Renderer,
    Shot,
    Stage,
    Surface,
)
from datafactory.sim.furniture import furniture_mjcf
from datafactory_assets import FamilyInfo, RigidAsset, SeededSource, Tier0, Tier1
from datafactory_assets.query import INSTANCES_PER_FAMILY
from datafactory_assets.tables import TableInfo, make_table, table_families
from datafactory_pick_place.record import asset_record

CELL = (300, 168)
COLUMNS, ROWS = 4, 7
INSTANCES = 3
QUALITY = 70
GAP, LABEL, MARGIN = 6, 20, 16
OBJECTS_FROM = np.array([0.55, -1.0, 0.72])
TABLES_FROM = np.array([-0.95, -0.65, 0.72])
"""Directions from what is shown to the camera; a table is shown from the robot's side."""
FOV_RAD = 0.42


def record(asset: RigidAsset) -> ObjectRecord:
    """An object as an episode that has it would store it."""
    still = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)
    return ObjectRecord(
        name=asset.family, asset_id=asset.content_hash, uid=asset.uid, category=asset.category,
        colour=asset.colour, material=asset.material, attributes=asset.attributes,
        mass=asset.mass, friction=asset.friction, size=asset.extents, initial_pose=still,
        final_pose=still, licence=asset.licence.spdx,
    )  # fmt: skip


def looking(target: np.ndarray, distance: float, view: np.ndarray) -> Pose:
    """Camera pose, OpenCV axes, that looks at a point from a direction."""
    z = -view / np.linalg.norm(view)
    x = np.cross(z, [0.0, 0.0, 1.0])
    x /= np.linalg.norm(x)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    matrix[:3, 3] = target - distance * z
    return Pose.from_matrix(matrix)


def tile(
    bodies: Sequence[tuple[Body, Pose]], corners: np.ndarray, view: np.ndarray, renderer: Renderer
) -> np.ndarray:
    """One picture (h, w, 3) of bodies on a floor that just shows some corners (n, 3), world."""
    width, height = CELL
    focal = 0.5 * width / np.tan(0.5 * FOV_RAD)
    low, high = corners.min(axis=0), corners.max(axis=0)
    middle = 0.5 * (low + high)
    seen = (corners - middle) @ looking(middle, 1.0, view).matrix()[:3, :3]
    centre = 0.5 * (seen.min(axis=0) + seen.max(axis=0))
    middle = middle + looking(middle, 1.0, view).matrix()[:3, :2] @ centre[:2]
    seen = seen - (*centre[:2], 0.0)
    distance = max(
        float(np.max(np.abs(seen[:, 0]) * focal / (0.47 * width) - seen[:, 2])),
        float(np.max(np.abs(seen[:, 1]) * focal / (0.47 * height) - seen[:, 2])),
    )
    size = float(np.linalg.norm(high - low))
    floor = Surface("floor", rounded_box((20 * size, 20 * size, 0.01), 0.0),
                    Material((0.80, 0.80, 0.79), gloss=0.0))  # fmt: skip
    light = -np.array([0.35, -0.55, 1.0]) / np.linalg.norm([0.35, -0.55, 1.0])
    stage = Stage(
        entities=("background", "floor", "table", "room", "arm", "gripper", "shown"),
        bodies=(Body("floor", 1, (floor,)), *(body for body, _ in bodies)),
        lights=(
            Light("sun", (0.0, 0.0, 3.0), tuple(light), (0.72, 0.70, 0.66), True),
            Light("sun", (0.0, 0.0, 3.0), (-0.6, 0.3, -0.74), (0.16, 0.17, 0.19), False),
        ),
        ambient=(0.28, 0.29, 0.31),
    )
    poses = [Pose.of((*middle[:2], -0.01)), *(pose for _, pose in bodies)]
    film = Film(
        stage=stage,
        world_from_body=np.array([[pose.vector() for pose in poses]]),
        shots=(
            Shot("view", Intrinsics(width, height, focal, focal, width / 2, height / 2),
                 np.array([looking(middle, distance, view).vector()])),
        ),
        depth=False,
        samples=2,
    )  # fmt: skip
    return renderer.render(film)["view"].rgb[0]


def in_a_row(
    surfaces: Sequence[tuple[tuple[Surface, ...], np.ndarray, np.ndarray]], gap: float,
    view: np.ndarray, renderer: Renderer,
) -> np.ndarray:  # fmt: skip
    """A picture of things side by side: (surfaces, lowest corner, highest corner) of each."""
    right = np.cross(-view, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    bodies, corners, along = [], [], 0.0
    for k, (parts, low, high) in enumerate(surfaces):
        ends = np.array([np.where(pick, high, low) for pick in np.ndindex(2, 2, 2)])
        reach = ends @ right
        along += 0.0 if k == 0 else gap - reach.min()
        shift = along * right
        along += reach.max()
        bodies.append((Body(f"object/{k}", 6, parts), Pose.of(tuple(shift))))
        corners.append(ends + shift)
    return tile(bodies, np.concatenate(corners), view, renderer)


def object_tile(source: SeededSource, info: FamilyInfo, renderer: Renderer) -> np.ndarray:
    """Instances of an object family."""
    found = []
    for seed in range(INSTANCES):
        asset = source.make(info.name, seed)
        parts = object_surfaces(record(asset), asset_record(asset), "", 128, ())
        found.append((parts, np.array(asset.aabb[0]), np.array(asset.aabb[1])))
    return in_a_row(found, 0.012, OBJECTS_FROM, renderer)


def table_tile(info: TableInfo, renderer: Renderer) -> np.ndarray:
    """Instances of a table family, as the physics has them."""
    found = []
    for seed in range(2):
        bodies, assets, custom = furniture_mjcf(make_table(info.name, seed), (0.0, 0.0), "")
        text = (
            f"<mujoco><custom>{custom}</custom><asset>{assets}</asset>"
            f"<worldbody>{bodies}</worldbody></mujoco>"
        )
        parts = furniture_surfaces(visible_geoms(mujoco.MjModel.from_xml_string(text)), 256)
        points = np.concatenate([part.mesh.vertices for part in parts]).astype(np.float64)
        found.append((parts, points.min(axis=0), points.max(axis=0)))
    return in_a_row(found, 0.25, TABLES_FROM, renderer)


def sheet(cells: Sequence[tuple[str, np.ndarray]], title: str) -> Image.Image:
    """A grid of labelled pictures."""
    width, height = CELL
    rows = -(-len(cells) // COLUMNS)
    step_x, step_y = width + GAP, height + LABEL + GAP
    canvas = Canvas(COLUMNS * step_x - GAP + 2 * MARGIN, rows * step_y + 2 * MARGIN + 22, PAPER)
    canvas.text((MARGIN, 12), title, INK, 17)
    places = [(MARGIN + k % COLUMNS * step_x, MARGIN + 22 + k // COLUMNS * step_y)
              for k in range(len(cells))]  # fmt: skip
    for (name, _), (x, y) in zip(cells, places, strict=True):
        canvas.text((x, y + 3), shortened(name, width, 13), DIM, 13)
    image = canvas.finished().convert("RGB")
    for (_, picture), (x, y) in zip(cells, places, strict=True):
        image.paste(Image.fromarray(picture), (x, y + LABEL))
    return image


def hashes() -> int:
    """Distinct content hashes of all instance seeds of all object families."""
    return len(
        {
            source.make(info.name, seed).content_hash
            for source in (Tier0(), Tier1())
            for info in source.families()
            for seed in range(INSTANCES_PER_FAMILY)
        }
    )


def sheets(
    name: str, cells: Sequence[tuple[str, np.ndarray]], images: Path
) -> list[tuple[str, str]]:
    """Saves contact sheets; (title, file name) of each."""
    saved = []
    for start in range(0, len(cells), COLUMNS * ROWS):
        part = cells[start : start + COLUMNS * ROWS]
        title = f"{name}: {part[0][0]} to {part[-1][0]}"
        path = images / f"catalogue_{name}_{start // (COLUMNS * ROWS) + 1}.jpg"
        sheet(part, title).save(path, quality=QUALITY, optimize=True, progressive=True)
        print(f"{path}  {path.stat().st_size / 1000:.0f} kB")
        saved.append((title, path.name))
    return saved


def page(docs: Path, count: int, pictures: Sequence[tuple[str, str]]) -> None:
    """Writes ``catalogue.md``."""
    sources = (Tier0(), Tier1())
    total = sum(len(source.families()) for source in sources)
    lines = [
        "# Catalogue",
        "",
        "Made by `python -m benchmarks.catalogue`, pictures and numbers included.",
        "",
        f"{total} [object families](families.md) and {len(table_families())} families of "
        f"[furniture](furniture.md). The {INSTANCES_PER_FAMILY} instances that queries draw of",
        f"each object family have {count:,} distinct content hashes.",
        "",
        "G: a parallel gripper (85 mm opening) can lift it. S: it has a surface open above.",
        "C: it is a container or has cells.",
        "",
    ]
    for source in sources:
        lines += [f"## Source `{source.name}`", ""]
        lines += [f"![{t}](images/{name})" for t, name in pictures if f"_{source.name}_" in name]
        lines += ["", "| family | C G S | what | dimensions from |", "| --- | --- | --- | --- |"]
        for info in source.families():
            flags = (("C", info.container), ("G", info.graspable), ("S", info.supports))
            marks = " ".join(letter if on else "-" for letter, on in flags)
            lines.append(
                f"| `{info.name}` | {marks} | {info.description} | {info.dimension_source} |"
            )
        lines.append("")
    lines += ["## Furniture", ""]
    lines += [f"![{title}](images/{name})" for title, name in pictures if "_furniture_" in name]
    lines += ["", "| family | top | finishes | what | dimensions from |",
              "| --- | --- | --- | --- | --- |"]  # fmt: skip
    for table in table_families():
        finishes = ", ".join(table.finishes)
        lines.append(f"| `{table.name}` | {table.top.replace('_', ' ')} | {finishes} | "
                     f"{table.description} | {table.dimension_source} |")  # fmt: skip
    (docs / "catalogue.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("docs", nargs="?", type=Path, default=Path("docs"))
    given = parser.parse_args()
    images = given.docs / "images"
    images.mkdir(parents=True, exist_ok=True)
    renderer = choose()
    pictures = []
    for source in (Tier0(), Tier1()):
        cells = [(i.name, object_tile(source, i, renderer)) for i in source.families()]
        pictures += sheets(source.name, cells, images)
    cells = [(info.name, table_tile(info, renderer)) for info in table_families()]
    pictures += sheets("furniture", cells, images)
    page(given.docs, hashes(), pictures)


if __name__ == "__main__":
    main()
