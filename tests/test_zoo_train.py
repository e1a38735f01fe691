"""Training goes on bit for bit, writes whole checkpoints, and says what it lacks."""

from __future__ import annotations

import errno
import json
from itertools import pairwise

import pytest
import torch

from datafactory.errors import (
    DatasetCorruptError,
    DatasetError,
    MissingPartError,
    SpecError,
    StorageError,
)
from datafactory_zoo import checkpoint as checkpoints
from datafactory_zoo.checkpoint import find_checkpoint, read_checkpoint, read_tensors
from datafactory_zoo.optimisation import learning_rate
from datafactory_zoo.recipe import Optimiser, load_recipe, recipe_from_dict, shipped_recipes
from datafactory_zoo.train import Training, choose_device
from tests.fake_attempts import FakeSpec
from tests.store_fixture import make
from tests.zoo_fixture import recipe_data


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    path = tmp_path_factory.mktemp("zoo") / "data"
    make(path, FakeSpec(frames=40, fps=20), count=16)
    return str(path)


def run(recipe, folder, data, *, resume=False, until=None):
    training = Training(recipe, folder, data, resume=resume)
    seen = []
    for progress in training.steps():
        seen.append(progress)
        if until is not None and progress.step >= until:
            break
    training.stream.close()
    return training, seen


@pytest.mark.parametrize("policy", ["flow_chunk", "act", "diffusion_policy"])
def test_a_resumed_run_ends_with_the_same_bits(place, tmp_path, policy):
    networks = {
        "flow_chunk": {"width": 32, "blocks": 1, "condition": 32},
        "act": {"width": 32, "heads": 2, "hidden": 64, "encoder": 1, "decoder": 1,
                "latent_layers": 1},
        "diffusion_policy": {"widths": [32, 64], "time": 32},
    }  # fmt: skip
    recipe = recipe_from_dict(recipe_data(policy=policy, network=networks[policy]))
    whole, seen = run(recipe, tmp_path / "whole", place)
    run(recipe, tmp_path / "parts", place, until=3)
    resumed, rest = run(recipe, tmp_path / "parts", place, resume=True)
    assert [p.step for p in seen] == [1, 2, 3, 4, 5, 6]
    assert [p.step for p in rest] == [4, 5, 6]
    assert [p.numbers["loss"] for p in seen[3:]] == [p.numbers["loss"] for p in rest]
    for name, value in whole.policy.state_dict().items():
        assert torch.equal(value, resumed.policy.state_dict()[name]), name
    a, b = (read_tensors(find_checkpoint(tmp_path / n) / "training.safetensors")
            for n in ("whole", "parts"))  # fmt: skip
    assert a.keys() == b.keys()
    assert all(torch.equal(a[k], b[k]) for k in a)
    lines = (tmp_path / "parts/metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4, 5, 6]


def test_a_checkpoint_acts_like_the_average(place, tmp_path):
    recipe = recipe_from_dict(recipe_data())
    training, _ = run(recipe, tmp_path, place)
    checkpoint = read_checkpoint(tmp_path)
    assert checkpoint.step == 6
    policy = checkpoint.policy()
    for name, value in training.average.weights.items():
        assert torch.equal(value, policy.state_dict()[name])
    source = training.sources[0]
    batch = source.train.batch(torch.arange(3).numpy())
    a = source.processors.observation(batch)
    b = checkpoint.processors[checkpoint.robot()].observation(batch)
    assert torch.equal(a["state"], b["state"])
    targets = checkpoint.agent().predict_action_chunk(batch)
    assert targets.joint.shape == (3, 8, 7)
    assert ((targets.gripper >= 0) & (targets.gripper <= 1)).all()
    with pytest.raises(SpecError, match="does not act on robot 'ur5e'"):
        checkpoint.robot("ur5e")


def test_a_full_disk_keeps_the_checkpoint_before(place, tmp_path, monkeypatch):
    recipe = recipe_from_dict(recipe_data())
    training = Training(recipe, tmp_path, place, resume=False)
    steps = training.steps()
    while next(steps).step < 3:
        pass
    before = find_checkpoint(tmp_path)

    def full(tensors, path):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(StorageError, match="cannot be written") as stopped:
        list(steps)
    assert "--resume" in stopped.value.remedy
    assert find_checkpoint(tmp_path) == before
    assert read_checkpoint(tmp_path).step == 3
    assert not list((tmp_path / "checkpoints").glob(".writing-*"))
    read_checkpoint(tmp_path).policy()


def test_changed_files_are_noticed(place, tmp_path):
    run(recipe_from_dict(recipe_data()), tmp_path, place)
    folder = find_checkpoint(tmp_path)
    path = folder / "processors.json"
    path.write_text(path.read_text().replace('"mean_std"', '"min_max"', 1))
    with pytest.raises(SpecError, match="were changed"):
        read_checkpoint(folder)
    (folder / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(DatasetCorruptError, match="cannot be read"):
        read_tensors(folder / "model.safetensors")


def test_runs_are_not_mixed_up(place, tmp_path):
    recipe = recipe_from_dict(recipe_data())
    run(recipe, tmp_path, place)
    with pytest.raises(SpecError, match="holds a training run already"):
        Training(recipe, tmp_path, place, resume=False)
    other = recipe_from_dict(recipe_data(seed=9))
    with pytest.raises(SpecError, match="another recipe"):
        Training(other, tmp_path, place, resume=True)
    with pytest.raises(SpecError, match="no checkpoint"):
        Training(recipe, tmp_path / "new", place, resume=True)


def test_a_split_that_leaves_nothing_is_an_error(place, tmp_path):
    with pytest.raises(DatasetError, match="left to train on"):
        Training(recipe_from_dict(recipe_data(split={"by": "task", "share": 0.999999})),
                 tmp_path, place, resume=False)  # fmt: skip


def test_bf16_needs_a_gpu_or_a_cpu_that_multiplies_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": False})
    assert choose_device("auto", "fp32") == "cpu"
    with pytest.raises(MissingPartError, match="bf16 training needs a GPU, or a CPU with AVX512"):
        choose_device("auto", "bf16")
    with pytest.raises(MissingPartError, match="no CUDA device"):
        choose_device("cuda", "fp32")
    for name in ("avx512_bf16", "amx_bf16"):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda name=name: {name: True})
        assert choose_device("auto", "bf16") == "cpu"


def test_a_bf16_recipe_is_refused_on_a_cpu_without_it(place, tmp_path, monkeypatch, capsys):
    from datafactory_cli.main import run as datafactory

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    (tmp_path / "small.yaml").write_text(json.dumps(recipe_data()))
    asked = ["train", str(tmp_path / "small.yaml"), "--data", place, "--out", str(tmp_path / "run"),
             "--set", "train.precision=bf16", "--set", "train.device=auto"]  # fmt: skip
    assert datafactory(asked) == 4
    message = capsys.readouterr().err
    assert "bf16 training needs a GPU" in message
    assert "--set train.precision=fp32" in message
    assert not (tmp_path / "run").exists()


def test_the_learning_rate_rises_and_falls():
    spec = Optimiser(lr=1.0, warmup=10, min_share=0.1)
    rates = [learning_rate(k, 100, spec) for k in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[10] == 1.0
    assert all(a >= b for a, b in pairwise(rates[10:]))
    assert rates[-1] == pytest.approx(0.1, abs=2e-3)


def test_shipped_recipes_are_valid():
    assert shipped_recipes()
    for name in shipped_recipes():
        assert load_recipe(name)[0].name == name


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"polcy": "act"}, "did you mean 'policy'"),
        ({"observation": ["joints"]}, "unknown feature 'joints'"),
        ({"observation": ["action_joint"]}, "cannot observe it"),
        ({"train": {"steps": 0}}, "train.steps"),
        ({"optimiser": {"rate": 1}}, "optimiser.rate"),
    ],
)
def test_a_wrong_recipe_names_the_key(change, text):
    with pytest.raises(SpecError) as wrong:
        recipe_from_dict(recipe_data(**change))
    assert text in str(wrong.value)


