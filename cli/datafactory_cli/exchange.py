"""``datafactory export`` and ``datafactory import``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datafactory_cli.session import Session, command
from datafactory_cli.text import size, table

if TYPE_CHECKING:
    from collections.abc import Sequence

ACTIONS = ("absolute", "relative", "delta")
SPACES = ("joint", "eef")


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    command(app, "export")(export)
    command(app, "import")(import_)


def export(
    session: Session,
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Dataset.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="New folder or file.")],
    format_: Annotated[
        str, typer.Option("--format", metavar="F", help="Exporter; see `datafactory list`.")
    ] = "lerobot-v3",
    variant: Annotated[
        str | None, typer.Option("--variant", metavar="NAME", help="Render variant to export.")
    ] = None,
    cameras: Annotated[
        str | None, typer.Option("--cameras", metavar="A,B", help="Only these cameras.")
    ] = None,
    where: Annotated[
        str | None, typer.Option("--where", metavar="FILTER", help="Only these episodes.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="At most N episodes.")
    ] = None,
    actions: Annotated[
        str, typer.Option("--actions", metavar="FORM", help="absolute, relative or delta.")
    ] = "absolute",
    space: Annotated[
        str, typer.Option("--space", metavar="S", help="joint or eef (end effector).")
    ] = "joint",
    extras: Annotated[
        bool, typer.Option("--extras", help="Also models, exact states and calibration.")
    ] = False,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="An exporter's own option; repeatable."),
    ] = None,
) -> None:
    """Write a dataset in another format."""
    from datafactory.exchange.contract import ExportOptions
    from datafactory.exchange.run import export_dataset

    _known("--actions", actions, ACTIONS)
    _known("--space", space, SPACES)
    options = ExportOptions(
        variant=variant,
        cameras=tuple(c for c in (cameras or "").split(",") if c),
        where=where,
        limit=limit,
        actions=actions,  # type: ignore[arg-type]
        space=space,  # type: ignore[arg-type]
        extras=extras,
        settings=_settings(assignments or ()),
    )
    summary = export_dataset(folder, out, format_, options, Progress(session, "exported"))
    rows = [
        ("format", format_),
        ("episodes", f"{summary.episodes:,}"),
        ("frames", f"{summary.frames:,}"),
        ("disk", size(summary.bytes)),
        ("path", summary.path),
    ]
    for remark in summary.remarks:
        session.remark(f"note: {remark}")
    session.result({**vars(summary), "format": format_}, table(rows))


def _known(option: str, value: str, known: Sequence[str]) -> None:
    from datafactory.errors import UnknownNameError

    if value not in known:
        raise UnknownNameError.of(option, value, known, where=f"{option} {value}")


def _settings(assignments: Sequence[str]) -> dict[str, str]:
    from datafactory.errors import SpecError

    found = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise SpecError("--set takes KEY=VALUE", where=f"--set {text}")
        found[key] = value
    return found


class Progress:
    """Shows counts on stderr, at most every few seconds."""

    def __init__(self, session: Session, word: str) -> None:
        self._session = session
        self._word = word
        self._next = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Shows one count."""
        now = time.monotonic()
        if now >= self._next and total:
            self._next = now + 5.0
            self._session.remark(f"{done:,}/{total:,} episodes {self._word}")


def import_(
    session: Session,
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="Folder or file to read.")],
    out: Annotated[Path, typer.Argument(metavar="DIR", help="New dataset.")],
    format_: Annotated[
        str, typer.Option("--format", metavar="F", help="Importer; see `datafactory list`.")
    ] = "lerobot",
    mapping: Annotated[
        str | None,
        typer.Option("--mapping", metavar="NAME|FILE", help="Shipped mapping or YAML file."),
    ] = None,
    robot: Annotated[str, typer.Option("--robot", help="Robot name to record.")] = "",
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="At most N episodes.")
    ] = None,
) -> None:
    """Read another format into a new dataset.

    Imported episodes have no physics model and never count as verified.
    """
    from datafactory.exchange.contract import ImportOptions
    from datafactory.exchange.mapping import load_mapping
    from datafactory.exchange.run import import_dataset

    options = ImportOptions(
        mapping=load_mapping(mapping) if mapping else {}, robot=robot, limit=limit
    )
    summary = import_dataset(source, out, format_, options, Progress(session, "imported"))
    for remark in summary.remarks:
        session.remark(f"note: {remark}")
    rows = [
        ("episodes", f"{summary.episodes:,}"),
        ("source", str(source)),
        ("dataset", summary.path),
    ]
    session.result({**vars(summary), "source": str(source)}, table(rows))
