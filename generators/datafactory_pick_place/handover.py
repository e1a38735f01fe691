"""Hand-over: one arm picks the object up, the other takes it out of its gripper and places it.

Done when no arm alone reaches both the object and its place. Both grippers may touch the object
while it changes hands; they may not touch each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

from datafactory.episode import CheckResult
from datafactory.planning.timing import Trajectory
from datafactory.scene import WorldState
from datafactory.scene_graph.graph import Goal
from datafactory.scene_graph.relations import Placement, sample_poses
from datafactory.sim.assembly import SceneModel
from datafactory_pick_place.arms import ArmsAttempt
from datafactory_pick_place.attempt import MAX_GRASP_FRAMES, Rejected
from datafactory_pick_place.clock import StageClock
from datafactory_pick_place.execution import Held, Stop
from datafactory_pick_place.handover_plan import HandoverPlanner, Meeting, PassingReach
from datafactory_pick_place.plans import PickPlan, Refusal
from datafactory_pick_place.poses import must_stand, release_opening
from datafactory_pick_place.streams import AttemptStreams
from datafactory_pick_place.subgoals import Subgoal

MAX_SIDES = 6
TAKE_TRIES = 3


class HandoverAttempt(ArmsAttempt):
    """One attempt of a robot with several arms that hand objects over.

    Attributes:
        passing: Planners, one per arm.
        handovers: Objects that changed hands.
    """

    def __init__(
        self, scene: SceneModel, goal: Goal, reaches: Sequence[PassingReach],
        streams: AttemptStreams, fps: int, clock: StageClock,
    ) -> None:  # fmt: skip
        super().__init__(scene, goal, reaches, streams, fps, clock)
        self.passing = tuple(reaches)
        self.handovers = 0

    def measures(self) -> dict[str, float]:
        """Metrics of all arms, and how many objects changed hands."""
        return {**super().measures(), "handovers": float(self.handovers)}

    def _otherwise(
        self, subject: int, subgoal: Subgoal, refusal: Refusal, number: int
    ) -> Rejected | None:
        meeting = self._plan_meeting(subject, subgoal)
        if isinstance(meeting, Refusal):
            return super()._otherwise(subject, subgoal, refusal, number)
        return self._hand_over(subject, subgoal, meeting, number)

    def _plan_meeting(self, subject: int, subgoal: Subgoal) -> Meeting | Refusal:
        """The first hand-over found, between any two arms, the nearest giver first."""
        refusal = Refusal("plan", "ik_failed", 0)
        with self.clock.stage("plan"):
            state, qpos = self._state(), self.recorder.data.qpos
            planner = HandoverPlanner(self.passing, subject, state, qpos, self.streams["handover"])
            placements = self._placements(subject, subgoal, state)
            for giver, taker in permutations(self.nearest_first(subject), 2):
                found = planner.search(giver, taker, placements)
                if isinstance(found, Meeting):
                    return found
                refusal = found
        return refusal

    def _placements(self, subject: int, subgoal: Subgoal, state: WorldState) -> list[Placement]:
        """Place poses; what need not stand may come to rest on any of its sides."""
        reach, rng = self.passing[0], self.streams["place"]
        asset = self.scene.scene.objects[subject].asset
        found = reach.placements(subject, subgoal.relations, state, rng)
        if not must_stand(asset, subgoal.relations):
            for rest in range(min(len(asset.stable_poses), MAX_SIDES)):
                found += sample_poses(subgoal.relations, asset, state, rng, 2, stable_pose=rest)
        return found

    def _hand_over(
        self, subject: int, subgoal: Subgoal, meeting: Meeting, number: int
    ) -> Rejected | None:
        """Picks with one arm, passes the object on, places with the other."""
        self.moved.add(subgoal.subject)
        self.use(meeting.giver)
        reached = self._reach_out(subject, meeting.pick, subgoal, number)
        if isinstance(reached, Rejected):
            return reached
        rejected, _ = self._pick(subject, reached, number)
        rejected = rejected or self._bring(subject, meeting, number)
        if rejected:
            return rejected
        taken = self._take(subject, meeting, number)
        if isinstance(taken, Rejected):
            return taken
        rejected = self._give(subject, meeting, number)
        if rejected:
            return rejected
        self.handovers += 1
        self.use(meeting.taker)
        return self._place(subject, taken, subgoal, number)

    def _bring(self, subject: int, meeting: Meeting, number: int) -> Rejected | None:
        """Brings the object to where it changes hands."""
        execution = self.execution
        tcp_from_object = execution.tcp().inverse() @ execution.object_pose(subject)
        with self.clock.stage("plan"):
            self._observe()
            motion = self.passing[meeting.giver].bring(
                subject, tcp_from_object, execution.width, meeting.pose, execution.q,
                meeting.pick.q_place,
            )  # fmt: skip
        execution.supports = set()
        return self._follow("handover_bring", motion, 0.0, number)

    def _take(self, subject: int, meeting: Meeting, number: int) -> PickPlan | Rejected:
        """The taker grasps the object in the giver's gripper."""
        self.use(meeting.taker)
        execution, grasp = self.execution, meeting.grasp
        entity = self.scene.first_object + subject
        execution.touchable, execution.supports = set(), set()
        with self.clock.stage("plan"):
            self._observe()
            pose = execution.object_pose(subject)
            for _ in range(TAKE_TRIES):  # postures are drawn, and the object is not quite there
                found = self.passing[meeting.taker].giving(subject, grasp, pose, execution.q)
                if not isinstance(found, str):
                    break
        if isinstance(found, str):
            return Rejected("plan", found)
        q_grasp, transit, approach = found
        rejected = self._follow("handover_reach", transit, grasp.opening, number)
        rejected = rejected or self._follow("handover_approach", approach, grasp.opening, number)
        if rejected:
            return rejected
        execution.touchable = {entity}
        start = self.recorder.frame
        with self.clock.stage("execute"):
            stop = execution.close(entity, MAX_GRASP_FRAMES)
            execution.phase("handover_grasp", start, number)
        if stop:
            return self._stopped(stop)
        if not self._note(*self._grasped(entity, grasp.width)):
            return Rejected("grasp", "grasp_slip")
        tcp_from_object = execution.tcp().inverse() @ execution.object_pose(subject)
        execution.held = Held(entity, subject, tcp_from_object)
        return PickPlan(grasp, q_grasp, transit, approach, meeting.placements, meeting.q_place)

    def _give(self, subject: int, meeting: Meeting, number: int) -> Rejected | None:
        """The giver lets go, retreats and goes home; the taker must still hold the object."""
        self.use(meeting.giver)
        execution = self.execution
        entity = self.scene.first_object + subject
        execution.held = None
        start = self.recorder.frame
        with self.clock.stage("execute"):
            opening = release_opening(execution.part.arm, execution.width)
            stop = execution.hold(self._frames["release"], opening)
            execution.phase("handover_release", start, number)
        if stop:
            return self._stopped(stop)
        with self.clock.stage("plan"):
            self._observe()
            motion = self.reach.retreat(subject, execution.opening, execution.q)
        rejected = self._follow("handover_retreat", motion, execution.target_opening, number)
        execution.touchable = set()
        rejected = rejected or self.withdraw(number, (meeting.giver,))
        if rejected:
            return rejected
        sides = self.recorder.pad_contacts(entity, meeting.taker)
        passed = CheckResult("grasp", "held_after_handover", sides == 3, float(sides), 3.0, "1")
        return None if self._note(passed) else Rejected("grasp", "grasp_slip")

    def _follow(
        self, phase: str, motion: Trajectory | Refusal, opening: float, number: int
    ) -> Rejected | None:
        """Executes a planned motion of the active arm as one phase."""
        if isinstance(motion, Refusal):
            return Rejected(motion.stage, motion.reason)
        start = self.recorder.frame
        with self.clock.stage("execute"):
            stop: Stop | None = self.execution.follow(motion, opening)
            self.execution.phase(phase, start, number)
        return self._stopped(stop) if stop else None
