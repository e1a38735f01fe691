"""Comparing datasets: equal is equal, and every difference is found."""

from __future__ import annotations

import json

import pytest

from datafactory.difference import compare
from datafactory.store.dataset import open_dataset
from datafactory.viewer.app import as_json
from datafactory_cli.main import run
from tests import store_fixture, viewer_fixture
from tests.fake_attempts import FakeSpec


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("diff")
    store_fixture.make(folder / "a", count=20)
    store_fixture.make(folder / "b", count=30)
    store_fixture.make(folder / "c", FakeSpec(frames=16), count=20)
    return folder


def test_same_content_is_equal(paths, tmp_path):
    store_fixture.make(tmp_path / "again", count=20, shard=4)
    found = compare(open_dataset(paths / "a"), open_dataset(tmp_path / "again"))
    assert found.equal
    assert not found.reasons
    assert not found.factors
    assert all(d.distance == 0 and d.a == d.b for d in found.distributions)


def test_more_of_the_same(paths):
    a, b = open_dataset(paths / "a"), open_dataset(paths / "b")
    found = compare(a, b)
    assert not found.equal
    assert found.episodes.common == len(a)
    assert (found.episodes.only_a, found.episodes.only_b) == (0, len(b) - len(a))
    accepted = {c.key: (c.a, c.b) for c in found.counts}["accepted"]
    assert accepted == (len(a), len(b))
    back = compare(b, a)
    assert back.episodes.only_a == found.episodes.only_b


def test_other_lengths(paths):
    found = compare(open_dataset(paths / "a"), open_dataset(paths / "c"))
    assert found.episodes.common == 0
    length = next(d for d in found.distributions if d.name == "episode length")
    assert length.distance == 1.0
    assert sum(length.a) == len(open_dataset(paths / "a"))


def test_empty(tmp_path, paths):
    store_fixture.make(tmp_path / "none", count=0)
    found = compare(open_dataset(tmp_path / "none"), open_dataset(paths / "a"))
    assert found.episodes.only_b == len(open_dataset(paths / "a"))
    assert {d.distance for d in found.distributions} == {1.0}


def test_command_and_page_say_the_same(paths, capsys):
    a, b = str(paths / "a"), str(paths / "b")
    assert run(["diff", a, a]) == 0
    assert "equal" in capsys.readouterr().out
    assert run(["diff", a, b, "--json"]) == 1
    printed = json.loads(capsys.readouterr().out)
    with viewer_fixture.running([a, b]) as client:
        seen = client.get("/api/difference", a="a", b="b").json()
        assert client.get("/api/difference", a="a", b="x").status == 404
    shared = ("counts", "config", "reasons", "factors", "distributions", "episodes", "equal")
    assert {k: printed[k] for k in shared} == {k: seen[k] for k in shared}
    assert as_json(float("nan")).body == b"null"


def test_versions(paths, capsys):
    first = open_dataset(paths / "b").versions()[0].version
    assert run(["diff", f"{paths / 'b'}@{first}", str(paths / "b")]) == 1
    assert "different" in capsys.readouterr().out
