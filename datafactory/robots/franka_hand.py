"""The Franka Hand: two prismatic fingers, 80 mm, with the meshes of its pack.

The pack has meshes only. Where the hand sits on the flange, its masses and inertias, and the
finger's zero are the maker's published ones (Franka's robot description). The collision boxes are
ours, within 3 mm of the meshes; the pads are flat where the real ones are ribbed.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

from datafactory.robots import mjcf, slide_gripper
from datafactory.robots.conversion import load_mesh
from datafactory.robots.fingers import sample_fingers
from datafactory.robots.gripper import TCP, Gripper
from datafactory.robots.mjcf import name
from datafactory.robots.model import BodyVisual, Box, FingerGeometry
from datafactory_assets.asset import VisualMesh
from datafactory_assets.packs import PackDir

PACK = "franka_hand"
MAX_WIDTH = 0.08
GRIP_FORCE = 50.0
CLOSE_S = 0.33
_FINGER_DAMPING = 350.0
_FLANGE_Z, _YAW = 0.107, -math.pi / 4
_FINGER_Z = 0.0584
TCP_Z = 0.1034

# Boxes: centre and half extents; in the hand's frame, and in the right finger's, which opens
# along +y.
_PALM = ((0.0, 0.0, 0.031), (0.0315, 0.1, 0.035))
_FLANGE = ((0.0, 0.0, -0.008), (0.0315, 0.055, 0.018))
_PAD = ((0.0, 0.005, 0.045), (0.0085, 0.005, 0.0088))
_TIP = ((0.0, 0.0122, 0.045), (0.0085, 0.0022, 0.0088))
_BRIDGE = ((0.0, 0.0145, 0.0285), (0.0102, 0.0075, 0.0078))
_ROOT = ((0.0, 0.0188, 0.0104), (0.0105, 0.0075, 0.0103))
_COLOURS = {
    "hand_0": (0.901961, 0.921569, 0.929412, 1.0),
    "hand_1": (0.25, 0.25, 0.25, 1.0),
    "hand_2": (0.25, 0.25, 0.25, 1.0),
    "hand_3": (1.0, 1.0, 1.0, 1.0),
    "hand_4": (0.901961, 0.921569, 0.929412, 1.0),
    "finger_0": (0.901961, 0.921569, 0.929412, 1.0),
    "finger_1": (0.25, 0.25, 0.25, 1.0),
}


def add_hand(link: ET.Element) -> None:
    """Adds hand and fingers to the arm's last link."""
    turn = (math.cos(0.5 * _YAW), 0.0, 0.0, math.sin(0.5 * _YAW))
    hand = mjcf.add(
        link, "body", name=name("gripper_base"), pos=(0, 0, _FLANGE_Z), quat=turn, gravcomp=1
    )
    mjcf.add(hand, "inertial", pos=(-0.01, 0, 0.03), mass=0.73, diaginertia=(0.001, 0.0025, 0.0017))
    for short, (center, half) in (("palm", _PALM), ("palm_flange", _FLANGE)):
        mjcf.add(hand, "geom", name=name(short), type="box", pos=center, size=half,
                 **slide_gripper.INERT)  # fmt: skip
    mjcf.add(hand, "site", name=name(TCP), pos=(0, 0, TCP_Z), group=4)
    _add_finger(hand, "right", (1.0, 0.0, 0.0, 0.0))
    _add_finger(hand, "left", (0.0, 0.0, 0.0, 1.0))


def _add_finger(hand: ET.Element, side: str, quat: tuple[float, ...]) -> None:
    finger = f"{side}_finger"
    body = mjcf.add(hand, "body", name=name(finger), pos=(0, 0, _FINGER_Z), quat=quat, gravcomp=1)
    inertia = (2.375e-6, 2.375e-6, 7.5e-7)
    mjcf.add(body, "inertial", pos=(0, 0, 0), mass=0.015, diaginertia=inertia)
    slide_gripper.add_joint(body, finger, (0, 1, 0), MAX_WIDTH, _FINGER_DAMPING)
    for short, (center, half) in (("tip", _TIP), ("bridge", _BRIDGE), ("root", _ROOT)):
        mjcf.add(body, "geom", name=name(f"{finger}_{short}"), type="box", pos=center, size=half,
                 **slide_gripper.INERT)  # fmt: skip
    slide_gripper.add_pad(body, side, *_PAD)


def add_mechanism(root: ET.Element) -> None:
    """Adds the coupling of the fingers."""
    slide_gripper.add_mechanism(root)


def add_actuator(root: ET.Element) -> None:
    """Adds the actuator; control is the width in metres."""
    slide_gripper.add_actuator(root, MAX_WIDTH, GRIP_FORCE)


def _box(part: tuple[tuple[float, ...], tuple[float, ...]], y: float, z: float) -> Box:
    (cx, cy, cz), (hx, hy, hz) = part
    return Box((cx - hx, cy - hy + y, cz - hz + z), (cx + hx, cy + hy + y, cz + hz + z), "right")


def _geometry() -> FingerGeometry:
    """Finger boxes over the stroke, tcp frame."""
    z = _FINGER_Z - TCP_Z

    def right(width_m: float, pieces: int) -> tuple[Box, ...]:
        y = 0.5 * width_m
        pad, tip = _box(_PAD, y, z), _box(_TIP, y, z)
        return (Box(pad.lower, tip.upper, "right"), _box(_BRIDGE, y, z), _box(_ROOT, y, z))

    (palm_center, palm_half), (_, _, flange_z) = _PALM, _FLANGE[0]
    x, y, half = palm_half
    palm = Box((-x, -y, palm_center[2] - half - TCP_Z), (x, y, palm_center[2] + half - TCP_Z))
    x, y, half = _FLANGE[1]
    flange = Box((-x, -y, flange_z - half - TCP_Z), (x, y, flange_z + half - TCP_Z))
    center, pad = _PAD
    widths = (0.0, MAX_WIDTH)
    pad_z = center[2] + z
    size = (2 * pad[0], 2 * pad[2], 2 * pad[1])
    return sample_fingers(right, (palm, flange), widths, widths, (pad_z, pad_z), size)


def gripper() -> Gripper:
    """The gripper as arms carry it."""
    return slide_gripper.slide_gripper("gripper_base", MAX_WIDTH, CLOSE_S, _geometry())


def visuals(pack: PackDir) -> tuple[BodyVisual, ...]:
    """Visual meshes of hand and fingers, in body frames."""
    found = []
    for mesh, colour in _COLOURS.items():
        vertices, faces = load_mesh(pack, f"{mesh}.obj")
        on = ("gripper_base",) if mesh.startswith("hand") else slide_gripper.FINGERS
        found += [BodyVisual(name(body), VisualMesh(mesh, vertices, faces, colour)) for body in on]
    return tuple(found)
