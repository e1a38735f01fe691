"""A sky as a Radiance picture file (.hdr), the form every renderer reads for a dome light.

The file format is the one of the Radiance manual, "File Formats", section on pictures: four bytes
a pixel, three mantissas and a shared exponent, in scanlines of runs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datafactory.render.stage import Bytes, Floats

WORLD_FROM_DOME = (0.5, 0.5, -0.5, -0.5)
"""Orientation of the dome light, wxyz. In its own frame y is up, the image's middle towards z and
a quarter of the image towards x. Ours, mirrored, has z up, its middle towards -x and a quarter
towards -y."""
_RUN = 128  # longest stretch of unequal bytes the format can state


def shared_exponent(pixels: Floats) -> Bytes:
    """Packs linear colours (h, w, 3), >= 0, into (h, w, 4) uint8 red, green, blue, exponent.

    The largest channel keeps 8 bits; the error is at most 1/256 of it.
    """
    peak = pixels.max(axis=-1)
    mantissa, exponent = np.frexp(peak.astype(np.float64))
    shown = peak > 1e-32
    scale = np.where(shown, mantissa * 256.0 / np.where(shown, peak, 1.0), 0.0)
    packed = np.zeros((*peak.shape, 4), dtype=np.uint8)
    packed[..., :3] = np.minimum(pixels * scale[..., None], 255.0)
    packed[..., 3] = np.where(shown, exponent + 128, 0)
    return packed


def _scanline(row: Bytes) -> bytes:
    """One scanline (w, 4): its four channels one after another, in unequal runs."""
    width = len(row)
    parts = [bytes((2, 2, width >> 8, width & 255))]
    for channel in np.ascontiguousarray(row.T):
        for start in range(0, width, _RUN):
            run = channel[start : start + _RUN].tobytes()
            parts += [bytes((len(run),)), run]
    return b"".join(parts)


def write_sky(path: Path, sky: Floats) -> None:
    """Writes a sky (h, w, 3) of a stage for a dome light oriented ``WORLD_FROM_DOME``.

    Args:
        path: File to make.
        sky: Linear radiance as in ``skies``: row 0 straight up, column 0 towards +x, columns
            turning towards +y; 8 <= w < 32768.
    """
    mirrored: NDArray[np.float32] = np.maximum(sky[:, ::-1], 0.0)
    height, width = mirrored.shape[:2]
    if not 8 <= width < 32768:
        raise ValueError(f"a sky of {width} columns cannot be written")
    head = f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {height} +X {width}\n".encode()
    packed = shared_exponent(mirrored)
    path.write_bytes(head + b"".join(_scanline(row) for row in packed))


def light_from_above(sky: Floats) -> NDArray[np.float64]:
    """(3,) radiance of a white, matte surface that faces up under a sky (h, w, 3)."""
    height, width = sky.shape[:2]
    polar = np.pi * (np.arange(height) + 0.5) / height
    solid_angle = 2.0 * np.pi**2 / (height * width) * np.sin(polar)
    share = np.maximum(np.cos(polar), 0.0) * solid_angle / np.pi
    light: NDArray[np.float64] = np.einsum("h,hwc->c", share, sky.astype(np.float64))
    return light
