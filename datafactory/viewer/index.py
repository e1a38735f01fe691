"""The index: every attempt of a dataset, accepted or refused, as columns in memory.

A quarter of a million rows take about a second to read and 200 MB to hold; filters and orders over
them take milliseconds, so no query waits for the disk. A dataset that grows is read on from where
the last reading ended.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from datafactory.errors import DatasetCorruptError
from datafactory.store.dataset import Dataset
from datafactory.store.labels import Judgements, judgements
from datafactory.store.location import Location
from datafactory.viewer.columns import (
    Column,
    Mask,
    Numbers,
    NumberSets,
    Steps,
    Texts,
    TextSets,
    joined,
)
from datafactory.viewer.grammar import Clause, Kind, parse
from datafactory.viewer.images import ImageIndex
from datafactory.viewer.memory import release_memory
from datafactory.viewer.motion import Motion
from datafactory.viewer.pages import each_page
from datafactory.viewer.rows import ACCEPTED, PARTS, REJECTED, page_columns
from datafactory.viewer.select import chosen, in_order

T = TypeVar("T")
TABLES = {"episodes": ACCEPTED, "attempts": REJECTED}
"""Tables whose rows are listed, with the columns that are read; the first one is the key."""
REFRESH_S = 2.0
SERIES_S = 10.0
"""How often columns of time series that are being read get longer."""
_FLAGS = frozenset({"success_once", "success_at_end", "excluded"})
_JUDGED = ("excluded", "tag", "comments", "audit")


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything known at one moment; never changes.

    Attributes:
        dataset: The dataset at that moment.
        versions: Versions of its tables.
        ids: Of all rows, in the order they were read.
        accepted: Which rows are of ``episodes``; the others are of ``attempts``.
        places: Position of each row in its table.
        columns: By field name.
        kinds: Kinds of the fields a filter may name.
        judged: Labels of episodes.
        images: Where rendered images are.
        series_read: Of how many episodes there are columns from time series; None when nobody has
            asked for those.
        problems: Tables that cannot be read and are left out.
    """

    dataset: Dataset
    versions: Mapping[str, int]
    ids: pa.Array
    accepted: Mask
    places: NDArray[np.int64]
    columns: Mapping[str, Column]
    kinds: Mapping[str, Kind]
    judged: Judgements
    images: ImageIndex
    problems: tuple[str, ...]
    series_read: int | None = None

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.ids)

    def row_of(self, attempt_id: str) -> int:
        """Row of an id; -1 when there is none."""
        return int(pc.index(self.ids, pa.scalar(attempt_id)).as_py())

    def clauses(self, text: str) -> tuple[Clause, ...]:
        """A filter's conditions; see ``grammar.parse`` for errors."""
        return parse(text, self.kinds)

    def mask(self, text: str) -> Mask:
        """Rows that a filter lets through."""
        return _mask(self, text)

    def rows(self, text: str, sort: str, *, descending: bool) -> NDArray[np.int64]:
        """Rows that a filter lets through, in order; ``sort`` is a field, or empty."""
        return _rows(self, text, sort, descending)


@lru_cache(maxsize=8)
def _mask(snapshot: Snapshot, text: str) -> Mask:
    found = chosen(snapshot.clauses(text), snapshot.columns, snapshot.count)
    found.flags.writeable = False
    return found


@lru_cache(maxsize=4)
def _rows(snapshot: Snapshot, text: str, sort: str, descending: bool) -> NDArray[np.int64]:
    columns = snapshot.columns
    by = columns[sort] if sort else None
    return in_order(snapshot.mask(text), by, descending=descending, natural=columns["attempt"])


@dataclass
class _Read:
    """The rows read so far.

    Attributes:
        columns: By field name.
        ids: Of the rows.
        accepted, places: As in the snapshot.
        counts: Rows of each table.
        last: Last id of each table.
    """

    columns: dict[str, Column] = field(default_factory=dict)
    ids: pa.Array = field(default_factory=lambda: pa.array([], pa.string()))
    accepted: Mask = field(default_factory=lambda: np.zeros(0, bool))
    places: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TABLES, 0))
    last: dict[str, str] = field(default_factory=dict)


