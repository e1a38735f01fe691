"""Invariants of one ``Episode`` value, whatever made it, and its bytes for comparison.

Every function raises ``AssertionError`` that names the broken promise and the measured number.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from datafactory.episode import REASONS, Episode, Trajectory, Verdict
from datafactory.plugin import Generator, Spec
from datafactory.sim.engine import compile_mjcf
from datafactory.sim.replay import ReplayResult, replay

IMPURE = ("cpu_s",)
"""Fields of ``Episode`` that measure the machine instead of describing the attempt."""
LATER = ("arms",)
"""Fields added later: at their default they leave the bytes as they were before."""
UNIT_TOLERANCE = 1e-5


def require(condition: bool, what: str) -> None:
    """Raises ``AssertionError`` with a message unless the condition holds."""
    if not condition:
        raise AssertionError(what)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, bytes]]:
    """Walks a value of dataclasses, arrays, mappings, sequences and scalars, in a fixed order.

    Yields:
        (path, exact bytes) of every leaf; arrays with dtype and shape, floats bit by bit.
    """
    if isinstance(value, Episode):
        for field in fields(value):
            if field.name not in IMPURE:
                yield from leaves(getattr(value, field.name), field.name)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            item = getattr(value, field.name)
            if field.name not in LATER or item != field.default:
                yield from leaves(item, f"{path}.{field.name}")
    elif isinstance(value, np.ndarray):
        head = f"{value.dtype.str}{value.shape}".encode()
        yield path, head + np.ascontiguousarray(value).tobytes()
    elif isinstance(value, Mapping):
        yield path, f"mapping {len(value)}".encode()
        for key in sorted(value, key=str):
            yield from leaves(value[key], f"{path}[{key!r}]")
    elif isinstance(value, list | tuple):
        yield path, f"sequence {len(value)}".encode()
        for k, item in enumerate(value):
            yield from leaves(item, f"{path}[{k}]")
    elif isinstance(value, bytes):
        yield path, b"bytes " + value
    elif isinstance(value, float | np.floating):
        yield path, b"float " + np.float64(value).tobytes()
    else:
        yield path, f"{type(value).__name__} {value!r}".encode()


def digest(episode: Episode) -> str:
    """32 hex digits over everything of an episode that is a function of its seeds."""
    found = hashlib.blake2b(digest_size=16)
    for path, data in leaves(episode):
        found.update(f"{path}\0{len(data)}\0".encode())
        found.update(data)
    return found.hexdigest()


def first_difference(a: Episode, b: Episode) -> str:
    """Path of the first leaf in which two episodes differ; empty when they are equal."""
    one, two = list(leaves(a)), list(leaves(b))
    for (path, left), (other, right) in zip(one, two, strict=False):
        if path != other or left != right:
            return path
    return "" if len(one) == len(two) else "length"


def require_equal(a: Episode, b: Episode, what: str) -> None:
    """Two episodes have the same bytes, CPU times aside."""
    difference = first_difference(a, b)
    require(not difference, f"{what}: attempt {a.attempt} differs first in '{difference}'")


def check_identity(episode: Episode, spec: Spec, index: int) -> None:
    """The episode says truthfully what it is an attempt of."""
    require(episode.attempt == index, f"attempt {index} calls itself {episode.attempt}")
    require(episode.task == spec.task, f"task is '{episode.task}', not '{spec.task}'")
    require(episode.robot == spec.robot, f"robot is '{episode.robot}', not '{spec.robot}'")
    require(bool(episode.instruction), f"attempt {index} has no instruction")
    same = episode.instruction in episode.paraphrases
    require(not same, f"'{episode.instruction}' is its own paraphrase")
    split = episode.instruction_split
    require(split in ("train", "held_out"), f"unknown instruction split '{split}'")
    require(len(episode.world_from_base) == 7, "world_from_base is not xyz + wxyz")
    _require_poses(np.array([episode.world_from_base]), "world_from_base")
    for name, number in episode.metrics.items():
        require(bool(np.isfinite(number)), f"metric {name} is {number}")
    for stage, seconds in episode.cpu_s.items():
        require(0.0 <= seconds < np.inf, f"stage {stage} took {seconds} s")
    for value in (episode.goal, episode.initial_graph, episode.final_graph):
        json.dumps(value, allow_nan=False)
    names = [item.name for item in episode.objects]
    require(len(set(names)) == len(names), f"object names are not unique: {names}")


def check_verdict(verdict: Verdict, generator: Generator) -> None:
    """The verdict follows from its checks and uses the generator's words only."""
    known = {*REASONS, *generator.reasons}
    for check in verdict.checks:
        where = f"{check.stage}/{check.check}"
        require(check.stage in generator.stages, f"{where}: unknown stage")
        finite = bool(np.isfinite(check.value) and np.isfinite(check.limit))
        require(finite, f"{where}: {check.value} against {check.limit} are not numbers")
        require(isinstance(check.passed, bool), f"{where}: passed is no bool")
        require(bool(check.unit), f"{where}: no unit")
    if not verdict.accepted:
        require(verdict.stage in generator.stages, f"refused by unknown stage '{verdict.stage}'")
        require(verdict.reason in known, f"refused for undocumented reason '{verdict.reason}'")
        require(not verdict.success_at_end, "refused with success_at_end")
        return
    require(not verdict.stage, f"accepted with stage '{verdict.stage}'")
    require(not verdict.reason, f"accepted with reason '{verdict.reason}'")
    require(verdict.success_at_end, "accepted without success_at_end")
    require(verdict.success_once, "accepted without success_once")
    require(bool(verdict.checks), "accepted without a single check")
    last = {(c.stage, c.check): c for c in verdict.checks}  # a repeated check counts at its end
    failed = [f"{c.stage}/{c.check} = {c.value}" for c in last.values() if not c.passed]
    require(not failed, f"accepted although these checks failed: {failed}")


