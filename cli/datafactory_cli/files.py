"""Picture files the user asked for."""

from __future__ import annotations

import io
import itertools
from pathlib import Path
from typing import Any


def save(image: Any, png: Path | None, stem: str) -> Path:
    """Writes where the user said; else into this folder, and never over another file there."""
    from datafactory.errors import SpecError, StorageError

    target = png or Path(f"{stem}.png")
    if target.suffix.lower() not in (".png", ".webp", ".jpg", ".jpeg"):
        raise SpecError("a picture file ends in .png, .webp or .jpg", where=str(target))
    try:
        if png is None:
            return _beside(image, stem)
        target.parent.mkdir(parents=True, exist_ok=True)
        image.save(target)
    except OSError as error:
        raise StorageError("cannot write the picture", where=str(target), why=str(error),
                           remedy="--png PATH in a writable folder") from error  # fmt: skip
    return target


def _beside(image: Any, stem: str) -> Path:
    """Writes ``stem.png``, or ``stem-2.png`` ... when that name holds something else."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    for number in itertools.count(1):
        target = Path(f"{stem}.png" if number == 1 else f"{stem}-{number}.png")
        if not target.exists():
            target.write_bytes(buffer.getvalue())
            break
        if target.is_file() and target.read_bytes() == buffer.getvalue():
            break
    return target
