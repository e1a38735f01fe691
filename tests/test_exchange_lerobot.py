from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from datafactory.errors import DatasetError, SpecError, UnknownNameError
from datafactory.exchange.actions import decode
from datafactory.exchange.columns import ActionChoice, columns
from datafactory.exchange.contract import ExportOptions
from datafactory.exchange.episodes import Sample, iter_samples, select
from datafactory.exchange.lerobot import LeRobotV3
from datafactory.exchange.lerobot_v21 import LeRobotV21
from datafactory.render.media import decode_images, decode_video
from datafactory.store.renders import iter_episode_views
from datafactory.subtasks import subtasks_of
from tests.exchange_fixture import CAMERAS, CHANGED, FPS, NEW, dataset, export

FRONT = "observation.images.front"


def load(path):
    return json.loads(path.read_text())


def rows(root):
    tables = [pq.read_table(p) for p in sorted((root / "data").glob("*/*.parquet"))]
    found = {}
    for name in tables[0].column_names:
        values = [t[name].to_pylist() for t in tables]
        found[name] = np.array([v for part in values for v in part])
    return found


@pytest.fixture(scope="module")
def v3(tmp_path_factory):
    out = tmp_path_factory.mktemp("v3") / "out"
    return out, export(LeRobotV3(), out, extras=True)


@pytest.fixture(scope="module")
def v21(tmp_path_factory):
    out = tmp_path_factory.mktemp("v21") / "out"
    return out, export(LeRobotV21(), out)


@pytest.mark.parametrize("which", ["v3", "v21"])
def test_every_number_is_the_stored_one(which, request):
    root, summary = request.getfixturevalue(which)
    found, first = rows(root), 0
    info = load(root / "meta/info.json")
    assert info["fps"] == FPS
    assert (info["total_episodes"], info["total_frames"]) == (3, summary.frames)
    assert np.array_equal(found["index"], np.arange(summary.frames))
    for number, episode in enumerate(dataset().iter_episodes()):
        t, stride = episode.trajectory, episode.fps // FPS
        seen = np.arange(0, episode.length, stride)
        acting = np.append(seen[1:], episode.length) - 1
        part = {k: v[first : first + len(seen)] for k, v in found.items()}
        assert set(part["episode_index"].tolist()) == {number}
        assert np.array_equal(part["frame_index"], np.arange(len(seen)))
        expected = (np.arange(len(seen)) / FPS).astype(np.float32)
        assert np.array_equal(part["timestamp"].astype(np.float32), expected)
        state = np.column_stack([episode.joint_positions(), t.gripper_opening])[seen]
        action = np.column_stack([t.action_joint, t.action_gripper])[acting]
        assert np.array_equal(part["observation.state"].astype(np.float32), state)
        assert np.array_equal(part["action"].astype(np.float32), action)
        assert np.array_equal(part["action.eef_pose"].astype(np.float32), t.action_eef[acting])
        assert np.array_equal(part["observation.eef_pose"].astype(np.float32), t.eef_pose[seen])
        assert part["next.done"].tolist() == [False] * (len(seen) - 1) + [True]
        assert part["next.success"][-1] == episode.verdict.success_at_end
        first += len(seen)
    assert first == summary.frames


def test_the_features_describe_the_columns(v3):
    root, _ = v3
    features = load(root / "meta/info.json")["features"]
    table = pq.read_table(root / "data/chunk-000/file-000.parquet")
    assert set(table.column_names) == {k for k, f in features.items() if f["dtype"] != "video"}
    assert features["action"]["names"][-1] == "gripper"
    assert features["observation.state"]["names"][0] == "joint1"
    assert features[FRONT]["shape"] == [48, 64, 3]
    assert features[FRONT]["info"]["video.codec"] == "h264"
    for name, feature in features.items():
        if feature["dtype"] != "video" and feature["shape"] != [1]:
            assert table.schema.field(name).type.list_size == feature["shape"][0]


