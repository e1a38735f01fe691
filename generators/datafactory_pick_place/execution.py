"""Closed-loop execution: trajectories through the position actuators, watched every frame."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from datafactory.episode import Phase
from datafactory.geometry import Pose
from datafactory.sim.assembly import SceneArm, SceneModel
from datafactory.sim.recorder import Recorder

Array = NDArray[np.float64]
ARRIVAL_RAD = 0.006
"""A motion has arrived when no joint is farther from its target than this."""
MAX_ARRIVAL_FRAMES = 8
SUPPORT_FORCE_N = 8.0
"""Fingertips may brush what the manipulated object stands on, up to this force."""
SLIP_M = 0.02
"""A held object that moved farther in the gripper than this has slipped."""
BRAKE_S = 0.4
"""Time in which an interrupted motion comes to rest."""
INTERRUPTED = "interrupted"


class Disturber(Protocol):
    """Something that may disturb the scene before a frame is executed."""

    def before_frame(self) -> None:
        """Looks at the scene and disturbs it when the moment has come."""


class Motion(Protocol):
    """Joint positions over time: a ``Trajectory``, or anything like it."""

    @property
    def duration_s(self) -> float:
        """Time until it ends, s."""

    def positions(self, times: Array) -> Array:
        """Positions (n, dof), rad, at times (n,) in s."""


class Unsteadiness(Protocol):
    """What makes the arm deviate from its targets."""

    def offsets(self, motion: Motion, frames: int) -> Array:
        """Offsets (frames, dof) of the active arm's controls along a motion, rad."""


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


@dataclass
class Hand:
    """What one gripper may touch now, and what it holds."""

    touchable: set[int] = field(default_factory=set)
    supports: set[int] = field(default_factory=set)
    held: Held | None = None


