from __future__ import annotations

import hashlib
import sys
from dataclasses import replace

import mujoco
import numpy as np
import pytest

from datafactory.episode import AssetRecord, Replay, Trajectory
from datafactory.errors import DatasetCorruptError
from datafactory.executor.machine import cpu, engine
from datafactory.sim.engine import get_state, restart
from datafactory.sim.replay import replay
from datafactory.store.commit import Committer, create_tables
from datafactory.store.encode import asset_row, episode_row
from datafactory.store.location import Location
from datafactory.verify import EpisodeCheck, VerifyReport, verify
from tests.fake_attempts import LICENCE, Fake, FakeSpec
from tests.golden.make import attempt
from tests.store_fixture import lineage, run_row

FRAMES, STEPS, FPS = 12, 25, 20
CHECKPOINTS = (0, 5, FRAMES)
OBJ = b"v 0 0 0\nv .1 0 0\nv 0 .1 0\nv 0 0 .1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"
MESH = hashlib.sha256(OBJ).hexdigest()
MJCF = f"""
<mujoco><option timestep="0.002" cone="elliptic"/>
  <asset><mesh name="m" file="{MESH}.obj"/></asset>
  <worldbody>
    <geom type="plane" size="1 1 .1"/>
    <body pos="0 0 .3"><joint name="j" axis="0 1 0"/><geom type="capsule" fromto="0 0 0 .2 0 0"
      size=".02"/></body>
    <body pos=".1 0 .15"><freejoint/><geom type="mesh" mesh="m"/></body>
    <body pos="-.3 0 .1"><freejoint/><geom type="box" size=".03 .03 .03"/></body>
  </worldbody>
  <actuator><position joint="j" kp="5" kv=".5" ctrlrange="-1 1"/></actuator>
</mujoco>"""


