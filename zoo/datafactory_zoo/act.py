"""``act``: Action Chunking with Transformers (Zhao et al., "Learning Fine-Grained Bimanual
Manipulation with Low-Cost Hardware", RSS 2023).

A conditional variational autoencoder: its encoder reads state and action chunk into a latent; its
decoder is a transformer whose encoder reads latent, state and image features, and whose learned
queries become the actions. L1 loss and KL divergence with weight 10; the latent is zero when
acting. Differences from the published code: all decoder layers take part (there only the output of
the first one is used), padding is masked in the loss, and GroupNorm replaces frozen BatchNorm since
no pretrained backbone is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from datafactory_zoo.interface import PolicyIO
from datafactory_zoo.networks import ResNet, grid_positions, sine_positions
from datafactory_zoo.policy import Policy, masked_mean
from datafactory_zoo.processors import Inputs


@dataclass(frozen=True)
class ActConfig:
    """Sizes of an ``act`` network.

    Attributes:
        width: Width of the transformers; heads, hidden: attention heads, feed-forward width.
        encoder, decoder: Layers of the two parts of the transformer.
        latent: Size of the latent variable; latent_layers: layers of its encoder.
        backbone: First width of the residual network; blocks: blocks of its stages.
        kl: Weight of the KL divergence.
        dropout: Share of activations dropped in training.
    """

    width: int
    heads: int
    hidden: int
    encoder: int
    decoder: int
    latent_layers: int
    backbone: int
    blocks: tuple[int, ...]
    latent: int = 32
    kl: float = 10.0
    dropout: float = 0.1


def _encoder(config: ActConfig, layers: int) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(
        config.width, config.heads, config.hidden, config.dropout, batch_first=True
    )
    return nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)


class Act(Policy):
    """Action chunking with transformers."""

    name = "act"
    Config = ActConfig
    sizes: ClassVar[Mapping[str, Any]] = {
        "tiny": ActConfig(128, 4, 256, 2, 2, 2, backbone=16, blocks=(1, 1, 1)),
        "small": ActConfig(256, 8, 1024, 4, 4, 4, backbone=32, blocks=(2, 2, 2, 2)),
        "full": ActConfig(512, 8, 3200, 4, 7, 4, backbone=64, blocks=(2, 2, 2, 2)),
    }
    defaults: ClassVar[Mapping[str, Any]] = {"chunk": 100, "execute": 100}
    modes: ClassVar[Mapping[str, str]] = {"state_mode": "mean_std", "action_mode": "mean_std"}

    def __init__(self, io: PolicyIO, config: ActConfig) -> None:
        super().__init__(io, config)
        width, state = config.width, io.steps * io.state_dim
        self.posterior = _encoder(config, config.latent_layers)
        self.posterior_class = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.posterior_state = nn.Linear(state, width)
        self.posterior_action = nn.Linear(io.action_dim, width)
        self.posterior_out = nn.Linear(width, 2 * config.latent)
        self.posterior_places: Tensor
        self.register_buffer("posterior_places", sine_positions(2 + io.chunk, width)[None])
        self.latent_in = nn.Linear(config.latent, width)
        self.state_in = nn.Linear(state, width)
        self.token_places = nn.Parameter(torch.randn(1, 2, width) * 0.02)
        if io.cameras:
            self.backbone = ResNet(config.backbone, config.blocks)
            self.image_in = nn.Conv2d(self.backbone.width, width, 1)
            self.camera_places = nn.Parameter(torch.randn(len(io.cameras), 1, width) * 0.02)
        self.reader = _encoder(config, config.encoder)
        layer = nn.TransformerDecoderLayer(
            width, config.heads, config.hidden, config.dropout, batch_first=True
        )
        self.writer = nn.TransformerDecoder(layer, config.decoder)
        self.queries = nn.Parameter(torch.randn(1, io.chunk, width) * 0.02)
        self.action_out = nn.Linear(width, io.action_dim)

    def _state(self, inputs: Inputs) -> Tensor:
        return inputs["state"].flatten(1)

    def _posterior(self, inputs: Inputs) -> tuple[Tensor, Tensor]:
        """Mean and log variance (B, latent) of the latent given the chunk."""
        action, valid = inputs["action"], inputs["action_mask"].any(dim=-1)
        tokens = torch.cat([
            self.posterior_class.expand(len(action), -1, -1),
            self.posterior_state(self._state(inputs))[:, None],
            self.posterior_action(action),
        ], dim=1)  # fmt: skip
        hidden = torch.cat([valid.new_zeros(len(action), 2), ~valid], dim=1)
        out = self.posterior(tokens + self.posterior_places, src_key_padding_mask=hidden)
        mean, log_variance = self.posterior_out(out[:, 0]).chunk(2, dim=-1)
        return mean, log_variance

    def _images(self, images: Tensor) -> Tensor:
        """(B, tokens, width) of the present step's images (B, steps, cameras, 3, h, w)."""
        now = images[:, -1]
        b, cameras = now.shape[:2]
        maps = self.image_in(self.backbone(now.flatten(0, 1)))
        h, w = maps.shape[-2:]
        tokens = maps.flatten(2).transpose(1, 2).reshape(b, cameras, h * w, -1)
        places = grid_positions(h, w, tokens.shape[-1]).to(tokens)
        out: Tensor = (tokens + places + self.camera_places).flatten(1, 2)
        return out

    def _decode(self, inputs: Inputs, latent: Tensor) -> Tensor:
        pair = torch.stack([self.latent_in(latent), self.state_in(self._state(inputs))], dim=1)
        tokens = [pair + self.token_places]
        if "images" in inputs:
            tokens.append(self._images(inputs["images"]))
        memory = self.reader(torch.cat(tokens, dim=1))
        queries = self.queries.expand(len(latent), -1, -1)
        out: Tensor = self.action_out(self.writer(queries, memory))
        return out

    def forward(
        self, inputs: Inputs, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, float]]:
        """L1 error of the chunk plus the weighted KL divergence from a unit Gaussian."""
        mean, log_variance = self._posterior(inputs)
        noise = torch.randn(mean.shape, generator=generator).to(mean.device)
        guess = self._decode(inputs, mean + (0.5 * log_variance).exp() * noise)
        error = masked_mean((guess - inputs["action"]).abs(), inputs["action_mask"])
        kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(dim=-1).mean()
        loss = error + self.config.kl * kl
        return loss, {"loss": float(loss.detach()), "l1": float(error.detach()),
                      "kl": float(kl.detach())}  # fmt: skip

    def predict_action_chunk(self, inputs: Inputs, generator: torch.Generator) -> Tensor:
        """The chunk at latent zero; nothing is drawn."""
        del generator
        state = inputs["state"]
        return self._decode(inputs, state.new_zeros(len(state), self.config.latent))
