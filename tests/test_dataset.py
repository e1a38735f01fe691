from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

from datafactory.errors import DatasetCorruptError, DatasetError, SpecError, UnknownNameError
from datafactory.store.commit import Committer
from datafactory.store.dataset import content_digest, open_dataset
from datafactory.store.filters import FUNCTIONS, check_filter
from tests.fake_attempts import Fake, FakeSpec
from tests.store_fixture import SEED, make


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset") / "d"
    make(folder)
    return folder


@pytest.fixture(scope="module")
def dataset(path):
    return open_dataset(path)


def test_counts_and_order(dataset):
    attempts = dataset.episodes(columns=["attempt"]).column(0).to_pylist()
    assert len(dataset) == len(attempts)
    assert attempts == sorted(attempts)
    failed = dataset.attempts(columns=["attempt"]).column(0).to_pylist()
    assert sorted(attempts + failed) == list(range(20))


def test_one_episode_by_id_and_by_position(dataset):
    made = Fake().open(FakeSpec(), SEED)
    for position in range(len(dataset)):
        by_position = dataset.episode(position)
        by_id = dataset.episode(by_position.episode_id)
        original = made.attempt(by_position.attempt)
        assert by_id.attempt == by_position.attempt
        assert np.array_equal(by_id.trajectory.qpos, original.trajectory.qpos)
        assert by_position.extra["difficulty"] == original.extra["difficulty"]


def test_an_unknown_episode_is_an_error(dataset):
    for which in (len(dataset), -1, "nope", "x' OR '1'='1"):
        with pytest.raises(DatasetError, match="no episode"):
            dataset.episode(which)


def test_iteration_is_in_order_and_complete(dataset):
    seen = [e.attempt for e in dataset.iter_episodes()]
    assert seen == dataset.episodes(columns=["attempt"]).column(0).to_pylist()
    some = [e.attempt for e in dataset.iter_episodes("attempt >= 10")]
    assert some == [a for a in seen if a >= 10]


def test_filters_columns_limit_and_offset(dataset):
    table = dataset.episodes("length = 12 AND array_has(licences, 'Apache-2.0')")
    assert table.num_rows == len(dataset)
    assert "qpos" not in table.column_names
    page = dataset.episodes(columns=["attempt", "qpos"], limit=2, offset=1)
    assert page.column_names == ["attempt", "qpos"]
    assert page.num_rows == 2
    assert dataset.episodes("length > 12").num_rows == 0


@pytest.mark.parametrize(
    "text",
    [
        "length = 12 garbage",
        "length = 12; attempt = 1",
        "length = 12 AN attempt > 3",
        "length = ",
        "(length = 12",
        "length = 'x",
        "",
        "length NOT 3",
        "length = 12)",
    ],
)
def test_filters_lance_would_misread_are_refused(dataset, text):
    with pytest.raises(SpecError, match="not understood"):
        dataset.episodes(text)


def test_unknown_names_in_filters_are_named(dataset):
    with pytest.raises(UnknownNameError, match="did you mean 'length'"):
        dataset.episodes("lenght > 3")
    with pytest.raises(UnknownNameError, match="function"):
        dataset.episodes("pow(length, 2) > 3")


@pytest.mark.parametrize(
    "text",
    [
        "length = 12",
        "NOT length = 13 AND (attempt < 5 OR attempt >= 5)",
        "attempt IN (0, 1, 2) OR attempt NOT IN (0)",
        "task LIKE 'fa%' AND task NOT LIKE 'x%'",
        "attempt BETWEEN -1 AND 100",
        "mjcf IS NOT NULL",
        "success_at_end",
        "success_at_end = true AND difficulty < 1.5e0",
        "attempt + 1 > 0 AND attempt * 2 >= 0",
        "array_has_any(asset_ids, ['mesh0', 'it''s'])",
        "array_length(asset_ids) > 0 AND upper(robot) = 'NONE'",
        "starts_with(episode_id, '') AND contains(task, 'a') AND abs(attempt) >= 0",
    ],
)
def test_filters_in_the_grammar_work_in_lance(dataset, text):
    assert dataset.episodes(text, columns=["attempt"]).num_rows == len(dataset)


def test_all_listed_functions_exist_in_lance(dataset):
    uses = {"abs": "abs(attempt) >= 0", "array_length": "array_length(licences) = 1"}
    for name in FUNCTIONS:
        lists = f"{name}(licences, ['Apache-2.0'])"
        one = {"array_has": "array_has(licences, 'Apache-2.0')"}
        text = uses.get(name) or one.get(name)
        if text is None:
            text = lists if name.startswith("array") else f"{name}(task) = {name}(task)"
        if name in ("contains", "starts_with"):
            text = f"{name}(task, 'f')"
        check_filter(text, dataset.schema.names)
        assert dataset.episodes(text).num_rows == len(dataset), text


def test_foreign_folders_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="does not exist"):
        open_dataset(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DatasetError, match=r"no runs\.lance"):
        open_dataset(tmp_path)


