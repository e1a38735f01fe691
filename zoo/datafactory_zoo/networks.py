"""Parts that several policies share: embeddings, an MLP, image encoders."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn


def time_embedding(t: Tensor, width: int, shortest: float = 4e-3, longest: float = 4.0) -> Tensor:
    """(B, width) sines and cosines of times (B,) with geometrically spaced periods."""
    half = width // 2
    share = torch.linspace(0.0, 1.0, half, device=t.device)
    period = shortest * (longest / shortest) ** share
    angle = t.float()[:, None] * (2.0 * math.pi / period)
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def sine_positions(count: int, width: int) -> Tensor:
    """(count, width) fixed position embedding (Vaswani et al., "Attention Is All You Need")."""
    rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    angle = torch.arange(count)[:, None] * rate[None]
    out = torch.zeros(count, width)
    out[:, 0::2], out[:, 1::2] = angle.sin(), angle.cos()[:, : width // 2]
    return out


def grid_positions(rows: int, columns: int, width: int) -> Tensor:
    """(rows * columns, width) fixed embedding of image positions, half of it for each axis."""
    y = sine_positions(rows, width // 2)[:, None].expand(rows, columns, -1)
    x = sine_positions(columns, width - width // 2)[None].expand(rows, columns, -1)
    return torch.cat([y, x], dim=-1).reshape(rows * columns, width)


def mlp(widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with SiLU between them."""
    layers: list[nn.Module] = []
    for k, (a, b) in enumerate(pairwise(widths)):
        layers.append(nn.Linear(a, b))
        if k < len(widths) - 2:
            layers.append(nn.SiLU())
    return nn.Sequential(*layers)


def groups_of(channels: int) -> int:
    """Groups of a GroupNorm: sixteen channels each, at least one group."""
    return max(1, channels // 16)


class SpatialSoftmax(nn.Module):
    """Expected image positions of feature maps (Finn et al., "Deep Spatial Autoencoders", 2016).

    (B, C, h, w) becomes (B, 2 * points), row and column of each; the image reaches from -1 to 1,
    and a cell counts at its centre (features of a size that strides do not divide reach a little
    farther than the image). Always in fp32: half a pixel of 96 is a hundredth.
    """

    def __init__(self, channels: int, points: int) -> None:
        super().__init__()
        self.maps = nn.Conv2d(channels, points, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Positions of the points."""
        with full_precision(x):
            maps = self.maps(x.float())
            b, points, h, w = maps.shape
            weight = maps.reshape(b, points, h * w).softmax(dim=-1)
            y, z = torch.meshgrid(_centres(h, x), _centres(w, x), indexing="ij")
            grid = torch.stack([y.reshape(-1), z.reshape(-1)], dim=-1)
            out: Tensor = (weight @ grid).reshape(b, 2 * points)
        return out


def full_precision(x: Tensor) -> AbstractContextManager[Any]:
    """Within it no operation is done in a lower precision, on the tensor's device."""
    return torch.autocast(x.device.type, enabled=False)


def _centres(cells: int, like: Tensor) -> Tensor:
    """(cells,) centres of equal parts of the span from -1 to 1, on a tensor's device."""
    return (2.0 * torch.arange(cells, device=like.device) + 1.0) / cells - 1.0


def _convolved(before: int, after: int, size: int, stride: int) -> list[nn.Module]:
    return [
        nn.Conv2d(before, after, size, stride=stride, padding=size // 2),
        nn.GroupNorm(groups_of(after), after), nn.SiLU(),
    ]  # fmt: skip


class _Up(nn.Module):
    """Coarse features added to finer ones, and looked at once more."""

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.lateral = nn.Conv2d(coarse, fine, 1)
        self.mixed = nn.Sequential(nn.GroupNorm(groups_of(fine), fine), nn.SiLU(),
                                   *_convolved(fine, fine, 3, 1))  # fmt: skip

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        raised = nn.functional.interpolate(self.lateral(coarse), fine.shape[-2:], mode="nearest")
        out: Tensor = self.mixed(fine + raised)
        return out


class Pyramid(nn.Module):
    """Features of two resolutions (Lin et al., "Feature Pyramid Networks", CVPR 2017).

    Four strided convolutions, one more at the lowest resolution, and back up twice: what is fine
    knows what is around it.

    Args:
        widths: Channels at a half, a quarter, an eighth and a sixteenth of the image's size.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        half, quarter, eighth, sixteenth = widths
        self.quarter = nn.Sequential(*_convolved(3, half, 5, 2), *_convolved(half, quarter, 3, 2))
        self.eighth = nn.Sequential(*_convolved(quarter, eighth, 3, 2))
        self.sixteenth = nn.Sequential(*_convolved(eighth, sixteenth, 3, 2),
                                       *_convolved(sixteenth, sixteenth, 3, 1))  # fmt: skip
        self.up = nn.ModuleList([_Up(sixteenth, eighth), _Up(eighth, quarter)])
        # Channels last: a quarter to a third less time on a CPU, and what GPUs want.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Of images (B, 3, h, w): (B, widths[1], h / 4, w / 4) and (B, widths[3], h / 16, w / 16).

        Sizes are rounded up.
        """
        quarter = self.quarter(x.contiguous(memory_format=torch.channels_last))
        eighth = self.eighth(quarter)
        sixteenth = self.sixteenth(eighth)
        return self.up[1](self.up[0](sixteenth, eighth), quarter), sixteenth


class _Block(nn.Module):
    """Basic residual block of two 3 x 3 convolutions."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, width, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.GroupNorm(groups_of(width), width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.GroupNorm(groups_of(width), width)
        self.skip: nn.Module = nn.Identity()
        if stride != 1 or before != width:
            self.skip = nn.Sequential(
                nn.Conv2d(before, width, 1, stride=stride, bias=False),
                nn.GroupNorm(groups_of(width), width),
            )

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm1(self.first(x)))
        return torch.relu(self.norm2(self.second(y)) + self.skip(x))


class ResNet(nn.Module):
    """Residual network of basic blocks (He et al., 2016) with GroupNorm for BatchNorm.

    Four stages of ``blocks`` blocks each; ResNet-18 is ``ResNet(64, (2, 2, 2, 2))``. GroupNorm
    because running averages of BatchNorm and EMA weights do not go together (Chi et al., 2023).
    """

    def __init__(self, width: int, blocks: Sequence[int]) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False),
            nn.GroupNorm(groups_of(width), width), nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
        )  # fmt: skip
        stages: list[nn.Module] = []
        before = width
        for k, count in enumerate(blocks):
            after = width * 2**k
            for j in range(count):
                stages.append(_Block(before, after, 2 if j == 0 and k > 0 else 1))
                before = after
        self.stages = nn.Sequential(*stages)
        self.width = before

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, h / 32, w / 32) features of images (B, 3, h, w), for four stages."""
        out: Tensor = self.stages(self.stem(x))
        return out
