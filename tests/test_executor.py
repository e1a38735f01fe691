from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace

import pytest

from datafactory.errors import (
    DatasetError,
    DatasetLockedError,
    PluginError,
    SpecError,
    StoppedEarlyError,
)
from datafactory.executor.attempts import Reply
from datafactory.executor.coordinator import run_generation
from datafactory.executor.faults import AttemptBugError
from datafactory.executor.machine import code_fingerprint
from datafactory.executor.request import GenerateRequest, Meter
from datafactory.executor.resume import resume, status
from datafactory.executor.shards import Shards, holes, truncate
from datafactory.store.commit import Committer
from datafactory.store.compact import collect_garbage
from datafactory.store.dataset import content_digest, open_dataset
from datafactory.store.location import Location
from tests.fake_attempts import REFERENCE, Fake, FakeSpec


def ask(path, n=20, spec=None, **changes) -> GenerateRequest:
    spec = spec or FakeSpec()
    options = {"run_seed": 7, "workers": 2, "shard_size": 4, **changes}
    return GenerateRequest(str(path), REFERENCE, spec.to_dict(), n=n, **options)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """An undisturbed run of 20 accepted episodes, made by one worker."""
    path = tmp_path_factory.mktemp("plain") / "d"
    run_generation(ask(path, workers=1))
    return path


def test_content_is_the_walk_up_to_the_nth_accepted_attempt(plain):
    maker = Fake().open(FakeSpec(), 7)
    expected, index = [], 0
    while sum(expected) < 20:
        expected.append(maker.attempt(index).verdict.accepted)
        index += 1
    dataset = open_dataset(plain)
    accepted = dataset.episodes(columns=["attempt"]).column(0).to_pylist()
    rejected = dataset.attempts(columns=["attempt"]).column(0).to_pylist()
    assert accepted == [i for i, ok in enumerate(expected) if ok]
    assert rejected == [i for i, ok in enumerate(expected) if not ok]


def test_content_does_not_depend_on_workers_or_shards(tmp_path, plain):
    summary = run_generation(ask(tmp_path / "d", workers=3, shard_size=3))
    assert (summary.status, summary.accepted, summary.made) == ("complete", 20, 20)
    assert summary.accepted + sum(n for _, n in summary.reasons) == summary.attempted
    assert content_digest(tmp_path / "d") == content_digest(plain)
    assert collect_garbage(str(tmp_path / "d")) == 0


def test_raising_n_continues_the_run(tmp_path, plain):
    run_generation(ask(tmp_path / "d", n=7))
    summary = run_generation(ask(tmp_path / "d", n=20))
    assert (summary.accepted, summary.made) == (20, 13)
    assert content_digest(tmp_path / "d") == content_digest(plain)
    again = run_generation(ask(tmp_path / "d", n=5))
    assert (again.accepted, again.made, again.status) == (20, 0, "complete")
    assert content_digest(tmp_path / "d") == content_digest(plain)


def test_the_run_is_recorded(plain):
    (run,) = open_dataset(plain).runs()
    assert (run.status, run.planned, run.accepted) == ("complete", 20, 20)
    assert run.spec == FakeSpec().to_dict()
    assert run.options["generator"] == REFERENCE
    assert run.engine.startswith("mujoco ")
    assert run.ended_at >= run.started_at
    assert "hostname" not in str(run.machine)


def test_status_counts_what_is_committed(plain):
    now = status(str(plain))
    assert (now.status, now.planned, now.accepted, now.missing) == ("complete", 20, 20, 0)
    assert now.accepted + sum(n for _, n in now.reasons) == now.attempted
    assert now.held_by == ""
    assert now.bytes_on_disk > 10_000


def test_progress_ends_with_the_full_count(tmp_path):
    events = []
    run_generation(ask(tmp_path / "d", n=10), on_event=events.append)
    assert (events[-1].accepted, events[-1].planned) == (10, 10)
    assert [e.accepted for e in events] == sorted(e.accepted for e in events)


def test_another_spec_or_seed_is_refused_with_the_difference(tmp_path):
    run_generation(ask(tmp_path / "d", n=3))
    with pytest.raises(DatasetError, match="run_seed: 7 there, 8 here"):
        run_generation(ask(tmp_path / "d", n=3, run_seed=8))
    with pytest.raises(DatasetError, match="frames: 12 there, 13 here") as caught:
        run_generation(ask(tmp_path / "d", n=3, spec=FakeSpec(frames=13)))
    assert "new folder" in caught.value.remedy
    assert len(open_dataset(tmp_path / "d")) == 3


