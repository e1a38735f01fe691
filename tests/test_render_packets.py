from __future__ import annotations

import io
from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.errors import DatasetCorruptError
from datafactory.render.media import GOP, decode_video, encode_images
from datafactory.render.packets import PacketDecoder, index_packets
from tests.exchange_fixture import encoded, pictures

FPS = 10
COUNT = 2 * GOP + 3


@pytest.fixture(scope="module")
def clip():
    return encode_images(pictures(0, COUNT), FPS, "h264").data


def packets(data, index, first, last):
    return [data[a:b] for a, b in pairwise(index.offsets[first : last + 2])]


def test_the_index_finds_every_packet(clip):
    index = index_packets(clip)
    with av.open(io.BytesIO(clip)) as container:
        stream = container.streams.video[0]
        stored = [bytes(p) for p in container.demux(stream) if p.size]
    assert packets(clip, index, 0, COUNT - 1) == stored
    assert np.flatnonzero(index.keys).tolist() == [0, GOP, 2 * GOP]


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_images_are_those_of_the_opened_file(clip, data):
    index, decoder = index_packets(clip), PacketDecoder()
    for _ in range(3):  # one decoder for group after group
        key = data.draw(st.sampled_from(np.flatnonzero(index.keys).tolist()))
        size = min(GOP, COUNT - key)
        wanted = data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=4))
        found = decoder.decode(index.header, packets(clip, index, key, key + max(wanted)), wanted)
        alike = decode_video(io.BytesIO(clip), [key + i for i in wanted])
        assert np.array_equal(found, alike)


def test_one_decoder_for_videos_of_two_sizes(clip):
    other = encode_images(np.full((4, 32, 48, 3), 200, np.uint8), FPS, "h264").data
    decoder = PacketDecoder()
    for data in (clip, other, clip):
        index = index_packets(data)
        found = decoder.decode(index.header, packets(data, index, 0, 3), [3, 0])
        assert np.array_equal(found, decode_video(io.BytesIO(data), [3, 0]))


def test_reordered_images_and_other_codecs_have_no_index():
    images = pictures(0, 20)
    assert index_packets(encoded(images, bf="3", g="12")) is None
    assert index_packets(encoded(images, "mpeg4")) is None
    assert index_packets(encoded(images, bf="0")) is not None


def test_damaged_packets_are_an_error(clip):
    index, decoder = index_packets(clip), PacketDecoder()
    good = packets(clip, index, 0, 3)
    for bad in ([*good[:2], bytes(len(good[2])), good[3]], [good[0], b"\x00\x00\x00\x05abcde"]):
        with pytest.raises(DatasetCorruptError):
            decoder.decode(index.header, bad, [1])
        found = decoder.decode(index.header, good, [3])  # and it goes on
        assert np.array_equal(found, decode_video(io.BytesIO(clip), [3]))
    with pytest.raises(DatasetCorruptError):
        index_packets(clip[: len(clip) // 2])
