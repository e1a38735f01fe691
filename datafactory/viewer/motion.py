"""What arms do, over all frames of all episodes: histograms of actions, and how things are grasped.

Time series of a large dataset take longer to read than a page may wait, so they are read once, in
the background, and kept as a few counts per episode; filters then add those up. What has been read
so far is what is shown, and the page says how much that is.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datafactory.errors import DatasetError
from datafactory.geometry import quat_rotate
from datafactory.store.dataset import Dataset
from datafactory.store.location import reading
from datafactory.viewer.columns import (
    STEPS,
    Column,
    Mask,
    NumberSets,
    Steps,
    Texts,
    TextSets,
)
from datafactory.viewer.memory import release_memory

BINS = STEPS
BATCH_EPISODES = 512
SAMPLE = 64
MARGIN = 0.05
COLUMNS = ("length", "fps", "dof", "phases", "action_joint", "action_gripper", "eef_pose",
           "gripper_width")  # fmt: skip
GRASP_PHASE = "grasp"
KINDS = ("from above", "inclined", "from the side")
INCLINED_RAD, SIDE_RAD = np.radians(30.0), np.radians(60.0)
GRASP = "grasp"
GRASP_EDGES = {
    "grasp.angle_deg": ("approach angle from vertical", "deg", np.linspace(0.0, 180.0, BINS + 1)),
    "grasp.width_m": ("gripper width", "m", np.linspace(0.0, 0.12, BINS + 1)),
}
"""Fields of grasps: title, unit and bins."""
FIELDS = re.compile(r"\b(?:action\.|grasp\b)")
"""Finds the fields of this module in a filter."""
READY_S = 5.0
Counts = NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class Grid:
    """Bins of the actions: ``dof`` joints, then grippers.

    Attributes:
        low, high: (d,) ranges, of a sample of episodes; values beyond count in the outermost bin.
        names, units: Of the d actions.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    names: tuple[str, ...]
    units: tuple[str, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the d actions in a filter."""
        return tuple("action." + name.replace(" ", "_") for name in self.names)


@dataclass(frozen=True, eq=False)
class Part:
    """A batch of n episodes.

    Attributes:
        actions: (n, d, BINS) frames by value.
        steps: (n, d) bit i is set when some frame lies in bin i.
        grasp_rows: (g,) episode of each grasp, within the batch.
        grasps: (g, 2) approach angle, rad, and width, m.
    """

    actions: Counts
    steps: Counts
    grasp_rows: NDArray[np.int64]
    grasps: NDArray[np.float64]


class Motion:
    """Reads the time series of one dataset in a thread of its own, in storage order."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._grid: Grid | None = None
        self._done = 0
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._ready = threading.Event()

    @property
    def done(self) -> int | None:
        """Episodes that have been read; None before anything is known of them."""
        return self._done if self._grid is not None else None

    def start(self, dataset: Dataset) -> None:
        """Reads on from where reading ended, unless it does; waits until actions are known."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._read, args=(dataset,), daemon=True)
                self._thread.start()
        self._ready.wait(READY_S)

    def summary(self, chosen: Mask) -> dict[str, Any]:
        """What has been read so far of some episodes.

        Args:
            chosen: (n,) of all episodes in storage order.
        """
        with self._lock:
            parts, grid, done = list(self._parts), self._grid, self._done
        total, chosen = len(chosen), chosen[:done]
        if grid is None or not parts:
            return {"done": 0, "total": total, "shown": 0, "actions": [], "grasps": [], "kinds": []}
        return {
            "done": done,
            "total": total,
            "shown": int(chosen.sum()),
            "actions": _actions(parts, grid, chosen),
            **_grasps(parts, chosen),
        }

    def columns(self, rows: NDArray[np.int64], count: int) -> tuple[dict[str, Column], int]:
        """Columns of what has been read so far, and of how many episodes it is.

        Args:
            rows: (n,) of all episodes in storage order, their rows among ``count``.
            count: Number of rows.
        """
        with self._lock:
            parts, grid, done = list(self._parts), self._grid, self._done
        if grid is None:
            return {}, 0
        read = rows[:done]
        nothing = np.zeros((0, len(grid.names)), np.uint16)
        bits = np.concatenate([nothing, *(p.steps for p in parts)])
        found: dict[str, Column] = {
            name: Steps(read, bits[:, i], float(grid.low[i]), float(grid.high[i]), count)
            for i, name in enumerate(grid.fields)
        }
        mine, values, kind = _all_grasps(parts)
        at = rows[mine]
        found[GRASP] = TextSets.of(at, Texts(kind.astype(np.int32), KINDS), count)
        for column, name in zip(values, GRASP_EDGES, strict=True):
            found[name] = NumberSets(at, column, count)
        return found, done

    def _read(self, dataset: Dataset) -> None:
        try:
            self._read_on(dataset)
        except DatasetError:  # whoever opens the damaged episode is told
            return
        finally:
            release_memory()
            self._ready.set()

    def _read_on(self, dataset: Dataset) -> None:
        table = dataset.table("episodes")
        total = int(table.count_rows())
        if self._grid is None and total:
            with reading(dataset.location, "episodes"):
                rows = np.unique(np.linspace(0, total - 1, min(SAMPLE, total)).astype(int))
                self._grid = grid_of(table.take(rows.tolist(), columns=list(COLUMNS)))
        self._ready.set()
        while self._grid is not None and self._done < total:
            with reading(dataset.location, "episodes"):
                page = table.to_table(
                    columns=list(COLUMNS), limit=BATCH_EPISODES, offset=self._done
                )
            part = part_of(page, self._grid)
            with self._lock:
                self._parts.append(part)
                self._done += page.num_rows
            time.sleep(0.001)  # lets requests in between


def _series(page: pa.Table, name: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Offsets and values of a list column."""
    lists = page[name].combine_chunks()
    values = lists.flatten().to_numpy(zero_copy_only=False)
    sizes = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), values


