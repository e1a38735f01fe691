from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.errors import (
    DatasetCorruptError,
    DatasetError,
    SpecError,
    UnknownNameError,
)
from datafactory.render.media import decode_images, encode_depth, encode_images, encode_masks
from datafactory.render.stage import Intrinsics
from datafactory.render.view import Annotations, Media, View
from datafactory.store.commit import Committer, create_tables
from datafactory.store.compact import collect_garbage, compact
from datafactory.store.dataset import content_digest, open_dataset
from datafactory.store.encode import to_batch
from datafactory.store.image_reader import ImageReader
from datafactory.store.location import Location, open_table
from datafactory.store.render_rows import logical_row
from datafactory.store.render_schema import ANNOTATIONS, ARRAYS
from datafactory.store.renders import (
    find_variant,
    images,
    iter_episode_views,
    open_media,
    render_digest,
    render_id,
    render_row,
    render_rows,
    rendered_ids,
    scan_renders,
    stored_view,
    variants,
    view,
    views,
)
from datafactory.store.schema import table_schema
from tests.store_fixture import make

CAMERAS = ("wrist", "front")


def fake_view(episode_id, variant="v0", camera="front", **changes):
    """A view whose contents follow from its key; odd floats (NaN, -0) included."""
    options = {"frames": 5, "objects": 2, "grasps": 1, "size": (32, 24), "codec": "jpeg"}
    options |= {"depth": True, "masks": True, "fps": 10, **changes}
    count, n, g = (options[k] for k in ("frames", "objects", "grasps"))
    width, height = options["size"]
    seed = int(render_id(episode_id, variant, camera)[:8], 16)
    rng = np.random.Generator(np.random.PCG64(seed))
    sizes = {"length": count, "n_objects": n, "n_grasps": g}

    def made(array):
        shape = [sizes[s] if isinstance(s, str) else s for s in array.shape]
        values = rng.normal(0, 100, shape).astype(array.dtype)
        if array.dtype == "float32" and values.size > 1:
            values.flat[0], values.flat[1] = np.nan, -0.0
        return values

    rgb = rng.integers(0, 256, (count, height // 4, width // 4, 3), dtype=np.uint8)
    rgb = rgb.repeat(4, 1).repeat(4, 2)
    entity = rng.integers(0, 3, (count, height, width), dtype=np.uint8)
    depth = rng.uniform(0, 3, (count, height, width)).astype(np.float32)
    return View(
        episode_id=episode_id,
        variant=variant,
        camera=camera,
        renderer="fake",
        renderer_version="1",
        style_hash="ab" * 16,
        look_json='{"sun":[0.1,"é"]}',
        fps=options["fps"],
        frames=np.arange(count, dtype=np.int32) * 2,
        intrinsics=Intrinsics(width, height, 100, 101.5, 16.25, 12),
        world_from_camera=rng.normal(size=(count, 7)).astype(np.float32),
        base_from_camera=rng.normal(size=(count, 7)).astype(np.float32),
        entities=("background", "floor", "mug"),
        video=encode_images(rgb, options["fps"], options["codec"]),
        depth=encode_depth(depth) if options["depth"] else None,
        masks=encode_masks(entity) if options["masks"] else None,
        annotations=Annotations(**{a.name: made(a) for a in ANNOTATIONS}),
        phase=np.arange(count, dtype=np.int16),
        thumbnail=b"thumb" + camera.encode(),
        strip=b"",
        cpu_s={"render": 0.25, "encode": 0.5},
    )


def same(a, b):
    """Whether two values are equal to the last bit, dtypes included."""
    if is_dataclass(a):
        return type(a) is type(b) and all(
            same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a)
        )
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return type(a) is type(b) and a == b


def add(committer, made, run_id="run"):
    committer.add_table("renders")
    rows = [render_row(v, run_id) for v in made]
    committer.append("renders", committer.writer.write("renders", rows), {"variant": "v0"})


def ids_of(committer):
    dataset = open_dataset(committer.location.root)
    return dataset.episodes(columns=["episode_id"]).column(0).to_pylist()


def every(ids, **changes):
    return [fake_view(i, camera=c, **changes) for i in ids for c in CAMERAS]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """All episodes in v0, all but the last in v1 (h264, without depth and masks)."""
    committer = make(tmp_path_factory.mktemp("renders") / "d")
    ids = ids_of(committer)
    for start in range(0, len(ids), 4):
        add(committer, every(ids[start : start + 4]))
    plain = {"codec": "h264", "depth": False, "masks": False, "frames": 12, "size": (64, 48)}
    add(committer, every(ids[:-1], variant="v1", **plain))
    return open_dataset(committer.location.root), ids


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "frames": st.integers(1, 6),
                "objects": st.integers(0, 3),
                "grasps": st.integers(0, 2),
                "codec": st.sampled_from(["jpeg", "png"]),
                "depth": st.booleans(),
                "masks": st.booleans(),
            }
        ),
        min_size=1,
        max_size=3,
    )
)
def test_a_view_becomes_a_row_and_comes_back_exactly(options):
    made = [
        replace(fake_view(f"e{i}", **o), intrinsics=Intrinsics(32, 24, 1.5, 2.5, 0.1, 0.2))
        for i, o in enumerate(options)
    ]
    schema = table_schema("renders")
    rows = [render_row(v, "run") for v in made]
    back = render_rows(pa.Table.from_batches([to_batch(rows, schema)]))
    for row, original in zip(back, made, strict=True):
        for name in ("video", "depth"):
            row[name] = row[name] and row[name]["data"]
        assert same(stored_view(row), original)
        assert row["run_id"] == "run"


