"""Packs: fetched once, verified, shared by processes, and quick to say no. No network needed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from datafactory_assets import packs, pypi_wheel
from datafactory_assets.errors import AssetError, PackCorruptError, PackMissingError
from datafactory_assets.lock import LOCK_HEADER, LOCK_PATH, Lock, load_intents, load_lock
from datafactory_assets.store import COMPLETE, Store, hash_file

FILES = {
    "demo_pack/a/one.txt": b"one\n" * 1000,
    "demo_pack/b/one.txt": b"other\n" * 500,
    "demo_pack/b/copy.txt": b"one\n" * 1000,
    "demo_pack/code.py": b"raise SystemExit('never imported')\n",
}
INTENT = """
[demo]
summary = "A demo"
provider = "pypi-wheel"
project = "demo-pack"
version = "1.0"
members = ["demo_pack/*.txt"]
spdx = "CC0-1.0"
author = "nobody"
source = "made here"
"""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one wheel, as the only place pip looks in."""
    folder = tmp_path / "index"
    folder.mkdir()
    info = "demo_pack-1.0.dist-info"
    meta = {
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: demo-pack\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    with zipfile.ZipFile(folder / "demo_pack-1.0-py3-none-any.whl", "w") as wheel:
        for name, data in {**FILES, **meta}.items():
            wheel.writestr(zipfile.ZipInfo(name), data)
    for key in [k for k in os.environ if k.startswith("PIP_")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("DATAFACTORY_ASSET_STORE", str(tmp_path / "store"))
    monkeypatch.delenv("DATAFACTORY_OFFLINE", raising=False)
    return folder


@pytest.fixture
def lock_file(index: Path, tmp_path: Path) -> Path:
    intents = tmp_path / "packs.toml"
    intents.write_text(INTENT)
    path = tmp_path / "assets.lock"
    path.write_text(LOCK_HEADER + "\n" + packs.lock_pack("demo", intents=intents))
    return path


@pytest.fixture
def lock(lock_file: Path) -> Lock:
    return load_lock(lock_file)


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(p.relative_to(folder)): (p.stat().st_mtime_ns, p.stat().st_ino)
        for p in sorted(folder.rglob("*"))
    }


def no_network(*args: object, **kwargs: object) -> None:
    raise AssertionError("a socket was opened or pip was run")


def never_answers(*args: object, **kwargs: object) -> None:
    time.sleep(1.5)
    raise TimeoutError


def test_fetch_then_use_without_network(lock: Lock, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    pack = packs.ensure_pack("demo", progress=lines.append, lock=lock)
    assert any("downloading demo_pack-1.0" in line for line in lines)
    members = {m.path for m in pack.pack.members}
    assert members == {p for p in FILES if p.endswith(".txt")}
    assert all((pack.root / p).read_bytes() == FILES[p] for p in members)
    assert not (pack.root / "demo_pack/code.py").exists()
    monkeypatch.setattr(pypi_wheel, "download", no_network)
    assert packs.ensure_pack("demo", lock=lock) == pack
    assert packs.pack_status("demo", lock=lock) == "ready"
    assert packs.verify_pack("demo", lock=lock) == []


def test_store_keeps_each_content_once(lock: Lock, tmp_path: Path) -> None:
    pack = packs.ensure_pack("demo", lock=lock)
    assert pack.member("a/one.txt").samefile(pack.member("copy.txt"))
    blobs = [p for p in (tmp_path / "store/blobs").rglob("*") if p.is_file()]
    assert sorted(p.name for p in blobs) == sorted({m.sha256 for m in pack.pack.members})
    assert all(hash_file(p) == p.name for p in blobs)
    assert list((tmp_path / "store/tmp").iterdir()) == []


def test_member_is_found_by_a_unique_end(lock: Lock) -> None:
    pack = packs.ensure_pack("demo", lock=lock)
    assert pack.member("copy.txt").name == "copy.txt"
    with pytest.raises(AssetError, match="several members"):
        pack.member("one.txt")
    with pytest.raises(AssetError, match="no such member"):
        pack.member("three.txt")


def test_pack_is_rebuilt_from_blobs(lock: Lock, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = packs.ensure_pack("demo", lock=lock)
    remove(pack.root)
    monkeypatch.setattr(pypi_wheel, "download", no_network)
    assert packs.ensure_pack("demo", lock=lock).root == pack.root


def remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


def test_offline_fails_at_once(lock: Lock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFACTORY_OFFLINE", "1")
    monkeypatch.setattr(socket, "create_connection", no_network)
    monkeypatch.setattr(subprocess, "run", no_network)
    start = time.perf_counter()
    with pytest.raises(PackMissingError) as caught:
        packs.ensure_pack("demo", lock=lock)
    assert time.perf_counter() - start < 0.2
    assert caught.value.exit_code == 4
    for hint in ("assets fetch demo", "DATAFACTORY_ASSET_STORE", "--robot primitive_arm"):
        assert hint in caught.value.remedy


def test_cut_network_fails_within_a_second(lock: Lock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://packages.invalid:9/simple")
    monkeypatch.setattr(socket, "create_connection", never_answers)
    monkeypatch.setattr(subprocess, "run", no_network)
    start = time.perf_counter()
    with pytest.raises(PackMissingError, match=r"packages\.invalid"):
        packs.ensure_pack("demo", lock=lock)
    assert time.perf_counter() - start < 1.0


def test_refused_connection_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    assert "127.0.0.1" in pypi_wheel.reachable([f"http://127.0.0.1:{port}/simple"], 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/simple"
        assert pypi_wheel.reachable([f"http://127.0.0.1:{port}/", url], 1.0) == ""


def test_local_sources_still_serve_when_the_index_is_cut(
    lock: Lock, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    assert packs.ensure_pack("demo", lock=lock).member("copy.txt").is_file()


def test_pips_last_word_is_the_reason(
    lock: Lock, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (index / "demo_pack-1.0-py3-none-any.whl").unlink()
    with pytest.raises(PackMissingError, match="No matching distribution"):
        packs.ensure_pack("demo", lock=lock)


def test_pip_sources(tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = https://mirror.example/simple\nextra_index_url =\n")
    monkeypatch.setattr(pypi_wheel, "_config_files", lambda: [config])
    monkeypatch.delenv("PIP_NO_INDEX")
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    sources = pypi_wheel.pip_sources()
    assert sources.remote == ("https://mirror.example/simple",)
    assert sources.local == (str(index),)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert pypi_wheel.pip_sources().remote == ("http://proxy.example:3128",)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert pypi_wheel.pip_sources().remote == ()


def test_unwritable_store_is_told(lock: Lock, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(AssetError, match="cannot write to the asset store"):
        packs.ensure_pack("demo", lock=lock, store=blocked / "store")


def test_another_archive_is_refused(lock: Lock, tmp_path: Path) -> None:
    wrong = replace(lock.pack("demo"), archive_sha256="0" * 64)
    with pytest.raises(PackCorruptError, match="not the locked one"):
        packs.ensure_pack("demo", lock=Lock({"demo": wrong}))
    assert packs.pack_status("demo", lock=Lock({"demo": wrong})) == "missing"


def test_damage_is_detected_and_repaired(lock: Lock) -> None:
    pack = packs.ensure_pack("demo", lock=lock)
    victim = pack.member("a/one.txt")
    data = victim.read_bytes()
    victim.chmod(0o644)
    victim.write_bytes(b"X" + data[1:])  # same size: only a full read finds it, in the blob too
    assert len(packs.verify_pack("demo", lock=lock)) == 2
    victim.write_bytes(b"short")
    assert packs.pack_status("demo", lock=lock) == "damaged"
    with pytest.raises(PackCorruptError, match="delete that folder"):
        packs.ensure_pack("demo", lock=lock)
    remove(pack.root)
    assert packs.ensure_pack("demo", lock=lock).member("a/one.txt").read_bytes() == data
    assert packs.verify_pack("demo", lock=lock) == []


def test_unfinished_folder_is_replaced(lock: Lock) -> None:
    pack = packs.ensure_pack("demo", lock=lock)
    (pack.root / COMPLETE).unlink()
    store = Store(pack.root.parent.parent)
    with store.staging() as staging:
        store.publish(pack.pack, staging)
    assert packs.verify_pack("demo", lock=lock) == []


def test_two_processes_fetch_at_once(lock_file: Path, tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from datafactory_assets import packs
        from datafactory_assets.lock import load_lock
        pack = packs.ensure_pack("demo", lock=load_lock(Path(sys.argv[1])))
        sys.exit(len(packs.verify_pack("demo", lock=load_lock(Path(sys.argv[1])))))
    """)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-c", script, str(lock_file)]
    running = [
        subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for process in running:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert list((tmp_path / "store/tmp").iterdir()) == []
    assert len(list((tmp_path / "store/packs").iterdir())) == 1


def test_read_only_store_is_enough(
    lock: Lock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packs.ensure_pack("demo", lock=lock)
    store = tmp_path / "store"
    folders = [store, *(p for p in store.rglob("*") if p.is_dir())]
    before = tree(store)
    monkeypatch.setattr(pypi_wheel, "download", no_network)
    for folder in folders:
        folder.chmod(0o555)
    try:
        assert packs.ensure_pack("demo", lock=lock).member("copy.txt").is_file()
        assert packs.verify_pack("demo", lock=lock) == []
        assert tree(store) == before
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_lock_text_is_deterministic_and_complete(lock_file: Path, tmp_path: Path) -> None:
    intents = tmp_path / "packs.toml"
    assert LOCK_HEADER + "\n" + packs.lock_pack("demo", intents=intents) == lock_file.read_text()
    pack = load_lock(lock_file).pack("demo")
    assert pack.licence.spdx == "CC0-1.0"
    assert pack.size == sum(len(FILES[m.path]) for m in pack.members)


def test_shipped_lock_matches_intent() -> None:
    lock, intents = load_lock(), load_intents()
    assert set(lock.packs) == set(intents)
    for name, intent in intents.items():
        pack = lock.pack(name)
        assert (pack.project, pack.version) == (intent.project, intent.version)
        assert (pack.licence, pack.provider) == (intent.licence, intent.provider)
        assert any("LICENSE" in m.path for m in pack.members)
    with pytest.raises(AssetError, match="panda_2f85"):
        lock.pack("panda")


def test_malformed_lock_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "assets.lock"
    path.write_text("[packs.x]\nsummary = 1\n")
    with pytest.raises(AssetError, match=r"assets\.lock"):
        load_lock(path)


@pytest.mark.network
def test_real_pack_from_the_index(tmp_path: Path) -> None:
    lines: list[str] = []
    packs.ensure_pack("panda_2f85", store=tmp_path, progress=lines.append)
    assert packs.verify_pack("panda_2f85", store=tmp_path) == []
    assert packs.lock_pack("panda_2f85") in LOCK_PATH.read_text()
