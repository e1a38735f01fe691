"""A place to write to that nobody sees until it is complete."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from datafactory.errors import SpecError, StorageError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO})


@contextmanager
def atomic_target(
    path: str | os.PathLike[str],
    *,
    single_file: bool,
    source: str | os.PathLike[str] | None = None,
) -> Iterator[Path]:
    """Gives a temporary path beside ``path`` and moves it there when the block ends.

    When the block raises, what it wrote is removed; what a killed process left is removed by the
    next call for the same path. A lock file beside the temporary path, which the system unlocks
    when its process ends in whatever way, tells the two apart.

    Args:
        path: Final place, a local path; it must not exist, or be an empty folder when the block
            fills a folder.
        single_file: Whether the block makes a file; otherwise the path is a fresh folder.
        source: Folder that is read; ``path`` must not be inside it.

    Raises:
        SpecError: Something is there already, the place cannot be one, or another process is
            writing it.
        StorageError: The disk is full or cannot be written.
    """
    final = Path(os.path.abspath(path))
    try:
        _refuse(os.fspath(path), final, single_file, source)
        with _locked(final):
            partial = final.with_name(f".{final.name}.partial")
            _remove(partial)  # of a killed process: the lock is ours
            if not single_file:
                partial.mkdir()
            try:
                yield partial
                os.replace(partial, final)
            finally:
                _remove(partial)
    except StorageError as error:
        raise _failed(final, error.why) from error
    except OSError as error:
        if (
            error.errno in _FULL
            or error.errno == errno.ENAMETOOLONG
            or "No space left" in str(error)
        ):
            raise _failed(final, error.strerror or str(error)) from error
        raise


def _failed(final: Path, why: str) -> StorageError:
    return StorageError(
        f"writing {final} failed",
        why=" ".join(why.split())[:300],
        remedy="free some space or choose another folder, then run the command again",
    )


def _refuse(
    text: str, final: Path, single_file: bool, source: str | os.PathLike[str] | None
) -> None:
    """Makes sure, before any work, that the result can be moved to its place."""
    if "://" in text:
        raise SpecError(f"{text} is not a local path", remedy="write locally, then copy it there")
    if source is not None and "://" not in os.fspath(source):
        read = Path(source).resolve()
        if read.is_dir() and read in (final.resolve(), *final.resolve().parents):
            raise SpecError(
                f"{final} is inside {read}, which is read", remedy="choose a place beside it"
            )
    for parent in final.parents:
        if parent.exists() and not parent.is_dir():
            raise SpecError(f"{final} cannot be made", why=f"{parent} is a file")
    if not os.path.lexists(final):
        return
    if final.is_dir() and not any(final.iterdir()):
        if not single_file:
            return
        raise SpecError(
            f"{final} is a folder", why="a single file is written", remedy="name a file"
        )
    raise SpecError(
        f"{final} exists",
        why="nothing is ever overwritten",
        remedy="choose another place, or remove it first",
    )


@contextmanager
def _locked(final: Path) -> Iterator[None]:
    """Holds the lock of a final place, and removes the lock file afterwards."""
    lock = final.with_name(f".{final.name}.lock")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _lock(lock)
    except OSError as error:
        raise _failed(final, error.strerror or str(error)) from error
    if descriptor is None:
        raise SpecError(
            f"another process is writing {final}",
            where=str(lock),
            why="it holds the lock",
            remedy="wait for it to end",
        )
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def _lock(lock: Path) -> int | None:
    """Descriptor of the locked file; None when another process holds it."""
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # whoever held it may have removed it after it was opened here
            with suppress(FileNotFoundError):
                if os.stat(lock).st_ino == os.fstat(descriptor).st_ino:
                    return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
