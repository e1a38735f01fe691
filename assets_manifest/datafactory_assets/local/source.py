"""A registered folder of objects as an asset source."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

from datafactory_assets.asset import RigidAsset, VisualMesh
from datafactory_assets.convert.cache import ConversionCache
from datafactory_assets.errors import AssetError
from datafactory_assets.local.registry import Manifest
from datafactory_assets.query import is_support
from datafactory_assets.source import FamilyInfo
from datafactory_assets.store import Store, store_root


class LocalSource:
    """Every object of the folder is a family with one instance."""

    def __init__(self, manifest: Manifest, store: Path | None = None) -> None:
        self.manifest = manifest
        self._cache = ConversionCache(Store(store or store_root()))
        # The same object, not an equal one: what others derive from an asset is kept by identity.
        self._made = lru_cache(maxsize=None)(self._load)
        self._infos = tuple(self._info(name) for name in sorted(manifest.objects))

    @property
    def name(self) -> str:
        """Full name, with the hash of what it holds."""
        return self.manifest.pinned

    def families(self) -> tuple[FamilyInfo, ...]:
        """The objects, sorted by name."""
        return self._infos

    def make(self, family: str, seed: int) -> RigidAsset:
        """The object of that name, whatever the seed.

        Raises:
            AssetError: There is no such object, or it is gone from the store.
        """
        del seed
        return self._made(family)

    def visual(self, asset: RigidAsset) -> tuple[VisualMesh, ...]:
        """Visual meshes of an object of this source, object frame, metres."""
        return self._cache.visual(self._key(asset.family))

    def _load(self, family: str) -> RigidAsset:
        asset = self._cache.asset(self._key(family))
        uid = f"{self.name}/{family}@{asset.content_hash[:8]}"
        grasps = self.manifest.grasps.get(family, "")
        return replace(asset, source=self.name, uid=uid, grasps=grasps)

    def _info(self, family: str) -> FamilyInfo:
        asset = self.make(family, 0)
        return FamilyInfo(
            name=family,
            category=asset.category,
            synonyms=asset.synonyms,
            container=asset.container,
            graspable=asset.graspable,
            supports=is_support(asset),
            description=self.manifest.descriptions[family],
            dimension_source=self.manifest.folder,
            materials=(asset.material,),
            instances=1,
        )

    def _key(self, family: str) -> str:
        key = self.manifest.objects.get(family)
        if key is None:
            close = get_close_matches(family, self.manifest.objects, n=1, cutoff=0.5)
            raise AssetError(
                f"no object '{family}' in source '{self.name}'",
                remedy=f"'{close[0]}'" if close else "one of " + ", ".join(self.manifest.objects),
            )
        return key
