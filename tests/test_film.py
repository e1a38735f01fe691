from __future__ import annotations

import av
import numpy as np

from datafactory.picture.film import contact_sheet, evenly, write_film


def pictures(count: int, height: int = 60, width: int = 81) -> np.ndarray:
    ramp = np.linspace(0, 255, width, dtype=np.uint8)
    frames = np.broadcast_to(ramp[None, None, :, None], (count, height, width, 3)).copy()
    frames[..., 1] = np.arange(count, dtype=np.uint8)[:, None, None] * 20
    return frames


def test_evenly_keeps_first_and_last():
    assert evenly(10, 4) == [0, 3, 6, 9]
    assert evenly(3, 6) == [0, 1, 2]
    assert evenly(5, 1) == [0]


def test_a_sheet_holds_every_picture():
    frames = pictures(3)
    sheet = np.asarray(contact_sheet([("a", frames), ("b", frames[:2])], "title"))
    found = sum(
        np.array_equal(sheet[y : y + 60, 20 + 89 * i : 20 + 89 * i + 81], frames[i])
        for y in range(sheet.shape[0] - 60)
        for i in range(3)
        if sheet[y, 20 + 89 * i + 40, 0] == frames[i][0, 40, 0]
    )
    assert found == 5


def test_a_film_has_all_frames_side_by_side(tmp_path):
    path = tmp_path / "film.mp4"
    write_film(path, [pictures(7), pictures(7, 40, 50)], 10)
    with av.open(str(path)) as container:
        frames = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
        assert container.streams.video[0].average_rate == 10
    assert len(frames) == 7
    assert frames[0].shape == (60, 130, 3)
    assert np.abs(frames[3][:, :81].astype(int) - pictures(7)[3][:, :81]).mean() < 6
