"""Per-asset geometry for layouts and predicates, computed once and cached with the asset.

Collision shapes become a cloud of swept points (a point and the radius of a ball around it), from
which heights and footprints follow for any orientation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from weakref import ref

import numpy as np
from scipy.spatial import ConvexHull

from datafactory.errors import AssetError
from datafactory.geometry import Array
from datafactory.scene_graph.polygon import ConvexPolygon, rotation2
from datafactory.scene_graph.volume import volume_samples
from datafactory_assets.asset import Cavity, RigidAsset, Shape

ROUND_SEGMENTS = 24
BASE_LAYER = 0.003
MIN_TOP_INRADIUS = 0.008
STABLE_COS = math.cos(math.radians(0.1))

_ANGLES = np.arange(ROUND_SEGMENTS) * (2.0 * math.pi / ROUND_SEGMENTS)
RING = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)


@dataclass(frozen=True, eq=False)
class Rest:
    """An asset resting on the plane z = 0 in one stable pose, yaw 0, origin over (0, 0).

    Attributes:
        index: Stable pose index; negative for poses that only a holder keeps up.
        height: z of the object's origin, metres.
        quat: (4,) wxyz, plane_from_object.
        polygon: Footprint.
        base: Hull of what lies within 3 mm of the plane; None for a point or line contact.
        centre: (2,) centroid of the footprint.
        radius: Greatest distance from ``centre`` to the footprint's edge, metres.
        top: Height, metres.
        com: (3,) centre of mass.
        points: (m, 3) surface points, spheres replaced by their sampled surface.
    """

    index: int
    height: float
    quat: Array
    polygon: ConvexPolygon
    base: ConvexPolygon | None
    centre: Array
    radius: float
    top: float
    com: Array
    points: Array


class AssetGeometry:
    """Swept points, stable poses, cavity field and volume samples of one asset."""

    def __init__(self, asset: RigidAsset) -> None:
        if not asset.shapes or not asset.stable_poses:
            raise AssetError(f"asset '{asset.uid}' has no collision shapes or no stable poses")
        clouds = [_swept_points(shape) for shape in asset.shapes]
        points = np.concatenate([c[0] for c in clouds])
        radii = np.concatenate([c[1] for c in clouds])
        self.points, self.radii = _hull_only(points, radii)
        self.com = np.array(asset.com)
        self.weight = asset.mass * 9.81
        self.shapes = asset.shapes
        self.extents = asset.extents
        self.cavity = None if asset.cavity is None else CavityField(asset.cavity)
        hollows = (() if asset.cavity is None else (asset.cavity,)) + asset.slots
        self.cells = tuple(CavityField(hollow) for hollow in hollows)
        self.stable_poses = asset.stable_poses
        self._downs = np.array([_down(np.array(s.quat)) for s in asset.stable_poses])
        self._rests: dict[int, Rest] = {}
        self.uid = asset.uid

    def swept(self, rotation: Array) -> tuple[Array, Array]:
        """Points (m, 3) turned by a (3, 3) rotation, and their radii (m,)."""
        return self.points @ rotation.T, self.radii

    def footprint(self, turned: Array, yaw: float) -> ConvexPolygon:
        """Footprint of turned points (m, 3); balls get a ring of points aligned with ``yaw``."""
        flat = turned[:, :2]
        if self.radii.any():
            balls = self.radii > 0.0
            ring = RING @ rotation2(yaw).T
            rings = flat[balls, None] + self.radii[balls, None, None] * ring
            flat = np.concatenate([flat[~balls], rings.reshape(-1, 2)])
        polygon = ConvexPolygon.hull(flat)
        if polygon is None:
            raise AssetError(f"asset '{self.uid}' has a footprint without area")
        return polygon

    def rest(self, index: int) -> Rest:
        """Geometry of a stable pose."""
        if index not in self._rests:
            self._rests[index] = self._make_rest(index)
        return self._rests[index]

    def _make_rest(self, index: int) -> Rest:
        if not 0 <= index < len(self.stable_poses):
            raise AssetError(
                f"asset '{self.uid}' has {len(self.stable_poses)} stable poses, not {index + 1}"
            )
        return self._rest_of(index, np.array(self.stable_poses[index].quat))

    @cached_property
    def standing(self) -> tuple[Rest, ...]:
        """Orientations in which the longest axis is vertical, as when held by a holder.

        An object longest along its own z stands the right way up; another on either end.
        """
        index = int(np.argmax(self.extents))
        half = math.sqrt(0.5)
        quats = {
            0: ((half, 0.0, half, 0.0), (half, 0.0, -half, 0.0)),
            1: ((half, half, 0.0, 0.0), (half, -half, 0.0, 0.0)),
            2: ((1.0, 0.0, 0.0, 0.0),),
        }[index]
        return tuple(self._rest_of(-1 - k, np.array(quat)) for k, quat in enumerate(quats))

    def _rest_of(self, index: int, quat: Array) -> Rest:
        turned, radii = self.swept(rotation_of(quat))
        low = float((turned[:, 2] - radii).min())
        turned = turned - [0.0, 0.0, low]
        polygon = self.footprint(turned, 0.0)
        resting = (radii == 0.0) & (turned[:, 2] <= BASE_LAYER)
        centre = polygon.centroid
        return Rest(
            index=index,
            height=-low,
            quat=quat,
            polygon=polygon,
            base=ConvexPolygon.hull(turned[resting, :2]) if resting.sum() >= 3 else None,
            centre=centre,
            radius=float(np.linalg.norm(polygon.vertices - centre, axis=1).max()),
            top=float((turned[:, 2] + radii).max()),
            com=rotation_of(quat) @ self.com - [0.0, 0.0, low],
            points=_surface_points(turned, radii),
        )

    def nearest_rest(self, quat: Array) -> int:
        """Index of the stable pose whose downward direction is nearest to that of ``quat``."""
        down = _down(quat)
        return int(np.argmax(self._downs @ down))

    def tilt(self, quat: Array) -> float:
        """Angle, rad, between an orientation's downward direction and the nearest stable one."""
        best = float((self._downs @ _down(quat)).max())
        return math.acos(min(1.0, max(-1.0, best)))

    def stable_footprint(
        self, rotation: Array, quat: Array
    ) -> tuple[ConvexPolygon, Array, float] | None:
        """Footprint of an orientation that is stable within 0.1 degrees; None for any other.

        Shares the stable pose's hull, turned by the yaw between.

        Returns:
            (footprint about the origin, its centre (2,), its radius), metres.
        """
        alike = self._downs @ _down(quat)
        index = int(np.argmax(alike))
        if alike[index] < STABLE_COS:
            return None
        rest = self.rest(index)
        turn = rotation @ rotation_of(self.stable_poses[index].quat).T
        yaw = math.atan2(turn[1, 0] - turn[0, 1], turn[0, 0] + turn[1, 1])
        turned = rotation2(yaw)
        return rest.polygon.moved(turned, np.zeros(2)), turned @ rest.centre, rest.radius

    @cached_property
    def samples(self) -> Array:
        """(n, 3) points spread over the collision volume, object frame, the same every time."""
        return volume_samples(self.shapes)

    def top_facet(self, turned: Array) -> tuple[ConvexPolygon, float] | None:
        """Flat top of turned points (m, 3): polygon and height; None when too small or round."""
        height = float((turned[:, 2] + self.radii).max())
        flat = (self.radii == 0.0) & (turned[:, 2] >= height - 0.002)
        polygon = ConvexPolygon.hull(turned[flat, :2]) if flat.sum() >= 3 else None
        if polygon is None or polygon.inradius < MIN_TOP_INRADIUS:
            return None
        return polygon, height


