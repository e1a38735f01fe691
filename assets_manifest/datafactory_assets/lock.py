"""The lock file: which bytes every downloadable pack consists of.

``packs.toml`` is hand-written intent (project, version, member patterns, licence). ``assets.lock``
is generated from it and committed: archive and member hashes. Both are package data.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datafactory_assets.asset import Licence
from datafactory_assets.errors import AssetError

LOCK_PATH = Path(__file__).with_name("assets.lock")
INTENT_PATH = Path(__file__).with_name("packs.toml")
LOCK_HEADER = "# Generated from packs.toml by `datafactory assets lock`. Do not edit.\n"


@dataclass(frozen=True)
class LockedMember:
    """One file of a pack.

    Attributes:
        path: Path inside the archive and inside the pack folder, ``/`` separated.
        sha256: 64 hex digits.
        size: Bytes.
    """

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class PackIntent:
    """What a person asked for: one table of ``packs.toml``."""

    name: str
    summary: str
    provider: str
    project: str
    version: str
    patterns: tuple[str, ...]
    licence: Licence


@dataclass(frozen=True)
class LockedPack:
    """One resolved pack.

    Attributes:
        name: Pack name.
        summary: One line for people.
        provider: How it is fetched; ``pypi-wheel``.
        project: Project on the package index.
        version: Exact version.
        archive: File name of the archive.
        archive_sha256: 64 hex digits.
        archive_size: Bytes.
        licence: Licence of all members.
        members: Files, sorted by path.
    """

    name: str
    summary: str
    provider: str
    project: str
    version: str
    archive: str
    archive_sha256: str
    archive_size: int
    licence: Licence
    members: tuple[LockedMember, ...]

    @property
    def tree_hash(self) -> str:
        """64 hex digits over member paths and hashes: the identity of the pack's content."""
        text = "".join(f"{m.path}\0{m.sha256}\n" for m in self.members)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def folder(self) -> str:
        """Name of the pack's folder in a store."""
        return f"{self.name}-{self.tree_hash[:16]}"

    @property
    def size(self) -> int:
        """Unpacked bytes."""
        return sum(m.size for m in self.members)


@dataclass(frozen=True)
class Lock:
    """All locked packs by name."""

    packs: Mapping[str, LockedPack]

    def pack(self, name: str) -> LockedPack:
        """Returns a pack, or raises with the known names."""
        if name not in self.packs:
            known = ", ".join(sorted(self.packs)) or "none"
            raise AssetError(
                f"unknown pack '{name}'", where="assets.lock", remedy=f"known: {known}"
            )
        return self.packs[name]


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise AssetError("cannot read a pack list", where=str(path), why=str(error)) from error


def _licence(table: Mapping[str, Any]) -> Licence:
    return Licence(table["spdx"], table["author"], table["source"], table.get("attribution", ""))


def load_lock(path: Path | None = None) -> Lock:
    """Reads a lock file.

    Args:
        path: Lock file; the one shipped with the package when None.
    """
    source = path or LOCK_PATH
    data = _read_toml(source)
    try:
        packs = {name: _locked_pack(name, table) for name, table in data["packs"].items()}
    except (KeyError, TypeError, ValueError) as error:
        raise AssetError("malformed lock file", where=str(source), why=repr(error)) from error
    return Lock(packs)


def _locked_pack(name: str, table: Mapping[str, Any]) -> LockedPack:
    members = []
    for path, value in sorted(table["members"].items()):
        digest, size = value.split()
        members.append(LockedMember(path, digest, int(size)))
    return LockedPack(
        name=name,
        summary=table["summary"],
        provider=table["provider"],
        project=table["project"],
        version=table["version"],
        archive=table["archive"],
        archive_sha256=table["archive_sha256"],
        archive_size=int(table["archive_size"]),
        licence=_licence(table),
        members=tuple(members),
    )


def load_intents(path: Path | None = None) -> Mapping[str, PackIntent]:
    """Reads ``packs.toml`` (or another file of that form)."""
    source = path or INTENT_PATH
    intents = {}
    for name, table in _read_toml(source).items():
        try:
            intents[name] = PackIntent(
                name=name,
                summary=table["summary"],
                provider=table["provider"],
                project=table["project"],
                version=table["version"],
                patterns=tuple(table["members"]),
                licence=_licence(table),
            )
        except KeyError as error:
            why = f"key {error} is missing"
            raise AssetError("malformed pack", where=f"{source}: [{name}]", why=why) from error
    return intents


def lock_entry_text(pack: LockedPack) -> str:
    """The TOML text of one lock entry; deterministic."""
    fields: list[tuple[str, str | int]] = [
        ("summary", pack.summary),
        ("provider", pack.provider),
        ("project", pack.project),
        ("version", pack.version),
        ("archive", pack.archive),
        ("archive_sha256", pack.archive_sha256),
        ("archive_size", pack.archive_size),
        ("spdx", pack.licence.spdx),
        ("author", pack.licence.author),
        ("source", pack.licence.source),
        ("attribution", pack.licence.attribution),
    ]
    lines = [f"[packs.{pack.name}]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in fields]
    lines += ["", f"[packs.{pack.name}.members]"]
    lines += [f'{json.dumps(m.path)} = "{m.sha256} {m.size}"' for m in pack.members]
    return "\n".join(lines) + "\n"
