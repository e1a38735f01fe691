"""Views of real episodes on a plain stage: every object drawn as its bounding box, by hand."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray

from datafactory.episode import Episode
from datafactory.geometry import quat_from_matrix, quat_random, quat_rotate, quat_to_matrix
from datafactory.plugin import load_generator
from datafactory.render.annotate import annotate
from datafactory.render.media import encode_images, encode_masks
from datafactory.render.stage import (
    Body,
    Film,
    Images,
    Intrinsics,
    Material,
    Mesh,
    Shot,
    Stage,
    Surface,
)
from datafactory.render.view import View
from datafactory.seeding import stream
from datafactory.store.commit import Committer, create_tables
from datafactory.store.dataset import Dataset, open_dataset
from datafactory.store.encode import asset_row, episode_row, to_batch, to_rows
from datafactory.store.location import Location
from datafactory.store.render_rows import render_row
from datafactory.store.schema import table_schema
from datafactory.store.stored import StoredEpisode, stored_episode
from tests.fake_attempts import FakeSpec
from tests.store_fixture import lineage, run_row

ENTITIES = ("background", "floor", "table", "room", "arm", "gripper")
ARM = "primitive_arm"
FPS = 2
COLOURS = {"red": (200, 40, 40), "green": (40, 170, 60), "blue": (40, 70, 200)}
FRONT = Intrinsics(320, 240, 300.0, 300.0, 160.0, 120.0)


def mesh_of(shape: trimesh.Trimesh) -> Mesh:
    """A mesh with nothing welded, as renderers like it."""
    corners = np.asarray(shape.triangles).reshape(-1, 3)
    faces = np.arange(len(corners)).reshape(-1, 3)
    normals = np.repeat(shape.face_normals, 3, axis=0)
    uv = np.zeros((len(corners), 2))
    f32 = np.float32
    return Mesh(corners.astype(f32), normals.astype(f32), faces.astype(np.int32), uv.astype(f32))


def look_at(eye: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """World from camera (7,), OpenCV axes, upright."""
    z = (target - eye) / np.linalg.norm(target - eye)
    x = np.cross(z, [0.0, 0.0, 1.0])
    x /= np.linalg.norm(x)
    return np.concatenate([eye, quat_from_matrix(np.column_stack([x, np.cross(z, x), z]))])


def random_film(seed: int, frames: int, things: int = 5) -> Film:
    """Boxes, balls and rings that move in front of two fixed cameras and one that moves."""
    rng = stream(seed, "film", 0, "scene")
    names = tuple(f"thing{i}" for i in range(things))
    top = trimesh.creation.box((1.0, 1.2, 0.04))
    bodies = [Body("table", 2, (Surface("top", mesh_of(top), Material((0.6, 0.5, 0.4))),))]
    poses = np.zeros((frames, 1 + things, 7))
    poses[:, 0] = [0.0, 0.0, 0.68, 1.0, 0.0, 0.0, 0.0]
    for i, name in enumerate(names):
        size = rng.uniform(0.04, 0.1)
        shape = (
            trimesh.creation.box(rng.uniform(0.04, 0.12, 3)),
            trimesh.creation.icosphere(1, radius=size),
            trimesh.creation.annulus(0.6 * size, size, 0.05, sections=16),
        )[i % 3]
        shape.apply_translation(rng.uniform(-0.05, 0.05, 3))
        surface = Surface("shape", mesh_of(shape), Material((0.5, 0.1 * i, 0.5)))
        bodies.append(Body(f"object/{name}", len(ENTITIES) + i, (surface,)))
        start = rng.uniform((-0.35, -0.45, 0.75), (0.35, 0.45, 0.95))
        step = np.linspace(0, 0.1, frames)[:, None] * rng.normal(size=3)
        poses[:, 1 + i, :3], poses[:, 1 + i, 3:] = start + step, quat_random(rng)
    middle = np.array([0.0, 0.0, 0.72])
    places = {
        "front": [(1.1, 0.2, 1.5)] * frames,
        "side": [(0.7, -0.7, 1.2)] * frames,
        "wrist": [(0.2 + 0.02 * k, 0.5, 1.25) for k in range(frames)],
    }
    k = Intrinsics(96, 72, 100.0, 110.0, 52.3, 33.4)
    shots = tuple(
        Shot(camera, k, np.array([look_at(np.array(eye), middle) for eye in eyes]))
        for camera, eyes in places.items()
    )
    return Film(Stage(ENTITIES + names, tuple(bodies), (), (1.0, 1.0, 1.0)), poses, shots)


def labelled(film: Film, shot: Shot) -> Images:
    """Ray by ray: the nearest body over each pixel centre, its label and its colour."""
    k = shot.intrinsics
    y, x = np.mgrid[: k.height, : k.width] + 0.5
    rays = np.stack([(x - k.cx) / k.fx, (y - k.cy) / k.fy, np.ones_like(x)], axis=-1)
    frames = len(film.world_from_body)
    depth = np.full((frames, k.height, k.width), np.inf)
    entity = np.zeros((frames, k.height, k.width), dtype=np.uint8)
    rgb = np.zeros((frames, k.height, k.width, 3), dtype=np.uint8)
    for f in range(frames):
        camera = shot.world_from_camera[f]
        turn = quat_to_matrix(camera[3:])
        for body, pose in zip(film.stage.bodies, film.world_from_body[f], strict=True):
            for surface in body.surfaces:
                world = pose[:3] + quat_rotate(pose[3:], surface.mesh.vertices.astype(np.float64))
                seen = (world - camera[:3]) @ turn
                near = _nearest(seen[surface.mesh.faces], rays, k, depth[f])
                entity[f][near] = body.entity
                rgb[f][near] = np.round(255 * np.array(surface.material.rgb))
    return Images(rgb, np.where(np.isinf(depth), 0, depth).astype(np.float32), entity)


def _nearest(
    triangles: NDArray[np.float64],
    rays: NDArray[np.float64],
    k: Intrinsics,
    depth: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Pixels where one of the triangles is nearer than what was drawn; updates the depth."""
    drawn = np.zeros(depth.shape, dtype=bool)
    for a, b, c in triangles:
        corners = np.array([a, b, c])
        if corners[:, 2].min() < 0.01:
            continue
        u = k.fx * corners[:, 0] / corners[:, 2] + k.cx
        v = k.fy * corners[:, 1] / corners[:, 2] + k.cy
        rows = slice(max(int(v.min()) - 1, 0), max(int(v.max()) + 2, 0))
        columns = slice(max(int(u.min()) - 1, 0), max(int(u.max()) + 2, 0))
        r = rays[rows, columns]
        sides = [r @ np.cross(p, q) for p, q in ((a, b), (b, c), (c, a))]
        inside = np.all([s > 0 for s in sides], axis=0) | np.all([s < 0 for s in sides], axis=0)
        normal = np.cross(b - a, c - a)
        with np.errstate(divide="ignore", invalid="ignore"):
            z = (a @ normal) / (r @ normal)
        better = inside & (z < depth[rows, columns])
        depth[rows, columns][better] = z[better]
        drawn[rows, columns] |= better
    return drawn


