"""The iteration behind inverse kinematics, on preallocated buffers.

Levenberg-Marquardt with error-proportional damping after T. Sugihara, "Solvability-Unconcerned
Inverse Kinematics by the Levenberg-Marquardt Method", IEEE T-RO 27(5), 2011, in its dual form (a
6 x 6 system whatever the number of joints), with the active-set treatment of limits of
D. Bertsekas, "Projected Newton Methods for Optimization Problems with Simple Constraints", SIAM J.
Control and Optimization 20(2), 1982. Orientation errors are rotation vectors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import mujoco
import numpy as np

from datafactory.errors import SpecError
from datafactory.geometry import Array, Pose
from datafactory.planning.model_index import address_slice, index, indices

IkReason = Literal["", "ik_failed", "joint_limit", "plan_collision"]

_DAMPING_FLOOR = 1e-6
_DAMPING_GAIN = 0.05
_MAX_ERROR_M = 0.5
_MAX_ERROR_RAD = 1.5
_STALL_ITERATIONS = 8
_STALL_RATIO = 0.97


@dataclass(frozen=True, eq=False)
class IkSolution:
    """Result of one inverse-kinematics call.

    Attributes:
        q: (dof,) joint positions, rad: the solution, or the last iterate when not ``ok``.
        ok: Whether both tolerances hold.
        error_m: Remaining distance of the tcp to the target, metres.
        error_rad: Remaining angle of the tcp to the target, rad.
        iterations: Iterations used.
        reason: Empty when ``ok``; ``joint_limit`` when a limit stopped the descent,
            ``plan_collision`` when the caller's validity test refused every solution.
    """

    q: Array
    ok: bool
    error_m: float
    error_rad: float
    iterations: int
    reason: IkReason


class IkIteration:
    """Damped least squares over one MjData, in the model's world frame.

    Args:
        model: Model that contains the arm; best without anything else.
        arm_joints: Joint names from base to tip.
        tcp_site: Name of the tool site.
        limit_buffer: Distance kept from every joint limit, rad (metres for slides).
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        arm_joints: Sequence[str],
        tcp_site: str,
        limit_buffer: float,
    ) -> None:
        self.model = model
        self.data = mujoco.MjData(model)
        self.site = index(model, "site", tcp_site)
        joints = indices(model, "joint", arm_joints)
        self.dof = len(joints)
        self._qpos = self.data.qpos[address_slice(model.jnt_qposadr[joints], "arm joints")]
        self._columns = address_slice(model.jnt_dofadr[joints], "arm joints")
        limited = np.asarray(model.jnt_limited[joints], dtype=bool)
        span = np.asarray(model.jnt_range[joints])
        self.lower = np.where(limited, span[:, 0] + limit_buffer, -np.inf)
        self.upper = np.where(limited, span[:, 1] - limit_buffer, np.inf)
        if np.any(self.lower > self.upper):
            raise SpecError(f"limit_buffer {limit_buffer} leaves a joint without range")
        self._allocate()

    def _allocate(self) -> None:
        data, site, n = self.data, self.site, self.dof
        jac = np.zeros((6, self.model.nv))
        self._jac_position, self._jac_rotation = jac[:3], jac[3:]
        self.jac = jac[:, self._columns]
        self._jac = np.zeros((6, n))
        self._jac_t = self._jac.T
        self.site_position = data.site_xpos[site]
        self._site_matrix = data.site_xmat[site]
        self._site_rotation = self._site_matrix.reshape(3, 3)
        self._turn = np.zeros(3)
        self.quat = np.zeros(4)
        self._error = np.zeros(6)
        self._error_position, self._error_rotation = self._error[:3], self._error[3:]
        self._gram = np.zeros((6, 6))
        self._gram_diagonal = self._gram.reshape(-1)[::7]
        self._rhs, self._dual = np.zeros(6), np.zeros(6)
        self._q, self._step, self._pull = np.zeros(n), np.zeros(n), np.zeros(n)
        self._target_position, self._target_quat = np.zeros(3), np.zeros(4)

    def place(self, q: Array) -> None:
        """Runs forward kinematics at q (dof,); ``site_position`` and ``quat`` hold the result."""
        self._qpos[:] = q
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mju_mat2Quat(self.quat, self._site_matrix)

    def update_jacobian(self, q: Array) -> None:
        """As :meth:`place`, and fills ``jac`` (6, dof): linear, then angular rows."""
        self.place(q)
        mujoco.mj_comPos(self.model, self.data)
        mujoco.mj_jacSite(self.model, self.data, self._jac_position, self._jac_rotation, self.site)

    def set_target(self, model_from_world: Pose, position: Array, quat: Array) -> None:
        """Sets the target from its world position (3,) and quaternion (4,)."""
        mujoco.mju_mulPose(
            self._target_position,
            self._target_quat,
            model_from_world.position,
            model_from_world.quat,
            position,
            quat,
        )

    def solve(
        self,
        seed_q: Array,
        tol_m: float,
        tol_rad: float,
        max_iterations: int,
        rest: Array,
        pull: float,
    ) -> IkSolution:
        """Iterates from a seed (dof,) towards the target set before.

        Args:
            seed_q: (dof,) start, rad; clipped to the limits.
            tol_m: Position tolerance, metres.
            tol_rad: Orientation tolerance, rad.
            max_iterations: Bound on iterations.
            rest: (dof,) posture for the null space, rad.
            pull: Share of the way to ``rest`` taken per iteration in the null space.
        """
        q, blocked = self._q, False
        np.maximum(seed_q, self.lower, out=q)
        np.minimum(q, self.upper, out=q)
        best, stalled, iteration = math.inf, 0, 0
        while True:
            error_m, error_rad = self._measure()
            if error_m <= tol_m and error_rad <= tol_rad:
                return IkSolution(q.copy(), True, error_m, error_rad, iteration, "")
            size = error_m * error_m + error_rad * error_rad
            if size < _STALL_RATIO * best:
                best, stalled = size, 0
            else:
                stalled += 1
            if iteration == max_iterations or stalled >= _STALL_ITERATIONS:
                reason: IkReason = "joint_limit" if blocked else "ik_failed"
                return IkSolution(q.copy(), False, error_m, error_rad, iteration, reason)
            blocked = self._advance(error_m, error_rad, size, rest, pull)
            iteration += 1

    def _measure(self) -> tuple[float, float]:
        """Updates the Jacobian and the error twist at ``_q``; returns both error norms."""
        self.update_jacobian(self._q)
        mujoco.mju_subQuat(self._turn, self._target_quat, self.quat)
        np.dot(self._site_rotation, self._turn, out=self._error_rotation)
        np.subtract(self._target_position, self.site_position, out=self._error_position)
        x, y, z, a, b, c = self._error.tolist()
        return math.sqrt(x * x + y * y + z * z), math.sqrt(a * a + b * b + c * c)

    def _advance(
        self, error_m: float, error_rad: float, size: float, rest: Array, pull: float
    ) -> bool:
        """Takes one damped step of ``_q``; returns whether a limit holds a joint."""
        q, step, jac, rhs = self._q, self._step, self._jac, self._error
        jac[:] = self.jac
        if error_m > _MAX_ERROR_M:
            self._error_position *= _MAX_ERROR_M / error_m
        if error_rad > _MAX_ERROR_RAD:
            self._error_rotation *= _MAX_ERROR_RAD / error_rad
        blocked = self._hold_at_limits()
        np.dot(jac, self._jac_t, out=self._gram)
        self._gram_diagonal += _DAMPING_GAIN * size + _DAMPING_FLOOR
        if pull > 0.0:
            np.subtract(rest, q, out=self._pull)
            self._pull *= pull
            np.dot(jac, self._pull, out=self._rhs)
            rhs = np.subtract(rhs, self._rhs, out=self._rhs)
        mujoco.mju_cholFactor(self._gram, 1e-12)
        mujoco.mju_cholSolve(self._dual, self._gram, rhs)
        np.dot(self._jac_t, self._dual, out=step)
        if pull > 0.0:
            step += self._pull
        q += step
        np.maximum(q, self.lower, out=q)
        np.minimum(q, self.upper, out=q)
        return blocked

    def _hold_at_limits(self) -> bool:
        """Zeroes Jacobian columns of joints that a limit keeps from following the gradient."""
        q, step = self._q, self._step
        low, high = q <= self.lower, q >= self.upper
        if not (low.any() or high.any()):
            return False
        np.dot(self._jac_t, self._error, out=step)
        held = (low & (step < 0.0)) | (high & (step > 0.0))
        self._jac[:, held] = 0.0
        return bool(held.any())
