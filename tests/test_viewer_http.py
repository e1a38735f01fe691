"""What the server answers."""

from __future__ import annotations

import json
import struct
import time

import numpy as np

from datafactory import inspection
from datafactory.difference import compare_counted
from datafactory.store.dataset import open_dataset
from datafactory.store.encode import to_rows
from datafactory.viewer import scenes
from datafactory.viewer.access import LOCAL_NAMES, Access
from datafactory.viewer.app import MAX_BODY
from datafactory.viewer.glb import Shape
from datafactory.viewer.replay import Body, Scene
from tests import viewer_fixture
from tests.viewer_fixture import TOKEN, VARIANT, running


def view_of(key, camera="front"):
    return f"/api/set/attempts/{key}/views/{VARIANT}/{camera}"


def test_lists_accepted_and_refused(client):
    found = client.get("/api/set/rows").json()
    assert found["count"] == 6
    assert [r["outcome"] for r in found["rows"]] == ["accepted"] * 3 + ["rejected"] * 3
    some = client.get("/api/set/rows", where="reason = 'dropped'", sort="attempt",
                      descending="true", limit=1).json()  # fmt: skip
    assert some["count"] == 2
    assert [r["attempt"] for r in some["rows"]] == [12]


def test_filter_errors_have_a_place(client):
    found = client.get("/api/set/overview", where="length > 3 AN x = 1")
    assert found.status == 400
    error = found.json()["error"]
    assert (error["at"], error["length"]) == (11, 2)
    assert "AND" in error["try"]


def test_misspelt_texts_are_said_while_writing(client):
    where = "length > 3 AND task = 'pick_plce'"
    problem = client.get("/api/set/check", where=where).json()["problem"]
    assert (problem["at"], problem["length"]) == (where.index("pick_plce"), len("pick_plce"))
    assert problem["try"] == "did you mean 'pick_place'?"
    for fine in ("task = 'pick_place'", "task != 'pick_plce'", "task ~ 'pick_plc'", "tag = 'new'"):
        assert client.get("/api/set/check", where=fine).json()["problem"] is None
    some = "robot IN ('primitive_arm') OR NOT task IN ('pick_place', 'Pick_Place')"
    assert "did you mean" in client.get("/api/set/check", where=some).json()["problem"]["try"]
    assert client.get("/api/set/rows", where=where).json()["count"] == 0


def test_state(client):
    found = client.get("/api/set/state").json()
    assert (found["accepted"], found["rejected"]) == (3, 3)
    assert found["variants"] == {VARIANT: ["front", "wrist"]}
    assert found["fields"]["length"] == "number"


def test_histogram_and_thumbnails(client, ids):
    found = client.get("/api/set/histogram", field="seconds", where="outcome = 'accepted'").json()
    assert sum(found["all"]) == 5
    assert sum(found["shown"]) == 3
    assert client.get("/api/set/histogram", field="robot").status == 400
    thumbs = client.get("/api/set/thumbnails", ids=",".join(ids), variant=VARIANT, camera="front")
    assert set(thumbs.json()) == set(ids[:3])


def test_episode(client, ids, path):
    found = client.get(f"/api/set/attempts/{ids[0]}").json()
    stored = open_dataset(path).episode(ids[0])
    assert found["instruction"] == stored.instruction
    assert len(found["checks"]) == len(stored.verdict.checks)
    assert found["graphs"]["final"] == stored.final_graph
    assert [v["camera"] for v in found["views"]] == ["front", "wrist"]
    assert found["commands"]["make again"].startswith("datafactory generate")
    curves = client.get(f"/api/set/attempts/{ids[0]}/series").json()
    assert curves["length"] == stored.length
    joints = curves["groups"][0]["lines"]
    assert len(joints) == stored.trajectory.action_joint.shape[1]
    np.testing.assert_allclose(joints[0]["values"], stored.joint_positions()[:, 0], atol=1e-5)