def test_views_come_back_from_the_store_in_episode_order(rendered):
    dataset, ids = rendered
    found = list(views(dataset, "v0"))
    assert [(v.episode_id, v.camera) for v in found] == [(i, c) for i in ids for c in CAMERAS]
    for one in found[:3]:
        original = fake_view(one.episode_id, camera=one.camera)
        assert same(one.annotations, original.annotations)
        assert logical_row(one).keys() == logical_row(original).keys()
        assert same(replace(one, intrinsics=original.intrinsics), original)
    wrist = list(views(dataset, "v1", ["wrist"], media=False))
    assert [v.episode_id for v in wrist] == ids[:-1]
    assert all(v.video.data == b"" and v.depth is None and v.masks is None for v in wrist)
    swapped = [v.camera for v in views(dataset, "v0", ("front", "wrist"))]
    assert swapped[:2] == ["front", "wrist"]


def test_rows_committed_in_another_order_are_read_in_episode_order(tmp_path):
    committer = make(tmp_path / "d")
    ids = ids_of(committer)
    add(committer, every(ids[5:]))
    add(committer, every(ids[:5]))
    dataset = open_dataset(committer.location.root)
    assert [v.episode_id for v in views(dataset)] == [i for i in ids for _ in CAMERAS]
    stray = fake_view("0" * 32)
    add(committer, [stray])
    dataset = open_dataset(committer.location.root)
    assert len(list(views(dataset))) == 2 * len(ids)


def test_variants(rendered):
    dataset, ids = rendered
    first, second = variants(dataset)
    assert (first.name, first.cameras, first.episodes) == ("v0", CAMERAS, len(ids))
    assert (first.codec, first.has_depth, first.has_masks) == ("jpeg", True, True)
    assert (first.fps, first.width, first.height, first.renderer) == (10, 32, 24, "fake")
    assert (second.name, second.episodes, second.codec) == ("v1", len(ids) - 1, "h264")
    assert (second.has_depth, second.has_masks, second.width) == (False, False, 64)
    assert find_variant(dataset, "v1") == second
    assert rendered_ids(dataset, "v1") == set(ids[:-1])
    assert rendered_ids(dataset, "other") == set()


def test_one_view(rendered):
    dataset, ids = rendered
    one = view(dataset, ids[3], "v0", "wrist")
    assert same(one.video, fake_view(ids[3], camera="wrist").video)
    assert view(dataset, ids[3], "v0", "wrist", media=False).video.data == b""


