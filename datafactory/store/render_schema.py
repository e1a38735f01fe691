"""Arrow schema of the table ``renders``: one row is one camera of one episode in one variant.

Arrays are flat lists, component by component as in ``store.series``: value ``c * F + i`` is
component c of image i. Encoded colour and depth are blobs, which a scan of other columns does not
read; their offsets, masks and annotations are typed lists.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

_ZSTD = {"lance-encoding:compression": "zstd"}
_ZSTD_BSS = {**_ZSTD, "lance-encoding:bss": "on"}


@dataclass(frozen=True)
class RenderArray:
    """One stored array of a view.

    Attributes:
        name: Column name.
        dtype: NumPy name.
        shape: Sizes: a number or the column that holds it (``length``: images, ``n_objects``,
            ``n_grasps``); empty for one list of any length.
        unit: Unit of the values.
        null: Whether the style may leave it out.
    """

    name: str
    dtype: str
    shape: tuple[str | int, ...] = ()
    unit: str = ""
    null: bool = False

    def _sizes(self, row: Mapping[str, Any]) -> tuple[int, ...]:
        return tuple(row[s] if isinstance(s, str) else s for s in self.shape)

    def flatten(self, array: np.ndarray[Any, Any], row: Mapping[str, Any]) -> np.ndarray[Any, Any]:
        """Returns the values as stored: 1-D, component by component.

        Raises:
            TypeError: The array has another dtype or shape, which would not be read back.
        """
        wanted = self._sizes(row) or (array.size,)
        if array.dtype != np.dtype(self.dtype) or array.shape != wanted:
            raise TypeError(
                f"{self.name} must be {self.dtype} {wanted}, not {array.dtype} {array.shape}"
            )
        if array.ndim == 1 or array.size == 0:
            return array.reshape(-1)
        return array.reshape(array.shape[0], -1).T.reshape(-1)

    def restore(self, values: np.ndarray[Any, Any], row: Mapping[str, Any]) -> Any:
        """Returns stored values in their natural shape, C-contiguous."""
        shape = self._sizes(row)
        if len(shape) < 2:
            return values
        if not values.size:
            return values.reshape(shape)
        return np.ascontiguousarray(values.reshape(-1, shape[0]).T).reshape(shape)


ANNOTATIONS = (
    RenderArray("visible_box", "float32", ("length", "n_objects", 4), "px"),
    RenderArray("amodal_box", "float32", ("length", "n_objects", 4), "px"),
    RenderArray("visible_pixels", "int32", ("length", "n_objects"), "px"),
    RenderArray("amodal_pixels", "int32", ("length", "n_objects"), "px"),
    RenderArray("visibility", "float32", ("length", "n_objects"), "1"),
    RenderArray("center_uv", "float32", ("length", "n_objects", 2), "px"),
    RenderArray("corners_uv", "float32", ("length", "n_objects", 8, 2), "px"),
    RenderArray("box_camera", "float32", ("length", "n_objects", 7), "m, 1"),
    RenderArray("tcp_uv", "float32", ("length", 2), "px"),
    RenderArray("tcp_camera", "float32", ("length", 3), "m"),
    RenderArray("fingertips_uv", "float32", ("length", 2, 2), "px"),
    RenderArray("grasp_uv", "float32", ("length", "n_grasps", 2, 2), "px"),
    RenderArray("grasp_object", "int32", ("n_grasps",), "object"),
    RenderArray("grasp_frame", "int32", ("n_grasps",), "frame"),
)
"""The fields of ``Annotations``."""

FRAMES = (
    RenderArray("frames", "int32", ("length",), "frame"),
    RenderArray("world_from_camera", "float32", ("length", 7), "m, 1"),
    RenderArray("base_from_camera", "float32", ("length", 7), "m, 1"),
    RenderArray("phase", "int16", ("length",), "phase"),
)
PACKED = (
    RenderArray("video_offsets", "int64", unit="byte"),
    RenderArray("depth_offsets", "int64", unit="byte", null=True),
    RenderArray("mask_offsets", "int64", unit="run", null=True),
    RenderArray("mask_values", "uint8", unit="entity", null=True),
    RenderArray("mask_lengths", "int32", unit="px", null=True),
)
ARRAYS = {a.name: a for a in (*FRAMES, *ANNOTATIONS, *PACKED)}
BLOBS = ("video", "depth")
HEAVY = frozenset({*ARRAYS, *BLOBS, "thumbnail", "strip", "look_json"})
"""Columns too large to read for every row of a listing."""


def render_id(episode_id: str, variant: str, camera: str) -> str:
    """Returns the 32 hex digit key of a row."""
    text = f"{episode_id}/{variant}/{camera}".encode()
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _array_field(array: RenderArray) -> pa.Field:
    one_byte = np.dtype(array.dtype).itemsize == 1
    kind = pa.type_for_alias(array.dtype)
    item = pa.field("item", kind, nullable=False, metadata=_ZSTD if one_byte else _ZSTD_BSS)
    shape = ", ".join(str(s) for s in array.shape)
    metadata = {"unit": array.unit, "shape": shape}
    return pa.field(array.name, pa.list_(item), nullable=array.null, metadata=metadata)


def render_fields() -> tuple[pa.Field, ...]:
    """The columns of ``renders``."""
    from lance.blob import blob_field

    s, i, d = pa.string(), pa.int32(), pa.float64()

    def field(name: str, kind: pa.DataType) -> pa.Field:
        return pa.field(name, kind, nullable=False)

    number = pa.struct([field("name", s), field("value", d)])
    return (
        pa.field(
            "render_id",
            s,
            nullable=False,
            metadata={"lance-schema:unenforced-primary-key": "true"},
        ),
        *[field(n, s) for n in ("episode_id", "variant", "camera", "run_id")],
        field("created_at", pa.timestamp("us", tz="UTC")),
        *[field(n, s) for n in ("content_hash", "renderer", "renderer_version", "style_hash")],
        pa.field("look_json", s, nullable=False, metadata=_ZSTD),
        *[field(n, i) for n in ("fps", "length", "n_objects", "n_grasps", "width", "height")],
        *[field(n, d) for n in ("fx", "fy", "cx", "cy")],
        field("entities", pa.list_(field("item", s))),
        *[field(n, s) for n in ("codec", "depth_codec")],
        field("has_masks", pa.bool_()),
        *[field(n, pa.int64()) for n in ("video_bytes", "depth_bytes")],
        blob_field("video", nullable=False),
        blob_field("depth"),
        *[_array_field(a) for a in ARRAYS.values()],
        *[field(n, pa.binary()) for n in ("thumbnail", "strip")],
        field("cpu_s", pa.list_(field("item", number))),
    )
