"""Two-handed pick and place: objects no gripper can take alone, held on opposite sides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from datafactory.episode import CheckResult
from datafactory.geometry import Pose
from datafactory.grasps.ranking import Grasp, can_grasp
from datafactory.planning.timing import Trajectory
from datafactory.scene_graph.relations import Placement, sample_poses
from datafactory_pick_place.attempt import MAX_GRASP_FRAMES, Rejected
from datafactory_pick_place.execution import Held
from datafactory_pick_place.handover import TAKE_TRIES, HandoverAttempt
from datafactory_pick_place.plans import Refusal
from datafactory_pick_place.poses import heading, must_stand, release_opening, turned
from datafactory_pick_place.subgoals import Subgoal
from datafactory_pick_place.together import follow_together
from datafactory_pick_place.two_hands_plan import Carry, Pair, TwoHandsPlanner

Array = NDArray[np.float64]
MAX_CARRIES = 16
"""Pairs of grasps whose motions are planned."""
DRAWN_PLACES, PLACES = 160, 12
"""Place poses drawn and looked at: few of them are in reach of both arms."""
MAX_TURN_RAD, ASIDE_M = 0.5, 0.25
"""Turning by so much is as hard as reaching so far to a side."""


@dataclass(frozen=True, eq=False)
class Together:
    """A planned two-handed move.

    Attributes:
        pair: The grasps.
        placements: Place poses, the one proven reachable first.
    """

    pair: Pair
    placements: tuple[Placement, ...]


class TwoHandsAttempt(HandoverAttempt):
    """One attempt of a robot whose arms may also hold one object together.

    Attributes:
        together: Objects that were moved with two hands.
    """

    together = 0

    def measures(self) -> dict[str, float]:
        """Metrics of all arms, and how many objects were moved with two hands."""
        return {**super().measures(), "two_handed": float(self.together)}

    def _move(self, subgoal: Subgoal, number: int) -> Rejected | None:
        names = [o.name for o in self.scene.scene.objects]
        subject = names.index(subgoal.subject)
        asset = self.scene.scene.objects[subject].asset
        arms = [part.arm for part in self.scene.arms]
        if asset.graspable and any(can_grasp(asset, arm) for arm in arms):
            return super()._move(subgoal, number)
        self.moved.add(subgoal.subject)
        rejected = self.withdraw(number)
        if rejected:
            return rejected
        with self.clock.stage("plan"):
            plan = self._plan_together(subject, subgoal)
        if isinstance(plan, Refusal):
            return Rejected(plan.stage, plan.reason)
        return self._carry_together(subject, plan, subgoal, number)

    def _plan_together(self, subject: int, subgoal: Subgoal) -> Together | Refusal:
        """The first pair of grasps with which both arms can pick the object up and place it."""
        placements = self._places(subject, subgoal)
        if not placements:
            return Refusal("plan", "no_place", 0)
        refusal, state = Refusal("grasp", "no_grasp", 0), self._state()
        pose, qpos = self.execution.object_pose(subject), self.recorder.data.qpos
        for arms in combinations(self.nearest_first(subject), 2):
            planner = TwoHandsPlanner(self.passing, (arms[0], arms[1]), subject, qpos)
            bad: set[int] = set()
            tried = 0
            for pair in planner.pairs(state, self.streams["grasp"]):
                if tried >= MAX_CARRIES or any(id(g) in bad for g in pair.grasps):
                    continue
                postures = self._grasp_together(planner, pair, subject, pose)
                if isinstance(postures, Grasp):
                    bad.add(id(postures))
                    refusal = Refusal("plan", "plan_collision", len(bad))
                    continue
                tried += 1
                tools = [grasp.object_from_tcp for grasp in pair.grasps]
                widths = [grasp.width for grasp in pair.grasps]
                carry = planner.carry(tools, widths, pose, postures, placements)
                if isinstance(carry, Carry):
                    rest = (p for p in placements if p is not carry.placement)
                    return Together(pair, (carry.placement, *rest))
                refusal = carry
        return refusal

    def _places(self, subject: int, subgoal: Subgoal) -> list[Placement]:
        """Place poses that need little turning, near the middle between the arms first."""
        item = self.scene.scene.objects[subject]
        state, rng = self._state(), self.streams["place"]
        base_from_world = self.scene.scene.world_from_base.inverse()
        ahead = 0.5 * sum(self.scene.robot.workspace_radius_m)
        now = heading(state.poses[item.name])

        def effort(place: Placement) -> float:
            pose = place.world_from_object
            turn = abs(math.remainder(heading(pose) - now, 2.0 * math.pi))
            x, y = (float(v) for v in (base_from_world @ pose).position[:2])
            return turn / MAX_TURN_RAD + (abs(y) + abs(x - ahead)) / ASIDE_M

        found = sample_poses(subgoal.relations, item.asset, state, rng, DRAWN_PLACES)
        if all(relation.name in ("on", "in", "stacked") for relation in subgoal.relations):
            pose = state.poses[item.name]
            found += [turned(p, item.asset, pose, subgoal.relations) for p in found[:PLACES]]
        return sorted(found, key=effort)[:PLACES]

    def _grasp_together(
        self, planner: TwoHandsPlanner, pair: Pair, subject: int, pose: Pose
    ) -> list[Array] | Grasp:
        """Postures of both arms at their grasps, or the grasp that cannot be reached."""
        postures = [np.array(planner.qpos[self.scene.arms[arm].qpos]) for arm in pair.arms]
        for k, (arm, grasp) in enumerate(zip(pair.arms, pair.grasps, strict=True)):
            reach = self.passing[arm]
            reach.observe(planner.posed(postures))
            found = reach.giving(subject, grasp, pose, postures[k])
            if isinstance(found, str):
                return grasp
            postures[k] = found[0]
        return postures

    def _carry_together(
        self, subject: int, plan: Together, subgoal: Subgoal, number: int
    ) -> Rejected | None:
        """Both arms reach, close, lift, carry, lower and let go."""
        rejected = self._grasp_both(subject, plan.pair, number)
        if rejected:
            return rejected
        carry = self._plan_carry(subject, plan)
        if isinstance(carry, Refusal):
            return Rejected(carry.stage, carry.reason)
        item = self.scene.scene.objects[subject]
        if must_stand(item.asset, subgoal.relations):
            self.intended[item.name] = carry.placement.world_from_object
        arms = plan.pair.arms
        rejected = self._lead("lift", carry.lift, arms, number)
        if rejected is None and not self._note(self._held(subject, arms)):
            rejected = Rejected("grasp", "grasp_slip")
        self._allow(arms, set())
        rejected = rejected or self._lead("carry", carry.carry, arms, number)
        self._allow(arms, {self.scene.entity(carry.placement.support)})
        rejected = rejected or self._lead("lower", carry.lower, arms, number)
        rejected = rejected or self._let_go_together(subject, arms, number)
        self.together += rejected is None
        return rejected or self.withdraw(number)

    def _allow(self, arms: Sequence[int], supports: set[int]) -> None:
        for arm in arms:
            self.execution.hands[arm].supports = supports

    def _grasp_both(self, subject: int, pair: Pair, number: int) -> Rejected | None:
        """One arm after the other takes hold: the second of the object as the first left it."""
        execution = self.execution
        entity = self.scene.first_object + subject
        self._allow(pair.arms, self._supports_of(subject))
        for arm, grasp in zip(pair.arms, pair.grasps, strict=True):
            self.use(arm)
            execution.held, execution.touchable = None, set()
            with self.clock.stage("plan"):
                self._observe()
                pose = execution.object_pose(subject)
                for _ in range(TAKE_TRIES):
                    found = self.passing[arm].giving(subject, grasp, pose, execution.q)
                    if not isinstance(found, str):
                        break
            if isinstance(found, str):
                return Rejected("plan", found)
            rejected = self._follow("reach", found[1], grasp.opening, number)
            rejected = rejected or self._follow("approach", found[2], grasp.opening, number)
            if rejected:
                return rejected
            execution.touchable = {entity}
            start = self.recorder.frame
            with self.clock.stage("execute"):
                stop = execution.close(entity, MAX_GRASP_FRAMES)
                execution.phase("grasp", start, number)
            if stop:
                return self._stopped(stop)
            if not self._note(*self._grasped(entity, grasp.width)):
                return Rejected("grasp", "grasp_slip")
        return None

    def _held(self, subject: int, arms: Sequence[int]) -> CheckResult:
        """Both fingers of both hands touch the object; the number of such hands."""
        entity = self.scene.first_object + subject
        count = sum(self.recorder.pad_contacts(entity, arm) == 3 for arm in arms)
        return CheckResult(
            "grasp", "held_after_lift", count == len(arms), float(count), float(len(arms)), "1"
        )

    def _plan_carry(self, subject: int, plan: Together) -> Carry | Refusal:
        """The motions for the object as it really lies in both hands."""
        execution, tools, widths, postures = self.execution, [], [], []
        pose = execution.object_pose(subject)
        for arm in plan.pair.arms:
            self.use(arm)
            tools.append(pose.inverse() @ execution.tcp())
            entity = self.scene.first_object + subject
            execution.held = Held(entity, subject, tools[-1].inverse())
            widths.append(execution.width)
            postures.append(execution.q)
        with self.clock.stage("plan"):
            planner = TwoHandsPlanner(
                self.passing, plan.pair.arms, subject, self.recorder.data.qpos
            )
            return planner.carry(tools, widths, pose, postures, plan.placements)

    def _lead(
        self, phase: str, motion: Trajectory, arms: Sequence[int], number: int
    ) -> Rejected | None:
        """Executes a motion of both arms as one phase."""
        start = self.recorder.frame
        with self.clock.stage("execute"):
            stop = follow_together(self.execution, motion, arms, 0.0)
            self.execution.phase(phase, start, number)
        return self._stopped(stop) if stop else None

    def _let_go_together(self, subject: int, arms: Sequence[int], number: int) -> Rejected | None:
        """Both hands open at once and retreat one after the other."""
        execution, recorder = self.execution, self.recorder
        openings = recorder.target_opening.copy()
        for arm in arms:
            self.use(arm)
            execution.held = None
            openings[arm] = release_opening(execution.part.arm, execution.width)
        start = recorder.frame
        with self.clock.stage("execute"):
            recorder.set_targets(recorder.target_q, openings)
            stop = execution.hold(self._frames["release"])
            execution.phase("release", start, number)
        if stop:
            return self._stopped(stop)
        for arm in arms:
            self.use(arm)
            rejected = self._retreat(subject, number)
            if rejected:
                return rejected
            execution.touchable = set()
        return None