@pytest.mark.parametrize("variant", ["v0", "v1"])
def test_some_images_of_one_view(rendered, variant):
    dataset, ids = rendered
    one = view(dataset, ids[2], variant, "front")
    wanted = decode_images(one.video, [4, 0, 3])
    assert np.array_equal(images(dataset, (ids[2], variant, "front"), [4, 0, 3]), wanted)
    light = view(dataset, ids[2], variant, "front", media=False)
    assert np.array_equal(images(dataset, light, [4, 0, 3]), wanted)
    with pytest.raises(IndexError):
        images(dataset, light, [12])


def test_media_files(rendered):
    dataset, ids = rendered
    one = view(dataset, ids[0], "v1", "wrist")
    file = open_media(dataset, ids[0], "v1", "wrist")
    file.seek(10)
    assert file.read(20) == one.video.data[10:30]
    assert file.size() == len(one.video.data)
    assert open_media(dataset, ids[0], "v1", "wrist", "depth") is None


def test_episodes_with_their_views(rendered):
    dataset, ids = rendered
    found = list(iter_episode_views(dataset, "v1", media=False))
    assert [e.episode_id for e, _ in found] == ids[:-1]
    assert all(list(by_camera) == list(CAMERAS) for _, by_camera in found)
    some = iter_episode_views(dataset, "v0", ["front"], "attempt >= 10", media=False)
    kept = dataset.episodes("attempt >= 10", columns=["episode_id"]).column(0).to_pylist()
    assert [e.episode_id for e, _ in some] == kept


def test_an_episode_without_one_of_its_cameras_is_an_error(tmp_path):
    committer = make(tmp_path / "d")
    ids = ids_of(committer)
    add(committer, [*every(ids[:1]), fake_view(ids[1], camera="wrist")])
    found = iter_episode_views(open_dataset(committer.location.root))
    next(found)
    with pytest.raises(DatasetCorruptError, match="front"):
        next(found)


def test_filters(rendered):
    dataset, ids = rendered
    assert len(list(views(dataset, "v0", where="length > 5"))) == 0
    chosen = list(views(dataset, "v0", where=f"episode_id = '{ids[4]}'", media=False))
    assert [v.camera for v in chosen] == list(CAMERAS)
    with pytest.raises(UnknownNameError, match="lengt"):
        views(dataset, "v0", where="lengt > 5")
    with pytest.raises(SpecError):
        views(dataset, "v0", where="length > 5 garbage")
    table = scan_renders(dataset, "camera = 'wrist' AND variant = 'v1'", limit=3, offset=1)
    assert table.num_rows == 3
    assert "video" not in table.column_names
    assert "thumbnail" not in table.column_names
    assert table.column("video_bytes").to_pylist()[0] > 0


@pytest.mark.parametrize("variant", ["v0", "v1"])
def test_a_reader_gives_images_of_many_views(rendered, variant):
    dataset, ids = rendered
    reader = ImageReader(dataset, variant)
    kept = ids if variant == "v0" else ids[:-1]
    assert (reader.episode_ids, len(reader), reader.cameras) == (kept, len(kept), CAMERAS)
    assert reader.length(0) == (5 if variant == "v0" else 12)
    asked = [(3, "front", [1, 2]), (0, "wrist", [4]), (3, "front", [0]), (2, "wrist", [])]
    found = reader.read(asked)
    for (episode, camera, indices), got in zip(asked, found, strict=True):
        video = view(dataset, kept[episode], variant, camera).video
        assert len(got) == len(indices)
        assert not indices or np.array_equal(got, decode_images(video, indices))
    front = ImageReader(dataset, variant, ["front"], "attempt >= 10")
    assert np.array_equal(
        front.read([(0, "front", [3])])[0],
        images(dataset, (front.episode_ids[0], variant, "front"), [3]),
    )
    for wrong in ((0, "front", [99]), (len(reader), "front", [0]), (-1, "front", [0])):
        with pytest.raises(IndexError):
            reader.read([wrong])
    with pytest.raises(UnknownNameError, match="wrist"):
        front.read([(0, "wrist", [0])])


