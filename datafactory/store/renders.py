"""Rendered views: rows of the table ``renders``, written by a render call and read back exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from datafactory.errors import DatasetCorruptError, DatasetError
from datafactory.render.media import decode_files, decode_video, spans
from datafactory.render.view import View
from datafactory.store.dataset import Dataset
from datafactory.store.encode import content_hash
from datafactory.store.filters import check_filter
from datafactory.store.location import reading
from datafactory.store.render_rows import logical_row, render_row, render_rows, stored_view
from datafactory.store.render_schema import BLOBS, render_id
from datafactory.store.stored import StoredEpisode
from datafactory.store.variants import (
    TABLE,
    VariantInfo,
    check_cameras,
    find_variant,
    identities,
    render_table,
    scan_renders,
    variants,
)

__all__ = [
    "VariantInfo",
    "check_cameras",
    "find_variant",
    "identities",
    "images",
    "iter_episode_views",
    "load_images",
    "open_media",
    "render_digest",
    "render_id",
    "render_row",
    "render_rows",
    "rendered_ids",
    "scan_renders",
    "stored_view",
    "variants",
    "view",
    "view_rows",
    "views",
]

BATCH_VIEWS = 16


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def rendered_ids(dataset: Dataset, variant: str) -> set[str]:
    """Ids of the episodes that have images of a variant; empty when it does not exist."""
    if TABLE not in dataset.tables:
        return set()
    where = f"variant = {_quoted(variant)}"
    return set(scan_renders(dataset, where, ["episode_id"]).column(0).to_pylist())


def view_rows(
    dataset: Dataset,
    variant: str,
    cameras: tuple[str, ...],
    episodes: pa.ChunkedArray,
    where: str | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Where the views of some episodes are, in the order of the episodes, then of the cameras.

    Args:
        dataset: Dataset.
        variant: Name of a variant it has.
        cameras: Names of cameras of the variant.
        episodes: Episode ids.
        where: Filter on columns of ``renders``.

    Returns:
        (row offsets in ``renders``, positions in ``episodes``), one of each per view.
    """
    named = ", ".join(_quoted(c) for c in cameras)
    condition = f"variant = {_quoted(variant)} AND camera IN ({named})"
    if where is not None:
        check_filter(where, [n for n in render_table(dataset).schema.names if n not in BLOBS])
        condition += f" AND ({where})"
    keys = scan_renders(dataset, condition, ["episode_id", "camera", "_rowoffset"])
    position = pc.fill_null(pc.index_in(keys.column(0), value_set=episodes), -1).to_numpy()
    camera = pc.index_in(keys.column(1), value_set=pa.array(cameras)).to_numpy()
    order = np.lexsort((camera, position))
    order = order[position[order] >= 0]
    rows: NDArray[np.int64] = keys.column(2).to_numpy()[order].astype(np.int64)
    return rows, position[order]


def _read(dataset: Dataset, rows: Sequence[int], media: bool) -> list[View]:
    table = render_table(dataset)
    columns = [n for n in table.schema.names if n not in BLOBS]
    with reading(dataset.location, TABLE):
        found = render_rows(table.take(list(rows), columns=columns))
        for name in BLOBS if media else ():
            if name == "depth" and not any(r["depth_codec"] for r in found):
                continue
            for row, data in zip(found, _blobs(table, name, rows, found), strict=True):
                row[name] = data
    views = [stored_view(row) for row in found]
    if media:
        for row, made in zip(found, views, strict=True):
            if content_hash(logical_row(made)) != row["content_hash"]:
                raise _corrupt(made.episode_id, made.camera, "other bytes than were written")
    return views


def _blobs(
    table: Any, name: str, rows: Sequence[int], heads: Sequence[Mapping[str, Any]]
) -> list[bytes | None]:
    """Bytes of one blob column; when they cannot be read, the error names the first such view."""

    def load(part: Sequence[int]) -> list[bytes | None]:
        return [data for _, data in table.read_blobs(name, indices=part, preserve_order=True)]

    try:
        return load(list(rows))
    except (OSError, ValueError):
        result = []
        for row, head in zip(rows, heads, strict=True):
            with naming(head["episode_id"], head["camera"]):
                result += load([row])
        return result


def _corrupt(episode_id: str, camera: str, why: str) -> DatasetCorruptError:
    return DatasetCorruptError(
        "stored images are damaged",
        where=f"episode {episode_id}, camera {camera}",
        why=why,
        remedy="restore renders.lance from a copy, or render again as another --variant",
    )


def views(
    dataset: Dataset,
    variant: str | None = None,
    cameras: Sequence[str] | None = None,
    where: str | None = None,
    media: bool = True,
    *,
    where_episodes: str | None = None,
) -> Iterator[View]:
    """Views in the storage order of the episodes, and of the cameras within; few in memory.

    Args:
        dataset: Dataset.
        variant: Variant; None for the only one.
        cameras: Cameras; None for all.
        where: Filter on columns of ``renders``, for example ``length > 40``.
        media: Read the encoded colour and depth images; without them the views' ``Media`` are
            empty (masks and annotations are always there).
        where_episodes: Filter on episodes, as in ``Dataset.episodes``.

    Raises:
        DatasetError: Nothing was rendered.
        UnknownNameError: There is no such variant or camera.
        DatasetCorruptError: Stored bytes are not those that were written.
    """
    info = find_variant(dataset, variant)
    chosen = check_cameras(info, cameras)
    episodes = dataset.episodes(where_episodes, columns=["episode_id"]).column(0)
    rows, _ = view_rows(dataset, info.name, chosen, episodes, where)
    return _batches(dataset, rows, media)