class Index:
    """Keeps the snapshot of one dataset up to date."""

    def __init__(self, location: Location, version: int | str | None = None) -> None:
        self._location, self._version = location, version
        self._lock = threading.Lock()
        self._so_far = _Read()
        self._motion = Motion()
        self._base: Snapshot | None = None
        self._snapshot: Snapshot | None = None
        self._looked = self._merged = 0.0

    @property
    def location(self) -> Location:
        """Where the dataset is."""
        return self._location

    @property
    def version(self) -> int | str | None:
        """The version it shows; None for whatever is latest."""
        return self._version

    def forget_age(self) -> None:
        """Makes the next call of :meth:`snapshot` look at the disk."""
        self._looked = 0.0

    def snapshot(self) -> Snapshot:
        """What is there; looks for changes every two seconds.

        Raises:
            DatasetError: It is no dataset any more, or cannot be read.
        """
        with self._lock:
            if self._base is None or (
                self._version is None and time.monotonic() - self._looked >= REFRESH_S
            ):
                dataset = Dataset(self._location, self._version)
                versions = {n: int(dataset.table(n).version) for n in dataset.tables}
                if self._base is None or versions != self._base.versions:
                    self._base = self._snapshot = self._read(dataset, versions)
                self._looked = time.monotonic()
            self._snapshot = self._with_series(self._snapshot or self._base, self._base)
            return self._snapshot

    def read_series(self) -> Motion:
        """Starts reading time series, of which later snapshots have columns.

        Raises:
            DatasetError: As for :meth:`snapshot`.
        """
        snapshot = self.snapshot()
        motion = self._motion
        if (motion.done or 0) < int(snapshot.accepted.sum()):
            motion.start(snapshot.dataset)
        return motion

    def _with_series(self, shown: Snapshot, base: Snapshot) -> Snapshot:
        """Adds what has been read of time series since the last time, not too often."""
        done, now = self._motion.done, time.monotonic()
        if done is None or done == shown.series_read:
            return shown
        rows = np.flatnonzero(base.accepted)
        if shown.series_read is not None and done < len(rows) and now - self._merged < SERIES_S:
            return shown
        series, done = self._motion.columns(rows, base.count)
        columns = {**series, **base.columns}
        self._merged = now
        return replace(base, columns=columns, kinds=_kinds(columns), series_read=done)

    def _read(self, dataset: Dataset, versions: Mapping[str, int]) -> Snapshot:
        old = self._base
        if old is None or any(old.versions[n] != versions[n] for n in TABLES):
            self._read_on(dataset)
        rows, ids = self._so_far, self._so_far.ids
        columns = dict(rows.columns)
        problems: list[str] = []
        if old is not None and old.versions.get("renders") == versions.get("renders"):
            images = replace(old.images, ids=ids)
            problems += [p for p in old.problems if "'renders'" in p]
        else:
            images = _unless_damaged(
                lambda: ImageIndex.read(dataset, ids), ImageIndex.none(ids), problems
            )
        judged = _unless_damaged(lambda: judgements(dataset), Judgements({}), problems)
        columns |= _judged_columns(judged, ids)
        columns["rendered"] = images.rendered()
        release_memory()
        return Snapshot(
            dataset,
            versions,
            ids,
            rows.accepted,
            rows.places,
            columns,
            _kinds(columns),
            judged,
            images,
            tuple(problems),
        )

    def _read_on(self, dataset: Dataset) -> None:
        """Reads the rows that came since the last time; everything, when those are not the same."""
        if not all(self._continues(dataset, name) for name in TABLES):
            self._so_far, self._motion = _Read(), Motion()
        old = self._so_far
        parts, sizes, ids = [old.columns], [len(old.ids)], [old.ids]
        accepted, places = [old.accepted], [old.places]
        counts, last = dict(old.counts), dict(old.last)
        for name in TABLES:
            for keys, columns in _pages(dataset, name, counts[name]):
                parts.append(columns)
                sizes.append(len(keys))
                ids.append(keys)
                accepted.append(np.full(len(keys), name == "episodes"))
                places.append(np.arange(counts[name], counts[name] + len(keys)))
                counts[name] += len(keys)
                if len(keys):
                    last[name] = keys[-1].as_py()
        self._so_far = _Read(
            joined(parts, sizes),
            pa.concat_arrays(ids),
            np.concatenate(accepted),
            np.concatenate(places),
            counts,
            last,
        )

    def _continues(self, dataset: Dataset, name: str) -> bool:
        """Whether the last row that was read is still where it was."""
        count, table = self._so_far.counts[name], dataset.table(name)
        if not count:
            return True
        if table.count_rows() < count:
            return False
        there = table.take([count - 1], columns=[TABLES[name][0]]).column(0)[0]
        return bool(there.as_py() == self._so_far.last[name])


