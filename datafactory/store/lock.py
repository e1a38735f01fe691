"""The exclusive writer lock of a local dataset.

The lock is an ``flock`` on ``<root>/.lock``; the kernel drops it when its process ends, however it
ends, so a dead writer never blocks the next one. The file's text says who holds it. Object stores
have no such lock: there, one writer at a time is the user's duty, and the commit protocol stops
at the first commit that is not its own.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from datafactory.errors import DatasetLockedError, StorageError
from datafactory.store.location import Location

LOCK_NAME = ".lock"


@dataclass(frozen=True)
class Holder:
    """Who holds the lock.

    Attributes:
        pid: Process id on its host.
        host: Host name.
        since: ISO time, UTC.
        what: What it does (``generate``, ``compact`` ...).
    """

    pid: int
    host: str
    since: str
    what: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since} ({self.what})"


def holder(location: Location) -> Holder | None:
    """Returns who holds the writer lock now; None when it is free or the store has no locks."""
    if not location.is_local:
        return None
    try:
        descriptor = os.open(location.path / LOCK_NAME, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(location.path / LOCK_NAME)
    finally:
        os.close(descriptor)
    return None


def _read(path: Path) -> Holder:
    try:
        return Holder(**json.loads(path.read_text()))
    except (ValueError, TypeError):
        return Holder(0, "unknown", "unknown", "starting")


@contextmanager
def writer_lock(location: Location, what: str) -> Iterator[None]:
    """Holds the exclusive writer lock of a dataset folder, which is made when missing.

    Raises:
        DatasetLockedError: Another process holds it.
        StorageError: The folder cannot be written.
    """
    if not location.is_local:
        yield
        return
    try:
        location.path.mkdir(parents=True, exist_ok=True)
        path = location.path / LOCK_NAME
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StorageError(
            f"cannot write to {location.root}",
            why=str(error),
            remedy="choose a writable folder or free some space",
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DatasetLockedError(
                f"{location.root} is being written by another process",
                why=str(_read(path)),
                remedy="wait for it or stop it; reading is possible at any time",
            ) from error
        now = datetime.now(UTC).isoformat(timespec="seconds")
        who = Holder(os.getpid(), socket.gethostname(), now, what)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(who)).encode(), 0)
        yield
    finally:
        os.close(descriptor)
