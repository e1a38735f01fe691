from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys

import pyarrow as pa
import pytest

from datafactory.errors import (
    DatasetCorruptError,
    DatasetError,
    DatasetLockedError,
    StorageError,
)
from datafactory.executor.coordinator import run_generation
from datafactory.executor.request import GenerateRequest
from datafactory.store.commit import COMMIT_TRIES, Committer, create_tables, is_dataset
from datafactory.store.compact import collect_garbage, compact, compact_table, small_fragments
from datafactory.store.dataset import content_digest, open_dataset
from datafactory.store.location import Location, open_table, table_exists
from datafactory.store.lock import holder, writer_lock
from datafactory.store.schema import table_schema
from datafactory.validate import validate
from tests.fake_attempts import REFERENCE, Fake, FakeSpec, realistic
from tests.store_fixture import make, rows, run_row


@pytest.fixture
def committer(tmp_path):
    return make(tmp_path / "d", count=10)


def fragments(committer, first=10, last=15):
    return committer.writer.write("episodes", rows(FakeSpec(), range(first, last))[0])


def count(committer):
    return len(open_dataset(committer.location.root))


def test_uncommitted_fragments_are_invisible_and_collected(committer):
    before, size = count(committer), folder_bytes(committer)
    fragments(committer)
    assert count(committer) == before
    assert folder_bytes(committer) > size
    assert collect_garbage(committer.location.root) > 0
    assert folder_bytes(committer) == size


def folder_bytes(committer):
    return sum(p.stat().st_size for p in committer.location.path.rglob("*/data/*"))


def test_a_commit_whose_acknowledgement_is_lost_counts_once(committer, monkeypatch):
    commit = Committer._commit

    def lossy(self, *args):
        commit(self, *args)
        raise OSError("connection reset")

    before, new = count(committer), fragments(committer)
    monkeypatch.setattr(Committer, "_commit", lossy)
    committer.append("episodes", new, {})
    assert count(committer) == before + new[0]["physical_rows"]


@pytest.mark.parametrize("times", [2, 3])
def test_a_commit_applied_more_than_once_is_rolled_back_to_one(committer, monkeypatch, times):
    commit = Committer._commit

    def eager(self, *args):
        for _ in range(times):
            result = commit(self, *args)
        return result

    before, new = count(committer), fragments(committer)
    monkeypatch.setattr(Committer, "_commit", eager)
    committer.append("episodes", new, {})
    monkeypatch.undo()
    assert count(committer) == before + new[0]["physical_rows"]
    committer.append("episodes", fragments(committer, 15, 20), {})
    attempts = open_dataset(committer.location.root).episodes(columns=["attempt"])
    assert len(set(attempts.column(0).to_pylist())) == attempts.num_rows


@pytest.mark.parametrize("answered", [True, False])
def test_a_late_repeat_of_the_batch_before_is_undone(committer, monkeypatch, answered):
    """It lands before the next batch, which has as many rows, or instead of its first try."""
    commit, late = Committer._commit, []
    first, second = fragments(committer, 10, 15), fragments(committer, 15, 20)
    keep = committer.writer.keep
    size = min(first[0]["physical_rows"], second[0]["physical_rows"])
    first = keep("episodes", first, ids_of(range(10, 15))[:size])
    second = keep("episodes", second, ids_of(range(15, 20))[:size])
    assert first[0]["physical_rows"] == second[0]["physical_rows"] == size

    def delayed(self, base, parts, properties):
        if late:
            commit(self, base, late.pop(), properties)
            if not answered:
                raise OSError("timed out")
        return commit(self, base, parts, properties)

    before = count(committer)
    committer.append("episodes", first, {})
    monkeypatch.setattr(Committer, "_commit", delayed)
    late.append(first)
    committer.append("episodes", second, {})
    attempts = open_dataset(committer.location.root).episodes(columns=["attempt"])
    assert count(committer) == before + 2 * size
    assert len(set(attempts.column(0).to_pylist())) == attempts.num_rows
    assert committer.attempts_done()


def ids_of(indices):
    return [r["episode_id"] for r in rows(FakeSpec(), indices)[0]]


def test_a_commit_that_fails_for_a_moment_is_tried_again(committer, monkeypatch):
    commit, failures = Committer._commit, [OSError("busy")] * (COMMIT_TRIES - 1)

    def flaky(self, *args):
        if failures:
            raise failures.pop()
        return commit(self, *args)

    before, new = count(committer), fragments(committer)
    monkeypatch.setattr(Committer, "_commit", flaky)
    committer.append("episodes", new, {})
    assert count(committer) == before + new[0]["physical_rows"]


