"""Yields of the tasks for two arms: ``python -m benchmarks.bimanual --n 40``."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from datafactory.plugin import find_task

TASKS = ("pick_place", "handover", "two_hands")


def measure(task: str, n: int, seed: int) -> str:
    """One line: accepted attempts, refusals and CPU seconds of a task."""
    generator, info = find_task(task)
    maker = generator.open(generator.spec(info.spec, robot="aloha"), seed)
    refused: Counter[str] = Counter()
    begin = time.process_time()
    for index in range(n):
        verdict = maker.attempt(index).verdict
        refused[verdict.reason] += 1
    accepted = refused.pop("", 0)
    reasons = ", ".join(f"{name} {count}" for name, count in refused.most_common())
    seconds = (time.process_time() - begin) / n
    return f"{task}: {accepted} of {n} accepted, {seconds:.2f} CPU s each; refused: {reasons}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=40)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    for task in TASKS:
        sys.stdout.write(measure(task, given.n, given.seed) + "\n")
        sys.stdout.flush()
