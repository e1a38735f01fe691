"""Where training numbers go: a JSON line each, and optional writers behind one call."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from datafactory.errors import MissingPartError


class Writer(Protocol):
    """Takes the numbers of a step."""

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        """Writes numbers by name."""

    def close(self) -> None:
        """Flushes."""


class JsonLines:
    """One JSON object a line; lines of steps that are trained again are dropped when resumed.

    Args:
        path: File.
        step: Step to go on from; later lines are removed.
    """

    def __init__(self, path: Path, step: int = 0) -> None:
        kept = []
        if path.exists():
            lines = path.read_text().splitlines()
            kept = [line for line in lines if line and json.loads(line)["step"] <= step]
        path.write_text("".join(line + "\n" for line in kept))
        self._file = path.open("a")

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        """Appends a line."""
        self._file.write(json.dumps({"step": step, **numbers}) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


class TensorBoard:
    """Event files of TensorBoard in ``<run>/tensorboard``."""

    def __init__(self, run: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise _missing("tensorboard") from error
        self._made: Any = SummaryWriter(str(run / "tensorboard"))

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        """Writes scalars."""
        for name, value in numbers.items():
            self._made.add_scalar(name, value, step)

    def close(self) -> None:
        """Flushes."""
        self._made.close()


class WandB:
    """A run of Weights & Biases; its own environment variables say where it goes."""

    def __init__(self, run: Path, config: Mapping[str, Any]) -> None:
        try:
            import wandb
        except ImportError as error:
            raise _missing("wandb") from error
        self._made: Any = wandb.init(dir=str(run), name=run.name, config=dict(config))

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        """Logs numbers."""
        self._made.log(dict(numbers), step=step)

    def close(self) -> None:
        """Ends the run."""
        self._made.finish()


def _missing(name: str) -> MissingPartError:
    return MissingPartError(f"the metric writer '{name}' is not installed",
                            remedy=f"pip install {name}, or leave it out of 'writers'")  # fmt: skip


def make_writers(
    names: Sequence[str], run: Path, config: Mapping[str, Any], step: int
) -> list[Writer]:
    """The writers of a recipe; the JSON lines in ``<run>/metrics.jsonl`` always come first."""
    writers: list[Writer] = [JsonLines(run / "metrics.jsonl", step)]
    for name in names:
        writers.append(TensorBoard(run) if name == "tensorboard" else WandB(run, config))
    return writers
