"""``diffusion_policy``: diffusion over action chunks with a 1D U-Net (Chi et al., "Diffusion
Policy: Visuomotor Policy Learning via Action Diffusion", RSS 2023).

The convolutional variant: the observation of two steps modulates every residual block (FiLM);
100 noise levels with the squared cosine schedule, noise prediction, the deterministic sampler when
acting. Images go through a residual network with GroupNorm and a spatial softmax.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from datafactory.errors import SpecError
from datafactory_zoo.interface import PolicyIO
from datafactory_zoo.networks import ResNet, SpatialSoftmax, mlp, time_embedding
from datafactory_zoo.policy import Policy, masked_mean
from datafactory_zoo.processors import Inputs
from datafactory_zoo.schedules import Diffusion


@dataclass(frozen=True)
class DiffusionPolicyConfig:
    """Sizes of a ``diffusion_policy`` network.

    Attributes:
        widths: Channels of the U-Net's levels.
        kernel: Length of its convolutions.
        time: Width of the time embedding.
        backbone: First width of the residual network; blocks: blocks of its stages.
        points: Positions kept per image.
        levels: Noise levels in training; sampling: of those visited when acting.
    """

    widths: tuple[int, ...]
    time: int
    backbone: int
    blocks: tuple[int, ...]
    kernel: int = 5
    points: int = 32
    levels: int = 100
    sampling: int = 10


class _Conv(nn.Sequential):
    def __init__(self, before: int, after: int, kernel: int) -> None:
        super().__init__(
            nn.Conv1d(before, after, kernel, padding=kernel // 2),
            nn.GroupNorm(8, after), nn.Mish(),
        )  # fmt: skip


class _Residual(nn.Module):
    """Two convolutions, scaled and shifted by the condition in between."""

    def __init__(self, before: int, after: int, condition: int, kernel: int) -> None:
        super().__init__()
        self.first, self.second = _Conv(before, after, kernel), _Conv(after, after, kernel)
        self.film = nn.Sequential(nn.Mish(), nn.Linear(condition, 2 * after))
        self.skip = nn.Conv1d(before, after, 1) if before != after else nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.film(condition)[..., None].chunk(2, dim=1)
        out: Tensor = self.second(self.first(x) * (1 + scale) + shift) + self.skip(x)
        return out


class _Level(nn.Module):
    """Two residual blocks; ``resize`` halves or doubles the length between levels."""

    def __init__(
        self, before: int, after: int, condition: int, kernel: int, resize: nn.Module
    ) -> None:
        super().__init__()
        self.first = _Residual(before, after, condition, kernel)
        self.second = _Residual(after, after, condition, kernel)
        self.resize = resize

    def forward(self, x: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Features at this level's length, and resized."""
        y = self.second(self.first(x, condition), condition)
        return y, self.resize(y)


class UNet(nn.Module):
    """Noise estimate of chunks (B, H, D) under a condition (B, C); H must fit the levels."""

    def __init__(self, action: int, condition: int, widths: tuple[int, ...], kernel: int) -> None:
        super().__init__()
        pairs = list(zip((action, *widths[:-1]), widths, strict=True))
        last, keep = len(widths) - 1, nn.Identity()
        self.down = nn.ModuleList(
            _Level(a, b, condition, kernel,
                   nn.Conv1d(b, b, 3, stride=2, padding=1) if k < last else keep)
            for k, (a, b) in enumerate(pairs)
        )  # fmt: skip
        self.middle = _Level(widths[-1], widths[-1], condition, kernel, keep)
        self.up = nn.ModuleList(
            _Level(2 * b, a, condition, kernel, nn.ConvTranspose1d(a, a, 4, stride=2, padding=1))
            for a, b in reversed(pairs[1:])
        )
        self.out = nn.Sequential(_Conv(widths[0], widths[0], kernel),
                                 nn.Conv1d(widths[0], action, 1))  # fmt: skip

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Estimate of the same shape as ``x``."""
        y, kept = x.transpose(1, 2), []
        for level in self.down:
            here, y = level(y, condition)
            kept.append(here)
        _, y = self.middle(y, condition)
        for level in self.up:
            _, y = level(torch.cat([y, kept.pop()], dim=1), condition)
        out: Tensor = self.out(y).transpose(1, 2)
        return out


class DiffusionPolicy(Policy):
    """Diffusion over chunks with a 1D U-Net."""

    name = "diffusion_policy"
    Config = DiffusionPolicyConfig
    sizes: ClassVar[Mapping[str, Any]] = {
        "tiny": DiffusionPolicyConfig((64, 128), 64, backbone=16, blocks=(1, 1, 1)),
        "small": DiffusionPolicyConfig((128, 256, 512), 128, backbone=32, blocks=(2, 2, 2, 2)),
        "full": DiffusionPolicyConfig((512, 1024, 2048), 128, backbone=64, blocks=(2, 2, 2, 2)),
    }
    defaults: ClassVar[Mapping[str, Any]] = {"steps": 2, "chunk": 16, "execute": 8, "first": -1}

    def __init__(self, io: PolicyIO, config: DiffusionPolicyConfig) -> None:
        super().__init__(io, config)
        halvings = 2 ** (len(config.widths) - 1)
        if io.chunk % halvings:
            raise SpecError(
                f"a chunk of {io.chunk} does not fit a U-Net of {len(config.widths)} levels",
                remedy=f"use a multiple of {halvings}",
            )
        seen = io.steps * io.state_dim
        if io.cameras:
            self.backbone = ResNet(config.backbone, config.blocks)
            self.points = SpatialSoftmax(self.backbone.width, config.points)
            seen += io.steps * len(io.cameras) * 2 * config.points
        self.time = mlp([config.time, 4 * config.time, config.time])
        self.unet = UNet(io.action_dim, config.time + seen, config.widths, config.kernel)
        self._process = Diffusion(config.levels)

    def _seen(self, inputs: Inputs) -> Tensor:
        parts = [inputs["state"].flatten(1)] if "state" in inputs else []
        if "images" in inputs:
            images = inputs["images"]
            points = self.points(self.backbone(images.flatten(0, 2)))
            parts.append(points.reshape(len(images), -1))
        return torch.cat(parts, dim=-1)

    def _estimate(self, x: Tensor, level: Tensor, seen: Tensor) -> Tensor:
        t = self.time(time_embedding(level / self.config.levels, self.config.time))
        out: Tensor = self.unet(x, torch.cat([t, seen], dim=-1))
        return out

    def forward(
        self, inputs: Inputs, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        """Mean squared error of the noise."""
        action, mask = inputs["action"], inputs["action_mask"]
        level = torch.randint(self.config.levels, (len(action),), generator=generator)
        noise = torch.randn(action.shape, generator=generator).to(action.device)
        level = level.to(action.device)
        noised = self._process.noised(action, noise, level)
        guess = self._estimate(noised, level, self._seen(inputs))
        loss = masked_mean((guess - noise) ** 2, mask)
        return loss, {"loss": float(loss.detach())}

    def predict_action_chunk(self, inputs: Inputs, generator: torch.Generator) -> Tensor:
        """Samples from noise."""
        seen = self._seen(inputs)
        shape = (len(seen), self.io.chunk, self.io.action_dim)
        noise = torch.randn(shape, generator=generator).to(seen.device)
        return self._process.sample(
            lambda x, level: self._estimate(x, level, seen), noise, self.config.sampling
        )
