"""Grasps as arrays of N x 17 numbers, the exchange form of GraspNet-1Billion and AnyGrasp.

A row is score, width, height, depth, rotation (9, row-major), translation (3), object id
(graspnetAPI's ``GraspGroup``; Fang et al., CVPR 2020), all in metres. Its frame has x along the
approach and y along the closing direction; its origin is on the approach line, and the fingertips
reach ``depth`` past it. Here rotation and translation are in the frame of one object.

Our tcp frame has z along the approach and y along the closing direction, so
``TCP_FROM_GRASP`` turns x into z, keeps y, and turns z into -x. The tcp of a row is taken
``depth`` along the approach from its origin.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import AssetError
from datafactory_assets.asset import RigidAsset
from datafactory_assets.store import Store, store_root

Array = NDArray[np.float64]
COLUMNS = 17
FINGER_HEIGHT_M = 0.02
"""Written as the height of exported rows; it is not read."""
TCP_FROM_GRASP = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
"""Rotation of the grasp frame in the tcp frame: approach x becomes z, closing y stays y."""
FAR_M = 0.02
"""A tcp may be this far outside the object's bounds; farther means another scale or frame."""


@dataclass(frozen=True, eq=False)
class GraspSet:
    """Grasps of one object, in its frame.

    Attributes:
        rotation: (n, 3, 3) object_from_tcp.
        position: (n, 3) tcp, metres.
        width: (n,) opening across the object, metres.
        score: (n,) higher is better.
    """

    rotation: Array
    position: Array
    width: Array
    score: Array


def to_array(grasps: GraspSet, *, depth_m: float = 0.0, object_id: int = 0) -> Array:
    """Writes grasps as rows (n, 17).

    Args:
        grasps: The grasps.
        depth_m: Distance from the written origins to the tcp along the approach.
        object_id: Last column of every row.
    """
    rows = np.zeros((len(grasps.score), COLUMNS))
    rows[:, 0], rows[:, 1] = grasps.score, grasps.width
    rows[:, 2], rows[:, 3], rows[:, 16] = FINGER_HEIGHT_M, depth_m, object_id
    rows[:, 4:13] = (grasps.rotation @ TCP_FROM_GRASP).reshape(-1, 9)
    rows[:, 13:16] = grasps.position - depth_m * grasps.rotation[:, :, 2]
    return rows


def from_array(array: Array) -> GraspSet:
    """Reads rows (n, 17) as grasps.

    Raises:
        AssetError: The shape is another, or a row is no grasp.
    """
    found = np.asarray(array, dtype=np.float64)
    if found.ndim != 2 or found.shape[1] != COLUMNS:
        raise AssetError("not an array of grasps", why=f"its shape is {found.shape}",
                         remedy=f"give (n, {COLUMNS}) numbers")  # fmt: skip
    rows = found[:, 4:13].reshape(-1, 3, 3)
    product = np.einsum("nij,nkj->nik", rows, rows)
    good = np.isfinite(found).all(axis=1) & (found[:, 1] > 0.0)
    good &= np.isclose(product, np.eye(3), atol=1e-3).all(axis=(1, 2))
    good[good] &= np.linalg.det(rows[good]) > 0.0
    if not good.all():
        raise AssetError(
            f"{np.sum(~good)} of {len(found)} rows are no grasps",
            where=f"row {np.flatnonzero(~good)[0]}",
            why="columns 4 to 12 are no rotation, the width is not above 0, or not all is finite",
            remedy="rotations are row-major, x along the approach, y along the closing direction",
        )
    rotation = rows @ TCP_FROM_GRASP.T
    position = found[:, 13:16] + found[:, 3:4] * rotation[:, :, 2]
    return GraspSet(rotation, position, found[:, 1].copy(), found[:, 0].copy())


def check_scale(asset: RigidAsset, grasps: GraspSet) -> None:
    """Refuses grasps of an object of another size or frame.

    Raises:
        AssetError: Half of them are far from the object, or all are too narrow or wide for it.
    """
    if not len(grasps.score):
        raise AssetError("an array of grasps is empty", remedy="give at least one row")
    low, high = np.array(asset.aabb)
    outside = np.maximum(low - grasps.position, grasps.position - high).max(axis=1)
    far = float(np.mean(outside > FAR_M))
    narrow = grasps.width.max() < 0.02 * min(asset.extents)
    wide = grasps.width.min() > 2.0 * float(np.linalg.norm(asset.extents))
    if far < 0.5 and not narrow and not wide:
        return
    widths = f"{1e3 * grasps.width.min():.1f} to {1e3 * grasps.width.max():.1f} mm"
    size = " x ".join(f"{1e3 * v:.0f}" for v in asset.extents)
    raise AssetError(
        f"the grasps do not fit {asset.uid}",
        why=f"{far:.0%} are more than {1e3 * FAR_M:.0f} mm outside of its bounds; widths are "
        f"{widths}, and it is {size} mm large",
        remedy="give them in metres, in the frame of the converted object (see its export)",
    )


def store_rows(asset: RigidAsset, array: Array, content_hash: str, root: Path | None = None) -> str:
    """Checks rows made for an asset and keeps them in the asset store.

    Args:
        asset: The asset.
        array: (n, 17) rows.
        content_hash: Content hash of the asset they were made for.
        root: Store root to use instead of the configured one.

    Returns:
        Name of what is kept: the sha256 of its bytes.

    Raises:
        AssetError: They were made for another object, or do not fit this one.
    """
    if content_hash != asset.content_hash:
        raise AssetError(
            f"the grasps were made for another object than {asset.uid}",
            why=f"content hash {content_hash[:16]}… instead of {asset.content_hash[:16]}…",
            remedy="make them again for the object as it is now",
        )
    check_scale(asset, from_array(array))
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(array, dtype=np.float64), allow_pickle=False)
    store = Store(root or store_root())
    with store.staging() as staging:
        return store.add(stream.getvalue(), staging)


def stored(name: str) -> GraspSet:
    """Grasps kept by :func:`store_rows`.

    Raises:
        AssetError: They are not in the asset store.
    """
    path = Store(store_root()).blob_path(name)
    try:
        return from_array(np.load(path, allow_pickle=False))
    except FileNotFoundError as error:
        raise AssetError(
            "imported grasps are gone from the asset store", where=str(path),
            remedy="import them again: datafactory assets grasps NAME --import FILE.npy",
        ) from error  # fmt: skip


def write_file(path: Path, asset: RigidAsset, array: Array) -> None:
    """Writes rows as ``.npy`` and, in a ``.json`` beside it, which asset they belong to."""
    with path.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)
    said = {"uid": asset.uid, "content_hash": asset.content_hash}
    path.with_suffix(".json").write_text(json.dumps(said, indent=1), "utf-8")


def read_file(path: Path) -> tuple[Array, str]:
    """Reads what :func:`write_file` wrote: rows and the asset's content hash.

    Raises:
        AssetError: A file is missing or is no array.
    """
    note = path.with_suffix(".json")
    try:
        array = np.load(path, allow_pickle=False)
        content_hash = str(json.loads(note.read_text("utf-8"))["content_hash"])
    except (OSError, ValueError, KeyError) as error:
        raise AssetError(
            "cannot read grasps", where=str(path), why=f"{type(error).__name__}: {error}",
            remedy=f"an array of {COLUMNS} columns, and {note.name} beside it with the "
            "content_hash of the object; --export writes both",
        ) from error  # fmt: skip
    return np.asarray(array, dtype=np.float64), content_hash
