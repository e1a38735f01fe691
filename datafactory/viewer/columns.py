"""Columns of the index in memory: numbers, coded texts, sets of texts; immutable, appended to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Codes = NDArray[np.int32]
STEPS = 16


@dataclass(frozen=True, eq=False)
class Numbers:
    """Values of rows; NaN where there is none.

    Attributes:
        values: (n,) float64.
    """

    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)

    @staticmethod
    def joined(parts: Sequence[Numbers]) -> Numbers:
        """Blocks of rows one after another."""
        return Numbers(np.concatenate([p.values for p in parts]))

    @staticmethod
    def nothing(count: int) -> Numbers:
        """Rows without values."""
        return Numbers(np.full(count, np.nan))

    def missing(self) -> Mask:
        """Rows without a value."""
        return np.isnan(self.values)

    def at(self, row: int) -> float | None:
        """The value of one row."""
        value = float(self.values[row])
        return None if np.isnan(value) else value

    def order(self) -> NDArray[np.float64]:
        """A number per row to sort by; NaN sorts last either way."""
        return self.values


@dataclass(frozen=True, eq=False)
class Texts:
    """One text a row.

    Attributes:
        codes: (n,) index into ``names``; -1 where there is none.
        names: Distinct texts.
    """

    codes: Codes
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.codes)

    @staticmethod
    def of(values: pa.Array | pa.ChunkedArray) -> Texts:
        """Codes an Arrow column."""
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        coded = values.dictionary_encode()
        codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
        return Texts(codes, tuple(coded.dictionary.to_pylist()))

    @staticmethod
    def joined(parts: Sequence[Texts]) -> Texts:
        """Blocks of rows one after another."""
        return Texts(*_merged([(p.codes, p.names) for p in parts]))

    @staticmethod
    def nothing(count: int) -> Texts:
        """Rows without texts."""
        return Texts(np.full(count, -1, np.int32), ())

    def missing(self) -> Mask:
        """Rows without a text."""
        return self.codes < 0

    def at(self, row: int) -> str | None:
        """The text of one row."""
        code = int(self.codes[row])
        return self.names[code] if code >= 0 else None

    def counts(self, rows: Mask) -> NDArray[np.int64]:
        """Chosen rows by text, in the order of ``names``."""
        chosen = self.codes[rows]
        return np.bincount(chosen[chosen >= 0], minlength=len(self.names)).astype(np.int64)

    def order(self) -> NDArray[np.float64]:
        """A number per row that sorts as the texts do."""
        rank = np.full(len(self.names) + 1, np.nan)
        rank[np.argsort(np.array(self.names, dtype=object), kind="stable")] = np.arange(
            len(self.names)
        )
        return rank[self.codes]


@dataclass(frozen=True, eq=False)
class TextSets:
    """Any number of different texts a row.

    Attributes:
        rows: (k,) row of each entry, ascending.
        codes: (k,) its index into ``names``.
        names: Distinct texts.
        count: Number of rows n.
    """

    rows: NDArray[np.int64]
    codes: Codes
    names: tuple[str, ...]
    count: int

    def __len__(self) -> int:
        return self.count

    @staticmethod
    def of(rows: NDArray[np.int64], texts: Texts, count: int) -> TextSets:
        """Entries of rows; a text counts once a row."""
        key = rows * max(len(texts.names), 1) + texts.codes
        _, first = np.unique(key, return_index=True)
        first.sort()
        return TextSets(rows[first], texts.codes[first], texts.names, count)

    @staticmethod
    def joined(parts: Sequence[TextSets]) -> TextSets:
        """Blocks of rows one after another."""
        codes, names = _merged([(p.codes, p.names) for p in parts])
        return TextSets(_shifted(parts), codes, names, sum(p.count for p in parts))

    @staticmethod
    def nothing(count: int) -> TextSets:
        """Rows without texts."""
        return TextSets(np.zeros(0, np.int64), np.zeros(0, np.int32), (), count)

    def missing(self) -> Mask:
        """Rows without any text."""
        found = np.ones(self.count, bool)
        found[self.rows] = False
        return found

    def at(self, row: int) -> list[str]:
        """The texts of one row."""
        low, high = np.searchsorted(self.rows, [row, row + 1])
        return [self.names[c] for c in self.codes[low:high]]

    def counts(self, rows: Mask) -> NDArray[np.int64]:
        """Chosen rows by text, in the order of ``names``."""
        return np.bincount(self.codes[rows[self.rows]], minlength=len(self.names)).astype(np.int64)

    def order(self) -> NDArray[np.float64]:
        """Rows sort by how many texts they have."""
        return np.bincount(self.rows, minlength=self.count).astype(np.float64)


class _Several:
    """What columns with any number of values a row answer alike.

    Attributes:
        rows: (k,) row of each value.
        count: Number of rows.
    """

    rows: NDArray[np.int64]
    count: int

    def __len__(self) -> int:
        return self.count

    def missing(self) -> Mask:
        """Rows without any value."""
        found = np.ones(self.count, bool)
        found[self.rows] = False
        return found

    def at(self, row: int) -> None:
        """Several values are not listed."""

    def order(self) -> NDArray[np.float64]:
        """Rows do not sort by several values."""
        return np.zeros(self.count)


@dataclass(frozen=True, eq=False)
class Places(_Several):
    """Where the objects that were to be moved stood, any number a row.

    Attributes:
        rows: (k,) row of each place.
        xy: (k, 2) world, metres.
        count: Number of rows.
    """

    rows: NDArray[np.int64]
    xy: NDArray[np.float64]
    count: int

    @staticmethod
    def joined(parts: Sequence[Places]) -> Places:
        """Blocks of rows one after another."""
        xy = np.concatenate([p.xy for p in parts])
        return Places(_shifted(parts), xy, sum(p.count for p in parts))

    @staticmethod
    def nothing(count: int) -> Places:
        """Rows without places."""
        return Places(np.zeros(0, np.int64), np.zeros((0, 2)), count)


@dataclass(frozen=True, eq=False)
class NumberSets(_Several):
    """Any number of numbers a row.

    Attributes:
        rows: (k,) row of each number.
        values: (k,) the numbers.
        count: Number of rows.
    """

    rows: NDArray[np.int64]
    values: NDArray[np.float64]
    count: int

    def between(self, low: float, high: float) -> Mask:
        """Rows of which a number lies in a range."""
        found = np.zeros(self.count, bool)
        found[self.rows[(self.values >= low) & (self.values <= high)]] = True
        return found


@dataclass(frozen=True, eq=False)
class Steps:
    """Which of 16 steps of a range the many numbers of a row lie in.

    Attributes:
        rows: (k,) rows whose numbers are known.
        bits: (k,) bit i is set when some number of the row lies in step i.
        low, high: The range; numbers beyond lie in its outermost steps.
        count: Number of rows.
    """

    rows: NDArray[np.int64]
    bits: NDArray[np.uint16]
    low: float
    high: float
    count: int

    def __len__(self) -> int:
        return self.count

    def between(self, low: float, high: float) -> Mask:
        """Rows with a number in a step that a range covers by more than a thousandth."""
        edges = np.linspace(self.low, self.high, STEPS + 1)
        least = (edges[1] - edges[0]) / 1000
        edges[0], edges[-1] = -np.inf, np.inf
        covered = (edges[:-1] < high - least) & (edges[1:] > low + least)
        wanted = np.uint16((covered << np.arange(STEPS)).sum())
        found = np.zeros(self.count, bool)
        found[self.rows[(self.bits & wanted) != 0]] = True
        return found

    def missing(self) -> Mask:
        """Rows whose numbers are not known."""
        found = np.ones(self.count, bool)
        found[self.rows[self.bits != 0]] = False
        return found

    def at(self, row: int) -> None:
        """Steps are not listed."""

    def order(self) -> NDArray[np.float64]:
        """Rows do not sort by steps."""
        return np.zeros(self.count)


Column = Numbers | Texts | TextSets | Places | NumberSets | Steps


def _shifted(parts: Sequence[TextSets | Places]) -> NDArray[np.int64]:
    """Rows of the entries of blocks, counted from the first block's beginning."""
    starts = np.cumsum([0, *(p.count for p in parts)])
    return np.concatenate([p.rows + start for p, start in zip(parts, starts, strict=False)])


def _merged(parts: Sequence[tuple[Codes, tuple[str, ...]]]) -> tuple[Codes, tuple[str, ...]]:
    """Codes of several columns among names that all share."""
    known: dict[str, int] = {}
    codes = []
    for own, names in parts:
        table = np.array([*(known.setdefault(n, len(known)) for n in names), -1], np.int32)
        codes.append(table[own])
    return np.concatenate(codes), tuple(known)


def joined(parts: Sequence[Mapping[str, Column]], counts: Sequence[int]) -> dict[str, Column]:
    """Blocks of rows one after another; a column one of them lacks is empty there."""
    kinds: dict[str, Any] = {name: type(c) for part in parts for name, c in part.items()}
    return {
        name: kind.joined([
            part[name] if name in part else kind.nothing(count)
            for part, count in zip(parts, counts, strict=True)
        ])
        for name, kind in kinds.items()
    }  # fmt: skip
