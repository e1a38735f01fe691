"""What workers do with finished rows: write Lance fragments that nobody sees until committed."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

import pyarrow as pa

from datafactory.errors import StorageError
from datafactory.store.encode import Row, to_batch
from datafactory.store.location import Location, lance_module, open_table
from datafactory.store.schema import KEYS, STORAGE_VERSION

Fragment = dict[str, Any]
"""A fragment's metadata as JSON-ready data: small, and safe to send between processes."""


def storage_error(location: Location, error: BaseException) -> StorageError:
    """Describes a failed write."""
    return StorageError(
        f"writing to {location.root} failed",
        why=str(error).split(", /")[0][:300],
        remedy=f"free some space, then repeat the command, or: datafactory resume {location.root}",
    )


class FragmentWriter:
    """Writes fragments of one dataset; keeps its tables open."""

    def __init__(self, location: Location) -> None:
        self.location = location
        self._tables: dict[str, Any] = {}

    def schema(self, table: str) -> pa.Schema:
        """The committed schema of a table."""
        if table not in self._tables:
            self._tables[table] = open_table(self.location, table)
        return self._tables[table].schema

    def write(self, table: str, rows: Sequence[Row]) -> list[Fragment]:
        """Writes rows as uncommitted fragments, in the order given.

        Raises:
            StorageError: The write failed.
        """
        if not rows:
            return []
        schema = self.schema(table)
        return self.write_arrow(table, pa.Table.from_batches([to_batch(rows, schema)]))

    def write_arrow(self, table: str, data: pa.Table) -> list[Fragment]:
        """Writes an Arrow table as uncommitted fragments."""
        lance = lance_module()
        self.schema(table)
        try:
            fragments = lance.fragment.write_fragments(
                data,
                self._tables[table],
                mode="append",
                data_storage_version=STORAGE_VERSION,
                enable_stable_row_ids=True,
            )
        except OSError as error:
            raise storage_error(self.location, error) from error
        return [_to_json(f) for f in fragments]

    def keep(
        self, table: str, fragments: Sequence[Fragment], ids: Collection[str]
    ) -> list[Fragment]:
        """Writes uncommitted fragments again with only the rows whose key is in ``ids``."""
        lance = lance_module()
        parts = []
        for fragment in fragments:
            path = f"{self.location.table(table)}/data/{fragment['files'][0]['path']}"
            parts.append(lance.file.LanceFileReader(path).read_all().to_table())
        if not parts:
            return []
        data = pa.concat_tables(parts)
        kept = data.filter(pa.array([key in ids for key in data.column(KEYS[table]).to_pylist()]))
        return self.write_arrow(table, kept.cast(self.schema(table))) if kept.num_rows else []


def _to_json(fragment: Any) -> Fragment:
    data = fragment.to_json()
    result: Fragment = json.loads(data) if isinstance(data, str) else data
    return result


def rows_of(fragments: Sequence[Fragment]) -> int:
    """Number of rows in fragments."""
    return sum(int(f["physical_rows"]) for f in fragments)
