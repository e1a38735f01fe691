"""Episodes to rows and Arrow batches: exact bits in, exact bits out, one content hash per row.

A *row* is a plain dict by column name: numpy arrays for numeric series, plain Python values for
everything else. The content hash covers every column but the volatile ones (times, CPU seconds,
machine) and columns of later formats that are null, so equal hashes mean equal content whoever made
the row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from datafactory.episode import AssetRecord, Episode, ObjectRecord, Trajectory, episode_id
from datafactory.errors import PluginError
from datafactory.store.schema import ADDED, VOLATILE
from datafactory.store.series import BY_NAME, TRAJECTORY

Row = dict[str, Any]
_LATER = frozenset(name for names in ADDED.values() for name in names)
TRACK_FPS = 5.0


@dataclass(frozen=True)
class Lineage:
    """What ties a row to the run that made it.

    Attributes:
        run_id: Id of the run: the same for every call that works on it.
        generator: Generator name; ``generator_version`` its version.
        spec_hash: Hash of the spec.
        run_seed: Seed of the run.
        engine: Physics engine and version, of the machine that made the row.
        cpu: Instruction set and CPU model, of the machine that made the row.
    """

    run_id: str
    generator: str
    generator_version: str
    spec_hash: str
    run_seed: int
    engine: str
    cpu: str


def run_id(generator: str, version: str, spec_hash: str, run_seed: int) -> str:
    """Returns the 16 hex digit id of a run."""
    text = f"{generator}/{version}/{spec_hash}/{run_seed}".encode()
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def canonical_json(value: Any) -> str:
    """Compact JSON with sorted keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (tuple, set, frozenset)):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def content_hash(row: Mapping[str, Any]) -> str:
    """Returns 32 hex digits of blake2b over all columns but the volatile ones."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(row):
        value = row[name]
        if name in VOLATILE or (value is None and name in _LATER):
            continue
        digest.update(name.encode())
        if isinstance(value, np.ndarray):
            digest.update(f"|{value.dtype.str}|{value.shape}|".encode())
            digest.update(value.tobytes())
        elif isinstance(value, bytes):
            digest.update(b"|bytes|" + hashlib.blake2b(value, digest_size=16).digest())
        elif isinstance(value, str):
            digest.update(f"|str|{len(value)}|".encode() + value.encode())
        else:
            digest.update(b"|json|" + canonical_json(value).encode())
    return digest.hexdigest()


def _lineage_row(key: str, lineage: Lineage, attempt: int) -> Row:
    return {
        key: episode_id(lineage.spec_hash, lineage.run_seed, attempt),
        "run_id": lineage.run_id,
        "generator": lineage.generator,
        "generator_version": lineage.generator_version,
        "spec_hash": lineage.spec_hash,
        "run_seed": lineage.run_seed,
        "attempt": attempt,
        "created_at": datetime.now(UTC),
        "engine": lineage.engine,
        "cpu": lineage.cpu,
    }


def _object_row(record: ObjectRecord) -> Row:
    row = {
        name: getattr(record, name)
        for name in ("name", "asset_id", "uid", "category", "colour", "material", "licence")
    }
    row["attributes"] = list(record.attributes)
    for name in ("mass", "friction"):
        row[name] = float(getattr(record, name))
    for name in ("size", "initial_pose", "final_pose"):
        row[name] = [float(v) for v in getattr(record, name)]
    return row


def _task_row(episode: Episode) -> Row:
    licences = {a.licence.spdx for a in episode.assets} | {o.licence for o in episode.objects}
    return {
        "task": episode.task,
        "instruction": episode.instruction,
        "paraphrases": list(episode.paraphrases),
        "instruction_split": episode.instruction_split,
        "robot": episode.robot,
        "world_from_base": [float(v) for v in episode.world_from_base],
        "objects": [_object_row(o) for o in episode.objects],
        "n_objects": len(episode.objects),
        "asset_ids": sorted({a.asset_id for a in episode.assets}),
        "licences": sorted(licences - {""}),
        "goal": canonical_json(episode.goal),
        "initial_graph": canonical_json(episode.initial_graph),
        "final_graph": canonical_json(episode.final_graph),
    }


def _numbers(values: Mapping[str, float]) -> list[Row]:
    return [{"name": k, "value": float(values[k])} for k in sorted(values)]


def _judgement_row(episode: Episode) -> Row:
    verdict = episode.verdict
    return {
        "success_once": bool(verdict.success_once),
        "success_at_end": bool(verdict.success_at_end),
        "verdict": [
            {
                "stage": c.stage,
                "check": c.check,
                "passed": bool(c.passed),
                "value": float(c.value),
                "limit": float(c.limit),
                "unit": c.unit,
            }
            for c in verdict.checks
        ],
        "metrics": _numbers(episode.metrics),
        "cpu_s": _numbers(episode.cpu_s),
    }


def _replay_row(episode: Episode) -> Row:
    replay = episode.replay
    if replay is None:
        empty: Row = {"mjcf": None, "mesh_hashes": [], "steps_per_frame": 0, "state_size": 0}
        return {**empty, "checkpoint_frames": None, "integration_states": None}
    return {
        "mjcf": replay.mjcf,
        "mesh_hashes": list(replay.mesh_hashes),
        "steps_per_frame": int(replay.steps_per_frame),
        "state_size": int(replay.states.shape[1]),
        "checkpoint_frames": np.ascontiguousarray(replay.frames),
        "integration_states": np.ascontiguousarray(replay.states),
    }


def episode_row(episode: Episode, lineage: Lineage, extra: Sequence[pa.Field] = ()) -> Row:
    """Returns the ``episodes`` row of an accepted episode.

    Raises:
        PluginError: The episode has no trajectory, or an extra column is unknown or of a wrong
            type.
    """
    t = episode.trajectory
    if t is None:
        raise PluginError(f"attempt {episode.attempt} was accepted without a trajectory")
    row: Row = {
        **_lineage_row("episode_id", lineage, episode.attempt),
        **_task_row(episode),
        **_judgement_row(episode),
        "fps": int(t.fps),
        "length": t.length,
        "nq": int(t.qpos.shape[1]),
        "nv": int(t.qvel.shape[1]),
        "nu": int(t.ctrl.shape[1]),
        "dof": int(t.action_joint.shape[1]),
        "joint_addresses": [int(i) for i in t.joint_addresses],
        "phases": [asdict(p) for p in t.phases],
        "contacts": [
            {**asdict(c), "max_force": float(c.max_force)}
            | {"max_penetration": float(c.max_penetration)}
            for c in t.contacts
        ],
        **{s.name: np.ascontiguousarray(getattr(t, s.name)) for s in TRAJECTORY},
        **_replay_row(episode),
        "arms": _arms(t),
        **_extra_row(episode, extra),
    }
    row["content_hash"] = content_hash(row)
    return row


def _arms(trajectory: Trajectory | None) -> list[Row] | None:
    several = trajectory is not None and trajectory.arms
    return [{"name": a.name, "dof": int(a.dof)} for a in several] if several else None


def _extra_row(episode: Episode, extra: Sequence[pa.Field]) -> Row:
    unknown = sorted(set(episode.extra) - {f.name for f in extra})
    if unknown:
        raise PluginError(
            f"attempt {episode.attempt} has extra values {unknown} without a column",
            remedy="declare them in the generator's extra_columns()",
        )
    row: Row = {}
    for field in extra:
        value = episode.extra.get(field.name)
        try:
            row[field.name] = pa.scalar(_arrowable(value), type=field.type).as_py()
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise PluginError(
                f"extra column '{field.name}' does not fit its type {field.type}", why=str(error)
            ) from error
    return row


def _arrowable(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def attempt_row(episode: Episode, lineage: Lineage) -> Row:
    """Returns the ``attempts`` row of a rejected attempt, with a low-rate pose track."""
    t = episode.trajectory
    track: Row = {"track_fps": 0.0, "length": 0, "track_object_poses": None, "track_tcp_pose": None}
    if t is not None and t.length:
        stride = max(1, round(t.fps / TRACK_FPS))
        poses = np.ascontiguousarray(t.object_poses[::stride])
        track = {
            "track_fps": t.fps / stride,
            "length": int(poses.shape[0]),
            "track_object_poses": poses,
            "track_tcp_pose": np.ascontiguousarray(t.eef_pose[::stride]),
        }
    row: Row = {
        **_lineage_row("attempt_id", lineage, episode.attempt),
        "stage": episode.verdict.stage,
        "reason": episode.verdict.reason,
        **_task_row(episode),
        **_judgement_row(episode),
        **track,
        "arms": _arms(t),
    }
    row["content_hash"] = content_hash(row)
    return row


def asset_row(asset: AssetRecord) -> Row:
    """Returns the ``assets`` row of one asset."""
    row: Row = {
        "asset_id": asset.asset_id,
        "kind": asset.kind,
        "uid": asset.uid,
        "category": asset.category,
        "licence": asset.licence.spdx,
        "author": asset.licence.author,
        "source": asset.licence.source,
        "attribution": asset.licence.attribution,
        "size": [float(v) for v in asset.size],
        "mass": float(asset.mass),
        "params_json": asset.params_json,
        "geometry": bytes(asset.geometry),
        "geometry_format": asset.geometry_format,
    }
    row["content_hash"] = content_hash(row)
    return row


def _series_array(values: list[np.ndarray[Any, Any] | None], field: pa.Field) -> pa.Array:
    series = BY_NAME[field.name]
    flat = [None if v is None else series.flatten(v) for v in values]
    offsets = np.zeros(len(values) + 1, dtype=np.int32)
    np.cumsum([0 if v is None else v.size for v in flat], out=offsets[1:])
    present = [v for v in flat if v is not None]
    data = np.concatenate(present) if present else np.empty(0, dtype=series.dtype)
    mask = pa.array([v is None for v in flat]) if len(present) < len(flat) else None
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(data), type=field.type, mask=mask)


def to_batch(rows: Sequence[Row], schema: pa.Schema) -> pa.RecordBatch:
    """Builds one record batch of rows in the order given."""
    columns = []
    for field in schema:
        values = [row[field.name] for row in rows]
        if field.name in BY_NAME:
            columns.append(_series_array(values, field))
        else:
            columns.append(pa.array(values, type=field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def to_rows(batch: pa.RecordBatch | pa.Table) -> list[Row]:
    """Reads rows back: the same plain values and exact arrays that ``to_batch`` was given."""
    if batch.num_rows == 0:
        return []
    columns: dict[str, list[Any]] = {}
    for field in batch.schema:
        column = batch.column(field.name)
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        if field.name in BY_NAME:
            columns[field.name] = [_series_values(value) for value in column]
        else:
            columns[field.name] = column.to_pylist()
    rows = [{name: values[i] for name, values in columns.items()} for i in range(batch.num_rows)]
    for series in (BY_NAME[name] for name in columns if name in BY_NAME):
        for row in rows:
            if row[series.name] is not None:
                row[series.name] = series.restore(row[series.name], row)
    return rows


def _series_values(scalar: Any) -> np.ndarray[Any, Any] | None:
    if not scalar.is_valid:
        return None
    values: np.ndarray[Any, Any] = scalar.values.to_numpy(zero_copy_only=True)
    return values
