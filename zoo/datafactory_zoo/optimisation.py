"""Learning rate, averaged weights and the optimiser's state as plain tensors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch

from datafactory_zoo.recipe import Optimiser


def learning_rate(step: int, steps: int, spec: Optimiser) -> float:
    """Rate of a step (from 0): linear warm-up, then half a cosine down to ``min_share``."""
    if step < spec.warmup:
        return spec.lr * (step + 1) / spec.warmup
    share = (step - spec.warmup) / max(1, steps - spec.warmup)
    low = spec.min_share
    return spec.lr * (low + (1.0 - low) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, share))))


def make_optimiser(
    parameters: Iterable[tuple[str, torch.nn.Parameter]], spec: Optimiser
) -> torch.optim.AdamW:
    """AdamW; weight decay acts on matrices only, not on biases, norms and embeddings of rank 1."""
    matrices: list[torch.nn.Parameter] = []
    vectors: list[torch.nn.Parameter] = []
    for _, parameter in parameters:
        if parameter.requires_grad:
            (matrices if parameter.ndim > 1 else vectors).append(parameter)
    groups = [{"params": matrices, "weight_decay": spec.weight_decay},
              {"params": vectors, "weight_decay": 0.0}]  # fmt: skip
    return torch.optim.AdamW(groups, lr=spec.lr, betas=spec.betas, eps=spec.eps)


class Average:
    """Exponential moving average of weights; the decay grows with the steps taken (Chi et al.).

    Attributes:
        weights: Averaged tensors by name.
    """

    def __init__(self, state: Mapping[str, torch.Tensor], decay: float) -> None:
        self.decay = decay
        self.weights = {k: v.detach().clone() for k, v in state.items()}

    @torch.no_grad()
    def update(self, state: Mapping[str, torch.Tensor], step: int) -> None:
        """Takes in the weights after a step (from 1)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in state.items():
            mean = self.weights[name]
            if value.is_floating_point():
                mean.lerp_(value.detach(), 1.0 - decay)
            else:
                mean.copy_(value)


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Moments and step counts by parameter number."""
    out = {}
    for number, values in optimiser.state_dict()["state"].items():
        for name, value in values.items():
            out[f"optimiser.{number}.{name}"] = torch.as_tensor(value)
    return out


def restore_optimiser(
    optimiser: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]
) -> None:
    """Puts back what :func:`optimiser_tensors` returned."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimiser."):
            _, number, name = key.split(".", 2)
            state.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
