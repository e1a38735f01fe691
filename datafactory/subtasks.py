"""Sub-tasks of an episode: which frames do what, in words. Stored as the column ``subtasks``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

COLUMN = "subtasks"
FORM_COLUMN = "form"


@dataclass(frozen=True)
class Subtask:
    """A range of frames, ``start`` <= i < ``stop``, in which one object is brought to its place.

    Attributes:
        name: What is done, a key of the phrase book (``put_in``, ``put_at`` ...).
        text: The same as an instruction: ``put the red can in the blue box``.
        start, stop: Frame range.
        stage: Stage of the goal it serves.
        objects: The object that is moved, then those it is placed relative to.
    """

    name: str
    text: str
    start: int
    stop: int
    stage: int
    objects: tuple[str, ...]


def subtask_fields() -> tuple[pa.Field, ...]:
    """The columns of generators that label sub-tasks: ``subtasks``, and ``form`` as JSON text."""
    import pyarrow as pa

    item = pa.struct([
        pa.field("name", pa.string()),
        pa.field("text", pa.string()),
        pa.field("start", pa.int32()),
        pa.field("stop", pa.int32()),
        pa.field("stage", pa.int32()),
        pa.field("objects", pa.list_(pa.field("item", pa.string()))),
    ])  # fmt: skip
    return (
        pa.field(COLUMN, pa.list_(pa.field("item", item)), nullable=True),
        pa.field(FORM_COLUMN, pa.string(), nullable=True),
    )


def subtask_rows(subtasks: Iterable[Subtask]) -> list[dict[str, Any]]:
    """The stored form."""
    return [{**asdict(s), "objects": list(s.objects)} for s in subtasks]


def subtasks_of(extra: Mapping[str, Any]) -> tuple[Subtask, ...]:
    """The sub-tasks in an episode's extra columns; empty when it has none."""
    rows = extra.get(COLUMN) or ()
    return tuple(Subtask(**{**row, "objects": tuple(row["objects"])}) for row in rows)


def subtask_index(subtasks: Iterable[Subtask], length: int) -> NDArray[np.int64]:
    """(T,) index of the sub-task of every frame; -1 where none is labelled."""
    index = np.full(length, -1, dtype=np.int64)
    for k, subtask in enumerate(subtasks):
        index[subtask.start : subtask.stop] = k
    return index


def faults(subtasks: tuple[Subtask, ...], length: int, names: Iterable[str]) -> Iterator[str]:
    """What is wrong with the sub-tasks of an episode of ``length`` frames, in plain words."""
    expected, stage, known = 0, 0, {*names, "table"}
    for subtask in subtasks:
        place = f"sub-task '{subtask.text}' [{subtask.start}, {subtask.stop})"
        if subtask.start != expected or subtask.stop <= subtask.start:
            yield f"{place} does not continue at frame {expected}"
        if subtask.stage < stage:
            yield f"{place} goes back to stage {subtask.stage}"
        if not subtask.text or not subtask.name:
            yield f"{place} has no words"
        unknown = {n.partition("@")[0] for n in subtask.objects} - known
        if unknown or not subtask.objects:
            yield f"{place} is about unknown objects {sorted(unknown)}"
        expected, stage = subtask.stop, subtask.stage
    if subtasks and expected != length:
        yield f"sub-tasks end at frame {expected} of {length}"
