"""Runs or resumes a fake run in a process of its own, for tests that kill it.

``python -m tests.run_fake PATH N SPEC_JSON [SCHEDULER]``
"""

from __future__ import annotations

import json
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


if __name__ == "__main__":
    path, n, spec, *address = sys.argv[1:]
    run_generation(request(path, int(n), json.loads(spec), address[0] if address else None))
