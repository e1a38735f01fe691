"""The numeric time series of a stored episode: one table drives schema, encoding and docs.

Lance compresses a list column only through metadata on its *leaf* field, and never compresses
``FixedSizeList`` items. Series are therefore flat, frame-major lists with byte-stream-split and
zstd, except 7-wide poses, which stay ``list<FixedSizeList<float32, 7>>`` because they barely
compress anyway.
"""

from __future__ import annotations

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
        dtype: ``float32``, ``float64`` or ``int32``.
        unit: Unit of the values; several when they differ by component.
        meaning: One line for people.
    """

    name: str
    width: str | int
    dtype: str
    unit: str
    meaning: str

    @property
    def is_pose(self) -> bool:
        """Whether it is stored as a list of fixed-size 7-vectors."""
        return self.width == POSE

    def shape(self, row: dict[str, Any]) -> tuple[int, ...]:
        """Array shape of this series in a row; (-1,) for scalar series."""
        if self.width == 1:
            return (-1,)
        if isinstance(self.width, int):
            return (-1, self.width)
        if self.width == "n_objects":
            return (int(row["length"]), int(row["n_objects"]), POSE)
        if self.width == "state_size":
            return (-1, max(int(row["state_size"]), 1))
        return (int(row["length"]), int(row[self.width]))


TRAJECTORY = (
    Series("qpos", "nq", "float32", "m, rad, 1", "generalised positions of the whole model"),
    Series("qvel", "nv", "float32", "m/s, rad/s", "generalised velocities of the whole model"),
    Series("ctrl", "nu", "float32", "actuator", "controls held from frame i to i + 1"),
    Series("eef_pose", POSE, "float32", "m, 1", "world_from_tcp, xyz + wxyz"),
    Series("gripper_opening", 1, "float32", "1", "0 closed to 1 open"),
    Series("gripper_width", 1, "float32", "m", "metric gripper opening"),
    Series("object_poses", "n_objects", "float32", "m, 1", "world_from_object, xyz + wxyz"),
    Series("action_joint", "dof", "float32", "rad", "absolute joint targets"),
    Series("action_gripper", 1, "float32", "1", "absolute opening target"),
    Series("action_eef", POSE, "float32", "m, 1", "absolute TCP target, world_from_tcp"),
)
"""Per frame series of ``episodes``; frame i is the state at i / fps, before action i."""

REPLAY = (
    Series("checkpoint_frames", 1, "int32", "frame", "frames of the checkpoints"),
    Series("integration_states", "state_size", "float64", "mixed", "mjSTATE_INTEGRATION vectors"),
)
"""What re-executes an episode bit for bit."""

TRACK = (
    Series("track_object_poses", "n_objects", "float32", "m, 1", "world_from_object, xyz + wxyz"),
    Series("track_tcp_pose", POSE, "float32", "m, 1", "world_from_tcp, xyz + wxyz"),
)
"""The low-rate pose track of ``attempts``."""

BY_NAME = {s.name: s for s in (*TRAJECTORY, *REPLAY, *TRACK)}


def flat(array: Any, series: Series) -> np.ndarray[Any, Any]:
    """Returns the values as a contiguous 1-D array of exactly the stored dtype.

    Raises:
        TypeError: The array has another dtype; converting it would change stored bits.
    """
    a = np.asarray(array)
    if a.dtype != np.dtype(series.dtype):
        raise TypeError(f"{series.name} must be {series.dtype}, not {a.dtype}")
    return np.ascontiguousarray(a).reshape(-1)
