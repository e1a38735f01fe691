"""Rows of the ``qa`` table keep every question exactly."""

from __future__ import annotations

import pyarrow as pa

from datafactory.qa.answers import KINDS
from datafactory.qa.questions import Rules, questions
from datafactory.qa.schema import qa_fields, qa_rows, qa_sample
from datafactory.seeding import stream
from tests.view_fixture import episode, views


def test_questions_round_trip_through_arrow() -> None:
    view = views()["front"]
    samples = questions(view, episode(), stream(1, "test-qa", 0, "x"), rules=Rules(images=12))
    assert {s.kind for s in samples} == set(KINDS)
    schema = pa.schema(qa_fields())
    assert schema.names[0] == "question_id"
    table = pa.Table.from_pylist(qa_rows(samples), schema=schema)
    table.validate(full=True)
    assert [qa_sample(row) for row in table.to_pylist()] == samples
