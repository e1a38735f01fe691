"""What an episode was told to do, frame by frame: a goal may change on the way.

A generator whose goals change stores the column ``events``, rows with ``frame`` and, where
something else was said, ``instruction``; it holds from that frame on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

COLUMN = "events"


@dataclass(frozen=True)
class Instruction:
    """An instruction and when it holds: until the next one begins.

    Attributes:
        text: The instruction.
        start: First frame.
        paraphrases: Other wordings of it.
    """

    text: str
    start: int = 0
    paraphrases: tuple[str, ...] = ()


def event_field() -> pa.Field:
    """The column ``events``: before which frame, what, and for a changed goal the new words."""
    import pyarrow as pa

    event = [("frame", pa.int32()), ("kind", pa.string()), ("instruction", pa.string())]
    return pa.field(COLUMN, pa.list_(pa.struct([*event, ("goal", pa.string())])))


def instructions_of(
    text: str, paraphrases: Iterable[str], extra: Mapping[str, Any]
) -> tuple[Instruction, ...]:
    """The instructions of an episode in order, the first one from frame 0 on.

    Args:
        text: What was said at the start.
        paraphrases: Other wordings of it.
        extra: Its generator's columns.
    """
    later = [
        Instruction(str(row["instruction"]), int(row["frame"]))
        for row in extra.get(COLUMN) or ()
        if row.get("instruction")
    ]
    first = Instruction(text, 0, tuple(paraphrases))
    return first, *sorted(later, key=lambda said: said.start)


def instruction_index(
    instructions: Sequence[Instruction], frames: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(F,) numbers of the instructions that hold at frames (F,)."""
    starts = [said.start for said in instructions]
    return np.searchsorted(starts, frames, side="right").astype(np.int64) - 1
