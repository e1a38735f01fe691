from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import replace

import pytest

from datafactory.errors import (
    DatasetCorruptError,
    DatasetError,
)
from datafactory.render.view import Media
from datafactory.store.commit import Committer, create_tables
from datafactory.store.compact import collect_garbage, compact
from datafactory.store.dataset import content_digest, open_dataset
from datafactory.store.location import Location, open_table
from datafactory.store.renders import (
    render_digest,
    render_row,
    variants,
    views,
)
from datafactory.store.schema import table_schema
from tests.render_rows_fixture import CAMERAS, add, every, ids_of, same
from tests.store_fixture import make


def test_written_in_one_process_committed_in_another(tmp_path):
    committer = make(tmp_path / "d")
    ids = ids_of(committer)
    committer.add_table("renders")
    code = (
        "import sys, json\n"
        "from datafactory.store.location import Location\n"
        "from datafactory.store.writer import FragmentWriter\n"
        "from datafactory.store.renders import render_row\n"
        "from tests.render_rows_fixture import every\n"
        "writer = FragmentWriter(Location.of(sys.argv[1]))\n"
        "big = dict(codec='png', frames=40, size=(96, 96))\n"
        "for ids in (sys.argv[2:4], sys.argv[4:]):\n"
        "    rows = [render_row(v, 'run') for v in every(ids, **big)]\n"
        "    print(json.dumps(writer.write('renders', rows)))\n"
    )
    command = [sys.executable, "-c", code, committer.location.root, *ids[:4]]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    parts = [part for line in done.stdout.splitlines() for part in json.loads(line)]
    committer.append("renders", parts, {"variant": "v0"})
    committer.append("renders", committer.writer.write("renders", []), {})
    dataset = open_dataset(committer.location.root)
    before, digest = list(views(dataset)), render_digest(dataset, "v0")
    assert [v.episode_id for v in before] == [i for i in ids[:4] for _ in CAMERAS]
    done = compact(committer.location.root)
    assert done.fragments_after < done.fragments_before
    assert len(open_table(committer.location, "renders").get_fragments()) == 1
    after = open_dataset(committer.location.root)
    assert all(same(a, b) for a, b in zip(before, views(after), strict=True))
    assert render_digest(after, "v0") == digest
    depths = [v.depth.data for v in before]
    assert len(set(depths)) == len(depths)


def test_compaction_keeps_missing_depth_and_empty_media(tmp_path):
    committer = make(tmp_path / "d")
    ids = ids_of(committer)
    for i, episode in enumerate(ids):
        add(committer, every([episode], depth=i % 2 == 0, masks=i % 3 == 0))
    before = list(views(open_dataset(committer.location.root)))
    compact(committer.location.root)
    after = list(views(open_dataset(committer.location.root)))
    assert all(same(a, b) for a, b in zip(before, after, strict=True))
    assert [v.depth is None for v in after[:4]] == [False, False, True, True]


def test_uncommitted_images_are_invisible_and_collected(tmp_path):
    committer = make(tmp_path / "d")
    committer.add_table("renders")
    big = {"codec": "png", "frames": 40, "size": (96, 96)}
    rows = [render_row(v, "run") for v in every(ids_of(committer)[:2], **big)]
    committer.writer.write("renders", rows)
    folder = committer.location.path / "renders.lance"
    assert variants(open_dataset(committer.location.root)) == ()
    assert list(folder.rglob("*.blob"))
    assert collect_garbage(committer.location.root) > 100_000
    assert not list(folder.rglob("*.blob"))


def test_a_commit_whose_acknowledgement_is_lost_or_repeated_counts_once(tmp_path, monkeypatch):
    committer = make(tmp_path / "d")
    ids = ids_of(committer)
    add(committer, every(ids[:1]))
    commit = Committer._commit

    def eager_and_lossy(self, *args):
        commit(self, *args)
        commit(self, *args)
        raise OSError("connection reset")

    monkeypatch.setattr(Committer, "_commit", eager_and_lossy)
    add(committer, every(ids[1:2]))
    monkeypatch.undo()
    add(committer, every(ids[2:3]))
    found = list(views(open_dataset(committer.location.root)))
    assert [v.episode_id for v in found] == [i for i in ids[:3] for _ in CAMERAS]


