"""``flow_chunk``: flow matching over action chunks on a state vector, or on small images.

The velocity field is a residual network over the flattened chunk whose blocks are modulated by time
and observation (FiLM; Perez et al., 2018). Flow matching after Lipman et al. (2023), with the time
distribution of pi0 (2024). Images go through a small convolutional stem and a spatial softmax.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from datafactory.errors import SpecError
from datafactory_zoo.interface import PolicyIO
from datafactory_zoo.networks import ConvStem, SpatialSoftmax, mlp, time_embedding
from datafactory_zoo.policy import Policy, masked_mean
from datafactory_zoo.processors import Inputs
from datafactory_zoo.schedules import flow_integrate, flow_times


@dataclass(frozen=True)
class FlowChunkConfig:
    """Sizes of a ``flow_chunk`` network.

    Attributes:
        width: Width of the residual blocks; blocks: their number.
        condition: Width of the observation's code.
        time: Width of the time embedding.
        stem: Widths of the convolutions; points: positions kept per image.
        integration: Euler steps when sampling.
        auxiliary: Weight of the loss of auxiliary features.
        looking: Weight of the distance between an object's centre and the point that follows it,
            in half images.
    """

    width: int
    blocks: int
    condition: int
    time: int = 64
    stem: tuple[int, ...] = (32, 64, 96, 96)
    points: int = 48
    integration: int = 10
    auxiliary: float = 1.0
    looking: float = 4.0


class _Seen(NamedTuple):
    """What comes of an observation.

    Attributes:
        code: (B, condition) for the action network.
        told: (B, auxiliary_width) auxiliary features; None without any.
        points: (B, cameras, points, 2) rows and columns in the last images; None without any.
    """

    code: Tensor
    told: Tensor | None
    points: Tensor | None


class _FiLMBlock(nn.Module):
    def __init__(self, width: int, condition: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulation = nn.Linear(condition, 3 * width)
        self.first, self.second = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift, gate = self.modulation(condition).chunk(3, dim=-1)
        y = self.norm(x) * (1 + scale) + shift
        out: Tensor = x + (1 + gate) * self.second(nn.functional.silu(self.first(y)))
        return out


class FlowChunk(Policy):
    """Flow matching over whole chunks."""

    name = "flow_chunk"
    Config = FlowChunkConfig
    sizes: ClassVar[Mapping[str, Any]] = {
        "tiny": FlowChunkConfig(width=256, blocks=3, condition=192),
        "small": FlowChunkConfig(width=512, blocks=5, condition=384),
        "full": FlowChunkConfig(
            width=1024, blocks=8, condition=768, stem=(64, 128, 256, 256), points=96
        ),
    }
    defaults: ClassVar[Mapping[str, Any]] = {"chunk": 16, "execute": 8}
    tells = True

    def __init__(self, io: PolicyIO, config: FlowChunkConfig) -> None:
        super().__init__(io, config)
        seen = io.steps * io.state_dim
        if len(io.points) > config.points:
            raise SpecError(f"{config.points} points cannot follow {len(io.points)} objects",
                            where="network.points")  # fmt: skip
        if io.cameras:
            self.stem = ConvStem(config.stem)
            self.points = SpatialSoftmax(self.stem.width, config.points)
            seen += io.steps * len(io.cameras) * 2 * config.points
        if io.auxiliary:
            self.tell = mlp([seen, config.condition, io.auxiliary_width])
            seen += io.auxiliary_width
        self.observe = mlp([seen, 2 * config.condition, config.condition])
        self.time = mlp([config.time, config.condition, config.condition])
        flat = io.chunk * io.action_dim
        self.enter, self.leave = nn.Linear(flat, config.width), nn.Linear(config.width, flat)
        self.blocks = nn.ModuleList(
            _FiLMBlock(config.width, config.condition) for _ in range(config.blocks)
        )
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def _condition(self, inputs: Inputs) -> _Seen:
        parts, points = [], None
        if "state" in inputs:
            parts.append(inputs["state"].flatten(1))
        if "images" in inputs:
            images = inputs["images"]
            points = self.points(self.stem(images.flatten(0, 2)))
            parts.append(points.reshape(len(images), -1))
            points = points.reshape(*images.shape[:3], -1, 2)[:, -1]
        seen, told = torch.cat(parts, dim=-1), None
        if self.io.auxiliary:
            told = self.tell(seen)
            seen = torch.cat([seen, told], dim=-1)
        return _Seen(self.observe(seen), told, points)

    def _velocity(self, x: Tensor, t: Tensor, seen: Tensor) -> Tensor:
        condition = nn.functional.silu(seen + self.time(time_embedding(t, self.config.time)))
        y = self.enter(x.flatten(1))
        for block in self.blocks:
            y = block(y, condition)
        out: Tensor = self.leave(y).reshape(x.shape)
        return out

    def forward(
        self, inputs: Inputs, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        """Mean squared error of the velocity, plus that of auxiliary features."""
        action, mask = inputs["action"], inputs["action_mask"]
        t = flow_times(len(action), generator).to(action.device)
        noise = torch.randn(action.shape, generator=generator).to(action.device)
        x = t[:, None, None] * noise + (1.0 - t[:, None, None]) * action
        seen = self._condition(inputs)
        guess = self._velocity(x, t, seen.code)
        loss = masked_mean((guess - (noise - action)) ** 2, mask)
        numbers = {"loss": float(loss.detach())}
        if seen.told is not None:
            error = nn.functional.mse_loss(seen.told, inputs["auxiliary"])
            numbers["auxiliary"] = float(error.detach())
            loss = loss + self.config.auxiliary * error
        if self.io.points and seen.points is not None:
            # The first points of the softmax follow the objects, in every camera.
            wanted = inputs["points"]
            away = (seen.points[:, :, : len(self.io.points)] - wanted[..., :2]).abs()
            error = masked_mean(away, wanted[..., 2:].expand_as(away))
            numbers["looking"] = float(error.detach())
            loss = loss + self.config.looking * error
        return loss, numbers

    def predict_action_chunk(self, inputs: Inputs, generator: torch.Generator) -> Tensor:
        """Integrates the flow from noise."""
        seen = self._condition(inputs).code
        shape = (len(seen), self.io.chunk, self.io.action_dim)
        noise = torch.randn(shape, generator=generator).to(seen.device)
        return flow_integrate(
            lambda x, t: self._velocity(x, t, seen), noise, self.config.integration
        )
