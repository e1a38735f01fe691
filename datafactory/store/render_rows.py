"""Views to rows of the table ``renders`` and back: exact bits in, exact bits out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from datafactory.render.stage import Intrinsics
from datafactory.render.view import Annotations, Masks, Media, View
from datafactory.store.encode import Row, content_hash
from datafactory.store.render_schema import ANNOTATIONS, ARRAYS, BLOBS, render_id

_SAME = (
    *("episode_id", "variant", "camera", "renderer", "renderer_version"),
    *("style_hash", "look_json", "fps", "thumbnail", "strip"),
)
_LENS = tuple(f.name for f in fields(Intrinsics))


def logical_row(view: View) -> Row:
    """Everything of a view but how it came about; arrays in their natural shape."""
    masks, depth, lens = view.masks, view.depth, view.intrinsics
    return {
        "render_id": render_id(view.episode_id, view.variant, view.camera),
        **{name: getattr(view, name) for name in _SAME},
        "fps": int(view.fps),
        "length": view.length,
        "n_objects": int(view.annotations.visibility.shape[1]),
        "n_grasps": len(view.annotations.grasp_object),
        "width": int(lens.width),
        "height": int(lens.height),
        **{name: float(getattr(lens, name)) for name in ("fx", "fy", "cx", "cy")},
        "entities": list(view.entities),
        "codec": view.video.codec,
        "depth_codec": depth.codec if depth else "",
        "has_masks": masks is not None,
        "video_bytes": len(view.video.data),
        "depth_bytes": len(depth.data) if depth else 0,
        "video": view.video.data,
        "depth": depth.data if depth else None,
        "frames": view.frames,
        "world_from_camera": view.world_from_camera,
        "base_from_camera": view.base_from_camera,
        "phase": view.phase,
        **{a.name: getattr(view.annotations, a.name) for a in ANNOTATIONS},
        "video_offsets": view.video.offsets,
        "depth_offsets": depth.offsets if depth else None,
        "mask_offsets": masks.offsets if masks else None,
        "mask_values": masks.values if masks else None,
        "mask_lengths": masks.lengths if masks else None,
    }


def render_row(view: View, run_id: str) -> Row:
    """Returns the ``renders`` row of a view, as ``FragmentWriter.write`` takes it.

    Args:
        view: What was rendered.
        run_id: Id of the render run, shared by all calls that work on it.

    Raises:
        TypeError: An array has another dtype or shape than documented.
    """
    row = logical_row(view)
    digest = content_hash(row)
    for name, array in ARRAYS.items():
        if row[name] is not None:
            row[name] = array.flatten(row[name], row)
    for name in BLOBS:
        row[name] = None if row[name] is None else {"data": row[name]}
    cpu_s = [{"name": k, "value": float(v)} for k, v in sorted(view.cpu_s.items())]
    lineage = {"run_id": run_id, "created_at": datetime.now(UTC), "content_hash": digest}
    return {**row, **lineage, "cpu_s": cpu_s}


def render_rows(data: pa.Table) -> list[Row]:
    """Reads rows of any columns: plain values, and arrays in their natural shape.

    The columns that hold an array's sizes must be among them.
    """
    if not data.num_rows:
        return []
    columns: dict[str, list[Any]] = {}
    for name in data.column_names:
        column = data.column(name).combine_chunks()
        if name in ARRAYS:
            columns[name] = [
                v.values.to_numpy(zero_copy_only=True) if v.is_valid else None for v in column
            ]
        else:
            columns[name] = column.to_pylist()
    rows = [{n: values[i] for n, values in columns.items()} for i in range(data.num_rows)]
    for row in rows:
        for name in row.keys() & ARRAYS.keys():
            if row[name] is not None:
                row[name] = ARRAYS[name].restore(row[name], row)
    return rows


def stored_view(row: Mapping[str, Any]) -> View:
    """Builds a view from a full row of :func:`render_rows`.

    ``video`` and ``depth`` are bytes; without them the view's media are empty.
    """
    masks = depth = None
    if row["has_masks"]:
        names = ("mask_offsets", "mask_values", "mask_lengths")
        masks = Masks(row["height"], row["width"], *(row[n] for n in names))
    if row["depth_codec"]:
        depth = Media(row["depth_codec"], row.get("depth") or b"", row["depth_offsets"])
    return View(
        **{name: row[name] for name in _SAME},
        frames=row["frames"],
        intrinsics=Intrinsics(**{name: row[name] for name in _LENS}),
        world_from_camera=row["world_from_camera"],
        base_from_camera=row["base_from_camera"],
        entities=tuple(row["entities"]),
        video=Media(row["codec"], row.get("video") or b"", row["video_offsets"]),
        depth=depth,
        masks=masks,
        annotations=Annotations(**{a.name: row[a.name] for a in ANNOTATIONS}),
        phase=row["phase"],
        cpu_s={n["name"]: n["value"] for n in row["cpu_s"]},
    )
