"""Batches of windows from the store: a map-style dataset, and the stream that training reads.

Low-dimensional values come from memory, images from the store, decoded from whatever is stored
there. A batch is made at once: one read for all its images. In a worker process the dataset opens
the store again; forked workers are refused by the store itself.
"""

from __future__ import annotations

import copy
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from datafactory.errors import DatasetError, UnknownNameError
from datafactory.seeding import stream
from datafactory.store.dataset import Dataset
from datafactory.store.image_reader import ImageReader
from datafactory_zoo.frames import FrameTable, load_frames
from datafactory_zoo.mixture import Mixture, MixtureState
from datafactory_zoo.sightings import sightings
from datafactory_zoo.windows import ImageField, WindowSpec, clamp, nearest_frames

Ints = NDArray[np.int64]
Batch = dict[str, Any]
Prepare = Callable[[Batch, torch.Generator], Batch]


class WindowDataset(torch.utils.data.Dataset[Batch]):
    """Windows around every frame of the selected episodes of one dataset.

    Sample k is frame k counted over all episodes. Entries of a batch: ``<key>`` (B, K, width)
    float32 or (B, K, 3, h, w) uint8, ``<key>_is_pad`` (B, K) bool, ``task`` a list of B strings.

    Args:
        dataset: Open dataset.
        spec: What a sample holds.
        variant: Rendered variant images come from; None for the only one.
        where: Filter on episodes.
        without: Ids of episodes to leave out.
        seed: Seed of the choice among an episode's phrasings.
        keep_images: Keep images in memory once they were decoded and resized.
    """

    def __init__(
        self, dataset: Dataset, spec: WindowSpec, *, variant: str | None = None,
        where: str | None = None, without: frozenset[str] = frozenset(), seed: int = 0,
        keep_images: bool = False,
    ) -> None:  # fmt: skip
        self.spec, self.seed, self._keep = spec, seed, keep_images
        self._dataset, self._variant = dataset, variant
        names = list(dict.fromkeys(f.feature for f in spec.fields))
        self.frames: FrameTable = load_frames(dataset, names, where=where, without=without)
        self._images: _Images | None = None
        if spec.points:
            seen = sightings(dataset, variant, spec.points, self.frames)
            self.frames = replace(self.frames, values={**self.frames.values, **seen})
        if spec.images:
            self._images = _Images(dataset, variant, spec.images, self.frames, keep_images)

    def low_dimensional(self) -> WindowDataset:
        """The same samples without images and text."""
        plain = copy.copy(self)
        plain.spec = replace(self.spec, images=(), points=(), text=False)
        plain._images = None
        return plain

    def __len__(self) -> int:
        return self.frames.frames

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_images": None}

    def _pictures(self) -> _Images | None:
        if self._images is None and self.spec.images:  # in another process
            self._images = _Images(self._dataset, self._variant, self.spec.images, self.frames,
                                   self._keep)  # fmt: skip
        return self._images

    def __getitem__(self, index: int) -> Batch:
        return {k: v[0] for k, v in self.batch(np.array([index])).items()}

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        return self.batch(np.asarray(indices, dtype=np.int64))

    def batch(self, samples: Ints) -> Batch:
        """Reads many samples at once.

        Args:
            samples: (B,) sample numbers.
        """
        table = self.frames
        if samples.size and not 0 <= samples.min() <= samples.max() < len(self):
            raise IndexError(f"samples are 0 to {len(self) - 1}")
        episodes, at = table.locate(samples)
        lengths, starts = table.lengths[episodes], table.starts[episodes]
        tolerance = self.spec.tolerance_s or 0.5 / table.fps
        out: Batch = {}
        for f in self.spec.fields:
            wanted = nearest_frames(at / table.fps, f.offsets_s, table.fps, tolerance)
            inside, pad = clamp(wanted, lengths)
            values = table.values[f.feature][starts[:, None] + inside]
            out[f.key] = torch.from_numpy(values)
            out[f"{f.key}_is_pad"] = torch.from_numpy(pad)
        for p in self.spec.points:
            out[p.key] = torch.from_numpy(table.values[p.key][starts + at])
        pictures = self._pictures()
        if pictures is not None:
            out |= pictures.read(episodes, at / table.fps, self.spec.tolerance_s)
        if self.spec.text:
            places = zip(episodes.tolist(), at.tolist(), samples.tolist(), strict=True)
            out["task"] = [self._text(e, frame, s) for e, frame, s in places]
        return out

    def _text(self, episode: int, frame: int, sample: int) -> str:
        said = [i for i in self.frames.instructions[episode] if i.start <= frame][-1]
        texts = (said.text, *said.paraphrases)
        if len(texts) == 1:
            return texts[0]
        rng = stream(self.seed, "phrasing", sample, "choice")
        return texts[int(rng.integers(len(texts)))]


