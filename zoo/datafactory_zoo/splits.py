"""Which episodes train and which are kept back, as a filter on what the dataset already says."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from datafactory.errors import DatasetError, SpecError
from datafactory.store.dataset import Dataset
from datafactory.store.encode import to_rows

By = Literal["episode", "task", "object", "seed"]
WAYS: tuple[str, ...] = ("episode", "task", "object", "seed")


@dataclass(frozen=True)
class Split:
    """How episodes are divided into training and validation.

    Attributes:
        by: ``episode``: each on its own; ``task``, ``object`` (the asset of the first role) or
            ``seed`` (the run seed): all episodes that share it go the same way, so validation
            meets only unseen ones.
        share: Share of the groups that is kept back, in [0, 1).
        limit: Largest number of training episodes, the first in storage order; None for all.
    """

    by: By = "episode"
    share: float = 0.05
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.by not in WAYS:
            raise SpecError(f"cannot split by '{self.by}'", remedy="one of " + ", ".join(WAYS))
        if not 0.0 <= self.share < 1.0:
            raise SpecError(f"a share of {self.share} cannot be kept back", why="use [0, 1)")


@dataclass(frozen=True)
class Parts:
    """Ids of the episodes of each part, in storage order."""

    train: tuple[str, ...]
    validation: tuple[str, ...]


def _kept_back(group: str, share: float) -> bool:
    digest = hashlib.blake2b(group.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") / 2**64 < share


def divide(
    dataset: Dataset, split: Split, *, where: str | None = None,
    without: frozenset[str] = frozenset(),
) -> Parts:  # fmt: skip
    """Divides a dataset's episodes. A group's side depends on its name only, not on the others.

    Args:
        dataset: Dataset.
        split: How.
        where: Filter on episodes.
        without: Ids to leave out altogether.

    Raises:
        DatasetError: Nothing is left to train on.
    """
    columns = ["episode_id", "task", "run_seed", "objects"]
    train: list[str] = []
    validation: list[str] = []
    for row in to_rows(dataset.episodes(where, columns=columns)):
        if row["episode_id"] in without:
            continue
        first = row["objects"][0]["asset_id"] if row["objects"] else ""
        groups = {"episode": row["episode_id"], "task": row["task"], "object": first,
                  "seed": str(row["run_seed"])}  # fmt: skip
        kept = _kept_back(groups[split.by], split.share)
        (validation if kept else train).append(row["episode_id"])
    train = train[: split.limit] if split.limit is not None else train
    if not train:
        raise DatasetError(
            f"no episode of {dataset.location.root} is left to train on",
            why=f"split by {split.by}, {split.share:.0%} kept back, filter: {where or 'none'}",
            remedy="split by 'episode', keep less back, or widen the filter",
        )
    return Parts(tuple(train), tuple(validation))