def check_trajectory(episode: Episode, fps: int) -> None:
    """Shapes, types, ranges, phases and contacts of the recorded frames."""
    record = episode.trajectory
    if record is None:
        require(not episode.verdict.accepted, "accepted without a trajectory")
        require(episode.replay is None, "replay data without a trajectory")
        return
    require(record.fps == fps, f"recorded at {record.fps} Hz, asked for {fps} Hz")
    require(record.length >= 1, "a trajectory without frames")
    _check_shapes(record, len(episode.objects))
    _require_poses(record.eef_pose, "eef_pose")
    _require_poses(record.action_eef, "action_eef")
    _require_poses(record.object_poses.reshape(-1, 7), "object_poses")
    for name in ("gripper_opening", "action_gripper"):
        values = getattr(record, name)
        inside = bool(values.min() >= 0.0 and values.max() <= 1.0)
        require(inside, f"{name} leaves [0, 1]: {values.min()} to {values.max()}")
    require(bool(record.gripper_width.min() >= 0.0), "negative gripper width")
    _check_phases(record)
    _check_contacts(record)


def _check_shapes(record: Trajectory, objects: int) -> None:
    length = record.length
    dof = record.action_joint.shape[-1]
    arms = (len(record.arms),) if record.arms else ()
    stated = sum(arm.dof for arm in record.arms)
    require(not arms or stated == dof, f"the arms have {stated} joints, the actions {dof}")
    require(len({a.name for a in record.arms}) == len(record.arms), "arms share a name")
    shapes = {
        "qpos": (length, record.qpos.shape[-1]),
        "qvel": (length, record.qvel.shape[-1]),
        "ctrl": (length, record.ctrl.shape[-1]),
        "eef_pose": (length, *arms, 7),
        "gripper_opening": (length, *arms),
        "gripper_width": (length, *arms),
        "object_poses": (length, objects, 7),
        "action_joint": (length, dof),
        "action_gripper": (length, *arms),
        "action_eef": (length, *arms, 7),
    }
    for name, shape in shapes.items():
        values = getattr(record, name)
        require(values.shape == shape, f"{name} has shape {values.shape}, not {shape}")
        require(values.dtype == np.float32, f"{name} is {values.dtype}, not float32")
        require(bool(np.isfinite(values).all()), f"{name} is not finite")
    addresses = record.joint_addresses
    require(len(addresses) in (0, dof), f"{len(addresses)} joint addresses for {dof} joints")
    columns = addresses or tuple(range(dof))
    inside = all(0 <= k < record.qpos.shape[1] for k in columns)
    require(inside, f"joint addresses {columns} leave qpos of {record.qpos.shape[1]} columns")


def _require_poses(poses: NDArray[Any], name: str) -> None:
    """Poses (..., 7): the last four numbers are unit quaternions."""
    if len(poses):
        error = float(np.abs(np.linalg.norm(poses[..., 3:], axis=-1) - 1.0).max())
        require(error < UNIT_TOLERANCE, f"{name}: a quaternion's length is off by {error:.1e}")


def _check_phases(record: Trajectory) -> None:
    require(bool(record.phases), "no phases")
    expected = 0
    for phase in record.phases:
        require(bool(phase.name), f"the phase from frame {phase.start} has no name")
        require(phase.subgoal >= 0, f"phase {phase.name} has subgoal {phase.subgoal}")
        place = f"phase {phase.name} is [{phase.start}, {phase.stop})"
        require(phase.start == expected, f"{place}, the one before ends at {expected}")
        require(phase.stop > phase.start, f"{place}: empty")
        expected = phase.stop
    require(expected == record.length, f"phases end at {expected} of {record.length} frames")


