"""Rows of ``episodes`` and ``attempts`` to columns of the index, a page at a time, vectorised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from datafactory.statistics import family_of, goal_kind, goal_names
from datafactory.viewer.columns import Column, Numbers, Places, Texts, TextSets

TEXTS = {
    "task": "task", "robot": "robot", "instruction": "instruction", "split": "instruction_split",
    "generator": "generator", "engine": "engine",
}  # fmt: skip
"""Field name to stored column."""
NUMBERS = {"seed": "run_seed", "attempt": "attempt", "n_objects": "n_objects"}
COMMON = (*TEXTS.values(), *NUMBERS.values(), "goal", "objects", "metrics", "cpu_s", "created_at",
          "success_once", "success_at_end", "length")  # fmt: skip
ACCEPTED = ("episode_id", *COMMON, "fps", "phases")
REJECTED = ("attempt_id", *COMMON, "stage", "reason", "track_fps")
PARTS = {"objects": ("name", "uid", "initial_pose", "final_pose")}
"""What is read of columns that are lists of structures; the others are read whole."""


def page_columns(page: pa.Table, *, accepted: bool, extra: Sequence[str]) -> dict[str, Column]:
    """The index's columns of a page of rows.

    Args:
        page: Rows with the columns ``ACCEPTED`` or ``REJECTED``, and ``extra`` ones.
        accepted: Of ``episodes``.
        extra: The generator's own columns, of which plain values are kept.
    """
    count = page.num_rows
    found: dict[str, Column] = {f: Texts.of(page[c]) for f, c in TEXTS.items()}
    found |= {f: _numbers(page[c]) for f, c in NUMBERS.items()}
    word = np.zeros(count, np.int32)
    found["outcome"] = Texts(word, ("accepted",) if accepted else ("rejected",))
    for name in ("success_once", "success_at_end"):
        found[name] = _numbers(page[name])
    found["created"] = Numbers(
        page["created_at"].cast(pa.int64()).to_numpy().astype(np.float64) / 1e6
    )
    found |= _length(page, accepted=accepted)
    found |= {f"metric.{n}": c for n, c in _named(page["metrics"]).items()}
    found |= {f"cpu.{n}": c for n, c in _named(page["cpu_s"]).items()}
    if accepted:
        found |= _phases(page)
    else:
        found |= {name: Texts.of(page[name]) for name in ("stage", "reason")}
    found |= _objects(page)
    for name in extra:
        plain = _plain(page[name])
        if plain is not None and name not in found:
            found[name] = plain
    return found


def _numbers(column: pa.ChunkedArray) -> Numbers:
    values = column.cast(pa.float64()) if not pa.types.is_boolean(column.type) else (
        column.cast(pa.int8()).cast(pa.float64())
    )  # fmt: skip
    return Numbers(values.to_numpy().astype(np.float64))


def _plain(column: pa.ChunkedArray) -> Column | None:
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return _numbers(column)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return Texts.of(column)
    return None


def _length(page: pa.Table, *, accepted: bool) -> dict[str, Column]:
    frames = page["length"].to_numpy().astype(np.float64)
    if accepted:
        return {"length": Numbers(frames), "seconds": Numbers(frames / page["fps"].to_numpy())}
    rate = page["track_fps"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        seconds = np.where(rate > 0, frames / rate, np.nan)
    return {"seconds": Numbers(seconds)}


def _flat(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], Any]:
    """Rows of the items of a list column, and the items."""
    lists = column.combine_chunks()
    return lists.value_parent_indices().to_numpy().astype(np.int64), lists.flatten()


def _named(column: pa.ChunkedArray) -> dict[str, Numbers]:
    """Named numbers, one column a name."""
    rows, items = _flat(column)
    names = Texts.of(items.field("name"))
    values = np.full((len(names.names), len(column)), np.nan)
    values[names.codes, rows] = items.field("value").to_numpy(zero_copy_only=False)
    return {name: Numbers(line) for name, line in zip(names.names, values, strict=True)}


def _phases(page: pa.Table) -> dict[str, Column]:
    """Seconds spent in each phase, summed over its repetitions."""
    rows, items = _flat(page["phases"])
    names = Texts.of(items.field("name"))
    frames = pc.subtract(items.field("stop"), items.field("start")).to_numpy(zero_copy_only=False)
    count, kinds = page.num_rows, len(names.names)
    if not kinds:
        return {}
    key = names.codes * np.int64(count) + rows
    seconds = frames / page["fps"].to_numpy()[rows]
    total = np.bincount(key, seconds, kinds * count).astype(np.float64)
    total[np.bincount(key, minlength=kinds * count) == 0] = np.nan
    lines = total.reshape(kinds, count)
    return {f"phase.{n}": Numbers(line) for n, line in zip(names.names, lines, strict=True)}


def _objects(page: pa.Table) -> dict[str, Column]:
    """What follows from the objects and the goal; the same rules as ``datafactory.statistics``."""
    goals = Texts.of(page["goal"])
    rows, items = _flat(page["objects"])
    names = Texts.of(items.field("name"))
    coded = Texts.of(items.field("uid"))
    kinds = Texts(goals.codes, tuple(goal_kind(g) for g in goals.names))
    subject, mentioned = _roles(goals.names, names.names)
    goal_of_item = goals.codes[rows]
    distractor = np.array([n.startswith("distractor") for n in names.names] or [False])[names.codes]
    moved = subject[goal_of_item, names.codes]
    shown = ~distractor & mentioned[goal_of_item, names.codes]
    kept = tuple(family_of(uid.partition("@")[0]) for uid in coded.names)
    families = _recoded(Texts(coded.codes[shown], kept))
    count = page.num_rows
    return {
        "relation": _recoded(kinds),
        "distractors": Numbers(np.bincount(rows[distractor], minlength=count).astype(np.float64)),
        "family": TextSets.of(rows[shown], families, count),
        "start": _places(items.field("initial_pose"), rows, moved, count),
        "end": _places(items.field("final_pose"), rows, moved, count),
    }


def _roles(
    goals: Sequence[str], names: Sequence[str]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether an object of a name is moved by a goal, and whether the goal mentions it."""
    subject = np.zeros((len(goals), max(len(names), 1)), bool)
    mentioned = np.zeros_like(subject)
    for i, goal in enumerate(goals):
        subjects, every = goal_names(goal)
        for k, name in enumerate(names):
            subject[i, k] = name in subjects
            mentioned[i, k] = not every or name in every
    return subject, mentioned


def _recoded(texts: Texts) -> Texts:
    """Equal names become one."""
    known: Mapping[str, int] = {n: i for i, n in enumerate(dict.fromkeys(texts.names))}
    table = np.array([*(known[n] for n in texts.names), -1], np.int32)
    return Texts(table[texts.codes], tuple(known))


def _places(poses: Any, rows: NDArray[np.int64], chosen: NDArray[np.bool_], count: int) -> Places:
    values = np.asarray(poses.flatten().to_numpy(zero_copy_only=False), np.float64)
    return Places(rows[chosen], values.reshape(-1, 7)[chosen, :2], count)
