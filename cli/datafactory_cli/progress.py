"""Progress on stderr: one line that rewrites itself on a terminal, else a line every 10 s."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

import typer

from datafactory_cli.session import Session, json_line
from datafactory_cli.text import duration, share

if TYPE_CHECKING:
    from datafactory.executor.request import Progress

PLAIN_EVERY_S = 10.0
REASONS_SHOWN = 3


def progress_line(event: Progress) -> str:
    """``12,480/244,000 accepted | yield 91.3% | 8.2 ep/s | ETA 7h51m | rejects: ...``."""
    eta = "-" if event.eta_s is None else duration(event.eta_s)
    parts = [
        f"{event.accepted:,}/{event.planned:,} accepted",
        f"yield {share(event.accepted, event.attempted)}",
    ]
    if event.rate > 0:
        parts += [f"{event.rate:.1f} ep/s", f"ETA {eta}"]
    if event.reasons:
        listed = " ".join(
            f"{reason} {100 * count / event.attempted:.0f}%"
            for reason, count in event.reasons[:REASONS_SHOWN]
        )
        parts.append(f"rejects: {listed}")
    return " | ".join(parts)


class ProgressPrinter:
    """Receives the events of a run. Use as a context manager, so that the line is ended.

    Args:
        session: Where and how to print.
        line: Turns an event into the line shown.

    Attributes:
        attempted_before: Attempts already there at the first event; None before it.
    """

    def __init__(self, session: Session, line: Callable[[Progress], str] = progress_line) -> None:
        self._line = line
        self.attempted_before: int | None = None
        self._session = session
        self._tty = sys.stderr.isatty()
        self._last = -PLAIN_EVERY_S
        self._open_line = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._open_line:
            typer.echo(err=True)

    def __call__(self, event: Progress) -> None:
        """Shows one event."""
        if self.attempted_before is None:
            self.attempted_before = event.attempted
        if self._session.json:
            typer.echo(
                json_line({"event": "progress", **vars(event), "reasons": dict(event.reasons)})
            )
            sys.stdout.flush()
        if self._session.quiet:
            return
        line = self._line(event)
        if self._tty:
            width = shutil.get_terminal_size().columns - 1
            typer.echo(f"\r{line[:width]:<{width}}", err=True, nl=False)
            self._open_line = True
            return
        now = time.monotonic()
        if now - self._last >= PLAIN_EVERY_S:
            self._last = now
            typer.echo(line, err=True)
