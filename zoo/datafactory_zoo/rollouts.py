"""Closed-loop episodes of one process: a world, something that acts, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from datafactory.errors import SpecError
from datafactory.geometry import Pose
from datafactory.planning.kinematics import ArmKinematics
from datafactory.robots import load_robot
from datafactory.seeding import stream
from datafactory.sim.engine import compile_mjcf
from datafactory_zoo.eyes import Eyes, Pictures
from datafactory_zoo.features import EpisodeArrays, feature
from datafactory_zoo.films import Tape
from datafactory_zoo.interface import IMAGE, OBSERVATION, PolicyIO
from datafactory_zoo.loader import Batch, resized
from datafactory_zoo.policy import Agent

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """What came of one episode.

    Attributes:
        index: Index of the episode under the evaluation's seed.
        instruction: What was asked for.
        success: Goal reached, held, gripper away, nothing forbidden touched.
        grasped, placed: The object was lifted; the goal's relations held once.
        foul: Reason code of the first forbidden contact; empty without one.
        timed_out: Time ran out.
        frames: Length.
        uids: Objects, in the order of their roles.
    """

    index: int
    instruction: str
    success: bool
    grasped: bool
    placed: bool
    foul: str
    timed_out: bool
    frames: int
    uids: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Look:
    """What an actor sees at one frame.

    Attributes:
        arrays: Measured values, one frame.
        pictures: (h, w, 3) uint8 images by camera; drawn when asked for.
        instruction: What is asked for.
    """

    arrays: EpisodeArrays
    pictures: Pictures
    instruction: str


class Actor(Protocol):
    """Something that acts in a world."""

    def begin(self, world: Any, index: int) -> None:
        """A new episode was laid out."""

    def act(self, look: Look) -> NDArray[np.float32]:
        """(dof + arms,) absolute joint targets, rad, and gripper openings."""


def arrays_of(observation: Mapping[str, Any], info: Mapping[str, Any]) -> EpisodeArrays:
    """One frame of a world as the arrays features are made of."""
    opening = np.asarray(observation["gripper_opening"], dtype=np.float32).reshape(1, -1)
    objects = np.asarray(observation["object_poses"], dtype=np.float32).reshape(1, -1, 7)
    return EpisodeArrays(
        joint_position=np.asarray(observation["joint_position"], dtype=np.float32)[None],
        gripper_opening=opening,
        eef_pose=np.asarray(observation["eef_pose"], dtype=np.float32).reshape(1, -1, 7),
        object_poses=objects,
        world_from_base=np.asarray(info["world_from_base"], dtype=np.float64),
        roles=tuple(info["objects"]),
        sizes=np.asarray(info["object_sizes"], dtype=np.float32).reshape(-1, 3),
    )


class PolicyActor:
    """A trained policy in a world of its robot.

    Args:
        agent: The policy.
        seed: Seed of its noise.
    """

    def __init__(self, agent: Agent, seed: int) -> None:
        self._agent, self._seed = agent, seed
        self._io: PolicyIO = agent.io
        self._past: list[Look] = []
        self._follower = PoseFollower(self._io.robot) if self._io.action.space == "eef" else None

    def begin(self, world: Any, index: int) -> None:
        """Forgets the last episode; the noise depends on the index only."""
        del world
        self._past.clear()
        noise = stream(self._seed, "evaluate", index, "noise")
        self._agent.reset(int(noise.integers(2**31)))

    def act(self, look: Look) -> NDArray[np.float32]:
        """The next targets."""
        io = self._io
        self._past = [*self._past, look][-io.steps :]
        arm, gripper = self._agent.select_action({} if self._agent.planned else self._batch())
        if self._follower is not None:
            arrays = look.arrays
            base = Pose.from_vector(arrays.world_from_base)
            arm = self._follower.joints(base, arrays.joint_position[0], arm)
        return np.concatenate([arm, gripper]).astype(np.float32)

    def _batch(self) -> Batch:
        """The observation as a batch of one; before the start, the first frame repeats."""
        io, now = self._io, self._past[-1]
        looks = [self._past[0]] * (io.steps - len(self._past)) + self._past
        batch: Batch = {"task": [now.instruction]}
        for name in io.observation:
            rows = np.stack([feature(s.arrays, name)[0] for s in looks])
            batch[OBSERVATION + name] = torch.from_numpy(rows)[None]
        for name in io.now:
            batch["now." + name] = torch.from_numpy(feature(now.arrays, name))[None]
        for camera in io.cameras:
            images = torch.from_numpy(np.stack([s.pictures[camera] for s in looks]))
            small = resized(images.permute(0, 3, 1, 2), io.image_size, io.image_size)
            batch[IMAGE + camera] = small[None]
        return batch


class PoseFollower:
    """Joint targets that put each arm's tcp where a policy wants it.

    Args:
        robot: Registered robot name.
    """

    def __init__(self, robot: str) -> None:
        model = load_robot(robot)
        compiled = compile_mjcf(model.mjcf, model.meshes)
        self._arms = [
            ArmKinematics(compiled, arm.joints, arm.tcp_site, base_body=model.base_body,
                          reference=arm.home)
            for arm in model.arms
        ]  # fmt: skip

    def joints(self, world_from_base: Pose, q: NDArray[Any], poses: Array) -> Array:
        """(dof,) joint targets for poses (arms, 7), nearest to the measured joints (dof,).

        A pose out of reach keeps the arm where it is.
        """
        out, begin = [], 0
        for arm, pose in zip(self._arms, poses, strict=True):
            now = np.asarray(q[begin : begin + arm.dof], dtype=np.float64)
            arm.world_from_base = world_from_base
            found = arm.solve(Pose.from_vector(pose), now)
            out.append(found.q if found.ok else now)
            begin += arm.dof
        return np.concatenate(out)


class RandomActor:
    """Targets that wander from the present posture; guards the harness: it must fail.

    Args:
        seed: Seed of the walk.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def begin(self, world: Any, index: int) -> None:
        """Starts the episode's own walk."""
        self._rng = stream(self._seed, "evaluate", index, "random")
        self._low, self._high = world.action_space.low, world.action_space.high

    def act(self, look: Look) -> NDArray[np.float32]:
        """A step of at most 0.1 rad per joint, and any opening."""
        q = look.arrays.joint_position[0]
        arms = look.arrays.arms
        step = q + self._rng.uniform(-0.1, 0.1, len(q))
        action = np.concatenate([step, self._rng.uniform(0.0, 1.0, arms)])
        clipped: NDArray[np.float32] = np.clip(action, self._low, self._high).astype(np.float32)
        return clipped


