"""``datafactory list``: what is installed, broken plugins included."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from datafactory_cli.session import Session, command
from datafactory_cli.text import table

if TYPE_CHECKING:
    from datafactory.robots.needs import RobotEntry

Kind = Annotated[
    str | None, typer.Argument(metavar="KIND", help="Only these: robots, generators, exporters ...")
]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, "list")(list_plugins)


def list_plugins(session: Session, kind: Kind = None) -> None:
    """List generators, robots, asset sources, renderers, exporters and importers.

    Those that cannot be loaded are listed with the reason. `list robots` shows what each can do
    and what it needs.
    """
    from datafactory.errors import UnknownNameError
    from datafactory.inventory import plugins
    from datafactory.plugin import GROUPS

    kinds = {f"{name}s": name for name in GROUPS}
    if kind is not None and kind not in kinds:
        raise UnknownNameError.of("kind of plugin", kind, kinds)
    if kind == "robots":
        _robots(session)
        return
    found = [p for p in plugins() if kind is None or p.kind == kinds[kind]]
    rows = []
    for plugin in found:
        state = "broken" if plugin.problem else "ok"
        painted = session.paint(state, "bad" if plugin.problem else "good")
        rows.append((plugin.kind, plugin.name, painted, plugin.target, plugin.package))
    text = table(rows, ("kind", "name", "state", "target", "package"))
    for plugin in found:
        if plugin.problem:
            text += f"\n\n{plugin.kind} '{plugin.name}' cannot be loaded: {plugin.problem}"
    session.result({"plugins": [asdict(p) for p in found]}, text or "no plugins are registered")


def _robots(session: Session) -> None:
    from datafactory.robots.needs import robots

    found = robots()
    text = table([_row(r) for r in found], ("name", "can", "joints", "gripper", "reach", "needs"))
    for robot in found:
        if robot.problem:
            text += f"\n\nrobot '{robot.name}' cannot be made: {robot.problem}"
        elif robot.missing:
            text += f"\n\n{robot.name}: datafactory assets fetch {' '.join(robot.missing)}"
    session.result({"robots": [asdict(r) for r in found]}, text or "no robots are registered")


def _row(robot: RobotEntry) -> tuple[str, ...]:
    packs = [f"{p} (not fetched)" if p in robot.missing else p for p in robot.packs]
    needs = ", ".join(packs) or "-"
    if not robot.capabilities:
        return (robot.name, "broken" if robot.problem else "?", "?", "?", "?", needs)
    joints = f"{robot.dof}" if robot.arms == 1 else f"{robot.arms} x {robot.dof // robot.arms}"
    near, far = robot.workspace_m
    return (robot.name, " ".join(robot.capabilities), joints, f"{1e3 * robot.gripper_m:.0f} mm",
            f"{near:.2f}-{far:.2f} m", needs)  # fmt: skip
