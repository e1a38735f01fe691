"""Isaac Sim as a renderer: a process of its own, in its own interpreter, fed and read by files.

Nothing of Isaac Sim is imported here. A film is written as OpenUSD with a job file beside it, the
worker script runs in the interpreter that ``DATAFACTORY_ISAAC_PYTHON`` names, and the images it
leaves are read back and checked; ``isaac_contract`` has the files.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from datafactory.errors import DataFactoryError, MissingPartError, PluginError, SpecError
from datafactory.render.backdrop import composite_sky
from datafactory.render.isaac_contract import (
    CONTRACT,
    JOB_FILE,
    RESULT_FILE,
    broken,
    film_job,
    read_images,
    read_result,
)
from datafactory.render.stage import BACKGROUND, Film, Images, Shot

PYTHON_VARIABLE = "DATAFACTORY_ISAAC_PYTHON"
TIMEOUT_VARIABLE = "DATAFACTORY_ISAAC_TIMEOUT_S"
TIMEOUT_S = 1800.0
LOG_FILE = "isaac.log"
WORKER = Path(__file__).with_name("isaac_worker.py")
REMEDY = (
    f"set {PYTHON_VARIABLE} to the Python of an Isaac Sim installation (5.1: CPython 3.11, 6.x: "
    "CPython 3.12, both from NVIDIA's package index) on a machine with an RTX GPU; GPUs without "
    "RT cores, such as A100, H100 and H200, cannot run it (docs/isaac.md)"
)
_FPS = 10  # of the film's file; frames are addressed by time code, so any rate would do
_SUBFRAMES = 16
_PROBE_S = 60.0
_PROBE = """
import importlib.metadata, importlib.util, json, platform
found = {"python": platform.python_version(), "isaacsim": ""}
if importlib.util.find_spec("isaacsim"):
    try:
        found["isaacsim"] = importlib.metadata.version("isaacsim")
    except importlib.metadata.PackageNotFoundError:
        found["isaacsim"] = "unknown"
