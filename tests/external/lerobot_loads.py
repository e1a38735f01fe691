"""Exports a dataset and loads it with the official lerobot package, in an environment of its own.

    python tests/external/lerobot_loads.py [--cache DIR] [--dataset PATH]

Exit codes: 0 the same numbers and images came back, 1 they did not, 77 skipped because the
environment cannot be built; the reason is printed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from lerobot_environment import CACHE, SKIPPED, CannotBuildError, environment, offline

from datafactory.exchange.columns import ActionChoice, columns
from datafactory.exchange.contract import ExportOptions
from datafactory.exchange.episodes import iter_samples, select
from datafactory.exchange.lerobot import LeRobotV3
from datafactory.exchange.lerobot_frames import Tasks, frame_columns, video_key
from datafactory.exchange.pictures import video_bytes
from datafactory.exchange.target import atomic_target
from datafactory.render.media import decode_video
from datafactory.store.dataset import Dataset, open_dataset

HERE = Path(__file__).parent
SAMPLED = 5


def export(dataset: Dataset, root: Path, reference: Path) -> None:
    """Writes the export, and what is to come back."""
    options = ExportOptions(limit=20)
    with atomic_target(root, single_file=False) as target:
        LeRobotV3().write(dataset, target, options, lambda done, total: None)
    arrays: dict[str, np.ndarray] = {}
    lengths, first, fps = [], 0, 0
    tasks, subtasks = Tasks(), Tasks()
    for episode, sample in enumerate(iter_samples(select(dataset, options))):
        found = columns(sample, ActionChoice.of(options))
        rows = frame_columns(sample, found, episode, first, tasks, subtasks)
        arrays |= {f"{name}/{episode}": values for name, values in rows.items()}
        told = sample.episode.instructions
        arrays[f"task/{episode}"] = np.array([told[k].text for k in sample.instruction_index()])
        for camera, view in sample.views.items():
            chosen = np.linspace(0, sample.length - 1, SAMPLED).astype(int).tolist()
            with tempfile.TemporaryFile() as file:
                file.write(video_bytes(view))
                for k, image in zip(chosen, decode_video(file, chosen), strict=True):
                    arrays[f"image/{video_key(camera)}/{first + k}"] = image
        lengths.append(sample.length)
        first, fps = first + sample.length, sample.fps
    np.savez(reference, length=np.array(lengths), fps=np.array(fps), **arrays)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--dataset", type=Path)
    options = parser.parse_args()
    try:
        python = environment(options.cache)
    except (CannotBuildError, OSError) as error:
        sys.stdout.write(f"skipped: lerobot's environment cannot be built here: {error}\n")
        return SKIPPED
    if options.dataset is None:
        sys.path.insert(0, str(HERE.parent.parent))
        from tests import exchange_fixture

        dataset = exchange_fixture.dataset()
    else:
        dataset = open_dataset(options.dataset)
    with tempfile.TemporaryDirectory() as folder:
        root, reference = Path(folder) / "export", Path(folder) / "reference.npz"
        export(dataset, root, reference)
        command = [str(python), str(HERE / "lerobot_check.py"), str(root), str(reference)]
        inside = offline(Path(folder) / "hf")
        done = subprocess.run(command, text=True, capture_output=True, env=inside)
        sys.stdout.write(done.stdout)
        if done.returncode:
            sys.stderr.write(done.stderr[-4000:])
        return done.returncode


if __name__ == "__main__":
    sys.exit(main())
