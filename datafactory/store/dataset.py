"""Reading a dataset: typed, lazy, at any version; never in a forked process."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from datafactory.errors import DatasetCorruptError, DatasetError
from datafactory.store.encode import Row, content_hash, to_rows
from datafactory.store.filters import check_filter
from datafactory.store.location import (
    MARKER,
    Location,
    not_a_dataset,
    open_table,
    reading,
    table_exists,
    table_made,
)
from datafactory.store.schema import (
    ADDED,
    OPTIONAL_TABLES,
    SCHEMA_VERSION,
    TABLES,
    light_columns,
    table_schema,
)
from datafactory.store.stored import StoredEpisode, stored_episode

BATCH_EPISODES = 32


@dataclass(frozen=True)
class RunRecord:
    """One call that made data.

    Attributes:
        call_id: Id of the call; ``run_id`` is shared by all calls that worked on the same run.
        command: Command line, or empty.
        generator, generator_version, spec_hash, spec, run_seed, task, robot: What was made.
        options, versions, machine: How and where.
        engine, cpu: Physics engine and CPU of the coordinator.
        status: ``running``, ``complete``, ``interrupted`` or ``stopped``.
        reasons: Rejected attempts by reason.
        planned, accepted, rejected: Counts of the whole run at the end of the call.
        started_at, updated_at, ended_at: Times, UTC.
    """

    call_id: str
    run_id: str
    command: str
    generator: str
    generator_version: str
    spec_hash: str
    spec: dict[str, Any]
    run_seed: int
    task: str
    robot: str
    options: dict[str, Any]
    versions: dict[str, str]
    machine: dict[str, Any]
    engine: str
    cpu: str
    status: str
    reasons: dict[str, int]
    planned: int
    accepted: int
    rejected: int
    started_at: datetime
    updated_at: datetime
    ended_at: datetime | None

    @property
    def kind(self) -> str:
        """What the call made: ``generate`` (episodes), ``render`` (images) or ``import``."""
        prefix, colon, _ = self.generator.partition(":")
        return prefix if colon and prefix in ("render", "import") else "generate"


@dataclass(frozen=True)
class VersionInfo:
    """One version of the episodes table."""

    version: int
    timestamp: datetime
    tags: tuple[str, ...]


def run_record(row: dict[str, Any]) -> RunRecord:
    """Builds a run record from a ``runs`` row."""
    values = {k: v for k, v in row.items() if not k.endswith("_json")}
    parsed = {k.removesuffix("_json"): json.loads(v) for k, v in row.items() if k.endswith("_json")}
    return RunRecord(**values, **parsed)


def open_dataset(path: str | os.PathLike[str], version: int | str | None = None) -> Dataset:
    """Opens a dataset for reading.

    Args:
        path: Local folder or object store URI.
        version: Version number of the episodes table, a tag, or None for the latest.

    Raises:
        DatasetError: It is not a dataset, or of a newer format.
        DatasetCorruptError: It is one, but cannot be read.
    """
    location = Location.of(path)
    if not table_exists(location, MARKER):
        raise not_a_dataset(location)
    return Dataset(location, version)


class Dataset:
    """One dataset at one version. Picklable: another process opens it again at the same version.

    ``len(dataset)`` is the number of accepted episodes.
    """

    def __init__(self, location: Location, version: int | str | None = None) -> None:
        self.location = location
        self._asked = version
        self._pid = os.getpid()
        everywhere = version if isinstance(version, str) else None
        versions = {"episodes": version}
        self._tables = {n: open_table(location, n, versions.get(n, everywhere)) for n in TABLES}
        for name in OPTIONAL_TABLES:
            table = open_table(location, name) if table_made(location, name) else None
            if table is not None and everywhere is not None:
                tagged = everywhere in table.tags.list()
                table = open_table(location, name, everywhere) if tagged else None
            if table is not None:
                self._tables[name] = table
        self._check_format()

    def __reduce__(self) -> tuple[Any, ...]:
        asked = self._asked if isinstance(self._asked, str) else self.version
        return (Dataset, (self.location, asked))

    def _check_format(self) -> None:
        metadata = self._tables["episodes"].schema.metadata or {}
        found = metadata.get(b"datafactory.schema_version")
        if found is None:
            raise DatasetCorruptError(
                f"{self.location.root} does not say which format it has",
                where="episodes.lance",
                remedy="restore it from a copy",
            )
        if int(found) > SCHEMA_VERSION:
            raise DatasetError(
                f"{self.location.root} was made by a newer datafactory",
                why=f"its format is {int(found)}, this one reads up to {SCHEMA_VERSION}",
                remedy="pip install --upgrade datafactory",
            )

    def table(self, name: str) -> Any:
        """The Lance dataset of one table, for queries this class has no method for.

        Raises:
            DatasetError: The dataset has no such table, or this process was forked after it was
                opened.
        """
        if os.getpid() != self._pid:
            raise DatasetError(
                "a dataset opened before a fork cannot be used after it",
                why="the store's threads do not survive fork; reads would hang",
                remedy="open it in the new process, started with 'spawn' or 'forkserver' "
                "(DataLoader(..., multiprocessing_context='spawn'))",
            )
        if name not in self._tables:
            raise DatasetError(
                f"{self.location.root} has no table '{name}'",
                why="it was not made yet" if self._asked is None else f"not in '{self._asked}'",
                remedy=f"it has {', '.join(self._tables)}",
            )
        return self._tables[name]

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables it has; ``renders`` and ``qa`` come when they are first used."""
        return tuple(self._tables)

    def __len__(self) -> int:
        return int(self.table("episodes").count_rows())

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the episodes table; conventions and features in its metadata."""
        return self.table("episodes").schema

    @property
    def version(self) -> int:
        """Version number of the episodes table."""
        return int(self.table("episodes").version)

    @property
    def extra_columns(self) -> list[str]:
        """Names of the generator's own columns."""
        names: list[str] = json.loads(self.schema.metadata[b"datafactory.extra"])
        return names

    def runs(self) -> list[RunRecord]:
        """The calls that made this dataset, oldest first."""
        with reading(self.location, "runs"):
            rows = to_rows(self.table("runs").to_table())
        return [run_record(r) for r in sorted(rows, key=lambda r: r["started_at"])]

    def _scan(
        self,
        name: str,
        where: str | None,
        columns: Sequence[str] | None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> pa.Table:
        table = self.table(name)
        if where is not None:
            check_filter(where, table.schema.names)
        chosen = list(columns) if columns is not None else light_columns(table.schema)
        with reading(self.location, name):
            return table.to_table(filter=where, columns=chosen, limit=limit, offset=offset)

    def episodes(
        self,
        where: str | None = None,
        columns: Sequence[str] | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> pa.Table:
        """Accepted episodes as an Arrow table, in storage order.

        Args:
            where: Filter, for example ``robot = 'ur5e' AND length > 100``; see ``store.filters``.
            columns: Columns to read; by default all but time series and models.
            limit: Largest number of rows.
            offset: Rows to skip.
        """
        return self._scan("episodes", where, columns, limit, offset)

    def attempts(
        self,
        where: str | None = None,
        columns: Sequence[str] | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> pa.Table:
        """Rejected attempts as an Arrow table; by default without pose tracks."""
        return self._scan("attempts", where, columns, limit, offset)

    def assets(self, where: str | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """Assets as an Arrow table; by default without geometry."""
        return self._scan("assets", where, columns)

    def asset_bytes(self, ids: Sequence[str]) -> dict[str, bytes]:
        """Geometry bytes of assets by id.

        Raises:
            DatasetCorruptError: One of them has no row, or cannot be read.
        """
        if not ids:
            return {}
        listed = ", ".join("'" + i.replace("'", "''") + "'" for i in ids)
        with reading(self.location, "assets"):
            found = self.table("assets").to_table(
                columns=["asset_id", "geometry"], filter=f"asset_id IN ({listed})"
            )
        result = dict(zip(found.column(0).to_pylist(), found.column(1).to_pylist(), strict=True))
        lost = sorted(set(ids) - set(result))
        if lost:
            raise DatasetCorruptError(
                f"assets of {self.location.root} are missing", where=", ".join(lost[:3])
            )
        return result

    def _base_columns(self) -> list[str]:
        there = set(self.schema.names)
        later = [name for name in ADDED["episodes"] if name not in there]
        names = [name for name in table_schema("episodes").names if name not in later]
        return [*names, *self.extra_columns]

    def episode(self, which: str | int) -> StoredEpisode:
        """One accepted episode by id, or by position in storage order.

        Raises:
            DatasetError: There is no such episode.
            DatasetCorruptError: It cannot be read.
        """
        table, columns, data = self.table("episodes"), self._base_columns(), None
        with reading(self.location, "episodes"):
            if isinstance(which, str):
                safe = which.replace("'", "''")
                data = table.to_table(columns=columns, filter=f"episode_id = '{safe}'")
            elif 0 <= which < len(self):
                data = table.take([which], columns=columns)
        if data is None or data.num_rows == 0:
            raise DatasetError(
                f"{self.location.root} has no episode {which!r}",
                why=f"it has {len(self)} episodes" if isinstance(which, int) else "",
                remedy=f"datafactory show {self.location.root}",
            )
        return stored_episode(to_rows(data)[0], self.extra_columns)

    def iter_episodes(self, where: str | None = None) -> Iterator[StoredEpisode]:
        """All (or the filtered) episodes in storage order, a few at a time in memory."""
        for _, episode in self.iter_rows(where):
            yield episode

    def iter_rows(self, where: str | None = None) -> Iterator[tuple[Row, StoredEpisode]]:
        """Like :meth:`iter_episodes`, with the stored rows."""
        table = self.table("episodes")
        if where is not None:
            check_filter(where, table.schema.names)
        extra = self.extra_columns
        scanner = table.scanner(
            columns=self._base_columns(),
            filter=where,
            batch_size=BATCH_EPISODES,
            batch_readahead=1,
            fragment_readahead=1,
            scan_in_order=True,
        )
        with reading(self.location, "episodes"):
            batches = scanner.to_batches()
        while True:
            with reading(self.location, "episodes"):
                batch = next(batches, None)
            if batch is None:
                return
            for row in to_rows(batch):
                yield row, stored_episode(row, extra)

    def versions(self) -> list[VersionInfo]:
        """Versions of the episodes table, oldest first."""
        table = self.table("episodes")
        tags: dict[int, list[str]] = {}
        for name, info in table.tags.list().items():
            tags.setdefault(int(info["version"]), []).append(name)
        return [
            VersionInfo(v["version"], v["timestamp"], tuple(sorted(tags.get(v["version"], []))))
            for v in table.versions()
        ]

    def tag(self, name: str) -> None:
        """Names the present version of every table; tagged versions are never cleaned up.

        Raises:
            DatasetError: The tag exists or is not a valid name.
        """
        for table in (self.table(n) for n in self._tables):
            try:
                table.tags.create(name, table.version)
            except (ValueError, OSError) as error:
                raise DatasetError(
                    f"cannot tag {self.location.root} as '{name}'", why=str(error).split(", /")[0]
                ) from error

    def at(self, version: int | str) -> Dataset:
        """The dataset at another version.

        A tag holds for all tables. A number is a version of ``episodes``; the other tables, which
        only ever grow, stay at their latest version.
        """
        return Dataset(self.location, version)


def content_digest(path: str | os.PathLike[str] | Dataset, *, recompute: bool = True) -> str:
    """Order-independent digest of everything logical in a dataset, as 32 hex digits.

    Equal for one worker or many, with or without crashes and resumes.

    Args:
        path: Dataset or its path.
        recompute: Hash the stored values again; False trusts the rows' content hashes.
    """
    dataset = path if isinstance(path, Dataset) else open_dataset(path)
    lines = []
    for name, key in (
        ("episodes", "episode_id"),
        ("attempts", "attempt_id"),
        ("assets", "asset_id"),
    ):
        columns = None if recompute else [key, "content_hash"]
        table = dataset.table(name)
        with reading(dataset.location, name):
            for batch in table.to_batches(columns=columns, batch_size=BATCH_EPISODES):
                for row in to_rows(batch):
                    value = content_hash(row) if recompute else row["content_hash"]
                    lines.append(f"{name}/{row[key]}/{value}")
    return hashlib.blake2b("\n".join(sorted(lines)).encode(), digest_size=16).hexdigest()
