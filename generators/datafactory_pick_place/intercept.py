"""Planning in a scene with a belt: where and when the tool meets what rides on it.

The riders are predicted from the measured state: they keep their pose on the belt and move at
its velocity. Every motion is tested against where they will be, not where they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from datafactory.geometry import Array, Pose
from datafactory.grasps.ranking import Grasp
from datafactory.planning.motion import MotionResult, plan_free
from datafactory.planning.timing import JointLimits
from datafactory.scene_graph.relations import Placement
from datafactory_pick_place.execution import Motion
from datafactory_pick_place.meeting import (
    CLOSING_S,
    MEET_S,
    RISE_S,
    Track,
    leaving_poses,
    meeting_poses,
    times,
    waiting_pose,
)
from datafactory_pick_place.plans import PickPlan, Refusal
from datafactory_pick_place.poses import behind
from datafactory_pick_place.reach import RANDOM_SEEDS, Reach

SOONEST_S = 2.4
"""First guess of the time until a grasp, from which the true one is found."""
SLACK_S = 0.15
"""The tool waits at least so long for the object."""
LATER_S = 0.5
MEETINGS = 8
"""Meeting times tried with one grasp."""
LIFTED_BY_S = 0.4
"""The lift begins so long after the meeting, about."""
LOOK_S = 0.1
"""Time between two tests of a motion against moving things."""
LIMIT_SHARE = 0.8
"""Share of the arm's speed and acceleration limits that accompanying an object may use."""
LARGEST_OFFSET_M = 0.03
"""An object farther from its prediction than this is planned for anew."""
UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, eq=False)
class Interception(PickPlan):
    """A planned pick off a moving belt; ``approach`` is the tool's path from the waiting pose.

    Attributes:
        meet_s: Time from planning until the tool is at the grasp.
    """

    meet_s: float


def shifted(pose: Pose, by: Array) -> Pose:
    """The pose moved by (3,) metres in the world."""
    return Pose(pose.position + by, pose.quat)


