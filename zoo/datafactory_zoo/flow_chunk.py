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
        condition: Width of the observation's code.
        told: Width of the layers that tell auxiliary features.
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
        told: (B, auxiliary_width) auxiliary features; None without any.
        points: (B, cameras, points, 2) rows and columns in the last images, as they were before
            they were shifted; None without any.
    """

    code: Tensor
    told: Tensor | None
    points: Tensor | None


class _Eye(nn.Module):
    """What is taken from the images of one camera: positions of points, and a glance."""

    def __init__(self, config: FlowChunkConfig, size: int) -> None:
        super().__init__()
        _, fine, _, coarse = config.pyramid
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


class _Teller(nn.Module):
    """Tells auxiliary features, each from as little as can know it: the less is learnt by heart.

    Sizes come from images, positions in the base's frame from sizes and from where the images show
    the objects, everything else from all of it.

    Args:
        io: Inputs and outputs.
        seen: Numbers of an observation.
        shown: Of these, what images show.
        width: Width of the layers between.
    """

    def __init__(self, io: PolicyIO, seen: int, shown: int, width: int) -> None:
        super().__init__()
        names = [
            n for n, k in zip(io.auxiliary, io.auxiliary_widths, strict=True) for _ in range(k)
        ]
        sizes = [k for k, name in enumerate(names) if shown and name.startswith("object_size.")]
        followed_places = {f"object_in_base.{role}" for role in io.points}
        places = [k for k, name in enumerate(names) if name in followed_places]
        rest = [k for k in range(len(names)) if k not in (*sizes, *places)]
        # Back into the order of the features.
        self.order = [(*sizes, *places, *rest).index(k) for k in range(len(names))]
        followed = 2 * len(io.cameras) * len(io.points)
        self.size = mlp([shown, width, len(sizes)]) if sizes else None
        self.place = mlp([followed + len(sizes), width, width, len(places)]) if places else None
        known = len(sizes) + len(places)
        seen += known + (known + io.state_dim) * io.state_dim
        self.rest = mlp([seen, width, len(rest)]) if rest else None

    def forward(self, seen: Tensor, state: Tensor, shown: Tensor, followed: Tensor) -> Tensor:
        """Features of observations, with the present state, what images show, where objects are."""
        told: list[Tensor] = []
        if self.size is not None:
            told.append(self.size(shown))
        if self.place is not None:
            told.append(self.place(torch.cat([followed, *told], dim=-1)))
        if self.rest is not None:
            told.append(self.rest(torch.cat([seen, *told, _products(told, state)], dim=-1)))
        return torch.cat(told, dim=-1)[:, self.order]


def _products(told: list[Tensor], state: Tensor) -> Tensor:
    """All products of what is told and the state, and of the state with itself.

    What is at p in the base's frame is at R' (p - t) for a tool with axes R at t. Two of its three
    coordinates are sums of such products, as states hold two of the axes; layers of sums alone are
    slow to learn them.
    """
    return (torch.cat([*told, state], dim=-1)[:, :, None] * state[:, None]).flatten(1)


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
        if len(config.pyramid) != 4 or min(config.pyramid) < 1:
            raise SpecError("a pyramid has four widths", where="network.pyramid",
                            remedy="such as [16, 32, 64, 96]")  # fmt: skip
        if config.draws < 1:
            raise SpecError(f"{config.draws} draws teach nothing", where="network.draws")
        if len(io.points) > config.points:
            raise SpecError(f"{config.points} points cannot follow {len(io.points)} objects",
                            where="network.points")  # fmt: skip
        if io.cameras:
            self.eyes = nn.ModuleList(_Eye(config, io.image_size) for _ in io.cameras)
            seen += io.steps * len(io.cameras) * (2 * config.points + config.glance)
        if io.auxiliary:
            self.tell = _Teller(io, seen, seen - io.steps * io.state_dim, config.told)
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

    def _look(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """Points (B, steps, cameras, points, 2) and glances (B, steps * cameras * glance)."""
        images = inputs["images"]
        looks = [eye(images[:, :, k].flatten(0, 1)) for k, eye in enumerate(self.eyes)]
        points = torch.stack([places for places, _ in looks], dim=1)
        points = points.reshape(*images.shape[:2], len(looks), -1, 2)
        if "moved" in inputs:  # a shifted image shows nothing elsewhere in the world
            points = points - inputs["moved"][:, None, None, None]
        glances = [glance.float().reshape(len(images), -1) for _, glance in looks]
        return points, torch.cat(glances, dim=-1)

    def _condition(self, inputs: Inputs) -> _Seen:
        some = next(iter(inputs.values()))
        state = inputs.get("state", some.new_zeros((len(some), 1, 0), dtype=torch.float32))
        shown, followed, points = state[:, 0, :0], state[:, 0, :0], None
        if "images" in inputs:
            found, glances = self._look(inputs)
            points = found[:, -1]
            shown = torch.cat([found.flatten(1), glances], dim=-1)
            followed = points[:, :, : len(self.io.points)].flatten(1)
        # Images are seen in the recipe's precision; what is thought of them is small, and exact.
        with full_precision(state):
            seen, told = torch.cat([state.flatten(1), shown], dim=-1), None
            if self.io.auxiliary:
                told = self.tell(seen, state[:, -1], shown, followed)
                seen = torch.cat([seen, told], dim=-1)
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
        if seen.told is not None:
            error = nn.functional.mse_loss(seen.told, inputs["auxiliary"])
            numbers["auxiliary"] = float(error.detach())
            loss = loss + self.config.auxiliary * error
        if self.io.points and seen.points is not None:
            # The first points of the softmax follow the objects, in every camera.
            place, visible = inputs["points"][..., :2], inputs["points"][..., 2:]
            if "moved" in inputs:  # out of a shifted image
                shifted = place + inputs["moved"][:, None, None]
                visible = visible * (shifted.abs() <= 1.0).all(-1, keepdim=True)
            away = (seen.points[:, :, : len(self.io.points)] - place).abs()
            error = masked_mean(away, visible.expand_as(away))
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
