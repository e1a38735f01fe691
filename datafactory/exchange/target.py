"""A place to write to that nobody sees until it is complete."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datafactory.errors import SpecError, StorageError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO})


@contextmanager
def atomic_target(path: str | os.PathLike[str], *, single_file: bool) -> Iterator[Path]:
    """Gives a temporary path beside ``path`` and moves it there when the block ends.

    When the block raises, what it wrote is removed; what a killed process left is removed by the
    next call for the same path.

    Args:
        path: Final place; it must not exist, or be an empty folder.
        single_file: Whether the block makes a file; otherwise the path is a fresh folder.

    Raises:
        SpecError: Something is there already, or another process is writing it.
        StorageError: The disk is full or cannot be written.
    """
    final = Path(os.path.abspath(path))
    _refuse_existing(final)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(final)
        partial = final.with_name(f".{final.name}.partial-{os.getpid()}")
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
        if error.errno in _FULL or "No space left" in str(error):
            raise _failed(final, error.strerror or str(error)) from error
        raise


def _failed(final: Path, why: str) -> StorageError:
    return StorageError(
        f"writing {final} failed",
        why=" ".join(why.split())[:300],
        remedy="free some space or choose another folder, then run the command again",
    )


def _refuse_existing(final: Path) -> None:
    if not final.exists():
        return
    if final.is_dir() and not any(final.iterdir()):
        return
    raise SpecError(
        f"{final} exists",
        why="nothing is ever overwritten",
        remedy="choose another place, or remove it first",
    )


def _clear_leftovers(final: Path) -> None:
    prefix = f".{final.name}.partial-"
    for entry in final.parent.iterdir():
        owner = entry.name.removeprefix(prefix)
        if owner == entry.name or not owner.isdigit():
            continue
        if int(owner) != os.getpid() and _runs(int(owner)):
            raise SpecError(
                f"another process is writing {final}",
                where=str(entry),
                why=f"process {owner} is running",
                remedy="wait for it, or remove the folder if that process is something else",
            )
        _remove(entry)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
