"""Stands in for the Isaac Sim worker: the same files in and out, drawn as points with ``pxr``.

What goes wrong is said by the environment variable FAKE_ISAAC; pictures are blank then. Run by the
interpreter of the tests through a wrapper that drops the worker's path.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image


def label_of(prim):
    """Label of a prim: its own or that of the nearest prim above."""
    from pxr import UsdSemantics

    while prim:
        api = UsdSemantics.LabelsAPI(prim, "class")
        if api and api.GetLabelsAttr():
            return api.GetLabelsAttr().Get()[0]
        prim = prim.GetParent()
    return "UNLABELLED"


def view(stage, camera, code, names):
    """(rgb, depth, labels) with every mesh vertex as a pixel, the nearest one in front."""
    from pxr import Gf, UsdGeom

    width, height = camera["width"], camera["height"]
    cache = UsdGeom.XformCache(code)
    prim = stage.GetPrimAtPath(camera["prim"])
    frustum = UsdGeom.Camera(prim).GetCamera(code).frustum
    to_clip = frustum.ComputeViewMatrix() * frustum.ComputeProjectionMatrix()
    to_view = frustum.ComputeViewMatrix()
    rgb = np.zeros((height, width, 3), np.uint8)
    depth = np.full((height, width), np.inf, np.float32)
    labels = np.zeros((height, width), np.uint32)
    for mesh in (p for p in stage.Traverse() if p.IsA(UsdGeom.Mesh)):
        local = cache.GetLocalToWorldTransform(mesh)
        value = names.setdefault(label_of(mesh), len(names) + 1)
        for point in UsdGeom.Mesh(mesh).GetPointsAttr().Get():
            world = local.Transform(Gf.Vec3d(point))
            z = -to_view.Transform(world)[2]
            x, y, _ = to_clip.Transform(world)
            u, v = int(np.floor((x + 1) / 2 * width)), int(np.floor((1 - y) / 2 * height))
            if z > 0 and 0 <= u < width and 0 <= v < height and z < depth[v, u]:
                rgb[v, u], depth[v, u], labels[v, u] = 10 * value, z, value
    return rgb, depth, labels


def blank(camera):
    """(rgb, depth, labels) of nothing, for what is to go wrong without a look at the stage."""
    size = (camera["height"], camera["width"])
    return np.zeros((*size, 3), np.uint8), np.full(size, np.inf, np.float32), np.ones(size, "u4")


def main():
    folder, mode = Path(sys.argv[1]).parent, os.environ.get("FAKE_ISAAC", "")
    job = json.loads((folder / "job.json").read_text())
    if mode == "crash":
        sys.exit("RuntimeError: no Vulkan device")
    if mode == "hang":
        time.sleep(60)
    if not mode:
        from pxr import Usd

        stage = Usd.Stage.Open(str(folder / job["usd"]))
    names, cameras = {}, {}
    for camera in job["cameras"]:
        cameras[camera["name"]] = []
        for number, code in enumerate(job["time_codes"]):
            rgb, depth, labels = blank(camera) if mode else view(stage, camera, code, names)
            stem = f"{camera['name']}_{number}"
            Image.fromarray(rgb[:-1] if mode == "size" else rgb).save(folder / f"{stem}_rgb.png")
            np.save(folder / f"{stem}_depth.npy", depth)
            np.save(folder / f"{stem}_labels.npy", labels)
            shown = {"0": "BACKGROUND", "1": "something" if mode == "label" else "floor"}
            shown |= {str(v): k for k, v in names.items()}
            cameras[camera["name"]].append(
                {"rgb": f"{stem}_rgb.png", "depth": f"{stem}_depth.npy",
                 "labels": f"{stem}_labels.npy", "names": shown}
            )  # fmt: skip
        if mode == "few":
            cameras[camera["name"]].pop()
        if mode == "lost":
            (folder / f"{stem}_depth.npy").unlink()
    result = {"contract": 99 if mode == "version" else 1, "status": "ok", "cameras": cameras}
    if mode == "error":
        result = {"contract": 1, "status": "error", "error": "the stage cannot be opened"}
    (folder / "result.json").write_text(json.dumps(result))
    if mode == "late":
        os.abort()


main()
