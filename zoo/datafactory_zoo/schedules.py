"""Noise schedules: flow matching, and the diffusion process with its deterministic sampler."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def flow_times(count: int, generator: torch.Generator) -> Tensor:
    """(count,) times in [0.001, 1], t = 1 being noise: 0.001 + 0.999 Beta(1.5, 1) (pi0, 2024).

    Beta(1.5, 1) has the distribution function t^1.5, so it is drawn by inversion.
    """
    uniform = torch.rand(count, generator=generator)
    return 0.001 + 0.999 * uniform ** (1.0 / 1.5)


def flow_integrate(
    velocity: Callable[[Tensor, Tensor], Tensor], noise: Tensor, steps: int
) -> Tensor:
    """Follows a learned velocity from noise (t = 1) to data (t = 0) in Euler steps.

    Lipman et al., "Flow Matching for Generative Modeling" (2023); x_t = t noise + (1 - t) data.

    Args:
        velocity: Of states (B, H, D) at times (B,): the estimate of noise - data.
        noise: (B, H, D) start.
        steps: Number of steps.
    """
    x = noise
    for k in range(steps):
        t = torch.full((len(x),), 1.0 - k / steps, device=x.device)
        x = x - velocity(x, t) / steps
    return x


class Diffusion:
    """Discrete diffusion with the squared cosine schedule (Nichol and Dhariwal, 2021).

    Args:
        steps: Number of noise levels.
        clip: Bound of the data; estimates are clipped to it while sampling.
    """

    def __init__(self, steps: int = 100, clip: float = 1.0) -> None:
        self.steps, self.clip = steps, clip

        def share(t: float) -> float:
            return math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2

        betas = [min(1.0 - share((k + 1) / steps) / share(k / steps), 0.999) for k in range(steps)]
        self.alpha_bar = torch.cumprod(1.0 - torch.tensor(betas, dtype=torch.float64), 0).float()

    def noised(self, data: Tensor, noise: Tensor, level: Tensor) -> Tensor:
        """Data (B, H, D) at noise levels (B,)."""
        keep = self.alpha_bar.to(data.device)[level][:, None, None]
        return keep.sqrt() * data + (1.0 - keep).sqrt() * noise

    def sample(
        self, estimate: Callable[[Tensor, Tensor], Tensor], noise: Tensor, steps: int
    ) -> Tensor:
        """Data from noise by the deterministic sampler (Song et al., "DDIM", 2021; eta = 0).

        Args:
            estimate: Noise in states (B, H, D) at levels (B,).
            noise: (B, H, D) start.
            steps: Number of levels visited, evenly spaced.
        """
        alpha = self.alpha_bar.to(noise.device)
        levels = torch.linspace(self.steps - 1, 0, steps, device=noise.device).round().long()
        x = noise
        for k, level in enumerate(levels):
            keep = alpha[level]
            guess = estimate(x, level.expand(len(x)))
            data = ((x - (1.0 - keep).sqrt() * guess) / keep.sqrt()).clamp(-self.clip, self.clip)
            guess = (x - keep.sqrt() * data) / (1.0 - keep).sqrt()
            following = alpha[levels[k + 1]] if k + 1 < steps else alpha.new_ones(())
            x = following.sqrt() * data + (1.0 - following).sqrt() * guess
        return x
