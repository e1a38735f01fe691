"""Masks of single objects, COCO's run lengths and boxes of labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from datafactory.render.masks import coco_counts, label_at, mask_of_coco, object_mask, visible_boxes
from datafactory.render.media import encode_masks

LABELS = arrays(
    np.uint8,
    st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)),
    elements=st.integers(0, 3),
)


@settings(deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 8), st.integers(1, 8))))
def test_coco_runs_round_trip(mask: NDArray[np.bool_]) -> None:
    counts = coco_counts(mask)
    assert sum(counts) == mask.size
    assert sum(counts[1::2]) == mask.sum()
    assert all(c > 0 for c in counts[1:])
    np.testing.assert_array_equal(mask_of_coco(counts, *mask.shape), mask)


def test_coco_runs_go_down_the_columns() -> None:
    mask = np.array([[0, 1], [1, 1]], dtype=bool)
    assert coco_counts(mask) == [1, 3]
    assert coco_counts(~mask) == [0, 1, 3]
    with pytest.raises(ValueError, match="do not fill"):
        mask_of_coco([3], 2, 2)


@settings(deadline=None)
@given(LABELS)
def test_masks_and_pixels_of_labelled_images(entity: NDArray[np.uint8]) -> None:
    masks = encode_masks(entity)
    for frame, image in enumerate(entity):
        for label in range(4):
            np.testing.assert_array_equal(object_mask(masks, frame, label), image == label)
        height, width = image.shape
        seen = [[label_at(masks, frame, x, y) for x in range(width)] for y in range(height)]
        np.testing.assert_array_equal(seen, image)


@settings(deadline=None)
@given(LABELS)
def test_boxes_bound_all_pixels_of_a_label(entity: NDArray[np.uint8]) -> None:
    labels = [3, 1]
    boxes, counts = visible_boxes(entity, labels)
    for frame, image in enumerate(entity):
        for i, label in enumerate(labels):
            rows, columns = np.nonzero(image == label)
            assert counts[frame, i] == len(rows)
            if len(rows):
                wanted = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                np.testing.assert_array_equal(boxes[frame, i], wanted)
            else:
                assert np.isnan(boxes[frame, i]).all()
