"""Where a dataset lives: a local folder or an object store URI, and how its tables are opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from datafactory.errors import DatasetCorruptError, DatasetError, SpecError
from datafactory.store.schema import TABLES

MARKER = "runs"
"""The table created last: a folder is a dataset if and only if it has it."""
INDEX_CACHE_BYTES = 16 << 20
METADATA_CACHE_BYTES = 64 << 20

_touched: dict[str, Any] = {"pid": None, "session": None}


@dataclass(frozen=True)
class Location:
    """The root of a dataset.

    Attributes:
        root: Local path, or URI such as ``s3://bucket/name``.
    """

    root: str

    @classmethod
    def of(cls, path: str | os.PathLike[str] | Location) -> Location:
        """Makes a location of a path or URI; local paths become absolute."""
        if isinstance(path, Location):
            return path
        text = os.fspath(path)
        if text.startswith("file://"):
            text = text.removeprefix("file://")
        return cls(text.rstrip("/") if "://" in text else os.path.abspath(text))

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine (or a mount of it)."""
        return "://" not in self.root

    @property
    def path(self) -> Path:
        """The folder of a local dataset."""
        if not self.is_local:
            raise DatasetError(f"{self.root} is not a local folder")
        return Path(self.root)

    def table(self, name: str) -> str:
        """Path or URI of one Lance table."""
        return f"{self.root}/{name}.lance"


def split_version(text: str) -> tuple[str, int | str | None]:
    """Path and version of ``DIR`` or ``DIR@VERSION``; a version is a number or a tag."""
    path, at, version = text.rpartition("@")
    if not at or "/" in version:
        return text, None
    return path, int(version) if version.isdigit() else version


def lance_module() -> Any:
    """Imports Lance, refusing in a process forked from one that used it.

    Raises:
        DatasetError: Lance's threads do not survive a fork; such a process would hang.
    """
    if _touched["pid"] is not None and _touched["pid"] != os.getpid():
        raise DatasetError(
            "a dataset cannot be used in a forked process",
            why="the store's threads do not survive fork; reads would hang",
            remedy="start workers with the 'spawn' or 'forkserver' method "
            "(DataLoader(..., multiprocessing_context='spawn')) or use threads",
        )
    import lance

    if _touched["pid"] is None:
        _touched["pid"] = os.getpid()
        _touched["session"] = lance.Session(
            index_cache_size_bytes=INDEX_CACHE_BYTES,
            metadata_cache_size_bytes=METADATA_CACHE_BYTES,
        )
    return lance


def open_table(location: Location, name: str, version: int | str | None = None) -> Any:
    """Opens one table with the process's small shared cache.

    Raises:
        DatasetError: There is no dataset, or no such version of it.
        DatasetCorruptError: The table is missing from a dataset, or cannot be read.
    """
    lance = lance_module()
    uri = location.table(name)
    try:
        return lance.dataset(uri, version=version, session=_touched["session"])
    except (OSError, ValueError, RuntimeError) as error:
        if not table_exists(location, name):
            raise _missing(location, name) from error
        if version is not None:
            raise DatasetError(
                f"{location.root} has no version or tag '{version}'",
                why=_first_line(error),
                remedy=f"datafactory show {location.root} --versions",
            ) from error
        raise DatasetCorruptError(
            f"the table '{name}' of {location.root} cannot be read",
            why=_first_line(error),
            remedy="restore it from a copy; the other tables are untouched",
        ) from error


@contextmanager
def reading(location: Location, name: str) -> Iterator[None]:
    """Names the table when its stored bytes turn out to be unreadable.

    Raises:
        DatasetCorruptError: A data file is missing, cut short or has other bytes.
        SpecError: A filter cannot be computed, for example for a division by zero.
    """
    try:
        yield
    except (OSError, pa.ArrowInvalid) as error:
        why = _first_line(error)
        if "applying filter" in why:
            raise SpecError("the filter cannot be computed", where=name, why=why) from error
        raise DatasetCorruptError(
            f"the table '{name}' of {location.root} cannot be read",
            where=location.table(name),
            why=why,
            remedy=f"restore it from a copy, or read an older version with Dataset.at(); "
            f"datafactory show {location.root} --versions lists them",
        ) from error


def table_exists(location: Location, name: str) -> bool:
    """Whether the table is there, readable or not; only "not found" means that it is not."""
    if location.is_local:
        return Path(location.table(name)).is_dir()
    lance = lance_module()
    try:
        lance.dataset(location.table(name))
    except (OSError, ValueError) as error:
        return "was not found" not in str(error)
    return True


def table_made(location: Location, name: str) -> bool:
    """Whether the table is there and its creation was finished."""
    if not table_exists(location, name):
        return False
    if not location.is_local:
        return True
    return any(Path(location.table(name), "_versions").glob("*.manifest"))


def _missing(location: Location, name: str) -> DatasetError:
    if name == MARKER or not table_exists(location, MARKER):
        return not_a_dataset(location)
    return DatasetCorruptError(
        f"the table '{name}' of {location.root} is missing",
        where=location.table(name),
        why="the folder is not there although other tables of the dataset are",
        remedy="restore it from a copy; the other tables are untouched",
    )


def not_a_dataset(location: Location) -> DatasetError:
    """The error for a folder that is missing or something else."""
    why = "it has no runs.lance"
    remedy = "check the path, or make a dataset with 'datafactory generate --out PATH'"
    if any(table_exists(location, name) for name in TABLES):
        remedy = (
            "restore runs.lance from a copy; if its creation was cut short, "
            "'datafactory generate' starts anew"
        )
    if location.is_local and not location.path.exists():
        why = "the folder does not exist"
    return DatasetError(
        f"{location.root} is not a datafactory dataset",
        why=why,
        remedy=remedy,
    )


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0].split(", /")[0][:300] if text else type(error).__name__
