from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import psutil
import pytest

import datafactory as df
from datafactory.errors import (
    DatasetError,
    DatasetLockedError,
    SpecError,
    StorageError,
    UnknownNameError,
)
from datafactory.executor import render_run
from datafactory.executor.resume import last_run, status
from datafactory.render.library import load_style
from datafactory.store.commit import Committer
from datafactory.store.dataset import content_digest, open_dataset
from datafactory.store.location import Location
from datafactory.store.lock import writer_lock
from datafactory.store.renders import images, render_digest, rendered_ids, variants, view, views
from tests.render_fixture import EPISODES, copy, render, rendered, states


def test_a_variant_adds_rows_and_touches_nothing_else(tmp_path):
    path = copy(tmp_path / "d")
    before = content_digest(path)
    files = {p: p.read_bytes() for p in (path / "episodes.lance").rglob("*") if p.is_file()}
    summary = render(path)
    assert (summary.status, summary.episodes, summary.made) == ("complete", EPISODES, EPISODES)
    assert content_digest(path) == before
    assert {p: p.read_bytes() for p in (path / "episodes.lance").rglob("*") if p.is_file()} == files
    dataset = open_dataset(path)
    (info,) = variants(dataset)
    assert (info.name, info.cameras, info.episodes) == ("default", ("front", "wrist"), EPISODES)
    assert summary.images == sum(v.length for v in views(dataset))
    assert df.verify(str(path)).passed


def test_frames_and_time_are_exact():
    dataset = open_dataset(rendered())
    for found in views(dataset):
        episode = dataset.episode(found.episode_id)
        stride = episode.fps // found.fps
        assert found.frames.tolist() == list(range(0, episode.length, stride))
        assert images(dataset, found, [found.length - 1]).shape == (1, 72, 96, 3)


def test_content_does_not_depend_on_workers_order_or_interruptions(tmp_path):
    one, two = copy(tmp_path / "one"), copy(tmp_path / "two")
    render(one)
    render(two, limit=1)
    assert len(rendered_ids(open_dataset(two), "default")) == 1
    summary = render(two, workers=2)
    assert (summary.episodes, summary.made) == (EPISODES, EPISODES - 1)
    digests = {render_digest(open_dataset(p), "default") for p in (one, two)}
    assert len(digests) == 1
    again = render(two)
    assert (again.made, again.status) == (0, "complete")


def test_variants_are_isolated_and_differ(tmp_path):
    path = copy(tmp_path / "d")
    render(path)
    digest = render_digest(open_dataset(path), "default")
    render(path, "fps=1", style="random")
    dataset = open_dataset(path)
    assert [v.name for v in variants(dataset)] == ["default", "random"]
    assert render_digest(dataset, "default") == digest
    first = dataset.episode(0).episode_id
    pictures = [images(dataset, (first, name, "front"), [0])[0] for name in ("default", "random")]
    assert np.abs(pictures[0].astype(int) - pictures[1]).mean() > 5


def test_another_seed_looks_different_and_the_same_seed_the_same(tmp_path):
    path = copy(tmp_path / "d")
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        render(path, f"seed={seed}", style="random", variant=name, limit=1)
    dataset = open_dataset(path)
    first = dataset.episode(0).episode_id
    seen = [view(dataset, first, name, "front") for name in "abc"]
    assert seen[0].video.data == seen[1].video.data
    assert seen[0].look_json == seen[1].look_json != seen[2].look_json


def test_another_style_under_the_same_name_is_refused(tmp_path):
    path = copy(tmp_path / "d")
    render(path, limit=1)
    with pytest.raises(DatasetError, match="another style"):
        render(path, "seed=5")
    assert render(path).made == EPISODES - 1


def test_images_bind_the_style_when_their_call_was_not_recorded(tmp_path, monkeypatch):
    path = copy(tmp_path / "d")
    monkeypatch.setattr(render_run.Committer, "write_run", lambda self, row: None)
    render(path, limit=1)
    monkeypatch.undo()
    assert [r.kind for r in open_dataset(path).runs()] == ["generate"]
    with pytest.raises(DatasetError, match="another style"):
        render(path, "seed=5")


@pytest.mark.parametrize("name", ["bad name", "../x", "", "Big", "it's"])
def test_variant_names_are_plain(tmp_path, name):
    with pytest.raises(SpecError, match="name of a variant"):
        render(tmp_path, variant=name)


def test_filters_choose_episodes(tmp_path):
    path = copy(tmp_path / "d")
    wanted = open_dataset(path).episode(1).episode_id
    render(path, where=f"episode_id = '{wanted}'")
    assert rendered_ids(open_dataset(path), "default") == {wanted}
    with pytest.raises(DatasetError, match="no episode to render"):
        render(path, where="length < 0")


