from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import threading

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from datafactory.errors import DatasetCorruptError, SpecError, UnknownNameError
from datafactory.render.media import (
    CODECS,
    GOP,
    contact_strip,
    decode_depth,
    decode_images,
    decode_masks,
    encode_depth,
    encode_images,
    encode_masks,
    image_count,
    thumbnail,
)
from datafactory.render.view import Masks, Media


def scene(count=25, height=64, width=96):
    """A moving disc over a smooth gradient."""
    y, x = np.mgrid[:height, :width]
    back = np.stack([x * 255 / width, y * 255 / height, 0 * x + 90], axis=2)
    out = np.empty((count, height, width, 3), np.uint8)
    for i in range(count):
        out[i] = back
        out[i][(x - 20 - 2 * i) ** 2 + (y - 30) ** 2 < 150] = (220, 40, 60)
    return out


def psnr(a, b):
    error = np.mean((a.astype(float) - b.astype(float)) ** 2)
    return np.inf if error == 0 else 10 * np.log10(255**2 / error)


@pytest.fixture(scope="module")
def rgb():
    return scene()


@pytest.mark.parametrize(("codec", "least"), [("h264", 31), ("jpeg", 34), ("png", np.inf)])
def test_images_come_back(rgb, codec, least):
    media = encode_images(rgb, 10, codec)
    assert psnr(decode_images(media), rgb) >= least
    assert image_count(media) == len(rgb)


@pytest.mark.parametrize("codec", CODECS)
def test_random_access_gives_the_same_images_as_decoding_all(rgb, codec):
    media = encode_images(rgb, 10, codec)
    every = decode_images(media)
    for chosen in ([24, 0, 7, 7, 15, 16, 3], [GOP], [GOP - 1], [24], list(range(25))[::-1], []):
        found = decode_images(media, chosen)
        assert len(found) == len(chosen)
        assert not chosen or np.array_equal(found, every[chosen])


@pytest.mark.parametrize("codec", CODECS)
def test_every_image_is_the_one_of_its_number(codec):
    """Grey levels count the images, so a wrong one is seen whatever is lost in encoding."""
    count = 50
    rgb = np.repeat(np.arange(count, dtype=np.uint8) * 5, 32 * 32 * 3).reshape(count, 32, 32, 3)
    media = encode_images(rgb, 30, codec)
    for i in range(count):
        assert round(decode_images(media, [i]).mean() / 5) == i


@pytest.mark.parametrize("codec", CODECS)
def test_an_image_that_is_not_there_is_an_error(rgb, codec):
    media = encode_images(rgb, 10, codec)
    for index in (-1, 25):
        with pytest.raises(IndexError):
            decode_images(media, [index])


@pytest.mark.parametrize("codec", CODECS)
def test_colours_are_not_swapped(codec):
    colours = [(230, 30, 20), (20, 200, 40), (30, 50, 220), (250, 250, 250), (128, 128, 128)]
    rgb = np.array(colours, np.uint8)[:, None, None].repeat(32, 1).repeat(32, 2)
    found = decode_images(encode_images(rgb, 10, codec)).mean(axis=(1, 2))
    assert np.abs(found - colours).max() < 4


def test_video_time_and_colour_tags(rgb):
    with av.open(io.BytesIO(encode_images(rgb, 12, "h264").data)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        context = stream.codec_context
        assert [f.pts * f.time_base * 12 for f in frames] == list(range(25))
        assert stream.average_rate == 12
        assert stream.duration * stream.time_base * 12 == 25
        assert max(np.diff([i for i, f in enumerate(frames) if f.key_frame] + [25])) <= GOP
        assert context.pix_fmt == "yuv420p"
        assert (context.color_primaries, context.color_trc) == (1, 13)
        assert (context.colorspace, context.color_range) == (5, 1)


@pytest.mark.parametrize("fps", [1, 7, 24, 30, 1000])
def test_rates(rgb, fps):
    media = encode_images(rgb, fps, "h264")
    assert np.array_equal(decode_images(media, [13]), decode_images(media)[[13]])


def test_one_image(rgb):
    media = encode_images(rgb[:1], 10, "h264")
    assert psnr(decode_images(media, [0]), rgb[:1]) > 30


def test_a_video_made_elsewhere_with_b_frames_and_few_key_frames():
    rgb = np.repeat(np.arange(50, dtype=np.uint8) * 5, 32 * 32 * 3).reshape(50, 32, 32, 3)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=30, options={"bf": "3", "g": "40"})
        stream.width = stream.height = 32
        for image in rgb:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    media = Media("h264", buffer.getvalue(), np.empty(0, np.int64))
    assert image_count(media) == 50
    for chosen in (range(50), [49, 7, 0, 33, 12], [41]):
        grey = decode_images(media, chosen).mean(axis=(1, 2, 3))
        assert (grey / 5).round().astype(int).tolist() == list(chosen)


