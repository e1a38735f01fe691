"""``datafactory show``: one attempt in words and as a picture, or many as a sheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datafactory_cli.files import save
from datafactory_cli.session import Session, command
from datafactory_cli.show_images import Wanted, show_images
from datafactory_cli.text import table

if TYPE_CHECKING:
    from datafactory.inspection import Shown
    from datafactory.store.dataset import Dataset

SHEET_LIMIT = 200


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, "show")(show)


def show(
    session: Session,
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Dataset.")],
    episode: Annotated[
        str | None, typer.Argument(metavar="[EPISODE]", help="Episode id, or how it begins.")
    ] = None,
    index: Annotated[
        int | None, typer.Option("--index", help="Episode by position, from 0.")
    ] = None,
    rejected: Annotated[
        int | None, typer.Option("--rejected", help="Rejected attempt by position, from 0.")
    ] = None,
    png: Annotated[
        Path | None,
        typer.Option("--png", help="Picture file; a new episode_ID.png in this folder by default."),
    ] = None,
    sheet: Annotated[
        int | None, typer.Option("--sheet", help="Plan views of this many episodes in one image.")
    ] = None,
    variant: Annotated[
        str | None,
        typer.Option("--variant", metavar="NAME", help="Show rendered images of this variant."),
    ] = None,
    mp4: Annotated[
        Path | None, typer.Option("--mp4", help="Film of all cameras of a rendered episode.")
    ] = None,
    list_versions: Annotated[
        bool, typer.Option("--versions", help="List versions and tags.")
    ] = False,
    at: Annotated[str | None, typer.Option("--at", help="Version number or tag.")] = None,
) -> None:
    """Show an episode, a rejected attempt, or many at once.

    The first episode is shown by default.
    """
    from datafactory.inspection import pick, summary
    from datafactory.store.dataset import open_dataset

    version = int(at) if at is not None and at.isdigit() else at
    dataset = open_dataset(folder, version)
    if list_versions:
        _versions(session, dataset)
        return
    if variant is not None or mp4 is not None:
        show_images(session, dataset, variant, Wanted(episode, index, sheet, png, mp4))
        return
    if sheet is not None:
        _sheet(session, dataset, folder, sheet, png)
        return
    shown = pick(dataset, episode=episode, index=index, rejected=rejected)
    data = summary(shown)
    data["picture"] = str(_write_picture(shown, png))
    session.result(data, _text(session, shown, data))


def _write_picture(shown: Shown, png: Path | None) -> Path:
    from datafactory.picture import episode_picture

    short = shown.attempt_id[:12]
    caption = f"seed {shown.lineage['run_seed']}   |   id {short}"
    image = episode_picture(shown.attempt, shown.assets, caption, shown.track)
    return save(image, png, f"episode_{short}")


def _text(session: Session, shown: Shown, data: dict[str, Any]) -> str:
    from datafactory.scene_graph.graph import Goal

    verdict = "accepted" if data["accepted"] else f"rejected at {data['stage']}: {data['reason']}"
    if data["imported"]:
        verdict = "imported, not verified"
    goal = str(Goal.from_json(data["goal"])) if isinstance(data["goal"], list) else "-"
    length = f"{data['frames']} frames"
    if data["fps"]:
        length += f", {data['frames'] / data['fps']:.2f} s at {data['fps']} Hz"
    lineage = data["lineage"]
    head = [
        ("instruction", session.paint(data["instruction"] or "-", "title")),
        ("verdict", session.paint(verdict, _paint(data))),
        ("task", f"{data['task']} on {data['robot']}"),
        ("goal", goal),
        ("length", length),
        ("made by", f"{lineage['generator']} {lineage['generator_version']}, "
                    f"seed {lineage['run_seed']}, attempt {lineage['attempt']}"),
        ("spec", lineage["spec_hash"]),
        ("engine", f"{lineage['engine']} on {lineage['cpu']}"),
        ("id", data["id"]),
    ]  # fmt: skip
    parts = [table(head), _objects(data), _checks(session, data)]
    if data["phases"]:
        parts.append("phases: " + ", ".join(
            f"{p['name']} {p['start']}-{p['stop']}" for p in data["phases"]))  # fmt: skip
    if data["subtasks"]:
        parts.append(table(
            [(s["text"], f"{s['start']}-{s['stop']}", s["stage"]) for s in data["subtasks"]],
            ("sub-task", "frames", "stage"),
        ))  # fmt: skip
    if session.verbose:
        parts.append(
            table([(k, f"{v:.6g}") for k, v in data["metrics"].items()], ("metric", "value"))
        )
        parts.append(table([(k, f"{1000 * v:.1f}") for k, v in data["cpu_s"].items()],
                           ("CPU", "ms")))  # fmt: skip
    rows = [(f"  {what}", line) for what, line in shown.commands.items()]
    if rows:
        parts.append("reproduce:\n" + table(rows))
    parts.append(f"picture: {data['picture']}")
    return "\n\n".join(part for part in parts if part)


def _paint(data: dict[str, Any]) -> str:
    return "dim" if data["imported"] else "good" if data["accepted"] else "bad"


def _objects(data: dict[str, Any]) -> str:
    rows = [
        (o["name"], f"{o['colour']} {o['category']}", o["material"], f"{o['mass_kg']:.3f}",
         f"{o['moved_m']:.3f}", o["licence"], o["uid"])
        for o in data["objects"]
    ]  # fmt: skip
    return table(rows, ("object", "what", "material", "kg", "moved m", "licence", "asset"))


def _checks(session: Session, data: dict[str, Any]) -> str:
    rows = [
        (c["stage"], c["check"], f"{c['value']:.4g}", f"{c['limit']:.4g}",
         "" if c["unit"] == "1" else c["unit"], "ok" if c["passed"] else "FAILED")
        for c in data["checks"]
    ]  # fmt: skip
    return table(rows, ("stage", "check", "value", "limit", "unit", "result"))


def _versions(session: Session, dataset: Dataset) -> None:
    found = dataset.versions()
    rows = [(v.version, f"{v.timestamp:%Y-%m-%d %H:%M:%S}", " ".join(v.tags)) for v in found]
    data = [{"version": v.version, "timestamp": v.timestamp.isoformat(), "tags": list(v.tags)}
            for v in found]  # fmt: skip
    session.result({"versions": data}, table(rows, ("version", "time", "tags")))


def _sheet(session: Session, dataset: Dataset, folder: str, count: int, png: Path | None) -> None:
    from datafactory.errors import DatasetError, SpecError
    from datafactory.inspection import asset_records
    from datafactory.picture import sheet_picture

    if not 1 <= count <= SHEET_LIMIT:
        raise SpecError(f"--sheet takes 1 to {SHEET_LIMIT}", why=f"got {count}")
    total = len(dataset)
    if not total:
        raise DatasetError("there is no accepted episode yet", where=folder)
    chosen = sorted({i * total // count for i in range(count)})
    episodes = [dataset.episode(i) for i in chosen]
    ids = sorted({key for e in episodes for key in e.asset_ids})
    title = f"{episodes[0].task} on {episodes[0].robot}: {len(episodes)} of {total:,} episodes"
    image = sheet_picture(episodes, asset_records(dataset, ids), title)
    target = save(image, png, "sheet")
    session.result(
        {"picture": str(target), "episodes": [e.episode_id for e in episodes]},
        f"picture: {target} ({len(episodes)} of {total:,} episodes)",
    )
