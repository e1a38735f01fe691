"""Images as networks want them, made where the network is: bytes are moved, not floats."""

from __future__ import annotations

import torch

IMAGE_MEAN, IMAGE_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet (Deng et al., 2009), as most vision backbones expect."""
CONTRAST, BRIGHTNESS, GAIN = 0.2, 0.1, 0.1
"""Largest changes of an augmented image: shares of its light, and of each channel's."""


def normalised(images: torch.Tensor) -> torch.Tensor:
    """(..., 3, h, w) float32 of images (..., 3, h, w) uint8: zero mean and unit variance."""
    scale, offset = _affine(images.device)
    return images.float().mul_(scale).add_(offset)


def _affine(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Factor and summand (3, 1, 1) that normalise bytes."""
    mean, std = (torch.tensor(v, device=device).view(3, 1, 1) for v in (IMAGE_MEAN, IMAGE_STD))
    return 1.0 / (255.0 * std), -mean / std


def augmented(
    images: torch.Tensor, generator: torch.Generator, shift_px: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Normalised images of others' contrast, brightness and colour, moved by some pixels.

    The shift repeats edge pixels (Yarats et al., "Image Augmentation Is All You Need", 2020); all
    images of a sample share their draws.

    Args:
        images: (B, steps, cameras, 3, h, w) uint8.
        generator: Randomness, on the CPU so that all devices draw the same.
        shift_px: Largest shift along each axis, pixels.

    Returns:
        The images, and (B, 2) rows and columns by which what they show has moved, in half images.
    """
    count, device = len(images), images.device
    draw = torch.rand(count, 7, generator=generator).to(device)
    by = (draw[:, :2] * (2 * shift_px + 1)).long() - shift_px
    moved = _moved(images, by) if shift_px else images
    signed = 2.0 * draw[:, 2:] - 1.0
    contrast = (1.0 + CONTRAST * signed[:, :1]) * (1.0 + GAIN * signed[:, 2:])
    # Light times contrast plus brightness, and the normalisation, in one pass over the pixels.
    scale, offset = (v.flatten() for v in _affine(device))
    factor = scale * contrast
    summand = offset + 255.0 * scale * BRIGHTNESS * signed[:, 1:2]
    out = moved.float()
    half = 0.5 * torch.tensor(images.shape[-2:], device=device)
    return out.mul_(_of_samples(factor)).add_(_of_samples(summand)), -by / half


def _of_samples(channels: torch.Tensor) -> torch.Tensor:
    """(B, 3) as (B, 1, 1, 3, 1, 1)."""
    return channels[:, None, None, :, None, None]


def _moved(images: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    """Images (B, S, C, 3, h, w) moved by (B, 2) rows and columns, edge pixels repeated."""
    height, width = images.shape[-2:]
    device = images.device
    rows = (torch.arange(height, device=device) + by[:, :1]).clamp(0, height - 1)
    columns = (torch.arange(width, device=device) + by[:, 1:]).clamp(0, width - 1)
    index = torch.arange(len(images), device=device)[:, None, None]
    flat = images.flatten(1, 3).permute(0, 2, 3, 1)
    cut = flat[index, rows[:, :, None], columns[:, None, :]]
    return cut.permute(0, 3, 1, 2).reshape(images.shape)
