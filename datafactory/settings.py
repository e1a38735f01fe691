"""Settings of a run and the place each one came from.

Precedence, weakest first: defaults, the task file, the file of ``--config``, ``DATAFACTORY_*``
environment variables, flags and ``--set``.

A config file holds run settings and, under ``task``, a shipped task's name, a task file or a whole
task; ``set`` lays single values over that task::

    task: put_mug_on_plate
    n: 1000
    out: data/mugs
    set:
      randomize: {table_height_m: [0.7, 0.8]}
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datafactory.errors import DataFactoryError, SpecError, UnknownNameError
from datafactory.seeding import MAX_SEED
from datafactory.taskfile import (
    Document,
    apply_set,
    load_task_file,
    load_yaml_file,
    located,
    merge,
    parse_value,
)

if TYPE_CHECKING:
    from datafactory.plugin import Generator, Spec

__all__ = ["RUN_KEYS", "BoundTask", "RunSettings", "Value", "bind_task", "resolve_run"]

PREFIX = "DATAFACTORY_"
OTHER_VARIABLES = frozenset({"DATAFACTORY_ASSET_STORE", "DATAFACTORY_OFFLINE"})


@dataclass(frozen=True)
class Value:
    """A setting and the place it came from (``default``, ``run.yaml:3``, ``--seed`` ...)."""

    value: Any
    source: str


@dataclass(frozen=True)
class _Key:
    kind: type
    default: Any
    minimum: float | None
    meaning: str


RUN_KEYS: Mapping[str, _Key] = {
    "task": _Key(object, None, None, "shipped task, task file or (in a config file) a whole task"),
    "n": _Key(int, None, 1, "accepted episodes to reach"),
    "out": _Key(str, None, None, "dataset folder or object-store URI; data/<task> by default"),
    "robot": _Key(str, None, None, "robot; the task's own by default"),
    "seed": _Key(int, 0, 0, "run seed"),
    "workers": _Key(int, None, 1, "worker processes; one per core by default"),
    "scheduler": _Key(str, None, None, "address of a running dask scheduler"),
    "min_yield": _Key(float, 0.01, 0, "stop when the yield stays under this share"),
    "attempt_timeout": _Key(float, 120.0, 0.1, "seconds after which an attempt counts as hung"),
}


@dataclass(frozen=True)
class RunSettings:
    """Resolved settings of one ``generate`` call.

    Attributes:
        values: Every run setting by name, with its source.
        overrides: ``set`` of the config file, laid over the task.
        assignments: ``--set`` texts, applied last.
        override_sources: Dotted key of ``overrides`` to ``file:line``.
        task_lines: Dotted key to ``file:line`` for a whole task inside a config file.
    """

    values: Mapping[str, Value]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    assignments: tuple[str, ...] = ()
    override_sources: Mapping[str, str] = field(default_factory=dict)
    task_lines: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:
        return self.values[key].value


@dataclass(frozen=True, eq=False)
class BoundTask:
    """A task read, overridden and validated by its generator.

    Attributes:
        generator: Generator instance.
        generator_name: Its entry point name.
        data: The plain data the spec was made from.
        spec: The validated spec.
        source: Task name or file the data came from.
        sources: Dotted key to place, where it is not the default.
    """

    generator: Generator
    generator_name: str
    data: Mapping[str, Any]
    spec: Spec
    source: str
    sources: Mapping[str, str]


def resolve_run(
    flags: Mapping[str, Any],
    *,
    config: str | Path | None = None,
    assignments: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> RunSettings:
    """Combines defaults, a config file, the environment and flags.

    Args:
        flags: Setting name to value; None means the flag was not given.
        config: Config file.
        assignments: ``--set`` texts.
        environ: Environment; the process's own when None.

    Raises:
        SpecError: A value has the wrong type or range, or a key is unknown; names the place.
    """
    values = {name: Value(key.default, "default") for name, key in RUN_KEYS.items()}
    overrides: Mapping[str, Any] = {}
    override_sources: dict[str, str] = {}
    task_lines: dict[str, str] = {}
    if config is not None:
        document = load_yaml_file(config)
        values |= _from_config(document)
        overrides = document.data.get("set") or {}
        if not isinstance(overrides, Mapping):
            raise SpecError("'set' must hold keys and values", where=document.where("set"))
        override_sources = _places(document, "set.")
        task_lines = _places(document, "task.") | {"": f"{document.source}"}
    values |= _from_environment(os.environ if environ is None else environ)
    for name, given in flags.items():
        if given is not None:
            flag = f"--{name.replace('_', '-')}"
            values[name] = Value(_checked(name, given, flag), flag)
    return RunSettings(values, overrides, tuple(assignments), override_sources, task_lines)


def _places(document: Document, prefix: str) -> dict[str, str]:
    return {
        key.removeprefix(prefix): f"{document.source}:{line}"
        for key, line in document.lines.items()
        if key.startswith(prefix)
    }


def _from_config(document: Document) -> dict[str, Value]:
    values = {}
    for name, given in document.data.items():
        where = document.where(str(name))
        if name == "set" or given is None:
            continue
        if name not in RUN_KEYS:
            raise UnknownNameError.of("setting", str(name), [*RUN_KEYS, "set"], where)
        line = document.lines.get(name)
        values[name] = Value(_checked(name, given, where), f"{document.source}:{line}")
    return values


def _from_environment(environ: Mapping[str, str]) -> dict[str, Value]:
    values = {}
    for name in RUN_KEYS:
        variable = PREFIX + name.upper()
        text = environ.get(variable)
        if text:
            value = text if RUN_KEYS[name].kind in (str, object) else parse_value(text, variable)
            values[name] = Value(_checked(name, value, variable), variable)
    return values


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """``DATAFACTORY_*`` variables that mean nothing: most likely a typing error."""
    known = {PREFIX + name.upper() for name in RUN_KEYS} | OTHER_VARIABLES
    return sorted(name for name in environ if name.startswith(PREFIX) and name not in known)


def _checked(name: str, value: Any, where: str) -> Any:
    """The value in the setting's type, or a SpecError that names the place."""
    key = RUN_KEYS[name]
    if key.kind is object:
        if not isinstance(value, str | Mapping):
            raise SpecError(f"'{name}' is a name, a file or a task", where=where)
        return value
    if key.kind is float and type(value) is int:
        value = float(value)
    if type(value) is not key.kind:
        word = {int: "a whole number", float: "a number", str: "text"}[key.kind]
        raise SpecError(f"'{name}' must be {word}", where=where, why=f"got {value!r}")
    number = value if isinstance(value, int | float) else 0
    if key.minimum is not None and number < key.minimum:
        raise SpecError(f"'{name}' must be at least {key.minimum:g}", where=where,
                        why=f"got {value!r}")  # fmt: skip
    if name == "min_yield" and number > 1:
        raise SpecError("'min_yield' is a share between 0 and 1", where=where, why=f"got {value!r}")
    if name == "seed" and number > MAX_SEED:
        raise SpecError("'seed' must be below 2^63", where=where, why=f"got {value!r}")
    return value


