"""Placed objects as predicates and samplers see them: footprint, heights, support surfaces."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from datafactory.geometry import Array, Pose
from datafactory.scene import Table
from datafactory.scene_graph.footprint import (
    AssetGeometry,
    CavityField,
    Rest,
    asset_geometry,
    rotation_of,
)
from datafactory.scene_graph.polygon import ConvexPolygon, rotation2
from datafactory_assets.asset import RigidAsset

UPRIGHT_COS = math.cos(math.radians(8.0))


@dataclass(frozen=True, eq=False)
class Surface:
    """An upward facing area in the world that can carry something.

    Attributes:
        polygon: Its outline, world xy.
        z: World height, metres.
        clearance: Free height above it, metres; ``inf`` when open.
        cavity: It is the floor of its owner's cavity, with walls around.
    """

    polygon: ConvexPolygon
    z: float
    clearance: float
    cavity: bool


@dataclass(frozen=True, eq=False)
class Body:
    """One placed object.

    Attributes:
        name: Role name.
        asset: What it is.
        geometry: Its cached geometry.
        pose: world_from_object.
        polygon: Footprint, world xy.
        centre: (2,) centroid of the footprint.
        radius: Greatest distance from ``centre`` to the footprint's edge, metres.
        bottom, top: World heights of its lowest and highest point, metres.
        com: (3,) centre of mass, world.
    """

    name: str
    asset: RigidAsset
    geometry: AssetGeometry
    pose: Pose
    polygon: ConvexPolygon
    centre: Array
    radius: float
    bottom: float
    top: float
    com: Array

    @classmethod
    def at(cls, name: str, asset: RigidAsset, world_from_object: Pose) -> Body:
        """An object at any pose."""
        geometry = asset_geometry(asset)
        rotation = rotation_of(world_from_object.quat)
        turned, radii = geometry.swept(rotation)
        stable = geometry.stable_footprint(rotation, world_from_object.quat)
        if stable is None:
            yaw = math.atan2(rotation[1, 0] - rotation[0, 1], rotation[0, 0] + rotation[1, 1])
            local = geometry.footprint(turned, yaw)
            middle = local.centroid
            radius = float(np.linalg.norm(local.vertices - middle, axis=1).max())
        else:
            local, middle, radius = stable
        shift = world_from_object.position
        polygon = ConvexPolygon(
            local.vertices + shift[:2], local.normals, local.offsets + local.normals @ shift[:2]
        )
        return cls(
            name=name,
            asset=asset,
            geometry=geometry,
            pose=world_from_object,
            polygon=polygon,
            centre=middle + shift[:2],
            radius=radius,
            bottom=float((turned[:, 2] - radii).min() + shift[2]),
            top=float((turned[:, 2] + radii).max() + shift[2]),
            com=rotation @ geometry.com + shift,
        )

    @classmethod
    def resting(cls, name: str, asset: RigidAsset, rest: Rest, at: Array, yaw: float) -> Body:
        """An object in a stable pose on a plane.

        Args:
            name: Role name.
            asset: What it is.
            rest: The stable pose's geometry.
            at: (3,) world x, y of the object's origin and z of the plane, metres.
            yaw: Rotation about world z, rad.
        """
        turn = rotation2(yaw)
        z = float(at[2])
        c, s = math.cos(0.5 * yaw), math.sin(0.5 * yaw)
        w, qx, qy, qz = rest.quat
        quat = np.array([c * w - s * qz, c * qx - s * qy, c * qy + s * qx, c * qz + s * w])
        com = np.array([0.0, 0.0, z + rest.com[2]])
        com[:2] = turn @ rest.com[:2] + at[:2]
        return cls(
            name=name,
            asset=asset,
            geometry=asset_geometry(asset),
            pose=Pose(np.array([at[0], at[1], z + rest.height]), quat),
            polygon=rest.polygon.moved(turn, at[:2]),
            centre=turn @ rest.centre + at[:2],
            radius=rest.radius,
            bottom=z,
            top=z + rest.top,
            com=com,
        )

    @cached_property
    def rotation(self) -> Array:
        """(3, 3) rotation of ``pose``."""
        return rotation_of(self.pose.quat)

    @property
    def upright(self) -> bool:
        """The object's z axis is vertical within 8 degrees."""
        return bool(self.rotation[2, 2] >= UPRIGHT_COS)

    def to_local(self, points: Array) -> Array:
        """World points (..., 3) in the object frame."""
        local: Array = (points - self.pose.position) @ self.rotation
        return local

    @cached_property
    def surfaces(self) -> tuple[Surface, ...]:
        """What can carry something: declared surfaces when upright, else a flat top."""
        if not self.upright:
            turned, _ = self.geometry.swept(self.rotation)
            facet = self.geometry.top_facet(turned)
            if facet is None:
                return ()
            polygon, z = facet
            moved = polygon.moved(np.eye(2), self.pose.position[:2])
            return (Surface(moved, z + float(self.pose.position[2]), math.inf, False),)
        return tuple(
            Surface(
                polygon=self._outline(surface.polygon, surface.z),
                z=float(self.pose.position[2]) + surface.z,
                clearance=surface.clearance,
                cavity=self._in_cavity(surface.z),
            )
            for surface in self.asset.surfaces
        )

    @cached_property
    def cavity_surface(self) -> Surface | None:
        """The cavity's floor when upright: its middle cross section, at the floor's height."""
        field = self.geometry.cavity
        if field is None or not self.upright:
            return None
        middle = field.sections[CavityField.LEVELS // 2]
        height = float(self.pose.position[2]) + float(field.z[0])
        return Surface(self._outline(middle.vertices, float(field.z[0])), height, math.inf, True)

    def _outline(self, polygon: Array | tuple[tuple[float, float], ...], z: float) -> ConvexPolygon:
        flat = np.asarray(polygon, dtype=np.float64)
        points = np.column_stack([flat, np.full(len(flat), z)]) @ self.rotation.T
        return ConvexPolygon.of(points[:, :2] + self.pose.position[:2])

    def _in_cavity(self, z: float) -> bool:
        field = self.geometry.cavity
        return field is not None and float(field.z[0]) - 0.002 <= z < float(field.z[-1]) - 0.002


@lru_cache(maxsize=64)
def table_surface(table: Table) -> Surface:
    """The table top as a surface."""
    if table.outline:
        return Surface(ConvexPolygon.of(table.outline), table.height, math.inf, False)
    (x, y), (hx, hy) = table.center, table.half_extents
    corners = [(x - hx, y - hy), (x + hx, y - hy), (x + hx, y + hy), (x - hx, y + hy)]
    return Surface(ConvexPolygon.of(corners), table.height, math.inf, False)
