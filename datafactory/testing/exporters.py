"""Conformance of exporters and importers, checked by running them on a small dataset.

An author calls :func:`check_exporter` or :func:`check_importer` in a test of their own; a broken
promise raises ``AssertionError`` with the measured number. Both run formats by their registered
names, as users do.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from datafactory import plugin
from datafactory.errors import DataFactoryError, SpecError, UnknownNameError
from datafactory.exchange.contract import (
    Exporter,
    ExportOptions,
    ExportSummary,
    Importer,
    ImportOptions,
)
from datafactory.exchange.episodes import Sample, iter_samples, select
from datafactory.exchange.run import export_dataset, import_dataset
from datafactory.exchange.target import size_of
from datafactory.store.dataset import Dataset, open_dataset
from datafactory.store.stored import StoredEpisode
from datafactory.testing.episodes import require
from datafactory.validate import validate

HONOURED = frozenset({"actions", "space", "extras"})
JOINTS_RAD = 1e-6
"""Largest difference allowed between a joint position and the same one exported and imported."""


@dataclass(frozen=True)
class ExporterReport:
    """What :func:`check_exporter` saw.

    Attributes:
        name: Format.
        episodes, frames: Counts of the export of everything.
        bytes: Its size.
        unstable: Files of which a second export has other bytes; empty where the format is
            deterministic.
    """

    name: str
    episodes: int
    frames: int
    bytes: int
    unstable: tuple[str, ...]


@dataclass(frozen=True)
class ImporterReport:
    """What :func:`check_importer` saw.

    Attributes:
        name: Importer.
        exporter: Exporter that wrote what it read.
        episodes: Episodes that came back.
        joint_error_rad: Largest difference of a joint position.
    """

    name: str
    exporter: str
    episodes: int
    joint_error_rad: float


class _StoppedError(Exception):
    """Raised by :class:`_Stop` from within an export or import."""


class _Steps:
    """Progress that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []

    def __call__(self, done: int, total: int) -> None:
        self.told.append((done, total))

    def check(self, episodes: int) -> None:
        """Every episode was told of once, in order, out of the right number."""
        wanted = [(k + 1, episodes) for k in range(episodes)]
        require(self.told == wanted, f"progress told {self.told}, not {wanted}")


def _stop(done: int, total: int) -> None:
    raise _StoppedError(f"after {done} of {total}")


def check_exporter(name: str, dataset: str | os.PathLike[str], folder: Path) -> ExporterReport:
    """Checks an exporter against the contract of ``Exporter``.

    Args:
        name: Registered format.
        dataset: Dataset of at least two generated episodes, all alike, with images of one variant
            if the format needs images. It is not changed.
        folder: Empty folder for what is written.

    Returns:
        What was seen.

    Raises:
        AssertionError: A promise is broken.
        MissingPartError: A library the format needs is not installed.
        UnknownNameError: There is no such format.
    """
    exporter: Exporter = plugin.load("exporter", name)()
    check_exporter_attributes(exporter, name)
    before = _sizes(Path(dataset))
    source = open_dataset(dataset)
    require(len(source) > 1, f"the dataset to export has {len(source)} episodes only")
    first = _export(exporter, source, folder / "first", 1)
    second = _export(exporter, source, folder / "second", 1)
    counts = [(made.episodes, made.frames) for made in (first, second)]
    require(counts[0] == counts[1], f"two exports alike count {counts[0]} and {counts[1]}")
    unstable = _unstable(Path(first.path), Path(second.path))
    whole = _export(exporter, source, folder / "whole", None)
    require(whole.frames > first.frames, f"all episodes have {whole.frames} frames, as the first")
    _check_honoured(exporter, source, folder / "honoured")
    _check_refusals(exporter, source, folder / "refused")
    require(_sizes(Path(dataset)) == before, "exporting changes the files of the dataset")
    return ExporterReport(name, whole.episodes, whole.frames, whole.bytes, unstable)


def check_exporter_attributes(exporter: Exporter, name: str) -> None:
    """What listings and the command line read of an exporter."""
    require(exporter.name == name, f"'{name}' calls itself '{exporter.name}'")
    _check_description(exporter.description)
    for setting, meaning in exporter.settings.items():
        require(bool(setting) and bool(meaning), f"setting '{setting}' has no meaning")
    require(isinstance(exporter.single_file, bool), f"single_file is {exporter.single_file!r}")
    require(isinstance(exporter.honours, frozenset), f"honours is {exporter.honours!r}, no set")
    strange = sorted(exporter.honours - HONOURED)
    require(not strange, f"honours {strange}, which are no options")