def _pages(dataset: Dataset, name: str, start: int) -> Iterator[tuple[pa.Array, dict[str, Column]]]:
    """Keys and columns of the rows of a table from ``start`` on, a page at a time."""
    accepted = name == "episodes"
    extra = _plain_columns(dataset) if accepted else []

    def use(page: pa.Table) -> tuple[pa.Array, dict[str, Column]]:
        keys = page[TABLES[name][0]].combine_chunks()
        return keys, page_columns(page, accepted=accepted, extra=extra)

    return each_page(dataset, name, [*TABLES[name], *extra], PARTS, start, use)


def _plain_columns(dataset: Dataset) -> list[str]:
    """The generator's own columns that can be fields; lists and structures are not read at all."""
    schema = dataset.schema
    return [n for n in dataset.extra_columns if not pa.types.is_nested(schema.field(n).type)]


def _unless_damaged(read: Callable[[], T], otherwise: T, problems: list[str]) -> T:
    """What is read; when its table is damaged, ``otherwise``, and the problem is noted."""
    try:
        return read()
    except DatasetCorruptError as error:
        problems.append(str(error))
        return otherwise


def _judged_columns(judged: Judgements, ids: pa.Array) -> dict[str, Column]:
    """Labels as columns."""
    count, names = len(ids), list(judged.by_id)
    place = pc.index_in(ids, value_set=pa.array(names, pa.string()))
    at = place.fill_null(-1).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(at >= 0)
    excluded, comments = np.zeros(count), np.zeros(count)
    audit: list[str | None] = [None] * len(rows)
    tags: list[tuple[int, str]] = []
    for k, row in enumerate(rows):
        known = judged.by_id[names[at[row]]]
        excluded[row], comments[row] = known.excluded, len(known.comments)
        audit[k] = known.audit or None
        tags += [(int(row), tag) for tag in known.tags]
    audited = Texts.of(pa.array(audit, pa.string()))
    codes = np.full(count, -1, np.int32)
    codes[rows] = audited.codes
    tag_texts = Texts.of(pa.array([t for _, t in tags], pa.string()))
    tag_rows = np.array([r for r, _ in tags], np.int64)
    return {
        "excluded": Numbers(excluded),
        "comments": Numbers(comments),
        "audit": Texts(codes, audited.names),
        "tag": TextSets.of(tag_rows, tag_texts, count),
    }


def _kinds(columns: Mapping[str, Column]) -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    for name, column in columns.items():
        if name in _FLAGS:
            found[name] = "flag"
        elif name == "created":
            found[name] = "time"
        elif isinstance(column, Numbers):
            found[name] = "number"
        elif isinstance(column, Texts):
            found[name] = "text"
        elif isinstance(column, TextSets):
            found[name] = "texts"
        elif isinstance(column, (NumberSets, Steps)):
            found[name] = "values"
        else:
            found[name] = "place"
    return found
