"""Results of evaluated policies: numbers, filters, films, and the page that shows them."""

from __future__ import annotations

from datetime import UTC, datetime

import lance
import numpy as np
import pyarrow as pa
import pytest

from datafactory.errors import DatasetCorruptError
from datafactory.intervals import wilson
from datafactory.render.media import encode_images
from datafactory.store.evaluations import SCHEMA
from datafactory.store.location import Location
from datafactory.viewer.evaluations import Results, overview
from tests import store_fixture, viewer_browser
from tests.viewer_fixture import running

FILM = encode_images(np.full((6, 64, 64, 3), 128, np.uint8), 10, "h264").data


def rows(suite, evaluation="one", n=20, first=0):
    """Of ten: six successes, two collisions, one timeout, one that just ends."""
    for k in range(first, first + n):
        success, foul, late = k % 10 < 6, k % 10 in (6, 7), k % 10 == 8
        yield {
            "evaluation_id": evaluation,
            "created_at": datetime(2026, 1, 1 + (evaluation == "two"), tzinfo=UTC),
            "policy": "act",
            "checkpoint": "runs/act",
            "suite": suite,
            "task": "pick_one",
            "robot": "primitive_arm",
            "run_seed": 7,
            "attempt": k,
            "spec_hash": "0" * 32,
            "style_hash": "",
            "instruction": f"put the mug on plate {k}",
            "success": success,
            "grasped": success or late,
            "placed": success,
            "foul": "robot_contact" if foul else "",
            "timed_out": late,
            "frames": 100 + k,
            "uids": ["mug", "plate"],
            "video": FILM if foul and k < 10 else None,
        }


def write(folder, made, schema=SCHEMA):
    folder.mkdir(exist_ok=True)
    place = folder / "evaluations.lance"
    table = pa.Table.from_pylist(list(made), schema=schema)
    lance.write_dataset(table, str(place), mode="append" if place.exists() else "create")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = [*rows("seen"), *rows("physics", "two", 30)]
    return write(tmp_path_factory.mktemp("evaluations") / "act", made)


@pytest.fixture(scope="module")
def client(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("beside") / "set"
    store_fixture.make(other, count=4)
    with running([folder, other]) as found:
        yield found


def test_suites_have_their_numbers(client):
    found = client.get("/api/act/evaluations").json()
    assert found["episodes"] == 50
    assert [(s["evaluation_id"], s["suite"], s["episodes"]) for s in found["suites"]] == [
        ("two", "physics", 30),
        ("one", "seen", 20),
    ]
    seen = found["suites"][1]
    rate = wilson(12, 20)
    assert seen["scores"]["success"] == {
        "successes": 12, "trials": 20, "low": rate.low, "high": rate.high, "share": 0.6
    }  # fmt: skip
    counts = {name: seen["scores"][name]["successes"] for name in seen["scores"]}
    assert counts == {"success": 12, "grasped": 14, "placed": 12, "collided": 4, "timed_out": 2}
    assert seen["outcomes"] == {"success": 12, "collided": 4, "timed out": 2, "stopped": 2}
    assert (seen["films"], seen["fouls"]) == (2, {"robot_contact": 4})


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 50),
        ({"suite": "seen"}, 20),
        ({"evaluation_id": "two", "outcome": "success"}, 18),
        ({"outcome": "failed"}, 20),
        ({"outcome": "timed out", "suite": "seen"}, 2),
        ({"foul": "robot_contact"}, 10),
        ({"outcome": "nothing"}, 0),
    ],
)
def test_episodes_are_filtered(client, query, count):
    found = client.get("/api/act/evaluations/episodes", **query, limit=5, offset=2).json()
    assert found["count"] == count
    assert len(found["rows"]) == max(0, min(5, count - 2))
    assert client.get("/api/act/evaluations/episodes", limit=501).status == 400


