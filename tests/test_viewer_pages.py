"""Pages: the same rows from data files and from scans, across fragments, from anywhere on."""

from __future__ import annotations

import pyarrow as pa
import pytest

from datafactory.store.dataset import open_dataset
from datafactory.viewer import pages
from datafactory.viewer.rows import ACCEPTED, PARTS
from tests import store_fixture


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    """Episodes in small and large fragments, read seven rows at a time."""
    monkeypatch.setattr(pages, "PAGE_ROWS", 7)
    spec = store_fixture.FakeSpec()
    committer = store_fixture.make(tmp_path / "d", spec, count=20)
    for first in (20, 26):
        accepted, _, assets = store_fixture.rows(spec, range(first, first + 6 * (first - 19)))
        committer.add_assets(assets)
        committer.append("episodes", committer.writer.write("episodes", accepted), {})
    return open_dataset(tmp_path / "d")


def read(dataset, start=0):
    found = list(pages.each_page(dataset, "episodes", ACCEPTED, PARTS, start, lambda page: page))
    assert all(0 < page.num_rows <= 7 for page in found)
    return pa.concat_tables(found).combine_chunks() if found else None


def expected(dataset, start=0):
    rows = dataset.table("episodes").to_table(columns=list(ACCEPTED)).slice(start).to_pylist()
    for row in rows:
        row["objects"] = [{n: o[n] for n in PARTS["objects"]} for o in row["objects"]]
    return rows


def values(table):
    return [{n: row[n] for n in ACCEPTED} for row in table.to_pylist()]


@pytest.mark.parametrize("start", [0, 5, 7, 16, 30])
def test_pages_are_the_rows_in_order(dataset, start):
    assert len(dataset.table("episodes").get_fragments()) > 2
    assert values(read(dataset, start)) == expected(dataset, start)


def test_nothing_is_left_after_the_last_row(dataset):
    assert read(dataset, dataset.table("episodes").count_rows()) is None


def test_deleted_rows_and_added_columns_are_read_by_a_scan(dataset, monkeypatch):
    whole = expected(dataset)
    gone = whole[3]["episode_id"]
    table = dataset.table("episodes")
    table.delete(f"episode_id = '{gone}'")
    files = []
    kept = pages._from_file
    monkeypatch.setattr(pages, "_from_file", lambda *a: files.append(a) or kept(*a))
    changed = open_dataset(dataset.location.root)
    assert values(read(changed)) == [row for row in whole if row["episode_id"] != gone]
    changed.table("episodes").add_columns(pa.field("later", pa.int32()))
    wide = open_dataset(dataset.location.root)
    use = pages.each_page(wide, "episodes", [*ACCEPTED, "later"], PARTS, 0, lambda page: page)
    before = len(files)
    assert before > 0  # fragments without deletions
    rows = pa.concat_tables(list(use)).to_pylist()
    assert len(files) == before
    assert {row["later"] for row in rows} == {None}


def test_an_empty_table_is_one_empty_page(tmp_path):
    store_fixture.make(tmp_path / "d", count=0)
    dataset = open_dataset(tmp_path / "d")
    (page,) = pages.each_page(dataset, "episodes", ACCEPTED, PARTS, 0, lambda page: page)
    assert page.num_rows == 0
    assert page.column_names == list(ACCEPTED)
