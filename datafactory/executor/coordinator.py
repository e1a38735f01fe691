"""The one process that hands out shards and commits their results, strictly in attempt order."""

from __future__ import annotations

import queue
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from datafactory.errors import DatasetError, StoppedEarlyError
from datafactory.executor.attempts import Job, Reply
from datafactory.executor.cluster import check_workers, connect, thread_count
from datafactory.executor.faults import ShardCancelled
from datafactory.executor.interrupt import Interrupt
from datafactory.executor.ledger import Ledger
from datafactory.executor.request import (
    LOW_YIELD_AFTER,
    GenerateRequest,
    Meter,
    Progress,
    RunSummary,
    most_frequent,
)
from datafactory.executor.shard import run_shard, start_children
from datafactory.executor.shards import Shards, truncate
from datafactory.store.location import Location
from datafactory.store.lock import writer_lock

IN_FLIGHT = 2
"""Shards per thread handed to the cluster."""
BUFFERED = 6
"""Shards per thread that may wait for an earlier one before no more are handed out."""
SHARD_TRIES = 4
WAIT_S = 0.2
GUESSED_YIELD = 0.8


def run_generation(
    request: GenerateRequest, *, on_event: Callable[[Progress], None] | None = None
) -> RunSummary:
    """Makes or continues a run until the dataset holds exactly ``request.n`` accepted episodes.

    The attempts 0, 1, 2 ... are walked until the n-th accepted one; each has exactly one row,
    whatever the number of workers, crashes and resumes.

    Args:
        request: What to make.
        on_event: Receives progress, at most twice a second.

    Raises:
        DatasetError: The folder holds another run or something else.
        DatasetLockedError: Another process writes it.
        StorageError: The disk is full or read-only; the dataset is resumable.
        StoppedEarlyError: The yield is too low, or the cluster was lost; resumable.
        AttemptBugError: An attempt raised an exception or kept killing its process.
    """
    location = Location.of(request.path)
    session = uuid.uuid4().hex[:12]
    with writer_lock(location, "generate"), Interrupt() as interrupt:
        ledger = Ledger.open(location, request)
        run = _Run(request, ledger, session, interrupt, on_event)
        if not run.needs_work:
            return run.finish("complete")
        if request.scheduler is None:
            start_children(min(request.local_workers, request.n), request.generator)
        try:
            with connect(request.scheduler, request.local_workers, session) as client:
                if request.scheduler is not None:
                    check_workers(client, location.root)
                status = run.drive(client)
        except BaseException:
            ledger.close_quietly("stopped")
            raise
        return run.finish(status)


