"""Where objects are seen: the stored annotation of every frame, scaled; what does not fit named."""

from __future__ import annotations

import numpy as np
import pytest

import tests.zoo_fixture  # noqa: F401  (one thread)
from datafactory.errors import SpecError, UnknownNameError
from datafactory.store.dataset import open_dataset
from datafactory.store.renders import view
from datafactory_zoo.loader import WindowDataset
from datafactory_zoo.recipe import recipe_from_dict
from datafactory_zoo.train import Training
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


def test_a_policy_learns_to_look(place, tmp_path):
    recipe = recipe_data(
        cameras=["front", "wrist"], image_size=32, points=["o0"],
        network={"width": 32, "blocks": 1, "condition": 32, "pyramid": [8, 8, 8, 8], "points": 4},
        split={"share": 0.0},
    )  # fmt: skip
    training = Training(recipe_from_dict(recipe), tmp_path / "run", place, resume=False)
    seen = list(training.steps())
    away = [p.numbers["looking"] for p in seen]
    assert 0.0 < max(away) < 2.0  # most made-up centres lie outside of the image
    blind = {**recipe, "policy": "act", "network": {}}
    with pytest.raises(SpecError, match="beside its actions"):
        Training(recipe_from_dict(blind), tmp_path / "act", place, resume=False)