def test_errors_say_what_to_do(rendered, tmp_path):
    dataset, ids = rendered
    bare = open_dataset(make(tmp_path / "bare").location.root)
    assert variants(bare) == ()
    assert rendered_ids(bare, "v0") == set()
    for call in (
        lambda: views(bare),
        lambda: find_variant(bare, "v0"),
        lambda: view(bare, ids[0], "v0", "front"),
        lambda: list(iter_episode_views(bare)),
        lambda: scan_renders(bare),
        lambda: images(bare, (ids[0], "v0", "front"), [0]),
    ):
        with pytest.raises(DatasetError) as caught:
            call()
        assert caught.value.remedy == f"datafactory render {bare.location.root}"
    with pytest.raises(UnknownNameError, match="did you mean 'v0'"):
        views(dataset, "v0x")
    with pytest.raises(UnknownNameError, match="did you mean 'front'"):
        views(dataset, "v0", ["frond"])
    with pytest.raises(UnknownNameError, match="frond"):
        view(dataset, ids[0], "v0", "frond")
    with pytest.raises(DatasetError, match="2 render variants"):
        views(dataset)
    with pytest.raises(DatasetError, match="no images of the variant 'v1'"):
        view(dataset, ids[-1], "v1", "front")
    with pytest.raises(DatasetError, match="no table 'qa'"):
        dataset.table("qa")


def test_a_view_of_another_shape_or_type_is_refused():
    made = fake_view("e")
    wide = replace(made, world_from_camera=made.world_from_camera.astype(np.float64))
    short = replace(made, phase=made.phase[:-1])
    lost = replace(made, annotations=replace(made.annotations, tcp_uv=np.zeros((5, 3), "f4")))
    for wrong in (wide, short, lost):
        with pytest.raises(TypeError, match="must be"):
            render_row(wrong, "run")


def test_all_arrays_of_a_view_are_stored():
    names = {f.name for f in fields(Annotations)}
    assert names == {a.name for a in ANNOTATIONS}
    assert names < set(ARRAYS)
    assert {f.name for f in table_schema("renders")} >= set(ARRAYS)


def test_damaged_images_name_episode_and_camera(tmp_path):
    committer = make(tmp_path / "d")
    ids = ids_of(committer)
    big = {"codec": "png", "frames": 40, "size": (96, 96), "depth": False}
    add(committer, every(ids[:1], **big))
    root = committer.location.path / "renders.lance" / "data"
    (blob,) = root.rglob("*.blob")
    data = bytearray(blob.read_bytes())
    data[1000:1400] = bytes(400)
    blob.write_bytes(data)
    dataset = open_dataset(committer.location.root)
    with pytest.raises(DatasetCorruptError) as caught:
        list(views(dataset))
    assert ids[0] in str(caught.value.where)
    assert "wrist" in str(caught.value.where)
    with pytest.raises(DatasetCorruptError, match=ids[0]):
        images(dataset, (ids[0], "v0", "wrist"), range(40))
    blob.unlink()
    for read in (
        lambda d: list(views(d)),
        lambda d: view(d, ids[0], "v0", "wrist"),
        lambda d: images(d, (ids[0], "v0", "wrist"), [1]),
        lambda d: ImageReader(d).read([(0, "wrist", [1])]),
    ):
        with pytest.raises(DatasetCorruptError) as caught:
            read(open_dataset(committer.location.root))
        assert f"episode {ids[0]}, camera wrist" in str(caught.value.where)


def test_written_in_one_process_committed_in_another(tmp_path):
    committer = make(tmp_path / "d")
    ids = ids_of(committer)
    committer.add_table("renders")
    code = (
        "import sys, json\n"
        "from datafactory.store.location import Location\n"
        "from datafactory.store.writer import FragmentWriter\n"
        "from datafactory.store.renders import render_row\n"
        "from tests.test_store_renders import every\n"
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
