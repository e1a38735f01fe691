"""The viewer's benchmark on a small made-up dataset."""

from __future__ import annotations

import json

import pytest

from datafactory.statistics import collect
from datafactory.store.dataset import open_dataset
from datafactory.viewer import bench_browser
from datafactory.viewer.bench import BARS, FILMS
from datafactory_cli.main import run
from tests.test_viewer_index import assert_agrees


@pytest.mark.slow
def test_bench_view(tmp_path, capfd):
    assert run(["bench", "view", "--n", "3000", "--keep", str(tmp_path / "d"), "--json"]) == 0
    said = json.loads(capfd.readouterr().out)
    browser = set() if bench_browser.missing() == "" else set(bench_browser.BARS)
    assert {m["name"] for m in said["measures"]} == set(BARS) - browser
    assert all(m["value"] >= 0 for m in said["measures"])
    found = collect(open_dataset(tmp_path / "d"))
    assert (found.accepted, found.rejected) == (2700, 300)
    assert open_dataset(tmp_path / "d").table("renders").count_rows() == 2 * FILMS
    assert_agrees(tmp_path / "d")
