"""``datafactory view``: datasets in the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from datafactory_cli.session import Session, command

if TYPE_CHECKING:
    from datafactory.viewer.app import Site


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, "view")(view)


def view(
    session: Session,
    folders: Annotated[
        list[str],
        typer.Argument(metavar="DIR[@VERSION]...", help="Datasets, or results of evaluations."),
    ],
    annotate: Annotated[
        bool, typer.Option("--annotate", help="Let the page write labels.")
    ] = False,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Listen on another address.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="N", min=0, max=65535, help="Port; 8484 if free."),
    ] = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open a browser.")] = False,
) -> None:
    """Browse, filter, replay and judge datasets, and results of evaluations, in the browser.

    Only this machine can open the page. With --host for another address, reading needs the token in
    the printed address. Ctrl-C stops the server.
    """
    from datafactory.viewer.server import Settings, serve

    def ready(url: str, site: Site) -> None:
        aliases = [*site.datasets, *site.results]
        session.result({"url": url, "datasets": aliases}, f"viewer: {url}")
        session.remark("Ctrl-C stops it" + ("" if annotate else "; --annotate lets it label"))
        if not no_open and not session.json:
            import webbrowser

            webbrowser.open(url)

    serve(folders, Settings(host, port, annotate), ready)
