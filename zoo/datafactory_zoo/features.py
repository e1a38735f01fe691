"""Named observation and action features, the same for stored episodes and for live worlds.

A feature is a function of :class:`EpisodeArrays`, so that a policy sees in a rollout exactly what
it saw in training. Poses become 9 numbers: position (3) and the first two columns of the rotation
matrix (6), the continuous form of Zhou et al., "On the Continuity of Rotation Representations in
Neural Networks" (CVPR 2019).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import SpecError, UnknownNameError
from datafactory.geometry import quat_conjugate, quat_multiply, quat_rotate, quat_to_matrix

Floats = NDArray[np.float32]
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class EpisodeArrays:
    """T frames of one episode, stored or live. Poses are xyz + wxyz.

    Attributes:
        joint_position: (T, dof) measured positions of the controlled joints, rad.
        gripper_opening: (T, arms) 0 closed to 1 open.
        eef_pose: (T, arms, 7) world_from_tcp.
        object_poses: (T, n, 7) world_from_object.
        world_from_base: (7,) robot base.
        roles: Role names of the n objects.
        sizes: (n, 3) bounding box sides, metres.
        action_joint: (T, dof) absolute joint targets; None in a live world.
        action_gripper: (T, arms) absolute opening targets; None in a live world.
        action_eef: (T, arms, 7) absolute world_from_tcp targets; None in a live world.
    """

    joint_position: Floats
    gripper_opening: Floats
    eef_pose: Floats
    object_poses: Floats
    world_from_base: Array
    roles: tuple[str, ...]
    sizes: Floats
    action_joint: Floats | None = None
    action_gripper: Floats | None = None
    action_eef: Floats | None = None

    @property
    def length(self) -> int:
        """Number of frames T."""
        return int(self.joint_position.shape[0])

    @property
    def arms(self) -> int:
        """Number of arms."""
        return int(self.gripper_opening.shape[1])

    def role(self, name: str) -> int:
        """Index of an object by role.

        Raises:
            UnknownNameError: The episode has no such object.
        """
        if name not in self.roles:
            raise UnknownNameError.of("object role", name, self.roles, "feature")
        return self.roles.index(name)


def pose9(poses: Array) -> Floats:
    """(..., 9) position and two rotation columns of poses (..., 7)."""
    rotation = quat_to_matrix(poses[..., 3:])
    columns = np.concatenate([rotation[..., :, 0], rotation[..., :, 1]], axis=-1)
    return np.concatenate([poses[..., :3], columns], axis=-1).astype(np.float32)


def relative_pose(reference: Array, poses: Array) -> Array:
    """(..., 7) ``reference_from_x`` of ``world_from_reference`` and ``world_from_x`` (..., 7)."""
    back = quat_conjugate(reference[..., 3:])
    place = quat_rotate(back, poses[..., :3] - reference[..., :3])
    return np.concatenate([place, quat_multiply(back, poses[..., 3:])], axis=-1)


def _in_base(arrays: EpisodeArrays, poses: Array) -> Array:
    return relative_pose(np.broadcast_to(arrays.world_from_base, poses.shape), poses)


def _object(arrays: EpisodeArrays, role: str) -> Array:
    return arrays.object_poses[:, arrays.role(role)].astype(np.float64)


def _tcp_from_object(arrays: EpisodeArrays, role: str) -> Floats:
    tcp, pose = arrays.eef_pose.astype(np.float64), _object(arrays, role)
    parts = [pose9(relative_pose(tcp[:, k], pose)) for k in range(arrays.arms)]
    return np.concatenate(parts, axis=1)


def _object_in_tcp(arrays: EpisodeArrays, role: str) -> Floats:
    poses = _tcp_from_object(arrays, role).reshape(arrays.length, arrays.arms, 9)
    return poses[..., :3].reshape(arrays.length, -1)


def _base_from_tcp(arrays: EpisodeArrays) -> Floats:
    poses = pose9(_in_base(arrays, arrays.eef_pose.astype(np.float64)))
    return poses.reshape(arrays.length, -1)


def _size(arrays: EpisodeArrays, role: str) -> Floats:
    size = np.asarray(arrays.sizes[arrays.role(role)], dtype=np.float32)
    return np.broadcast_to(size, (arrays.length, 3)).copy()


def _base_pose(arrays: EpisodeArrays) -> Floats:
    pose = np.asarray(arrays.world_from_base, dtype=np.float32)
    return np.broadcast_to(pose, (arrays.length, 7)).copy()


def _action(values: Floats | None, name: str) -> Floats:
    if values is None:
        raise SpecError(f"'{name}' is not known here", why="a live world has no recorded actions")
    return values.reshape(len(values), -1)


PLAIN: Mapping[str, Callable[[EpisodeArrays], Floats]] = {
    "joint_position": lambda a: a.joint_position,
    "gripper_opening": lambda a: a.gripper_opening,
    "eef_pose": lambda a: a.eef_pose.reshape(a.length, -1),
    "base_from_tcp": _base_from_tcp,
    "world_from_base": _base_pose,
    "action_joint": lambda a: _action(a.action_joint, "action_joint"),
    "action_gripper": lambda a: _action(a.action_gripper, "action_gripper"),
    "action_eef": lambda a: _action(a.action_eef, "action_eef"),
}
OF_OBJECT: Mapping[str, Callable[[EpisodeArrays, str], Floats]] = {
    "tcp_from_object": _tcp_from_object,
    "object_in_tcp": _object_in_tcp,
    "base_from_object": lambda a, role: pose9(_in_base(a, _object(a, role))),
    "object_in_base": lambda a, role: pose9(_in_base(a, _object(a, role)))[..., :3],
    "object_size": _size,
}


def check_feature(name: str) -> None:
    """Raises ``UnknownNameError`` when no feature has this name (``plain`` or ``name.role``)."""
    head, dot, role = name.partition(".")
    if (not dot and head in PLAIN) or (role and head in OF_OBJECT):
        return
    known = [*PLAIN, *(f"{n}.ROLE" for n in OF_OBJECT)]
    raise UnknownNameError.of("feature", name, known)


def feature(arrays: EpisodeArrays, name: str) -> Floats:
    """(T, width) float32 values of one feature.

    Args:
        arrays: Episode.
        name: ``joint_position``, ``gripper_opening``, ``eef_pose``, ``base_from_tcp``,
            ``world_from_base``, ``action_joint``,
            ``action_gripper``, ``action_eef``; or ``tcp_from_object``,
            ``object_in_tcp`` (its position alone), ``base_from_object``, ``object_in_base`` (again
            its position alone), ``object_size`` followed by a dot and an object's role.

    Raises:
        UnknownNameError: There is no such feature or object.
        SpecError: It does not exist in a live world.
    """
    check_feature(name)
    head, _, role = name.partition(".")
    value = OF_OBJECT[head](arrays, role) if role else PLAIN[head](arrays)
    return np.ascontiguousarray(value, dtype=np.float32)
