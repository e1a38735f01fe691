"""The index: the same numbers as the statistics, growth, labels."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest

from datafactory.statistics import collect
from datafactory.store.dataset import open_dataset
from datafactory.store.labels import Label, add_labels
from datafactory.store.location import Location
from datafactory.viewer.grammar import FilterError
from datafactory.viewer.index import Index
from datafactory.viewer.listing import audit_sample, window
from datafactory.viewer.motion import grid_of, part_of
from datafactory.viewer.summary import overview
from tests import store_fixture, viewer_fixture
from tests.fake_attempts import FakeSpec

FACTORS = {"goal": "relation", "family": "family", "robot": "robot", "wording": "split",
           "distractors": "distractors"}  # fmt: skip


def assert_agrees(path):
    """Overview and statistics say the same."""
    found = collect(open_dataset(path))
    seen = overview(Index(Location.of(path)).snapshot(), "")
    total = seen["total"]
    assert (total["accepted"], total["rejected"]) == (found.accepted, found.rejected)
    assert total["frames"] == found.frames
    assert {(r["stage"], r["reason"]): r["count"] for r in seen["reasons"]} == dict(found.reasons)
    facets = {f["field"]: f["groups"] for f in seen["facets"]}
    for factor, field in FACTORS.items():
        mine = {g["name"]: (g["accepted"], g["attempted"]) for g in facets.get(field, [])}
        assert mine == {
            name: (t.accepted, t.attempted) for name, t in found.factors[factor].items()
        }, factor
    assert total["seconds"] == pytest.approx(vars(found.seconds))
    assert seen["cpu_s"] == pytest.approx(dict(found.cpu_s))
    if found.coverage is None:
        assert seen["coverage"] is None
        return
    np.testing.assert_array_equal(seen["coverage"]["start"], found.coverage.start)
    np.testing.assert_array_equal(seen["coverage"]["end"], found.coverage.end)
    assert tuple(seen["coverage"]["x"]) == found.coverage.x


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    return viewer_fixture.make(tmp_path_factory.mktemp("viewer") / "real", rendered=False)


def test_overview_agrees_with_statistics_of_real_attempts(real):
    assert_agrees(real)


def test_overview_agrees_with_statistics_of_many(tmp_path):
    store_fixture.make(tmp_path / "d", count=60)
    assert_agrees(tmp_path / "d")


def test_empty_dataset(tmp_path):
    store_fixture.make(tmp_path / "d", count=0)
    snapshot = Index(Location.of(tmp_path / "d")).snapshot()
    seen = overview(snapshot, "length > 3")
    assert seen["total"]["attempted"] == 0
    assert seen["coverage"] is None
    assert window(snapshot, "", sort="seconds")["rows"] == []


def test_grows(tmp_path, monkeypatch):
    monkeypatch.setattr("datafactory.viewer.index.REFRESH_S", 0.0)
    spec = FakeSpec()
    committer = store_fixture.make(tmp_path / "d", spec, count=20)
    index = Index(Location.of(tmp_path / "d"))
    first = index.snapshot()
    assert index.snapshot() is first
    accepted, rejected, assets = store_fixture.rows(spec, range(20, 40))
    committer.add_assets(assets)
    committer.append("episodes", committer.writer.write("episodes", accepted), {})
    committer.append("attempts", committer.writer.write("attempts", rejected), {})
    grown, fresh = index.snapshot(), Index(Location.of(tmp_path / "d")).snapshot()
    assert grown.count == fresh.count == 40
    assert first.count == 20
    assert sorted(grown.ids.to_pylist()) == sorted(fresh.ids.to_pylist())
    assert window(grown, "", limit=40) == window(fresh, "", limit=40)
    assert [r["attempt"] for r in window(grown, "", limit=40)["rows"]] == list(range(40))


def test_order_and_windows(tmp_path):
    store_fixture.make(tmp_path / "d", count=40)
    snapshot = Index(Location.of(tmp_path / "d")).snapshot()
    name = next(n for n in snapshot.kinds if n.startswith("metric."))
    for descending in (False, True):
        rows = window(snapshot, "", sort=name, descending=descending, fields=[name])["rows"]
        values = [r[name] for r in rows if r[name] is not None]
        assert values == sorted(values, reverse=descending)
        assert all(r[name] is None for r in rows[len(values) :])
    parts = [window(snapshot, "", sort=name, offset=k, limit=7)["rows"] for k in range(0, 40, 7)]
    assert [r["id"] for part in parts for r in part] == [
        r["id"] for r in window(snapshot, "", sort=name)["rows"]
    ]
    with pytest.raises(FilterError, match="no field 'nothing'"):
        window(snapshot, "", sort="nothing")


def test_labels_are_columns(real):
    index = Index(Location.of(real))
    snapshot = index.snapshot()
    a, b = (snapshot.ids[i].as_py() for i in (0, int(snapshot.accepted.sum())))
    add_labels(open_dataset(real), [Label(a, "exclude", "odd"), Label(a, "tag", "shaky"),
                                    Label(b, "audit", "wrong")])  # fmt: skip
    index.forget_age()
    snapshot = index.snapshot()
    assert [r["id"] for r in window(snapshot, "excluded = true")["rows"]] == [a]
    assert [r["id"] for r in window(snapshot, "tag = 'shaky'")["rows"]] == [a]
    assert [r["id"] for r in window(snapshot, "audit = 'wrong'")["rows"]] == [b]
    drawn = audit_sample(snapshot, 50, seed=3)
    assert b not in {r["id"] for r in drawn["rejected"]}
    assert drawn == audit_sample(snapshot, 50, seed=3)


def test_motion_of_episodes_without_arms(tmp_path):
    store_fixture.make(tmp_path / "d", count=8)
    page = open_dataset(tmp_path / "d").table("episodes").to_table()
    for name in ("action_joint", "action_gripper", "eef_pose", "gripper_width"):
        place = page.schema.get_field_index(name)
        none = pa.array([[]] * page.num_rows, type=page.schema.field(name).type)
        page = page.set_column(place, page.schema.field(name), none)
    grid = grid_of(page)
    assert grid.names == ()
    assert part_of(page, grid).actions.shape[:2] == (page.num_rows, 0)


def test_motion_of_an_empty_dataset_is_nothing(tmp_path):
    store_fixture.make(tmp_path / "d", count=0)
    index = Index(Location.of(tmp_path / "d"))
    found = index.read_series().summary(index.snapshot().accepted)
    assert (found["done"], found["total"], found["actions"]) == (0, 0, [])
    assert "grasp" not in index.snapshot().kinds


def until_read(index):
    """The snapshot once all time series have been read."""
    index.read_series()
    while (snapshot := index.snapshot()).series_read != snapshot.accepted.sum():
        time.sleep(0.01)
    return snapshot


def test_bars_of_actions_and_grasps_are_filters(real):
    index = Index(Location.of(real))
    assert "action.joint_1" not in index.snapshot().kinds
    snapshot = until_read(index)
    found = index.read_series().summary(snapshot.accepted[snapshot.accepted])
    episodes = {e.episode_id: e for e in open_dataset(real).iter_episodes()}
    for action in (found["actions"][0], found["actions"][-1]):
        joint = "joint" in action["field"]
        runs = {i: e.trajectory for i, e in episodes.items()}
        values = {i: r.action_joint[:, 0] if joint else r.action_gripper for i, r in runs.items()}
        for low, high, frames in zip(
            action["edges"], action["edges"][1:], action["all"], strict=False
        ):
            where = f"{action['field']} BETWEEN {low:.6g} AND {high:.6g}"
            rows = {r["id"] for r in window(snapshot, where)["rows"]}
            there = {i for i, v in values.items() if ((v >= low) & (v < high)).any()}
            assert there <= rows
            assert bool(rows) == bool(frames)
    for kind in found["kinds"]:
        rows = window(snapshot, f"grasp = '{kind['name']}'")["rows"]
        assert len(rows) <= kind["all"]
        assert bool(rows) == bool(kind["all"])
    assert sum(k["all"] for k in found["kinds"]) >= len(episodes)
    assert window(snapshot, "grasp IS NULL")["count"] == snapshot.count - len(episodes)


def test_columns_of_time_series_grow_with_the_dataset(tmp_path, monkeypatch):
    monkeypatch.setattr("datafactory.viewer.index.REFRESH_S", 0.0)
    spec = FakeSpec()
    committer = store_fixture.make(tmp_path / "d", spec, count=20)
    index = Index(Location.of(tmp_path / "d"))
    first = until_read(index)
    accepted, _, assets = store_fixture.rows(spec, range(20, 40))
    committer.add_assets(assets)
    committer.append("episodes", committer.writer.write("episodes", accepted), {})
    second = until_read(index)
    assert second.series_read > first.series_read
    known = ~second.columns["action.joint_1"].missing()
    np.testing.assert_array_equal(known, second.accepted)
