"""The command line on good input: output, JSON, manners, help, interruption."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys

import pytest

from datafactory.probe import DATASET_BYTES, SMALL_FILE_BYTES, SMALL_FILES, START_S
from datafactory_cli.main import run
from datafactory_cli.text import duration, shares, size, table
from tests.fake_generator import register

COMMAND = [sys.executable, "-m", "datafactory_cli.main"]
HEAVY = ("numpy", "mujoco", "lance", "pyarrow", "dask", "distributed", "pydantic", "rich", "yaml",
         "scipy", "PIL", "trimesh")  # fmt: skip


@pytest.fixture(scope="module")
def plugin_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugins")
    register(folder)
    return str(folder)


@pytest.fixture(autouse=True)
def plugins(plugin_folder, monkeypatch):
    monkeypatch.syspath_prepend(plugin_folder)
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, plugin_folder):
    """A dataset of 12 accepted episodes."""
    sys.path.insert(0, plugin_folder)
    path = str(tmp_path_factory.mktemp("data") / "set")
    try:
        assert run(["generate", "--task", "fake_put", "--n", "12", "--workers", "1", "-q",
                    "--out", path]) == 0  # fmt: skip
    finally:
        sys.path.remove(plugin_folder)
    return path


def answer(capsys, *argv, code=0):
    """Runs a command and returns its one JSON object."""
    assert run([*argv, "--json"]) == code
    data = json.loads(capsys.readouterr().out)
    assert data["schema_version"] == 1
    return data


def words(capsys, *argv, code=0):
    assert run(list(argv)) == code
    return capsys.readouterr().out


def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_help_is_fast_and_imports_nothing_heavy():
    code = (
        "import sys\nfrom datafactory_cli.main import run\nrun(sys.argv[1:])\n"
        f"print('HEAVY', [m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    for argv, allowed in ((["--help"], set()), (["generate", "--help"], {"pydantic"})):
        times = []
        for _ in range(3):
            begin = children_cpu()
            done = subprocess.run(
                [sys.executable, "-c", code, *argv], capture_output=True, text=True, check=True
            )
            times.append(children_cpu() - begin)
        found = set(json.loads(done.stderr.partition("HEAVY ")[2].replace("'", '"')))
        assert found <= allowed, "typer itself uses pydantic to read options, nothing else may"
        assert "Usage: datafactory" in done.stdout
        assert min(times) < 0.6, "CPU seconds: wall time on a quiet machine, whatever else runs"


def test_every_command_has_the_common_options(capsys):
    for argv in (["generate"], ["resume"], ["status"], ["show"], ["stats"], ["verify"],
                 ["validate"], ["list"], ["doctor"], ["tasks", "list"], ["tasks", "show"],
                 ["tasks", "new"], ["assets", "list"], ["assets", "info"], ["assets", "fetch"],
                 ["assets", "verify"], ["assets", "lock"], ["assets", "licences"],
                 ["config", "show"], ["config", "schema"], ["config", "init"],
                 ["bench", "generate"]):  # fmt: skip
        text = words(capsys, *argv, "--help")
        for option in ("--json", "--quiet", "--no-color", "--debug"):
            assert option in text, argv


def test_version(capsys):
    assert words(capsys, "--version").startswith("datafactory 0.")


def test_generate_ends_with_a_table_and_next_commands(capsys, tmp_path):
    out = tmp_path / "d"
    text = words(capsys, "generate", "--task", "fake_put", "--n", "3", "--workers", "1",
                 "--out", str(out))  # fmt: skip
    assert "3 of 3" in text
    assert "accepted" in text
    assert "datafactory show" in text
    assert "datafactory verify" in text


def test_generate_json_is_a_stream_of_events(capsys, tmp_path):
    code = run(["generate", "--task", "fake_put", "--n", "3", "--workers", "1", "--json",
                "--out", str(tmp_path / "d")])  # fmt: skip
    captured = capsys.readouterr()
    events = [json.loads(line) for line in captured.out.splitlines()]
    assert code == 0
    assert {e["event"] for e in events[:-1]} == {"progress"}
    assert events[-1]["event"] == "summary"
    assert events[-1]["accepted"] == 3
    assert all(e["schema_version"] == 1 for e in events)


def test_progress_goes_to_stderr_and_quiet_is_quiet(capsys, tmp_path):
    run(["generate", "--task", "fake_put", "--n", "2", "--workers", "1",
         "--out", str(tmp_path / "a")])  # fmt: skip
    captured = capsys.readouterr()
    assert "accepted | yield" in captured.err
    assert "\x1b" not in captured.err + captured.out
    run(["generate", "--task", "fake_put", "--n", "2", "--workers", "1", "-q",
         "--out", str(tmp_path / "b")])  # fmt: skip
    assert capsys.readouterr().err == ""


def test_status_resume_and_exactly_once(capsys, tmp_path):
    path = str(tmp_path / "d")
    words(capsys, "generate", "--task", "fake_put", "--n", "2", "--workers", "1", "--out", path)
    found = answer(capsys, "status", path)
    assert (found["status"], found["accepted"], found["planned"]) == ("complete", 2, 2)
    words(capsys, "resume", path, "--n", "5", "--workers", "1")
    found = answer(capsys, "status", path)
    assert (found["accepted"], found["missing"]) == (5, 0)
    assert run(["resume", path, "--workers", "1"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "nothing to do: 5 of 5 accepted\n"
    assert "ep/s" not in captured.err
    assert run(["resume", path, "--workers", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["made"] == 0


def test_never_changes_the_working_directory(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words(capsys, "generate", "--task", "fake_put", "--n", "1", "--workers", "1")
    assert os.getcwd() == str(tmp_path)
    assert (tmp_path / "data" / "fake_put" / "episodes.lance").is_dir()


def test_dry_run_estimates_and_writes_nothing(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = answer(capsys, "generate", "--task", "fake_put", "--n", "1000", "--dry-run")["dry_run"]
    assert found["attempts"] == 24
    assert 0 <= found["low"] <= found["share"] <= found["high"] <= 1
    assert found["seconds"] > 0
    assert found["seconds"] > START_S
    assert found["bytes_total"] == pytest.approx(
        1000 * found["bytes_per_episode"] + DATASET_BYTES + SMALL_FILES * SMALL_FILE_BYTES
    )
    assert list(tmp_path.iterdir()) == []


def test_print_config_shows_sources(capsys, monkeypatch):
    monkeypatch.setenv("DATAFACTORY_SEED", "9")
    rows = answer(
        capsys, "generate", "--task", "fake_put", "--print-config", "--workers", "2",
        "--set", "randomize.mass_scale=[0.7, 0.8]", "--distractors", "2-4",
    )["config"]  # fmt: skip
    assert rows["seed"] == {"value": 9, "source": "DATAFACTORY_SEED"}
    assert rows["workers"] == {"value": 2, "source": "--workers"}
    assert rows["task.randomize.mass_scale"]["value"] == [0.7, 0.8]
    assert rows["task.distractors.count"] == {
        "value": [2, 4],
        "source": "--set distractors.count=[2, 4]",
    }
    assert rows["min_yield"]["source"] == "default"


def test_show_prints_and_draws(capsys, dataset, tmp_path):
    png = tmp_path / "e.png"
    found = answer(capsys, "show", dataset, "--index", "3", "--png", str(png))
    assert found["accepted"]
    assert found["picture"] == str(png)
    assert png.read_bytes().startswith(b"\x89PNG")
    text = words(capsys, "show", dataset, found["id"][:10], "--png", str(png))
    assert found["instruction"] in text
    assert f"datafactory verify {dataset}" in text
    assert "datafactory generate --task fake_put" in text
    assert text.count("reproduce:") == 1
    assert "re-execute" in text
    assert "make again" in text
    detailed = words(capsys, "show", dataset, "-v", "--png", str(png))
    assert "duration_s" in detailed
    assert "mj_step" in detailed


def test_show_without_png_never_overwrites(capsys, dataset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = answer(capsys, "show", dataset)["picture"]
    assert f"picture: {first}" in words(capsys, "show", dataset)
    assert [p.name for p in tmp_path.iterdir()] == [first], "the same picture is not written twice"
    (tmp_path / first).write_text("precious")
    second = answer(capsys, "show", dataset)["picture"]
    assert second == first.replace(".png", "-2.png")
    assert (tmp_path / first).read_text() == "precious"
    (tmp_path / "sheet.png").write_text("precious")
    assert answer(capsys, "show", dataset, "--sheet", "2")["picture"] == "sheet-2.png"


def test_common_options_may_stand_before_the_command(capsys, dataset):
    assert run(["--json", "-q", "status", dataset]) == 0
    assert json.loads(capsys.readouterr().out)["accepted"] == 12
    assert run(["tasks", "--json", "list"]) == 0
    assert json.loads(capsys.readouterr().out)["tasks"]
    assert run(["--json", "status", "--", dataset]) == 0
    assert json.loads(capsys.readouterr().out)["accepted"] == 12
    assert "Usage: datafactory" in words(capsys, "--debug", "--help")
    assert run(["--debug", "status", "nowhere"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_show_rejected_sheet_and_versions(capsys, dataset, tmp_path):
    found = answer(capsys, "show", dataset, "--rejected", "0", "--png", str(tmp_path / "r.png"))
    assert found["reason"] in ("grasp_slip", "ik_failed")
    sheet = answer(capsys, "show", dataset, "--sheet", "4", "--png", str(tmp_path / "s.png"))
    assert len(sheet["episodes"]) == 4
    assert answer(capsys, "show", dataset, "--versions")["versions"]


def test_stats(capsys, dataset, tmp_path):
    png = tmp_path / "map.png"
    found = answer(capsys, "stats", dataset, "--png", str(png))
    assert found["accepted"] == 12
    assert found["attempted"] == 12 + sum(r["count"] for r in found["reasons"])
    assert found["factors"]["goal"]["on"]["accepted"] == 12
    assert found["factors"]["family"]["mug"]["attempted"] == found["attempted"]
    assert found["factors"]["distractors"]["2"]["accepted"] == 12
    assert sum(map(sum, found["coverage"]["start"])) == 12
    assert found["seconds"]["median"] == 6.0
    assert png.exists()
    text = words(capsys, "stats", dataset)
    shown = [line.split() for line in text.splitlines() if line.rstrip().endswith("%")]
    outcome = [row for row in shown if row[0] in ("accepted", "grasp_slip", "ik_failed")]
    assert sum(float(row[-1].rstrip("%")) for row in outcome) == pytest.approx(100.0)


def test_list_reports_broken_plugins(capsys):
    found = answer(capsys, "list")["plugins"]
    states = {(p["kind"], p["name"]): p["problem"] for p in found}
    assert states["generator", "pick_place"] == ""
    assert "no_such_module" in states["generator", "broken"]
    assert "cannot be loaded" in words(capsys, "list")


def test_list_of_one_kind(capsys):
    robots = {r["name"]: r for r in answer(capsys, "list", "robots")["robots"]}
    own = robots["primitive_arm"]
    assert (own["capabilities"], own["dof"], own["packs"]) == (["arm", "gripper"], 7, [])
    assert robots["franka_panda_hand"]["packs"] == ["panda_2f85", "franka_hand"]
    kinds = {p["kind"] for p in answer(capsys, "list", "exporters")["plugins"]}
    assert kinds == {"exporter"}
    assert "primitive_arm" in words(capsys, "list", "robots")


def test_tasks(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [t["name"] for t in answer(capsys, "tasks", "list")["tasks"]]
    assert {"fake_put", "pick_place"} <= set(names)
    text = words(capsys, "tasks", "show", "put_on_plate")
    assert "name: put_on_plate" in text
    words(capsys, "tasks", "new", "mine.yaml")
    assert answer(capsys, "tasks", "show", "mine.yaml")["task"] == "mine"
    words(capsys, "tasks", "new", "other.yaml", "--from", "put_on_plate")
    assert answer(capsys, "tasks", "show", "other.yaml", "--full")["spec"]["name"] == "other"


def test_config(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "properties" in answer(capsys, "config", "schema")["schema"]
    words(capsys, "config", "init", "run.yaml", "--task", "fake_put")
    rows = answer(capsys, "config", "show", "--config", "run.yaml")["config"]
    assert rows["n"] == {"value": 100, "source": "run.yaml:4"}


def test_assets(capsys, dataset):
    found = answer(capsys, "assets", "list", "--category", "mug")
    assert {f["category"] for f in found["families"]} == {"mug"}
    assert found["packs"]
    assert found["furniture"] == []
    desks = answer(capsys, "assets", "list", "--category", "desk")["furniture"]
    assert "desk" in {t["name"] for t in desks}
    assert "butcher_block" in words(capsys, "assets", "list")
    assert "instance" in answer(capsys, "assets", "info", "mug")
    assert answer(capsys, "assets", "info", "bistro_table")["top"] == "circle"
    assert "CC0-1.0" in answer(capsys, "assets", "licences", dataset)["licences"]


def test_doctor(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("DATAFACTORY_WROKERS", "3")
    found = answer(capsys, "doctor", str(tmp_path), code=1)
    states = {c["name"]: c["state"] for c in found["checks"]}
    assert states["python"] == states["physics engine"] == states["write permission"] == "ok"
    assert states["generator broken"] == "error"
    assert states["environment"] == "warning"


def test_bench_prints_the_bar_next_to_the_number(capsys):
    argv = ["bench", "generate", "--task", "fake_put", "--n", "9"]
    found = answer(capsys, *argv)
    measures = {m["name"]: m for m in found["measures"]}
    assert measures["yield"]["bar"] == 0.85
    assert found["attempts"] == 9
    assert ">= 85.0%" in words(capsys, *argv)
    below = ["bench", "generate", "--task", "hopeless_put", "--n", "3", "--check"]
    assert "BELOW" in words(capsys, *below, code=1)


def test_bench_workers(capsys):
    found = answer(capsys, "bench", "generate", "--task", "fake_put", "--n", "6", "--workers", "1")
    assert any("1 workers" in m["name"] for m in found["measures"])


def test_interrupt_commits_and_exits_130(tmp_path, plugin_folder):
    path = str(tmp_path / "d")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([plugin_folder, *sys.path])}
    process = subprocess.Popen(
        [*COMMAND, "generate", "--task", "fake_put", "--n", "100000", "--workers", "1",
         "--out", path, "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["accepted"] > 0:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "datafactory resume" in err
    assert json.loads(out.splitlines()[-1])["status"] == "interrupted"


def test_text_helpers_agree_with_what_people_read():
    assert duration(4.24) == "4.2s"
    assert duration(28260) == "7h51m"
    assert duration(185) == "3m05s"
    assert duration(float("inf")) == "?"
    assert size(74_100) == "74.1 KB"
    assert shares([1, 1, 1]) == ["33.3%", "33.4%", "33.3%"]
    for parts in ([60, 3, 2, 1, 1], [1999, 1], [1, 1999], [7], [0, 3, 3, 3]):
        percent = shares(parts)
        assert sum(round(10 * float(text.rstrip("%"))) for text in percent) == 1000
        assert percent[0] == f"{100 * parts[0] / sum(parts):.1f}%"
    assert shares([0, 0]) == ["-", "-"]
    assert table([("a", 5), ("bb", 12)], ("x", "n")) == "x    n\n--  --\na    5\nbb  12"