class _Run:
    """The state of one call of ``run_generation``."""

    def __init__(
        self,
        request: GenerateRequest,
        ledger: Ledger,
        session: str,
        interrupt: Interrupt,
        on_event: Callable[[Progress], None] | None,
    ) -> None:
        self._request = request
        self._ledger = ledger
        self._session = session
        self._interrupt = interrupt
        self._begin = time.monotonic()
        self._had = ledger.accepted
        self._meter = Meter(on_event, request.n)
        self._meter.start(ledger.accepted)
        self._shards = Shards(request.shard_size, ledger.repairs(), ledger.next_attempt)
        self._done: queue.Queue[Any] = queue.Queue()
        self._futures: dict[int, tuple[Any, Job, int]] = {}
        self._assets: dict[str, Mapping[str, Any]] = {}
        self._threads = 1
        self._failed = False

    @property
    def needs_work(self) -> bool:
        """Whether attempts have to be run."""
        return bool(self._shards.repairs) or self._ledger.accepted < self._request.n

    def drive(self, client: Any) -> str:
        """Hands out shards and commits replies until the run is complete or interrupted."""
        while self.needs_work or self._shards.uncommitted:
            if self._ledger.accepted >= self._request.n and not self._repairing():
                break
            if self._interrupt.asked:
                return "interrupted"
            self._threads = thread_count(client)
            self._hand_out(client)
            if self._collect(client):
                self._commit(client)
            self._report(end=False)
        return "complete"

    def _repairing(self) -> bool:
        return any(job.indices[0] < self._ledger.next_attempt for _, job, _ in self._waiting())

    def _waiting(self) -> list[tuple[Any, Job, int]]:
        return list(self._futures.values())

    def _hand_out(self, client: Any) -> None:
        while not self._failed and len(self._futures) < IN_FLIGHT * self._threads:
            if self._shards.uncommitted >= BUFFERED * self._threads:
                return
            wanted = len(self._shards.repairs) or self._wanted()
            if wanted <= 0:
                return
            number, indices = self._shards.cut(self._shards.size(wanted, self._threads))
            self._submit(client, number, self._job(indices), 1)

    def _wanted(self) -> int:
        """Attempts expected to be needed beyond those handed out."""
        ledger = self._ledger
        attempted = ledger.attempted
        rate = (ledger.accepted + 8 * GUESSED_YIELD) / (attempted + 8)
        pending = self._shards.attempts_uncommitted
        need = int((self._request.n - ledger.accepted) / max(rate, 0.02)) + 1
        if ledger.accepted >= self._request.n:
            return 0
        return need - pending

    def _job(self, indices: tuple[int, ...]) -> Job:
        request = self._request
        return Job(
            session=self._session,
            path=self._ledger.location.root,
            generator=request.generator,
            spec=dict(request.spec),
            run_id=self._ledger.run_id,
            run_seed=request.run_seed,
            indices=indices,
            timeout_s=request.attempt_timeout_s,
        )

    def _submit(self, client: Any, number: int, job: Job, tries: int) -> None:
        future = client.submit(
            run_shard,
            job,
            key=f"datafactory-{self._session}-{number}-{tries}",
            pure=False,
            priority=-number,
        )
        self._futures[number] = (future, job, tries)
        future.add_done_callback(lambda _: self._done.put((number, tries)))

    def _collect(self, client: Any) -> bool:
        """Waits a moment for finished shards; returns whether there were any."""
        found = False
        wait = WAIT_S
        while True:
            try:
                number, tries = self._done.get(timeout=wait)
            except queue.Empty:
                return found
            wait = 0.0001
            future, job, latest = self._futures[number]
            if tries != latest:
                continue
            del self._futures[number]
            reply = self._reply_of(future, client, number, job, tries)
            if reply is not None:
                found = True
                self._failed = self._failed or reply.error is not None
                self._assets.update(reply.assets)
                self._shards.add(number, reply)

    def _reply_of(
        self, future: Any, client: Any, number: int, job: Job, tries: int
    ) -> Reply | None:
        if future.status == "finished":
            reply: Reply = future.result()
            return reply
        if client.status != "running" or future.status == "cancelled":
            return Reply(job.indices, error=_lost("the connection to the scheduler was lost"))
        error = future.exception()
        if type(error).__name__ == "KilledWorker" and tries < SHARD_TRIES:
            self._submit(client, number, job, tries + 1)
            return None
        return Reply(job.indices, error=_lost(f"{type(error).__name__}: {error}"))

    def _commit(self, client: Any) -> None:
        """Commits finished shards in order, up to the first one still running."""
        ledger = self._ledger
        for number, reply in self._shards.ready():
            if reply.error is not None:
                if isinstance(reply.error, ShardCancelled):
                    raise _lost("the run was ended from outside")
                raise reply.error
            left = self._request.n - ledger.accepted
            kept, cut = truncate(reply, left) if left > 0 else (reply, False)
            if left <= 0 and reply.indices[0] >= ledger.next_attempt:
                continue
            used = {asset for uses in kept.uses for asset in uses}
            missing = ledger.missing_assets(used)
            if missing - self._assets.keys():
                self._shards.again(number)
                job = self._job(reply.indices)
                self._submit(client, number, _with_all_assets(job), SHARD_TRIES)
                return
            ledger.commit(kept, [dict(self._assets.pop(a)) for a in sorted(missing)], cut=cut)
            self._judge_yield()

    def _judge_yield(self) -> None:
        ledger, limit = self._ledger, self._request.min_yield
        if ledger.attempted < LOW_YIELD_AFTER or ledger.accepted >= limit * ledger.attempted:
            return
        table = ", ".join(
            f"{reason} {count} ({100 * count / ledger.attempted:.1f} %)"
            for reason, count in most_frequent(ledger.reasons)
        )
        raise StoppedEarlyError(
            f"only {ledger.accepted} of {ledger.attempted} attempts were accepted",
            where=self._request.path,
            why=f"rejected: {table}; the limit is {100 * limit:g} %",
            remedy="make the task easier, or continue with a lower --min-yield",
        )

    def _report(self, *, end: bool) -> None:
        ledger = self._ledger
        self._meter.update(ledger.accepted, ledger.attempted, ledger.reasons, end)

    def finish(self, status: str) -> RunSummary:
        """Records the end of the call and sums it up."""
        ledger = self._ledger
        ledger.close(status)
        self._report(end=True)
        return RunSummary(
            path=ledger.location.root,
            run_id=ledger.run_id,
            status=status,
            planned=self._request.n,
            accepted=ledger.accepted,
            attempted=ledger.attempted,
            made=ledger.accepted - self._had,
            reasons=most_frequent(Counter(ledger.reasons)),
            wall_s=time.monotonic() - self._begin,
        )


def _with_all_assets(job: Job) -> Job:
    from dataclasses import replace

    return replace(job, all_assets=True)


def _lost(why: str) -> StoppedEarlyError:
    return StoppedEarlyError(
        "the cluster did not finish its work",
        why=why,
        remedy="look at the workers' logs (memory?), then: datafactory resume",
    )


__all__ = ["DatasetError", "run_generation"]
