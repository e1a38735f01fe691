"""The episodes of an export: which ones, at which rate, with which images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import SpecError
from datafactory.exchange.contract import ExportOptions
from datafactory.instructions import Instruction, instruction_index
from datafactory.store.dataset import Dataset
from datafactory.store.stored import StoredEpisode
from datafactory.subtasks import subtask_index, subtasks_of

if TYPE_CHECKING:
    from datafactory.render.view import View

Index = NDArray[np.int64]


@dataclass(frozen=True)
class Selection:
    """What is exported; all episodes have the same robot, rate and cameras.

    Attributes:
        dataset: Source.
        where, limit: Filter and largest number of episodes.
        variant: Render variant; empty for no images.
        cameras: Cameras exported.
        count: Number of episodes, those without images included.
        robot: Robot name.
        source_fps: Record rate of the episodes, Hz.
    """

    dataset: Dataset
    where: str | None
    limit: int | None
    variant: str
    cameras: tuple[str, ...]
    count: int
    robot: str
    source_fps: int

    def describe(self) -> dict[str, Any]:
        """JSON-ready form for metadata."""
        names = ("where", "limit", "variant", "robot", "source_fps")
        return {**{name: getattr(self, name) for name in names}, "cameras": list(self.cameras)}


@dataclass(frozen=True, eq=False)
class Sample:
    """One episode at the rate of the export; F rows.

    With images, row k is the episode frame that image k shows, so several episode frames may pass
    between two rows. The action of row k is the target of the *last* episode frame before row
    k + 1: whoever holds it for the whole row ends where the recorded robot was heading when row
    k + 1 was measured. The action of the last row is the episode's last target.

    Attributes:
        episode: The stored episode.
        views: The exported cameras by name; empty without images.
        fps: Rows per second.
        frames: (F,) episode frame of each row.
        targets: (F,) episode frame whose target is the action of each row.
    """

    episode: StoredEpisode
    views: Mapping[str, View]
    fps: int
    frames: Index
    targets: Index

    @property
    def length(self) -> int:
        """Number of rows F."""
        return len(self.frames)

    def timestamps(self) -> NDArray[np.float32]:
        """(F,) float32 seconds from the episode's start."""
        return (np.arange(self.length) / self.fps).astype(np.float32)

    def phases(self) -> Index:
        """(F,) index into the episode's phases; -1 where none is labelled."""
        labels = np.full(self.episode.length, -1, dtype=np.int64)
        for k, phase in enumerate(self.episode.trajectory.phases):
            labels[phase.start : phase.stop] = k
        return labels[self.frames]

    def instructions(self) -> tuple[Instruction, ...]:
        """What was said; ``start`` is the first row at which it holds."""
        return tuple(
            replace(said, start=int(np.searchsorted(self.frames, said.start)))
            for said in self.episode.instructions
        )

    def instruction_index(self) -> Index:
        """(F,) index into the episode's instructions."""
        return instruction_index(self.episode.instructions, self.frames)

    def subtasks(self) -> Index:
        """(F,) index into the episode's sub-tasks; -1 where none is labelled."""
        labels = subtask_index(subtasks_of(self.episode.extra), self.episode.length)
        return labels[self.frames]


def select(dataset: Dataset, options: ExportOptions) -> Selection:
    """Finds what an export is about.

    Raises:
        SpecError: No episode is left, they differ in robot or rate, or there are no such images.
        UnknownNameError: There is no such variant or camera.
    """
    table = dataset.episodes(options.where, ["robot", "fps", "dof"], options.limit)
    if not table.num_rows:
        raise SpecError(
            "there is nothing to export",
            where=dataset.location.root,
            why=f"no episode of {len(dataset)} matches {options.where!r}"
            if len(dataset)
            else "the dataset has no episodes",
            remedy="check the filter" if len(dataset) else "generate some episodes first",
        )
    kinds = sorted(
        set(zip(*(table.column(c).to_pylist() for c in table.column_names), strict=True))
    )
    if len(kinds) > 1:
        robot, fps, _ = kinds[0]
        raise SpecError(
            "the episodes do not have the same columns",
            why="; ".join(f"{r}: {d} joints at {f} Hz" for r, f, d in kinds),
            remedy=f"export them one by one, for example --where \"robot = '{robot}' "
            f'AND fps = {fps}"',
        )
    variant, cameras = _choose_images(dataset, options)
    return Selection(
        dataset=dataset,
        where=options.where,
        limit=options.limit,
        variant=variant,
        cameras=cameras,
        count=table.num_rows,
        robot=kinds[0][0],
        source_fps=kinds[0][1],
    )


def _choose_images(dataset: Dataset, options: ExportOptions) -> tuple[str, tuple[str, ...]]:
    """(variant, cameras); an empty variant for no images."""
    from datafactory.store.renders import check_cameras, find_variant, variants

    if not options.variant and not options.cameras and not variants(dataset):
        return "", ()
    found = find_variant(dataset, options.variant)
    return found.name, check_cameras(found, options.cameras)


def iter_samples(selection: Selection) -> Iterator[Sample]:
    """The selected episodes in storage order, a few at a time in memory.

    Episodes that have no images in the chosen variant are left out.

    Raises:
        SpecError: The images of a camera differ in size or rate.
    """
    from datafactory.store.renders import iter_episode_views

    if not selection.variant:
        plain = selection.dataset.iter_episodes(selection.where)
        for episode in islice(plain, selection.limit):
            frames = np.arange(episode.length)
            yield Sample(episode, {}, episode.fps, frames, frames)
        return
    seen = iter_episode_views(
        selection.dataset, selection.variant, selection.cameras, selection.where
    )
    size: dict[str, tuple[int, int, int]] = {}
    for episode, views in islice(seen, selection.limit):
        for camera, view in views.items():
            found = (view.intrinsics.width, view.intrinsics.height, view.fps)
            if size.setdefault(camera, found) != found:
                raise _unlike(camera, episode.episode_id, found, size[camera])
        yield _sample(episode, {camera: views[camera] for camera in selection.cameras})


def _unlike(
    camera: str, episode_id: str, found: tuple[int, int, int], before: tuple[int, int, int]
) -> SpecError:
    now, then = ("{}x{} pixels at {} Hz".format(*size) for size in (found, before))
    return SpecError(
        f"the images of camera '{camera}' are not all alike",
        where=f"episode {episode_id}",
        why=f"they are {now}, those before {then}",
        remedy="choose episodes that are alike with --where",
    )


def _sample(episode: StoredEpisode, views: Mapping[str, View]) -> Sample:
    first = next(iter(views.values()))
    frames = first.frames.astype(np.int64)
    for view in views.values():
        if view.fps != first.fps or not np.array_equal(view.frames, first.frames):
            raise SpecError(
                "the cameras do not show the same frames",
                where=f"episode {episode.episode_id}",
                why=f"'{view.camera}' differs from '{first.camera}'",
                remedy="export them one by one with --cameras",
            )
    targets = np.append(frames[1:], episode.length) - 1
    return Sample(episode, views, first.fps, frames, targets)
