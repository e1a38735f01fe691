"""How a family is written: draw parameters from a seed, build a form from the parameters.

``draw`` is the only place with randomness and ``build`` is a pure function of the parameters, so
an asset's stored ``params_json`` is enough to make its geometry, visual meshes included, again.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from datafactory_assets.asset import (
    Cavity,
    Licence,
    RigidAsset,
    Shape,
    StablePose,
    SupportSurface,
)
from datafactory_assets.families.materials import COLOURS, MATERIALS, Material, Rgba
from datafactory_assets.families.patterns import draw_pattern
from datafactory_assets.families.pieces import bounds
from datafactory_assets.families.solids import Solid, mass_properties
from datafactory_assets.source import FamilyInfo

LICENCE = Licence("CC0-1.0", "datafactory", "datafactory")
GRIPPER_OPENING_M = 0.085
GRIP_MARGIN_M = 0.005
GRIP_MASS_KG = 0.6
_MAX_DRAWS = 24


@dataclass(frozen=True, slots=True)
class Params:
    """What tells one instance of a family from another.

    Attributes:
        material: Material name.
        colour: Colour word.
        rgba: Main colour.
        size: Dimensions in metres, and ``density`` in kg/m^3 where contents set it.
    """

    material: str
    colour: str
    rgba: Rgba
    size: dict[str, float]

    def to_json(self) -> str:
        """Canonical JSON."""
        data = {
            "colour": self.colour,
            "material": self.material,
            "rgba": self.rgba,
            "size": self.size,
        }
        return json.dumps(data, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Params:
        """Inverse of ``to_json``."""
        data = json.loads(text)
        r, g, b, a = data["rgba"]
        return cls(data["material"], data["colour"], (r, g, b, a), data["size"])


class Draw:
    """A fixed budget of uniform numbers, from one generator of (family, seed)."""

    def __init__(self, family: str, seed: int) -> None:
        key = int.from_bytes(hashlib.blake2b(family.encode(), digest_size=8).digest(), "little")
        sequence = np.random.SeedSequence(entropy=seed, spawn_key=(key,))
        generator = np.random.Generator(np.random.PCG64(sequence))
        self._values: Iterator[float] = iter(generator.random(_MAX_DRAWS).tolist())

    def uniform(self, low: float, high: float) -> float:
        """Uniform number in [low, high), rounded to nine decimals."""
        return round(low + (high - low) * next(self._values), 9)

    def choice(self, options: tuple[str, ...]) -> str:
        """One of the options, uniformly."""
        return options[int(next(self._values) * len(options))]

    def params(
        self, materials: tuple[str, ...], colours: tuple[str, ...] = (), **size: float
    ) -> Params:
        """Adds a material and a slightly varied colour to drawn dimensions.

        Args:
            materials: Materials to choose from.
            colours: Colour words to choose from; empty means those of the material.
            **size: Dimensions, metres.
        """
        material = self.choice(materials)
        colour = self.choice(colours or MATERIALS[material].colours)
        shift = self.uniform(-0.05, 0.05)
        r, g, b, a = COLOURS[colour]
        rgba = (_clip(r + shift), _clip(g + shift), _clip(b + shift), a)
        return Params(material, colour, rgba, {k: round(v, 9) for k, v in size.items()})


@dataclass(frozen=True, slots=True)
class Form:
    """The geometry and physics of one instance, object frame.

    Attributes:
        solids: True solids; mass, inertia and the visual meshes come from them.
        shapes: Convex collision pieces.
        poses: Resting poses; the first one is used for layouts.
        surfaces: Support surfaces.
        cavity: Containment volume of a container.
        slots: Cells of a rack or crate.
        symmetry: As in ``RigidAsset``.
        grip: Smallest opening that gets a hold on it, metres; None when nothing does.
        attributes: Extra attribute words.
    """

    solids: tuple[Solid, ...]
    shapes: tuple[Shape, ...]
    poses: tuple[StablePose, ...]
    surfaces: tuple[SupportSurface, ...] = ()
    cavity: Cavity | None = None
    slots: tuple[Cavity, ...] = ()
    symmetry: Literal["none", "z", "box"] = "none"
    grip: float | None = None
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Family:
    """A seeded object family.

    Attributes:
        info: Name, category and the like.
        draw: Draws the parameters of an instance.
        build: Makes the form from the parameters; pure.
        version: Raised whenever the same seed would give a different object.
        patterns: Instances have a pattern word among their attributes.
    """

    info: FamilyInfo
    draw: Callable[[Draw], Params]
    build: Callable[[Params], Form]
    version: int = 1
    patterns: bool = False


def assemble(source: str, family: Family, seed: int) -> RigidAsset:
    """Makes the asset of one seed of a family.

    Args:
        source: Name of the asset source, the first part of the uid.
        family: The family.
        seed: Instance seed, >= 0.
    """
    params = family.draw(Draw(family.info.name, seed))
    form = family.build(params)
    material: Material = MATERIALS[params.material]
    density = params.size.get("density", material.density)
    mass, com, inertia = mass_properties(form.solids, density)
    attributes = form.attributes
    if family.patterns:
        attributes += (draw_pattern(family.info.name, seed, material.name),)
    grip = form.grip is not None and form.grip <= GRIPPER_OPENING_M - GRIP_MARGIN_M
    asset = RigidAsset(
        uid="",
        source=source,
        family=family.info.name,
        seed=seed,
        params_json=params.to_json(),
        category=family.info.category,
        synonyms=family.info.synonyms,
        colour=params.colour,
        rgba=params.rgba,
        material=material.name,
        density=density,
        mass=mass,
        com=com,
        inertia=inertia,
        friction=material.friction,
        aabb=bounds(form.shapes),
        shapes=form.shapes,
        surfaces=form.surfaces,
        cavity=form.cavity,
        stable_poses=form.poses,
        graspable=grip and mass <= GRIP_MASS_KG,
        container=form.cavity is not None or bool(form.slots),
        symmetry=form.symmetry,
        licence=LICENCE,
        content_hash="",
        attributes=attributes,
        slots=form.slots,
    )
    digest = content_hash(asset, family.version)
    uid = f"{source}/{family.info.name}@{digest[:8]}"
    return replace(asset, uid=uid, content_hash=digest)


def content_hash(asset: RigidAsset, version: int) -> str:
    """Hashes what an asset is: family, version, parameters, geometry, physics.

    Geometry enters in nanometres and inertia in 1e-15 kg m^2, as integers, so the hash does not
    depend on the last bit of a floating-point result.

    Args:
        asset: The asset; its uid, source and seed do not enter.
        version: Version of the family.

    Returns:
        64 hex digits.
    """
    words: list[str] = [asset.family, str(version), asset.params_json, asset.material]
    numbers: list[float] = [asset.mass, *asset.com, asset.friction, *asset.aabb[0], *asset.aabb[1]]
    for row in asset.inertia:
        numbers += [1e6 * value for value in row]
    for shape in asset.shapes:
        words += (shape.kind, shape.part)
        numbers += (*shape.size, *shape.position, *shape.quat)
        for vertex in shape.vertices:
            numbers += vertex
    for surface in asset.surfaces:
        words.append(surface.name)
        numbers += (surface.z, -1.0 if math.isinf(surface.clearance) else surface.clearance)
        for point in surface.polygon:
            numbers += point
    for pose in asset.stable_poses:
        words.append(pose.name)
        numbers += (*pose.quat, pose.height, pose.probability)
    for cavity in asset.volumes:
        numbers += (cavity.floor_z, cavity.rim_z)
        for point in (*cavity.floor_polygon, *cavity.rim_polygon, *cavity.profile):
            numbers += point
    if asset.slots:
        words.append(f"{len(asset.slots)} slots")
    words += (asset.symmetry, str(asset.graspable), asset.licence.spdx, *asset.attributes)
    digest = hashlib.blake2b("\x1f".join(words).encode(), digest_size=32)
    digest.update(struct.pack(f"<{len(numbers)}q", *[round(1e9 * x) for x in numbers]))
    return digest.hexdigest()


def _clip(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 4)
