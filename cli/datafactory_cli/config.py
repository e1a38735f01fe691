"""``datafactory config``: the effective configuration, its schema, and a file to start from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from datafactory_cli.session import Session, command, plain
from datafactory_cli.text import table

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Print, explain and start configuration."""


def explained(session: Session, settings: Any) -> None:
    """Prints every resolved value of a run with its source."""
    from datafactory.settings import bind_task, explain

    rows = explain(settings, bind_task(settings))
    data = {key: {"value": value.value, "source": value.source} for key, value in rows.items()}
    lines = [(key, _shown(value.value), value.source) for key, value in rows.items()]
    session.result({"config": data}, table(lines, ("key", "value", "source")))


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list | tuple | dict | bool):
        return json.dumps(plain(value))
    return str(value)


def show_config(
    session: Session,
    task: Annotated[str | None, typer.Option("--task", help="Shipped task or task file.")] = None,
    config: Annotated[Path | None, typer.Option("--config", help="Config file.")] = None,
    robot: Annotated[str | None, typer.Option("--robot")] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", help="Override one task value: KEY=VALUE.")
    ] = None,
) -> None:
    """Print each value a run would use, and where it comes from."""
    from datafactory.settings import resolve_run

    flags = {"task": task, "robot": robot}
    explained(session, resolve_run(flags, config=config, assignments=assignments or ()))


def schema(
    session: Session,
    generator: Annotated[
        str, typer.Option("--generator", help="Generator whose task data to describe.")
    ] = "pick_place",
    style: Annotated[bool, typer.Option("--style", help="Describe render styles instead.")] = False,
) -> None:
    """Print the JSON Schema of a task or a style."""
    if style:
        from datafactory.render.style import Style

        found = Style.model_json_schema()
        session.result({"schema": found}, json.dumps(found, indent=2))
        return
    from datafactory.plugin import load_generator

    found = load_generator(generator).schema()
    session.result({"generator": generator, "schema": found}, json.dumps(found, indent=2))


INIT = """\
# Settings of a run. Use it with: datafactory generate --config {path}
# Stronger than this file: DATAFACTORY_* environment variables, flags and --set.
task: {task}          # a shipped task, or a task file
n: 100                # accepted episodes to reach
out: data/{task}
seed: 0
# robot: ur5e         # the task's own by default
# workers: 4          # one per core by default
# scheduler: tcp://host:8786
# min_yield: 0.01     # stop when fewer attempts than this share succeed
# attempt_timeout: 60
# set:                # single values of the task
#   randomize: {{table_height_m: [0.70, 0.80]}}
"""


def init(
    session: Session,
    path: Annotated[Path, typer.Argument(help="File to write.")] = Path("run.yaml"),
    task: Annotated[str | None, typer.Option("--task", help="Shipped task.")] = None,
) -> None:
    """Write a commented config file; never overwrites one."""
    from datafactory.errors import SpecError
    from datafactory.inventory import shipped_tasks
    from datafactory.plugin import find_task

    if path.exists():
        raise SpecError("the file exists already", where=str(path), remedy="choose another name")
    if task is None:
        found, _ = shipped_tasks()
        task = found[0][1].name if found else "my_task.yaml"
    else:
        task = find_task(task)[1].name
    with path.open("x", encoding="utf-8") as stream:
        stream.write(INIT.format(path=path, task=task))
    session.result({"path": str(path)}, f"wrote {path}\nnext: datafactory generate --config {path}")


command(app, "show")(show_config)
command(app, "schema")(schema)
command(app, "init")(init)
