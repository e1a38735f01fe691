"""Pick and place by a robot with several arms: every move is done by the arm that can.

The arms are asked in the order of their distance to the object; the first that finds a grasp and a
place it reaches takes the move. The others hold still and are obstacles.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from datafactory.planning.motion import plan_free
from datafactory.scene_graph.graph import Goal
from datafactory.sim.assembly import SceneModel
from datafactory_pick_place.attempt import Attempt, Rejected
from datafactory_pick_place.clock import StageClock
from datafactory_pick_place.execution import ARRIVAL_RAD
from datafactory_pick_place.plans import PickPlan, Refusal
from datafactory_pick_place.reach import Reach
from datafactory_pick_place.streams import AttemptStreams
from datafactory_pick_place.subgoals import Subgoal


class ArmsAttempt(Attempt):
    """One attempt of a robot with several arms.

    Attributes:
        reaches: Planners, one per arm; ``reach`` is the active arm's.
    """

    def __init__(
        self, scene: SceneModel, goal: Goal, reaches: Sequence[Reach], streams: AttemptStreams,
        fps: int, clock: StageClock,
    ) -> None:  # fmt: skip
        super().__init__(scene, goal, reaches[0], streams, fps, clock)
        self.reaches = tuple(reaches)
        for reach in self.reaches:  # places found for several objects together are no arm's own
            reach.targets = self.reach.targets
        self._ready: PickPlan | None = None

    def measures(self) -> dict[str, float]:
        """Metrics of all arms together."""
        return {"collision_checks": float(sum(reach.world.checks for reach in self.reaches))}

    def use(self, arm: int) -> None:
        """Makes an arm the active one."""
        self.execution.arm = arm
        self.reach = self.reaches[arm]

    def nearest_first(self, subject: int) -> list[int]:
        """Arms in the order of their shoulder's distance to an object."""
        base = self.scene.scene.world_from_base
        goal = self.execution.object_pose(subject).position
        shoulders = [base.apply(np.array(part.arm.shoulder)) for part in self.scene.arms]
        return sorted(
            range(len(shoulders)), key=lambda k: float(np.linalg.norm(shoulders[k] - goal))
        )

    def _move(self, subgoal: Subgoal, number: int) -> Rejected | None:
        """Picks and places one object with the first arm that finds a way."""
        names = [o.name for o in self.scene.scene.objects]
        subject = names.index(subgoal.subject)
        plan = self._plan_pick(subject, subgoal)
        if isinstance(plan, Refusal):
            rejected = self.withdraw(number)
            if rejected:
                return rejected
            plan = self._plan_pick(subject, subgoal)
        if isinstance(plan, Refusal):
            return self._otherwise(subject, subgoal, plan, number)
        self._ready = plan
        return super()._move(subgoal, number)

    def _otherwise(
        self, subject: int, subgoal: Subgoal, refusal: Refusal, number: int
    ) -> Rejected | None:
        """What is done when no arm can pick and place by itself; all arms are at home."""
        return Rejected(refusal.stage, refusal.reason)

    def _plan_pick(self, subject: int, subgoal: Subgoal) -> PickPlan | Refusal:
        """The plan of the first arm that finds one, which becomes the active arm."""
        if self._ready is not None:
            plan, self._ready = self._ready, None
            return plan
        refusal: Refusal | None = None
        for arm in self.nearest_first(subject):
            self.use(arm)
            found = super()._plan_pick(subject, subgoal)
            if isinstance(found, PickPlan):
                return found
            refusal = refusal or found
        assert refusal is not None
        return refusal

    def withdraw(self, number: int, arms: Sequence[int] | None = None) -> Rejected | None:
        """Moves arms (all by default) that are away from home back there, grippers open."""
        for arm in range(len(self.reaches)) if arms is None else arms:
            self.use(arm)
            home = np.array(self.scene.scene.home)[self.scene.arms[arm].joints]
            if np.abs(self.execution.q - home).max() < 5.0 * ARRIVAL_RAD:
                continue
            with self.clock.stage("plan"):
                self._observe()
                reach = self.reach
                motion = plan_free(reach.world, self.execution.q, home, reach.fast, reach.rng)
            if motion.trajectory is None:
                return Rejected("plan", motion.reason)
            with self.clock.stage("execute"):
                start = self.recorder.frame
                stop = self.execution.follow(motion.trajectory, 1.0)
                self.execution.phase("withdraw", start, number)
            if stop:
                return self._stopped(stop)
        return None
