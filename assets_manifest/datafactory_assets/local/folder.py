"""Which objects a folder holds and what its small YAML files say about them.

``objects.yaml`` describes the files of its folder: ``defaults`` for all of them and ``objects``,
a mapping from file name to keys. Without ``objects`` every object file of that folder counts.
``object.yaml`` describes the one object file of its folder. Keys: ``convert.description``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from datafactory_assets.convert.description import Description, describe
from datafactory_assets.convert.parts import MESHES, MODELS
from datafactory_assets.errors import AssetError

MANY, ONE = "objects.yaml", "object.yaml"
_EXAMPLE = "defaults: {licence: CC0-1.0}"


@dataclass(frozen=True)
class ObjectFile:
    """One object of a folder.

    Attributes:
        name: Family name.
        path: Its file.
        said: What is said about it.
        files: Everything that may be read for it: its file and those beside and below it.
        root: The folder of ``files``.
    """

    name: str
    path: Path
    said: Description
    files: tuple[Path, ...]
    root: Path


def find_objects(folder: Path) -> tuple[ObjectFile, ...]:
    """Finds the described objects of a folder and its sub-folders, sorted by name.

    Raises:
        AssetError: There is none, a YAML file is wrong, or two objects have one name.
    """
    if not folder.is_dir():
        raise AssetError("no such folder", where=str(folder), remedy="name a folder of objects")
    found: dict[str, ObjectFile] = {}
    for path in sorted([*folder.rglob(MANY), *folder.rglob(ONE)]):
        for item in _described(path):
            if item.name in found:
                raise AssetError(
                    f"two objects are called '{item.name}'",
                    where=f"{found[item.name].path} and {item.path}",
                    remedy=f"give one of them another `name` in {path}",
                )
            found[item.name] = item
    if not found:
        raise AssetError(
            "no described object in the folder",
            where=str(folder),
            why=f"there is no {MANY} or {ONE} in it",
            remedy=f"write {folder / MANY} with the line: {_EXAMPLE}",
        )
    return tuple(found[name] for name in sorted(found))


def _described(path: Path) -> Iterator[ObjectFile]:
    data = _mapping(_load(path), str(path))
    if path.name == ONE:
        files = _object_files(path.parent)
        if len(files) != 1:
            raise AssetError(
                f"{ONE} describes one object, and its folder holds {len(files)}",
                where=str(path),
                why=", ".join(file.name for file in files) or "no object file",
                remedy=f"use {MANY} for several",
            )
        yield _object(files[0], data, str(path))
        return
    for key in data:
        if key not in ("defaults", "objects"):
            raise AssetError(
                f"unknown key '{key}'", where=f"{path}: {key}", why="known: defaults, objects",
                remedy=f"put the keys of all objects under defaults, such as `{_EXAMPLE}`",
            )  # fmt: skip
    defaults = _mapping(data.get("defaults") or {}, f"{path}: defaults")
    listed = data.get("objects")
    if listed is None:
        files = _object_files(path.parent)
        if not files:
            endings = " ".join(sorted(MESHES | MODELS))
            raise AssetError(
                "no object file beside it", where=str(path), remedy=f"files end in {endings}"
            )
        for file in files:
            yield _object(file, defaults, f"{path}: defaults")
        return
    for name, keys in _mapping(listed, f"{path}: objects").items():
        where = f"{path}: objects.{name}"
        file = path.parent / str(name)
        if not file.is_file():
            raise AssetError("no such file", where=where, why=str(file), remedy="correct the name")
        if file.suffix.lower() not in MESHES | MODELS:
            raise AssetError(f"cannot read {file.suffix or 'a file without an ending'}",
                             where=where,
                             remedy="one of " + " ".join(sorted(MESHES | MODELS)))  # fmt: skip
        yield _object(file, {**defaults, **_mapping(keys or {}, where)}, where)


def _object(path: Path, keys: Mapping[str, Any], where: str) -> ObjectFile:
    said = describe(keys, where)
    name = said.name or re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_")
    if not name or not name[0].isalpha():
        name = f"object_{name}".rstrip("_")
    return ObjectFile(name, path, said, _beside(path), path.parent)


def _beside(path: Path) -> tuple[Path, ...]:
    """The file and, for formats that refer to others, whatever they may refer to."""
    suffix = path.suffix.lower()
    if suffix in (".glb", ".stl", ".ply", ".off", ".usdz"):
        return (path,)
    yamls = {MANY, ONE}
    others = (p for p in path.parent.rglob("*") if p.is_file() and p.name not in yamls)
    if suffix in (".obj", ".gltf", ".dae"):
        texts = {".mtl", ".bin", ".png", ".jpg", ".jpeg"}
        others = (p for p in others if p == path or p.suffix.lower() in texts)
    return tuple(sorted(others))


def _object_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in MESHES | MODELS)


def _load(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text("utf-8")) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        raise AssetError("not a YAML file", where=f"{path}{line}",
                         why=str(getattr(error, "problem", error)),
                         remedy="correct that line") from error  # fmt: skip


def _mapping(data: Any, where: str) -> Mapping[str, Any]:
    if isinstance(data, Mapping):
        return data
    raise AssetError("keys and values are needed here", where=where, why=f"found {data!r}",
                     remedy=f"such as `{_EXAMPLE}`")  # fmt: skip