def test_a_commit_that_keeps_failing_changes_nothing(committer, monkeypatch):
    def full(self, *args):
        raise OSError("No space left on device")

    before, new = count(committer), fragments(committer)
    monkeypatch.setattr(Committer, "_commit", full)
    with pytest.raises(StorageError, match="No space left") as caught:
        committer.append("episodes", new, {})
    assert caught.value.exit_code == 3
    assert "resume" in caught.value.remedy
    assert count(committer) == before


def test_another_writer_is_noticed(committer):
    other = Committer(committer.location)
    other.append("episodes", fragments(other), {})
    with pytest.raises(DatasetLockedError, match="another process wrote"):
        committer.append("episodes", fragments(committer, 15, 20), {})


def test_assets_are_added_once(committer):
    _, _, assets = rows(FakeSpec(), range(3))
    before = committer.table("assets").count_rows()
    committer.add_assets(assets)
    assert committer.table("assets").count_rows() == before
    assert committer.missing_assets(["mesh0", "new"]) == {"new"}
    assert Committer(committer.location).missing_assets(["mesh0", "new"]) == {"new"}


def test_fragments_can_be_cut_before_they_are_committed(committer):
    accepted, _, _ = rows(FakeSpec(), range(10, 20))
    whole = committer.writer.write("episodes", accepted)
    keys = [r["episode_id"] for r in accepted[:2]]
    part = committer.writer.keep("episodes", whole, keys)
    before = count(committer)
    committer.append("episodes", part, {})
    dataset = open_dataset(committer.location.root)
    assert len(dataset) == before + 2
    assert dataset.episode(before + 1).content_hash == accepted[1]["content_hash"]
    assert committer.writer.keep("episodes", whole, []) == []


def test_transactions_say_what_they_hold(committer):
    committer.append("episodes", fragments(committer), {"first": "10", "last": "14"})
    latest = committer.table("episodes").read_transaction(committer.table("episodes").version)
    assert latest.transaction_properties == {"datafactory.first": "10", "datafactory.last": "14"}


def test_done_attempts_are_known_and_duplicates_are_corruption(committer):
    done, failed = committer.attempts_done()
    assert done | failed == set(range(10))
    committer.append("episodes", fragments(committer, 0, 3), {})
    with pytest.raises(DatasetCorruptError, match="two rows"):
        committer.attempts_done()


def test_run_rows_are_replaced_by_call(committer):
    committer.write_run(run_row(FakeSpec(), call_id="call-1", status="running"))
    committer.write_run(run_row(FakeSpec(), call_id="call-1", status="complete"))
    assert [(r["call_id"], r["status"]) for r in committer.runs()] == [
        ("call-0", "complete"),
        ("call-1", "complete"),
    ]


def test_foreign_folders_are_not_written_to(tmp_path):
    (tmp_path / "thesis.docx").write_text("important")
    with pytest.raises(DatasetError, match=r"thesis\.docx"):
        create_tables(Location.of(tmp_path), ())


def test_creation_cut_short_is_finished_by_the_next_one(tmp_path, monkeypatch):
    import lance

    write, calls = lance.write_dataset, []

    def dies(*args, **kwargs):
        if len(calls) == 2:
            raise OSError("No space left on device")
        calls.append(args)
        return write(*args, **kwargs)

    location = Location.of(tmp_path / "d")
    monkeypatch.setattr(lance, "write_dataset", dies)
    with pytest.raises(StorageError):
        create_tables(location, ())
    assert not is_dataset(location)
    with pytest.raises(DatasetError, match="not a datafactory dataset"):
        Committer(location)
    monkeypatch.undo()
    create_tables(location, Fake().extra_columns())
    assert is_dataset(location)
    assert len(open_dataset(location.root)) == 0


@pytest.mark.parametrize("damage", ["missing", "no manifest", "unreadable"])
def test_rows_are_never_replaced_by_empty_tables(committer, damage):
    root = committer.location.path
    versions = root / "runs.lance/_versions"
    if damage == "missing":
        shutil.rmtree(root / "runs.lance")
    for manifest in list(versions.glob("*")):
        manifest.unlink() if damage == "no manifest" else manifest.write_bytes(b"junk")
    before = committer.table("episodes").count_rows()
    assert before
    with pytest.raises(DatasetCorruptError, match=r"runs|attempts|episodes"):
        run_generation(request(root))
    assert open_table(committer.location, "episodes").count_rows() == before


def request(root):
    return GenerateRequest(str(root), REFERENCE, FakeSpec().to_dict(), n=20, run_seed=7, workers=1)


@pytest.mark.parametrize("name", ["assets", "episodes", "attempts"])
def test_a_lost_table_is_named(committer, name):
    shutil.rmtree(committer.location.table(name))
    for use in (open_dataset, lambda root: run_generation(request(root))):
        with pytest.raises(DatasetCorruptError, match=rf"'{name}' of .* is missing") as caught:
            use(committer.location.root)
        assert caught.value.exit_code == 1


