from __future__ import annotations

import io

import numpy as np
import pytest

from datafactory.errors import DatasetCorruptError
from datafactory.render.media import GOP, decode_video, encode_images
from datafactory.store.video_reader import VideoReader
from tests.exchange_fixture import encoded, pictures

COUNTS = (2 * GOP + 3, 5, GOP + 1, 7)


class Table:
    """Videos as the table ``renders`` gives them; counts how often whole files are read."""

    def __init__(self, files):
        self.files, self.whole, self.opened = files, 0, 0

    def read_blobs(self, column, indices):
        self.whole += 1
        return [(i, self.files[i]) for i in indices]

    def take_blobs(self, column, indices):
        self.opened += 1
        return [io.BytesIO(self.files[i]) for i in indices]

    def read_blob_ranges(self, column, ranges, selector, preserve_order):
        return [(row, start, self.files[row][start : start + n]) for row, start, n in ranges]


@pytest.fixture(scope="module")
def files():
    made = [encode_images(pictures(k, n), 10, "h264").data for k, n in enumerate(COUNTS[:3])]
    return [*made, encoded(pictures(3, COUNTS[3]), bf="2")]


def test_any_images_of_any_views(files):
    table, reader = Table(files), VideoReader(np.array(COUNTS))
    rng = np.random.Generator(np.random.PCG64(0))
    for _ in range(20):
        asked = []
        for view in rng.integers(len(files), size=4).tolist():
            count = rng.integers(0, 4)
            asked.append((view, view, rng.integers(COUNTS[view], size=count).tolist()))
        for (view, _, indices), found in zip(asked, reader.read(table, asked), strict=True):
            assert np.array_equal(found, decode_video(io.BytesIO(files[view]), indices))
    assert table.whole == len(files)  # each once
    assert table.opened > 0  # the one with reordered images


def test_images_far_apart_are_read_by_their_own_key_frames(files):
    table, reader = Table(files), VideoReader(np.array(COUNTS))
    asked = []
    ranges = table.read_blob_ranges
    table.read_blob_ranges = lambda c, r, **k: (asked.extend(r), ranges(c, r, **k))[1]
    reader.read(table, [(0, 0, [1, 2 * GOP + 1])])
    assert len(asked) == 2
    assert sum(n for _, _, n in asked) < len(files[0]) / 2


def test_wrong_images_and_counts(files):
    table = Table(files)
    for index in (-1, COUNTS[1]):
        with pytest.raises(IndexError, match=f"no image {index}; there are 5"):
            VideoReader(np.array(COUNTS)).read(table, [(1, 1, [0, index])])
    with pytest.raises(DatasetCorruptError, match="5 images instead of 6"):
        VideoReader(np.array([6])).read(table, [(0, 1, [0])])
