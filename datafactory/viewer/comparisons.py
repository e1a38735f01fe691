"""Comparisons of datasets, made once for what they compare."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from datafactory.difference import compare_counted, to_data
from datafactory.viewer.index import Snapshot
from datafactory.viewer.memory import release_memory
from datafactory.viewer.summary import counted

Versions = tuple[Mapping[str, int], Mapping[str, int]]


@dataclass(frozen=True, eq=False)
class Comparisons:
    """The last comparison of each pair of datasets.

    What the indices have counted is compared; hashes of contents and a sample of actions are read.
    One comparison is made at a time, its memory is given back, and what it found is kept.
    """

    _known: dict[tuple[str, str], tuple[Versions, dict[str, Any]]] = field(
        default_factory=dict, init=False
    )
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def get(self, names: tuple[str, str], a: Snapshot, b: Snapshot) -> dict[str, Any]:
        """What is different between two datasets.

        Args:
            names: Aliases of both.
            a: The first one as it is now.
            b: The second one as it is now.
        """
        versions = (a.versions, b.versions)
        with self._lock:
            known = self._known.get(names)
            if known is None or known[0] != versions:
                try:
                    known = (versions, to_data(compare_counted(counted(a), counted(b))))
                finally:
                    release_memory()
                self._known[names] = known
        return known[1]
