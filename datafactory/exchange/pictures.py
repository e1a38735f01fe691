"""Colour images of views as exports and imports need them: any video codec, and image files."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datafactory.render.media import GOP, decode_images, encode_images, is_video
from datafactory.render.view import Media, View

SAMPLED_IMAGES = 4
SAMPLED_PIXELS = 1 << 16
_STARTS = {b"\x89PNG": "png", b"\xff\xd8\xff\xe0": "jpeg", b"\xff\xd8\xff\xe1": "jpeg"}
_STARTS |= {b"\xff\xd8\xff\xdb": "jpeg", b"\xff\xd8\xff\xee": "jpeg"}


def decode(media: Media, indices: Sequence[int]) -> NDArray[np.uint8]:
    """(k, h, w, 3) uint8 images in the order of ``indices``, without any alpha channel.

    Raises:
        DatasetCorruptError: The bytes cannot be decoded.
    """
    return decode_images(media, indices)[..., :3]


def video_bytes(view: View) -> bytes:
    """One MP4 file of a view: the stored one, or H.264 made of its image files."""
    if is_video(view.video):
        return view.video.data
    return encode_images(decode(view.video, range(view.length)), view.fps, "h264").data


def sampled_images(view: View) -> NDArray[np.uint8]:
    """A few images of a view, evenly spaced over its key frames, thinned to 2^16 pixels each."""
    chosen = np.linspace(0, view.length - 1, min(SAMPLED_IMAGES, view.length)).astype(int)
    images = decode(view.video, sorted({int(i) // GOP * GOP for i in chosen}))
    step = max(1, math.ceil(math.sqrt(images.shape[1] * images.shape[2] / SAMPLED_PIXELS)))
    return images[:, ::step, ::step]


def pack(files: Sequence[bytes]) -> Media | None:
    """Image files of one format one after another, as they are; None for an unknown format."""
    found = {_STARTS.get(data[:4], "") for data in files}
    if len(found) != 1 or "" in found:
        return None
    offsets = np.zeros(len(files) + 1, np.int64)
    np.cumsum([len(data) for data in files], out=offsets[1:])
    return Media(found.pop(), b"".join(files), offsets)