def test_refused_attempts_are_shown_too(client, ids):
    found = client.get(f"/api/set/attempts/{ids[4]}").json()
    assert (found["stage"], found["reason"]) == ("execute", "dropped")
    assert found["track"]["length"] > 1
    assert client.get(f"/api/set/attempts/{ids[4]}/scene").json()["frames"] > 1
    assert client.get(f"/api/set/attempts/{ids[3]}/scene").json()["frames"] == 1
    assert client.get(f"/api/set/attempts/{ids[3]}/series").json()["groups"] == []


def test_poses_in_3d_are_those_that_were_stored(client, ids, path):
    stored = open_dataset(path).episode(ids[1])
    scene = client.get(f"/api/set/attempts/{ids[1]}/scene").json()
    data = np.frombuffer(client.get(f"/api/set/attempts/{ids[1]}/poses").body, "<f4")
    count = len(scene["bodies"])
    poses = data[: scene["frames"] * count * 7].reshape(scene["frames"], count, 7)
    for i, thing in enumerate(stored.objects):
        k = [b["name"] for b in scene["bodies"]].index(thing.name)
        np.testing.assert_allclose(
            poses[:, k, :3], stored.trajectory.object_poses[:, i, :3], atol=1e-5
        )
    tools = data[poses.size :].reshape(scene["frames"], scene["arms"], 7)
    np.testing.assert_array_equal(tools[:, 0], stored.trajectory.eef_pose)


def test_shapes_are_gltf_by_content(client, ids):
    scene = client.get(f"/api/set/attempts/{ids[0]}/scene").json()
    assert {b["kind"] for b in scene["bodies"]} == {"object", "robot", "scenery"}
    for key in {b["shape"] for b in scene["bodies"]}:
        data = client.get(f"/api/set/shapes/{key}").body
        magic, version, size = struct.unpack_from("<4sII", data)
        assert (magic, version, size) == (b"glTF", 2, len(data))
        length, kind = struct.unpack_from("<II", data, 12)
        assert kind == 0x4E4F534A
        assert json.loads(data[20 : 20 + length])["meshes"]
    for wrong in ("0" * 32, "..%2f..%2fetc%2fpasswd", "%2e%2e"):
        assert client.get(f"/api/set/shapes/{wrong}").status == 404


def test_episodes_share_shapes_that_are_fetched_once(client, ids):
    first, second = (client.get(f"/api/set/attempts/{i}/scene").json()["bodies"] for i in ids[:2])
    robot = {b["shape"] for b in first if b["kind"] == "robot"}
    assert robot
    assert robot == {b["shape"] for b in second if b["kind"] == "robot"}
    answer = client.get(f"/api/set/shapes/{min(robot)}")
    assert "immutable" in answer.headers["cache-control"]


def test_shapes_are_kept_within_bounds(monkeypatch):
    monkeypatch.setattr(scenes, "KEPT_BYTES", 100)
    none = np.zeros((1, 0, 7), np.float32)
    made = {
        name: Scene(1.0, tuple(Body(k, "object", Shape(k, b"x" * 40)) for k in keys), none, none,
                    (0.0, 0.0, 0.0))
        for name, keys in {"a": "12", "b": "23", "c": "456"}.items()
    }  # fmt: skip
    kept = scenes.Scenes()
    for name in "ab":
        kept._keep("root", made[name])
    assert {k for _, k in kept._shapes} == {"2", "3"}
    kept._keep("root", made["c"])
    assert {k for _, k in kept._shapes} == {"4", "5", "6"}  # never those of the last scene
    assert kept._bytes == 120


def test_video_by_range(client, ids):
    whole = client.get(view_of(ids[0]) + "/video")
    size = len(whole.body)
    assert whole.headers["accept-ranges"] == "bytes"
    for header, start, stop in [
        ("bytes=0-99", 0, 100), ("bytes=100-", 100, size), ("bytes=-50", size - 50, size),
        (f"bytes=10-{size * 2}", 10, size),
    ]:  # fmt: skip
        part = client.get(view_of(ids[0]) + "/video", {"range": header})
        assert part.status == 206
        assert part.body == whole.body[start:stop]
        assert part.headers["content-range"] == f"bytes {start}-{stop - 1}/{size}"
    for header in (f"bytes={size}-", "bytes=5-4", "bytes=0-1,4-5", "lines=0-1", "bytes=-"):
        assert client.get(view_of(ids[0]) + "/video", {"range": header}).status == 416


