"""``datafactory generate``, ``resume`` and ``status``."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datafactory_cli.config import explained
from datafactory_cli.progress import ProgressPrinter
from datafactory_cli.render import run_with_progress, styled, summary_text
from datafactory_cli.session import Session, command, command_line, json_line
from datafactory_cli.text import duration, share, shares, size, table

if TYPE_CHECKING:
    from datafactory.executor.request import GenerateRequest, RunSummary
    from datafactory.render.style import Style as StyleSpec
    from datafactory.settings import BoundTask, RunSettings

BYTES_PER_EPISODE = 80_000
EXIT_INTERRUPTED = 130

Folder = Annotated[str, typer.Argument(metavar="DIR", help="Dataset.")]
Task = Annotated[
    str | None, typer.Option("--task", metavar="NAME|FILE", help="Shipped task or task file.")
]
Count = Annotated[int | None, typer.Option("--n", metavar="N", help="Accepted episodes to reach.")]
Out = Annotated[
    str | None, typer.Option("--out", metavar="DIR", help="Dataset; data/<task> by default.")
]
Robot = Annotated[str | None, typer.Option("--robot", metavar="R", help="Robot.")]
Seed = Annotated[int | None, typer.Option("--seed", metavar="S", help="Run seed (0).")]
Config = Annotated[
    Path | None, typer.Option("--config", metavar="F", help="YAML file with these settings.")
]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a task value; repeatable."),
]
Distractors = Annotated[
    str | None, typer.Option("--distractors", metavar="K|LOW-HIGH", help="Distractor count.")
]
AllowLicence = Annotated[
    list[str] | None,
    typer.Option("--allow-licence", metavar="SPDX", help="Accept this licence; repeatable."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Try a few attempts and estimate; write nothing.")
]
PrintConfig = Annotated[
    bool, typer.Option("--print-config", help="Print each value with its source and stop.")
]
Style = Annotated[
    str | None,
    typer.Option("--render", metavar="STYLE", help="Then render the episodes in this style."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Run although disk may not do.")]
Workers = Annotated[
    int | None, typer.Option("--workers", metavar="W", help="Local processes; one per core.")
]
Scheduler = Annotated[
    str | None, typer.Option("--scheduler", metavar="ADDR", help="Use a running dask scheduler.")
]
MinYield = Annotated[
    float | None, typer.Option("--min-yield", metavar="SHARE", help="Stop below this yield (0.01).")
]
Timeout = Annotated[
    float | None,
    typer.Option("--attempt-timeout", metavar="S", help="Seconds until an attempt counts as hung."),
]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    command(app, "generate")(generate)
    command(app, "resume")(resume)
    command(app, "status")(status)


def generate(
    session: Session,
    task: Task = None,
    n: Count = None,
    out: Out = None,
    robot: Robot = None,
    seed: Seed = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    config: Config = None,
    assignments: Assignments = None,
    distractors: Distractors = None,
    min_yield: MinYield = None,
    attempt_timeout: Timeout = None,
    allow_licence: AllowLicence = None,
    style: Style = None,
    dry_run: DryRun = False,
    print_config: PrintConfig = False,
    yes: Yes = False,
) -> None:
    """Make a dataset of N accepted episodes."""
    from datafactory import api
    from datafactory.settings import bind_task, resolve_run

    flags = {
        "task": task, "n": n, "out": out, "robot": robot, "seed": seed, "workers": workers,
        "scheduler": scheduler, "min_yield": min_yield, "attempt_timeout": attempt_timeout,
    }  # fmt: skip
    overrides = [*(assignments or ()), *_distractor_override(distractors)]
    settings = resolve_run(flags, config=config, assignments=overrides)
    _warn_of_variables(session)
    if print_config:
        explained(session, settings)
        return
    look = styled(style, None, None) if style is not None else None
    bound = bind_task(settings)
    request = api.request_of(settings, bound, command_line())
    api.require_licences(bound, allow_licence or ())
    if dry_run:
        _dry_run(session, settings, bound, request.path)
        return
    if not yes:
        _require_disk(request.path, request.n)
    session.remark(f"{bound.spec.task} on {bound.spec.robot}: {request.n:,} episodes "
                   f"into {request.path}")  # fmt: skip
    if session.verbose:
        workers_text = request.scheduler or f"{request.local_workers} workers"
        session.remark(f"{bound.generator_name} {bound.generator.version}, spec "
                       f"{bound.spec.spec_hash}, seed {request.run_seed}, {workers_text}, "
                       f"{request.attempt_timeout_s:g} s per attempt")  # fmt: skip
    _finish(session, request.path, lambda on_event: api.run(request, on_event))
    if look is not None:
        _render(session, request, look)


def _render(session: Session, request: GenerateRequest, look: StyleSpec) -> None:
    """The second half of ``generate --render``."""
    from datafactory.executor.render_run import RenderRequest

    summary = run_with_progress(
        session,
        RenderRequest(
            path=request.path, style=look, variant=look.style, workers=request.workers,
            scheduler=request.scheduler, command=command_line(),
        ),
    )  # fmt: skip
    session.result({**vars(summary), "event": "rendered"}, "\n" + summary_text(summary))
    if summary.status != "complete":
        raise typer.Exit(EXIT_INTERRUPTED)


def _distractor_override(text: str | None) -> list[str]:
    """``K`` or ``LOW-HIGH`` as an override of ``distractors.count``."""
    from datafactory.errors import SpecError

    if text is None:
        return []
    low, dash, high = text.partition("-")
    if not low.isdigit() or (dash and not high.isdigit()):
        raise SpecError("--distractors takes a number or a range", where=f"--distractors {text}",
                        remedy="--distractors 10 or --distractors 0-5")  # fmt: skip
    return [f"distractors.count=[{low}, {high if dash else low}]"]


def _warn_of_variables(session: Session) -> None:
    from datafactory.settings import unknown_variables

    for name in unknown_variables(os.environ):
        session.remark(f"warning: the variable {name} means nothing to datafactory")


def _require_disk(path: str, n: int) -> None:
    from datafactory.errors import SpecError

    if "://" in path:
        return
    place = Path(path).absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if n * BYTES_PER_EPISODE > free:
        raise SpecError(
            "the disk is too small for this run", where=str(place),
            why=f"{n:,} episodes need about {size(n * BYTES_PER_EPISODE)}, {size(free)} are free",
            remedy="choose another --out, a smaller --n, or --yes to start anyway",
        )  # fmt: skip


def _dry_run(session: Session, settings: RunSettings, bound: BoundTask, path: str) -> None:
    from datafactory.probe import ATTEMPTS, probe

    workers = settings["workers"] or len(os.sched_getaffinity(0))
    session.remark(f"trying up to {ATTEMPTS} attempts of {bound.spec.task} on {bound.spec.robot}")
    found = probe(bound, seed=settings["seed"], n=settings["n"], workers=workers)
    rows = [
        ("trial", f"{found.accepted} of {found.attempts} attempts accepted"),
        ("yield", f"{100 * found.share:.0f}%, 95 % interval {100 * found.low:.0f}% to "
                  f"{100 * found.high:.0f}%"),
        ("attempt", f"{found.attempt_s:.2f} s on one core"),
        ("time", f"about {duration(found.seconds)} with {workers} workers, "
                 f"up to {duration(found.seconds_high)}"),
        ("disk", f"about {size(found.bytes_total)} ({size(found.bytes_per_episode)} per episode)"),
        ("out", f"{path} (nothing written)"),
    ]  # fmt: skip
    text = table(rows) + "\n\n" + outcome_table(found.accepted, found.attempts, found.reasons)
    session.result({"dry_run": asdict(found), "path": path}, text)


def outcome_table(accepted: int, attempted: int, reasons: Mapping[str, int]) -> str:
    """Accepted and rejected attempts with shares that add up to 100 %."""
    counts = [accepted, *reasons.values()]
    if not attempted:
        return ""
    rows = [
        (name, f"{count:,}", part)
        for name, count, part in zip(["accepted", *reasons], counts, shares(counts), strict=True)
    ]
    return table(rows, ("outcome", "attempts", "share"))


def _finish(session: Session, path: str, run: Any) -> None:
    """Runs with progress, prints the end, and leaves with the right exit code."""
    from datafactory.errors import StoppedEarlyError

    with ProgressPrinter(session) as printer:
        try:
            summary = run(printer)
        except StoppedEarlyError:
            _print_outcomes(session, path)
            raise
    _print_summary(session, summary, nothing_made=printer.attempted_before == summary.attempted)
    if summary.status != "complete":
        session.remark(f"interrupted; everything committed is kept. Continue with: "
                       f"datafactory resume {shlex.quote(path)}")  # fmt: skip
        raise typer.Exit(EXIT_INTERRUPTED)


def _print_outcomes(session: Session, path: str) -> None:
    from datafactory.executor.resume import status as run_status

    found = run_status(path)
    if not session.json:
        typer.echo(outcome_table(found.accepted, found.attempted, dict(found.reasons)))


def _print_summary(session: Session, summary: RunSummary, *, nothing_made: bool) -> None:
    from datafactory.executor.resume import status as run_status

    reasons = dict(summary.reasons)
    for remark in summary.remarks:
        session.remark(f"note: {remark}")
    disk = run_status(summary.path).bytes_on_disk
    rate = summary.made / summary.wall_s if summary.wall_s > 0 else 0.0
    data = {**vars(summary), "event": "summary", "reasons": reasons, "episodes_per_s": rate,
            "bytes_on_disk": disk}  # fmt: skip
    if session.json:
        typer.echo(json_line(data))
        return
    path = shlex.quote(_short(summary.path))
    done = f"{summary.accepted:,} of {summary.planned:,}"
    if nothing_made and summary.status == "complete":
        typer.echo(f"nothing to do: {done} accepted")
        return
    speed = f", {rate:.2f} episodes/s in this call" if summary.made else ""
    rows = [
        ("accepted", done),
        ("attempted", f"{summary.attempted:,}"),
        ("yield", share(summary.accepted, summary.attempted)),
        ("time", duration(summary.wall_s) + speed),
    ]
    if disk is not None:
        each = f" ({size(disk / summary.accepted)} per episode)" if summary.accepted else ""
        rows.append(("disk", size(disk) + each))
    rows.append(("dataset", path))
    lines = [table(rows), outcome_table(summary.accepted, summary.attempted, reasons)]
    lines.append("next:\n" + "\n".join(
        f"  datafactory {name} {path}" for name in ("show", "verify", "stats")))  # fmt: skip
    typer.echo("\n\n".join(line for line in lines if line))


def _short(path: str) -> str:
    """The path as one would type it here: relative when it is below the working directory."""
    if "://" in path or not Path(path).is_relative_to(Path.cwd()):
        return path
    return str(Path(path).relative_to(Path.cwd()))


def resume(
    session: Session,
    folder: Folder,
    n: Annotated[
        int | None, typer.Option("--n", metavar="N", help="A new number of accepted episodes.")
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    min_yield: MinYield = None,
    attempt_timeout: Timeout = None,
) -> None:
    """Finish the run recorded in a dataset.

    Only what is missing is made.
    """
    from datafactory.executor.resume import resume as resume_run

    _finish(
        session,
        folder,
        lambda on_event: resume_run(
            folder, n=n, workers=workers, scheduler=scheduler, min_yield=min_yield,
            attempt_timeout_s=attempt_timeout, command=command_line(), on_event=on_event,
        ),
    )  # fmt: skip


def status(session: Session, folder: Folder) -> None:
    """Tell where a run stands, also while it is being written."""
    from datafactory.executor.resume import status as run_status

    found = run_status(folder)
    reasons = dict(found.reasons)
    rows = [
        ("status", found.status),
        ("accepted", f"{found.accepted:,} of {found.planned:,}"),
        ("attempted", f"{found.attempted:,}"),
        ("yield", share(found.accepted, found.attempted)),
        ("task", f"{found.task} on {found.robot}"),
        ("generator", f"{found.generator}, seed {found.run_seed}"),
    ]
    if found.held_by:
        rows.append(("writer", found.held_by))
    if found.missing:
        rows.append(("missing", f"{found.missing} attempts; `datafactory resume` makes them"))
    if found.bytes_on_disk is not None:
        rows.append(("disk", size(found.bytes_on_disk)))
    rows += [
        ("images", f"{name}: {episodes:,} of {found.accepted:,} episodes, by {renderer}")
        for name, renderer, episodes in found.images
    ]
    text = table(rows) + "\n\n" + outcome_table(found.accepted, found.attempted, reasons)
    session.result({**vars(found), "reasons": reasons}, text.rstrip())
