"""Where objects are seen: the stored annotation of every frame, scaled; what does not fit named."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tests.zoo_fixture  # noqa: F401  (one thread)
from datafactory.errors import SpecError, UnknownNameError
from datafactory.store.dataset import open_dataset
from datafactory.store.renders import view
from datafactory_zoo.loader import WindowDataset
from datafactory_zoo.recipe import recipe_from_dict
from datafactory_zoo.train import Training, bf16_on_cpu
from datafactory_zoo.windows import ImageField, PointField, WindowField, WindowSpec
from tests.fake_attempts import FakeSpec
from tests.render_rows_fixture import add, every, ids_of
from tests.store_fixture import make
from tests.zoo_fixture import recipe_data

FRAMES = 12


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    path = tmp_path_factory.mktemp("zoo") / "data"
    committer = make(path, FakeSpec(frames=FRAMES, fps=20), count=6)
    objects = len(open_dataset(path).episodes(columns=["objects"]).column(0)[0])
    add(committer, every(ids_of(committer), frames=FRAMES, fps=20, objects=objects))
    return str(path)


def spec(*points: PointField, camera: str = "front") -> WindowSpec:
    fields = (WindowField("q", "joint_position"),)
    return WindowSpec(fields, (ImageField("i", camera, 24, 32),), points=points)


def test_points_are_the_stored_centres(place):
    dataset = open_dataset(place)
    windows = WindowDataset(dataset, spec(PointField("p", "front", "o0")))
    batch = windows.batch(np.arange(len(windows)))
    found = batch["p"].numpy().reshape(-1, FRAMES, 3)
    for name, mine in zip(windows.frames.episode_ids, found, strict=True):
        uv = view(dataset, name, "v0", "front", media=False).annotations.center_uv[:, 0]
        inside = (uv >= 0).all(1) & (uv[:, 0] <= 32) & (uv[:, 1] <= 24)
        np.testing.assert_array_equal(mine[:, 2], inside)
        pixels = (mine[:, 1::-1] + 1.0) * [16.0, 12.0]
        np.testing.assert_allclose(pixels[inside], uv[inside], rtol=1e-5)
        assert (mine[~inside, :2] == 0.0).all()
    assert WindowSpec.from_dict(windows.spec.to_dict()) == windows.spec
    assert "p" not in windows.low_dimensional().batch(np.arange(2))


def test_what_does_not_fit_is_named(place, tmp_path):
    with pytest.raises(UnknownNameError, match="object role 'z'"):
        WindowDataset(open_dataset(place), spec(PointField("p", "front", "z")))
    committer = make(tmp_path / "slow", FakeSpec(frames=FRAMES, fps=20), count=2)
    add(committer, every(ids_of(committer), frames=FRAMES // 2, fps=10))
    with pytest.raises(SpecError, match="10 images per second"):
        WindowDataset(open_dataset(tmp_path / "slow"), spec(PointField("p", "front", "o0")))


def looking(**changes):
    """A recipe that looks at an object through two cameras."""
    network = {"width": 32, "blocks": 1, "condition": 32, "pyramid": [8, 8, 8, 8], "points": 4,
               "draws": 2}  # fmt: skip
    return recipe_data(
        cameras=["front", "wrist"], image_size=32, points=["o0"], network=network,
        auxiliary=["object_in_tcp.o0", "object_size.o0"], split={"share": 0.5},
    ) | changes  # fmt: skip


def test_a_policy_learns_to_look(place, tmp_path):
    training = Training(recipe_from_dict(looking()), tmp_path / "run", place, resume=False)
    seen = list(training.steps())
    away = [p.numbers["looking"] for p in seen]
    assert 0.0 < max(away) < 2.0  # most made-up centres lie outside of the image
    last = seen[-1].numbers
    for name in ("loss", "auxiliary", "looking"):
        assert np.isfinite(last[f"validation_{name}"])
    blind = looking(policy="act", network={}, auxiliary=[])
    with pytest.raises(SpecError, match="beside its actions"):
        Training(recipe_from_dict(blind), tmp_path / "act", place, resume=False)


def test_a_recipe_says_which_variant_it_sees(tmp_path):
    committer = make(tmp_path / "data", FakeSpec(frames=FRAMES, fps=20), count=2)
    for name in ("v0", "v1"):
        add(committer, every(ids_of(committer), variant=name, frames=FRAMES, fps=20))
    with pytest.raises(SpecError, match="2 render variants") as error:
        Training(recipe_from_dict(looking()), tmp_path / "run", str(tmp_path / "data"),
                 resume=False)  # fmt: skip
    assert error.value.remedy == "name one: --set data.0.variant=v0"


def test_a_resumed_run_sees_the_same_shifted_images(place, tmp_path):
    data = looking()
    data["train"] = {**data["train"], "shift_px": 2, "accumulate": 2}
    recipe = recipe_from_dict(data)
    whole = Training(recipe, tmp_path / "whole", place, resume=False)
    losses = [p.numbers["loss"] for p in whole.steps()]
    half = Training(recipe, tmp_path / "parts", place, resume=False)
    for progress in half.steps():
        if progress.step == 3:
            break
    half.stream.close()
    rest = Training(recipe, tmp_path / "parts", place, resume=True)
    assert [p.numbers["loss"] for p in rest.steps()] == losses[3:]
    for name, value in whole.policy.state_dict().items():
        assert torch.equal(value, rest.policy.state_dict()[name]), name


@pytest.mark.skipif(not bf16_on_cpu(), reason="this CPU does not multiply bf16")
def test_bf16_training_is_close_to_fp32(place, tmp_path):
    found = {}
    for precision in ("fp32", "bf16"):
        data = looking()
        data["train"] = {**data["train"], "precision": precision}
        training = Training(recipe_from_dict(data), tmp_path / precision, place, resume=False)
        found[precision] = [p.numbers["auxiliary"] for p in training.steps()]
    assert found["bf16"] != found["fp32"]
    np.testing.assert_allclose(found["bf16"], found["fp32"], rtol=0.05)
