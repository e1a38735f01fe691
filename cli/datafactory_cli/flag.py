"""``datafactory flag``: judge episodes; nothing is deleted."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datafactory_cli.session import Session, command
from datafactory_cli.text import table

if TYPE_CHECKING:
    from datafactory.store.dataset import Dataset


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, "flag")(flag)


def flag(
    session: Session,
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Dataset.")],
    episodes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[EPISODE]...", help="Ids of episodes or refused attempts."),
    ] = None,
    where: Annotated[
        str | None, typer.Option("--where", metavar="FILTER", help="All accepted ones that fit.")
    ] = None,
    exclude: Annotated[
        bool, typer.Option("--exclude", help="Leave them out of exports and training.")
    ] = False,
    tag: Annotated[str | None, typer.Option("--tag", metavar="T", help="Give a tag.")] = None,
    comment: Annotated[str | None, typer.Option("--comment", help="Write a comment.")] = None,
    audit: Annotated[
        str | None, typer.Option("--audit", help="Is the verdict right, wrong, unsure?")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Why they are excluded.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take it back.")] = False,
) -> None:
    """Exclude, tag, comment or audit episodes; without any of these, list what was said.

    Labels are only ever added, and can be taken back. Exports and training leave excluded episodes
    out.
    """
    from datafactory.errors import SpecError
    from datafactory.store.dataset import open_dataset
    from datafactory.store.labels import MAX_EPISODES, Label, add_labels

    dataset = open_dataset(folder)
    said = [("exclude", reason)] if exclude else []
    said += [(k, v) for k, v in (("tag", tag), ("comment", comment), ("audit", audit)) if v]
    if not said:
        if where is not None or withdraw or reason:
            raise SpecError(
                "nothing is said of them", remedy="--exclude, --tag, --comment, --audit"
            )
        _list(session, dataset, episodes or ())
        return
    ids = _ids(dataset, episodes or (), where)
    count = 0
    for start in range(0, len(ids), MAX_EPISODES):
        part = ids[start : start + MAX_EPISODES]
        for kind, value in said:
            labels = [Label(i, kind, value, withdraw, getpass.getuser(), "command") for i in part]
            count += add_labels(dataset, labels)
    text = f"{count:,} labels {'take back' if withdraw else 'added'}"
    session.result({"episodes": ids, "labels": count}, text.replace("take back", "taken back"))


def _ids(dataset: Dataset, episodes: list[str] | tuple[()], where: str | None) -> list[str]:
    """Full ids of what was named."""
    from datafactory.errors import DatasetError, SpecError

    if where is not None:
        if episodes:
            raise SpecError("give either episodes or --where")
        found = dataset.episodes(where, ["episode_id"]).column(0).to_pylist()
        if not found:
            raise DatasetError("no episode fits", where=f"--where {where!r}")
        return [str(i) for i in found]
    if not episodes:
        raise SpecError("which episodes?", remedy="give their ids, or --where FILTER")
    return [_full(dataset, text) for text in dict.fromkeys(episodes)]


def _full(dataset: Dataset, text: str) -> str:
    """The only id that begins so, of an episode or a refused attempt."""
    from datafactory.errors import DatasetError

    plain = text.replace("'", "''")
    found: list[str] = []
    for read, key in ((dataset.episodes, "episode_id"), (dataset.attempts, "attempt_id")):
        some = read(f"starts_with({key}, '{plain}')", [key], limit=2)
        found += some.column(0).to_pylist()
    if len(found) == 1:
        return found[0]
    what = "no episode or attempt begins" if not found else "several episodes begin"
    raise DatasetError(f"{what} with '{text}'", where=dataset.location.root)


def _list(session: Session, dataset: Dataset, episodes: list[str] | tuple[()]) -> None:
    from datafactory.store.labels import judgements

    wanted = {_full(dataset, text) for text in episodes}
    rows: list[tuple[str, ...]] = []
    data: list[dict[str, Any]] = []
    for key, known in sorted(judgements(dataset).by_id.items()):
        if wanted and key not in wanted:
            continue
        excluded = "excluded" + (f": {known.reason}" if known.reason else "")
        said = [excluded] if known.excluded else []
        said += [f"audit: {known.audit}"] if known.audit else []
        said += [f"'{c.text}' ({c.author})" for c in known.comments]
        rows.append((key, " ".join(known.tags), "; ".join(said)))
        data.append({"episode": key, "excluded": known.excluded, "reason": known.reason,
                     "tags": known.tags, "audit": known.audit,
                     "comments": [vars(c) for c in known.comments]})  # fmt: skip
    text = table(rows, ("episode", "tags", "said")) or "nothing was said of any episode"
    session.result({"labels": data}, text)