class CavityField:
    """A cavity as a height field: how deep a point of the plane can go before it meets a wall."""

    LEVELS = 13

    def __init__(self, cavity: Cavity) -> None:
        self.cavity = cavity
        self.z = np.linspace(cavity.floor_z, cavity.rim_z, self.LEVELS)
        if cavity.profile:
            heights, scales = np.array(cavity.profile).T
            t = np.interp(self.z, heights, scales)
        else:
            t = np.linspace(0.0, 1.0, self.LEVELS)
        floor, rim = np.array(cavity.floor_polygon), np.array(cavity.rim_polygon)
        self.sections = [ConvexPolygon.of(floor + s * (rim - floor)) for s in t]

    def wall_height(self, points: Array, margin: float) -> Array:
        """Least z (n,) at which points (n, 2) of the object frame are inside the walls.

        Points outside the rim get the rim's height. ``margin`` shrinks the walls, metres.
        """
        height = np.full(len(points), self.z[-1])
        below = self.sections[0].signed_distance(points) + margin
        height[below <= 0.0] = self.z[0]
        within_rim = self.sections[-1].signed_distance(points) + margin <= 0.0
        open_rows = np.flatnonzero((below > 0.0) & within_rim)
        below = below[open_rows]
        for k in range(1, self.LEVELS):
            if not len(open_rows):
                break
            here = self.sections[k].signed_distance(points[open_rows]) + margin
            met = here <= 0.0
            share = below[met] / (below[met] - here[met])
            height[open_rows[met]] = self.z[k - 1] + share * (self.z[k] - self.z[k - 1])
            open_rows, below = open_rows[~met], here[~met]
        return height

    def clearance(self, point: Array) -> float:
        """Distance, metres, from a point (3,) of the object frame to the nearest wall or floor.

        Positive inside; negative outside, also above the rim.
        """
        z = float(point[2])
        wall = self.side_clearance(point)
        return float(min(wall, z - float(self.z[0]), float(self.z[-1]) - z))

    def side_clearance(self, point: Array) -> float:
        """Distance, metres, from a point (3,) of the object frame to the nearest side wall.

        Positive inside the walls, negative outside; heights beyond floor and rim count as these.
        """
        x, y, z = (float(v) for v in point)
        nearest = min(max(z, float(self.z[0])), float(self.z[-1]))
        at = (nearest - self.z[0]) / (self.z[-1] - self.z[0]) * (self.LEVELS - 1)
        k = min(int(at), self.LEVELS - 2)
        xy = np.array([x, y])
        low, high = self.sections[k].overshoot(xy), self.sections[k + 1].overshoot(xy)
        return float(-(low + (at - k) * (high - low)))


