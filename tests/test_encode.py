from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.episode import ArmSeries
from datafactory.errors import PluginError
from datafactory.store.encode import (
    Lineage,
    asset_row,
    attempt_row,
    canonical_json,
    content_hash,
    episode_row,
    to_batch,
    to_rows,
)
from datafactory.store.schema import table_schema
from datafactory.store.series import TRAJECTORY
from datafactory.store.stored import stored_episode, verdict_of
from tests.fake_attempts import MESH, Fake, FakeSpec

EXTRA = Fake().extra_columns()
SPEC = FakeSpec()
LINEAGE = Lineage("run", "fake", "1", SPEC.spec_hash, 5, "mujoco 4", "x86")
MAKER = Fake().open(SPEC, 5)


def first(accepted: bool, reason: str = ""):
    episodes = (MAKER.attempt(i) for i in range(200))
    return next(
        e
        for e in episodes
        if e.verdict.accepted == accepted and (not reason or e.verdict.reason == reason)
    )


def there_and_back(row, table, extra=()):
    return to_rows(to_batch([row], table_schema(table, extra)))[0]


def test_accepted_episodes_come_back_bit_for_bit():
    episode = first(True)
    row = there_and_back(episode_row(episode, LINEAGE, EXTRA), "episodes", EXTRA)
    stored = stored_episode(row, ["difficulty", "tags"])
    for series in TRAJECTORY:
        before, after = (getattr(e.trajectory, series.name) for e in (episode, stored))
        assert (before.dtype, before.shape) == (after.dtype, after.shape)
        assert before.tobytes() == after.tobytes()
    assert stored.replay.states.dtype == np.float64
    assert stored.replay.states.tobytes() == episode.replay.states.tobytes()
    assert stored.replay.frames.tolist() == episode.replay.frames.tolist()
    assert stored.verdict == episode.verdict
    assert stored.objects == episode.objects
    assert stored.trajectory.phases == episode.trajectory.phases
    assert stored.trajectory.contacts == episode.trajectory.contacts
    assert stored.extra == episode.extra
    assert stored.metrics == episode.metrics
    assert stored.goal == episode.goal


def test_odd_bits_survive():
    episode = first(True)
    odd = episode.trajectory.qpos.copy()
    odd.view(np.uint32)[0, :4] = [0x7FC00001, 0x80000000, 0x00000001, 0xFF800000]
    episode = replace(episode, trajectory=replace(episode.trajectory, qpos=odd))
    row = there_and_back(episode_row(episode, LINEAGE, EXTRA), "episodes", EXTRA)
    assert row["qpos"].tobytes() == odd.tobytes()


@pytest.mark.parametrize("reason", ["grasp_slip", "ik_failed"])
def test_rejected_attempts_keep_reason_scene_and_a_slow_track(reason):
    episode = first(False, reason)
    row = there_and_back(attempt_row(episode, LINEAGE), "attempts")
    assert (row["stage"], row["reason"]) == ("execute", reason)
    assert verdict_of(row, accepted=False) == episode.verdict
    assert len(row["objects"]) == SPEC.objects
    if reason == "ik_failed":
        assert row["track_object_poses"] is None
    else:
        assert row["track_fps"] == 5.0
        assert row["track_object_poses"].shape == (3, SPEC.objects, 7)
        assert row["track_tcp_pose"].shape == (3, 7)
        assert np.array_equal(row["track_object_poses"], episode.trajectory.object_poses[::4])


def test_assets_come_back():
    row = there_and_back(asset_row(MESH), "assets")
    assert row["geometry"] == MESH.geometry
    assert row["licence"] == "Apache-2.0"
    assert row["content_hash"] == content_hash(row)


def test_the_content_hash_is_recomputed_from_stored_values():
    for row, table, extra in (
        (episode_row(first(True), LINEAGE, EXTRA), "episodes", EXTRA),
        (attempt_row(first(False), LINEAGE), "attempts", ()),
    ):
        back = there_and_back(row, table, extra)
        assert content_hash(back) == row["content_hash"] == back["content_hash"]


def test_the_content_hash_ignores_when_and_where_but_nothing_else():
    episode = first(True)
    row = episode_row(episode, LINEAGE, EXTRA)
    elsewhere = replace(LINEAGE, run_id="other", engine="mujoco 5", cpu="arm")
    slower = replace(episode, cpu_s={"total": 99.0})
    assert episode_row(slower, elsewhere, EXTRA)["content_hash"] == row["content_hash"]
    seen = {row["content_hash"]}
    for name, value in row.items():
        if name in ("run_id", "created_at", "engine", "cpu", "cpu_s", "content_hash"):
            continue
        changed = value + 1 if isinstance(value, np.ndarray) else canonical_json(value) + "x"
        seen.add(content_hash({**row, name: changed}))
    assert len(seen) == len(row) - 5


def test_episodes_without_physics_have_null_replay_columns():
    episode = replace(first(True), replay=None)
    row = there_and_back(episode_row(episode, LINEAGE, EXTRA), "episodes", EXTRA)
    assert row["integration_states"] is None
    assert stored_episode(row, []).replay is None