class BeltReach(Reach):
    """Plans one robot's motions in one compiled scene with a belt.

    Attributes:
        riders: Indices of the objects that ride on the belt, as last seen.
        velocity: (3,) of the belt's surface, world, m/s.
        step_s: Time between samples of a track.
    """

    riders: tuple[int, ...] = ()
    step_s = 0.05

    def see(self, qpos: Array, riders: tuple[int, ...]) -> None:
        """Takes over the present state of the world and who rides on the belt."""
        assert self.scene.belt is not None
        self.velocity = self.scene.belt.belt.velocity
        self.riders = riders
        self._seen = np.array(qpos)
        self._opening = 1.0
        self.observe(qpos)

    def _set_opening(self, opening: float) -> None:
        self._opening = opening
        super()._set_opening(opening)

    def _advance(self, ahead_s: float) -> None:
        """Sets the world to how it will be some time after it was seen."""
        qpos = self._seen.copy()
        for k in self.riders:
            address = self.scene.object_qpos[k]
            qpos[address : address + 3] += ahead_s * self.velocity
        self.world.set_world(qpos)
        super()._set_opening(self._opening)

    def _meets_nothing(self, motion: Motion, begin_s: float, end_s: float = np.inf) -> bool:
        """Whether a motion that begins some time from now stays clear of what moves meanwhile."""
        for t in times(min(motion.duration_s, end_s), LOOK_S).tolist():
            self._advance(begin_s + t)
            if not self.world.free(motion.positions(np.array([t]))[0]):
                return False
        return True

    def _free(self, q0: Array, q1: Array, limits: JointLimits) -> MotionResult:
        """A free motion that begins now, among things that move while it lasts."""
        ahead_s = 0.0
        for _ in range(3):
            self._advance(ahead_s)
            found = plan_free(self.world, q0, q1, limits, self.rng)
            if found.trajectory is None:
                return found
            clear = self._meets_nothing(found.trajectory, 0.0)
            ahead_s += 0.5 * found.trajectory.duration_s
            if clear:
                self._advance(0.0)
                return found
        return replace(found, trajectory=None, reason="plan_collision")

    def _try_grasp(
        self, subject: int, grasp: Grasp, pose: Pose, placements: Sequence[Placement], q: Array
    ) -> PickPlan | str:
        if subject not in self.riders:
            self._advance(0.0)
            return super()._try_grasp(subject, grasp, pose, placements, q)
        meet_s, reason = SOONEST_S, "out_of_reach"
        for _ in range(MEETINGS):
            plan = self._meeting(subject, grasp, pose, placements, q, meet_s)
            if isinstance(plan, Interception):
                needed = plan.transit.duration_s + SLACK_S + MEET_S
                if needed > meet_s:
                    meet_s = needed + self.step_s
                    continue
                if self._can_wait(plan):
                    return plan
                reason = "plan_collision"
                meet_s += LATER_S
                continue
            coming = self._still_coming(pose.position + meet_s * self.velocity)
            if plan in ("ik_failed", "joint_limit") and not coming:
                return "out_of_reach"
            reason = plan
            meet_s += LATER_S
        return reason

    def _can_wait(self, plan: Interception) -> bool:
        """Whether nothing runs into the arm while it waits."""
        q = plan.approach.positions(np.zeros(1))[0]
        still = Track(self.step_s, np.array([q, q]))
        waited = times(plan.meet_s - MEET_S - plan.transit.duration_s, LOOK_S)
        return all(
            self._meets_nothing(still, plan.transit.duration_s + t, 0.0) for t in waited.tolist()
        )

    def _still_coming(self, position: Array) -> bool:
        """Whether what is at a place (3,) on the belt still comes closer to the robot."""
        from_base = position - self.scene.scene.world_from_base.position
        return float(from_base @ self.velocity) < 0.0

    def _meeting(
        self, subject: int, grasp: Grasp, pose: Pose, placements: Sequence[Placement], q: Array,
        meet_s: float,
    ) -> Interception | str:  # fmt: skip
        """A pick that is at the grasp at a given time, or a reason code."""
        world = self.world
        self._prepare(subject, grasp)
        self._advance(meet_s)
        begin_s = meet_s - MEET_S
        grasp_at_begin = shifted(pose, begin_s * self.velocity) @ grasp.object_from_tcp
        found = self.kinematics.solve_best(
            shifted(grasp_at_begin, MEET_S * self.velocity), (self.home, q), rng=self.rng,
            n_random=RANDOM_SEEDS, valid=lambda x: self._dexterous(x) and world.free(x),
        )  # fmt: skip
        if not found.ok:
            return found.reason or "ik_failed"
        track = self._track_through(grasp_at_begin, found.q)
        if isinstance(track, str):
            return track
        if not self._meets_nothing(track, begin_s, MEET_S):
            return "plan_collision"
        if self._leaving(found.q, UP) is None:
            return "ik_failed"
        placed = self._first_place(subject, grasp, placements, found.q)
        if isinstance(placed, str):
            return placed
        self._prepare(subject, grasp)
        transit = self._free(q, track.q[0], self.fast)
        if transit.trajectory is None:
            return transit.reason
        index, q_place = placed
        ordered = (placements[index], *(p for k, p in enumerate(placements) if k != index))
        return Interception(
            grasp, found.q, transit.trajectory, track, ordered, q_place, meet_s
        )  # fmt: skip

    def _prepare(self, subject: int, grasp: Grasp) -> None:
        self._let_go()
        self._set_opening(grasp.opening)
        self._approach_support(subject)

    def _track_through(self, grasp_at_begin: Pose, q_grasp: Array) -> Track | str:
        """The track that passes a posture at the grasp, followed both ways from there."""
        t = times(MEET_S + CLOSING_S, self.step_s)
        poses = meeting_poses(grasp_at_begin, self.velocity, t, np.zeros(3))
        at = round(MEET_S / self.step_s)
        before = self.kinematics.line(q_grasp, poses[at::-1])
        after = self.kinematics.line(q_grasp, poses[at:])
        for line in (before, after):
            if not line.ok:
                return line.reason or "ik_failed"
        return self._within_limits(np.concatenate([before.q[::-1], after.q[1:]])) or "joint_limit"

    def _within_limits(self, q: Array) -> Track | None:
        """The track of joint positions (n, dof), unless it is too fast for the arm."""
        track = Track(self.step_s, q)
        speed, change = track.peaks()
        fits = (speed <= LIMIT_SHARE * np.array(self.arm.velocity_limit)).all()
        fits &= (change <= LIMIT_SHARE * np.array(self.arm.acceleration_limit)).all()
        return track if fits else None

    def chase(self, subject: int, grasp: Grasp, pose: Pose, q: Array) -> Track | None:
        """The track from the waiting posture, for the object where it was just seen.

        Args:
            subject: Object index.
            grasp: The grasp.
            pose: Measured world_from_object.
            q: (dof,) measured arm posture.

        Returns:
            None when the object is too far from where it was expected, or cannot be followed.
        """
        grasp_now = pose @ grasp.object_from_tcp
        offset = self.kinematics.fk(q).position - waiting_pose(grasp_now, self.velocity).position
        if float(np.linalg.norm(offset)) > LARGEST_OFFSET_M:
            return None
        t = times(MEET_S + CLOSING_S, self.step_s)
        return self.follow_on(q, meeting_poses(grasp_now, self.velocity, t, offset))

    def follow_on(self, q: Array, poses: Array) -> Track | None:
        """A track through tool poses (n, 7) from a posture near the first; None if impossible."""
        line = self.kinematics.line(q, poses)
        return self._within_limits(line.q) if line.ok else None

    def _leaving(self, q: Array, direction: Array) -> Track | None:
        here = self.kinematics.fk(q)
        return self.follow_on(
            q, leaving_poses(here, self.velocity, times(RISE_S, self.step_s), direction)
        )

    def leave(self, q: Array) -> Motion | Refusal:
        """Plans the way off the belt of a tool that moves with it: up, or back out.

        Args:
            q: (dof,) present arm posture.
        """
        reason = "ik_failed"
        out = behind(self.kinematics.fk(q)).position - self.kinematics.fk(q).position
        for direction in (UP, out / np.linalg.norm(out)):
            track = self._leaving(q, direction)
            if track is None:
                continue
            if self._meets_nothing(track, 0.0):
                return track
            reason = "plan_collision"
        return Refusal("plan", reason, 2)

    def lift_off(
        self, subject: int, tcp_from_object: Pose, width: float, q: Array
    ) -> Motion | Refusal:
        """Plans the lift of a grasped object off the moving belt."""
        self._grip(subject, tcp_from_object, width)
        return self.leave(q)

    def let_ride(self, subject: int, opening: float, q: Array) -> Motion | Refusal:
        """Plans the way off the belt after opening around an object that rides on."""
        self._release(subject, opening)
        return self.leave(q)
