"""The contracts plugins fulfil, and their discovery through entry points.

Discovery reads metadata only; nothing is imported until a plugin is used, and a broken plugin
never breaks listing. Built-in plugins register in the same groups as third-party ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from datafactory.episode import Episode
from datafactory.errors import PluginError, UnknownNameError

if TYPE_CHECKING:
    import gymnasium
    import pyarrow as pa

    from datafactory.task_suite import TaskSuite

GROUPS = {
    "generator": "datafactory.generators",
    "robot": "datafactory.robots",
    "asset source": "datafactory.asset_sources",
    "renderer": "datafactory.renderers",
    "exporter": "datafactory.exporters",
    "importer": "datafactory.importers",
    "policy": "datafactory.policies",
}


class Spec(Protocol):
    """A validated, hashed description of what attempts do, the robot included."""

    @property
    def task(self) -> str:
        """Task name."""

    @property
    def robot(self) -> str:
        """Registered robot name."""

    @property
    def fps(self) -> int:
        """Control and record rate, Hz."""

    @property
    def spec_hash(self) -> str:
        """32 hex digits over the canonical JSON of everything that changes an attempt's bytes."""

    def to_dict(self) -> dict[str, Any]:
        """Canonical JSON-ready form; ``Generator.spec`` reads it back to an equal spec."""


class Maker(Protocol):
    """Per-process maker of attempts. May hold compiled models and caches, but no history."""

    def attempt(self, index: int) -> Episode:
        """Makes attempt ``index``: the same bytes whenever and wherever it is called."""


@runtime_checkable
class BatchMaker(Protocol):
    """A maker that runs many attempts at once, with exactly the results of one by one."""

    def attempts(self, indices: Sequence[int]) -> list[Episode]:
        """Makes several attempts, in the order asked for."""


@dataclass(frozen=True)
class TaskInfo:
    """One shipped task.

    Attributes:
        name: Name used on the command line.
        description: One line.
        spec: The task as a plain dict, the YAML file's content.
    """

    name: str
    description: str
    spec: Mapping[str, Any]


class Generator(Protocol):
    """The narrow waist every generator fits.

    Attributes:
        name: Entry point name.
        version: Changes whenever the same spec would give other bytes.
        stages: Validation stages in order.
        reasons: Own reason codes with one-line meanings, beside ``episode.REASONS``.
    """

    name: str
    version: str
    stages: tuple[str, ...]
    reasons: Mapping[str, str]

    def tasks(self) -> tuple[TaskInfo, ...]:
        """Shipped tasks."""

    def spec(self, data: Mapping[str, Any], *, robot: str | None = None, where: str = "") -> Spec:
        """Validates a task (plain data: YAML content or ``Spec.to_dict()``) into a spec.

        Args:
            data: Plain data.
            robot: Overrides the robot.
            where: File name for error messages.

        Raises:
            SpecError: The data is invalid; the message names the key.
        """

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the task data."""

    def extra_columns(self) -> Sequence[pa.Field]:
        """Arrow fields of ``Episode.extra``; empty for none."""

    def open(self, spec: Spec, run_seed: int) -> Maker:
        """Returns a per-process maker."""

    def world(self, spec: Spec, seed: int) -> gymnasium.Env[Any, Any]:
        """The same task as a Gymnasium environment, in the very physics that makes the data."""


@runtime_checkable
class SuiteGenerator(Protocol):
    """A generator that also ships suites of tasks."""

    def suites(self) -> tuple[TaskSuite, ...]:
        """Its suites."""


def registered(kind: str) -> dict[str, EntryPoint]:
    """Entry points of one plugin kind by name; imports none of them.

    Folders of objects registered with ``datafactory assets add`` are asset sources too.
    """
    points = {point.name: point for point in entry_points(group=GROUPS[kind])}
    if kind == "asset source":
        from datafactory_assets.local.registry import local_sources

        for name, pinned in local_sources().items():
            points.setdefault(name, EntryPoint(name, pinned, GROUPS[kind]))
    return points


def load(kind: str, name: str) -> Any:
    """Imports one plugin object.

    Raises:
        UnknownNameError: No plugin has this name.
        PluginError: Importing it failed.
    """
    points = registered(kind)
    if kind == "asset source" and (name not in points or "@" in points[name].value):
        return _local_source(name, points)
    if name not in points:
        raise UnknownNameError.of(kind, name, points)
    try:
        return points[name].load()
    except Exception as error:  # third-party code: whatever it raises is its own fault
        raise PluginError(
            f"the {kind} plugin '{name}' cannot be loaded",
            where=points[name].value,
            why=f"{type(error).__name__}: {error}",
            remedy="reinstall or remove the distribution that registers it",
        ) from error


def _local_source(name: str, known: Mapping[str, EntryPoint]) -> Any:
    """A maker of the source of a registered folder, by bare or full name."""
    from datafactory_assets.local.registry import find_manifest
    from datafactory_assets.local.source import LocalSource

    manifest = find_manifest(name)
    if manifest is not None:
        return partial(LocalSource, manifest)
    error = UnknownNameError.of("asset source", name, known)
    bare = name.partition("@")[0]
    raise UnknownNameError(
        error.what,
        why="no installed plugin and no registered folder has this name",
        remedy=f"{error.remedy}; or register its folder here, as it was: "
        f"datafactory assets add FOLDER --name {bare}",
    )


def load_generator(name: str) -> Generator:
    """Instantiates a registered generator.

    Raises:
        UnknownNameError: No plugin has this name.
        PluginError: Importing or instantiating it failed.
    """
    make = load("generator", name)
    try:
        generator: Generator = make()
    except Exception as error:  # third-party code: whatever it raises is its own fault
        raise PluginError(
            f"the generator plugin '{name}' cannot be made",
            why=f"{type(error).__name__}: {error}",
            remedy="reinstall or remove the distribution that registers it",
        ) from error
    return generator


def find_task(name: str) -> tuple[Generator, TaskInfo]:
    """Finds a shipped task, or a suite's (``suite/017``), among all registered generators.

    A broken plugin hides its own tasks only; ``datafactory list`` reports it.

    Raises:
        UnknownNameError: No generator ships this task.
    """
    from datafactory.task_suite import is_suite_task, suite_task

    if is_suite_task(name):
        data = suite_task(name)
        info = TaskInfo(name, str(data["description"]), data)
        return load_generator(str(data["generator"])), info
    known: dict[str, tuple[Generator, TaskInfo]] = {}
    for point in registered("generator"):
        try:
            generator = load_generator(point)
            tasks = generator.tasks()
        except Exception:  # a broken plugin is reported by `list`, not here
            continue
        for info in tasks:
            known.setdefault(info.name, (generator, info))
    if name not in known:
        raise UnknownNameError.of("task", name, known)
    return known[name]
