"""Keeps the last scenes; what makes them is imported when the first one is asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from datafactory.viewer.index import Snapshot

if TYPE_CHECKING:
    from datafactory.viewer.replay import Scene

KEPT_SCENES = 6


class Scenes:
    """The last few scenes that were asked for."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Scene] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, snapshot: Snapshot, attempt_id: str) -> Scene:
        """The scene of an attempt.

        Raises:
            DatasetError: There is no such attempt, or nothing is known of its shapes.
        """
        from datafactory.viewer.replay import scene

        key = (snapshot.dataset.location.root, attempt_id)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = scene(snapshot, attempt_id)
                if len(self._kept) > KEPT_SCENES:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]
