"""Pages of rows for the index, several read at a time; of structures only the parts it needs.

A scan reads structures inside lists whole: of an object, thirteen fields where four are wanted,
half of all that is decoded. A data file can be asked for the parts, so pages come from data files
where a fragment is one file with all the columns and no row of it was deleted; else from a scan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa

from datafactory.store.dataset import Dataset
from datafactory.store.location import reading

T = TypeVar("T")
PAGE_ROWS = 8192
THREADS = 2


@dataclass(frozen=True)
class _Piece:
    """Rows ``start`` to ``stop`` of one fragment."""

    fragment: Any
    start: int
    stop: int

    @property
    def count(self) -> int:
        return self.stop - self.start


def each_page(
    dataset: Dataset,
    name: str,
    columns: Sequence[str],
    parts: Mapping[str, Sequence[str]],
    start: int,
    use: Callable[[pa.Table], T],
) -> Iterator[T]:
    """What ``use`` makes of each page of a table, in the table's order.

    Args:
        dataset: The dataset.
        name: The table.
        columns: Names of columns.
        parts: Of columns that are lists of structures, the fields that are needed.
        start: First row.
        use: Called with pages of up to ``PAGE_ROWS`` rows, in threads; with one empty page when the
            table has no rows and ``start`` is 0.

    Raises:
        DatasetCorruptError: A data file is missing or damaged.
    """
    table = dataset.table(name)
    paths = [p for n in columns for p in ([f"{n}.item.{f}" for f in parts.get(n, ())] or [n])]
    needed = frozenset(i for p in paths for i in _leaves(_field(table.lance_schema, p)))

    def page(pieces: Sequence[_Piece]) -> T:
        with reading(dataset.location, name):
            tables = [
                _from_file(f"{dataset.location.table(name)}/data/{file}", piece, paths)
                if (file := _only_file(piece.fragment, needed))
                else _scanned(piece, columns, parts)
                for piece in pieces
            ]
        return use(pa.concat_tables(tables))

    with reading(dataset.location, name):
        grouped = list(_grouped(table.get_fragments(), start))
    if not grouped and not start:
        yield use(pa.schema([table.schema.field(n) for n in columns]).empty_table())
    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(page, grouped)


def _grouped(fragments: Sequence[Any], start: int) -> Iterator[list[_Piece]]:
    """Pieces in order, in groups of at most ``PAGE_ROWS`` rows."""
    group: list[_Piece] = []
    room, first = PAGE_ROWS, 0
    for fragment in fragments:
        count = int(fragment.count_rows())
        at, first = max(0, start - first), first + count
        while at < count:
            piece = _Piece(fragment, at, min(count, at + room))
            group.append(piece)
            room, at = room - piece.count, piece.stop
            if not room:
                yield group
                group, room = [], PAGE_ROWS
    if group:
        yield group


def _field(schema: Any, path: str) -> Any:
    """A field of a Lance schema, with the ids of its parts."""
    names = path.split(".")
    found = schema.field(names[0])
    for name in names[1:]:
        found = next(f for f in found.children() if f.name() == name)
    return found


def _leaves(field: Any) -> Iterator[int]:
    """Ids of what is stored of a field."""
    if not field.children():
        yield field.id()
    for child in field.children():
        yield from _leaves(child)


def _only_file(fragment: Any, needed: frozenset[int]) -> str:
    """The one data file that has all fields as they are now; empty when there is none such."""
    known = fragment.metadata
    if len(known.files) != 1 or known.deletion_file is not None or known.overlays:
        return ""
    (file,) = known.files
    return file.path if file.base_id is None and needed.issubset(file.fields) else ""


def _from_file(path: str, piece: _Piece, paths: list[str]) -> pa.Table:
    from lance.file import LanceFileReader

    rows = LanceFileReader(path, columns=paths).read_range(
        piece.start, piece.count, batch_size=piece.count
    )
    return rows.to_table()


def _scanned(piece: _Piece, columns: Sequence[str], parts: Mapping[str, Sequence[str]]) -> pa.Table:
    """The same rows and parts by a scan."""
    found = piece.fragment.to_table(columns=list(columns), offset=piece.start, limit=piece.count)
    found = found.combine_chunks()
    for name in (n for n in columns if parts.get(n)):
        lists = found[name].combine_chunks()
        fields = [lists.type.value_type.field(f) for f in parts[name]]
        items = pa.StructArray.from_arrays(
            [lists.values.field(f.name) for f in fields], fields=fields
        )
        kind = pa.list_(lists.type.value_field.with_type(items.type))
        cut = pa.ListArray.from_arrays(lists.offsets, items, type=kind, mask=None)
        place = found.column_names.index(name)
        found = found.set_column(place, found.field(place).with_type(kind), cut)
    return found
