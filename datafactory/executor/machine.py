"""What makes a machine's physics its own: engine version and CPU; recorded with every row."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = ("datafactory", "mujoco-core", "mujoco", "numpy", "pylance", "pyarrow", "distributed")


@cache
def package_versions() -> dict[str, str]:
    """Versions of the installed packages that matter."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def engine() -> str:
    """Physics engine and version, such as ``mujoco 4.0.1``."""
    versions = package_versions()
    return "mujoco " + (versions.get("mujoco-core") or versions.get("mujoco") or "none")


@cache
def cpu() -> str:
    """Instruction set and CPU model, such as ``x86_64 Intel(R) Xeon(R) ...``."""
    model = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    return f"{platform.machine()} {model}".strip()


def machine() -> dict[str, Any]:
    """The machine, without anything that identifies its owner."""
    return {
        "system": platform.system(),
        "python": platform.python_version(),
        "cpu": cpu(),
        "cores": len(os.sched_getaffinity(0)),
    }