print("\\ndatafactory " + json.dumps(found))
"""


@dataclass(frozen=True)
class Installation:
    """What the interpreter says of itself.

    Attributes:
        command: Interpreter and its own arguments.
        python: Python version; empty when it could not be run.
        isaacsim: Version of Isaac Sim, ``unknown`` where it is not stated; empty without one.
        trouble: Why it cannot be used; empty when it can.
    """

    command: tuple[str, ...]
    python: str = ""
    isaacsim: str = ""
    trouble: str = ""


def _environment() -> dict[str, str]:
    """Our environment without what would lead the other interpreter to our modules."""
    return {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}


@lru_cache(maxsize=8)
def installation(setting: str) -> Installation:
    """Asks an interpreter, once per process, for its version and for Isaac Sim's.

    Args:
        setting: Value of ``DATAFACTORY_ISAAC_PYTHON``: a path, or a command with arguments.
    """
    try:
        command = tuple(shlex.split(setting))
    except ValueError as error:
        return Installation((), trouble=f"{PYTHON_VARIABLE} is not a command: {error}")
    if not command:
        return Installation((), trouble=f"{PYTHON_VARIABLE} is not set")
    try:
        done = subprocess.run(
            [*command, "-c", _PROBE], env=_environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=_PROBE_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return Installation(command, trouble=f"'{setting}' cannot be run: {error}")
    lines = [x for x in done.stdout.splitlines() if x.startswith("datafactory {")]
    if done.returncode or not lines:
        last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        return Installation(command, trouble=f"'{setting}' is not a Python: {last}")
    found = json.loads(lines[-1].removeprefix("datafactory "))
    trouble = ""
    if not found["isaacsim"]:
        trouble = f"'{setting}' (Python {found['python']}) has no module isaacsim"
    return Installation(command, found["python"], found["isaacsim"], trouble)


def _timeout_s() -> float:
    text = os.environ.get(TIMEOUT_VARIABLE, "")
    try:
        seconds = float(text or TIMEOUT_S)
    except ValueError:
        seconds = 0.0
    if not seconds > 0.0:
        raise SpecError(f"{TIMEOUT_VARIABLE} must be a number of seconds, not '{text}'")
    return seconds


class Isaac:
    """Renders films in Isaac Sim's ray tracer, one process per film.

    Attributes:
        name, deterministic: As every renderer's.
        version: Of the contract and of Isaac Sim.
    """

    name = "isaac"
    deterministic = False

    def __init__(self) -> None:
        """Finds the interpreter.

        Raises:
            MissingPartError: There is none, or it has no Isaac Sim.
        """
        self._found = installation(os.environ.get(PYTHON_VARIABLE, ""))
        if self._found.trouble:
            raise MissingPartError("no Isaac Sim", why=self._found.trouble, remedy=REMEDY)
        self.version = f"{CONTRACT}+isaacsim-{self._found.isaacsim}"

    @staticmethod
    def missing() -> tuple[str, str] | None:
        """What is missing on this machine and what to do about it; None when nothing is."""
        found = installation(os.environ.get(PYTHON_VARIABLE, ""))
        return (f"no Isaac Sim ({found.trouble})", REMEDY) if found.trouble else None

    @staticmethod
    def finding() -> str:
        """The installation that draws, for people."""
        found = installation(os.environ.get(PYTHON_VARIABLE, ""))
        if found.trouble:
            return ""
        return f"Isaac Sim {found.isaacsim}, {found.command[0]} (Python {found.python})"

    def render(self, film: Film) -> Mapping[str, Images]:
        """Renders all frames of all cameras; keyed by camera name.

        Raises:
            PluginError: Isaac Sim failed; its folder is kept, with the log in it.
            MissingPartError: OpenUSD, in which the film is handed over, is not installed.
        """
        from datafactory.exchange.usd_scene import write_stage

        folder = Path(tempfile.mkdtemp(prefix="datafactory-isaac-"))
        keep = False
        try:
            files = write_stage(film, folder, _FPS)
            job = film_job(film, files.root.name, files.cameras, _FPS, _SUBFRAMES)
            (folder / JOB_FILE).write_text(job.model_dump_json(indent=1), encoding="utf-8")
            status = self._run(folder)
            if status:
                self._judge(status, folder)
            images = read_images(folder, job, read_result(folder, job), film.stage.entities)
            return {s.camera: _under_sky(images[s.camera], s, film) for s in film.shots}
        except PluginError as error:
            keep = True
            raise _with_log(error, folder / LOG_FILE) from error
        finally:
            if not keep:
                shutil.rmtree(folder)

    def close(self) -> None:
        """Nothing to free: every film has its own process."""

    def _run(self, folder: Path) -> int:
        """Runs the worker; returns its exit status, negative for a signal."""
        limit_s = _timeout_s()
        with (folder / LOG_FILE).open("wb") as log:
            process = subprocess.Popen(
                [*self._found.command, str(WORKER), str(folder / JOB_FILE)], cwd=folder,
                env=_environment(), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            try:
                return process.wait(limit_s)
            except subprocess.TimeoutExpired as error:
                why = f"it was stopped after {limit_s:g} s (${TIMEOUT_VARIABLE})"
                raise broken(why) from error
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()

    @staticmethod
    def _judge(status: int, folder: Path) -> None:
        """Isaac Sim may crash while it shuts down; what counts is a complete result."""
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        if not (folder / RESULT_FILE).exists():
            raise broken(f"it ended with {how} and left no result.json")
        logging.getLogger(__name__).warning("Isaac Sim ended with %s after its result", how)


def _under_sky(images: Images, shot: Shot, film: Film) -> Images:
    """The sky as all renderers show it: Isaac Sim's is as bright as its light has to be."""
    rgb = images.rgb * (images.entity != BACKGROUND)[..., None].astype(np.uint8)
    return composite_sky(replace(images, rgb=rgb), shot, film.stage.sky)


def _with_log(error: DataFactoryError, log: Path) -> PluginError:
    """The same error, naming the log and its last line."""
    lines = log.read_text("utf-8", "replace").strip().splitlines() if log.exists() else []
    why = f"{error.why}; the log ends: {lines[-1][:200]}" if lines else error.why
    remedy = "read the log; remove its folder when done"
    return PluginError(error.what, where=str(log), why=why, remedy=remedy)
