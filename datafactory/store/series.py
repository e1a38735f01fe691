"""The numeric time series of a stored episode: one table drives schema, encoding and docs.

Every series is one flat list, component by component: value ``c * T + i`` is component c of frame
i. Joints and resting objects change little from frame to frame, so this order compresses a fifth
better than frame by frame. Lance compresses a list only through metadata on its *leaf* field, and
never compresses ``FixedSizeList`` items. In rows and episodes arrays have their natural shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

POSE = 7


@dataclass(frozen=True)
class Series:
    """One stored numeric series.

    Attributes:
        name: Column name.
        width: Column that holds the number of values per frame (``nq`` ...), or a fixed number.
        per_arm: There are as many values for every arm of a robot with several.
        dtype: ``float32``, ``float64`` or ``int32``.
        unit: Unit of the values; several when they differ by component.
        meaning: One line for people.
    """

    name: str
    width: str | int
    dtype: str
    unit: str
    meaning: str
    per_arm: bool = False

    def components(self, row: Mapping[str, Any]) -> int:
        """Number of values per frame in a row.

        Raises:
            KeyError: The row was read without the column that holds the width.
        """
        if isinstance(self.width, int):
            return self.width * max(1, self._arms(row))
        per_unit = POSE if self.width == "n_objects" else 1
        return int(row[self.width]) * per_unit

    def _arms(self, row: Mapping[str, Any]) -> int:
        """Number of arms this series has an axis for; 0 for one arm, which needs none."""
        return len(row.get("arms") or ()) if self.per_arm else 0

    def flatten(self, array: Any) -> np.ndarray[Any, Any]:
        """Returns (T, ...) values as stored: 1-D, component by component.

        Raises:
            TypeError: The array has another dtype; converting it would change stored bits.
        """
        a = np.asarray(array)
        if a.dtype != np.dtype(self.dtype):
            raise TypeError(f"{self.name} must be {self.dtype}, not {a.dtype}")
        if a.ndim == 1 or a.size == 0:
            return a.reshape(-1)
        return a.reshape(a.shape[0], -1).T.reshape(-1)

    def restore(self, values: np.ndarray[Any, Any], row: Mapping[str, Any]) -> np.ndarray[Any, Any]:
        """Returns stored values in their natural shape, C-contiguous."""
        arms = self._arms(row)
        if self.width == 1 and not arms:
            return values
        count = self.components(row)
        frames = values.size // count if count else int(row["length"])
        a = np.ascontiguousarray(values.reshape(count, frames).T)
        several = self.width == "n_objects" or (arms and self.width == POSE)
        return a.reshape(frames, count // POSE, POSE) if several else a


TRAJECTORY = (
    Series("qpos", "nq", "float32", "m, rad, 1", "generalised positions of the whole model"),
    Series("qvel", "nv", "float32", "m/s, rad/s", "generalised velocities of the whole model"),
    Series("ctrl", "nu", "float32", "actuator", "controls held from frame i to i + 1"),
    Series("eef_pose", POSE, "float32", "m, 1", "world_from_tcp, xyz + wxyz", per_arm=True),
    Series("gripper_opening", 1, "float32", "1", "0 closed to 1 open", per_arm=True),
    Series("gripper_width", 1, "float32", "m", "metric gripper opening", per_arm=True),
    Series("object_poses", "n_objects", "float32", "m, 1", "world_from_object, xyz + wxyz"),
    Series("action_joint", "dof", "float32", "rad", "absolute joint targets"),
    Series("action_gripper", 1, "float32", "1", "absolute opening target", per_arm=True),
    Series(
        "action_eef", POSE, "float32", "m, 1", "absolute TCP target, world_from_tcp", per_arm=True
    ),
)
"""Per frame series of ``episodes``; frame i is the state at i / fps, before action i."""

REPLAY = (
    Series("checkpoint_frames", 1, "int32", "frame", "frames of the checkpoints"),
    Series("integration_states", "state_size", "float64", "mixed", "mjSTATE_INTEGRATION vectors"),
)
"""What re-executes an episode bit for bit."""

TRACK = (
    Series("track_object_poses", "n_objects", "float32", "m, 1", "world_from_object, xyz + wxyz"),
    Series("track_tcp_pose", POSE, "float32", "m, 1", "world_from_tcp, xyz + wxyz", per_arm=True),
)
"""The low-rate pose track of ``attempts``."""

BY_NAME = {s.name: s for s in (*TRAJECTORY, *REPLAY, *TRACK)}