def _check_contacts(record: Trajectory) -> None:
    ends: dict[tuple[str, str], int] = {}
    for item in sorted(record.contacts, key=lambda c: c.start):
        where = f"contact {item.a}-{item.b} [{item.start}, {item.stop})"
        require(bool(item.a) and item.a <= item.b, f"{where}: names are not in order")
        require(0 <= item.start < item.stop <= record.length, f"{where}: outside the episode")
        require(0.0 <= item.max_force < np.inf, f"{where}: force {item.max_force} N")
        deep = item.max_penetration
        require(0.0 <= deep < np.inf, f"{where}: penetration {deep} m")
        free = ends.get((item.a, item.b), 0) <= item.start
        require(free, f"{where}: overlaps the interval before")
        ends[item.a, item.b] = item.stop


def mesh_files(episode: Episode) -> dict[str, bytes]:
    """Mesh files of an episode's model by the name its MJCF uses."""
    data = {f"{a.asset_id}.{a.geometry_format}": a.geometry for a in episode.assets}
    wanted = episode.replay.mesh_hashes if episode.replay else ()
    missing = [name for name in wanted if name not in data]
    require(not missing, f"mesh files missing among the assets: {missing}")
    return {name: data[name] for name in wanted}


def check_replay(episode: Episode) -> ReplayResult | None:
    """Checkpoints, controls and model fit together, and re-execution is bit-equal.

    Returns:
        The comparison; None when the episode has no replay data.
    """
    record, source = episode.trajectory, episode.replay
    if record is None or source is None:
        return None
    files = mesh_files(episode)
    for name, data in files.items():
        same = hashlib.sha256(data).hexdigest() == name.rsplit(".", 1)[0]
        require(same, f"mesh {name} is not named by its content")
    frames = source.frames
    require(frames.dtype == np.int32, f"checkpoint frames are {frames.dtype}")
    require(source.states.dtype == np.float64, f"states are {source.states.dtype}, not float64")
    require(len(frames) == len(source.states), "not one state per checkpoint")
    require(int(frames[0]) == 0, f"the first checkpoint is at frame {frames[0]}")
    require(int(frames[-1]) == record.length, f"the last checkpoint is at frame {frames[-1]}")
    require(bool((np.diff(frames) > 0).all()), f"checkpoints are not in order: {frames}")
    model = compile_mjcf(source.mjcf, files)
    _check_model(model, record, source.steps_per_frame)
    result = replay(episode, files)
    require(
        result.exact,
        f"attempt {episode.attempt} re-executes differently from frame {result.first_difference}"
        f" on: {result.qpos_drift:.2e} m or rad, checkpoints {result.checkpoint_drift:.2e}",
    )
    return result


def _check_model(model: mujoco.MjModel, record: Trajectory, steps_per_frame: int) -> None:
    sizes = {"qpos": model.nq, "qvel": model.nv, "ctrl": model.nu}
    for name, size in sizes.items():
        columns = getattr(record, name).shape[1]
        require(columns == size, f"{name} has {columns} columns, the model {size}")
    frame = steps_per_frame * float(model.opt.timestep)
    require(abs(frame * record.fps - 1.0) < 1e-9, f"a frame is {frame} s at {record.fps} Hz")
    limited = np.asarray(model.actuator_ctrllimited, dtype=bool)
    low, high = model.actuator_ctrlrange[limited].T.astype(np.float32)
    ctrl = record.ctrl[:, limited]
    outside = bool((ctrl < low).any() or (ctrl > high).any())
    require(not outside, "a control leaves its actuator's range")


def check_licences(episode: Episode) -> None:
    """Every object and every asset used states its licence, and every object its asset."""
    rows = {asset.asset_id: asset for asset in episode.assets}
    require(len(rows) == len(episode.assets), "asset ids are not unique")
    for asset in episode.assets:
        licence = asset.licence
        stated = bool(licence.spdx and licence.author and licence.source)
        require(stated, f"asset {asset.uid} does not state licence, author and source")
        json.loads(asset.params_json)
    for item in episode.objects:
        known = rows.get(item.asset_id)
        if known is None:
            raise AssertionError(f"object {item.name}: its asset {item.asset_id} is not listed")
        require(bool(item.licence), f"object {item.name} has no licence")
        require(item.licence == known.licence.spdx, f"object {item.name}: two licences")
        require(item.mass > 0.0, f"object {item.name} weighs {item.mass} kg")
        for name, pose in (("initial", item.initial_pose), ("final", item.final_pose)):
            require(len(pose) == 7, f"object {item.name}: {name} pose is not xyz + wxyz")
            _require_poses(np.array([pose]), f"object {item.name}, {name} pose")
