"""The official lerobot package in a virtual environment of its own, built on first use."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SKIPPED = 77
CACHE = Path.home() / ".cache/datafactory-external"
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


def offline(home: Path) -> dict[str, str]:
    """Environment variables for scripts inside: no network, caches in ``home``, own modules found.

    Args:
        home: Folder for the caches of lerobot's libraries.
    """
    return {
        **os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home), "PYTHONPATH": str(HERE),
    }  # fmt: skip
