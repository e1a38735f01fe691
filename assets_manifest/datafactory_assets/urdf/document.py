"""A URDF file as frozen values, in the file's own words (http://wiki.ros.org/urdf/XML)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datafactory_assets.asset import Array
from datafactory_assets.errors import AssetError

JOINT_TYPES = ("fixed", "revolute", "continuous", "prismatic", "floating", "planar")
Rgba = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Origin:
    """Translation (3,) in metres and rotation matrix (3, 3) in the parent frame."""

    position: Array
    rotation: Array


@dataclass(frozen=True, eq=False)
class Shape:
    """A geometry element.

    Attributes:
        kind: ``mesh``, ``box``, ``cylinder``, ``sphere`` or ``capsule``.
        size: As in the file: box sides; radius and length; radius; mesh scale.
        file: Mesh file as written.
        origin: Where it is in the link.
        rgba: Colour; None when none is stated.
    """

    kind: str
    size: tuple[float, ...]
    file: str
    origin: Origin
    rgba: Rgba | None


@dataclass(frozen=True, eq=False)
class Inertial:
    """Mass (kg) and inertia (3, 3) about the origin's position, in its axes, kg m^2."""

    mass: float
    inertia: Array
    origin: Origin


@dataclass(frozen=True, eq=False)
class Link:
    """One link."""

    name: str
    inertial: Inertial | None
    visuals: tuple[Shape, ...]
    collisions: tuple[Shape, ...]


@dataclass(frozen=True, eq=False)
class Joint:
    """One joint.

    Attributes:
        name: Joint name.
        kind: One of ``JOINT_TYPES``.
        parent: Parent link.
        child: Child link.
        origin: The child's frame in the parent's.
        axis: (3,) in the joint frame; zero when the file says so.
        limits: Lower and upper, rad or m; None without a limit.
        damping: N m s/rad or N s/m.
        friction: N m or N.
        mimic: (joint, multiplier, offset); None when it moves by itself.
    """

    name: str
    kind: str
    parent: str
    child: str
    origin: Origin
    axis: Array
    limits: tuple[float, float] | None
    damping: float
    friction: float
    mimic: tuple[str, float, float] | None


@dataclass(frozen=True, eq=False)
class Document:
    """A whole file; ``root`` is the link without a parent."""

    name: str
    path: Path
    links: Mapping[str, Link]
    joints: tuple[Joint, ...]
    root: str


def read_document(path: Path) -> Document:
    """Reads a URDF file.

    Raises:
        AssetError: It is not well-formed XML, not a URDF, or its links are not one tree.
    """
    try:
        top = ET.fromstring(path.read_bytes())
    except OSError as error:
        raise AssetError(
            "a robot description cannot be read", where=str(path),
            why=error.strerror or str(error), remedy="name a URDF file",
        ) from error  # fmt: skip
    except ET.ParseError as error:
        raise AssetError(
            "not well-formed XML", where=f"{path}:{error.position[0]}", why=str(error),
            remedy="correct that line",
        ) from error  # fmt: skip
    if top.tag != "robot":
        raise AssetError("not a URDF file", where=str(path),
                         why=f"the top element is <{top.tag}>, not <robot>",
                         remedy="expand xacro files first: xacro FILE > robot.urdf")  # fmt: skip
    reader = _Reader(path, top)
    links = [reader.link(element) for element in top.findall("link")]
    joints = tuple(reader.joint(element) for element in top.findall("joint"))
    names = [link.name for link in links]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise reader.error("a link's name is used twice", repeated[0], "rename one of them")
    root = _root(reader, set(names), joints)
    return Document(top.get("name", path.stem), path, {k.name: k for k in links}, joints, root)


def _root(reader: _Reader, links: set[str], joints: tuple[Joint, ...]) -> str:
    children = [joint.child for joint in joints]
    for joint in joints:
        for name in (joint.parent, joint.child):
            if name not in links:
                why = f"joint '{joint.name}': '{name}'"
                raise reader.error("a joint names no link", why, "add or rename it")
        if children.count(joint.child) > 1:
            raise reader.error("a link has two parents", f"link '{joint.child}'",
                               "URDF describes trees; close loops in MJCF")  # fmt: skip
    roots = sorted(links - set(children))
    if len(roots) != 1:
        raise reader.error("the links are not one tree",
                           f"links without a parent: {', '.join(roots) or 'none'}",
                           "connect them with joints")  # fmt: skip
    reached, new = set(), {roots[0]}
    while new:
        reached |= new
        new = {joint.child for joint in joints if joint.parent in new}
    if links - reached:
        raise reader.error("the links are not one tree",
                           f"in a loop: {', '.join(sorted(links - reached))}",
                           "URDF describes trees; close loops in MJCF")  # fmt: skip
    return roots[0]


