"""The local asset store: content-addressed blobs and pack folders that link to them.

::

    <store>/blobs/sha256/ab/<digest>      every distinct file once, read-only
    <store>/packs/<name>-<hash16>/        hard links to blobs, and .complete
    <store>/tmp/<uuid>/                   staging; published with one os.replace

Any number of processes may publish at once: staging folders are private, publishing is one atomic
rename, and who comes second finds the finished folder and discards its own. A warm store may be
read-only.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from datafactory_assets.errors import PackCorruptError
from datafactory_assets.lock import LockedMember, LockedPack

COMPLETE = ".complete"
_NO_LINK = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS}
_OCCUPIED = {errno.ENOTEMPTY, errno.EEXIST}


def store_root() -> Path:
    """Root of the store: DATAFACTORY_ASSET_STORE, else ``datafactory/assets`` in the user cache."""
    explicit = os.environ.get("DATAFACTORY_ASSET_STORE")
    if explicit:
        return Path(explicit).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "datafactory" / "assets"


def hash_file(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass(frozen=True)
class Store:
    """A store at a root folder; nothing is created before the first write."""

    root: Path

    def blob_path(self, digest: str) -> Path:
        """Where the blob of a digest is or would be."""
        return self.root / "blobs" / "sha256" / digest[:2] / digest

    def pack_path(self, pack: LockedPack) -> Path:
        """Where the folder of a pack is or would be."""
        return self.root / "packs" / pack.folder

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A private, empty folder on the store's file system, removed afterwards."""
        folder = self.root / "tmp" / uuid.uuid4().hex
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def holds(self, member: LockedMember) -> bool:
        """A blob of the right size and hash is there."""
        blob = self.blob_path(member.sha256)
        try:
            return blob.stat().st_size == member.size and hash_file(blob) == member.sha256
        except (FileNotFoundError, NotADirectoryError):
            return False

    def add(self, data: bytes, staging: Path) -> str:
        """Stores bytes as a blob (replacing a damaged one) and returns the digest."""
        digest = hashlib.sha256(data).hexdigest()
        if self.holds(LockedMember("", digest, len(data))):
            return digest
        part = staging / f"blob-{uuid.uuid4().hex}"
        part.write_bytes(data)
        part.chmod(0o444)
        blob = self.blob_path(digest)
        blob.parent.mkdir(parents=True, exist_ok=True)
        part.replace(blob)
        return digest

    def move_into_place(self, tree: Path, final: Path) -> None:
        """Makes a finished folder visible at once; who comes second leaves what is there.

        Args:
            tree: A finished folder inside :meth:`staging`.
            final: Where it belongs, named by its content.
        """
        final.parent.mkdir(parents=True, exist_ok=True)
        try:
            tree.replace(final)
        except OSError as error:
            if error.errno not in _OCCUPIED:
                raise

    def publish(self, pack: LockedPack, staging: Path) -> Path:
        """Links a pack together from its blobs and makes it visible at once.

        Args:
            pack: The pack; all its blobs are in the store.
            staging: A folder of :meth:`staging`.

        Returns:
            The pack's folder.
        """
        tree = staging / "tree"
        for member in pack.members:
            target = tree / member.path
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(self.blob_path(member.sha256), target)
        hashes = {m.path: m.sha256 for m in pack.members}
        (tree / COMPLETE).write_text(json.dumps(hashes, indent=0, sort_keys=True), "utf-8")
        final = self.pack_path(pack)
        final.parent.mkdir(parents=True, exist_ok=True)
        try:
            tree.replace(final)
        except OSError as error:
            if error.errno not in _OCCUPIED:
                raise
            if pack_problems(pack, final):
                final.replace(staging / "damaged")
                tree.replace(final)
        return final


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        shutil.copyfile(source, target)


def pack_problems(pack: LockedPack, folder: Path, *, rehash: bool = False) -> list[str]:
    """Compares a pack's folder with the lock file.

    Args:
        pack: What should be there.
        folder: The pack's folder.
        rehash: Read every byte; otherwise only the recorded hashes and the sizes are compared.

    Returns:
        One line per problem; empty when all is well.
    """
    try:
        recorded: Mapping[str, str] = json.loads((folder / COMPLETE).read_text("utf-8"))
    except (OSError, ValueError) as error:
        return [f"{COMPLETE}: {error}"]
    problems = []
    if recorded != {m.path: m.sha256 for m in pack.members}:
        problems.append(f"{COMPLETE}: recorded hashes differ from the lock file")
    for member in pack.members:
        path = folder / member.path
        try:
            size = path.stat().st_size
        except OSError:
            problems.append(f"{member.path}: missing")
            continue
        if size != member.size:
            problems.append(f"{member.path}: {size} bytes instead of {member.size}")
        elif rehash and hash_file(path) != member.sha256:
            problems.append(f"{member.path}: content differs from its sha256")
    return problems


def require_sound(pack: LockedPack, folder: Path) -> None:
    """Raises PackCorruptError when a pack's folder does not match the lock file."""
    problems = pack_problems(pack, folder)
    if problems:
        raise PackCorruptError(
            f"pack '{pack.name}' is damaged",
            where=str(folder),
            why=problems[0] + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""),
            remedy=f"delete that folder, then: datafactory assets fetch {pack.name}",
        )
