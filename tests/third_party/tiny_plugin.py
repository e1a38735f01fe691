"""A third party's plugin: a cart on a rail as generator, a renamed arm, one family of blocks."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pyarrow as pa

from datafactory import seeding
from datafactory.binding import content_hash
from datafactory.episode import CheckResult, Episode, Phase, Replay, Trajectory, Verdict
from datafactory.errors import SpecError
from datafactory.plugin import TaskInfo
from datafactory.robots.model import RobotModel
from datafactory.robots.primitive_arm import primitive_arm
from datafactory.sim.engine import get_state, restart
from datafactory_assets.asset import RigidAsset, VisualMesh
from datafactory_assets.families import Tier0
from datafactory_assets.source import FamilyInfo

MJCF = """<mujoco><option timestep="0.002"/><worldbody><body name="cart">
<joint name="rail" type="slide" axis="1 0 0" damping="8"/>
<geom type="box" size=".1 .1 .1" mass="1"/></body></worldbody><actuator>
<position name="drive" joint="rail" kp="100" ctrlrange="-1 1"/></actuator></mujoco>"""
FRAMES, STEPS = 40, 25
POSE = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class TinySpec:
    task: str
    robot: str
    reach_m: float
    fps: int = 20

    @property
    def spec_hash(self) -> str:
        return content_hash(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.task, "robot": self.robot, "reach_m": self.reach_m}


class TinyGenerator:
    """Drives a cart to a drawn place; places too far away are refused."""

    name = "tiny"
    version = "1"
    stages = ("draw", "arrive")
    reasons = {"too_far": "the place is beyond the rail"}  # noqa: RUF012

    def tasks(self) -> tuple[TaskInfo, ...]:
        return tuple(
            TaskInfo(name, "drive the cart", {"name": name, "reach_m": reach})
            for name, reach in (("tiny_short", 0.5), ("tiny_long", 1.5))
        )

    def spec(self, data: Any, *, robot: str | None = None, where: str = "") -> TinySpec:
        unknown = set(data) - {"name", "robot", "reach_m"}
        if unknown or "name" not in data or "reach_m" not in data:
            raise SpecError("invalid tiny task", where=f"{where}:{sorted(unknown)}")
        chosen = robot or data.get("robot", "tiny_arm")
        return TinySpec(data["name"], chosen, float(data["reach_m"]))

    def schema(self) -> dict[str, Any]:
        number = {"type": "number", "exclusiveMinimum": 0}
        return {
            "type": "object", "required": ["name", "reach_m"], "additionalProperties": False,
            "properties": {"name": {"type": "string"}, "robot": {"type": "string"},
                           "reach_m": number},
        }  # fmt: skip

    def extra_columns(self) -> list[pa.Field]:
        return [pa.field("target_m", pa.float64())]

    def open(self, spec: TinySpec, run_seed: int) -> TinyMaker:
        return TinyMaker(spec, run_seed)

    def world(self, spec: TinySpec, seed: int) -> TinyWorld:
        return TinyWorld(spec, seed)


def target_of(spec: TinySpec, run_seed: int, index: int) -> float:
    return float(seeding.stream(run_seed, spec.spec_hash, index, "target").uniform(0, spec.reach_m))


class TinyMaker:
    def __init__(self, spec: TinySpec, run_seed: int) -> None:
        self.spec, self.run_seed = spec, run_seed
        self.model = mujoco.MjModel.from_xml_string(MJCF)

    def attempts(self, indices: list[int]) -> list[Episode]:
        return [self.attempt(index) for index in indices]

    def attempt(self, index: int) -> Episode:
        spec = self.spec
        target = np.float32(target_of(spec, self.run_seed, index))
        checks = [CheckResult("draw", "on_rail", bool(target <= 1.0), float(target), 1.0, "m")]
        record, source = None, None
        if checks[0].passed:
            record, source, error = self._run(target)
            checks.append(CheckResult("arrive", "error", error < 0.01, error, 0.01, "m"))
        good = all(c.passed for c in checks)
        stage, reason = ("", "") if good else ("draw", "too_far")
        return Episode(
            attempt=index,
            verdict=Verdict(good, stage, reason, tuple(checks), good, good),
            task=spec.task, instruction="drive there", paraphrases=("go there",),
            instruction_split="train", robot=spec.robot, world_from_base=POSE, objects=(),
            goal=[], initial_graph={}, final_graph={}, trajectory=record, replay=source,
            metrics={"target_m": float(target)}, cpu_s={"total": 0.0}, assets=(),
            extra={"target_m": float(target)},
        )  # fmt: skip

    def _run(self, target: np.float32) -> tuple[Trajectory, Replay, float]:
        model, data = self.model, mujoco.MjData(self.model)
        data.ctrl[0] = target
        start = get_state(model, data)
        restart(model, data, start)
        rows = []
        for _ in range(FRAMES):
            rows.append((data.qpos.copy(), data.qvel.copy()))
            mujoco.mj_step(model, data, nstep=STEPS)
        qpos, qvel = (np.array(column, dtype=np.float32) for column in zip(*rows, strict=True))
        ctrl = np.full((FRAMES, 1), target, dtype=np.float32)
        flat = np.zeros(FRAMES, dtype=np.float32)
        poses = np.tile(np.array(POSE, dtype=np.float32), (FRAMES, 1))
        record = Trajectory(
            fps=20, qpos=qpos, qvel=qvel, ctrl=ctrl, eef_pose=poses, gripper_opening=flat,
            gripper_width=flat, object_poses=np.zeros((FRAMES, 0, 7), dtype=np.float32),
            action_joint=ctrl, action_gripper=flat, action_eef=poses,
            phases=(Phase("drive", 0, FRAMES),), contacts=(),
        )  # fmt: skip
        states = np.array([start, get_state(model, data)])
        source = Replay(MJCF, (), STEPS, np.array([0, FRAMES], dtype=np.int32), states)
        return record, source, abs(float(data.qpos[0]) - float(target))


class TinyWorld(gymnasium.Env[Any, Any]):
    def __init__(self, spec: TinySpec, seed: int) -> None:
        self.task, self.run_seed, self.next = spec, seed, 0
        self.model = mujoco.MjModel.from_xml_string(MJCF)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.observation_space = gymnasium.spaces.Box(-9.0, 9.0, (2,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        if seed is not None:
            self.next = int(self.np_random.integers(1000))
        index = int((options or {}).get("index", self.next))
        self.next = index + 1
        self.target = min(1.0, target_of(self.task, self.run_seed, index))
        self.data, self.frame = mujoco.MjData(self.model), 0
        return self._observe(), {"instruction": "drive there"}

    def step(self, action: Any) -> Any:
        self.data.ctrl[0] = action[0]
        mujoco.mj_step(self.model, self.data, nstep=STEPS)
        self.frame += 1
        success = abs(float(self.data.qpos[0]) - self.target) < 0.01
        ended = self.frame >= 2 * FRAMES
        return self._observe(), float(success), success, ended, {"success": success}

    def _observe(self) -> Any:
        return np.array([self.data.qpos[0], self.target], dtype=np.float32)


def tiny_arm() -> RobotModel:
    return replace(primitive_arm(), name="tiny_arm")


class TinySource:
    name = "tiny"

    def families(self) -> tuple[FamilyInfo, ...]:
        (block,) = (info for info in Tier0().families() if info.name == "block")
        return (FamilyInfo(**{**asdict(block), "name": "tiny_block"}),)

    def make(self, family: str, seed: int) -> RigidAsset:
        asset = Tier0().make("block", seed)
        digest = hashlib.blake2b(f"tiny {asset.content_hash}".encode(), digest_size=32).hexdigest()
        uid = f"tiny/{family}@{digest[:8]}"
        return replace(asset, source="tiny", family=family, uid=uid, content_hash=digest)

    def visual(self, asset: RigidAsset) -> tuple[VisualMesh, ...]:
        return Tier0().visual(Tier0().make("block", asset.seed))


class Explodes:
    """A plugin whose construction fails in a way nobody foresaw."""

    def __init__(self) -> None:
        raise ValueError("made to fail")
