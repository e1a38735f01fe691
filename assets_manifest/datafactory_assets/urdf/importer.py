"""From a URDF document to MJCF that MuJoCo compiles, with a note on every repair."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datafactory_assets.asset import Array
from datafactory_assets.urdf.document import Document, Joint, Link, Origin, Shape, read_document
from datafactory_assets.urdf.meshes import Meshes

MIN_MASS_KG = 1e-3
MIN_INERTIA = 1e-7
"""Of a link without a usable inertial: a gram, and the inertia of a ball of 1 cm radius of it."""
_SLACK = 1e-6
"""Kept from the bounds of inertias, which numbers written with nine digits can cross."""
_GROUP = {"collision": "0", "visual": "2"}


@dataclass(frozen=True, eq=False)
class Imported:
    """An imported document.

    Attributes:
        mjcf: MJCF text; mesh files by bare name.
        files: Mesh file name to bytes.
        notes: What was repaired or left out, in the order met.
    """

    mjcf: str
    files: Mapping[str, bytes]
    notes: tuple[str, ...]


def import_urdf(path: Path, *, fixed: bool = True) -> Imported:
    """Imports a URDF file.

    Args:
        path: The file; ``package://`` names are resolved from its folder upwards.
        fixed: Fix the root to the world; otherwise it moves freely.

    Raises:
        AssetError: The file is malformed, or a mesh is missing.
    """
    builder = _Builder(read_document(path), fixed)
    mjcf = builder.build()
    return Imported(mjcf, builder.meshes.files, tuple(dict.fromkeys(builder.notes)))


class _Builder:
    def __init__(self, document: Document, fixed: bool) -> None:
        self.document = document
        self.fixed = fixed
        self.notes: list[str] = []
        self.meshes = Meshes(document.path, self.notes.append)
        self.top = ET.Element("mujoco", {"model": document.name})
        ET.SubElement(self.top, "compiler", {"angle": "radian", "autolimits": "true"})
        self.assets = ET.SubElement(self.top, "asset")
        self.world = ET.SubElement(self.top, "worldbody")
        self.named: set[str] = set()
        self.children: dict[str, list[Joint]] = {}
        for joint in document.joints:
            self.children.setdefault(joint.parent, []).append(joint)

    def build(self) -> str:
        root = self.document.links[self.document.root]
        body = self._body(self.world, root, None)
        if not self.fixed:
            body.insert(0, ET.Element("freejoint", {"name": f"{root.name}_free"}))
        self._mimics()
        ET.indent(self.top, space=" ")
        return ET.tostring(self.top, encoding="unicode") + "\n"

    def _body(self, parent: ET.Element, link: Link, joint: Joint | None) -> ET.Element:
        # Depth is that of a robot's longest chain: far from Python's limit on recursion.
        name = "root" if link.name == "world" else link.name
        place = {} if joint is None else _place(joint.origin)
        body = ET.SubElement(parent, "body", {"name": name, **place})
        if joint is not None:
            self._joint(body, joint)
        self._inertial(body, link, moves=joint is not None or not self.fixed)
        for kind, shapes in (("visual", link.visuals), ("collision", link.collisions)):
            for shape in shapes:
                self._geom(body, link.name, shape, kind)
        for child in self.children.get(link.name, ()):
            self._body(body, self.document.links[child.child], child)
        return body

    def _joint(self, body: ET.Element, joint: Joint) -> None:
        if joint.kind == "fixed":
            return
        axis = joint.axis
        if np.linalg.norm(axis) < 1e-9:
            axis = np.array([1.0, 0.0, 0.0])
            if joint.kind != "floating":
                self.notes.append(f"joint {joint.name}: a zero axis became x")
        if joint.kind == "floating":
            for k, letter in enumerate("xyz"):
                self._hinge(body, f"{joint.name}_{letter}", "slide", np.eye(3)[k], joint)
            ET.SubElement(body, "joint", {"name": joint.name, "type": "ball"})
            return
        if joint.kind == "planar":
            across = np.linalg.svd(axis[None])[2][1:]
            for direction, letter in zip(across, "xy", strict=True):
                self._hinge(body, f"{joint.name}_{letter}", "slide", direction, joint)
        kind = "slide" if joint.kind == "prismatic" else "hinge"
        element = self._hinge(body, joint.name, kind, axis, joint)
        if joint.limits is None:
            if joint.kind in ("revolute", "prismatic"):
                self.notes.append(f"joint {joint.name}: no limit is stated")
        elif joint.limits[0] < joint.limits[1]:
            element.set("range", _row(joint.limits))
        else:
            self.notes.append(f"joint {joint.name}: an empty range {joint.limits} was left out")

    def _hinge(
        self, body: ET.Element, name: str, kind: str, axis: Array, joint: Joint
    ) -> ET.Element:
        self.named.add(name)
        return ET.SubElement(body, "joint", {
            "name": name, "type": kind, "axis": _row(axis),
            "damping": _row([joint.damping]), "frictionloss": _row([joint.friction]),
        })  # fmt: skip

    def _inertial(self, body: ET.Element, link: Link, *, moves: bool) -> None:
        given = link.inertial
        if given is None or given.mass <= 0.0 or not math.isfinite(given.mass):
            if not moves:
                return
            if given is not None:
                self.notes.append(f"link {link.name}: a mass of {given.mass:g} became a gram")
            else:
                self.notes.append(f"link {link.name}: no inertial; it became a gram")
            values = {"pos": "0 0 0", "mass": _row([MIN_MASS_KG]),
                      "diaginertia": _row([MIN_INERTIA] * 3)}  # fmt: skip
            ET.SubElement(body, "inertial", values)
            return
        inertia, repaired = repaired_inertia(given.inertia)
        if repaired:
            self.notes.append(f"link {link.name}: {repaired}")
        turn = given.origin.rotation
        tensor = turn @ inertia @ turn.T
        full = (tensor[0, 0], tensor[1, 1], tensor[2, 2], tensor[0, 1], tensor[0, 2], tensor[1, 2])
        ET.SubElement(body, "inertial", {
            "pos": _row(given.origin.position), "mass": _row([given.mass]),
            "fullinertia": _row(full),
        })  # fmt: skip

    def _geom(self, body: ET.Element, link: str, shape: Shape, kind: str) -> None:
        place = {**_place(shape.origin), "group": _GROUP[kind]}
        if kind == "visual":
            place |= {"contype": "0", "conaffinity": "0"}
        colour = {} if shape.rgba is None else {"rgba": _row(shape.rgba)}
        if shape.kind == "mesh":
            collision = kind == "collision"
            for mesh in self.meshes.add(shape.file, shape.size, collision=collision):
                own = colour or ({} if mesh.rgba is None else {"rgba": _row(mesh.rgba)})
                self._asset(mesh.name)
                name = mesh.name.partition(".")[0]
                ET.SubElement(body, "geom", {"type": "mesh", "mesh": name, **place, **own})
            return
        if min(shape.size) <= 0.0:
            self.notes.append(f"link {link}: a {shape.kind} of size {shape.size} was left out")
            return
        size = [0.5 * v for v in shape.size] if shape.kind == "box" else list(shape.size)
        if shape.kind in ("cylinder", "capsule"):
            size[1] *= 0.5
        ET.SubElement(body, "geom", {"type": shape.kind, "size": _row(size), **place, **colour})

    def _asset(self, file: str) -> None:
        name = file.partition(".")[0]
        if all(known.get("name") != name for known in self.assets):
            # Mass is stated by the links; a shell has an inertia even where the mesh is open.
            ET.SubElement(self.assets, "mesh", {"name": name, "file": file, "inertia": "shell"})

    def _mimics(self) -> None:
        following = [joint for joint in self.document.joints if joint.mimic is not None]
        section = ET.SubElement(self.top, "equality")
        for joint in following:
            assert joint.mimic is not None
            leader, multiplier, offset = joint.mimic
            if joint.name not in self.named or leader not in self.named:
                self.notes.append(
                    f"joint {joint.name}: mimics {leader}, which is no joint of one direction; "
                    "it moves by itself"
                )
                continue
            coefficients = _row([offset, multiplier, 0.0, 0.0, 0.0])
            ET.SubElement(section, "joint", {
                "joint1": joint.name, "joint2": leader, "polycoef": coefficients,
            })  # fmt: skip


def repaired_inertia(inertia: Array) -> tuple[Array, str]:
    """The nearest inertia a body can have, and what was wrong; empty when nothing was.

    Principal moments must be positive, and none may exceed the sum of the other two.

    Args:
        inertia: (3, 3) symmetric, kg m^2.
    """
    if not np.isfinite(inertia).all():
        return np.eye(3) * MIN_INERTIA, "an inertia that is not finite was replaced"
    moments, axes = np.linalg.eigh(inertia)
    wanted = np.maximum(moments, max(1e-3 * float(np.abs(moments).max()), 1e-9))
    wrong = "an inertia that is not positive was raised" if (wanted > moments).any() else ""
    excess = wanted[2] - wanted[0] - wanted[1]
    if excess > -_SLACK * wanted[2]:
        wanted = wanted + np.array([1.0, 1.0, 0.0]) * (0.5 * excess + _SLACK * wanted[2])
        wrong = wrong or "an inertia no body can have was raised"
    return (axes @ np.diag(wanted) @ axes.T if wrong else inertia), wrong


def _place(origin: Origin) -> dict[str, str]:
    return {"pos": _row(origin.position), "quat": _row(_quat(origin.rotation))}


def _quat(rotation: Array) -> Array:
    """Quaternion wxyz of a rotation matrix (Shepperd's method)."""
    m = rotation
    diagonal = np.array([np.trace(m), m[0, 0], m[1, 1], m[2, 2]])
    k = int(np.argmax(diagonal))
    if k == 0:
        q = np.array([1.0 + diagonal[0], m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]])
    else:
        i, j, n = k - 1, k % 3, (k + 1) % 3
        q = np.zeros(4)
        q[0] = m[n, j] - m[j, n]
        q[1 + i] = 1.0 + m[i, i] - m[j, j] - m[n, n]
        q[1 + j] = m[j, i] + m[i, j]
        q[1 + n] = m[n, i] + m[i, n]
    return np.asarray(q / np.linalg.norm(q))


def _row(values: object) -> str:
    return " ".join(f"{float(v):.9g}" for v in np.ravel(np.asarray(values, dtype=np.float64)))
