"""Runs inside Isaac Sim's own Python: renders one job and leaves images and ``result.json``.

    <python of Isaac Sim> isaac_worker.py <folder>/job.json

Written for Isaac Sim 5.x and 6.x. It imports nothing of datafactory, which is not installed there;
``isaac_contract.py`` describes the files. Colours are taken linear, before tone mapping, and
encoded as sRGB here, so that they do not depend on exposure settings. Depth is the distance along
the camera's axis. Labels are semantic segmentation of the taxonomy ``class``.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

CONTRACT = 1
ANNOTATORS = {
    "rgb": ("HdrColor", None),
    "depth": ("distance_to_image_plane", None),
    "labels": ("semantic_segmentation", {"colorize": False}),
}
LOADING_UPDATES = 10_000
WARM_UP_UPDATES = 30
DLAA = 4  # anti-aliasing at full resolution; DLSS would render small images even smaller


def main(job_path: Path) -> int:
    """Renders a job; returns the exit status."""
    folder = job_path.parent
    app = None
    try:
        job = json.loads(job_path.read_text(encoding="utf-8"))
        if job["contract"] != CONTRACT:
            raise RuntimeError(f"this worker speaks contract {CONTRACT}, not {job['contract']}")
        simulation_app = import_module("isaacsim").SimulationApp
        app = simulation_app({"headless": True, "anti_aliasing": DLAA})
        answer = render(app, job, folder)
    except Exception as error:  # whatever happened, the caller must read it
        traceback.print_exc()
        answer = {"status": "error", "error": f"{type(error).__name__}: {error}"}
    write_result(folder, answer)
    if app is not None:
        app.close()  # may end the process
    return 0 if answer["status"] == "ok" else 1


def write_result(folder: Path, answer: dict[str, Any]) -> None:
    """Writes ``result.json`` in one step."""
    partial = folder / "result.json.partial"
    partial.write_text(json.dumps({"contract": CONTRACT, **answer}), encoding="utf-8")
    os.replace(partial, folder / "result.json")


def render(app: Any, job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Opens the stage, renders every frame from every camera, and lists the files."""
    stage = open_stage(app, folder / job["usd"])
    hide_lamps(stage)
    rep = import_module("omni.replicator.core")
    rep.orchestrator.set_capture_on_play(False)
    annotators: dict[str, dict[str, Any]] = {}
    for camera in job["cameras"]:
        set_lens(stage.GetPrimAtPath(camera["prim"]), camera)
        product = rep.create.render_product(camera["prim"], (camera["width"], camera["height"]))
        annotators[camera["name"]] = {}
        for output in job["outputs"]:
            name, options = ANNOTATORS[output]
            annotator = rep.AnnotatorRegistry.get_annotator(name, init_params=options)
            annotator.attach([product])
            annotators[camera["name"]][output] = annotator
    timeline = import_module("omni.timeline").get_timeline_interface()
    timeline.set_auto_update(False)
    timeline.set_end_time((max(job["time_codes"]) + 1) / job["fps"])
    for _ in range(WARM_UP_UPDATES):  # shaders and textures
        app.update()
    listed: dict[str, list[dict[str, Any]]] = {name: [] for name in annotators}
    for number, code in enumerate(job["time_codes"]):
        go_to(timeline, code / job["fps"])
        rep.orchestrator.step(rt_subframes=job["subframes"], delta_time=0.0, pause_timeline=False)
        check_time(timeline, code / job["fps"], 0.5 / job["fps"])
        for name, outputs in annotators.items():
            stem = f"{name}_{number:05d}"
            listed[name].append(save(outputs, folder, stem))
    return {
        "status": "ok",
        "renderer": "isaacsim",
        "renderer_version": isaac_version(),
        "cameras": listed,
    }


def open_stage(app: Any, path: Path) -> Any:
    """Opens a stage and waits until everything it refers to is loaded."""
    context = import_module("omni.usd").get_context()
    if not context.open_stage(str(path)):
        raise RuntimeError(f"{path} cannot be opened")
    for _ in range(LOADING_UPDATES):
        app.update()
        _, _, waiting = context.get_stage_loading_status()
        if not waiting:
            return context.get_stage()
    raise RuntimeError(f"{path} is still loading after {LOADING_UPDATES} updates")


