"""Convex polygons in the horizontal plane: hulls, gaps, containment, sampling. Metres."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from datafactory.geometry import Array


def rotation2(angle_rad: float) -> Array:
    """Rotation matrix (2, 2) of a counter-clockwise angle."""
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([[c, -s], [s, c]])


def next_vertices(vertices: Array) -> Array:
    """(k, 2) each vertex's successor around the polygon."""
    return np.concatenate([vertices[1:], vertices[:1]])


def hull_vertices(points: ArrayLike) -> Array:
    """Vertices (k, 2) of the convex hull of points (n, 2), counter-clockwise.

    Andrew's monotone chain; vertices closer than about 1e-12 m^2 to an edge are dropped.
    """
    ordered: list[tuple[float, float]] = sorted({(x, y) for x, y in np.asarray(points).tolist()})
    if len(ordered) < 3:
        return np.array(ordered, dtype=np.float64).reshape(-1, 2)
    half: list[list[tuple[float, float]]] = []
    for sequence in (ordered, ordered[::-1]):
        chain: list[tuple[float, float]] = []
        for p in sequence:
            while len(chain) >= 2 and _turn(chain[-2], chain[-1], p) <= 1e-12:
                chain.pop()
            chain.append(p)
        half.append(chain[:-1])
    return np.array(half[0] + half[1], dtype=np.float64)


def _turn(o: tuple[float, float], a: tuple[float, float], b: tuple[float, float]) -> float:
    return (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])


@dataclass(frozen=True, eq=False)
class ConvexPolygon:
    """A convex polygon and its edges' outward half-planes.

    Attributes:
        vertices: (k, 2) counter-clockwise, metres.
        normals: (k, 2) outward unit normals; row i belongs to the edge from vertex i.
        offsets: (k,) normal . point of each edge, metres.
    """

    vertices: Array
    normals: Array
    offsets: Array

    @classmethod
    def of(cls, vertices: ArrayLike) -> ConvexPolygon:
        """From counter-clockwise vertices (k, 2), k >= 3, without repeats."""
        v = np.asarray(vertices, dtype=np.float64)
        edge = next_vertices(v) - v
        normals = np.stack([edge[:, 1], -edge[:, 0]], axis=1)
        normals /= np.sqrt((normals * normals).sum(axis=1, keepdims=True))
        return cls(v, normals, np.sum(normals * v, axis=1))

    @classmethod
    def hull(cls, points: ArrayLike) -> ConvexPolygon | None:
        """Hull of points (n, 2); None when they span no area."""
        v = hull_vertices(points)
        return cls.of(v) if len(v) >= 3 else None

    def moved(self, rotation: Array, shift: Array) -> ConvexPolygon:
        """Rotated by a (2, 2) matrix, then shifted by (2,)."""
        normals = self.normals @ rotation.T
        return ConvexPolygon(
            self.vertices @ rotation.T + shift, normals, self.offsets + normals @ shift
        )

    @cached_property
    def area(self) -> float:
        """Area, m^2."""
        x, y = self.vertices.T
        u, v = next_vertices(self.vertices).T
        return float(0.5 * np.sum(x * v - u * y))

    @cached_property
    def centroid(self) -> Array:
        """(2,) centre of area."""
        v = self.vertices - self.vertices[0]
        w = next_vertices(v)
        cross = v[:, 0] * w[:, 1] - w[:, 0] * v[:, 1]
        centre: Array = ((v + w) * cross[:, None]).sum(axis=0) / (3.0 * cross.sum())
        centre += self.vertices[0]
        return centre

    @cached_property
    def inradius(self) -> float:
        """Distance from the centroid to the nearest edge, metres."""
        return -float(self.signed_distance(self.centroid[None])[0])

    def signed_distance(self, points: Array) -> Array:
        """(n,) largest half-plane excess of points (n, 2): negative inside, metres."""
        excess: Array = (points @ self.normals.T - self.offsets).max(axis=1)
        return excess

    def overshoot(self, point: Array) -> float:
        """``signed_distance`` of one point (2,)."""
        return float((self.normals @ point - self.offsets).max())

    def extent(self, axis: Array) -> tuple[float, float]:
        """(least, greatest) coordinate along a unit axis (2,)."""
        along = self.vertices @ axis
        return float(along.min()), float(along.max())

    def separation(self, other: ConvexPolygon) -> float:
        """Best separating distance over all edge normals, metres; negative when they overlap.

        Never more than the true distance, and equal to it unless two corners face each other.
        """
        mine = (self.normals @ other.vertices.T).min(axis=1) - self.offsets
        theirs = (other.normals @ self.vertices.T).min(axis=1) - other.offsets
        return float(max(mine.max(), theirs.max()))

    def distance(self, other: ConvexPolygon) -> float:
        """Distance, metres; when they overlap, the negative depth of ``separation``."""
        best = self.separation(other)
        if best <= 0.0:
            return best
        return min(_corner_distance(self, other), _corner_distance(other, self))

    def sample(self, rng: np.random.Generator, n: int) -> Array:
        """(n, 2) points uniform over the area."""
        v = self.vertices
        a, b = v[1:-1] - v[0], v[2:] - v[0]
        weights = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
        edges = np.cumsum(weights)
        pick = np.minimum(np.searchsorted(edges, rng.random(n) * edges[-1]), len(weights) - 1)
        s, t = rng.random((2, n))
        flip = s + t > 1.0
        s, t = np.where(flip, 1.0 - s, s), np.where(flip, 1.0 - t, t)
        points: Array = v[0] + s[:, None] * a[pick] + t[:, None] * b[pick]
        return points


def _corner_distance(corners: ConvexPolygon, edges: ConvexPolygon) -> float:
    """Least distance from one polygon's corners to the other's edges, metres."""
    start = edges.vertices
    direction = next_vertices(start) - start
    offset = corners.vertices[:, None] - start[None]
    t = (offset * direction).sum(axis=2) / (direction * direction).sum(axis=1)
    miss = offset - np.minimum(np.maximum(t, 0.0), 1.0)[..., None] * direction
    return math.sqrt(float((miss * miss).sum(axis=2).min()))
