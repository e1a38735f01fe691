"""Timed rounds over given samples of a loader; the same code here and in lerobot's environment."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import torch

BATCH = 32


class Order(torch.utils.data.Sampler[int]):
    """The samples of the next round, in order."""

    def __init__(self) -> None:
        self.samples: list[int] = []

    def __iter__(self) -> Iterator[int]:
        return iter(self.samples)

    def __len__(self) -> int:
        return len(self.samples)


def cpu_s() -> float:
    """CPU seconds of this process and its living children."""
    spent = time.process_time()
    tick = os.sysconf("SC_CLK_TCK")
    for child in active_children():
        fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        spent += (int(fields[11]) + int(fields[12])) / tick
    return spent


class Rounds:
    """A loader that reads the samples it is told to.

    Args:
        dataset: Map-style dataset.
        workers: Processes of the loader; 0 to read in this one.
        context: How processes are started.
        collate: As of ``DataLoader``.
        finish: Done to every batch where it arrives; its time counts.
    """

    def __init__(
        self, dataset: Any, workers: int, context: str, collate: Callable[[Any], Any] | None = None,
        finish: Callable[[Any], Any] = lambda batch: batch,
    ) -> None:  # fmt: skip
        self._order, self._finish = Order(), finish
        self._loader = torch.utils.data.DataLoader(
            dataset, batch_size=BATCH, sampler=self._order, num_workers=workers,
            collate_fn=collate, persistent_workers=workers > 0,
            multiprocessing_context=context if workers else None,
        )  # fmt: skip

    def read(self, samples: list[int]) -> list[dict[str, Any]]:
        """Batches of the samples."""
        self._order.samples = samples
        return [self._finish(batch) for batch in self._loader]

    def timed(self, samples: list[int]) -> dict[str, float]:
        """Reads the samples, keeps nothing; wall and CPU seconds."""
        self._order.samples = samples
        begin, spent = time.perf_counter(), cpu_s()
        for batch in self._loader:
            self._finish(batch)
        return {"wall_s": time.perf_counter() - begin, "cpu_s": cpu_s() - spent}
