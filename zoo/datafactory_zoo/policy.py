"""The policy contract: one class per method, sizes as explicit integers, weights in safetensors."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from datafactory.errors import PluginError, SpecError, UnknownNameError
from datafactory.plugin import load
from datafactory_zoo.actions import Targets
from datafactory_zoo.interface import PolicyIO
from datafactory_zoo.loader import Batch
from datafactory_zoo.pictures import normalised
from datafactory_zoo.processors import Inputs, Processors, chunk_start
from datafactory_zoo.windows import WindowSpec

SIZES = ("tiny", "small", "full")
C = TypeVar("C")


class Policy(torch.nn.Module, ABC):
    """A policy network.

    A subclass is one file. It declares ``name``, ``Config`` (a frozen dataclass of plain numbers),
    ``sizes`` and ``defaults`` (values of :class:`PolicyIO` the method asks for), and implements
    :meth:`forward` and :meth:`predict_action_chunk`.

    Args:
        io: Inputs and outputs.
        config: Network sizes, a ``Config``.
    """

    name: ClassVar[str]
    Config: ClassVar[type[Any]]
    sizes: ClassVar[Mapping[str, Any]]
    defaults: ClassVar[Mapping[str, Any]]
    modes: ClassVar[Mapping[str, str]] = {"state_mode": "mean_std", "action_mode": "min_max"}
    """Normalisation the method asks for."""
    tells: ClassVar[bool] = False
    """It learns auxiliary features beside actions."""

    def __init__(self, io: PolicyIO, config: Any) -> None:
        super().__init__()
        if not isinstance(config, self.Config):
            raise SpecError(f"policy '{self.name}' needs a {self.Config.__name__}")
        self.io, self.config = io, config

    @abstractmethod
    def forward(
        self, inputs: Inputs, generator: torch.Generator
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Training loss and named numbers.

        Args:
            inputs: What ``Processors.training`` returns, images normalised; and, where they were
                augmented, ``moved`` (B, 2): rows and columns by which what they show was shifted,
                in half images.
            generator: Randomness of noise and dropout masks drawn by the method.
        """

    @abstractmethod
    def predict_action_chunk(self, inputs: Inputs, generator: torch.Generator) -> torch.Tensor:
        """(B, H, action_dim) normalised actions for what ``Processors.observation`` returns.

        Images are normalised, as in training.
        """

    def required_columns(self) -> WindowSpec:
        """What it reads from a dataset."""
        return self.io.windows()

    @property
    def parameter_count(self) -> int:
        """Number of trainable parameters."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)


def policy_class(name: str) -> type[Policy]:
    """The class of a registered policy.

    Raises:
        UnknownNameError: No policy has this name.
        PluginError: It is not a policy, or cannot be imported.
    """
    found = load("policy", name)
    if not (isinstance(found, type) and issubclass(found, Policy)):
        raise PluginError(f"'{name}' is registered as a policy but is not one")
    return found


def configured(kind: type[Policy], size: str, changes: Mapping[str, Any]) -> Any:
    """The configuration of a size with some numbers changed; lists become tuples.

    Raises:
        UnknownNameError: There is no such size or number.
    """
    if size not in kind.sizes:
        raise UnknownNameError.of("size", size, kind.sizes, f"policy '{kind.name}'")
    config = kind.sizes[size]
    known = {f.name for f in dataclasses.fields(config)}
    for key in changes:
        if key not in known:
            raise UnknownNameError.of("network setting", key, known, f"policy '{kind.name}'")
    plain = {k: tuple(v) if isinstance(v, list) else v for k, v in changes.items()}
    return dataclasses.replace(config, **plain)


def masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean of the values where the mask is True; padding contributes nothing."""
    return (values * mask).sum() / mask.sum().clamp(min=1)


class Agent:
    """A trained policy acting: predicts a chunk, hands out its actions one by one.

    Args:
        policy: Network, in evaluation mode.
        processors: Its processors.
        seed: Seed of the noise that sampling starts from.
    """

    def __init__(self, policy: Policy, processors: Processors, seed: int = 0) -> None:
        self.policy, self.processors = policy.eval(), processors
        self.io = policy.io
        self._generator = torch.Generator().manual_seed(seed)
        self._waiting: deque[tuple[NDArray[np.float64], NDArray[np.float64]]] = deque()

    def reset(self, seed: int | None = None) -> None:
        """Forgets planned actions; a seed restarts the noise."""
        self._waiting.clear()
        if seed is not None:
            self._generator.manual_seed(seed)

    @torch.no_grad()
    def predict_action_chunk(self, batch: Batch) -> Targets:
        """Absolute targets of whole chunks for a batch of observations."""
        device = next(self.policy.parameters()).device
        inputs = {k: v.to(device) for k, v in self.processors.observation(batch).items()}
        if "images" in inputs:
            inputs["images"] = normalised(inputs["images"])
        chunk = self.policy.predict_action_chunk(inputs, self._generator)
        return self.processors.targets(chunk, chunk_start(batch, self.io.arms))

    @property
    def planned(self) -> int:
        """Actions that are still to be handed out; the next observation is needed after them."""
        return len(self._waiting)

    def select_action(self, batch: Batch) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The next action for one observation (a batch of one), not looked at while one is planned.

        Returns:
            Arm target, (dof,) rad or (arms, 7) world_from_tcp by the policy's action space; and
            (arms,) gripper openings.
        """
        if not self._waiting:
            targets = self.predict_action_chunk(batch)
            arm = targets.joint if targets.joint is not None else targets.eef
            assert arm is not None
            begin = -self.io.first
            for k in range(begin, begin + self.io.execute):
                self._waiting.append((arm[0, k], targets.gripper[0, k]))
        return self._waiting.popleft()
