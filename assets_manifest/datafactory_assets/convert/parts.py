"""Coloured triangle meshes read from object files, in metres and z up."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory_assets.asset import Array
from datafactory_assets.errors import AssetError

Faces = NDArray[np.int64]
Rgba = tuple[float, float, float, float]

MESHES = frozenset({".obj", ".glb", ".gltf", ".stl", ".ply", ".dae", ".off"})
MODELS = frozenset({".urdf", ".xml", ".usd", ".usda", ".usdc", ".usdz"})
_Y_UP = frozenset({".glb", ".gltf"})
_DEFAULT_COLOUR = (102 / 255,) * 3
"""What trimesh gives to a file without colours; such a part has none of its own."""
_AXES = {
    "z": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "-z": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    "y": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "-y": ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    "x": ((0, 0, -1), (0, 1, 0), (1, 0, 0)),
    "-x": ((0, 0, 1), (0, 1, 0), (-1, 0, 0)),
}
UP_AXES = tuple(_AXES)


@dataclass(frozen=True, eq=False)
class Part:
    """One mesh of one colour.

    Attributes:
        name: Part name.
        vertices: (n, 3) metres.
        faces: (m, 3) int64.
        rgba: Colour in [0, 1]; None when the file gives none.
    """

    name: str
    vertices: Array
    faces: Faces
    rgba: Rgba | None


def up_axis(path: Path, stated: str) -> str:
    """The axis that points up in a file: as stated, else by the format's convention."""
    return stated or ("y" if path.suffix.lower() in _Y_UP else "z")


def z_up(parts: Iterable[Part], up: str, scale: float) -> tuple[Part, ...]:
    """Turns parts so that the axis ``up`` (one of ``UP_AXES``) becomes z, and scales them."""
    turn = np.array(_AXES[up], dtype=np.float64)
    return tuple(
        Part(part.name, scale * part.vertices @ turn.T, part.faces, part.rgba) for part in parts
    )


def read_parts(path: Path) -> tuple[Part, ...]:
    """Reads a mesh file (``MESHES``) in its own unit (COLLADA states it: metres) and axes.

    Raises:
        AssetError: The file cannot be read, or holds no triangles.
    """
    return require_triangles(path, load_parts(path))


def load_parts(path: Path) -> tuple[Part, ...]:
    """The same, of a file that may hold no triangles.

    Raises:
        AssetError: The file cannot be read.
    """
    import trimesh

    try:
        # Meshes of one file are looked up beside it (materials, buffers), so a path is given.
        scene = trimesh.load_scene(os.fspath(path), process=False)
        metres = (
            trimesh.units.unit_conversion(scene.units or "meters", "meters")
            if _says_unit(path)
            else 1.0
        )
        meshes = scene.dump(concatenate=False)
    except Exception as error:  # each format's reader raises its own errors
        raise AssetError(
            "cannot read a mesh file",
            where=str(path),
            why=f"{type(error).__name__}: {error}",
            remedy="export it again as OBJ, GLB, STL or PLY with triangles",
        ) from error
    return tuple(
        Part(
            str(mesh.metadata.get("name") or f"part{i}"),
            metres * np.array(mesh.vertices, dtype=np.float64),
            np.array(mesh.faces, dtype=np.int64),
            _colour(mesh),
        )
        for i, mesh in enumerate(meshes)
        if isinstance(mesh, trimesh.Trimesh) and len(mesh.faces)
    )


def _says_unit(path: Path) -> bool:
    return path.suffix.lower() == ".dae"


def require_triangles(path: Path, parts: Iterable[Part]) -> tuple[Part, ...]:
    """The parts that have triangles, coordinates checked.

    Raises:
        AssetError: None has, or a coordinate is not finite.
    """
    found = tuple(part for part in parts if len(part.faces))
    if not found:
        raise AssetError("a file holds no triangles", where=str(path),
                         remedy="export a surface, not points or curves")  # fmt: skip
    if not all(np.isfinite(part.vertices).all() for part in found):
        raise AssetError("a mesh has coordinates that are not finite", where=str(path),
                         remedy="export it again")  # fmt: skip
    return found


def _colour(mesh: Any) -> Rgba | None:
    """Mean colour of a part, textures included; None when the file gives none."""
    visual = mesh.visual
    if visual.kind is None or not visual.defined:
        return None
    if visual.kind == "texture":
        material = visual.material
        image = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
        if image is not None and visual.uv is not None:
            colours = np.asarray(visual.to_color().vertex_colors, dtype=np.float64)
            return _rgba(colours.mean(axis=0))
        return _rgba(material.main_color)
    return _rgba(np.asarray(visual.face_colors, dtype=np.float64).mean(axis=0))


def _rgba(values: Any) -> Rgba | None:
    r, g, b, a = (float(v) / 255.0 for v in np.asarray(values, dtype=np.float64)[:4])
    if np.allclose((r, g, b), _DEFAULT_COLOUR, atol=1e-3):
        return None
    return (round(r, 4), round(g, 4), round(b, 4), round(a, 4))
