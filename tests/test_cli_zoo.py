"""Commands for policies: one that sees is trained, evaluated, served and evaluated again."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import lance
import numpy as np
import pytest

import datafactory as df
from datafactory.executor.render_run import RenderRequest, run_rendering
from datafactory.render.library import load_style
from datafactory_cli.main import run
from tests import zoo_fixture  # noqa: F401  one thread

COMMAND = [sys.executable, "-m", "datafactory_cli.main"]
ROBOT = "primitive_arm"
RECIPE = """
    policy: flow_chunk
    observation: [joint_position, gripper_opening]
    cameras: [above, wrist]
    image_size: 32
    network: {width: 64, blocks: 1, condition: 64, pyramid: [8, 8, 16, 16], points: 8}
    chunk: 16
    execute: 16
    optimiser: {lr: 3.0e-3, warmup: 5, ema: 0.9}
    split: {share: 0.0}
    train: {steps: 150, batch: 64, log_every: 1, device: cpu, threads: 1}
"""


def answer(capsys, *argv, code=0):
    """Runs a command and returns its last JSON object."""
    capsys.readouterr()
    assert run([*map(str, argv), "--json"]) == code
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a rendered dataset ``data`` and the run of a policy that sees, ``run``."""
    folder = tmp_path_factory.mktemp("zoo")
    data = str(folder / "data")
    df.generate("pick_one", n=3, out=data, robot=ROBOT, workers=1)
    style = load_style("small", ["size=[48, 48]", "fps=10", "shadows=false"])
    run_rendering(RenderRequest(path=data, style=style, variant="small", workers=1))
    (folder / "recipe.yaml").write_text(textwrap.dedent(RECIPE))
    train = ["train", str(folder / "recipe.yaml"), "--data", data, "--out", str(folder / "run")]
    assert run([*train, "-q"]) == 0
    return folder


def test_training_lowers_the_loss(place):
    lines = (place / "run" / "metrics.jsonl").read_text().splitlines()
    losses = [json.loads(line)["loss"] for line in lines]
    assert len(losses) == 150
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])


def test_a_policy_that_sees_is_evaluated_and_filmed(place, capsys):
    out = place / "results"
    said = answer(capsys, "eval", place / "run", "--suite", "seen", "--suite", "camera_shift",
                  "--episodes", 1, "--films", 1, "--workers", 1, "--out", out)  # fmt: skip
    assert [s["suite"] for s in said["suites"]] == ["seen", "camera_shift"]
    assert json.loads((out / "summary.json").read_text())["suites"] == said["suites"]
    rows = lance.dataset(str(out / "evaluations.lance")).to_table().to_pylist()
    assert len({row["style_hash"] for row in rows}) == 2
    for row in rows:
        assert row["success"] == (row["video"] is None)
        assert row["success"] or row["video"][4:8] == b"ftyp"


def test_a_served_policy_sees_too(place, capsys):
    serve = [*COMMAND, "serve", str(place / "run"), "--port", "0", "--json"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = json.loads(server.stdout.readline())["port"]
            said = answer(capsys, "eval", f"ws://127.0.0.1:{port}", "--task", "pick_one",
                          "--episodes", 1, "--workers", 1)  # fmt: skip
        finally:
            server.terminate()
    assert said["policy"] == "flow_chunk"
    assert said["robot"] == ROBOT
    assert said["suites"][0]["success"]["trials"] == 1


def test_other_robots_seeds_and_styles_are_refused(place, capsys):
    for more, text in (
        (["--robot", "franka_panda"], "does not act on robot 'franka_panda'"),
        (["--seed", "0"], "run seed 0 made the training data"),
        (["--renderer", "gl"], "a renderer without a style"),
        (["--suite", "sean"], "unknown evaluation suite 'sean'"),
        (["--films", "2"], "films need a place"),
    ):
        assert run(["eval", str(place / "run"), *more]) == 2
        assert text in capsys.readouterr().err


def test_a_style_for_those_who_do_not_see_is_refused(capsys):
    assert run(["eval", "random", "--task", "pick_one", "--style", "small"]) == 2
    assert "'random' sees no pictures" in capsys.readouterr().err


def test_cameras_that_a_style_lacks_are_refused(place, capsys, tmp_path):
    (tmp_path / "one.yaml").write_text("cameras: [above]\nsize: [48, 48]\n")
    assert run(["eval", str(place / "run"), "--style", str(tmp_path / "one.yaml")]) == 2
    assert "unknown camera 'wrist'" in capsys.readouterr().err


def test_a_guard_that_fails_is_an_error(monkeypatch, capsys):
    from datafactory_cli import evaluate

    monkeypatch.setitem(evaluate.GUARDS, "random", (0.5, 1.0))
    said = answer(capsys, "eval", "random", "--task", "pick_one", "--robot", ROBOT,
                  "--episodes", 1, "--workers", 1, code=1)  # fmt: skip
    assert said["suites"][0]["success"]["successes"] == 0
