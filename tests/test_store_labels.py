"""Labels: what holds after many of them, and that nothing is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from datafactory.errors import DataFactoryError, DatasetError, SpecError, UnknownNameError
from datafactory.store.dataset import content_digest, open_dataset
from datafactory.store.labels import (
    Label,
    add_labels,
    excluded_ids,
    judgements,
    stored_labels,
    without_excluded,
)
from tests import store_fixture


@pytest.fixture
def path(tmp_path):
    store_fixture.make(tmp_path / "d", count=12)
    return tmp_path / "d"


def ids(path) -> list[str]:
    return open_dataset(path).episodes(columns=["episode_id"]).column(0).to_pylist()


def test_later_labels_replace_earlier_ones(path):
    key, start = ids(path)[0], datetime(2026, 1, 1, tzinfo=UTC)
    said = [
        ("exclude", "blurry", False), ("tag", "a", False), ("tag", "b", False),
        ("comment", "hm", False), ("tag", "a", True), ("audit", "unsure", False),
        ("audit", "wrong", False), ("exclude", "", True), ("exclude", "late", False),
        ("comment", "so", False), ("comment", "hm", True),
    ]  # fmt: skip
    for i, (kind, value, withdrawn) in enumerate(said):
        made = Label(key, kind, value, withdrawn, "me", "test", start + timedelta(seconds=i))
        assert add_labels(open_dataset(path), [made]) == 1
    known = judgements(open_dataset(path)).of(key)
    assert known.excluded
    assert known.reason == "late"
    assert known.tags == ("b",)
    assert [c.text for c in known.comments] == ["so"]
    assert known.audit == "wrong"
    kept = stored_labels(open_dataset(path), key)
    assert [(x.kind, x.value, x.withdrawn) for x in kept] == said


def test_labels_change_no_content(path):
    before = content_digest(path)
    add_labels(open_dataset(path), [Label(i, "exclude", "") for i in ids(path)[:3]])
    assert content_digest(path) == before
    assert excluded_ids(open_dataset(path)) == set(ids(path)[:3])


def test_filter_leaves_out_what_is_excluded(path):
    assert without_excluded(open_dataset(path), "length > 1") == "length > 1"
    first, *rest = ids(path)
    add_labels(open_dataset(path), [Label(first, "exclude", "")])
    dataset = open_dataset(path)
    for where in (None, "length > 1 OR length < 1"):
        found = dataset.episodes(without_excluded(dataset, where), ["episode_id"])
        assert found.column(0).to_pylist() == rest


def test_many_commits_are_merged(path):
    key = ids(path)[0]
    for i in range(300):
        add_labels(open_dataset(path), [Label(key, "tag", str(i))])
    dataset = open_dataset(path)
    assert len(dataset.table("labels").get_fragments()) < 256
    assert judgements(dataset).of(key).tags == tuple(str(i) for i in range(300))


def test_misuse(path):
    with pytest.raises(UnknownNameError, match="unknown kind of label 'flag'"):
        Label("0" * 32, "flag", "x")
    with pytest.raises(UnknownNameError, match="audit"):
        Label("0" * 32, "audit", "maybe")
    with pytest.raises(SpecError, match="needs a text"):
        Label("0" * 32, "comment", " ")
    with pytest.raises(DatasetError, match="no episode or attempt"):
        add_labels(open_dataset(path), [Label("0" * 32, "tag", "x")])
    with pytest.raises(DataFactoryError, match="at most 2000"):
        Label("0" * 32, "comment", "x" * 2001)
    assert "labels" not in open_dataset(path).tables
