"""Exporting and importing by format name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from datafactory import plugin
from datafactory.errors import SpecError, UnknownNameError
from datafactory.exchange.contract import (
    Exporter,
    ExportOptions,
    ExportSummary,
    Importer,
    ImportOptions,
    Progress,
)
from datafactory.exchange.target import atomic_target, size_of
from datafactory.store.dataset import Dataset, open_dataset
from datafactory.store.labels import without_excluded


def _ignore(done: int, total: int) -> None:
    """Shows no progress."""


@dataclass(frozen=True)
class ImportSummary:
    """What an import made.

    Attributes:
        path: The new dataset.
        episodes: Episodes in it.
        remarks: What the user should know.
    """

    path: str
    episodes: int
    remarks: tuple[str, ...]


def export_dataset(
    dataset: str | os.PathLike[str] | Dataset,
    out: str | os.PathLike[str],
    format: str,  # noqa: A002
    options: ExportOptions | None = None,
    progress: Progress = _ignore,
) -> ExportSummary:
    """Writes a dataset in another format; episodes that people excluded are left out.

    Args:
        dataset: Dataset or its path.
        out: New folder or file; it appears when the export is complete.
        format: Name of an installed exporter.
        options: What is exported; everything by default.
        progress: Called with (episodes done, episodes in all).

    Raises:
        UnknownNameError: There is no such format, or it has no such setting.
        SpecError: ``out`` exists, or the options ask for what the dataset does not have.
        MissingPartError: A library the format needs is not installed.
        StorageError: The disk is full.
    """
    options = options or ExportOptions()
    exporter: Exporter = plugin.load("exporter", format)()
    _check_settings(exporter.settings, options.settings, format)
    _check_honoured(exporter, options, format)
    _check_limit(options.limit)
    opened = dataset if isinstance(dataset, Dataset) else open_dataset(dataset)
    options = replace(options, where=without_excluded(opened, options.where))
    root = opened.location.root
    with atomic_target(out, single_file=exporter.single_file, source=root) as target:
        summary = exporter.write(opened, target, options, progress)
        return replace(summary, path=os.path.abspath(out), bytes=size_of(target))


def _check_limit(limit: int | None) -> None:
    if limit is not None and limit < 1:
        raise SpecError("limit must be at least 1", where=f"limit = {limit}")


def _check_honoured(exporter: Exporter, options: ExportOptions, format: str) -> None:  # noqa: A002
    usual = ExportOptions()
    for name in ("actions", "space", "extras"):
        given = getattr(options, name)
        if given != getattr(usual, name) and name not in exporter.honours:
            raise SpecError(
                f"the format '{format}' knows no {name}",
                where=f"--{name}",
                why="it would be ignored",
                remedy=f"leave --{name} out",
            )


def _check_settings(known: Mapping[str, str], given: Mapping[str, str], format: str) -> None:  # noqa: A002
    for name in given:
        if name not in known:
            raise UnknownNameError.of("export setting", name, known, where=f"format {format}")


def import_dataset(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    format: str,  # noqa: A002
    options: ImportOptions | None = None,
    progress: Progress = _ignore,
) -> ImportSummary:
    """Reads another format into a new dataset.

    Args:
        source: Folder or file of the other format.
        out: New dataset; it appears when the import is complete.
        format: Name of an installed importer.
        options: Mapping, robot and limit.
        progress: Called with (episodes done, episodes in all).

    Raises:
        UnknownNameError: There is no such format.
        SpecError: The source is missing or of another format, the mapping does not fit it, or
            ``out`` exists.
        MissingPartError: A library the format needs is not installed.
        StorageError: The disk is full.
    """
    importer: Importer = plugin.load("importer", format)()
    _check_limit(None if options is None else options.limit)
    if not Path(source).exists():
        raise SpecError(f"{os.fspath(source)} does not exist", remedy="check the path")
    with atomic_target(out, single_file=False, source=source) as target:
        importer.read(Path(source), target, options or ImportOptions(), progress)
    made = open_dataset(out)
    remarks = tuple(str(text) for run in made.runs() for text in run.options.get("remarks", ()))
    return ImportSummary(made.location.root, len(made), remarks)
