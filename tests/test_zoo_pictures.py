"""Augmented images are the same images, moved and lit otherwise."""

from __future__ import annotations

import torch

from datafactory_zoo.pictures import IMAGE_MEAN, IMAGE_STD, augmented, normalised
from tests import zoo_fixture  # noqa: F401  one thread


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(*shape: int) -> torch.Tensor:
    return torch.randint(0, 256, (*shape, 3, 32, 32), dtype=torch.uint8, generator=generator(9))


def test_normalised_images_have_the_statistics_of_bytes_taken_out():
    images = pictures(2, 1, 2)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (IMAGE_MEAN, IMAGE_STD))
    torch.testing.assert_close(normalised(images), (images.float() / 255 - mean) / std)


def test_all_images_of_a_sample_are_augmented_alike():
    images = pictures(3, 2, 2)
    images[:, 1] = images[:, 0]
    out, moved = augmented(images, generator(), 2)
    assert moved.shape == (3, 2)
    assert out.shape == images.shape
    torch.testing.assert_close(out[:, 0], out[:, 1])
    torch.testing.assert_close(out, augmented(images, generator(), 2)[0])
    assert not torch.allclose(out, augmented(images, generator(1), 2)[0])


def test_an_augmented_image_is_a_shift_and_a_line_per_channel():
    images = pictures(4, 1, 1)
    out, _ = augmented(images, generator(), 2)
    plain = normalised(images)
    for before, after in zip(plain[:, 0, 0], out[:, 0, 0], strict=True):
        errors = []
        for dy in range(-3, 4):
            for dx in range(-3, 4):
                inner = before[:, 3 + dy : 29 + dy, 3 + dx : 29 + dx].flatten(1)
                seen = after[:, 3:29, 3:29].flatten(1)
                x, y = inner - inner.mean(1, keepdim=True), seen - seen.mean(1, keepdim=True)
                gain = (x * y).sum(1) / (x * x).sum(1)
                errors.append((float((y - gain[:, None] * x).abs().max()), gain))
        error, gain = min(errors, key=lambda e: e[0])
        assert error < 1e-4
        assert ((gain > 0.7) & (gain < 1.35)).all()


def test_shifts_reach_both_ways_and_brightness_is_bounded():
    flat = torch.full((200, 1, 1, 3, 16, 16), 128, dtype=torch.uint8)
    out, _ = augmented(flat, generator(), 2)
    assert out.flatten(4).std(-1).max() < 1e-5
    std = torch.tensor(IMAGE_STD)
    change = ((out - normalised(flat))[:, 0, 0, :, 0, 0] * std).abs()
    assert 0.1 < change.max() < 0.1 + 0.5 * (1.2 * 1.1 - 1.0) + 1e-3


def test_without_shifts_only_the_light_changes():
    images = pictures(3, 1, 2)
    out, moved = augmented(images, generator(), 0)
    assert not moved.any()
    x, y = normalised(images).flatten(4), out.flatten(4)
    slope = (y[..., 1:] - y[..., :-1]) / (x[..., 1:] - x[..., :-1]).where(
        x[..., 1:] != x[..., :-1], torch.nan
    )
    assert (slope.nan_to_num(0.0).amax(-1) - slope.nan_to_num(9.0).amin(-1)).abs().max() < 1e-3


def test_what_images_show_has_moved_as_told():
    images = torch.zeros(40, 1, 1, 3, 96, 48, dtype=torch.uint8)
    images[:, :, :, :, 30, 20] = 255
    place = torch.tensor([2.0 * 30.5 / 96 - 1.0, 2.0 * 20.5 / 48 - 1.0])
    out, moved = augmented(images, generator(), 2)
    pixels = (place + moved + 1.0) * torch.tensor([48.0, 24.0]) - 0.5
    bright = out[:, 0, 0].sum(1).flatten(1).argmax(1)
    torch.testing.assert_close(pixels, torch.stack([bright // 48, bright % 48], 1).float())
    assert len(torch.unique(moved, dim=0)) > 10