def grid_of(sample: pa.Table) -> Grid:
    """Bins for a sample of episodes."""
    joints, grippers = 0, 0
    lows: list[list[float]] = []
    highs: list[list[float]] = []
    for name in ("action_joint", "action_gripper"):
        offsets, values = _series(sample, name)
        length = sample["length"].to_numpy()
        widths = np.diff(offsets) // np.maximum(length, 1)
        count = int(widths.max(initial=0))
        low, high = np.full(count, np.inf), np.full(count, -np.inf)
        for row, width in enumerate(widths):
            if not width:  # nothing is recorded of it, or it has no such actuators
                continue
            shaped = values[offsets[row] : offsets[row + 1]].reshape(int(width), -1)
            if shaped.size:
                low[:width] = np.minimum(low[:width], shaped.min(axis=1))
                high[:width] = np.maximum(high[:width], shaped.max(axis=1))
        lows.append(low.tolist())
        highs.append(high.tolist())
        joints, grippers = (count, grippers) if name == "action_joint" else (joints, count)
    low, high = np.array(lows[0] + lows[1]), np.array(highs[0] + highs[1])
    low, high = np.where(np.isfinite(low), low, 0.0), np.where(np.isfinite(high), high, 1.0)
    low[joints:], high[joints:] = np.minimum(low[joints:], 0.0), np.maximum(high[joints:], 1.0)
    room = MARGIN * np.maximum(high[:joints] - low[:joints], 1e-3)
    low[:joints], high[:joints] = low[:joints] - room, high[:joints] + room
    names = [f"joint {i + 1}" for i in range(joints)]
    names += ["gripper" if grippers == 1 else f"gripper {i + 1}" for i in range(grippers)]
    return Grid(low, high, tuple(names), ("rad",) * joints + ("1 = open",) * grippers)


def part_of(page: pa.Table, grid: Grid) -> Part:
    """Counts of a batch of episodes."""
    joints = grid.units.count("rad")
    actions = np.zeros((page.num_rows, len(grid.names), BINS), np.uint16)
    for name, first, stop in (("action_joint", 0, joints), ("action_gripper", joints, None)):
        actions[:, first:stop] = _binned(page, name, grid.low[first:stop], grid.high[first:stop])
    rows, grasps = _grasp_moments(page)
    steps = ((actions > 0) << np.arange(BINS)).sum(axis=2).astype(np.uint16)
    return Part(actions, steps, rows, grasps)


