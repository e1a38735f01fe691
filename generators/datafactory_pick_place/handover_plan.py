"""Where and how an object can pass from one arm to another.

The giver's tool points at the middle between the shoulders, the taker's comes from the other side;
a few heights, headings and rolls are tried. The taker grasps what the giver's gripper leaves free.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from datafactory.geometry import Pose, quat_multiply
from datafactory.grasps.ranking import Grasp, rank_grasps
from datafactory.planning.cartesian import straight_path
from datafactory.planning.collision import FINGERS
from datafactory.planning.timing import Trajectory
from datafactory.robots.model import Arm
from datafactory.scene import WorldState
from datafactory.scene_graph.relations import Placement
from datafactory_assets.asset import RigidAsset
from datafactory_pick_place.plans import PickPlan, Refusal
from datafactory_pick_place.poses import behind
from datafactory_pick_place.reach import TIP_GAP_M, Reach
from datafactory_pick_place.surroundings import heights, neighbours

Array = NDArray[np.float64]
PLACES = ((0.5, 0.2), (0.62, 0.1), (0.45, 0.35))
"""Meeting places: in front of and above the shoulders' middle, as shares of the reach."""
YAWS = 8
GIVER_GRASPS, TAKER_GRASPS = 8, 5
_H = math.sqrt(0.5)
SIDES = ((1.0, 0.0, 0.0, 0.0), (_H, _H, 0.0, 0.0), (_H, -_H, 0.0, 0.0), (_H, 0.0, _H, 0.0),
         (_H, 0.0, -_H, 0.0), (0.0, 1.0, 0.0, 0.0))  # fmt: skip
"""Rotations that turn each side of an object upwards."""
MAX_PAIRS = 12
"""Pairs of grasps for which a meeting place is looked for."""
CLEAR_M = 0.002
FREE_FALL_M = 1.0
"""Stands for the absence of a support below a held object."""


@dataclass(frozen=True, eq=False)
class Meeting:
    """A planned hand-over.

    Attributes:
        giver: Index of the arm that picks the object up.
        taker: Index of the arm that places it.
        pick: The giver's pick; its ``q_place`` holds the object where it changes hands.
        pose: world_from_object there.
        grasp: The taker's grasp.
        placements: Place poses, one proven reachable by the taker first.
        q_place: (n,) the taker's posture at the first place pose.
    """

    giver: int
    taker: int
    pick: PickPlan
    pose: Pose
    grasp: Grasp
    placements: tuple[Placement, ...]
    q_place: Array


class PassingReach(Reach):
    """Plans one arm's motions where others may hold the object, too."""

    _width = 0.0

    def _let_go(self) -> None:
        super()._let_go()
        others = [p.arm for p in self.scene.arms if p.arm is not self.arm]
        bodies = [name for arm in others for name in arm.gripper_bodies]
        self.world.allow(FINGERS, bodies, depth_m=-TIP_GAP_M)

    def can_move(self, asset: RigidAsset) -> bool:
        """What is too wide for one gripper is tried with two."""
        return True

    def attach(self, subject: int, tcp_from_object: Pose, width: float) -> None:
        """The object follows the tool, between fingers that are closed to a width in metres."""
        super().attach(subject, tcp_from_object, width)
        self._width = width

    def move_others(self, qpos: Array) -> None:
        """Sets the rest of the world to positions (nq,) while this arm keeps what it holds."""
        self.world.set_world(qpos)
        self._set_opening(self._width / self.arm.gripper_max_width_m)

    def giving(
        self, subject: int, grasp: Grasp, pose: Pose, q: Array
    ) -> tuple[Array, Trajectory, Trajectory] | str:
        """Grasp posture and way to it, without regard to where the object shall go."""
        found = self._grasp_posture(subject, grasp, pose, q)
        if isinstance(found, str):
            return found
        way = self._way_in(subject, grasp, q, found[1], pose @ grasp.object_from_tcp)
        return way if isinstance(way, str) else (found[0], *way)

    def holding(
        self, subject: int, object_from_tcp: Pose, width: float, pose: Pose, q_near: Array
    ) -> Array | None:
        """A free posture (n,) that holds the object at a pose."""
        self.attach(subject, object_from_tcp.inverse(), width)
        found = self.kinematics.solve_best(
            pose @ object_from_tcp, (self.home, q_near), rng=self.rng, n_random=1,
            good_score=0.2, valid=lambda x: self._dexterous(x) and self.world.free(x),
        )  # fmt: skip
        return found.q if found.ok and self._can_back_out(found.q) else None

    def _can_back_out(self, q: Array) -> bool:
        """Whether the tool can be drawn straight back from a posture."""
        tool = self.kinematics.fk(q)
        return self.kinematics.line(q, straight_path(tool, behind(tool), 4)).ok

    def bring(
        self, subject: int, tcp_from_object: Pose, width: float, pose: Pose, q: Array, q_near: Array
    ) -> Trajectory | Refusal:
        """Plans the motion that brings a held object to a pose."""
        goal = self.holding(subject, tcp_from_object.inverse(), width, pose, q_near)
        if goal is None:
            return Refusal("plan", "ik_failed", 1)
        motion = self._free(q, goal, self.fast)
        return motion.trajectory or Refusal("plan", motion.reason, 1)

    def placing(
        self, subject: int, grasp: Grasp, placements: Sequence[Placement], q_near: Array
    ) -> tuple[tuple[Placement, ...], Array] | None:
        """Place poses, one that this grasp reaches first, and the posture there."""
        found = self._first_place(subject, grasp, placements, q_near)
        if isinstance(found, str):
            return None
        index, q_place = found
        rest = (p for k, p in enumerate(placements) if k != index)
        return (placements[index], *rest), q_place


