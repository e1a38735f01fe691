"""Random access to images stored as videos: a file is opened once, later only packets are read."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import DatasetCorruptError
from datafactory.render.media import decode_video
from datafactory.render.packets import PacketDecoder, index_packets

_UNKNOWN, _UNINDEXED = -1, -2


@dataclass(frozen=True, eq=False)
class _Group:
    """Packets from a key frame to an image.

    Attributes:
        begin: Byte where they begin in the file.
        at: (n + 1,) where each begins, from ``begin`` on, and their end.
        wanted: (k,) which of them are asked for.
        places: (k,) places of those images in the request.
    """

    begin: int
    at: NDArray[np.int64]
    wanted: NDArray[np.int64]
    places: NDArray[np.int64]


class VideoReader:
    """Reads images of views that are videos, many in one call.

    Keeps 5 bytes per image of the views that were read. Views whose packets cannot be read one by
    one (imported videos with reordered images, other codecs) are opened again for every request.

    Args:
        lengths: (V,) number of images of each view.
    """

    def __init__(self, lengths: NDArray[np.integer[Any]]) -> None:
        self._begins = np.concatenate([[0], np.cumsum(lengths.astype(np.int64) + 1)])
        self._offsets = np.zeros(self._begins[-1], np.uint32)
        self._keys = np.zeros(self._begins[-1], bool)
        self._header = np.full(len(lengths), _UNKNOWN, np.int32)
        self._headers: list[bytes] = []
        self._decoder = PacketDecoder()
        self._lock = threading.Lock()

    def read(
        self, table: Any, requests: Sequence[tuple[int, int, Sequence[int]]]
    ) -> list[NDArray[np.uint8]]:
        """Decodes images of some views.

        Args:
            table: The ``renders`` table.
            requests: (view, row offset in the table, images) of each.

        Returns:
            (k, h, w, 3) uint8 sRGB for every request.

        Raises:
            IndexError: There is no such image.
            DatasetCorruptError: Images cannot be decoded.
        """
        with self._lock:
            for view, row, _ in requests:
                if self._header[view] == _UNKNOWN:
                    self._index(table, view, row)
            groups = [self._groups(view, indices) for view, _, indices in requests]
            ranges = [(row, g.begin, int(g.at[-1])) for (_, row, _), some in
                      zip(requests, groups, strict=True) for g in some]  # fmt: skip
            found = self._bytes(table, ranges)
            return [
                self._images(view, indices, some, found)
                if some
                else decode_video(table.take_blobs("video", indices=[row])[0], indices)
                for (view, row, indices), some in zip(requests, groups, strict=True)
            ]

    def _index(self, table: Any, view: int, row: int) -> None:
        ((_, data),) = table.read_blobs("video", indices=[row])
        found = index_packets(data)
        if found is None:
            self._header[view] = _UNINDEXED
            return
        begin, end = self._begins[view], self._begins[view + 1]
        if len(found.offsets) != end - begin:
            raise DatasetCorruptError(
                f"a video has {len(found.keys)} images instead of {end - begin - 1}"
            )
        self._offsets[begin:end], self._keys[begin : end - 1] = found.offsets, found.keys
        if found.header not in self._headers:
            self._headers.append(found.header)
        self._header[view] = self._headers.index(found.header)

    def _groups(self, view: int, indices: Sequence[int]) -> list[_Group]:
        """The packets to read for some images; none if the view cannot be read so."""
        if self._header[view] == _UNINDEXED:
            return []
        begin, end = self._begins[view], self._begins[view + 1] - 1
        for index in indices:
            if not 0 <= index < end - begin:
                raise IndexError(f"there is no image {index}; there are {end - begin}")
        keys = np.flatnonzero(self._keys[begin:end])
        key_of = keys[np.searchsorted(keys, indices, side="right") - 1]
        groups = []
        for key in np.unique(key_of):
            places = np.flatnonzero(key_of == key)
            wanted = np.asarray(indices)[places] - key
            at = self._offsets[begin + key : begin + key + wanted.max() + 2].astype(np.int64)
            groups.append(_Group(int(at[0]), at - at[0], wanted, places))
        return groups

    def _bytes(self, table: Any, ranges: Sequence[tuple[int, int, int]]) -> Iterator[bytes]:
        """Bytes of (row offset, begin, length) ranges of the table's videos, read at once."""
        if not ranges:
            return iter(())
        read = table.read_blob_ranges("video", ranges, selector="indices", preserve_order=True)
        return iter([data for _, _, data in read])

    def _images(
        self, view: int, indices: Sequence[int], groups: Sequence[_Group], found: Iterator[bytes]
    ) -> NDArray[np.uint8]:
        header = self._headers[self._header[view]]
        parts = []
        for group in groups:
            data = next(found)
            packets = [data[a:b] for a, b in pairwise(group.at.tolist())]
            parts.append(self._decoder.decode(header, packets, group.wanted.tolist()))
        if len(parts) == 1:
            return parts[0]
        out = np.empty((len(indices), *parts[0].shape[1:]), np.uint8)
        for group, images in zip(groups, parts, strict=True):
            out[group.places] = images
        return out
