"""What is installed: plugins with their state, shipped tasks, and the health of this machine."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from datafactory.errors import DataFactoryError
from datafactory.plugin import GROUPS, TaskInfo, load, load_generator, registered
from datafactory.settings import unknown_variables

State = Literal["ok", "warning", "error"]
PACKAGES = ("datafactory", "mujoco-core", "mujoco-warp", "warp-lang", "pylance", "pyarrow",
            "numpy", "scipy", "dask", "distributed", "pydantic", "Pillow", "av")  # fmt: skip
LOW_DISK_BYTES = 2 * 10**9


@dataclass(frozen=True)
class PluginState:
    """One registered plugin.

    Attributes:
        kind: ``generator``, ``robot``, ``asset source``, ``renderer`` ...
        name: Entry point name.
        target: ``module:attribute``.
        package: Distribution that registers it.
        problem: Why it cannot be loaded; empty when it loads or was not tried.
    """

    kind: str
    name: str
    target: str
    package: str
    problem: str


@dataclass(frozen=True)
class Check:
    """One finding of ``doctor``."""

    name: str
    state: State
    finding: str
    remedy: str = ""


def plugins(*, try_loading: bool = True) -> list[PluginState]:
    """All registered plugins; a broken one is reported, never raised.

    Args:
        try_loading: Import each plugin to see whether it works.
    """
    found = []
    for kind in GROUPS:
        for name, point in sorted(registered(kind).items()):
            problem = _problem(kind, name) if try_loading else ""
            package = point.dist.name if point.dist is not None else ""
            found.append(PluginState(kind, name, point.value, package, problem))
    return found


def _problem(kind: str, name: str) -> str:
    """Loads a plugin and says what went wrong; other people's code may raise anything."""
    try:
        load(kind, name)
    except DataFactoryError as error:
        return error.why or error.what
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def shipped_tasks() -> tuple[list[tuple[str, TaskInfo]], list[PluginState]]:
    """Shipped tasks as (generator, task), and the generators that could not be asked."""
    tasks: list[tuple[str, TaskInfo]] = []
    broken = []
    for name, point in sorted(registered("generator").items()):
        try:
            tasks += [(name, info) for info in load_generator(name).tasks()]
        except Exception as error:  # other people's code may raise anything
            problem = (isinstance(error, DataFactoryError) and error.why) or str(error)
            package = point.dist.name if point.dist is not None else ""
            broken.append(PluginState("generator", name, point.value, package, problem))
    return tasks, broken


def versions() -> dict[str, str]:
    """Versions of Python and of the packages results depend on; ``missing`` when not installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def machine() -> dict[str, Any]:
    """CPU, cores usable by this process, memory and system."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines()
                 if line.startswith("model name")]  # fmt: skip
        cpu = names[0] if names else cpu
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": cpu, "cores": len(os.sched_getaffinity(0)), "memory_bytes": memory,
        "system": f"{platform.system()} {platform.release()}",
    }  # fmt: skip


def examine(folder: Path, environ: Mapping[str, str]) -> list[Check]:
    """Looks at everything a run needs; changes nothing that stays.

    Args:
        folder: Where a dataset would be made.
        environ: Environment variables.
    """
    checks = [_python(), _packages(), _engine(), _cores(), _folder(folder), _disk(folder)]
    checks += _store(environ)
    checks += _renderers()
    broken = [p for p in plugins() if p.problem]
    for plugin in broken:
        checks.append(Check(f"{plugin.kind} {plugin.name}", "error", plugin.problem,
                            f"reinstall or remove {plugin.package or plugin.target}"))  # fmt: skip
    if not broken:
        checks.append(Check("plugins", "ok", f"{len(plugins(try_loading=False))} load"))
    for name in unknown_variables(environ):
        checks.append(Check("environment", "warning", f"{name} means nothing to datafactory",
                            "unset it, or see `datafactory config show`"))  # fmt: skip
    return checks


