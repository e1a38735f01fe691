"""One process or many: what differs between training on one device and on several."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any

import torch

from datafactory.errors import MissingPartError

PATIENCE = timedelta(hours=12)
"""How long processes wait for the first one, which validates, evaluates and writes."""


class Distribution:
    """Processes that train together, started by ``accelerate launch`` or ``torchrun``.

    Attributes:
        rank, world: Number of this process and of all.
    """

    def __init__(self, accelerator: Any | None = None) -> None:
        self._accelerator = accelerator
        self.rank = int(accelerator.process_index) if accelerator else 0
        self.world = int(accelerator.num_processes) if accelerator else 1

    @classmethod
    def of_environment(cls, device: str) -> Distribution:
        """Several processes where a launcher set ``WORLD_SIZE``, else this one alone.

        Args:
            device: ``cpu`` or ``cuda``; the same in all processes.

        Raises:
            MissingPartError: Several processes without the library accelerate.
        """
        if int(os.environ.get("WORLD_SIZE", "1")) < 2:
            return cls()
        try:
            from accelerate import Accelerator, InitProcessGroupKwargs
        except ImportError as error:
            raise MissingPartError(
                "training in several processes needs the library accelerate",
                remedy="pip install 'datafactory[zoo-full]'",
            ) from error
        # The recipe says the precision, not the launcher's configuration.
        handlers = [InitProcessGroupKwargs(timeout=PATIENCE)]
        return cls(Accelerator(cpu=device == "cpu", mixed_precision="no", kwargs_handlers=handlers))

    @property
    def chief(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    def wrap(self, module: torch.nn.Module) -> torch.nn.Module:
        """The module with gradients averaged over all processes."""
        if self._accelerator is None:
            return module
        wrapped: torch.nn.Module = self._accelerator.prepare(module)
        return wrapped

    def accumulating(self, module: torch.nn.Module, *, last: bool) -> AbstractContextManager[Any]:
        """Within it gradients are not exchanged, unless it is the step's last part."""
        if self._accelerator is None or last:
            return nullcontext()
        context: AbstractContextManager[Any] = self._accelerator.no_sync(module)
        return context

    def backward(self, loss: torch.Tensor) -> None:
        """Adds the gradients of a loss."""
        if self._accelerator is None:
            loss.backward()  # type: ignore[no-untyped-call]
        else:
            self._accelerator.backward(loss)

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes by rank; each must call it."""
        if self._accelerator is None:
            return [value]
        found: list[Any] = [None] * self.world
        torch.distributed.all_gather_object(found, value)
        return found

    def end(self) -> None:
        """Waits for all processes and parts from them."""
        if self._accelerator is not None:
            self._accelerator.wait_for_everyone()
            self._accelerator.end_training()
