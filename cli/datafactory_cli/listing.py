"""``datafactory list``: what is installed, broken plugins included."""

from __future__ import annotations

from dataclasses import asdict

import typer

from datafactory_cli.session import Session, command
from datafactory_cli.text import table


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, "list")(list_plugins)


def list_plugins(session: Session) -> None:
    """List generators, robots, asset sources, renderers, exporters and importers.

    Those that cannot be loaded are listed with the reason.
    """
    from datafactory.inventory import plugins

    found = plugins()
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
