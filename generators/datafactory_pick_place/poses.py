"""Poses derived from poses: approach, lift, other headings of a place, openings to let go."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from datafactory.geometry import Pose
from datafactory.robots.model import Arm
from datafactory.scene import WorldState
from datafactory.scene_graph.graph import TABLE, Relation
from datafactory.scene_graph.relations import Placement, check_relation
from datafactory_assets.asset import RigidAsset

Array = NDArray[np.float64]
APPROACH_M = 0.09
LIFT_M = 0.10
RELEASE_M = 0.024
FREE = frozenset({"aligned", "upright_in", "at", "apart"})


def release_opening(arm: Arm, width: float) -> float:
    """Opening in [0, 1] that lets go of an object: beside a wall there is rarely room for more."""
    return min(1.0, (width + RELEASE_M) / arm.gripper_max_width_m)


def is_free(relations: Sequence[Relation]) -> bool:
    """Whether relations leave a place wide open (anywhere on the table), or one pose of many."""
    return any(r.name in FREE or TABLE in r.objects for r in relations)


def still_in_row(target: Placement, relations: Sequence[Relation], state: WorldState) -> bool:
    """Whether a place that was planned for a row is in line with what stands there by now."""
    row = [r for r in relations if r.name == "aligned"]
    poses = {**state.poses, **{r.subject: target.world_from_object for r in row}}
    return all(check_relation(r, replace(state, poses=poses)).holds for r in row)


def must_stand(asset: RigidAsset, relations: Sequence[Relation]) -> bool:
    """Whether an object has to rest the way it was put: not inside things, and not if it rolls."""
    return "rolls" not in asset.attributes and all(
        r.name not in ("in", "upright_in") for r in relations
    )


def behind(target: Pose) -> Pose:
    """The TCP pose drawn back along the approach direction."""
    return target @ Pose.of((0.0, 0.0, -APPROACH_M))


def above(target: Pose, by_m: float = LIFT_M) -> Pose:
    """The TCP pose lifted straight up."""
    return Pose(target.position + np.array([0.0, 0.0, by_m]), target.quat)


def turned(
    placement: Placement, asset: RigidAsset, now: Pose, relations: Sequence[Relation]
) -> Placement:
    """The same place with another heading, for arms that cannot turn as far as the first asks.

    Where the outline does not matter the object keeps its present heading, and the wrist need not
    turn at all; beside other objects it is turned by half a turn, which keeps the outline.
    """
    free = asset.symmetry == "z" or all(r.name in ("on", "in", "stacked") for r in relations)
    old = placement.world_from_object
    turn = heading(now) - heading(old) if free else math.pi
    quat = (Pose.from_yaw((0.0, 0.0, 0.0), turn) @ Pose.of((0.0, 0.0, 0.0), old.quat)).quat
    # The centre of mass stays where it was, so an elongated object stays over its support.
    com = np.array(asset.com)
    position = old.apply(com) - Pose.of((0.0, 0.0, 0.0), quat).apply(com)
    return replace(placement, world_from_object=Pose(position, quat))


def heading(pose: Pose) -> float:
    """Rotation about world z in rad, the twist part of an orientation."""
    return 2.0 * math.atan2(float(pose.quat[3]), float(pose.quat[0]))