def test_another_engine_version_is_refused(tmp_path, monkeypatch):
    run_generation(ask(tmp_path / "d", n=2))
    monkeypatch.setattr("datafactory.executor.ledger.engine", lambda: "mujoco 9")
    with pytest.raises(DatasetError, match="mujoco 9 here"):
        run_generation(ask(tmp_path / "d", n=3))


def test_a_change_of_the_programs_is_never_silent(tmp_path, monkeypatch, caplog):
    first = run_generation(ask(tmp_path / "d", n=2))
    again = run_generation(ask(tmp_path / "d", n=3))
    assert first.remarks == again.remarks == ()
    codes = [r.versions["code"] for r in open_dataset(tmp_path / "d").runs()]
    assert len(codes) == 2
    assert len(set(codes)) == 1
    monkeypatch.setattr("datafactory.executor.ledger.code_fingerprint", lambda module: "other")
    changed = run_generation(ask(tmp_path / "d", n=4))
    assert f"code {codes[0]} before, other now" in changed.remarks[0]
    assert changed.remarks[0] in caplog.text
    assert open_dataset(tmp_path / "d").runs()[-1].versions["code"] == "other"


def test_the_fingerprint_sees_programs_and_pinned_assets(tmp_path, monkeypatch):
    package = tmp_path / "some_generator"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    found = set()
    for name in ("__init__.py", "inner.py", "assets.lock", "notes.txt"):
        (package / name).write_text("x = 1\n")
        code_fingerprint.cache_clear()
        found.add(code_fingerprint("some_generator.inner"))
    assert len(found) == 3
    code_fingerprint.cache_clear()


def test_a_writer_excludes_others(tmp_path):
    from datafactory.store.lock import writer_lock

    with (
        writer_lock(Location.of(tmp_path / "d"), "compact"),
        pytest.raises(DatasetLockedError, match=str(os.getpid())),
    ):
        run_generation(ask(tmp_path / "d", n=2))


@pytest.mark.parametrize(
    "changes",
    [{"n": 0}, {"workers": 0}, {"run_seed": -1}, {"min_yield": 2.0}, {"attempt_timeout_s": 0}],
)
def test_impossible_requests_are_refused(tmp_path, changes):
    with pytest.raises(SpecError, match="out of range"):
        ask(tmp_path, **changes)


def test_unknown_generators_are_named(tmp_path):
    with pytest.raises(PluginError, match="fake_attempts:Nothing"):
        run_generation(replace(ask(tmp_path / "d"), generator="tests.fake_attempts:Nothing"))


def test_low_yield_stops_with_the_reason_table(tmp_path):
    spec = FakeSpec(reject=0.995, frames=8, mjcf_bytes=50)
    request = ask(tmp_path / "d", n=50, spec=spec, min_yield=0.05, shard_size=64)
    with pytest.raises(StoppedEarlyError, match=r"rejected: (grasp_slip|ik_failed) \d+") as caught:
        run_generation(request)
    assert caught.value.exit_code == 3
    now = status(str(tmp_path / "d"))
    assert now.status == "stopped"
    assert 500 <= now.attempted < 600


def test_a_bug_in_a_generator_is_reported_and_resumable(tmp_path, plain):
    with pytest.raises(AttemptBugError, match="a bug at attempt 9") as caught:
        run_generation(ask(tmp_path / "d", spec=FakeSpec(fail=(9,))))
    assert caught.value.attempt == 9
    now = status(str(tmp_path / "d"))
    assert now.status == "stopped"
    assert now.attempted <= 9
    run_generation(ask(tmp_path / "d"))
    assert content_digest(tmp_path / "d") == content_digest(plain)


