from __future__ import annotations

import io

import av
import numpy as np
import pytest

from datafactory.errors import DatasetCorruptError
from datafactory.exchange.mp4 import Joiner, cut, read_packets
from datafactory.render.media import decode_video, encode_images
from tests.exchange_fixture import FPS, encoded, pictures


def clip(seed, count, fps=FPS):
    return encode_images(pictures(seed, count), fps, "h264").data


def frames(data):
    return decode_video(io.BytesIO(data if isinstance(data, bytes) else data.read_bytes()))


def b_frames(images):
    """H.264 whose images are not stored in the order they are shown."""
    return encoded(images, **{"bf": "3", "g": "12", "x264-params": "open-gop=0"})


@pytest.mark.parametrize("make", [clip, lambda seed, n: b_frames(pictures(seed, n))])
def test_joined_videos_show_the_same_images(tmp_path, make):
    parts = [make(seed, n) for seed, n in ((0, 23), (1, 37), (2, 1), (3, 12))]
    starts = []
    with Joiner(tmp_path / "a.mp4", FPS) as joiner:
        for data in parts:
            packets = read_packets(data, FPS)
            if not joiner.fits(packets):  # a single image has no B-frames
                continue
            starts.append((joiner.add(data, packets), data))
    whole = frames(tmp_path / "a.mp4")
    assert joiner.images == len(whole)
    assert len(starts) >= 3
    for start, data in starts:
        shown = frames(data)
        assert np.array_equal(whole[start : start + len(shown)], shown)


def test_images_are_at_exact_times(tmp_path):
    with Joiner(tmp_path / "a.mp4", 7) as joiner:
        for seed in range(5):
            data = clip(seed, 11, 7)
            joiner.add(data, read_packets(data, 7))
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        times = [frame.pts * stream.time_base for frame in container.decode(stream)]
        assert stream.average_rate == 7
    assert [t * 7 for t in times] == list(range(55))


def test_other_videos_do_not_fit(tmp_path):
    small, large = clip(0, 5), encode_images(np.zeros((5, 96, 96, 3), np.uint8), FPS, "h264").data
    with Joiner(tmp_path / "a.mp4", FPS) as joiner:
        joiner.add(small, read_packets(small, FPS))
        assert not joiner.fits(read_packets(large, FPS))


@pytest.mark.parametrize("make", [clip, lambda seed, n: b_frames(pictures(seed, n))])
def test_a_cut_has_the_images_and_is_a_video_of_its_own(tmp_path, make):
    first, second = make(0, 25), make(1, 37)
    with Joiner(tmp_path / "a.mp4", FPS) as joiner:
        for data in (first, second):
            joiner.add(data, read_packets(data, FPS))
    for start, stop, data in ((0, 25, first), (25, 62, second)):
        part = cut(tmp_path / "a.mp4", FPS, start, stop)
        assert part is not None
        assert np.array_equal(frames(part), frames(data))
        assert read_packets(part, FPS).data == read_packets(data, FPS).data


def test_a_cut_between_key_frames_is_refused(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b_frames(pictures(0, 40)))
    assert cut(path, FPS, 5, 20) is None
    assert cut(path, FPS, 0, 100) is None


def test_a_wrong_rate_is_found():
    with pytest.raises(DatasetCorruptError, match="constant rate"):
        read_packets(clip(0, 9), 2 * FPS)
    with pytest.raises(DatasetCorruptError):
        read_packets(b"no video", FPS)
