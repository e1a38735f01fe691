"""Sub-task labels: stored form, per-frame index, faults."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from datafactory.subtasks import Subtask, faults, subtask_fields, subtask_index, subtask_rows
from datafactory.subtasks import subtasks_of as read

PAIR = (
    Subtask("put_in", "put the red can in the box", 0, 7, 0, ("a", "b")),
    Subtask("put_at", "put the tin where the can was", 7, 12, 1, ("c", "a@start")),
)


def test_round_trip_through_arrow() -> None:
    column, _ = subtask_fields()
    stored = pa.scalar(subtask_rows(PAIR), type=column.type).as_py()
    assert read({"subtasks": stored}) == PAIR
    assert read({}) == ()
    assert read({"subtasks": None}) == ()


def test_index_of_every_frame() -> None:
    assert subtask_index(PAIR, 13).tolist() == [0] * 7 + [1] * 5 + [-1]
    assert subtask_index((), 2).dtype == np.int64


def test_faults() -> None:
    names = ("a", "b", "c")
    assert list(faults(PAIR, 12, names)) == []
    assert any("end at frame 12" in f for f in faults(PAIR, 13, names))
    late = (PAIR[0], replace(PAIR[1], start=9))
    assert any("does not continue" in f for f in faults(late, 12, names))
    back = (replace(PAIR[0], stage=2), PAIR[1])
    assert any("goes back" in f for f in faults(back, 12, names))
    assert any("unknown objects" in f for f in faults(PAIR, 12, ("a", "b")))
