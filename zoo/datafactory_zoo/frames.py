"""Low-dimensional features of all frames of a dataset, read once and held in memory.

At 244,000 episodes of 170 frames and 60 numbers a frame this is 10 GB; a selection of episodes or
fewer features keeps it smaller. Images stay in the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import DatasetCorruptError, DatasetError, SpecError, UnknownNameError
from datafactory.instructions import COLUMN as EVENTS
from datafactory.instructions import Instruction, instructions_of
from datafactory.store.dataset import Dataset
from datafactory.store.encode import to_rows
from datafactory.store.filters import check_filter
from datafactory.store.location import reading
from datafactory_zoo.features import EpisodeArrays, check_feature, feature

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
BATCH_EPISODES = 64
_ARRAYS = (
    "qpos", "gripper_opening", "eef_pose", "object_poses",
    "action_joint", "action_gripper", "action_eef",
)  # fmt: skip
_LIGHT = (
    "episode_id", "task", "robot", "fps", "length", "nq", "dof", "n_objects", "joint_addresses",
    "world_from_base", "objects", "instruction", "paraphrases", "instruction_split", "absent",
)  # fmt: skip
_WIDTHS = ("nv", "nu")
_OWN = (EVENTS,)
"""Columns of generators."""


@dataclass(frozen=True, eq=False)
class FrameTable:
    """Features of all frames of the selected episodes.

    Attributes:
        values: Feature name to (N, width) float32 over all N frames, episode after episode.
        starts: (E,) first frame of each episode in ``values``.
        lengths: (E,) frames of each episode.
        fps: Frames per second, the same for all.
        robot: Robot name, the same for all.
        dof: Controlled joints; arms: number of grippers.
        episode_ids: (E,) ids in storage order.
        tasks: (E,) task names.
        instructions: (E,) what was said in each episode, in order.
    """

    values: Mapping[str, Floats]
    starts: Ints
    lengths: Ints
    fps: int
    robot: str
    dof: int
    arms: int
    episode_ids: tuple[str, ...]
    tasks: tuple[str, ...]
    instructions: tuple[tuple[Instruction, ...], ...]

    def __len__(self) -> int:
        return len(self.episode_ids)

    @property
    def frames(self) -> int:
        """Number of frames N."""
        return int(self.lengths.sum())

    def locate(self, samples: Ints) -> tuple[Ints, Ints]:
        """Episode numbers and frames within them (B,) of frames (B,) counted over all."""
        episodes = np.searchsorted(self.starts, samples, side="right") - 1
        return episodes, samples - self.starts[episodes]


def row_arrays(row: Mapping[str, Any]) -> EpisodeArrays:
    """The arrays of one stored row; rows come from ``to_rows`` in their natural shape."""
    length, dof = int(row["length"]), int(row["dof"])
    joints = list(row["joint_addresses"]) or list(range(dof))
    objects = row["objects"]
    return EpisodeArrays(
        joint_position=row["qpos"][:, joints],
        gripper_opening=row["gripper_opening"].reshape(length, -1),
        eef_pose=row["eef_pose"].reshape(length, -1, 7),
        object_poses=row["object_poses"].reshape(length, len(objects), 7),
        world_from_base=np.asarray(row["world_from_base"], dtype=np.float64),
        roles=tuple(o["name"] for o in objects),
        sizes=np.array([o["size"] for o in objects], dtype=np.float32).reshape(-1, 3),
        action_joint=row["action_joint"],
        action_gripper=row["action_gripper"].reshape(length, -1),
        action_eef=row["action_eef"].reshape(length, -1, 7),
    )


def episode_columns(dataset: Dataset) -> list[str]:
    """Columns that :func:`row_arrays` needs, as far as this dataset's format has them."""
    names = set(dataset.schema.names)
    arms = [name for name in dataset.schema.names if name.startswith("arm")]
    return [c for c in (*_LIGHT, *_WIDTHS, *_ARRAYS, *_OWN, *arms) if c in names]