def _check_description(text: str) -> None:
    require(bool(text.strip()) and "\n" not in text, f"description {text!r} is not one line")


def _export(exporter: Exporter, source: Dataset, out: Path, limit: int | None) -> ExportSummary:
    """Exports and compares what the summary says with what is there."""
    wanted, steps = limit or len(source), _Steps()
    made = export_dataset(source, out, exporter.name, ExportOptions(limit=limit), steps)
    require(out.is_file() == exporter.single_file, f"single_file is {exporter.single_file}")
    require(out.is_dir() != exporter.single_file, f"{out} is neither file nor folder")
    require(made.path == str(out), f"the summary is about {made.path}, not {out}")
    require(made.episodes == wanted, f"{made.episodes} episodes with limit {limit}, not {wanted}")
    require(made.frames >= made.episodes, f"{made.frames} frames of {made.episodes} episodes")
    there = size_of(out)
    require(0 < there == made.bytes, f"the summary tells {made.bytes} bytes, there are {there}")
    require(all(made.remarks), "a remark is empty")
    _require_alone(out.parent, {"first", "second", "whole"})
    steps.check(wanted)
    return made


def _require_alone(folder: Path, names: set[str]) -> None:
    there = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
    require(there <= names, f"left behind in {folder}: {sorted(there - names)}")


