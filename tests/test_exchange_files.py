"""Formats of single files and folders: robomimic, WebDataset, videos; and running by name."""

from __future__ import annotations

import csv
import io
import json
import sys
import tarfile
from dataclasses import asdict

import numpy as np
import pytest

from datafactory.errors import MissingPartError, SpecError, UnknownNameError
from datafactory.exchange.columns import ActionChoice, columns
from datafactory.exchange.contract import ExportOptions
from datafactory.exchange.episodes import iter_samples, select
from datafactory.exchange.robomimic import Robomimic, place
from datafactory.exchange.run import export_dataset, import_dataset
from datafactory.exchange.videos import Videos
from datafactory.exchange.webdataset import WebDataset
from datafactory.render.media import decode_images
from tests.exchange_fixture import CAMERAS, CHANGED, dataset, export


def samples():
    choice = ActionChoice.of(ExportOptions())
    return [(s, columns(s, choice)) for s in iter_samples(select(dataset(), ExportOptions()))]


def told(sample):
    return sample.episode.instructions


def as_json(instructions):
    return json.loads(json.dumps([asdict(said) for said in instructions]))


def test_demos_hold_observations_actions_states_and_models(tmp_path):
    h5py = pytest.importorskip("h5py")
    summary = export(Robomimic(), tmp_path / "x.h5")
    with h5py.File(tmp_path / "x.h5") as file:
        assert file["data"].attrs["total"] == summary.frames
        environment = json.loads(file["data"].attrs["env_args"])
        assert environment["env_kwargs"]["control_freq"] == 10
        assert [n.decode() for n in file["mask/train"][:]] == ["demo_0", "demo_1", "demo_2"]
        for k, (sample, found) in enumerate(samples()):
            demo, t = file[f"data/demo_{k}"], sample.episode.trajectory
            assert demo.attrs["num_samples"] == sample.length
            assert demo.attrs["model_file"] == sample.episode.replay.mjcf
            described = json.loads(demo.attrs["ep_meta"])
            assert described["lang"] == told(sample)[-1].text
            starts = [said["start"] for said in described["instructions"]]
            assert starts == ([0, -(-CHANGED // 2)] if k == 1 else [0])  # rows, 10 a second
            for name, (_, values) in found.items():
                assert np.array_equal(demo[place(name)][:], values.astype(demo[place(name)].dtype))
            assert np.array_equal(demo["states"][:, 1 : 1 + t.qpos.shape[1]], t.qpos[sample.frames])
            assert demo["rewards"][:].tolist() == [0.0] * (sample.length - 1) + [1.0]
            for camera in CAMERAS:
                shown = decode_images(sample.views[camera].video)
                assert np.array_equal(demo[f"obs/{camera}_image"][:], shown)


def test_images_can_be_left_out_of_a_file(tmp_path):
    h5py = pytest.importorskip("h5py")
    export(Robomimic(), tmp_path / "x.h5", settings={"images": "no"})
    with h5py.File(tmp_path / "x.h5") as file:
        assert not [n for n in file["data/demo_0/obs"] if n.endswith("_image")]
    with pytest.raises(SpecError, match="extras"):
        export(Robomimic(), tmp_path / "y.h5", extras=True)


def test_a_missing_library_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingPartError, match="h5py") as caught:
        export(Robomimic(), tmp_path / "x.h5")
    assert "datafactory[exchange]" in caught.value.remedy


def members(path):
    with tarfile.open(path) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar.getmembers()}


def test_shards_hold_every_column_and_video(tmp_path):
    export(WebDataset(), tmp_path / "w", settings={"shard": "2"})
    shards = sorted((tmp_path / "w").glob("*.tar"))
    assert len(shards) == 2
    found = {name: data for path in shards for name, data in members(path).items()}
    for k, (sample, wanted) in enumerate(samples()):
        key = f"{k:09d}"
        described = json.loads(found[f"{key}.json"])
        assert described["instruction"] == told(sample)[-1].text
        assert described["instructions"] == as_json(told(sample))
        assert described["paraphrases"] == list(told(sample)[-1].paraphrases)
        assert described["length"] == sample.length
        for name, (_, values) in wanted.items():
            array = np.load(io.BytesIO(found[f"{key}.{name.replace('.', '_')}.npy"]))
            assert np.array_equal(array, values)
        for camera in CAMERAS:
            assert found[f"{key}.{camera}.mp4"] == sample.views[camera].video.data
    order = [name.partition(".")[0] for path in shards for name in members(path)]
    assert order == sorted(order)  # members of an episode are neighbours


def test_shards_have_the_same_bytes_every_time(tmp_path):
    for name in ("a", "b"):
        export(WebDataset(), tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    with pytest.raises(SpecError, match="shard"):
        export(WebDataset(), tmp_path / "c", settings={"shard": "none"})


def test_videos_have_sidecars_and_an_index(tmp_path):
    summary = export(Videos(), tmp_path / "v", cameras=("wrist",))
    with (tmp_path / "v/index.csv").open() as file:
        index = list(csv.DictReader(file))
    assert len(index) == summary.episodes == 3
    for row, (sample, _) in zip(index, samples(), strict=True):
        view = sample.views["wrist"]
        assert (tmp_path / "v" / row["file"]).read_bytes() == view.video.data
        described = json.loads((tmp_path / "v" / row["file"]).with_suffix(".json").read_text())
        assert described["instruction"] == row["instruction"] == told(sample)[-1].text
        assert described["instructions"] == as_json(told(sample))
        assert described["frames"] == sample.frames.tolist()
    assert not (tmp_path / "v/front").exists()
    with pytest.raises(SpecError, match="no images"):
        export(Videos(), tmp_path / "w", dataset(""))


def test_formats_are_found_by_name(tmp_path):
    path = dataset().location.root
    seen = []
    summary = export_dataset(
        path,
        tmp_path / "o",
        "lerobot-v2.1",
        progress=lambda done, total: seen.append((done, total)),
    )
    assert summary.path == str(tmp_path / "o")
    files = [p for p in (tmp_path / "o").rglob("*") if p.is_file()]
    assert summary.bytes == sum(p.stat().st_size for p in files)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    again = import_dataset(tmp_path / "o", tmp_path / "d", "lerobot")
    assert (again.episodes, again.remarks) == (3, ())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d", "o"]


def test_wrong_requests_leave_nothing_behind(tmp_path):
    path = dataset().location.root
    with pytest.raises(UnknownNameError, match="lerobot-v4") as caught:
        export_dataset(path, tmp_path / "o", "lerobot-v4")
    assert "lerobot-v3" in caught.value.remedy
    with pytest.raises(UnknownNameError, match="setting"):
        export_dataset(path, tmp_path / "o", "webdataset", ExportOptions(settings={"shards": "2"}))
    with pytest.raises(SpecError, match="limit"):
        export_dataset(path, tmp_path / "o", "webdataset", ExportOptions(limit=0))
    with pytest.raises(SpecError, match="nothing to export"):
        export_dataset(path, tmp_path / "o", "lerobot-v3", ExportOptions(where="length < 0"))
    with pytest.raises(SpecError, match="does not exist"):
        import_dataset(tmp_path / "no", tmp_path / "o", "lerobot")
    with pytest.raises(SpecError, match="is inside"):
        export_dataset(path, f"{path}/o", "webdataset")
    with pytest.raises(SpecError, match="not a local path"):
        export_dataset(path, "s3://bucket/o", "webdataset")
    (tmp_path / "none").mkdir()
    with pytest.raises(SpecError, match="not a LeRobot"):
        import_dataset(tmp_path / "none", tmp_path / "sub/o", "lerobot")
    assert list((tmp_path / "sub").iterdir()) == []
    (tmp_path / "o").mkdir()
    (tmp_path / "o/mine").touch()
    with pytest.raises(SpecError, match="exists"):
        export_dataset(path, tmp_path / "o", "lerobot-v3")
