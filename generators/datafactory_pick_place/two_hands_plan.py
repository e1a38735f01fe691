"""Grasps on opposite sides of one object, and motions of two arms that hold it together.

The object is led along a path; each arm follows it with its tool fixed to the object, so the
kinematic chain stays closed. Both arms' postures are timed together.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from datafactory.geometry import Pose
from datafactory.grasps.ranking import Grasp, rank_grasps
from datafactory.planning.cartesian import step_count, straight_path
from datafactory.planning.collision import FINGERS, HELD
from datafactory.planning.sampling import segments
from datafactory.planning.timing import JointLimits, Trajectory, dense_trajectory
from datafactory.scene import WorldState
from datafactory.scene_graph.relations import Placement
from datafactory_pick_place.handover_plan import PassingReach
from datafactory_pick_place.plans import Refusal
from datafactory_pick_place.poses import LIFT_M
from datafactory_pick_place.reach import BRUSH_M, TIP_GAP_M
from datafactory_pick_place.surroundings import heights, neighbours

Array = NDArray[np.float64]
MIN_SPAN_M = 0.1
"""Hands are at least this far apart."""
MAX_LEVER = 0.3
"""The centre of mass lies at most this share of the span off the line between the hands."""
HEIGHT_SCORE = 8.0
"""Per metre: hands high up on walls stay clear of what the object is put on."""
CANDIDATES, MAX_PAIRS, MAX_ALIKE = 40, 48, 6
"""Grasps of each hand, pairs of them, and pairs with the tools turned alike."""
STEP_M, STEP_RAD = 0.01, 0.06
CHECK_RAD = 0.05
MAX_SPEED_M_S = 0.25
GAP_M = 0.004
"""Height above its place at which an object is released."""


@dataclass(frozen=True, eq=False)
class Pair:
    """One grasp for each of two arms.

    Attributes:
        arms: Indices of the arms.
        grasps: Their grasps, in the same order.
    """

    arms: tuple[int, int]
    grasps: tuple[Grasp, Grasp]


@dataclass(frozen=True, eq=False)
class Carry:
    """Motions of both arms with the object between them; joints of all arms, (dof,).

    Attributes:
        placement: Where the object shall rest.
        lift, carry, lower: The parts, one after the other.
    """

    placement: Placement
    lift: Trajectory
    carry: Trajectory
    lower: Trajectory


def raised(pose: Pose, by: float) -> Pose:
    """The pose moved up by metres."""
    return Pose(pose.position + np.array([0.0, 0.0, by]), pose.quat)


def flipped(grasp: Grasp) -> Grasp:
    """The same grasp with the fingers exchanged: the wrist may have more room that way."""
    turned = grasp.object_from_tcp @ Pose.from_yaw((0.0, 0.0, 0.0), math.pi)
    return replace(grasp, object_from_tcp=turned)


def _quarter(grasp: Grasp) -> int:
    """Which of four ways the tool is turned about the object's vertical."""
    x = grasp.object_from_tcp.rotation()[:, 0]
    return round(math.atan2(float(x[1]), float(x[0])) / (0.5 * math.pi)) % 4


