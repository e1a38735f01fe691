"""Views with made-up numbers, and datasets that hold them."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import numpy as np

from datafactory.render.media import encode_depth, encode_images, encode_masks
from datafactory.render.stage import Intrinsics
from datafactory.render.view import Annotations, View
from datafactory.store.dataset import open_dataset
from datafactory.store.render_schema import ANNOTATIONS
from datafactory.store.renders import (
    render_id,
    render_row,
)

CAMERAS = ("wrist", "front")


def fake_view(episode_id, variant="v0", camera="front", **changes):
    """A view whose contents follow from its key; odd floats (NaN, -0) included."""
    options = {"frames": 5, "objects": 2, "grasps": 1, "size": (32, 24), "codec": "jpeg"}
    options |= {"depth": True, "masks": True, "fps": 10, **changes}
    count, n, g = (options[k] for k in ("frames", "objects", "grasps"))
    width, height = options["size"]
    seed = int(render_id(episode_id, variant, camera)[:8], 16)
    rng = np.random.Generator(np.random.PCG64(seed))
    sizes = {"length": count, "n_objects": n, "n_grasps": g}

    def made(array):
        shape = [sizes[s] if isinstance(s, str) else s for s in array.shape]
        values = rng.normal(0, 100, shape).astype(array.dtype)
        if array.dtype == "float32" and values.size > 1:
            values.flat[0], values.flat[1] = np.nan, -0.0
        return values

    rgb = rng.integers(0, 256, (count, height // 4, width // 4, 3), dtype=np.uint8)
    rgb = rgb.repeat(4, 1).repeat(4, 2)
    entity = rng.integers(0, 3, (count, height, width), dtype=np.uint8)
    depth = rng.uniform(0, 3, (count, height, width)).astype(np.float32)
    return View(
        episode_id=episode_id,
        variant=variant,
        camera=camera,
        renderer="fake",
        renderer_version="1",
        style_hash="ab" * 16,
        look_json='{"sun":[0.1,"é"]}',
        fps=options["fps"],
        frames=np.arange(count, dtype=np.int32) * 2,
        intrinsics=Intrinsics(width, height, 100, 101.5, 16.25, 12),
        world_from_camera=rng.normal(size=(count, 7)).astype(np.float32),
        base_from_camera=rng.normal(size=(count, 7)).astype(np.float32),
        entities=("background", "floor", "mug"),
        video=encode_images(rgb, options["fps"], options["codec"]),
        depth=encode_depth(depth) if options["depth"] else None,
        masks=encode_masks(entity) if options["masks"] else None,
        annotations=Annotations(**{a.name: made(a) for a in ANNOTATIONS}),
        phase=np.arange(count, dtype=np.int16),
        thumbnail=b"thumb" + camera.encode(),
        strip=b"",
        cpu_s={"render": 0.25, "encode": 0.5},
    )


def same(a, b):
    """Whether two values are equal to the last bit, dtypes included."""
    if is_dataclass(a):
        return type(a) is type(b) and all(
            same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a)
        )
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return type(a) is type(b) and a == b


def add(committer, made, run_id="run"):
    committer.add_table("renders")
    rows = [render_row(v, run_id) for v in made]
    committer.append("renders", committer.writer.write("renders", rows), {"variant": "v0"})


def ids_of(committer):
    dataset = open_dataset(committer.location.root)
    return dataset.episodes(columns=["episode_id"]).column(0).to_pylist()


def every(ids, **changes):
    return [fake_view(i, camera=c, **changes) for i in ids for c in CAMERAS]