def test_nulls_and_values_mix_in_one_batch():
    rows = [
        episode_row(e, LINEAGE, EXTRA) for e in (replace(first(True), replay=None), first(True))
    ]
    back = to_rows(to_batch(rows, table_schema("episodes", EXTRA)))
    assert [content_hash(r) for r in back] == [r["content_hash"] for r in rows]


def test_broken_contracts_are_named():
    with pytest.raises(PluginError, match="without a trajectory"):
        episode_row(replace(first(True), trajectory=None), LINEAGE, EXTRA)
    with pytest.raises(PluginError, match="'colour'"):
        episode_row(replace(first(True), extra={"colour": 1}), LINEAGE, EXTRA)
    with pytest.raises(PluginError, match="'difficulty' does not fit"):
        episode_row(replace(first(True), extra={"difficulty": "hard"}), LINEAGE, EXTRA)


def test_views_are_derived_from_what_is_stored():
    episode = first(True)
    stored = stored_episode(episode_row(episode, LINEAGE, EXTRA), [])
    assert np.array_equal(stored.time(), np.arange(12) / 20)
    assert np.array_equal(stored.joint_positions(), episode.trajectory.qpos[:, :7])
    delta = stored.delta_action_joint()
    assert np.allclose(delta + stored.joint_positions(), episode.trajectory.action_joint)
    turn = stored.delta_action_eef()
    assert turn.shape == (12, 6)
    assert np.abs(turn[:, 3:]).max() < 0.05


def test_joint_addresses_choose_the_joints():
    episode = first(True)
    path = replace(episode.trajectory, joint_addresses=(3, 2, 1, 0, 4, 5, 6))
    stored = stored_episode(episode_row(replace(episode, trajectory=path), LINEAGE, EXTRA), [])
    assert np.array_equal(stored.joint_positions()[:, 0], path.qpos[:, 3])


def with_two_arms(episode, left=3):
    """The episode of a robot with two arms, of 3 and 4 joints unless told otherwise."""
    t = episode.trajectory
    pair = lambda a: np.stack([a, a[::-1]], axis=1)  # noqa: E731
    return replace(
        episode,
        trajectory=replace(
            t,
            arms=(ArmSeries("left", left), ArmSeries("right", 7 - left)),
            **{s.name: pair(getattr(t, s.name)) for s in TRAJECTORY if s.per_arm},
        ),
    )


@settings(max_examples=10, deadline=None)
@given(frames=st.integers(8, 40), left=st.integers(0, 7), seed=st.integers(0, 2**31))
def test_two_arms_round_trip(frames, left, seed):
    episode = with_two_arms(Fake().open(FakeSpec(frames=frames, reject=0.0), seed).attempt(0), left)
    row = there_and_back(episode_row(episode, LINEAGE, EXTRA), "episodes", EXTRA)
    assert content_hash(row) == row["content_hash"]
    t = stored_episode(row, []).trajectory
    assert t.arms == episode.trajectory.arms
    assert t.eef_pose.shape == (frames, 2, 7)
    assert t.gripper_width.shape == (frames, 2)
    for series in TRAJECTORY:
        assert (
            getattr(t, series.name).tobytes() == getattr(episode.trajectory, series.name).tobytes()
        )
        if series.per_arm:
            assert t.per_arm(getattr(t, series.name)) is getattr(t, series.name)
    refused = there_and_back(attempt_row(episode, LINEAGE), "attempts")
    assert refused["track_tcp_pose"].shape[1:] == (2, 7)
    assert content_hash(refused) == refused["content_hash"]


def test_one_arm_is_stored_as_before_there_were_two():
    episode = first(True)
    row = episode_row(episode, LINEAGE, EXTRA)
    assert row["arms"] is None
    assert row["content_hash"] == content_hash({k: v for k, v in row.items() if k != "arms"})
    t = episode.trajectory
    assert t.per_arm(t.eef_pose).shape == (t.length, 1, 7)
    assert t.per_arm(t.gripper_width).shape == (t.length, 1)


@settings(max_examples=20, deadline=None)
@given(frames=st.integers(8, 40), objects=st.integers(0, 5), seed=st.integers(0, 2**31))
def test_any_size_round_trips(frames, objects, seed):
    spec = FakeSpec(frames=frames, objects=max(objects, 1), reject=0.0)
    episode = Fake().open(spec, seed).attempt(0)
    if objects == 0:
        path = replace(episode.trajectory, object_poses=np.zeros((frames, 0, 7), np.float32))
        episode = replace(episode, objects=(), trajectory=path)
    row = episode_row(episode, LINEAGE, EXTRA)
    back = there_and_back(row, "episodes", EXTRA)
    assert back["qpos"].tobytes() == row["qpos"].tobytes()
    assert back["integration_states"].tobytes() == row["integration_states"].tobytes()
    assert stored_episode(back, []).trajectory.object_poses.shape[0] == frames


def test_batches_have_exactly_the_schema():
    schema = table_schema("episodes", EXTRA)
    batch = to_batch([episode_row(first(True), LINEAGE, EXTRA)], schema)
    assert batch.schema.equals(schema, check_metadata=True)
    assert isinstance(batch, pa.RecordBatch)
