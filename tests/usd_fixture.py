"""A small film for what hands films over as OpenUSD: plain and textured bodies, three cameras."""

from __future__ import annotations

import numpy as np
import trimesh

from datafactory.geometry import quat_from_matrix, quat_random
from datafactory.render.skies.light import directions
from datafactory.render.stage import (
    Body,
    Film,
    Intrinsics,
    Light,
    Material,
    Mesh,
    Shot,
    Stage,
    Surface,
)
from datafactory.seeding import stream

ENTITIES = ("background", "floor", "table", "room", "arm", "gripper", "a", "Tall_B")
_FORMS = {
    "table": trimesh.creation.box((1.0, 1.2, 0.04)).subdivide(),
    "room": trimesh.creation.box((0.1, 3.0, 1.5)),
    "robot/link": trimesh.creation.capsule(height=0.4, radius=0.05, count=(10, 10)),
    "object/a": trimesh.creation.icosphere(2, radius=0.08),
    "object/Tall_B": trimesh.creation.cylinder(0.05, 0.2, sections=24).subdivide(),
}
_ENTITY = {"table": 2, "room": 3, "robot/link": 4, "object/a": 6, "object/Tall_B": 7}
_PLACE = {"table": (0.0, 0.0, 0.68), "room": (-1.0, 0.0, 0.75)}


def _mesh(form: trimesh.Trimesh) -> Mesh:
    points = np.asarray(form.vertices, np.float32)
    return Mesh(
        points,
        np.asarray(form.vertex_normals, np.float32),
        np.asarray(form.faces, np.int32),
        np.ascontiguousarray(points[:, :2] * 3),
    )


def _looking(eye: tuple[float, float, float], frames: int, step: float = 0.0) -> np.ndarray:
    """(F, 7) OpenCV camera poses that look at the table, the eye moving along x."""
    poses = []
    for k in range(frames):
        place = np.add(eye, (step * k, 0.0, 0.0))
        z = np.array([0.0, 0.0, 0.75]) - place
        z /= np.linalg.norm(z)
        x = np.cross(z, (0.0, 0.0, 1.0))
        x /= np.linalg.norm(x)
        turn = quat_from_matrix(np.stack([x, np.cross(z, x), z], axis=1))
        poses.append([*place, *turn])
    return np.array(poses)


def small_film(frames: int = 2, *, sky: bool = True) -> Film:
    """Three moving bodies, a table and a wall; cameras: centred, off-centre, moving."""
    rng = stream(4, "usd", 0, "film")
    picture = rng.integers(0, 255, (8, 16, 3), dtype=np.uint8)
    bodies, poses = [], np.zeros((frames, len(_FORMS), 7))
    for k, (name, form) in enumerate(_FORMS.items()):
        textured = name in ("table", "object/a")
        material = Material((0.8, 0.5, 0.3), picture if textured else None,
                            "noise/000" if textured else "", 0.3, 0.2 * textured)  # fmt: skip
        bodies.append(Body(name, _ENTITY[name], (Surface("shape", _mesh(form), material),)))
        poses[:, k, :3] = _PLACE.get(name, rng.uniform((-0.3, -0.3, 0.8), (0.3, 0.3, 1.0)))
        poses[:, k, 3] = 1.0
        if name not in _PLACE:
            poses[:, k, 0] += np.linspace(0, 0.1, frames)
            poses[:, k, 3:] = quat_random(rng)
    lights = (
        Light("sun", (0.0, 0.0, 3.0), (0.6, 0.0, -0.8), (0.6, 0.58, 0.5), True),
        Light("lamp", (0.6, -0.8, 1.9), (0.0, 0.0, -1.0), (0.15, 0.15, 0.2), False),
    )
    above = (1.5 + directions(16) * (1.0, 0.6, 0.3)).astype(np.float32) if sky else None
    stage = Stage(ENTITIES, tuple(bodies), lights, (0.25, 0.25, 0.3), above)
    centred = Intrinsics(96, 80, 105.0, 105.0, 48.0, 40.0)
    shifted = Intrinsics(96, 80, 96.0, 115.0, 55.3, 34.4)
    shots = (
        Shot("front", centred, _looking((1.1, 0.2, 1.5), frames)),
        Shot("side", shifted, _looking((0.9, -0.9, 1.4), frames)),
        Shot("wrist", centred, _looking((0.2, 0.5, 1.25), frames, 0.02)),
    )
    return Film(stage, poses, shots)
