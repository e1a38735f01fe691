"""Runs inside lerobot's own environment: reads windows of an export with the official loader.

    python -m benchmarks.loader_official WINDOWS.json

``WINDOWS.json``: name to {"root": export, "delta_timestamps": ...}. Then, on standard input, one
JSON object a line: {"name", "workers", "samples"}, with "save" (a file for what was read) or
without (timed). Answers are lines too.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from lerobot_package import provide_vision_ops, torchcodec_version

from benchmarks.loader_rounds import Rounds


def answer(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def main() -> None:
    torch.set_num_threads(1)
    provide_vision_ops()
    import lerobot
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    windows = json.loads(Path(sys.argv[1]).read_text())
    datasets = {
        name: LeRobotDataset("local/export", root=w["root"], delta_timestamps=w["delta_timestamps"])
        for name, w in windows.items()
    }
    versions = {"lerobot": lerobot.__version__, "torch": torch.__version__}
    answer({**versions, "torchcodec": torchcodec_version()})
    rounds: dict[tuple[str, int], Rounds] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        key = asked["name"], asked["workers"]
        if key not in rounds:
            rounds[key] = Rounds(datasets[key[0]], key[1], "fork")
        if asked.get("save"):
            batches = rounds[key].read(asked["samples"])
            keys = [k for k, v in batches[0].items() if isinstance(v, torch.Tensor)]
            np.savez(asked["save"], **{k: torch.cat([b[k] for b in batches]) for k in keys})
            answer({})
        else:
            answer(rounds[key].timed(asked["samples"]))


main()
