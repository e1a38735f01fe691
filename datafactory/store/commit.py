"""The coordinator's side of writing: creation, exactly-once commits in order, run rows.

Order of one commit: assets (content-addressed), then episodes, then attempts, then the run's
counters. Readers trust ``episodes`` only; there are no transactions across tables, so a crash
between two of them leaves attempts that no table mentions, which a resumed run makes again.

A commit is checked by its effect, not by its acknowledgement: after it, the table must have
exactly the expected data files more. An error whose commit took effect is a success; a commit that
is applied twice, even while the next one is under way, counts once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from datafactory.errors import DatasetCorruptError, DatasetError, DatasetLockedError
from datafactory.store.encode import Row, to_batch, to_rows
from datafactory.store.location import (
    MARKER,
    Location,
    lance_module,
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
    STORAGE_VERSION,
    TABLES,
    table_schema,
)
from datafactory.store.writer import Fragment, FragmentWriter, rows_of, storage_error

COMMIT_TRIES = 3


def create_tables(location: Location, extra: Sequence[pa.Field]) -> None:
    """Creates the empty tables, ``runs`` last; tables that have rows are never replaced.

    Raises:
        DatasetError: The folder holds something else.
        DatasetCorruptError: It holds rows, or tables that cannot be read.
        StorageError: It cannot be written.
    """
    if location.is_local and location.path.is_dir():
        ours = {f"{name}.lance" for name in (*TABLES, *OPTIONAL_TABLES)} | {".lock"}
        foreign = sorted(p.name for p in location.path.iterdir() if p.name not in ours)
        if foreign:
            raise DatasetError(
                f"{location.root} is not empty and not a datafactory dataset",
                why=f"it contains {', '.join(foreign[:3])}",
                remedy="choose a new folder",
            )
    for name in (*TABLES, *OPTIONAL_TABLES):
        _refuse_rows(location, name)
    for name in sorted(TABLES, key=lambda n: n == MARKER):
        _create_table(location, name, extra if name == "episodes" else ())


def _create_table(location: Location, name: str, extra: Sequence[pa.Field] = ()) -> None:
    """Creates one empty table, in place of one without rows."""
    try:
        lance_module().write_dataset(
            table_schema(name, extra).empty_table(),
            location.table(name),
            mode="overwrite" if table_exists(location, name) else "create",
            data_storage_version=STORAGE_VERSION,
            enable_stable_row_ids=True,
        )
    except OSError as error:
        raise storage_error(location, error) from error


def _refuse_rows(location: Location, name: str) -> None:
    """Makes sure that creating a table anew would lose nothing."""
    if not table_exists(location, name):
        return
    if location.is_local:
        folder = location.path / f"{name}.lance"
        kept = [*(folder / "_versions").glob("*.manifest"), *(folder / "data").glob("*")]
        if not kept:
            return
    if not open_table(location, name).count_rows():
        return
    raise DatasetCorruptError(
        f"{location.root} has episodes or other rows but is not complete",
        where=location.table(name),
        why=f"the table '{name}' has rows, and {MARKER}.lance is missing or has no version",
        remedy=f"restore {MARKER}.lance from a copy, or choose a new folder; nothing was changed",
    )


def is_dataset(location: Location) -> bool:
    """Whether the location holds a dataset whose creation was finished."""
    return table_made(location, MARKER)


class Committer:
    """Commits to one dataset. Its user holds the writer lock."""

    def __init__(self, location: Location) -> None:
        if not is_dataset(location):
            raise not_a_dataset(location)
        self.location = location
        self.writer = FragmentWriter(location)
        there = [name for name in OPTIONAL_TABLES if table_made(location, name)]
        self._open = {name: open_table(location, name) for name in (*TABLES, *there)}
        for name, columns in ADDED.items():
            self._migrate(name, columns)
        with reading(location, "assets"):
            ids = self._open["assets"].to_table(columns=["asset_id"]).column(0).to_pylist()
        self._assets: set[str] = set(ids)

    def _migrate(self, name: str, columns: Sequence[str]) -> None:
        """Adds the columns a table of an earlier format lacks, null in its rows."""
        table, schema = self._open[name], table_schema(name)
        absent = [c for c in columns if c not in table.schema.names]
        if absent:
            with reading(self.location, name):
                table.add_columns(pa.schema([schema.field(c) for c in absent]))
                self.refresh(name)
                version = {"datafactory.schema_version": str(SCHEMA_VERSION)}
                self._open[name].update_schema_metadata(version)
            self.refresh(name)

    def table(self, name: str) -> Any:
        """The latest version of a table as a Lance dataset."""
        return self._open[name]

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables of this dataset."""
        return tuple(self._open)

    def add_table(self, name: str) -> None:
        """Makes an optional table (``renders``, ``qa``) if the dataset has none yet."""
        if name not in self._open:
            _refuse_rows(self.location, name)
            _create_table(self.location, name)
            self.refresh(name)

    def refresh(self, name: str) -> None:
        """Opens the latest version of a table after a maintenance operation changed it."""
        self._open[name] = open_table(self.location, name)

    def attempts_done(self) -> tuple[set[int], set[int]]:
        """Attempt indices of the committed (accepted, rejected) rows.

        Raises:
            DatasetCorruptError: An attempt has two rows, or they cannot be read.
        """
        found = []
        for name in ("episodes", "attempts"):
            with reading(self.location, name):
                column = self._open[name].to_table(columns=["attempt"]).column(0).to_numpy()
            indices = set(np.unique(column).tolist())
            if len(indices) != len(column):
                raise _duplicated(self.location, name)
            found.append(indices)
        if found[0] & found[1]:
            raise _duplicated(self.location, "episodes and attempts")
        return found[0], found[1]

    def missing_assets(self, ids: Iterable[str]) -> set[str]:
        """Those of the asset ids that have no committed row."""
        return set(ids) - self._assets

    def add_assets(self, rows: Sequence[Row]) -> None:
        """Commits assets that are not there yet."""
        new = {r["asset_id"]: r for r in rows if r["asset_id"] not in self._assets}
        if new:
            self.append("assets", self.writer.write("assets", list(new.values())), {})
            self._assets.update(new)

    def append(self, name: str, fragments: Sequence[Fragment], properties: dict[str, str]) -> None:
        """Commits fragments exactly once.

        Args:
            name: Table.
            fragments: Uncommitted fragments in row order.
            properties: Stored with the transaction, for people who look at the history.

        Raises:
            StorageError: The commit failed and had no effect.
            DatasetLockedError: Another writer committed in between.
        """
        if not rows_of(fragments):
            return
        ours = [file["path"] for fragment in fragments for file in fragment["files"]]
        failure: OSError | None = None
        for _ in range(COMMIT_TRIES):
            before = self._open[name]
            try:
                self._open[name] = self._commit(before, fragments, properties)
            except OSError as error:
                failure = error
                self.refresh(name)
            if self._took_effect(name, before, ours):
                return
        why = failure or OSError("earlier commits kept arriving again")
        raise storage_error(self.location, why) from failure

    def _commit(self, base: Any, fragments: Sequence[Fragment], properties: dict[str, str]) -> Any:
        lance = lance_module()
        parts = [lance.fragment.FragmentMetadata.from_json(json.dumps(f)) for f in fragments]
        named = {f"datafactory.{key}": value for key, value in properties.items()}
        transaction = lance.Transaction(
            read_version=base.version,
            operation=lance.LanceOperation.Append(parts),
            transaction_properties=named,
        )
        return lance.LanceDataset.commit(base, transaction)

    def _took_effect(self, name: str, before: Any, ours: list[str]) -> bool:
        """Whether the table now is ``before`` and our files; repeated commits are rolled back."""
        old, now = _paths(before), _paths(self._open[name])
        if now == old + ours:
            return True
        if now == old:
            return False
        if not set(old) <= set(now) <= {*old, *ours}:
            raise DatasetLockedError(
                f"another process wrote to {self.location.root} at the same time",
                why=f"the table '{name}' has {len(now)} data files instead of "
                f"{len(old) + len(ours)}, and not only those of this run",
                remedy="stop the other writer, then: datafactory resume " + self.location.root,
            )
        target, done = before.version, False
        for version in range(before.version + 1, self._open[name].version + 1):
            if _paths(open_table(self.location, name, version)) == old + ours:
                target, done = version, True
                break
        open_table(self.location, name, target).restore()
        self.refresh(name)
        return done

    def runs(self) -> list[Row]:
        """All rows of the ``runs`` table, oldest first."""
        with reading(self.location, "runs"):
            rows = to_rows(self._open["runs"].to_table())
        return sorted(rows, key=lambda r: (r["started_at"], r["call_id"]))

    def write_run(self, row: Row) -> None:
        """Adds or replaces one row of the small ``runs`` table by its ``call_id``."""
        rows = [r for r in self.runs() if r["call_id"] != row["call_id"]] + [row]
        lance = lance_module()
        schema = self._open["runs"].schema
        try:
            self._open["runs"] = lance.write_dataset(
                pa.Table.from_batches([to_batch(rows, schema)]),
                self._open["runs"],
                mode="overwrite",
                data_storage_version=STORAGE_VERSION,
                enable_stable_row_ids=True,
            )
        except OSError as error:
            raise storage_error(self.location, error) from error


def _paths(table: Any) -> list[str]:
    """The data files of a table in row order."""
    return [file.path for part in table.get_fragments() for file in part.data_files()]


def _duplicated(location: Location, where: str) -> DatasetCorruptError:
    return DatasetCorruptError(
        f"an attempt of {location.root} has two rows",
        where=where,
        remedy=f"datafactory validate {location.root} --stage duplicates",
    )
