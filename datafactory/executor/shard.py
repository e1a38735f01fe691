"""What runs in a dask worker thread: one shard, in a supervised child process.

A child that exceeds an attempt's wall time is killed and the shard is run again with that attempt
marked as timed out; a child that dies is replaced and the shard run again, and an attempt that
kills its child ``CRASHES`` times is reported as a bug. Attempts are pure, so running one again
gives the same bytes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from datafactory.executor.attempts import Job, Reply, with_timeouts
from datafactory.executor.child import Child, ChildDied
from datafactory.executor.faults import AttemptBugError, ShardCancelled
from datafactory.executor.pool import pool

CRASHES = 3
START_S = 300.0
"""Wall seconds for importing and opening a generator, or for writing a shard."""
_SERVE = "datafactory.executor.attempts:serve"


def start_children(count: int, generator: str) -> None:
    """Starts children in this process, so that they import while the cluster starts."""
    pool.start(count, _SERVE, {"generator": generator})


def run_shard(job: Job) -> Reply:
    """Runs one shard to its end, whatever its attempts do. Failures come back as a value."""
    crashes: Counter[int | None] = Counter()
    while True:
        try:
            child = pool.take(job.session, _SERVE)
        except ShardCancelled as cancelled:
            return Reply(job.indices, error=cancelled)
        watch = _Watch(job)
        try:
            reply = watch.run(child)
        except TimeoutError:
            child.kill()
            pool.give(child, alive=False)
            job = _after_timeout(job, watch.running)
            crashes[None] += not watch.running
        except ChildDied:
            code = child.process.wait()
            pool.give(child, alive=False)
            if pool.is_stopped(job.session):
                return Reply(job.indices, error=ShardCancelled())
            culprit = watch.running[0] if len(watch.running) == 1 else None
            crashes[culprit] += 1
            job = replace(job, one_by_one=True)
            if crashes[culprit] >= CRASHES:
                return Reply(job.indices, error=_crash(job, culprit, code))
        else:
            pool.give(child, alive=True)
            return reply
        if crashes[None] >= CRASHES:
            return Reply(job.indices, error=_crash(job, None, None))


def _after_timeout(job: Job, running: tuple[int, ...]) -> Job:
    if len(running) > 1:
        return replace(job, one_by_one=True)
    return with_timeouts(job, frozenset(running))


def _crash(job: Job, attempt: int | None, code: int | None) -> AttemptBugError:
    how = "does not answer" if code is None else f"ended with code {code}"
    detail = f"its process {how}, {CRASHES} times (negative codes are signal numbers)"
    return AttemptBugError(job.generator, attempt, detail)


class _Watch:
    """Follows a child through one job.

    Attributes:
        running: Attempts begun but not finished.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self.running: tuple[int, ...] = ()

    def run(self, child: Child) -> Reply:
        """Sends the job and waits for the reply."""
        child.send(self._job)
        limit = START_S
        while True:
            message: Any = child.receive(limit)
            if message[0] == "reply":
                reply: Reply = message[1]
                return reply
            if message[0] == "begin":
                self.running = message[1]
                limit = self._job.timeout_s * len(self.running)
            else:
                self.running, limit = (), START_S
