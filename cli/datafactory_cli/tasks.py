"""``datafactory tasks``: shipped tasks, and a start for new ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from datafactory_cli.session import Session, command
from datafactory_cli.suites import suite
from datafactory_cli.text import table

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

TEMPLATE = """\
# A task: which objects, what must become true, and in which words. Every key beyond these has a
# default; `datafactory config schema` describes them all. Try it with:
#   datafactory generate --task {path} --n 10 --out data/{name}
name: {name}
description: put a mug on a plate
robot: franka_panda

objects:
  a: {{category: mug, graspable: true}}
  b: {{category: plate}}

goal:
  - {{relation: on, subject: a, object: b}}

instructions:
  train:
    - put {{a}} on {{b}}
    - place {{a}} onto {{b}}
  held_out:
    - set {{a}} down on {{b}}

distractors:
  count: [0, 3]

randomize:
  table_height_m: [0.73, 0.77]
  mass_scale: [0.8, 1.2]
"""


@app.callback()
def _group() -> None:
    """List, show and start tasks."""


def list_tasks(session: Session) -> None:
    """List the tasks that generators ship."""
    from datafactory.inventory import shipped_tasks

    found, broken = shipped_tasks()
    rows = [(info.name, name, info.description) for name, info in found]
    for plugin in broken:
        session.remark(f"generator '{plugin.name}' cannot be loaded: {plugin.problem}")
    data = {
        "tasks": [
            {"name": info.name, "generator": name, "description": info.description}
            for name, info in found
        ],
        "broken": [{"name": p.name, "problem": p.problem} for p in broken],
    }
    session.result(data, table(rows, ("task", "generator", "description")) or "no tasks")


def show_task(
    session: Session,
    name: Annotated[str, typer.Argument(help="Shipped task or task file.")],
    robot: Annotated[str | None, typer.Option("--robot", help="Bind it to this robot.")] = None,
    full: Annotated[bool, typer.Option("--full", help="With every default filled in.")] = False,
) -> None:
    """Print a task as YAML, ready to be edited."""
    import yaml

    from datafactory.settings import bind_task, resolve_run
    from datafactory.taskfile import merge

    bound = bind_task(resolve_run({"task": name, "robot": robot}, environ={}))
    data = bound.spec.to_dict() if full else merge(bound.data, {})
    text = yaml.safe_dump(_lists(data), sort_keys=False, allow_unicode=True, width=100)
    session.result(
        {"task": bound.spec.task, "generator": bound.generator_name, "robot": bound.spec.robot,
         "spec_hash": bound.spec.spec_hash, "spec": _lists(data)},
        text.rstrip(),
    )  # fmt: skip


def _lists(value: object) -> object:
    """Tuples as lists, so that YAML stays plain."""
    if isinstance(value, dict):
        return {key: _lists(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_lists(item) for item in value]
    return value


def new_task(
    session: Session,
    path: Annotated[Path, typer.Argument(help="File to write, for example my_task.yaml.")],
    like: Annotated[
        str | None, typer.Option("--from", help="Start from this shipped task.")
    ] = None,
) -> None:
    """Write a commented task file to start from; never overwrites one."""
    from datafactory.errors import SpecError

    if path.suffix not in (".yaml", ".yml"):
        raise SpecError("a task file ends in .yaml", where=str(path), remedy=f"{path}.yaml")
    if path.exists():
        raise SpecError("the file exists already", where=str(path), remedy="choose another name")
    name = "".join(c if c.isalnum() and c.isascii() else "_" for c in path.stem.lower()).strip("_")
    text = TEMPLATE.format(path=path, name=name or "task")
    if like is not None:
        import yaml

        from datafactory.plugin import find_task

        data = {**_as_dict(_lists(dict(find_task(like)[1].spec))), "name": name or "task"}
        text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as stream:
        stream.write(text)
    session.result(
        {"path": str(path)},
        f"wrote {path}\nnext: datafactory generate --task {path} --n 10 --dry-run",
    )


def _as_dict(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value


command(app, "list")(list_tasks)
command(app, "show")(show_task)
command(app, "new")(new_task)
command(app, "suite")(suite)
