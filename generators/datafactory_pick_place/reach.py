"""Planning of one pick and one place: grasp and place pose chosen together, then the motions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from datafactory.belt import BELT, RAILS
from datafactory.geometry import Pose
from datafactory.grasps.ranking import Grasp, rank_grasps
from datafactory.planning.cartesian import straight_path
from datafactory.planning.collision import FINGERS, HELD, CollisionWorld
from datafactory.planning.kinematics import ArmKinematics, LineSolution
from datafactory.planning.motion import MotionResult, plan_free, plan_line
from datafactory.planning.timing import JointLimits, Trajectory
from datafactory.scene import WorldState
from datafactory.scene_graph.graph import Relation
from datafactory.scene_graph.region import Region
from datafactory.scene_graph.relations import Placement, sample_poses
from datafactory.sim.assembly import OBJECT_PREFIX, SceneModel
from datafactory.sim.gripper import gripper_postures
from datafactory_assets.asset import RigidAsset
from datafactory_pick_place.ability import reachable_poses
from datafactory_pick_place.plans import PickPlan, PlacePlan, Refusal
from datafactory_pick_place.poses import (
    LIFT_M,
    above,
    behind,
    is_free,
    release_opening,
    still_in_row,
    turned,
)
from datafactory_pick_place.surroundings import heights, neighbours

Array = NDArray[np.float64]
RELEASE_GAPS_M = (0.004, 0.015, 0.03, 0.05)
PLACEMENTS = 3
FREE_GAP_M = 0.025
FREE_PLACEMENTS = 10
"""Place poses drawn where the relations leave much open, or are hard to reach."""
STEP_M = 0.02
RANDOM_SEEDS = 2
LINE_CHECK_RAD = 0.03
TIP_GAP_M = 0.001
BRUSH_M = 0.002
LIMIT_MARGIN_RAD = 0.1
MANIPULABILITY_SHARE = 0.3
"""Postures below this share of the home posture's manipulability are not used for contact."""


