"""The menagerie provider: its registry without a network, mirrors, and errors at once."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
from pathlib import Path

import pytest

from datafactory_assets import menagerie
from datafactory_assets.errors import AssetError, PackCorruptError, PackMissingError
from datafactory_assets.licences import is_allowed

package = pytest.importorskip("mujoco_menagerie")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MENAGERIE_CACHE_DIR", "MENAGERIE_BASE_URL", "MENAGERIE_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATAFACTORY_OFFLINE", "1")


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file:// mirror of one tiny model, and a registry that names its hash."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    robot = package.get(package.names()[0])
    with tarfile.open(folder / robot.asset, "w:xz") as archive:
        data = b"<mujoco/>"
        entry = tarfile.TarInfo(f"{robot.name}/{robot.name}.xml")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    made = (folder / robot.asset).read_bytes()
    from dataclasses import replace

    tiny = replace(robot, sha256=hashlib.sha256(made).hexdigest(), download_size=len(made))
    monkeypatch.setattr(package, "get", lambda name: tiny)
    monkeypatch.setenv("MENAGERIE_BASE_URL", folder.as_uri())
    return folder


def test_registry_needs_no_network(tmp_path: Path) -> None:
    found = menagerie.models(tmp_path)
    assert len(found) >= 60
    assert [m.name for m in found] == sorted(m.name for m in found)
    assert all(len(m.sha256) == 64 and not m.ready for m in found)
    assert all(is_allowed(m.licence.spdx) for m in found)
    json.dumps([m.licence.spdx for m in found])


def test_offline_fails_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = package.names()[0]
    with pytest.raises(PackMissingError, match="DATAFACTORY_OFFLINE"):
        menagerie.model_folder(name, tmp_path)
    monkeypatch.delenv("DATAFACTORY_OFFLINE")
    monkeypatch.setenv("MENAGERIE_BASE_URL", "http://127.0.0.1:9/nothing")
    begin = time.monotonic()
    with pytest.raises(PackMissingError, match="cannot reach 127") as caught:
        menagerie.model_folder(name, tmp_path)
    assert time.monotonic() - begin < 5.0
    assert "MENAGERIE_ROOT" in caught.value.remedy


def test_file_mirror(mirror: Path, tmp_path: Path) -> None:
    name = package.names()[0]
    folder = menagerie.model_folder(name, tmp_path / "store")
    assert (folder / f"{name}.xml").read_text() == "<mujoco/>"
    assert folder.is_relative_to(tmp_path / "store" / "menagerie")
    (archive,) = mirror.iterdir()
    archive.unlink()  # what is here is used without the mirror
    assert menagerie.model_folder(name, tmp_path / "store") == folder


def test_wrong_bytes_and_missing_archive(mirror: Path, tmp_path: Path) -> None:
    name = package.names()[0]
    (archive,) = mirror.iterdir()
    archive.write_bytes(archive.read_bytes()[::-1])
    with pytest.raises(PackCorruptError, match="not the registered one"):
        menagerie.model_folder(name, tmp_path / "store")
    archive.unlink()
    with pytest.raises(PackMissingError, match="not found"):
        menagerie.model_folder(name, tmp_path / "store")


def test_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = package.names()[0]
    (tmp_path / name).mkdir()
    monkeypatch.setenv("MENAGERIE_ROOT", str(tmp_path))
    assert menagerie.model_folder(name) == tmp_path / name
    assert [m.name for m in menagerie.models() if m.ready] == [name]


def test_unknown_name() -> None:
    with pytest.raises(AssetError, match="no model 'franka_pand'") as caught:
        menagerie.model_folder("franka_pand")
    assert "franka" in caught.value.remedy