def _python() -> Check:
    good = (3, 11) <= sys.version_info[:2] < (3, 14)
    text = f"{platform.python_version()} at {sys.executable}"
    return Check("python", "ok" if good else "error", text, "" if good else "use 3.11 to 3.13")


def _packages() -> Check:
    found = versions()
    missing = [name for name, value in found.items() if value == "missing"]
    text = ", ".join(f"{name} {value}" for name, value in found.items() if name != "python")
    if missing:
        return Check("packages", "error", text, "pip install datafactory")
    return Check("packages", "ok", text)


def _engine() -> Check:
    try:
        import mujoco

        model = mujoco.MjModel.from_xml_string("<mujoco/>")
        mujoco.mj_step(model, mujoco.MjData(model))
    except (ImportError, OSError, AttributeError) as error:
        return Check("physics engine", "error", f"{type(error).__name__}: {error}",
                     "pip install --force-reinstall mujoco-core")  # fmt: skip
    return Check("physics engine", "ok", f"MuJoCo {mujoco.mj_versionString()} steps")


def _cores() -> Check:
    found = machine()
    gigabytes = found["memory_bytes"] / 1e9
    text = f"{found['cores']} cores, {gigabytes:.1f} GB memory, {found['cpu']}"
    if gigabytes < 1.5 * found["cores"]:
        fitting = max(1, int(gigabytes / 1.5))
        return Check("machine", "warning", text, f"--workers {fitting}: a worker may use 1.5 GB")
    return Check("machine", "ok", text)


def _nearest_folder(folder: Path) -> Path:
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    return place


def _folder(folder: Path) -> Check:
    place = _nearest_folder(folder)
    try:
        with tempfile.TemporaryFile(dir=place) as probe:
            probe.write(b"x")
    except OSError as error:
        return Check("write permission", "error", f"{place}: {error.strerror}",
                     "choose another folder with --out")  # fmt: skip
    return Check("write permission", "ok", str(place))


def _disk(folder: Path) -> Check:
    place = _nearest_folder(folder)
    free = shutil.disk_usage(place).free
    text = f"{free / 1e9:.1f} GB free at {place}"
    if free < LOW_DISK_BYTES:
        return Check("disk", "warning", text, "free some space; 1,000 episodes need about 80 MB")
    return Check("disk", "ok", text)


def _renderers() -> list[Check]:
    """Every renderer, and what ``auto`` chooses; at least one of them must work."""
    from datafactory.render.choice import choose, probe

    states = probe()
    checks = [
        Check(f"renderer {s.name}", "ok" if s.available else "warning", s.finding, s.remedy)
        for s in states
    ]
    if not any(s.available for s in states):
        return [*checks, Check("rendering", "error", "no renderer works here",
                               "pip install --force-reinstall mujoco-warp warp-lang")]  # fmt: skip
    chosen = choose("auto")
    chosen.close()
    return [*checks, Check("rendering", "ok", f"'auto' chooses {chosen.name}")]


def _store(environ: Mapping[str, str]) -> list[Check]:
    from datafactory_assets.packs import load_lock, pack_status
    from datafactory_assets.store import store_root

    offline = environ.get("DATAFACTORY_OFFLINE", "") not in ("", "0")
    root = store_root()
    checks = [Check("asset store", "ok", str(root) + (" (offline mode)" if offline else ""))]
    for name in sorted(load_lock().packs):
        state = pack_status(name)
        if state == "ready":
            checks.append(Check(f"pack {name}", "ok", "ready"))
        elif state == "missing":
            hint = f"datafactory assets fetch {name}"
            if offline:
                hint = f"unset DATAFACTORY_OFFLINE, then {hint}"
            checks.append(Check(f"pack {name}", "warning", "not fetched", hint))
        else:
            checks.append(Check(f"pack {name}", "error", "damaged",
                                f"datafactory assets verify {name}"))  # fmt: skip
    return checks
