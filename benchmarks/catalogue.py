"""Draws every object family.

``python -m benchmarks.catalogue [--only NAME ...] [OUT]`` renders instances of every family of the
built-in sources into contact sheets ``OUT/catalogue_*.jpg``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from datafactory.episode import ObjectRecord
from datafactory.geometry import Pose
from datafactory.picture.canvas import Canvas, shortened
from datafactory.picture.palette import DIM, INK, PAPER
from datafactory.render.choice import choose
from datafactory.render.object_visuals import object_surfaces
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
from datafactory_assets import FamilyInfo, RigidAsset, SeededSource, Tier0, Tier1
from datafactory_pick_place.record import asset_record

CELL = (300, 168)
COLUMNS, ROWS = 4, 6
INSTANCES = 3
QUALITY = 70
GAP, LABEL, MARGIN = 6, 20, 16
VIEW = np.array([0.55, -1.0, 0.72])
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


def looking(target: np.ndarray, distance: float) -> Pose:
    """Camera pose, OpenCV axes, that looks at a point along ``-VIEW``."""
    z = -VIEW / np.linalg.norm(VIEW)
    x = np.cross(z, [0.0, 0.0, 1.0])
    x /= np.linalg.norm(x)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    matrix[:3, 3] = target - distance * z
    return Pose.from_matrix(matrix)


def tile(bodies: Sequence[tuple[Body, Pose]], low: np.ndarray, high: np.ndarray,
         renderer: Renderer) -> np.ndarray:  # fmt: skip
    """One picture (h, w, 3) of bodies that fill a box of the world."""
    width, height = CELL
    focal = 0.5 * width / np.tan(0.5 * FOV_RAD)
    corners = np.array([np.where(pick, high, low) for pick in np.ndindex(2, 2, 2)])
    middle = 0.5 * (low + high)
    camera = looking(middle, 1.0)
    seen = (corners - middle) @ camera.matrix()[:3, :3]
    distance = max(
        float(np.max(np.abs(seen[:, 0]) * focal / (0.46 * width) - seen[:, 2])),
        float(np.max(np.abs(seen[:, 1]) * focal / (0.46 * height) - seen[:, 2])),
    )
    size = float(np.linalg.norm(high - low))
    floor = Surface("floor", rounded_box((20 * size, 20 * size, 0.01), 0.0),
                    Material((0.80, 0.80, 0.79), gloss=0.0))  # fmt: skip
    ground = Body("floor", 1, (floor,))
    light = -np.array([0.35, -0.55, 1.0]) / np.linalg.norm([0.35, -0.55, 1.0])
    stage = Stage(
        entities=("background", "floor", "table", "room", "arm", "gripper", "shown"),
        bodies=(ground, *(body for body, _ in bodies)),
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
                 np.array([looking(middle, distance).vector()])),
        ),
        depth=False,
        samples=2,
    )  # fmt: skip
    return renderer.render(film)["view"].rgb[0]


def family_tile(source: SeededSource, info: FamilyInfo, renderer: Renderer) -> np.ndarray:
    """Instances of a family side by side."""
    right = np.cross(-VIEW, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    bodies, along, low, high = [], 0.0, np.full(3, np.inf), np.full(3, -np.inf)
    for seed in range(INSTANCES):
        asset = source.make(info.name, seed)
        lo, hi = np.array(asset.aabb)
        corners = [(x, y) for x in (lo[0], hi[0]) for y in (lo[1], hi[1])]
        reach = [float(np.dot(corner, right[:2])) for corner in corners]
        along += 0.0 if seed == 0 else 0.012 - min(reach)
        shift = along * right
        along += max(reach)
        surfaces = object_surfaces(record(asset), asset_record(asset), "", 128, ())
        bodies.append((Body(f"object/{seed}", 6, surfaces), Pose.of(tuple(shift))))
        low, high = np.minimum(low, lo + shift), np.maximum(high, hi + shift)
    return tile(bodies, low, high, renderer)


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("docs", nargs="?", type=Path, default=Path("docs"))
    parser.add_argument("--only", nargs="*", default=())
    given = parser.parse_args()
    renderer = choose()
    given.docs.mkdir(parents=True, exist_ok=True)
    for source in (Tier0(), Tier1()):
        infos = [i for i in source.families() if not given.only or i.name in given.only]
        step = COLUMNS * ROWS
        for start in range(0, len(infos), step):
            part = infos[start : start + step]
            cells = [(info.name, family_tile(source, info, renderer)) for info in part]
            image = sheet(cells, f"{source.name}: {part[0].name} to {part[-1].name}")
            path = given.docs / f"catalogue_{source.name}_{start // step + 1}.jpg"
            image.save(path, quality=QUALITY, optimize=True, progressive=True)
            print(f"{path}  {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
