"""One object file becomes a ``RigidAsset`` and its visual meshes."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from datafactory_assets.asset import Array, Cavity, RigidAsset, Shape, StablePose, VisualMesh
from datafactory_assets.convert.columns import find_cavity, find_surfaces, height_field
from datafactory_assets.convert.description import Description
from datafactory_assets.convert.hulls import Method, decompose
from datafactory_assets.convert.parts import Part, Rgba
from datafactory_assets.convert.repair import (
    COLLISION_FACES,
    MassProperties,
    joined,
    mass_properties,
    simplified,
    welded,
)
from datafactory_assets.convert.resting import Rest, resting, turn_from_down
from datafactory_assets.errors import AssetError
from datafactory_assets.families.language import GRIP_MARGIN_M, GRIP_MASS_KG, GRIPPER_OPENING_M
from datafactory_assets.families.materials import COLOURS, MATERIALS

VERSION = 1
"""Raised whenever the same file would give another asset."""
VISUAL_FACES = 20_000
MAX_POSES = 8
MIN_SHARE = 0.01
MIN_MARGIN_M = 1e-3
UPRIGHT_RAD = math.radians(3.0)
THICKEST_RIM_M = 0.03
WIDEST_RIM_M = 0.17
SIZES_M = (0.004, 3.0)
"""Longest side an object may have: outside of it the unit of the file is wrong."""


@dataclass(frozen=True, eq=False)
class Converted:
    """A converted file.

    Attributes:
        asset: The asset; ``source`` and ``uid`` are set by who owns it.
        meshes: Its visual meshes, object frame.
    """

    asset: RigidAsset
    meshes: tuple[VisualMesh, ...]


@dataclass(frozen=True, eq=False)
class _Body:
    """Geometry in one frame."""

    parts: tuple[Part, ...]
    hulls: tuple[Array, ...]
    mass: MassProperties
    method: Method

    def moved(self, turn: Array, shift: Array) -> _Body:
        """Turned by (3, 3), then shifted by (3,)."""
        parts = tuple(replace(p, vertices=p.vertices @ turn.T + shift) for p in self.parts)
        hulls = tuple(h @ turn.T + shift for h in self.hulls)
        mass = replace(
            self.mass, com=turn @ self.mass.com + shift,
            inertia=turn @ self.mass.inertia @ turn.T,
        )  # fmt: skip
        return _Body(parts, hulls, mass, self.method)

    @property
    def points(self) -> Array:
        """Vertices of all pieces."""
        return np.concatenate(self.hulls)


def convert(name: str, parts: Sequence[Part], said: Description, method: Method) -> Converted:
    """Makes a rigid asset of a file's parts.

    Args:
        name: Family name.
        parts: Meshes in metres, z up.
        said: What is known beside the mesh.
        method: How the convex pieces are made.

    Raises:
        AssetError: The mesh has no solid part, an impossible size, or contradicts ``said``.
    """
    body = _body(parts, method)
    _check_size(body, said)
    body, rests = _standing(body, bool(said.up))
    poses = _poses(body, rests)
    field = height_field(body.hulls, np.concatenate([p.vertices[p.faces] for p in body.parts]))
    cavity = None if said.container is False else find_cavity(field)
    if said.container and cavity is None:
        raise AssetError(
            f"{name} has no hollow that is open above",
            where=f"{said.where}.container",
            why="none is 24 mm wide and 8 mm deep in the pose it stands in",
            remedy="set `up` to the axis that points up, try --decompose coacd, "
            "or drop `container`",
        )
    asset = _asset(name, body, said, poses, cavity)
    asset = replace(asset, surfaces=find_surfaces(field, cavity))
    asset = replace(asset, stable_poses=_settled(asset, said))
    meshes = tuple(_visual(part, asset.rgba) for part in body.parts)
    return Converted(replace(asset, content_hash=_content_hash(asset, meshes)), meshes)


def _body(parts: Sequence[Part], method: Method) -> _Body:
    meshes = [welded(part) for part in parts]
    meshes = [mesh for mesh in meshes if len(mesh.faces) >= 4]
    if not meshes:
        raise AssetError("a mesh has no solid part", remedy="export a closed surface")
    whole = joined(meshes)
    coarse = whole
    if len(whole.faces) > COLLISION_FACES:
        points, faces = simplified(np.array(whole.vertices), np.array(whole.faces), COLLISION_FACES)
        coarse = welded(Part("", points, faces, None))
    hollow = find_cavity(height_field((), np.asarray(coarse.triangles))) is not None
    hulls, made_by = decompose(coarse, method, hollow=hollow)
    share = VISUAL_FACES / max(VISUAL_FACES, sum(len(part.faces) for part in parts))
    small = []
    for part in parts:
        points, faces = simplified(
            part.vertices, part.faces, max(4, math.floor(share * len(part.faces)))
        )
        small.append(Part(part.name, points, faces, part.rgba))
    return _Body(tuple(small), hulls, mass_properties(whole, hulls), made_by)


def _check_size(body: _Body, said: Description) -> None:
    longest = float(np.ptp(body.points, axis=0).max())
    if SIZES_M[0] <= longest <= SIZES_M[1]:
        return
    raise AssetError(
        f"the object is {longest:.4g} m long",
        where=f"{said.where}.units",
        why=f"objects are {SIZES_M[0]:g} to {SIZES_M[1]:g} m long",
        remedy="set `units` to the file's unit (mm, cm, m, in, ft), or `scale`",
    )


def _standing(body: _Body, must: bool) -> tuple[_Body, tuple[Rest, ...]]:
    """Turns a body into its upright pose, on z = 0 above the middle of its footprint.

    That is the pose with the stated axis up; where none was stated and it would fall over from
    the conventional one, the most frequent resting pose.
    """
    rests = tuple(r for r in resting(body.points, body.mass.com) if r.margin_m >= MIN_MARGIN_M)
    if not rests:
        raise AssetError("the object rests nowhere: it is a ball, or stands on points",
                         remedy="give it a flat place of a few millimetres")  # fmt: skip
    upright = max(rests, key=lambda r: -r.down[2])
    if -upright.down[2] < math.cos(UPRIGHT_RAD):
        if must:
            raise AssetError(
                "the object does not stand with the stated axis up",
                why="the nearest resting pose leans by "
                f"{math.degrees(math.acos(min(1.0, -upright.down[2]))):.0f} degrees",
                remedy="correct `up`, or drop it: the object then lies in its most frequent pose",
            )
        upright = rests[0]
    turn = _matrix(turn_from_down(upright.down))
    points = body.points @ turn.T
    low, high = points.min(axis=0), points.max(axis=0)
    shift = -np.array([0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1]), low[2]])
    others = [Rest(turn @ r.down, r.share, r.margin_m) for r in rests if r is not upright]
    first = Rest(np.array([0.0, 0.0, -1.0]), upright.share, upright.margin_m)
    return body.moved(turn, shift), (first, *others)


def _poses(body: _Body, rests: Sequence[Rest]) -> tuple[StablePose, ...]:
    found: list[StablePose] = []
    for k, rest in enumerate(rests):
        if k and (rest.share < MIN_SHARE or len(found) == MAX_POSES):
            continue
        z = -float(rest.down[2])
        name = "upright" if not k else "upside_down" if z < -0.9 else "lying"
        if k and z > 0.9:
            name = "leaning"
        height = float((body.points @ rest.down).max())
        quat = turn_from_down(rest.down) if k else (1.0, 0.0, 0.0, 0.0)
        found.append(StablePose(_rounded(quat, 12), round(height, 9) + 0.0,
                                round(rest.share, 6), name))  # fmt: skip
    return tuple(found)


def _settled(asset: RigidAsset, said: Description) -> tuple[StablePose, ...]:
    """The poses an asset stays in when it is let go; the first one must be among them."""
    from datafactory_assets.conformance_physics import MAX_DRIFT_M, MAX_TILT_RAD, settle

    kept = []
    for pose in asset.stable_poses:
        drift, tilt = settle(asset, pose)
        if drift <= 0.8 * MAX_DRIFT_M and tilt <= 0.8 * MAX_TILT_RAD:
            kept.append(pose)
        elif not kept:
            raise AssetError(
                "the object does not stay in its upright pose",
                where=said.where,
                why=f"it moves {1e3 * drift:.1f} mm and turns {math.degrees(tilt):.0f} degrees",
                remedy="set `up` to another axis, or give it a flat place to stand on",
            )
    return tuple(kept)


def _asset(
    name: str, body: _Body, said: Description, poses: tuple[StablePose, ...], cavity: Cavity | None
) -> RigidAsset:
    material = MATERIALS[said.material]
    density = said.density or material.density
    if said.mass_kg is not None:
        density = said.mass_kg / body.mass.volume
    mass = density * body.mass.volume
    colour, rgba = _colours(body.parts, said.colour, material.colours[0])
    points = body.points
    shapes = tuple(_shape(hull) for hull in body.hulls)
    graspable = said.graspable
    if graspable is None:
        graspable = mass <= GRIP_MASS_KG and _grip(points, cavity)
    inertia = 0.5 * density * (body.mass.inertia + body.mass.inertia.T)
    split = (said.split,) if said.split else ()
    noun = (said.category or name).replace("_", " ")
    params = {"file": said.name or name, "decompose": body.method,
              "inertia": body.mass.source, "said": said.to_dict(),
              "version": VERSION}  # fmt: skip
    return RigidAsset(
        uid="", source="", family=name, seed=0,
        params_json=json.dumps(params, sort_keys=True, separators=(",", ":")),
        category=noun, synonyms=said.synonyms, colour=colour, rgba=rgba,
        material=material.name, density=density, mass=mass,
        com=_triple(body.mass.com),
        inertia=(_exact(inertia[0]), _exact(inertia[1]), _exact(inertia[2])),
        friction=said.friction or material.friction,
        aabb=(_triple(points.min(axis=0)), _triple(points.max(axis=0))),
        shapes=shapes, surfaces=(), cavity=cavity, stable_poses=poses,
        graspable=graspable, container=cavity is not None, symmetry="none",
        licence=said.spdx, content_hash="", attributes=(*said.attributes, *split),
    )  # fmt: skip


def _grip(points: Array, cavity: Cavity | None) -> bool:
    """Whether a gripper's opening takes the object across, or by a container's wall."""
    opening = GRIPPER_OPENING_M - GRIP_MARGIN_M
    flat = points[:, :2]
    angles = np.linspace(0.0, np.pi, 36, endpoint=False)
    across = np.ptp(flat @ np.array([np.cos(angles), np.sin(angles)]), axis=0).min()
    if across <= opening:
        return True
    if cavity is None or across > WIDEST_RIM_M:
        return False
    rim = np.array(cavity.rim_polygon)
    wall = float(np.abs(flat - rim.mean(axis=0)).max() - np.abs(rim - rim.mean(axis=0)).max())
    return wall <= THICKEST_RIM_M


def _shape(hull: Array) -> Shape:
    centre = np.round(0.5 * (hull.min(axis=0) + hull.max(axis=0)), 9)
    vertices = tuple(_triple(v) for v in hull - centre)
    return Shape("convex", (), _triple(centre), vertices=vertices)


def _colours(parts: Sequence[Part], stated: str, fallback: str) -> tuple[str, Rgba]:
    """Colour word and main colour: stated, else nearest to the largest part's own colour."""
    own: dict[Rgba, float] = {}
    for part in parts:
        if part.rgba is not None:
            t = part.vertices[part.faces]
            area = np.linalg.norm(np.cross(t[:, 1] - t[:, 0], t[:, 2] - t[:, 0]), axis=1).sum()
            own[part.rgba] = own.get(part.rgba, 0.0) + float(area)
    main = max(own, key=lambda rgba: own[rgba], default=None)
    if stated:
        return stated, main or COLOURS[stated]
    if main is None:
        return fallback, COLOURS[fallback]
    return min(COLOURS, key=lambda word: math.dist(COLOURS[word][:3], main[:3])), main


