"""The robot as it is drawn: its visual meshes, thinned to what pictures can show.

Scanned and CAD meshes have far more faces than pixels. They are thinned by quadric error collapse
(M. Garland and P. Heckbert, "Surface Simplification Using Quadric Error Metrics", SIGGRAPH 1997),
which keeps silhouettes, and parts of one body with one colour become one mesh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from datafactory.render.stage import Material, Surface
from datafactory.render.unwrap import Array, Faces, drawn, welded
from datafactory.robots import load_robot
from datafactory.robots.model import RobotModel

FACE_BUDGET = 9_000
"""Faces of a whole robot, about."""

_KEPT_FACES = 80
"""Parts with fewer faces are left as they are."""
_CLOSING_GRID_M = 0.0005
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


def robot_visuals(robot: RobotModel) -> RobotVisuals:
    """The drawn form of a robot, made once per process and the same in each."""
    return _cached(robot.name, robot.version)


@lru_cache(maxsize=4)
def _cached(name: str, version: str) -> RobotVisuals:
    robot = load_robot(name)
    parts: dict[str, dict[tuple[float, float, float], list[tuple[Array, Faces]]]] = {}
    visuals = robot.visual_meshes()
    for item in visuals:
        mesh = item.mesh
        r, g, b, _ = mesh.rgba
        bodies = parts.setdefault(item.body, {})
        bodies.setdefault((r, g, b), []).append(welded(mesh.vertices, mesh.faces))
    total = sum(len(f) for by in parts.values() for group in by.values() for _, f in group)
    keep = min(1.0, FACE_BUDGET / max(total, 1))
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
    if len(thin[1]) > 2 * wanted:
        # Threads and perforations have handles that collapse cannot close; a grid closes them.
        thin = _collapsed(*welded(vertices, faces, _CLOSING_GRID_M), wanted)
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