def _binned(
    page: pa.Table, name: str, low: NDArray[np.float64], high: NDArray[np.float64]
) -> Counts:
    """(n, d, BINS) frames of each episode by component and value."""
    offsets, values = _series(page, name)
    length = np.maximum(page["length"].to_numpy(), 1)
    row = np.repeat(np.arange(page.num_rows), np.diff(offsets))
    component = (np.arange(len(values)) - offsets[row]) // length[row]
    known = (component < len(low)) & np.isfinite(values)
    row, component, values = row[known], component[known], values[known]
    place = (values - low[component]) / (high[component] - low[component]) * BINS
    bins = np.clip(place.astype(np.int64), 0, BINS - 1)
    key = (row * len(low) + component) * BINS + bins
    counts = np.bincount(key, minlength=page.num_rows * len(low) * BINS)
    return counts.reshape(page.num_rows, len(low), BINS).astype(np.uint16)


def _grasp_moments(page: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Episode, approach angle and width of one-armed grasps, at the last frame of their phase.

    The angle is between the tool's z axis, along which it approaches, and straight down.
    """
    poses, widths = _series(page, "eef_pose"), _series(page, "gripper_width")
    found, rows = [], []
    for row, (phases, length) in enumerate(
        zip(page["phases"].to_pylist(), page["length"].to_pylist(), strict=True)
    ):
        start, stop = poses[0][row], poses[0][row + 1]
        if not length or stop - start != 7 * length:  # nothing recorded, or which arm is not known
            continue
        pose = poses[1][start:stop].reshape(-1, length)
        width = widths[1][widths[0][row] : widths[0][row + 1]]
        for phase in phases:
            if phase["name"] == GRASP_PHASE:
                frame = max(0, min(phase["stop"], length) - 1)
                axis = quat_rotate(pose[3:7, frame].astype(np.float64), np.array([0.0, 0.0, 1.0]))
                angle = float(np.arccos(np.clip(-axis[2], -1.0, 1.0)))
                found.append((angle, float(width[frame])))
                rows.append(row)
    return np.array(rows, np.int64), np.array(found, np.float64).reshape(-1, 2)


def _actions(parts: Sequence[Part], grid: Grid, chosen: Mask) -> list[dict[str, Any]]:
    every = np.zeros((len(grid.names), BINS), np.int64)
    shown = np.zeros_like(every)
    start = 0
    for part in parts:
        stop = start + len(part.actions)
        every += part.actions.sum(axis=0, dtype=np.int64)
        shown += part.actions[chosen[start:stop]].sum(axis=0, dtype=np.int64)
        start = stop
    return [
        {"name": name, "field": grid.fields[i], "unit": grid.units[i],
         "edges": np.linspace(grid.low[i], grid.high[i], BINS + 1).tolist(),
         "all": every[i].tolist(), "shown": shown[i].tolist()}
        for i, name in enumerate(grid.names)
    ]  # fmt: skip


def _all_grasps(
    parts: Sequence[Part],
) -> tuple[NDArray[np.int64], tuple[NDArray[np.float64], ...], NDArray[np.int64]]:
    """Episode, values by ``GRASP_EDGES``, and index of the kind of each grasp."""
    if not parts:
        nothing = np.zeros(0, np.int64)
        return nothing, (np.zeros(0),) * len(GRASP_EDGES), nothing
    starts = np.cumsum([0, *(len(p.actions) for p in parts)])
    rows = np.concatenate([p.grasp_rows + s for p, s in zip(parts, starts, strict=False)])
    values = np.concatenate([p.grasps for p in parts])
    kind = np.digitize(values[:, 0], [INCLINED_RAD, SIDE_RAD])
    return rows, (np.degrees(values[:, 0]), values[:, 1]), kind


def _grasps(parts: Sequence[Part], chosen: Mask) -> dict[str, Any]:
    rows, columns, kind = _all_grasps(parts)
    shown = chosen[rows] if len(rows) else np.zeros(0, bool)
    histograms = [
        {"name": name, "field": field, "unit": unit, "edges": edges.tolist(),
         "all": np.histogram(column, edges)[0].tolist(),
         "shown": np.histogram(column[shown], edges)[0].tolist()}
        for column, (field, (name, unit, edges)) in zip(columns, GRASP_EDGES.items(), strict=True)
    ]  # fmt: skip
    kinds = [
        {"name": name, "all": int((kind == k).sum()), "shown": int((kind[shown] == k).sum())}
        for k, name in enumerate(KINDS)
    ]
    return {"grasps": histograms, "kinds": kinds if len(rows) else []}
