"""Assembly, recording, measuring and gripper postures, against MuJoCo used by hand."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest

from datafactory.episode import ContactInterval, Replay, Trajectory
from datafactory.geometry import Array, Pose
from datafactory.scene import Scene, WorldState
from datafactory.scene_graph.graph import Goal, Relation
from datafactory.sim.assembly import OBJECT_PREFIX, TIMESTEP_S, SceneModel, assemble, scene_mjcf
from datafactory.sim.engine import STATE, compile_mjcf, get_state, restart
from datafactory.sim.gripper import gripper_postures
from datafactory.sim.measure import Measurer, speeds
from datafactory.sim.recorder import Recorder, Recording
from datafactory.sim.replay import replay
from tests.sim_fixture import (
    BASE,
    FPS,
    HEIGHT,
    EndState,
    asset,
    posture,
    robot_named,
    scene_of,
    standing,
)

ROBOTS = ("primitive_arm", "franka_panda")
STILL = {
    "a": ("block", standing("block", 0.45, -0.2)),
    "b": ("bowl", standing("bowl", 0.5, 0.2)),
    "c": ("bottle", standing("bottle", 0.6, 0.0)),
}
FALLING = {**STILL, "a": ("ball", standing("ball", 0.5, 0.2, z=HEIGHT + 0.12))}


def built(objects: dict[str, tuple[str, Pose]], robot: str = "primitive_arm") -> SceneModel:
    return assemble(scene_of(objects, robot=robot), robot_named(robot))


def ran(scene: SceneModel, frames: int, *, sway: float = 0.15) -> tuple[Recorder, Recording]:
    """A recording in which the arm sways and the gripper closes and opens."""
    recorder = Recorder(scene, FPS)
    home = np.array(scene.scene.home)
    for k in range(frames):
        q = home.copy()
        q[0] += sway * np.sin(0.3 * k)
        recorder.set_targets(q, 0.5 + 0.5 * np.cos(0.25 * k))
        recorder.tick()
    return recorder, recorder.finish()


# Assembly.


@pytest.mark.parametrize("robot", ROBOTS)
def test_the_text_is_the_model(robot: str) -> None:
    scene = built(STILL, robot)
    again = compile_mjcf(scene.mjcf, robot_named(robot).meshes)
    for name in ("body_pos", "body_mass", "body_inertia", "geom_size", "geom_friction", "qpos0",
                 "actuator_gainprm", "jnt_range", "geom_solref", "geom_solimp"):  # fmt: skip
        assert np.array_equal(getattr(scene.model, name), getattr(again, name)), name
    assert scene_mjcf(scene.scene, robot_named(robot)) == scene.mjcf
    ET.fromstring(scene.mjcf)


@pytest.mark.parametrize("robot", ROBOTS)
def test_addresses_are_those_of_the_names(robot: str) -> None:
    scene, model = built(STILL, robot), robot_named(robot)
    compiled = scene.model
    assert scene.entities[:4] == ("floor", "table", "arm", "gripper")
    assert scene.entities[4:] == ("a", "b", "c")
    for k, name in enumerate(STILL):
        joint = compiled.joint(OBJECT_PREFIX + name)
        assert scene.object_qpos[k] == joint.qposadr[0]
        assert scene.object_dof[k] == joint.dofadr[0]
        body = compiled.body(OBJECT_PREFIX + name).id
        of_body = scene.geom_entity[compiled.geom_bodyid == body]
        assert set(of_body.tolist()) == {scene.entity(name)}
    (arm,), (part,) = model.arms, scene.arms
    for k, name in enumerate(arm.joints):
        assert scene.arm_qpos[k] == compiled.joint(name).qposadr[0]
        assert scene.arm_ctrl[k] == compiled.actuator(arm.actuators[k]).id
    assert scene.geom_entity[compiled.geom("floor").id] == 0
    assert scene.geom_entity[compiled.geom("table").id] == 1
    for side, geoms in enumerate(arm.pad_geoms, start=1):
        assert all(part.pad_sides[compiled.geom(g).id] == side for g in geoms)
    assert (part.pad_sides > 0).sum() == sum(map(len, arm.pad_geoms))


def test_objects_have_their_mass_inertia_and_friction() -> None:
    scene = scene_of(STILL)
    items = tuple(replace(o, mass=2.0 * o.mass, friction=0.77) for o in scene.objects)
    made = assemble(replace(scene, objects=items), robot_named())
    for item in items:
        body = made.model.body(OBJECT_PREFIX + item.name)
        assert body.mass[0] == pytest.approx(item.mass, rel=1e-6)
        rotation = Pose.of((0, 0, 0), body.iquat).rotation()
        inertia = rotation @ np.diag(body.inertia) @ rotation.T
        expected = 2.0 * np.array(item.asset.inertia)
        assert np.allclose(inertia, expected, rtol=1e-4, atol=1e-9)
        assert np.allclose(body.ipos, item.asset.com, atol=1e-8)
        geoms = made.model.geom_bodyid == body.id
        assert np.allclose(made.model.geom_friction[geoms, 0], 0.77)


def test_home_is_where_the_scene_says() -> None:
    scene = built(STILL)
    qpos = scene.home_qpos()
    for k, item in enumerate(scene.scene.objects):
        assert np.allclose(scene.object_pose(qpos, k).vector(), item.world_from_object.vector())
    assert np.array_equal(qpos[scene.arm_qpos], scene.scene.home)


def test_table_and_base_are_placed() -> None:
    moved: Scene = replace(scene_of(STILL), world_from_base=Pose.from_yaw((0.1, -0.1, 0.7), 0.3))
    model = assemble(moved, robot_named()).model
    table = model.geom("table")
    assert table.pos[2] + table.size[2] == pytest.approx(HEIGHT)
    base = model.body(robot_named().base_body)
    assert np.allclose(base.pos, (0.1, -0.1, 0.7))
    assert np.allclose(base.quat, moved.world_from_base.quat)


def test_a_robot_without_objects_compiles() -> None:
    scene = built({})
    assert scene.object_qpos.shape == (0,)
    assert scene.model.nq == compile_mjcf(robot_named().mjcf, {}).nq


# Recording.


@pytest.mark.parametrize("robot", ROBOTS)
def test_a_recording_re_executes_bit_for_bit(robot: str) -> None:
    scene = built(FALLING, robot)
    recorder, recording = ran(scene, 50)
    assert recording.checkpoint_frames.tolist() == [0, 40, 50]
    result = replay(episode_of(scene, recorder, recording), robot_named(robot).meshes)
    assert result.exact
    assert result.frames == 50
    again = ran(built(FALLING, robot), 50)[1]
    assert again.qpos.tobytes() == recording.qpos.tobytes()
    assert again.checkpoint_states.tobytes() == recording.checkpoint_states.tobytes()


class Recorded:
    """What ``replay`` reads."""

    def __init__(self, trajectory: Trajectory, source: Replay) -> None:
        self.trajectory, self.replay = trajectory, source


def episode_of(scene: SceneModel, recorder: Recorder, recording: Recording) -> Recorded:
    length = len(recording.qpos)
    flat = np.zeros(length, dtype=np.float32)
    poses = np.zeros((length, 7), dtype=np.float32)
    return Recorded(
        Trajectory(
            FPS, recording.qpos, recording.qvel, recording.ctrl, poses, flat, flat,
            poses[:, None], recording.target_q, recording.target_opening, poses, (),
            recording.contacts,
        ),
        Replay(
            scene.mjcf, tuple(robot_named(scene.robot.name).meshes), recorder.steps_per_frame,
            recording.checkpoint_frames, recording.checkpoint_states,
        ),
    )  # fmt: skip


def test_execution_may_restart_at_any_checkpoint() -> None:
    scene = built(FALLING)
    recorder, recording = ran(scene, 90)
    model = compile_mjcf(scene.mjcf, {})
    data = mujoco.MjData(model)
    for start, state in zip(
        recording.checkpoint_frames[:-1], recording.checkpoint_states[:-1], strict=True
    ):
        restart(model, data, state)
        for frame in range(int(start), 90):
            at = np.flatnonzero(recording.checkpoint_frames == frame)
            data.ctrl[:] = recording.ctrl[frame]
            if len(at):
                restart(model, data, recording.checkpoint_states[at[0]])
            assert data.qpos.astype(np.float32).tobytes() == recording.qpos[frame].tobytes()
            mujoco.mj_step(model, data, nstep=recorder.steps_per_frame)
        assert get_state(model, data).tobytes() == recording.checkpoint_states[-1].tobytes()


def test_a_changed_control_is_noticed() -> None:
    scene = built(FALLING)
    recorder, recording = ran(scene, 12)
    ctrl = recording.ctrl.copy()
    ctrl[5, 0] = np.nextafter(ctrl[5, 0], np.float32(9.0))
    result = replay(episode_of(scene, recorder, replace(recording, ctrl=ctrl)), {})
    assert not result.exact
    assert result.first_difference > 5
    states = recording.checkpoint_states.copy()
    states[-1, 1] += 1e-13
    result = replay(episode_of(scene, recorder, replace(recording, checkpoint_states=states)), {})
    assert not result.exact
    assert result.first_difference == 12


def test_controls_are_float32_before_they_act() -> None:
    scene = built(STILL)
    recorder = Recorder(scene, FPS)
    q = np.array(scene.scene.home) + 1.0 / 3.0
    recorder.set_targets(q, 1.0 / 3.0)
    live = recorder.data.ctrl.copy()
    assert np.array_equal(live, live.astype(np.float32).astype(np.float64))
    assert np.array_equal(live[scene.arm_ctrl], q.astype(np.float32).astype(np.float64))
    recorder.tick()
    recording = recorder.finish()
    assert np.array_equal(recording.ctrl[0].astype(np.float64), live)
    assert np.array_equal(recording.target_q[0], q.astype(np.float32))
    assert recording.target_opening[0] == np.float32(1.0 / 3.0)


def test_the_first_frame_is_at_rest() -> None:
    scene = built(STILL)
    recorder = Recorder(scene, FPS)
    recorder.settle(0.3)
    recorder.tick()
    recording = recorder.finish()
    assert np.abs(recording.qpos[0, scene.arm_qpos] - scene.scene.home).max() < 1e-3
    assert np.abs(recording.qvel[0]).max() < 0.02


def brute_contacts(
    scene: SceneModel, recording: Recording, steps: int, chunk: int
) -> dict[tuple[str, str], dict[int, tuple[float, float]]]:
    """(force, depth) of every touching pair per frame, by stepping again and looking each chunk."""
    data = mujoco.MjData(scene.model)
    checkpoints = dict(
        zip(recording.checkpoint_frames.tolist(), recording.checkpoint_states, strict=True)
    )
    found: dict[tuple[str, str], dict[int, tuple[float, float]]] = defaultdict(dict)
    wrench = np.zeros(6)
    for frame in range(len(recording.qpos)):
        data.ctrl[:] = recording.ctrl[frame]
        if frame in checkpoints:
            restart(scene.model, data, checkpoints[frame])
        for _ in range(steps // chunk):
            mujoco.mj_step(scene.model, data, nstep=chunk)
            for k in range(data.ncon):
                contact = data.contact[k]
                if contact.dist > 0.0:
                    continue
                names = sorted(scene.entities[scene.geom_entity[g]] for g in contact.geom)
                mujoco.mj_contactForce(scene.model, data, k, wrench)
                old = found[names[0], names[1]].get(frame, (0.0, 0.0))
                new = (max(old[0], wrench[0]), max(old[1], -contact.dist))
                found[names[0], names[1]][frame] = new
    return found


def frames_of(contacts: tuple[ContactInterval, ...]) -> dict[tuple[str, str], set[int]]:
    found: dict[tuple[str, str], set[int]] = defaultdict(set)
    for item in contacts:
        found[item.a, item.b] |= set(range(item.start, item.stop))
    return found


def test_contact_intervals_equal_a_second_look() -> None:
    scene = built(FALLING)
    recorder, recording = ran(scene, 30)
    expected = brute_contacts(scene, recording, recorder.steps_per_frame, 5)
    assert frames_of(recording.contacts) == {pair: set(f) for pair, f in expected.items()}
    assert ("a", "b") in expected
    for item in recording.contacts:
        values = [expected[item.a, item.b][f] for f in range(item.start, item.stop)]
        assert item.max_force == pytest.approx(max(v[0] for v in values), rel=1e-9)
        assert item.max_penetration == pytest.approx(max(v[1] for v in values), rel=1e-9)
    deepest = max(c.max_penetration for c in recording.contacts)
    assert recorder.max_penetration == pytest.approx(deepest)


def test_pad_contacts_tell_the_sides() -> None:
    goal = Goal((((Relation("on", "a", ("table",)),),),))
    home = posture(0.5, 0.0, HEIGHT + 0.2)
    state = EndState(goal, {"a": ("block", standing("block", 0.5, 0.2))}, home=home)
    recorder = state.attempt.recorder
    assert recorder.pad_contacts(4) == 0
    state.grip("a", Pose.of((0.5, 0.0, HEIGHT + 0.2 - 0.5 * asset("block").extents[2])))
    assert recorder.pad_contacts(4) == 3
    assert recorder.pad_contacts(1) == 0


def test_an_unstable_simulation_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the engine writes its warnings to a file where it runs
    scene = built(STILL)
    recorder = Recorder(scene, FPS)
    recorder.tick()
    assert not recorder.diverged
    recorder.data.qvel[:] = 1e12
    recorder.tick()
    assert recorder.diverged


@pytest.mark.parametrize("fps", [10, 20, 50, 100])
def test_frames_are_whole_steps(fps: int) -> None:
    recorder = Recorder(built({}), fps)
    assert recorder.steps_per_frame * TIMESTEP_S * fps == pytest.approx(1.0)
    recorder.tick()
    assert recorder.data.time == pytest.approx(1.0 / fps)


# Measuring.


def measured(scene: SceneModel, seconds: float) -> tuple[Recorder, WorldState]:
    recorder = Recorder(scene, FPS)
    recorder.settle(seconds)
    return recorder, Measurer(scene).state_of(recorder.data)


def test_a_resting_object_is_carried_by_the_table() -> None:
    scene = built(STILL)
    recorder, state = measured(scene, 1.0)
    for item in scene.scene.objects:
        up = sum(
            c.force * c.normal[2] * (1.0 if c.b == item.name else -1.0)
            for c in state.contacts
            if item.name in (c.a, c.b)
        )
        assert up == pytest.approx(9.81 * item.mass, rel=0.03), item.name
    assert all(c.a < c.b for c in state.contacts)
    linear, angular = speeds(scene, recorder.data)
    assert linear.shape == angular.shape == (3,)
    assert linear.max() < 1e-3


def test_measuring_touches_nothing_and_wakes_sleepers() -> None:
    scene = built(STILL)
    recorder = Recorder(scene, FPS)
    recorder.settle(3.0)
    before = get_state(scene.model, recorder.data)
    first = Measurer(scene).state_of(recorder.data)
    assert get_state(scene.model, recorder.data).tobytes() == before.tobytes()
    assert {name for c in first.contacts for name in (c.a, c.b)} >= {"a", "b", "c", "table"}
    again = Measurer(scene).state(before)
    assert [c.force for c in again.contacts] == [c.force for c in first.contacts]


def test_the_robot_is_one_entity() -> None:
    scene = built(STILL)
    _, state = measured(scene, 0.1)
    names = {name for c in state.contacts for name in (c.a, c.b)}
    assert not names & {"arm", "gripper"}
    assert np.array_equal(state.world_from_base.vector(), BASE.vector())


def test_state_vectors_are_complete() -> None:
    scene = built(FALLING)
    recorder, _ = ran(scene, 3)
    state: Array = get_state(scene.model, recorder.data)
    assert state.shape == (mujoco.mj_stateSize(scene.model, STATE),)
    data = mujoco.MjData(scene.model)
    restart(scene.model, data, state)
    assert np.array_equal(data.qpos, recorder.data.qpos)
    assert np.array_equal(data.ctrl, recorder.data.ctrl)
    assert np.array_equal(data.act, recorder.data.act)
    assert data.time == recorder.data.time


# Gripper postures.


@pytest.mark.parametrize("robot", ROBOTS)
def test_postures_are_those_of_the_mechanism(robot: str) -> None:
    model = robot_named(robot)
    (arm,) = model.arms
    postures = gripper_postures(model, arm)
    assert (np.diff(postures.openings) > 0).all()
    assert postures.openings[0] < 0.03
    assert postures.openings[-1] > 0.97
    for opening in (0.0, 0.2, 0.5, 0.9, 1.0):
        qpos = postures.at(opening)
        assert qpos.shape == (len(arm.gripper_joints),)
        assert arm.gripper_opening(qpos) == pytest.approx(opening, abs=0.03)
    assert gripper_postures(model, arm) is postures
