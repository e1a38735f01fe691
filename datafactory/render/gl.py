"""MuJoCo's classic OpenGL renderer, without a window, tuned for software rasterisers.

Colours are one pass, segmentation and depth another, so anti-aliasing never touches labels. What
nothing lies behind is left out of the shadow map: filling the map with floor and walls costs as
much as everything else.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from datafactory.errors import MissingPartError
from datafactory.render.backdrop import composite_sky
from datafactory.render.model import FAR_M, NEAR_M, RenderModel, render_model
from datafactory.render.stage import Film, Floats, Images, Stage

FACET_M = 1.5
"""Light is computed at vertices: longest edge of a triangle that still looks right under a lamp."""
FONT_SCALE = 50
PROBE_S = 30.0
REMEDY = (
    "install EGL and a driver (apt-get install libegl1 libgl1-mesa-dri) or OSMesa "
    "(apt-get install libosmesa6), or use --renderer raycast, which needs neither"
)
_TRY = """
import mujoco
from mujoco.{backend} import GLContext
context = GLContext(32, 32)
context.make_current()
from OpenGL import GL
mujoco.MjrContext(mujoco.MjModel.from_xml_string("<mujoco/>"), 50).free()
print("device:", GL.glGetString(GL.GL_RENDERER).decode(errors="replace"))
"""


@lru_cache(maxsize=8)
def try_backend(backend: str) -> tuple[bool, str]:
    """Makes a context in a process of its own, where a broken driver can hang or crash in peace.

    Args:
        backend: ``egl``, ``osmesa`` or ``glfw``.

    Returns:
        Whether it worked, and the name of the device or the last line of what went wrong.
    """
    environment = {**os.environ, "MUJOCO_GL": backend}
    if backend != "glfw":
        environment["PYOPENGL_PLATFORM"] = backend
    try:
        done = subprocess.run(
            [sys.executable, "-c", _TRY.format(backend=backend)],
            check=False,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROBE_S,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return False, f"no answer within {PROBE_S:g} s"
    _, found, rest = done.stdout.partition("device: ")
    if done.returncode == 0 and found:
        return True, rest.splitlines()[0]
    lines = done.stderr.strip().splitlines()
    return False, lines[-1] if lines else f"the process ended with {done.returncode}"


def backends() -> tuple[str, ...]:
    """OpenGL backends to try: what ``MUJOCO_GL`` names, else EGL and then OSMesa."""
    named = os.environ.get("MUJOCO_GL", "").strip().lower()
    if named in ("disable", "disabled", "off", "false", "0"):
        return ()
    return (named,) if named in ("egl", "osmesa", "glfw") else ("egl", "osmesa")


def device() -> tuple[str, str] | None:
    """Returns the first backend that works and the name of its device; None when none does."""
    for backend in backends():
        works, finding = try_backend(backend)
        if works:
            return backend, finding
    return None


class GL:
    """MuJoCo's classic OpenGL renderer.

    ``MUJOCO_GL`` chooses between ``egl``, ``osmesa`` and ``glfw``; without it EGL is tried before
    OSMesa. Unless ``LP_NUM_THREADS`` says otherwise a software rasteriser draws in the calling
    thread, which is a third cheaper than with threads of its own.
    """

    name = "gl"
    version = "1"
    deterministic = True

    def __init__(self) -> None:
        found = device()
        if found is None:
            what, remedy = self.missing() or ("", "")
            raise MissingPartError("the renderer 'gl' cannot draw here", why=what, remedy=remedy)
        self._context: Any = _context(found[0])

    @staticmethod
    def missing() -> tuple[str, str] | None:
        """What is missing on this machine and what to do about it; None when nothing is."""
        if device() is not None:
            return None
        tried = [f"{backend}: {try_backend(backend)[1]}" for backend in backends()]
        if not tried:
            return "no OpenGL context (MUJOCO_GL switches it off)", "unset MUJOCO_GL"
        return "no OpenGL context (" + "; ".join(tried) + ")", REMEDY

    @staticmethod
    def finding() -> str:
        """The device that draws, for people."""
        found = device()
        return f"{found[0]}, {found[1]}" if found else ""

    def render(self, film: Film) -> Mapping[str, Images]:
        """Renders all frames of all cameras; keyed by camera name.

        Raises:
            SpecError: The stage cannot be drawn, see ``render_model``.
        """
        made = render_model(film, facet_m=FACET_M)
        with self._context.as_current():
            context = mujoco.MjrContext(made.model, FONT_SCALE)
            try:
                images, coverage = _Drawing(film, made, context).shoot()
            finally:
                context.free()
        return {
            shot.camera: composite_sky(images[i], shot, film.stage.sky, coverage[i])
            for i, shot in enumerate(film.shots)
        }

    def close(self) -> None:
        """Frees the context; the renderer is not used afterwards."""
        self._context.free()


def _context(backend: str) -> Any:
    os.environ.setdefault("LP_NUM_THREADS", "0")
    # The nearest of a texture's sizes instead of a blend of two: cheaper, and hardly to be seen.
    os.environ.setdefault("LP_PERF", "no_mip_linear")
    try:
        return import_module(f"mujoco.{backend}").GLContext(32, 32)
    except (ImportError, RuntimeError) as error:
        # It works in a fresh process: this one has loaded another OpenGL platform before.
        raise MissingPartError(
            f"the renderer 'gl' cannot make its {backend} context in this process",
            why=str(error),
            remedy=f"set MUJOCO_GL={backend} before anything imports OpenGL",
        ) from error


class _Drawing:
    """One film on one MuJoCo context, which is current."""

    def __init__(self, film: Film, made: RenderModel, context: mujoco.MjrContext) -> None:
        self.film, self.made, self.context = film, made, context
        self.model = made.model
        self.data = mujoco.MjData(self.model)
        self.scene = mujoco.MjvScene(self.model, maxgeom=self.model.ngeom + 8)
        self.option = mujoco.MjvOption()
        self.camera = mujoco.MjvCamera()
        self.camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, context)
        context.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR
        for flag in ("REFLECTION", "SKYBOX", "FOG", "HAZE"):
            self.scene.flags[getattr(mujoco.mjtRndFlag, f"mjRND_{flag}")] = False
        self.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = film.shadows
        self.scene.flags[mujoco.mjtRndFlag.mjRND_IDCOLOR] = True
        self.silent = _behind_all_light(film.stage, made.entity_of_geom)
        # Segment 0 is the background, segment i + 1 the geom i.
        self.entity_of_segment = np.concatenate([[0], made.entity_of_geom]).astype(np.uint8)

    def shoot(self) -> tuple[list[Images], list[Floats | None]]:
        """Draws everything: images over black, and each pixel's share of sky if it needs one."""
        film, frames = self.film, self.made.frames
        images, coverage = [], []
        for shot in film.shots:
            size = (frames, shot.intrinsics.height, shot.intrinsics.width)
            rgb = np.empty((*size, 3), dtype=np.uint8)
            images.append(
                Images(rgb, np.zeros(size, dtype=np.float32), np.empty(size, dtype=np.uint8))
            )
            smooth = film.samples > 1 and film.stage.sky is not None
            coverage.append(np.empty(size, dtype=np.float32) if smooth else None)
        for frame in range(frames):
            self.made.pose(self.data, frame)
            for index, image in enumerate(images):
                self._view(index)
                self._colours(image, coverage[index], frame)
                self._labels(image, frame)
        return images, coverage

    def _view(self, index: int) -> None:
        self.camera.fixedcamid = index
        mujoco.mjv_updateScene(
            self.model,
            self.data,
            self.option,
            None,
            self.camera,
            mujoco.mjtCatBit.mjCAT_ALL,
            self.scene,
        )
        for geom in self.silent:
            self.scene.geoms[geom].category = mujoco.mjtCatBit.mjCAT_DECOR

    def _draw(self, width: int, height: int, *, labels: bool) -> mujoco.MjrRect:
        self.scene.flags[mujoco.mjtRndFlag.mjRND_SEGMENT] = labels
        area = mujoco.MjrRect(0, 0, width, height)
        mujoco.mjr_render(area, self.scene, self.context)
        return area

    def _colours(self, image: Images, coverage: Floats | None, frame: int) -> None:
        n = self.film.samples
        _, height, width = image.entity.shape
        rgb = np.empty((height * n, width * n, 3), dtype=np.uint8)
        depth = None if coverage is None else np.empty(rgb.shape[:2], dtype=np.float32)
        area = self._draw(width * n, height * n, labels=False)
        mujoco.mjr_readPixels(rgb, depth, area, self.context)
        if n == 1:
            image.rgb[frame] = rgb[::-1]
            return
        image.rgb[frame] = (_box(rgb[::-1], n) + np.float32(0.5)).astype(np.uint8)
        if coverage is not None and depth is not None:
            coverage[frame] = _box((depth[::-1] == 0.0)[..., None], n)[..., 0]

    def _labels(self, image: Images, frame: int) -> None:
        _, height, width = image.entity.shape
        code = np.empty((height, width, 3), dtype=np.uint8)
        depth = np.empty((height, width), dtype=np.float32) if self.film.depth else None
        area = self._draw(width, height, labels=True)
        mujoco.mjr_readPixels(code, depth, area, self.context)
        code = code[::-1]
        segment: NDArray[np.integer] = code[..., 0]
        if len(self.entity_of_segment) > 256:
            segment = segment.astype(np.uint16) + (code[..., 1].astype(np.uint16) << 8)
        np.take(self.entity_of_segment, segment, out=image.entity[frame])
        if depth is None:
            return
        depth = depth[::-1]
        # Depth values are reversed: 1 at the near plane, 0 at the far plane and where nothing is.
        metres = np.float32(NEAR_M * FAR_M) / (NEAR_M + depth * np.float32(FAR_M - NEAR_M))
        image.depth_m[frame] = np.where(segment > 0, metres, np.float32(0.0))


def _behind_all_light(stage: Stage, entity_of_geom: NDArray[np.uint8]) -> list[int]:
    """Geoms that stand between no light and what pictures are about, and so cast no shadows.

    The floor and the table, as light falls from above and the table hides most of its own shadow,
    while it would fill a large part of the shadow map; the room, if the light is a lamp, which
    hangs inside.
    """
    casting = [light for light in stage.lights if light.shadow]
    silent = set()
    if all(light.direction[2] < 0 for light in casting):
        silent |= {"floor", "table"}
    if all(light.kind == "lamp" for light in casting):
        silent.add("room")
    entities = [i for i, name in enumerate(stage.entities) if name in silent]
    return np.nonzero(np.isin(entity_of_geom, entities))[0].tolist()


def _box(fine: NDArray[Any], n: int) -> Floats:
    """Means over n x n blocks: (h n, w n, c) to (h, w, c) float32."""
    height, width, channels = fine.shape
    blocks = fine.reshape(height // n, n, width // n, n, channels)
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float32))