def meeting_poses(base: Pose, giver: Arm, taker: Arm) -> Iterator[tuple[Pose, Array]]:
    """Places in front of and between two arms, and the direction (3,) from giver to taker."""
    here, there = np.array(giver.shoulder), np.array(taker.shoulder)
    across = (there - here) / np.linalg.norm(there - here)
    up = np.array([0.0, 0.0, 1.0])
    front = np.cross(across, up)
    front = front if front[0] > 0.0 else -front
    for ahead, above in PLACES:
        centre = 0.5 * (here + there) + giver.reach_m * (ahead * front + above * up)
        for turn in _orientations(across, front):
            yield base @ Pose(centre, turn), base.rotation() @ across


def _orientations(across: Array, front: Array) -> Iterator[Array]:
    """Quaternions that yaw an object and then tilt it towards one arm, the other or the front."""
    for axis, tilt in ((front, 0.0), (front, 0.7), (front, -0.7), (across, 0.6), (front, 1.3),
                       (front, -1.3)):  # fmt: skip
        tilted = np.array([math.cos(0.5 * tilt), *(math.sin(0.5 * tilt) * axis)])
        for k in range(YAWS):
            half = math.pi * k / YAWS
            yield quat_multiply(tilted, np.array([math.cos(half), 0.0, 0.0, math.sin(half)]))


def gripper_points(arm: Arm, opening: float) -> Array:
    """Points (n, 3) on the surface of a gripper's boxes, tcp frame, metres."""
    clouds = []
    for box in arm.finger_geometry.boxes(opening):
        axes = [np.linspace(a, b, 5) for a, b in zip(box.lower, box.upper, strict=True)]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        edge = ((grid == np.array(box.lower)) | (grid == np.array(box.upper))).any(axis=1)
        clouds.append(grid[edge])
    return np.concatenate(clouds)


def apart(giver: Arm, give: Grasp, taker: Arm, take: Grasp) -> bool:
    """Whether two grippers can hold one object by these grasps without touching each other."""
    taker_from_giver = take.object_from_tcp.inverse() @ give.object_from_tcp
    points = taker_from_giver.apply(gripper_points(giver, give.width / giver.gripper_max_width_m))
    return all(
        not ((points > np.array(box.lower) - CLEAR_M) & (points < np.array(box.upper) + CLEAR_M))
        .all(axis=1).any()
        for box in taker.finger_geometry.boxes(take.opening)
    )  # fmt: skip


def _comes_from(tool: Pose, direction: Array) -> bool:
    """Whether a tool points roughly in a direction (3,) or down, so that its arm may reach it."""
    approach = tool.rotation()[:, 2]
    return float(approach @ direction) > -0.35 and float(approach[2]) < 0.35


