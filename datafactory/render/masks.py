"""Reading labelled images: one object's mask, one pixel, and COCO's run lengths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datafactory.render.media import decode_masks
from datafactory.render.view import Masks

Bools = NDArray[np.bool_]


def object_mask(masks: Masks, frame: int, label: int) -> Bools:
    """(h, w) bool: the pixels of one frame that carry a label.

    Args:
        masks: Run lengths of all frames.
        frame: Image index.
        label: Index into the view's entities.
    """
    return np.asarray(decode_masks(masks, [frame])[0] == label)


def label_at(masks: Masks, frame: int, x: int, y: int) -> int:
    """Label of pixel (x, y) of one frame."""
    first, last = int(masks.offsets[frame]), int(masks.offsets[frame + 1])
    ends = np.cumsum(masks.lengths[first:last], dtype=np.int64)
    run = int(np.searchsorted(ends, y * masks.width + x, side="right"))
    return int(masks.values[first + run])


def coco_counts(mask: Bools) -> list[int]:
    """Run lengths of a mask (h, w) as COCO's uncompressed RLE has them.

    Column by column from the top left, alternating runs of zeros and ones, zeros first (0 when
    the first pixel is set).
    """
    flat = np.asarray(mask, dtype=bool).ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs: list[int] = np.diff(np.concatenate([[0], changes, [len(flat)]])).tolist()
    return [0, *runs] if len(flat) and flat[0] else runs


def mask_of_coco(counts: Sequence[int], height: int, width: int) -> Bools:
    """(h, w) bool mask of COCO's uncompressed run lengths.

    Raises:
        ValueError: The runs do not add up to height * width.
    """
    lengths = np.asarray(counts, dtype=np.int64)
    if lengths.sum() != height * width or (lengths < 0).any():
        raise ValueError(f"runs of {lengths.sum()} pixels do not fill {height} x {width}")
    ones = np.arange(len(lengths)) % 2 == 1
    return np.repeat(ones, lengths).reshape(width, height).T


def visible_boxes(
    entity: NDArray[np.uint8], labels: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Tight boxes and pixel counts of labels in images.

    Args:
        entity: (F, h, w) labels.
        labels: The n labels wanted.

    Returns:
        (F, n, 4) left, top, right and bottom edges, NaN where a label is not seen; (F, n) counts.
    """
    frames, height, width = entity.shape
    index = np.full(256, -1)
    index[list(labels)] = np.arange(len(labels))
    # Runs of equal labels within rows: a few thousand values instead of every pixel.
    new = np.ones(entity.shape, dtype=bool)
    np.not_equal(entity[:, :, 1:], entity[:, :, :-1], out=new[:, :, 1:])
    start = np.flatnonzero(new)
    length = np.diff(start, append=entity.size)
    which = index[entity.reshape(-1)[start]]
    wanted = which >= 0
    start, length, which = start[wanted], length[wanted], which[wanted]
    line, left = np.divmod(start, width)
    frame, row = np.divmod(line, height)
    key = frame * len(labels) + which
    low = np.full((2, frames * len(labels)), max(width, height))
    high = np.zeros_like(low)
    for side, first, last in ((0, left, left + length), (1, row, row + 1)):
        np.minimum.at(low[side], key, first)
        np.maximum.at(high[side], key, last)
    count = np.bincount(key, weights=length, minlength=low.shape[1])
    box = np.where(count[:, None] > 0, np.concatenate([low, high]).T, np.nan)
    shape = (frames, len(labels))
    return box.reshape(*shape, 4).astype(np.float32), count.reshape(shape).astype(np.int32)
