"""Where objects are seen in stored images: targets for policies that shall look at them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import SpecError, UnknownNameError
from datafactory.store.dataset import Dataset
from datafactory.store.render_rows import render_rows
from datafactory.store.renders import scan_renders
from datafactory.store.variants import find_variant
from datafactory_zoo.frames import FrameTable
from datafactory_zoo.windows import PointField

Floats = NDArray[np.float32]
_COLUMNS = ("episode_id", "camera", "length", "n_objects", "width", "height", "center_uv")


def sightings(
    dataset: Dataset, variant: str | None, points: Sequence[PointField], table: FrameTable
) -> dict[str, Floats]:
    """Row, column and visibility of objects' centres for every frame, from stored annotations.

    Args:
        dataset: Dataset.
        variant: Rendered variant; None for the only one.
        points: Which ones.
        table: Episodes and their frames.

    Returns:
        Key to (N, 3): row and column from -1 to 1 over the image, and 1 where the centre lies in
        the image, else 0 with row and column 0.

    Raises:
        SpecError: The variant's images are not at the control rate.
        UnknownNameError: An episode has no such object.
    """
    info = find_variant(dataset, variant)
    if info.fps != table.fps:
        raise SpecError(f"variant '{info.name}' has {info.fps:g} images per second", where="points",
                        why=f"points are told for every frame, {table.fps} per second",
                        remedy=f"datafactory render DATASET --set fps={table.fps}")  # fmt: skip
    numbers = {name: k for k, name in enumerate(table.episode_ids)}
    listed = dataset.episodes(columns=["episode_id", "objects"])
    roles = {
        name: [o["name"] for o in objects]
        for name, objects in zip(*(listed.column(k).to_pylist() for k in (0, 1)), strict=True)
    }
    out = {p.key: np.zeros((table.frames, 3), np.float32) for p in points}
    names = ", ".join(f"'{c}'" for c in sorted({p.camera for p in points}))
    condition = f"variant = '{info.name}' AND camera IN ({names})"
    for row in render_rows(scan_renders(dataset, condition, list(_COLUMNS))):
        number = numbers.get(row["episode_id"])
        if number is None:
            continue
        begin = int(table.starts[number])
        for point in points:
            if point.camera == row["camera"]:
                known = roles[row["episode_id"]]
                if point.role not in known:
                    raise UnknownNameError.of("object role", point.role, known, "points")
                uv = row["center_uv"][:, known.index(point.role)]
                out[point.key][begin : begin + len(uv)] = _scaled(uv, row["width"], row["height"])
    return out


def _scaled(uv: Floats, width: int, height: int) -> Floats:
    """(T, 3) row, column, visibility of pixels (T, 2)."""
    place = 2.0 * uv[:, ::-1] / np.array([height, width]) - 1.0
    inside = (np.abs(np.nan_to_num(place, nan=np.inf)) <= 1.0).all(axis=1)
    place = np.where(inside[:, None], place, 0.0)
    return np.column_stack([place, inside]).astype(np.float32)
