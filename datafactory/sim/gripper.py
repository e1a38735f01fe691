"""Gripper postures by opening, measured once per arm in physics.

Collision queries need all joints of a gripper mechanism at a given opening; a linkage's joints
follow from its constraints, so the simplest exact map is to let the gripper move there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import mujoco
import numpy as np
from numpy.typing import NDArray

from datafactory.robots.model import Arm, RobotModel
from datafactory.sim.engine import compile_mjcf

Array = NDArray[np.float64]
_SAMPLES = 15
_SETTLE_STEPS = 500


@dataclass(frozen=True, eq=False)
class GripperPostures:
    """Sampled joint positions of a gripper.

    Attributes:
        openings: (n,) measured openings, increasing, in [0, 1].
        qpos: (n, m) positions of the arm's ``gripper_joints``.
    """

    openings: Array
    qpos: Array

    def at(self, opening: float) -> Array:
        """Joint positions (m,) at an opening, by linear interpolation."""
        return np.array([np.interp(opening, self.openings, column) for column in self.qpos.T])


@lru_cache(maxsize=8)
def gripper_postures(robot: RobotModel, arm: Arm) -> GripperPostures:
    """Measures the postures of one arm's gripper from closed to open."""
    model = compile_mjcf(robot.mjcf, robot.meshes)
    data = mujoco.MjData(model)
    for each in robot.arms:
        for joints, home in (
            (each.joints, each.home), (each.gripper_joints, each.gripper_home_qpos)
        ):  # fmt: skip
            data.qpos[[int(model.joint(n).qposadr[0]) for n in joints]] = home
        for name, q in zip(each.actuators, each.home, strict=True):
            data.ctrl[model.actuator(name).id] = q
        data.ctrl[model.actuator(each.gripper_actuator).id] = each.gripper_ctrl_open
    grip = [int(model.joint(n).qposadr[0]) for n in arm.gripper_joints]
    actuator = model.actuator(arm.gripper_actuator).id
    openings, rows = [], []
    for target in np.linspace(1.0, 0.0, _SAMPLES):
        data.ctrl[actuator] = arm.gripper_ctrl_from_opening(float(target))
        mujoco.mj_step(model, data, nstep=_SETTLE_STEPS)
        qpos = data.qpos[grip].copy()
        openings.append(arm.gripper_opening(qpos))
        rows.append(qpos)
    order = np.argsort(openings, kind="stable")
    return GripperPostures(np.array(openings)[order], np.array(rows)[order])
