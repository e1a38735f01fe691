"""MuJoCo's Filament renderer: physically based materials and light, through Vulkan.

The stage is handed over as it is: meshes, textures and lights, no MuJoCo model in between. Light
is not post-processed, because that dithers and no two renderings would be the same. What comes out
is linear light in 8 bits, too coarse for dark colours, so every picture is taken twice, the second
time with eight times the light, and both are put together before they are encoded as sRGB.

Light is scaled so that a light of 1 lights a white surface fully, as in the other renderers. A
lamp has its strength at the middle of the table and falls off with the square of the distance. The
sky lights the stage as well: it says from where light comes, ``Stage.ambient`` how much of it a
surface facing up gets.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from datafactory.errors import MissingPartError
from datafactory.render.filament_scene import Drawing
from datafactory.render.stage import Film, Images

PROBE_S = 60.0
VULKAN_REMEDY = (
    "install Vulkan (apt-get install libvulkan1 mesa-vulkan-drivers), or use another renderer, "
    "such as --renderer raycast"
)
STUDIO_REMEDY = "pip install mujoco (the whole of it, not only mujoco-core)"
_TRY = """
import mujoco.studio
from mujoco import mjrf
config = mjrf.ContextConfig(graphics_api=mjrf.GraphicsApi.GRAPHICS_API_VULKAN)
context = mjrf.Context(config)
del context
"""


@lru_cache(maxsize=1)
def _missing() -> tuple[str, str] | None:
    """Makes a context in a process of its own: without Vulkan the library ends the process."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _TRY],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROBE_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"Vulkan did not answer within {PROBE_S:g} s", VULKAN_REMEDY
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines() or done.stdout.strip().splitlines()
    last = lines[-1] if lines else f"the process ended with {done.returncode}"
    if "ModuleNotFoundError" in last or "ImportError" in last:
        return f"MuJoCo's Filament library is not installed ({last})", STUDIO_REMEDY
    return f"no Vulkan device ({last})", VULKAN_REMEDY


class Filament:
    """MuJoCo's Filament renderer.

    The first picture of a process takes seconds more: Vulkan compiles its shaders then.
    """

    name = "filament"
    version = "1"
    deterministic = True

    def __init__(self) -> None:
        found = self.missing()
        if found is not None:
            what, remedy = found
            raise MissingPartError(
                "the renderer 'filament' cannot draw here", why=what, remedy=remedy
            )
        self._context: Any = _context()

    @staticmethod
    def finding() -> str:
        """The interface it draws with, for people."""
        return "Vulkan"

    @staticmethod
    def missing() -> tuple[str, str] | None:
        """What is missing on this machine and what to do about it; None when nothing is."""
        return _missing()

    def render(self, film: Film) -> Mapping[str, Images]:
        """Renders all frames of all cameras; keyed by camera name."""
        drawing = Drawing(self._context, film)
        try:
            images = drawing.shoot()
        finally:
            drawing.free()
        return {shot.camera: image for shot, image in zip(film.shots, images, strict=True)}

    def close(self) -> None:
        """Frees the device; the renderer is not used afterwards."""
        self._context = None


def _context() -> Any:
    import mujoco.studio  # noqa: F401  registers the materials; the process ends without them
    from mujoco import mjrf

    config = mjrf.ContextConfig(graphics_api=mjrf.GraphicsApi.GRAPHICS_API_VULKAN)
    with _stdout_silenced():
        return mjrf.Context(config)


@contextmanager
def _stdout_silenced() -> Iterator[None]:
    """The library greets on standard output, which belongs to the program's results."""
    sys.stdout.flush()
    libc = ctypes.CDLL(None)
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        libc.fflush(None)
        os.dup2(nowhere, 1)
        yield
        libc.fflush(None)
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
