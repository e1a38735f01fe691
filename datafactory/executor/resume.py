"""Continuing the run recorded in a dataset, and telling where it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from datafactory.errors import DatasetError
from datafactory.executor.coordinator import run_generation
from datafactory.executor.request import GenerateRequest, Progress, RunSummary, most_frequent
from datafactory.executor.shards import holes
from datafactory.store.dataset import Dataset, RunRecord, open_dataset
from datafactory.store.lock import holder
from datafactory.store.variants import variants


@dataclass(frozen=True)
class RunStatus:
    """Where a dataset's run stands.

    Attributes:
        path: Dataset.
        run_id, generator, task, robot, run_seed: The run.
        status: ``running`` (a process holds the lock), ``complete``, ``interrupted`` or
            ``stopped``.
        planned, accepted, attempted: Counts.
        missing: Attempts that a crash left without a row; ``resume`` makes them.
        reasons: (reason, count), most frequent first.
        held_by: Who writes it now; empty when nobody does.
        bytes_on_disk: Size of a local dataset; None for object stores.
        images: (render variant, renderer, episodes that have its images).
    """

    path: str
    run_id: str
    generator: str
    task: str
    robot: str
    run_seed: int
    status: str
    planned: int
    accepted: int
    attempted: int
    missing: int
    reasons: tuple[tuple[str, int], ...]
    held_by: str
    bytes_on_disk: int | None
    images: tuple[tuple[str, str, int], ...] = ()


def last_run(dataset: Dataset) -> RunRecord:
    """The newest call that made episodes.

    Raises:
        DatasetError: No run was ever started in it.
    """
    runs = [run for run in dataset.runs() if run.kind == "generate"]
    if not runs:
        if dataset.runs():
            raise DatasetError(
                f"{dataset.location.root} was imported: no run made its episodes",
                remedy=f"datafactory stats {dataset.location.root}",
            )
        raise DatasetError(
            f"{dataset.location.root} has no run to continue",
            remedy="start one with datafactory generate",
        )
    return runs[-1]


def resume(
    path: str,
    *,
    n: int | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    min_yield: float | None = None,
    attempt_timeout_s: float | None = None,
    command: str = "",
    on_event: Callable[[Progress], None] | None = None,
) -> RunSummary:
    """Finishes the run recorded in a dataset; only missing attempts are run.

    Args:
        path: Dataset.
        n: Another number of accepted episodes; None for the recorded one.
        workers: Local processes; None for one per core.
        scheduler: Address of a dask scheduler, or None.
        min_yield: None for the recorded value.
        attempt_timeout_s: None for the recorded value.
        command: Command line, recorded.
        on_event: Receives progress.

    Raises:
        DatasetError: There is no run to continue.
    """
    run = last_run(open_dataset(path))
    options = run.options
    request = GenerateRequest(
        path=path,
        generator=options["generator"],
        spec=run.spec,
        run_seed=run.run_seed,
        n=run.planned if n is None else n,
        workers=workers,
        scheduler=scheduler,
        shard_size=options["shard_size"],
        attempt_timeout_s=attempt_timeout_s or options["attempt_timeout_s"],
        min_yield=options["min_yield"] if min_yield is None else min_yield,
        command=command,
    )
    return run_generation(request, on_event=on_event)


def status(path: str) -> RunStatus:
    """Tells where a dataset's run stands; works while it is being written."""
    dataset = open_dataset(path)
    run = last_run(dataset)
    who = holder(dataset.location)
    done = dataset.episodes(columns=["attempt"]).column(0).to_pylist()
    failed = dataset.attempts(columns=["attempt", "reason"])
    counts: dict[str, int] = {}
    for reason in failed.column("reason").to_pylist():
        counts[reason] = counts.get(reason, 0) + 1
    if who is not None:
        state = "running"
    elif run.status == "running":
        state = "interrupted"
    else:
        state = run.status
    size = None
    if dataset.location.is_local:
        size = sum(p.stat().st_size for p in dataset.location.path.rglob("*") if p.is_file())
    return RunStatus(
        path=dataset.location.root,
        run_id=run.run_id,
        generator=run.generator,
        task=run.task,
        robot=run.robot,
        run_seed=run.run_seed,
        status=state,
        planned=run.planned,
        accepted=len(done),
        attempted=len(done) + failed.num_rows,
        missing=len(holes([*done, *failed.column("attempt").to_pylist()])),
        reasons=most_frequent(counts),
        held_by=str(who) if who else "",
        bytes_on_disk=size,
        images=tuple((v.name, v.renderer, v.episodes) for v in variants(dataset)),
    )
