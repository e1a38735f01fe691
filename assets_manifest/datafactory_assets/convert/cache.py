"""Converted objects in the asset store, by content: made once, published at once.

::

    <store>/converted/<key>/asset.json    the asset's values
    <store>/converted/<key>/visual.npz    its visual meshes

The key is a hash over the bytes read, what is said about the object, the method and the
converter's version. Any number of processes may convert the same object; one result is kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datafactory_assets.asset import (
    Cavity,
    Licence,
    RigidAsset,
    Shape,
    StablePose,
    SupportSurface,
    VisualMesh,
)
from datafactory_assets.convert.description import Description
from datafactory_assets.convert.hulls import Method
from datafactory_assets.convert.rigid import VERSION, Converted
from datafactory_assets.errors import AssetError
from datafactory_assets.store import Store

ASSET = "asset.json"
VISUAL = "visual.npz"


def conversion_key(
    name: str, files: Sequence[Path], root: Path, said: Description, method: Method
) -> str:
    """64 hex digits over everything a conversion depends on.

    Args:
        name: Family name.
        files: Files read, all below ``root``.
        root: Folder their relative names start at.
        said: The description.
        method: How the convex pieces are made.
    """
    digest = hashlib.sha256()
    said_json = json.dumps(said.to_dict(), sort_keys=True)
    digest.update(f"{VERSION}\x1f{name}\x1f{method}\x1f{said_json}".encode())
    for path in sorted(files):
        data = path.read_bytes()
        digest.update(f"\x1f{path.relative_to(root).as_posix()}\x1f{len(data)}\x1f".encode())
        digest.update(data)
    return digest.hexdigest()


@dataclass(frozen=True)
class ConversionCache:
    """The converted objects of a store."""

    store: Store

    def folder(self, key: str) -> Path:
        """Where a conversion is or would be."""
        return self.store.root / "converted" / key

    def get(self, key: str, make: Callable[[], Converted]) -> RigidAsset:
        """The asset of a conversion, made and published first when it is not there.

        Raises:
            AssetError: The object cannot be converted.
        """
        folder = self.folder(key)
        if not (folder / ASSET).is_file():
            made = make()
            with self.store.staging() as staging:
                tree = staging / "tree"
                tree.mkdir()
                (tree / ASSET).write_text(json.dumps(asdict(made.asset), sort_keys=True), "utf-8")
                _write_visual(tree / VISUAL, made.meshes)
                self.store.move_into_place(tree, folder)
        return self.asset(key)

    def asset(self, key: str) -> RigidAsset:
        """A published asset, without source and uid.

        Raises:
            AssetError: It is not in the store.
        """
        text = self._read(key, ASSET).decode()
        return _asset(json.loads(text))

    def visual(self, key: str) -> tuple[VisualMesh, ...]:
        """The visual meshes of a published asset."""
        self._read(key, ASSET)
        with np.load(self.folder(key) / VISUAL, allow_pickle=False) as stored:
            names = [str(name) for name in stored["names"]]
            colours = [tuple(float(v) for v in row) for row in stored["rgba"]]
            return tuple(
                VisualMesh(name, stored[f"v{i}"], stored[f"f{i}"], (r, g, b, a))
                for i, (name, (r, g, b, a)) in enumerate(zip(names, colours, strict=True))
            )

    def _read(self, key: str, name: str) -> bytes:
        try:
            return (self.folder(key) / name).read_bytes()
        except FileNotFoundError as error:
            raise AssetError(
                "a converted object is gone from the asset store",
                where=str(self.folder(key)),
                remedy="add its folder again: datafactory assets add FOLDER --name NAME",
            ) from error


def _write_visual(path: Path, meshes: Sequence[VisualMesh]) -> None:
    arrays: dict[str, Any] = {
        "names": np.array([mesh.name for mesh in meshes]),
        "rgba": np.array([mesh.rgba for mesh in meshes], dtype=np.float64),
    }
    for i, mesh in enumerate(meshes):
        arrays[f"v{i}"], arrays[f"f{i}"] = mesh.vertices, mesh.faces
    np.savez_compressed(path, **arrays)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _asset(data: dict[str, Any]) -> RigidAsset:
    values = {key: _tuples(value) for key, value in data.items()}
    values["licence"] = Licence(**data["licence"])
    values["shapes"] = tuple(
        Shape(**{k: _tuples(v) for k, v in shape.items()}) for shape in data["shapes"]
    )
    values["surfaces"] = tuple(
        SupportSurface(**{k: _tuples(v) for k, v in s.items()}) for s in data["surfaces"]
    )
    values["stable_poses"] = tuple(
        StablePose(**{k: _tuples(v) for k, v in pose.items()}) for pose in data["stable_poses"]
    )
    if data["cavity"] is not None:
        values["cavity"] = _cavity(data["cavity"])
    values["slots"] = tuple(_cavity(slot) for slot in data["slots"])
    return RigidAsset(**values)


def _cavity(data: dict[str, Any]) -> Cavity:
    return Cavity(**{k: _tuples(v) for k, v in data.items()})
