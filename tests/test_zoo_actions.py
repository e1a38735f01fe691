"""Every action form is undone by decoding, for one arm and two."""

from __future__ import annotations

import numpy as np
import pytest

from datafactory.errors import SpecError, UnknownNameError
from datafactory_zoo.actions import ActionForm, ChunkStart, Targets, compose, decode, encode
from tests.zoo_fixture import poses, rng

FORMS = [
    (space, representation, gripper)
    for space in ("joint", "eef")
    for representation in ("absolute", "relative", "delta")
    for gripper in ("opening", "closing", "sign")
]


def made(arms: int, count: int = 3, steps: int = 5):
    g, dof = rng(arms), 6 * arms
    start = ChunkStart(g.normal(size=(count, dof)), poses((count, arms), 1), poses((count,), 2))
    targets = Targets(
        g.normal(size=(count, steps, dof)), poses((count, steps, arms), 3),
        g.uniform(size=(count, steps, arms)),
    )  # fmt: skip
    return start, targets


def same_pose(a, b):
    sign = np.sign((a[..., 3:] * b[..., 3:]).sum(-1, keepdims=True))
    np.testing.assert_allclose(a[..., :3], b[..., :3], atol=1e-5)
    np.testing.assert_allclose(a[..., 3:] * sign, b[..., 3:], atol=1e-5)


@pytest.mark.parametrize("arms", [1, 2])
@pytest.mark.parametrize(("space", "representation", "gripper"), FORMS)
def test_decoding_undoes_encoding(space, representation, gripper, arms):
    form = ActionForm(space, representation, gripper)
    start, targets = made(arms)
    chunk = encode(form, targets, start)
    assert chunk.shape[-1] == form.width(6 * arms, arms)
    back = decode(form, chunk, start, arms)
    np.testing.assert_allclose(back.gripper, targets.gripper, atol=1e-12)
    if space == "joint":
        np.testing.assert_allclose(back.joint, targets.joint, atol=1e-9)
    else:
        same_pose(back.eef, targets.eef)


@pytest.mark.parametrize("representation", ["absolute", "relative", "delta"])
def test_pose_actions_move_with_the_robot(representation):
    form = ActionForm("eef", representation)
    start, targets = made(1)
    move = poses((), 9)

    def moved(p):
        return compose(np.broadcast_to(move, p.shape), p)

    there = ChunkStart(start.joint_position, moved(start.eef_pose), moved(start.world_from_base))
    chunk = encode(form, Targets(targets.joint, moved(targets.eef), targets.gripper), there)
    np.testing.assert_allclose(chunk, encode(form, targets, start), atol=1e-5)


def test_the_first_delta_is_against_the_measurement():
    start, targets = made(1)
    chunk = encode(ActionForm("joint", "delta"), targets, start)
    np.testing.assert_allclose(chunk[:, 0, :6], targets.joint[:, 0] - start.joint_position)
    np.testing.assert_allclose(chunk[:, 1, :6], targets.joint[:, 1] - targets.joint[:, 0])


def test_gripper_conventions():
    start, targets = made(1)
    opening = targets.gripper[..., 0]
    closing = encode(ActionForm("joint", "absolute", "closing"), targets, start)[..., -1]
    sign = encode(ActionForm("joint", "absolute", "sign"), targets, start)[..., -1]
    np.testing.assert_allclose(closing, 1 - opening)
    np.testing.assert_allclose(sign, 1 - 2 * opening)


def test_forms_are_checked_and_missing_targets_named():
    with pytest.raises(UnknownNameError, match="action representation"):
        ActionForm("joint", "sideways")
    start, targets = made(1)
    with pytest.raises(SpecError, match="no joint targets"):
        encode(ActionForm("joint"), Targets(None, targets.eef, targets.gripper), start)
    nowhere = ChunkStart(start.joint_position, start.eef_pose)
    with pytest.raises(SpecError, match="robot's base"):
        encode(ActionForm("eef", "absolute"), targets, nowhere)
