"""``datafactory diff``: two datasets, or two versions of one, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from datafactory_cli.session import Session, command
from datafactory_cli.text import share, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datafactory.difference import Difference

SHOWN = 20


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, "diff")(diff)


def diff(
    session: Session,
    a: Annotated[str, typer.Argument(metavar="DIR[@VERSION]", help="Dataset.")],
    b: Annotated[str, typer.Argument(metavar="DIR[@VERSION]", help="The other one.")],
) -> None:
    """Compare configuration, yield, distributions and episodes of two datasets or versions.

    A version is a number or a tag. Exits with 1 when they differ.
    """
    from datafactory.difference import compare, to_data
    from datafactory.store.dataset import open_dataset
    from datafactory.store.location import split_version

    found = compare(open_dataset(*split_version(a)), open_dataset(*split_version(b)))
    session.result({"a": a, "b": b, **to_data(found)}, _text(session, found))
    if not found.equal:
        raise typer.Exit(1)


def _text(session: Session, found: Difference) -> str:
    o = found.episodes
    head = [(c.key, _value(c.key, c.a), _value(c.key, c.b)) for c in found.counts]
    parts = [table(head, ("", "a", "b"))]
    parts.append(
        f"episodes: {o.common:,} the same, {o.changed:,} with other content, "
        f"{o.only_a:,} only in a, {o.only_b:,} only in b"
    )
    parts.append(_limited([(c.key, c.a, c.b) for c in found.config], ("configuration", "a", "b")))
    reasons = [(c.key, c.a or 0, c.b or 0) for c in found.reasons]
    parts.append(_limited(reasons, ("rejected", "a", "b")))
    factors = [
        (factor, group, f"{x[0]:,} of {x[1]:,}", share(*x), f"{y[0]:,} of {y[1]:,}", share(*y))
        for (factor, group), (x, y) in found.factors.items()
    ]
    parts.append(_limited(factors, ("factor", "group", "a", "yield", "b", "yield")))
    spread = [(d.name, f"{d.distance:.3f}") for d in found.distributions if d.distance > 0]
    parts.append(table(spread, ("distribution", "distance")))
    word = session.paint("equal", "good") if found.equal else session.paint("different", "bad")
    return "\n\n".join([*(part for part in parts if part), word])


def _limited(rows: Sequence[tuple[object, ...]], header: tuple[str, ...]) -> str:
    text = table([tuple(_short(cell) for cell in row) for row in rows[:SHOWN]], header)
    more = len(rows) - SHOWN
    return text + (f"\nand {more} more (see --json)" if more > 0 else "")


def _short(cell: object) -> str:
    text = "-" if cell is None else str(cell)
    return text if len(text) <= 40 else text[:37] + "..."


def _value(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.1f}%" if name == "yield" else f"{value:,}"