EXTRA = load_generator("pick_place").extra_columns()


@lru_cache(maxsize=8)
def accepted(task: str, skip: int = 0) -> Episode:
    """An accepted attempt, the ``skip``-th of its seed."""
    generator = load_generator("pick_place")
    spec = {info.name: info for info in generator.tasks()}[task].spec
    maker = generator.open(generator.spec(spec, robot=ARM), 11)
    found = (e for e in map(maker.attempt, range(20)) if e.verdict.accepted)
    return [next(found) for _ in range(skip + 1)][-1]


@lru_cache(maxsize=8)
def episode(task: str = "pick_place", skip: int = 0) -> StoredEpisode:
    """An accepted episode as it comes out of the store."""
    row = episode_row(accepted(task, skip), lineage(FakeSpec()), EXTRA)
    stored = to_rows(to_batch([row], table_schema("episodes", EXTRA)))[0]
    return stored_episode(stored, [f.name for f in EXTRA])


def shown_mesh(size: tuple[float, ...]) -> Mesh:
    """A box that stands on its frame's origin, as assets do."""
    shape = trimesh.creation.box(size)
    shape.apply_translation((0.0, 0.0, 0.5 * size[2]))
    return mesh_of(shape)


def film_of(shown: StoredEpisode, frames: NDArray[np.int32]) -> Film:
    """Table and objects of an episode, seen from a fixed and from a moving camera."""
    names = tuple(o.name for o in shown.objects)
    top = min(o.initial_pose[2] for o in shown.objects) - 0.001
    slab = trimesh.creation.box(bounds=[[-0.2, -1.0, top - 0.1], [1.2, 1.0, top]])
    bodies = [Body("table", 2, (Surface("top", mesh_of(slab), Material((0.6, 0.5, 0.4))),))]
    poses = np.zeros((len(frames), 1 + len(names), 7))
    poses[:, 0, 3] = 1.0
    for i, record in enumerate(shown.objects):
        r, g, b = (c / 255 for c in COLOURS.get(record.colour, (150, 150, 150)))
        surface = Surface("shape", shown_mesh(record.size), Material((r, g, b)))
        bodies.append(Body(f"object/{record.name}", len(ENTITIES) + i, (surface,)))
        poses[:, 1 + i] = shown.trajectory.object_poses[frames, i]
    fixed = look_at(np.array([1.15, 0.0, top + 0.75]), np.array([0.45, 0.0, top]))
    tool = shown.trajectory.eef_pose[frames].astype(np.float64)
    wrist = np.array([look_at(p[:3] + np.array([0.15, 0.0, 0.15]), p[:3]) for p in tool])
    shots = (
        Shot("front", FRONT, np.tile(fixed, (len(frames), 1))),
        Shot("wrist", FRONT, wrist),
    )
    return Film(Stage(ENTITIES + names, tuple(bodies), (), (1.0, 1.0, 1.0)), poses, shots)


