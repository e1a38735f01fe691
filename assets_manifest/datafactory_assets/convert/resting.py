"""Resting poses of a solid on a plane, with the share of drops that end in each.

A drop in a random orientation first meets the plane with the facet that the direction below the
centre of mass passes through. If the centre of mass does not stand over that facet, the body rolls
over the edge it leans across, facet by facet, until one carries it (Goldberg, Mirtich, Zhuang,
Craig, Carlisle and Canny, "Part pose statistics", IEEE T-RA 15(5), 1999).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import ConvexHull

from datafactory_assets.asset import Array

Labels = NDArray[np.int64]
FLAT_RAD = 0.02
"""Faces of a hull that differ by less are one facet."""


@dataclass(frozen=True, eq=False)
class Rest:
    """One way to rest.

    Attributes:
        down: (3,) unit direction that points down, object frame.
        share: Share of random drops that end so.
        margin_m: Distance of the centre of mass, seen from above, to the nearest tipping edge.
    """

    down: Array
    share: float
    margin_m: float


def resting(points: Array, com: Array) -> tuple[Rest, ...]:
    """Finds the stable facets of a hull.

    Args:
        points: (n, 3) points of the body, metres.
        com: (3,) centre of mass, inside their hull.

    Returns:
        The ways to rest, most frequent first; shares add up to 1.
    """
    hull = ConvexHull(points)
    label, normals = _facets(hull)
    corners = hull.points[hull.simplices] - com
    share = np.bincount(label, _solid_angles(corners)) / (4.0 * math.pi)
    onto, margin = _leaning(hull, label, normals, com)
    share = share / share.sum()
    ends = np.zeros_like(share)
    for facet, part in enumerate(share):
        ends[_rolled(facet, onto)] += part
    stable = np.flatnonzero((onto == np.arange(len(onto))) & (ends > 0.0))
    order = stable[np.lexsort((*normals[stable].T.round(6), -ends[stable].round(6)))]
    return tuple(Rest(normals[k], float(ends[k]), float(margin[k])) for k in order)


def turn_from_down(down: Array) -> tuple[float, float, float, float]:
    """Shortest rotation (wxyz) that turns the object's direction ``down`` into -z."""
    x, y, z = (float(v) for v in down)
    if z > 1.0 - 1e-9:
        return (0.0, 1.0, 0.0, 0.0)
    w = 1.0 - z  # half-way quaternion of down and -z: (1 + down·t, down × t)
    axis = (-y, x, 0.0)
    length = math.sqrt(w * w + axis[0] ** 2 + axis[1] ** 2)
    return (w / length, axis[0] / length, axis[1] / length, 0.0)


def _facets(hull: ConvexHull) -> tuple[Labels, Array]:
    """Facet index of every triangle, and the mean outward normal of every facet."""
    equations = hull.equations
    first = np.repeat(np.arange(len(equations)), 3)
    second = hull.neighbors.ravel()
    cosine = np.einsum("ij,ij->i", equations[first, :3], equations[second, :3])
    flat = cosine > math.cos(FLAT_RAD)
    size = len(equations)
    graph = coo_array((flat[flat], (first[flat], second[flat])), shape=(size, size))
    count, label = connected_components(graph, directed=False)
    corners = hull.points[hull.simplices]
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    normals = np.zeros((count, 3))
    np.add.at(normals, label, (area + 1e-15)[:, None] * equations[:, :3])
    return label, normals / np.linalg.norm(normals, axis=1, keepdims=True)


def _solid_angles(corners: Array) -> Array:
    """Solid angles of triangles (n, 3, 3) seen from the origin (Van Oosterom, Strackee, 1983)."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
    volume = np.abs(np.einsum("ij,ij->i", a, np.cross(b, c)))
    below = (
        la * lb * lc
        + np.einsum("ij,ij->i", a, b) * lc
        + np.einsum("ij,ij->i", b, c) * la
        + np.einsum("ij,ij->i", c, a) * lb
    )
    return np.asarray(2.0 * np.arctan2(volume, below))


def _leaning(hull: ConvexHull, label: Labels, normals: Array, com: Array) -> tuple[Labels, Array]:
    """Where every facet rolls to (itself when it is stable), and its margin in metres."""
    onto = np.arange(len(normals), dtype=np.int64)
    margin = np.full(len(normals), np.inf)
    for triangle, corners in enumerate(hull.simplices):
        facet = label[triangle]
        normal = normals[facet]
        for k in range(3):
            beyond = label[hull.neighbors[triangle, k]]
            if beyond == facet:
                continue
            p, q, r = hull.points[np.array([corners[(k + 1) % 3], corners[(k + 2) % 3],
                                            corners[k]])]  # fmt: skip
            inward = np.cross(normal, q - p)
            length = np.linalg.norm(inward)
            if length < 1e-12:
                continue
            inward /= length * math.copysign(1.0, float(np.dot(inward, r - p)))
            distance = float(np.dot(inward, com - p))
            if distance < margin[facet]:
                margin[facet] = distance
                onto[facet] = beyond if distance <= 0.0 else facet
    return onto, margin


def _rolled(facet: int, onto: Labels) -> int:
    """The facet a body comes to rest on; a cycle of rounding ends where it was entered."""
    seen = set()
    while onto[facet] != facet and facet not in seen:
        seen.add(facet)
        facet = int(onto[facet])
    return facet
