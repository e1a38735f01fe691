"""The Python calls behind ``import datafactory as df``; each one has a command of the same name."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datafactory.errors import SpecError
from datafactory.settings import BoundTask, RunSettings, bind_task, resolve_run

if TYPE_CHECKING:
    from datafactory.executor.request import GenerateRequest, Progress, RunSummary
    from datafactory.spec import TaskSpec
    from datafactory.store.dataset import Dataset
    from datafactory_assets.query import Query


def query(category: str | Sequence[str] | None = None, **conditions: Any) -> Query:
    """Asks for an object by what it is.

    Args:
        category: Category noun or synonym, or several to choose from.
        **conditions: Any other condition of ``datafactory_assets.query.Query``: ``family``,
            ``colour``, ``material``, ``graspable``, ``container``, ``max_mass_kg``, ``licence`` ...

    Raises:
        AssetError: A condition is not known or has the wrong type.
    """
    from datafactory_assets.query import Query

    given = dict(conditions)
    if category is not None:
        given["category"] = category if isinstance(category, str) else list(category)
    return Query.parse(given)


def load_task(source: str | Path | Mapping[str, Any]) -> TaskSpec:
    """Reads and checks a shipped task by name, a task file, or plain data.

    Raises:
        SpecError: It is invalid; names ``file:line:key``.
        UnknownNameError: There is no such task.
    """
    from datafactory.settings import read_task
    from datafactory.spec import task_from_dict
    from datafactory.taskfile import located

    given = source if isinstance(source, Mapping) else str(source)
    _, data, _, places = read_task(given, {})
    try:
        return task_from_dict(data)
    except SpecError as error:
        raise located(error, places) from error


def generate(
    task: TaskSpec | str | Path | Mapping[str, Any],
    *,
    n: int,
    out: str | os.PathLike[str] | None = None,
    robot: str | None = None,
    seed: int = 0,
    workers: int | None = None,
    scheduler: str | None = None,
    min_yield: float = 0.01,
    attempt_timeout_s: float = 120.0,
    allow_licences: Collection[str] = (),
    on_event: Callable[[Progress], None] | None = None,
) -> RunSummary:
    """Makes a dataset, or continues it, until it holds ``n`` accepted episodes.

    Args:
        task: Task object, shipped task's name, task file, or plain data.
        n: Accepted episodes the dataset shall hold.
        out: Dataset folder or object-store URI; ``data/<task>`` by default.
        robot: Registered robot; the task's own by default.
        seed: Run seed.
        workers: Local processes; one per core by default.
        scheduler: Address of a running dask scheduler instead.
        min_yield: Stop when fewer attempts than this share succeed.
        attempt_timeout_s: Wall seconds an attempt may take.
        allow_licences: SPDX identifiers accepted beyond the permissive ones.
        on_event: Receives progress.

    Raises:
        SpecError: The task or an argument is invalid.
        StoppedEarlyError: The yield stayed too low; the dataset is valid and resumable.
    """
    flags = {
        "task": plain_task(task), "n": n, "out": None if out is None else os.fspath(out),
        "robot": robot, "seed": seed, "workers": workers, "scheduler": scheduler,
        "min_yield": min_yield, "attempt_timeout": attempt_timeout_s,
    }  # fmt: skip
    settings = resolve_run(flags, environ={})
    bound = bind_task(settings)
    require_licences(bound, allow_licences)
    return run(request_of(settings, bound), on_event)


def plain_task(task: TaskSpec | str | Path | Mapping[str, Any]) -> str | Mapping[str, Any]:
    """A task argument as a name, a file name or plain data."""
    if isinstance(task, str | Mapping):
        return task
    if isinstance(task, Path):
        return str(task)
    data: Mapping[str, Any] = task.model_dump(mode="json")
    return data


def request_of(settings: RunSettings, bound: BoundTask, command: str = "") -> GenerateRequest:
    """The executor's request for resolved settings."""
    from datafactory.executor.request import GenerateRequest

    if settings["n"] is None:
        raise SpecError("the number of episodes is not given", remedy="--n 100")
    return GenerateRequest(
        path=settings["out"] or str(Path("data") / bound.spec.task),
        generator=bound.generator_name,
        spec=bound.spec.to_dict(),
        run_seed=settings["seed"],
        n=settings["n"],
        workers=settings["workers"],
        scheduler=settings["scheduler"],
        attempt_timeout_s=settings["attempt_timeout"],
        min_yield=settings["min_yield"],
        command=command,
    )


def run(request: GenerateRequest, on_event: Callable[[Progress], None] | None = None) -> RunSummary:
    """Runs a request; imports the executor."""
    from datafactory.executor.coordinator import run_generation

    return run_generation(request, on_event=on_event)


def require_licences(bound: BoundTask, allow: Collection[str]) -> None:
    """Refuses a robot whose licence is neither permissive nor explicitly allowed.

    Objects are restricted by the ``licence`` key of their queries.

    Raises:
        LicenceError: It is not allowed.
        PackMissingError: The robot's files are not there and cannot be fetched.
    """
    from datafactory.robots import load_robot
    from datafactory_assets.licences import PERMISSIVE, check

    robot = load_robot(bound.spec.robot)
    check(robot.licence, PERMISSIVE | set(allow), where=f"robot {robot.name}")


def open(path: str | os.PathLike[str], version: int | str | None = None) -> Dataset:  # noqa: A001
    """Opens a dataset for reading, at a version number or tag if one is given.

    Raises:
        DatasetError: It is not a dataset.
    """
    from datafactory.store.dataset import open_dataset

    return open_dataset(path, version)
