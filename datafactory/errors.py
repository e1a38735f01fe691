"""The error tree. Exceptions are for misuse and bugs; a failed attempt is a ``Verdict``.

::

    DataFactoryError                 exit 2
    ├── SpecError                    exit 2   a task, config or argument is invalid
    │   └── UnknownNameError         exit 2   no such task, robot, generator, family, key ...
    ├── PluginError                  exit 4   an installed plugin cannot be loaded
    ├── AssetError                   exit 2   (datafactory_assets.errors)
    │   ├── LicenceError             exit 2
    │   ├── PackMissingError         exit 4
    │   └── PackCorruptError         exit 4
    ├── MissingPartError             exit 4   an optional part (GPU, library) is not there
    ├── DatasetError                 exit 2   not a dataset, wrong spec, unreadable
    │   ├── DatasetCorruptError      exit 1   stored bytes contradict each other
    │   └── DatasetLockedError       exit 2   another writer holds the dataset
    ├── StorageError                 exit 3   disk full or read-only; what is committed is safe
    └── StoppedEarlyError            exit 3   stopped with a resumable dataset (low yield)

Exit codes: 0 ok, 1 checks failed, 2 usage or config, 3 stopped early and resumable, 4 a missing
optional part, 70 a bug, 130 interrupted cleanly.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from datafactory_assets.errors import (
    AssetError,
    DataFactoryError,
    LicenceError,
    PackCorruptError,
    PackMissingError,
)

__all__ = [
    "AssetError",
    "DataFactoryError",
    "DatasetCorruptError",
    "DatasetError",
    "DatasetLockedError",
    "LicenceError",
    "MissingPartError",
    "PackCorruptError",
    "PackMissingError",
    "PluginError",
    "SpecError",
    "StoppedEarlyError",
    "StorageError",
    "UnknownNameError",
    "did_you_mean",
]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns ``"did you mean 'x'?"`` or the list of known names; a part of a name counts too."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    parts = {part: full for full in reversed(names) for part in full.split("_")}
    close = difflib.get_close_matches(name, parts, n=1, cutoff=0.75)
    if close:
        return f"did you mean '{parts[close[0]]}'?"
    return "known: " + (", ".join(names) if names else "none")


class SpecError(DataFactoryError):
    """A task, run or option is invalid."""


class UnknownNameError(SpecError):
    """A name is not known; the remedy lists the nearest or all known names."""

    @classmethod
    def of(cls, kind: str, name: str, known: Iterable[str], where: str = "") -> UnknownNameError:
        """Builds the error with a did-you-mean remedy."""
        return cls(f"unknown {kind} '{name}'", where=where, remedy=did_you_mean(name, known))


class PluginError(DataFactoryError):
    """An installed plugin cannot be loaded or breaks its contract."""

    exit_code = 4


class MissingPartError(DataFactoryError):
    """An optional part (library, GPU, pack) is missing."""

    exit_code = 4


class DatasetError(DataFactoryError):
    """A folder is not a dataset, is of another spec, or cannot be read."""


class DatasetCorruptError(DatasetError):
    """Stored bytes contradict each other."""

    exit_code = 1


class DatasetLockedError(DatasetError):
    """Another process is writing this dataset."""


class StorageError(DataFactoryError):
    """The disk is full or read-only. What is committed stays valid."""

    exit_code = 3


class StoppedEarlyError(DataFactoryError):
    """The run stopped early; the dataset is valid and resumable."""

    exit_code = 3
