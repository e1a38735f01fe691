"""Objects as they are drawn: their source's visual meshes with labels, patterns and plain colours.

Whatever the look says, an object keeps the colour that instructions call it by: labels are printed
in that colour, and textures only vary its brightness. Only a pattern that its attributes name is
printed in two colours, its own and one that stands out from it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from datafactory.episode import AssetRecord, ObjectRecord
from datafactory.errors import UnknownNameError
from datafactory.plugin import load
from datafactory.render.look import SurfaceLook
from datafactory.render.paint import Paint, painted, patterned
from datafactory.render.poses import PhysicsGeom
from datafactory.render.shapes import geom_mesh
from datafactory.render.stage import Material, Surface
from datafactory.render.textures.prints import printed
from datafactory.render.unwrap import (
    box_uv,
    corner_normals,
    corners_of,
    cylinder_uv,
    face_normals,
    front_uv,
    joined,
    welded,
)
from datafactory_assets.asset import RigidAsset, VisualMesh
from datafactory_assets.families.materials import COLOURS, METAL
from datafactory_assets.families.patterns import PLAIN, pattern_of
from datafactory_assets.source import AssetSource

GLOSS = {
    "glass": 0.6, "steel": 0.6, "aluminium": 0.6, "ceramic": 0.5, "plastic": 0.35, "soap": 0.3,
    "fruit": 0.25, "wood": 0.15, "rubber": 0.1, "cardboard": 0.05, "paper": 0.05, "foam": 0.0,
    "vegetable": 0.25, "food": 0.15, "eggshell": 0.1, "tissue": 0.0,
}  # fmt: skip
"""Gloss by material; an unknown one is as glossy as plastic."""
_METAL_GLOSS = 0.7
_PRINTED = {"can": "sleeve", "tin": "sleeve", "bottle": "label", "jar": "label"}
"""The part of a round package that its label goes around."""
_REPEAT_SHARE = 2.0
_FLAT = math.sqrt(0.5)
PRINT_PIXELS = 96
"""Edge of a printed pattern's tile; a tile is small on the object, so few pixels do."""
_PRINT_SHARE = 0.22


@dataclass(frozen=True)
class _Key:
    """What an object's surfaces depend on; equal content is equal."""

    asset_id: str
    texture: str
    pixels: int
    record: AssetRecord = field(compare=False, hash=False)


def object_surfaces(
    item: ObjectRecord,
    record: AssetRecord | None,
    texture: str,
    pixels: int,
    geoms: Sequence[PhysicsGeom],
) -> tuple[Surface, ...]:
    """What is drawn of an object, in its frame.

    An object whose source is not installed, or makes something else today, is drawn by its
    collision geometry, which the dataset has.

    Args:
        item: The object.
        record: Its row of the ``assets`` table.
        texture: Name of its label or pattern; empty for plain colours.
        pixels: Edge of texture images.
        geoms: Its geometry in the physics model.
    """
    if record is not None:
        found = _visual(_Key(item.asset_id, texture, pixels, record))
        if found is not None:
            return found
    r, g, b, _ = COLOURS.get(item.colour, COLOURS["grey"])
    material = Material((r, g, b), gloss=GLOSS.get(item.material, GLOSS["plastic"]))
    return tuple(Surface(f"{item.name}/{i}", geom_mesh(g), material) for i, g in enumerate(geoms))


