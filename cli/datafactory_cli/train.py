"""``datafactory train`` and ``datafactory recipes``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from datafactory_cli.session import Session, command, json_line
from datafactory_cli.text import duration, table

if TYPE_CHECKING:
    from datafactory_zoo.recipe import Recipe
    from datafactory_zoo.train import Progress

PLAIN_EVERY_S = 10.0


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    command(app, "train")(train)
    command(app, "recipes")(recipes)


def require_zoo() -> None:
    """Raises ``MissingPartError`` when the policies' libraries are not installed."""
    from importlib.util import find_spec

    from datafactory.errors import MissingPartError

    lost = [name for name in ("torch", "safetensors") if find_spec(name) is None]
    if lost:
        raise MissingPartError(
            "policies need libraries that are not installed", why=" and ".join(lost),
            remedy="pip install 'datafactory[zoo]'",
        )  # fmt: skip


def chosen_recipe(name: str, assignments: list[str] | None) -> Recipe:
    """The recipe of command line options."""
    from datafactory.taskfile import apply_set
    from datafactory_zoo.recipe import load_recipe, recipe_from_dict

    recipe, document = load_recipe(name)
    if not assignments:
        return recipe
    plain = recipe.model_dump(mode="json")
    changed, _ = apply_set(plain, assignments)
    return recipe_from_dict(changed, document.source if document else "")


def train(
    session: Session,
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="Shipped recipe or YAML file.")],
    data: Annotated[
        str | None, typer.Option("--data", metavar="DIR", help="Dataset to train on.")
    ] = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="DIR", help="Run folder; runs/RECIPE.")
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a recipe value; repeatable."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the run's last checkpoint.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="W", min=1, help="Processes of evaluations."),
    ] = None,
) -> None:
    """Train a policy on a dataset as it lies there."""
    require_zoo()
    from datafactory_zoo.train import Training

    chosen = chosen_recipe(recipe, assignments)
    run = Path(out or f"runs/{chosen.name}")
    training = Training(chosen, run, data, resume=resume)
    frames = sum(len(s.train) for s in training.sources)
    chief, processes = training.distribution.chief, training.distribution.world
    if chief:
        session.remark(
            f"{chosen.policy} ({chosen.size}), {training.policy.parameter_count / 1e6:.2f} M "
            f"parameters, on {frames:,} frames; {training.device}"
            + (f", {processes} processes" if processes > 1 else "")
        )
    printer = _Printer(session)
    last: Progress | None = None
    evaluate = _evaluation(chosen, workers) if chosen.train.evaluate_every else None
    for last in training.steps(evaluate):
        printer(last)
    if not chief:
        return
    printer.end()
    result = {
        "run": str(run), "steps": training.step, "cpu_s": training.total_cpu_s(),
        "parameters": training.policy.parameter_count,
        "numbers": dict(last.numbers) if last else {},
    }  # fmt: skip
    rows = [
        ("checkpoint", str(run)),
        ("steps", f"{training.step:,}"),
        ("CPU", duration(training.total_cpu_s())),
        *((k, f"{v:.5g}") for k, v in (last.numbers.items() if last else ())),
        ("next", f"datafactory eval {run}"),
    ]
    session.result(result, table(rows))


class _Printer:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._last, self._begin = -PLAIN_EVERY_S, time.monotonic()
        self._tty = sys.stderr.isatty()
        self._first: int | None = None

    def __call__(self, event: Progress) -> None:
        if self._session.json:
            typer.echo(json_line({"event": "progress", **vars(event)}))
            sys.stdout.flush()
        if self._session.quiet:
            return
        self._first = event.step if self._first is None else self._first
        now = time.monotonic()
        rate = (event.step - self._first) / max(1e-9, now - self._begin)
        eta = duration((event.steps - event.step) / rate) if rate > 0 else "-"
        shown = {k: v for k, v in event.numbers.items() if k not in ("gradient_norm",)}
        numbers = " ".join(f"{k} {v:.4g}" for k, v in shown.items())
        line = f"{event.step:,}/{event.steps:,} steps | {numbers} | ETA {eta}"
        if self._tty:
            typer.echo(f"\r{line:<100}", err=True, nl=False)
        elif now - self._last >= PLAIN_EVERY_S:
            self._last = now
            typer.echo(line, err=True)

    def end(self) -> None:
        """Ends the line."""
        if self._tty and not self._session.quiet:
            typer.echo(err=True)


def _evaluation(
    recipe: Recipe, workers: int | None
) -> Callable[[Path, int], Mapping[str, float]]:
    """Closed-loop evaluation of a checkpoint on unseen seeds of its own task."""

    def evaluate(folder: Path, episodes: int) -> Mapping[str, float]:
        from datafactory_cli.evaluate import contender_of, task_of
        from datafactory_zoo.evaluate import evaluate_suites

        contender = contender_of(str(folder), None)
        generator, task = task_of(contender, None)
        (result,) = evaluate_suites(
            contender, task, ["seen"], generator=generator, episodes=episodes, workers=workers
        )
        return {"success": result.summary.success.share}

    del recipe
    return evaluate


def recipes(session: Session) -> None:
    """List the shipped recipes."""
    require_zoo()
    from datafactory_zoo.recipe import shipped_recipes

    found: dict[str, Any] = shipped_recipes()
    session.result({"recipes": found}, table(list(found.items()), ("recipe", "description")))