def test_images_and_overlays(client, ids):
    assert client.get(view_of(ids[0]) + "/images/0").body[:2] == b"\xff\xd8"
    assert client.get(view_of(ids[0]) + "/last").headers["content-type"] == "image/jpeg"
    assert client.get(view_of(ids[0]) + "/images/9999").status == 404
    found = client.get(view_of(ids[0]) + "/overlay").json()
    left, top = viewer_fixture.square(2)
    assert found["boxes"][2][0] == [left, top, left + 20, top + 20]
    assert found["boxes"][2][1] == [None] * 4
    data = client.get(view_of(ids[0]) + "/masks").body
    images, runs = struct.unpack_from("<II", data)
    assert images == len(found["frames"])
    assert len(data) == 8 + 4 * (images + 1) + 5 * runs


def test_motion_counts_every_frame(client, path):
    for _ in range(200):
        found = client.get("/api/set/motion").json()
        if found["done"] == found["total"]:
            break
    assert found["total"] == 3
    frames = sum(e.length for e in open_dataset(path).iter_episodes())
    assert {sum(h["all"]) for h in found["actions"]} == {frames}
    assert sum(k["all"] for k in found["kinds"]) >= 3
    none = client.get("/api/set/motion", where="outcome = 'rejected'").json()
    assert {sum(h["shown"]) for h in none["actions"]} == {0}


def test_a_filter_of_actions_works_in_a_copied_address(path):
    where = "action.joint_1 BETWEEN -9 AND 9 AND grasp IS NOT NULL"
    with running([path]) as fresh:  # nobody has asked it for time series
        for _ in range(200):
            found = fresh.get("/api/set/rows", where=where)
            assert found.status == 200
            if found.json()["count"] == 3:
                break
            time.sleep(0.05)
        assert found.json()["count"] == 3
        state = fresh.get("/api/set/state").json()
    assert state["series_read"] == 3
    assert state["fields"]["action.joint_1"] == "values"


def test_labels_need_the_token(client, ids):
    body = {"ids": [ids[2]], "kind": "tag", "value": "odd"}
    assert client.send("POST", "/api/set/labels", body=body).status == 401
    assert client.send("POST", "/api/set/labels", {"x-datafactory-token": "x"}, body).status == 401
    answer = client.label("set", [ids[2]], "tag", "odd")
    assert answer.status == 200
    assert answer.json()["judged"][ids[2]]["tags"] == ["odd"]
    assert client.get("/api/set/rows", where="tag = 'odd'").json()["count"] == 1
    assert client.label("set", [ids[2]], "nonsense", "odd").status == 400
    assert client.label("set", ["0" * 32], "tag", "odd").status == 404
    other = {"x-datafactory-token": TOKEN, "origin": "http://evil.example"}
    assert client.send("POST", "/api/set/labels", other, body).status == 403


def test_damaged_images_are_said_and_the_rest_works(tmp_path):
    place = viewer_fixture.make(tmp_path / "set")
    with running([place]) as client:
        key = client.get("/api/set/rows").json()["rows"][0]["id"]
        assert client.get(view_of(key) + "/video").status == 200
        for file in (place / "renders.lance" / "data").glob("*.lance"):
            file.write_bytes(b"")
        (place / "renders.lance" / "_versions").touch()
    with running([place]) as client:
        (problem,) = client.get("/api/set/state").json()["problems"]
        assert "'renders'" in problem
        assert client.get(view_of(key) + "/video").status == 404
        for part in ("", "/series", "/scene"):
            assert client.get(f"/api/set/attempts/{key}{part}").status == 200
        assert client.get("/api/set/overview").status == 200


