"""Rows that a filter lets through, and their order."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from datafactory.viewer.columns import (
    Column,
    Mask,
    Numbers,
    NumberSets,
    Places,
    Steps,
    Texts,
    TextSets,
)
from datafactory.viewer.grammar import Clause, Every, Node, Not, Test, Value

MAX_SPELLED = 2000
_COMPARE: Mapping[str, Callable[[NDArray[np.float64], float], Mask]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: (a != b) & ~np.isnan(a),
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def chosen(clauses: Sequence[Clause], columns: Mapping[str, Column], count: int) -> Mask:
    """Rows for which every clause holds.

    Args:
        clauses: Of a parsed filter.
        columns: Columns by field name.
        count: Number of rows.
    """
    mask = np.ones(count, bool)
    for clause in clauses:
        mask &= holds(clause.node, columns)
    return mask


def holds(node: Node, columns: Mapping[str, Column]) -> Mask:
    """Rows for which a condition holds."""
    if isinstance(node, Test):
        return _test(node, columns[node.field])
    if isinstance(node, Not):
        return ~holds(node.part, columns)
    parts = np.stack([holds(part, columns) for part in node.parts])
    mask: Mask = np.asarray(parts.all(axis=0) if isinstance(node, Every) else parts.any(axis=0))
    return mask


def _test(test: Test, column: Column) -> Mask:
    if test.op == "null":
        missing = column.missing()
        return ~missing if test.negated else missing
    if isinstance(column, Numbers):
        mask = _numbers(test, column)
    elif isinstance(column, Places):
        mask = _box(test, column)
    elif isinstance(column, (NumberSets, Steps)):
        low, high = (float(v) for v in test.values)
        mask = column.between(low, high)
    else:
        mask = _texts(test, column)
    return ~mask & ~column.missing() if test.negated else mask


def _numbers(test: Test, column: Numbers) -> Mask:
    values = column.values
    numbers = [float(v) for v in test.values]
    if test.op == "between":
        return (values >= numbers[0]) & (values <= numbers[1])
    if test.op == "in":
        return np.isin(values, numbers)
    return _COMPARE[test.op](values, numbers[0])


def _texts(test: Test, column: Texts | TextSets) -> Mask:
    wanted = _names(test.op, test.values, column.names)
    if isinstance(column, Texts):
        mask: Mask = np.append(wanted, False)[column.codes]
    else:
        mask = np.zeros(len(column), bool)
        mask[column.rows[wanted[column.codes]]] = True
    return ~mask & ~column.missing() if test.op == "!=" else mask


def _names(op: str, values: Sequence[Value], names: Sequence[str]) -> Mask:
    """The distinct texts that are meant."""
    if op == "~":
        part = str(values[0]).lower()
        return np.array([part in name.lower() for name in names], bool)
    given = {str(v) for v in values}
    return np.array([name in given for name in names], bool)


def misspelt(
    clauses: Sequence[Clause], columns: Mapping[str, Column]
) -> tuple[str, str, str] | None:
    """The first text that no row has, but nearly: its field, itself, and the text that rows have.

    Fields with more than ``MAX_SPELLED`` distinct texts are not looked through.
    """
    for test in (t for clause in clauses for t in _tests(clause.node)):
        column = columns[test.field]
        if test.op not in ("=", "in") or not isinstance(column, (Texts, TextSets)):
            continue
        known = {name.lower(): name for name in column.names}
        if len(known) > MAX_SPELLED:
            continue
        for value in (str(v) for v in test.values):
            near = difflib.get_close_matches(value.lower(), known, n=1, cutoff=0.75)
            if near and value not in column.names:
                return test.field, value, known[near[0]]
    return None


def _tests(node: Node) -> Iterator[Test]:
    if isinstance(node, Test):
        yield node
    else:
        for part in (node.part,) if isinstance(node, Not) else node.parts:
            yield from _tests(part)


def _box(test: Test, column: Places) -> Mask:
    x0, y0, x1, y1 = (float(v) for v in test.values)
    x, y = column.xy.T
    inside = (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
    mask = np.zeros(len(column), bool)
    mask[column.rows[inside]] = True
    return mask


def in_order(
    mask: Mask, column: Column | None, *, descending: bool, natural: Column
) -> NDArray[np.int64]:
    """The chosen rows, sorted; equal ones by attempt, rows without a value last.

    Args:
        mask: Chosen rows.
        column: What to sort by; None for ``natural``.
        descending: Largest first.
        natural: The order of equal rows.
    """
    rows = np.flatnonzero(mask)
    rows = rows[np.argsort(natural.order()[rows], kind="stable")]
    if column is None:
        return rows[::-1] if descending else rows
    key = column.order()[rows]
    return rows[np.argsort(-key if descending else key, kind="stable")]
