"""Assets for robot learning: what an object is, seeded families, queries and licences.

Names are imported when first used, so importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datafactory_assets.asset import Licence, RigidAsset, VisualMesh
    from datafactory_assets.conformance import check_source
    from datafactory_assets.errors import AssetError, LicenceError
    from datafactory_assets.families import SeededSource, Tier0, Tier1
    from datafactory_assets.query import Query
    from datafactory_assets.source import AssetSource, FamilyInfo

__all__ = [
    "AssetError",
    "AssetSource",
    "FamilyInfo",
    "Licence",
    "LicenceError",
    "Query",
    "RigidAsset",
    "SeededSource",
    "Tier0",
    "Tier1",
    "VisualMesh",
    "check_source",
]

_HOME = {
    "AssetError": "errors",
    "AssetSource": "source",
    "FamilyInfo": "source",
    "Licence": "asset",
    "LicenceError": "errors",
    "Query": "query",
    "RigidAsset": "asset",
    "SeededSource": "families",
    "Tier0": "families",
    "Tier1": "families",
    "VisualMesh": "asset",
    "check_source": "conformance",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
