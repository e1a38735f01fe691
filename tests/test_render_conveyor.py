"""The belt as drawn: stripes on what moves, feet from the table to the rails."""

from __future__ import annotations

import numpy as np
import pytest

from datafactory.render.conveyor import STRIPE_EVERY_M, body_surfaces
from datafactory.render.poses import PhysicsGeom


def box(body: str, name: str, size: tuple[float, float, float], z: float) -> PhysicsGeom:
    place = np.array([0.1, 0.2, z, 1.0, 0.0, 0.0, 0.0])
    none = np.zeros((0, 3))
    return PhysicsGeom(
        body, name, "box", size, place, (0.5, 0.5, 0.5, 1.0), none, none.astype(np.int64)
    )


def test_stripes_lie_on_the_slab() -> None:
    slab = box("belt", "belt", (0.5, 0.08, 0.01), 0.0)
    plain, stripes = body_surfaces("belt", [slab], 0.7)
    points = stripes.mesh.vertices
    assert points[:, 2].min() < 0.01 < points[:, 2].max() < 0.011
    assert np.abs(points[:, :2] - (0.1, 0.2)).max(axis=0) == pytest.approx(
        [0.454, 0.0784], abs=1e-5
    )
    assert len(np.unique(np.round(points[:, 0], 3))) >= round(1.0 / STRIPE_EVERY_M)
    assert plain.mesh.vertices[:, 2].max() == pytest.approx(0.01)


def test_feet_stand_on_the_table_under_the_rails() -> None:
    rail = box("world", "rail/left", (0.5, 0.01, 0.012), 0.762)
    _, feet = body_surfaces("world", [rail], 0.72)
    heights = feet.mesh.vertices[:, 2]
    assert heights.min() == pytest.approx(0.72, abs=1e-5)
    assert heights.max() == pytest.approx(0.75, abs=1e-5)


def test_other_bodies_are_drawn_as_they_are() -> None:
    thing = box("world", "shelf", (0.5, 0.01, 0.012), 0.762)
    assert len(body_surfaces("world", [thing], 0.72)) == 1
    assert len(body_surfaces("other", [box("other", "rail/left", (1, 1, 1), 2.0)], 0.7)) == 1
