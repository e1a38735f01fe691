"""``datafactory verify``: does re-executing the dataset give the same bits?"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from datafactory_cli.session import Session, command
from datafactory_cli.text import duration, table

FAILURES_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    command(app, "verify")(verify)


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
    """Re-execute stored episodes in fresh processes and demand bit-equal states."""
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
        ("verdict", session.paint("passed", "good") if report.passed
         else session.paint("FAILED", "bad")),
    ]  # fmt: skip
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
    data = {**vars(report), "failures": failures, "passed": report.passed}
    session.result(data, text)
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