def test_episodes_keep_their_content_and_older_datasets_get_the_table(tmp_path):
    committer = make(tmp_path / "d")
    root = committer.location.root
    digest, version = content_digest(root), open_dataset(root).version
    assert open_dataset(root).tables == ("runs", "episodes", "attempts", "assets")
    Committer(committer.location).add_table("renders")
    again = Committer(committer.location)
    again.add_table("renders")
    assert "renders" in again.tables
    assert variants(open_dataset(root)) == ()
    add(again, every(ids_of(again)))
    assert content_digest(root) == digest
    assert open_dataset(root).version == version
    compact(root)
    assert content_digest(root) == digest


def test_the_table_of_questions_is_added_the_same_way(tmp_path):
    committer = make(tmp_path / "d")
    digest = content_digest(committer.location.root)
    committer.add_table("qa")
    dataset = open_dataset(committer.location.root)
    assert dataset.tables[-1] == "qa"
    assert dataset.table("qa").schema.names == table_schema("qa").names
    assert content_digest(committer.location.root) == digest
    dataset.tag("asked")
    assert dataset.at("asked").table("qa").count_rows() == 0


def test_a_table_whose_creation_was_cut_short_is_made_again(tmp_path):
    committer = make(tmp_path / "d")
    (committer.location.path / "renders.lance" / "_versions").mkdir(parents=True)
    dataset = open_dataset(committer.location.root)
    assert "renders" not in dataset.tables
    add(Committer(committer.location), every(ids_of(committer)[:1]))
    assert len(list(views(open_dataset(committer.location.root)))) == 2


def test_tags_and_versions_include_images(tmp_path):
    committer = make(tmp_path / "d")
    ids, root = ids_of(committer), committer.location.root
    open_dataset(root).tag("states")
    add(committer, every(ids[:2]))
    open_dataset(root).tag("pictures")
    add(committer, every(ids[2:4]))
    compact(root)
    latest = open_dataset(root)
    assert variants(latest)[0].episodes == 4
    assert variants(latest.at("pictures"))[0].episodes == 2
    assert variants(latest.at("states")) == ()
    assert len(list(views(pickle.loads(pickle.dumps(latest.at("pictures")))))) == 4
    with pytest.raises(DatasetError, match="has no rendered images"):
        views(latest.at("states"))
    with pytest.raises(DatasetError, match="pictures"):
        open_dataset(root).tag("pictures")


def test_a_folder_with_images_of_a_lost_dataset_is_not_overwritten(tmp_path):
    committer = make(tmp_path / "d")
    add(committer, every(ids_of(committer)[:1]))
    folder = tmp_path / "other"
    folder.mkdir()
    (committer.location.path / "renders.lance").rename(folder / "renders.lance")
    with pytest.raises(DatasetCorruptError, match="renders"):
        create_tables(Location.of(folder), ())
    (committer.location.path / "episodes.lance").rename(folder / "qa.lance")
    with pytest.raises(DatasetCorruptError):
        create_tables(Location.of(folder), ())


def test_the_digest_is_of_content_alone(tmp_path):
    digests = []
    for name, size in (("a", 3), ("b", 1)):
        committer = make(tmp_path / name)
        ids = ids_of(committer)[:3]
        for start in range(0, 3, size):
            add(committer, every(ids[start : start + size]), run_id=name)
        dataset = open_dataset(committer.location.root)
        digests.append(render_digest(dataset, "v0"))
    assert digests[0] == digests[1]
    committer = make(tmp_path / "c")
    made = every(ids_of(committer)[:3])
    made[2] = replace(made[2], video=Media("jpeg", made[1].video.data, made[1].video.offsets))
    add(committer, made)
    assert render_digest(open_dataset(committer.location.root), "v0") != digests[0]