class HandoverPlanner:
    """Searches for a hand-over of one object.

    Args:
        reaches: Planners of all arms.
        subject: Object index.
        state: Measured world state.
        qpos: Present positions (nq,) of the scene, all arms at home.
        rng: Source of the order of grasps.
    """

    def __init__(
        self, reaches: Sequence[PassingReach], subject: int, state: WorldState, qpos: Array,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self.reaches = reaches
        self.subject = subject
        self.scene = reaches[0].scene
        self.asset = self.scene.scene.objects[subject].asset
        self.pose = state.poses[self.scene.scene.objects[subject].name]
        self.state = state
        self.qpos = np.array(qpos)
        self.rng = rng

    def search(self, giver: int, taker: int, placements: Sequence[Placement]) -> Meeting | Refusal:
        """The first hand-over found from one arm to another."""
        gives, takes = self.reaches[giver], self.reaches[taker]
        q, tried = self.qpos[self.scene.arms[giver].qpos], 0
        options = self._options(takes)
        placeable: dict[int, tuple[tuple[Placement, ...], Array] | None] = {}
        for grasp in self._grasps(gives):
            gives.observe(self.qpos)
            given = gives.giving(self.subject, grasp, self.pose, q)
            if isinstance(given, str):
                continue
            for k, take in enumerate(options):
                if not apart(gives.arm, grasp, takes.arm, take):
                    continue
                if k not in placeable:
                    takes.observe(self.qpos)
                    placeable[k] = takes.placing(self.subject, take, placements, takes.home)
                placed = placeable[k]
                if placed is None:
                    continue
                tried += 1
                met = self._meet(giver, grasp, given[0], taker, take)
                if met is not None:
                    pick = PickPlan(grasp, *given, (), met[1])
                    return Meeting(giver, taker, pick, met[0], take, *placed)
                if tried >= MAX_PAIRS:
                    return Refusal("plan", "ik_failed", tried)
        return Refusal("plan", "ik_failed", tried)

    def _grasps(self, reach: PassingReach) -> list[Grasp]:
        """The giver's grasps of the object where it stands."""
        return rank_grasps(
            self.asset, self.pose, reach.arm, heights(self.asset, self.pose)[0],
            neighbours(reach.scene.scene, self.subject, self.state), self.rng, count=GIVER_GRASPS,
        )  # fmt: skip

    def _options(self, reach: PassingReach) -> list[Grasp]:
        """The taker's grasps of the object in the air, from all sides, the best of each first."""
        sides = []
        for turn in SIDES:
            pose = Pose.of((0.0, 0.0, 0.0), turn) @ Pose.of((0.0, 0.0, 0.0), self.pose.quat)
            sides.append(rank_grasps(self.asset, pose, reach.arm, -FREE_FALL_M,
                                     np.empty((0, 3)), self.rng, count=TAKER_GRASPS))  # fmt: skip
        return [g for rank in zip_longest(*sides) for g in rank if g is not None]

    def _meet(
        self, giver: int, grasp: Grasp, q_near: Array, taker: int, take: Grasp
    ) -> tuple[Pose, Array] | None:
        """world_from_object and the giver's posture where both grasps are reached."""
        gives, takes = self.reaches[giver], self.reaches[taker]
        base = self.scene.scene.world_from_base
        middle = 0.5 * (grasp.object_from_tcp.position + take.object_from_tcp.position)
        q = self.qpos[self.scene.arms[taker].qpos]
        for place, across in meeting_poses(base, gives.arm, takes.arm):
            pose = place @ Pose.of(-middle)
            tools = (pose @ grasp.object_from_tcp, pose @ take.object_from_tcp)
            if not (_comes_from(tools[0], across) and _comes_from(tools[1], -across)):
                continue
            gives.observe(self.qpos)
            held = gives.holding(self.subject, grasp.object_from_tcp, grasp.width, pose, q_near)
            if held is None:
                continue
            takes.observe(self._meeting_qpos(giver, held, grasp.width, pose))
            if not isinstance(takes.giving(self.subject, take, pose, q), str):
                return pose, held
        return None

    def _meeting_qpos(self, giver: int, held: Array, width: float, pose: Pose) -> Array:
        """Positions (nq,) of the scene while the giver holds the object up."""
        part, reach = self.scene.arms[giver], self.reaches[giver]
        qpos = self.qpos.copy()
        qpos[part.qpos] = held
        qpos[part.gripper_qpos] = reach.postures.at(width / part.arm.gripper_max_width_m)
        address = self.scene.object_qpos[self.subject]
        qpos[address : address + 7] = pose.vector()
        return qpos
