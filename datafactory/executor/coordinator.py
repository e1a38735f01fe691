"""The one process that hands out shards and commits their results, strictly in attempt order."""

from __future__ import annotations

import queue
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from datafactory.errors import StoppedEarlyError
from datafactory.executor.attempts import Job, Reply
from datafactory.executor.cluster import check_workers, connect, thread_count
from datafactory.executor.interrupt import Interrupt
from datafactory.executor.ledger import Ledger
from datafactory.executor.pool import stop_session
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
        if request.scheduler is None:
            start_children(min(request.local_workers, request.n), request.generator)
        try:
            ledger = Ledger.open(location, request)
            run = _Run(request, ledger, session, interrupt, on_event)
            return run.finish(_drive(run, request, session))
        finally:
            stop_session(session)


def _drive(run: _Run, request: GenerateRequest, session: str) -> str:
    if not run.needs_work:
        return "complete"
    try:
        with connect(request.scheduler, request.local_workers, session) as client:
            if request.scheduler is not None:
                check_workers(client, run.ledger.location.root)
            return run.drive(client)
    except BaseException:
        run.ledger.try_close("stopped")
        raise


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
        self.ledger = ledger
        self._session = session
        self._interrupt = interrupt
        self._begin = time.monotonic()
        self._had = ledger.accepted
        self._meter = Meter(on_event, request.n)
        self._meter.start(ledger.accepted)
        self._fresh = ledger.next_attempt
        self._shards = Shards(request.shard_size, ledger.repairs(), ledger.next_attempt)
        self._repairs_left = len(self._shards.repairs)
        self._done: queue.Queue[Any] = queue.Queue()
        self._futures: dict[int, tuple[Any, Job, int]] = {}
        self._assets: dict[str, Mapping[str, Any]] = {}
        self._threads = 1
        self._failed = False
        self._replied = False

    @property
    def needs_work(self) -> bool:
        """Whether attempts have to be run."""
        return self._repairs_left > 0 or self.ledger.accepted < self._request.n

    def drive(self, client: Any) -> str:
        """Hands out shards and commits replies until the run is complete or interrupted."""
        while self.needs_work:
            self._threads = thread_count(client)
            self._hand_out(client)
            if self._collect(client):
                self._commit(client)
            self._report(end=False)
            if self._interrupt.asked:
                return "interrupted"
        return "complete"

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
        ledger = self.ledger
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
            path=self.ledger.location.root,
            generator=request.generator,
            spec=dict(request.spec),
            run_id=self.ledger.run_id,
            run_seed=request.run_seed,
            indices=indices,
            timeout_s=request.attempt_timeout_s,
        )

    def _submit(self, client: Any, number: int, job: Job, tries: int) -> None:
        future = client.submit(
            run_shard,
            job,
            key=(f"datafactory-{self._session}", number, tries),
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
                self._note_first(reply)
                self._failed = self._failed or reply.error is not None
                for asset in self.ledger.missing_assets(reply.assets):
                    self._assets[asset] = reply.assets[asset]
                self._shards.add(number, reply)

    def _note_first(self, reply: Reply) -> None:
        if not self._replied and reply.wall_s:
            self._replied = True
            self._meter.first_reply(reply.wall_s)

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
        while self.needs_work and (head := self._shards.head()) is not None:
            number, reply = head
            if reply.error is not None:
                raise reply.error
            if not self._commit_one(reply):
                self._shards.again(number)
                job = replace(self._job(reply.indices), all_assets=True)
                self._submit(client, number, job, SHARD_TRIES)
                return
            self._shards.pop()
            self._judge_yield()

    def _commit_one(self, reply: Reply) -> bool:
        """Hands one shard to the ledger; False when an asset it needs never arrived."""
        ledger = self.ledger
        left = self._request.n - ledger.accepted
        repair = reply.indices[0] < self._fresh
        kept, cut = (reply, False) if repair else truncate(reply, left)
        missing = ledger.missing_assets({asset for uses in kept.uses for asset in uses})
        if missing - self._assets.keys():
            return False
        ledger.add(kept, [dict(self._assets.pop(a)) for a in sorted(missing)], cut=cut)
        if repair:
            self._repairs_left -= len(reply.indices)
        return True

    def _judge_yield(self) -> None:
        ledger, limit = self.ledger, self._request.min_yield
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
        ledger = self.ledger
        self._meter.update(ledger.accepted, ledger.attempted, ledger.reasons, end)

    def finish(self, status: str) -> RunSummary:
        """Records the end of the call and sums it up."""
        ledger = self.ledger
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
            remarks=ledger.remarks,
        )


def _lost(why: str) -> StoppedEarlyError:
    return StoppedEarlyError(
        "the cluster did not finish its work",
        why=why,
        remedy="look at the workers' logs (memory?), then: datafactory resume",
    )
