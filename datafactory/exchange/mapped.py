"""Series of an imported episode, read through a column mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.episode import ArmSeries, Phase, Trajectory
from datafactory.errors import SpecError
from datafactory.exchange.actions import decode, from_frame, in_frame
from datafactory.exchange.mapping import (
    Array,
    ColumnMapping,
    Gripper,
    PoseSource,
    PoseTarget,
    Source,
    Tool,
    Values,
    Vector,
    shipped_mappings,
)
from datafactory.geometry import normalize

IDENTITY = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)


class Reader:
    """Reads the series of one source through a mapping."""

    def __init__(self, mapping: ColumnMapping, known: Mapping[str, Sequence[str]]) -> None:
        """Finds what the source has.

        Args:
            mapping: The mapping.
            known: Component names of the source's columns.

        Raises:
            SpecError: It has neither joint positions nor a pose of the end effector, or an entry
                does not have the components it needs.
        """
        self.mapping = mapping
        self._known = known
        self._check_pose("base_pose", mapping.base_pose)
        for tool in mapping.tools:
            self._check_pose("eef_pose", tool.eef_pose)
            self._check_pose("action_eef", tool.action_eef)
        measured = (mapping.joint_positions, *(tool.eef_pose for tool in mapping.tools))
        if not any(self._has(entry) for entry in measured):
            raise SpecError(
                "the column mapping does not fit the source",
                where=mapping.name or "mapping",
                why="it finds neither joint_positions nor eef_pose; the source has "
                + ", ".join(sorted(known)[:40]),
                remedy="choose another mapping or write one; shipped: "
                + ", ".join(shipped_mappings()),
            )

    def _check_pose(self, name: str, entry: PoseSource | None) -> None:
        if entry is None or not self._has(entry):
            return
        parts = {
            "position": (entry.position, 3),
            "rotation": (entry.rotation, entry.rotation.width),
        }
        for part, (source, width) in parts.items():
            found = len(source.chosen(self._known) or ())
            if found != width:
                raise SpecError(
                    "the column mapping does not fit the source",
                    where=f"{name}.{part}",
                    why=f"'{source.key}' gives {found} components; {width} are needed",
                    remedy="choose them: columns: [first, last + 1]",
                )

    def knows(self, key: str) -> bool:
        """Whether the source has a column."""
        return key in self._known

    def _has(self, entry: Source | PoseSource | None) -> bool:
        if entry is None:
            return False
        if isinstance(entry, PoseSource):
            return self._has(entry.position) and self._has(entry.rotation)
        return entry.chosen(self._known) is not None

    def _take(self, entry: Source, values: Values) -> NDArray[Any]:
        found = values(entry.key)
        return found.reshape(len(found), -1)[:, entry.chosen(self._known)]

    def vector(self, entry: Vector | None, values: Values) -> NDArray[Any] | None:
        """(T, n) values in SI units; None when absent."""
        if entry is None or not self._has(entry):
            return None
        return entry.convert(self._take(entry, values))

    def gripper(self, entry: Gripper | None, values: Values) -> NDArray[Any] | None:
        """(T,) opening; None when absent."""
        if entry is None or not self._has(entry):
            return None
        return entry.convert(self._take(entry, values))

    def pose(self, entry: PoseSource | None, base: Array, values: Values) -> Any:
        """(T, 7) poses in the world; None when absent.

        Args:
            entry: Mapping entry.
            base: (7,) world_from_base.
            values: The episode's columns.
        """
        if entry is None or not self._has(entry):
            return None
        place = entry.position.convert(self._take(entry.position, values))
        turn = entry.rotation.quat(self._take(entry.rotation, values))
        poses = np.concatenate([place, turn], axis=1)
        return from_frame(base, poses) if entry.frame == "base" else poses

    def joint_targets(self, measured: NDArray[Any] | None, values: Values) -> NDArray[Any] | None:
        """(T, dof) absolute joint targets; None when absent or not to be had."""
        entry = self.mapping.action_joint
        found = self.vector(entry, values)
        if entry is None or found is None or entry.form == "absolute":
            return found
        return None if measured is None else decode(entry.form, "joint", found, measured)

    def pose_targets(
        self, entry: PoseTarget | None, measured: Any, base: Array, values: Values
    ) -> Any:
        """(T, 7) absolute targets in the world; None when absent or not to be had.

        Args:
            entry: Mapping entry.
            measured: (T, 7) measured poses in the world, or None.
            base: (7,) world_from_base.
            values: The episode's columns.
        """
        if entry is None or not self._has(entry) or entry.form == "absolute":
            return self.pose(entry, base, values)
        if measured is None:
            return None
        step = np.concatenate(
            [
                entry.position.convert(self._take(entry.position, values)),
                entry.rotation.vector(self._take(entry.rotation, values)),
            ],
            axis=1,
        )
        if entry.frame == "world":
            return decode(entry.form, "eef", step, normalized(measured))
        local = in_frame(base, normalized(measured))
        return from_frame(base, decode(entry.form, "eef", step, local))


def normalized(poses: NDArray[Any]) -> Array:
    """Poses (T, 7) in float64 with unit quaternions."""
    p = np.asarray(poses, dtype=np.float64)
    return np.concatenate([p[:, :3], normalize(p[:, 3:])], axis=1)


def read_trajectory(
    reader: Reader, values: Values, length: int, fps: int, where: str
) -> tuple[NDArray[Any], Trajectory, set[str]]:
    """(world_from_base, series, names of absent series) of an episode.

    Args:
        reader: Reads the source.
        values: The episode's columns, of ``length`` rows.
        length: Number of rows.
        fps: Rows per second.
        where: The episode, for errors.

    Raises:
        SpecError: Joint positions, targets and the arms' joints differ in number.
    """
    mapping, n = reader.mapping, length
    world = np.array(IDENTITY)
    based = reader.pose(mapping.base_pose, world, values)
    base = world if based is None else np.asarray(based[0], dtype=np.float64)
    joints = reader.vector(mapping.joint_positions, values)
    tools = _tools(reader, base, values)
    targets = reader.joint_targets(joints, values)
    found = {"qpos": joints, "action_joint": targets, "base_pose": based, **tools}
    absent = {name for name, array in found.items() if array is None}
    dof = _joint_count(mapping, joints, targets, where)
    speed = reader.vector(mapping.joint_velocities, values)
    arms = (len(mapping.arms),) if mapping.arms else ()
    trajectory = Trajectory(
        fps=fps,
        qpos=_float32(joints, n, dof),
        qvel=_float32(speed, n, 0 if speed is None else speed.shape[1]),
        ctrl=np.empty((n, 0), np.float32),
        eef_pose=_float32(tools["eef_pose"], n, *arms, 7),
        gripper_opening=_float32(tools["gripper_opening"], n, *arms),
        gripper_width=_float32(tools["gripper_width"], n, *arms),
        object_poses=np.empty((n, 0, 7), np.float32),
        action_joint=_float32(targets, n, dof),
        action_gripper=_float32(tools["action_gripper"], n, *arms),
        action_eef=_float32(tools["action_eef"], n, *arms, 7),
        phases=(Phase("episode", 0, n),),
        contacts=(),
        arms=tuple(ArmSeries(arm.name, arm.joints) for arm in mapping.arms),
    )
    return base, trajectory, absent


def _joint_count(mapping: ColumnMapping, joints: Any, targets: Any, where: str) -> int:
    counts = {
        "positions": None if joints is None else joints.shape[1],
        "targets": None if targets is None else targets.shape[1],
        "of the arms": sum(arm.joints for arm in mapping.arms) if mapping.arms else None,
    }
    known = {name: count for name, count in counts.items() if count is not None}
    if len(set(known.values())) > 1:
        raise SpecError(
            "joint positions, joint targets and the arms' joints differ in number",
            where=where,
            why=", ".join(f"{count} {name}" for name, count in known.items()),
            remedy="choose their components in the column mapping (columns: [first, last + 1])",
        )
    return next(iter(known.values()), 0)


def _tools(reader: Reader, base: Array, values: Values) -> dict[str, NDArray[Any] | None]:
    """The series of grippers and tools, with an axis of arms where there are several.

    A series that one of the arms lacks is None.
    """
    parts: dict[str, list[Any]] = {name: [] for name in Tool.model_fields}
    for tool in reader.mapping.tools:
        eef = reader.pose(tool.eef_pose, base, values)
        width = reader.vector(tool.gripper_width, values)
        parts["eef_pose"].append(eef)
        parts["gripper_opening"].append(reader.gripper(tool.gripper_opening, values))
        parts["gripper_width"].append(None if width is None else width[:, 0])
        parts["action_gripper"].append(reader.gripper(tool.action_gripper, values))
        parts["action_eef"].append(reader.pose_targets(tool.action_eef, eef, base, values))
    return {
        name: None
        if any(part is None for part in found)
        else np.stack(found, axis=1)
        if reader.mapping.arms
        else found[0]
        for name, found in parts.items()
    }


def _float32(values: Any, *shape: int) -> NDArray[np.float32]:
    if values is None:
        return np.full(shape, np.nan, dtype=np.float32)
    return np.ascontiguousarray(np.asarray(values).reshape(shape), dtype=np.float32)
