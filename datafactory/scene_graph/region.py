"""Where objects may stand: annulus sectors, polygons, keep-out discs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from datafactory.geometry import Array
from datafactory.scene_graph.polygon import ConvexPolygon, next_vertices


@dataclass(frozen=True)
class Region:
    """Where an object's centre may be: an annulus sector cut by an optional convex polygon.

    Attributes:
        center: (x, y) of the sector, world, metres (usually the robot's base).
        radius: (least, greatest) horizontal distance from ``center``, metres.
        heading: World yaw of the sector's middle, rad.
        half_angle: Half opening angle of the sector, rad; pi is the full ring.
        polygon: Convex polygon ((x, y), ...), world, counter-clockwise; empty for none.
    """

    center: tuple[float, float] = (0.0, 0.0)
    radius: tuple[float, float] = (0.0, math.inf)
    heading: float = 0.0
    half_angle: float = math.pi
    polygon: tuple[tuple[float, float], ...] = ()

    @cached_property
    def _polygon(self) -> ConvexPolygon | None:
        return ConvexPolygon.of(self.polygon) if self.polygon else None

    def contains(self, points: Array) -> NDArray[np.bool_]:
        """(n,) whether points (n, 2) lie inside."""
        offset = points - self.center
        distance = np.hypot(offset[:, 0], offset[:, 1])
        inside: NDArray[np.bool_] = (distance >= self.radius[0]) & (distance <= self.radius[1])
        if self.half_angle < math.pi:
            turn = np.arctan2(offset[:, 1], offset[:, 0]) - self.heading
            inside &= np.abs(np.mod(turn + math.pi, 2.0 * math.pi) - math.pi) <= self.half_angle
        if self._polygon is not None:
            inside &= self._polygon.signed_distance(points) <= 0.0
        return inside

    def sample(self, surface: ConvexPolygon, rng: np.random.Generator, n: int) -> Array:
        """(n, 2) points spread over the smallest of sector, polygon and a support's outline.

        Not all lie in the intersection: test with ``contains``.
        """
        inner, outer = self.radius
        sector = self.half_angle * (outer**2 - inner**2)
        shapes = [surface] if self._polygon is None else [surface, self._polygon]
        smallest = min(shapes, key=lambda p: p.area)
        if sector >= smallest.area:
            return smallest.sample(rng, n)
        r = np.sqrt(rng.uniform(inner**2, outer**2, n))
        angle = self.heading + rng.uniform(-self.half_angle, self.half_angle, n)
        points = np.empty((n, 2))
        points[:, 0] = self.center[0] + r * np.cos(angle)
        points[:, 1] = self.center[1] + r * np.sin(angle)
        return points


@dataclass(frozen=True)
class KeepOut:
    """A disc (x, y) on the table that footprints stay out of, metres."""

    center: tuple[float, float]
    radius: float

    def blocks(self, polygon: ConvexPolygon) -> bool:
        """Whether a footprint enters the disc."""
        return -self._room(polygon) > 0.0

    def _room(self, polygon: ConvexPolygon) -> float:
        centre = np.array(self.center)
        if polygon.overshoot(centre) <= 0.0:
            return -self.radius
        start = polygon.vertices
        edge = next_vertices(start) - start
        t = np.sum((centre - start) * edge, axis=1) / np.sum(edge * edge, axis=1)
        miss = centre - start - np.clip(t, 0.0, 1.0)[:, None] * edge
        return math.sqrt(float(np.sum(miss * miss, axis=1).min())) - self.radius