def load_frames(
    dataset: Dataset,
    features: Sequence[str],
    *,
    where: str | None = None,
    without: frozenset[str] = frozenset(),
) -> FrameTable:
    """Reads features of all selected episodes.

    Args:
        dataset: Dataset.
        features: Feature names.
        where: Filter on episodes, as in ``Dataset.episodes``.
        without: Ids of episodes to leave out.

    Raises:
        DatasetError: No episode is left, or they differ in robot or rate.
        SpecError: An episode lacks an object that a feature names.
        DatasetCorruptError: A value is not finite.
    """
    for name in features:
        check_feature(name)
    if where is not None:
        check_filter(where, dataset.schema.names)
    parts: dict[str, list[Floats]] = {name: [] for name in features}
    rows: list[dict[str, Any]] = []
    scanner = dataset.table("episodes").scanner(
        columns=episode_columns(dataset), filter=where, batch_size=BATCH_EPISODES,
        batch_readahead=1, fragment_readahead=1, scan_in_order=True,
    )  # fmt: skip
    with reading(dataset.location, "episodes"):
        for batch in scanner.to_batches():
            for row in to_rows(batch):
                if row["episode_id"] in without:
                    continue
                _check_alike(rows, row)
                _check_present(features, row)
                arrays = row_arrays(row)
                for name in features:
                    parts[name].append(_finite(arrays, name, row))
                rows.append({k: row.get(k) for k in _KEPT} | {"arms": arrays.arms})
    if not rows:
        raise DatasetError(
            f"no episode of {dataset.location.root} is left to read",
            why=f"the filter is: {where}" if where else "the dataset is empty",
            remedy=f"datafactory stats {dataset.location.root}",
        )
    lengths = np.array([r["length"] for r in rows], dtype=np.int64)
    return FrameTable(
        values={name: np.concatenate(chunks) for name, chunks in parts.items()},
        starts=np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64),
        lengths=lengths,
        fps=int(rows[0]["fps"]),
        robot=str(rows[0]["robot"]),
        dof=int(rows[0]["dof"]),
        arms=int(rows[0]["arms"]),
        episode_ids=tuple(r["episode_id"] for r in rows),
        tasks=tuple(r["task"] for r in rows),
        instructions=tuple(instructions_of(r["instruction"], r["paraphrases"], r) for r in rows),
    )


_KEPT = ("episode_id", "length", "fps", "robot", "dof", "task", "instruction", "paraphrases",
         *_OWN)  # fmt: skip


def _check_alike(rows: Sequence[Mapping[str, Any]], row: Mapping[str, Any]) -> None:
    if not rows:
        return
    for key in ("robot", "fps", "dof"):
        if row[key] != rows[0][key]:
            raise DatasetError(
                f"episodes differ in {key}: {rows[0][key]} and {row[key]}",
                where=f"episode {row['episode_id']}",
                why="one table of samples needs one robot and one rate",
                remedy=f"select some with a filter such as \"{key} = '{rows[0][key]}'\", "
                "and mix them as several datasets",
            )


_SERIES = {
    "joint_position": "qpos", "base_from_tcp": "eef_pose", "tcp_from_object": "eef_pose",
}  # fmt: skip
"""Stored series of features that are not called the same."""


def _check_present(features: Sequence[str], row: Mapping[str, Any]) -> None:
    """Raises ``DatasetError`` when an imported episode lacks series that features are made of."""
    heads = {name: name.partition(".")[0] for name in features}
    absent = row.get("absent") or ()
    lost = {name: _SERIES.get(head, head) for name, head in heads.items()
            if _SERIES.get(head, head) in absent}  # fmt: skip
    if lost:
        columns = sorted(set(lost.values()))
        raise DatasetError(
            f"the dataset has no {', '.join(columns)}, which {', '.join(lost)} are made of",
            where=f"episode {row['episode_id']}", why="it was imported from a source without them",
            remedy="import it again with a mapping that names them (datafactory import SOURCE DIR "
            "--mapping FILE), or leave these features out of the recipe",
        )  # fmt: skip


def _finite(arrays: EpisodeArrays, name: str, row: Mapping[str, Any]) -> Floats:
    try:
        values = feature(arrays, name)
    except UnknownNameError as error:
        raise SpecError(
            f"feature '{name}' needs an object that an episode does not have",
            where=f"episode {row['episode_id']} of task '{row['task']}'",
            why=f"its objects are {', '.join(arrays.roles)}",
            remedy="name another role, or select episodes of one task: \"task = '...'\"",
        ) from error
    if not np.isfinite(values).all():
        frame = int(np.argwhere(~np.isfinite(values))[0, 0])
        raise DatasetCorruptError(
            f"'{name}' is not a finite number",
            where=f"episode {row['episode_id']}, frame {frame}",
            remedy=f"leave it out: --where \"episode_id != '{row['episode_id']}'\"",
        )
    return values
