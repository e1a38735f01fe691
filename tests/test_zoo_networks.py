"""Parts that policies share: positions are where they are, and stay exact in low precision."""

from __future__ import annotations

import pytest
import torch

from datafactory_zoo.networks import Pyramid, SpatialSoftmax, full_precision


def found(size: int, row: int, column: int) -> tuple[float, float]:
    """Where a softmax of one bright cell says it is."""
    softmax = SpatialSoftmax(1, 1)
    torch.nn.init.constant_(softmax.maps.weight, 1.0)
    cells = torch.zeros(1, 1, size, size)
    cells[0, 0, row, column] = 100.0
    y, x = softmax(cells)[0].tolist()
    return y, x


@pytest.mark.parametrize("size", [4, 12, 25])
def test_a_cell_counts_at_its_centre_with_the_image_from_minus_one_to_one(size):
    for row, column in ((0, 0), (size - 1, 1), (size // 2, size - 1)):
        y, x = found(size, row, column)
        assert y == pytest.approx(2.0 * (row + 0.5) / size - 1.0, abs=1e-5)
        assert x == pytest.approx(2.0 * (column + 0.5) / size - 1.0, abs=1e-5)


def test_positions_do_not_depend_on_the_resolution_of_the_features():
    """The middle of the same half of an image is at the same place in coarse and fine features."""
    assert found(2, 0, 1) == pytest.approx((-0.5, 0.5), abs=1e-5)
    softmax = SpatialSoftmax(1, 1)
    torch.nn.init.constant_(softmax.maps.weight, 1.0)
    cells = torch.zeros(1, 1, 12, 12)
    cells[..., :6, 6:] = 100.0
    assert softmax(cells)[0].tolist() == pytest.approx([-0.5, 0.5], abs=1e-5)


def test_positions_stay_exact_under_bf16():
    softmax, cells = SpatialSoftmax(16, 4), torch.randn(2, 16, 12, 12)
    maps = softmax.maps(cells)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = softmax(cells)
        with full_precision(cells):
            exact = (cells.flatten(1) @ cells.flatten(1).T).dtype
    assert out.dtype == exact == torch.float32
    assert maps.dtype == torch.float32
    # Rounded to bf16, coordinates around 1 would be off by up to 4e-3; these only by their maps.
    torch.testing.assert_close(out, softmax(cells), atol=2e-3, rtol=0.0)
    assert len(torch.unique(out.bfloat16().float() - out)) > 1


@pytest.mark.parametrize("size", [96, 64, 90, 33])
def test_a_pyramid_halves_and_knows_what_is_around(size):
    pyramid = Pyramid((8, 8, 16, 24))
    image = torch.randn(2, 3, size, size)
    fine, coarse = pyramid(image)
    quarter, sixteenth = -(-size // 4), -(-size // 16)
    assert fine.shape == (2, 8, quarter, quarter)
    assert coarse.shape == (2, 24, sixteenth, sixteenth)
    changed = image.clone()
    changed[..., : size // 2, : size // 2] += 1.0
    assert (pyramid(changed)[0][..., -1, -1] != fine[..., -1, -1]).any()