@lru_cache(maxsize=1024)
def _visual(key: _Key) -> tuple[Surface, ...] | None:
    origin = json.loads(key.record.params_json)
    source = _source(origin.get("source", ""))
    if source is None:
        return None
    asset = source.make(origin["family"], origin["seed"])
    if asset.content_hash != key.asset_id:
        return None
    meshes = source.visual(asset)
    if key.texture.startswith("label_"):
        label = painted(SurfaceLook(key.texture), key.pixels)
        return _labelled(asset, meshes, label.material)
    main = asset.rgba[:3]
    pattern = patterned(key.texture, main, key.pixels // 2) if key.texture else _print(asset)
    return tuple(_part(asset, mesh, pattern) for mesh in meshes)


@lru_cache(maxsize=16)
def _source(name: str) -> AssetSource | None:
    """An asset source by name; None when it is not installed."""
    try:
        source: AssetSource = load("asset source", name)()
    except UnknownNameError:
        return None
    return source


def _part(asset: RigidAsset, mesh: VisualMesh, pattern: Paint | None) -> Surface:
    """One part; the pattern goes onto parts of the main colour."""
    points, faces = welded(mesh.vertices, mesh.faces)
    corners, normals = corners_of(points, faces), corner_normals(points, faces)
    if pattern is not None and mesh.rgba == asset.rgba:
        # Patterns are drawn at the size of tables; on a small thing some of it must be seen.
        largest = _REPEAT_SHARE * max(asset.extents)
        uv = box_uv(corners, min(pattern.repeat_m or largest, largest))
        return Surface(mesh.name, joined(corners, normals, uv), pattern.material)
    return Surface(mesh.name, joined(corners, normals), _plain(mesh, asset))


def _print(asset: RigidAsset) -> Paint | None:
    """The pattern an asset is called by, in its colour and one that stands out from it."""
    word = pattern_of(asset.attributes)
    if word in ("", PLAIN):
        return None
    r, g, b, _ = asset.rgba
    name = f"print_{word}/" + "".join(f"{round(255 * c):02x}" for c in (r, g, b))
    gloss = GLOSS.get(asset.material, GLOSS["plastic"])
    image = printed(word, (r, g, b), PRINT_PIXELS)
    period = _PRINT_SHARE * max(asset.extents)
    return Paint(Material((1.0, 1.0, 1.0), image, name, gloss), period)


def _plain(mesh: VisualMesh, asset: RigidAsset) -> Material:
    r, g, b, _ = mesh.rgba
    gloss = GLOSS.get(asset.material, GLOSS["plastic"])
    return Material((r, g, b), gloss=_METAL_GLOSS if mesh.rgba == METAL else gloss)


def _labelled(
    asset: RigidAsset, meshes: Sequence[VisualMesh], label: Material
) -> tuple[Surface, ...]:
    """The parts of a package, its label printed on where its kind has it."""
    if asset.category == "carton":
        return _carton(asset, meshes, label)
    printed = _PRINTED.get(asset.category, "")
    found = []
    for mesh in meshes:
        if mesh.name == printed:
            found.append(_band(mesh, label))
        elif asset.category == "book" and mesh.name in ("front", "back"):
            found += _cover(asset, mesh, label)
        else:
            found.append(_part(asset, mesh, None))
    return tuple(found)


def _band(mesh: VisualMesh, label: Material) -> Surface:
    """A band around a round package; its flat ends are inside and left out."""
    points, faces = welded(mesh.vertices, mesh.faces)
    faces = faces[np.abs(face_normals(corners_of(points, faces))[:, 2]) < _FLAT]
    corners = corners_of(points, faces)
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    middle = 0.5 * (low + high)
    uv = cylinder_uv(corners, (middle[0], middle[1]), (low[2], high[2]))
    return Surface(mesh.name, joined(corners, corner_normals(points, faces), uv), label)


def _carton(
    asset: RigidAsset, meshes: Sequence[VisualMesh], label: Material
) -> tuple[Surface, ...]:
    """The printed sides and the plain top and bottom of a box."""
    low, high = (np.array(v) for v in asset.aabb)
    counts = np.cumsum([0, *(len(m.vertices) for m in meshes)])
    every = np.concatenate([m.faces + n for m, n in zip(meshes, counts, strict=False)])
    points, faces = welded(np.concatenate([m.vertices for m in meshes]), every)
    corners = corners_of(points, faces)
    flat = np.abs(face_normals(corners)[:, 2]) >= _FLAT
    height = corners[..., 2].mean(axis=1)
    inner = flat & (height > low[2] + 1e-3) & (height < high[2] - 1e-3)
    faces = faces[~inner]
    corners, flat = corners[~inner], flat[~inner]
    normals = corner_normals(points, faces)
    uv = front_uv(corners, low, high)
    r, g, b, _ = asset.rgba
    plain = Material((r, g, b), gloss=GLOSS["cardboard"])
    return (
        Surface("sides", joined(corners[~flat], normals[~flat], uv[~flat]), label),
        Surface("ends", joined(corners[flat], normals[flat]), plain),
    )


def _cover(asset: RigidAsset, mesh: VisualMesh, label: Material) -> tuple[Surface, ...]:
    """A book's cover: its outer face printed, upright along -x, and its edges plain."""
    points, faces = welded(mesh.vertices, mesh.faces)
    corners, normals = corners_of(points, faces), corner_normals(points, faces)
    sign = 1.0 if mesh.name == "front" else -1.0
    outer = sign * face_normals(corners)[:, 2] >= _FLAT
    (x0, y0, _), (x1, y1, _) = asset.aabb
    u = (corners[..., 1] - y0) / (y1 - y0)
    v = (x1 - corners[..., 0]) / (x1 - x0)
    uv = np.stack([u if sign > 0.0 else 1.0 - u, v], axis=-1)
    return (
        Surface(mesh.name, joined(corners[outer], normals[outer], uv[outer]), label),
        Surface(f"{mesh.name} edge", joined(corners[~outer], normals[~outer]), _plain(mesh, asset)),
    )
