"""The contracts of exporters and importers: entry points give classes without arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from datafactory.store.dataset import Dataset

Progress = Callable[[int, int], None]
"""Called with (episodes done, episodes in all)."""
ActionForm = Literal["absolute", "relative", "delta"]
ActionSpace = Literal["joint", "eef"]


@dataclass(frozen=True)
class ExportOptions:
    """What is exported and in which convention.

    Attributes:
        variant: Render variant whose images are exported; None for the dataset's only one, or no
            images when it has none.
        cameras: Cameras to export; empty for all of the variant.
        where: Filter on episodes, as in ``Dataset.episodes``; None for all.
        limit: Largest number of episodes; None for all.
        actions: ``absolute`` targets; ``relative`` to the measured state at the same frame;
            ``delta`` to the previous frame's target (the first is relative to the state).
        space: ``joint`` targets or ``eef`` (end effector) targets as the main action.
        extras: Also write models, exact states and calibration beside the format's own files.
        settings: The exporter's own options by name, as text (``--set name=value``).
    """

    variant: str | None = None
    cameras: tuple[str, ...] = ()
    where: str | None = None
    limit: int | None = None
    actions: ActionForm = "absolute"
    space: ActionSpace = "joint"
    extras: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ExportSummary:
    """What an export wrote.

    Attributes:
        path: Folder or file.
        episodes, frames: Counts.
        bytes: Size on disk.
        remarks: What the user should know.
    """

    path: str
    episodes: int
    frames: int
    bytes: int
    remarks: tuple[str, ...] = ()


class Exporter(Protocol):
    """Writes a dataset in another format.

    ``target`` is a fresh temporary path: an empty folder, or no file yet for a single file. The
    caller moves it to its final place when the call returns, so a half-written export is never
    seen.

    Attributes:
        name: Entry point name.
        description: One line.
        settings: Own option names with one-line meanings.
        single_file: Whether ``target`` is a file rather than a folder.
        honours: Those of ``actions``, ``space`` and ``extras`` it knows; others are refused.
    """

    name: str
    description: str
    settings: Mapping[str, str]
    single_file: bool
    honours: frozenset[str]

    def write(
        self, dataset: Dataset, target: Path, options: ExportOptions, progress: Progress
    ) -> ExportSummary:
        """Writes the export.

        Raises:
            MissingPartError: A library it needs is not installed.
            SpecError: The options ask for what the dataset does not have.
        """


@dataclass(frozen=True)
class ImportOptions:
    """How another format is read.

    Attributes:
        mapping: Column mapping (a parsed YAML file); empty for the format's usual names.
        robot: Robot name to record; empty for the one the format states.
        limit: Largest number of episodes; None for all.
    """

    mapping: Mapping[str, Any] = field(default_factory=dict)
    robot: str = ""
    limit: int | None = None


class Importer(Protocol):
    """Reads another format into a new dataset.

    Attributes:
        name: Entry point name.
        description: One line.
    """

    name: str
    description: str

    def read(self, source: Path, out: Path, options: ImportOptions, progress: Progress) -> int:
        """Makes the dataset ``out``; returns the number of episodes.

        Raises:
            SpecError: The source is not of this format, or the mapping does not fit it.
            MissingPartError: A library it needs is not installed.
        """