@pytest.mark.parametrize("answer", ["connection reset", "was not found: Not found"])
def test_only_not_found_means_that_a_table_is_absent(monkeypatch, answer):
    def fails(*args, **kwargs):
        raise OSError(answer)

    monkeypatch.setattr("lance.dataset", fails)
    assert table_exists(Location.of("s3://bucket/d"), "runs") == ("not found" not in answer)


def test_compaction_keeps_content_order_and_size(tmp_path):
    committer = make(tmp_path / "d", realistic(frames=60), count=24, shard=3)
    before = open_dataset(tmp_path / "d")
    order = before.episodes(columns=["attempt"]).column(0).to_pylist()
    digest, size = content_digest(before), folder_bytes(committer)
    assert small_fragments(committer, "episodes") == 8
    result = compact(str(tmp_path / "d"))
    after = open_dataset(tmp_path / "d")
    assert result.fragments_after < result.fragments_before
    assert len(after.table("episodes").get_fragments()) == 1
    assert after.episodes(columns=["attempt"]).column(0).to_pylist() == order
    assert content_digest(after) == digest
    (merged,) = [d.path for f in after.table("episodes").get_fragments() for d in f.data_files()]
    assert (tmp_path / "d/episodes.lance/data" / merged).stat().st_size < size
    assert content_digest(before) == digest


def test_compaction_never_changes_the_order_of_rows(tmp_path, monkeypatch):
    """Merged fragments get new ids, and Lance orders rows by fragment id."""
    monkeypatch.setattr("datafactory.store.compact.ROWS_PER_FRAGMENT", 40)
    monkeypatch.setattr("datafactory.store.compact.SMALL", 8)
    committer = make(tmp_path / "d", count=0)
    rng, done, merges = random.Random(3), 0, 0
    for _ in range(60):
        size = rng.choice([1, 2, 5, 13, 39])
        accepted, _, _ = rows(FakeSpec(frames=8, objects=1, mjcf_bytes=0), range(done, done + size))
        done += size
        committer.append("episodes", committer.writer.write("episodes", accepted), {})
        if rng.random() < 0.4:
            merges += compact_table(committer, "episodes")
            order = committer.table("episodes").to_table(columns=["attempt"]).column(0).to_pylist()
            assert order == sorted(order)
    assert merges > 5
    assert len(committer.table("episodes").get_fragments()) < 40


def test_compaction_between_appends_loses_nothing(tmp_path):
    committer = make(tmp_path / "d", count=10)
    compact_table(committer, "episodes")
    committer.append("episodes", fragments(committer), {})
    make(tmp_path / "plain", count=10)
    assert count(committer) == len(open_dataset(tmp_path / "plain")) + len(
        rows(FakeSpec(), range(10, 15))[0]
    )


HOLD = """
import sys, time
from datafactory.store.location import Location
from datafactory.store.lock import writer_lock
with writer_lock(Location.of(sys.argv[1]), "generate"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_lock_names_its_holder_and_dies_with_it(tmp_path):
    location = Location.of(tmp_path / "d")
    assert holder(location) is None
    command = [sys.executable, "-c", HOLD, location.root]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        who = holder(location)
        assert (who.pid, who.what) == (process.pid, "generate")
        with (
            pytest.raises(DatasetLockedError, match=str(process.pid)),
            writer_lock(location, "compact"),
        ):
            pass
        os.kill(process.pid, signal.SIGKILL)
    assert holder(location) is None
    with writer_lock(location, "compact"):
        assert holder(location).what == "compact"


def test_an_unwritable_folder_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StorageError, match="cannot write"),
        writer_lock(Location.of(tmp_path / "file" / "d"), "generate"),
    ):
        pass


def test_tables_of_the_first_format_are_read_and_get_their_columns_when_written(
    tmp_path, monkeypatch
):
    def before(table, extra=()):
        new = table_schema(table, extra)
        kept = [f for f in new if f.name != "arms"]
        metadata = {**new.metadata, b"datafactory.schema_version": b"1"}
        return pa.schema(kept, metadata=metadata)

    with monkeypatch.context() as old:
        old.setattr("datafactory.store.commit.table_schema", before)
        old.setattr("datafactory.store.commit.ADDED", {})
        make(tmp_path, count=10)
    dataset = open_dataset(tmp_path)
    assert "arms" not in dataset.schema.names
    count = len(dataset)
    assert dataset.episode(0).trajectory.arms == ()
    assert not [
        f for s in validate(str(tmp_path), names=["schema", "content"]).stages for f in s.findings
    ]
    digest = content_digest(tmp_path)
    Committer(Location.of(tmp_path))
    dataset = open_dataset(tmp_path)
    assert dataset.schema.field("arms").nullable
    assert dataset.schema.metadata[b"datafactory.schema_version"] == b"2"
    assert len(dataset) == count
    assert all(e.trajectory.arms == () for e in dataset.iter_episodes())
    assert content_digest(tmp_path) == digest
