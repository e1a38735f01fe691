from __future__ import annotations

import json
import shutil
from dataclasses import replace

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datafactory.episode import ArmSeries
from datafactory.errors import SpecError
from datafactory.exchange.actions import encode
from datafactory.exchange.contract import ImportOptions
from datafactory.exchange.lerobot import LeRobotV3
from datafactory.exchange.lerobot_import import LeRobotImport
from datafactory.exchange.lerobot_v21 import LeRobotV21
from datafactory.exchange.mapping import load_mapping
from datafactory.exchange.pictures import decode
from datafactory.exchange.robomimic import Robomimic
from datafactory.exchange.robomimic_import import RobomimicImport
from datafactory.render.media import encode_images
from datafactory.store.dataset import open_dataset
from datafactory.store.renders import iter_episode_views, variants
from datafactory.verify import verify
from tests.exchange_fixture import accepted, dataset, export, ignore, pictures, stored

EXACT = ("action_joint", "action_gripper", "action_eef", "gripper_opening", "gripper_width")


def read(importer, source, out, **options):
    importer().read(source, out, ImportOptions(**options), ignore)
    return open_dataset(out)


@pytest.mark.parametrize(
    ("exporter", "importer"),
    [(LeRobotV3, LeRobotImport), (LeRobotV21, LeRobotImport), (Robomimic, RobomimicImport)],
)
def test_states_and_actions_come_back_bit_for_bit(tmp_path, exporter, importer):
    source = dataset("")
    export(exporter(), tmp_path / "x", source, actions="delta", space="eef")
    made = read(importer, tmp_path / "x", tmp_path / "d")
    assert len(made) == len(source)
    for old, new in zip(source.iter_episodes(), made.iter_episodes(), strict=True):
        a, b = old.trajectory, new.trajectory
        assert new.fps == old.fps
        for name in (*EXACT, "eef_pose"):
            assert getattr(a, name).tobytes() == getattr(b, name).tobytes(), name
        assert np.array_equal(old.joint_positions(), new.joint_positions())
        assert np.array_equal(a.qvel[:, : b.qvel.shape[1]], b.qvel)
        assert np.allclose(old.world_from_base, new.world_from_base, atol=1e-7)
        assert (new.instructions, new.robot) == (old.instructions, old.robot)


def two_arms(count=2):
    """Episodes of a robot with two arms, the second one's tool series made up."""
    found = []
    for episode in accepted()[:count]:
        t = episode.trajectory
        both = {
            name: np.stack([getattr(t, name), getattr(t, name)[::-1] * np.float32(0.5)], axis=1)
            for name in ("eef_pose", "action_eef", "gripper_opening", "gripper_width",
                         "action_gripper")
        }  # fmt: skip
        dof = t.action_joint.shape[1]
        arms = (ArmSeries("left", dof - 2), ArmSeries("right", 2))
        found.append(replace(episode, trajectory=replace(t, arms=arms, **both)))
    return tuple(found)


@pytest.mark.parametrize(
    ("exporter", "importer"),
    [(LeRobotV3, LeRobotImport), (LeRobotV21, LeRobotImport), (Robomimic, RobomimicImport)],
)
def test_every_arm_comes_back(tmp_path, exporter, importer):
    source = stored(two_arms(), tmp_path / "two")
    export(exporter(), tmp_path / "x", source)
    made = read(importer, tmp_path / "x", tmp_path / "d")
    for old, new in zip(source.iter_episodes(), made.iter_episodes(), strict=True):
        a, b = old.trajectory, new.trajectory
        assert b.arms == a.arms
        assert b.eef_pose.shape == (old.length, 2, 7)
        for name in (*EXACT, "eef_pose"):
            assert getattr(a, name).tobytes() == getattr(b, name).tobytes(), name
        assert new.extra["absent"] == []


