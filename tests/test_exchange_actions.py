from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.exchange.actions import (
    action_names,
    convention,
    decode,
    encode,
    from_frame,
    in_frame,
    pose_difference,
    pose_sum,
    quat_from_rotation_vector,
    rotation_vector,
)
from datafactory.geometry import Pose, normalize, quat_multiply
from tests.exchange_fixture import accepted

FORMS = ("absolute", "relative", "delta")
seeds = st.integers(0, 2**32 - 1)
lengths = st.integers(1, 60)


def poses(rng, count):
    return np.concatenate([rng.normal(size=(count, 3)), normalize(rng.normal(size=(count, 4)))], 1)


def generator(seed):
    return np.random.Generator(np.random.PCG64(seed))


def same_poses(a, b, tolerance):
    sign = np.sign(np.sum(a[:, 3:] * b[:, 3:], axis=1, keepdims=True))
    assert np.abs(a[:, :3] - b[:, :3]).max() < tolerance
    assert np.abs(a[:, 3:] - sign * b[:, 3:]).max() < tolerance


@settings(max_examples=60, deadline=None)
@given(seeds, lengths, st.sampled_from(FORMS))
def test_joint_actions_come_back(seed, count, form):
    rng = generator(seed)
    target, state = rng.normal(size=(2, count, 7))
    back = decode(form, "joint", encode(form, "joint", target, state), state)
    assert np.abs(back - target).max() < 1e-6


@settings(max_examples=60, deadline=None)
@given(seeds, lengths, st.sampled_from(FORMS))
def test_eef_actions_come_back(seed, count, form):
    rng = generator(seed)
    target, state = poses(rng, count), poses(rng, count)
    values = encode(form, "eef", target, state)
    assert values.shape == (count, 7 if form == "absolute" else 6)
    same_poses(decode(form, "eef", values, state), target, 1e-6)


@settings(max_examples=60, deadline=None)
@given(seeds, st.floats(0, np.pi - 1e-6))
def test_rotation_vectors_are_axis_times_angle(seed, angle):
    axis = normalize(generator(seed).normal(size=3))
    quat = quat_from_rotation_vector(axis * angle)
    assert np.abs(np.linalg.norm(quat) - 1) < 1e-12
    assert np.abs(rotation_vector(quat) - axis * angle).max() < 1e-9
    assert np.abs(rotation_vector(-quat) - axis * angle).max() < 1e-9


def test_differences_are_in_the_axes_of_the_frame():
    reference = Pose.from_yaw([0, 0, 0], np.pi / 2)
    target = Pose.of([0.1, 0, 0], quat_multiply([np.cos(0.1), np.sin(0.1), 0, 0], reference.quat))
    step = pose_difference(target.vector()[None], reference.vector()[None])[0]
    assert np.allclose(step, [0.1, 0, 0, 0.2, 0, 0])
    same_poses(pose_sum(reference.vector()[None], step[None]), target.vector()[None], 1e-12)


@settings(max_examples=30, deadline=None)
@given(seeds, lengths)
def test_frames_are_changed_and_changed_back(seed, count):
    rng = generator(seed)
    frame, world = poses(rng, 1)[0], poses(rng, count)
    local = in_frame(frame, world)
    expected = [(Pose.from_vector(frame).inverse() @ Pose.from_vector(p)).vector() for p in world]
    same_poses(local, np.array(expected), 1e-9)
    same_poses(from_frame(frame, local), world, 1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_a_recorded_episode_comes_back(form):
    t = accepted()[0].trajectory
    same_poses(
        decode(form, "eef", encode(form, "eef", t.action_eef, t.eef_pose), t.eef_pose),
        t.action_eef,
        1e-6,
    )


def test_the_first_delta_is_relative_to_the_state():
    target, state = np.array([[1.0], [3.0]]), np.array([[0.5], [9.0]])
    assert encode("delta", "joint", target, state).tolist() == [[0.5], [2.0]]
    assert encode("relative", "joint", target, state).tolist() == [[0.5], [-6.0]]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("space", ["joint", "eef"])
def test_conventions_name_every_component(form, space):
    said = convention(form, space, ["a", "b"])
    width = 2 if space == "joint" else 7 if form == "absolute" else 6
    assert len(said["names"]) == width + 1
    assert said["names"] == action_names(form, space, ["a", "b"])
    assert said["names"][said["gripper"]["index"]] == "gripper"
    assert (said["representation"], said["space"]) == (form, space)
