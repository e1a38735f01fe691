"""Attempts in which the robot notices that something changed, plans again and recovers."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from datafactory.episode import CheckResult
from datafactory.scene_graph.graph import Relation
from datafactory_pick_place.attempt import Attempt, Rejected
from datafactory_pick_place.disturb import SceneDisturber
from datafactory_pick_place.execution import INTERRUPTED, Stop
from datafactory_pick_place.plans import PickPlan, PlacePlan, Refusal
from datafactory_pick_place.subgoals import Move, Subgoal, plan_stage

NOTICE_M = 0.012
"""An object this far from where it was planned for has been moved."""
STILL_M_S = 0.01
MAX_WAIT_S = 2.0
MAX_NOTICE_S = 1.0
MAX_REPLANS = 3


class DisturbedAttempt(Attempt):
    """One attempt that may be disturbed.

    Attributes:
        disturber: What disturbs it; None leaves it alone.
        replans: Times the robot planned anew because the scene or the goal had changed.
        noticed_frame: Frame at which it was first noticed; -1 until then.
        recovered_frame: Frame at which the motion planned anew had ended; -1 until then.
    """

    disturber: SceneDisturber | None = None
    replans = 0
    noticed_frame = -1
    recovered_frame = -1

    def disturb(self, disturber: SceneDisturber) -> None:
        """Lets a disturbance happen."""
        self.disturber = self.execution.disturber = disturber

    def measures(self) -> dict[str, float]:
        """Whether and when the attempt was disturbed, and how it went on."""
        what = self.disturber
        return {
            "disturbed": float(what is not None and what.happened),
            "disturbed_frame": float(what.frame if what else -1),
            "moved_m": what.displacement_m if what else 0.0,
            "noticed_frame": float(self.noticed_frame),
            "recovered_frame": float(self.recovered_frame),
            "replans": float(self.replans),
        }

    def extra(self) -> dict[str, object]:
        """What happened, for the record."""
        return {"events": self.disturber.events() if self.disturber else []}

    def _notice(self, frame: int) -> None:
        """The robot has seen that its plan no longer holds."""
        self.replans += 1
        if self.noticed_frame >= 0:
            return
        self.noticed_frame = frame
        assert self.disturber is not None
        late = (self.noticed_frame - self.disturber.frame) / self.recorder.fps
        good = late <= MAX_NOTICE_S
        self._note(CheckResult("execute", "disturbance_noticed", good, late, MAX_NOTICE_S, "s"))

    def _reach_out(
        self, subject: int, plan: PickPlan, subgoal: Subgoal, number: int
    ) -> PickPlan | Rejected:
        if self.disturber is None or self.disturber.disturbance.kind != "object_moved":
            return super()._reach_out(subject, plan, subgoal, number)
        execution, name = self.execution, "reach"
        execution.held = None
        execution.touchable = set()
        for _ in range(MAX_REPLANS):
            execution.supports = self._supports_of(subject)
            expected = execution.object_pose(subject).position
            with self.clock.stage("execute"):
                start = self.recorder.frame
                stop = execution.follow(
                    plan.transit, plan.grasp.opening,
                    partial(self._is_elsewhere, subject, expected),
                )  # fmt: skip
            brake = self._label(name, start, stop, number)
            if stop is not None and stop.reason != INTERRUPTED:
                return self._stopped(stop)
            if stop is None and not self._is_elsewhere(subject, expected):
                self._recovered()
                return plan
            waited = self._wait_for_rest(subject, brake, number)
            if waited:
                return waited
            found = self._plan_pick(subject, subgoal)
            if isinstance(found, Refusal):
                return Rejected(found.stage, found.reason)
            plan, name = found, "recovery"
        return Rejected("execute", "timeout")

    def _is_elsewhere(self, subject: int, expected: np.ndarray) -> bool:
        moved = self.execution.object_pose(subject).position - expected
        return float(np.linalg.norm(moved)) > NOTICE_M

    def _label(self, name: str, start: int, stop: Stop | None, number: int) -> int:
        """Labels a motion without the frames in which it was braked; returns the first of these."""
        braked = stop is not None and stop.reason == INTERRUPTED
        end = self.recorder.frame - (round(stop.value) if stop and braked else 0)
        self.execution.phase(name, start, number, end)
        return end

    def _wait_for_rest(self, subject: int, begin: int, number: int) -> Rejected | None:
        """Waits until the object lies still where it was moved."""
        execution = self.execution
        self._notice(begin)
        with self.clock.stage("execute"):
            for _ in range(round(MAX_WAIT_S * self.recorder.fps)):
                before = execution.object_pose(subject).position
                stop = execution.hold(1)
                if stop:
                    break
                moved = execution.object_pose(subject).position - before
                still = float(np.linalg.norm(moved)) * self.recorder.fps < STILL_M_S
                if still and self.disturber is not None and self.disturber.over:
                    break
        execution.phase("replan", begin, number)
        return self._stopped(stop) if stop else None

    def _recovered(self) -> None:
        if self.noticed_frame >= 0 and self.recovered_frame < 0:
            self.recovered_frame = self.recorder.frame

    def _changed(self) -> bool:
        """Whether another goal was named that the robot does not pursue yet."""
        what = self.disturber
        if what is None or not what.happened or what.disturbance.goal is None:
            return False
        return self.goal is not what.disturbance.goal

    def _carry(
        self, subject: int, plan: PickPlan, subgoal: Subgoal, number: int
    ) -> PlacePlan | Rejected:
        relations, name = subgoal.relations, "carry"
        execution = self.execution
        while True:
            place = self._plan_place(subject, plan, relations)
            if isinstance(place, Rejected):
                return place
            with self.clock.stage("execute"):
                start = self.recorder.frame
                execution.supports = set()
                stop = execution.follow(place.transit, 0.0, self._changed)
            brake = self._label(name, start, stop, number)
            if stop is not None and stop.reason != INTERRUPTED:
                return self._stopped(stop)
            if stop is None and not self._changed():
                self._recovered()
                return place
            self._notice(brake)
            changed = self._pursue_new_goal(subject, plan)
            if isinstance(changed, Rejected):
                execution.phase("replan", brake, number)
                return changed
            plan, relations = changed
            number = len(self.moves) - 1
            execution.phase("replan", brake, number)
            name = "recovery"

    def _pursue_new_goal(
        self, subject: int, plan: PickPlan
    ) -> tuple[PickPlan, tuple[Relation, ...]] | Rejected:
        """The pick's plan with places for the new goal, and what they shall make true."""
        assert self.disturber is not None
        assert self.disturber.disturbance.goal is not None
        self.goal = self.disturber.disturbance.goal
        item = self.scene.scene.objects[subject]
        with self.clock.stage("grasp"):
            state = self._state()
            moves = plan_stage(self.goal, 0, state, (item.name,))
            if not moves:
                return Rejected("grasp", "no_grasp")
            relations = moves[0].relations
            found = self.reach.placements(subject, relations, state, self.streams["place"])
        if not found:
            return Rejected("plan", "no_place")
        self.moves.append(Move(moves[0], self.moves[-1].stage))
        placed = replace(plan, placements=tuple(found), q_place=self.execution.q)
        return placed, relations
