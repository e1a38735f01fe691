"""Forward and inverse kinematics of one arm over a MuJoCo model.

Give it a robot-only model: MuJoCo's kinematics pass over such a model takes about a microsecond,
and the base's place in the world is handled by transforming the targets (``world_from_base``), so
one compiled model serves every scene.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from datafactory.errors import SpecError
from datafactory.geometry import Array, Pose
from datafactory.planning.ik import IkIteration, IkReason, IkSolution
from datafactory.planning.model_index import index

__all__ = ["ArmKinematics", "IkReason", "IkSolution", "LineSolution"]


@dataclass(frozen=True, eq=False)
class LineSolution:
    """Joint positions along a Cartesian path.

    Attributes:
        q: (m, dof) joint positions, rad, one row per pose up to the first failure.
        ok: Whether every pose was reached continuously (then m is the number of poses).
        reason: Empty when ``ok``; ``ik_failed`` also stands for a jump between neighbours.
        iterations: Iterations over all poses.
    """

    q: Array
    ok: bool
    reason: IkReason
    iterations: int


class ArmKinematics:
    """Kinematics of a serial arm of hinge or slide joints.

    Not thread safe: every instance owns one MjData and scratch buffers. Results depend on the
    arguments only, never on earlier calls.

    Args:
        model: Model that contains the arm; best without anything else.
        arm_joints: Joint names from base to tip.
        tcp_site: Name of the tool site.
        base_body: Body that ``world_from_base`` places; without it, the model's world frame.
        world_from_base: Where the base stands; assign the attribute to move it later. By default
            the base stands where the model has it.
        reference: (dof,) posture the redundancy is drawn to; the middle of the ranges by default.
        limit_buffer: Distance kept from every joint limit, rad (metres for slides).
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        arm_joints: Sequence[str],
        tcp_site: str,
        *,
        base_body: str | None = None,
        world_from_base: Pose | None = None,
        reference: Sequence[float] | Array | None = None,
        limit_buffer: float = 0.0,
    ) -> None:
        ik = self._ik = IkIteration(model, arm_joints, tcp_site, limit_buffer)
        self.dof = ik.dof
        self.lower, self.upper = ik.lower, ik.upper
        self._low = np.where(np.isfinite(ik.lower), ik.lower, -math.pi)
        self._high = np.where(np.isfinite(ik.upper), ik.upper, math.pi)
        middle = 0.5 * (self._low + self._high)
        self.reference = np.array(middle if reference is None else reference, dtype=np.float64)
        self._base_from_model = Pose.identity()
        ik.place(self.reference)
        if base_body is not None:
            body = index(model, "body", base_body)
            model_from_base = Pose(ik.data.xpos[body].copy(), ik.data.xquat[body].copy())
            self._base_from_model = model_from_base.inverse()
        self.world_from_base = world_from_base or self._base_from_model.inverse()
        self._reference_score = max(self._raw_score(self.reference), 1e-12)

    @property
    def world_from_base(self) -> Pose:
        """Pose of the base in the world; assign to move the robot."""
        return self._world_from_base

    @world_from_base.setter
    def world_from_base(self, pose: Pose) -> None:
        self._world_from_base = pose
        self._world_from_model = pose @ self._base_from_model
        self._model_from_world = self._world_from_model.inverse()

    def fk(self, q: Array) -> Pose:
        """Returns world_from_tcp at joint positions q (dof,), rad."""
        ik, world = self._ik, self._world_from_model
        ik.place(q)
        position, quat = np.empty(3), np.empty(4)
        mujoco.mju_mulPose(position, quat, world.position, world.quat, ik.site_position, ik.quat)
        return Pose(position, quat)

    def fk_series(self, q: Array) -> Array:
        """Returns world_from_tcp (T, 7), position then wxyz quaternion, of postures (T, dof)."""
        ik, world = self._ik, self._world_from_model
        poses = np.empty((len(q), 7))
        for posture, pose in zip(q, poses, strict=True):
            ik.place(posture)
            mujoco.mju_mulPose(
                pose[:3], pose[3:], world.position, world.quat, ik.site_position, ik.quat
            )
        return poses

    def jacobian(self, q: Array) -> Array:
        """Geometric Jacobian (6, dof) of the tcp in the world frame: linear, then angular rows."""
        self._ik.update_jacobian(q)
        rotation = self._world_from_model.rotation()
        return np.concatenate([rotation @ self._ik.jac[:3], rotation @ self._ik.jac[3:]])

    def manipulability(self, q: Array) -> float:
        """Yoshikawa's measure sqrt(det(J J^T)) (Int. J. Robotics Research 4(2), 1985)."""
        self._ik.update_jacobian(q)
        gram = self._ik.jac @ self._ik.jac.T
        return math.sqrt(max(0.0, float(np.linalg.det(gram))))

    def limit_margin(self, q: Array) -> float:
        """Smallest distance of any joint to its limits, rad; negative outside them."""
        return float(min(np.min(q - self.lower), np.min(self.upper - q)))

    def score(self, q: Array) -> float:
        """Quality of a posture, 1 for the reference posture; larger is better.

        Manipulability times the joint-limit penalty of M. Tsai, "Workspace Geometric
        Characterization and Manipulability of Industrial Robots", PhD thesis, 1986.
        """
        return self._raw_score(q) / self._reference_score

    def _raw_score(self, q: Array) -> float:
        span = self._high - self._low
        room = np.maximum(4.0 * (q - self._low) * (self._high - q) / (span * span), 0.0)
        return self.manipulability(q) * (1.0 - math.exp(-20.0 * float(np.prod(room))))

    def random_q(self, rng: np.random.Generator) -> Array:
        """Uniform joint positions (dof,) within the limits (+-pi where there are none)."""
        return np.asarray(rng.uniform(self._low, self._high))

    def solve(
        self,
        target: Pose,
        seed_q: Array,
        *,
        tol_m: float = 5e-4,
        tol_rad: float = 5e-3,
        max_iterations: int = 60,
        reference: Array | None = None,
        pull: float = 0.02,
    ) -> IkSolution:
        """Finds joint positions near a seed that bring the tcp to a target.

        Args:
            target: world_from_tcp.
            seed_q: (dof,) start of the iteration, rad; clipped to the limits.
            tol_m: Position tolerance, metres.
            tol_rad: Orientation tolerance, rad.
            max_iterations: Bound on iterations.
            reference: (dof,) posture for the null space; the instance's by default.
            pull: Share of the way to the reference posture taken per iteration in the null space;
                0 gives the shortest steps from the seed.
        """
        self._ik.set_target(self._model_from_world, target.position, target.quat)
        rest = self.reference if reference is None else reference
        return self._ik.solve(seed_q, tol_m, tol_rad, max_iterations, rest, pull)

    def solve_best(
        self,
        target: Pose,
        seeds: Sequence[Array],
        *,
        rng: np.random.Generator | None = None,
        n_random: int = 0,
        score: Callable[[Array], float] | None = None,
        good_score: float = 0.5,
        valid: Callable[[Array], bool] | None = None,
        tol_m: float = 5e-4,
        tol_rad: float = 5e-3,
        max_iterations: int = 60,
    ) -> IkSolution:
        """Solves from several seeds and returns the best-scoring valid solution.

        Stops at the first solution whose score reaches ``good_score``. Without a solution the
        nearest miss comes back, with its reason.

        Args:
            target: world_from_tcp.
            seeds: Joint positions (dof,) tried in order.
            rng: Generator of the random seeds tried after ``seeds``; needed if ``n_random`` > 0.
            n_random: Number of random seeds.
            score: Quality of a posture; :meth:`score` by default.
            good_score: Score at which the search ends.
            valid: Further test of a solution, such as freedom from collisions.
            tol_m: Position tolerance, metres.
            tol_rad: Orientation tolerance, rad.
            max_iterations: Bound on iterations per seed.
        """
        if (n_random > 0 and rng is None) or len(seeds) + n_random == 0:
            raise SpecError("solve_best needs a seed, and a generator when n_random > 0")
        rate = score or self.score
        best: IkSolution | None = None
        misses: list[IkSolution] = []
        best_score = -math.inf
        for k in range(len(seeds) + n_random):
            seed = seeds[k] if rng is None or k < len(seeds) else self.random_q(rng)
            found = self.solve(
                target, seed, tol_m=tol_m, tol_rad=tol_rad, max_iterations=max_iterations
            )
            if found.ok and valid is not None and not valid(found.q):
                found = replace(found, ok=False, reason="plan_collision")
            if not found.ok:
                misses.append(found)
                continue
            value = rate(found.q)
            if best is None or value > best_score:
                best, best_score = found, value
            if value >= good_score:
                break
        return best or min(misses, key=lambda miss: miss.error_m + miss.error_rad)

    def line(
        self,
        start_q: Array,
        poses: Array,
        *,
        tol_m: float = 1e-4,
        tol_rad: float = 1e-3,
        max_jump_rad: float = 0.25,
        max_iterations: int = 12,
    ) -> LineSolution:
        """Follows a dense Cartesian path, each solution warm-started from the ones before.

        Args:
            start_q: (dof,) joint positions near the first pose, rad.
            poses: (n, 7) world_from_tcp as xyz and wxyz, as :mod:`.cartesian` makes them. A first
                pose within tolerance of ``start_q`` keeps ``start_q`` exactly.
            tol_m: Position tolerance at every pose, metres.
            tol_rad: Orientation tolerance at every pose, rad.
            max_jump_rad: Largest change of any joint between neighbours, rad.
            max_iterations: Bound on iterations per pose.
        """
        ik, total = self._ik, 0
        path = np.empty((len(poses), self.dof))
        before = previous = np.asarray(start_q, dtype=np.float64)
        for k, pose in enumerate(poses):
            ik.set_target(self._model_from_world, pose[:3], pose[3:])
            seed = previous if k < 2 else 2.0 * previous - before
            found = ik.solve(seed, tol_m, tol_rad, max_iterations, self.reference, 0.0)
            total += found.iterations
            if not found.ok:
                return LineSolution(path[:k], False, found.reason, total)
            if np.abs(found.q - previous).max() > max_jump_rad:
                return LineSolution(path[:k], False, "ik_failed", total)
            before, previous = previous, found.q
            path[k] = found.q
        return LineSolution(path, True, "", total)
