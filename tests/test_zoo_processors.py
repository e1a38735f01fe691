"""Normalisation is undone exactly, padding is marked, augmentation keeps images together."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from datafactory.errors import SpecError, UnknownNameError
from datafactory.store.dataset import open_dataset
from datafactory_zoo.actions import ActionForm
from datafactory_zoo.interface import PolicyIO
from datafactory_zoo.loader import WindowDataset
from datafactory_zoo.processors import (
    Affine,
    Processors,
    chunk_start,
    encoded_actions,
    measure,
)
from datafactory_zoo.statistics import StreamingStatistics
from datafactory_zoo.tokenizers import PAD, ByteTokenizer, tokenizer
from tests.fake_attempts import FakeSpec
from tests.store_fixture import make
from tests.zoo_fixture import FEATURES, rng

FORMS = [("joint", "absolute"), ("joint", "relative"), ("joint", "delta"), ("eef", "relative")]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    path = tmp_path_factory.mktemp("zoo") / "data"
    make(path, FakeSpec(frames=30, fps=20), count=8)
    return open_dataset(path)


def prepared(dataset, form, **changes):
    options = {"chunk": 6, "execute": 3, "state_dim": 40, "action_dim": 16, "text_tokens": 12}
    io = PolicyIO("", 0, 1, 20, tuple(FEATURES), action=ActionForm(*form), **options | changes)
    data = WindowDataset(dataset, io.windows())
    io = io.sized(data.frames)
    return data, Processors(io, measure(data, io))


@pytest.mark.parametrize("form", FORMS)
def test_targets_come_back_from_normalised_actions(dataset, form):
    data, processors = prepared(dataset, form)
    batch = data.batch(np.arange(20, 28))
    inputs = processors.training(batch)
    assert inputs["state"].shape == (8, 1, 40)
    assert inputs["action"].shape == (8, 6, 16)
    assert inputs["tokens"].shape == (8, 12)
    back = processors.targets(inputs["action"], chunk_start(batch, 1))
    np.testing.assert_allclose(back.gripper, batch["action.gripper"], atol=1e-5)
    if form[0] == "joint":
        np.testing.assert_allclose(back.joint, batch["action.joint"], atol=1e-4)
    else:
        want = batch["action.eef"].numpy().reshape(back.eef.shape)
        np.testing.assert_allclose(back.eef[..., :3], want[..., :3], atol=1e-4)


def test_masks_mark_the_end_and_the_padding(dataset):
    data, processors = prepared(dataset, ("joint", "relative"))
    mask = processors.training(data.batch(np.array([10, 28])))["action_mask"]
    assert mask[0, :, :8].all()
    assert not mask[:, :, 8:].any()
    np.testing.assert_array_equal(mask[1, :, 0], [True, True, False, False, False, False])


def test_statistics_are_of_every_step_without_padding(dataset):
    data, processors = prepared(dataset, ("joint", "relative"))
    found = processors.statistics["action"]
    batch = data.batch(np.arange(len(data)))
    chunk = encoded_actions(processors.io, batch)
    for k in range(6):
        rows = chunk[~batch["action.gripper_is_pad"][:, k].numpy(), k]
        np.testing.assert_allclose(found.mean[k], rows.mean(0), atol=1e-9)
        np.testing.assert_allclose(found.std[k], rows.std(0), atol=1e-9)


@pytest.mark.parametrize("mode", ["identity", "mean_std", "min_max", "quantiles"])
def test_normalisations_are_undone(mode):
    stream = StreamingStatistics(3)
    rows = rng(1).normal([0, 5, 1], [1, 0.1, 0.0], (500, 3))
    stream.add(rows)
    affine = Affine.of(mode, stream.finish())
    values = torch.from_numpy(rows).float()
    torch.testing.assert_close(affine.undo(affine.apply(values)), values, atol=1e-4, rtol=1e-4)
    if mode == "min_max":
        assert float(affine.apply(values)[:, :2].abs().max()) <= 1.0 + 1e-4
    with pytest.raises(UnknownNameError, match="normalisation 'loud'"):
        Affine.of("loud", stream.finish())


def test_processors_survive_json_and_notice_changes(dataset):
    _, processors = prepared(dataset, ("joint", "relative"))
    data = processors.to_dict()
    again = Processors.from_dict(data)
    assert again.to_dict() == data
    data["io"]["fps"] = 10
    with pytest.raises(SpecError, match="were changed"):
        Processors.from_dict(data)


def test_bytes_become_tokens_and_text_again():
    texts = ["put the tüte in the box", ""]
    ids, mask = ByteTokenizer().encode(texts, 40)
    assert ids.shape == mask.shape == (2, 40)
    assert ByteTokenizer().decode(ids[0].tolist()) == texts[0]
    assert (ids[~mask] == PAD).all()
    assert ByteTokenizer().decode(ByteTokenizer().encode(["abcdef"], 5)[0][0].tolist()) == "abc"
    with pytest.raises(SpecError, match="no tokenizer in '/nowhere'"):
        tokenizer("/nowhere")
