"""Two processes train one policy; both are started as the documentation says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from datafactory.errors import SpecError
from datafactory_zoo.checkpoint import find_checkpoint, read_tensors
from datafactory_zoo.recipe import load_recipe
from datafactory_zoo.train import Training
from tests.fake_attempts import FakeSpec
from tests.store_fixture import make
from tests.zoo_fixture import recipe_data

pytest.importorskip("accelerate", reason="needs datafactory[zoo-full]")
LAUNCH = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def launch(*command):
    done = subprocess.run(
        [sys.executable, "-m", *LAUNCH, *map(str, command)], capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    make(folder / "data", FakeSpec(frames=40, fps=20), count=16)
    (folder / "small.yaml").write_text(json.dumps(recipe_data()))
    script = Path(__file__).parent / "zoo_ranks.py"
    launch(script, folder / "small.yaml", folder / "run", folder / "data", folder)
    return folder


def test_gradients_are_averaged_over_different_windows(trained):
    a, b = (torch.load(trained / f"{rank}.pt") for rank in (0, 1))
    assert a["world"] == b["world"] == 2
    assert a["gradient"] == b["gradient"] == 1.5
    assert all(torch.equal(a["weights"][k], b["weights"][k]) for k in a["weights"])
    first, second = (found["seen"].reshape(6 * 16, -1) for found in (a, b))
    assert not (first[:, None] == second[None]).all(-1).any()
    assert (a["progress"], b["progress"]) == ([1, 2, 3, 4, 5, 6], [])


def test_both_go_on_with_the_same_bits(trained):
    parts = trained / "parts"
    shutil.copytree(trained / "run", parts)
    shutil.rmtree(parts / "checkpoints/00000006")
    said = launch("-m", "datafactory_cli.main", "train", trained / "small.yaml", "--data",
                  trained / "data", "--out", parts, "--resume")  # fmt: skip
    assert said.count("checkpoint") == 1  # one process speaks
    whole, resumed = (
        read_tensors(find_checkpoint(trained / n) / "training.safetensors")
        for n in ("run", "parts")
    )
    assert "random.noise.1" in whole
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[k], resumed[k]) for k in whole)


def test_another_number_of_processes_cannot_go_on(trained):
    recipe = load_recipe(str(trained / "small.yaml"))[0]
    with pytest.raises(SpecError, match="started with 2 processes, not 1"):
        Training(recipe, trained / "run", str(trained / "data"), resume=True)