def _sizes(folder: Path) -> dict[str, int]:
    """Size of every file below a folder, by path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.stat().st_size for path in files}


def _hashes(path: Path) -> dict[str, str]:
    """Hash of a file, or of every file below a folder, by path."""
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files
    }


def _unstable(a: Path, b: Path) -> tuple[str, ...]:
    """Files that differ between two exports of the same episodes; they have the same names."""
    one, two = _hashes(a), _hashes(b)
    strange = sorted(one.keys() ^ two.keys())
    require(not strange, f"two exports alike differ in their files: {strange[:5]}")
    return tuple(sorted(name for name in one if one[name] != two[name]))


def _check_honoured(exporter: Exporter, source: Dataset, folder: Path) -> None:
    """Options it says it knows have an effect; the others are refused."""
    plain = export_dataset(source, folder / "plain", exporter.name, ExportOptions(limit=1))
    usual = _hashes(Path(plain.path))
    for option, given in (
        ("actions", ExportOptions(limit=1, actions="delta")),
        ("space", ExportOptions(limit=1, space="eef")),
        ("extras", ExportOptions(limit=1, extras=True)),
    ):
        out = folder / option
        if option not in exporter.honours:
            _require_refused(exporter, source, out, given, SpecError, f"{option}, which it ignores")
            continue
        made = export_dataset(source, out, exporter.name, given)
        require(made.episodes == 1, f"{made.episodes} episodes with {option} and limit 1")
        require(_hashes(out) != usual, f"{option} changes nothing, though it is honoured")


def _check_refusals(exporter: Exporter, source: Dataset, folder: Path) -> None:
    """Mistakes raise errors for people, and nothing is left where the export would have been."""
    unknown = ExportOptions(settings={"no_such_setting": "1"})
    wrong: list[tuple[str, ExportOptions, type[DataFactoryError]]] = [
        ("an unknown setting", unknown, UnknownNameError),
        ("a filter that matches nothing", ExportOptions(where="length < 0"), DataFactoryError),
        ("an unknown camera", ExportOptions(cameras=("no_such_camera",)), UnknownNameError),
        ("an unknown variant", ExportOptions(variant="no_such_variant"), UnknownNameError),
        ("a limit of 0", ExportOptions(limit=0), SpecError),
    ]
    for what, options, kind in wrong:
        _require_refused(exporter, source, folder / "out", options, kind, what)
    try:
        export_dataset(source, folder / "out", exporter.name, ExportOptions(limit=1), _stop)
    except _StoppedError:
        _require_alone(folder, set())
    else:
        raise AssertionError("an error raised by progress is swallowed")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "out").write_bytes(b"mine")
    try:
        export_dataset(source, folder / "out", exporter.name, ExportOptions(limit=1))
    except SpecError:
        require((folder / "out").read_bytes() == b"mine", "what is there already is changed")
    else:
        raise AssertionError("what is there already is overwritten")


def _require_refused(
    exporter: Exporter,
    source: Dataset,
    out: Path,
    options: ExportOptions,
    kind: type[DataFactoryError],
    what: str,
) -> None:
    before = set(out.parent.iterdir()) if out.parent.exists() else set()
    _require_raises(partial(export_dataset, source, out, exporter.name, options), kind, what)
    left = sorted(set(out.parent.iterdir()) - before) if out.parent.exists() else []
    require(not left, f"the error about {what} leaves {left}")


def _require_raises(call: Callable[[], Any], kind: type[DataFactoryError], what: str) -> None:
    try:
        call()
    except DataFactoryError as error:
        told = f"{what} raises {type(error).__name__} ({error}), not {kind.__name__}"
        require(isinstance(error, kind), told)
        return
    raise AssertionError(f"{what} is accepted")


def check_importer(
    name: str, exporter: str, dataset: str | os.PathLike[str], folder: Path
) -> ImporterReport:
    """Checks an importer on what the exporter of the same format writes.

    Args:
        name: Registered importer.
        exporter: Registered exporter of the format it reads.
        dataset: Dataset of at least two generated episodes, all alike.
        folder: Empty folder for what is written.

    Returns:
        What was seen.

    Raises:
        AssertionError: A promise is broken.
        MissingPartError: A library the format needs is not installed.
        UnknownNameError: There is no such importer or exporter.
    """
    importer: Importer = plugin.load("importer", name)()
    require(importer.name == name, f"'{name}' calls itself '{importer.name}'")
    _check_description(importer.description)
    source = open_dataset(dataset)
    written = folder / "exported"
    export_dataset(source, written, exporter)
    hashes, steps = _hashes(written), _Steps()
    summary = import_dataset(written, folder / "made", name, progress=steps)
    require(_hashes(written) == hashes, "importing changes what is read")
    made = open_dataset(folder / "made")
    counts = (summary.episodes, len(made), len(source))
    require(len(set(counts)) == 1, f"(told, made, exported) episodes are {counts}")
    steps.check(len(source))
    samples = list(iter_samples(select(source, ExportOptions())))
    error = _check_imported(samples, list(made.iter_episodes()))
    found = [f for stage in validate(str(folder / "made")).stages for f in stage.findings]
    require(not found, f"validate finds {found[:3]}")
    _check_limit(name, written, made, folder / "limited")
    _check_wrong_sources(name, written, folder)
    return ImporterReport(name, exporter, len(made), error)


def _check_imported(samples: Sequence[Sample], episodes: Sequence[StoredEpisode]) -> float:
    """The same joint positions, and nothing claimed that only physics can tell."""
    worst = 0.0
    for sample, new in zip(samples, episodes, strict=True):
        old, where = sample.episode, f"episode {new.episode_id}"
        require(new.replay is None, f"{where} has a replay, though it was imported")
        require(not new.verdict.checks, f"{where} claims checks: {new.verdict.checks}")
        require(new.robot == old.robot, f"{where} has the robot '{new.robot}'")
        require(new.instruction == old.instruction, f"{where} asks for '{new.instruction}'")
        require(new.fps == sample.fps, f"{where} has {new.fps} frames per second, not {sample.fps}")
        wanted, found = old.joint_positions()[sample.frames], new.joint_positions()
        require(
            found.shape == wanted.shape, f"{where}: joints are {found.shape}, not {wanted.shape}"
        )
        worst = max(worst, float(np.abs(found - wanted).max()))
    require(worst <= JOINTS_RAD, f"joint positions come back {worst:.2e} rad off")
    return worst


def _check_limit(name: str, written: Path, made: Dataset, out: Path) -> None:
    """The first episode alone is the same one."""
    summary = import_dataset(written, out, name, ImportOptions(limit=1))
    require(summary.episodes == 1, f"{summary.episodes} episodes with limit 1")
    ids = [open_dataset(out).episode(0).episode_id, made.episode(0).episode_id]
    require(ids[0] == ids[1], f"the first episode is {ids[0]}, and {ids[1]} among all")


def _check_wrong_sources(name: str, written: Path, folder: Path) -> None:
    """What is missing or of another format is refused, and leaves nothing."""
    strange, out = folder / "strange", folder / "out"
    strange.mkdir()
    (strange / "notes.txt").write_text("not a dataset\n", encoding="utf-8")
    before = set(folder.iterdir())
    for what, source in (
        ("a source that does not exist", folder / "nowhere"),
        ("a folder of something else", strange),
        ("a file of something else", strange / "notes.txt"),
    ):
        _require_raises(partial(import_dataset, source, out, name), SpecError, what)
        require(set(folder.iterdir()) == before, f"the error about {what} leaves something")
    try:
        import_dataset(written, out, name, progress=_stop)
    except _StoppedError:
        require(set(folder.iterdir()) == before, "an import that was stopped leaves something")
    else:
        raise AssertionError("an error raised by progress is swallowed")
