"""What runs in a dask worker thread: one render job, in a supervised child process."""

from __future__ import annotations

from typing import Any

from datafactory.errors import StoppedEarlyError
from datafactory.executor.child import ChildDied
from datafactory.executor.faults import ShardCancelled
from datafactory.executor.pool import pool
from datafactory.executor.render_child import RenderJob, RenderReply

SHARD_TRIES = 3
_SERVE = "datafactory.executor.render_child:serve"


def render_shard(job: RenderJob, timeout_s: float) -> RenderReply:
    """Runs one job to its end; a child that dies or hangs is replaced a few times."""
    why = ""
    for _ in range(SHARD_TRIES):
        try:
            child = pool.take(job.session, _SERVE)
        except ShardCancelled as cancelled:
            return RenderReply(job.positions, error=cancelled)
        try:
            child.send(job)
            reply: RenderReply = child.receive(timeout_s * (1 + len(job.positions)))
        except (ChildDied, TimeoutError) as error:
            why = "does not answer" if isinstance(error, TimeoutError) else "ended"
            child.kill()
            pool.give(child, alive=False)
            if pool.is_stopped(job.session):
                return RenderReply(job.positions, error=ShardCancelled())
        else:
            pool.give(child, alive=True)
            return reply
    return RenderReply(
        job.positions,
        error=StoppedEarlyError(
            f"the process that renders episodes {job.positions[0]} to {job.positions[-1]} {why}",
            why=f"{SHARD_TRIES} times; the device or its driver may have failed",
            remedy="try another --renderer; what is committed stays",
        ),
    )


def lost_shard(future: Any) -> StoppedEarlyError:
    """The error of a shard whose dask task did not come back."""
    return StoppedEarlyError(
        "the cluster did not finish its work",
        why=str(future.exception()) if future.status == "error" else future.status,
        remedy="look at the workers' logs (memory?), then repeat the command",
    )