@pytest.mark.parametrize("codec", CODECS)
def test_the_same_images_give_the_same_bytes(rgb, codec):
    assert encode_images(rgb, 10, codec).data == encode_images(rgb, 10, codec).data


def test_the_same_bytes_in_another_process_and_under_load(rgb):
    code = (
        "import hashlib, numpy as np; from datafactory.render.media import encode_images\n"
        "from tests.test_render_media import scene\n"
        "print(hashlib.sha256(encode_images(scene(), 10, 'h264').data).hexdigest())"
    )
    wanted = hashlib.sha256(encode_images(rgb, 10, "h264").data).hexdigest()
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == wanted
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(encode_images(rgb, 10, "h264").data))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {hashlib.sha256(data).hexdigest() for data in found} == {wanted}


def test_odd_sizes(rgb):
    odd = rgb[:3, :63, :95]
    with pytest.raises(SpecError, match="95 x 63"):
        encode_images(odd, 10, "h264")
    assert decode_images(encode_images(odd, 10, "jpeg")).shape == odd.shape
    assert np.array_equal(decode_images(encode_images(odd, 10, "png")), odd)


def test_misuse(rgb):
    with pytest.raises(UnknownNameError, match="h265"):
        encode_images(rgb, 10, "h265")
    with pytest.raises(TypeError, match="uint8"):
        encode_images(rgb.astype(np.float32), 10, "jpeg")
    with pytest.raises(SpecError, match="media=True"):
        decode_images(Media("h264", b"", np.empty(0, np.int64)), [0])


@pytest.mark.parametrize("codec", CODECS)
def test_damaged_bytes_are_an_error(rgb, codec):
    media = encode_images(rgb, 10, codec)
    noise = hashlib.shake_128(b"noise").digest(len(media.data) - 400)
    for data in (media.data[:200] + noise + media.data[-200:], noise, media.data[:300]):
        with pytest.raises(DatasetCorruptError):
            decode_images(Media(codec, data, media.offsets))
    if codec == "h264":
        with pytest.raises(DatasetCorruptError):
            image_count(Media(codec, noise, media.offsets))


def test_depth_is_exact_to_half_a_millimetre():
    rng = np.random.Generator(np.random.PCG64(0))
    depth = rng.uniform(0.01, 65.5, (4, 20, 30)).astype(np.float32)
    media = encode_depth(depth)
    assert media.codec == "png16"
    assert np.abs(decode_depth(media).astype(float) - depth).max() < 0.000501 + 4e-6
    assert np.array_equal(decode_depth(media, [2, 0]), decode_depth(media)[[2, 0]])
    assert decode_depth(media).dtype == np.float32


def test_depth_that_is_none():
    depth = np.array([[[0, -1, np.nan, np.inf, 65.536, 65.535, 0.001]]], np.float32)
    found = decode_depth(encode_depth(depth))[0, 0]
    assert found.tolist() == [0, 0, 0, 0, 0, np.float32(65.535), np.float32(0.001)]


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9)).flatmap(
        lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 3) | st.just(255))
    )
)
def test_masks_come_back(entity):
    masks = encode_masks(entity)
    assert np.array_equal(decode_masks(masks), entity)
    last = len(entity) - 1
    assert np.array_equal(decode_masks(masks, [last, 0]), entity[[last, 0]])
    pixels = entity.shape[1] * entity.shape[2]
    assert np.add.reduceat(masks.lengths, masks.offsets[:-1]).tolist() == [pixels] * len(entity)
    same = masks.values[1:] == masks.values[:-1]
    assert set(np.flatnonzero(same) + 1) <= set(masks.offsets.tolist())
    assert (masks.lengths.dtype, masks.values.dtype, masks.offsets.dtype) == ("i4", "u1", "i8")


def test_damaged_masks_are_an_error():
    masks = encode_masks(np.zeros((2, 4, 4), np.uint8))
    with pytest.raises(DatasetCorruptError):
        decode_masks(Masks(4, 5, masks.offsets, masks.values, masks.lengths))


def test_thumbnail_and_strip(rgb):
    small = Image.open(io.BytesIO(thumbnail(scene(1, 240, 320)[0])))
    assert (small.format, small.size) == ("WEBP", (160, 120))
    assert Image.open(io.BytesIO(thumbnail(rgb[0]))).size == (96, 64)
    strip = Image.open(io.BytesIO(contact_strip(scene(30, 192, 192))))
    assert (strip.format, strip.size) == ("WEBP", (6 * 96, 96))
    tiles = np.asarray(strip).reshape(96, 6, 96, 3).swapaxes(0, 1).astype(float)
    assert np.abs(tiles[0] - scene(30, 192, 192)[0][::2, ::2]).mean() < 12
    assert len({tile.tobytes() for tile in tiles}) == 6
    assert Image.open(io.BytesIO(contact_strip(rgb[:2]))).size == (6 * 96, 64)
