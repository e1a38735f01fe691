"""Which attempts to run next, and the order their results are committed in. No I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from datafactory.executor.attempts import Reply

TARGET_SHARD_S = 10.0
"""Wall seconds a shard should take: what a crash costs at most, and how often progress moves."""


def holes(done: Iterable[int]) -> list[int]:
    """Attempt indices below the largest done one that are not done, ascending."""
    seen = set(done)
    return [i for i in range(max(seen, default=-1) + 1) if i not in seen]


@dataclass
class Shards:
    """Cuts the attempt indices 0, 1, 2 ... into shards and queues their replies in order.

    Attributes:
        largest: Largest shard.
        repairs: Indices to run before ``next``: attempts a crash left without a row.
        next: First index never handed out.
    """

    largest: int
    repairs: deque[int]
    next: int
    _order: deque[int] = field(default_factory=deque)
    _sizes: dict[int, int] = field(default_factory=dict)
    _replies: dict[int, Reply] = field(default_factory=dict)
    _number: int = 0
    _wall_s: float = 0.0
    _timed: int = 0

    def size(self, wanted: int, threads: int) -> int:
        """Attempts the next shard should have.

        Args:
            wanted: Attempts still expected to be needed, beyond those in flight.
            threads: Attempts that run at the same time.
        """
        fair = -(-wanted // (threads * 3))
        limit = self.largest
        if self._timed:
            limit = min(limit, max(1, int(TARGET_SHARD_S * self._timed / max(self._wall_s, 1e-9))))
        else:
            limit = 1
        return max(1, min(limit, fair))

    def cut(self, size: int) -> tuple[int, tuple[int, ...]]:
        """Takes the next indices; returns the shard's number and them."""
        if self.repairs:
            count = min(size, len(self.repairs))
            indices = tuple(self.repairs.popleft() for _ in range(count))
        else:
            indices = tuple(range(self.next, self.next + size))
            self.next += size
        number = self._number
        self._number += 1
        self._order.append(number)
        self._sizes[number] = size
        return number, indices

    @property
    def uncommitted(self) -> int:
        """Shards handed out and not yet dropped by :meth:`pop`."""
        return len(self._order)

    @property
    def attempts_uncommitted(self) -> int:
        """Attempts in those shards."""
        return sum(self._sizes.values())

    def add(self, number: int, reply: Reply) -> None:
        """Queues a finished shard."""
        self._replies[number] = reply
        self._wall_s += reply.wall_s
        self._timed += len(reply.indices) if reply.wall_s else 0

    def head(self) -> tuple[int, Reply] | None:
        """The oldest shard and its reply; None while it is still running."""
        if self._order and self._order[0] in self._replies:
            return self._order[0], self._replies[self._order[0]]
        return None

    def pop(self) -> None:
        """Drops the oldest shard: it is committed."""
        number = self._order.popleft()
        del self._sizes[number], self._replies[number]

    def again(self, number: int) -> None:
        """Forgets a reply: its shard is run again and keeps its place."""
        del self._replies[number]


def truncate(reply: Reply, accepted: int) -> tuple[Reply, bool]:
    """Cuts a reply after its ``accepted``-th accepted attempt.

    Fragments are left as they are; their rows have to be cut to ``ids``.

    Returns:
        The reply, and whether anything was cut off.
    """
    count = 0
    for position, reason in enumerate(reply.reasons):
        count += reason == ""
        if count == accepted:
            end = position + 1
            cut = replace(
                reply,
                indices=reply.indices[:end],
                reasons=reply.reasons[:end],
                ids=reply.ids[:end],
                uses=reply.uses[:end],
            )
            return cut, end < len(reply.reasons)
    return reply, False
