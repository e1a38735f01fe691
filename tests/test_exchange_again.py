"""Imported datasets leave again, and sources that are broken are named."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pyarrow.parquet as pq
import pytest

from datafactory.errors import DatasetError, SpecError
from datafactory.exchange.contract import ExportOptions, ImportOptions
from datafactory.exchange.episodes import iter_samples, select
from datafactory.exchange.extras import Extras
from datafactory.exchange.lerobot import LeRobotV3
from datafactory.exchange.lerobot_import import LeRobotImport
from datafactory.exchange.lerobot_v21 import LeRobotV21
from datafactory.exchange.robomimic import Robomimic
from datafactory.exchange.robomimic_import import RobomimicImport
from datafactory.exchange.usd import Usd
from datafactory.exchange.videos import Videos
from datafactory.exchange.webdataset import WebDataset
from datafactory.render.media import decode_files, encode_depth
from datafactory.render.view import Masks
from datafactory.store.dataset import open_dataset
from datafactory.verify import verify
from tests.exchange_fixture import dataset, export, ignore
from tests.test_exchange_import import walk, write_v21

FORMATS = {"v21": (LeRobotV21, LeRobotImport), "robomimic": (Robomimic, RobomimicImport)}
FORMATS["v3"] = (LeRobotV3, LeRobotImport)


def read(importer, source, out, **options):
    importer().read(source, out, ImportOptions(**options), ignore)
    return open_dataset(out)


@cache
def exported(name, images=True):
    """An export of the small dataset; not to be changed."""
    path = Path(mkdtemp(prefix="datafactory-again-")) / "x"
    export(FORMATS[name][0](), path, dataset() if images else dataset(""))
    return path


@cache
def imported():
    out = Path(mkdtemp(prefix="datafactory-again-")) / "d"
    return read(LeRobotImport, exported("v3"), out)


def strict(text):
    def refuse(token):
        raise AssertionError(token)

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("exporter", [LeRobotV3, LeRobotV21, WebDataset, Videos])
def test_imported_images_leave_in_every_format(tmp_path, exporter):
    summary = export(exporter(), tmp_path / "y", imported(), extras=True)
    assert summary.episodes == 3
    for path in (tmp_path / "y").rglob("*.json"):
        strict(path.read_text())
    found = strict((tmp_path / "y/extras/cameras/front/episode_000000.json").read_text())
    assert found["intrinsics"]["fx"] is None
    assert found["world_from_camera"][0] == [None] * 7
    if exporter in (LeRobotV3, LeRobotV21):
        again = read(LeRobotImport, tmp_path / "y", tmp_path / "e")
        pairs = zip(imported().iter_episodes(), again.iter_episodes(), strict=True)
        assert all(np.array_equal(a.trajectory.qpos, b.trajectory.qpos) for a, b in pairs)


def test_imported_images_leave_for_robomimic_and_not_for_usd(tmp_path):
    h5py = pytest.importorskip("h5py")
    export(Robomimic(), tmp_path / "y.h5", imported())
    with h5py.File(tmp_path / "y.h5") as file:
        told = strict(file["data"].attrs["datafactory"])
        assert told["cameras"]["front"]["intrinsics"]["fx"] is None
    assert len(read(RobomimicImport, tmp_path / "y.h5", tmp_path / "e")) == 3
    pytest.importorskip("pxr")
    with pytest.raises(DatasetError, match="style of the variant"):
        export(Usd(), tmp_path / "usd", imported())


@pytest.mark.parametrize("name", FORMATS)
def test_what_columns_do_not_hold_comes_back(tmp_path, name):
    made = read(FORMATS[name][1], exported(name), tmp_path / "d")
    for old, new in zip(dataset().iter_episodes(), made.iter_episodes(), strict=True):
        for field in ("instruction_split", "licences", "paraphrases"):
            assert getattr(new, field) == getattr(old, field), field
        assert new.licences
    assert made.runs()[0].options["remarks"] == []
    assert not verify(str(tmp_path / "d"), workers=1).failures


def test_what_others_do_not_say_is_remarked(tmp_path):
    write_v21(tmp_path / "x", {"observation.state": walk(6), "action": walk(6)})
    made = read(LeRobotImport, tmp_path / "x", tmp_path / "d")
    assert ["licences" in r for r in made.runs()[0].options["remarks"]] == [True]


def test_other_data_give_other_episodes_and_damage_is_noticed(tmp_path):
    ids = []
    for k in range(2):
        root = tmp_path / str(k)
        write_v21(root, {"observation.state": walk(6) + k, "action": walk(6)})
        ids.append(read(LeRobotImport, root, tmp_path / f"d{k}").episode(0).episode_id)
    assert ids[0] != ids[1]
    shutil.copytree(exported("v21", images=False), tmp_path / "x")
    path = next((tmp_path / "x/data").rglob("*.parquet"))
    chunk = pq.ParquetFile(path).metadata.row_group(0).column(0)
    data = bytearray(path.read_bytes())
    data[chunk.data_page_offset + chunk.total_compressed_size // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(SpecError, match="cannot be read") as caught:
        read(LeRobotImport, tmp_path / "x", tmp_path / "d")
    assert path.name in str(caught.value)


VIDEO = {"observation.images.top": {"dtype": "video", "shape": [48, 64, 3], "names": None}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda info: info.pop("features"), "features"),
        (lambda info: info.update(fps=0), "frames per second"),
        (lambda info: info.update(fps="x"), "ValueError"),
        (lambda info: info.update(video_path=None), "video_path"),
    ],
)
def test_broken_metadata_are_named(tmp_path, change, message):
    write_v21(tmp_path / "x", {"observation.state": walk(6), "action": walk(6)}, extra=VIDEO)
    path = tmp_path / "x/meta/info.json"
    info = json.loads(path.read_text())
    change(info)
    path.write_text(json.dumps(info))
    with pytest.raises(SpecError, match=message) as caught:
        read(LeRobotImport, tmp_path / "x", tmp_path / "d")
    assert str(tmp_path / "x") in str(caught.value)


def test_broken_own_metadata_are_named(tmp_path):
    shutil.copytree(exported("v21", images=False), tmp_path / "x")
    (tmp_path / "x/meta/datafactory.json").write_text("{}")
    with pytest.raises(SpecError, match=r"datafactory\.json"):
        read(LeRobotImport, tmp_path / "x", tmp_path / "d")


def break_environment(file):
    file["data"].attrs["env_args"] = "{"


def break_count(file):
    file["data/demo_1"].attrs["num_samples"] = 3


def break_observation(file):
    values = file["data/demo_1/obs/state"][:-1]
    del file["data/demo_1/obs/state"]
    file["data/demo_1/obs/state"] = values


def break_rate(file):
    arguments = {"env_kwargs": {"control_freq": 12.5}}
    file["data"].attrs["env_args"] = json.dumps(arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (break_environment, "JSONDecodeError"),
        (break_count, "num_samples"),
        (break_observation, "obs/state"),
        (break_rate, "whole number"),
    ],
)
def test_broken_hdf5_files_are_named(tmp_path, change, message):
    h5py = pytest.importorskip("h5py")
    shutil.copy(exported("robomimic", images=False), tmp_path / "x.h5")
    with h5py.File(tmp_path / "x.h5", "a") as file:
        change(file)
    with pytest.raises(SpecError, match=message) as caught:
        read(RobomimicImport, tmp_path / "x.h5", tmp_path / "d")
    assert "x.h5" in str(caught.value)


def test_a_truncated_hdf5_file_is_named(tmp_path):
    pytest.importorskip("h5py")
    data = exported("robomimic", images=False).read_bytes()
    (tmp_path / "x.h5").write_bytes(data[: len(data) // 2])
    with pytest.raises(SpecError, match=r"x\.h5"):
        read(RobomimicImport, tmp_path / "x.h5", tmp_path / "d")


def test_a_damaged_shared_video_is_one_line_an_episode(tmp_path):
    shutil.copytree(exported("v3"), tmp_path / "x")
    for path in (tmp_path / "x/videos").rglob("*.mp4"):
        path.write_bytes(path.read_bytes()[:100])
    made = read(LeRobotImport, tmp_path / "x", tmp_path / "d")
    said = made.runs()[0].options["remarks"]
    assert len(said) == 6
    assert all("\n" not in r and ".mp4" in r and r.startswith("episode ") for r in said)


@pytest.mark.parametrize("skipped", [0, 3000])
def test_videos_damaged_within_are_left_out(tmp_path, skipped):
    shutil.copytree(exported("v3"), tmp_path / "x")
    for path in (tmp_path / "x/videos").rglob("*.mp4"):
        data = bytearray(path.read_bytes())
        begin = data.index(b"mdat") + 4 + skipped
        data[begin : begin + len(data) // 2] = bytes(len(data) // 2)
        path.write_bytes(data)
    made = read(LeRobotImport, tmp_path / "x", tmp_path / "d")
    said = made.runs()[0].options["remarks"]
    assert said
    assert all("\n" not in r and ".mp4" in r and r.startswith("episode ") for r in said)


def test_a_camera_that_some_episodes_lack_can_be_exported_by_name(tmp_path):
    root = tmp_path / "x"
    shutil.copytree(exported("v21"), root)
    next((root / "videos").rglob("*front/episode_000001.mp4")).unlink()
    made = read(LeRobotImport, root, tmp_path / "d")
    said = made.runs()[0].options["remarks"]
    assert "there is no such file" in said[0]
    assert "--cameras" in said[1]
    assert export(WebDataset(), tmp_path / "w", made, cameras=("wrist",)).episodes == 3
    assert export(WebDataset(), tmp_path / "f", made, cameras=("front",)).episodes == 2


def test_depth_and_masks_leave_as_extras(tmp_path):
    sample = next(iter_samples(select(dataset(), ExportOptions(cameras=("front",)))))
    front = sample.views["front"]
    n = front.length
    values = np.arange(n, dtype=np.uint8)
    masks = Masks(2, 3, np.arange(n + 1), values, np.full(n, 6, np.int32))
    depth = encode_depth(np.full((n, 2, 3), 1.25, np.float32))
    seen = replace(front, depth=depth, masks=masks)
    with Extras(tmp_path, True) as extras:
        extras.add(replace(sample, views={"front": seen}), 0)
        extras.finish(dataset())
    files = sorted((tmp_path / "extras/depth/front/episode_000000").iterdir())
    assert b"".join(f.read_bytes() for f in files) == depth.data
    assert (decode_files("png16", [files[-1].read_bytes()]) == 1250).all()
    with np.load(tmp_path / "extras/annotations/front/episode_000000.npz") as notes:
        assert np.array_equal(notes["mask_values"], values)
        assert int(notes["mask_lengths"].sum()) == n * 6
        assert (int(notes["mask_height"]), int(notes["mask_width"])) == (2, 3)