class TwoHandsPlanner:
    """Plans with two arms of a robot and one object.

    Args:
        reaches: Planners of all arms.
        arms: Indices of the two that work together.
        subject: Object index.
        qpos: Present positions (nq,) of the scene.
    """

    def __init__(
        self, reaches: Sequence[PassingReach], arms: tuple[int, int], subject: int, qpos: Array
    ) -> None:
        self.arms = arms
        self.hands = (reaches[arms[0]], reaches[arms[1]])
        self.scene = reaches[0].scene
        self.subject = subject
        self.qpos = np.array(qpos)
        parts = [hand.careful for hand in self.hands]
        self.limits = JointLimits(*(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("lower", "upper", "velocity", "acceleration", "jerk")
        ))  # fmt: skip

    def pairs(self, state: WorldState, rng: np.random.Generator) -> list[Pair]:
        """Pairs of grasps on opposite sides, the best first.

        Each hand takes the side its arm stands on; the centre of mass hangs between them.
        """
        item = self.scene.scene.objects[self.subject]
        pose, com = state.poses[item.name], np.array(item.asset.com)
        base = self.scene.scene.world_from_base
        ends = [base.apply(np.array(hand.arm.shoulder)) for hand in self.hands]
        across = (ends[0] - ends[1])[:2] / np.linalg.norm((ends[0] - ends[1])[:2])
        options = []
        for hand in self.hands:
            floor = heights(item.asset, pose)[0]
            obstacles = neighbours(hand.scene.scene, self.subject, state)
            grasps = rank_grasps(
                item.asset, pose, hand.arm, floor, obstacles, rng, count=CANDIDATES
            )
            options.append([g for grasp in grasps for g in (grasp, flipped(grasp))])
        found: list[tuple[float, Pair]] = []
        for one in options[0]:
            for two in options[1]:
                a, b = (pose.apply(g.object_from_tcp.position) for g in (one, two))
                line = (a - b)[:2]
                span = float(np.linalg.norm(line))
                lever = float(np.linalg.norm((0.5 * (a + b) - pose.apply(com))[:2]))
                level = abs(float(a[2] - b[2]))
                if span < MIN_SPAN_M or lever > MAX_LEVER * span or line @ across < 0.5 * span:
                    continue
                score = one.score + two.score - 8.0 * lever - 4.0 * level
                score += 2.0 * float(line @ across) / span + HEIGHT_SCORE * float(a[2] + b[2])
                found.append((score, Pair(self.arms, (one, two))))
        found.sort(key=lambda entry: -entry[0])
        chosen: list[Pair] = []
        seen: dict[tuple[int, ...], int] = {}
        for _, pair in found:
            kind = tuple(_quarter(grasp) for grasp in pair.grasps)
            seen[kind] = seen.get(kind, 0) + 1
            if seen[kind] <= MAX_ALIKE:
                chosen.append(pair)
        return chosen[:MAX_PAIRS]

    def posed(self, hands: Sequence[Array], pose: Pose | None = None) -> Array:
        """Positions (nq,) of the scene with both arms at postures and the object at a pose."""
        qpos = self.qpos.copy()
        for arm, q in zip(self.arms, hands, strict=True):
            qpos[self.scene.arms[arm].qpos] = q
        if pose is not None:
            address = self.scene.object_qpos[self.subject]
            qpos[address : address + 7] = pose.vector()
        return qpos

    def carry(
        self, tools: Sequence[Pose], widths: Sequence[float], pose: Pose, hands: Sequence[Array],
        placements: Sequence[Placement],
    ) -> Carry | Refusal:  # fmt: skip
        """Plans lift, carry and lowering for the first place both arms reach.

        Args:
            tools: object_from_tcp of both hands.
            widths: Widths of both grippers, metres.
            pose: world_from_object now.
            hands: (n,) present postures of both arms.
            placements: Place poses.
        """
        reason = "ik_failed"
        self._hold(tools, widths, lifting=True)
        up = self._lead(hands, tools, [pose, raised(pose, LIFT_M)])
        if isinstance(up, str):
            return Refusal("plan", up, 1)
        for placement in placements:
            place = raised(placement.world_from_object, GAP_M)
            high = max(float(pose.position[2]), float(place.position[2])) + LIFT_M
            over = Pose(np.array([*place.position[:2], high]), place.quat)
            start = Pose(np.array([*pose.position[:2], high]), pose.quat)
            self._hold(tools, widths)
            via = self._lead(up[-1], tools, [raised(pose, LIFT_M), start, over])
            down = via if isinstance(via, str) else self._lead(via[-1], tools, [over, place])
            if isinstance(via, str) or isinstance(down, str):
                reason = str(down)
                continue
            return Carry(placement, self._timed(up), self._timed(via), self._timed(down))
        return Refusal("plan", reason, len(placements))

    def _hold(
        self, tools: Sequence[Pose], widths: Sequence[float], *, lifting: bool = False
    ) -> None:
        """Each arm's world: the object in its own hand, which the other hand may touch, too.

        Fingertips may come close to what the object stands on; the object may touch it while it is
        lifted off.
        """
        for hand, tool, width in zip(self.hands, tools, widths, strict=True):
            hand.observe(self.qpos)
            hand.attach(self.subject, tool.inverse(), width)
            others = [p.arm for p in self.scene.arms if p.arm is not hand.arm]
            hand.world.allow(HELD, [name for arm in others for name in arm.gripper_bodies])
            below = hand.standing_on(self.subject)
            hand.world.allow(FINGERS, below, depth_m=BRUSH_M if lifting else -TIP_GAP_M)
            if lifting:
                hand.world.allow(HELD, below)

    def _lead(
        self, hands: Sequence[Array], tools: Sequence[Pose], way: Sequence[Pose]
    ) -> list[tuple[Array, Array]] | str:
        """Postures of both arms along straight ways of the object, or a reason code."""
        poses = [way[0].vector()]
        for here, there in itertools.pairwise(way):
            count = step_count(here, there, STEP_M, STEP_RAD)
            if float(np.linalg.norm(there.position - here.position)) > 1e-4 or count > 2:
                poses += list(straight_path(here, there, count))[1:]
        lines = []
        for hand, tool, q in zip(self.hands, tools, hands, strict=True):
            path = np.array([(Pose.from_vector(p) @ tool).vector() for p in poses])
            line = hand.kinematics.line(q, path, tol_m=3e-4, tol_rad=3e-3)
            if not line.ok:
                return line.reason
            lines.append(line.q)
        if not self.limits.contains(np.hstack(lines)):
            return "joint_limit"
        pairs = list(zip(*lines, strict=True))
        return pairs if all(self._free(*p) for p in self._samples(pairs)) else "plan_collision"

    @staticmethod
    def _samples(pairs: Sequence[tuple[Array, Array]]) -> Iterator[tuple[Array, Array]]:
        """Postures close enough together to be tested; the end first."""
        yield pairs[-1]
        last = pairs[0]
        for pair in pairs:
            if max(segments(a, b, CHECK_RAD) for a, b in zip(last, pair, strict=True)) > 1:
                yield pair
                last = pair

    def _free(self, one: Array, two: Array) -> bool:
        """Whether both arms and what they hold are free of collisions."""
        qpos = self.posed((one, two))
        for hand, q in zip(self.hands, (one, two), strict=True):
            hand.move_others(qpos)
            if not hand.world.free(q):
                return False
        return True

    def _timed(self, pairs: Sequence[tuple[Array, Array]]) -> Trajectory:
        """Both arms' postures, timed together; joints of the first arm, then of the second."""
        path = np.array([np.concatenate(pair) for pair in pairs])
        tool = self.hands[0].kinematics
        points = np.array([tool.fk(pair[0]).position for pair in pairs])
        length = float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())
        rate = MAX_SPEED_M_S / length if length > 1e-6 else np.inf
        return dense_trajectory(path, self.limits, max_rate=rate)
