"""``datafactory questions``: spatial questions about the images, kept in the dataset."""

from __future__ import annotations

from typing import Annotated

import typer

from datafactory_cli.session import Session, command
from datafactory_cli.text import table


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, "questions")(questions)


def questions(
    session: Session,
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Dataset.")],
    variant: Annotated[
        str | None, typer.Option("--variant", metavar="NAME", help="Render variant.")
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="S", min=0, help="Another seed asks otherwise.")
    ] = 0,
) -> None:
    """Ask about rendered episodes and keep questions and answers in the dataset.

    They can be written for training with `datafactory export --format qa-jsonl`.
    """
    from collections import Counter

    from datafactory.qa.store import TABLE, store_questions
    from datafactory.store.dataset import open_dataset

    added = store_questions(folder, variant, seed=seed)
    column = open_dataset(folder).table(TABLE).to_table(columns=["kind"]).column(0)
    kinds = Counter(column.to_pylist())
    rows = [(kind, f"{count:,}") for kind, count in sorted(kinds.items())]
    text = f"{added:,} questions added\n\n" + table(rows, ("kind", "questions"))
    session.result({"added": added, "kinds": dict(kinds), "path": folder}, text)
