"""``datafactory render`` and ``datafactory styles``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from datafactory_cli.progress import ProgressPrinter
from datafactory_cli.session import Session, command, command_line
from datafactory_cli.text import duration, share, table

if TYPE_CHECKING:
    from datafactory.executor.render_run import RenderRequest, RenderSummary
    from datafactory.executor.request import Progress
    from datafactory.render.style import Style

EXIT_INTERRUPTED = 130

StyleOption = Annotated[
    str, typer.Option("--style", metavar="NAME|FILE", help="Shipped style or style file.")
]
StyleAssignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a style value; repeatable."),
]
RendererOption = Annotated[
    str | None, typer.Option("--renderer", metavar="R", help="Renderer; the style's by default.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    command(app, "render")(render)
    command(app, "styles")(styles)


def styled(style: str, assignments: list[str] | None, renderer: str | None) -> Style:
    """The style of command line options."""
    from datafactory.render.library import load_style

    chosen = [*(assignments or ()), *([f"renderer={renderer}"] if renderer else ())]
    return load_style(style, chosen)


def render(
    session: Session,
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Dataset.")],
    style: StyleOption = "default",
    variant: Annotated[
        str | None,
        typer.Option("--variant", metavar="NAME", help="Name of the variant; the style's name."),
    ] = None,
    renderer: RendererOption = None,
    assignments: StyleAssignments = None,
    where: Annotated[
        str | None, typer.Option("--where", metavar="FILTER", help="Only these episodes.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="At most N episodes.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="W", min=1, help="Local processes; one per core."),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", metavar="ADDR", help="A running dask scheduler.")
    ] = None,
) -> None:
    """Render accepted episodes from their stored states.

    Repeating the command renders only what is missing. Other columns are never touched.
    """
    from datafactory.executor.render_run import RenderRequest

    chosen = styled(style, assignments, renderer)
    request = RenderRequest(
        path=folder,
        style=chosen,
        variant=variant or chosen.style,
        where=where,
        limit=limit,
        workers=workers,
        scheduler=scheduler,
        command=command_line(),
    )
    summary = run_with_progress(session, request)
    session.result({**vars(summary), "event": "summary"}, summary_text(summary))
    if summary.status != "complete":
        session.remark("interrupted; everything committed is kept. Repeat the command to go on")
        raise typer.Exit(EXIT_INTERRUPTED)


def rendering_line(event: Progress) -> str:
    """``320/1,000 episodes rendered | 1.8 ep/s | ETA 6m20s``."""
    parts = [f"{event.accepted:,}/{event.planned:,} episodes rendered"]
    if event.rate > 0:
        eta = "-" if event.eta_s is None else duration(event.eta_s)
        parts += [f"{event.rate:.2f} ep/s", f"ETA {eta}"]
    return " | ".join(parts)


def run_with_progress(session: Session, request: RenderRequest) -> RenderSummary:
    """Renders with a progress line."""
    from datafactory.executor.render_run import run_rendering
    from datafactory.render.choice import decide

    if request.scheduler is None and decide(request.style.renderer) == "raycast":
        session.remark("the ray caster first compiles for up to half a minute on a new machine")
    with ProgressPrinter(session, rendering_line) as printer:
        return run_rendering(request, on_event=printer)


def summary_text(summary: RenderSummary) -> str:
    """The end of a render call, for people."""
    if not summary.made and summary.status == "complete":
        return f"nothing to do: {summary.episodes:,} episodes have the variant '{summary.variant}'"
    rows = [
        ("variant", f"{summary.variant}, rendered by {summary.renderer}"),
        ("episodes", f"{summary.episodes:,} of {summary.planned:,}"),
        ("images", f"{summary.images:,} in this call"),
        ("time", f"{duration(summary.wall_s)}, {summary.made / summary.wall_s:.2f} episodes/s"),
    ]
    total = sum(summary.cpu_s.values())
    if total:
        steps = ", ".join(f"{k} {share(v, total)}" for k, v in summary.cpu_s.items())
        rows.append(("CPU", f"{1000 * total / max(1, summary.images):.1f} ms per image: {steps}"))
    return table(rows)


def camera_names(style: Style) -> list[str]:
    """Names of a style's cameras."""
    return [camera if isinstance(camera, str) else camera.name for camera in style.cameras]


def styles(session: Session) -> None:
    """List the shipped styles."""
    from datafactory.render.library import load_style, style_names

    found = [load_style(name) for name in style_names()]
    rows = [
        (s.style, f"{s.size[0]}x{s.size[1]}", s.fps, " ".join(camera_names(s)), s.description)
        for s in found
    ]
    data = {"styles": [s.to_dict() for s in found]}
    session.result(data, table(rows, ("style", "size", "fps", "cameras", "description")))
