"""Adding a folder of objects: every file converted, the whole registered under a name."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

from datafactory_assets.convert.cache import ConversionCache, conversion_key
from datafactory_assets.convert.hulls import Method
from datafactory_assets.convert.reading import read_object
from datafactory_assets.convert.rigid import Converted, convert
from datafactory_assets.errors import AssetError
from datafactory_assets.local.folder import ObjectFile, find_objects
from datafactory_assets.local.registry import Manifest, publish
from datafactory_assets.store import Store, store_root

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
Progress = Callable[[str], None]


def add_folder(
    folder: Path,
    name: str = "",
    *,
    method: Method = "auto",
    progress: Progress | None = None,
    store: Path | None = None,
) -> Manifest:
    """Converts the objects of a folder and registers them as an asset source.

    Args:
        folder: Folder with ``objects.yaml`` or ``object.yaml`` files.
        name: Source name; the folder's when empty.
        method: How convex pieces are made.
        progress: Called with one line per object.
        store: Store root to use instead of the configured one.

    Raises:
        AssetError: The name is taken or wrong, or an object cannot be converted.
    """
    name = _checked_name(name or folder.resolve().name)
    cache = ConversionCache(Store(store or store_root()))
    keys, descriptions = {}, {}
    for item in find_objects(folder):
        key = conversion_key(item.name, item.files, item.root, item.said, method)
        asset = cache.get(key, lambda item=item: _convert(item, method))  # type: ignore[misc]
        keys[item.name] = key
        descriptions[item.name] = item.said.description or f"{asset.category} from {item.path.name}"
        if progress is not None:
            size = " x ".join(f"{1000 * v:.0f}" for v in asset.extents)
            progress(f"{item.name}: {size} mm, {asset.mass:.3f} kg, {len(asset.shapes)} pieces")
    manifest = Manifest(name, str(folder.resolve()), keys, descriptions)
    publish(manifest, store or store_root())
    return manifest


def _convert(item: ObjectFile, method: Method) -> Converted:
    try:
        return convert(item.name, read_object(item.path, item.said), item.said, method)
    except AssetError as error:
        raise type(error)(
            error.what, where=error.where or str(item.path), why=error.why, remedy=error.remedy
        ) from error


def _checked_name(name: str) -> str:
    if not _NAME.match(name):
        raise AssetError(
            f"a source cannot be called '{name}'",
            why="names are lower case letters, digits and _, a letter first",
            remedy="--name NAME",
        )
    taken = {point.name for point in entry_points(group="datafactory.asset_sources")}
    if name in taken:
        raise AssetError(f"'{name}' is the name of an installed asset source", remedy="--name NAME")
    return name
