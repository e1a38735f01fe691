"""``datafactory doctor``: is this machine ready?"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from datafactory_cli.session import Session, command

STYLES = {"ok": "good", "warning": "title", "error": "bad"}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, "doctor")(doctor)


def doctor(
    session: Session,
    folder: Annotated[Path, typer.Argument(help="Where datasets would be made.")] = Path("data"),
) -> None:
    """Check whether this machine is ready.

    Looks at Python, packages, engine, memory, disk, asset store, packs and plugins.
    """
    from datafactory.inventory import examine, machine, versions

    checks = examine(folder, os.environ)
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        state = session.paint(f"{check.state:7}", STYLES[check.state])
        lines.append(f"{state}  {check.name:{width}}  {check.finding}")
        if check.remedy:
            lines.append(f"{'':9}{'':{width}}  try: {check.remedy}")
    failed = any(check.state == "error" for check in checks)
    data = {"ok": not failed, "checks": [asdict(c) for c in checks], "versions": versions(),
            "machine": machine()}  # fmt: skip
    session.result(data, "\n".join(lines))
    if failed:
        raise typer.Exit(1)
