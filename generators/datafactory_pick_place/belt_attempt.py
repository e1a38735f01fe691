"""Picking off a moving belt: wait for the object, accompany it while the fingers close, lift."""

from __future__ import annotations

import math

import numpy as np

from datafactory.episode import CheckResult
from datafactory.geometry import Pose, quat_angle
from datafactory_pick_place.attempt import Attempt, Rejected
from datafactory_pick_place.execution import Motion, Stop
from datafactory_pick_place.intercept import BeltReach, Interception, shifted
from datafactory_pick_place.meeting import CLOSING_S, MEET_S, Track, blend
from datafactory_pick_place.plans import PickPlan, Refusal
from datafactory_pick_place.subgoals import Subgoal

CORRECT_M = 0.003
"""An object this far from its prediction is followed where it is."""
MISSED_M = 0.03
MISSED_RAD = 0.2
"""An object this far from where it was when the chase began, as seen from the belt, is missed."""
CORRECT_S = 0.25
"""Time in which the tool makes up for a wrong prediction."""


class BeltAttempt(Attempt):
    """One attempt in a scene with a belt.

    Attributes:
        reach: Plans with things that move.
        corrections: Times a track was planned again because the prediction was off.
        worst_prediction_m: Largest error of a predicted position in the last chase.
    """

    reach: BeltReach
    corrections = 0
    worst_prediction_m = 0.0
    _chase: Chase | None = None
    _begin = 0

    def measures(self) -> dict[str, float]:
        """The belt's speed, and how well its riders were predicted."""
        assert self.scene.belt is not None
        return {
            "belt_speed_m_s": self.scene.belt.belt.speed_m_s,
            "corrections": float(self.corrections),
            "prediction_error_m": self.worst_prediction_m,
        }

    def _supports_of(self, subject: int) -> set[int]:
        """What the object stands on, and the rails beside what it rides on."""
        assert self.scene.belt is not None
        found = super()._supports_of(subject)
        return found | {self.scene.belt.rail} if self.scene.belt.entity in found else found

    def _observe(self) -> None:
        carried = self._state().carried
        riders = [k for k, o in enumerate(self.scene.scene.objects) if o.name in carried]
        self.reach.see(self.recorder.data.qpos, tuple(riders))

    def _reach_out(
        self, subject: int, plan: PickPlan, subgoal: Subgoal, number: int
    ) -> PickPlan | Rejected:
        self._chase = None
        if isinstance(plan, Interception):
            self._begin = self.recorder.frame + round((plan.meet_s - MEET_S) * self.recorder.fps)
        return super()._reach_out(subject, plan, subgoal, number)

    def _pick(self, subject: int, plan: PickPlan, number: int) -> tuple[Rejected | None, bool]:
        if not isinstance(plan, Interception):
            return super()._pick(subject, plan, number)
        execution, entity = self.execution, self.scene.first_object + subject
        self.worst_prediction_m = 0.0
        with self.clock.stage("execute"):
            start = self.recorder.frame
            stop = execution.hold(max(0, self._begin - start)) or self._approach(subject, plan)
            execution.phase("approach", start, number)
            if stop:
                return self._stopped(stop), stop.reason == "missed_interception"
            execution.touchable = {entity}
            start = self.recorder.frame
            stop = self._close(entity)
            execution.phase("grasp", start, number)
            if stop:
                return self._stopped(stop), False
            error = self.worst_prediction_m
            met = CheckResult("grasp", "prediction_error", error <= MISSED_M, error, MISSED_M, "m")
            if not self._note(met, *self._grasped(entity, plan.grasp.width)):
                return Rejected("grasp", "grasp_slip"), True
        return self._lift(subject, number)

    def _approach(self, subject: int, plan: Interception) -> Stop | None:
        """Takes up the object's speed and descends, correcting the path by what is measured."""
        execution = self.execution
        pose = execution.object_pose(subject)
        with self.clock.stage("plan"):
            self._observe()
            track = self.reach.chase(subject, plan.grasp, pose, execution.q)
        if track is None:
            return Stop("missed_interception", "can_be_followed", 0.0, 1.0, "1")
        chase = self._chase = Chase(self, track, plan.grasp.opening)
        for _ in range(round(MEET_S / execution.dt)):
            stop = chase.tick() or self._watch(chase, subject, pose)
            if stop:
                return stop
        return None

    def _watch(self, chase: Chase, subject: int, pose: Pose) -> Stop | None:
        """Compares the object with its prediction; corrects the track, or gives up."""
        now = self.execution.object_pose(subject)
        expected = shifted(pose, chase.elapsed_s * self.reach.velocity)
        gone = now.position - expected.position
        apart, turned = float(np.linalg.norm(gone)), quat_angle(now.quat, expected.quat)
        self.worst_prediction_m = max(self.worst_prediction_m, apart)
        if apart > MISSED_M:
            return Stop("missed_interception", "prediction_error", apart, MISSED_M, "m")
        if turned > MISSED_RAD:
            return Stop("missed_interception", "prediction_error", turned, MISSED_RAD, "rad")
        wrong = gone - chase.made_up_for
        if float(np.linalg.norm(wrong)) > CORRECT_M:
            self.corrections += 1
            if not chase.correct(wrong):
                return Stop("missed_interception", "can_be_followed", 0.0, 1.0, "1")
        return None

    def _close(self, entity: int) -> Stop | None:
        """Closes the gripper on the move until both fingers hold still."""
        assert self._chase is not None
        steady, last = 0, self.execution.width
        self._chase.opening = 0.0
        for _ in range(math.floor(CLOSING_S / self.execution.dt + 1e-9) - 1):
            stop = self._chase.tick()
            if stop:
                return stop
            width = self.execution.width
            still = abs(width - last) < 2e-4 and self.recorder.pad_contacts(entity) == 3
            steady, last = steady + 1 if still else 0, width
            if steady >= 2:
                break
        return None

    def _plan_lift(self, subject: int, tcp_from_object: Pose) -> Motion | Refusal:
        if self._chase is None:
            return super()._plan_lift(subject, tcp_from_object)
        self._observe()
        width, q = self.execution.width, self.execution.q
        return self.reach.lift_off(subject, tcp_from_object, width, q)

    def _back_off(self, subject: int, number: int) -> Rejected | None:
        """Opens on the move and leaves the belt; what was missed rides on."""
        if self._chase is None:
            return super()._back_off(subject, number)
        execution = self.execution
        execution.held = None
        start = self.recorder.frame
        with self.clock.stage("execute"):
            self._chase.opening = 1.0
            for _ in range(self._frames["release"]):
                stop = self._chase.tick()
                if stop:
                    return self._stopped(stop)
        with self.clock.stage("plan"):
            self._observe()
            motion = self.reach.let_ride(subject, execution.opening, execution.q)
        if isinstance(motion, Refusal):
            return Rejected(motion.stage, motion.reason)
        with self.clock.stage("execute"):
            stop = execution.follow(motion, 1.0)
            execution.phase("regrasp", start, number)
        return self._stopped(stop) if stop else None


