"""The data of one rigid asset, as frozen values. SI units; object frame: z up.

The object frame has its origin at the centre of the footprint of the upright pose, on its lowest
plane (z = 0), so an asset standing upright on a surface has the surface's height as its z.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
ShapeKind = Literal["box", "cylinder", "sphere", "capsule", "ellipsoid", "convex"]


@dataclass(frozen=True)
class Licence:
    """What may be done with an asset.

    Attributes:
        spdx: SPDX identifier, for example ``Apache-2.0`` or ``CC-BY-4.0``.
        author: Who made it.
        source: Where it came from (package, URL, or ``datafactory`` for generated assets).
        attribution: Text a redistributor must show; empty when none is needed.
    """

    spdx: str
    author: str
    source: str
    attribution: str = ""


@dataclass(frozen=True)
class Shape:
    """One convex collision piece, with MuJoCo's size conventions.

    Attributes:
        kind: ``box`` (half extents), ``cylinder``/``capsule`` (radius, half length along z),
            ``sphere`` (radius), ``ellipsoid`` (semi-axes) or ``convex`` (vertices).
        size: Sizes in metres as above; empty for ``convex``.
        position: (3,) centre of the piece in the object frame, metres.
        quat: (4,) wxyz orientation of the piece in the object frame.
        vertices: (n, 3) hull vertices in the piece's frame for ``convex``, n <= 32; else empty.
        part: Name of the part the piece belongs to (``wall``, ``floor``, ``handle``, ``body``).
    """

    kind: ShapeKind
    size: tuple[float, ...] = ()
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    quat: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
    vertices: tuple[tuple[float, float, float], ...] = ()
    part: str = "body"


@dataclass(frozen=True)
class SupportSurface:
    """A flat, upward facing area other objects can rest on.

    Attributes:
        name: ``top``, ``floor`` (inside a cavity) ...
        polygon: Convex polygon, counter-clockwise, ((x, y), ...) in the object frame, metres.
        z: Height in the object frame, metres.
        clearance: Free height above it inside the object, metres; ``inf`` when open.
    """

    name: str
    polygon: tuple[tuple[float, float], ...]
    z: float
    clearance: float = float("inf")


@dataclass(frozen=True)
class Cavity:
    """An open-topped volume: convex cross sections interpolated between floor and rim.

    Attributes:
        floor_polygon: Convex polygon at ``floor_z``, counter-clockwise, (n, 2) as tuples.
        rim_polygon: Convex polygon with the same vertex count at ``rim_z``.
        floor_z: Height of the inner floor, metres.
        rim_z: Height of the opening, metres.
        profile: ((z, scale), ...) optional inner radius profile: scale in [0, 1] interpolates
            floor_polygon (0) to rim_polygon (1) at height z; linear in z when empty.
    """

    floor_polygon: tuple[tuple[float, float], ...]
    rim_polygon: tuple[tuple[float, float], ...]
    floor_z: float
    rim_z: float
    profile: tuple[tuple[float, float], ...] = ()

    def contains(self, points: Array, margin: float = 0.0) -> NDArray[np.bool_]:
        """Tells which points (n, 3) of the object frame lie inside.

        Args:
            points: (n, 3) metres, object frame.
            margin: Shrinks (> 0) or grows (< 0) the side walls, metres.

        Returns:
            (n,) bool.
        """
        p = np.atleast_2d(np.asarray(points, dtype=np.float64))
        z = np.clip(p[:, 2], self.floor_z, self.rim_z)
        if self.profile:
            zs, scales = np.array(self.profile).T
            t = np.interp(z, zs, scales)
        else:
            t = (z - self.floor_z) / (self.rim_z - self.floor_z)
        floor = np.array(self.floor_polygon)
        rim = np.array(self.rim_polygon)
        polygon = floor[None] + t[:, None, None] * (rim - floor)[None]
        edge = np.roll(polygon, -1, axis=1) - polygon
        outward = np.stack([edge[..., 1], -edge[..., 0]], axis=-1)
        length = np.linalg.norm(outward, axis=-1)
        offset = np.sum((p[:, None, :2] - polygon) * outward, axis=-1)
        distance = offset / np.where(length > 0, length, 1.0)
        inside_z = (p[:, 2] >= self.floor_z - 1e-3) & (p[:, 2] <= self.rim_z)
        inside: NDArray[np.bool_] = inside_z & (distance.max(axis=1) <= -margin)
        return inside


@dataclass(frozen=True)
class StablePose:
    """A resting orientation on a horizontal plane.

    Attributes:
        quat: (4,) wxyz, plane_from_object orientation.
        height: z of the object frame's origin above the plane, metres.
        probability: Share of random drops that end here, in [0, 1].
        name: ``upright``, ``lying``, ``upside_down`` ...
    """

    quat: tuple[float, float, float, float]
    height: float
    probability: float
    name: str = "upright"


@dataclass(frozen=True, eq=False)
class VisualMesh:
    """One coloured triangle mesh of the visual geometry.

    Attributes:
        name: Part name.
        vertices: (n, 3) float64 metres, object frame.
        faces: (m, 3) int64.
        rgba: Colour, components in [0, 1].
    """

    name: str
    vertices: Array
    faces: NDArray[np.int64]
    rgba: tuple[float, float, float, float]


@dataclass(frozen=True)
class RigidAsset:
    """One rigid object, ready to be simulated, grasped, asked for and drawn.

    ``uid`` names the content: ``<source>/<family>@<first 8 hex of content_hash>``. Two assets with
    the same ``content_hash`` are the same object byte for byte.

    Attributes:
        uid: Unique handle.
        source: Asset source that can make it again (``tier0``, ``local`` ...).
        family: Family name (``mug``).
        seed: Instance seed within the family.
        params_json: The family's drawn parameters as canonical JSON.
        category: Category noun used in instructions (``mug``).
        synonyms: Other nouns for it.
        colour: Colour word (``red``).
        rgba: Main colour.
        material: Material name (``ceramic``), which set the density.
        density: kg/m^3 of the solid material.
        mass: kg, from the exact volume.
        com: (3,) centre of mass, object frame, metres.
        inertia: (3, 3) about the centre of mass, object-frame axes, kg m^2.
        friction: Sliding friction coefficient against common surfaces.
        aabb: ((xmin, ymin, zmin), (xmax, ymax, zmax)) in the object frame, metres.
        shapes: Convex collision pieces; their union is the collision geometry.
        surfaces: Support surfaces, object frame.
        cavity: Containment volume of a container, else None.
        slots: Cells of a rack or crate, each a containment volume of its own; they do not overlap.
        stable_poses: Resting poses, most probable first; the first one is used for layouts.
        graspable: A parallel gripper can lift it.
        container: It has a cavity or slots that other objects fit into.
        symmetry: ``none``, ``z`` (solid of revolution) or ``box`` (180 degrees about z).
        licence: Licence of the asset.
        content_hash: 64 hex digits of blake2b over everything above but the names.
        grasps: sha256 of imported grasps in the asset store; empty to sample grasps.
    """

    uid: str
    source: str
    family: str
    seed: int
    params_json: str
    category: str
    synonyms: tuple[str, ...]
    colour: str
    rgba: tuple[float, float, float, float]
    material: str
    density: float
    mass: float
    com: tuple[float, float, float]
    inertia: tuple[tuple[float, float, float], ...]
    friction: float
    aabb: tuple[tuple[float, float, float], tuple[float, float, float]]
    shapes: tuple[Shape, ...]
    surfaces: tuple[SupportSurface, ...]
    cavity: Cavity | None
    stable_poses: tuple[StablePose, ...]
    graspable: bool
    container: bool
    symmetry: Literal["none", "z", "box"]
    licence: Licence
    content_hash: str
    attributes: tuple[str, ...] = field(default=())
    slots: tuple[Cavity, ...] = ()
    grasps: str = ""

    @property
    def extents(self) -> tuple[float, float, float]:
        """Side lengths of the bounding box, metres."""
        lo, hi = self.aabb
        return (hi[0] - lo[0], hi[1] - lo[1], hi[2] - lo[2])

    @property
    def volumes(self) -> tuple[Cavity, ...]:
        """Everything a container contains things with: its cavity, if it has one, and its slots."""
        return (*((self.cavity,) if self.cavity else ()), *self.slots)


@dataclass(frozen=True)
class ByContent:
    """A cache key that is equal for equal content and hashes in constant time."""

    content_hash: str
    asset: RigidAsset = field(compare=False, hash=False)

    @classmethod
    def of(cls, asset: RigidAsset) -> ByContent:
        """Wraps an asset."""
        return cls(asset.content_hash, asset)
