"""Which renderer draws: by name, or the best one this machine can run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mujoco

from datafactory.errors import DataFactoryError, MissingPartError, PluginError
from datafactory.plugin import load, registered
from datafactory.render.raycast import cuda_devices
from datafactory.render.stage import Renderer

AUTO = "auto"


@dataclass(frozen=True)
class RendererState:
    """Whether one registered renderer can draw on this machine.

    Attributes:
        name: Entry point name.
        available: Whether it can.
        finding: The device it draws with, or what is missing.
        remedy: What to do about that; empty when available.
    """

    name: str
    available: bool
    finding: str
    remedy: str


def preference() -> tuple[str, ...]:
    """Order in which ``auto`` tries: the ray caster on CUDA; else OpenGL, five times faster."""
    return ("raycast", "gl") if cuda_devices() else ("gl", "raycast")


def decide(name: str = AUTO) -> str:
    """Name of the renderer that :func:`choose` would make.

    Raises:
        MissingPartError: ``auto`` finds none that works on this machine.
    """
    if name != AUTO:
        return name
    states = [state(candidate) for candidate in preference()]
    for found in states:
        if found.available:
            return found.name
    raise MissingPartError(
        "no renderer can draw on this machine",
        why="; ".join(f"{s.name}: {s.finding}" for s in states),
        remedy=states[-1].remedy,
    )


def choose(name: str = AUTO) -> Renderer:
    """Makes a renderer.

    Args:
        name: Name of a registered renderer, or ``auto`` for the best one this machine can run.

    Raises:
        UnknownNameError: No renderer has this name.
        MissingPartError: What it needs is not on this machine.
        PluginError: The plugin cannot be loaded or made.
    """
    return _made(decide(name))


def identity(renderer: Renderer) -> str:
    """What images of one variant must have in common: version, device and engine.

    Other devices and drivers draw other bytes, so a variant is finished by what began it.
    """
    device = renderer.finding() if hasattr(renderer, "finding") else ""
    parts = (renderer.version, device, f"MuJoCo {mujoco.mj_versionString()}")
    return "; ".join(part for part in parts if part)


def probe() -> tuple[RendererState, ...]:
    """Looks at every registered renderer, by name; a broken plugin is a finding, no error."""
    return tuple(state(name) for name in sorted(registered("renderer")))


def state(name: str) -> RendererState:
    """Looks at one renderer without drawing anything.

    A renderer class says itself what it lacks, by a static ``missing() -> tuple[str, str] | None``
    (what is missing, and the remedy), and may name its device by a static ``finding() -> str``.

    Raises:
        UnknownNameError: No renderer has this name.
    """
    try:
        kind = load("renderer", name)
        lacks = kind.missing()
        device = kind.finding() if lacks is None and hasattr(kind, "finding") else ""
    except PluginError as error:
        return RendererState(name, False, f"{error.what}: {error.why}", error.remedy)
    except Exception as error:  # third-party code: whatever it raises is its own fault
        if isinstance(error, DataFactoryError):
            raise
        broken = _broken(name, error)
        return RendererState(name, False, f"{broken.what}: {broken.why}", broken.remedy)
    if lacks is not None:
        return RendererState(name, False, *lacks)
    return RendererState(name, True, device, "")


def _made(name: str) -> Renderer:
    kind: Any = load("renderer", name)
    try:
        renderer: Renderer = kind()
    except DataFactoryError:
        raise
    except Exception as error:  # third-party code: whatever it raises is its own fault
        raise _broken(name, error) from error
    return renderer


def _broken(name: str, error: Exception) -> PluginError:
    return PluginError(
        f"the renderer plugin '{name}' cannot be made",
        why=f"{type(error).__name__}: {error}",
        remedy="reinstall or remove the distribution that registers it",
    )
