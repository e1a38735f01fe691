from __future__ import annotations

import pytest

from datafactory.errors import DatasetError
from datafactory.qa.forms import parse_answer
from datafactory.qa.store import store_questions, stored_questions
from datafactory.store.dataset import content_digest, open_dataset
from tests.render_fixture import copy, render, states


def test_questions_are_kept_once(tmp_path):
    path = copy(tmp_path / "d")
    render(path, "size=[224, 160]", limit=1)
    before = content_digest(path)
    assert stored_questions(open_dataset(path)) == []
    added = store_questions(str(path))
    kept = stored_questions(open_dataset(path))
    assert len(kept) == added > 5
    assert store_questions(str(path)) == 0
    assert content_digest(path) == before
    for sample in kept:
        assert parse_answer(sample.answer_text) == sample.answer
    first = open_dataset(path).episode(0).episode_id
    assert stored_questions(open_dataset(path), first) == kept


def test_nothing_rendered_is_an_error():
    with pytest.raises(DatasetError, match="datafactory render"):
        store_questions(str(states()))
