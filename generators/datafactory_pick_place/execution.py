"""Closed-loop execution: trajectories through the position actuators, watched every frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from datafactory.episode import Phase
from datafactory.geometry import Pose
from datafactory.sim.assembly import SceneModel
from datafactory.sim.recorder import Recorder

Array = NDArray[np.float64]
ARRIVAL_RAD = 0.006
"""A motion has arrived when no joint is farther from its target than this."""
MAX_ARRIVAL_FRAMES = 8
SUPPORT_FORCE_N = 8.0
"""Fingertips may brush what the manipulated object stands on, up to this force."""
SLIP_M = 0.02
"""A held object that moved farther in the gripper than this has slipped."""
ARM, GRIPPER = 2, 3
FIRST_OBJECT = 4
"""Entity indices of a compiled scene."""


class Motion(Protocol):
    """Joint positions over time: a ``Trajectory``, or anything like it."""

    @property
    def duration_s(self) -> float:
        """Time until it ends, s."""

    def positions(self, times: Array) -> Array:
        """Positions (n, dof), rad, at times (n,) in s."""


@dataclass(frozen=True)
class Stop:
    """Why execution was cut short.

    Attributes:
        reason: Reason code.
        check: Name of the check that failed.
        value: Measured number.
        limit: Its limit.
        unit: Its unit.
        detail: Entity names involved.
    """

    reason: str
    check: str
    value: float
    limit: float
    unit: str
    detail: str = ""


@dataclass(frozen=True)
class Held:
    """An object in the gripper.

    Attributes:
        entity: Entity index.
        index: Object index.
        tcp_from_object: Where it was when the grasp was confirmed.
    """

    entity: int
    index: int
    tcp_from_object: Pose


class Execution:
    """Drives a :class:`Recorder`, labels phases, and stops on the first violation.

    Attributes:
        recorder: The recorder.
        phases: Finished phases.
        touchable: Entity indices the gripper may touch now.
        supports: Entity indices it may brush up to ``SUPPORT_FORCE_N``.
    """

    def __init__(self, scene: SceneModel, recorder: Recorder) -> None:
        self.scene = scene
        self.recorder = recorder
        self.dt = 1.0 / recorder.fps
        self.phases: list[Phase] = []
        self.touchable: set[int] = set()
        self.supports: set[int] = set()
        self.held: Held | None = None
        self.slip_m = 0.0
        self.max_arm_force_n = 0.0
        self.max_brush_n = 0.0
        self._arm = scene.arms[0]
        self._lag = self._arm.arm.tracking_lag_s
        self._tcp = self._arm.tcp
        self._tcp_position = recorder.data.site_xpos[self._tcp]  # views of live data
        self._tcp_matrix = recorder.data.site_xmat[self._tcp].reshape(3, 3)

    @property
    def q(self) -> Array:
        """Measured arm joint positions (dof,), rad."""
        return np.array(self.recorder.data.qpos[self.scene.arm_qpos])

    @property
    def opening(self) -> float:
        """Measured gripper opening in [0, 1]."""
        qpos = self.recorder.data.qpos[self._arm.gripper_qpos]
        return self._arm.arm.gripper_opening(qpos)

    @property
    def width(self) -> float:
        """Measured gripper width, metres."""
        qpos = self.recorder.data.qpos[self._arm.gripper_qpos]
        return self._arm.arm.gripper_width_from_qpos(qpos)

    def tcp(self) -> Pose:
        """world_from_tcp as of the last physics step."""
        data = self.recorder.data
        return Pose.from_matrix(_homogeneous(data.site_xpos[self._tcp], data.site_xmat[self._tcp]))

    def object_pose(self, index: int) -> Pose:
        """world_from_object now."""
        return self.scene.object_pose(self.recorder.data.qpos, index)

    def phase(self, name: str, start: int, subgoal: int) -> None:
        """Labels frames from ``start`` to now."""
        if self.recorder.frame > start:
            self.phases.append(Phase(name, start, self.recorder.frame, subgoal))

    def hold(self, frames: int, opening: float | None = None) -> Stop | None:
        """Keeps the arm's targets for some frames, optionally moving the gripper."""
        recorder = self.recorder
        target = float(recorder.target_opening) if opening is None else opening
        recorder.set_targets(recorder.target_q, target)
        for _ in range(frames):
            stop = self.tick()
            if stop:
                return stop
        return None

    def follow(self, trajectory: Motion, opening: float) -> Stop | None:
        """Follows a timed trajectory and waits until the arm has arrived.

        Targets lead the reference by the robot's tracking lag, so that the joints follow it in
        time; the last target is the trajectory's end.
        """
        count = int(np.ceil(trajectory.duration_s / self.dt)) + 1
        targets = self.targets(trajectory, np.arange(count, dtype=np.float64) * self.dt)
        for target in targets:
            self.recorder.set_targets(target, opening)
            stop = self.tick()
            if stop:
                return stop
        end = targets[-1]
        for _ in range(MAX_ARRIVAL_FRAMES):
            if np.abs(self.q - end).max() < ARRIVAL_RAD:
                return None
            stop = self.tick()
            if stop:
                return stop
        error = float(np.abs(self.q - end).max())
        if error > 5.0 * ARRIVAL_RAD:
            return Stop("timeout", "arm_arrives", error, 5.0 * ARRIVAL_RAD, "rad")
        return None

    def targets(self, trajectory: Motion, times: Array) -> NDArray[np.float32]:
        """Targets (n, dof) of the frames that begin at times (n,) of a motion."""
        ahead = np.minimum(times + 0.5 * self.dt + self._lag, trajectory.duration_s)
        return trajectory.positions(ahead).astype(np.float32)

    def close(self, entity: int, frames: int) -> Stop | None:
        """Closes the gripper until both fingers hold still on an entity, or time is up."""
        recorder = self.recorder
        recorder.set_targets(recorder.target_q, 0.0)
        steady, last = 0, self.width
        for _ in range(frames):
            stop = self.tick()
            if stop:
                return stop
            width = self.width
            still = abs(width - last) < 2e-4
            steady = steady + 1 if still and recorder.pad_contacts(entity) == 3 else 0
            last = width
            if steady >= 2:
                break
        return None

    def tick(self) -> Stop | None:
        """Holds the present targets for one frame."""
        self.recorder.tick()
        if self.recorder.diverged:
            return Stop("sim_diverged", "stable_simulation", 1.0, 0.0, "1")
        return self.violation() or self._lost_object()

    def violation(self) -> Stop | None:
        """The first forbidden contact of the last frame."""
        names = self.scene.entities
        for (a, b), (force, _) in self.recorder.touching.items():
            if ARM in (a, b):
                self.max_arm_force_n = max(self.max_arm_force_n, force)
                return Stop("robot_contact", "arm_contact_force", force, 0.0, "N",
                            names[b if a == ARM else a])  # fmt: skip
            if GRIPPER not in (a, b) or a == b:
                continue
            other = b if a == GRIPPER else a
            if other in self.touchable:
                continue
            limit = SUPPORT_FORCE_N if other in self.supports else 0.0
            if other in self.supports:
                self.max_brush_n = max(self.max_brush_n, force)
            if force > limit:
                return Stop("robot_contact", "gripper_contact_force", force, limit, "N",
                            names[other])  # fmt: skip
        return None

    def _lost_object(self) -> Stop | None:
        held = self.held
        if held is None:
            return None
        data = self.recorder.data
        address = self.scene.object_qpos[held.index]
        reach = data.qpos[address : address + 3] - self._tcp_position
        now = (reach @ self._tcp_matrix).tolist()
        moved = math.dist(now, held.tcp_from_object.position)
        self.slip_m = max(self.slip_m, moved)
        if moved > SLIP_M:
            gone = not self.recorder.pad_contacts(held.entity)
            return Stop(
                "dropped" if gone else "grasp_slip", "held_object_moved", moved, SLIP_M, "m"
            )
        return None


def _homogeneous(position: Array, matrix: Array) -> Array:
    result = np.eye(4)
    result[:3, :3] = matrix.reshape(3, 3)
    result[:3, 3] = position
    return result