def recorded(seed: int):
    """An episode recorded from the tiny model, as the recorder does it."""
    model = mujoco.MjModel.from_xml_string(MJCF, assets={f"{MESH}.obj": OBJ})
    data = mujoco.MjData(model)
    rng = np.random.Generator(np.random.PCG64(seed))
    ctrl = np.cumsum(rng.normal(size=(FRAMES, 1)) * 0.1, axis=0).clip(-1, 1).astype(np.float32)
    qpos, qvel, states = [], [], []
    for frame in range(FRAMES + 1):
        if frame < FRAMES:
            data.ctrl[:] = ctrl[frame]
        if frame in CHECKPOINTS:
            states.append(get_state(model, data))
            restart(model, data, states[-1])
        if frame < FRAMES:
            qpos.append(data.qpos.astype(np.float32))
            qvel.append(data.qvel.astype(np.float32))
            for _ in range(STEPS // 5):
                mujoco.mj_step(model, data, nstep=5)
    poses = np.array(qpos)[:, 1:].reshape(FRAMES, 2, 7)
    pose = np.tile(np.array([0, 0, 0, 1, 0, 0, 0], np.float32), (FRAMES, 1))
    zeros = np.zeros(FRAMES, np.float32)
    path = Trajectory(
        fps=FPS,
        qpos=np.array(qpos),
        qvel=np.array(qvel),
        ctrl=ctrl,
        eef_pose=pose,
        gripper_opening=zeros,
        gripper_width=zeros,
        object_poses=poses,
        action_joint=ctrl.copy(),
        action_gripper=zeros,
        action_eef=pose,
        phases=(),
        contacts=(),
    )
    frames = np.array(CHECKPOINTS, np.int32)
    source = Replay(MJCF, (f"{MESH}.obj",), STEPS, frames, np.array(states))
    return path, source


def episode(attempt: int):
    plain = Fake().open(FakeSpec(reject=0.0), 7).attempt(attempt)
    path, source = recorded(attempt)
    asset = AssetRecord(MESH, "mesh", "m", "", LICENCE, (0, 0, 0), 0, "{}", OBJ, "obj")
    return replace(plain, trajectory=path, replay=source, assets=(*plain.assets, asset))


def store(path, episodes, **changes):
    location = Location.of(path)
    create_tables(location, Fake().extra_columns())
    committer = Committer(location)
    spec = FakeSpec(reject=0.0)
    committer.write_run(run_row(spec))
    here = replace(lineage(spec), **{"engine": engine(), "cpu": cpu(), **changes})
    rows = [episode_row(e, here, Fake().extra_columns()) for e in episodes]
    committer.add_assets([asset_row(a) for e in episodes for a in e.assets])
    committer.append("episodes", committer.writer.write("episodes", rows), {})
    return str(path)


def nudged(e, **changes):
    return replace(e, trajectory=replace(e.trajectory, **changes))


def test_replay_is_bit_equal():
    result = replay(episode(0), {f"{MESH}.obj": OBJ})
    assert result.exact
    assert (result.frames, result.first_difference) == (FRAMES, -1)
    assert result.qpos_drift == result.qvel_drift == result.checkpoint_drift == 0.0


def test_one_flipped_bit_in_a_control_is_seen():
    e = episode(0)
    ctrl = e.trajectory.ctrl.copy()
    ctrl.view(np.uint32)[3, 0] ^= 1 << 12
    result = replay(nudged(e, ctrl=ctrl), {f"{MESH}.obj": OBJ})
    assert not result.exact
    assert result.first_difference == 4
    assert 0 < result.qpos_drift < 1e-2
    assert result.checkpoint_drift > 0


def test_one_flipped_bit_in_a_position_is_seen():
    e = episode(0)
    qpos = e.trajectory.qpos.copy()
    qpos.view(np.uint32)[7, 2] ^= 1
    assert replay(nudged(e, qpos=qpos), {f"{MESH}.obj": OBJ}).first_difference == 7


def test_negative_zero_is_not_zero():
    e = episode(0)
    qvel = e.trajectory.qvel.copy()
    column = int(np.flatnonzero(qvel[0] == 0)[0])
    qvel[0, column] = -0.0
    assert not replay(nudged(e, qvel=qvel), {f"{MESH}.obj": OBJ}).exact


def test_episodes_without_physics_cannot_be_replayed():
    with pytest.raises(ValueError, match="no replay data"):
        replay(replace(episode(0), replay=None), {})


def test_a_dataset_verifies_in_fresh_processes(tmp_path):
    path = store(tmp_path / "d", [episode(0), episode(1), replace(episode(2), replay=None)])
    seen = []
    report = verify(path, workers=2, on_checked=lambda done, total: seen.append((done, total)))
    assert report.passed
    assert (report.episodes, report.checked, report.exact) == (3, 2, 2)
    assert report.without_replay == 1
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert (report.engine, report.cpu) == (engine(), cpu())


def test_drift_and_unreadable_models_are_reported(tmp_path):
    good, bad = episode(0), episode(1)
    qvel = bad.trajectory.qvel.copy()
    qvel[4] += 0.25
    lost = replace(episode(2), replay=replace(episode(2).replay, mjcf="<mujoco><oops/></mujoco>"))
    path = store(tmp_path / "d", [good, nudged(bad, qvel=qvel), lost])
    report = verify(path, workers=1)
    assert not report.passed
    assert report.exact == 1
    by_error = {bool(f.error): f for f in report.failures}
    assert by_error[False].first_difference == 4
    assert "oops" in by_error[True].error
    assert all(f.same_machine for f in report.failures)


def test_a_sample_is_a_sample(tmp_path):
    path = store(tmp_path / "d", [episode(i) for i in range(4)])
    report = verify(path, sample=2, workers=1)
    assert (report.episodes, report.checked) == (4, 2)


@pytest.fixture(scope="module")
def accepted():
    """An accepted episode of pick and place that fits the table of the fakes."""
    made = attempt("put_in_container", "primitive_arm", 2)
    assert made.verdict.accepted
    return replace(made, extra=episode(0).extra)


def test_drift_on_another_machine_passes_while_the_goal_is_reached(tmp_path, accepted):
    qpos = accepted.trajectory.qpos.copy()
    qpos[5] += 1e-3
    path = store(tmp_path / "d", [nudged(accepted, qpos=qpos)], cpu="another")
    report = verify(path, workers=1)
    (found,) = report.failures
    assert (found.same_machine, found.outcome, found.error) == (False, "holds", "")
    assert found.first_difference == 5
    assert found.drift == pytest.approx(1e-3, rel=0.1)
    assert report.passed


def test_drift_that_loses_the_goal_fails_on_any_machine(tmp_path, accepted):
    still = np.repeat(accepted.trajectory.ctrl[:1], accepted.trajectory.length, axis=0)
    path = store(tmp_path / "d", [nudged(accepted, ctrl=still)], cpu="another")
    report = verify(path, workers=1)
    (found,) = report.failures
    assert found.outcome == "fails"
    assert "not true of the end reached" in found.error
    assert not report.passed


def test_drift_without_a_goal_says_that_nothing_was_judged(tmp_path):
    plain = episode(0)
    qvel = plain.trajectory.qvel + np.float32(0.25)
    path = store(tmp_path / "d", [replace(nudged(plain, qvel=qvel), goal={})], cpu="another")
    report = verify(path, workers=1)
    assert report.failures[0].outcome == "not judged: the episode has no goal"
    assert report.passed


def test_data_files_that_cannot_be_read_are_findings(tmp_path):
    path = store(tmp_path / "d", [episode(0), episode(1)])
    for file in (tmp_path / "d/episodes.lance/data").iterdir():
        file.write_bytes(b"")
    report = verify(path, workers=1)
    assert not report.passed
    assert [f.episode_id for f in report.failures] == ["position 0", "position 1"]
    assert "the table 'episodes'" in report.failures[0].error


def test_a_process_that_ends_names_the_episode(tmp_path, monkeypatch):
    path = store(tmp_path / "d", [episode(0)])
    monkeypatch.setattr(sys.modules[EpisodeCheck.__module__], "REPLAY_S", 0.0)
    with pytest.raises(DatasetCorruptError, match=r"episode 0 of .* cannot be re-executed"):
        verify(path, workers=1)


def test_only_what_should_be_equal_has_to_be():
    failure = EpisodeCheck("x", False, 3, 1e-9, False, "", "holds")
    report = VerifyReport("p", "mujoco 4", "cpu", 1, 1, 0, 0, (failure,), 0.1)
    assert report.passed
    broken = replace(failure, error="the model does not compile")
    assert not replace(report, failures=(broken,)).passed