def test_a_corrupt_table_is_named(tmp_path):
    make(tmp_path / "d", count=5)
    for manifest in (tmp_path / "d/episodes.lance/_versions").iterdir():
        manifest.write_bytes(b"not a manifest")
    with pytest.raises(DatasetCorruptError, match="'episodes'"):
        open_dataset(tmp_path / "d")


@pytest.mark.parametrize("content", [b"", b"garbage" * 200])
def test_data_files_that_cannot_be_read_are_named(tmp_path, content):
    make(tmp_path / "d", count=5)
    dataset = open_dataset(tmp_path / "d")
    for name in ("episodes", "attempts", "assets", "runs"):
        for file in (tmp_path / f"d/{name}.lance/data").iterdir():
            file.write_bytes(content)
    for name, read in (
        ("episodes", dataset.episodes),
        ("episodes", lambda: dataset.episode(0)),
        ("episodes", lambda: dataset.episode("f" * 32)),
        ("episodes", lambda: list(dataset.iter_episodes())),
        ("episodes", lambda: content_digest(dataset)),
        ("attempts", dataset.attempts),
        ("assets", lambda: dataset.asset_bytes(["mesh0"])),
        ("runs", lambda: open_dataset(tmp_path / "d").runs()),
        ("assets", lambda: Committer(dataset.location)),
    ):
        with pytest.raises(DatasetCorruptError, match=f"'{name}' of") as caught:
            read()
        assert "older version" in caught.value.remedy
        assert caught.value.exit_code == 1


def test_filters_that_cannot_be_computed_do_not_blame_the_data(dataset):
    with pytest.raises(SpecError, match="filter cannot be computed"):
        dataset.episodes("length / 0 > 1")


def test_a_newer_format_is_refused(path, monkeypatch):
    monkeypatch.setattr("datafactory.store.dataset.SCHEMA_VERSION", 0)
    with pytest.raises(DatasetError, match="newer"):
        open_dataset(path)


def test_runs_are_typed(dataset):
    (run,) = dataset.runs()
    assert run.generator == "fake"
    assert run.options == {"generator": "tests.fake_attempts:Fake"}


def test_assets_and_their_bytes(dataset):
    table = dataset.assets("kind = 'mesh'")
    assert table.column("asset_id").to_pylist() == ["mesh0"]
    assert "geometry" not in table.column_names
    assert dataset.asset_bytes(["mesh0"]) == {"mesh0": b"\x01\x02" * 5000}
    assert dataset.asset_bytes([]) == {}
    with pytest.raises(DatasetCorruptError, match="missing"):
        dataset.asset_bytes(["mesh0", "nope"])


def test_versions_tags_and_time_travel(tmp_path):
    committer = make(tmp_path / "d", count=10)
    early = open_dataset(tmp_path / "d")
    early.tag("first")
    from tests.store_fixture import rows

    accepted, _, _ = rows(FakeSpec(), range(10, 15))
    committer.append("episodes", committer.writer.write("episodes", accepted), {})
    late = open_dataset(tmp_path / "d")
    assert len(late) == len(early) + len(accepted)
    assert len(late.at("first")) == len(early)
    assert len(late.at(early.version)) == len(early)
    assert [v.tags for v in late.versions()][-2:] == [("first",), ()]
    with pytest.raises(DatasetError, match="cannot tag"):
        late.tag("first")
    with pytest.raises(DatasetError, match="no version or tag 'second'"):
        late.at("second")
    with pytest.raises(DatasetError, match="no version or tag '99'"):
        late.at(99)


def test_a_dataset_travels_by_pickle_and_keeps_its_version(path):
    dataset = open_dataset(path)
    again = pickle.loads(pickle.dumps(dataset))
    assert (again.version, len(again)) == (dataset.version, len(dataset))


FORKED = """
import os, sys
from datafactory.errors import DatasetError
from datafactory.store.dataset import open_dataset
dataset = open_dataset(sys.argv[1])
assert len(dataset) > 0
pid = os.fork()
if pid == 0:
    code = 0
    for use in (lambda: len(dataset), lambda: open_dataset(sys.argv[1])):
        try:
            use()
        except DatasetError as error:
            code += "spawn" in str(error)
    os._exit(code)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_use_after_fork_is_a_clear_error(path):
    done = subprocess.run([sys.executable, "-c", FORKED, str(path)], check=False, timeout=60)
    assert done.returncode == 2


def _length(path):
    return len(open_dataset(path))


def test_spawned_processes_may_read(path, dataset):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_length, (str(path),)) == len(dataset)


def test_the_digest_sees_content_not_order(tmp_path, path):
    make(tmp_path / "other", shard=7)
    assert content_digest(tmp_path / "other") == content_digest(path)
    assert content_digest(path, recompute=False) == content_digest(path)
    make(tmp_path / "less", count=19)
    assert content_digest(tmp_path / "less") != content_digest(path)


def test_opening_is_relative_to_the_working_directory(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    assert len(open_dataset("d")) == len(open_dataset(os.fspath(path)))
    assert len(open_dataset(f"file://{path}")) == len(open_dataset(path))