@dataclass(frozen=True)
class _Reader:
    path: Path
    top: ET.Element

    def error(self, what: str, why: str, remedy: str) -> AssetError:
        return AssetError(what, where=str(self.path), why=why, remedy=remedy)

    def numbers(self, element: ET.Element | None, key: str, default: str) -> Array:
        text = default if element is None else element.get(key, default)
        try:
            values = np.array([float(word) for word in text.split()])
        except ValueError as error:
            raise self.error("not a number", f"{key}='{text}': {error}", "correct it") from error
        if len(values) != len(default.split()):
            count = len(default.split())
            raise self.error("a wrong count of numbers", f"{key}='{text}'", f"give {count}")
        return values

    def number(self, element: ET.Element | None, key: str, default: float) -> float:
        return float(self.numbers(element, key, repr(default))[0])

    def name(self, element: ET.Element | None, key: str, what: str) -> str:
        value = None if element is None else element.get(key)
        if not value:
            raise self.error(f"a {what} is missing", f"no {key}", "add it")
        return value

    def origin(self, element: ET.Element) -> Origin:
        found = element.find("origin")
        roll, pitch, yaw = self.numbers(found, "rpy", "0 0 0")
        return Origin(self.numbers(found, "xyz", "0 0 0"), rotation_from_rpy(roll, pitch, yaw))

    def link(self, element: ET.Element) -> Link:
        visuals = [self.shape(v) for v in element.findall("visual")]
        collisions = [self.shape(c) for c in element.findall("collision")]
        return Link(
            self.name(element, "name", "link's name"),
            self.inertial(element.find("inertial")),
            tuple(s for s in visuals if s is not None),
            tuple(s for s in collisions if s is not None),
        )

    def inertial(self, element: ET.Element | None) -> Inertial | None:
        if element is None:
            return None
        i = element.find("inertia")
        xx, yy, zz, xy, xz, yz = (
            self.number(i, key, 0.0) for key in ("ixx", "iyy", "izz", "ixy", "ixz", "iyz")
        )
        inertia = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        mass = self.number(element.find("mass"), "value", 0.0)
        return Inertial(mass, inertia, self.origin(element))

    def shape(self, element: ET.Element) -> Shape | None:
        geometry = element.find("geometry")
        if geometry is None or not len(geometry):
            return None
        form = geometry[0]
        sizes = {
            "box": ("size",), "sphere": ("radius",), "cylinder": ("radius", "length"),
            "capsule": ("radius", "length"), "mesh": ("scale",),
        }  # fmt: skip
        if form.tag not in sizes:
            raise self.error(f"unknown geometry <{form.tag}>", "in a link", "remove it")
        three = {"size": "0 0 0", "scale": "1 1 1"}
        size = np.concatenate(
            [self.numbers(form, key, three.get(key, "0")) for key in sizes[form.tag]]
        )
        file = self.name(form, "filename", "mesh's file name") if form.tag == "mesh" else ""
        return Shape(form.tag, tuple(float(v) for v in size), file, self.origin(element),
                     self.colour(element.find("material")))  # fmt: skip

    def colour(self, element: ET.Element | None) -> Rgba | None:
        if element is None:
            return None
        found = element.find("color")
        if found is None:
            for material in self.top.findall("material"):
                if material.get("name") == element.get("name"):
                    found = material.find("color")
        if found is None:
            return None
        r, g, b, a = (min(1.0, max(0.0, float(v))) for v in self.numbers(found, "rgba", "0 0 0 1"))
        return (r, g, b, a)

    def joint(self, element: ET.Element) -> Joint:
        name = self.name(element, "name", "joint's name")
        kind = element.get("type", "")
        if kind not in JOINT_TYPES:
            raise self.error(f"joint '{name}' has the type '{kind}'", "it is not a URDF type",
                             "use one of " + ", ".join(JOINT_TYPES))  # fmt: skip
        limit, dynamics = element.find("limit"), element.find("dynamics")
        limits = None
        if limit is not None and kind in ("revolute", "prismatic"):
            limits = (self.number(limit, "lower", 0.0), self.number(limit, "upper", 0.0))
        mimic, follows = element.find("mimic"), None
        if mimic is not None:
            follows = (self.name(mimic, "joint", "mimicked joint"),
                       self.number(mimic, "multiplier", 1.0),
                       self.number(mimic, "offset", 0.0))  # fmt: skip
        return Joint(
            name, kind,
            self.name(element.find("parent"), "link", f"parent of joint '{name}'"),
            self.name(element.find("child"), "link", f"child of joint '{name}'"),
            self.origin(element), self.numbers(element.find("axis"), "xyz", "1 0 0"), limits,
            max(0.0, self.number(dynamics, "damping", 0.0)),
            max(0.0, self.number(dynamics, "friction", 0.0)),
            follows,
        )  # fmt: skip


def rotation_from_rpy(roll: float, pitch: float, yaw: float) -> Array:
    """Rotation matrix (3, 3) of fixed-axis roll, pitch and yaw, rad."""
    (cr, sr), (cp, sp), (cy, sy) = ((np.cos(a), np.sin(a)) for a in (roll, pitch, yaw))
    return np.array([
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ])  # fmt: skip
