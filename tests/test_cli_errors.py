"""The command line on bad input: one clear message, a remedy, the right exit code, no harm."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from datafactory.errors import StorageError
from datafactory.store.location import Location
from datafactory.store.lock import writer_lock
from datafactory_cli.main import run
from tests.fake_generator import register

TASK = """\
name: mugs
objects: {a: mug, b: plate}
goal: {relation: on, subject: a, object: b}
instructions: {train: ["put {a} on {b}"]}
"""


@pytest.fixture(scope="module")
def plugin_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugins")
    register(folder)
    return str(folder)


@pytest.fixture(autouse=True)
def plugins(plugin_folder, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(plugin_folder)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def original(tmp_path_factory, plugin_folder):
    sys.path.insert(0, plugin_folder)
    path = tmp_path_factory.mktemp("data") / "set"
    try:
        assert run(["generate", "--task", "fake_put", "--n", "3", "--workers", "1", "-q",
                    "--out", str(path)]) == 0  # fmt: skip
    finally:
        sys.path.remove(plugin_folder)
    return path


@pytest.fixture
def dataset(original, tmp_path):
    return Path(shutil.copytree(original, tmp_path / "set"))


def fails(capsys, code, *argv):
    """Runs a command that must fail; returns what it told people."""
    assert run([str(a) for a in argv]) == code
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ") or "\nerror: " in captured.err, captured.err
    assert "Traceback" not in captured.err
    return captured.err


def generate(*extra, task="fake_put", n="2"):
    return ("generate", "--task", task, "--n", n, "--workers", "1", *extra)


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("genrate",), "Did you mean 'generate'?"),
        (("tasks", "lst"), "Did you mean 'list'?"),
        (("generate", "--tsk", "x"), "Did you mean '--task'?"),
        (("generate", "--n", "many"), "'--n': must be a valid integer"),
        (("generate", "--n", "2.5"), "'--n': must be a valid integer"),
        (generate(n="0"), "'n' must be at least 1"),
        (generate(n="-3"), "'n' must be at least 1"),
        (("generate", "--n", "2"), "no task is given"),
        (("generate", "--task", "fake_put"), "the number of episodes is not given"),
        (generate(task="fake_pot"), "did you mean 'fake_put'?"),
        (generate("--robot", "franka_pand"), "did you mean 'franka_panda'?"),
        (generate("--robot", "pandda"), "did you mean 'franka_panda'?"),
        (generate("--set", "sources=[teir0]"), "did you mean 'tier0'?"),
        (generate("--seed", "-1"), "'seed' must be at least 0"),
        (generate("--min-yield", "3"), "between 0 and 1"),
        (generate("--workers", "0"), "'workers' must be at least 1"),
        (generate("--set", "fps"), "--set takes KEY=VALUE"),
        (generate("--set", "fps=fast"), "--set fps=fast"),
        (generate("--set", "randomise.x=1"), "did you mean 'randomize'?"),
        (generate("--distractors", "few"), "--distractors 10 or --distractors 0-5"),
        (generate("--distractors", "40"), "distractor count"),
        (generate("--config", "none.yaml"), "none.yaml"),
        (generate(task="none.yaml"), "none.yaml"),
        (("assets", "info", "mugg"), "did you mean 'mug'?"),
        (("assets", "fetch", "pandas"), "unknown pack"),
        (("tasks", "new", "task.txt"), "ends in .yaml"),
        (("bench", "generate", "--task", "nope"), "unknown task"),
        (("show", "nowhere"), "is not a datafactory dataset"),
        (("resume", "nowhere"), "is not a datafactory dataset"),
        (("status", "nowhere"), "is not a datafactory dataset"),
        (("stats", "nowhere"), "is not a datafactory dataset"),
        (("verify", "nowhere"), "is not a datafactory dataset"),
        (("validate", "nowhere"), "is not a datafactory dataset"),
    ],
)
def test_usage_errors_exit_2_with_a_remedy_and_no_trace(capsys, tmp_path, argv, told):
    assert told in fails(capsys, 2, *argv)
    assert list(tmp_path.glob("data*")) == [], "nothing was written"


def test_unreachable_scheduler(capsys):
    message = fails(capsys, 2, *generate("--scheduler", "nonsense", "--out", "d"))
    assert "nonsense" in message


def test_json_errors_are_one_object(capsys):
    assert run([*generate(task="fake_pot"), "--json"]) == 2
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert found["schema_version"] == 1
    assert found["error"]["exit_code"] == 2
    assert "did you mean" in found["error"]["try"]
    assert run(["genrate", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["exit_code"] == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ((": mug,", ": mugg,"), ":2:cases.0.objects.a"),
        (("relation: on", "relation: onto"), "unknown relation 'onto'"),
        (("object: b", "object: c"), "unknown object 'c'"),
        ((": mug,", ": {colr: red},"), "try: 'colour'"),
        (("subject: a", "subjct: a"), "did you mean 'subject'?"),
        (("put {a} on", "put {z} on"), "unknown object '{z}'"),
        (("name: mugs", "nam: mugs"), "did you mean 'name'?"),
        (("name: mugs", "name: mugs\nfps: fast"), ":2:fps"),
        (("{a: mug, b", "{a: mug, a"), "written twice"),
        (("put {a}", "put {a"), ":4:"),
    ],
)
def test_task_file_errors_name_file_line_and_key(capsys, tmp_path, change, told):
    text = TASK.replace(*change)
    assert text != TASK
    (tmp_path / "mugs.yaml").write_text(text)
    argv = ("generate", "--task", "mugs.yaml", "--n", "1", "--workers", "1", "--dry-run")
    message = fails(capsys, 2, *argv)
    assert told in message
    assert max(message.count(f"\n  {word}: ") for word in ("where", "why", "try")) == 1
    assert "more)" not in message, "one mistake is one mistake"
    assert not (tmp_path / "data").exists()


def test_contradictory_task(capsys, tmp_path):
    goal = (
        "goal: [{relation: left, subject: a, object: b}, {relation: right, subject: a, object: b}]"
    )
    lines = [goal if line.startswith("goal") else line for line in TASK.splitlines()]
    (tmp_path / "mugs.yaml").write_text("\n".join(lines))
    message = fails(capsys, 2, *generate(task="mugs.yaml", n="1"))
    assert "mugs.yaml:3" in message


def test_dataset_of_another_spec_is_left_alone(capsys, dataset):
    before = snapshot(dataset)
    message = fails(capsys, 2, *generate("--out", dataset, "--seed", "5"))
    assert "holds another run" in message
    assert "run_seed" in message
    message = fails(capsys, 2, *generate("--out", dataset, "--set", "fps=10"))
    assert "fps" in message
    assert snapshot(dataset) == before


def snapshot(folder):
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != ".lock"
    }


def test_folder_with_other_files_is_left_alone(capsys, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "holiday.jpg").write_bytes(b"x")
    message = fails(capsys, 2, *generate("--out", folder))
    assert "not empty" in message
    assert [p.name for p in folder.iterdir() if p.name != ".lock"] == ["holiday.jpg"]
    assert "is not a datafactory dataset" in fails(capsys, 2, "show", folder)


def test_out_is_a_file(capsys, tmp_path):
    (tmp_path / "file").write_text("x")
    fails(capsys, 3, *generate("--out", tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder(capsys, tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    assert "cannot write" in fails(capsys, 3, *generate("--out", folder / "d"))


def test_write_refused_by_the_system(capsys, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert "cannot write" in fails(capsys, 3, *generate("--out", tmp_path / "d"))


def test_full_disk_while_running(capsys, tmp_path, monkeypatch):
    from datafactory.store.commit import Committer

    def full(*_, **__):
        raise StorageError("writing failed", why="No space left on device",
                           remedy="free some space, then: datafactory resume d")  # fmt: skip

    monkeypatch.setattr(Committer, "append", full)
    message = fails(capsys, 3, *generate("--out", tmp_path / "d"))
    assert "No space left" in message
    assert "datafactory resume" in message
    monkeypatch.undo()


def test_run_too_large_for_the_disk_asks_for_yes(capsys, tmp_path):
    message = fails(capsys, 2, *generate("--out", tmp_path / "d", n="900000000000"))
    assert "the disk is too small" in message
    assert "--yes" in message
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize("command", ["show", "stats", "status", "resume", "validate", "verify"])
def test_truncated_manifest(capsys, dataset, command):
    for manifest in (dataset / "episodes.lance" / "_versions").iterdir():
        manifest.write_bytes(manifest.read_bytes()[:20])
    before = snapshot(dataset)
    message = fails(capsys, 1, command, dataset)
    assert "cannot be read" in message
    assert "restore it from a copy" in message
    assert snapshot(dataset) == before


def test_two_writers(capsys, dataset):
    with writer_lock(Location.of(dataset), "generate"):
        message = fails(capsys, 2, *generate("--out", dataset, n="5"))
    assert "being written by another process" in message
    assert str(os.getpid()) in message


def test_low_yield_stops_with_the_reason_table(capsys, tmp_path):
    code = run([*generate("--out", str(tmp_path / "d"), task="hopeless_put", n="5"), "-q"])
    captured = capsys.readouterr()
    assert code == 3
    assert "grasp_slip" in captured.out
    assert "100.0%" not in captured.out.split("grasp_slip")[0].split("accepted")[0]
    assert "--min-yield" in captured.err


def test_missing_pack_offline(capsys, tmp_path, monkeypatch):
    from datafactory.robots import load_robot

    load_robot.cache_clear()
    monkeypatch.setenv("DATAFACTORY_ASSET_STORE", str(tmp_path / "empty"))
    monkeypatch.setenv("DATAFACTORY_OFFLINE", "1")
    message = fails(capsys, 4, *generate("--robot", "franka_panda", "--out", tmp_path / "d"))
    assert "panda" in message
    assert not (tmp_path / "d").exists()
    assert run(["assets", "fetch", "--yes"]) == 4
    load_robot.cache_clear()


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("--index", "99"), "has no episode 99"),
        (("--index", "-1"), "has no episode -1"),
        (("ffffffff",), "has no episode"),
        (("it's",), "has no episode"),
        (("--rejected", "99"), "no rejected attempt 99"),
        (("--rejected", "0", "--index", "0"), "one of"),
        (("--sheet", "0"), "--sheet takes 1 to 200"),
        (("--at", "77"), "no version or tag"),
        (("--png", "x.gif"), "ends in .png"),
    ],
)
def test_show_errors(capsys, dataset, argv, told):
    assert told in fails(capsys, 2, "show", dataset, *argv)


def test_existing_files_are_never_overwritten(capsys, tmp_path):
    (tmp_path / "mine.yaml").write_text("precious")
    assert "exists already" in fails(capsys, 2, "tasks", "new", "mine.yaml")
    assert "exists already" in fails(capsys, 2, "config", "init", "mine.yaml")
    assert (tmp_path / "mine.yaml").read_text() == "precious"


def test_a_bug_is_one_line_and_exit_70(capsys, monkeypatch):
    def explode(*_, **__):
        raise ZeroDivisionError("boom")

    monkeypatch.setattr("datafactory.inventory.plugins", explode)
    message = fails(capsys, 70, "list")
    assert message == "error: ZeroDivisionError: boom\n  this is a bug; run with --debug\n"
    assert run(["list", "--debug"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_mistyped_variable_is_named(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("DATAFACTORY_WROKERS", "2")
    assert run([*generate("--out", str(tmp_path / "d"))]) == 0
    assert "DATAFACTORY_WROKERS means nothing" in capsys.readouterr().err


def test_licence_of_the_robot_is_checked(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("datafactory_assets.licences.PERMISSIVE", frozenset({"MIT"}))
    argv = generate("--robot", "primitive_arm", "--out", tmp_path / "d")
    message = fails(capsys, 2, *argv)
    assert "is not allowed" in message
    named = message.split("the licence ")[1].split()[0]
    assert run([*map(str, argv), "--allow-licence", named]) == 0
