"""Windows of rows for the list, and random samples for the audit."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from datafactory.seeding import stream
from datafactory.viewer.grammar import FilterError
from datafactory.viewer.index import Snapshot

MAX_ROWS = 1000
FIELDS = ("outcome", "stage", "reason", "task", "robot", "instruction", "relation", "family",
          "seconds", "length", "distractors", "attempt", "seed", "excluded", "tag", "comments",
          "audit", "rendered")  # fmt: skip


def window(
    snapshot: Snapshot,
    where: str,
    *,
    sort: str = "",
    descending: bool = False,
    offset: int = 0,
    limit: int = 100,
    fields: Sequence[str] = (),
) -> dict[str, Any]:
    """Rows ``offset`` to ``offset + limit`` of what a filter lets through.

    Args:
        snapshot: The index.
        where: Filter.
        sort: Field to sort by; empty for the order of attempts.
        descending: Largest first.
        offset: Rows to skip.
        limit: At most ``MAX_ROWS``.
        fields: Fields beside ``FIELDS``.

    Raises:
        FilterError: The filter is not understood, or there is no such field.
    """
    for name in (*fields, *([sort] if sort else ())):
        if name not in snapshot.columns:
            raise FilterError(f"there is no field '{name}'", name, 0, len(name))
    rows = snapshot.rows(where, sort, descending=descending)
    part = rows[offset : offset + min(limit, MAX_ROWS)]
    return {"count": len(rows), "offset": offset, "rows": row_values(snapshot, part, fields)}


def row_values(
    snapshot: Snapshot, rows: Sequence[int] | Any, fields: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Values of some rows, by field."""
    wanted = [n for n in (*FIELDS, *fields) if n in snapshot.columns]
    result = []
    for row in rows:
        entry: dict[str, Any] = {"id": snapshot.ids[int(row)].as_py()}
        entry |= {name: snapshot.columns[name].at(int(row)) for name in wanted}
        result.append(entry)
    return result


def thumbnails(
    snapshot: Snapshot, ids: Sequence[str], variant: str, camera: str, column: str
) -> dict[str, str]:
    """``thumbnail`` or ``strip`` images as data URLs, by id; only those there are."""
    rows = np.array([snapshot.row_of(i) for i in ids[:MAX_ROWS]], np.int64)
    found = snapshot.images.thumbnails(snapshot.dataset, variant, camera, rows, column)
    return {
        key: "data:image/webp;base64," + base64.b64encode(data).decode()
        for key, data in zip(ids, found, strict=False)
        if data
    }


def audit_sample(snapshot: Snapshot, count: int, seed: int) -> dict[str, list[dict[str, Any]]]:
    """Random accepted and rejected attempts that nobody has audited, the same for a seed."""
    rng = stream(seed, "viewer", 0, "audit")
    open_rows = snapshot.columns["audit"].missing()
    accepted = snapshot.accepted
    result = {}
    for name, rows in (("accepted", accepted), ("rejected", ~accepted)):
        candidates = np.flatnonzero(rows & open_rows)
        drawn = rng.permutation(candidates)[:count]
        result[name] = row_values(snapshot, drawn)
    return result
