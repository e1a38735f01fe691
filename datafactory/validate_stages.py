"""The built-in stages of ``validate``: what must hold for every stored episode, one by one.

A stage is made once per run, sees every episode once, and says what is wrong in plain words. It
re-derives what it can from the stored numbers instead of trusting labels.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from datafactory.episode import episode_id
from datafactory.store.dataset import Dataset
from datafactory.store.encode import content_hash
from datafactory.store.location import reading
from datafactory.store.schema import ADDED, table_schema
from datafactory.store.series import REPLAY, TRAJECTORY
from datafactory.store.stored import StoredEpisode
from datafactory.subtasks import faults, subtasks_of

JOINT_SPEED = 10.0
TCP_SPEED = 5.0
OBJECT_SPEED = 15.0
"""Largest speeds between two frames, rad/s and m/s; anything faster is a jump in the record."""
QUATERNION_TOLERANCE = 1e-3
HINGE_TOLERANCE = 0.05
SLIDE_TOLERANCE = 0.005
"""How far MuJoCo's soft joint limits may give, rad and m."""
OUTLIER_RANGES = 3.0


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        where: Episode id, or table.
        what: What is wrong, with the measured number.
    """

    where: str
    what: str


@dataclass(frozen=True)
class Case:
    """One episode under examination.

    Attributes:
        dataset: The dataset it comes from.
        row: The stored row.
        episode: The same as a typed value.
    """

    dataset: Dataset
    row: Mapping[str, Any]
    episode: StoredEpisode


def _nothing() -> Iterable[Finding]:
    return ()


@dataclass(frozen=True)
class Examiner:
    """One run of a stage.

    Attributes:
        episode: Says what is wrong with one episode.
        finish: Says what is wrong with the dataset as a whole, after all episodes.
    """

    episode: Callable[[Case], Iterable[str]] = lambda case: ()
    finish: Callable[[], Iterable[Finding]] = _nothing


@dataclass(frozen=True)
class Stage:
    """A stage of ``validate``.

    Attributes:
        name: Name on the command line.
        meaning: What it demands, one line.
        make: Makes the examiner of one run.
        advisory: Its findings are hints; they fail nothing unless asked to.
        costly: It compiles models; a sample of the episodes can be asked for.
    """

    name: str
    meaning: str
    make: Callable[[Dataset, Collection[str] | None], Examiner]
    advisory: bool = False
    costly: bool = False


def _schema(dataset: Dataset, _: Collection[str] | None) -> Examiner:
    def finish() -> Iterator[Finding]:
        for table in dataset.tables:
            stored = dataset.table(table).schema
            for wanted in table_schema(table):
                at = stored.get_field_index(wanted.name)
                if at < 0 and wanted.name in ADDED.get(table, ()):
                    continue
                if at < 0:
                    yield Finding(table, f"column {wanted.name} is missing")
                elif stored.field(at).type != wanted.type:
                    yield Finding(table, f"column {wanted.name} is {stored.field(at).type}")

    return Examiner(_shapes, finish)


def _shapes(case: Case) -> Iterator[str]:
    t, length = case.episode.trajectory, case.episode.length
    for series in TRAJECTORY:
        if len(case.row[series.name]) != length:
            yield f"{series.name} has {len(case.row[series.name])} frames instead of {length}"
    if case.row["length"] != length or length < 1:
        yield f"length is {case.row['length']}, there are {length} frames"
    if t.object_poses.shape[1] != len(case.episode.objects):
        yield f"{t.object_poses.shape[1]} object tracks, {len(case.episode.objects)} objects"
    spans = [(p.name, p.start, p.stop) for p in t.phases]
    spans += [(f"{c.a}/{c.b}", c.start, c.stop) for c in t.contacts]
    for name, start, stop in spans:
        if not 0 <= start < stop <= length:
            yield f"{name} spans frames {start} to {stop} of {length}"
    names = [item.name for item in case.episode.objects]
    yield from faults(subtasks_of(case.episode.extra), length, names)
    replay = case.episode.replay
    if replay is not None:
        frames = replay.frames.tolist()
        if frames != sorted(set(frames)) or frames[:1] != [0] or frames[-1:] != [length]:
            yield f"checkpoints {frames} do not go from 0 to {length}"


def _content(dataset: Dataset, _: Collection[str] | None) -> Examiner:
    base = set(table_schema("episodes").names) | set(dataset.extra_columns)

    def episode(case: Case) -> Iterator[str]:
        found = content_hash({k: v for k, v in case.row.items() if k in base})
        if found != case.row["content_hash"]:
            yield f"content hash is {found}, recorded as {case.row['content_hash']}"

    return Examiner(episode)


def _finite(dataset: Dataset, _: Collection[str] | None) -> Examiner:
    def episode(case: Case) -> Iterator[str]:
        absent = frozenset(case.row.get("absent") or ())  # series an imported source did not have
        for series in (*TRAJECTORY, *REPLAY):
            values = case.row[series.name]
            if values is None or series.name in absent:
                continue
            if not np.isfinite(values).all():
                yield f"{series.name} has {int((~np.isfinite(values)).sum())} non-finite values"
        for name, value in case.episode.metrics.items():
            if not math.isfinite(value):
                yield f"metric {name} is {value}"

    return Examiner(episode)


def _limits(dataset: Dataset, _: Collection[str] | None) -> Examiner:
    meshes: dict[str, bytes] = {}
    return Examiner(lambda case: _beyond_limits(case, meshes))


def _beyond_limits(case: Case, meshes: dict[str, bytes]) -> Iterator[str]:
    import mujoco

    from datafactory.sim.engine import compile_mjcf
    from datafactory.verify import mesh_files

    replay, t = case.episode.replay, case.episode.trajectory
    if replay is None:
        return
    model = compile_mjcf(replay.mjcf, mesh_files(case.dataset, replay, meshes))
    if (model.nq, model.nv, model.nu) != (t.qpos.shape[1], t.qvel.shape[1], t.ctrl.shape[1]):
        yield "the stored model does not fit the stored series"
        return
    limited = model.actuator_ctrllimited.astype(bool)
    low, high = model.actuator_ctrlrange[limited].astype(np.float32).T
    excess = _excess(t.ctrl[:, limited], low, high)
    if excess > 0.0:
        yield f"controls leave their range by {excess:.4g}"
    hinge, slide = int(mujoco.mjtJoint.mjJNT_HINGE), int(mujoco.mjtJoint.mjJNT_SLIDE)
    for kind, tolerance in ((hinge, HINGE_TOLERANCE), (slide, SLIDE_TOLERANCE)):
        chosen = (model.jnt_type == kind) & model.jnt_limited.astype(bool)
        low, high = model.jnt_range[chosen].T
        excess = _excess(t.qpos[:, model.jnt_qposadr[chosen]], low, high)
        if excess > tolerance:
            yield f"a joint leaves its range by {excess:.4g}, allowed is {tolerance}"


def _excess(values: Any, low: Any, high: Any) -> float:
    if values.size == 0:
        return 0.0
    return float(np.maximum(low - values, values - high).max())


def _continuity(dataset: Dataset, _: Collection[str] | None) -> Examiner:
    return Examiner(_jumps)


def _jumps(case: Case) -> Iterator[str]:
    t = case.episode.trajectory
    tracks = (
        ("a joint", case.episode.joint_positions(), JOINT_SPEED, "rad/s"),
        ("the tool", t.eef_pose[..., :3], TCP_SPEED, "m/s"),
        ("an object", t.object_poses[:, :, :3], OBJECT_SPEED, "m/s"),
    )
    for name, values, limit, unit in tracks:
        if values.size and len(values) > 1:
            step = np.abs(np.diff(values.astype(np.float64), axis=0))
            speed = float(step.max()) * t.fps
            if speed > limit:
                frame = int(np.argmax(step.reshape(len(step), -1).max(axis=1)))
                yield f"{name} jumps at frame {frame}: {speed:.3g} {unit}, limit {limit:g}"
    for name, quats in (("eef_pose", t.eef_pose[..., 3:]), ("objects", t.object_poses[..., 3:])):
        if quats.size:
            error = float(np.abs(np.linalg.norm(quats, axis=-1) - 1.0).max())
            if error > QUATERNION_TOLERANCE:
                yield f"quaternions of {name} are off unit length by {error:.3g}"


def _duplicates(dataset: Dataset, _: Collection[str] | None) -> Examiner:
    motions: dict[bytes, str] = {}

    def episode(case: Case) -> Iterator[str]:
        t = case.episode.trajectory
        text = t.qpos.tobytes() + t.ctrl.tobytes()
        motion = hashlib.blake2b(text, digest_size=16).digest()
        other = motions.setdefault(motion, case.episode.episode_id)
        if other != case.episode.episode_id:
            yield f"has the same motion as {other}"

    def finish() -> Iterator[Finding]:
        seen: dict[str, str] = {}
        for table, key in (("episodes", "episode_id"), ("attempts", "attempt_id")):
            with reading(dataset.location, table):
                names = dataset.table(table).to_table(columns=[key]).column(0).to_pylist()
            for name in names:
                if name in seen:
                    yield Finding(name, f"has a row in {seen[name]} and one in {table}")
                seen[name] = table

    return Examiner(episode, finish)


def _lineage(dataset: Dataset, _: Collection[str] | None) -> Examiner:
    names = ["run_id", "generator", "generator_version", "spec_hash", "run_seed", "attempt"]

    def finish() -> Iterator[Finding]:
        runs = {r.run_id: r for r in dataset.runs()}
        for table, key in (("episodes", "episode_id"), ("attempts", "attempt_id")):
            with reading(dataset.location, table):
                rows = dataset.table(table).to_table(columns=[key, *names]).to_pylist()
            for row in rows:
                expected = episode_id(row["spec_hash"], row["run_seed"], row["attempt"])
                run = runs.get(row["run_id"])
                if row[key] != expected:
                    yield Finding(row[key], f"its id should be {expected}")
                if run is None:
                    yield Finding(row[key], f"its run {row['run_id']} is not recorded")
                elif any(row[n] != getattr(run, n) for n in names[:-1]):
                    yield Finding(row[key], "differs from its run's generator, version or seed")

    return Examiner(finish=finish)


def _unverified(dataset: Dataset, _: Collection[str] | None) -> Examiner:
    def episode(case: Case) -> Iterator[str]:
        verdict = case.episode.verdict
        if not case.episode.imported:
            return
        if verdict.checks or verdict.success_once or verdict.success_at_end:
            yield "is imported, yet claims checks or success that nothing here measured"

    return Examiner(episode)


def _verdict(dataset: Dataset, _: Collection[str] | None) -> Examiner:
    def episode(case: Case) -> Iterator[str]:
        verdict = case.episode.verdict
        if case.episode.imported:
            return
        if not verdict.success_at_end:
            yield "is accepted without success at the end"
        for check in verdict.checks:
            if not check.passed:
                yield f"is accepted though {check.stage}/{check.check} failed ({check.value:.4g})"

    return Examiner(episode)


def _licences(dataset: Dataset, allow: Collection[str] | None) -> Examiner:
    from datafactory_assets.licences import is_allowed

    rows = dataset.assets(columns=["asset_id", "licence"]).to_pylist()
    known = {r["asset_id"]: r["licence"] for r in rows}

    def episode(case: Case) -> Iterator[str]:
        for asset in {*case.episode.asset_ids, *(o.asset_id for o in case.episode.objects)}:
            if asset not in known:
                yield f"asset {asset} is not recorded"

    def finish() -> Iterator[Finding]:
        for asset, spdx in known.items():
            if not is_allowed(spdx, allow):
                yield Finding(asset, f"its licence '{spdx}' is not allowed")

    return Examiner(episode, finish)


def _statistics(dataset: Dataset, _: Collection[str] | None) -> Examiner:
    numbers: dict[str, list[tuple[float, str]]] = {}

    def episode(case: Case) -> Iterable[str]:
        own = {"length": float(case.episode.length), **case.episode.metrics}
        for name, value in own.items():
            numbers.setdefault(name, []).append((value, case.episode.episode_id))
        return ()

    def finish() -> Iterator[Finding]:
        for name, pairs in sorted(numbers.items()):
            low, high = np.quantile(np.array([v for v, _ in pairs]), [0.25, 0.75])
            reach = OUTLIER_RANGES * (high - low)
            for value, where in pairs if reach > 0.0 else ():
                if not low - reach <= value <= high + reach:
                    what = f"{name} is {value:.4g}; half lie in {low:.4g} ... {high:.4g}"
                    yield Finding(where, what)

    return Examiner(episode, finish)


BUILT_IN = (
    Stage("schema", "columns, shapes and frame ranges are as documented", _schema),
    Stage("content", "stored values have the hash they were recorded with", _content),
    Stage("finite", "no NaN or infinity", _finite),
    Stage("limits", "controls and joints stay in the model's ranges", _limits, costly=True),
    Stage("continuity", "no jumps between frames, unit quaternions", _continuity),
    Stage("duplicates", "every attempt once, every motion once", _duplicates),
    Stage("lineage", "ids recompute, every row belongs to a run", _lineage),
    Stage("verdict", "accepted episodes passed every check", _verdict),
    Stage("unverified", "imported episodes claim no checks and no success", _unverified),
    Stage("licences", "all assets recorded, under allowed licences", _licences),
    Stage("statistics", "no outliers in length and metrics", _statistics, advisory=True),
)
