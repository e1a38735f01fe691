"""The robot as it is drawn: its visual meshes, thinned to what pictures can show.

Scanned and CAD meshes have far more faces than pixels. They are thinned by quadric error collapse
(M. Garland and P. Heckbert, "Surface Simplification Using Quadric Error Metrics", SIGGRAPH 1997),
which keeps silhouettes, and parts of one body with one colour become one mesh.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

import numpy as np

from datafactory.render.stage import Material, Mesh, Surface
from datafactory.render.unwrap import Array, Faces, drawn, welded
from datafactory.robots import load_robot
from datafactory.robots.model import RobotModel
from datafactory_assets.store import store_root

_METHOD = "1"
"""Changes whenever the same robot would be drawn otherwise."""
_PARTS = ("vertices", "normals", "faces", "uv")
_KEPT_FACES = 60
"""Parts with fewer faces are left as they are."""
_CLOSING_GRIDS_M = (0.0005, 0.001, 0.002)
_WHITEST = 0.88
"""Description files say 1 for white, which no paint is and no highlight shows on."""
_GLOSS_LIGHT, _GLOSS_DARK = 0.45, 0.3


@dataclass(frozen=True, eq=False)
class RobotVisuals:
    """What is drawn with each body of a robot.

    Attributes:
        surfaces: By body name, in the body's frame.
    """

    surfaces: Mapping[str, tuple[Surface, ...]]


def robot_visuals(robot: RobotModel, faces: int) -> RobotVisuals:
    """The drawn form of a robot; made once per machine and kept in the asset store.

    Args:
        robot: The robot.
        faces: Faces of the whole robot, about.
    """
    return _cached(robot.name, robot.version, faces)


@lru_cache(maxsize=4)
def _cached(name: str, version: str, faces: int) -> RobotVisuals:
    robot = load_robot(name)
    text = f"{_METHOD}/{version}/{faces}/{package_version('fast-simplification')}/{robot.mjcf}"
    key = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    file = store_root() / "derived" / f"robot-{name}-{key}.npz"
    kept = _read(file)
    if kept is None:
        kept = _made(robot, faces)
        _write(file, kept)
    return kept


def _read(file: Path) -> RobotVisuals | None:
    """What was kept; None when there is nothing, or nothing readable."""
    try:
        with np.load(file) as data:
            heads = json.loads(str(data["index"]))
            surfaces: dict[str, tuple[Surface, ...]] = {}
            for i, (body, name, rgb, gloss) in enumerate(heads):
                mesh = Mesh(*(data[f"{i}/{part}"] for part in _PARTS))
                made = Surface(name, mesh, Material(tuple(rgb), gloss=gloss))
                surfaces[body] = (*surfaces.get(body, ()), made)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    return RobotVisuals(surfaces)


def _write(file: Path, visuals: RobotVisuals) -> None:
    """Keeps a robot; a store that cannot be written only costs the time to make it again."""
    arrays: dict[str, Any] = {}
    heads: list[tuple[str, str, tuple[float, float, float], float]] = []
    for body, surfaces in visuals.surfaces.items():
        for surface in surfaces:
            arrays |= {f"{len(heads)}/{part}": getattr(surface.mesh, part) for part in _PARTS}
            heads.append((body, surface.name, surface.material.rgb, surface.material.gloss))
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".npz", delete=False) as part:
            np.savez(part, index=np.array(json.dumps(heads)), **arrays)
        Path(part.name).replace(file)


def _made(robot: RobotModel, faces: int) -> RobotVisuals:
    parts: dict[str, dict[tuple[float, float, float], list[tuple[Array, Faces]]]] = {}
    visuals = robot.visual_meshes()
    for item in visuals:
        mesh = item.mesh
        r, g, b, _ = mesh.rgba
        bodies = parts.setdefault(item.body, {})
        bodies.setdefault((r, g, b), []).append(welded(mesh.vertices, mesh.faces))
    total = sum(len(f) for by in parts.values() for group in by.values() for _, f in group)
    keep = min(1.0, faces / max(total, 1))
    return RobotVisuals(
        {
            body: tuple(
                Surface(f"{body}/{i}", drawn(*_merged([_thinned(*p, keep) for p in group])),
                        _plastic(rgb))
                for i, (rgb, group) in enumerate(by_colour.items())
            )
            for body, by_colour in parts.items()
        }
    )  # fmt: skip


def _thinned(vertices: Array, faces: Faces, keep: float) -> tuple[Array, Faces]:
    wanted = max(_KEPT_FACES, round(keep * len(faces)))
    if len(faces) <= wanted:
        return vertices, faces
    thin = _collapsed(vertices, faces, wanted)
    for grid_m in _CLOSING_GRIDS_M:
        if len(thin[1]) <= 1.3 * wanted:
            break
        # Threads and perforations have handles that collapse cannot close; a grid closes them.
        thin = _collapsed(*welded(vertices, faces, grid_m), wanted)
    return thin


def _collapsed(vertices: Array, faces: Faces, wanted: int) -> tuple[Array, Faces]:
    import fast_simplification

    points, triangles = fast_simplification.simplify(
        np.ascontiguousarray(vertices, np.float32),
        np.ascontiguousarray(faces, np.int32),
        target_count=wanted,
        agg=4.0,
    )
    return welded(points, triangles)


def _merged(meshes: list[tuple[Array, Faces]]) -> tuple[Array, Faces]:
    first = np.cumsum([0, *(len(v) for v, _ in meshes)])
    faces = [f + start for (_, f), start in zip(meshes, first, strict=False)]
    return np.concatenate([v for v, _ in meshes]), np.concatenate(faces)


def _plastic(rgb: tuple[float, float, float]) -> Material:
    light = max(rgb) > 0.5
    r, g, b = (min(c, _WHITEST) for c in rgb)
    return Material((r, g, b), gloss=_GLOSS_LIGHT if light else _GLOSS_DARK)
