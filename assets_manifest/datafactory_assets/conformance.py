"""What every asset source must keep to, as one call that raises ``AssertionError``.

Run it over your own source in its tests::

    check_source(MySource(), seeds=range(3))
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from datafactory_assets import licences
from datafactory_assets.asset import Array, RigidAsset, Shape, VisualMesh
from datafactory_assets.query import is_support
from datafactory_assets.source import AssetSource, FamilyInfo

MAX_HULL_VERTICES = 32
POSE_TOLERANCE_M = 5e-4


@dataclass(frozen=True)
class Limits:
    """What is asked of an asset, by how it was made.

    Attributes:
        shapes: Most convex pieces.
        faces: Most visual faces.
        closed: Visual meshes are closed.
        visual_m: Visual and collision bounds differ by this at most.
        ball_m: A ball in a container rests this near to its floor.
        wall_m: The walls are this near to the sides of the cavity.
    """

    shapes: int
    faces: int
    closed: bool
    visual_m: float
    ball_m: float
    wall_m: float


PROGRAM = Limits(18, 2000, True, 0.006, 0.002, 0.0015)
FILE = Limits(32, 20_000, False, 0.012, 0.006, 0.03)
"""Files are what they are: scanned surfaces are open, and an outline inside a freely formed hollow
keeps away from its walls."""


def check_source(
    source: AssetSource,
    seeds: Iterable[int],
    *,
    families: Iterable[str] | None = None,
    physics: bool = True,
) -> None:
    """Checks the families of a source, instance by instance.

    Args:
        source: The source.
        seeds: Instance seeds to try of each family.
        families: Family names; all of the source's when None.
        physics: Also settle every instance, and fill containers (needs MuJoCo).

    Raises:
        AssertionError: Naming the family, the seed and the broken rule.
    """
    infos = {info.name: info for info in source.families()}
    _require(bool(infos), source.name, "offers at least one family")
    _require(list(infos) == sorted(infos), source.name, "lists its families sorted by name")
    _require(len(infos) == len(source.families()), source.name, "has unique family names")
    seeds = tuple(seeds)
    for name in infos if families is None else families:
        hashes = set()
        for seed in seeds:
            asset = source.make(name, seed)
            _require(asset == source.make(name, seed), f"{name} seed {seed}", "repeats exactly")
            limits = PROGRAM if infos[name].instances is None else FILE
            check_asset(asset, infos[name], limits)
            check_visual(asset, source.visual(asset), limits)
            hashes.add(asset.content_hash)
            if physics:
                from datafactory_assets.conformance_function import check_function
                from datafactory_assets.conformance_physics import check_physics

                check_physics(asset, limits.ball_m, limits.wall_m)
                check_function(asset)
        wanted = len({seed % (infos[name].instances or seed + 1) for seed in seeds})
        _require(len(hashes) == wanted, name, f"has {wanted} content hashes for {len(seeds)} seeds")


def check_asset(asset: RigidAsset, info: FamilyInfo, limits: Limits = PROGRAM) -> None:
    """Checks the values of one asset against each other and against its family."""
    where = f"{asset.family} seed {asset.seed}"
    _check_identity(asset, info, where)
    _check_mass(asset, where)
    _check_shapes(asset, where, limits.shapes)
    _check_poses(asset, where)
    _check_surfaces(asset, where)


def check_visual(
    asset: RigidAsset, meshes: tuple[VisualMesh, ...], limits: Limits = PROGRAM
) -> None:
    """Checks the visual meshes: small, closed, coloured, where the collision geometry is."""
    where = f"{asset.family} seed {asset.seed}"
    count = sum(len(mesh.faces) for mesh in meshes)
    few = 0 < count <= limits.faces
    _require(few, where, f"has 1 to {limits.faces} visual faces, not {count}")
    for mesh in meshes:
        part = f"{where}, part {mesh.name}"
        _require(mesh.vertices.dtype == np.float64, part, "has float64 vertices")
        _require(mesh.faces.dtype == np.int64, part, "has int64 faces")
        _require(bool(np.all(np.isfinite(mesh.vertices))), part, "has finite vertices")
        _require(all(0.0 <= c <= 1.0 for c in mesh.rgba), part, "has colours in [0, 1]")
        if not limits.closed:
            continue
        _require(_is_closed(mesh), part, "is a closed, oriented mesh")
        corners = mesh.vertices[mesh.faces]
        volume = np.sum(np.cross(corners[:, 0], corners[:, 1]) * corners[:, 2]) / 6.0
        _require(float(volume) > 0.0, part, "has faces that look outwards")
    points = np.concatenate([mesh.vertices for mesh in meshes])
    gap = np.abs(np.array([points.min(axis=0), points.max(axis=0)]) - np.array(asset.aabb)).max()
    _require(
        float(gap) <= limits.visual_m,
        where,
        f"has visual bounds within {1e3 * limits.visual_m:.0f} mm of the collision bounds, "
        f"not {1e3 * gap:.1f} mm",
    )


def reach(shape: Shape, direction: Array) -> float:
    """Support function: how far a piece extends along a unit direction (3,), metres."""
    w, x, y, z = shape.quat
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    local = direction @ rotation
    centre = float(np.dot(direction, shape.position))
    size = np.array(shape.size)
    if shape.kind == "box":
        extent = np.dot(np.abs(local), size)
    elif shape.kind == "ellipsoid":
        extent = np.linalg.norm(local * size)
    elif shape.kind == "sphere":
        extent = size[0]
    elif shape.kind == "capsule":
        extent = size[0] + size[1] * abs(local[2])
    elif shape.kind == "cylinder":
        extent = size[0] * math.hypot(local[0], local[1]) + size[1] * abs(local[2])
    else:
        extent = np.max(np.array(shape.vertices) @ local)
    return centre + float(extent)


def _require(condition: bool, where: str, rule: str) -> None:
    if not condition:
        raise AssertionError(f"{where}: an asset source must keep to the rule: it {rule}")


def _check_identity(asset: RigidAsset, info: FamilyInfo, where: str) -> None:
    digest = asset.content_hash
    hexadecimal = len(digest) == 64 and set(digest) <= set("0123456789abcdef")
    _require(hexadecimal, where, "has a content hash of 64 hex digits")
    uid = f"{asset.source}/{asset.family}@{digest[:8]}"
    _require(asset.uid == uid, where, f"has the uid {uid}, not {asset.uid}")
    _require(asset.family == info.name, where, "carries its family's name")
    _require(asset.category == info.category, where, "carries its family's category")
    _require(asset.synonyms == info.synonyms, where, "carries its family's synonyms")
    _require(asset.container == info.container, where, "is a container as its family says")
    _require(info.graspable or not asset.graspable, where, "is graspable only if its family is")
    _require(is_support(asset) == info.supports, where, "is a support as its family says")
    known = not info.materials or asset.material in info.materials
    _require(known, where, "is made of a material its family names")
    _require(bool(asset.colour), where, "names a colour")
    _require(all(0.0 <= c <= 1.0 for c in asset.rgba), where, "has a colour in [0, 1]")
    _require(bool(asset.licence.spdx), where, "states an SPDX licence")
    if asset.source in ("tier0", "tier1"):
        licences.check(asset.licence, where=asset.uid)


def _check_mass(asset: RigidAsset, where: str) -> None:
    _require(0.0 < asset.mass < math.inf, where, f"has a positive mass, not {asset.mass}")
    inertia = np.array(asset.inertia)
    _require(inertia.shape == (3, 3), where, "has a (3, 3) inertia")
    _require(bool(np.allclose(inertia, inertia.T, atol=1e-12)), where, "has a symmetric inertia")
    a, b, c = np.linalg.eigvalsh(inertia)
    _require(bool(a > 0.0 and a + b >= c * (1.0 - 1e-9)), where, "has an inertia a body can have")
    low, high = asset.aabb
    inside = all(low[i] <= asset.com[i] <= high[i] for i in range(3))
    _require(inside, where, "has its centre of mass inside its bounds")
    _require(0.0 < asset.friction <= 2.0, where, "has a friction coefficient in (0, 2]")


def _check_shapes(asset: RigidAsset, where: str, most: int) -> None:
    count = len(asset.shapes)
    _require(0 < count <= most, where, f"has 1 to {most} pieces, not {count}")
    for shape in asset.shapes:
        unit = abs(math.sqrt(sum(q * q for q in shape.quat)) - 1.0) < 1e-6
        _require(unit, where, "has pieces with unit quaternions")
        _require(all(s > 0.0 for s in shape.size), where, "has pieces of positive size")
        hull = 4 <= len(shape.vertices) <= MAX_HULL_VERTICES
        _require(shape.kind != "convex" or hull, where, "has hulls of 4 to 32 vertices")
    high = [max(reach(s, axis) for s in asset.shapes) for axis in np.eye(3)]
    low = [-max(reach(s, -axis) for s in asset.shapes) for axis in np.eye(3)]
    exact = bool(np.allclose(asset.aabb, (low, high), atol=1e-6))
    _require(exact, where, f"has the bounds of its pieces, {low} to {high}, not {asset.aabb}")
    _require(abs(low[2]) < POSE_TOLERANCE_M, where, f"stands on z = 0, not {low[2]:.4f}")


def _check_poses(asset: RigidAsset, where: str) -> None:
    _require(bool(asset.stable_poses), where, "has a stable pose")
    total = sum(pose.probability for pose in asset.stable_poses)
    _require(0.0 < total <= 1.0 + 1e-4, where, f"has pose shares that add up to {total} <= 1")
    for pose in asset.stable_poses:
        w, x, y, z = pose.quat
        _require(abs(w * w + x * x + y * y + z * z - 1.0) < 1e-6, where, "has unit quaternions")
        down = -np.array([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)])
        lowest = -max(reach(shape, down) for shape in asset.shapes)
        touching = abs(lowest + pose.height) < POSE_TOLERANCE_M
        _require(touching, where, f"touches the plane when {pose.name}: {lowest + pose.height:.4f}")


def _check_surfaces(asset: RigidAsset, where: str) -> None:
    names = [surface.name for surface in asset.surfaces]
    _require(len(set(names)) == len(names), where, "has unique surface names")
    for surface in asset.surfaces:
        _require(_is_convex(surface.polygon), where, f"has a convex surface {surface.name}")
        _require(surface.clearance > 0.0, where, f"has room above the surface {surface.name}")
    holds = bool(asset.volumes)
    _require(asset.container == holds, where, "has a cavity or slots if it is a container")
    for volume in asset.volumes:
        same = len(volume.floor_polygon) == len(volume.rim_polygon)
        _require(same, where, "has a cavity with as many corners at the floor as at the rim")
        _require(volume.floor_z < volume.rim_z, where, "has a rim above its floor")
        for outline in (volume.floor_polygon, volume.rim_polygon):
            _require(_is_convex(outline), where, "has a convex cavity outline")
    for a, b in combinations(asset.slots, 2):
        apart = a.rim_z <= b.floor_z or b.rim_z <= a.floor_z
        for p, q in ((a.floor_polygon, b.floor_polygon), (a.rim_polygon, b.rim_polygon)):
            beside = _has_on_its_outside(p, q) or _has_on_its_outside(q, p)
            _require(apart or beside, where, "has separate slots")


def _has_on_its_outside(
    polygon: tuple[tuple[float, float], ...], other: tuple[tuple[float, float], ...]
) -> bool:
    """All of another polygon is on the outer side of one edge, within 0.1 mm."""
    p, q = np.array(polygon), np.array(other)
    edge = np.roll(p, -1, axis=0) - p
    outward = np.stack([edge[:, 1], -edge[:, 0]], axis=1)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    offset = np.sum((q[:, None] - p[None]) * outward, axis=2)
    return bool((offset.min(axis=0) >= -1e-4).any())


def _is_convex(polygon: tuple[tuple[float, float], ...]) -> bool:
    """Convex, counter-clockwise and not degenerate."""
    p = np.array(polygon)
    if len(p) < 3:
        return False
    edge = np.roll(p, -1, axis=0) - p
    following = np.roll(edge, -1, axis=0)
    turn = edge[:, 0] * following[:, 1] - edge[:, 1] * following[:, 0]
    return bool(np.all(turn > 0.0))


def _is_closed(mesh: VisualMesh) -> bool:
    """Every directed edge is used once, and once the other way."""
    edges = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    span = len(mesh.vertices)
    forward = edges[:, 0] * span + edges[:, 1]
    backward = edges[:, 1] * span + edges[:, 0]
    unique = np.unique(forward)
    return len(unique) == len(forward) and bool(np.array_equal(unique, np.unique(backward)))
