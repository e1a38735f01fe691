"""Displaced tools: features, present pose and targets stay consistent; held tools stay put."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from datafactory.errors import SpecError
from datafactory.geometry import Pose
from datafactory.seeding import stream
from datafactory_zoo.actions import ActionForm
from datafactory_zoo.displacement import check_displaceable, displaced
from datafactory_zoo.features import EpisodeArrays, feature
from datafactory_zoo.interface import PolicyIO
from datafactory_zoo.loader import Batch

NAMES = ("gripper_opening", "base_from_tcp", "tcp_from_object.a", "object_size.a")
IO = PolicyIO("arm", 7, 1, 20, NAMES, steps=2, chunk=4, execute=2, action=ActionForm("eef"))


def poses(rng: np.random.Generator, *shape: int) -> np.ndarray[Any, Any]:
    quat = rng.normal(size=(*shape, 4))
    quat /= np.linalg.norm(quat, axis=-1, keepdims=True)
    return np.concatenate([rng.normal(size=(*shape, 3)), quat], axis=-1)


def arrays(eef: np.ndarray[Any, Any], objects: np.ndarray[Any, Any]) -> EpisodeArrays:
    count = len(eef)
    return EpisodeArrays(
        joint_position=np.zeros((count, 7), np.float32),
        gripper_opening=np.ones((count, 1), np.float32),
        eef_pose=eef[:, None], object_poses=objects[:, None],
        world_from_base=np.array([0.1, 0.2, 0.3, 1.0, 0.0, 0.0, 0.0]), roles=("a",),
        sizes=np.ones((1, 3), np.float32),
    )  # fmt: skip


def batch_of(eef: np.ndarray[Any, Any], objects: np.ndarray[Any, Any], opening: float) -> Batch:
    """Samples of two equal observation steps."""
    episode = arrays(eef, objects)
    batch: Batch = {}
    for name in NAMES:
        values = torch.from_numpy(feature(episode, name))
        batch["observation." + name] = torch.stack([values, values], dim=1)
    batch["now.eef_pose"] = torch.from_numpy(eef.astype(np.float32))[:, None]
    batch["now.gripper_opening"] = torch.full((len(eef), 1, 1), opening)
    batch["action.gripper"] = torch.full((len(eef), 4, 1), opening)
    return batch


@pytest.fixture
def made() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = stream(0, "test", 0, "poses")
    return poses(rng, 64), poses(rng, 64)


def test_features_are_those_of_the_displaced_pose(made: Any) -> None:
    eef, objects = made
    before = batch_of(eef, objects, 1.0)
    after = displaced(before, IO, torch.Generator().manual_seed(0), 0.05, 0.3)
    now = after["now.eef_pose"][:, 0].numpy().astype(np.float64)
    again = batch_of(now, objects, 1.0)
    for name in NAMES:
        key = "observation." + name
        np.testing.assert_allclose(after[key], again[key], atol=2e-5)


def test_amounts_are_as_asked(made: Any) -> None:
    eef, objects = made
    after = displaced(batch_of(eef, objects, 1.0), IO, torch.Generator().manual_seed(1), 0.02, 0.1)
    now = after["now.eef_pose"][:, 0].numpy().astype(np.float64)
    pairs = [(Pose.from_vector(a), Pose.from_vector(b)) for a, b in zip(eef, now, strict=True)]
    moves = [a.inverse() @ b for a, b in pairs]
    away = np.array([np.linalg.norm(m.position) for m in moves])
    turned = np.array([2.0 * np.arccos(min(1.0, abs(float(m.quat[0])))) for m in moves])
    # Scaled by a uniform share: the mean square per axis is a third of the variance.
    assert np.sqrt((away**2).mean()) == pytest.approx(0.02, rel=0.35)
    assert np.sqrt((turned**2).mean()) == pytest.approx(0.1, rel=0.35)


def test_hands_that_hold_or_are_about_to_close_stay(made: Any) -> None:
    eef, objects = made
    closed = batch_of(eef, objects, 0.2)
    closing = batch_of(eef, objects, 1.0)
    closing["action.gripper"][:, 1:] = 0.0
    later = batch_of(eef, objects, 1.0)
    later["action.gripper"][:, 2:] = 0.0  # after the executed steps
    for before, stays in ((closed, True), (closing, True), (later, False)):
        after = displaced(before, IO, torch.Generator().manual_seed(0), 0.05, 0.3)
        key = "observation.tcp_from_object.a"
        assert bool(torch.allclose(before[key], after[key], atol=1e-6)) is stays


def test_inputs_that_would_not_agree_are_refused() -> None:
    check_displaceable(IO)
    wrong = (
        replace(IO, cameras=("front",)),
        replace(IO, action=ActionForm("joint")),
        replace(IO, observation=("joint_position",)),
        replace(IO, auxiliary=("object_in_tcp.a",)),
    )
    for io in wrong:
        with pytest.raises(SpecError, match="displaced"):
            check_displaceable(io)
