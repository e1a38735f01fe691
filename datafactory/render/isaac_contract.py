"""What is handed to an Isaac Sim process and what it hands back: files in one folder.

``job.json`` says what to render, ``result.json`` what was made; both state the contract's version.
All file names in them are relative to the folder. The worker writes ``result.json`` last and in
one step, so its presence means that everything it lists is complete.

====================  ===========================================================================
file                  content
====================  ===========================================================================
``film.usdc``         The stage to open, with ``scene.usdc``, textures and sky beside it
``job.json``          :class:`Job`
``result.json``       :class:`Result`
``*_rgb.png``         8-bit sRGB, one per frame and camera
``*_depth.npy``       float32 metres along the camera's axis; not finite where nothing is
``*_labels.npy``      unsigned integers, named by ``labels`` of the frame
====================  ===========================================================================
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from datafactory.errors import PluginError
from datafactory.render.stage import BACKGROUND, Bytes, Film, Floats, Images

CONTRACT = 1
"""Version of the contract; a worker refuses jobs of another one."""
JOB_FILE = "job.json"
RESULT_FILE = "result.json"
NOTHING = "background"
"""Label, in any case, of pixels that show no body."""

Output = Literal["rgb", "depth", "labels"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class JobCamera(_Strict):
    """One camera: its prim, and its pinhole parameters in pixels as in ``stage.Intrinsics``."""

    name: str
    prim: str
    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float


class Job(_Strict):
    """What to render.

    Attributes:
        contract: Version of the contract.
        usd: Stage to open.
        fps: Time codes per second of the stage.
        time_codes: One frame each.
        cameras: Every frame is rendered from each of them.
        outputs: What is wanted of every frame.
        subframes: Rendering passes before a frame is taken, so that textures are loaded and
            accumulation has settled.
    """

    contract: int
    usd: str
    fps: int
    time_codes: tuple[float, ...]
    cameras: tuple[JobCamera, ...]
    outputs: tuple[Output, ...]
    subframes: int


class Frame(_Strict):
    """Files of one frame; an output that was not asked for is empty.

    Attributes:
        rgb, depth, labels: File names.
        names: Label of every value in ``labels``, keyed by the value as text.
    """

    rgb: str = ""
    depth: str = ""
    labels: str = ""
    names: Mapping[str, str] = {}


class Result(_Strict):
    """What was made.

    Attributes:
        contract: Version of the contract.
        status: ``ok``, or ``error`` with its text in ``error``.
        error: Why there are no images.
        renderer, renderer_version: What made them.
        cameras: The frames of every camera, in the order of the job's time codes.
    """

    contract: int
    status: Literal["ok", "error"]
    error: str = ""
    renderer: str = ""
    renderer_version: str = ""
    cameras: Mapping[str, tuple[Frame, ...]] = {}


def film_job(film: Film, usd: str, prims: Mapping[str, str], fps: int, subframes: int) -> Job:
    """The job that renders all of a film.

    Args:
        film: What is rendered.
        usd: File it was written to, relative to the job's folder.
        prims: Prim path by camera name.
        fps: Time codes per second of that file.
        subframes: Rendering passes of a frame.
    """
    cameras = []
    for shot in film.shots:
        i = shot.intrinsics
        cameras.append(
            JobCamera(name=shot.camera, prim=prims[shot.camera], width=i.width, height=i.height,
                      fx=i.fx, fy=i.fy, cx=i.cx, cy=i.cy)
        )  # fmt: skip
    return Job(
        contract=CONTRACT,
        usd=usd,
        fps=fps,
        time_codes=tuple(float(k) for k in range(len(film.world_from_body))),
        cameras=tuple(cameras),
        outputs=("rgb", "depth", "labels"),
        subframes=subframes,
    )


def read_result(folder: Path, job: Job) -> Result:
    """Reads ``result.json`` and checks that it answers the job.

    Raises:
        PluginError: It is missing, of another version, malformed, an error, or incomplete.
    """
    path = folder / RESULT_FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise broken("it left no result.json") from error
    except ValueError as error:
        raise broken(f"result.json is not JSON: {error}") from error
    version = data.get("contract") if isinstance(data, dict) else None
    if version != CONTRACT:
        raise broken(f"it speaks version {version} of the contract, not {CONTRACT}")
    try:
        result = Result.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(k) for k in first["loc"])
        raise broken(f"result.json, {key}: {first['msg']}") from error
    if result.status == "error":
        raise broken(result.error or "it reports an error without a text")
    for camera in job.cameras:
        frames = result.cameras.get(camera.name, ())
        if len(frames) != len(job.time_codes):
            why = f"{len(frames)} frames of camera '{camera.name}', {len(job.time_codes)} asked for"
            raise broken(why)
    return result


def read_images(
    folder: Path, job: Job, result: Result, entities: tuple[str, ...]
) -> dict[str, Images]:
    """Reads all images of a result, keyed by camera name.

    Args:
        folder: The job's folder.
        job: What was asked for.
        result: What was made.
        entities: ``Stage.entities``; labels are matched to them in any case.

    Raises:
        PluginError: A file is missing, of another size or type, or has an unknown label.
    """
    known = {name.lower(): k for k, name in enumerate(entities)} | {NOTHING: BACKGROUND}
    images = {}
    for camera in job.cameras:
        frames = result.cameras[camera.name]
        images[camera.name] = Images(
            rgb=np.stack([_rgb(folder, camera, f.rgb) for f in frames]),
            depth_m=np.stack([_depth(folder, camera, f.depth) for f in frames]),
            entity=np.stack([_entities(folder, camera, f, known) for f in frames]),
        )
    return images


def broken(why: str) -> PluginError:
    """The error of a worker that did not do its job."""
    return PluginError("Isaac Sim did not render the film", why=why)


def _checked(camera: JobCamera, name: str, values: NDArray[np.generic], kind: str) -> None:
    found, wanted = values.shape[:2], (camera.height, camera.width)
    if found != wanted:
        raise broken(f"{name} is {found[::-1]} pixels, camera '{camera.name}' is {wanted[::-1]}")
    if values.dtype.kind not in kind:
        raise broken(f"{name} holds {values.dtype}")


def _array(folder: Path, name: str) -> NDArray[np.generic]:
    try:
        values: NDArray[np.generic] = np.load(folder / name, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise broken(f"'{name}' cannot be read: {error}") from error
    if values.ndim != 2:
        raise broken(f"{name} has {values.ndim} dimensions, not 2")
    return values


def _rgb(folder: Path, camera: JobCamera, name: str) -> Bytes:
    from PIL import Image

    try:
        with Image.open(folder / name) as image:
            values = np.asarray(image.convert("RGB"))
    except (OSError, ValueError) as error:
        raise broken(f"'{name}' cannot be read: {error}") from error
    _checked(camera, name, values, "u")
    return values


def _depth(folder: Path, camera: JobCamera, name: str) -> Floats:
    values = _array(folder, name)
    _checked(camera, name, values, "f")
    return np.where(np.isfinite(values), values, 0.0).astype(np.float32)


def _entities(folder: Path, camera: JobCamera, frame: Frame, known: Mapping[str, int]) -> Bytes:
    values = _array(folder, frame.labels)
    _checked(camera, frame.labels, values, "ui")
    found, place = np.unique(values, return_inverse=True)
    numbers = []
    for value in found.tolist():
        name = frame.names.get(str(value))
        if name is None or name.lower() not in known:
            raise broken(f"{frame.labels}: value {value} is labelled {name!r}, which is no entity")
        numbers.append(known[name.lower()])
    return np.array(numbers, dtype=np.uint8)[place].reshape(values.shape)
