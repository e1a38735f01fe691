"""Pictures and films made of rendered views: contact sheets and videos of all cameras at once."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datafactory.picture.canvas import Canvas, shortened
from datafactory.picture.palette import DIM, INK, PAPER

Rgb = NDArray[np.uint8]
GAP = 8
LABEL = 26
MARGIN = 20


def contact_sheet(rows: Sequence[tuple[str, Sequence[Rgb]]], title: str) -> Image.Image:
    """Draws labelled rows of pictures.

    Args:
        rows: (label, pictures (h, w, 3) uint8 of one height); rows may differ in length.
        title: Line above them.
    """
    width = max(sum(p.shape[1] + GAP for p in pictures) - GAP for _, pictures in rows)
    height = sum(LABEL + max(p.shape[0] for p in pictures) + GAP for _, pictures in rows)
    canvas = Canvas(width + 2 * MARGIN, height + 2 * MARGIN + 24, PAPER)
    canvas.text((MARGIN, 14), shortened(title, width, 18), INK, 18)
    sheet = canvas.finished().convert("RGB")
    top = MARGIN + 24
    for label, pictures in rows:
        strip = Canvas(width, LABEL, PAPER)
        strip.text((0, 4), shortened(label, width, 13), DIM, 13)
        sheet.paste(strip.finished().convert("RGB"), (MARGIN, top))
        left = MARGIN
        for picture in pictures:
            sheet.paste(Image.fromarray(picture), (left, top + LABEL))
            left += picture.shape[1] + GAP
        top += LABEL + max(p.shape[0] for p in pictures) + GAP
    return sheet


def evenly(count: int, wanted: int) -> list[int]:
    """At most ``wanted`` of the indices 0 ... count - 1, first and last among them."""
    if wanted >= count:
        return list(range(count))
    return [round(i * (count - 1) / max(1, wanted - 1)) for i in range(wanted)]


def write_film(path: Path, cameras: Sequence[Rgb], fps: int) -> None:
    """Writes one MP4 file that shows all cameras side by side.

    Args:
        path: File to write.
        cameras: (F, h, w, 3) uint8 per camera, equal F.
        fps: Images per second.
    """
    import av

    tallest = max(c.shape[1] for c in cameras)
    padded = [
        np.pad(c, ((0, 0), (0, tallest - c.shape[1]), (0, 0), (0, 0)), constant_values=255)
        for c in cameras
    ]
    frames = np.concatenate(padded, axis=2)
    frames = frames[:, : frames.shape[1] // 2 * 2, : frames.shape[2] // 2 * 2]
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(fps), options={"crf": "18"})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for image in frames:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
