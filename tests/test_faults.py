from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from datafactory.errors import SpecError, StorageError
from datafactory.executor.coordinator import run_generation
from datafactory.executor.faults import AttemptBugError
from datafactory.executor.resume import resume, status
from datafactory.store.commit import Committer
from datafactory.store.compact import collect_garbage
from datafactory.store.dataset import content_digest, open_dataset
from datafactory.store.location import Location
from datafactory.store.lock import holder
from tests.fake_attempts import FakeSpec
from tests.run_fake import request

N = 24
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Digest of an undisturbed run."""
    path = tmp_path_factory.mktemp("undisturbed") / "d"
    run_generation(ask(path))
    return content_digest(path)


def ask(path, **spec):
    return request(str(path), N, FakeSpec(**spec).to_dict())


def environment() -> dict[str, str]:
    paths = [str(ROOT), *(p for p in sys.path if p)]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def start(path, *address: str, n: int = N, die_at: str = "", **spec) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.run_fake", str(path), str(n), json.dumps(spec)]
    armed = {"DIE_AT": die_at} if die_at else {}
    return subprocess.Popen([*command, *address], env=environment() | armed, cwd=ROOT)


def accepted(path) -> int:
    return len(open_dataset(path)) if (path / "runs.lance/_versions").is_dir() else 0


def wait_for(condition, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task")
    tasks = text.iterdir() if text.is_dir() else ()
    return [int(c) for t in tasks for c in (t / "children").read_text().split()]


def gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def test_a_hung_attempt_becomes_a_timeout_row_whoever_runs_it(tmp_path):
    digests = set()
    for workers in (1, 2):
        path = tmp_path / str(workers)
        request_ = replace(ask(path, hang=(3, 6)), workers=workers, attempt_timeout_s=0.5)
        summary = run_generation(request_)
        assert dict(summary.reasons)["timeout"] == 2
        rows = open_dataset(path).attempts("reason = 'timeout'").to_pylist()
        assert [(r["attempt"], r["stage"]) for r in rows] == [(3, "execute"), (6, "execute")]
        digests.add(content_digest(path))
    assert len(digests) == 1


def test_a_crashed_attempt_is_made_again(tmp_path, undisturbed):
    marks = tmp_path / "marks"
    marks.mkdir()
    run_generation(ask(tmp_path / "d", crash=(2, 9, 17), mark_in=str(marks)))
    assert sorted(p.name for p in marks.iterdir()) == ["17", "2", "9"]
    assert content_digest(tmp_path / "d") == undisturbed


def test_an_attempt_that_always_crashes_is_named(tmp_path, undisturbed):
    with pytest.raises(AttemptBugError, match=r"attempt 8; .*\n.*code -9, 3 times") as caught:
        run_generation(ask(tmp_path / "d", crash=(8,)))
    assert caught.value.attempt == 8
    assert status(str(tmp_path / "d")).attempted <= 8
    run_generation(ask(tmp_path / "d"))
    assert content_digest(tmp_path / "d") == undisturbed


def test_a_full_disk_in_a_worker_is_resumable(tmp_path, undisturbed):
    """A file size limit stands for the full disk: writes fail in the same call."""
    spec = {"fill_disk": (7,), "mark_in": str(tmp_path)}
    with pytest.raises(StorageError, match="writing to") as caught:
        run_generation(ask(tmp_path / "d", **spec))
    assert caught.value.exit_code == 3
    kept = accepted(tmp_path / "d")
    assert kept < N
    run_generation(ask(tmp_path / "d"))
    assert content_digest(tmp_path / "d") == undisturbed


def test_a_full_disk_at_commit_is_resumable(tmp_path, undisturbed, monkeypatch):
    append, calls = Committer.append, []

    def fills(self, name, parts, properties):
        calls.append(name)
        if len(calls) > 6 and name == "attempts":
            raise StorageError("writing failed", why="No space left on device")
        append(self, name, parts, properties)

    monkeypatch.setattr(Committer, "append", fills)
    monkeypatch.setattr("datafactory.executor.ledger.COMMIT_EVERY_S", 0.0)
    with pytest.raises(StorageError):
        run_generation(ask(tmp_path / "d"))
    monkeypatch.undo()
    assert 0 < accepted(tmp_path / "d") < N
    resume(str(tmp_path / "d"), workers=2)
    assert content_digest(tmp_path / "d") == undisturbed


@contextmanager
def small_disk(path: Path, size: str):
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting needs privileges")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.mark.slow
def test_a_really_full_disk_is_resumable(tmp_path):
    disk = tmp_path / "disk"
    with small_disk(disk, "3m"):
        big = {"frames": 140, "objects": 6}
        with pytest.raises(StorageError) as caught:
            run_generation(request(str(disk / "d"), 400, FakeSpec(**big).to_dict()))
        assert caught.value.exit_code == 3
        kept = accepted(disk / "d")
        assert 0 < kept < 400
        subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
        summary = resume(str(disk / "d"), n=kept + 20, workers=2)
        assert summary.accepted == kept + 20
        run_generation(request(str(tmp_path / "plain"), kept + 20, FakeSpec(**big).to_dict()))
        assert content_digest(disk / "d") == content_digest(tmp_path / "plain")


def test_sigterm_ends_cleanly_and_leaves_no_process(tmp_path, undisturbed):
    path = tmp_path / "d"
    with start(path, n=500, sleep_s=0.05) as process:
        wait_for(lambda: accepted(path) > 0)
        workers = children(process.pid)
        assert len(workers) == 2
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(20) == 0
    wait_for(lambda: all(gone(pid) for pid in workers))
    now = status(str(path))
    assert (now.status, now.missing) == ("interrupted", 0)


def disturb(path: Path, seed: int) -> None:
    """Starts a run, kills workers, then (mostly) the coordinator, at random moments."""
    rng = random.Random(seed)
    with start(path, sleep_s=0.01) as process:
        time.sleep(rng.uniform(0.3, 1.6))
        for pid in children(process.pid):
            if rng.random() < 0.7:
                os.kill(pid, signal.SIGKILL)
        if rng.random() < 0.8:
            time.sleep(rng.uniform(0.0, 1.0))
            orphans = children(process.pid)
            process.kill()
            process.wait(20)
            wait_for(lambda: all(gone(pid) for pid in orphans))
        else:
            process.wait(60)


def check_after(path: Path, digest: str) -> None:
    assert holder(Location.of(path)) is None
    run_generation(ask(path))
    assert content_digest(path) == digest
    now = status(str(path))
    assert (now.accepted, now.missing) == (N, 0)
    assert collect_garbage(str(path)) == 0


def test_kill_9_changes_nothing(tmp_path, undisturbed):
    disturb(tmp_path / "d", seed=1)
    check_after(tmp_path / "d", undisturbed)


def dies_around_a_commit(path, moment: str, number: int, digest: str) -> None:
    with start(path, die_at=f"{moment}:{number}") as process:
        assert process.wait(60) == -signal.SIGKILL
    before = len(open_dataset(path))
    summary = run_generation(ask(path))
    assert summary.made == N - before
    assert content_digest(path) == digest


@pytest.mark.parametrize(("moment", "number"), [("after", 2), ("before", 6)])
def test_a_death_between_two_tables_is_repaired(tmp_path, undisturbed, moment, number):
    dies_around_a_commit(tmp_path / "d", moment, number, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 13))
def test_a_death_at_any_commit_is_repaired(tmp_path, undisturbed, moment, number):
    dies_around_a_commit(tmp_path / "d", moment, number, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_thirty_random_kills_change_nothing(tmp_path, undisturbed, seed):
    for again in range(2):
        disturb(tmp_path / "d", seed=100 * again + seed)
    check_after(tmp_path / "d", undisturbed)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(1000, 1200))
def test_many_random_kills_change_nothing(tmp_path, undisturbed, seed):
    for again in range(4):
        disturb(tmp_path / "d", seed=100 * again + seed)
    check_after(tmp_path / "d", undisturbed)


@contextmanager
def dask_cluster(folder: Path, workers: int):
    """A real scheduler and real workers, as a user would start them."""
    dask = [sys.executable, "-m", "dask"]
    options = {"env": environment(), "cwd": folder, "stderr": subprocess.PIPE, "text": True}
    quiet = ["--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
    local = ["--host", "127.0.0.1", "--port", "0"]
    scheduler = subprocess.Popen([*dask, "scheduler", *local, *quiet], **options)
    processes = [scheduler]
    try:
        address = ""
        while not address:
            line = scheduler.stderr.readline()
            assert line, "the scheduler ended"
            found = re.search(r"Scheduler at:\s+(tcp://\S+)", line)
            address = found.group(1) if found else ""
        single = ["--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", *quiet]
        for _ in range(workers):
            quiet_options = {**options, "stderr": subprocess.DEVNULL}
            command = [*dask, "worker", address, *single]
            processes.append(subprocess.Popen(command, **quiet_options))
        yield address, processes[1:]
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait(20)
        scheduler.stderr.close()


def test_an_external_scheduler_gives_the_same_content(tmp_path, undisturbed):
    with dask_cluster(tmp_path, 2) as (address, _):
        summary = run_generation(replace(ask(tmp_path / "d"), scheduler=address))
        assert summary.accepted == N
        assert content_digest(tmp_path / "d") == undisturbed
        (run,) = open_dataset(tmp_path / "d").runs()
        assert run.options["scheduler"] is True
        assert address not in str(run.options)


@pytest.mark.slow
def test_a_killed_dask_worker_costs_time_only(tmp_path, undisturbed):
    with (
        dask_cluster(tmp_path, 2) as (address, workers),
        start(tmp_path / "d", address, sleep_s=0.1) as process,
    ):
        wait_for(lambda: accepted(tmp_path / "d") > 0)
        attempts = children(workers[0].pid)
        workers[0].kill()
        wait_for(lambda: all(gone(pid) for pid in attempts))
        assert process.wait(60) == 0
    assert content_digest(tmp_path / "d") == undisturbed


@pytest.mark.slow
def test_a_lost_scheduler_is_resumable(tmp_path, undisturbed):
    with dask_cluster(tmp_path, 1) as (address, _):
        process = start(tmp_path / "d", address, sleep_s=0.1)
        wait_for(lambda: accepted(tmp_path / "d") > 0)
    assert process.wait(60) != 0
    resume(str(tmp_path / "d"), workers=2)
    assert content_digest(tmp_path / "d") == undisturbed


def test_an_unreachable_scheduler_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("datafactory.executor.cluster.CONNECT_S", 0.5)
    with pytest.raises(SpecError, match=r"127\.0\.0\.1:1 cannot be reached"):
        run_generation(replace(ask(tmp_path / "d"), scheduler="tcp://127.0.0.1:1"))
