"""The render variants of a dataset, and plain scans of the table ``renders``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa

from datafactory.errors import DatasetError, UnknownNameError
from datafactory.store.dataset import Dataset
from datafactory.store.filters import check_filter
from datafactory.store.location import reading
from datafactory.store.render_schema import BLOBS, HEAVY

TABLE = "renders"


@dataclass(frozen=True)
class VariantInfo:
    """One render variant of a dataset.

    Attributes:
        name: Variant name.
        style_hash: Hash of the style it was rendered in; the style itself is the ``spec`` of the
            render call in ``Dataset.runs()``.
        renderer, renderer_version: What made it.
        cameras: Camera names in the style's order.
        fps: Images per second.
        width, height: Image size of the first camera, pixels.
        codec: ``h264``, ``jpeg`` or ``png``.
        episodes: Number of episodes that have images of it.
        has_depth, has_masks: Whether depth images and masks are stored.
    """

    name: str
    style_hash: str
    renderer: str
    renderer_version: str
    cameras: tuple[str, ...]
    fps: int
    width: int
    height: int
    codec: str
    episodes: int
    has_depth: bool
    has_masks: bool


def render_table(dataset: Dataset) -> Any:
    """The Lance dataset of ``renders``.

    Raises:
        DatasetError: Nothing was rendered.
    """
    if TABLE not in dataset.tables:
        raise _no_images(dataset)
    return dataset.table(TABLE)


def _no_images(dataset: Dataset) -> DatasetError:
    root = dataset.location.root
    return DatasetError(
        f"{root} has no rendered images",
        why="its episodes are stored as states; images are made from them when wanted",
        remedy=f"datafactory render {root}",
    )


def scan_renders(
    dataset: Dataset,
    where: str | None = None,
    columns: Sequence[str] | None = None,
    limit: int | None = None,
    offset: int | None = None,
) -> pa.Table:
    """Rows as an Arrow table in the order they were committed.

    Args:
        dataset: Dataset.
        where: Filter on the columns of ``renders``; see ``store.filters``.
        columns: Columns to read, ``_rowoffset`` among them if wanted; by default all small ones.
        limit: Largest number of rows.
        offset: Rows to skip.

    Raises:
        DatasetError: Nothing was rendered.
    """
    table = render_table(dataset)
    if where is not None:
        check_filter(where, [n for n in table.schema.names if n not in BLOBS])
    chosen = [n for n in table.schema.names if n not in HEAVY] if columns is None else columns
    with reading(dataset.location, TABLE):
        return table.to_table(columns=list(chosen), filter=where, limit=limit, offset=offset)


def variants(dataset: Dataset) -> tuple[VariantInfo, ...]:
    """The render variants of a dataset in the order they were first made; none is no error."""
    if TABLE not in dataset.tables:
        return ()
    names = [f.name for f in fields(VariantInfo)]
    keys = ["variant", "camera", *(n for n in names if n in dataset.table(TABLE).schema.names)]
    keys = list(dict.fromkeys([*keys, "depth_codec", "has_masks"]))
    found = scan_renders(dataset, columns=keys).group_by(keys, use_threads=False)
    rows = found.aggregate([([], "count_all")]).to_pylist()
    result = []
    for name in dict.fromkeys(r["variant"] for r in rows):
        mine = [r for r in rows if r["variant"] == name]
        same = ("style_hash", "renderer", "renderer_version", "fps", "width", "height")
        result.append(
            VariantInfo(
                name=name,
                **{key: mine[0][key] for key in (*same, "codec", "has_masks")},
                cameras=tuple(dict.fromkeys(r["camera"] for r in mine)),
                episodes=max(r["count_all"] for r in mine),
                has_depth=bool(mine[0]["depth_codec"]),
            )
        )
    return tuple(result)


@dataclass(frozen=True)
class Identity:
    """What all images of one variant must have in common."""

    style_hash: str
    renderer: str
    renderer_version: str


def identities(dataset: Dataset, variant: str) -> tuple[Identity, ...]:
    """The identities found in the rows of a variant: one, or none when it does not exist."""
    if TABLE not in dataset.tables:
        return ()
    keys = ["style_hash", "renderer", "renderer_version"]
    where = "variant = '" + variant.replace("'", "''") + "'"
    found = scan_renders(dataset, where, keys).group_by(keys)
    return tuple(Identity(**row) for row in found.aggregate([]).to_pylist())


def find_variant(dataset: Dataset, name: str | None = None) -> VariantInfo:
    """One variant by name; None for the only one.

    Raises:
        DatasetError: Nothing was rendered, or there are several and none was named.
        UnknownNameError: There is no such variant.
    """
    found = {v.name: v for v in variants(dataset)}
    if not found:
        raise _no_images(dataset)
    if name is None:
        if len(found) > 1:
            raise DatasetError(
                f"{dataset.location.root} has {len(found)} render variants",
                why=", ".join(found),
                remedy="name one: --variant " + next(iter(found)),
            )
        return next(iter(found.values()))
    if name not in found:
        raise UnknownNameError.of("render variant", name, found, dataset.location.root)
    return found[name]


def check_cameras(variant: VariantInfo, cameras: Sequence[str] | None) -> tuple[str, ...]:
    """The cameras asked for; all of the variant for None or an empty list.

    Raises:
        UnknownNameError: The variant has no such camera.
    """
    for camera in cameras or ():
        if camera not in variant.cameras:
            where = f"variant {variant.name}"
            raise UnknownNameError.of("camera", camera, variant.cameras, where)
    return tuple(cameras or variant.cameras)
