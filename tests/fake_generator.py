"""A generator whose attempts cost nothing: scripted motion of real assets, no physics."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np

from datafactory.binding import ManipulationSpec, bind
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
from datafactory.plugin import TaskInfo
from datafactory.seeding import stream
from datafactory_assets.asset import RigidAsset
from datafactory_assets.families import Tier0

FPS = 20
FRAMES = 120
PHASES = (
    ("reach", 30),
    ("grasp", 42),
    ("lift", 56),
    ("carry", 90),
    ("place", 102),
    ("retreat", 120),
)
HEIGHT = 0.75
GRIP = np.array([0.0, 0.0, 0.05])
SPEC = {
    "name": "fake_put",
    "description": "put a mug on a plate",
    "generator": "fake",
    "cases": [
        {
            "objects": {"a": {"category": "mug"}, "b": {"category": "plate"}},
            "goal": [{"relation": "on", "subject": "a", "object": "b"}],
            "instructions": {"train": ["put {a} on {b}"]},
        }
    ],
}


class FakeGenerator:
    name = "fake"
    version = "1"
    stages = ("layout", "grasp", "goal")
    reasons: Mapping[str, str] = MappingProxyType({})

    def tasks(self) -> tuple[TaskInfo, ...]:
        return (TaskInfo("fake_put", "put a mug on a plate", SPEC),)

    def spec(self, data: Any, *, robot: str | None = None, where: str = "") -> ManipulationSpec:
        return bind(data, generator="fake", version="1", robot=robot, where=where)

    def schema(self) -> dict[str, Any]:
        from datafactory.spec import TaskSpec

        return TaskSpec.model_json_schema()

    def extra_columns(self) -> list[Any]:
        return []

    def open(self, spec: ManipulationSpec, run_seed: int) -> FakeMaker:
        return FakeMaker(spec, run_seed)

    def world(self, spec: ManipulationSpec, seed: int) -> Any:
        raise NotImplementedError


class HopelessGenerator(FakeGenerator):
    """Every attempt fails."""

    name = "hopeless"

    def tasks(self) -> tuple[TaskInfo, ...]:
        spec = {**SPEC, "name": "hopeless_put", "generator": "hopeless"}
        return (TaskInfo("hopeless_put", "never works", spec),)

    def spec(self, data: Any, *, robot: str | None = None, where: str = "") -> ManipulationSpec:
        return bind(data, generator="hopeless", version="1", robot=robot, where=where)

    def open(self, spec: ManipulationSpec, run_seed: int) -> FakeMaker:
        return FakeMaker(spec, run_seed, share=0.0)


class FakeMaker:
    def __init__(self, spec: ManipulationSpec, run_seed: int, share: float = 0.8) -> None:
        self.spec, self.run_seed, self.share = spec, run_seed, share

    def attempt(self, index: int) -> Episode:
        rng = stream(self.run_seed, self.spec.spec_hash, index, "fake")
        accepted = bool(rng.random() < self.share)
        reason = "" if accepted else ("grasp_slip", "ik_failed")[index % 2]
        return fake_episode(index, rng, self.spec.robot, self.spec.task, reason)


def asset_record(asset: RigidAsset) -> AssetRecord:
    shapes = json.dumps({"shapes": [asdict(s) for s in asset.shapes]}).encode()
    return AssetRecord(
        asset.content_hash, "rigid", asset.uid, asset.category, asset.licence, asset.extents,
        asset.mass, json.dumps({"source": asset.source, "family": asset.family,
                                "seed": asset.seed, "params": json.loads(asset.params_json)}),
        shapes, "shapes-json",
    )  # fmt: skip


def _mjcf(objects: int) -> str:
    links = "".join(
        f'<body pos="{0 if i else 0.05} 0 {0.28 if i else 0.333}"><joint type="hinge" '
        f'axis="0 {1 - i % 2} {i % 2}"/><geom type="capsule" size="0.03 0.1"/>'
        for i in range(4)
    )
    free = "".join(
        f'<body name="object/{i}"><freejoint/><geom type="sphere" size="0.02"/></body>'
        for i in range(objects)
    )
    return (
        '<mujoco><worldbody><geom name="table" type="box" pos="0.5 0 0.73" size="0.35 0.6 0.02"/>'
        f'<body name="base" pos="0 0 0.75">{links}{"</body>" * 4}</body>{free}'
        "</worldbody></mujoco>"
    )


def _path(start: Any, goal: Any) -> tuple[Any, Any]:
    """Tool positions (T, 3) and gripper targets (T,) of a pick and place."""
    home = np.array([0.35, 0.0, HEIGHT + 0.4])
    up = np.array([0.0, 0.0, 0.18])
    keys = [home, start, start, start + up, goal + up, goal, goal + up]
    times = [0, *[stop for _, stop in PHASES]]
    frames = np.arange(FRAMES)
    path = np.empty((FRAMES, 3))
    for (t0, t1), (a, b) in zip(pairwise(times), pairwise(keys), strict=True):
        part = (frames >= t0) & (frames < t1)
        u = (frames[part] - t0) / (t1 - t0)
        path[part] = a + (3 * u**2 - 2 * u**3)[:, None] * (b - a)
    grip = np.where((frames >= 32) & (frames < 100), 0.0, 1.0)
    return path, grip


def fake_episode(
    index: int, rng: np.random.Generator, robot: str = "franka_panda", task: str = "fake_put",
    reason: str = "", distractors: int = 2,
) -> Episode:  # fmt: skip
    source = Tier0()
    names = ["mug", "plate", *["apple", "open_box", "can", "bottle"][:distractors]]
    known = {f.name for f in source.families()}
    families = [n if n in known else "mug" for n in names]
    assets = [source.make(f, int(rng.integers(0, 50))) for f in families]
    roles = ["a", "b", *[f"distractor_{i}" for i in range(distractors)]]
    bearings = np.linspace(-0.7, 0.7, len(assets))
    order = rng.permutation(len(assets))
    poses = []
    for k in range(len(assets)):
        radius, bearing = rng.uniform(0.42, 0.62), bearings[order[k]] + rng.uniform(-0.08, 0.08)
        yaw = rng.uniform(-math.pi, math.pi)
        poses.append([radius * math.cos(bearing), radius * math.sin(bearing), HEIGHT,
                      math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)])  # fmt: skip
    finals = [list(p) for p in poses]
    executed = reason not in ("layout_infeasible", "ik_failed")
    if executed:
        finals[0][:3] = [*poses[1][:2], HEIGHT + 0.02]
    records = tuple(
        ObjectRecord(r, a.content_hash, a.uid, a.category, a.colour, a.material, a.attributes,
                     a.mass, a.friction, a.extents, tuple(p), tuple(f), a.licence.spdx)
        for r, a, p, f in zip(roles, assets, poses, finals, strict=True)
    )  # fmt: skip
    checks = (
        CheckResult("layout", "gap", True, 0.041, 0.03, "m"),
        CheckResult("grasp", "pad_force", reason != "grasp_slip", 4.2, 2.0, "N"),
        CheckResult("plan", "ik_residual", reason != "ik_failed", 0.0004, 0.001, "m"),
        CheckResult("execute", "penetration", True, 0.0007, 0.002, "m"),
        CheckResult("goal", "on(a, b)", not reason, 1.0 if not reason else 0.0, 1.0, "1"),
        CheckResult("hold", "object_speed", True, 0.0011, 0.01, "m/s"),
    )
    stage = {"": "", "grasp_slip": "grasp", "ik_failed": "plan"}.get(reason, "layout")
    red = f"the {assets[0].colour} {assets[0].category}"
    white = f"the {assets[1].colour} {assets[1].category}"
    goal = [[[{"relation": "on", "subject": "a", "objects": ["b"], "frame": "world"}]]]
    return Episode(
        attempt=index,
        verdict=Verdict(not reason, stage, reason, checks, not reason, not reason),
        task=task,
        instruction=f"put {red} on {white}",
        paraphrases=(f"place {red} onto {white}",),
        instruction_split="train",
        robot=robot,
        world_from_base=(0.0, 0.0, HEIGHT, 1.0, 0.0, 0.0, 0.0),
        objects=records,
        goal=goal,
        initial_graph={"nodes": [], "edges": []},
        final_graph={"nodes": [], "edges": []},
        trajectory=_trajectory(poses, finals) if executed else None,
        replay=_replay(len(assets)) if executed else None,
        metrics={"duration_s": FRAMES / FPS},
        cpu_s={"layout": 0.002, "plan": 0.03, "execute": 0.12, "mj_step": 0.1},
        assets=tuple({a.content_hash: asset_record(a) for a in assets}.values()),
    )


def _replay(objects: int) -> Replay:
    return Replay(_mjcf(objects), (), 25, np.array([0, FRAMES], np.int32), np.zeros((2, 4)))


def _trajectory(poses: Any, finals: Any) -> Trajectory:
    n = len(poses)
    start, goal = np.array(poses[0][:3]), np.array(finals[0][:3])
    path, grip = _path(start + GRIP, goal + GRIP)
    eef = np.tile(np.array([0, 0, 0, 0, 1.0, 0, 0], np.float32), (FRAMES, 1))
    eef[:, :3] = path
    objects = np.tile(np.array(poses, np.float32), (FRAMES, 1, 1))
    held = (grip < 0.5)[:, None]
    objects[:, 0, :3] = np.where(held, path - GRIP, objects[:, 0, :3])
    objects[100:, 0] = finals[0]
    t = np.linspace(0, 1, FRAMES)[:, None]
    joints = (np.sin(2 * t * np.arange(1, 5)) * 0.6).astype(np.float32)
    joints[:, 0] = np.arctan2(path[:, 1], path[:, 0])
    qpos = np.concatenate([joints, objects.reshape(FRAMES, -1)], axis=1).astype(np.float32)
    width = np.interp(np.arange(FRAMES), [0, 30, 38, 100, 106, 120], [80, 80, 30, 30, 80, 80])
    spans, first = [], 0
    for name, stop in PHASES:
        spans.append(Phase(name, first, stop))
        first = stop
    f4 = np.float32
    return Trajectory(
        FPS, qpos, np.zeros((FRAMES, 4 + 6 * n), f4), np.zeros((FRAMES, 5), f4), eef,
        grip.astype(f4), (width / 1000).astype(f4), objects, joints, grip.astype(f4), eef.copy(),
        tuple(spans), (ContactInterval("a", "gripper", 34, 100, 5.0, 0.0004),), (0, 1, 2, 3),
    )  # fmt: skip


def register(folder: Any) -> None:
    """Writes the metadata of a distribution with these plugins; put the folder on sys.path."""
    info = folder / "fake_plugins-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-plugins\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[datafactory.generators]\n"
        "fake = tests.fake_generator:FakeGenerator\n"
        "hopeless = tests.fake_generator:HopelessGenerator\n"
        "broken = tests.no_such_module:Nothing\n"
    )
