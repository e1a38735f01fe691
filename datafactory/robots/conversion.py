"""From a pack's body tree to ours: bodies, inertias, reduced hulls and visual meshes.

Poses, masses and inertias are copied as the pack writes them. Joints, actuators, collision
geometry and sites are added by the robot's own module, body by body.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datafactory.geometry import Pose
from datafactory.robots import mjcf
from datafactory.robots.hulls import mesh_file, read_vertices
from datafactory.robots.mjcf import name
from datafactory.robots.model import BodyVisual
from datafactory_assets.asset import VisualMesh
from datafactory_assets.convert.hulls import reduce_hull
from datafactory_assets.packs import PackDir

Array = NDArray[np.float64]
Rgba = tuple[float, float, float, float]
Fill = Callable[[str, ET.Element, ET.Element], None]
HULL_VERTICES = 32


@dataclass(frozen=True, eq=False)
class Source:
    """One MJCF document of a pack.

    Attributes:
        pack: The pack.
        root: Its parsed document.
        renamed: The pack's body names to ours; to an empty name, for a body that is left out
            with everything below it.
        millimetres: Start of the names of mesh files in millimetres; None for no file.
    """

    pack: PackDir
    root: ET.Element
    renamed: Mapping[str, str]
    millimetres: str | None = None

    @classmethod
    def read(
        cls,
        pack: PackDir,
        member: str,
        renamed: Mapping[str, str],
        millimetres: str | None = None,
    ) -> Source:
        """Parses a document of a pack; see the class for the arguments."""
        return cls(pack, ET.parse(pack.member(member)).getroot(), renamed, millimetres)

    @property
    def top(self) -> ET.Element:
        """The first body of the document."""
        return next(self.root.iter("body"))

    def scale(self, file: str) -> float:
        """Factor from a mesh file's unit to metres."""
        return 0.001 if self.millimetres is not None and file.startswith(self.millimetres) else 1.0

    def short(self, body: ET.Element) -> str:
        """Our name of a body, without prefix; empty for one that is left out."""
        return self.renamed.get(body.attrib["name"], body.attrib["name"])


class Converter:
    """Writes one robot's document and its meshes."""

    def __init__(self, model: str) -> None:
        self.root = mjcf.document(model)
        self.meshes: dict[str, bytes] = {}
        self._assets = mjcf.add(self.root, "asset")

    def mesh(self, short: str, vertices: Array, limit: int) -> str:
        """Adds the reduced hull of points (n, 3) as a mesh asset, once, and returns its name."""
        file, data = mesh_file(reduce_hull(vertices, limit)[0])
        if file not in self.meshes:
            self.meshes[file] = data
            mjcf.add(self._assets, "mesh", name=name(short), file=file)
        return name(short)

    def hull(self, element: ET.Element, short: str, vertices: Array) -> None:
        """Adds the reduced hull of points (n, 3), in a link's frame, as its collision geom."""
        mesh = self.mesh(short, vertices, HULL_VERTICES)
        mjcf.add(element, "geom", name=mesh, type="mesh", mesh=mesh, group=3)

    def bodies(
        self,
        source: Source,
        body: ET.Element,
        parent: ET.Element,
        fill: Fill,
        placed: Mapping[str, mjcf.Value] | None = None,
    ) -> None:
        """Copies a body with its inertia, and all below it.

        Args:
            source: Where it comes from.
            body: The pack's body.
            parent: Where it goes.
            fill: Adds what is ours: called with our name, the pack's body and our body, before
                the children are copied.
            placed: Pose attributes to use instead of the pack's.
        """
        short = source.short(body)
        if not short:
            return
        if placed is None:
            placed = {k: v for k, v in body.attrib.items() if k in ("pos", "quat")}
        element = mjcf.add(parent, "body", name=name(short), gravcomp=1, **placed)
        for inertial in body.findall("inertial"):
            mjcf.add(element, "inertial", **inertial.attrib)
        fill(short, body, element)
        for child in body.findall("body"):
            self.bodies(source, child, element, fill)


def pose_of(element: ET.Element) -> Pose:
    """parent_from_element of a pack's body or geom."""
    pos = [float(v) for v in element.get("pos", "0 0 0").split()]
    quat = np.array([float(v) for v in element.get("quat", "1 0 0 0").split()])
    return Pose.of(pos, quat / np.linalg.norm(quat))


def points_of(source: Source, body: ET.Element, meshes: Sequence[str]) -> Array:
    """Vertices (n, 3) in the body's frame of some of its meshes."""
    files = mesh_files(source.root)
    placed = {geom.get("mesh"): pose_of(geom) for geom in body.findall("geom")}
    clouds = []
    for mesh in meshes:
        file = files[mesh]
        vertices = read_vertices(source.pack.member(file)) * source.scale(file)
        clouds.append(placed[mesh].apply(vertices))
    return np.concatenate(clouds)


def mesh_files(root: ET.Element) -> dict[str, str]:
    """Mesh name to file of a pack's document."""
    found = {}
    for asset in root.iter("mesh"):
        if "file" in asset.attrib:
            stem = asset.attrib["file"].rsplit("/", 1)[-1].rsplit(".", 1)[0]
            found[asset.attrib.get("name", stem)] = asset.attrib["file"]
    return found


def material_colours(root: ET.Element) -> dict[str, Rgba]:
    """Material name to colour of a pack's document."""
    colours = {}
    for material in root.iter("material"):
        if "name" in material.attrib:
            r, g, b, a = (float(c) for c in material.attrib["rgba"].split())
            colours[material.attrib["name"]] = (r, g, b, a)
    return colours


def _kept(source: Source, body: ET.Element) -> Iterator[ET.Element]:
    if source.short(body):
        yield body
        for child in body.findall("body"):
            yield from _kept(source, child)


def load_mesh(pack: PackDir, file: str, scale: float = 1.0) -> tuple[Array, NDArray[np.int64]]:
    """Vertices (n, 3) in metres and faces (m, 3) of a member."""
    import trimesh

    mesh = trimesh.load_mesh(pack.member(file))
    vertices = np.asarray(mesh.vertices, dtype=np.float64) * scale
    return vertices, np.asarray(mesh.faces, dtype=np.int64)


def visuals(source: Source, default: str) -> tuple[BodyVisual, ...]:
    """Visual meshes of a document with their material's colour, in body frames.

    Args:
        source: The document; geoms whose class ends in ``visual`` are taken. Bodies that it gives
            the same name must have the same pose.
        default: Material of geoms that name none.
    """
    colours, files = material_colours(source.root), mesh_files(source.root)
    found = []
    for body in _kept(source, source.top):
        for geom in body.findall("geom"):
            if not geom.get("class", "").endswith("visual"):
                continue
            mesh = geom.attrib["mesh"]
            file = files[mesh]
            vertices, faces = load_mesh(source.pack, file, source.scale(file))
            if "pos" in geom.attrib or "quat" in geom.attrib:
                vertices = pose_of(geom).apply(vertices)
            colour = colours[geom.get("material", default)]
            visual = VisualMesh(mesh, vertices, faces, colour)
            found.append(BodyVisual(name(source.short(body)), visual))
    return tuple(found)
