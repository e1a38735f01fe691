"""Joining and cutting MP4 files by copying packets, without decoding a single image.

Both keep every image's bytes. Image k of a file with a constant rate of ``fps`` is at k / fps
exactly; packets are numbered by their presentation time, never by a running sum of durations.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import DatasetCorruptError

_BITEXACT = {"fflags": "+bitexact"}


@dataclass(frozen=True)
class Kind:
    """What two videos must share to be played one after the other from one file.

    Attributes:
        codec: Codec name.
        width, height: Pixels.
        pix_fmt: Pixel format.
        fps: Images per second.
        header: The decoder's settings (parameter sets).
        delay: Images the decoder is fed before the first one is shown (B-frames).
    """

    codec: str
    width: int
    height: int
    pix_fmt: str
    fps: Fraction
    header: bytes
    delay: int


@dataclass(frozen=True, eq=False)
class Packets:
    """The packets of one video in decoding order.

    Attributes:
        kind: What they belong to.
        data: (n,) their bytes.
        shown: (n,) int64 number of the image each one shows: a permutation of 0 ... n - 1.
        keys: (n,) whether decoding may begin there.
    """

    kind: Kind
    data: tuple[bytes, ...]
    shown: NDArray[np.int64]
    keys: tuple[bool, ...]


def _open(source: bytes | Path) -> Any:
    import av

    file: Any = io.BytesIO(source) if isinstance(source, bytes) else str(source)
    return av.open(file, "r")


def read_packets(data: bytes | Path, fps: int) -> Packets:
    """Reads the packets of a video.

    Args:
        data: MP4 file.
        fps: Its rate.

    Raises:
        DatasetCorruptError: It is not a video of images at k / fps, one after the other.
    """
    import av

    try:
        with _open(data) as container:
            stream = container.streams.video[0]
            packets = [p for p in container.demux(stream) if p.size]
            return _packets(stream, packets, fps)
    except (av.FFmpegError, IndexError) as error:
        raise DatasetCorruptError("a stored video cannot be read", why=str(error)) from error


def _packets(stream: Any, packets: list[Any], fps: int) -> Packets:
    shown = _numbers(packets, stream.time_base, fps)
    shown -= shown.min() if len(shown) else 0
    if not np.array_equal(np.sort(shown), np.arange(len(shown))):
        raise DatasetCorruptError(
            "a video does not have a constant rate",
            why=f"its {len(shown)} images are not at k / {fps} seconds",
        )
    return Packets(
        _kind(stream, shown, fps),
        tuple(bytes(p) for p in packets),
        shown,
        tuple(bool(p.is_keyframe) for p in packets),
    )


def _numbers(packets: Iterable[Any], time_base: Fraction, fps: int) -> NDArray[np.int64]:
    """(n,) nearest image number of each packet's presentation time."""
    times = np.array([p.pts for p in packets], dtype=np.float64)
    return np.rint(times * float(time_base * fps)).astype(np.int64)


def _kind(stream: Any, shown: NDArray[np.int64], fps: int) -> Kind:
    context = stream.codec_context
    delay = int((np.arange(len(shown)) - shown).max(initial=0))
    return Kind(
        codec=context.name if context.name != "libdav1d" else "av1",
        width=context.width,
        height=context.height,
        pix_fmt=context.pix_fmt or "",
        fps=Fraction(fps),
        header=bytes(context.extradata or b""),
        delay=delay,
    )


def _add_stream(container: Any, template: Any, fps: int) -> Any:
    stream = container.add_stream_from_template(template)
    stream.time_base = Fraction(1, fps)
    return stream


def _mux(container: Any, stream: Any, packets: Packets, first: int, delay: int) -> None:
    import av

    for k, (data, shown) in enumerate(zip(packets.data, packets.shown.tolist(), strict=True)):
        packet = av.Packet(data)
        packet.stream = stream
        packet.time_base = Fraction(1, int(packets.kind.fps))
        packet.pts, packet.dts = first + shown, first + k - delay
        packet.duration = 1
        packet.is_keyframe = packets.keys[k]
        container.mux(packet)


