"""Isaac Sim as a renderer, with a worker that speaks the same contract and draws vertices only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from datafactory.errors import MissingPartError, PluginError, SpecError
from datafactory.geometry import Pose
from datafactory.render import isaac_worker
from datafactory.render.isaac import PYTHON_VARIABLE, TIMEOUT_VARIABLE, Isaac, installation
from datafactory.render.isaac_contract import CONTRACT, Job
from tests.usd_fixture import small_film

BRIEF = small_film(1, sky=False)
FAKE = Path(__file__).with_name("fake_isaac.py")


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """The folder in which the renderer makes its own."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def isaac(tmp_path, scratch, monkeypatch):
    """A renderer whose interpreter has a module isaacsim and runs the fake worker."""
    site = tmp_path / "site"
    (site / "isaacsim-5.1.0.dist-info").mkdir(parents=True)
    (site / "isaacsim.py").write_text("")
    (site / "isaacsim-5.1.0.dist-info/METADATA").write_text("Name: isaacsim\nVersion: 5.1.0\n")
    python = tmp_path / "python.sh"
    python.write_text(
        f'#!/bin/sh\nexport PYTHONPATH={site}\n[ "$1" = -c ] && exec {sys.executable} "$@"\n'
        f'echo "started $1"; shift; exec {sys.executable} {FAKE} "$@"\n'
    )
    python.chmod(0o755)
    monkeypatch.setenv(PYTHON_VARIABLE, str(python))
    return Isaac()


def splat(film, shot, frame):
    """(depth, entity) with every vertex as a pixel, from poses and intrinsics alone."""
    lens = shot.intrinsics
    depth = np.full((lens.height, lens.width), np.inf)
    entity = np.zeros((lens.height, lens.width), int)
    camera_from_world = Pose.from_vector(shot.world_from_camera[frame]).inverse()
    for k, body in enumerate(film.stage.bodies):
        world_from_body = Pose.from_vector(film.world_from_body[frame, k])
        for surface in body.surfaces:
            points = camera_from_world.apply(world_from_body.apply(surface.mesh.vertices))
            points = points[points[:, 2] > 0]
            u = np.floor(lens.fx * points[:, 0] / points[:, 2] + lens.cx).astype(int)
            v = np.floor(lens.fy * points[:, 1] / points[:, 2] + lens.cy).astype(int)
            seen = (u >= 0) & (u < lens.width) & (v >= 0) & (v < lens.height)
            for x, y, z in zip(u[seen], v[seen], points[seen, 2], strict=True):
                if z < depth[y, x]:
                    depth[y, x], entity[y, x] = z, body.entity
    return np.where(np.isfinite(depth), depth, 0.0), entity


def test_a_film_comes_back_as_it_was_meant(isaac, scratch):
    film = small_film()
    images = isaac.render(film)
    assert list(images) == ["front", "side", "wrist"]
    for shot in film.shots:
        made = images[shot.camera]
        assert made.rgb.shape == (2, 80, 96, 3)
        assert made.rgb.dtype == np.uint8
        assert made.depth_m.dtype == np.float32
        for frame in range(2):
            depth, entity = splat(film, shot, frame)
            assert (entity > 0).sum() > 100
            same = made.entity[frame] == entity
            assert same.mean() > 0.999  # a vertex on the edge of a pixel may fall on either side
            np.testing.assert_allclose(made.depth_m[frame][same], depth[same], atol=1e-4)
        sky = made.entity == 0
        assert made.rgb[sky].max(axis=-1).min() > 0  # shown by us, not by the worker
    assert not any(scratch.iterdir())
    assert isaac.version == f"{CONTRACT}+isaacsim-5.1.0"
    assert "5.1.0" in Isaac.finding()
    assert Isaac.missing() is None
    isaac.close()


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("crash", "exit status 1 and left no result.json; the log ends: RuntimeError: no Vulkan"),
        ("error", "the stage cannot be opened"),
        ("few", "0 frames of camera 'front', 1 asked for"),
        ("version", "version 99 of the contract, not 1"),
        ("size", "(96, 79) pixels, camera 'front' is (96, 80)"),
        ("lost", "front_0_depth.npy"),
        ("label", "'something', which is no entity"),
    ],
)
def test_what_goes_wrong_is_said_and_the_log_is_kept(isaac, scratch, monkeypatch, mode, why):
    monkeypatch.setenv("FAKE_ISAAC", mode)
    with pytest.raises(PluginError) as caught:
        isaac.render(BRIEF)
    assert why in caught.value.why
    log = Path(caught.value.where)
    assert log.parent.parent == scratch
    assert "started" in log.read_text()
    assert caught.value.remedy


