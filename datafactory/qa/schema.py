"""The ``qa`` table: one row a question, keyed by ``question_id``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from datafactory.qa.answers import (
    KINDS,
    Answer,
    Box,
    Boxes,
    PickPlace,
    Plan,
    Point,
    Points,
    Trace,
    Words,
)
from datafactory.qa.sample import QASample

Row = dict[str, Any]

_PLAIN = ("question_id", "episode_id", "variant", "camera", "frame", "kind", "question", "form",
          "answer_text", "width", "height", "split")  # fmt: skip
_NUMBERS = ("frame", "width", "height")
_KEY = {"lance-schema:unenforced-primary-key": "true"}


def _list(name: str, item: pa.DataType) -> pa.Field:
    return pa.field(name, pa.list_(pa.field("item", item, nullable=False)), nullable=False)


def _struct(*numbers: str) -> pa.DataType:
    fields = [pa.field("label", pa.string(), nullable=False)]
    fields += [pa.field(n, pa.int32(), nullable=False) for n in numbers]
    return pa.struct(fields)


def qa_fields() -> tuple[pa.Field, ...]:
    """Arrow fields of the ``qa`` table.

    ``boxes``, ``points``, ``steps`` and ``text`` hold the typed answer: those that its kind does
    not use are empty. Waypoints of a trajectory are points with empty labels.
    """
    fields = []
    for name in _PLAIN:
        kind = pa.int32() if name in _NUMBERS else pa.string()
        metadata = _KEY if name == "question_id" else None
        fields.append(pa.field(name, kind, nullable=False, metadata=metadata))
    return (
        *fields,
        _list("boxes", _struct("left", "top", "right", "bottom")),
        _list("points", _struct("x", "y")),
        _list("steps", pa.string()),
        pa.field("text", pa.string(), nullable=False),
    )


def qa_rows(samples: Iterable[QASample]) -> list[Row]:
    """Rows of the ``qa`` table, as plain values by column name."""
    return [{n: getattr(s, n) for n in _PLAIN} | _answer_row(s.answer) for s in samples]


def _answer_row(answer: Answer) -> Row:
    row: Row = {"boxes": [], "points": [], "steps": [], "text": ""}
    if isinstance(answer, Boxes):
        row["boxes"] = [_box_row(b) for b in answer.boxes]
    elif isinstance(answer, PickPlace):
        row["boxes"] = [_box_row(answer.pick), _box_row(answer.place)]
    elif isinstance(answer, Points):
        row["points"] = [{"label": p.label, "x": p.x, "y": p.y} for p in answer.points]
    elif isinstance(answer, Trace):
        row["points"] = [{"label": "", "x": x, "y": y} for x, y in answer.points]
    elif isinstance(answer, Plan):
        row["steps"] = list(answer.steps)
    else:
        row["text"] = answer.text
    return row


def _box_row(box: Box) -> Row:
    left, top, right, bottom = box.edges
    return {"label": box.label, "left": left, "top": top, "right": right, "bottom": bottom}


def qa_sample(row: Mapping[str, Any]) -> QASample:
    """The question of a row of the ``qa`` table."""
    return QASample(answer=_answer(row), **{n: row[n] for n in _PLAIN})


def _answer(row: Mapping[str, Any]) -> Answer:
    kind = KINDS[row["kind"]]
    if kind is Boxes:
        return Boxes(tuple(Box(**b) for b in row["boxes"]))
    if kind is PickPlace:
        pick, place = row["boxes"]
        return PickPlace(Box(**pick), Box(**place))
    if kind is Points:
        return Points(tuple(Point(**p) for p in row["points"]))
    if kind is Trace:
        return Trace(tuple((p["x"], p["y"]) for p in row["points"]))
    if kind is Plan:
        return Plan(tuple(row["steps"]))
    return Words(row["text"])
