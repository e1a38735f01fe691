"""The dask cluster a run works on: a local one made in milliseconds, or the user's own.

The local cluster lives inside the coordinator's process: its worker threads do nothing but drive
child processes (``shard.run_shard``), so no further dask processes are needed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from datafactory.errors import DatasetError, SpecError, StorageError
from datafactory.executor.machine import package_versions
from datafactory.executor.pool import stop_session
from datafactory.store.location import MARKER, Location, open_table

CONNECT_S = 15.0


@contextmanager
def connect(scheduler: str | None, workers: int, session: str) -> Iterator[Any]:
    """Gives a dask client; ends the session's children when the block ends.

    Args:
        scheduler: Address of an existing scheduler, or None.
        workers: Threads of the local cluster, each with one child process.
        session: Id of the run.

    Raises:
        SpecError: The scheduler cannot be reached.
    """
    with _local(workers) if scheduler is None else _remote(scheduler) as client:
        try:
            yield client
        finally:
            _stop(client, session)


_QUIET = {
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.worker.profile.enabled": False,
    "distributed.admin.low-level-log-length": 100,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}
_NO_DASHBOARD = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
"""Dask always opens an HTTP port; this one has no pages and is closed to other machines."""


@contextmanager
def _local(workers: int) -> Iterator[Any]:
    import dask
    from distributed import Client, Scheduler, SpecCluster, Worker

    scheduler = {"protocol": "inproc://", **_NO_DASHBOARD}
    worker = {"nthreads": workers, "memory_limit": None, **_NO_DASHBOARD}
    with (
        dask.config.set(_QUIET),
        SpecCluster(
            scheduler={"cls": Scheduler, "options": scheduler},
            workers={0: {"cls": Worker, "options": {"protocol": "inproc://", **worker}}},
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@contextmanager
def _remote(address: str) -> Iterator[Any]:
    from distributed import Client

    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise SpecError(
            f"the dask scheduler at {address} cannot be reached",
            why=str(error) or type(error).__name__,
            remedy="start one with 'dask scheduler' and workers with 'dask worker ADDRESS'",
        ) from error
    with client:
        yield client


def _stop(client: Any, session: str) -> None:
    stop_session(session)
    if client.status == "running":
        client.run(stop_session, session, on_error="return", nanny=False)


def _probe(path: str) -> dict[str, Any]:
    try:
        open_table(Location.of(path), MARKER)
        why = ""
    except DatasetError as error:
        why = error.why or error.what
    return {"versions": package_versions(), "unseen": why}


def check_workers(client: Any, path: str) -> None:
    """Makes sure that every worker of a user's cluster would make the same bytes.

    Raises:
        SpecError: There is no worker, or one has other versions.
        StorageError: A worker does not see the dataset.
    """
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
    except TimeoutError as error:
        raise SpecError(
            "the dask scheduler has no workers",
            remedy="start some with 'dask worker ADDRESS --nthreads 1'",
        ) from error
    ours = package_versions()
    for worker, found in client.run(_probe, path).items():
        names = sorted(set(ours) | set(found["versions"]))
        other = [n for n in names if ours.get(n) != found["versions"].get(n)]
        if other:
            raise SpecError(
                f"the dask worker {worker} has other package versions",
                why=", ".join(f"{n} {found['versions'].get(n)}, here {ours.get(n)}" for n in other),
                remedy="install the same environment on every worker",
            )
        if found["unseen"]:
            raise StorageError(
                f"the dask worker {worker} does not see {path}",
                why=found["unseen"],
                remedy="use storage that all workers share, such as NFS or an object store",
            )


def thread_count(client: Any) -> int:
    """Number of worker threads: attempts that run at the same time."""
    threads: dict[str, int] = client.nthreads()
    return max(1, sum(threads.values()))