class Execution:
    """Drives a :class:`Recorder`, labels phases, and stops on the first violation.

    One arm is active at a time: motions, measurements and permissions concern it, the others keep
    their targets.

    Attributes:
        recorder: The recorder.
        phases: Finished phases.
        arm: Index of the active arm.
        hands: Permissions of every arm's gripper.
        disturber: Disturbs the scene; None leaves it alone.
    """

    def __init__(self, scene: SceneModel, recorder: Recorder) -> None:
        self.scene = scene
        self.recorder = recorder
        self.dt = 1.0 / recorder.fps
        self.phases: list[Phase] = []
        self.arm = 0
        self.hands = [Hand() for _ in scene.arms]
        self.disturber: Disturber | None = None
        self.unsteadiness: Unsteadiness | None = None
        self.slip_m = 0.0
        self.max_arm_force_n = 0.0
        self.max_brush_n = 0.0
        tcps = [part.tcp for part in scene.arms]
        self._tcp_position = [recorder.data.site_xpos[k] for k in tcps]  # views of live data
        self._tcp_matrix = [recorder.data.site_xmat[k].reshape(3, 3) for k in tcps]

    @property
    def part(self) -> SceneArm:
        """The active arm in the compiled scene."""
        return self.scene.arms[self.arm]

    @property
    def hand(self) -> Hand:
        """Permissions of the active arm's gripper."""
        return self.hands[self.arm]

    @property
    def touchable(self) -> set[int]:
        """Entity indices the active gripper may touch now."""
        return self.hand.touchable

    @touchable.setter
    def touchable(self, entities: set[int]) -> None:
        self.hand.touchable = entities

    @property
    def supports(self) -> set[int]:
        """Entity indices the active gripper may brush up to ``SUPPORT_FORCE_N``."""
        return self.hand.supports

    @supports.setter
    def supports(self, entities: set[int]) -> None:
        self.hand.supports = entities

    @property
    def held(self) -> Held | None:
        """What the active gripper holds."""
        return self.hand.held

    @held.setter
    def held(self, held: Held | None) -> None:
        self.hand.held = held

    @property
    def q(self) -> Array:
        """Measured joint positions (n,) of the active arm, rad."""
        return np.array(self.recorder.data.qpos[self.part.qpos])

    @property
    def opening(self) -> float:
        """Measured gripper opening in [0, 1]."""
        return self.part.arm.gripper_opening(self.recorder.data.qpos[self.part.gripper_qpos])

    @property
    def width(self) -> float:
        """Measured gripper width, metres."""
        qpos = self.recorder.data.qpos[self.part.gripper_qpos]
        return self.part.arm.gripper_width_from_qpos(qpos)

    def openings(self) -> list[float]:
        """Measured opening of every gripper."""
        qpos = self.recorder.data.qpos
        return [part.arm.gripper_opening(qpos[part.gripper_qpos]) for part in self.scene.arms]

    def tcps(self) -> list[Pose]:
        """world_from_tcp of every arm as of the last physics step."""
        places = zip(self._tcp_position, self._tcp_matrix, strict=True)
        return [Pose.from_matrix(_homogeneous(*place)) for place in places]

    @property
    def target_opening(self) -> float:
        """Opening target of the active gripper."""
        return float(self.recorder.target_opening[self.arm])

    def command(self, q: Array | NDArray[np.float32], opening: float) -> None:
        """Sets the active arm's targets: joints (n,), rad, and opening."""
        self.recorder.set_arm(self.arm, q, opening)

    def pad_contacts(self, entity: int) -> int:
        """Bit mask of the active gripper's finger sides that touch an entity now."""
        return self.recorder.pad_contacts(entity, self.arm)

    def tcp(self) -> Pose:
        """world_from_tcp as of the last physics step."""
        return self.tcps()[self.arm]

    def object_pose(self, index: int) -> Pose:
        """world_from_object now."""
        return self.scene.object_pose(self.recorder.data.qpos, index)

    def phase(self, name: str, start: int, subgoal: int, stop: int | None = None) -> None:
        """Labels frames from ``start`` to ``stop``, or to now."""
        end = self.recorder.frame if stop is None else stop
        if end > start:
            self.phases.append(Phase(name, start, end, subgoal))

    def hold(self, frames: int, opening: float | None = None) -> Stop | None:
        """Keeps the arms' targets for some frames, optionally moving the gripper."""
        self._grip(self.target_opening if opening is None else opening)
        for _ in range(frames):
            stop = self.tick()
            if stop:
                return stop
        return None

    def _grip(self, opening: float) -> None:
        self.command(self.recorder.target_q[self.part.joints], opening)

    def follow(
        self, trajectory: Motion, opening: float, interrupt: Callable[[], bool] | None = None
    ) -> Stop | None:
        """Follows a timed trajectory and waits until the arm has arrived.

        When ``interrupt`` says so after a frame, the arm comes to rest on the trajectory instead;
        the stop's reason is ``INTERRUPTED``, its value the number of frames that took.

        Targets lead the reference by the robot's tracking lag, so that the joints follow it in
        time; the last target is the trajectory's end.
        """
        count = int(np.ceil(trajectory.duration_s / self.dt)) + 1
        targets = self.targets(trajectory, np.arange(count, dtype=np.float64) * self.dt)
        offsets = self._offsets(trajectory, count)
        for k, target in enumerate(targets, start=1):
            self.command(target, opening)
            if offsets is not None:
                self.recorder.deviate(self.arm, offsets[k - 1])
            stop = self.tick()
            if stop:
                return stop
            if interrupt is not None and interrupt():
                return self._brake(trajectory, opening, k * self.dt)
        end = targets[-1]
        if offsets is not None:
            self.command(end, opening)  # no jolt outlasts its motion
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

    def _offsets(self, trajectory: Motion, frames: int) -> Array | None:
        """Deviations from the targets of a motion, where nothing is near that might be hit."""
        free = not self.supports if self.held else not self.touchable
        if self.unsteadiness is None or not free:
            return None
        return self.unsteadiness.offsets(trajectory, frames)

    def _brake(self, trajectory: Motion, opening: float, since_s: float) -> Stop:
        """Comes to rest on a trajectory by letting its time run ever slower."""
        t = np.arange(round(BRAKE_S / self.dt), dtype=np.float64) * self.dt
        later = since_s + t - 0.5 * t * t / BRAKE_S
        for target in self.targets(trajectory, later):
            self.command(target, opening)
            stop = self.tick()
            if stop:
                return stop
        return Stop(INTERRUPTED, "braking_frames", float(len(t)), 0.0, "1")

    def targets(self, trajectory: Motion, times: Array) -> NDArray[np.float32]:
        """Targets (n, dof) of the frames that begin at times (n,) of a motion."""
        ahead = np.minimum(
            times + 0.5 * self.dt + self.part.arm.tracking_lag_s, trajectory.duration_s
        )
        return trajectory.positions(ahead).astype(np.float32)

    def close(self, entity: int, frames: int) -> Stop | None:
        """Closes the gripper until both fingers hold still on an entity, or time is up."""
        self._grip(0.0)
        steady, last = 0, self.width
        for _ in range(frames):
            stop = self.tick()
            if stop:
                return stop
            width = self.width
            still = abs(width - last) < 2e-4
            steady = steady + 1 if still and self.pad_contacts(entity) == 3 else 0
            last = width
            if steady >= 2:
                break
        return None

    def tick(self) -> Stop | None:
        """Holds the present targets for one frame."""
        if self.disturber is not None:
            self.disturber.before_frame()
        self.recorder.tick()
        if self.recorder.diverged:
            return Stop("sim_diverged", "stable_simulation", 1.0, 0.0, "1")
        return self.violation() or self._lost_object()

    def violation(self) -> Stop | None:
        """The first forbidden contact of the last frame."""
        for pair, (force, _) in self.recorder.touching.items():
            for part, hand in zip(self.scene.arms, self.hands, strict=True):
                stop = self._forbidden(part, hand, pair, force)
                if stop:
                    return stop
        return None

    def _forbidden(
        self, part: SceneArm, hand: Hand, pair: tuple[int, int], force: float
    ) -> Stop | None:
        """Why two entities must not touch, as far as one arm is concerned."""
        a, b = pair
        names = self.scene.entities
        if part.entity in pair:
            self.max_arm_force_n = max(self.max_arm_force_n, force)
            return Stop("robot_contact", "arm_contact_force", force, 0.0, "N",
                        names[b if a == part.entity else a])  # fmt: skip
        if part.gripper not in pair or a == b:
            return None
        other = b if a == part.gripper else a
        if other in hand.touchable:
            return None
        limit = SUPPORT_FORCE_N if other in hand.supports else 0.0
        if other in hand.supports:
            self.max_brush_n = max(self.max_brush_n, force)
        if force > limit:
            return Stop("robot_contact", "gripper_contact_force", force, limit, "N", names[other])
        return None

    def _lost_object(self) -> Stop | None:
        for arm, hand in enumerate(self.hands):
            stop = self._lost_by(arm, hand.held) if hand.held else None
            if stop:
                return stop
        return None

    def _lost_by(self, arm: int, held: Held) -> Stop | None:
        data = self.recorder.data
        address = self.scene.object_qpos[held.index]
        reach = data.qpos[address : address + 3] - self._tcp_position[arm]
        now = (reach @ self._tcp_matrix[arm]).tolist()
        moved = math.dist(now, held.tcp_from_object.position)
        self.slip_m = max(self.slip_m, moved)
        if moved > SLIP_M:
            gone = not self.recorder.pad_contacts(held.entity, arm)
            return Stop(
                "dropped" if gone else "grasp_slip", "held_object_moved", moved, SLIP_M, "m"
            )
        return None


def _homogeneous(position: Array, matrix: Array) -> Array:
    result = np.eye(4)
    result[:3, :3] = matrix.reshape(3, 3)
    result[:3, 3] = position
    return result
