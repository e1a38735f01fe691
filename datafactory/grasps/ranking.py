"""From contact pairs of an asset to ranked grasp candidates for an object in a scene.

Each pair is tried with several approach directions around its closing axis, drawn back along the
approach so that the fingertips clear the support, tested with the gripper's boxes against the
object itself, and scored. All that depends only on the asset, on which way is down, and on how
high the object stands on its support, so it is kept per resting pose. What is left to do in a
scene is to order the candidates anew and to test them against the neighbours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datafactory.geometry import Pose, quat_from_matrix
from datafactory.grasps.antipodal import contact_pairs, surface
from datafactory.grasps.arrays import GraspSet, stored
from datafactory.robots.model import Arm
from datafactory_assets.asset import ByContent, RigidAsset

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
VARIETY = 0.12
MAX_TESTED = 64
"""Candidates tested against the object's own surface, best scores first."""


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
    """Candidates in the object frame: n TCP rotations and positions, widths, scores."""

    rotation: Array  # (n, 3, 3) object_from_tcp
    center: Array  # (n, 3) pad centre
    width: Array  # (n,)
    shift: Array  # (n,) how far the pads are drawn back along the approach
    score: Array  # (n,)

    def where(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> _Candidates:
        return _Candidates(
            self.rotation[keep], self.center[keep], self.width[keep], self.shift[keep],
            self.score[keep],
        )  # fmt: skip


def _expand(asset: RigidAsset, down: Array, arm: Arm) -> _Candidates | None:
    """All pairs times all approach tilts, without any collision test; down (3,), object frame."""
    pairs = contact_pairs(asset, arm.gripper_max_width_m - 2.0 * SIDE_CLEARANCE_M)
    y = pairs.axes
    z0 = down - (y @ down)[:, None] * y
    length = np.linalg.norm(z0, axis=1)
    keep = length > 0.4  # a nearly vertical closing axis cannot be approached from above
    if not keep.any():
        return None
    y, z0, center = y[keep], z0[keep] / length[keep, None], pairs.centers[keep]
    width, alignment = pairs.widths[keep], pairs.alignment[keep]
    if not arm.finger_geometry.symmetric:  # half a turn about the approach is another grasp
        y, z0, center = np.concatenate([y, -y]), np.tile(z0, (2, 1)), np.tile(center, (2, 1))
        width, alignment = np.tile(width, 2), np.tile(alignment, 2)
    tilt = np.array(TILTS_RAD)
    x0 = np.cross(y, z0)
    z = np.cos(tilt)[None, :, None] * z0[:, None] + np.sin(tilt)[None, :, None] * x0[:, None]
    m = len(tilt)
    z = z.reshape(-1, 3)
    y, center, width = np.repeat(y, m, axis=0), np.repeat(center, m, axis=0), np.repeat(width, m)
    vertical = z @ down
    offset = np.linalg.norm(center - np.array(asset.com), axis=1)
    score = (
        1.5 * vertical
        + 2.0 * (np.repeat(alignment, m) - 1.0)
        - 1.2 * offset / max(asset.extents)
        - 0.4 * width / arm.gripper_max_width_m
    )
    rotation = np.stack([np.cross(y, z), y, z], axis=-1)
    found = _Candidates(rotation, center, width, np.zeros(len(width)), score)
    return found.where(vertical > np.cos(MAX_TILT_RAD))


def _imported(name: str, down: Array, arm: Arm) -> _Candidates | None:
    """Imported grasps the gripper can open for and reach from above."""
    given = stored(name)
    closed = given.width / arm.gripper_max_width_m
    finger = arm.finger_geometry
    back = np.interp(closed, finger.openings, finger.pad_z)
    center = given.position + back[:, None] * given.rotation[:, :, 2]
    low, high = given.score.min(), given.score.max()
    score = 1.5 * (given.score - low) / max(float(high - low), 1e-9)
    found = _Candidates(given.rotation, center, given.width, np.zeros(len(score)), score)
    fits = given.width < arm.gripper_max_width_m - 2.0 * SIDE_CLEARANCE_M
    fits &= given.rotation[:, :, 2] @ down > np.cos(MAX_TILT_RAD)
    return found.where(fits) if fits.any() else None


def _shift_out(c: _Candidates, arm: Arm, down: Array, floor: float) -> _Candidates:
    """Draws the pads back until the fingertips clear the support plane -down . p = floor."""
    finger = arm.finger_geometry
    up = -down
    slope = np.maximum(c.rotation[:, :, 2] @ down, 1e-3)
    reach = 0.5 * finger.pad_height_m + 0.001
    sideways = 0.5 * finger.pad_width_m * np.abs(c.rotation[:, :, 0] @ up)
    apart = 0.5 * c.width + OPEN_CLEARANCE_M + finger.finger_thickness_m
    tip = c.center @ up - reach * slope - sideways - apart * np.abs(c.rotation[:, :, 1] @ up)
    shift = np.maximum(0.0, floor + TIP_CLEARANCE_M - tip) / slope
    limit = 0.5 * finger.pad_height_m - PAD_MARGIN_M
    score = c.score - 0.3 * shift / limit
    return _Candidates(c.rotation, c.center, c.width, shift, score).where(shift <= limit)


def _clear_of_palm(c: _Candidates, arm: Arm, points: Array) -> _Candidates:
    """Drops candidates whose object would reach into the palm; points (m, 3), object frame."""
    back = -c.rotation[:, :, 2]
    sticking_out = (back @ points.T).max(axis=1) - np.einsum("ij,ij->i", back, c.center)
    finger = arm.finger_geometry
    room = min(finger.pad_z) - finger.palm.upper[2] + c.shift
    return c.where(sticking_out < room - 0.003)


@lru_cache(maxsize=512)
def _boxes(arm: Arm, level: int) -> tuple[Array, Array]:
    """Lower and upper corners (b, 3) of the gripper's boxes at an opening of level / 50."""
    boxes = arm.finger_geometry.boxes(level / 50.0)
    return np.array([b.lower for b in boxes]), np.array([b.upper for b in boxes])


def _openings(c: _Candidates, room_m: float, arm: Arm) -> Array:
    return np.asarray(np.minimum(1.0, (c.width + room_m) / arm.gripper_max_width_m))


def _hits(
    position: Array, rotation: Array, openings: Array, arm: Arm, points: Array
) -> NDArray[np.bool_]:
    """Whether any point (m, 3) lies in the gripper's boxes, for n TCP poses and openings."""
    levels = np.rint(50.0 * openings).astype(int)
    corners = [_boxes(arm, int(k)) for k in levels]
    lower = np.array([a for a, _ in corners]).transpose(1, 2, 0)[..., None]  # (b, 3, n, 1)
    upper = np.array([b for _, b in corners]).transpose(1, 2, 0)[..., None]
    local = np.matmul(points[None] - position[:, None], rotation)
    x, y, z = (np.ascontiguousarray(local[..., i]) for i in range(3))
    hit = np.zeros(len(position), dtype=bool)
    for low, high in zip(lower, upper, strict=True):  # box by box keeps the arrays in cache
        inside = (x > low[0]) & (x < high[0]) & (y > low[1]) & (y < high[1])
        hit |= (inside & (z > low[2]) & (z < high[2])).any(axis=1)
    return hit


def _positions(c: _Candidates, arm: Arm) -> Array:
    """TCP positions (n, 3) that bring the closed pads' centres to the candidates' centres."""
    finger = arm.finger_geometry
    closed = c.width / arm.gripper_max_width_m
    back = np.interp(closed, finger.openings, finger.pad_z) + c.shift
    return np.asarray(c.center - back[:, None] * c.rotation[:, :, 2])


@lru_cache(maxsize=8192)
def _own_candidates(
    key: ByContent, grasps: str, arm: Arm, down_key: tuple[float, ...], floor_mm: int
) -> _Candidates | None:
    """Candidates of one resting pose that clear the object itself and its support, best first."""
    down = np.array(down_key)
    down = down / np.linalg.norm(down)
    expanded = _imported(grasps, down, arm) if grasps else _expand(key.asset, down, arm)
    if expanded is None:
        return None
    points = surface(key.asset)
    c = _clear_of_palm(_shift_out(expanded, arm, down, 1e-3 * floor_mm), arm, points[::3])
    c = c.where(np.argsort(-c.score, kind="stable")[:MAX_TESTED])
    if not len(c.score):
        return None
    position = _positions(c, arm)
    hit = np.zeros(len(c.score), dtype=bool)
    for room_m in (2.0 * OPEN_CLEARANCE_M, NEARLY_CLOSED_M):
        openings = _openings(c, room_m, arm)
        hit |= _hits(position, c.rotation, openings, arm, points[::2])
    return c.where(~hit)


def can_grasp(asset: RigidAsset, arm: Arm) -> bool:
    """Whether an arm's gripper can take an object that stands alone in its first resting pose."""
    rest = asset.stable_poses[0]
    down = -Pose.of((0.0, 0.0, 0.0), rest.quat).rotation()[2]
    across = np.sort(np.abs(np.array(asset.extents))[np.abs(down) < 0.9])
    if len(across) == 2 and across[0] <= arm.gripper_max_width_m - 2.0 * SIDE_CLEARANCE_M:
        return True
    key = tuple(round(float(v), 2) for v in down)
    c = _own_candidates(ByContent.of(asset), asset.grasps, arm, key, math.ceil(-1e3 * rest.height))
    return c is not None and len(c.score) > 0


def grasp_set(asset: RigidAsset, arm: Arm) -> GraspSet | None:
    """All grasps of an object that stands alone in its first resting pose; None without any."""
    rest = asset.stable_poses[0]
    down = -Pose.of((0.0, 0.0, 0.0), rest.quat).rotation()[2]
    key = tuple(round(float(v), 2) for v in down)
    c = _own_candidates(ByContent.of(asset), asset.grasps, arm, key, math.ceil(-1e3 * rest.height))
    if c is None or not len(c.score):
        return None
    return GraspSet(c.rotation, _positions(c, arm), c.width, c.score)


def rank_grasps(
    asset: RigidAsset,
    world_from_object: Pose,
    arm: Arm,
    floor_z: float,
    obstacles: Array,
    rng: np.random.Generator,
    *,
    count: int = 10,
    variety: float = VARIETY,
) -> list[Grasp]:
    """Returns grasp candidates that clear the object, its support and its neighbours, best first.

    Args:
        asset: What to grasp.
        world_from_object: Where it is.
        arm: Whose gripper.
        floor_z: Height of what the object stands on, metres.
        obstacles: (n, 3) points on neighbouring objects, world frame, metres.
        rng: Varies the order of near-equal candidates, so that episodes differ.
        count: Most candidates returned; twice as many where half a turn is another grasp.
        variety: Scale of the noise that varies the order; 0 for the order of the scores.
    """
    if not arm.finger_geometry.symmetric:
        count *= 2
    rotation = world_from_object.rotation()
    down = tuple(round(float(v), 2) for v in -rotation[2])
    floor_mm = math.ceil(1e3 * (floor_z - float(world_from_object.position[2])))
    c = _own_candidates(ByContent.of(asset), asset.grasps, arm, down, floor_mm)
    if c is None or not len(c.score):
        return []
    noisy = c.score + variety * rng.gumbel(size=len(c.score))
    c = c.where(np.argsort(-noisy, kind="stable")[: 3 * count])
    position = _positions(c, arm)
    openings = _openings(c, 2.0 * OPEN_CLEARANCE_M, arm)
    if len(obstacles):
        object_from_world = world_from_object.inverse()
        near = object_from_world.apply(obstacles)
        hit = _hits(position, c.rotation, openings, arm, near)
        c, position, openings = c.where(~hit), position[~hit], openings[~hit]
    return [
        Grasp(
            Pose(position[k], quat_from_matrix(c.rotation[k])),
            float(c.width[k]), float(openings[k]), float(c.score[k]),
        )
        for k in range(min(count, len(c.score)))
    ]  # fmt: skip
