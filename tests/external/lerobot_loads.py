"""Exports a dataset and loads it with the official lerobot package, in an environment of its own.

    python tests/external/lerobot_loads.py [--cache DIR] [--dataset PATH]

Exit codes: 0 the same numbers and images came back, 1 they did not, 77 skipped because the
environment cannot be built; the reason is printed.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

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
SKIPPED = 77
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
LEROBOT = "lerobot==0.4.4"
# lerobot asks for torch < 2.11; this one loads datasets as well, and torchcodec fits it
TORCH = "torch==2.13.0"
NO_DEPENDENCIES = (LEROBOT, "torchvision==0.28.0", "torchcodec==0.13.0")
NEEDED = (
    *("accelerate", "av>=15,<16", "datasets>=4,<5", "deepdiff", "draccus==0.10.0", "einops"),
    *("gymnasium", "huggingface-hub<0.36", "imageio", "jsonlines", "packaging", "pandas"),
    *("Pillow", "pyarrow", "safetensors", "termcolor"),
)
SAMPLED = 5


class CannotBuildError(Exception):
    """The environment cannot be built here."""


def environment(cache: Path) -> Path:
    """The Python of lerobot's environment, built on first use."""
    text = "\n".join((*NO_DEPENDENCIES, TORCH, *NEEDED))
    name = "lerobot-" + hashlib.sha256(text.encode()).hexdigest()[:12]
    folder, python = cache / name, cache / name / "bin/python"
    ready = folder / "ready"
    if ready.exists():
        return python
    sys.stderr.write(f"building {folder} ...\n")
    _run([sys.executable, "-m", "venv", "--clear", str(folder)])
    pip = [str(python), "-m", "pip", "install", "-q"]
    _run([*pip, "-U", "pip"])
    _run([*pip, TORCH, "--extra-index-url", CPU_WHEELS], [*pip, TORCH])
    _run([*pip, *NEEDED])
    _run([*pip, "--no-deps", *NO_DEPENDENCIES])
    ready.touch()
    return python


def _run(*ways: list[str]) -> None:
    """Runs the first of the commands that works."""
    for command in ways:
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 0:
            return
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    raise CannotBuildError(f"'{' '.join(command)}' failed: {last}")


def export(dataset: Dataset, root: Path, reference: Path) -> None:
    """Writes the export, and what is to come back."""
    options = ExportOptions(limit=20)
    with atomic_target(root, single_file=False) as target:
        LeRobotV3().write(dataset, target, options, lambda done, total: None)
    arrays: dict[str, np.ndarray] = {}
    lengths, first, fps = [], 0, 0
    subtasks = Tasks()
    for episode, sample in enumerate(iter_samples(select(dataset, options))):
        found = columns(sample, ActionChoice.of(options))
        rows = frame_columns(sample, found, episode, first, 0, subtasks)
        rows.pop("task_index")
        arrays |= {f"{name}/{episode}": values for name, values in rows.items()}
        arrays[f"task/{episode}"] = np.array(sample.episode.instruction)
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
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/datafactory-external")
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
        done = subprocess.run(command, text=True, capture_output=True)
        sys.stdout.write(done.stdout)
        if done.returncode:
            sys.stderr.write(done.stderr[-4000:])
        return done.returncode


if __name__ == "__main__":
    sys.exit(main())
