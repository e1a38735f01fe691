"""Windows read from a dataset are the dataset's own numbers, whoever reads them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from datafactory.errors import DatasetCorruptError, DatasetError, SpecError, UnknownNameError
from datafactory.store.dataset import open_dataset
from datafactory_zoo.frames import load_frames
from datafactory_zoo.loader import BatchStream, WindowDataset, collate, resized
from datafactory_zoo.mixture import Mixture
from datafactory_zoo.splits import Split, divide
from datafactory_zoo.windows import ImageField, WindowField, WindowSpec, chunk_offsets
from tests import exchange_fixture
from tests.fake_attempts import FakeSpec
from tests.render_rows_fixture import add, every, ids_of
from tests.store_fixture import make

SPEC = WindowSpec(
    (WindowField("q", "joint_position", (-0.1, 0.0)), WindowField("a", "action_joint",
                                                                  chunk_offsets(4, 20))),
    text=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    path = tmp_path_factory.mktemp("zoo") / "data"
    committer = make(path, FakeSpec(frames=30, fps=20), count=12)
    add(committer, every(ids_of(committer), frames=15, fps=10))
    return path


def test_windows_are_the_stored_numbers(place):
    dataset = open_dataset(place)
    windows = WindowDataset(dataset, SPEC)
    episodes = list(dataset.iter_episodes())
    assert len(windows) == sum(e.length for e in episodes)
    which, frame = 2, 28
    sample = windows[sum(e.length for e in episodes[:which]) + frame]
    q, t = episodes[which].joint_positions(), episodes[which].trajectory
    np.testing.assert_array_equal(sample["q"], q[[26, 28]])
    np.testing.assert_array_equal(sample["a"], t.action_joint[[28, 29, 29, 29]])
    np.testing.assert_array_equal(sample["a_is_pad"], [False, False, True, True])
    assert sample["task"] in (episodes[which].instruction, *episodes[which].paraphrases)


def test_the_text_is_what_holds_at_the_frame():
    windows = WindowDataset(exchange_fixture.dataset(""), SPEC)
    start, length = windows.frames.starts[1], windows.frames.lengths[1]
    texts = windows.batch(start + np.arange(length))["task"]
    changed = exchange_fixture.CHANGED
    assert exchange_fixture.NEW not in texts[:changed]
    assert texts[changed:] == [exchange_fixture.NEW] * (length - changed)


def test_the_first_frame_pads_its_past(place):
    sample = WindowDataset(open_dataset(place), SPEC)[0]
    np.testing.assert_array_equal(sample["q_is_pad"], [True, False])
    np.testing.assert_array_equal(sample["q"][0], sample["q"][1])


def test_images_are_those_of_the_moment(place):
    dataset = open_dataset(place)
    fields = (ImageField("front", "front", 24, 32), ImageField("wrist", "wrist", 12, 16))
    windows = WindowDataset(
        dataset, WindowSpec((WindowField("q", "joint_position"),), fields), variant="v0"
    )
    from datafactory.store.image_reader import ImageReader

    reader = ImageReader(dataset, "v0")
    batch = windows.batch(np.array([7, 30 + 29]))
    first = reader.episode_ids.index(windows.frames.episode_ids[0])
    second = reader.episode_ids.index(windows.frames.episode_ids[1])
    one, two = reader.read([(first, "front", [4]), (second, "front", [14])])
    np.testing.assert_array_equal(batch["front"][0, 0].permute(1, 2, 0), one[0])
    np.testing.assert_array_equal(batch["front"][1, 0].permute(1, 2, 0), two[0])
    assert batch["wrist"].shape == (2, 1, 3, 12, 16)


def test_another_process_reads_the_same(place):
    windows = WindowDataset(open_dataset(place), SPEC)
    again = pickle.loads(pickle.dumps(windows))
    a, b = windows.batch(np.arange(5)), again.batch(np.arange(5))
    assert a["task"] == b["task"]
    np.testing.assert_array_equal(a["q"], b["q"])


@pytest.mark.slow
def test_worker_processes_read_the_same(place):
    windows = WindowDataset(open_dataset(place), SPEC)
    loader = torch.utils.data.DataLoader(
        windows, batch_size=8, num_workers=2, collate_fn=collate, multiprocessing_context="spawn"
    )
    got = torch.cat([b["q"] for b in loader])
    np.testing.assert_array_equal(got, windows.batch(np.arange(len(windows)))["q"])


def test_a_stream_goes_on_from_its_state(place):
    windows = WindowDataset(open_dataset(place), SPEC)

    def keep(batch, generator):
        return {"q": batch["q"] + torch.rand(batch["q"].shape, generator=generator)}

    def taken(mixture, times):
        stream = BatchStream([windows], [keep], mixture, 8, 5)
        try:
            batches = [next(stream)["q"] for _ in range(times)]
            return batches, stream.state
        finally:
            stream.close()

    expected, _ = taken(Mixture([len(windows)], np.ones(1), 3), 6)
    begin, state = taken(Mixture([len(windows)], np.ones(1), 3), 2)
    rest, _ = taken(Mixture([len(windows)], np.ones(1), 3, state=state), 4)
    for a, b in zip(begin + rest, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_errors_in_the_thread_reach_the_reader(place):
    windows = WindowDataset(open_dataset(place), SPEC)

    def fail(batch, generator):
        raise SpecError("it broke")

    stream = BatchStream([windows], [fail], Mixture([len(windows)], np.ones(1), 0), 4, 5)
    with pytest.raises(SpecError, match="it broke"):
        next(stream)
    stream.close()


def test_splits_are_disjoint_and_stable(place):
    dataset = open_dataset(place)
    parts = divide(dataset, Split(share=0.4))
    ids = set(dataset.episodes(columns=["episode_id"]).column(0).to_pylist())
    assert set(parts.train) | set(parts.validation) == ids
    assert not set(parts.train) & set(parts.validation)
    assert parts.validation
    assert set(divide(dataset, Split(share=0.6)).validation) >= set(parts.validation)
    limited = divide(dataset, Split(share=0.4, limit=2))
    assert limited.train == parts.train[:2]
    with pytest.raises(DatasetError, match="left to train on"):
        divide(dataset, Split("task", 0.9999999))


def test_what_a_dataset_lacks_is_named_with_the_remedy(place, tmp_path):
    dataset = open_dataset(place)
    with pytest.raises(SpecError, match=r"object_size\.z.*object") as lost:
        load_frames(dataset, ["object_size.z"])
    assert "its objects are o0" in str(lost.value)
    with pytest.raises(DatasetError, match="left to read"):
        load_frames(dataset, ["joint_position"], where="task = 'no such'")
    spec = WindowSpec((WindowField("q", "joint_position"),), (ImageField("i", "front", 24, 32),))
    bare = tmp_path / "bare"
    make(bare, FakeSpec(frames=10), count=4)
    with pytest.raises(DatasetError, match="no images") as bald:
        WindowDataset(open_dataset(bare), spec)
    assert f"datafactory render {bare}" in str(bald.value)


def test_numbers_that_are_none_are_refused(place, monkeypatch):
    from datafactory_zoo import frames

    def broken(arrays, name):
        values = arrays.joint_position.copy()
        values[3] = np.nan
        return values

    monkeypatch.setattr(frames, "feature", broken)
    with pytest.raises(DatasetCorruptError, match="not a finite number") as found:
        load_frames(open_dataset(place), ["joint_position"])
    assert "frame 3" in str(found.value)


def test_resizing_keeps_flat_images_flat():
    images = torch.full((2, 1, 3, 40, 60), 77, dtype=torch.uint8)
    small = resized(images, 20, 24)
    assert small.shape == (2, 1, 3, 20, 24)
    assert (small == 77).all()


def test_series_that_an_import_lacks_are_named_with_the_remedy(place, monkeypatch):
    from datafactory_zoo import frames

    read = frames.to_rows
    monkeypatch.setattr(
        frames, "to_rows", lambda batch: [{**r, "absent": ["eef_pose"]} for r in read(batch)]
    )
    dataset = open_dataset(place)
    with pytest.raises(DatasetError) as lost:
        load_frames(dataset, ["joint_position", "base_from_tcp", "tcp_from_object.o0"])
    assert "no eef_pose, which base_from_tcp, tcp_from_object.o0 are made of" in str(lost.value)
    assert "datafactory import SOURCE DIR --mapping FILE" in lost.value.remedy
    assert len(load_frames(dataset, ["joint_position", "action_joint"])) > 0


def test_cameras_and_episodes_without_images_are_named(place, tmp_path):
    def spec(camera):
        return WindowSpec((WindowField("q", "joint_position"),), (ImageField("i", camera, 24, 32),))

    with pytest.raises(UnknownNameError, match="camera 'top'"):
        WindowDataset(open_dataset(place), spec("top"))
    with pytest.raises(UnknownNameError, match="variant 'v9'"):
        WindowDataset(open_dataset(place), spec("front"), variant="v9")
    committer = make(tmp_path / "half", FakeSpec(frames=10), count=4)
    ids = ids_of(committer)
    add(committer, every(ids[:-1]))
    with pytest.raises(DatasetError, match=r"1 of [0-9]+ episodes .* have no images") as half:
        WindowDataset(open_dataset(tmp_path / "half"), spec("front"))
    assert ids[-1] in half.value.where
    assert half.value.remedy.endswith("--variant v0")


def test_images_kept_in_memory_are_the_decoded_ones(place, monkeypatch):
    offsets = {"a": (-0.1, 0.0), "b": (0.0,)}
    fields = tuple(ImageField(key, "front", 24, 32, o) for key, o in offsets.items())
    spec = WindowSpec((WindowField("q", "joint_position"),), fields)
    plain = WindowDataset(open_dataset(place), spec)
    kept = WindowDataset(open_dataset(place), spec, keep_images=True)
    for start in range(3):
        samples = np.arange(start, len(plain), 11)
        expected, found = plain.batch(samples), kept.batch(samples)
        for key in ("a", "b", "a_is_pad"):
            assert torch.equal(expected[key], found[key])
    kept.batch(np.arange(len(kept)))
    monkeypatch.setattr(kept._images._reader, "read", None)  # nothing is read again
    assert torch.equal(kept.batch(np.arange(40))["a"], plain.batch(np.arange(40))["a"])
