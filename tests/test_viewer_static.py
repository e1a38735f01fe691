"""The built pages: small, complete, asking nobody else, and built from these sources."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess

import pytest

from datafactory.viewer.app import STATIC, static_files

WEB = STATIC.parent / "web"
SHELL_BYTES, REPLAY_BYTES, ALL_BYTES = 120_000, 220_000, 3_000_000


def zipped(names) -> int:
    return sum(len(gzip.compress((STATIC / n).read_bytes(), 6)) for n in names)


def test_sizes():
    files = static_files()
    replay = [n for n in files if n.startswith("replay3d-")]
    shell = [n for n in files if n.endswith((".js", ".css")) and n not in replay]
    assert len(replay) == 1
    assert zipped(shell) <= SHELL_BYTES
    assert zipped(replay) <= REPLAY_BYTES
    assert sum(map(len, files.values())) <= ALL_BYTES


def test_pages_name_only_themselves():
    files = static_files()
    page = files["index.html"].decode()
    named = re.findall(r"(?:src|href)=\"([^\"]+)\"", page)
    assert named
    assert all(n.startswith("/static/") and n.removeprefix("/static/") in files for n in named)
    assert not [n for n in files if n.endswith(".map")]
    assert b"sourceMappingURL" not in b"".join(files.values())


def test_licences_of_bundled_packages_are_there():
    notice = static_files()["NOTICE.txt"].decode()
    for name in ("svelte", "three", "uplot"):
        assert re.search(rf"^{name} \d+\.\d+\.\d+ \(MIT\)$", notice, re.MULTILINE)
    assert notice.count("Permission is hereby granted") == 3


def test_built_from_these_sources(tmp_path):
    node = shutil.which("node")
    if node is None or not (WEB / "node_modules" / "vite").is_dir():
        pytest.skip("the sources' packages are not installed: npm ci in datafactory/viewer/web")
    vite = WEB / "node_modules" / "vite" / "bin" / "vite.js"
    options = ["--outDir", str(tmp_path), "--emptyOutDir", "--logLevel", "error"]
    subprocess.run(
        [node, str(vite), "build", *options], cwd=WEB, check=True, capture_output=True, timeout=120
    )
    subprocess.run([node, "licences.mjs", str(tmp_path)], cwd=WEB, check=True, timeout=60)
    assert static_files(tmp_path) == static_files(), "npm run build in datafactory/viewer/web"