class Reach:
    """Plans one arm's motions in one compiled scene; other arms are obstacles.

    Attributes:
        region: Where objects may be put down that may stand anywhere; None for anywhere.
        targets: Places planned beforehand, by object name; tried first.
        lift_m: How far what was grasped is lifted, and from how high it is put down.
        drawn: Place poses drawn where only some are free.
    """

    def __init__(
        self,
        scene: SceneModel,
        kinematics: ArmKinematics,
        fast: JointLimits,
        careful: JointLimits,
        rng: np.random.Generator,
        arm_index: int = 0,
    ) -> None:
        robot = scene.robot
        arm = scene.arms[arm_index].arm
        self.scene = scene
        self.arm = arm
        self.kinematics = kinematics
        self.kinematics.world_from_base = scene.scene.world_from_base
        self.fast, self.careful = fast, careful
        self.rng = rng
        self.postures = gripper_postures(robot, arm)
        self.world = CollisionWorld(
            scene.model,
            robot_bodies=(robot.base_body, *arm.bodies, *arm.gripper_bodies),
            arm_joints=arm.joints,
            finger_bodies=arm.gripper_bodies,
            gripper_joints=arm.gripper_joints,
            tcp_site=arm.tcp_site,
        )
        self.home = np.array(arm.home)
        self.region: Region | None = None
        self.targets: dict[str, Placement] = {}
        self.lift_m, self.drawn = LIFT_M, PLACEMENTS
        self._surfaces = ["table"] if scene.belt is None else ["table", BELT, *RAILS]
        self._least_manipulability = MANIPULABILITY_SHARE * kinematics.manipulability(self.home)

    def observe(self, qpos: Array) -> None:
        """Takes over the present state of the world."""
        self._let_go()
        self.world.set_world(qpos)

    def can_move(self, asset: RigidAsset) -> bool:
        """Whether an object is one that this robot may move."""
        return asset.graspable

    def _let_go(self) -> None:
        """Nothing held; the gripper's own linkage may touch itself, as it does in physics."""
        self.world.detach()
        self.world.clear_allowances()
        self.world.allow(FINGERS, FINGERS)

    def _dexterous(self, q: Array) -> bool:
        """Whether a posture leaves room to move on from: away from limits and singularities."""
        kinematics = self.kinematics
        return (
            kinematics.limit_margin(q) > LIMIT_MARGIN_RAD
            and kinematics.manipulability(q) > self._least_manipulability
        )

    def _set_opening(self, opening: float) -> None:
        self.world.set_gripper(self.postures.at(opening))

    def _approach_support(self, subject: int) -> None:
        """Fingertips may come as close to what the object stands on as flat objects need."""
        self.world.allow(FINGERS, self.standing_on(subject), depth_m=-TIP_GAP_M)

    def pick(
        self, subject: int, relations: Sequence[Relation], state: WorldState, q: Array,
        streams: tuple[np.random.Generator, np.random.Generator],
    ) -> PickPlan | Refusal:  # fmt: skip
        """Chooses a grasp and a place pose that are both reachable, and plans the pick.

        Args:
            subject: Object index.
            relations: What the place pose must make true.
            state: Measured world state.
            q: (dof,) present arm posture.
            streams: Generators for grasps and for place poses.
        """
        item = self.scene.scene.objects[subject]
        pose = state.poses[item.name]
        grasps = self.grasps(subject, pose, state, q, streams[0])
        if not grasps:
            return Refusal("grasp", "no_grasp", 0)
        placements = self.placements(subject, relations, state, streams[1])
        if not placements:
            return Refusal("plan", "no_place", 0)
        refusal = Refusal("plan", "ik_failed", 0)
        for tried, grasp in enumerate(grasps, start=1):
            plan = self._try_grasp(subject, grasp, pose, placements, q)
            if isinstance(plan, PickPlan):
                return plan
            refusal = Refusal("plan", plan, tried)
        return refusal

    def grasps(
        self, subject: int, pose: Pose, state: WorldState, q: Array, rng: np.random.Generator
    ) -> list[Grasp]:
        """Grasps of an object at a pose, in the order in which they are to be tried."""
        del q
        asset = self.scene.scene.objects[subject].asset
        around = neighbours(self.scene.scene, subject, state)
        floor, _ = heights(asset, pose)
        return rank_grasps(asset, pose, self.arm, floor, around, rng)

    def placements(
        self, subject: int, relations: Sequence[Relation], state: WorldState,
        rng: np.random.Generator,
    ) -> list[Placement]:  # fmt: skip
        """Resting poses of an object that make relations true, each also turned; may be empty."""
        item = self.scene.scene.objects[subject]
        pose = state.poses[item.name]
        if is_free(relations):
            sampled = sample_poses(relations, item.asset, state, rng, FREE_PLACEMENTS,
                                   region=self.region, gap=FREE_GAP_M)  # fmt: skip
        else:
            robot = self.scene.robot
            sampled = reachable_poses(relations, item.asset, state, robot, rng, self.drawn)
        target = self.targets.get(item.name)
        if target is not None and still_in_row(target, relations, state):
            sampled.insert(0, target)
        return [v for p in sampled for v in (p, turned(p, item.asset, pose, relations))]

    def _try_grasp(
        self, subject: int, grasp: Grasp, pose: Pose, placements: Sequence[Placement], q: Array
    ) -> PickPlan | str:
        found = self._grasp_posture(subject, grasp, pose, q)
        if isinstance(found, str):
            return found
        q_grasp, q_behind = found
        target = pose @ grasp.object_from_tcp
        if not self._upwards(q_grasp, target).ok:
            return "ik_failed"
        placed = self._first_place(subject, grasp, placements, q_grasp)
        if isinstance(placed, str):
            return placed
        way = self._way_in(subject, grasp, q, q_behind, target)
        if isinstance(way, str):
            return way
        index, q_place = placed
        ordered = (placements[index], *(p for k, p in enumerate(placements) if k != index))
        return PickPlan(grasp, q_grasp, *way, ordered, q_place)

    def _grasp_posture(
        self, subject: int, grasp: Grasp, pose: Pose, q: Array
    ) -> tuple[Array, Array] | str:
        """Postures (dof,) at a grasp and at its pre-grasp, or a reason code."""
        world = self.world
        self._let_go()
        self._set_opening(grasp.opening)
        self._approach_support(subject)
        target = pose @ grasp.object_from_tcp
        found = self.kinematics.solve_best(
            target, (self.home, q), rng=self.rng, n_random=RANDOM_SEEDS,
            valid=lambda x: self._dexterous(x) and world.free(x),
        )  # fmt: skip
        if not found.ok:
            return found.reason or "ik_failed"
        line = self.kinematics.line(found.q, straight_path(target, behind(target), 4))
        if not line.ok or not all(world.free(x) for x in line.q[1:]):
            return line.reason or "plan_collision"
        return found.q, line.q[-1]

    def _way_in(
        self, subject: int, grasp: Grasp, q: Array, q_behind: Array, target: Pose
    ) -> tuple[Trajectory, Trajectory] | str:
        """Free motion to a pre-grasp and straight motion to its grasp, or a reason code."""
        self._let_go()
        self._set_opening(grasp.opening)
        self._approach_support(subject)
        transit = self._free(q, q_behind, self.fast)
        approach = self._line(q_behind, target)
        for motion in (transit, approach):
            if motion.trajectory is None:
                return motion.reason
        assert transit.trajectory is not None
        assert approach.trajectory is not None
        return transit.trajectory, approach.trajectory

    def _upwards(self, q: Array, target: Pose) -> LineSolution:
        """Postures on the straight way up from a target."""
        return self.kinematics.line(q, straight_path(target, above(target, self.lift_m), 4))

    def _free(self, q0: Array, q1: Array, limits: JointLimits) -> MotionResult:
        return plan_free(self.world, q0, q1, limits, self.rng)

    def _line(self, q: Array, target: Pose) -> MotionResult:
        return plan_line(self.world, self.kinematics, q, target, self.careful, step_m=STEP_M,
                         resolution_rad=LINE_CHECK_RAD)  # fmt: skip

    def attach(self, subject: int, tcp_from_object: Pose, width: float) -> None:
        """The object follows the tool, between fingers that are closed to a width in metres."""
        name = OBJECT_PREFIX + self.scene.scene.objects[subject].name
        self.world.attach(name, tcp_from_object)
        self._set_opening(width / self.arm.gripper_max_width_m)
        self.world.allow(HELD, FINGERS)
        self.world.allow(FINGERS, FINGERS)

    def _first_place(
        self, subject: int, grasp: Grasp, placements: Sequence[Placement], q_near: Array
    ) -> tuple[int, Array] | str:
        """Index and posture of the first place pose this grasp can reach, or a reason code."""
        tcp_from_object = grasp.object_from_tcp.inverse()
        self.attach(subject, tcp_from_object, grasp.width)
        reason = "ik_failed"
        for index, placement in enumerate(placements):
            found = self._place_posture(placement, grasp.object_from_tcp, grasp.width, q_near)
            if not isinstance(found, str):
                return index, found[0]
            reason = found if reason != "plan_collision" else reason
        return reason

    def _place_posture(
        self, placement: Placement, object_from_tcp: Pose, width: float, q_near: Array
    ) -> tuple[Array, float] | str:
        """Posture (dof,) and release gap for a place pose, or a reason code."""
        reason = "ik_failed"
        for gap in RELEASE_GAPS_M:
            lifted = Pose(
                placement.world_from_object.position + np.array([0.0, 0.0, gap]),
                placement.world_from_object.quat,
            )
            target = lifted @ object_from_tcp
            found = self.kinematics.solve_best(
                target, (q_near, self.home), good_score=0.3, valid=self._dexterous
            )
            if not found.ok:
                return reason
            if not (self.world.free(found.q) and self._can_open(found.q, width)):
                reason = "plan_collision"
                continue
            way_out = self.kinematics.line(found.q, straight_path(target, behind(target), 4))
            if way_out.ok:
                return found.q, gap
        return reason

    def _can_open(self, q: Array, width: float) -> bool:
        """Whether the fingers have room to let go at a posture."""
        self._set_opening(release_opening(self.arm, width))
        free = self.world.free(q)
        self._set_opening(width / self.arm.gripper_max_width_m)
        return free

    def place(
        self, subject: int, tcp_from_object: Pose, width: float, plan: PickPlan, q: Array
    ) -> PlacePlan | Refusal:
        """Plans the place for the object as it really lies in the gripper.

        Args:
            subject: Object index.
            tcp_from_object: Measured pose of the object in the gripper.
            width: Measured gripper width, metres.
            plan: The pick it belongs to.
            q: (dof,) present arm posture.
        """
        self.attach(subject, tcp_from_object, width)
        object_from_tcp = tcp_from_object.inverse()
        reason = "ik_failed"
        for placement in plan.placements:
            found = self._place_posture(placement, object_from_tcp, width, plan.q_place)
            if isinstance(found, str):
                reason = found
                continue
            q_place, gap = found
            target = self.kinematics.fk(q_place)
            line = self._upwards(q_place, target)
            if not line.ok:
                reason = line.reason
                continue
            transit = self._free(q, line.q[-1], self.fast)
            if transit.trajectory is None:
                reason = transit.reason
                continue
            lower = self._line(line.q[-1], target)
            if lower.trajectory is None:
                reason = lower.reason
                continue
            return PlacePlan(placement, transit.trajectory, lower.trajectory, gap)
        return Refusal("plan", reason, len(plan.placements))

    def _tolerate_brushing(self) -> None:
        """Lets fingers start as close to anything as closing or opening has brought them.

        What they touch in physics is judged there, with forces.
        """
        entities = [*self._surfaces, *(OBJECT_PREFIX + o.name for o in self.scene.scene.objects)]
        self.world.allow(FINGERS, entities, depth_m=BRUSH_M)

    def lift(
        self, subject: int, tcp_from_object: Pose, width: float, q: Array
    ) -> Trajectory | Refusal:
        """Plans the straight lift of a grasped object off its support."""
        self._grip(subject, tcp_from_object, width)
        return self._first_line(q, partial(above, by_m=self.lift_m), behind)

    def _grip(self, subject: int, tcp_from_object: Pose, width: float) -> None:
        """The object is held, and still stands on its support."""
        self.attach(subject, tcp_from_object, width)
        self._tolerate_brushing()
        self.world.allow(HELD, self.standing_on(subject))

    def _first_line(self, q: Array, *moves: Callable[[Pose], Pose]) -> Trajectory | Refusal:
        """The first of several straight motions from here that can be planned."""
        here = self.kinematics.fk(q)
        reason = "ik_failed"
        for move in moves:
            motion = self._line(q, move(here))
            if motion.trajectory is not None:
                return motion.trajectory
            reason = motion.reason
        return Refusal("plan", reason, len(moves))

    def standing_on(self, subject: int) -> list[str]:
        """Names of everything an object may stand on, in the collision world."""
        others = [
            OBJECT_PREFIX + item.name
            for k, item in enumerate(self.scene.scene.objects)
            if k != subject
        ]
        return [*self._surfaces, *others]

    def retreat(self, subject: int, opening: float, q: Array) -> Trajectory | Refusal:
        """Plans the straight way back out, away from a released object."""
        self._release(subject, opening)
        return self._first_line(q, behind, above)

    def _release(self, subject: int, opening: float) -> None:
        """The fingers are open around an object that was let go."""
        self._let_go()
        self._set_opening(opening)
        self._tolerate_brushing()
        name = OBJECT_PREFIX + self.scene.scene.objects[subject].name
        self.world.allow(FINGERS, name)