def test_excluded_episodes_are_not_trained_on(tmp_path):
    from datafactory.store.dataset import open_dataset
    from datafactory.store.labels import Label, add_labels

    make(tmp_path / "data", FakeSpec(frames=20, fps=20), count=12)
    dataset = open_dataset(tmp_path / "data")
    ids = dataset.episodes(columns=["episode_id"]).column(0).to_pylist()
    add_labels(dataset, [Label(ids[1], "exclude", "odd")])
    recipe = recipe_from_dict(recipe_data(split={"share": 0.0}))
    training = Training(recipe, tmp_path / "run", str(tmp_path / "data"), resume=False)
    training.stream.close()
    assert training.sources[0].train.frames.episode_ids == (ids[0], *ids[2:])
    assert training.sources[0].validation is None


def test_auxiliary_features_are_learnt_and_not_observed(place, tmp_path):
    changes = {"observation": ["joint_position"],
               "auxiliary": ["object_in_tcp.o0", "object_size.o0"]}  # fmt: skip
    training, seen = run(recipe_from_dict(recipe_data(**changes)), tmp_path / "run", place)
    assert all(p.numbers["auxiliary"] > 0.0 for p in seen)
    assert training.policy.io.auxiliary_width == 6
    checkpoint = read_checkpoint(tmp_path / "run")
    batch = training.sources[0].train.batch(torch.arange(3).numpy())
    told = [k for k in batch if k.startswith("auxiliary.")]
    assert len(told) == 4  # each with its padding mask
    blind = {k: v for k, v in batch.items() if k not in told}
    a, b = (checkpoint.agent().predict_action_chunk(given) for given in (batch, blind))
    assert (a.joint == b.joint).all()
    with pytest.raises(SpecError, match="beside its actions"):
        Training(recipe_from_dict(recipe_data(policy="act", network={}, **changes)),
                 tmp_path / "act", place, resume=False)  # fmt: skip