class _Images:
    """Images of a variant, asked for by episode number of a frame table."""

    def __init__(
        self, dataset: Dataset, variant: str | None, fields: Sequence[ImageField],
        table: FrameTable, keep: bool,
    ) -> None:  # fmt: skip
        root = dataset.location.root
        try:
            cameras = list(dict.fromkeys(f.camera for f in fields))
            self._reader = ImageReader(dataset, variant, cameras)
        except UnknownNameError:
            raise
        except DatasetError as error:
            raise DatasetError(
                f"{root} has no images to train on", where=error.where, why=error.what,
                remedy=f"datafactory render {root}",
            ) from error  # fmt: skip
        numbers = {name: k for k, name in enumerate(self._reader.episode_ids)}
        lost = [name for name in table.episode_ids if name not in numbers]
        if lost:
            raise DatasetError(
                f"{len(lost)} of {len(table)} episodes of {root} have no images of variant "
                f"'{self._reader.variant.name}'",
                where=f"episode {lost[0]}",
                remedy=f"datafactory render {root} --variant {self._reader.variant.name}",
            )
        self._numbers = np.array([numbers[name] for name in table.episode_ids], dtype=np.int64)
        self._fields = tuple(fields)
        self._fps = int(self._reader.variant.fps)
        self._kept: dict[str, NDArray[np.uint8]] | None = None
        if keep:
            self._remember()

    def read(
        self, episodes: Ints, moments_s: NDArray[np.float64], tolerance_s: float | None
    ) -> Batch:
        """Reads and resizes the images of a batch."""
        tolerance = tolerance_s or 0.5 / self._fps
        numbers = self._numbers[episodes]
        lengths = np.array([self._reader.length(int(n)) for n in numbers], dtype=np.int64)
        out: Batch = {}
        asked: list[_Asked] = []
        for f in self._fields:
            wanted = nearest_frames(moments_s, f.offsets_s, self._fps, tolerance)
            inside, pad = clamp(wanted, lengths)
            out[f"{f.key}_is_pad"] = torch.from_numpy(pad)
            asked.append((f, numbers, inside))
        read = self._decoded if self._kept is None else self._remembered
        return out | {f.key: images for f, images in zip(self._fields, read(asked), strict=True)}

    def _decoded(self, asked: Sequence[_Asked]) -> list[torch.Tensor]:
        """(B, K, 3, h, w) of each field, in one read for all."""
        requests = [
            (int(n), f.camera, row.tolist())
            for f, numbers, inside in asked
            for n, row in zip(numbers, inside, strict=True)
        ]
        images, out, begin = self._reader.read(requests), [], 0
        for f, numbers, _ in asked:
            part = images[begin : begin + len(numbers)]
            begin += len(numbers)
            stacked = torch.from_numpy(np.stack(part)).permute(0, 1, 4, 2, 3)
            out.append(resized(stacked, f.height, f.width))
        return out

    def _remembered(self, asked: Sequence[_Asked]) -> list[torch.Tensor]:
        """The same; what was read before comes from memory."""
        assert self._kept is not None
        places, new = [], []
        for f, numbers, inside in asked:
            places.append(self._begins[numbers][:, None] + inside)
            lost = np.unique(places[-1][~self._known[f.key][places[-1]]])
            if len(lost):
                owners = np.searchsorted(self._begins, lost, side="right") - 1
                new.append((f, owners, (lost - self._begins[owners])[:, None]))
        fresh = self._decoded(new) if new else []
        for (f, numbers, inside), images in zip(new, fresh, strict=True):
            where = self._begins[numbers] + inside[:, 0]
            self._kept[f.key][where] = images[:, 0].numpy()
            self._known[f.key][where] = True
        return [
            torch.from_numpy(self._kept[f.key][place])
            for (f, _, _), place in zip(asked, places, strict=True)
        ]

    def _remember(self) -> None:
        """Makes room for all images; the system provides it as they are read."""
        lengths = [self._reader.length(n) for n in range(len(self._reader))]
        self._begins = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        count = int(self._begins[-1])
        self._kept = {
            f.key: np.empty((count, 3, f.height, f.width), np.uint8) for f in self._fields
        }
        self._known = {f.key: np.zeros(count, bool) for f in self._fields}


