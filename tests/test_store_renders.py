from __future__ import annotations

from dataclasses import fields, replace

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
from datafactory.render.media import decode_images
from datafactory.render.stage import Intrinsics
from datafactory.render.view import Annotations
from datafactory.store.dataset import open_dataset
from datafactory.store.encode import to_batch
from datafactory.store.image_reader import ImageReader
from datafactory.store.render_rows import logical_row
from datafactory.store.render_schema import ANNOTATIONS, ARRAYS
from datafactory.store.renders import (
    find_variant,
    images,
    iter_episode_views,
    open_media,
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
from tests.render_rows_fixture import CAMERAS, add, every, fake_view, ids_of, same
from tests.store_fixture import make


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
