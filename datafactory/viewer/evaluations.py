"""Results of evaluated policies: what the pages show of a table of closed-loop episodes."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from datafactory.errors import DatasetCorruptError, DatasetError
from datafactory.intervals import wilson
from datafactory.store.evaluations import SCHEMA, TABLE
from datafactory.store.location import Location, open_table, reading
from datafactory.viewer.columns import Mask

REFRESH_S = 2.0
MAX_ROWS = 500
FILM = "video"
OPTIONAL = frozenset({FILM, "style_hash"})
"""Columns that earlier tables lack."""
OUTCOMES = ("success", "collided", "timed out", "stopped")
SCORES = ("success", "grasped", "placed", "collided", "timed_out")
ABOUT = ("evaluation_id", "policy", "checkpoint", "suite", "task", "robot", "run_seed")
LISTED = ("evaluation_id", "policy", "suite", "task", "robot", "instruction", "uids", "success",
          "grasped", "placed", "foul", "timed_out", "frames", "run_seed", "attempt")  # fmt: skip


@dataclass(frozen=True, eq=False)
class Table:
    """All episodes of one version of a table, without their films.

    Attributes:
        version: Of the table.
        rows: (n) its columns.
        filmed: (n,) which episodes have a film.
        outcome: (n,) index into ``OUTCOMES``.
    """

    version: int
    rows: pa.Table
    filmed: Mask
    outcome: NDArray[np.int64]


class Results:
    """The results in one folder; episodes that are added are seen after two seconds."""

    def __init__(self, location: Location) -> None:
        self.location = location
        self._lock = threading.Lock()
        self._table: Table | None = None
        self._looked = 0.0
        self._film: tuple[tuple[int, int], bytes] = ((0, -1), b"")

    def table(self) -> Table:
        """What is there.

        Raises:
            DatasetError: The table is gone.
            DatasetCorruptError: It cannot be read, or lacks columns.
        """
        with self._lock:
            if self._table is None or time.monotonic() - self._looked >= REFRESH_S:
                opened = open_table(self.location, TABLE)
                if self._table is None or opened.version != self._table.version:
                    self._table = _read(self.location, opened)
                self._looked = time.monotonic()
            return self._table

    def film(self, row: int) -> bytes:
        """The MP4 file of an episode.

        Args:
            row: Its place in the table.

        Raises:
            DatasetError: It has none.
        """
        table = self.table()
        if not 0 <= row < table.rows.num_rows or not table.filmed[row]:
            raise DatasetError("this episode was not filmed")
        with self._lock:
            key = (table.version, row)
            if self._film[0] != key:
                opened = open_table(self.location, TABLE, table.version)
                with reading(self.location, TABLE):
                    data = opened.take([row], columns=[FILM]).column(0)[0].as_py()
                self._film = (key, data)
            return self._film[1]


def _read(location: Location, opened: Any) -> Table:
    known = set(opened.schema.names)
    missing = [n for n in SCHEMA.names if n not in known and n not in OPTIONAL]
    if missing:
        raise DatasetCorruptError(
            f"the table '{TABLE}' of {location.root} has other columns",
            why=f"it lacks {', '.join(missing)}",
            remedy="evaluate the policy again",
        )
    names = [n for n in SCHEMA.names if n in known and n != FILM]
    with reading(location, TABLE):
        rows = opened.to_table(columns=names).combine_chunks()
        filmed = np.zeros(rows.num_rows, bool)
        if FILM in known:
            there = opened.to_table(columns={"there": f"{FILM} IS NOT NULL"}).column(0)
            filmed = there.to_numpy(zero_copy_only=False).astype(bool)
    outcome = np.select(
        [_flags(rows, "success"), _flags(rows, "collided"), _flags(rows, "timed_out")], [0, 1, 2], 3
    )
    return Table(int(opened.version), rows, filmed, outcome)


def _flags(rows: pa.Table, name: str) -> Mask:
    """(n,) a score of each episode."""
    column = pc.not_equal(rows["foul"], "") if name == "collided" else rows[name]
    return np.asarray(column.to_numpy(zero_copy_only=False), bool)


def overview(results: Results) -> dict[str, Any]:
    """Every evaluated suite, the latest first, with its scores and what went wrong."""
    table = results.table()
    flags = {name: _flags(table.rows, name) for name in SCORES}
    key = list(zip(*(table.rows[n].to_pylist() for n in ("evaluation_id", "suite")), strict=True))
    places: dict[tuple[str, str], list[int]] = {}
    for i, one in enumerate(key):
        places.setdefault(one, []).append(i)
    suites = [_suite(table, flags, rows) for rows in places.values()]
    suites.sort(key=lambda s: s["created_at"], reverse=True)
    return {"version": table.version, "episodes": table.rows.num_rows, "suites": suites}


def _suite(table: Table, flags: Mapping[str, Mask], rows: Sequence[int]) -> dict[str, Any]:
    first = {name: table.rows[name][rows[0]].as_py() for name in ABOUT}
    scores = {
        name: {**asdict(rate), "share": rate.share}
        for name in SCORES
        for rate in [wilson(int(flags[name][rows].sum()), len(rows))]
    }
    outcomes = np.bincount(table.outcome[rows], minlength=len(OUTCOMES))
    fouls = [f for f in table.rows["foul"].take(rows).to_pylist() if f]
    return {
        **first,
        "created_at": table.rows["created_at"][rows[0]].as_py().isoformat(),
        "episodes": len(rows),
        "films": int(table.filmed[rows].sum()),
        "scores": scores,
        "outcomes": dict(zip(OUTCOMES, outcomes.tolist(), strict=True)),
        "fouls": {name: fouls.count(name) for name in sorted(set(fouls))},
    }


def episodes(
    results: Results, wanted: Mapping[str, str], *, offset: int, limit: int
) -> dict[str, Any]:
    """Episodes in the order they were evaluated.

    Args:
        results: The results.
        wanted: Values of ``evaluation_id``, ``suite``, ``foul`` or ``outcome``; ``failed`` is every
            outcome but success. Empty ones let everything through.
        offset: Episodes to skip.
        limit: At most ``MAX_ROWS``.
    """
    table = results.table()
    chosen = np.ones(table.rows.num_rows, bool)
    for name in ("evaluation_id", "suite", "foul"):
        if wanted.get(name):
            equal = pc.equal(table.rows[name], wanted[name])
            chosen &= np.asarray(equal.to_numpy(zero_copy_only=False), bool)
    outcome = wanted.get("outcome", "")
    if outcome == "failed":
        chosen &= table.outcome != 0
    elif outcome:
        chosen &= table.outcome == (OUTCOMES.index(outcome) if outcome in OUTCOMES else -1)
    places = np.flatnonzero(chosen)
    part = places[offset : offset + min(limit, MAX_ROWS)]
    listed = table.rows.select(list(LISTED)).take(pa.array(part)).to_pylist()
    rows = [
        {"row": int(i), "outcome": OUTCOMES[table.outcome[i]], "film": bool(table.filmed[i]), **row}
        for i, row in zip(part, listed, strict=True)
    ]
    return {"count": len(places), "offset": offset, "rows": rows}
