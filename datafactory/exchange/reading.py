"""Reading files of others: what is wrong with them is said of them, not of this program."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from datafactory.errors import SpecError

_BROKEN = (
    OSError,
    ValueError,  # JSON, text encodings and Arrow too
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    NotImplementedError,
    RuntimeError,  # HDF5
)


@contextmanager
def reading(source: str | Path, part: str = "") -> Iterator[None]:
    """Names the source when what it holds cannot be read or understood.

    Only for blocks that read and convert a source; nothing is written in them.

    Args:
        source: Its file or folder.
        part: Which part of it, such as an episode.

    Raises:
        SpecError: It cannot.
    """
    try:
        yield
    except _BROKEN as error:
        raise SpecError(
            f"{source} cannot be read",
            where=part,
            why=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}",
            remedy="download or export it again, or check the column mapping",
        ) from error


def whole_rate(stated: Any) -> int:
    """Frames per second as a whole number.

    Raises:
        ValueError: It is not a whole number of at least 1.
    """
    rate = int(stated)
    if rate != stated or rate < 1:
        raise ValueError(f"{stated} frames per second; it must be a whole number, at least 1")
    return rate


def digest_of(paths: Iterable[Path], facts: Iterable[str] = ()) -> str:
    """SHA-256 over the bytes of files and over further facts, in the order given; hex digits."""
    digest = hashlib.sha256("\n".join(facts).encode())
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
