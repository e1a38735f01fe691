"""The child processes of this process, idle or at work, one per shard that is being worked on."""

from __future__ import annotations

import threading
from typing import Any

from datafactory.executor.child import Child
from datafactory.executor.faults import ShardCancelled


class _Pool:
    """Children by what they serve."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[tuple[str, Child]] = []
        self._busy: dict[Child, tuple[str, str]] = {}
        self._stopped: set[str] = set()

    def start(self, count: int, target: str, settings: dict[str, Any]) -> None:
        """Starts idle children ahead of their first job."""
        for _ in range(count):
            child = Child(target, settings)
            with self._lock:
                self._idle.append((target, child))

    def take(self, session: str, target: str) -> Child:
        """Gives an idle or new child; raises ShardCancelled when the session has ended."""
        with self._lock:
            if session in self._stopped:
                raise ShardCancelled
            child = self._alive(target) or Child(target, {})
            self._busy[child] = (session, target)
            return child

    def _alive(self, target: str) -> Child | None:
        for place in range(len(self._idle) - 1, -1, -1):
            serves, child = self._idle[place]
            if serves != target:
                continue
            del self._idle[place]
            if child.process.poll() is None:
                return child
            child.close()
        return None

    def give(self, child: Child, *, alive: bool) -> None:
        """Takes a child back, or buries it."""
        with self._lock:
            session, target = self._busy.pop(child)
            keep = alive and session not in self._stopped
            if keep:
                self._idle.append((target, child))
        if not keep:
            child.close()

    def is_stopped(self, session: str) -> bool:
        """Whether a session has ended."""
        with self._lock:
            return session in self._stopped

    def stop(self, session: str) -> None:
        """Ends a session: kills its busy children, and all idle ones."""
        with self._lock:
            self._stopped.add(session)
            idle, self._idle = self._idle, []
            busy = [child for child, (owner, _) in self._busy.items() if owner == session]
        for child in busy:
            child.kill()
        for _, child in idle:
            child.close()


pool = _Pool()


def stop_session(session: str) -> None:
    """Ends the children of a session in this process."""
    pool.stop(session)
