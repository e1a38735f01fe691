"""Runs or resumes a fake run in a process of its own, for tests that kill it.

``python -m tests.run_fake PATH N SPEC_JSON [SCHEDULER]``

With ``DIE_AT=before:5`` or ``after:5`` in the environment the process kills itself around its
fifth commit to any table.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from datafactory.executor.coordinator import run_generation
from datafactory.executor.request import GenerateRequest
from tests.fake_attempts import REFERENCE, Fake

SEED = 7


def request(path: str, n: int, spec: dict, scheduler: str | None = None) -> GenerateRequest:
    full = Fake().spec(spec).to_dict()
    return GenerateRequest(
        path, REFERENCE, full, SEED, n, workers=2, scheduler=scheduler, shard_size=4,
        attempt_timeout_s=20.0,
    )  # fmt: skip


def die_at(moment: str, number: int) -> None:
    """Arms the suicide."""
    from datafactory.store.commit import Committer

    commit, calls = Committer._commit, []

    def fatal(self, *args):
        calls.append(1)
        if len(calls) == number and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = commit(self, *args)
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    Committer._commit = fatal


if __name__ == "__main__":
    if "DIE_AT" in os.environ:
        when, at = os.environ["DIE_AT"].split(":")
        die_at(when, int(at))
        from datafactory.executor import ledger

        ledger.COMMIT_EVERY_S = 0.0
    path, n, spec, *address = sys.argv[1:]
    run_generation(request(path, int(n), json.loads(spec), address[0] if address else None))
