"""One attempt from drawn scene to verdict: settle, pick, place, goal, hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from datafactory.episode import CheckResult
from datafactory.geometry import Pose
from datafactory.scene import WorldState
from datafactory.scene_graph.goal import check_goal
from datafactory.scene_graph.graph import Goal, Relation
from datafactory.sim.assembly import SceneModel
from datafactory.sim.measure import Measurer
from datafactory.sim.recorder import Recorder
from datafactory_pick_place import judge
from datafactory_pick_place.clock import StageClock
from datafactory_pick_place.execution import Execution, Held, Motion, Stop
from datafactory_pick_place.plans import PickPlan, PlacePlan, Refusal
from datafactory_pick_place.poses import must_stand, release_opening
from datafactory_pick_place.reach import Reach
from datafactory_pick_place.rows import plan_moves
from datafactory_pick_place.streams import AttemptStreams
from datafactory_pick_place.subgoals import Move, Subgoal

SETTLE_S = 0.5
HOLD_S = 0.5
RELEASE_S = 0.25
MAX_GRASP_FRAMES = 14
MAX_REGRASPS = 1
WIDTH_TOLERANCE_M = 0.012


@dataclass(frozen=True)
class Rejected:
    """The attempt ends here.

    Attributes:
        stage: Stage that refused it.
        reason: Reason code.
    """

    stage: str
    reason: str


class Attempt:
    """The moving parts of one attempt after its scene was compiled.

    Attributes:
        checks: All checks made so far.
        moved: Names of the objects the robot moved; moved_in: the same by stage.
        intended: Where moved objects that have to stand were meant to rest.
        regrasps: Number of second grasps.
        initial, final: Measured world states; None until reached.
        goal_held_once: The goal held at some measured instant.
        moves: The moves begun, in order; a move's index is the sub-goal of its phases.
    """

    def __init__(
        self, scene: SceneModel, goal: Goal, reach: Reach, streams: AttemptStreams, fps: int,
        clock: StageClock,
    ) -> None:  # fmt: skip
        self.scene = scene
        self.goal = goal
        self.reach = reach
        self.streams = streams
        self.clock = clock
        self.recorder = Recorder(scene, fps)
        self.measurer = Measurer(scene)
        self.execution = Execution(scene, self.recorder)
        self.checks: list[CheckResult] = []
        self.regrasps = 0
        self.moved: set[str] = set()
        self.moved_in: list[set[str]] = []
        self.intended: dict[str, Pose] = {}
        self.initial: WorldState | None = None
        self.final: WorldState | None = None
        self.goal_held_once = False
        self.moves: list[Move] = []
        self._measured: tuple[int, WorldState] | None = None
        self._frames = {
            "hold": round(HOLD_S * fps), "release": round(RELEASE_S * fps)
        }  # fmt: skip

    def run(self) -> Rejected | None:
        """Runs from the settled scene to the end; None means every check passed."""
        for stage in range(len(self.goal.stages)):
            state = self._state()
            rng = self.streams["place"]
            subgoals = plan_moves(self.goal, stage, state, self.reach, rng)
            self.moved_in.append(set())
            if subgoals is None:
                return Rejected("grasp", "no_grasp")
            for subgoal in subgoals:
                self.moves.append(Move(subgoal, stage))
                rejected = self._move(subgoal, len(self.moves) - 1)
                self.moved_in[-1].add(subgoal.subject)
                if rejected:
                    return rejected
            rejected = self._stage_reached(stage)
            if rejected:
                return rejected
        return self._hold()

    def measures(self) -> dict[str, float]:
        """Metrics that only some attempts have."""
        return {}

    def extra(self) -> dict[str, object]:
        """Values of the generator's own columns."""
        return {}

    def _state(self) -> WorldState:
        """The measured state at the present frame; measured once however often asked for."""
        if self._measured is None or self._measured[0] != self.recorder.frame:
            state = self.measurer.state_of(self.recorder.data)
            starts = state.poses if self.initial is None else self.initial.starts
            state = replace(state, starts=starts)
            self._measured = (self.recorder.frame, state)
        return self._measured[1]

    def _note(self, *checks: CheckResult) -> bool:
        self.checks.extend(checks)
        return all(c.passed for c in checks)

    def settle(self) -> Rejected | None:
        """Lets the scene settle and judges whether it is a fair start."""
        with self.clock.stage("settle"):
            self.recorder.settle(SETTLE_S)
            state = self.initial = self._state()
            checks, reason = judge.started(
                self.scene, self.recorder.data, state, self.goal, diverged=self.recorder.diverged
            )
            self._note(*checks)
        return Rejected("settle", reason) if reason else None

    def _move(self, subgoal: Subgoal, number: int) -> Rejected | None:
        """Picks and places one object, with at most one second grasp."""
        names = [o.name for o in self.scene.scene.objects]
        subject = names.index(subgoal.subject)
        self.moved.add(subgoal.subject)
        before = len(self.checks)
        while True:
            plan = self._plan_pick(subject, subgoal)
            if isinstance(plan, Refusal):
                return Rejected(plan.stage, plan.reason)
            reached = self._reach_out(subject, plan, subgoal, number)
            if isinstance(reached, Rejected):
                return reached
            plan = reached
            rejected, missed = self._pick(subject, plan, number)
            if rejected is None:
                break
            if not missed or self.regrasps >= MAX_REGRASPS:
                return rejected
            self.regrasps += 1
            del self.checks[before:]  # the second grasp is judged, the first is counted
            count = float(self.regrasps)
            self._note(CheckResult("grasp", "regrasps", True, count, float(MAX_REGRASPS), "1"))
            rejected = self._back_off(subject, number)
            if rejected:
                return rejected
        return self._place(subject, plan, subgoal, number)

    def _plan_pick(self, subject: int, subgoal: Subgoal) -> PickPlan | Refusal:
        with self.clock.stage("grasp"):
            state = self._state()
            self._observe()
            streams = (self.streams["grasp"], self.streams["place"])
            return self.reach.pick(subject, subgoal.relations, state, self.execution.q, streams)

    def _supports_of(self, subject: int) -> set[int]:
        """Entities the object stands on now."""
        name = self.scene.scene.objects[subject].name
        state = self._state()
        found = set()
        for contact in state.contacts:
            if name in (contact.a, contact.b):
                other = contact.b if contact.a == name else contact.a
                if other != "robot":
                    found.add(self.scene.entity(other))
        return found

    def _reach_out(
        self, subject: int, plan: PickPlan, subgoal: Subgoal, number: int
    ) -> PickPlan | Rejected:
        """Moves to the pre-grasp; returns the plan that is to be gone on with."""
        execution = self.execution
        execution.held = None
        with self.clock.stage("execute"):
            execution.touchable = set()
            execution.supports = self._supports_of(subject)
            start = self.recorder.frame
            stop = execution.follow(plan.transit, plan.grasp.opening)
            execution.phase("reach", start, number)
        return self._stopped(stop) if stop else plan

    def _pick(self, subject: int, plan: PickPlan, number: int) -> tuple[Rejected | None, bool]:
        """Approaches, grasps and lifts. The flag tells whether a second grasp may help."""
        execution, recorder = self.execution, self.recorder
        entity = self.scene.first_object + subject
        with self.clock.stage("execute"):
            start = recorder.frame
            stop = execution.follow(plan.approach, plan.grasp.opening)
            execution.phase("approach", start, number)
            if stop:
                return self._stopped(stop), False
            execution.touchable = {entity}
            start = recorder.frame
            stop = execution.close(entity, MAX_GRASP_FRAMES)
            execution.phase("grasp", start, number)
            if stop:
                return self._stopped(stop), False
            if not self._note(*self._grasped(entity, plan.grasp.width)):
                return Rejected("grasp", "grasp_slip"), True
        return self._lift(subject, number)

    def _grasped(self, entity: int, width: float) -> tuple[CheckResult, ...]:
        """Both fingers touch the object, at the planned width."""
        sides = self.execution.pad_contacts(entity)
        error = abs(self.execution.width - width)
        good = error <= WIDTH_TOLERANCE_M
        return (
            CheckResult("grasp", "fingers_in_contact", sides == 3, float(sides), 3.0, "1"),
            CheckResult("grasp", "width_error", good, error, WIDTH_TOLERANCE_M, "m"),
        )

    def _lift(self, subject: int, number: int) -> tuple[Rejected | None, bool]:
        execution = self.execution
        entity = self.scene.first_object + subject
        tcp_from_object = execution.tcp().inverse() @ execution.object_pose(subject)
        with self.clock.stage("plan"):
            motion = self._plan_lift(subject, tcp_from_object)
        if isinstance(motion, Refusal):
            return Rejected(motion.stage, motion.reason), False
        with self.clock.stage("execute"):
            execution.held = Held(entity, subject, tcp_from_object)
            start = self.recorder.frame
            stop = execution.follow(motion, 0.0)
            execution.phase("lift", start, number)
            if stop:
                missed = stop.reason in ("grasp_slip", "dropped")
                return self._stopped(stop), missed
            sides = self.execution.pad_contacts(entity)
            held = CheckResult("grasp", "held_after_lift", sides == 3, float(sides), 3.0, "1")
            if not self._note(held):
                return Rejected("grasp", "grasp_slip"), True
        return None, False

    def _plan_lift(self, subject: int, tcp_from_object: Pose) -> Motion | Refusal:
        self._observe()
        width, q = self.execution.width, self.execution.q
        return self.reach.lift(subject, tcp_from_object, width, q)

    def _observe(self) -> None:
        """Shows the present state of the world to the planner."""
        self.reach.observe(self.recorder.data.qpos)

    def _back_off(self, subject: int, number: int) -> Rejected | None:
        """Opens and retreats after a failed grasp, and lets the object come to rest."""
        execution = self.execution
        execution.held = None
        with self.clock.stage("execute"):
            start = self.recorder.frame
            stop = execution.hold(self._frames["release"], 1.0)
            execution.phase("regrasp", start, number)
            if stop:
                return self._stopped(stop)
        rejected = self._retreat(subject, number)
        if rejected:
            return rejected
        with self.clock.stage("execute"):
            start = self.recorder.frame
            stop = execution.hold(self._frames["hold"])
            execution.phase("regrasp", start, number)
        return self._stopped(stop) if stop else None

    def _place(
        self, subject: int, plan: PickPlan, subgoal: Subgoal, number: int
    ) -> Rejected | None:
        place = self._carry(subject, plan, subgoal, number)
        if isinstance(place, Rejected):
            return place
        number = len(self.moves) - 1  # another goal on the way is another move
        with self.clock.stage("execute"):
            stop = self._put_down(place, number)
            if stop:
                return self._stopped(stop)
        rejected = self._retreat(subject, number)
        if rejected is None:
            self.execution.touchable = set()
        return rejected

    def _plan_place(
        self, subject: int, plan: PickPlan, relations: Sequence[Relation]
    ) -> PlacePlan | Rejected:
        """Plans the place for the object as it lies in the gripper."""
        execution, item = self.execution, self.scene.scene.objects[subject]
        tcp_from_object = execution.tcp().inverse() @ execution.object_pose(subject)
        with self.clock.stage("plan"):
            self._observe()
            place = self.reach.place(subject, tcp_from_object, execution.width, plan, execution.q)
        if isinstance(place, Refusal):
            return Rejected(place.stage, place.reason)
        if must_stand(item.asset, relations):
            self.intended[item.name] = place.placement.world_from_object
        return place

    def _carry(
        self, subject: int, plan: PickPlan, subgoal: Subgoal, number: int
    ) -> PlacePlan | Rejected:
        """Carries the object to above its place; returns the place."""
        place = self._plan_place(subject, plan, subgoal.relations)
        if isinstance(place, Rejected):
            return place
        with self.clock.stage("execute"):
            start = self.recorder.frame
            self.execution.supports = set()
            stop = self.execution.follow(place.transit, 0.0)
            self.execution.phase("carry", start, number)
        return self._stopped(stop) if stop else place

    def _put_down(self, place: PlacePlan, number: int) -> Stop | None:
        """Lowers the object to its place and lets go."""
        execution, recorder = self.execution, self.recorder
        start = recorder.frame
        execution.supports = {self.scene.entity(place.placement.support)}
        stop = execution.follow(place.lower, 0.0)
        execution.phase("lower", start, number)
        if stop:
            return stop
        execution.held = None
        start = recorder.frame
        opening = release_opening(execution.part.arm, execution.width)
        stop = execution.hold(self._frames["release"], opening)
        execution.phase("release", start, number)
        return stop

    def _retreat(self, subject: int, number: int) -> Rejected | None:
        execution = self.execution
        with self.clock.stage("plan"):
            self._observe()
            motion = self.reach.retreat(subject, execution.opening, execution.q)
        if isinstance(motion, Refusal):
            return Rejected(motion.stage, motion.reason)
        with self.clock.stage("execute"):
            start = self.recorder.frame
            stop = execution.follow(motion, execution.target_opening)
            execution.phase("retreat", start, number)
        return self._stopped(stop) if stop else None

    def _stopped(self, stop: Stop) -> Rejected:
        name = f"{stop.check}:{stop.detail}" if stop.detail else stop.check
        self._note(CheckResult("execute", name, False, stop.value, stop.limit, stop.unit))
        return Rejected("execute", stop.reason)

    def _stage_reached(self, stage: int) -> Rejected | None:
        with self.clock.stage("goal"):
            state = self._state()
            self.final = state
            check = check_goal(self.goal, state, stage=stage)
            self._note(*judge.goal_checks(check, "goal"))
            last = stage == len(self.goal.stages) - 1
            self.goal_held_once |= check.holds and last
            if not check.holds:
                return Rejected("goal", "place_missed")
        return None

    def _hold(self) -> Rejected | None:
        """Opens fully, waits, and judges the end state twice: before and after the wait."""
        execution = self.execution
        with self.clock.stage("hold"):
            before = self._state()
            start = self.recorder.frame
            stop = execution.hold(self._frames["hold"], 1.0)
            execution.phase("hold", start, 0)
            if stop:
                return self._stopped(stop)
            state = self._state()
            self.final = state
            assert self.initial is not None
            check = check_goal(self.goal, state, stage=len(self.goal.stages) - 1)
            if not self._note(*judge.goal_checks(check, "hold")) and not check.holds:
                return Rejected("hold", "place_missed")
            if not self._note(*judge.at_rest(self.scene, self.recorder.data, before, state)):
                return Rejected("hold", "not_settled")
            if not self._note(*judge.earlier_stages(self.goal, state, self.moved_in)):
                return Rejected("hold", "place_missed")
            if not self._note(*judge.upright(self.intended, state)):
                return Rejected("hold", "place_missed")
            left = [n for n in self.initial.poses if n not in self.moved]
            if not self._note(*judge.bystanders(left, self.initial, state)):
                return Rejected("hold", "wrong_target")
            if not self._note(*judge.robot_clear(self.scene, state, execution, self.moved)):
                return Rejected("hold", "robot_contact")
            if not self._note(*judge.execution_limits(self.recorder, execution)):
                deep = self.recorder.max_penetration > judge.MAX_PENETRATION_M
                return Rejected("execute", "overlap" if deep else "robot_contact")
        return None