_CACHE: dict[int, tuple[ref[RigidAsset], AssetGeometry]] = {}


def asset_geometry(asset: RigidAsset) -> AssetGeometry:
    """The geometry of an asset, computed on first use and kept as long as the asset lives.

    The cache goes by identity: hashing an asset's whole content costs more than most queries.
    """
    key = id(asset)
    entry = _CACHE.get(key)
    if entry is not None and entry[0]() is asset:
        return entry[1]
    geometry = AssetGeometry(asset)
    _CACHE[key] = (ref(asset, lambda _: _CACHE.pop(key, None)), geometry)
    return geometry


def rotation_of(quat: Sequence[float] | Array) -> Array:
    """Rotation matrix (3, 3) of one unit quaternion (4,) wxyz, in scalar arithmetic."""
    w, x, y, z = (float(v) for v in quat)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def _down(quat: Array) -> Array:
    """World down (3,) in the object frame of a world_from_object quaternion."""
    w, x, y, z = quat
    return np.array([2 * (w * y - x * z), -2 * (w * x + y * z), 2 * (x * x + y * y) - 1.0])


def _swept_points(shape: Shape) -> tuple[Array, Array]:
    """Points (n, 3) in the object frame and ball radii (n,) whose hull is the shape's."""
    radius = 0.0
    if shape.kind == "box":
        signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
        local = signs * np.array(shape.size)
    elif shape.kind == "cylinder":
        disc = np.column_stack([RING * shape.size[0], np.zeros(ROUND_SEGMENTS)])
        half = np.array([0.0, 0.0, shape.size[1]])
        local = np.concatenate([disc + half, disc - half])
    elif shape.kind == "sphere":
        local, radius = np.zeros((1, 3)), shape.size[0]
    elif shape.kind == "capsule":
        local = np.array([[0, 0, shape.size[1]], [0, 0, -shape.size[1]]], dtype=np.float64)
        radius = shape.size[0]
    elif shape.kind == "ellipsoid":
        local = unit_sphere(192) * np.array(shape.size)
    else:
        local = np.array(shape.vertices, dtype=np.float64)
    points = local @ rotation_of(shape.quat).T + shape.position
    return points, np.full(len(points), radius)


def unit_sphere(n: int) -> Array:
    """(n, 3) evenly spread unit vectors with both poles (a spherical Fibonacci lattice)."""
    z = np.linspace(1.0, -1.0, n)
    turn = np.arange(n) * (math.pi * (3.0 - math.sqrt(5.0)))
    r = np.sqrt(np.maximum(0.0, 1.0 - z * z))
    return np.stack([r * np.cos(turn), r * np.sin(turn), z], axis=1)


def _hull_only(points: Array, radii: Array) -> tuple[Array, Array]:
    """Drops points without radius that lie inside the hull of the others."""
    sharp = radii == 0.0
    if sharp.sum() <= 32:
        return points, radii
    keep = ConvexHull(points[sharp]).vertices
    return (
        np.concatenate([points[sharp][np.sort(keep)], points[~sharp]]),
        np.concatenate([np.zeros(len(keep)), radii[~sharp]]),
    )


def _surface_points(points: Array, radii: Array) -> Array:
    """Swept points with balls replaced by points on their surface."""
    balls = radii > 0.0
    if not balls.any():
        return points
    surface = points[balls, None] + radii[balls, None, None] * unit_sphere(48)
    return np.concatenate([points[~balls], surface.reshape(-1, 3)])
