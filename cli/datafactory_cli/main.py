"""The ``datafactory`` command: assembles the commands and turns every outcome into an exit code.

Exit codes: 0 ok, 1 checks failed, 2 usage or configuration, 3 stopped early with a resumable
dataset, 4 a missing optional part, 130 interrupted cleanly, 70 a bug.
"""

from __future__ import annotations

import difflib
import errno
import logging
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from datafactory_cli import (
    assets,
    bench,
    check,
    config,
    diff,
    doctor,
    evaluate,
    exchange,
    flag,
    generate,
    listing,
    questions,
    render,
    show,
    stats,
    tasks,
    train,
    view,
)
from datafactory_cli.session import json_line, set_command_line

COMMON = frozenset({"--json", "--quiet", "-q", "--verbose", "-v", "--no-color", "--debug"})
GROUPS = frozenset({"tasks", "assets", "config", "bench"})
EXIT_INTERRUPTED = 130
EXIT_BUG = 70

app = typer.Typer(
    name="datafactory",
    help="Make verified, replayable robot demonstrations.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
    epilog="Every command takes --json, --quiet, --verbose, --no-color and --debug, before or "
    "after its name. Exit codes: 0 ok, 1 checks failed, 2 usage or config, 3 stopped early "
    "(resumable), 4 missing optional part, 130 interrupted, 70 a bug.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"datafactory {version('datafactory')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    del version  # handled by its callback


for part in (
    *(generate, render, questions, view, flag, show, stats, diff, check, exchange),
    *(train, evaluate, listing, doctor, bench),
):
    part.register(app)
app.add_typer(tasks.app, name="tasks", help="List, show and start tasks.")
app.add_typer(assets.app, name="assets", help="Objects, packs and licences.")
app.add_typer(config.app, name="config", help="Print, explain and start configuration.")


def _show_log(*, quiet: bool) -> None:
    """Sends the asset layer's remarks (a pack being fetched) to stderr."""
    log = logging.getLogger("datafactory_assets")
    log.setLevel(logging.WARNING if quiet else logging.INFO)
    log.handlers = [logging.StreamHandler()]  # of the present stderr


def _common_last(argv: Sequence[str]) -> list[str]:
    """Moves common options that stand before the command's name behind its arguments."""
    words, moved, k = list(argv), [], 0
    while k < len(words) and (words[k] in COMMON or words[k] in GROUPS):
        if words[k] in COMMON:
            moved.append(words.pop(k))
        else:
            k += 1
    if k == len(words) or words[k].startswith("-"):  # no command: help or a message follows
        return words
    end = words.index("--") if "--" in words else len(words)
    return [*words[:end], *moved, *words[end:]]


def run(argv: Sequence[str]) -> int:
    """Runs one command line and returns its exit code; never lets an exception through.

    Args:
        argv: Arguments without the program name.
    """
    argv = _common_last(argv)
    set_command_line(argv)
    _show_log(quiet="-q" in argv or "--quiet" in argv)
    debug, as_json = "--debug" in argv, "--json" in argv
    try:
        code = typer.main.get_command(app).main(
            list(argv), prog_name="datafactory", standalone_mode=False
        )
        return code if isinstance(code, int) else 0
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("interrupted; everything committed is kept", err=True)
        return EXIT_INTERRUPTED
    except Exception as error:
        if debug:
            import traceback

            traceback.print_exc()
        return _report(error, as_json)


def _report(error: Exception, as_json: bool) -> int:
    """Prints an error as what, where, why and what to try; returns the exit code."""
    usage = getattr(error, "format_message", None)
    if usage is not None:
        return _report_usage(error, str(usage()), as_json)
    from datafactory.errors import DataFactoryError, StorageError

    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EROFS, errno.EACCES):
        error = StorageError(
            "cannot write", where=str(error.filename or ""), why=error.strerror or str(error),
            remedy="free space or choose another folder; `datafactory resume` continues",
        )  # fmt: skip
    if isinstance(error, DataFactoryError):
        fields = {"what": error.what, "where": error.where, "why": error.why, "try": error.remedy}
        typer.echo(f"error: {error}", err=True)
        code = error.exit_code
    else:
        why = _one_line(error)
        fields = {"what": "unexpected error", "where": "", "why": why, "try": "--debug"}
        typer.echo(f"error: {why}\n  this is a bug; run with --debug", err=True)
        code = EXIT_BUG
    if as_json:
        typer.echo(json_line({"error": {**fields, "exit_code": code}}))
    return code


def _one_line(error: Exception) -> str:
    """Type, first line and, of a longer text such as a child's traceback, the last line."""
    lines = [line for line in f"{type(error).__name__}: {error}".splitlines() if line.strip()]
    return lines[0] if len(lines) == 1 else f"{lines[0]} ({lines[-1].strip()})"


def _report_usage(error: Exception, message: str, as_json: bool) -> int:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(message, err=True)
        return 2
    path = context.command_path if context is not None else "datafactory"
    option, near = getattr(error, "option_name", ""), getattr(error, "possibilities", None)
    if near:
        closest = difflib.get_close_matches(option, near, n=1, cutoff=0.3)
        message = f"No such option: {option}" + (
            f". Did you mean '{closest[0]}'?" if closest else ""
        )
    message = message.replace("Input should be", "must be").partition(", unable to parse")[0]
    typer.echo(f"error: {message}\n  try: {path} --help", err=True)
    if as_json:
        fields = {"what": message, "where": path, "why": "", "try": f"{path} --help"}
        typer.echo(json_line({"error": {**fields, "exit_code": 2}}))
    return 2


def main() -> None:
    """Entry point of the ``datafactory`` command."""
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of a pipe has gone; nothing is left to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


if __name__ == "__main__":
    main()
