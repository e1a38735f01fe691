"""Examining a stored dataset, stage by stage, in one pass over its episodes."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from datafactory.errors import UnknownNameError
from datafactory.seeding import stream
from datafactory.store.dataset import Dataset, open_dataset
from datafactory.validate_images import IMAGES
from datafactory.validate_labels import LABELS
from datafactory.validate_stages import BUILT_IN, Case, Examiner, Finding, Stage

FINDINGS_KEPT = 50

_stages: dict[str, Stage] = {
    stage.name: stage for stage in (*BUILT_IN[:-1], LABELS, IMAGES, BUILT_IN[-1])
}


@dataclass(frozen=True)
class StageReport:
    """What one stage found.

    Attributes:
        name, meaning: The stage.
        advisory: Its findings are hints.
        checked: Episodes it looked at.
        count: Number of findings.
        findings: The first of them.
        wall_s: Wall seconds.
    """

    name: str
    meaning: str
    advisory: bool
    checked: int
    count: int
    findings: tuple[Finding, ...]
    wall_s: float

    @property
    def passed(self) -> bool:
        """Nothing was found."""
        return self.count == 0


@dataclass(frozen=True)
class ValidateReport:
    """What all stages found.

    Attributes:
        path: Dataset.
        version: Version of the episodes table.
        episodes: Episodes in it.
        strict: Advisory findings count as failures.
        stages: One report per stage, in order.
    """

    path: str
    version: int
    episodes: int
    strict: bool
    stages: tuple[StageReport, ...]

    @property
    def passed(self) -> bool:
        """All binding stages passed."""
        return all(s.passed or (s.advisory and not self.strict) for s in self.stages)


@dataclass
class _Tally:
    stage: Stage
    examiner: Examiner
    checked: int = 0
    count: int = 0
    wall_s: float = 0.0
    findings: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        self.count += 1
        if len(self.findings) < FINDINGS_KEPT:
            self.findings.append(finding)

    def report(self) -> StageReport:
        stage = self.stage
        found = tuple(self.findings)
        return StageReport(
            stage.name, stage.meaning, stage.advisory, self.checked, self.count, found, self.wall_s
        )


def stages() -> tuple[Stage, ...]:
    """All stages in order: the built-in ones, then registered ones."""
    return tuple(_stages.values())


def register(stage: Stage) -> None:
    """Adds a stage, or replaces the one of the same name."""
    _stages[stage.name] = stage


def validate(
    path: str,
    *,
    names: Sequence[str] | None = None,
    sample: int | None = None,
    strict: bool = False,
    allow_licences: Collection[str] | None = None,
    on_checked: Callable[[int, int], None] | None = None,
) -> ValidateReport:
    """Examines a dataset.

    Args:
        path: Dataset.
        names: Stages to run; None for all.
        sample: Episodes that costly stages look at; None for all.
        strict: Advisory findings fail too.
        allow_licences: SPDX identifiers to accept; None for the permissive ones.
        on_checked: Called with (examined, total) after each episode.

    Raises:
        UnknownNameError: There is no such stage.
        DatasetError: It is not a dataset.
    """
    chosen = _choose(names)
    dataset = open_dataset(path)
    tallies = [_Tally(s, s.make(dataset, allow_licences)) for s in chosen]
    total = len(dataset)
    sampled = _sample(total, sample)
    for position, (row, episode) in enumerate(dataset.iter_rows()):
        case = Case(dataset, row, episode)
        for tally in tallies:
            if not tally.stage.costly or sampled is None or position in sampled:
                _examine(tally, case)
        if on_checked is not None:
            on_checked(position + 1, total)
    for tally in tallies:
        begin = time.monotonic()
        for finding in tally.examiner.finish():
            tally.add(finding)
        tally.wall_s += time.monotonic() - begin
    return _report(dataset, total, strict, tallies)


def _choose(names: Sequence[str] | None) -> list[Stage]:
    if names is None:
        return list(stages())
    for name in names:
        if name not in _stages:
            raise UnknownNameError.of("validation stage", name, _stages)
    return [_stages[name] for name in names]


def _sample(total: int, sample: int | None) -> frozenset[int] | None:
    if sample is None or sample >= total:
        return None
    return frozenset(stream(0, "validate", total, "sample").permutation(total)[:sample].tolist())


def _examine(tally: _Tally, case: Case) -> None:
    begin = time.monotonic()
    for what in tally.examiner.episode(case):
        tally.add(Finding(case.episode.episode_id, what))
    tally.checked += 1
    tally.wall_s += time.monotonic() - begin


def _report(
    dataset: Dataset, total: int, strict: bool, tallies: Sequence[_Tally]
) -> ValidateReport:
    reports = tuple(t.report() for t in tallies)
    return ValidateReport(dataset.location.root, dataset.version, total, strict, reports)