_Asked = tuple[ImageField, Ints, Ints]
"""A field, and the images wanted of it: (B,) episode numbers and (B, K) frames."""


def resized(images: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """(..., 3, height, width) uint8 of images (..., 3, h, w) uint8, antialiased."""
    if images.shape[-2:] == (height, width):
        return images.contiguous()
    flat = images.reshape(-1, *images.shape[-3:]).float()
    small = torch.nn.functional.interpolate(
        flat, (height, width), mode="bilinear", antialias=True, align_corners=False
    )
    return small.round_().clamp_(0, 255).to(torch.uint8).reshape(*images.shape[:-2], height, width)


def collate(batch: Batch) -> Batch:
    """Batches are made whole by the dataset; ``DataLoader`` has nothing to put together."""
    return batch


class BatchStream:
    """Endless batches of a mixture of datasets, made ready for the network ahead by a thread.

    Args:
        datasets: Datasets.
        prepare: Turns a batch of each dataset into network inputs of the same shapes.
        mixture: Draws samples.
        batch: Batch size of this rank.
        seed: Seed of what ``prepare`` draws; the same for a batch in a resumed run.
        ahead: Batches made ahead.

    The mixture runs ahead of what was taken; :attr:`state` belongs to the last batch taken.
    """

    def __init__(
        self, datasets: Sequence[WindowDataset], prepare: Sequence[Prepare],
        mixture: Mixture, batch: int, seed: int, ahead: int = 3,
    ) -> None:  # fmt: skip
        self._datasets, self._prepare = datasets, prepare
        self._mixture, self._batch, self._seed = mixture, batch, seed
        self.state = mixture.state
        self._ready: queue.Queue[tuple[Batch, MixtureState] | BaseException]
        self._ready = queue.Queue(maxsize=ahead)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._fill, name="batches", daemon=True)
        self._thread.start()

    def _make(self) -> Batch:
        place = self._mixture.state.batches
        drawn = stream(self._seed, "prepare", place, "draws").integers(2**31)
        generator = torch.Generator().manual_seed(int(drawn))
        parts = [
            self._prepare[k](self._datasets[k].batch(samples), generator)
            for k, samples in self._mixture.next(self._batch)
        ]
        if len(parts) == 1:
            return parts[0]
        return {key: torch.cat([p[key] for p in parts]) for key in parts[0]}

    def _fill(self) -> None:
        try:
            while not self._ended.is_set():
                self._put((self._make(), self._mixture.state))
        except BaseException as error:  # handed to the reader, which raises it
            self._put(error)

    def _put(self, item: tuple[Batch, MixtureState] | BaseException) -> None:
        while not self._ended.is_set():
            try:
                self._ready.put(item, timeout=0.2)
            except queue.Full:
                continue
            return

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        item = self._ready.get()
        if isinstance(item, BaseException):
            raise item
        batch, self.state = item
        return batch

    def close(self) -> None:
        """Ends the thread."""
        self._ended.set()
        self._thread.join()
