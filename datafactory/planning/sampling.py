"""The order in which an interval is sampled."""

from __future__ import annotations

import functools
import math

import numpy as np

from datafactory.geometry import Array


def segments(q0: Array, q1: Array, resolution: float) -> int:
    """Number of equal parts (>= 1) of an edge so that no coordinate moves more than resolution."""
    return max(1, math.ceil(float(np.abs(q1 - q0).max()) / resolution))


@functools.lru_cache(maxsize=1024)
def bisection(n: int) -> tuple[float, ...]:
    """The values 1/n, 2/n, ..., 1, the end first and then coarse to fine.

    The interior is visited breadth first by halving, the order that J. Kuffner and S. LaValle's
    and later planners use because a blocked edge is most likely blocked near its middle.
    """
    order = [n]
    pending = [(0, n)]
    for low, high in pending:
        middle = (low + high) // 2
        if low < middle < high:
            order.append(middle)
            pending += [(low, middle), (middle, high)]
    return tuple(k / n for k in order)
