"""Whether one thing can rest in or on another at all."""

from __future__ import annotations

import math

import numpy as np

from datafactory.geometry import Array, Pose
from datafactory.scene import Table
from datafactory.scene_graph.body import Body
from datafactory.scene_graph.footprint import asset_geometry
from datafactory.scene_graph.graph import Relation
from datafactory.scene_graph.support import IN
from datafactory.scene_graph.surfaces import cavity_lift
from datafactory.scene_graph.world import PlannedWorld
from datafactory_assets.asset import RigidAsset

YAWS = 12


def has_support(asset: RigidAsset) -> bool:
    """Whether an upright asset has a surface or a cavity that can carry something."""
    return bool(asset.surfaces) or asset.cavity is not None


def fits_in(
    subject: RigidAsset, container: RigidAsset, stable_poses: tuple[int, ...] | None = None
) -> bool:
    """Whether a subject can be ``in`` the middle of an upright, empty container.

    Args:
        subject: What goes in.
        container: Where it goes.
        stable_poses: Stable poses of the subject to try; None for all.
    """
    field = asset_geometry(container).cavity
    if field is None:
        return False
    world = PlannedWorld(Table((0.0, 0.0), (1.0, 1.0), 0.0), Pose.identity(), Pose.identity())
    outer = Body.at("container", container, Pose.identity())
    world.place(outer, "table")
    geometry = asset_geometry(subject)
    relation = Relation("in", "subject", ("container",))
    yaw: Array = np.arange(YAWS, dtype=np.float64) * (2.0 * math.pi / YAWS)
    middle = field.sections[-1].centroid
    for index in stable_poses or range(len(geometry.stable_poses)):
        rest = geometry.rest(index)
        lifts = cavity_lift(outer, rest, np.tile(middle, (YAWS, 1)), yaw)
        k = int(np.argmin(lifts))
        body = _centred(subject, middle, float(field.z[0] + lifts[k]), float(yaw[k]), index)
        world.place(body, "container")
        if all(m.holds for m in IN.measure(relation, world)):
            return True
    return False


def _centred(asset: RigidAsset, middle: Array, z: float, yaw: float, index: int) -> Body:
    rest = asset_geometry(asset).rest(index)
    c, s = math.cos(yaw), math.sin(yaw)
    x, y = (float(v) for v in rest.centre)
    at = np.array([middle[0] - (c * x - s * y), middle[1] - (s * x + c * y), z])
    return Body.resting("subject", asset, rest, at, yaw)
