"""``datafactory bench``: speed, yield and disk against the quality bars."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from datafactory_cli.progress import ProgressPrinter
from datafactory_cli.render import RendererOption, StyleAssignments, StyleOption, styled
from datafactory_cli.session import Session, command
from datafactory_cli.text import size, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datafactory.benchmark import Measure, Result
    from datafactory.family_yield import FamilyYield
    from datafactory.render.bench import RenderBench

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


def register(root: typer.Typer) -> None:
    """Adds the group."""
    root.add_typer(app, name="bench", help="Measure speed, yield and disk.")


@app.callback()
def _group() -> None:
    """Measure speed, yield and disk."""


def generate(
    session: Session,
    task: Annotated[str, typer.Option("--task", help="Shipped task or task file.")] = "pick_place",
    robot: Annotated[str | None, typer.Option("--robot", help="Robot.")] = None,
    n: Annotated[
        int, typer.Option("--n", min=3, help="Attempts, or episodes with --workers.")
    ] = 60,
    seed: Annotated[int, typer.Option("--seed", help="Run seed.")] = 0,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Measure the executor with W processes instead.")
    ] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", help="Override a task value: KEY=VALUE.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 below a bar.")] = False,
) -> None:
    """Measure the making of episodes, in this process or with workers."""
    from datafactory.benchmark import bench_attempts, bench_run
    from datafactory.settings import bind_task, resolve_run

    flags = {"task": task, "robot": robot, "seed": seed, "workers": workers}
    bound = bind_task(resolve_run(flags, assignments=assignments or (), environ={}))
    if workers is None:
        result = bench_attempts(bound, seed=seed, attempts=n)
    else:
        quiet = Session(quiet=session.quiet or session.json)
        with ProgressPrinter(quiet) as printer:
            result = bench_run(bound, seed=seed, n=n, workers=workers, on_event=printer)
    _print(session, result, f"{bound.spec.task} on {bound.spec.robot}")
    if check and not all(measure.passed for measure in result.measures):
        raise typer.Exit(1)


def render(
    session: Session,
    task: Annotated[str, typer.Option("--task", help="Shipped task or task file.")] = "pick_place",
    n: Annotated[int, typer.Option("--n", min=1, help="Episodes.")] = 40,
    seed: Annotated[int, typer.Option("--seed", help="Run seed.")] = 0,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes; one per core by default.")
    ] = None,
    style: StyleOption = "default",
    renderer: RendererOption = None,
    assignments: StyleAssignments = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="R", help="Measure only this renderer alone; repeatable."),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 below a bar.")] = False,
) -> None:
    """Measure generation and rendering together, and every renderer alone."""
    from datafactory.api import request_of
    from datafactory.render.bench import bench_render
    from datafactory.settings import bind_task, resolve_run

    look = styled(style, assignments, renderer)
    flags = {"task": task, "seed": seed, "n": n, "workers": workers}
    settings = resolve_run(flags, environ={})
    request = request_of(settings, bind_task(settings))
    quiet = Session(quiet=session.quiet or session.json)
    with ProgressPrinter(quiet) as printer:
        result = bench_render(request, look, renderers=only or (), on_event=printer)
    _print_render(session, result, f"{task}, {n} episodes, style {look.style}, {result.renderer}")
    if check and not all(measure.passed for measure in result.measures):
        raise typer.Exit(1)


def _print_render(session: Session, result: RenderBench, title: str) -> None:
    speeds = [
        (r.renderer, "-", "-", "-", r.problem) if r.problem
        else (r.renderer, f"{r.cpu_ms:.1f}", f"{r.wall_ms:.1f}", f"{r.fixed_ms:.0f}", "")
        for r in result.renderers
    ]  # fmt: skip
    parts = [
        title,
        _measures(session, result.measures),
        table([(k, f"{100 * v:.1f}%") for k, v in result.shares.items()], ("step", "CPU share")),
        table(speeds, ("renderer", "CPU ms/image", "wall ms/image", "fixed ms/episode", "")),
    ]
    data = asdict(result)
    for entry, measure in zip(data["measures"], result.measures, strict=True):
        entry["passed"] = measure.passed
    session.result(data, "\n\n".join(parts))


def _measures(session: Session, measures: Sequence[Measure]) -> str:
    rows = [
        (m.name, _number(m, m.value), _bar(m), "" if m.bar is None else _word(session, m))
        for m in measures
    ]
    return table(rows, ("measure", "value", "bar", ""))


def _print(session: Session, result: Result, title: str) -> None:
    parts = [f"{title}, {result.attempts} attempts", _measures(session, result.measures)]
    if result.stage_ms:
        stages = [(name, f"{value:.1f}") for name, value in result.stage_ms.items()]
        parts.append(table(stages, ("stage", "CPU ms, median")))
    if result.reasons:
        listed = ", ".join(f"{name} {count}" for name, count in result.reasons.items())
        parts.append(f"rejected: {listed}")
    data = asdict(result)
    for entry, measure in zip(data["measures"], result.measures, strict=True):
        entry["passed"] = measure.passed
    session.result(data, "\n\n".join(parts))


def _word(session: Session, measure: Measure) -> str:
    word = "ok" if measure.passed else "BELOW" if measure.better == "high" else "ABOVE"
    return session.paint(word, "good" if measure.passed else "bad")


def _number(measure: Measure, value: float) -> str:
    if measure.unit == "B":
        return size(value)
    if measure.name == "yield":
        return f"{100 * value:.1f}%"
    return f"{value:.3g}" + ("" if measure.unit == "1" else f" {measure.unit}")


def _bar(measure: Measure) -> str:
    if measure.bar is None:
        return ""
    return (">= " if measure.better == "high" else "<= ") + _number(measure, measure.bar)


def view(
    session: Session,
    n: Annotated[int, typer.Option("--n", min=1000, help="Attempts.")] = 244_000,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Make the dataset here, keep it.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 below a bar.")] = False,
) -> None:
    """Measure the viewer on a made-up dataset, through HTTP."""
    from tempfile import TemporaryDirectory

    from datafactory.viewer.bench import bench_view, make_dataset

    with TemporaryDirectory() as folder:
        path = keep or Path(folder) / "bench"
        if not path.exists():
            session.remark(f"making {n:,} attempts")
            make_dataset(path, n)
        measures = bench_view(path, session.remark)
    data = [{**asdict(m), "passed": m.passed} for m in measures]
    session.result({"n": n, "measures": data}, f"{n:,} attempts\n\n{_measures(session, measures)}")
    if check and not all(m.passed for m in measures):
        raise typer.Exit(1)


def families(
    session: Session,
    n: Annotated[int, typer.Option("--n", min=1, help="Attempts of each family.")] = 16,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="FAMILY", help="Only this family; repeatable."),
    ] = None,
    robot: Annotated[str | None, typer.Option("--robot", help="Robot.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Run seed.")] = 0,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes.")] = 1,
    check: Annotated[
        bool, typer.Option("--check", help="Exit 1 when a family is below the bar unexplained.")
    ] = False,
) -> None:
    """Measure the yield of every built-in family of objects and tables."""
    from datafactory.family_yield import family_tasks, measure_families

    def note(found: FamilyYield) -> None:
        session.remark(f"{found.family}: {found.accepted} of {found.attempts}")

    tasks = family_tasks(only or ())
    results = measure_families(tasks, n=n, seed=seed, robot=robot, workers=workers, on_family=note)
    data = [{**asdict(r), "passed": r.passed} for r in results]
    rows = [_family_row(session, r) for r in results]
    head = ("family", "source", "goal", "yield", "most frequent reason", "")
    session.result({"n": n, "families": data}, table(rows, head))
    if check and not all(r.passed for r in results):
        raise typer.Exit(1)


def _family_row(session: Session, result: FamilyYield) -> tuple[str, ...]:
    reasons = [f"{name} {count}" for name, count in result.reasons.items()]
    word = "" if result.passed else session.paint("BELOW", "bad")
    return (result.family, result.source, result.goal, f"{100 * result.share:.0f}%",
            reasons[0] if reasons else "", word)  # fmt: skip


command(app, "generate")(generate)
command(app, "families")(families)
command(app, "view")(view)
command(app, "render")(render)
