"""From contact pairs of an asset to ranked grasp candidates for an object in a scene.

Each pair is tried with several approach directions around its closing axis, shifted out along
the approach so that the fingertips clear the table, tested with the gripper's boxes against the
object itself and its neighbours, and scored.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datafactory.geometry import Pose, quat_from_matrix
from datafactory.grasps.antipodal import contact_pairs, surface
from datafactory.robots.model import RobotModel
from datafactory_assets.asset import RigidAsset

Array = NDArray[np.float64]
TIP_CLEARANCE_M = 0.002
SIDE_CLEARANCE_M = 0.004
"""Least room between a fully open finger and the object on each side."""
OPEN_CLEARANCE_M = 0.012
"""Room the approaching fingers leave on each side where the gripper opens wide enough."""
NEARLY_CLOSED_M = 0.005
"""Links must clear the object also when the pads are this close to it: a linkage's inner bars
come nearer as it closes."""
PAD_MARGIN_M = 0.004
"""A contact must lie this far inside the pad's edge."""
TILTS_RAD = (0.0, -0.35, 0.35, -0.7, 0.7, -1.0, 1.0)
MAX_TILT_RAD = 1.15


@dataclass(frozen=True, eq=False)
class Grasp:
    """One candidate.

    Attributes:
        object_from_tcp: Where the TCP is when the fingers close.
        width: Distance between the contacts, metres.
        opening: Opening in [0, 1] the gripper approaches with.
        score: Higher is better.
    """

    object_from_tcp: Pose
    width: float
    opening: float
    score: float


@dataclass(frozen=True, eq=False)
class _Candidates:
    rotation: Array  # (n, 3, 3) world_from_tcp
    center: Array  # (n, 3) pad centre, world
    width: Array  # (n,)
    shift: Array  # (n,) how far the pads are drawn back along the approach
    score: Array  # (n,)

    def where(self, keep: NDArray[np.bool_]) -> _Candidates:
        return _Candidates(
            self.rotation[keep], self.center[keep], self.width[keep], self.shift[keep],
            self.score[keep],
        )  # fmt: skip


def _expand(asset: RigidAsset, world_from_object: Pose, robot: RobotModel) -> _Candidates | None:
    """All pairs times all approach tilts, without any collision test."""
    usable = robot.gripper_max_width_m - 2.0 * SIDE_CLEARANCE_M
    pairs = contact_pairs(asset, usable)
    if not len(pairs.widths):
        return None
    rotation = world_from_object.rotation()
    center = world_from_object.apply(pairs.centers)
    y = pairs.axes @ rotation.T
    com = world_from_object.apply(np.array(asset.com))
    down = np.array([0.0, 0.0, -1.0])
    z0 = down - (y @ down)[:, None] * y
    length = np.linalg.norm(z0, axis=1)
    keep = length > 0.4  # a nearly vertical closing axis cannot be approached from above
    y, z0, center = y[keep], z0[keep] / length[keep, None], center[keep]
    width, alignment = pairs.widths[keep], pairs.alignment[keep]
    if not len(width):
        return None
    tilt = np.array(TILTS_RAD)
    x0 = np.cross(y, z0)
    z = np.cos(tilt)[None, :, None] * z0[:, None] + np.sin(tilt)[None, :, None] * x0[:, None]
    n, m = len(width), len(tilt)
    z = z.reshape(n * m, 3)
    y = np.repeat(y, m, axis=0)
    matrices = np.stack([np.cross(y, z), y, z], axis=-1)
    center, width = np.repeat(center, m, axis=0), np.repeat(width, m)
    vertical = -z[:, 2]
    offset = np.linalg.norm(center - com, axis=1)
    size = max(asset.extents)
    score = (
        1.5 * vertical
        + 2.0 * (np.repeat(alignment, m) - 1.0)
        - 1.2 * offset / size
        - 0.4 * width / robot.gripper_max_width_m
    )
    good = vertical > np.cos(MAX_TILT_RAD)
    return _Candidates(
        matrices[good], center[good], width[good], np.zeros(int(good.sum())), score[good]
    )


def _shift_out(c: _Candidates, robot: RobotModel, floor_z: float) -> _Candidates:
    """Draws the pads back along the approach until the fingertips clear the support."""
    finger = robot.finger_geometry
    reach = 0.5 * finger.pad_height_m + 0.001
    z_axis = c.rotation[:, :, 2]
    slope = np.maximum(-z_axis[:, 2], 1e-3)
    thick = finger.pad_width_m * 0.5 * np.abs(c.rotation[:, 2, 0])
    tip = c.center[:, 2] - reach * slope - thick
    shift = np.maximum(0.0, floor_z + TIP_CLEARANCE_M - tip) / slope
    limit = 0.5 * finger.pad_height_m - PAD_MARGIN_M
    keep = shift <= limit
    score = c.score - 0.3 * shift / limit
    return _Candidates(c.rotation[keep], c.center[keep], c.width[keep], shift[keep], score[keep])


