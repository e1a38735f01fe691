"""The ``menagerie`` provider: robots of MuJoCo Menagerie through its official package.

Names, licences and hashes come from the package's own registry, without a download. Models are kept
in ``<store>/menagerie``; ``MENAGERIE_CACHE_DIR``, ``MENAGERIE_BASE_URL`` (``file://`` too) and
``MENAGERIE_ROOT`` (a checkout) mean what they mean to the package.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from datafactory_assets.asset import Licence
from datafactory_assets.errors import AssetError, PackCorruptError, PackMissingError
from datafactory_assets.pypi_wheel import is_offline, probe_timeout_s, reachable
from datafactory_assets.store import store_root


@dataclass(frozen=True)
class MenagerieModel:
    """One model of the registry.

    Attributes:
        name: Name in the registry.
        title: Name for people.
        category: ``arm``, ``quadruped`` ...
        licence: Its licence.
        sha256: Hash of its archive, 64 hex digits; empty when the registry has none.
        download_size: Bytes of the archive.
        ready: It is here and can be used without a network.
    """

    name: str
    title: str
    category: str
    licence: Licence
    sha256: str
    download_size: int
    ready: bool


def models(store: Path | None = None) -> tuple[MenagerieModel, ...]:
    """Every model of the registry, sorted by name; opens no socket.

    Raises:
        AssetError: The package is not installed.
    """
    package, cache = _package(), _cache(store)
    return tuple(_model(package.get(name), cache) for name in sorted(package.names()))


def model_folder(name: str, store: Path | None = None) -> Path:
    """The folder of a model, downloaded and verified first when it is not there.

    Raises:
        AssetError: There is no such model, or the package is not installed.
        PackMissingError: It is not here and cannot be fetched; said at once without a network.
        PackCorruptError: What was fetched differs from the registry's hash.
    """
    package, cache = _package(), _cache(store)
    if name not in package.names():
        close = get_close_matches(name, package.names(), n=1, cutoff=0.5)
        raise AssetError(
            f"no model '{name}' in the menagerie",
            remedy=f"'{close[0]}'" if close else "datafactory assets list --provider menagerie",
        )
    robot = package.get(name)
    if cache.root is None and not cache.is_cached(robot):
        _require_network(name, cache.base_url)
    try:
        folder: Path = cache.resolve(robot, progress=None)
    except package.ChecksumError as error:
        raise PackCorruptError(
            f"the archive of menagerie model '{name}' is not the registered one", why=str(error),
            remedy="the mirror serves other bytes than the registry names; do not use them",
        ) from error  # fmt: skip
    except package.MenagerieError as error:
        raise _missing(name, str(error)) from error
    return folder


def _require_network(name: str, base_url: str) -> None:
    if urlsplit(base_url).scheme == "file":
        return
    if is_offline():
        raise _missing(name, "DATAFACTORY_OFFLINE is set")
    cut = reachable([base_url], probe_timeout_s())
    if cut:
        raise _missing(name, cut)


def _missing(name: str, why: str) -> PackMissingError:
    return PackMissingError(
        f"menagerie model '{name}' is not in the asset store",
        why=why,
        remedy="connect to the network; or set MENAGERIE_BASE_URL to a mirror (file:// works), "
        "MENAGERIE_ROOT to a checkout, or copy a warm asset store here",
    )


def _package() -> Any:
    try:
        import mujoco_menagerie
    except ImportError as error:
        raise AssetError(
            "the package mujoco-menagerie is not installed", why=str(error),
            remedy="pip install 'datafactory[menagerie]'",
        ) from error  # fmt: skip
    return mujoco_menagerie


def _cache(store: Path | None) -> Any:
    own = (store or store_root()) / "menagerie"
    return _package().Cache(dir=os.environ.get("MENAGERIE_CACHE_DIR") or own)


def _model(robot: Any, cache: Any) -> MenagerieModel:
    ready = (cache.root / robot.name).is_dir() if cache.root else cache.is_cached(robot)
    licence = Licence(
        robot.license, "see the model's LICENSE", f"MuJoCo Menagerie, {robot.name} {robot.oid[:12]}"
    )
    return MenagerieModel(
        robot.name, robot.display_name, robot.category, licence, robot.sha256 or "",
        int(robot.download_size or 0), bool(ready),
    )  # fmt: skip