def hide_lamps(stage: Any) -> None:
    """Lamps light the scene without being seen: they are no body and would have no label."""
    kinds = import_module("pxr.Sdf").ValueTypeNames
    for prim in stage.Traverse():
        if prim.GetTypeName() in ("SphereLight", "DistantLight"):
            prim.CreateAttribute("visibleInPrimaryRay", kinds.Bool).Set(False)


def set_lens(prim: Any, camera: dict[str, Any]) -> None:
    """Gives a camera the exact pinhole parameters.

    RTX reads focal length and horizontal aperture of a USD camera, and takes pixels to be square
    and the principal point to be in the middle. Any other camera needs NVIDIA's OpenCV lens schema.
    """
    if not prim.IsValid():
        raise RuntimeError(f"there is no camera at {camera['prim']}")
    width, height = camera["width"], camera["height"]
    values = {key: camera[key] for key in ("fx", "fy", "cx", "cy")}
    offset = max(abs(values["cx"] - 0.5 * width), abs(values["cy"] - 0.5 * height))
    if offset < 1e-3 and abs(values["fx"] - values["fy"]) < 1e-3:
        return
    if not prim.ApplyAPI("OmniLensDistortionOpenCvPinholeAPI"):
        raise RuntimeError("this Isaac Sim has no OpenCV pinhole lens; it needs 5.0 or later")
    prefix = "omni:lensdistortion:opencvPinhole:"
    prim.GetAttribute("omni:lensdistortion:model").Set("opencvPinhole")
    prim.GetAttribute(f"{prefix}imageSize").Set(import_module("pxr.Gf").Vec2i(width, height))
    for key, value in values.items():
        prim.GetAttribute(prefix + key).Set(float(value))


def go_to(timeline: Any, time_s: float) -> None:
    """Moves the stage's time; nothing is played and nothing simulated."""
    timeline.set_current_time(time_s)
    timeline.commit()


def check_time(timeline: Any, time_s: float, tolerance_s: float) -> None:
    """Refuses an image of another moment than the one asked for."""
    now = timeline.get_current_time()
    if abs(now - time_s) > tolerance_s:
        raise RuntimeError(f"the timeline is at {now} s and not at {time_s} s")


def save(outputs: dict[str, Any], folder: Path, stem: str) -> dict[str, Any]:
    """Writes what the annotators of one camera hold; returns the frame's entry."""
    frame: dict[str, Any] = {}
    for output, annotator in outputs.items():
        data = annotator.get_data()
        suffix = "png" if output == "rgb" else "npy"
        frame[output] = f"{stem}_{output}.{suffix}"
        path = folder / frame[output]
        if output == "rgb":
            import_module("PIL.Image").fromarray(srgb(np.asarray(data))).save(path)
        elif output == "depth":
            np.save(path, np.squeeze(np.asarray(data, dtype=np.float32)))
        else:
            np.save(path, np.squeeze(np.asarray(data["data"]).astype(np.uint32)))
            names = data["info"]["idToLabels"]
            frame["names"] = {str(key): label_of(value) for key, value in names.items()}
    return frame


def srgb(colours: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """8-bit sRGB of linear colours (h, w, 3 or 4); alpha is left out."""
    linear = np.clip(np.nan_to_num(colours[..., :3].astype(np.float32)), 0.0, 1.0)
    curve = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (curve * 255.0 + 0.5).astype(np.uint8)


def label_of(value: Any) -> str:
    """The label in an entry of ``idToLabels``, which is text or keyed by taxonomy."""
    return str(value.get("class", "")) if isinstance(value, dict) else str(value)


def isaac_version() -> str:
    """Version of Isaac Sim; ``unknown`` for installations that are not a Python package."""
    try:
        return version("isaacsim")
    except PackageNotFoundError:
        return "unknown"


if __name__ == "__main__":
    # Taken away, because Isaac Sim hands what is left of the command line to Kit.
    sys.exit(main(Path(sys.argv.pop(1)).resolve()))
