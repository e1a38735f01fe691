"""The table of evaluated policies: one row is one closed-loop episode, whoever wrote it.

It lies in a folder of its own, beside no other table; types are Arrow's only, as in a dataset.
"""

from __future__ import annotations

import pyarrow as pa

TABLE = "evaluations"
SCHEMA = pa.schema(
    [
        pa.field("evaluation_id", pa.string(), nullable=False),
        pa.field("created_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("policy", pa.string(), nullable=False),
        pa.field("checkpoint", pa.string(), nullable=False),
        pa.field("suite", pa.string(), nullable=False),
        pa.field("task", pa.string(), nullable=False),
        pa.field("robot", pa.string(), nullable=False),
        pa.field("run_seed", pa.int64(), nullable=False),
        pa.field("attempt", pa.int64(), nullable=False),
        pa.field("spec_hash", pa.string(), nullable=False),
        pa.field("style_hash", pa.string(), nullable=False),
        pa.field("instruction", pa.string(), nullable=False),
        pa.field("success", pa.bool_(), nullable=False),
        pa.field("grasped", pa.bool_(), nullable=False),
        pa.field("placed", pa.bool_(), nullable=False),
        pa.field("foul", pa.string(), nullable=False),
        pa.field("timed_out", pa.bool_(), nullable=False),
        pa.field("frames", pa.int32(), nullable=False),
        pa.field("uids", pa.list_(pa.string()), nullable=False),
        pa.field("video", pa.large_binary(), metadata={"mime": "video/mp4"}),
    ],
    metadata={"datafactory.table": "evaluations", "datafactory.schema_version": "1"},
)
