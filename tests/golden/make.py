"""Fixed attempts of pick and place, kept as digests and key numbers.

``python -m tests.golden.make`` writes them anew. Do that only when a change is meant to alter
episodes, and say so in the change log: stored datasets of the old bytes no longer re-generate.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from datafactory.episode import Episode
from datafactory.executor.machine import cpu, engine
from datafactory.plugin import find_task
from datafactory.testing.episodes import digest

FILE = Path(__file__).parent / "pick_place.json"
RUN_SEED = 20
ROBOTS = ("primitive_arm", "franka_panda")
ATTEMPTS = (("pick_place", 0), ("pick_place", 1), ("put_in_container", 2), ("plate_then_box", 0))


def identity() -> dict[str, str]:
    """What bit-equality depends on: the engine, the CPU, and the libraries that plan."""
    return {
        "engine": engine(),
        "cpu": cpu(),
        **{name: version(name) for name in ("numpy", "scipy", "manifold3d")},
    }


def attempt(task: str, robot: str, index: int) -> Episode:
    generator, info = find_task(task)
    return generator.open(generator.spec(info.spec, robot=robot), RUN_SEED).attempt(index)


def summary(episode: Episode) -> dict[str, Any]:
    """The numbers that are compared with tolerances where bits need not be equal."""
    verdict = episode.verdict
    return {
        "digest": digest(replace(episode, extra={})),  # columns are added without a new digest
        "accepted": verdict.accepted,
        "stage": verdict.stage,
        "reason": verdict.reason,
        "instruction": episode.instruction,
        "length": episode.trajectory.length if episode.trajectory else 0,
        "phases": [p.name for p in episode.trajectory.phases] if episode.trajectory else [],
        "objects": {item.name: item.uid for item in episode.objects},
        "initial": {o.name: [round(v, 4) for v in o.initial_pose] for o in episode.objects},
        "final": {o.name: [round(v, 4) for v in o.final_pose] for o in episode.objects},
    }


def make() -> dict[str, Any]:
    return {
        "identity": identity(),
        "run_seed": RUN_SEED,
        "attempts": [
            {"task": task, "robot": robot, "attempt": index, **summary(attempt(task, robot, index))}
            for robot in ROBOTS
            for task, index in ATTEMPTS
        ],
    }


def text(data: dict[str, Any]) -> str:
    """JSON with one attempt a line."""
    rows = ",\n".join(json.dumps(row) for row in data["attempts"])
    head = json.dumps({**data, "attempts": []}, indent=1)
    return head.replace('"attempts": []', f'"attempts": [\n{rows}\n]') + "\n"


if __name__ == "__main__":
    FILE.write_text(text(make()), encoding="utf-8")
    sys.stdout.write(f"{FILE}\n")