@lru_cache(maxsize=8)
def views(task: str = "pick_place", skip: int = 0) -> dict[str, View]:
    """Views of :func:`episode` by camera name."""
    shown = episode(task, skip)
    frames = np.arange(0, shown.length, shown.fps // FPS, dtype=np.int32)
    film = film_of(shown, frames)
    images = {shot.camera: labelled(film, shot) for shot in film.shots}
    notes = annotate(film, images, frames, shown.trajectory, shown.objects)
    phase = np.zeros(len(frames), dtype=np.int16)
    for i, p in enumerate(shown.trajectory.phases):
        phase[(frames >= p.start) & (frames < p.stop)] = i
    return {
        shot.camera: View(
            episode_id=shown.episode_id,
            variant="plain",
            camera=shot.camera,
            renderer="by-hand",
            renderer_version="1",
            style_hash="0" * 32,
            look_json="{}",
            fps=FPS,
            frames=frames,
            intrinsics=shot.intrinsics,
            world_from_camera=shot.world_from_camera.astype(np.float32),
            base_from_camera=shot.world_from_camera.astype(np.float32),
            entities=film.stage.entities,
            video=encode_images(images[shot.camera].rgb, FPS, "jpeg"),
            depth=None,
            masks=encode_masks(images[shot.camera].entity),
            annotations=notes[shot.camera],
            phase=phase,
            thumbnail=b"",
            strip=b"",
            cpu_s={},
        )
        for shot in film.shots
    }


def dataset(path: Path, episodes: int = 2) -> Dataset:
    """A dataset of these episodes with their views."""
    create_tables(Location.of(path), EXTRA)
    committer = Committer(Location.of(path))
    committer.write_run(run_row(FakeSpec()))
    made = [accepted("pick_place", k) for k in range(episodes)]
    committer.add_assets(list({a.asset_id: asset_row(a) for e in made for a in e.assets}.values()))
    rows = [episode_row(e, lineage(FakeSpec()), EXTRA) for e in made]
    committer.append("episodes", committer.writer.write("episodes", rows), {})
    committer.add_table("renders")
    shown = [v for k in range(episodes) for v in views(skip=k).values()]
    rendered = [render_row(v, "run") for v in shown]
    committer.append("renders", committer.writer.write("renders", rendered), {})
    return open_dataset(path)
