"""Where the rendered images of attempts are, by row of the index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from datafactory.store.dataset import Dataset
from datafactory.store.location import reading
from datafactory.store.variants import TABLE, scan_renders
from datafactory.viewer.columns import Texts, TextSets


@dataclass(frozen=True, eq=False)
class ImageIndex:
    """The views of a dataset at one version of ``renders``.

    Attributes:
        ids: Of all rows of the index.
        episodes: Episode of each view.
        variants, cameras: Variant and camera of each view.
    """

    ids: pa.Array
    episodes: pa.Array
    variants: Texts
    cameras: Texts

    @classmethod
    def read(cls, dataset: Dataset, ids: pa.Array) -> ImageIndex:
        """Reads which views there are."""
        if TABLE not in dataset.tables:
            return cls.none(ids)
        keys = scan_renders(dataset, columns=["episode_id", "variant", "camera"])
        episodes = keys.column(0).combine_chunks()
        return cls(ids, episodes, Texts.of(keys.column(1)), Texts.of(keys.column(2)))

    @classmethod
    def none(cls, ids: pa.Array) -> ImageIndex:
        """No views."""
        nothing = Texts.nothing(0)
        return cls(ids, pa.array([], pa.string()), nothing, nothing)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Row of the index of each view; -1 for a view of an unknown episode."""
        found = pc.index_in(self.episodes, value_set=self.ids).fill_null(-1)
        rows: NDArray[np.int64] = found.to_numpy(zero_copy_only=False).astype(np.int64)
        return rows

    @cached_property
    def kinds(self) -> Mapping[str, tuple[str, ...]]:
        """Cameras of each variant, in the order they were first stored."""
        pairs = np.stack([self.variants.codes, self.cameras.codes], axis=1)
        unique, first = np.unique(pairs, axis=0, return_index=True)
        found: dict[str, tuple[str, ...]] = {}
        for v, c in unique[np.argsort(first)]:
            name = self.variants.names[v]
            found[name] = (*found.get(name, ()), self.cameras.names[c])
        return found

    def rendered(self) -> TextSets:
        """The variants of each row of the index."""
        rows = self.rows
        known = np.flatnonzero(rows >= 0)
        known = known[np.argsort(rows[known], kind="stable")]
        texts = Texts(self.variants.codes[known], self.variants.names)
        return TextSets.of(rows[known], texts, len(self.ids))

    def thumbnails(
        self, dataset: Dataset, variant: str, camera: str, rows: NDArray[np.int64], column: str
    ) -> list[bytes | None]:
        """The ``thumbnail`` or ``strip`` of some rows; None where there is none."""
        names = (self.variants.names, self.cameras.names)
        if variant not in names[0] or camera not in names[1]:
            return [None] * len(rows)
        chosen = np.flatnonzero(
            (self.variants.codes == names[0].index(variant))
            & (self.cameras.codes == names[1].index(camera))
            & np.isin(self.rows, rows)
        )
        if not len(chosen):
            return [None] * len(rows)
        with reading(dataset.location, TABLE):
            data = dataset.table(TABLE).take(chosen.tolist(), columns=[column]).column(0)
        by_row = dict(zip(self.rows[chosen].tolist(), data.to_pylist(), strict=True))
        return [by_row.get(int(r)) for r in rows]