def is_task_file(text: str) -> bool:
    """Whether a ``--task`` value names a file rather than a shipped task."""
    from datafactory.task_suite import is_suite_task

    return text.endswith((".yaml", ".yml")) or (os.sep in text and not is_suite_task(text))


def read_task(
    task: str | Mapping[str, Any], task_lines: Mapping[str, str]
) -> tuple[str, dict[str, Any], str, dict[str, str]]:
    """Reads task data by name, from a file, or as given inside a config file.

    Returns:
        Generator name, plain data, source, and dotted key to ``file:line``.

    Raises:
        SpecError: The file is broken.
        UnknownNameError: No such task or generator.
    """
    from datafactory.plugin import find_task, registered

    if isinstance(task, str) and not is_task_file(task):
        _, info = find_task(task)
        data = merge(info.spec, {})
        name = str(data.get("generator", "pick_place"))
        return name, data, task, {"": f"task {task}"}
    if isinstance(task, str):
        document = load_task_file(task)
        data = document.data
        sources = {key: f"{task}:{line}" for key, line in document.lines.items()} | {"": task}
        source = task
    else:
        data = merge(task, {})
        sources = dict(task_lines)
        source = sources.get("", "config")
    name = data.get("generator", "pick_place")
    if name not in registered("generator"):
        where = sources.get("generator", source)
        raise UnknownNameError.of("generator", str(name), registered("generator"), where)
    return str(name), data, source, sources