class Chase:
    """A track being executed.

    Attributes:
        opening: Present opening target.
        made_up_for: (3,) sum of the corrections, metres.
    """

    def __init__(self, attempt: BeltAttempt, track: Track, opening: float) -> None:
        self._execution = attempt.execution
        self._reach = attempt.reach
        self._track = track
        self.opening = opening
        self.made_up_for = np.zeros(3)
        self._frames = 0

    @property
    def elapsed_s(self) -> float:
        """Time since the chase began."""
        return self._frames * self._execution.dt

    def tick(self) -> Stop | None:
        """Executes one frame."""
        target = self._execution.targets(self._track, np.array([self.elapsed_s]))[0]
        self._execution.command(target, self.opening)
        self._frames += 1
        return self._execution.tick()

    def correct(self, by: np.ndarray) -> bool:
        """Moves the rest of the track by (3,) metres, smoothly; whether the arm can follow."""
        q, step_s = self._track.q, self._reach.step_s
        first = min(math.ceil(self.elapsed_s / step_s), len(q) - 1)
        poses = np.array([self._reach.kinematics.fk(row).vector() for row in q[first:]])
        t = step_s * np.arange(len(poses), dtype=np.float64)
        poses[:, :3] += blend(t / CORRECT_S)[:, None] * by
        rest = self._reach.follow_on(q[first], poses)
        if rest is None:
            return False
        self._track = Track(step_s, np.concatenate([q[:first], rest.q]))
        self.made_up_for = self.made_up_for + by
        return True
