"""Antipodal contact pairs on an asset, a pure function of the asset's content and the gripper.

A pair of opposite surface points holds between two frictional fingers when both outward normals
lie within the friction cone of the line joining them (Nguyen, "Constructing force-closure
grasps", IJRR 7(3), 1988).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datafactory.grasps.lines import intervals, normals, surface_points
from datafactory.seeding import stream
from datafactory_assets.asset import ByContent, RigidAsset

Array = NDArray[np.float64]
Stretches = tuple[Array, Array, NDArray[np.int64], NDArray[np.int64]]
"""Entry and exit parameters of lines, metres, and the pieces these lie on."""
CONE_RAD = 0.30
"""Half angle of the friction cone used for acceptance: atan(0.31), half of what the pads give."""
SURFACE_SAMPLES = 192
MAX_PAIRS = 120
MAX_PAIRS_ACROSS = 60
"""As many more may lie on both sides of a gap."""


@dataclass(frozen=True, eq=False)
class ContactPairs:
    """Antipodal pairs of one asset, in its object frame.

    Attributes:
        centers: (n, 3) midpoints between the two contacts, metres.
        axes: (n, 3) unit closing directions.
        widths: (n,) distances between the contacts, metres.
        alignment: (n,) worst cosine between a contact normal and the closing direction.
    """

    centers: Array
    axes: Array
    widths: Array
    alignment: Array


@lru_cache(maxsize=8192)
def _surface(key: ByContent) -> tuple[Array, Array]:
    rng = stream(0, key.content_hash, 0, "surface")
    return surface_points(key.asset.shapes, SURFACE_SAMPLES, rng)


def surface(asset: RigidAsset) -> Array:
    """Points (m, 3) on the outside of an asset's collision geometry, object frame, metres."""
    return _surface(ByContent.of(asset))[0]


@lru_cache(maxsize=8192)
def _pairs(key: ByContent, max_width_m: float) -> ContactPairs:
    asset = key.asset
    rng = stream(0, asset.content_hash, 0, "antipodal")
    shapes = asset.shapes
    points, outward = _surface(key)
    origin, direction = _lines(asset, points, outward, rng)
    low, high = intervals(shapes, origin, direction)
    stretches = _merged_exit(low, high)
    across, over = _across_gaps(low, high, stretches)
    start, stop, first, last = (np.concatenate(p) for p in zip(stretches, across, strict=True))
    origin, direction = (
        np.concatenate([origin, origin[over]]),
        np.concatenate([direction, direction[over]]),
    )
    a = origin + start[:, None] * direction
    b = origin + stop[:, None] * direction
    normal_a, normal_b = normals(shapes, first, a), normals(shapes, last, b)
    cos_a = -np.einsum("ij,ij->i", normal_a, direction)
    cos_b = np.einsum("ij,ij->i", normal_b, direction)
    alignment = np.minimum(cos_a, cos_b)
    width = stop - start
    good = (alignment > np.cos(CONE_RAD)) & (width < max_width_m) & (width > 1e-3)
    kept = np.concatenate([
        np.flatnonzero(good[: len(low)])[:MAX_PAIRS],
        len(low) + np.flatnonzero(good[len(low) :])[:MAX_PAIRS_ACROSS],
    ])  # fmt: skip
    return ContactPairs(0.5 * (a + b)[kept], direction[kept], width[kept], alignment[kept])


def _lines(
    asset: RigidAsset, points: Array, outward: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Closing lines (n, 3), (n, 3): through surface points along -normal, and through the com.

    Lines through the centre of mass give the most stable holds and are rarely hit by chance.
    """
    count = len(points) // 3
    angle = rng.uniform(0.0, np.pi, count)
    tilt = rng.normal(0.0, 0.05, count)
    central = np.stack([np.cos(angle), np.sin(angle), tilt], axis=1)
    central /= np.linalg.norm(central, axis=1, keepdims=True)
    lo, hi = np.array(asset.aabb[0]), np.array(asset.aabb[1])
    height = np.linspace(0.0, 1.0, count)
    through = np.tile(np.array(asset.com), (count, 1))
    through[:, 2] = np.where(
        rng.random(count) < 0.4, asset.com[2], lo[2] + height * (hi[2] - lo[2])
    )
    far = 2.0 * float(np.linalg.norm(hi - lo))
    origin = np.concatenate([points + far * outward, through - far * central])
    order = rng.permutation(len(origin))
    return origin[order], np.concatenate([-outward, central])[order]


def _merged_exit(low: Array, high: Array) -> Stretches:
    """First solid stretch of every line: where it starts and ends, and in which pieces.

    Touching or overlapping pieces (gap below 0.1 mm) count as one solid.
    """
    n, k = low.shape
    rows = np.arange(n)
    low = np.where(low > high, np.inf, low)
    first = low.argmin(axis=1)
    start, stop, last = low[rows, first], high[rows, first], first.copy()
    for _ in range(k):
        reach = np.where(low <= stop[:, None] + 1e-4, high, -np.inf)
        best = reach.argmax(axis=1)
        farther = reach[rows, best] > stop + 1e-9
        if not farther.any():
            break
        stop = np.where(farther, reach[rows, best], stop)
        last = np.where(farther, best, last)
    missed = ~np.isfinite(start)
    return np.where(missed, 0.0, start), np.where(missed, 0.0, stop), first, last


def _across_gaps(
    low: Array, high: Array, stretches: Stretches
) -> tuple[Stretches, NDArray[np.int64]]:
    """Of lines that go on into another solid stretch: from the first entry to the last exit.

    Fingers that come from outside close on both outer walls of a roll or a cup.

    Returns:
        The stretches, and the lines (m,) they belong to.
    """
    start, stop, first, _ = stretches
    ends = np.where(low <= high, high, -np.inf)
    last = ends.argmax(axis=1)
    end = ends[np.arange(len(low)), last]
    over = np.flatnonzero(np.isfinite(end) & (end > stop + 1e-4))
    return (start[over], end[over], first[over], last[over]), over


def contact_pairs(asset: RigidAsset, max_width_m: float) -> ContactPairs:
    """Antipodal pairs of an asset no wider than a gripper's opening; cached by content.

    Args:
        asset: The asset.
        max_width_m: Widest graspable distance, metres.

    Returns:
        The pairs; empty arrays when there is none.
    """
    return _pairs(ByContent.of(asset), round(max_width_m, 4))
