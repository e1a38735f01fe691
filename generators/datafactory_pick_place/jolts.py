"""Jolts: the tool is thrown off its path now and then, and the expert's targets lead it back.

The controls deviate from the targets for a moment; targets are recorded as actions, controls are
what is replayed. A policy that learns from such episodes sees how to come back from where its own
small errors take it (Laskey et al., "DART: Noise Injection for Robust Imitation Learning", 2017).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datafactory.planning.kinematics import ArmKinematics
from datafactory_pick_place.execution import Motion

Array = NDArray[np.float64]
RATE_HZ = 1.2
"""Jolts per second of a motion."""
LASTS_S = 0.35
TURN_RAD_PER_M = 4.0
"""Standard deviation of the turn that goes with a displacement of one metre's."""
FULL_M = 0.25
LEAST_SHARE = 0.3
"""Motions of the tool shorter than ``FULL_M`` are jolted in proportion, but at least by so much."""
DAMPING = 0.05


class Jolts:
    """Draws the jolts of one attempt.

    Args:
        rng: Source of randomness.
        kinematics: Of the arm.
        fps: Frames per second.
        size_m: Standard deviation of a displacement, per axis.
    """

    def __init__(
        self, rng: np.random.Generator, kinematics: ArmKinematics, fps: int, size_m: float
    ) -> None:
        self._rng, self._kinematics = rng, kinematics
        self._fps, self._size_m = fps, size_m

    def offsets(self, motion: Motion, frames: int) -> Array:
        """Joint offsets (frames, dof), rad, of the controls along a motion."""
        rng, kinematics = self._rng, self._kinematics
        times = np.arange(frames) / self._fps
        q = motion.positions(np.minimum(times, motion.duration_s))
        way = kinematics.fk(q[0]).position - kinematics.fk(q[-1]).position
        share = float(np.clip(np.linalg.norm(way) / FULL_M, LEAST_SHARE, 1.0))
        out = np.zeros_like(q)
        width = max(2, round(LASTS_S * self._fps))
        shape = np.sin(np.pi * (np.arange(width) + 0.5) / width) ** 2
        for _ in range(rng.poisson(RATE_HZ * motion.duration_s)):
            begin = int(rng.integers(max(1, frames - width)))
            twist = rng.normal(0.0, share * self._size_m, 6)
            twist[3:] *= TURN_RAD_PER_M
            jacobian = kinematics.jacobian(q[min(begin + width // 2, frames - 1)])
            gram = jacobian @ jacobian.T + DAMPING**2 * np.eye(6)
            step = jacobian.T @ np.linalg.solve(gram, twist)
            part = out[begin : begin + width]
            part += shape[: len(part), None] * step
        return out
