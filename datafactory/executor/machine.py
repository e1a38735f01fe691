"""What makes a machine's physics its own: engine version and CPU; recorded with every row."""

from __future__ import annotations

import gc
import hashlib
import importlib
import os
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_CODE = ("datafactory", "datafactory_assets")
_PACKAGES = ("datafactory", "mujoco-core", "mujoco", "mujoco-warp", "warp-lang", "av", "Pillow",
             "numpy", "pylance", "pyarrow", "distributed")  # fmt: skip


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


@cache
def code_fingerprint(module: str) -> str:
    """Hash of the programs that attempts are made by, as 16 hex digits.

    Covers the Python files and ``assets.lock`` of this package, the asset package and the package
    of a generator.

    Args:
        module: Name of the generator's module, imported before.
    """
    digest = hashlib.sha256()
    for package in sorted({*_CODE, module.partition(".")[0]}):
        for name, path in _files(package):
            data = path.read_bytes()
            digest.update(f"{package}/{name} {len(data)}\n".encode() + data)
    return digest.hexdigest()[:16]


def _files(package: str) -> list[tuple[str, Path]]:
    """(name, path) of the programs of a package or single module, sorted."""
    module = sys.modules.get(package) or importlib.import_module(package)
    folders = [Path(p) for p in getattr(module, "__path__", ())]
    found = [
        (p.relative_to(folder).as_posix(), p)
        for folder in folders
        for pattern in ("*.py", "assets.lock")
        for p in folder.rglob(pattern)
    ]
    file = getattr(module, "__file__", None)
    if not folders and file:
        found.append((Path(file).name, Path(file)))
    return sorted(found)


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


def relax_collector() -> None:
    """Makes Python look for cyclic garbage rarely, in processes that make attempts.

    Attempts leave almost none behind, while the caches of a worker hold millions of objects that
    every full collection would walk through.
    """
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
