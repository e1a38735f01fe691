"""``datafactory verify`` re-executes a dataset; ``datafactory validate`` examines it as stored."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from datafactory_cli.session import Session, command
from datafactory_cli.text import duration, table

if TYPE_CHECKING:
    from datafactory.verify import VerifyReport

FAILURES_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    command(app, "verify")(verify)
    command(app, "validate")(validate)


def verify(
    session: Session,
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Dataset.")],
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="Only this many, always the same ones.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes; one per core.")
    ] = None,
) -> None:
    """Re-execute episodes and demand bit-equal states."""
    from datafactory.verify import verify as verify_dataset

    counter = _Counter(session)
    report = verify_dataset(folder, sample=sample, workers=workers, on_checked=counter)
    counter.close()
    failures = [asdict(f) for f in report.failures]
    rows = [
        ("checked", f"{report.checked:,} of {report.episodes:,} episodes"),
        ("bit-equal", f"{report.exact:,}"),
        ("engine", f"{report.engine} on {report.cpu}"),
        ("time", duration(report.wall_s)),
        ("verdict", _verdict(session, report)),
    ]
    if report.without_replay:
        rows.insert(2, ("no physics", f"{report.without_replay:,}"))
    shown = [
        (f.episode_id[:12], "" if f.first_difference < 0 else str(f.first_difference),
         f"{f.drift:.3g}", "same" if f.same_machine else "other", f.error.split("\n")[0])
        for f in report.failures[:FAILURES_SHOWN]
    ]  # fmt: skip
    text = table(rows)
    if shown:
        text += "\n\n" + table(shown, ("episode", "first frame", "drift", "machine", "error"))
        if any(not f.same_machine for f in report.failures):
            text += "\n\nepisodes made by another engine version or CPU may drift; see the docs"
    passed = report.passed if report.checked else None  # nothing checked is not a success
    data = {**vars(report), "failures": failures, "passed": passed}
    session.result(data, text)
    if not report.passed:
        raise typer.Exit(1)


def _verdict(session: Session, report: VerifyReport) -> str:
    if not report.checked:
        return "nothing verified: no episode has a physics model"
    return session.paint("passed", "good") if report.passed else session.paint("FAILED", "bad")


def validate(
    session: Session,
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Dataset.")],
    stage: Annotated[
        list[str] | None, typer.Option("--stage", help="Only this stage; repeatable.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="Episodes that costly stages look at.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Hints count as failures.")] = False,
    allow_licence: Annotated[
        list[str] | None,
        typer.Option("--allow-licence", metavar="SPDX", help="Accept this too; repeatable."),
    ] = None,
) -> None:
    """Examine what is stored, stage by stage."""
    from datafactory.validate import validate as validate_dataset
    from datafactory_assets.licences import PERMISSIVE

    allowed = PERMISSIVE | set(allow_licence) if allow_licence else None
    counter = _Counter(session)
    report = validate_dataset(
        folder, names=stage, sample=sample, strict=strict, allow_licences=allowed,
        on_checked=counter,
    )  # fmt: skip
    counter.close()
    rows = []
    for found in report.stages:
        word = "ok" if found.passed else "hint" if found.advisory and not strict else "FAILED"
        style = {"ok": "good", "hint": "title", "FAILED": "bad"}[word]
        rows.append((found.name, f"{found.checked:,}", f"{found.count:,}",
                     session.paint(word, style), found.meaning))  # fmt: skip
    parts = [table(rows, ("stage", "checked", "findings", "result", "meaning"))]
    shown = [
        (found.name, finding.where[:16], finding.what)
        for found in report.stages
        for finding in found.findings[:FAILURES_SHOWN]
    ]
    parts.append(table(shown, ("stage", "where", "finding")))
    parts.append(f"{report.episodes:,} episodes, version {report.version}: "
                 + ("passed" if report.passed else "FAILED"))  # fmt: skip
    data = {**asdict(report), "passed": report.passed}
    session.result(data, "\n\n".join(part for part in parts if part))
    if not report.passed:
        raise typer.Exit(1)


class _Counter:
    """``checked/total`` on a terminal's stderr."""

    def __init__(self, session: Session) -> None:
        self._shown = sys.stderr.isatty() and not session.quiet
        self._any = False

    def __call__(self, done: int, total: int) -> None:
        if self._shown:
            self._any = True
            typer.echo(f"\r{done:,}/{total:,} checked", err=True, nl=False)

    def close(self) -> None:
        """Ends the line."""
        if self._any:
            typer.echo(err=True)
