from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from datafactory.store.schema import KEYS, TABLES, light_columns, table_schema
from datafactory.store.series import BY_NAME, REPLAY, TRACK, TRAJECTORY, Series


@pytest.mark.parametrize("table", TABLES)
def test_every_table_has_a_non_null_key_and_explains_itself(table):
    schema = table_schema(table)
    key = schema.field(KEYS[table])
    assert not key.nullable
    assert key.metadata[b"lance-schema:unenforced-primary-key"] == b"true"
    conventions = json.loads(schema.metadata[b"datafactory.conventions"])
    assert "wxyz" in conventions["pose"]
    assert schema.metadata[b"datafactory.schema_version"] == b"2"


def test_features_describe_every_series():
    metadata = table_schema("episodes").metadata
    listed = {f["name"]: f for f in json.loads(metadata[b"datafactory.features"])}
    assert set(listed) == {s.name for s in (*TRAJECTORY, *REPLAY)}
    assert listed["qpos"] == {
        "name": "qpos",
        "dtype": "float32",
        "width": "nq",
        "unit": "m, rad, 1",
        "meaning": BY_NAME["qpos"].meaning,
    }


@pytest.mark.parametrize("series", [*TRAJECTORY, *REPLAY])
def test_series_are_compressed_at_the_leaf(series):
    field = table_schema("episodes").field(series.name)
    assert field.type.value_field.metadata[b"lance-encoding:compression"] == b"zstd"
    assert field.type.value_type == pa.type_for_alias(series.dtype)


def test_extra_columns_are_appended_and_may_not_clash():
    schema = table_schema("episodes", [pa.field("room", pa.string(), nullable=False)])
    assert schema.names[-1] == "room"
    assert schema.field("room").nullable
    with pytest.raises(ValueError, match="qpos"):
        table_schema("episodes", [pa.field("qpos", pa.string())])


def test_light_columns_leave_out_what_is_large():
    names = set(light_columns(table_schema("episodes")))
    assert {"episode_id", "task", "objects", "length"} <= names
    assert not names & {s.name for s in (*TRAJECTORY, *REPLAY, *TRACK)}
    assert "mjcf" not in names


def test_series_are_stored_component_by_component():
    series = Series("x", "nq", "float32", "m", "")
    values = np.arange(6, dtype=np.float32).reshape(3, 2)
    flat = series.flatten(values)
    assert flat.tolist() == [0, 2, 4, 1, 3, 5]
    back = series.restore(flat, {"nq": 2, "length": 3})
    assert back.flags.c_contiguous
    assert np.array_equal(back, values)


@pytest.mark.parametrize(("objects", "shape"), [(2, (3, 2, 7)), (0, (3, 0))])
def test_object_poses_keep_their_shape(objects, shape):
    series = BY_NAME["object_poses"]
    values = np.random.Generator(np.random.PCG64(1)).normal(size=(3, objects, 7)).astype("f4")
    back = series.restore(series.flatten(values), {"n_objects": objects, "length": 3})
    assert back.shape[: len(shape)] == shape
    assert back.tobytes() == values.tobytes()


def test_a_wrong_dtype_is_an_error_not_a_conversion():
    with pytest.raises(TypeError, match="float32, not float64"):
        BY_NAME["qpos"].flatten(np.zeros((2, 3)))
