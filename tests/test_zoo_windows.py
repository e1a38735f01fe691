"""Offsets are seconds, whatever the frame rate; what lies outside an episode is marked."""

from __future__ import annotations

import numpy as np
import pytest

from datafactory.errors import SpecError, UnknownNameError
from datafactory_zoo.windows import (
    ImageField,
    WindowField,
    WindowSpec,
    chunk_offsets,
    clamp,
    nearest_frames,
)


@pytest.mark.parametrize("fps", [10, 20, 25, 50])
def test_half_a_second_is_half_a_second(fps):
    moments = np.arange(5) / fps
    frames = nearest_frames(moments, (-0.5, 0.0, 0.5), fps, 0.5 / fps)
    assert np.abs(frames / fps - (moments[:, None] + [-0.5, 0.0, 0.5])).max() <= 0.5 / fps + 1e-9


def test_exact_offsets_hit_their_frames():
    frames = nearest_frames(np.array([1.0]), chunk_offsets(4, 20, -1), 20, 1e-6)
    np.testing.assert_array_equal(frames, [[19, 20, 21, 22]])


def test_a_moment_too_far_from_any_frame_is_refused():
    with pytest.raises(SpecError, match="no frame within"):
        nearest_frames(np.array([0.0]), (0.0, 0.024), 20, 0.01)


def test_outside_is_padding():
    inside, pad = clamp(np.array([[-2, 0, 4, 5]]), np.array([5]))
    np.testing.assert_array_equal(inside, [[0, 0, 4, 4]])
    np.testing.assert_array_equal(pad, [[True, False, False, True]])


def test_a_spec_survives_json():
    spec = WindowSpec(
        (WindowField("x", "joint_position", (-0.1, 0.0)),),
        (ImageField("i", "front", 96, 64),), text=True, tolerance_s=0.01,
    )  # fmt: skip
    assert WindowSpec.from_dict(spec.to_dict()) == spec


def test_nonsense_is_refused():
    with pytest.raises(UnknownNameError, match="feature"):
        WindowField("x", "joints")
    with pytest.raises(SpecError, match="ascend"):
        WindowField("x", "joint_position", (0.1, 0.0))
    field = WindowField("x", "joint_position")
    with pytest.raises(SpecError, match="two entries"):
        WindowSpec((field, field))
    with pytest.raises(SpecError, match="at least one"):
        WindowSpec(())
    with pytest.raises(SpecError, match="8 x 8"):
        ImageField("i", "front", 4, 96)
