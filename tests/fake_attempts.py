"""A generator without physics: deterministic episodes of realistic sizes, and faults on demand."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from datafactory.episode import (
    AssetRecord,
    CheckResult,
    ContactInterval,
    Episode,
    ObjectRecord,
    Phase,
    Replay,
    Trajectory,
    Verdict,
)
from datafactory.seeding import stream
from datafactory_assets.asset import Licence

LICENCE = Licence("Apache-2.0", "nobody", "datafactory")
REFERENCE = "tests.fake_attempts:Fake"
FAULTS = ("sleep_s", "crash", "fail", "fill_disk", "mark_in")


@dataclass(frozen=True)
class FakeSpec:
    """Sizes and faults of the fake attempts.

    Attributes:
        task, robot, fps: As every spec.
        frames, objects, mjcf_bytes: Sizes.
        reject: Share of rejected attempts.
        sleep_s: Wall seconds an attempt sleeps.
        hang, crash, fail, fill_disk: Attempt indices that misbehave.
        mark_in: Folder where a fault leaves a mark, so that it happens only once.
    """

    task: str = "fake"
    robot: str = "none"
    fps: int = 20
    frames: int = 12
    objects: int = 2
    mjcf_bytes: int = 400
    reject: float = 0.3
    sleep_s: float = 0.0
    hang: tuple[int, ...] = ()
    crash: tuple[int, ...] = ()
    fail: tuple[int, ...] = ()
    fill_disk: tuple[int, ...] = ()
    mark_in: str = ""

    @property
    def spec_hash(self) -> str:
        told = {k: v for k, v in self.to_dict().items() if k not in FAULTS}
        text = json.dumps(told, sort_keys=True).encode()
        return hashlib.blake2b(text, digest_size=16).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


def realistic(**changes: Any) -> FakeSpec:
    """Sizes of a tabletop episode: 140 frames, 6 objects, 14 KB of MJCF."""
    return FakeSpec(
        **{"frames": 140, "objects": 6, "mjcf_bytes": 14_000, "reject": 0.15, **changes}
    )


def walk(rng: np.random.Generator, frames: int, width: int, scale: float) -> np.ndarray:
    """(T, width) float64 smooth random curve."""
    knots = rng.normal(size=(8, width)) * scale
    x = np.linspace(0, 7, frames)
    i = np.minimum(x.astype(int), 6)
    f = (x - i)[:, None]
    f = f * f * (3 - 2 * f)
    return knots[i] * (1 - f) + knots[i + 1] * f


def object_poses(rng: np.random.Generator, spec: FakeSpec) -> np.ndarray:
    """(T, n, 7) float64: all objects rest but the first, which is carried for a while."""
    quat = rng.normal(size=(spec.objects, 4))
    quat /= np.linalg.norm(quat, axis=1, keepdims=True)
    rest = np.concatenate([rng.uniform(-0.5, 0.5, (spec.objects, 3)), quat], axis=1)
    poses = np.repeat(rest[None], spec.frames, axis=0)
    a, b = spec.frames // 3, 2 * spec.frames // 3
    poses[a:b, 0, :3] += walk(rng, b - a, 3, 0.02)
    poses[b:, 0] = poses[b - 1, 0]
    return poses


def trajectory(rng: np.random.Generator, spec: FakeSpec) -> Trajectory:
    """A smooth trajectory of 8 robot coordinates and free objects."""
    frames = spec.frames
    robot = walk(rng, frames, 8, 0.02) + rng.normal(size=(frames, 8)) * 1e-5
    poses = object_poses(rng, spec)
    moving = np.gradient(robot, axis=0) * spec.fps
    velocity = np.concatenate([moving, np.zeros((frames, 6 * spec.objects))], axis=1)
    eef = np.concatenate([walk(rng, frames, 3, 0.02), np.ones((frames, 4)) * 0.5], axis=1)
    ctrl = (robot + rng.normal(size=(frames, 8)) * 1e-3).astype(np.float32)
    opening = rng.uniform(size=frames).astype(np.float32)
    return Trajectory(
        fps=spec.fps,
        qpos=np.concatenate([robot, poses.reshape(frames, -1)], axis=1).astype(np.float32),
        qvel=velocity.astype(np.float32),
        ctrl=ctrl,
        eef_pose=eef.astype(np.float32),
        gripper_opening=opening,
        gripper_width=(opening * 0.08).astype(np.float32),
        object_poses=poses.astype(np.float32),
        action_joint=ctrl[:, :7].copy(),
        action_gripper=opening,
        action_eef=(eef + rng.normal(size=eef.shape) * 1e-3).astype(np.float32),
        phases=(Phase("reach", 0, frames // 2), Phase("place", frames // 2, frames, 1)),
        contacts=(ContactInterval("gripper", "o0", 3, 9, 12.5, 1e-4),),
    )


def replay(rng: np.random.Generator, spec: FakeSpec, t: Trajectory) -> Replay:
    """Checkpoints of about the real size, without a real model."""
    frames = np.unique(np.linspace(0, spec.frames, 8).astype(np.int32))
    at = np.minimum(frames, spec.frames - 1)
    noise = rng.normal(size=(len(frames), 20))
    zeros = np.zeros((len(frames), 40 * (spec.objects + 1)))
    states = np.concatenate([t.qpos[at], t.qvel[at], noise, zeros], axis=1).astype(np.float64)
    numbers = " ".join(f"{v:.6g}" for v in rng.uniform(size=spec.mjcf_bytes // 30))
    body = "<geom type='box' size='.1 .1 .1'/>" * (spec.mjcf_bytes // 50)
    return Replay(f"<mujoco>{body}{numbers}</mujoco>", ("mesh0",), 25, frames, states)


def box(number: int) -> AssetRecord:
    """One of the assets attempts draw from."""
    geometry = json.dumps({"shapes": [number] * 40}).encode()
    size = (0.1, 0.1, 0.1)
    return AssetRecord(
        asset_id=hashlib.sha256(geometry).hexdigest(),
        kind="rigid",
        uid=f"box_{number}",
        category="box",
        licence=LICENCE,
        size=size,
        mass=0.1,
        params_json="{}",
        geometry=geometry,
        geometry_format="shapes-json",
    )


MESH = AssetRecord(
    "mesh0", "mesh", "mesh", "", LICENCE, (0.0, 0.0, 0.0), 0.0, "{}", b"\x01\x02" * 5000, "obj"
)


def record(name: str, asset: AssetRecord, poses: np.ndarray) -> ObjectRecord:
    """The record of one object with its (T, 7) poses."""
    return ObjectRecord(
        name=name,
        asset_id=asset.asset_id,
        uid=asset.uid,
        category=asset.category,
        colour="red",
        material="wood",
        attributes=("small",),
        mass=0.1,
        friction=1.0,
        size=asset.size,
        initial_pose=tuple(poses[0].tolist()),
        final_pose=tuple(poses[-1].tolist()),
        licence=asset.licence.spdx,
    )


class FakeMaker:
    """Makes attempts, misbehaving where the spec says so."""

    def __init__(self, spec: FakeSpec, run_seed: int) -> None:
        self.spec = spec
        self.run_seed = run_seed

    def _once(self, index: int) -> bool:
        if not self.spec.mark_in:
            return True
        mark = Path(self.spec.mark_in) / str(index)
        if mark.exists():
            return False
        mark.write_text("misbehaved")
        return True

    def _misbehave(self, index: int) -> None:
        spec = self.spec
        if spec.sleep_s:
            time.sleep(spec.sleep_s)
        if index in spec.hang:
            time.sleep(3600)
        if index in spec.fail:
            raise ValueError(f"a bug at attempt {index}")
        if index in spec.fill_disk and self._once(index):
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        if index in spec.crash and self._once(index):
            os.kill(os.getpid(), signal.SIGKILL)

    def _verdict(self, rng: np.random.Generator) -> Verdict:
        accepted = bool(rng.uniform() >= self.spec.reject)
        reason = "" if accepted else ["grasp_slip", "ik_failed"][int(rng.integers(2))]
        check = CheckResult("goal", "distance", accepted, float(rng.uniform()), 0.02, "m")
        stage = "" if accepted else "execute"
        return Verdict(accepted, stage, reason, (check,) * 20, accepted, accepted)

    def attempt(self, index: int) -> Episode:
        self._misbehave(index)
        spec = self.spec
        rng = stream(self.run_seed, spec.spec_hash, index, "fake")
        verdict = self._verdict(rng)
        path = trajectory(rng, spec) if verdict.reason != "ik_failed" else None
        assets = [box(int(rng.integers(6))) for _ in range(spec.objects)]
        poses = path.object_poses if path else np.zeros((1, spec.objects, 7), np.float32)
        return Episode(
            attempt=index,
            verdict=verdict,
            task=spec.task,
            instruction="put the box on the plate",
            paraphrases=("place the box on the plate",),
            instruction_split="train",
            robot=spec.robot,
            world_from_base=(0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0),
            objects=tuple(record(f"o{i}", a, poses[:, i]) for i, a in enumerate(assets)),
            goal={"on": ["o0", "o1"]},
            initial_graph={"edges": [["o0", "on", "table"]]},
            final_graph={"edges": []},
            trajectory=path,
            replay=replay(rng, spec, path) if verdict.accepted and path else None,
            metrics={"duration": spec.frames / spec.fps, "margin": float(rng.uniform())},
            cpu_s={"total": time.process_time()},
            assets=(*assets, MESH),
            extra={"difficulty": float(rng.uniform()), "tags": ["x", "y"]}
            if verdict.accepted
            else {},
        )


class Fake:
    """The generator object."""

    name = "fake"
    version = "1"
    stages = ("goal",)
    reasons: Mapping[str, str] = {}

    def tasks(self) -> tuple[Any, ...]:
        return ()

    def spec(
        self, data: Mapping[str, Any], *, robot: str | None = None, where: str = ""
    ) -> FakeSpec:
        return FakeSpec(**{k: tuple(v) if isinstance(v, list) else v for k, v in data.items()})

    def schema(self) -> dict[str, Any]:
        return {"type": "object"}

    def extra_columns(self) -> Sequence[pa.Field]:
        return [pa.field("difficulty", pa.float64()), pa.field("tags", pa.list_(pa.string()))]

    def open(self, spec: FakeSpec, run_seed: int) -> FakeMaker:
        return FakeMaker(spec, run_seed)

    def world(self, spec: FakeSpec, seed: int) -> Any:
        raise NotImplementedError