def test_arms_of_a_mapping_have_the_joints_of_the_source(tmp_path):
    opening = {"key": "observation.state", "columns": [5, 6]}
    arms = [{"name": n, "joints": 2, "gripper_opening": opening} for n in ("left", "right")]
    joints = {"key": "observation.state", "columns": [0, 5]}
    mapping = {"name": "m", "joint_positions": joints, "arms": arms}
    write_v21(tmp_path / "x", {"observation.state": walk(6)})
    with pytest.raises(SpecError, match="differ in number") as caught:
        read(LeRobotImport, tmp_path / "x", tmp_path / "d", mapping=mapping)
    assert caught.value.why == "5 positions, 4 of the arms"
    arms[0]["joints"] = 3
    made = read(LeRobotImport, tmp_path / "x", tmp_path / "e", mapping=mapping)
    episode = next(made.iter_episodes())
    assert episode.trajectory.gripper_opening.shape == (30, 2)
    assert np.isnan(episode.trajectory.eef_pose).all()
    assert "eef_pose" in episode.extra["absent"]


@pytest.mark.parametrize(("exporter", "same_bytes"), [(LeRobotV3, False), (LeRobotV21, True)])
def test_images_come_back_without_a_new_encoding(tmp_path, exporter, same_bytes):
    export(exporter(), tmp_path / "x")
    made = read(LeRobotImport, tmp_path / "x", tmp_path / "d")
    assert made.runs()[0].options["remarks"] == []
    assert [v.name for v in variants(made)] == ["source"]
    pairs = zip(iter_episode_views(dataset()), iter_episode_views(made), strict=True)
    for (_, old), (episode, new) in pairs:
        for camera, view in new.items():
            every = range(view.length)
            assert np.array_equal(decode(old[camera].video, every), decode(view.video, every))
            assert (old[camera].video.data == view.video.data) or not same_bytes
            assert view.length == episode.length
            assert view.thumbnail[:4] == b"RIFF"


def test_image_arrays_come_back(tmp_path):
    export(Robomimic(), tmp_path / "x.h5")
    made = read(RobomimicImport, tmp_path / "x.h5", tmp_path / "d")
    pairs = zip(iter_episode_views(dataset()), iter_episode_views(made), strict=True)
    for (_, old), (_, new) in pairs:
        every = range(new["front"].length)
        assert np.array_equal(decode(old["front"].video, every), decode(new["front"].video, every))


def test_nothing_imported_is_called_verified(tmp_path):
    export(LeRobotV21(), tmp_path / "x", dataset(""))
    made = read(LeRobotImport, tmp_path / "x", tmp_path / "d")
    for episode in made.iter_episodes():
        assert episode.generator == "import:lerobot"
        assert not episode.verdict.checks
        assert not episode.verdict.success_at_end
        assert not episode.verdict.success_once
        assert episode.extra["claimed_success"] is True
        assert episode.extra["absent"] == []
        assert episode.replay is None
    report = verify(str(tmp_path / "d"), workers=1)
    assert (report.checked, report.without_replay) == (0, 3)


def test_the_same_source_gives_the_same_episodes(tmp_path):
    export(LeRobotV21(), tmp_path / "x", dataset(""))
    one = read(LeRobotImport, tmp_path / "x", tmp_path / "a")
    two = read(LeRobotImport, tmp_path / "x", tmp_path / "b", limit=2)
    ids = [e.episode_id for e in one.iter_episodes()]
    assert [e.episode_id for e in two.iter_episodes()] == ids[:2]


def write_v21(root, columns, fps=10, tasks=("do it",), length=30, extra=None):
    """A LeRobot v2.1 dataset of one episode, written by hand."""
    index = {"timestamp": (np.arange(length) / fps).astype(np.float32)}
    for name in ("frame_index", "index"):
        index[name] = np.arange(length)
    for name in ("episode_index", "task_index"):
        index[name] = np.zeros(length, np.int64)
    arrays = {**columns, **index}
    features = {
        name: {"dtype": str(v.dtype), "shape": [v.shape[1] if v.ndim > 1 else 1], "names": None}
        for name, v in arrays.items()
    }
    info = {"codebase_version": "v2.1", "fps": fps, "robot_type": "bot", "chunks_size": 1000}
    info |= {"video_path": "videos/{video_key}/episode_{episode_index:06d}.mp4"}
    (root / "meta").mkdir(parents=True)
    (root / "data/chunk-000").mkdir(parents=True)
    (root / "meta/info.json").write_text(json.dumps({**info, "features": features | (extra or {})}))
    line = {"episode_index": 0, "tasks": list(tasks), "length": length}
    (root / "meta/episodes.jsonl").write_text(json.dumps(line) + "\n")
    (root / "meta/tasks.jsonl").write_text(json.dumps({"task_index": 0, "task": tasks[0]}) + "\n")
    table = pa.table({k: v.tolist() if v.ndim > 1 else v for k, v in arrays.items()})
    pq.write_table(table, root / "data/chunk-000/episode_000000.parquet")