def _batches(dataset: Dataset, rows: NDArray[np.int64], media: bool) -> Iterator[View]:
    for start in range(0, len(rows), BATCH_VIEWS):
        yield from _read(dataset, rows[start : start + BATCH_VIEWS].tolist(), media)


def iter_episode_views(
    dataset: Dataset,
    variant: str | None = None,
    cameras: Sequence[str] | None = None,
    where_episodes: str | None = None,
    media: bool = True,
) -> Iterator[tuple[StoredEpisode, Mapping[str, View]]]:
    """Episodes with their views by camera, in storage order.

    Episodes without images of the variant are left out. Arguments and errors as in :func:`views`.
    """
    info = find_variant(dataset, variant)
    chosen = check_cameras(info, cameras)
    found = views(dataset, info.name, chosen, media=media, where_episodes=where_episodes)
    groups = groupby(found, key=lambda v: v.episode_id)
    episodes = dataset.iter_episodes(where_episodes)
    for episode_id, group in groups:
        by_camera = {v.camera: v for v in group}
        lost = [c for c in chosen if c not in by_camera]
        if lost:
            raise _corrupt(episode_id, lost[0], f"variant {info.name} has no images of it")
        yield next(e for e in episodes if e.episode_id == episode_id), by_camera


def _find(dataset: Dataset, episode_id: str, variant: str, camera: str) -> int:
    """Row offset of one view."""
    where = f"render_id = {_quoted(render_id(episode_id, variant, camera))}"
    rows = scan_renders(dataset, where, ["_rowoffset"]).column(0).to_pylist()
    if rows:
        return int(rows[0])
    check_cameras(find_variant(dataset, variant), [camera])
    raise DatasetError(
        f"episode {episode_id} has no images of the variant '{variant}'",
        where=dataset.location.root,
        remedy=f"datafactory render {dataset.location.root} --variant {variant}",
    )


def view(dataset: Dataset, episode_id: str, variant: str, camera: str, media: bool = True) -> View:
    """One view; arguments and errors as in :func:`views`."""
    return _read(dataset, [_find(dataset, episode_id, variant, camera)], media)[0]


def open_media(
    dataset: Dataset, episode_id: str, variant: str, camera: str, column: str = "video"
) -> Any:
    """A readable, seekable file of the encoded ``video`` or ``depth`` of one view.

    Only the ranges that are read are loaded. None for ``depth`` that is not stored.
    """
    row = _find(dataset, episode_id, variant, camera)
    with reading(dataset.location, TABLE):
        return render_table(dataset).take_blobs(column, indices=[row])[0]


@contextmanager
def naming(episode_id: str, camera: str) -> Iterator[None]:
    """Says whose images cannot be read or decoded.

    Raises:
        DatasetCorruptError: Instead of what reading or decoding raised.
    """
    try:
        yield
    except (DatasetCorruptError, OSError, ValueError) as error:
        raise _corrupt(episode_id, camera, str(error)) from error


def images(
    dataset: Dataset, which: View | tuple[str, str, str], indices: Sequence[int]
) -> NDArray[np.uint8]:
    """Decodes some colour images of one view, reading no more than their bytes.

    Args:
        dataset: Dataset.
        which: A view read with ``media=False``, or (episode_id, variant, camera).
        indices: Images, in any order.

    Returns:
        (k, h, w, 3) uint8 sRGB.

    Raises:
        IndexError: There is no such image.
        DatasetCorruptError: They cannot be decoded.
    """
    key = (which.episode_id, which.variant, which.camera) if isinstance(which, View) else which
    table, row = render_table(dataset), _find(dataset, *key)
    with reading(dataset.location, TABLE):
        head = render_rows(table.take([row], columns=["codec", "video_offsets"]))[0]
    with naming(key[0], key[2]):
        return load_images(table, head["codec"], [(row, head["video_offsets"], indices)])[0]


def load_images(
    table: Any,
    codec: str,
    requests: Sequence[tuple[int, NDArray[np.integer[Any]], Sequence[int]]],
) -> list[NDArray[np.uint8]]:
    """Decodes some images of several views, reading all their bytes in one planned call.

    Args:
        table: The ``renders`` table.
        codec: Codec of all the views.
        requests: (row offset in the table, byte offsets of its images, images) of each view;
            videos have no offsets.

    Returns:
        (k, h, w, 3) uint8 sRGB for every request.
    """
    if not any(len(at) for _, at, _ in requests):
        files = table.take_blobs("video", indices=[row for row, _, _ in requests])
        wanted = [indices for _, _, indices in requests]
        return [decode_video(f, i) for f, i in zip(files, wanted, strict=True)]
    asked = [[(row, a, b - a) for a, b in spans(at, indices)] for row, at, indices in requests]
    ranges = [r for request in asked for r in request]
    found = table.read_blob_ranges("video", ranges, selector="indices", preserve_order=True)
    data = iter([part for _, _, part in found])
    return [decode_files(codec, [next(data) for _ in request]) for request in asked]


def render_digest(dataset: Dataset, variant: str) -> str:
    """Order-independent digest of all images and annotations of a variant, 32 hex digits.

    Equal for one worker or many, with or without crashes and resumes.
    """
    lines = sorted(
        f"{v.camera}/{v.episode_id}/{content_hash(logical_row(v))}" for v in views(dataset, variant)
    )
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=16).hexdigest()