def _clear_of_palm(c: _Candidates, robot: RobotModel, surface: Array) -> _Candidates:
    """Drops candidates whose object would reach into the palm; surface (m, 3), world."""
    back = -c.rotation[:, :, 2]
    sticking_out = (back @ surface.T).max(axis=1) - np.einsum("ij,ij->i", back, c.center)
    finger = robot.finger_geometry
    room = min(finger.pad_z) - finger.palm.upper[2] + c.shift
    keep = sticking_out < room - 0.003
    return _Candidates(
        c.rotation[keep], c.center[keep], c.width[keep], c.shift[keep], c.score[keep]
    )


def _select(c: _Candidates, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Best candidates first, with seeded noise so that grasps vary between episodes."""
    noisy = c.score + 0.25 * rng.gumbel(size=len(c.score)) * 0.5
    return np.argsort(-noisy, kind="stable")[:count]


def _tcp_positions(c: _Candidates, chosen: NDArray[np.int64], robot: RobotModel) -> Array:
    """TCP positions (k, 3) that bring the closed pads' centres to the candidates' centres."""
    finger = robot.finger_geometry
    closed = c.width[chosen] / robot.gripper_max_width_m
    back = np.interp(closed, finger.openings, finger.pad_z) + c.shift[chosen]
    return np.asarray(c.center[chosen] - back[:, None] * c.rotation[chosen, :, 2])


@lru_cache(maxsize=512)
def _boxes(robot: RobotModel, level: int) -> tuple[Array, Array]:
    """Lower and upper corners (b, 1, 3) of the gripper's boxes at an opening of level / 50."""
    boxes = robot.finger_geometry.boxes(level / 50.0)
    return (
        np.array([b.lower for b in boxes])[:, None],
        np.array([b.upper for b in boxes])[:, None],
    )


def _blocked(
    position: Array, rotation: Array, robot: RobotModel, opening: float, points: Array
) -> bool:
    """Whether any world point (n, 3) lies inside the gripper's boxes at a TCP pose."""
    local = (points - position) @ rotation
    lower, upper = _boxes(robot, round(50.0 * opening))
    near = ((local > lower.min(axis=0)) & (local < upper.max(axis=0))).all(axis=1)
    local = local[near]
    return bool(((local > lower) & (local < upper)).all(axis=2).any())


def rank_grasps(
    asset: RigidAsset,
    world_from_object: Pose,
    robot: RobotModel,
    floor_z: float,
    obstacles: Array,
    rng: np.random.Generator,
    *,
    count: int = 10,
    tried: int = 90,
) -> list[Grasp]:
    """Returns collision-free grasp candidates, best first.

    Args:
        asset: What to grasp.
        world_from_object: Where it is.
        robot: Whose gripper.
        floor_z: Height of what the object stands on, metres.
        obstacles: (n, 3) points on neighbouring objects, world frame, metres.
        rng: Breaks near-ties, so that episodes differ.
        count: Most candidates returned.
        tried: Most candidates tested with the gripper's geometry.
    """
    expanded = _expand(asset, world_from_object, robot)
    if expanded is None:
        return []
    own = world_from_object.apply(surface(asset))
    c = _clear_of_palm(_shift_out(expanded, robot, floor_z), robot, own[::3])
    points = np.concatenate([own, obstacles]) if len(obstacles) else own
    object_from_world = world_from_object.inverse()
    result: list[Grasp] = []
    chosen = _select(c, rng, tried)
    for k, position in zip(chosen, _tcp_positions(c, chosen, robot), strict=True):
        width = float(c.width[k])
        opening = min(1.0, (width + 2.0 * OPEN_CLEARANCE_M) / robot.gripper_max_width_m)
        nearly_closed = (width + NEARLY_CLOSED_M) / robot.gripper_max_width_m
        rotation = c.rotation[k]
        if any(_blocked(position, rotation, robot, o, points) for o in (opening, nearly_closed)):
            continue
        world_from_tcp = Pose(position, quat_from_matrix(c.rotation[k]))
        result.append(Grasp(object_from_world @ world_from_tcp, width, opening, float(c.score[k])))
        if len(result) == count:
            break
    return result
