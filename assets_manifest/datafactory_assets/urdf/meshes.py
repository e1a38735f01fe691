"""Mesh files of a URDF: found, read in any format, made small, and written as MuJoCo reads them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np

from datafactory_assets.asset import Array
from datafactory_assets.convert.parts import Part, Rgba, load_parts
from datafactory_assets.convert.repair import simplified
from datafactory_assets.errors import AssetError

VISUAL_FACES = 20_000
COLLISION_FACES = 5000
Note = Callable[[str], None]


@dataclass(frozen=True)
class MeshFile:
    """One part of a mesh file as an asset: its file name and the colour the file gives it."""

    name: str
    rgba: Rgba | None


@dataclass
class Meshes:
    """Reads the meshes of one document, each once.

    Attributes:
        document: The URDF file, where relative names start.
        note: Called with every repair.
        files: File name to bytes (binary STL) of everything read so far.
    """

    document: Path
    note: Note
    files: dict[str, bytes] = field(default_factory=dict)
    _read: dict[str, tuple[Part, ...]] = field(default_factory=dict)

    def add(self, file: str, scale: tuple[float, ...], *, collision: bool) -> tuple[MeshFile, ...]:
        """Adds the parts of a mesh file that have a volume or can be drawn.

        Raises:
            AssetError: The file is not there or cannot be read.
        """
        if file not in self._read:
            self._read[file] = load_parts(self.resolve(file))
            if not self._read[file]:
                self.note(f"mesh {file}: it is empty and left out")
        limit = COLLISION_FACES if collision else VISUAL_FACES
        found = [self._one(part, file, scale, limit, collision) for part in self._read[file]]
        return tuple(mesh for mesh in found if mesh is not None)

    def resolve(self, file: str) -> Path:
        """Path of a mesh: relative, absolute, ``file://``, or ``package://`` (``model://``).

        A package is looked for in ROS_PACKAGE_PATH, then in every folder above the document.

        Raises:
            AssetError: There is no such file.
        """
        url = urlsplit(file)
        folders = [self.document.parent, *self.document.resolve().parents]
        if url.scheme in ("package", "model"):
            inside = unquote(url.path).lstrip("/")
            roots = [Path(p) for p in os.environ.get("ROS_PACKAGE_PATH", "").split(":") if p]
            tried = [root / url.netloc / inside for root in [*roots, *folders]]
            tried += [folder / inside for folder in folders if folder.name == url.netloc]
            tried += [folder / inside for folder in folders]
        else:
            path = Path(unquote(url.path) if url.scheme == "file" else file)
            tried = [path] if path.is_absolute() else [folder / path for folder in folders[:2]]
        for path in tried:
            if path.is_file():
                return path
        raise AssetError(
            f"the mesh '{file}' is not there",
            where=str(self.document),
            why=f"looked for {tried[0]} and {len(tried) - 1} other places",
            remedy="set ROS_PACKAGE_PATH to the folder that holds the package",
        )

    def _one(
        self, part: Part, file: str, scale: tuple[float, ...], limit: int, collision: bool
    ) -> MeshFile | None:
        vertices, faces = part.vertices * np.array(scale), part.faces
        if np.prod(scale) < 0.0:
            faces = faces[:, ::-1]
        if len(faces) > limit:
            self.note(f"mesh {file}: {len(faces)} faces reduced to {limit}")
            vertices, faces = simplified(vertices, faces, limit)
        spread = np.linalg.svd(vertices - vertices.mean(axis=0), compute_uv=False)
        if len(faces) < 4 or spread[-1] < 1e-9 or (collision and spread[-1] < 1e-6 * spread[0]):
            self.note(f"mesh {file}: a flat or empty part is left out")
            return None
        data = _stl(vertices[faces])
        name = f"{hashlib.sha256(data).hexdigest()[:16]}.stl"
        self.files[name] = data
        return MeshFile(name, part.rgba)


def _stl(corners: Array) -> bytes:
    """Binary STL of triangles (m, 3, 3)."""
    record = np.zeros(
        len(corners), [("normal", "<f4", 3), ("corner", "<f4", (3, 3)), ("pad", "<u2")]
    )
    record["corner"] = corners
    return b"\0" * 80 + len(corners).to_bytes(4, "little") + record.tobytes()