def _visual(part: Part, main: Rgba) -> VisualMesh:
    return VisualMesh(part.name, part.vertices, part.faces, part.rgba or main)


def _content_hash(asset: RigidAsset, meshes: Sequence[VisualMesh]) -> str:
    """64 hex digits over an asset's values but its names, and its visual meshes."""
    values: dict[str, Any] = asdict(asset)
    for key in ("uid", "source", "content_hash", "grasps"):
        del values[key]
    digest = hashlib.blake2b(json.dumps(values, sort_keys=True).encode(), digest_size=32)
    for mesh in meshes:
        digest.update(f"{mesh.name}\x1f{mesh.rgba}\x1f{mesh.vertices.shape}".encode())
        digest.update(mesh.vertices.astype("<f8").tobytes())
        digest.update(mesh.faces.astype("<i8").tobytes())
    return digest.hexdigest()


def _matrix(quat: Sequence[float]) -> Array:
    w, x, y, z = quat
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip


def _rounded(quat: Sequence[float], digits: int) -> tuple[float, float, float, float]:
    w, x, y, z = (round(float(v), digits) + 0.0 for v in quat)
    return (w, x, y, z)


def _exact(values: Array) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return (x, y, z)


def _triple(values: Array) -> tuple[float, float, float]:
    x, y, z = (round(float(v), 9) + 0.0 for v in values)
    return (x, y, z)
