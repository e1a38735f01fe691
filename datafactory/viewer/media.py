"""Bytes of rendered images: whole files by range, single images, and what is drawn over them."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import DatasetError, SpecError
from datafactory.render.view import Masks
from datafactory.store.render_schema import render_id
from datafactory.store.renders import images, naming, open_media, view
from datafactory.store.variants import scan_renders
from datafactory.viewer.index import Snapshot

_RANGE = re.compile(r"bytes=(\d*)-(\d*)\Z")
MAX_PART = 4 << 20


class RangeError(SpecError):
    """A range of bytes that cannot be given."""


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and byte after the last of a ``Range`` header; None when there is no header.

    Source: RFC 9110, section 14.1.2. Parts are at most ``MAX_PART`` bytes, which a server may do.

    Raises:
        RangeError: No such range: several ranges, another unit, or beyond the end.
    """
    if header is None:
        return None
    match = _RANGE.match(header.strip())
    first, last = match.groups() if match else ("", "")
    if match is None or (not first and not last):
        raise RangeError("this range cannot be given", where=f"Range: {header[:60]}")
    if not first:
        start, stop = max(size - int(last), 0), size
    else:
        start = int(first)
        stop = min(int(last) + 1, size) if last else size
    if start >= stop:
        raise RangeError("this range is beyond the end", where=f"Range: {header[:60]}")
    return start, min(stop, start + MAX_PART)


def video_part(
    snapshot: Snapshot, attempt_id: str, variant: str, camera: str, header: str | None
) -> tuple[bytes, int, int]:
    """Some bytes of a view's file, where they start, and the size of the file.

    Raises:
        DatasetError: There is no such view, or it is no film.
        DatasetCorruptError: It cannot be read.
    """
    _need(snapshot, attempt_id, variant, camera)
    codec = str(_head(snapshot, attempt_id, variant, camera)["codec"])
    if codec != "h264":
        raise DatasetError("the view is no film", why=f"it is stored as {codec} images")
    with naming(attempt_id, camera):
        file = open_media(snapshot.dataset, attempt_id, variant, camera)
        size = int(file.size())
        start, stop = byte_range(header, size) or (0, size)
        file.seek(start)
        data = file.read(stop - start)
        if len(data) != stop - start:
            raise OSError("the file ends too early")
    return data, start, size


def _need(snapshot: Snapshot, attempt_id: str, variant: str, camera: str) -> None:
    """Makes sure that a variant has a camera."""
    if camera not in snapshot.images.kinds.get(variant, ()):
        raise DatasetError(
            f"there are no images of the variant '{variant}' and camera '{camera}'",
            remedy=f"datafactory render {snapshot.dataset.location.root}",
        )


def picture(snapshot: Snapshot, attempt_id: str, variant: str, camera: str, image: int) -> bytes:
    """One image as a JPEG file; a negative number counts from the end.

    Raises:
        DatasetError: There is no such image.
        DatasetCorruptError: It cannot be decoded.
    """
    from PIL import Image

    _need(snapshot, attempt_id, variant, camera)
    if image < 0:
        image += int(_head(snapshot, attempt_id, variant, camera)["length"])
    try:
        rgb = images(snapshot.dataset, (attempt_id, variant, camera), [image])[0]
    except IndexError as error:
        raise DatasetError(f"the view has no image {image}") from error
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=92)
    return file.getvalue()


def _head(snapshot: Snapshot, attempt_id: str, variant: str, camera: str) -> dict[str, Any]:
    """Codec and number of images of a view."""
    key = render_id(attempt_id, variant, camera)
    columns = ["codec", "length"]
    rows = scan_renders(snapshot.dataset, f"render_id = '{key}'", columns).to_pylist()
    if not rows:
        raise DatasetError(
            f"episode {attempt_id} has no images of the variant '{variant}'",
            remedy=f"datafactory render {snapshot.dataset.location.root} --variant {variant}",
        )
    head: dict[str, Any] = rows[0]
    return head


def overlay(snapshot: Snapshot, attempt_id: str, variant: str, camera: str) -> dict[str, Any]:
    """What is known of every image of a view, in pixels; missing things are null."""
    _need(snapshot, attempt_id, variant, camera)
    seen = view(snapshot.dataset, attempt_id, variant, camera, media=False)
    known = seen.annotations
    return {
        "entities": list(seen.entities),
        "frames": seen.frames.tolist(),
        "boxes": _pixels(known.visible_box),
        "amodal": _pixels(known.amodal_box),
        "visibility": np.round(known.visibility.astype(np.float64), 3).tolist(),
        "tool": _pixels(known.tcp_uv),
        "fingertips": _pixels(known.fingertips_uv),
        "centers": _pixels(known.center_uv),
        "grasps": _pixels(known.grasp_uv),
        "grasp_object": known.grasp_object.tolist(),
        "grasp_frame": known.grasp_frame.tolist(),
        "has_masks": seen.masks is not None,
    }


def _pixels(values: NDArray[np.float32]) -> Any:
    """Nested lists with null for NaN; a tenth of a pixel is enough to draw."""
    rounded = np.round(values.astype(np.float64), 1)
    plain = rounded.astype(object)
    plain[np.isnan(rounded)] = None
    return plain.tolist()


def masks(snapshot: Snapshot, attempt_id: str, variant: str, camera: str) -> bytes:
    """Masks as bytes: images F and runs R, F + 1 offsets and R lengths (all uint32), R labels."""
    _need(snapshot, attempt_id, variant, camera)
    seen = view(snapshot.dataset, attempt_id, variant, camera, media=False).masks
    if seen is None:
        raise DatasetError("this variant has no masks", remedy="render with a style that has them")
    return _packed(seen)


def _packed(found: Masks) -> bytes:
    head = np.array([len(found.offsets) - 1, len(found.values)], "<u4")
    parts = (head, found.offsets.astype("<u4"), found.lengths.astype("<u4"), found.values)
    return b"".join(p.tobytes() for p in parts)