def test_render_calls_are_recorded_and_are_not_generation_runs(tmp_path):
    path = copy(tmp_path / "d")
    render(path)
    runs = open_dataset(path).runs()
    assert [r.kind for r in runs] == ["generate", "render"]
    assert (runs[1].status, runs[1].task, runs[1].accepted) == ("complete", "default", EPISODES)
    assert runs[1].spec["fps"] == 2
    assert last_run(open_dataset(path)).kind == "generate"
    assert status(str(path)).accepted == EPISODES
    summary = df.resume(str(path), n=EPISODES + 1, workers=1)
    assert summary.made == 1
    assert render(path).made == 1


def test_a_camera_inside_the_table_is_an_error_and_harms_nothing(tmp_path):
    path = copy(tmp_path / "d")
    inside = "{name: bad, mount: table, look_from: [0, 0, -0.02], look_at: [0, 0, 1]}"
    with pytest.raises(SpecError, match="'bad'"):
        render(path, f"cameras=[{inside}]")
    assert variants(open_dataset(path)) == ()
    assert open_dataset(path).runs()[-1].status == "stopped"
    assert render(path).made == EPISODES


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("fps=3", "fps"),
        ("cameras=[frnt]", "front"),
        ("renderer=raycsat", "raycast"),
        ("cameras=[front, front]", "front"),
        ("sky=overcat/00", "overcast"),
        ("table=wood_veneer/777", "wood_veneer"),
    ],
)
def test_wrong_styles_are_refused_before_anything_is_written(tmp_path, assignment, message):
    path = copy(tmp_path / "d")
    with pytest.raises(SpecError, match=message):
        render(path, assignment)
    assert variants(open_dataset(path)) == ()


def test_only_one_writer(tmp_path):
    path = copy(tmp_path / "d")
    with writer_lock(Location.of(path), "test"), pytest.raises(DatasetLockedError):
        render(path)


def test_what_is_no_dataset_gets_no_lock_file(tmp_path):
    with pytest.raises(DatasetError):
        render(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_stops_resumable(tmp_path, monkeypatch):
    path = copy(tmp_path / "d")
    render(path, limit=1)
    digest = render_digest(open_dataset(path), "default")
    real = Committer.append

    def full(self, name, fragments, properties):
        if name == "renders" and fragments:
            raise StorageError("writing failed", why="No space left on device")
        real(self, name, fragments, properties)

    monkeypatch.setattr(render_run.Committer, "append", full)
    with pytest.raises(StorageError):
        render(path)
    monkeypatch.undo()
    dataset = open_dataset(path)
    assert render_digest(dataset, "default") == digest
    assert df.validate(str(path)).passed
    assert render(path).episodes == EPISODES


def test_killed_children_are_replaced(tmp_path):
    path = copy(tmp_path / "d")
    killed = []

    def kill() -> None:
        deadline = time.monotonic() + 60
        while not killed and time.monotonic() < deadline:
            for child in psutil.Process(os.getpid()).children(recursive=True):
                if "datafactory.executor.child" in " ".join(child.cmdline()):
                    time.sleep(1.0)
                    child.send_signal(signal.SIGKILL)
                    killed.append(child.pid)
                    return
            time.sleep(0.05)

    thread = threading.Thread(target=kill)
    thread.start()
    summary = render(path)
    thread.join()
    assert killed
    assert summary.episodes == EPISODES
    other = copy(tmp_path / "other")
    render(other)
    digests = {render_digest(open_dataset(p), "default") for p in (path, other)}
    assert len(digests) == 1


def test_validate_finds_lost_images(tmp_path):
    path = copy(tmp_path / "d")
    render(path)
    assert df.validate(str(path)).passed
    committer = Committer(Location.of(path))
    committer.table("renders").delete("camera = 'wrist' AND length > 0")
    report = df.validate(str(path), names=["images"])
    assert report.passed  # a variant of one camera
    render(path, "cameras=[front, wrist, top]", variant="three")
    first = open_dataset(path).episode(0).episode_id
    committer = Committer(Location.of(path))
    committer.table("renders").delete(f"camera = 'top' AND episode_id = '{first}'")
    report = df.validate(str(path), names=["images"])
    assert not report.passed
    assert "top" in report.stages[0].findings[0].what


def test_styles_with_unknown_parts_name_them():
    with pytest.raises(UnknownNameError):
        load_style("nothing")


def test_states_have_no_images():
    with pytest.raises(DatasetError, match="datafactory render"):
        next(views(open_dataset(states())))