def walk(width, length=30):
    rng = np.random.Generator(np.random.PCG64(width))
    return np.cumsum(rng.normal(0, 0.01, (length, width)), axis=0)


def test_declared_deltas_become_absolute(tmp_path):
    joints, target = walk(7), walk(7) + 0.001
    columns = {
        "state.joints": joints.astype(np.float32),
        "action.delta_joints": encode("delta", "joint", target, joints).astype(np.float32),
        "action.gripper_close": np.where(np.arange(30) < 10, -1, 1).astype(np.float32),
    }
    write_v21(tmp_path / "x", columns)
    mapping = load_mapping("interndata_m1")
    episode = read(LeRobotImport, tmp_path / "x", tmp_path / "d", mapping=mapping).episode(0)
    t = episode.trajectory
    assert np.allclose(t.action_joint, target, atol=1e-6)
    assert t.action_gripper.tolist() == [1.0] * 10 + [0.0] * 20
    absent = {"action_eef", "base_pose", "eef_pose", "gripper_opening", "gripper_width"}
    assert set(episode.extra["absent"]) == absent
    assert np.isnan(t.eef_pose).all()
    assert episode.extra["claimed_success"] is None


def test_units_quaternions_and_frames_are_converted(tmp_path):
    base = np.tile(np.float32([1.0, 2.0, 0.5, 0.0, 0.0, 0.0, 1.0]), (30, 1))  # half a turn about z
    columns = {
        "q": np.rad2deg(walk(6)).astype(np.float32),
        "ee": np.column_stack([1000 * walk(3), np.tile([0.0, 0.0, 0.0, 1.0], (30, 1))]),
        "base": base,
        "width": np.linspace(0, 85, 30),
    }
    write_v21(tmp_path / "x", columns)
    mapping = {
        "joint_positions": {"key": "q", "unit": "deg"},
        "gripper_opening": {"key": "width", "closed": 0, "open": 85},
        "gripper_width": {"key": "width", "unit": "mm"},
        "eef_pose": {
            "position": {"key": "ee", "columns": [0, 3], "unit": "mm"},
            "rotation": {"key": "ee", "columns": [3, 7], "form": "xyzw"},
            "frame": "base",
        },
        "base_pose": {
            "position": {"key": "base", "columns": [0, 3], "unit": "m"},
            "rotation": {"key": "base", "columns": [3, 7]},
        },
    }
    episode = read(LeRobotImport, tmp_path / "x", tmp_path / "d", mapping=mapping).episode(0)
    t = episode.trajectory
    assert np.allclose(t.qpos, walk(6), atol=1e-6)
    assert np.allclose(t.gripper_opening, np.linspace(0, 1, 30), atol=1e-6)
    assert np.allclose(t.gripper_width, np.linspace(0, 0.085, 30), atol=1e-6)
    expected = walk(3) * [-1, -1, 1] + [1.0, 2.0, 0.5]
    assert np.allclose(t.eef_pose[:, :3], expected, atol=1e-6)
    assert np.allclose(np.abs(t.eef_pose[0, 3:]), [0, 0, 0, 1], atol=1e-6)


def test_usual_names_find_the_gripper(tmp_path):
    state = np.column_stack([walk(6), np.ones(30)]).astype(np.float32)
    write_v21(tmp_path / "x", {"observation.state": state, "action": state + 1})
    path = tmp_path / "x/meta/info.json"
    info = json.loads(path.read_text())
    names = {"motors": [f"j{k}" for k in range(6)] + ["main_gripper"]}
    for key in ("observation.state", "action"):
        info["features"][key]["names"] = names
    path.write_text(json.dumps(info))
    t = read(LeRobotImport, tmp_path / "x", tmp_path / "d").episode(0).trajectory
    assert np.array_equal(t.qpos, state[:, :6])
    assert np.array_equal(t.gripper_opening, state[:, 6])
    assert np.array_equal(t.action_joint, state[:, :6] + 1)