def test_films_come_in_parts(client):
    query = {"suite": "seen", "outcome": "collided"}
    listed = client.get("/api/act/evaluations/episodes", **query).json()["rows"]
    assert [r["film"] for r in listed] == [True, True, False, False]
    path = f"/api/act/evaluations/films/{listed[0]['row']}"
    assert client.get(path).body == FILM
    part = client.get(path, {"range": "bytes=4-11"})
    assert (part.status, part.body) == (206, FILM[4:12])
    assert part.headers["content-range"] == f"bytes 4-11/{len(FILM)}"
    assert client.get(path, {"range": f"bytes={len(FILM)}-"}).status == 416
    for other in (listed[2]["row"], 50, "x"):
        assert client.get(f"/api/act/evaluations/films/{other}").status == 404


def test_results_and_datasets_are_told_apart(client):
    found = client.get("/api/datasets").json()
    assert [r["alias"] for r in found["results"]] == ["act"]
    assert [d["alias"] for d in found["datasets"]] == ["set"]
    assert client.get("/api/act/state").status == 404
    assert client.get("/api/set/evaluations").status == 404


def test_results_grow(tmp_path, monkeypatch):
    monkeypatch.setattr("datafactory.viewer.evaluations.REFRESH_S", 0.0)
    results = Results(Location.of(write(tmp_path / "r", rows("seen"))))
    assert overview(results)["episodes"] == 20
    write(tmp_path / "r", rows("seen", n=10, first=20))
    assert overview(results)["episodes"] == 30
    assert len(overview(results)["suites"]) == 1


def test_earlier_tables_and_other_ones(tmp_path):
    old = pa.schema([f for f in SCHEMA if f.name not in ("video", "style_hash")])
    found = overview(Results(Location.of(write(tmp_path / "old", rows("seen"), old))))
    assert found["suites"][0]["films"] == 0
    other = pa.schema([f for f in SCHEMA if f.name != "grasped"])
    with pytest.raises(DatasetCorruptError, match="other columns"):
        Results(Location.of(write(tmp_path / "other", rows("seen"), other))).table()
    empty = Results(Location.of(write(tmp_path / "empty", [])))
    assert overview(empty)["suites"] == []


def test_the_page_filters_and_plays(client):
    with viewer_browser.browser() as chromium, viewer_browser.page(chromium) as (page, noted):
        page.goto(f"http://127.0.0.1:{client.port}/#/act")
        page.get_by_text("50 closed-loop episodes").wait_for()
        page.get_by_role("button", name="seen").click()
        page.get_by_role("status").get_by_text("20 episodes of seen").wait_for()
        page.get_by_role("button", name="collided").click()
        page.get_by_role("status").get_by_text("4 episodes of seen").wait_for()
        page.get_by_role("button", name="Play the film").first.click()
        page.wait_for_function("() => document.querySelector('video')?.readyState >= 2")
        assert "outcome=collided" in page.url
        page.reload()
        page.get_by_role("status").get_by_text("4 episodes of seen").wait_for()
        page.get_by_label("Dataset", exact=True).select_option("set")
        page.get_by_text("of 4 attempts").wait_for()
        page.get_by_label("Dataset", exact=True).select_option("act")
        page.get_by_text("50 closed-loop episodes").wait_for()
        assert noted.errors == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_is_accessible(client, theme):
    look = {"color_scheme": theme, "bypass_csp": True}
    with viewer_browser.browser() as chromium, viewer_browser.page(chromium, **look) as (page, _):
        page.goto(
            f"http://127.0.0.1:{client.port}/#/act?evaluation=one&suite=seen&outcome=collided"
        )
        page.get_by_role("button", name="Play the film").first.click()
        page.wait_for_function("() => document.querySelector('video')?.readyState >= 2")
        assert viewer_browser.inaccessible(page) == []
        narrow = {"width": 420, "height": 800}
        page.set_viewport_size(narrow)
        assert viewer_browser.inaccessible(page) == []
