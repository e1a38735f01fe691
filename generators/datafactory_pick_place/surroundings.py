"""What stands around an object: heights of its box, and points on its neighbours."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from datafactory.geometry import Pose
from datafactory.grasps.antipodal import surface
from datafactory.scene import Scene, WorldState
from datafactory_assets.asset import RigidAsset

NEIGHBOUR_M = 0.12


def heights(asset: RigidAsset, pose: Pose) -> tuple[float, float]:
    """World heights of the lowest and highest corner of an object's bounding box, metres."""
    corners = np.array(list(product(*zip(*asset.aabb, strict=True))))
    z = pose.apply(corners)[:, 2]
    return float(z.min()), float(z.max())


def neighbours(scene: Scene, subject: int, state: WorldState) -> NDArray[np.float64]:
    """Surface points (n, 3) of an object's neighbours, world frame, metres."""
    center = state.poses[scene.objects[subject].name].position
    clouds = []
    for k, item in enumerate(scene.objects):
        pose = state.poses[item.name]
        radius = 0.5 * float(np.linalg.norm(item.asset.extents))
        if k != subject and np.linalg.norm(pose.position - center) < NEIGHBOUR_M + radius:
            clouds.append(pose.apply(surface(item.asset)))
    return np.concatenate(clouds) if clouds else np.empty((0, 3))
