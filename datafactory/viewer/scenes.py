"""Keeps the last scenes and their shapes; what makes them is imported when one is asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from datafactory.errors import DatasetError
from datafactory.viewer.index import Snapshot

if TYPE_CHECKING:
    from datafactory.viewer.replay import Scene

KEPT_SCENES = 6
KEPT_BYTES = 64 << 20


class Scenes:
    """The last few scenes that were asked for, and the shapes of some more.

    Shapes are known by their content, so that a browser asks once for those that episodes share.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Scene] = OrderedDict()
        self._shapes: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._bytes = 0
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
            self._keep(key[0], self._kept[key])
            return self._kept[key]

    def shape(self, snapshot: Snapshot, key: str) -> bytes:
        """The file of a shape of a scene that was asked for.

        Raises:
            DatasetError: No such scene has such a shape.
        """
        with self._lock:
            found = self._shapes.get((snapshot.dataset.location.root, key))
        if found is None:
            raise DatasetError("there is no such shape here")
        return found

    def _keep(self, root: str, scene: Scene) -> None:
        """Keeps shapes, and gives up those whose scenes were asked for longest ago."""
        for body in scene.bodies:
            key = (root, body.shape.key)
            if key not in self._shapes:
                self._shapes[key] = body.shape.data
                self._bytes += len(body.shape.data)
            self._shapes.move_to_end(key)
        own = {(root, body.shape.key) for body in scene.bodies}
        while self._bytes > KEPT_BYTES and next(iter(self._shapes)) not in own:
            self._bytes -= len(self._shapes.popitem(last=False)[1])