class ExpertActor:
    """The expert's recorded actions; guards the harness: it must succeed."""

    def begin(self, world: Any, index: int) -> None:
        """Has the expert solve the scene.

        Raises:
            SpecError: It cannot; such indices do not count.
        """
        actions = world.expert()
        if actions is None:
            raise SpecError(f"the expert does not solve index {index}")
        self._actions, self._at = actions, 0

    def act(self, look: Look) -> NDArray[np.float32]:
        """The next recorded action; the last one again at the end."""
        del look
        action: NDArray[np.float32] = self._actions[min(self._at, len(self._actions) - 1)]
        self._at += 1
        return action


def run_episode(
    world: Any, actor: Actor, index: int, eyes: Eyes | None = None, tape: Tape | None = None
) -> Outcome:
    """Runs one episode to its end: success, the first foul, or the time limit.

    Args:
        world: Environment of the task.
        actor: What acts.
        index: Index of the scene under the world's seed.
        eyes: Images, for actors that see.
        tape: Where everything was is noted here.
    """
    observation, info = world.reset(options={"index": index})
    actor.begin(world, index)
    if eyes is not None:
        eyes.begin(world, index)
    said: Mapping[str, Any] = {"success": False, "foul": "", "grasped": False, "placed": False}
    frames, ended, truncated = 0, False, False
    while not (ended or truncated or said["foul"]):
        if tape is not None:
            tape.note(world)
        pictures = eyes.look(world) if eyes is not None else {}
        look = Look(arrays_of(observation, info), pictures, info["instruction"])
        observation, _, ended, truncated, said = world.step(actor.act(look))
        frames += 1
    if tape is not None:
        tape.note(world)
    return Outcome(
        index=index, instruction=info["instruction"], success=bool(said["success"]),
        grasped=bool(said["grasped"]), placed=bool(said["placed"]), foul=str(said["foul"]),
        timed_out=bool(truncated and not said["success"]), frames=frames,
        uids=tuple(info["object_uids"]),
    )  # fmt: skip


def solvable(world: Any, indices: Sequence[int]) -> list[int]:
    """Indices whose scene the expert solves: only those measure a policy, not the scene."""
    found = []
    for index in indices:
        if world.maker.attempt(index).verdict.accepted:
            found.append(index)
    return found
