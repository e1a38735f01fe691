from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from datafactory.errors import SpecError, StorageError
from datafactory.exchange.target import atomic_target, size_of


def left(folder):
    return sorted(p.name for p in folder.iterdir())


def test_nothing_is_seen_before_the_end(tmp_path):
    final = tmp_path / "deep" / "out"
    with atomic_target(final, single_file=False) as target:
        assert list(target.iterdir()) == []
        (target / "a").write_bytes(b"12345")
        assert not final.exists()
    assert left(tmp_path / "deep") == ["out"]
    assert size_of(final) == 5


def test_a_file_is_moved_into_place(tmp_path):
    with atomic_target(tmp_path / "x.h5", single_file=True) as target:
        target.write_text("abc")
    assert (tmp_path / "x.h5").read_text() == "abc"
    assert size_of(tmp_path / "x.h5") == 3


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_failed_leaves_nothing(tmp_path, error):
    def fail():
        with atomic_target(tmp_path / "out", single_file=False) as target:
            (target / "a").write_bytes(b"1")
            raise error

    with pytest.raises(error):
        fail()
    assert left(tmp_path) == []


def test_existing_things_are_refused_and_empty_folders_are_not(tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    with atomic_target(full, single_file=False) as target:
        (target / "a").write_bytes(b"1")

    def again():
        with atomic_target(full, single_file=False):
            raise AssertionError

    with pytest.raises(SpecError, match="exists") as caught:
        again()
    assert "remove" in caught.value.remedy
    assert left(full) == ["a"]


def test_leftovers_of_a_killed_process_are_removed(tmp_path):
    program = (
        "import os, sys\n"
        "from datafactory.exchange.target import atomic_target\n"
        "with atomic_target(sys.argv[1], single_file=False) as t:\n"
        "    (t / 'half').write_bytes(b'1'); os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "out")])
    # a zombie: it has ended, but nobody has waited for it
    os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)
    assert left(tmp_path) == [".out.lock", ".out.partial"]
    with atomic_target(tmp_path / "out", single_file=False) as target:
        (target / "whole").write_bytes(b"1")
    killed.wait()
    assert left(tmp_path) == ["out"]
    assert left(tmp_path / "out") == ["whole"]


def test_a_running_writer_is_not_disturbed(tmp_path):
    def write():
        with atomic_target(tmp_path / "out", single_file=False):
            raise AssertionError

    with atomic_target(tmp_path / "out", single_file=False) as target:
        (target / "mine").touch()
        with pytest.raises(SpecError, match="another process"):
            write()
        assert left(target) == ["mine"]
    assert left(tmp_path) == ["out"]


@pytest.mark.parametrize(
    ("place", "single", "error", "message"),
    [
        ("empty", True, SpecError, "folder"),
        ("file/out", False, SpecError, "cannot be made"),
        ("s3://bucket/out", False, SpecError, "local"),
        ("read/out", False, SpecError, "inside"),
        ("x" * 300, False, StorageError, "failed"),
    ],
)
def test_impossible_places_are_refused_before_any_work(
    tmp_path, monkeypatch, place, single, error, message
):
    (tmp_path / "empty").mkdir()
    (tmp_path / "read").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)

    def write():
        with atomic_target(place, single_file=single, source=tmp_path / "read"):
            raise AssertionError

    with pytest.raises(error, match=message):
        write()
    assert left(tmp_path) == ["empty", "file", "read"]
    assert left(tmp_path / "read") == []


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError("write: No space left"),
        StorageError("a table", why="No space left", remedy="resume"),
    ],
)
def test_a_full_disk_is_said_plainly(tmp_path, error):
    def fill():
        with atomic_target(tmp_path / "out", single_file=False):
            raise error

    with pytest.raises(StorageError, match="failed") as caught:
        fill()
    assert "free some space" in caught.value.remedy
    assert left(tmp_path) == []
