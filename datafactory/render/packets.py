"""Any image of an H.264 video without opening the file: where its packets lie, and a decoder.

Opening an MP4 file costs more than decoding a few small images of it. Whoever reads many files at
random notes once where each packet is, and from then on hands one decoder the packets from the
last key frame to the image.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import DatasetCorruptError
from datafactory.render.media import reformatter, rgb_image, undecodable

_CODEC = "h264"


@dataclass(frozen=True, eq=False)
class PacketIndex:
    """Where the n images of a video are.

    Attributes:
        header: The decoder's settings (parameter sets).
        offsets: (n + 1,) uint32 where each image's packet begins in the file, and the end.
        keys: (n,) bool, whether decoding may begin there.
    """

    header: bytes
    offsets: NDArray[np.uint32]
    keys: NDArray[np.bool_]


def index_packets(data: bytes) -> PacketIndex | None:
    """Finds the packets of a video.

    Args:
        data: MP4 file.

    Returns:
        None unless it is H.264 of a constant rate, packets follow one another in the order in
        which the images are shown, and the first image is a key frame.

    Raises:
        DatasetCorruptError: It cannot be read.
    """
    import av

    try:
        with av.open(io.BytesIO(data), "r", format="mp4") as container:
            stream = container.streams.video[0]
            name, header = stream.codec_context.name, bytes(stream.codec_context.extradata or b"")
            duration = 1 / (stream.average_rate * stream.time_base)
            found = [
                (p.pos, p.size, p.pts, p.is_keyframe) for p in container.demux(stream) if p.size
            ]
    except (av.FFmpegError, EOFError, IndexError) as error:
        raise undecodable(error) from error
    if not found or name != _CODEC or len(data) >= 1 << 32:
        return None
    begins, sizes, times, keys = (np.array(values) for values in zip(*found, strict=True))
    ends = begins + sizes
    shown = np.rint((times - times[0]) / float(duration))
    in_order = np.array_equal(shown, np.arange(len(shown))) and np.array_equal(
        ends[:-1], begins[1:]
    )
    if not in_order or not keys[0]:
        return None
    return PacketIndex(header, np.append(begins, ends[-1]).astype(np.uint32), keys)


class PacketDecoder:
    """Decodes packets of H.264 videos, one group after another; not for several threads at once."""

    def __init__(self) -> None:
        self._contexts: dict[bytes, Any] = {}
        self._converter = reformatter()

    def _context(self, header: bytes) -> Any:
        import av

        if header not in self._contexts:
            context = av.CodecContext.create(_CODEC, "r")
            context.extradata, context.thread_count = header, 1
            context.options = {"err_detect": "explode"}
            self._contexts[header] = context
        return self._contexts[header]

    def decode(
        self, header: bytes, packets: Sequence[bytes], indices: Sequence[int]
    ) -> NDArray[np.uint8]:
        """Decodes some images.

        Args:
            header: The decoder's settings.
            packets: From a key frame on.
            indices: Packets whose images are wanted, in any order.

        Returns:
            (k, h, w, 3) uint8 sRGB, the same as ``media.decode_video`` gives.

        Raises:
            DatasetCorruptError: They cannot be decoded.
        """
        import av

        context = self._context(header)
        try:
            frames = [f for data in packets for f in context.decode(av.Packet(data))]
            frames += context.decode(None)
            context.flush_buffers()
        except (av.FFmpegError, EOFError) as error:
            del self._contexts[header]
            raise undecodable(error) from error
        if len(frames) != len(packets):
            raise DatasetCorruptError(
                "stored images cannot be decoded",
                why=f"{len(packets)} packets gave {len(frames)} images",
            )
        return np.stack([rgb_image(frames[i], self._converter) for i in indices])
