"""Finger boxes of a parallel gripper as a table over its stroke."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from datafactory.robots.model import Box, FingerGeometry, Side

Array = NDArray[np.float64]


def bounds(points: Array, side: Side) -> Box:
    """Axis-aligned box around points (n, 3)."""
    (x, y, z), (X, Y, Z) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return Box((x, y, z), (X, Y, Z), side)


def mirrored(box: Box) -> Box:
    """The left finger's box of a right finger's: its mirror image in the x-z plane."""
    (x, y, z), (X, Y, Z) = box.lower, box.upper
    return Box((x, -Y, z), (X, -y, Z), "left")


def corners(half: Sequence[float]) -> Array:
    """Corners (8, 3) of a box of half extents (3,) around the origin."""
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
    return np.asarray(signs * np.asarray(half, dtype=np.float64), dtype=np.float64)


def throat_depth(palm: Box, boxes: Sequence[Box], width_m: float) -> float:
    """How far behind the tcp the gap between the pads is free, metres.

    Args:
        palm: Front of the gripper's body, tcp frame.
        boxes: Boxes of the right finger behind its tip at one opening, tcp frame.
        width_m: Distance between the pads at that opening.
    """
    half = 0.5 * width_m - 1e-4
    front = [palm.upper[2]]
    front += [b.upper[2] for b in boxes if b.lower[1] < half]
    return -max(front)


def sample_fingers(
    right_boxes: Callable[[float, int], tuple[Box, ...]],
    fixed: tuple[Box, ...],
    coordinates: Sequence[float],
    widths: Sequence[float],
    pad_z: Sequence[float],
    pad_size: tuple[float, float, float],
) -> FingerGeometry:
    """Tabulates a gripper's geometry.

    Args:
        right_boxes: Boxes of the right finger (y > 0) at a gripper coordinate, tcp frame; the
            first is the fingertip with the pad. The second argument is how finely to cut
            slanted links.
        fixed: Boxes of the gripper's body, the front one (the palm) first.
        coordinates: Gripper coordinates, from closed to open.
        widths: Distance between the pads at those, metres.
        pad_z: z of the pads' centre at those, tcp frame.
        pad_size: Pad extents along x and z, and its thickness along y.
    """
    rights = [right_boxes(c, 4) for c in coordinates]
    samples = tuple((*r, *(mirrored(b) for b in r), *fixed[1:]) for r in rights)
    outside = [r[0].upper[1] - 0.5 * w for r, w in zip(rights, widths, strict=True)]
    depths = [
        throat_depth(fixed[0], right_boxes(c, 24)[1:], w)
        for c, w in zip(coordinates, widths, strict=True)
        if w > 2e-3
    ]
    widest = max(widths)
    return FingerGeometry(
        tip_reach_m=max(r[0].upper[2] for r in rights),
        throat_depth_m=min(depths),
        pad_width_m=pad_size[0],
        pad_height_m=pad_size[1],
        finger_thickness_m=max(outside),
        palm=fixed[0],
        openings=tuple(w / widest for w in widths),
        samples=samples,
        pad_z=tuple(pad_z),
    )
