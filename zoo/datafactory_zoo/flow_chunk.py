"""``flow_chunk``: flow matching over action chunks on a state vector, or on small images.

The velocity field is a residual network over the flattened chunk whose blocks are modulated by time
and observation (FiLM; Perez et al., 2018). Flow matching after Lipman et al. (2023), with the time
distribution of pi0 (2024). Every camera has an encoder of its own: a small feature pyramid, a
spatial softmax on its finer features and a linear map of its coarser ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from datafactory.errors import SpecError
from datafactory_zoo.interface import PolicyIO
from datafactory_zoo.networks import Pyramid, SpatialSoftmax, full_precision, mlp, time_embedding
from datafactory_zoo.policy import Policy, masked_mean
from datafactory_zoo.processors import Inputs
from datafactory_zoo.schedules import flow_integrate, flow_times


@dataclass(frozen=True)
class FlowChunkConfig:
    """Sizes of a ``flow_chunk`` network.

    Attributes:
        width: Width of the residual blocks; blocks: their number.
        condition: Width of the observation's code; told: of what auxiliary features come from.
        time: Width of the time embedding.
        pyramid: Channels of an image's features at a half, a quarter, an eighth and a sixteenth of
            its size; points: positions kept per image; glance: numbers kept beside them.
        integration: Euler steps when sampling.
        draws: Times and noises drawn for each observation in training. Seeing costs more than the
            action network, which learns from each draw (as in CogACT, 2024).
        auxiliary: Weight of the loss of auxiliary features.
        looking: Weight of the distance between an object's centre and the point that follows it,
            in half images.
    """

    width: int
    blocks: int
    condition: int
    time: int = 64
    told: int = 256
    pyramid: tuple[int, int, int, int] = (16, 32, 64, 96)
    points: int = 32
    glance: int = 64
    integration: int = 10
    draws: int = 1
    auxiliary: float = 1.0
    looking: float = 4.0


_NARROW = 16
"""Channels of the coarse features that a glance sees."""


class _Seen(NamedTuple):
    """What comes of an observation.

    Attributes:
        code: (B, condition) for the action network.
        told: Auxiliary features (B, auxiliary_width), at first and at second thought; empty
            without any.
        points: (B, cameras, points, 2) rows and columns in the last images; None without any.
    """

    code: Tensor
    told: tuple[Tensor, ...]
    points: Tensor | None


class _Eye(nn.Module):
    """What is taken from the images of one camera: positions of points, and a glance."""

    def __init__(self, config: FlowChunkConfig, size: int) -> None:
        super().__init__()
        _, _, fine, coarse = config.pyramid
        cells = math.ceil(size / 16) ** 2
        self.pyramid = Pyramid(config.pyramid)
        self.points = SpatialSoftmax(fine, config.points)
        self.narrow = nn.Conv2d(coarse, _NARROW, 1)
        self.glance = nn.Linear(_NARROW * cells, config.glance)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 2 * points) and (B, glance) of images (B, 3, h, w)."""
        fine, coarse = self.pyramid(images)
        glance = self.glance(self.narrow(coarse).flatten(1))
        return self.points(fine), nn.functional.silu(glance)


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


def _products(inputs: Inputs, told: Tensor) -> list[Tensor]:
    """All products of what is told and the present state, and of the state with itself.

    What a fixed camera sees is at R' (p - t) for a tool with axes R at t: a sum of such products,
    which layers of sums alone are slow to learn.
    """
    if "state" not in inputs:
        return []
    state = inputs["state"][:, -1]
    both = torch.cat([told, state], dim=-1)
    return [(both[:, :, None] * state[:, None]).flatten(1)]


class FlowChunk(Policy):
    """Flow matching over whole chunks."""

    name = "flow_chunk"
    Config = FlowChunkConfig
    sizes: ClassVar[Mapping[str, Any]] = {
        "tiny": FlowChunkConfig(width=256, blocks=3, condition=192),
        "small": FlowChunkConfig(width=512, blocks=5, condition=384),
        "full": FlowChunkConfig(
            width=1024, blocks=8, condition=768, pyramid=(64, 128, 256, 384), points=96
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
            self.eyes = nn.ModuleList(_Eye(config, io.image_size) for _ in io.cameras)
            seen += io.steps * len(io.cameras) * (2 * config.points + config.glance)
        if io.auxiliary:
            told = io.auxiliary_width
            self.tell = mlp([seen, config.told, told])
            seen += told + (told + io.state_dim) * io.state_dim
            self.tell_again = mlp([seen, config.told, told])
            seen += told
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
            looks = [eye(images[:, :, k].flatten(0, 1)) for k, eye in enumerate(self.eyes)]
            parts += [part.float().reshape(len(images), -1) for look in looks for part in look]
            found = [look[0].reshape(*images.shape[:2], -1, 2)[:, -1] for look in looks]
            points = torch.stack(found, dim=1)
        seen = torch.cat(parts, dim=-1)
        # Images are seen in the recipe's precision; what is thought of them is small, and exact.
        with full_precision(seen):
            told: tuple[Tensor, ...] = ()
            if self.io.auxiliary:
                first = self.tell(seen)
                seen = torch.cat([seen, first, *_products(inputs, first)], dim=-1)
                told = (first, first + self.tell_again(seen))
                seen = torch.cat([seen, told[1]], dim=-1)
            return _Seen(self.observe(seen), told, points)

    def _velocity(self, x: Tensor, t: Tensor, seen: Tensor) -> Tensor:
        condition = nn.functional.silu(seen + self.time(time_embedding(t, self.config.time)))
        y = self.enter(x.flatten(1))
        for block in self.blocks:
            y = block(y, condition)
        out: Tensor = self.leave(y).reshape(x.shape)
        return out

    def _flow_loss(self, inputs: Inputs, code: Tensor, generator: torch.Generator) -> Tensor:
        """Mean squared error of the velocity, over all draws."""
        action, mask, code = (
            x.repeat_interleave(self.config.draws, dim=0)
            for x in (inputs["action"], inputs["action_mask"], code)
        )
        t = flow_times(len(action), generator).to(action.device)
        noise = torch.randn(action.shape, generator=generator).to(action.device)
        x = t[:, None, None] * noise + (1.0 - t[:, None, None]) * action
        guess = self._velocity(x, t, code)
        return masked_mean((guess - (noise - action)) ** 2, mask)

    def forward(
        self, inputs: Inputs, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        """Mean squared error of the velocity, plus that of auxiliary features."""
        seen = self._condition(inputs)
        with full_precision(seen.code):
            loss = self._flow_loss(inputs, seen.code, generator)
        numbers = {"loss": float(loss.detach())}
        for told in seen.told:
            error = nn.functional.mse_loss(told, inputs["auxiliary"])
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
