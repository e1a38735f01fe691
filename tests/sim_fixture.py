"""Scenes built by hand on a real robot, and the verdict on end states put together in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import mujoco
import numpy as np

from datafactory.geometry import Pose
from datafactory.planning.kinematics import ArmKinematics
from datafactory.robots import load_robot
from datafactory.robots.model import RobotModel
from datafactory.scene import Scene, SceneObject, Table
from datafactory.scene_graph.graph import Goal, Relation
from datafactory.sim.assembly import SceneModel, assemble
from datafactory.sim.engine import compile_mjcf, get_state, restart
from datafactory.sim.measure import Measurer
from datafactory_assets.asset import RigidAsset
from datafactory_assets.families import Tier0
from datafactory_pick_place.arrange import world_from_camera
from datafactory_pick_place.attempt import Attempt, Rejected
from datafactory_pick_place.clock import StageClock

HEIGHT = 0.75
TABLE = Table(center=(0.56, 0.0), half_extents=(0.36, 0.60), height=HEIGHT)
BASE = Pose.of((0.0, 0.0, HEIGHT))
FPS = 20
DOWN = (0.0, 1.0, 0.0, 0.0)


@lru_cache(maxsize=64)
def asset(family: str, seed: int = 0) -> RigidAsset:
    return Tier0().make(family, seed)


@lru_cache(maxsize=2)
def robot_named(name: str = "primitive_arm") -> RobotModel:
    return load_robot(name)


@lru_cache(maxsize=2)
def arm_kinematics(name: str = "primitive_arm") -> ArmKinematics:
    robot = robot_named(name)
    (arm,) = robot.arms
    model = compile_mjcf(robot.mjcf, robot.meshes)
    made = ArmKinematics(
        model, arm.joints, arm.tcp_site, base_body=robot.base_body,
        reference=arm.home, limit_buffer=0.02,
    )  # fmt: skip
    made.world_from_base = BASE
    return made


def posture(x: float, y: float, z: float) -> tuple[float, ...]:
    """Arm joints with the tcp at a world position, pointing straight down."""
    kinematics = arm_kinematics()
    target = Pose.of((x, y, z), DOWN)
    found = kinematics.solve_best(target, (np.array(robot_named().home),), valid=lambda _: True)
    assert found.ok, f"no posture reaches {x}, {y}, {z}"
    return tuple(float(v) for v in found.q)


def standing(family: str, x: float, y: float, yaw: float = 0.0, *, z: float = HEIGHT,
             seed: int = 0, index: int = 0) -> Pose:  # fmt: skip
    """world_from_object of an asset in a stable pose, its plane at height z."""
    stable = asset(family, seed).stable_poses[index]
    return Pose.from_yaw((x, y, z + stable.height), yaw) @ Pose.of((0, 0, 0), stable.quat)


def scene_of(
    objects: Mapping[str, tuple[str, Pose]],
    *,
    robot: str = "primitive_arm",
    home: Sequence[float] | None = None,
    relations: tuple[Relation, ...] = (),
) -> Scene:
    """A scene of assets (family by role name) at poses."""
    items = tuple(
        SceneObject(name, asset(family), pose, 0, asset(family).mass, asset(family).friction)
        for name, (family, pose) in objects.items()
    )
    joints = tuple(home) if home is not None else robot_named(robot).home
    return Scene(TABLE, robot, BASE, tuple(joints), items, relations, world_from_camera())


class EndState:
    """An attempt whose execution is replaced by putting things where the test wants them.

    The first poses are the initial state; ``put`` and ``run`` then make the end state, and
    ``verdict`` judges it with the stages that judge every episode.
    """

    def __init__(
        self,
        goal: Goal,
        objects: Mapping[str, tuple[str, Pose]],
        *,
        home: Sequence[float] | None = None,
        moved: Sequence[str] = ("a",),
    ) -> None:
        self.model: SceneModel = assemble(scene_of(objects, home=home), robot_named())
        unused: Any = None
        self.attempt = Attempt(
            self.model, goal, cast(Any, unused), cast(Any, unused), FPS, StageClock()
        )
        self.data: mujoco.MjData = self.attempt.recorder.data
        self.attempt.recorder.settle(0.3)
        self.attempt.initial = Measurer(self.model).state_of(self.data)
        self.attempt.moved = set(moved)
        self.names = list(objects)

    def pose(self, name: str) -> Pose:
        return self.model.object_pose(self.data.qpos, self.names.index(name))

    def put(self, name: str, pose: Pose, velocity: Sequence[float] = (0.0,) * 6) -> None:
        """Puts an object somewhere, with a linear (world) and angular (object) velocity."""
        k = self.names.index(name)
        address, dof = self.model.object_qpos[k], self.model.object_dof[k]
        self.data.qpos[address : address + 7] = pose.vector()
        self.data.qvel[dof : dof + 6] = velocity
        model = self.model.model
        restart(model, self.data, get_state(model, self.data))  # wakes everything

    def run(self, seconds: float) -> None:
        self.attempt.recorder.settle(seconds)

    def grip(self, name: str, pose: Pose) -> None:
        """Closes the gripper around an object that is kept at a pose meanwhile."""
        recorder = self.attempt.recorder
        recorder.set_targets(recorder.target_q, 0.0)
        for _ in range(150):
            self.put(name, pose)
            self.run(0.004)

    def verdict(self) -> Rejected | None:
        """What the goal and hold stages say; None is acceptance."""
        last = len(self.attempt.goal.stages) - 1
        return self.attempt._stage_reached(last) or self.attempt._hold()

    def failed(self) -> list[str]:
        return [f"{c.stage}/{c.check}" for c in self.attempt.checks if not c.passed]