def bind_task(settings: RunSettings) -> BoundTask:
    """Reads the task of a run, lays overrides over it and lets its generator validate it.

    Raises:
        SpecError: No task is given, or it is invalid; names ``file:line:key`` or the ``--set``.
    """
    from datafactory.plugin import load_generator

    task = settings["task"]
    if task is None:
        raise SpecError("no task is given", remedy="--task NAME or FILE.yaml; "
                        "`datafactory tasks list` prints the names")  # fmt: skip
    name, data, source, sources = read_task(task, settings.task_lines)
    data = merge(data, settings.overrides)
    sources |= settings.override_sources
    data, set_sources = apply_set(data, settings.assignments)
    sources |= set_sources
    generator = load_generator(name)
    robot = settings["robot"]
    try:
        spec = generator.spec(data, robot=robot, where="")
    except DataFactoryError as error:
        raise located(error, sources) from error
    if robot is not None:
        sources["robot"] = settings.values["robot"].source
    require_robot(spec.robot, sources.get("robot", source))
    try:
        require_objects(spec.to_dict())
    except DataFactoryError as error:
        raise located(error, sources) from error
    return BoundTask(generator, name, data, spec, source, sources)


def require_robot(name: str, where: str) -> None:
    """Raises UnknownNameError with a did-you-mean when no robot has this name."""
    from datafactory.plugin import registered

    robots = registered("robot")
    if name not in robots:
        raise UnknownNameError.of("robot", name, robots, where)


def require_objects(data: Mapping[str, Any]) -> None:
    """Refuses object queries that no family of the task's sources can match.

    The error's ``where`` is the dotted key.

    Args:
        data: ``Spec.to_dict()``; specs without ``cases`` have no queries to look at.

    Raises:
        AssetError: A query matches nothing; the remedy names the nearest category.
        UnknownNameError: A source is not installed.
    """
    from datafactory.plugin import load, registered
    from datafactory.seeding import stream
    from datafactory_assets.query import Query

    queries = {
        f"cases.{k}.objects.{role}": query
        for k, case in enumerate(data.get("cases", ()))
        for role, query in case["objects"].items()
    }
    if not queries:
        return
    names = data.get("sources") or sorted(registered("asset source"))
    try:
        sources = tuple(load("asset source", name)() for name in names)
    except UnknownNameError as error:
        raise type(error)(error.what, where="sources", remedy=error.remedy) from error
    for key, given in queries.items():
        query = Query.parse(given)
        if not query.candidates(sources):
            try:
                query.draw(stream(0, "", 0, "check"), sources)
            except DataFactoryError as error:
                raise type(error)(
                    error.what, where=key, why=error.why, remedy=error.remedy
                ) from error


def flattened(data: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields (dotted key, leaf) of nested mappings and lists of mappings."""
    if isinstance(data, Mapping) and data:
        for key, value in data.items():
            yield from flattened(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(data, list | tuple) and any(isinstance(v, Mapping) for v in data):
        for index, value in enumerate(data):
            yield from flattened(value, f"{prefix}.{index}")
    else:
        yield prefix, data


def explain(settings: RunSettings, bound: BoundTask) -> dict[str, Value]:
    """Every run setting and every task value with its source, for ``--print-config``."""
    rows = {key: value for key, value in settings.values.items() if key != "task"}
    rows["task"] = Value(bound.source, settings.values["task"].source)
    for key, leaf in flattened(bound.spec.to_dict(), "task"):
        rows[key] = Value(leaf, _source_of(key.removeprefix("task."), bound))
    return rows


def _source_of(key: str, bound: BoundTask) -> str:
    for candidate in (key, key.removeprefix("cases.0.")):
        parts = candidate.split(".")
        for end in range(len(parts), 0, -1):
            place = bound.sources.get(".".join(parts[:end]))
            if place is not None:
                return place
    given = {name for name, _ in flattened(bound.data)}
    inherited = any(name == key or name.startswith(key + ".") or key.startswith(name + ".")
                    for name in given)  # fmt: skip
    return bound.sources.get("", "default") if inherited else "default"
