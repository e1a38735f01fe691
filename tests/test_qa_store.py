from __future__ import annotations

import pytest

from datafactory.errors import DatasetError, SpecError
from datafactory.exchange.contract import ExportOptions, ImportOptions
from datafactory.exchange.lerobot_import import LeRobotImport
from datafactory.exchange.lerobot_v21 import LeRobotV21
from datafactory.exchange.qa_jsonl import QAJsonl
from datafactory.qa.forms import parse_answer
from datafactory.qa.store import store_questions, stored_questions
from datafactory.store.dataset import content_digest, open_dataset
from tests.exchange_fixture import export, ignore
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


def test_imported_images_are_refused_and_nothing_is_written(tmp_path):
    export(LeRobotV21(), tmp_path / "x")
    path = str(tmp_path / "d")
    LeRobotImport().read(tmp_path / "x", tmp_path / "d", ImportOptions(), ignore)
    with pytest.raises(SpecError, match="nothing can be asked"):
        store_questions(path)
    assert "qa" not in open_dataset(path).tables
    with pytest.raises(SpecError, match="nothing can be asked"):
        QAJsonl().write(open_dataset(path), tmp_path / "y", ExportOptions(), ignore)
