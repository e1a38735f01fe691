"""Random access to stored images: what a training loader calls for every batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import DatasetCorruptError, UnknownNameError
from datafactory.store.dataset import Dataset
from datafactory.store.location import reading
from datafactory.store.renders import load_images, naming, view_rows
from datafactory.store.variants import TABLE, check_cameras, find_variant, render_table
from datafactory.store.video_reader import VideoReader

BATCH_ROWS = 4096


class ImageReader:
    """Reads images of any episodes and cameras of one variant, many in one call.

    Keeps 20 bytes per view in memory and 4 or 5 per image. Episodes are numbered in storage order;
    those without images of the variant are left out.

    Attributes:
        variant: The variant.
        cameras: The cameras that can be read.
        episode_ids: Ids of the episodes by number.
    """

    def __init__(
        self,
        dataset: Dataset,
        variant: str | None = None,
        cameras: Sequence[str] | None = None,
        where_episodes: str | None = None,
    ) -> None:
        """Finds the images.

        Args:
            dataset: Dataset; open it again in another process.
            variant: Variant; None for the only one.
            cameras: Cameras; None for all.
            where_episodes: Filter on episodes, as in ``Dataset.episodes``.

        Raises:
            DatasetError: Nothing was rendered.
            UnknownNameError: There is no such variant or camera.
            DatasetCorruptError: An episode lacks one of the cameras.
        """
        self.variant = find_variant(dataset, variant)
        self.cameras = check_cameras(self.variant, cameras)
        self._dataset = dataset
        ids = dataset.episodes(where_episodes, columns=["episode_id"]).column(0)
        rows, episodes = view_rows(dataset, self.variant.name, self.cameras, ids)
        found, counts = np.unique(episodes, return_counts=True)
        self.episode_ids: list[str] = ids.take(found).to_pylist()
        if (counts != len(self.cameras)).any():
            lost = self.episode_ids[int(np.argmax(counts != len(self.cameras)))]
            raise DatasetCorruptError(
                "an episode does not have images of every camera",
                where=f"episode {lost}",
                remedy="render again as another --variant",
            )
        self._rows = rows.reshape(-1, len(self.cameras))
        self._load_offsets()

    def _load_offsets(self) -> None:
        """Reads the number of images and the byte offsets of all views."""
        table, flat = render_table(self._dataset), self._rows.reshape(-1)
        lengths, counts = [np.empty(0, np.int32)], [np.zeros(1, np.int64)]
        offsets = [np.empty(0, np.uint32)]
        for start in range(0, len(flat), BATCH_ROWS):
            with reading(self._dataset.location, TABLE):
                part = table.take(
                    flat[start : start + BATCH_ROWS].tolist(), columns=["length", "video_offsets"]
                )
            packs = part.column(1).combine_chunks()
            values = packs.flatten().to_numpy()
            if values.size and values.max() > np.iinfo(np.uint32).max:
                raise DatasetCorruptError("a view's images are larger than 4 GiB")
            lengths.append(part.column(0).to_numpy())
            counts.append(packs.value_lengths().to_numpy())
            offsets.append(values.astype(np.uint32))
        self._lengths = np.concatenate(lengths).reshape(self._rows.shape)
        self._offsets = np.concatenate(offsets)
        self._begins = np.cumsum(np.concatenate(counts))
        is_video = len(flat) > 0 and not len(self._offsets)
        self._videos = VideoReader(self._lengths.reshape(-1)) if is_video else None

    def __len__(self) -> int:
        return len(self.episode_ids)

    def length(self, episode: int) -> int:
        """Number of images of an episode from each camera."""
        return int(self._lengths[episode, 0])

    def read(self, requests: Sequence[tuple[int, str, Sequence[int]]]) -> list[NDArray[np.uint8]]:
        """Decodes images of many views.

        Args:
            requests: (episode number, camera, image indices) of each view.

        Returns:
            (k, h, w, 3) uint8 sRGB for every request.

        Raises:
            IndexError: There is no such episode or image.
            UnknownNameError: There is no such camera.
            DatasetCorruptError: Images cannot be read or decoded.
        """
        asked = []
        for episode, camera, indices in requests:
            if not 0 <= episode < len(self):
                raise IndexError(f"there is no episode {episode}; there are {len(self)}")
            if camera not in self.cameras:
                raise UnknownNameError.of("camera", camera, self.cameras, self.variant.name)
            view = episode * len(self.cameras) + self.cameras.index(camera)
            asked.append((view, int(self._rows.flat[view]), indices))
        try:
            return self._read(asked)
        except (DatasetCorruptError, OSError, ValueError):
            for (episode, camera, _), one in zip(requests, asked, strict=True):
                with naming(self.episode_ids[episode], camera):
                    self._read([one])
            raise

    def _read(self, asked: Sequence[tuple[int, int, Sequence[int]]]) -> list[NDArray[np.uint8]]:
        """Images of (view, row offset in the table, image indices)."""
        table = render_table(self._dataset)
        if self._videos is not None:
            return self._videos.read(table, asked)
        packs = [
            (row, self._offsets[self._begins[view] : self._begins[view + 1]], indices)
            for view, row, indices in asked
        ]
        return load_images(table, self.variant.codec, packs)
