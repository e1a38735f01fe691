"""Images to bytes and back: colour (H.264, JPEG, PNG), depth (16-bit PNG), masks (run lengths).

The same images always give the same bytes: every encoder runs in one thread, colour conversion
uses the exact integer code, and no time or name of a machine is written.

H.264 files have no B-frames and a key frame at least every ``GOP`` images, so image i is found
without decoding more than ``GOP`` images. Their index (``moov``) is at the end. Colours are
converted with the BT.601 matrix, which decoders that ignore the tags assume too, and tagged so:
BT.709 primaries, sRGB transfer, BT.601 matrix, video range.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import DatasetCorruptError, SpecError, UnknownNameError
from datafactory.render.view import Masks, Media

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

CODECS = ("h264", "jpeg", "png")
GOP, CRF = 10, 25
JPEG_QUALITY = 95
PNG_LEVEL = 1
MAX_DEPTH_M = 65.535
THUMBNAIL_WIDTH, STRIP_HEIGHT = 160, 96

_PRIMARIES_BT709, _TRANSFER_SRGB, _MATRIX_BT601, _VIDEO_RANGE = 1, 13, 5, 1


def encode_images(rgb: Bytes, fps: int, codec: str) -> Media:
    """Encodes the colour images of one camera.

    Args:
        rgb: (F, h, w, 3) uint8 sRGB, F >= 1.
        fps: Images per second; in ``h264``, image i is at i / fps exactly.
        codec: ``h264`` (small; even width and height only), ``jpeg`` (quality 95, fast to read
            at random) or ``png`` (lossless).

    Raises:
        SpecError: The codec is unknown, or cannot store this size.
    """
    if rgb.ndim != 4 or rgb.shape[3] != 3 or rgb.dtype != np.uint8 or not len(rgb):
        raise TypeError(f"images must be (F, h, w, 3) uint8, not {rgb.shape} {rgb.dtype}")
    rgb = np.ascontiguousarray(rgb)
    if codec == "h264":
        return Media("h264", _encode_h264(rgb, fps), np.empty(0, np.int64))
    if codec == "jpeg":
        import simplejpeg

        return _pack(codec, [simplejpeg.encode_jpeg(f, JPEG_QUALITY, "RGB", "420") for f in rgb])
    if codec == "png":
        return _pack(codec, [_png(frame) for frame in rgb])
    raise UnknownNameError.of("codec", codec, CODECS)


def is_video(media: Media) -> bool:
    """Whether the images are one video file rather than a file each. Imported ones may be AV1."""
    return not len(media.offsets)


def image_count(media: Media) -> int:
    """Number of images in the bytes.

    Raises:
        DatasetCorruptError: They are a video that cannot be opened.
    """
    if not is_video(media):
        return len(media.offsets) - 1
    with _opened(io.BytesIO(media.data)) as container:
        return int(container.streams.video[0].frames)


def decode_images(media: Media, indices: Sequence[int] | None = None) -> Bytes:
    """Decodes some colour images.

    Args:
        media: Encoded images.
        indices: Images, in any order, also repeated; None for all.

    Returns:
        (k, h, w, 3) uint8 sRGB in the order of ``indices``.

    Raises:
        IndexError: There is no such image.
        DatasetCorruptError: The bytes cannot be decoded.
    """
    if not media.data:
        raise SpecError("these images were not read", remedy="read the view with media=True")
    if is_video(media):
        return decode_video(io.BytesIO(media.data), indices)
    return decode_files(media.codec, [media.data[a:b] for a, b in spans(media.offsets, indices)])


def spans(
    offsets: NDArray[np.integer[Any]], indices: Sequence[int] | None
) -> list[tuple[int, int]]:
    """(begin, end) byte offsets of some files of a pack.

    Raises:
        IndexError: There is no such image.
    """
    count = len(offsets) - 1
    chosen = range(count) if indices is None else [_within(i, count) for i in indices]
    return [(int(offsets[i]), int(offsets[i + 1])) for i in chosen]


def decode_files(codec: str, files: Sequence[bytes]) -> NDArray[Any]:
    """Decodes image files of one size.

    Args:
        codec: ``jpeg``, ``png`` or ``png16``.
        files: k files.

    Returns:
        (k, h, w, 3) uint8 sRGB, or (k, h, w) uint16 for ``png16``.

    Raises:
        DatasetCorruptError: A file cannot be decoded.
    """
    from PIL import Image

    try:
        if codec == "jpeg":
            import simplejpeg

            # The fast ways to decode cost 3 dB and save a sixth of the time.
            frames = [simplejpeg.decode_jpeg(f, "RGB", False, False) for f in files]
        else:
            frames = [np.asarray(Image.open(io.BytesIO(f))) for f in files]
    except (OSError, ValueError, SyntaxError) as error:
        raise undecodable(error) from error
    if not frames:
        return np.empty((0, 0, 0) if codec == "png16" else (0, 0, 0, 3), np.uint8)
    if any(f.shape != frames[0].shape for f in frames):
        raise undecodable("their sizes differ")
    return np.stack(frames)


def decode_video(file: IO[bytes], indices: Sequence[int] | None = None) -> Bytes:
    """Decodes some images of a video of constant frame rate.

    Args:
        file: A readable, seekable MP4 file; no more of it is read than needed.
        indices: Images, in any order, also repeated; None for all.

    Returns:
        (k, h, w, 3) uint8 sRGB in the order of ``indices``.

    Raises:
        IndexError: There is no such image.
        DatasetCorruptError: The bytes cannot be decoded.
    """
    with _opened(file) as container:
        stream = container.streams.video[0]
        count = stream.frames
        chosen = range(count) if indices is None else [_within(i, count) for i in indices]
        out = np.empty((len(chosen), stream.height, stream.width, 3), np.uint8)
        places: dict[int, list[int]] = {}
        for place, index in enumerate(chosen):
            places.setdefault(index, []).append(place)
        converter = reformatter()
        for index, frame in _wanted(container, stream, sorted(places)):
            out[places[index]] = rgb_image(frame, converter)
        return out


def _within(index: int, count: int) -> int:
    if not 0 <= index < count:
        raise IndexError(f"there is no image {index}; there are {count}")
    return int(index)


def undecodable(error: BaseException | str) -> DatasetCorruptError:
    """The error for images that cannot be decoded."""
    return DatasetCorruptError("stored images cannot be decoded", why=str(error))


@contextmanager
def _opened(file: IO[bytes]) -> Iterator[Any]:
    import av

    try:
        with av.open(file, "r", format="mp4", options={"err_detect": "explode"}) as container:
            container.streams.video[0].codec_context.thread_count = 1
            yield container
    except (av.FFmpegError, EOFError) as error:
        raise undecodable(error) from error


def _wanted(container: Any, stream: Any, indices: Sequence[int]) -> Iterator[tuple[int, Any]]:
    """Yields (index, frame) of ascending indices, jumping to key frames over gaps."""
    duration = 1 / (stream.average_rate * stream.time_base)  # of one image, in time base units
    start = stream.start_time or 0
    frames: Iterator[Any] = container.decode(stream)
    at = 0
    for index in indices:
        if index - at >= GOP:
            container.seek(start + round(index * duration), stream=stream)
            frames = container.decode(stream)
        for frame in frames:
            at = round((frame.pts - start) / duration) + 1
            if at > index:
                break
        if at != index + 1:
            raise undecodable(f"image {index} is missing from the video")
        yield index, frame


def reformatter() -> Any:
    """Converts colours; keep it for images of one size."""
    from av.video.reformatter import VideoReformatter

    return VideoReformatter()


def rgb_image(frame: Any, converter: Any) -> Bytes:
    """(h, w, 3) uint8 sRGB of a decoded ``av.VideoFrame``, by a :func:`reformatter`."""
    converted = converter.reformat(
        frame,
        format="rgb24",
        src_color_range="MPEG" if frame.color_range in (0, 1) else "JPEG",
        dst_color_range="JPEG",
        threads=1,
    )
    image: Bytes = converted.to_ndarray()
    return image


def _encode_h264(rgb: Bytes, fps: int) -> bytes:
    import av
    from av.video.reformatter import Interpolation

    _, height, width, _ = rgb.shape
    if height % 2 or width % 2:
        raise SpecError(
            f"h264 cannot store images of {width} x {height} pixels",
            why="it stores colour for blocks of 2 x 2 pixels",
            remedy="choose an even width and height, or the codec jpeg (--set codec=jpeg)",
        )
    exact = (
        Interpolation.BILINEAR
        | Interpolation.ACCURATE_RND
        | Interpolation.BITEXACT
        | Interpolation.FULL_CHR_H_INP
    )
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream: Any = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {
            "preset": "superfast",
            "tune": "fastdecode",  # halves the time to decode for 7 % more bytes
            "crf": str(CRF),
            "bf": "0",
            "threads": "1",
        }
        context = stream.codec_context
        context.gop_size, context.thread_count = GOP, 1
        context.time_base = Fraction(1, fps)
        context.color_primaries, context.color_trc = _PRIMARIES_BT709, _TRANSFER_SRGB
        context.colorspace, context.color_range = _MATRIX_BT601, _VIDEO_RANGE
        converter = reformatter()
        for i, image in enumerate(rgb):
            frame = converter.reformat(
                av.VideoFrame.from_ndarray(image, format="rgb24"),
                format="yuv420p",
                dst_colorspace="ITU601",
                src_color_range="JPEG",
                dst_color_range="MPEG",
                interpolation=exact,
                threads=1,
            )
            frame.pts, frame.time_base = i, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def _pack(codec: str, files: Sequence[bytes]) -> Media:
    offsets = np.zeros(len(files) + 1, np.int64)
    np.cumsum([len(f) for f in files], out=offsets[1:])
    return Media(codec, b"".join(files), offsets)


def _png(image: NDArray[Any]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "png", compress_level=PNG_LEVEL)
    return buffer.getvalue()


def encode_depth(depth_m: Floats) -> Media:
    """Encodes depth images: 16-bit millimetres, rounded.

    What is not a distance in (0, 65.535] m (nothing seen, NaN, too far) is stored as 0: none.

    Args:
        depth_m: (F, h, w) metres along the camera's z axis.
    """
    known = (depth_m > 0) & (depth_m <= MAX_DEPTH_M)
    millimetres = np.rint(np.where(known, depth_m, 0) * 1000).astype(np.uint16)
    return _pack("png16", [_png(frame) for frame in millimetres])


def decode_depth(media: Media, indices: Sequence[int] | None = None) -> Floats:
    """Decodes some depth images; arguments and errors as in :func:`decode_images`.

    Returns:
        (k, h, w) float32 metres along the camera's z axis; 0 for none.
    """
    if not media.data:
        raise SpecError("these images were not read", remedy="read the view with media=True")
    files = [media.data[a:b] for a, b in spans(media.offsets, indices)]
    return decode_files("png16", files).astype(np.float32) / np.float32(1000)


def encode_masks(entity: Bytes) -> Masks:
    """Encodes labelled images as run lengths.

    Args:
        entity: (F, h, w) uint8 labels.
    """
    count, height, width = entity.shape
    flat = np.ascontiguousarray(entity, np.uint8).reshape(-1)
    begins = np.ones(flat.size, bool)
    begins[1:] = flat[1:] != flat[:-1]
    begins[:: height * width] = True
    starts = np.flatnonzero(begins)
    lengths = np.diff(starts, append=flat.size).astype(np.int32)
    frames = np.arange(count + 1) * (height * width)
    offsets = np.searchsorted(starts, frames).astype(np.int64)
    return Masks(height, width, offsets, flat[starts], lengths)


def decode_masks(masks: Masks, indices: Sequence[int] | None = None) -> Bytes:
    """Decodes some labelled images.

    Args:
        masks: Run lengths.
        indices: Images, in any order; None for all.

    Returns:
        (k, h, w) uint8 labels.

    Raises:
        IndexError: There is no such image.
        DatasetCorruptError: A frame's runs do not add up to its pixels.
    """
    pixels = masks.height * masks.width
    chosen = spans(masks.offsets, indices)
    out = np.empty((len(chosen), pixels), np.uint8)
    for place, (a, b) in enumerate(chosen):
        lengths = masks.lengths[a:b]
        if int(lengths.sum(dtype=np.int64)) != pixels or (lengths < 0).any():
            raise DatasetCorruptError(f"a mask does not have {pixels} pixels")
        out[place] = np.repeat(masks.values[a:b], lengths)
    return out.reshape(-1, masks.height, masks.width)


def thumbnail(rgb: Bytes) -> bytes:
    """WebP, at most 160 pixels wide, of one (h, w, 3) uint8 image."""
    height, width = rgb.shape[:2]
    scale = min(1.0, THUMBNAIL_WIDTH / width)
    return _webp([rgb], round(width * scale), round(height * scale))


def contact_strip(rgb: Bytes, frames: int = 6) -> bytes:
    """WebP of evenly spaced images side by side, 96 pixels high at most, first to last.

    Args:
        rgb: (F, h, w, 3) uint8 images.
        frames: Images in the strip.
    """
    height, width = rgb.shape[1:3]
    scale = min(1.0, STRIP_HEIGHT / height)
    chosen = np.linspace(0, len(rgb) - 1, frames).round().astype(int)
    return _webp([rgb[i] for i in chosen], round(width * scale), round(height * scale))


def _webp(tiles: Sequence[Bytes], width: int, height: int) -> bytes:
    from PIL import Image

    size = (max(1, width), max(1, height))
    sheet = Image.new("RGB", (size[0] * len(tiles), size[1]))
    for i, tile in enumerate(tiles):
        small = Image.fromarray(np.ascontiguousarray(tile)).resize(size, Image.Resampling.BOX)
        sheet.paste(small, (i * size[0], 0))
    buffer = io.BytesIO()
    sheet.save(buffer, "webp", quality=75, method=1)
    return buffer.getvalue()
