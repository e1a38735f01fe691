"""Timed, collision-free arm motions: free-space motions and Cartesian contact-phase motions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from datafactory.errors import SpecError
from datafactory.geometry import Array, Pose
from datafactory.planning.cartesian import screw_path, step_count, straight_path
from datafactory.planning.collision import Collision, CollisionWorld
from datafactory.planning.curve import Curve, speed_bound
from datafactory.planning.kinematics import ArmKinematics
from datafactory.planning.rrt import SearchBounds, find_path
from datafactory.planning.sampling import bisection
from datafactory.planning.timing import (
    JointLimits,
    Trajectory,
    concatenate,
    dense_trajectory,
    polyline_trajectory,
)

PathKind = Literal["straight", "screw"]
MotionReason = Literal["", "ik_failed", "joint_limit", "plan_collision", "plan_timeout"]

_BLENDS_RAD = (0.3, 0.1, 0.03)


@dataclass(frozen=True, eq=False)
class MotionResult:
    """A motion, or why there is none.

    Attributes:
        trajectory: Rest-to-rest trajectory, or None.
        reason: Empty on success.
        path: (n, dof) way-points behind the trajectory, rad; empty on failure.
        collision: The collision that refused the motion, where one was found.
        iterations: Iterations of the tree search, or of inverse kinematics.
        collision_checks: Configurations tested.
    """

    trajectory: Trajectory | None
    reason: MotionReason
    path: Array
    collision: Collision | None
    iterations: int
    collision_checks: int


def plan_free(
    world: CollisionWorld,
    q0: Array,
    q1: Array,
    limits: JointLimits,
    rng: np.random.Generator,
    *,
    bounds: SearchBounds | None = None,
) -> MotionResult:
    """Moves through free space to joint positions, by the straight joint edge where it is free.

    Otherwise RRT-Connect finds a way-point path, whose corners are rounded as widely as the
    obstacles allow (in the last resort the arm stops at them).

    Args:
        world: Collision world, with its held object and allowances set.
        q0: (dof,) start, rad.
        q1: (dof,) goal or (k, dof) goals, rad.
        limits: Joint limits.
        rng: Source of random samples; untouched when a straight edge is free.
        bounds: Bounds on the search.
    """
    first = world.checks
    search = bounds or SearchBounds()
    goals = np.atleast_2d(q1)
    goals = goals[[limits.contains(goal) for goal in goals]]
    if len(goals) == 0 or not limits.contains(q0):
        return _failed("joint_limit", None, 0, 0)
    found = find_path(world, q0, goals, limits.lower, limits.upper, rng, search)
    if found.path is None:
        collision = (world.check(q0) or world.check(goals[0])) if not found.iterations else None
        return _failed(found.reason, collision, found.iterations, world.checks - first)
    path = found.path
    trajectory = _fastest_free(world, path, limits, search.resolution_rad)
    return MotionResult(trajectory, "", path, None, found.iterations, world.checks - first)


def _fastest_free(
    world: CollisionWorld, path: Array, limits: JointLimits, resolution_rad: float
) -> Trajectory:
    """The fastest of several roundings of a free path that is itself free.

    A stop at every corner follows the path exactly and is always among them.
    """
    exact = polyline_trajectory(path, limits, max_deviation_rad=0.0)
    if len(path) == 2:
        return exact
    rounded = [polyline_trajectory(path, limits, max_deviation_rad=b) for b in _BLENDS_RAD]
    for trajectory in sorted(rounded, key=lambda t: t.duration_s):
        if trajectory.duration_s >= exact.duration_s:
            break
        if _curve_collision(world, trajectory.curve, resolution_rad) is None:
            return trajectory
    return exact


def plan_line(
    world: CollisionWorld,
    kin: ArmKinematics,
    q0: Array,
    targets: Pose | Sequence[Pose],
    limits: JointLimits,
    *,
    kind: PathKind = "straight",
    step_m: float = 0.01,
    step_rad: float = 0.06,
    max_speed_m_s: float = np.inf,
    resolution_rad: float = 0.02,
) -> MotionResult:
    """Moves the tcp along straight lines or screws, as in the contact phases of a task.

    The whole motion is tested under the world's present allowances. With several targets the arm
    rests at each.

    Args:
        world: Collision world, with its held object and allowances set.
        kin: Kinematics of the same arm, its base in the same place.
        q0: (dof,) start, rad.
        targets: world_from_tcp to reach, one after the other.
        limits: Joint limits.
        kind: Shape of the path.
        step_m: Distance between poses solved, metres.
        step_rad: Angle between poses solved, rad.
        max_speed_m_s: Bound on the tcp's speed where the path has length.
        resolution_rad: Largest joint change between tested points.
    """
    first, iterations = world.checks, 0
    goals = [targets] if isinstance(targets, Pose) else list(targets)
    if not goals:
        raise SpecError("plan_line needs a target")
    if not limits.contains(q0):
        return _failed("joint_limit", None, 0, 0)
    parts, points = [], [np.asarray(q0, dtype=np.float64)[None]]
    make = straight_path if kind == "straight" else screw_path
    for goal in goals:
        start_q = points[-1][-1]
        start = kin.fk(start_q)
        poses = make(start, goal, step_count(start, goal, step_m, step_rad))
        line = kin.line(start_q, poses)
        iterations += line.iterations
        if not line.ok or not limits.contains(line.q):
            reason = line.reason or "joint_limit"
            return _failed(reason, None, iterations, world.checks - first)
        length = float(np.linalg.norm(np.diff(poses[:, :3], axis=0), axis=1).sum())
        max_rate = max_speed_m_s / length if length > 1e-6 else np.inf
        part = dense_trajectory(line.q, limits, max_rate=max_rate)
        collision = _curve_collision(world, part.curve, resolution_rad)
        if collision is not None:
            return _failed("plan_collision", collision, iterations, world.checks - first)
        parts.append(part)
        points.append(line.q[1:])
    path = np.concatenate(points)
    return MotionResult(concatenate(parts), "", path, None, iterations, world.checks - first)


def _failed(
    reason: MotionReason, collision: Collision | None, iterations: int, checks: int
) -> MotionResult:
    return MotionResult(None, reason, np.empty((0, 0)), collision, iterations, checks)


def _curve_collision(
    world: CollisionWorld, curve: Curve, resolution_rad: float
) -> Collision | None:
    """First collision found on a curve, ends included, no joint moving more than a resolution."""
    travel = float(speed_bound(curve).max() * curve.breaks[-1])
    n = max(1, math.ceil(travel / resolution_rad))
    order = np.array([0.0, *bisection(n)])
    for q in curve.sample(order * curve.breaks[-1])[0]:
        found = world.check(q)
        if found is not None:
            return found
    return None
