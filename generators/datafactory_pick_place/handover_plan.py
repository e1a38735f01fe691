"""Where and how an object can pass from one arm to another.

The giver's tool points at the middle between the shoulders, the taker's comes from the other side;
a few heights, headings and rolls are tried. The taker grasps what the giver's gripper leaves free.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datafactory.geometry import Pose, quat_from_matrix
from datafactory.grasps.ranking import Grasp, rank_grasps
from datafactory.planning.collision import FINGERS
from datafactory.planning.timing import Trajectory
from datafactory.robots.model import Arm
from datafactory.scene import WorldState
from datafactory.scene_graph.relations import Placement
from datafactory_pick_place.plans import PickPlan, Refusal
from datafactory_pick_place.reach import TIP_GAP_M, Reach

Array = NDArray[np.float64]
AHEAD, ABOVE = (0.5, 0.62), (0.25, 0.12)
"""Meeting places: in front of and above the shoulders' middle, as shares of the reach."""
HEADINGS_RAD = (0.0, 0.5, 0.9)
"""How far the tools turn from facing each other towards the front."""
PITCHES_RAD = (0.0, 0.5)
ROLLS_RAD = (0.0, 0.5 * math.pi)
GIVER_GRASPS, TAKER_GRASPS = 4, 3
MAX_MEETINGS = 40
"""Meetings the giver reaches that are examined from the taker's side."""
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

    def _let_go(self) -> None:
        super()._let_go()
        others = [p.arm for p in self.scene.arms if p.arm is not self.arm]
        bodies = [name for arm in others for name in arm.gripper_bodies]
        self.world.allow(FINGERS, bodies, depth_m=-TIP_GAP_M)

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
        self._attach(subject, object_from_tcp.inverse(), width)
        found = self.kinematics.solve_best(
            pose @ object_from_tcp, (self.home, q_near), rng=self.rng, n_random=1,
            good_score=0.2, valid=lambda x: self._dexterous(x) and self.world.free(x),
        )  # fmt: skip
        return found.q if found.ok else None

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


def tool_poses(base: Pose, giver: Arm, taker: Arm) -> Iterator[tuple[Pose, Array]]:
    """world_from_tcp of the giver, and the direction (3,) the taker comes from, best first."""
    here, there = np.array(giver.shoulder), np.array(taker.shoulder)
    middle, across = 0.5 * (here + there), (there - here) / np.linalg.norm(there - here)
    front, up = np.cross(across, [0.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0])
    front = front if front[0] > 0.0 else -front
    turn = base.rotation()
    for pitch in PITCHES_RAD:
        for heading in HEADINGS_RAD:
            forth, back = (
                math.cos(pitch) * (math.cos(heading) * s * across + math.sin(heading) * front)
                - math.sin(pitch) * up
                for s in (1.0, -1.0)
            )
            for ahead in AHEAD:
                for above in ABOVE:
                    centre = middle + giver.reach_m * (ahead * front + above * up)
                    for roll in ROLLS_RAD:
                        pose = base @ Pose(centre, _tool_quat(forth, roll))
                        yield pose, turn @ back


def _tool_quat(approach: Array, roll: float) -> Array:
    """Orientation of a tool whose z is the approach direction (3,), turned about it."""
    side = np.cross(approach, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    y = math.cos(roll) * side + math.sin(roll) * np.cross(approach, side)
    return quat_from_matrix(np.stack([np.cross(y, approach), y, approach], axis=1))


def gripper_points(arm: Arm, opening: float) -> Array:
    """Points (n, 3) on the surface of a gripper's boxes, tcp frame, metres."""
    clouds = []
    for box in arm.finger_geometry.boxes(opening):
        axes = [np.linspace(a, b, 5) for a, b in zip(box.lower, box.upper, strict=True)]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        edge = ((grid == np.array(box.lower)) | (grid == np.array(box.upper))).any(axis=1)
        clouds.append(grid[edge])
    return np.concatenate(clouds)


def _facing_down(direction: Array) -> Pose:
    """The rotation that turns a direction (3,) into straight down."""
    z = -direction
    x = np.cross([0.0, 0.0, 1.0], z)
    x = np.array([1.0, 0.0, 0.0]) if np.linalg.norm(x) < 1e-6 else x / np.linalg.norm(x)
    return Pose(np.zeros(3), quat_from_matrix(np.stack([x, np.cross(z, x), z])))


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
        gives, tried = self.reaches[giver], 0
        grasps = rank_grasps(
            self.asset, self.pose, gives.arm, gives.support_height(self.subject, self.pose),
            gives.obstacles(self.subject, self.state), self.rng,
        )  # fmt: skip
        base = self.scene.scene.world_from_base
        q = self.qpos[self.scene.arms[giver].qpos]
        for grasp in grasps[:GIVER_GRASPS]:
            gives.observe(self.qpos)
            given = gives.giving(self.subject, grasp, self.pose, q)
            if isinstance(given, str):
                continue
            for tool, coming in tool_poses(base, gives.arm, self.reaches[taker].arm):
                if tried >= MAX_MEETINGS:
                    return Refusal("plan", "ik_failed", tried)
                pose = tool @ grasp.object_from_tcp.inverse()
                gives.observe(self.qpos)
                held = gives.holding(
                    self.subject, grasp.object_from_tcp, grasp.width, pose, given[0]
                )
                if held is None:
                    continue
                tried += 1
                found = self._taken(giver, taker, grasp, held, tool, coming, placements)
                if found is not None:
                    pick = PickPlan(grasp, *given, (), held)
                    return Meeting(giver, taker, pick, pose, *found)
        return Refusal("plan", "ik_failed", tried)

    def _taken(
        self, giver: int, taker: int, grasp: Grasp, held: Array, tool: Pose, coming: Array,
        placements: Sequence[Placement],
    ) -> tuple[Grasp, tuple[Placement, ...], Array] | None:  # fmt: skip
        """The taker's grasp of the object held up by the giver, and where it then places it."""
        takes, gives = self.reaches[taker], self.reaches[giver]
        pose = tool @ grasp.object_from_tcp.inverse()
        qpos = self._meeting_qpos(giver, held, grasp.width, pose)
        turned = _facing_down(coming)
        blocked = tool.apply(gripper_points(gives.arm, grasp.width / gives.arm.gripper_max_width_m))
        options = rank_grasps(
            self.asset, turned @ pose, takes.arm, float((turned @ pose).position[2]) - FREE_FALL_M,
            turned.apply(blocked), self.rng, count=TAKER_GRASPS,
        )  # fmt: skip
        q = self.qpos[self.scene.arms[taker].qpos]
        for option in options:
            takes.observe(qpos)
            taken = takes.giving(self.subject, option, pose, q)
            if isinstance(taken, str):
                continue
            takes.observe(self.qpos)
            placed = takes.placing(self.subject, option, placements, taken[0])
            if placed is not None:
                return option, *placed
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
