"""Random films for the tests of renderers: a table with things, in a room or under the sky."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray

from datafactory.geometry import quat_from_matrix
from datafactory.render.stage import (
    Body,
    Film,
    Images,
    Intrinsics,
    Light,
    Material,
    Mesh,
    Renderer,
    Shot,
    Stage,
    Surface,
)
from datafactory.seeding import stream

ENTITIES = ("background", "floor", "table", "room", "arm", "gripper")
Array = NDArray[np.float64]


def flat_mesh(corners: Array, tile_m: float = 0.5) -> Mesh:
    """A quad (4, 3), counter-clockwise from the front, textured with tiles of one size."""
    a, b, _, d = corners
    normal = np.cross(b - a, d - a)
    normal /= np.linalg.norm(normal)
    u = np.linalg.norm(b - a) / tile_m
    v = np.linalg.norm(d - a) / tile_m
    return Mesh(
        corners.astype(np.float32),
        np.tile(normal, (4, 1)).astype(np.float32),
        np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32),
        np.array([[0, 0], [u, 0], [u, v], [0, v]], dtype=np.float32),
    )


def joined(meshes: list[Mesh]) -> Mesh:
    offsets = np.cumsum([0, *(len(m.vertices) for m in meshes[:-1])])
    return Mesh(
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.normals for m in meshes]),
        np.concatenate([m.faces + np.int32(o) for m, o in zip(meshes, offsets, strict=True)]),
        np.concatenate([m.uv for m in meshes]),
    )


def box_mesh(half: tuple[float, float, float], tile_m: float = 0.1) -> Mesh:
    sides = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            u, v = np.zeros(3), np.zeros(3)
            u[(axis + 1) % 3], v[(axis + 2) % 3] = 1.0, sign
            n = np.cross(u, v)
            corners = np.array([n - u - v, n + u - v, n + u + v, n - u + v])
            sides.append(flat_mesh(corners * np.array(half), tile_m))
    return joined(sides)


def round_mesh(tri: trimesh.Trimesh) -> Mesh:
    """A smooth mesh with the longitude and height as texture coordinates."""
    v = np.asarray(tri.vertices)
    uv = np.column_stack([np.arctan2(v[:, 1], v[:, 0]) / np.pi, v[:, 2] * 5])
    return Mesh(
        v.astype(np.float32),
        np.asarray(tri.vertex_normals, dtype=np.float32),
        np.asarray(tri.faces, dtype=np.int32),
        uv.astype(np.float32),
    )


def checkered(rng: np.random.Generator, size: int = 64, squares: int = 4) -> NDArray[np.uint8]:
    colours = rng.integers(40, 255, (2, 3))
    cells = (np.indices((size, size)) * squares // size).sum(axis=0) % 2
    picture: NDArray[np.uint8] = colours[cells].astype(np.uint8)
    return picture


def material(rng: np.random.Generator, textured: bool) -> Material:
    gloss = float(rng.uniform(0, 0.4))
    if textured:
        return Material((1.0, 1.0, 1.0), checkered(rng), "checkered", gloss)
    r, g, b = rng.uniform(0.2, 0.9, 3).tolist()
    return Material((r, g, b), gloss=gloss)


def look_at(eye: Array, target: Array) -> Array:
    """World from camera (7,), OpenCV axes, upright."""
    z = (target - eye) / np.linalg.norm(target - eye)
    x = np.cross(z, [0.0, 0.0, 1.0])
    x /= np.linalg.norm(x)
    return np.concatenate([eye, quat_from_matrix(np.column_stack([x, np.cross(z, x), z]))])


def object_mesh(rng: np.random.Generator, kind: int, detail: int) -> Mesh:
    if kind == 0:
        a, b, c = rng.uniform(0.02, 0.06, 3).tolist()
        return box_mesh((a, b, c))
    if kind == 1:
        return round_mesh(trimesh.creation.icosphere(detail, radius=rng.uniform(0.03, 0.07)))
    radius, count = rng.uniform(0.02, 0.04), (8 * detail, 8 * detail)
    return round_mesh(trimesh.creation.capsule(height=0.1, radius=radius, count=count))


def random_stage(
    seed: int,
    *,
    objects: int = 6,
    room: bool = False,
    sky: bool = False,
    lamp: bool = False,
    detail: int = 3,
) -> Stage:
    rng = stream(seed, "stage", 0, "scene")
    names = tuple(f"thing{i}" for i in range(objects))
    floor = flat_mesh(np.array([[-3, -3, 0], [3, -3, 0], [3, 3, 0], [-3, 3, 0]], dtype=float))
    top = box_mesh((0.5, 0.6, 0.02), 0.4)
    bodies = [
        Body("floor", 1, (Surface("floor", floor, material(rng, True)),)),
        Body("table", 2, (Surface("top", top, material(rng, True)),)),
    ]
    if room:
        walls = [
            np.array([[-2, -2, 0], [-2, 2, 0], [-2, 2, 1.5], [-2, -2, 1.5]], dtype=float),
            np.array([[-2, 2, 0], [2, 2, 0], [2, 2, 1.5], [-2, 2, 1.5]], dtype=float),
        ]
        wall = joined([flat_mesh(w) for w in walls])
        bodies.append(Body("room", 3, (Surface("walls", wall, material(rng, False)),)))
    arm = round_mesh(trimesh.creation.capsule(height=0.4, radius=0.05, count=(24, 24)))
    bodies.append(Body("robot/link", 4, (Surface("link", arm, material(rng, False)),)))
    for index, name in enumerate(names):
        mesh = object_mesh(rng, index % 3, detail)
        surface = Surface("shape", mesh, material(rng, bool(rng.integers(2))))
        bodies.append(Body(f"object/{name}", len(ENTITIES) + index, (surface,)))
    azimuth = rng.uniform(-1, 1)
    direction = np.array([np.cos(azimuth) * 0.5, np.sin(azimuth) * 0.5, -1.0])
    dx, dy, dz = (direction / np.linalg.norm(direction)).tolist()
    main = "lamp" if lamp else "sun"
    lights = (
        Light(main, (-2.5 * dx, -2.5 * dy, 0.7 - 2.5 * dz), (dx, dy, dz), (0.6, 0.58, 0.5), True),
        Light("lamp", (0.6, -0.8, 1.9), (0.0, 0.0, -1.0), (0.15, 0.15, 0.2), False),
    )
    picture = None
    if sky:
        ramp = np.linspace(1.0, 0.2, 32)[:, None, None] * np.array([0.4, 0.6, 1.0])
        picture = np.broadcast_to(ramp, (32, 64, 3)).astype(np.float32)
    return Stage(ENTITIES + names, tuple(bodies), lights, (0.25, 0.25, 0.3), picture)


def random_film(
    seed: int,
    frames: int = 3,
    *,
    size: tuple[int, int] = (96, 80),
    shadows: bool = True,
    samples: int = 1,
    **options: int,
) -> Film:
    """A film of a random stage from three cameras: plain, off-centre, and moving."""
    stage = random_stage(seed, **options)  # type: ignore[arg-type]
    rng = stream(seed, "stage", 0, "motion")
    poses = np.zeros((frames, len(stage.bodies), 7))
    poses[..., 3] = 1.0
    for index, body in enumerate(stage.bodies):
        if body.name == "table":
            poses[:, index, 2] = 0.68
        elif body.entity >= 4:
            start = rng.uniform((-0.35, -0.45, 0.78), (0.35, 0.45, 0.95))
            poses[:, index, :3] = start + np.linspace(0, 0.1, frames)[:, None] * rng.normal(size=3)
            quaternion = rng.normal(size=4)
            poses[:, index, 3:] = quaternion / np.linalg.norm(quaternion)
    width, height = size
    target = np.array([0.0, 0.0, 0.72])
    fixed = [look_at(np.array(eye), target) for eye in ((1.1, 0.2, 1.5), (0.9, -0.9, 1.4))]
    moving = np.stack(
        [look_at(np.array([0.2 + 0.02 * k, 0.5, 1.25]), target) for k in range(frames)]
    )
    centred = Intrinsics(width, height, width * 1.1, width * 1.1, width / 2, height / 2)
    shifted = Intrinsics(width, height, width * 1.0, width * 1.2, width / 2 + 7.3, height / 2 - 5.6)
    shots = (
        Shot("front", centred, np.tile(fixed[0], (frames, 1))),
        Shot("side", shifted, np.tile(fixed[1], (frames, 1))),
        Shot("wrist", centred, moving),
    )
    return Film(stage, poses, shots, shadows=shadows, samples=samples)


def one_view(stage: Stage, poses: Array, intrinsics: Intrinsics) -> Film:
    """A film of one frame from a camera at the origin that looks along +x with z up."""
    axes = np.column_stack([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
    pose = np.concatenate([np.zeros(3), quat_from_matrix(axes)])
    shot = Shot("eye", intrinsics, pose[None])
    return Film(stage, poses[None], (shot,), shadows=False)


def dots_film(intrinsics: Intrinsics) -> tuple[Film, Array]:
    """Small balls in front of a camera, and where their centres are seen, pixels (n, 2)."""
    points = np.array([[1.0, 0.2, 0.15], [1.2, -0.3, 0.2], [0.9, 0.1, -0.22], [1.5, -0.2, -0.3]])
    ball = round_mesh(trimesh.creation.icosphere(2, radius=0.03))
    white = Material((1.0, 1.0, 1.0))
    bodies = tuple(Body(f"dot{i}", i + 1, (Surface("", ball, white),)) for i in range(len(points)))
    names = ("background", *(f"dot{i}" for i in range(len(points))))
    stage = Stage(names, bodies, (), (0.5, 0.5, 0.5))
    poses = np.hstack([points, np.tile([1.0, 0.0, 0.0, 0.0], (len(points), 1))])
    x, y, z = -points[:, 1], -points[:, 2], points[:, 0]
    i = intrinsics
    seen = np.column_stack([i.fx * x / z + i.cx, i.fy * y / z + i.cy])
    return one_view(stage, poses, intrinsics), seen


def poster_film(size: int = 64) -> tuple[Film, NDArray[np.uint8]]:
    """A poster that fills the picture exactly and shines by itself, and what is on it."""
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    image[:4, :4], image[:4, 4:], image[4:, :4], image[4:, 4:] = (
        (200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30),
    )  # fmt: skip
    quad = flat_mesh(
        np.array([[1, 0.5, -0.5], [1, -0.5, -0.5], [1, -0.5, 0.5], [1, 0.5, 0.5]]), tile_m=1.0
    )
    shining = Material((1.0, 1.0, 1.0), image, "poster", gloss=0.0, emission=1.0)
    body = Body("poster", 1, (Surface("", quad, shining),))
    sun = Light("sun", (0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.9, 0.9, 0.9), False)
    stage = Stage(("background", "poster"), (body,), (sun,), (0.3, 0.3, 0.3))
    pose = np.array([[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]])
    return one_view(stage, pose, Intrinsics(size, size, size, size, size / 2, size / 2)), image


def assert_projects(renderer: Renderer, intrinsics: Intrinsics) -> None:
    """A renderer sees points where the intrinsics say, to half a pixel."""
    film, expected = dots_film(intrinsics)
    entity = renderer.render(film)["eye"].entity[0]
    for index, where in enumerate(expected):
        rows, columns = np.nonzero(entity == index + 1)
        assert rows.size > 10
        seen = np.array([columns.mean(), rows.mean()]) + 0.5
        assert np.abs(seen - where).max() <= 0.5, (index, seen, where)


def assert_shows_texture(renderer: Renderer) -> None:
    """A renderer shows row 0 of a texture at v = 1, and full emission as it is."""
    film, image = poster_film()
    seen = renderer.render(film)["eye"].rgb[0].astype(int)
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        patch = seen[16 + 32 * row, 16 + 32 * column]
        assert np.abs(patch - image[4 * row, 4 * column]).max() <= 3


def digest(images: Mapping[str, Images]) -> str:
    """Hash of everything a renderer gave back."""
    made = hashlib.sha256()
    for name in sorted(images):
        for array in (images[name].rgb, images[name].depth_m, images[name].entity):
            made.update(np.ascontiguousarray(array).tobytes())
    return made.hexdigest()


def digest_elsewhere(renderer: str) -> str:
    """The hash of ``random_film(7)`` as a fresh process renders it; ``module:class``."""
    module, name = renderer.split(":")
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        f"from {module} import {name}\nfrom tests.film_fixture import digest, random_film\n"
        f"print('digest', digest({name}().render(random_film(7))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=200
    )
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
    return done.stdout.split()[-1]
