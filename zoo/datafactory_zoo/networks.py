"""Parts that several policies share: embeddings, an MLP, image encoders."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

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

    (B, C, h, w) becomes (B, 2 * points) with coordinates in [-1, 1].
    """

    def __init__(self, channels: int, points: int) -> None:
        super().__init__()
        self.maps = nn.Conv2d(channels, points, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Positions of the points."""
        maps = self.maps(x)
        b, points, h, w = maps.shape
        weight = maps.reshape(b, points, h * w).softmax(dim=-1)
        y, z = torch.meshgrid(
            torch.linspace(-1, 1, h, device=x.device), torch.linspace(-1, 1, w, device=x.device),
            indexing="ij",
        )  # fmt: skip
        grid = torch.stack([y.reshape(-1), z.reshape(-1)], dim=-1)
        out: Tensor = (weight @ grid.to(weight.dtype)).reshape(b, 2 * points)
        return out


class ConvStem(nn.Module):
    """Four strided convolutions with GroupNorm; the last one keeps the resolution."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for k, width in enumerate(widths):
            size, stride = (5, 2) if k == 0 else (3, 2 if k < len(widths) - 1 else 1)
            layers += [
                nn.Conv2d(before, width, size, stride=stride, padding=size // 2),
                nn.GroupNorm(groups_of(width), width),
                nn.SiLU(),
            ]
            before = width
        # Channels last: a quarter to a third less time on a CPU, and what GPUs want.
        self.layers = nn.Sequential(*layers)
        self.layers.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.width = before

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, h / 8, w / 8) features of images (B, 3, h, w), for four widths."""
        out: Tensor = self.layers(x.contiguous(memory_format=torch.channels_last))
        return out


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
