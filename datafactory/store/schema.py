"""Arrow schemas of the tables. Every dataset has ``TABLES``; ``OPTIONAL_TABLES`` come when used.

Conventions and the feature list travel in the schema metadata, so a dataset explains itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from datafactory.store.series import REPLAY, TRACK, TRAJECTORY, Series

SCHEMA_VERSION = 2
ADDED: dict[str, tuple[str, ...]] = {"episodes": ("arms",), "attempts": ("arms",)}
"""Columns that tables of format 1 lack: nullable, null in all their rows, added when written to."""
STORAGE_VERSION = "2.2"
TABLES = ("runs", "episodes", "attempts", "assets")
OPTIONAL_TABLES = ("renders", "qa", "labels")
KEYS = {
    "runs": "call_id",
    "episodes": "episode_id",
    "attempts": "attempt_id",
    "assets": "asset_id",
    "renders": "render_id",
    "qa": "question_id",
    "labels": "label_id",
}

CONVENTIONS: dict[str, Any] = {
    "units": "SI; angles in rad; seconds",
    "axes": "right-handed, z up",
    "pose": "xyz + quaternion wxyz; names read target_from_source",
    "time": "frame i is at i / fps seconds from the episode's start, before action i",
    "actions": "absolute targets; held from frame i to i + 1",
    "gripper": "0 closed to 1 open; metric width beside it",
    "series": "flat lists, component by component: value c * T + i is component c of frame i; "
    "components per frame in nq, nv, nu, dof, 7 * n_objects, state_size",
    "arms": "null for one arm; else joint series hold the arms' joints one arm after the other, "
    "and eef_pose, action_eef, gripper_opening, gripper_width, action_gripper and track_tcp_pose "
    "their components arm by arm",
    "json": "goal, initial_graph, final_graph and params_json are canonical JSON texts",
    "ids": "episode_id = attempt_id = blake2b(spec_hash/run_seed/attempt), 32 hex digits",
}

# Columns that depend on when, where and by whom a row was made; not part of its content.
VOLATILE = frozenset({"run_id", "created_at", "engine", "cpu", "cpu_s", "content_hash"})

_ZSTD = {"lance-encoding:compression": "zstd"}
_ZSTD_BSS = {**_ZSTD, "lance-encoding:bss": "on"}


def _field(name: str, kind: pa.DataType, *, null: bool = False, zstd: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=null, metadata=_ZSTD if zstd else None)


def _key(name: str) -> pa.Field:
    metadata = {"lance-schema:unenforced-primary-key": "true"}
    return pa.field(name, pa.string(), nullable=False, metadata=metadata)


def _texts(name: str) -> pa.Field:
    return _field(name, pa.list_(_field("item", pa.string())))


def series_field(series: Series, *, null: bool = False) -> pa.Field:
    """Arrow field of one numeric series, with the compression that measurably pays."""
    kind = pa.type_for_alias(series.dtype)
    item = pa.field("item", kind, nullable=False, metadata=_ZSTD_BSS)
    return pa.field(series.name, pa.list_(item), nullable=null, metadata={"unit": series.unit})


def _structs(name: str, fields: Sequence[tuple[str, Any]]) -> pa.Field:
    parts = [f if isinstance(f, pa.Field) else _field(f[0], f[1]) for f in fields]
    return _field(name, pa.list_(_field("item", pa.struct(parts))))


def _numbers(name: str) -> pa.Field:
    return _structs(name, [("name", pa.string()), ("value", pa.float64())])


def _vector(name: str, width: int) -> pa.Field:
    return _field(name, pa.list_(_field("item", pa.float64(), null=True), width))


def _lineage(key: str) -> list[pa.Field]:
    return [
        _key(key),
        _field("run_id", pa.string()),
        _field("generator", pa.string()),
        _field("generator_version", pa.string()),
        _field("spec_hash", pa.string()),
        _field("run_seed", pa.int64()),
        _field("attempt", pa.int64()),
        _field("created_at", pa.timestamp("us", tz="UTC")),
        _field("engine", pa.string()),
        _field("cpu", pa.string()),
        _field("content_hash", pa.string()),
    ]


def _task() -> list[pa.Field]:
    s, i, d = pa.string(), pa.int32(), pa.float64()
    objects = [
        *[(n, s) for n in ("name", "asset_id", "uid", "category", "colour", "material")],
        _texts("attributes"),
        ("mass", d),
        ("friction", d),
        _vector("size", 3),
        _vector("initial_pose", 7),
        _vector("final_pose", 7),
        ("licence", s),
    ]
    return [
        _field("task", s),
        _field("instruction", s),
        _texts("paraphrases"),
        _field("instruction_split", s),
        _field("robot", s),
        _vector("world_from_base", 7),
        _structs("objects", objects),
        _field("n_objects", i),
        _texts("asset_ids"),
        _texts("licences"),
        _field("goal", s, zstd=True),
        _field("initial_graph", s, zstd=True),
        _field("final_graph", s, zstd=True),
    ]


def _judgement() -> list[pa.Field]:
    s, d, b = pa.string(), pa.float64(), pa.bool_()
    check = [("stage", s), ("check", s), ("passed", b), ("value", d), ("limit", d), ("unit", s)]
    return [
        _field("success_once", b),
        _field("success_at_end", b),
        _structs("verdict", check),
        _numbers("metrics"),
        _numbers("cpu_s"),
    ]


def _arms() -> pa.Field:
    parts = [_field("name", pa.string()), _field("dof", pa.int32())]
    return _field("arms", pa.list_(_field("item", pa.struct(parts))), null=True)


def _episode_fields() -> tuple[pa.Field, ...]:
    s, i, d = pa.string(), pa.int32(), pa.float64()
    return (
        *_lineage("episode_id"),
        *_task(),
        *_judgement(),
        _field("fps", i),
        _field("length", i),
        *[_field(n, i) for n in ("nq", "nv", "nu", "dof")],
        _field("joint_addresses", pa.list_(_field("item", i))),
        _structs("phases", [("name", s), ("start", i), ("stop", i), ("subgoal", i)]),
        _structs(
            "contacts",
            [
                *[(n, s) for n in ("a", "b")],
                *[(n, i) for n in ("start", "stop")],
                *[(n, d) for n in ("max_force", "max_penetration")],
            ],
        ),
        *[series_field(t) for t in TRAJECTORY],
        _field("mjcf", s, null=True, zstd=True),
        _texts("mesh_hashes"),
        _field("steps_per_frame", i),
        _field("state_size", i),
        *[series_field(t, null=True) for t in REPLAY],
        _arms(),
    )


def _attempt_fields() -> tuple[pa.Field, ...]:
    return (
        *_lineage("attempt_id"),
        _field("stage", pa.string()),
        _field("reason", pa.string()),
        *_task(),
        *_judgement(),
        _field("track_fps", pa.float64()),
        _field("length", pa.int32()),
        *[series_field(t, null=True) for t in TRACK],
        _arms(),
    )


def _asset_fields() -> tuple[pa.Field, ...]:
    s = pa.string()
    return (
        _key("asset_id"),
        _field("content_hash", s),
        *[_field(n, s) for n in ("kind", "uid", "category", "licence")],
        *[_field(n, s) for n in ("author", "source", "attribution")],
        _vector("size", 3),
        _field("mass", pa.float64()),
        _field("params_json", s, zstd=True),
        _field("geometry", pa.large_binary(), zstd=True),
        _field("geometry_format", s),
    )


def _run_fields() -> tuple[pa.Field, ...]:
    s, i = pa.string(), pa.int64()
    stamp = pa.timestamp("us", tz="UTC")
    return (
        _key("call_id"),
        _field("run_id", s),
        _field("command", s),
        *[_field(n, s) for n in ("generator", "generator_version", "spec_hash", "spec_json")],
        _field("run_seed", i),
        *[_field(n, s) for n in ("task", "robot", "options_json", "versions_json")],
        *[_field(n, s) for n in ("machine_json", "engine", "cpu", "status", "reasons_json")],
        *[_field(n, i) for n in ("planned", "accepted", "rejected")],
        _field("started_at", stamp),
        _field("updated_at", stamp),
        _field("ended_at", stamp, null=True),
    )


def _render_fields() -> tuple[pa.Field, ...]:
    from datafactory.store.render_schema import render_fields

    return render_fields()


def _qa_fields() -> tuple[pa.Field, ...]:
    from datafactory.qa.schema import qa_fields

    return qa_fields()


def _label_fields() -> tuple[pa.Field, ...]:
    from datafactory.store.labels import label_fields

    return label_fields()


_FIELDS: dict[str, Callable[[], tuple[pa.Field, ...]]] = {
    "runs": _run_fields,
    "episodes": _episode_fields,
    "attempts": _attempt_fields,
    "assets": _asset_fields,
    "renders": _render_fields,
    "qa": _qa_fields,
    "labels": _label_fields,
}


def features() -> list[dict[str, Any]]:
    """The feature list: every numeric series with dtype, width, unit and meaning."""
    return [
        {"name": s.name, "dtype": s.dtype, "width": s.width, "unit": s.unit, "meaning": s.meaning}
        for s in (*TRAJECTORY, *REPLAY)
    ]


def table_schema(table: str, extra: Sequence[pa.Field] = ()) -> pa.Schema:
    """Arrow schema of one table.

    Args:
        table: One of ``TABLES`` or ``OPTIONAL_TABLES``.
        extra: A generator's own columns, appended to ``episodes``; always nullable.
    """
    fields = _FIELDS[table]()
    metadata = {
        "datafactory.schema_version": str(SCHEMA_VERSION),
        "datafactory.table": table,
        "datafactory.conventions": json.dumps(CONVENTIONS, sort_keys=True),
    }
    if table == "episodes":
        metadata["datafactory.features"] = json.dumps(features())
        metadata["datafactory.extra"] = json.dumps([f.name for f in extra])
        known = {f.name for f in fields}
        clash = sorted(known & {f.name for f in extra})
        if clash:
            raise ValueError(f"extra columns {clash} have names of built-in columns")
        fields = (*fields, *[f.with_nullable(True) for f in extra])
    return pa.schema(fields, metadata=metadata)


def light_columns(schema: pa.Schema) -> list[str]:
    """Columns cheap enough to read for every row: no time series, models or geometry."""
    heavy = {s.name for s in (*TRAJECTORY, *REPLAY, *TRACK)} | {"mjcf", "geometry"}
    return [name for name in schema.names if name not in heavy]
