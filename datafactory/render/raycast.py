"""The ray caster of MuJoCo Warp: no system package, the same code on CPU and CUDA.

The frames of a film are the worlds of one batch; colours, depth and segmentation come from the
same rays. Kernels are compiled once per machine (about ten seconds) and kept in Warp's cache: the
models have always the same number of lights and the same kinds of geoms.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from datafactory.errors import MissingPartError
from datafactory.render.backdrop import composite_sky
from datafactory.render.model import RenderModel, render_model
from datafactory.render.stage import BACKGROUND, Bytes, Film, Floats, Images, Shot
from datafactory.render.texels import halved, levels

PIXEL_BYTES = 16
"""Colour, depth and segmentation of one pixel on the device; as much again while copying."""
BUFFER_BYTES = {"cpu": 96_000_000, "cuda": 2_000_000_000}
REMEDY = "pip install mujoco-warp warp-lang"


@lru_cache(maxsize=1)
def cuda_devices() -> int:
    """Number of CUDA devices, asked of the driver; 0 without one."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


@contextmanager
def _stderr_closed() -> Iterator[None]:
    """Sends what native code writes to stderr nowhere."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _warp() -> Any:
    """Imports and starts Warp without its greeting."""
    import warp

    if warp.config.log_level == warp.LOG_INFO:
        warp.config.log_level = warp.LOG_WARNING
    if cuda_devices():
        warp.init()
    else:  # the native library reports the missing driver, which is no fault here
        with _stderr_closed():
            warp.init()
    return warp


class Raycast:
    """MuJoCo Warp's ray caster, on the first CUDA device or else on the CPU."""

    name = "raycast"
    version = "1"
    deterministic = True

    def __init__(self) -> None:
        lacks = self.missing()
        if lacks is not None:
            raise MissingPartError(
                "the renderer 'raycast' cannot draw here", why=lacks[0], remedy=lacks[1]
            )
        self._warp = _warp()
        self.device = "cuda:0" if self._warp.is_cuda_available() else "cpu"
        self._kernel: Any = None

    @staticmethod
    def missing() -> tuple[str, str] | None:
        """What is missing on this machine and what to do about it; None when nothing is."""
        absent = [name for name in ("warp", "mujoco_warp") if find_spec(name) is None]
        return (f"no module {', '.join(absent)}", REMEDY) if absent else None

    @staticmethod
    def finding() -> str:
        """The device that draws, for people."""
        return "CUDA" if cuda_devices() else "CPU"

    def render(self, film: Film) -> Mapping[str, Images]:
        """Renders all frames of all cameras; keyed by camera name.

        Raises:
            SpecError: The stage cannot be drawn, see ``render_model``.
        """
        made = render_model(film, textures=False)
        pixels = max(
            (sum(v.width * v.height for v in _views(film, s)) for s in film.shots), default=1
        )
        room = BUFFER_BYTES["cpu" if self.device == "cpu" else "cuda"]
        batches = -(-made.frames // max(1, room // (PIXEL_BYTES * pixels)))
        results = _Results(film, made)
        if made.frames and film.shots:
            with self._warp.ScopedDevice(self.device):
                scene = _Scene(self._warp, film, made, -(-made.frames // batches))
                for index, shot in enumerate(film.shots):
                    views = _views(film, shot)
                    context = scene.context(index, views)
                    # What the kernel is specialised for is the same for all our models, and
                    # building it again costs a tenth of a second.
                    context._megakernel = self._kernel
                    for first in range(0, made.frames, scene.worlds):
                        results.take(index, first, views, *scene.shoot(context, first))
                    self._kernel = context._megakernel
        return {
            shot.camera: composite_sky(results.images[i], shot, film.stage.sky, results.coverage[i])
            for i, shot in enumerate(film.shots)
        }

    def close(self) -> None:
        """Nothing is held between films."""


@dataclass(frozen=True)
class _View:
    """A camera at one resolution: for colours, for labels or for both."""

    width: int
    height: int
    colours: bool
    labels: bool


def _views(film: Film, shot: Shot) -> list[_View]:
    """Views of a camera: with anti-aliasing, colours at a multiple of the size, labels apart."""
    n, i = film.samples, shot.intrinsics
    fine = _View(i.width * n, i.height * n, True, n == 1)
    return [fine] if n == 1 else [fine, _View(i.width, i.height, False, True)]


@dataclass(frozen=True, eq=False)
class _Poses:
    """World poses of all frames, in the arrays Warp's data holds."""

    geom_xpos: NDArray[np.float32]
    geom_xmat: NDArray[np.float32]
    cam_xpos: NDArray[np.float32]
    cam_xmat: NDArray[np.float32]
    light_xpos: NDArray[np.float32]
    light_xdir: NDArray[np.float32]

    @staticmethod
    def of(made: RenderModel) -> _Poses:
        """Computes them by MuJoCo's own kinematics."""
        data = mujoco.MjData(made.model)
        names = ("geom_xpos", "geom_xmat", "cam_xpos", "cam_xmat", "light_xpos", "light_xdir")
        frames: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
        for frame in range(made.frames):
            made.pose(data, frame)
            for name in names:
                frames[name].append(getattr(data, name).astype(np.float32))
        return _Poses(**{name: np.stack(values) for name, values in frames.items()})


class _Scene:
    """A film on the device; the worlds are frames."""

    def __init__(self, warp: Any, film: Film, made: RenderModel, worlds: int) -> None:
        import mujoco_warp

        self.warp, self.film, self.made, self.worlds = warp, film, made, worlds
        self.poses = _Poses.of(made)
        data = mujoco.MjData(made.model)
        made.pose(data, 0)
        self.model = mujoco_warp.put_model(made.model)
        self.data = mujoco_warp.put_data(made.model, data, nworld=worlds)

    def context(self, index: int, views: list[_View]) -> Any:
        """Buffers and textures of one camera."""
        import mujoco_warp

        context = mujoco_warp.create_render_context(
            self.made.model,
            nworld=self.worlds,
            cam_active=[index for _ in views],
            cam_res=[(view.width, view.height) for view in views],
            render_rgb=[view.colours for view in views],
            # Where colours are anti-aliased, depth says which samples are sky.
            render_depth=[True for _ in views],
            render_seg=[view.labels for view in views],
            use_shadows=self.film.shadows,
            shadow_light_fraction=0.0,
            enabled_geom_groups=[0],
        )
        times = levels(self.film, self.made.textures, self.film.shots[index])
        made = [self._texture(i, n) for i, n in zip(self.made.textures, times, strict=True)]
        context.textures_registry = made
        context.textures = self.warp.array(made, dtype=self.warp.Texture2D)
        return context

    def _texture(self, image: Bytes, times: int) -> Any:
        small = halved(image, times)
        opaque = np.ones((*small.shape[:2], 4), dtype=np.float32)
        opaque[..., :3] = small
        return self.warp.Texture2D(
            opaque,
            filter_mode=self.warp.TextureFilterMode.LINEAR,
            address_mode=self.warp.TextureAddressMode.WRAP,
        )

    def shoot(self, context: Any, first: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Draws the frames from ``first`` on, the last one again where the film is shorter.

        Returns:
            Packed colours (worlds, n, 4) as blue, green, red, alpha; depth (worlds, n) metres;
            geoms (worlds, n), -1 for none; the pixels of all views in a row.
        """
        import mujoco_warp

        rows = np.minimum(np.arange(first, first + self.worlds), self.made.frames - 1)
        for name, values in vars(self.poses).items():
            getattr(self.data, name).assign(np.ascontiguousarray(values[rows]))
        mujoco_warp.refit_bvh(self.model, self.data, context)
        mujoco_warp.render(self.model, self.data, context)
        packed = context.rgb_data.numpy()
        colours = packed.view(np.uint8).reshape(*packed.shape, 4)
        return colours, context.depth_data.numpy(), context.seg_data.numpy()[..., 0]


class _Results:
    """The images of a film, filled batch by batch."""

    def __init__(self, film: Film, made: RenderModel) -> None:
        self.samples, self.frames, self.depth = film.samples, made.frames, film.depth
        self.images: list[Images] = []
        self.coverage: list[Floats | None] = []
        # Geom -1, the last element, is the background.
        self.entity_of_geom = np.append(made.entity_of_geom, np.uint8(BACKGROUND))
        for shot in film.shots:
            size = (made.frames, shot.intrinsics.height, shot.intrinsics.width)
            rgb = np.empty((*size, 3), dtype=np.uint8)
            depth = np.zeros(size, dtype=np.float32)
            self.images.append(Images(rgb, depth, np.empty(size, dtype=np.uint8)))
            smooth = film.samples > 1 and film.stage.sky is not None
            self.coverage.append(np.empty(size, dtype=np.float32) if smooth else None)

    def take(
        self,
        index: int,
        first: int,
        views: list[_View],
        colours: NDArray[Any],
        depth: NDArray[Any],
        geoms: NDArray[Any],
    ) -> None:
        """Sorts one batch into the images of its camera."""
        count = min(len(depth), self.frames - first)
        frames = slice(first, first + count)
        at = {"colours": 0, "depth": 0, "labels": 0}
        for view in views:
            size, shape = view.width * view.height, (count, view.height, view.width)
            image = self.images[index]
            metres = depth[:count, at["depth"] : at["depth"] + size].reshape(shape)
            at["depth"] += size
            if view.colours:
                bgra = colours[:count, at["colours"] : at["colours"] + size]
                at["colours"] += size
                self._colours(index, frames, bgra.reshape(*shape, 4)[..., 2::-1], metres)
            if view.labels:
                geom = geoms[:count, at["labels"] : at["labels"] + size].reshape(shape)
                at["labels"] += size
                image.entity[frames] = self.entity_of_geom[geom]
                if self.depth:
                    image.depth_m[frames] = metres

    def _colours(self, index: int, frames: slice, rgb: NDArray[Any], metres: NDArray[Any]) -> None:
        image, coverage, n = self.images[index], self.coverage[index], self.samples
        if n == 1:
            image.rgb[frames] = rgb
            return
        count, height, width = metres.shape
        blocks = (count, height // n, n, width // n, n)
        mean = rgb.reshape(*blocks, 3).mean(axis=(2, 4), dtype=np.float32)
        image.rgb[frames] = (mean + np.float32(0.5)).astype(np.uint8)
        if coverage is not None:
            sky = (metres == 0.0).reshape(blocks)
            coverage[frames] = sky.mean(axis=(2, 4), dtype=np.float32)