def test_shared_videos_hold_every_image_at_its_time(v3):
    root, _ = v3
    episodes = pq.read_table(root / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    stored = list(iter_episode_views(dataset()))
    for camera in CAMERAS:
        key = f"observation.images.{camera}"
        path = root / f"videos/{key}/chunk-000/file-000.mp4"
        for row, (_, views) in zip(episodes, stored, strict=True):
            start = round(row[f"videos/{key}/from_timestamp"] * FPS)
            assert row[f"videos/{key}/from_timestamp"] == start / FPS
            with path.open("rb") as file:
                shown = decode_video(file, range(start, start + row["length"]))
            assert np.array_equal(shown, decode_images(views[camera].video))
    assert [e["dataset_from_index"] for e in episodes[1:]] == [
        e["dataset_to_index"] for e in episodes[:-1]
    ]


def test_videos_of_their_own_are_the_stored_bytes(v21):
    root, _ = v21
    for number, (_, views) in enumerate(iter_episode_views(dataset())):
        for camera, view in views.items():
            place = f"videos/chunk-000/observation.images.{camera}/episode_{number:06d}.mp4"
            assert (root / place).read_bytes() == view.video.data
    lines = (root / "meta/episodes.jsonl").read_text().splitlines()
    assert [json.loads(line)["episode_index"] for line in lines] == [0, 1, 2]
    info = load(root / "meta/info.json")
    assert (info["total_videos"], info["total_chunks"]) == (6, 1)


def test_a_row_has_the_task_that_holds(v3, v21):
    meta = v21[0] / "meta"
    tasks = [json.loads(x)["task"] for x in (meta / "tasks.jsonl").read_text().splitlines()]
    used = rows(v3[0])["task_index"].tolist()
    assert used == rows(v21[0])["task_index"].tolist()
    wanted = [
        NEW if k == 1 and frame >= CHANGED else sample.episode.instruction
        for k, sample in enumerate(iter_samples(select(dataset(), ExportOptions())))
        for frame in sample.frames
    ]
    assert [tasks[k] for k in used] == wanted
    table = pq.read_table(v3[0] / "meta/episodes/chunk-000/file-000.parquet")
    episodes = table["tasks"].to_pylist()
    assert [len(own) for own in episodes] == [1, 2, 1]
    assert episodes[1][1] == NEW
    lines = (meta / "episodes.jsonl").read_text().splitlines()
    assert [json.loads(line)["tasks"] for line in lines] == episodes


def test_tasks_are_a_pandas_index(v3):
    root, _ = v3
    table = pq.read_table(root / "meta/tasks.parquet")
    described = json.loads(table.schema.metadata[b"pandas"])
    texts = table[described["index_columns"][0]].to_pylist()
    used = rows(root)["task_index"]
    bounds = np.flatnonzero(np.diff(used)) + 1
    spoken = [texts[i] for i in used[[0, *bounds]]]
    assert spoken == [i.text for e in dataset().iter_episodes() for i in e.instructions]


@pytest.mark.parametrize("which", ["v3", "v21"])
def test_statistics_are_those_of_the_rows(which, request):
    root, _ = request.getfixturevalue(which)
    stats, found = load(root / "meta/stats.json"), rows(root)
    for name in ("observation.state", "action", "timestamp", "annotation.front.tcp_uv"):
        values = found[name].reshape(len(found[name]), -1).astype(np.float64)
        assert np.allclose(stats[name]["mean"], values.mean(0), atol=1e-6)
        assert np.allclose(stats[name]["std"], values.std(0), atol=1e-6)
        assert np.allclose(stats[name]["q99"], np.quantile(values, 0.99, axis=0), atol=1e-6)
        assert stats[name]["count"] == [len(values)]
    image = stats[FRONT]
    assert set(image) == {*("min", "max", "mean", "std", "count"), *[f"q{q}" for q in (10, 50, 90)],
                          "q01", "q99"}  # fmt: skip
    assert np.shape(image["mean"]) == (3, 1, 1)
    assert 0 <= np.min(image["min"]) <= np.max(image["max"]) <= 1


def test_small_files_are_filled_one_after_another(tmp_path, monkeypatch):
    from datafactory.exchange import lerobot

    monkeypatch.setattr(lerobot, "_MB", 2000)
    monkeypatch.setattr(lerobot, "ROW_GROUP", 1)
    export(LeRobotV3(), tmp_path / "o", settings={"data_mb": "1", "video_mb": "1"})
    episodes = pq.read_table(tmp_path / "o/meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert [e["data/file_index"] for e in episodes] == [0, 1, 2]
    for episode in episodes:
        number = episode["data/file_index"]
        table = pq.read_table(tmp_path / f"o/data/chunk-000/file-{number:03d}.parquet")
        assert set(table["episode_index"].to_pylist()) == {episode["episode_index"]}
        file = episode[f"videos/{FRONT}/file_index"]
        assert (tmp_path / f"o/videos/{FRONT}/chunk-000/file-{file:03d}.mp4").exists()
        assert episode[f"videos/{FRONT}/from_timestamp"] == 0.0


def test_the_same_dataset_gives_the_same_bytes(tmp_path, v3):
    export(LeRobotV3(), tmp_path / "o", extras=True)
    ours = {p.relative_to(tmp_path / "o"): p for p in (tmp_path / "o").rglob("*") if p.is_file()}
    theirs = {p.relative_to(v3[0]): p for p in v3[0].rglob("*") if p.is_file()}
    assert set(ours) == set(theirs)
    for name, path in ours.items():
        assert path.read_bytes() == theirs[name].read_bytes(), name


def test_extras_hold_models_states_and_calibration(v3):
    import mujoco

    root, _ = v3
    lines = [json.loads(x) for x in (root / "extras/episodes.jsonl").read_text().splitlines()]
    for line, episode in zip(lines, dataset().iter_episodes(), strict=True):
        assert line["paraphrases"] == list(episode.paraphrases)
        model = mujoco.MjModel.from_xml_path(str(root / "extras/models" / line["model"]))
        states = np.load(root / f"extras/states/episode_{line['episode_index']:06d}.npz")
        assert np.array_equal(states["integration_states"], episode.replay.states)
        assert states["qpos"].shape == (episode.length, model.nq)
    camera = load(root / "extras/cameras/front/episode_000001.json")
    assert camera["intrinsics"]["fx"] == 60.0
    assert len(camera["world_from_camera"]) == lines[1]["source_frames"].__len__()
    assert load(root / "extras/licences.json")[0]["licence"]


def test_without_images_rows_are_the_recorded_frames(tmp_path):
    source = dataset("")
    summary = export(LeRobotV3(), tmp_path / "o", source)
    assert summary.frames == sum(e.length for e in source.iter_episodes())
    info = load(tmp_path / "o/meta/info.json")
    assert info["fps"] == 20
    assert info["video_path"] is None
    episode = source.episode(0)
    action = rows(tmp_path / "o")["action.joints"][: episode.length]
    assert np.array_equal(action.astype(np.float32), episode.trajectory.action_joint)


def test_image_files_become_videos_and_are_said_to(tmp_path):
    summary = export(LeRobotV21(), tmp_path / "o", dataset("jpeg"), cameras=("wrist",))
    assert "encoded as H.264" in summary.remarks[0]
    assert [p.name for p in (tmp_path / "o/videos/chunk-000").iterdir()] == [
        "observation.images.wrist"
    ]


@pytest.mark.parametrize("form", ["absolute", "relative", "delta"])
@pytest.mark.parametrize("space", ["joint", "eef"])
@pytest.mark.parametrize("frame", ["world", "base"])
def test_exported_actions_can_be_inverted(form, space, frame):
    options = ExportOptions(actions=form, space=space, settings={"frame": frame})
    for sample in iter_samples(select(dataset(), options)):
        choice = ActionChoice.of(options)
        found = columns(sample, choice)
        feature, values = found["action"]
        assert feature.width == values.shape[1] == len(choice.describe(("a",) * 7)["names"])
        t = sample.episode.trajectory
        assert np.array_equal(values[:, -1], t.action_gripper[sample.targets])
        if frame == "world" or space == "joint":
            name, state = ("action.joints", sample.episode.joint_positions())
            if space == "eef":
                name, state = "action.eef_pose", t.eef_pose
            back = decode(form, space, values[:, :-1], state[sample.frames])
            wanted = found[name][1]
            sign = np.ones((len(wanted), 1))
            if space == "eef":
                sign = np.sign(np.sum(back[:, 3:] * wanted[:, 3:], axis=1, keepdims=True))
                assert np.allclose(back[:, :3], wanted[:, :3], atol=2e-6)
                back, wanted = back[:, 3:], wanted[:, 3:]
            assert np.allclose(back * sign, wanted, atol=5e-6)


def test_a_held_action_ends_where_the_robot_was_heading():
    sample = next(iter_samples(select(dataset(), ExportOptions())))
    stride = sample.episode.fps // FPS
    assert np.array_equal(sample.targets[:-1], sample.frames[1:] - 1)
    assert sample.targets[-1] == sample.episode.length - 1
    assert set(np.diff(sample.frames).tolist()) == {stride}


def test_what_the_dataset_does_not_have_is_said(tmp_path):
    with pytest.raises(SpecError, match="nothing to export"):
        export(LeRobotV3(), tmp_path / "a", where="length > 100000")
    with pytest.raises(UnknownNameError, match="camera"):
        export(LeRobotV3(), tmp_path / "b", cameras=("frnt",))
    with pytest.raises(UnknownNameError, match="variant"):
        export(LeRobotV3(), tmp_path / "c", variant="w")
    with pytest.raises(DatasetError, match="no rendered images"):
        export(LeRobotV3(), tmp_path / "d", dataset(""), variant="v")
    with pytest.raises(SpecError, match="frame"):
        export(LeRobotV3(), tmp_path / "e", settings={"frame": "tool"})
    with pytest.raises(SpecError, match="data_mb"):
        export(LeRobotV3(), tmp_path / "f", settings={"data_mb": "0"})


def test_cameras_that_do_not_agree_are_refused():
    from datafactory.exchange.episodes import _sample

    episode, views = next(iter_episode_views(dataset()))
    other = replace(views["wrist"], frames=views["wrist"].frames + 1)
    with pytest.raises(SpecError, match="same frames"):
        _sample(episode, {"front": views["front"], "wrist": other})
    assert isinstance(_sample(episode, views), Sample)


def test_subtasks_are_an_index_into_texts(v3, v21):
    root, _ = v3
    table = pq.read_table(root / "meta/subtasks.parquet").to_pylist()
    texts = {row["subtask_index"]: row["__index_level_0__"] for row in table}
    rows = pq.read_table(root / "data/chunk-000/file-000.parquet").to_pydict()
    said = [texts[k] for k in rows["subtask_index"]]
    first = 0
    for sample in iter_samples(select(dataset(), ExportOptions())):
        labels = subtasks_of(sample.episode.extra)
        wanted = [labels[k].text for k in sample.subtasks()]
        assert said[first : first + sample.length] == wanted
        assert rows["annotation.subtask"][first : first + sample.length] == list(sample.subtasks())
        first += sample.length
    lines = [json.loads(x) for x in (v21[0] / "meta/subtasks.jsonl").read_text().splitlines()]
    assert {line["subtask_index"]: line["subtask"] for line in lines} == texts