def test_an_imported_dataset_can_be_exported_again(tmp_path):
    columns = {"observation.state": walk(6).astype(np.float32), "action": walk(6)}
    write_v21(tmp_path / "x", columns)
    made = read(LeRobotImport, tmp_path / "x", tmp_path / "d")
    export(LeRobotV3(), tmp_path / "y", made)
    info = json.loads((tmp_path / "y/meta/info.json").read_text())
    assert info["features"]["observation.state"]["shape"] == [6]
    assert "observation.eef_pose" not in info["features"]
    again = read(LeRobotImport, tmp_path / "y", tmp_path / "e")
    assert np.array_equal(made.episode(0).trajectory.qpos, again.episode(0).trajectory.qpos)
    with pytest.raises(SpecError, match="no absolute eef actions"):
        export(LeRobotV3(), tmp_path / "z", made, space="eef")


VIDEO = {"observation.images.top": {"dtype": "video", "shape": [48, 64, 3], "names": None}}


@pytest.mark.parametrize(("count", "remarks"), [(30, 0), (29, 1)])
def test_a_video_short_of_images_is_left_out_and_said(tmp_path, count, remarks):
    columns = {"observation.state": walk(6), "action": walk(6)}
    write_v21(tmp_path / "x", columns, extra=VIDEO)
    folder = tmp_path / "x/videos/observation.images.top"
    folder.mkdir(parents=True)
    video = encode_images(pictures(0, count), 10, "h264").data
    (folder / "episode_000000.mp4").write_bytes(video)
    made = read(LeRobotImport, tmp_path / "x", tmp_path / "d")
    said = [r for r in made.runs()[0].options["remarks"] if "left out" in r]
    assert len(said) == remarks
    assert all("episode 0" in r and "episode_000000.mp4" in r for r in said)
    assert len(variants(made)) == 1 - remarks


def test_episodes_between_key_frames_are_encoded_again(tmp_path):
    export(LeRobotV3(), tmp_path / "x", cameras=("front",))
    path = next((tmp_path / "x/videos").rglob("*.mp4"))
    with path.open("rb") as file:
        from datafactory.render.media import decode_video

        images = decode_video(file)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.options = {"g": "1000", "sc_threshold": "0", "crf": "5"}
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    made = read(LeRobotImport, tmp_path / "x", tmp_path / "d")
    remarks = made.runs()[0].options["remarks"]
    assert len(remarks) == 3
    assert all("encoded again" in r for r in remarks)
    shown = [
        decode(v["front"].video, range(v["front"].length)) for _, v in iter_episode_views(made)
    ]
    error = np.concatenate(shown).astype(float) - images
    assert np.abs(error).mean() < 8


def test_what_is_no_such_dataset_is_refused(tmp_path):
    with pytest.raises(SpecError, match="not a LeRobot dataset"):
        read(LeRobotImport, tmp_path, tmp_path / "d")
    with pytest.raises(SpecError, match="not an HDF5 file"):
        read(RobomimicImport, tmp_path, tmp_path / "d")
    write_v21(tmp_path / "x", {"speed": walk(2)})
    with pytest.raises(SpecError, match="does not fit") as caught:
        read(LeRobotImport, tmp_path / "x", tmp_path / "d")
    assert "speed" in caught.value.why
    info = json.loads((tmp_path / "x/meta/info.json").read_text())
    (tmp_path / "x/meta/info.json").write_text(json.dumps({**info, "codebase_version": "v1.6"}))
    with pytest.raises(SpecError, match="layout"):
        read(LeRobotImport, tmp_path / "x", tmp_path / "d")
    shutil.rmtree(tmp_path / "x")
    write_v21(tmp_path / "x", {"observation.state": walk(6), "action": walk(7)})
    with pytest.raises(SpecError, match="differ in number"):
        read(LeRobotImport, tmp_path / "x", tmp_path / "e")