def test_ctrl_c_commits_what_is_finished_and_resumes(tmp_path, plain):
    spec = FakeSpec(sleep_s=0.05)
    timer = threading.Timer(2.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    summary = run_generation(ask(tmp_path / "d", n=200, spec=spec))
    timer.join()
    assert summary.status == "interrupted"
    assert 0 < summary.accepted < 200
    assert status(str(tmp_path / "d")).status == "interrupted"
    longer = resume(str(tmp_path / "d"), n=max(20, summary.accepted), workers=2)
    assert longer.status == "complete"
    if summary.accepted <= 20:
        assert content_digest(tmp_path / "d") == content_digest(plain)


def test_resume_needs_a_run(tmp_path):
    from datafactory.store.commit import create_tables

    create_tables(Location.of(tmp_path / "d"), ())
    with pytest.raises(DatasetError, match="no run to continue"):
        resume(str(tmp_path / "d"))
    with pytest.raises(DatasetError, match="not a datafactory dataset"):
        resume(str(tmp_path / "nowhere"))


def test_assets_are_stored_once(plain):
    ids = open_dataset(plain).assets(columns=["asset_id"]).column(0).to_pylist()
    assert len(ids) == len(set(ids)) == 7
    used = open_dataset(plain).episodes(columns=["asset_ids"]).column(0).to_pylist()
    assert {a for row in used for a in row} <= set(ids)


def test_holes_are_the_missing_indices():
    assert holes([]) == []
    assert holes([0, 1, 2]) == []
    assert holes([4, 0, 2]) == [1, 3]


def reply(*reasons: str, first: int = 0) -> Reply:
    indices = tuple(range(first, first + len(reasons)))
    ids = [f"id{i}" for i in indices]
    return Reply(indices, reasons=list(reasons), ids=ids, uses=[()] * len(ids), wall_s=0.1)


def test_truncation_keeps_everything_up_to_the_nth_accepted():
    whole = reply("", "bad", "", "bad", "")
    cut, was_cut = truncate(whole, 2)
    assert (cut.indices, cut.reasons, was_cut) == ((0, 1, 2), ["", "bad", ""], True)
    assert truncate(whole, 3) == (whole, False)
    assert truncate(whole, 9) == (whole, False)


def test_shards_come_back_in_order():
    from collections import deque

    shards = Shards(8, deque([3, 5]), 10)
    numbers = [shards.cut(2) for _ in range(3)]
    assert [indices for _, indices in numbers] == [(3, 5), (10, 11), (12, 13)]
    shards.add(2, reply("", ""))
    assert shards.head() is None
    shards.add(0, reply("", ""))
    assert shards.head()[0] == 0
    shards.pop()
    assert shards.head() is None
    assert (shards.uncommitted, shards.attempts_uncommitted) == (2, 4)
    shards.add(1, reply(""))
    shards.again(1)
    assert shards.head() is None


def test_shards_start_small_and_grow_with_what_is_measured():
    from collections import deque

    shards = Shards(32, deque(), 0)
    assert shards.size(1000, 2) == 1
    shards.cut(4)
    shards.add(0, replace(reply("", "", "", ""), wall_s=0.4))
    assert shards.size(1000, 2) == 32
    assert shards.size(12, 2) == 2
    assert shards.size(1, 8) == 1


def test_the_meter_is_throttled_and_trails():
    events = []
    meter = Meter(events.append, 100, every_s=0.05)
    meter.start(10)
    meter.update(10, 10, {}, False)
    meter.update(11, 11, {}, False)
    assert len(events) == 1
    assert events[0].eta_s is None
    time.sleep(0.06)
    meter.update(20, 25, {"b": 1, "a": 4, "c": 4}, False)
    assert events[-1].rate > 0
    assert events[-1].reasons == (("a", 4), ("c", 4), ("b", 1))
    assert events[-1].eta_s == pytest.approx(80 / events[-1].rate)


def test_missing_attempts_between_tables_are_repaired(tmp_path, plain):
    """A crash after the commit of episodes and before that of attempts."""
    run_generation(ask(tmp_path / "d"))
    location = Location.of(tmp_path / "d")
    committer = Committer(location)
    rejected = committer.table("attempts").to_table(columns=["attempt"]).column(0).to_pylist()
    committer.table("attempts").delete(f"attempt IN ({rejected[0]}, {rejected[-1]})")
    assert status(str(tmp_path / "d")).missing == 2
    summary = run_generation(ask(tmp_path / "d"))
    assert (summary.made, summary.accepted) == (0, 20)
    assert content_digest(tmp_path / "d") == content_digest(plain)