class Joiner:
    """Writes videos of one kind one after the other into one file; use as a context manager."""

    def __init__(self, path: Path, fps: int) -> None:
        self._path = path
        self._fps = fps
        self._output: Any = None
        self._stream: Any = None
        self._kind: Kind | None = None
        self.images = 0
        self.bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._output is not None:
            self._output.close()
        if raised[0] is None:
            self._check()

    def fits(self, packets: Packets) -> bool:
        """Whether a video can follow those that are there."""
        mine = self._kind
        if mine is None:
            return True
        alike = replace(packets.kind, delay=mine.delay) == mine
        return alike and packets.kind.delay <= mine.delay

    def add(self, data: bytes, packets: Packets) -> int:
        """Appends a video; returns the number of its first image in the file.

        Args:
            data: The MP4 file the packets were read from.
            packets: What :func:`read_packets` read; it fits.
        """
        import av

        if self._output is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._output = av.open(str(self._path), "w", format="mp4", options=_BITEXACT)
            with _open(data) as source:
                self._stream = _add_stream(self._output, source.streams.video[0], self._fps)
        self._kind = self._kind or packets.kind
        first = self.images
        _mux(self._output, self._stream, packets, first, self._kind.delay)
        self.images += len(packets.data)
        self.bytes += sum(len(d) for d in packets.data)
        return first

    def _check(self) -> None:
        """Makes sure that the file has all images at their exact times."""
        if self._output is None:
            return
        with _open(self._path) as container:
            stream = container.streams.video[0]
            packets = (p for p in container.demux(stream) if p.size)
            found = _numbers(packets, stream.time_base, self._fps)
        if not np.array_equal(np.sort(found), np.arange(self.images)):
            raise DatasetCorruptError(
                f"{self._path.name} does not have its {self.images} images at their times",
                why=f"{len(found)} were found",
            )


def cut(path: Path, fps: int, start: int, stop: int) -> bytes | None:
    """Images ``start`` <= k < ``stop`` of a file as a file of their own, packets copied.

    Args:
        path: MP4 file.
        fps: Its rate.
        start: First image.
        stop: Image after the last one.

    Returns:
        The new file; None when decoding cannot begin at ``start`` or images after ``stop`` are
        needed to decode, so that the images would have to be encoded again.

    Raises:
        DatasetCorruptError: The file cannot be read or does not have these images.
    """
    import av

    try:
        with _open(path) as source:
            stream = source.streams.video[0]
            chosen = list(_between(source, stream, fps, start, stop))
            if not chosen or not chosen[0].is_keyframe:
                return None
            shown = _numbers(chosen, stream.time_base, fps) - start
            if not np.array_equal(np.sort(shown), np.arange(stop - start)):
                return None
            packets = _packets(stream, chosen, fps)
            buffer = io.BytesIO()
            with av.open(buffer, "w", format="mp4", options=_BITEXACT) as output:
                _mux(output, _add_stream(output, stream, fps), packets, 0, packets.kind.delay)
            return buffer.getvalue()
    except (av.FFmpegError, IndexError) as error:
        raise DatasetCorruptError(f"{path} cannot be read", why=str(error)) from error


def _between(source: Any, stream: Any, fps: int, start: int, stop: int) -> Iterator[Any]:
    """Packets from the one that shows image ``start`` to the first key frame at ``stop`` or on."""
    source.seek(round(start / fps / stream.time_base), stream=stream, backward=True)
    begun = False
    for packet in source.demux(stream):
        if not packet.size:
            continue
        number = round(packet.pts * stream.time_base * fps)
        begun = begun or number == start
        if number >= stop and packet.is_keyframe:
            return
        if begun:
            yield packet
