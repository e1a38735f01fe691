"""A conveyor belt in a scene, as a frozen value. SI units, world frame z up."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from datafactory.geometry import Array

BELT = "belt"
RAIL = "rail"
"""Entity names of what moves and of what stands beside it."""
RAILS = (f"{RAIL}/left", f"{RAIL}/right")
"""Geom names of the rails."""
THICKNESS_M = 0.02
RAIL_WIDTH_M = 0.02
RAIL_RISE_M = 0.004
"""The rails' tops are this much above the belt's."""


@dataclass(frozen=True)
class Belt:
    """A straight belt that runs at constant speed over a table.

    Attributes:
        center: (x, y) of the middle of the stretch between the rails, metres.
        heading_rad: World yaw of the direction it moves in.
        width_m: Width between the rails.
        length_m: Length of the rails.
        height_m: z of its top surface.
        speed_m_s: Its speed.
        feed_m: Length of belt before the rails that will yet run through.
        carried: Role names of the objects that ride on it at the start.
    """

    center: tuple[float, float]
    heading_rad: float
    width_m: float
    length_m: float
    height_m: float
    speed_m_s: float
    feed_m: float
    carried: tuple[str, ...]

    @property
    def direction(self) -> Array:
        """(3,) unit vector it moves along, world."""
        return np.array([math.cos(self.heading_rad), math.sin(self.heading_rad), 0.0])

    @property
    def velocity(self) -> Array:
        """(3,) velocity of its surface, world, m/s."""
        return self.speed_m_s * self.direction

    def point(self, along_m: float, across_m: float = 0.0) -> tuple[float, float]:
        """(x, y) of a place on it: along its motion from the middle, and to the left of that."""
        c, s = math.cos(self.heading_rad), math.sin(self.heading_rad)
        x, y = self.center
        return (x + c * along_m - s * across_m, y + s * along_m + c * across_m)

    def stretch(
        self, along_m: tuple[float, float], half_width_m: float
    ) -> tuple[tuple[float, float], ...]:
        """Corners (x, y) of a stretch of it, counter-clockwise."""
        low, high = along_m
        corners = ((low, -1.0), (high, -1.0), (high, 1.0), (low, 1.0))
        return tuple(self.point(a, side * half_width_m) for a, side in corners)
