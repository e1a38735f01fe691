"""Features do not change when robot and scene are moved together, and name what they miss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from datafactory.errors import SpecError, UnknownNameError
from datafactory_zoo.actions import compose, pose_from9
from datafactory_zoo.features import feature, pose9, relative_pose
from tests.zoo_fixture import arrays, poses


@pytest.mark.parametrize(
    "name",
    [
        "tcp_from_object.a",
        "object_in_tcp.a",
        "base_from_object.b",
        "object_in_base.b",
        "base_from_tcp",
        "object_size.a",
    ],
)
def test_moving_everything_changes_no_relative_feature(name):
    episode, move = arrays(), poses((), 9)

    def moved(values):
        p = np.asarray(values, np.float64)
        return compose(np.broadcast_to(move, p.shape), p).astype(np.float32)

    there = replace(
        episode, eef_pose=moved(episode.eef_pose), object_poses=moved(episode.object_poses),
        world_from_base=compose(move, episode.world_from_base),
    )  # fmt: skip
    np.testing.assert_allclose(feature(there, name), feature(episode, name), atol=2e-5)


def test_nine_numbers_are_a_pose():
    p = poses((5, 2))
    back = pose_from9(pose9(p).astype(np.float64))
    sign = np.sign((back[..., 3:] * p[..., 3:]).sum(-1, keepdims=True))
    np.testing.assert_allclose(back[..., :3], p[..., :3], atol=1e-6)
    np.testing.assert_allclose(back[..., 3:] * sign, p[..., 3:], atol=1e-6)


def test_a_pose_relative_to_itself_is_the_identity():
    p = poses((4,))
    np.testing.assert_allclose(relative_pose(p, p)[:, :3], 0, atol=1e-12)


def test_two_arms_make_two_of_everything():
    episode = arrays(arms=2, dof=12)
    assert feature(episode, "base_from_tcp").shape == (6, 18)
    assert feature(episode, "tcp_from_object.a").shape == (6, 18)
    assert feature(episode, "gripper_opening").shape == (6, 2)
    assert feature(episode, "object_in_tcp.a").shape == (6, 6)
    assert feature(episode, "object_in_base.a").shape == (6, 3)
    np.testing.assert_array_equal(feature(episode, "object_in_base.a"),
                                  feature(episode, "base_from_object.a")[:, :3])  # fmt: skip


@pytest.mark.parametrize("name", ["nothing", "joint_position.a", "tcp_from_object", ""])
def test_an_unknown_feature_is_named(name):
    with pytest.raises(UnknownNameError, match="feature"):
        feature(arrays(), name)


def test_a_missing_object_is_named():
    with pytest.raises(UnknownNameError, match="object role 'z'"):
        feature(arrays(), "object_size.z")


def test_a_live_world_has_no_actions():
    with pytest.raises(SpecError, match="action_joint"):
        feature(replace(arrays(), action_joint=None), "action_joint")