def test_a_worker_that_hangs_is_stopped(isaac, monkeypatch):
    monkeypatch.setenv("FAKE_ISAAC", "hang")
    monkeypatch.setenv(TIMEOUT_VARIABLE, "1.5")
    with pytest.raises(PluginError, match=r"stopped after 1\.5 s"):
        isaac.render(BRIEF)


def test_a_crash_after_the_result_is_not_a_failure(isaac, monkeypatch, caplog):
    monkeypatch.setenv("FAKE_ISAAC", "late")
    assert set(isaac.render(BRIEF)) == {"front", "side", "wrist"}
    assert "after its result" in caplog.text


def test_a_limit_must_be_a_number(isaac, monkeypatch):
    monkeypatch.setenv(TIMEOUT_VARIABLE, "soon")
    with pytest.raises(SpecError, match="soon"):
        isaac.render(BRIEF)


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("", "is not set"),
        ("/no/such/python", "cannot be run"),
        ("/bin/false", "is not a Python"),
        (f"{sys.executable} -I", "has no module isaacsim"),
        ("'unclosed", "is not a command"),
    ],
)
def test_nothing_is_pretended(monkeypatch, setting, why):
    monkeypatch.setenv(PYTHON_VARIABLE, setting)
    installation.cache_clear()
    with pytest.raises(MissingPartError) as caught:
        Isaac()
    assert why in caught.value.why
    for fact in (PYTHON_VARIABLE, "5.1", "3.11", "3.12", "RT cores", "H200"):
        assert fact in caught.value.remedy
    what, remedy = Isaac.missing() or ("", "")
    assert why in what
    assert remedy == caught.value.remedy
    assert Isaac.finding() == ""


def test_the_worker_imports_nothing_of_ours_and_reports_what_it_lacks(tmp_path):
    assert "datafactory" not in [
        line.split()[1].partition(".")[0]
        for line in Path(isaac_worker.__file__).read_text().splitlines()
        if line.startswith(("import ", "from "))
    ]
    job = {"contract": CONTRACT, "usd": "film.usdc", "fps": 10, "time_codes": [0.0],
           "cameras": [], "outputs": ["rgb"], "subframes": 1}  # fmt: skip
    assert Job.model_validate(job)
    for contract, error in ((CONTRACT, "isaacsim"), (7, "contract 1, not 7")):
        (tmp_path / "job.json").write_text(json.dumps({**job, "contract": contract}))
        done = subprocess.run(
            [sys.executable, "-I", isaac_worker.__file__, tmp_path / "job.json"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        result = json.loads((tmp_path / "result.json").read_text())
        assert done.returncode == 1
        assert result["contract"] == CONTRACT
        assert result["status"] == "error"
        assert error in result["error"]


def test_the_worker_encodes_what_annotators_give(tmp_path):
    class Annotator:
        def __init__(self, data):
            self.data = data

        def get_data(self):
            return self.data

    linear = np.zeros((4, 5, 4), np.float16)
    linear[0, 0] = (1.0, 0.2158605, 7.0, 1.0)
    ids = np.full((4, 5, 1), 3, np.uint32)
    frame = isaac_worker.save(
        {
            "rgb": Annotator(linear),
            "depth": Annotator(np.full((4, 5, 1), np.inf, np.float32)),
            "labels": Annotator({"data": ids, "info": {"idToLabels": {"3": {"class": "cup"}}}}),
        },
        tmp_path,
        "front_00000",
    )
    from PIL import Image

    with Image.open(tmp_path / frame["rgb"]) as image:
        assert image.getpixel((0, 0)) == (255, 128, 255)
    assert np.load(tmp_path / frame["depth"]).shape == (4, 5)
    assert np.load(tmp_path / frame["labels"]).tolist() == [[3] * 5] * 4
    assert frame["names"] == {"3": "cup"}


def test_the_other_interpreter_does_not_see_our_paths(isaac, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere/of/ours")
    installation.cache_clear()
    assert installation(os.environ[PYTHON_VARIABLE]).isaacsim == "5.1.0"
