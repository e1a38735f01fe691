"""Reading Radiance pictures (``.hdr``), the usual format of captured skies.

The format is described in Ward, "Real Pixels", Graphics Gems II, 1991, and in the manual of
Radiance: a text header, a resolution line, then RGBE pixels, flat or run-length encoded by
scanline and channel.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import SpecError

_RESOLUTION = re.compile(rb"-Y (\d+) \+X (\d+)\n")
_MOST_PIXELS = 2**28


def read_hdr(path: Path | str) -> NDArray[np.float32]:
    """Reads a Radiance picture.

    Args:
        path: File with rows from top to bottom and columns from left to right (``-Y h +X w``,
            what every tool writes).

    Returns:
        (height, width, 3) float32 linear RGB, the header's exposure undone.

    Raises:
        SpecError: There is no such file, or it is no RGBE picture of this orientation, or it ends
            early.
    """
    file = Path(path)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SpecError(
            "the sky's picture cannot be read", where=str(file), why=error.strerror or str(error)
        ) from error
    header, blank, rest = data.partition(b"\n\n")
    found = _RESOLUTION.match(rest)
    if not data.startswith((b"#?RADIANCE", b"#?RGBE")) or not blank:
        raise _bad(file, "it does not begin like a Radiance picture")
    if b"FORMAT=32-bit_rle_rgbe" not in header:
        raise _bad(file, "its pixels are not RGBE")
    if found is None:
        raise _bad(file, "its resolution line is not '-Y <height> +X <width>'")
    height, width = int(found[1]), int(found[2])
    if not 0 < height * width <= _MOST_PIXELS:
        raise _bad(file, f"its size of {width} x {height} pixels is out of range")
    body = np.frombuffer(rest, np.uint8, offset=found.end())
    rgbe = _pixels(body, height, width, file)
    scale = np.ldexp(np.float32(1.0), rgbe[..., 3].astype(np.int32) - (128 + 8))
    scale = np.where(rgbe[..., 3] == 0, np.float32(0.0), scale)
    exposure = 1.0
    for value in re.findall(rb"(?m)^EXPOSURE=\s*(\S+)", header):
        try:
            exposure *= float(value)
        except ValueError:
            raise _bad(file, f"its exposure is no number: {value!r}") from None
    if not exposure > 0.0:
        raise _bad(file, f"its exposure is {exposure}")
    image = rgbe[..., :3] * scale[..., None] / np.float32(exposure)
    return np.asarray(image, np.float32)


def _bad(file: Path, why: str) -> SpecError:
    return SpecError(
        "the sky's picture cannot be read",
        where=str(file),
        why=why,
        remedy="save it again as a Radiance .hdr picture (RGBE, top row first)",
    )


def _pixels(body: NDArray[np.uint8], height: int, width: int, file: Path) -> NDArray[np.uint8]:
    """Decodes the pixels, (height, width, 4)."""
    mark = bytes((2, 2, width >> 8 & 255, width & 255))
    if not 8 <= width < 2**15 or body[:4].tobytes() != mark:
        if body.size < 4 * height * width:
            raise _bad(file, f"it ends after {body.size} of {4 * height * width} bytes of pixels")
        return body[: 4 * height * width].reshape(height, width, 4)
    data = body.tobytes()
    pieces: list[bytes] = []
    at = 0
    for _ in range(height):
        if data[at : at + 4] != mark:
            raise _bad(file, f"a scanline does not begin where it should, at byte {at} of pixels")
        at = _scanline(data, at + 4, 4 * width, pieces, file)
    rows = np.frombuffer(b"".join(pieces), np.uint8).reshape(height, 4, width)
    return rows.transpose(0, 2, 1)


def _scanline(data: bytes, at: int, size: int, pieces: list[bytes], file: Path) -> int:
    """Decodes a scanline's channels, one after the other; returns where the next begins."""
    filled = 0
    while filled < size:
        if at + 2 > len(data):
            raise _bad(file, "it ends in the middle of a scanline")
        count = data[at]
        if count > 128:
            count -= 128
            pieces.append(data[at + 1 : at + 2] * count)
            at += 2
        else:
            pieces.append(data[at + 1 : at + 1 + count])
            at += 1 + count
        filled += count
        if count == 0 or filled > size or at > len(data):
            raise _bad(file, "a run of pixels does not fit its scanline")
    return at
