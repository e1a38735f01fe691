"""What every command shares: the common options, and how output is written.

Data goes to stdout, progress and remarks to stderr. With ``--json`` stdout carries one JSON object
with a ``schema_version``.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Annotated, Any, TextIO

import typer

SCHEMA_VERSION = 1

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only results.")]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="More detail if there is any.")
]
NoColorOption = Annotated[bool, typer.Option("--no-color", help="No colours (also NO_COLOR=1).")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@dataclass(frozen=True)
class Session:
    """The common options of one call.

    Attributes:
        json: ``--json``.
        quiet: ``--quiet``.
        verbose: ``--verbose``.
        color: Colours are wanted and NO_COLOR is not set; a terminal is checked per stream.
    """

    json: bool = False
    quiet: bool = False
    verbose: bool = False
    color: bool = True

    def paint(self, text: str, style: str, stream: TextIO | None = None) -> str:
        """Colours text when the stream (stdout by default) is a terminal."""
        if not self.color or not (stream or sys.stdout).isatty():
            return text
        colour, bold = STYLES[style]
        return typer.style(text, fg=colour, bold=bold)

    def result(self, data: Mapping[str, Any], text: str) -> None:
        """Writes the result of a command: one JSON object with ``--json``, else text."""
        if self.json:
            typer.echo(json_line(data))
        elif text:
            typer.echo(text)

    def remark(self, text: str) -> None:
        """Writes a line for people to stderr, unless ``--quiet``."""
        if not self.quiet:
            typer.echo(text, err=True)


_argv: ContextVar[tuple[str, ...]] = ContextVar("argv", default=())


def set_command_line(argv: Sequence[str]) -> None:
    """Remembers the arguments of the running command."""
    _argv.set(tuple(argv))


def command_line() -> str:
    """The running command as one could type it again."""
    return "datafactory " + shlex.join(_argv.get())


STYLES: Mapping[str, tuple[str | None, bool]] = {
    "good": ("green", False),
    "bad": ("red", False),
    "title": (None, True),
    "dim": ("bright_black", False),
}


def json_line(data: Mapping[str, Any]) -> str:
    """Compact JSON with ``schema_version`` first; not-a-number becomes null."""
    return json.dumps({"schema_version": SCHEMA_VERSION, **plain(data)}, ensure_ascii=False)


def plain(value: Any) -> Any:
    """Reduces mappings, sequences, numpy scalars and paths to what JSON can carry."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if abs(value) != float("inf") and value == value else None
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def command(app: typer.Typer, name: str, **options: Any) -> Callable[..., Callable[..., None]]:
    """Registers a command and gives it the common options as a ``Session``, its first argument.

    Args:
        app: The app or group.
        name: Command name.
        **options: Passed on to typer.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def call(
            *, json_output: bool, quiet: bool, verbose: bool, no_color: bool, debug: bool,
            **rest: Any,
        ) -> None:  # fmt: skip
            del debug  # read by main.run, which sees every error
            color = not no_color and not os.environ.get("NO_COLOR")
            function(Session(json_output, quiet, verbose, color), **rest)

        own = inspect.signature(function, eval_str=True)
        parameters = list(own.parameters.values())[1:]
        common = {
            "json_output": JsonOption, "quiet": QuietOption, "verbose": VerboseOption,
            "no_color": NoColorOption, "debug": DebugOption,
        }  # fmt: skip
        added = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
            for key, kind in common.items()
        ]
        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
        call.__signature__ = own.replace(parameters=[*parameters, *added])  # type: ignore[attr-defined]
        call.__annotations__ = {p.name: p.annotation for p in (*parameters, *added)}
        app.command(name, **options)(call)
        return function

    return register
