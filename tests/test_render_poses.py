"""Poses: forward kinematics of the stored model agrees with what was recorded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafactory.errors import DatasetCorruptError, DatasetError, SpecError
from datafactory.geometry import Pose
from datafactory.render.poses import body_track, frame_numbers
from tests.stage_fixture import episode, robot, track

FREE = """
<mujoco><worldbody>
  <light pos="0 0 3"/>
  <geom name="ground" type="plane" size="0 0 1" rgba="0.3 0.4 0.5 1"/>
  <body name="cart" pos="0 0 1"><freejoint/>
    <geom name="hull" type="capsule" size="0.1 0.3" rgba="1 0 0 1"/>
    <geom name="bumper" type="box" size="0.2 0.2 0.2" group="3"/>
    <geom name="ghost" type="sphere" size="0.5" rgba="1 1 1 0"/>
    <body name="wheel" pos="0.2 0 0"><joint axis="0 1 0"/>
      <geom type="cylinder" size="0.1 0.02" group="3" mass="1"/></body></body>
</worldbody></mujoco>
"""


@given(st.integers(1, 400), st.integers(1, 60), st.integers(1, 60))
def test_frames_keep_time(length, rate, stride):
    frames = frame_numbers(length, rate * stride, rate)
    assert frames[0] == 0
    assert (np.diff(frames) == stride).all()
    assert length - stride <= frames[-1] < length


@pytest.mark.parametrize("rate", [0, 3, 40])
def test_rates_that_do_not_divide_are_refused(rate):
    with pytest.raises(SpecError, match="do not fit") as caught:
        frame_numbers(100, 20, rate)
    assert "1, 2, 4, 5, 10, 20" in str(caught.value.remedy)


def test_poses_agree_with_the_record():
    t, e = track(), episode()
    assert t.frames.tolist() == list(range(0, e.length, 2))
    for i, item in enumerate(e.objects):
        recorded = e.trajectory.object_poses[t.frames, i]
        assert np.allclose(t.pose(f"object/{item.name}"), recorded, atol=1e-6)
    base = t.pose(robot().base_body)
    assert np.allclose(base, t.world_from_base, atol=1e-6)
    assert np.allclose(np.linalg.norm(t.world_from_body[..., 3:], axis=-1), 1.0)


def test_mounts_move_with_their_body():
    t = track()
    (mount,) = robot().camera_mounts
    for frame in (0, len(t.frames) // 2, -1):
        expected = Pose.from_vector(t.pose(mount.body)[frame]) @ mount.pose
        found = Pose.from_vector(t.world_from_mount[mount.name][frame])
        assert np.allclose(found.matrix(), expected.matrix(), atol=1e-9)


def test_tcp_is_where_the_gripper_is():
    t = track()
    distance = np.linalg.norm(t.world_from_tcp[:, :3] - t.pose("robot/gripper_base")[:, :3], axis=1)
    assert np.ptp(distance) < 1e-4, "the tcp is fixed to the gripper's base"


def test_table_and_floor():
    t = track()
    assert t.floor_z == 0.0
    assert t.table is not None
    assert t.table.half[2] == pytest.approx(0.02)
    resting = min(t.pose(f"object/{o.name}")[0, 2] for o in episode().objects)
    assert resting == pytest.approx(t.table.top_z, abs=5e-3)
    assert not [g for g in t.geoms if g.name in ("table", "floor")]


def test_imported_episodes_cannot_be_rendered():
    with pytest.raises(DatasetError, match="cannot be rendered"):
        body_track(replace(episode(), replay=None), {}, np.array([0]))


def test_models_that_do_not_fit_are_corrupt():
    e = episode()
    broken = replace(e, replay=replace(e.replay, mjcf="<mujoco><worldbody>"))
    with pytest.raises(DatasetCorruptError, match="cannot be read"):
        body_track(broken, {}, np.array([0]))
    other = replace(e, replay=replace(e.replay, mjcf=FREE))
    with pytest.raises(DatasetCorruptError, match="does not fit"):
        body_track(other, {}, np.array([0]))
    mount = replace(robot().camera_mounts[0], body="robot/elsewhere")
    with pytest.raises(DatasetCorruptError, match="robot"):
        body_track(e, {}, np.array([0]), [mount])


def foreign():
    """An episode of a model that has neither table nor robot."""
    e = episode()
    qpos = np.zeros((4, 8), np.float32)
    qpos[:, 3], qpos[:, 2] = 1.0, np.arange(4)
    return replace(
        e,
        objects=(),
        replay=replace(e.replay, mjcf=FREE, mesh_hashes=()),
        trajectory=replace(e.trajectory, qpos=qpos, eef_pose=e.trajectory.eef_pose[:4]),
    )


def test_any_model_says_what_it_looks_like():
    t = body_track(foreign(), {}, np.array([0, 2]))
    assert t.names == ("cart", "wheel")
    assert t.table is None
    assert t.floor_z == 0.0
    assert t.pose("cart")[:, 2].tolist() == [0.0, 2.0]
    shown = {g.name or g.kind: g for g in t.geoms}
    assert set(shown) == {"ground", "hull", "cylinder"}, "collision geoms only where nothing else"
    assert shown["ground"].body == "world"
    assert shown["hull"].rgba == (1.0, 0.0, 0.0, 1.0)
