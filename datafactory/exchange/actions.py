"""Action forms: absolute, relative and delta, in joint and in end effector space, and back.

Notation: ``target[i]`` is the absolute target of frame i, ``state[i]`` what was measured at frame
i, before the target acts.

- *absolute*: ``target[i]``.
- *relative*: ``target[i]`` minus ``state[i]``.
- *delta*: ``target[i]`` minus ``target[i - 1]``; the first is relative to ``state[0]``.

The difference of two poses is the difference of their positions and the rotation vector of
``target_rotation * inverse(state_rotation)``, both in the axes of the frame the poses are given
in. The gripper is always absolute, 0 closed to 1 open, and is the last component.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datafactory.exchange.contract import ActionForm, ActionSpace
from datafactory.geometry import normalize, quat_conjugate, quat_multiply, quat_rotate

Array = NDArray[np.float64]

POSE_NAMES = ("x", "y", "z", "qw", "qx", "qy", "qz")
DIFFERENCE_NAMES = ("dx", "dy", "dz", "rx", "ry", "rz")
GRIPPER = "gripper"

_REFERENCE = {
    "absolute": "none",
    "relative": "state measured at the same frame",
    "delta": "target of the previous frame; the first frame's: state measured at that frame",
}


def rotation_vector(quat: ArrayLike) -> Array:
    """Rotation vectors (..., 3) in rad, of length <= pi, of unit quaternions (..., 4) wxyz."""
    q = np.asarray(quat, dtype=np.float64)
    q = np.where(q[..., :1] < 0.0, -q, q)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(sine, q[..., :1])
    # angle / sine tends to 2 for small rotations
    factor = np.where(sine > 1e-12, angle / np.where(sine > 1e-12, sine, 1.0), 2.0)
    return np.asarray(q[..., 1:] * factor)


def quat_from_rotation_vector(vector: ArrayLike) -> Array:
    """Unit quaternions (..., 4) wxyz of rotation vectors (..., 3), rad."""
    v = np.asarray(vector, dtype=np.float64)
    angle = np.linalg.norm(v, axis=-1, keepdims=True)
    # numpy's sinc(x) is sin(pi x) / (pi x)
    scale = 0.5 * np.sinc(angle / (2.0 * np.pi))
    return np.concatenate([np.cos(0.5 * angle), scale * v], axis=-1)


def pose_difference(target: ArrayLike, reference: ArrayLike) -> Array:
    """(T, 6) position difference (m) and rotation vector (rad) of poses (T, 7), xyz + wxyz."""
    a = np.asarray(target, dtype=np.float64)
    b = np.asarray(reference, dtype=np.float64)
    turn = quat_multiply(normalize(a[:, 3:]), quat_conjugate(normalize(b[:, 3:])))
    return np.concatenate([a[:, :3] - b[:, :3], rotation_vector(turn)], axis=1)


def pose_sum(reference: ArrayLike, difference: ArrayLike) -> Array:
    """Poses (T, 7) that lie a ``difference`` (T, 6) from ``reference`` (T, 7)."""
    b = np.asarray(reference, dtype=np.float64)
    d = np.asarray(difference, dtype=np.float64)
    quat = quat_multiply(quat_from_rotation_vector(d[:, 3:]), normalize(b[:, 3:]))
    return np.concatenate([b[:, :3] + d[:, :3], normalize(quat)], axis=1)


def _references(form: ActionForm, target: Array, state: Array) -> Array:
    return state if form == "relative" else np.concatenate([state[:1], target[:-1]])


def encode(form: ActionForm, space: ActionSpace, target: ArrayLike, state: ArrayLike) -> Array:
    """Targets in an action form, without the gripper.

    Args:
        form: Action form.
        space: ``joint``: vectors (T, n); ``eef``: poses (T, 7), xyz + wxyz, in one frame.
        target: (T, n) absolute targets.
        state: (T, n) measured values.

    Returns:
        (T, n), or (T, 6) for end effector differences.
    """
    goal = np.asarray(target, dtype=np.float64)
    if form == "absolute" or not len(goal):
        return goal
    reference = _references(form, goal, np.asarray(state, dtype=np.float64))
    return pose_difference(goal, reference) if space == "eef" else goal - reference


def decode(form: ActionForm, space: ActionSpace, values: ArrayLike, state: ArrayLike) -> Array:
    """Absolute targets of encoded ones: the inverse of :func:`encode`.

    Args:
        form: Action form of the values.
        space: ``joint`` or ``eef``.
        values: What :func:`encode` returned.
        state: (T, n) measured values; only the first row matters for ``delta``.
    """
    v = np.asarray(values, dtype=np.float64)
    now = np.asarray(state, dtype=np.float64)
    if form == "absolute" or not len(v):
        return v
    if form == "relative":
        return pose_sum(now, v) if space == "eef" else now + v
    if space == "joint":
        return now[:1] + np.cumsum(v, axis=0)
    poses = [now[0]]
    for step in v:
        poses.append(pose_sum(poses[-1][None], step[None])[0])
    return np.stack(poses[1:])


def in_frame(world_from_frame: ArrayLike, poses: ArrayLike) -> Array:
    """Poses (T, 7) given in the world, in another frame: ``frame_from_x`` of ``world_from_x``."""
    f = np.asarray(world_from_frame, dtype=np.float64)
    p = np.asarray(poses, dtype=np.float64)
    back = np.broadcast_to(quat_conjugate(normalize(f[3:])), (len(p), 4))
    place = quat_rotate(back, p[:, :3] - f[:3])
    return np.concatenate([place, quat_multiply(back, p[:, 3:])], axis=1)


def from_frame(world_from_frame: ArrayLike, poses: ArrayLike) -> Array:
    """Poses (T, 7) given in a frame, in the world; the inverse of :func:`in_frame`."""
    f = np.asarray(world_from_frame, dtype=np.float64)
    p = np.asarray(poses, dtype=np.float64)
    turn = np.broadcast_to(normalize(f[3:]), (len(p), 4))
    place = quat_rotate(turn, p[:, :3]) + f[:3]
    return np.concatenate([place, quat_multiply(turn, p[:, 3:])], axis=1)


def per_arm_names(names: Sequence[str], arms: Sequence[str]) -> tuple[str, ...]:
    """Component names of every arm, after its name where there are several; one needs none."""
    return tuple(f"{arm}_{name}" for arm in arms for name in names) if arms else tuple(names)


def action_names(
    form: ActionForm, space: ActionSpace, joints: Sequence[str], arms: Sequence[str] = ()
) -> list[str]:
    """Component names of an action vector, gripper (or all arms' grippers) last."""
    grippers = per_arm_names((GRIPPER,), arms)
    if space == "joint":
        return [*joints, *grippers]
    poses = POSE_NAMES if form == "absolute" else DIFFERENCE_NAMES
    return [*per_arm_names(poses, arms), *grippers]


def convention(
    form: ActionForm, space: ActionSpace, joints: Sequence[str], frame: str = "world",
    arms: Sequence[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """What an action vector means, JSON-ready, for the metadata of exports.

    Args:
        form: Action form.
        space: Action space.
        joints: Joint names.
        frame: Frame whose axes and origin poses are given in.
        arms: Names of the arms where there are several.
    """
    index: Any = [k - len(arms) for k in range(len(arms))] if arms else -1
    eef = space == "eef"
    rotation = "quaternion wxyz" if form == "absolute" else "rotation vector"
    return {
        "representation": form,
        "space": space,
        "reference": _REFERENCE[form],
        "rotation": rotation if eef else "none",
        "frame": frame if eef else "joint",
        "units": {"position": "m", "rotation": "1" if form == "absolute" else "rad"}
        if eef
        else {"joint": "rad"},
        "gripper": {"form": "absolute", "closed": 0.0, "open": 1.0, "index": index},
        "names": action_names(form, space, joints, arms),
    }
