"""Registered folders of objects: immutable manifests in the asset store, and a name for each.

::

    <store>/sources/<name>@<hash8>.json   what a source holds; never changed
    <store>/sources/<name>.json           which of them the bare name means

A task keeps the full name, so that it means the same objects wherever it runs.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from datafactory_assets.errors import AssetError
from datafactory_assets.store import store_root


@dataclass(frozen=True)
class Manifest:
    """What a registered source holds.

    Attributes:
        name: Its bare name.
        folder: Where it was added from.
        objects: Family name to key of its conversion, sorted.
        descriptions: Family name to one sentence.
        grasps: Family name to the sha256 of its imported grasps, where there are any.
    """

    name: str
    folder: str
    objects: Mapping[str, str]
    descriptions: Mapping[str, str]
    grasps: Mapping[str, str] = field(default_factory=dict)

    @property
    def pinned(self) -> str:
        """``name@hash8``: the hash is over the objects, not over where they came from."""
        text = json.dumps([self.objects, self.descriptions, self.grasps], sort_keys=True)
        return f"{self.name}@{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _folder(root: Path) -> Path:
    return root / "sources"


def publish(manifest: Manifest, root: Path) -> None:
    """Writes a manifest into a store and makes its bare name mean it."""
    folder = _folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / f"{manifest.pinned}.json", asdict(manifest))
    _write(folder / f"{manifest.name}.json", {"current": manifest.pinned})


def _write(path: Path, data: Mapping[str, Any]) -> None:
    part = path.with_name(f".{uuid.uuid4().hex}")
    part.write_text(json.dumps(data, sort_keys=True, indent=1), "utf-8")
    part.replace(path)


def local_sources(store: Path | None = None) -> dict[str, str]:
    """Registered names and the full names they mean now."""
    found = {}
    for path in sorted(_folder(store or store_root()).glob("*.json")):
        if "@" not in path.stem:
            found[path.stem] = str(json.loads(path.read_text("utf-8"))["current"])
    return found


def find_manifest(name: str, store: Path | None = None) -> Manifest | None:
    """The manifest of a bare or full name; None when it is not registered here."""
    root = store or store_root()
    pinned = name if "@" in name else local_sources(root).get(name)
    if pinned is None:
        return None
    try:
        data = json.loads((_folder(root) / f"{pinned}.json").read_text("utf-8"))
    except FileNotFoundError:
        return None
    return Manifest(**data)


def remove_source(name: str, store: Path | None = None) -> list[str]:
    """Forgets a source with all its versions; datasets that use it keep what they stored.

    Returns:
        The full names removed.

    Raises:
        AssetError: It is not registered.
    """
    root = store or store_root()
    versions = sorted(_folder(root).glob(f"{name}@*.json"))
    if not versions:
        known = ", ".join(local_sources(root)) or "none"
        raise AssetError(f"no source '{name}' is registered", where=str(_folder(root)),
                         remedy=f"registered: {known}")  # fmt: skip
    (_folder(root) / f"{name}.json").unlink(missing_ok=True)
    for path in versions:
        path.unlink(missing_ok=True)
    return [path.stem for path in versions]