def test_images_that_are_no_film(tmp_path):
    place = viewer_fixture.make(tmp_path / "set", codec="jpeg")
    with running([place]) as client:
        key = client.get("/api/set/rows").json()["rows"][0]["id"]
        assert client.get(view_of(key) + "/video").status == 404
        assert client.get(view_of(key) + "/images/3").body[:2] == b"\xff\xd8"
        assert client.get(f"/api/set/attempts/{key}").json()["views"][0]["codec"] == "jpeg"


def test_tracks_of_two_arms(path):
    dataset = open_dataset(path)
    names = dataset.table("attempts").schema.names
    row = to_rows(dataset.attempts(columns=names, limit=1, offset=1))[0]
    one = np.asarray(row["track_tcp_pose"]).reshape(row["length"], 7)
    found = inspection._track({**row, "track_tcp_pose": np.concatenate([one, one + 1], axis=1)})
    assert found.tools.shape == (row["length"], 2, 3)
    np.testing.assert_allclose(found.tools[:, 1] - found.tools[:, 0], 1.0, atol=1e-6)
    np.testing.assert_array_equal(found.tcp, found.tools[:, 0])
    assert found.object_poses.shape[0] == row["length"]


def test_two_versions_and_names(path, tmp_path):
    open_dataset(path).tag("v1")
    with running([path, f"{path}@v1", path]) as client:
        names = [d["alias"] for d in client.get("/api/datasets").json()["datasets"]]
        assert names == ["set", "set@v1", "set-2"]
        assert client.get("/api/set@v1/rows").json()["count"] == 6


def test_odd_numbers_and_tokens_are_refused_not_broken(client, ids, path):
    for number in ("\N{SUPERSCRIPT TWO}", "-1", "1.5", "9" * 30, "", "x"):
        answer = client.get("/api/set/rows", limit=number)
        assert answer.status == 400, number
        assert "'limit' is a number" in answer.json()["error"]["what"]
    odd = {"x-datafactory-token": "t\xe9"}
    body = {"ids": [ids[0]], "kind": "tag", "value": "odd"}
    assert client.send("POST", "/api/set/labels", odd, body).status == 401
    with running([path], Access(TOKEN, LOCAL_NAMES, closed=True)) as closed:
        assert closed.get("/", token="t\N{LATIN SMALL LETTER E WITH ACUTE}").status == 401
        assert closed.get("/api/datasets", odd).status == 401


def test_refusals_say_what_to_do(client, path, ids):
    body = {"ids": [ids[0]], "kind": "tag", "value": "odd"}
    error = client.send("POST", "/api/set/labels", body=body).json()["error"]
    assert "printed address" in error["try"]
    headers = {"x-datafactory-token": TOKEN}
    large = client.send("POST", "/api/set/labels", headers, {**body, "value": "x" * (MAX_BODY + 1)})
    assert large.status == 413
    assert "fewer" in large.json()["error"]["try"]
    assert client.send("POST", "/api/set/rows").status == 405
    with running([path], Access()) as reading:
        error = reading.send("POST", "/api/set/labels", headers, body).json()["error"]
    assert "--annotate" in error["try"]


def test_comparisons_are_kept_until_something_changes(tmp_path, monkeypatch):
    place = viewer_fixture.make(tmp_path / "set", rendered=False)
    made = []

    def counted(*sides):
        made.append(sides)
        return compare_counted(*sides)

    monkeypatch.setattr("datafactory.viewer.comparisons.compare_counted", counted)
    with running([place, place]) as client:
        first, again = (client.get("/api/difference", a="set", b="set-2") for _ in range(2))
        assert first.json() == again.json()
        assert (first.json()["a"], first.json()["equal"]) == ("set", True)
        assert len(made) == 1
        key = client.get("/api/set/rows").json()["rows"][0]["id"]
        assert client.label("set", [key], "tag", "odd").status == 200
        assert client.get("/api/difference", a="set", b="set-2").status == 200
        assert len(made) == 2
        assert client.get("/api/difference", a="set", b="other").status == 404
