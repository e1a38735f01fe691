"""MuJoCo's joint actuators and passive forces as UsdPhysics drives."""

from __future__ import annotations

import math
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

_AFFINE = mujoco.mjtBias.mjBIAS_AFFINE
_FIXED = mujoco.mjtGain.mjGAIN_FIXED
_JOINT = mujoco.mjtTrn.mjTRN_JOINT


def servos_of(model: mujoco.MjModel, joint: int) -> list[int]:
    """Actuators on a joint that pull towards a target position."""
    chosen = (model.actuator_trntype == _JOINT) & (model.actuator_trnid[:, 0] == joint)
    chosen &= (model.actuator_gaintype == _FIXED) & (model.actuator_biastype == _AFFINE)
    return [int(a) for a in np.flatnonzero(chosen & (model.actuator_biasprm[:, 1] < 0))]


def add_drive(prim: Any, model: mujoco.MjModel, joint: int, ctrl: NDArray[np.float64]) -> list[str]:
    """Gives a hinge or slide joint a drive with the stiffness and damping it has in MuJoCo.

    A position actuator pulls with ``kp (target - q) - kv dq``, times its gear squared. Damping of
    the joint itself acts on the same velocity and is added; without an actuator the joint's spring
    and damping are the drive.

    Args:
        prim: The joint's prim.
        model: Compiled model.
        joint: Joint number.
        ctrl: (nu,) controls that give the target.

    Returns:
        Remarks on what the drive does not express.
    """
    if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_BALL:
        return []
    address = int(model.jnt_qposadr[joint])
    reference = float(model.qpos0[address])
    damping = float(np.ravel(model.dof_damping[model.jnt_dofadr[joint]])[0])
    spring = float(np.ravel(model.jnt_stiffness[joint])[0])
    name, servos = model.joint(joint).name, servos_of(model, joint)
    remarks = [f"second actuator of {name}: {model.actuator(a).name}" for a in servos[1:]]
    if servos:
        a = servos[0]
        gear, force = float(model.actuator_gear[a, 0]), _largest_force(model, a, joint)
        bias, pull, drag = model.actuator_biasprm[a, :3].tolist()
        target = (model.actuator_gainprm[a, 0] * ctrl[a] + bias) / (-pull * gear) - reference
        stiffness, damping = -pull * gear * gear, damping - drag * gear * gear
        if spring:
            remarks.append(f"spring of {name}, which has a drive already")
    else:
        stiffness, force = spring, math.inf
        target = float(model.qpos_spring[address]) - reference
    if stiffness or damping:
        _author(prim, model, joint, (stiffness, damping, float(target), force))
    return remarks


def _largest_force(model: mujoco.MjModel, actuator: int, joint: int) -> float:
    """Largest force or torque an actuator may exert on its joint; inf without a limit."""
    limits = []
    if model.actuator_forcelimited[actuator]:
        gear = abs(float(model.actuator_gear[actuator, 0]))
        limits.append(float(np.abs(model.actuator_forcerange[actuator]).max()) * gear)
    if model.jnt_actfrclimited[joint]:
        limits.append(float(np.abs(model.jnt_actfrcrange[joint]).max()))
    return min(limits, default=math.inf)


def _author(
    prim: Any, model: mujoco.MjModel, joint: int, values: tuple[float, float, float, float]
) -> None:
    from pxr import UsdPhysics

    stiffness, damping, target, force = values
    hinge = model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_HINGE
    unit = math.radians(1.0) if hinge else 1.0  # torque is stated per degree
    drive = UsdPhysics.DriveAPI.Apply(prim, "angular" if hinge else "linear")
    drive.CreateTypeAttr(UsdPhysics.Tokens.force)
    drive.CreateStiffnessAttr(stiffness * unit)
    drive.CreateDampingAttr(damping * unit)
    if stiffness:
        drive.CreateTargetPositionAttr(target / unit)
    if math.isfinite(force):
        drive.CreateMaxForceAttr(force)


def add_state(prim: Any, model: mujoco.MjModel, joint: int, qpos: NDArray[np.float64]) -> None:
    """States where a hinge or slide joint is at the start of the episode.

    Bodies are laid out at the reference position, so this is the only word on the start. UsdPhysics
    has no schema for it; the attribute is the one PhysX and Newton read.
    """
    from pxr import Sdf

    if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_BALL:
        return
    hinge = model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_HINGE
    kind = "angular" if hinge else "linear"
    address = int(model.jnt_qposadr[joint])
    value = float(qpos[address] - model.qpos0[address]) / (math.radians(1.0) if hinge else 1.0)
    prim.AddAppliedSchema(f"PhysicsJointStateAPI:{kind}")
    name = f"state:{kind}:physics:position"
    prim.CreateAttribute(name, Sdf.ValueTypeNames.Float, custom=False).Set(value)
