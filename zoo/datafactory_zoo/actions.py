"""What a chunk of actions means to a policy, and back to the absolute targets a robot takes.

Datasets store absolute targets only. A policy may want them

- *absolute*: joint angles in rad, or poses in the robot's base frame;
- *relative*: against what was measured when the chunk begins (InternVLA-A1, pi0);
- *delta*: against the target before; the first against the measurement (InternVLA-M1).

Poses are 9 numbers (position and two rotation columns); relative and delta poses are expressed in
the frame of their reference, so they do not change when robot and scene move together. A chunk is
(B, H, D): the arms' parts, then one gripper number per arm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import SpecError, UnknownNameError
from datafactory.geometry import quat_from_matrix, quat_multiply, quat_rotate
from datafactory_zoo.features import pose9, relative_pose

Array = NDArray[np.float64]
Space = Literal["joint", "eef"]
Representation = Literal["absolute", "relative", "delta"]
Gripper = Literal["opening", "closing", "sign"]
POSE9 = 9


@dataclass(frozen=True)
class ActionForm:
    """Meaning of a policy's action vectors.

    Attributes:
        space: ``joint`` or ``eef``.
        representation: ``absolute``, ``relative`` or ``delta``; grippers are always absolute.
        gripper: ``opening`` (0 closed, 1 open, as stored), ``closing`` (1 closed, 0 open) or
            ``sign`` (-1 open, 1 closed).
    """

    space: Space = "joint"
    representation: Representation = "relative"
    gripper: Gripper = "opening"

    def __post_init__(self) -> None:
        for kind, value, known in (
            ("action space", self.space, get_args(Space)),
            ("action representation", self.representation, get_args(Representation)),
            ("gripper convention", self.gripper, get_args(Gripper)),
        ):
            if value not in known:
                raise UnknownNameError.of(kind, value, known, "action")

    def width(self, dof: int, arms: int) -> int:
        """Numbers per action of a robot with ``dof`` joints and ``arms`` grippers."""
        return arms + (dof if self.space == "joint" else POSE9 * arms)

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"space": self.space, "representation": self.representation,
                "gripper": self.gripper}  # fmt: skip


@dataclass(frozen=True, eq=False)
class ChunkStart:
    """What was measured when a chunk begins, of B samples.

    Attributes:
        joint_position: (B, dof) rad.
        eef_pose: (B, arms, 7) world_from_tcp.
        world_from_base: (B, 7) robot base; only needed for absolute poses.
    """

    joint_position: Array
    eef_pose: Array
    world_from_base: Array | None = None


@dataclass(frozen=True, eq=False)
class Targets:
    """Absolute targets of B chunks of H steps.

    Attributes:
        joint: (B, H, dof) rad; None when only poses are known.
        eef: (B, H, arms, 7) world_from_tcp; None when only joints are known.
        gripper: (B, H, arms) 0 closed to 1 open.
    """

    joint: Array | None
    eef: Array | None
    gripper: Array


def compose(reference: Array, poses: Array) -> Array:
    """(..., 7) ``world_from_x`` of ``world_from_reference`` and ``reference_from_x``."""
    place = quat_rotate(reference[..., 3:], poses[..., :3]) + reference[..., :3]
    return np.concatenate([place, quat_multiply(reference[..., 3:], poses[..., 3:])], axis=-1)


def pose_from9(values: Array) -> Array:
    """(..., 7) poses of (..., 9) numbers; the rotation is orthonormalised (Gram-Schmidt)."""
    first, second = values[..., 3:6], values[..., 6:9]
    x = first / np.maximum(np.linalg.norm(first, axis=-1, keepdims=True), 1e-9)
    second = second - np.sum(x * second, axis=-1, keepdims=True) * x
    y = second / np.maximum(np.linalg.norm(second, axis=-1, keepdims=True), 1e-9)
    matrix = np.stack([x, y, np.cross(x, y)], axis=-1)
    flat = matrix.reshape(-1, 3, 3)
    quat = np.array([quat_from_matrix(m) for m in flat]).reshape(*values.shape[:-1], 4)
    return np.concatenate([values[..., :3], quat], axis=-1)


def _gripper_out(form: ActionForm, opening: Array) -> Array:
    if form.gripper == "opening":
        return opening
    return 1.0 - opening if form.gripper == "closing" else 1.0 - 2.0 * opening


def _gripper_in(form: ActionForm, values: Array) -> Array:
    """Openings of a gripper convention; every convention is its own kind of mirror."""
    if form.gripper == "opening":
        return values
    return 1.0 - values if form.gripper == "closing" else 0.5 * (1.0 - values)


def _base(start: ChunkStart, like: Array) -> Array:
    if start.world_from_base is None:
        raise SpecError("absolute poses need the robot's base",
                        remedy="use relative or delta actions")  # fmt: skip
    return np.broadcast_to(start.world_from_base[:, None, None], like.shape)


def encode(form: ActionForm, targets: Targets, start: ChunkStart) -> Array:
    """Action chunks (B, H, D) of absolute targets.

    Raises:
        SpecError: The targets the form needs are not there.
    """
    gripper = _gripper_out(form, targets.gripper)
    if form.space == "joint":
        arm = _encode_joint(form, targets, start)
    else:
        arm = _encode_eef(form, targets, start)
    return np.concatenate([arm, gripper], axis=-1)


def _encode_joint(form: ActionForm, targets: Targets, start: ChunkStart) -> Array:
    if targets.joint is None:
        raise SpecError("there are no joint targets to learn from",
                        remedy="use actions in space 'eef'")  # fmt: skip
    joint, now = targets.joint, start.joint_position[:, None]
    if form.representation == "absolute":
        return joint
    if form.representation == "relative":
        return joint - now
    return np.diff(joint, axis=1, prepend=now)


def _encode_eef(form: ActionForm, targets: Targets, start: ChunkStart) -> Array:
    if targets.eef is None:
        raise SpecError("there are no end effector targets to learn from",
                        remedy="use actions in space 'joint'")  # fmt: skip
    eef, now = targets.eef, start.eef_pose[:, None]
    if form.representation == "absolute":
        reference = _base(start, eef)
    elif form.representation == "relative":
        reference = np.broadcast_to(now, eef.shape)
    else:
        reference = np.concatenate([now, eef[:, :-1]], axis=1)
    values = pose9(relative_pose(reference, eef)).astype(np.float64)
    return values.reshape(*values.shape[:2], -1)


def decode(form: ActionForm, chunk: Array, start: ChunkStart, arms: int) -> Targets:
    """Absolute targets of action chunks (B, H, D): the inverse of :func:`encode`.

    Joint actions give joint targets, pose actions give poses; which arm configuration reaches a
    pose is for the robot's kinematics to say.
    """
    arm, gripper = chunk[..., :-arms], _gripper_in(form, chunk[..., -arms:])
    gripper = np.clip(gripper, 0.0, 1.0)
    if form.space == "joint":
        now = start.joint_position[:, None]
        if form.representation == "relative":
            arm = arm + now
        elif form.representation == "delta":
            arm = now + np.cumsum(arm, axis=1)
        return Targets(arm, None, gripper)
    poses = pose_from9(arm.reshape(*arm.shape[:2], arms, POSE9))
    if form.representation == "absolute":
        return Targets(None, compose(_base(start, poses), poses), gripper)
    if form.representation == "relative":
        now = np.broadcast_to(start.eef_pose[:, None], poses.shape)
        return Targets(None, compose(now, poses), gripper)
    steps = [start.eef_pose]
    for k in range(poses.shape[1]):
        steps.append(compose(steps[-1], poses[:, k]))
    return Targets(None, np.stack(steps[1:], axis=1), gripper)
