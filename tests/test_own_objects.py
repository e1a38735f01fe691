"""Own objects from the command line to accepted episodes; the commands of the page run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import mujoco
import pytest
import yaml

from datafactory_cli.main import run
from tests.own_fixture import OBJECTS, write_objects
from tests.test_docs import ROOT, blocks

PAGE = ROOT / "docs" / "own_objects.md"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_objects(tmp_path / "objects")
    monkeypatch.setenv("DATAFACTORY_ASSET_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_the_pages_commands_run(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marked = [block for block in blocks(PAGE) if block.run]
    assert len(marked) == 3
    assert any(block.text.strip() == OBJECTS.strip() for block in blocks(PAGE))
    for block in marked:
        for line in block.text.splitlines():
            assert run(line.split()[1:]) == 0, f"{line}\n{capsys.readouterr().err}"
    assert "mug from cup.obj" in capsys.readouterr().out
    model = mujoco.MjModel.from_xml_path(str(place / "peg.xml"))
    assert (model.nbody, model.ngeom) == (2, 2)
    assert json.loads((place / "peg.json").read_text())["uid"].startswith("mine@")


def test_grasps_of_programs_and_changed_objects(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = {"objects": {"peg.urdf": {"licence": "MIT", "category": "peg"}}}
    (place / "objects" / "objects.yaml").write_text(yaml.safe_dump(listed))
    assert run(["assets", "add", "objects", "--name", "pegs", "--json"]) == 0
    before = said(capsys)["pinned"]
    assert run(["assets", "grasps", "pegs/peg", "--export", "g.npy"]) == 0
    capsys.readouterr()
    assert run(["assets", "grasps", "pegs/peg", "--import", "g.npy", "--json"]) == 0
    assert said(capsys)["source"] != before
    assert run(["assets", "grasps", "tier0/block", "--import", "g.npy"]) == 2
    assert "made by code" in capsys.readouterr().err
    (place / "objects" / "peg.urdf").write_text(
        (place / "objects" / "peg.urdf").read_text().replace("0.08", "0.09")
    )
    assert run(["assets", "add", "objects", "--name", "pegs"]) == 0
    assert run(["assets", "grasps", "pegs/peg", "--import", "g.npy"]) == 2
    assert "made for another object" in capsys.readouterr().err
    assert run(["assets", "remove", "pegs"]) == 0
    assert run(["assets", "grasps", "pegs/peg", "--export", "g.npy"]) == 2
    assert "datafactory assets add FOLDER --name pegs" in capsys.readouterr().err


@pytest.mark.slow
def test_episodes_with_own_objects(place: Path) -> None:
    task = next(b.text for b in blocks(PAGE) if "sources: [tier0, mine]" in b.text and b.language)
    (place / "task.yaml").write_text(task)
    steps = (
        "assets add objects --name mine",
        "assets grasps mine/peg --export peg.npy",
        "assets grasps mine/peg --import peg.npy",
        "generate --task task.yaml --n 2 --robot primitive_arm --workers 1 --out set --json",
        "verify set",
        "validate set",
        "assets licences set --json",
    )
    code = "import sys; from datafactory_cli.main import run; sys.exit(run(sys.argv[1:]))"
    for step in steps:
        done = subprocess.run([sys.executable, "-c", code, *step.split()],
                              capture_output=True, text=True, cwd=place)  # fmt: skip
        assert done.returncode == 0, f"{step}\n{done.stdout}\n{done.stderr}"
        if step.startswith("generate"):
            assert json.loads(done.stdout.splitlines()[-1])["accepted"] == 2
    assert json.loads(done.stdout.splitlines()[-1])["licences"]["CC-BY-4.0"] >= 2
