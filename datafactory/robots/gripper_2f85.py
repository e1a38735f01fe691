"""Robotiq 2F-85: joints, contact geometry, constraints, actuator and metric map.

Each finger is a parallelogram: spring link and driver turn by the same angle and the follower by
the opposite one, so the pads stay parallel. The pack's model leaves the follower's adaptive joint
to a spring; here joint equalities hold it, which keeps grasps rigid and the closed loops exact.

The gripper's coordinate is the links' angle in rad: 0 open, 0.8 closed.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from datafactory.robots import mjcf
from datafactory.robots.fingers import bounds, corners, sample_fingers
from datafactory.robots.gripper import ACTUATOR, TCP, Gripper
from datafactory.robots.mjcf import name
from datafactory.robots.model import Box, FingerGeometry, GripperMap

Array = NDArray[np.float64]
Hull = Callable[[str, str, float, int], str]

SIDES = ("right", "left")
FINGER_LINKS = ("driver", "coupler", "spring_link", "follower", "pad")
FINGER_BODIES = tuple(f"{side}_{link}" for side in SIDES for link in FINGER_LINKS)
BODIES = ("gripper_mount", "gripper_base", *FINGER_BODIES)
JOINTS = tuple(
    f"{side}_{link}_joint" for side in SIDES for link in ("driver", "spring_link", "follower")
)
ANGLE_CLOSED = 0.8
CTRL_CLOSED = 255.0
TCP_Z = 0.142  # pads' centre at a width of 40 mm
CLOSE_S = 0.36

# Geometry of the right finger in the gripper base's y-z plane, metres.
_DRIVER_PIVOT = (0.0306011, 0.054904)
_LINK_PIVOT = (0.0132, 0.0609)
_FOLLOWER_FROM_PIVOT = (0.055, 0.0375)  # follower's frame in the spring link's
_FOLLOWER_PIVOT = (-0.018, 0.0065)  # joint anchor in the follower's frame
_PAD_FROM_FOLLOWER = (-0.0189, 0.01352)
_COUPLER_FROM_DRIVER = (0.0315, -0.0041)
_PAD_CENTER, _PAD_HALF = (0.0, -0.0026, 0.01875), (0.011, 0.004, 0.01875)
_FOLLOWER_BOX = ((-0.0075, -0.0239, -0.006), (0.0075, 0.006, 0.0445))

# Boxes around the links: centre (y, z), angle about x in degrees, half extents.
_DRIVER = ((0.0156, 0.0024), 5.0, (0.012, 0.0228, 0.01125))
_COUPLER = ((0.00306, 0.02356), -7.0, (0.0135, 0.0062, 0.0298))
_SPRING_LINK = ((0.0179, 0.021), -41.0, (0.017, 0.0061, 0.0336))
_LINK_BOXES = {"driver": _DRIVER, "coupler": _COUPLER, "spring_link": _SPRING_LINK}
_PALM_BODY = ((0.0, 0.0, 0.0545), (0.0125, 0.0424, 0.0155))
_PALM_TIP = ((0.0, 0.0, 0.08), (0.011, 0.0285, 0.01))
_MOUNT = ((0.0, 0.0, 0.014), (0.0375, 0.025))

_STIFF = {"solimp": (0.99, 0.999, 0.001), "solref": (0.004, 1.0)}
# Everything but the pads collides with other things only, never within the gripper.
_INERT = {"group": 3, "contype": 0, "conaffinity": 1}


def _about_x(degrees: float) -> tuple[float, float, float, float]:
    half = math.radians(degrees) / 2
    return (math.cos(half), math.sin(half), 0.0, 0.0)


def add_joint(short: str, element: ET.Element) -> None:
    """Adds the joint of a finger link; the couplers are fixed to the drivers."""
    link = short.split("_", 1)[1].removesuffix("_joint")
    common: dict[str, mjcf.Value] = {"name": name(short), "axis": (1, 0, 0)}
    if link == "driver":
        mjcf.add(element, "joint", armature=0.001, damping=0.1, **common)
    elif link == "spring_link":
        span = (-0.01, ANGLE_CLOSED)
        mjcf.add(element, "joint", range=span, armature=0.005, damping=0.85, **common)
    elif link == "follower":
        mjcf.add(element, "joint", pos=(0.0, *_FOLLOWER_PIVOT), armature=0.002, **common)


def add_geoms(body: str, element: ET.Element, hull: Hull) -> None:
    """Adds the contact geoms of a gripper body.

    Args:
        body: Our body name without prefix.
        element: The body.
        hull: Adds a reduced mesh asset and returns its name.
    """
    side, _, link = body.partition("_")
    if body == "gripper_base":
        center, size = _MOUNT
        kind: dict[str, mjcf.Value] = {"name": name("palm_mount"), "type": "cylinder"}
        mjcf.add(element, "geom", pos=center, size=size, **kind, **_INERT)
        for short, (center, half) in (("palm_body", _PALM_BODY), ("palm_tip", _PALM_TIP)):
            mjcf.add(element, "geom", name=name(short), type="box", pos=center, size=half, **_INERT)
    elif link in _LINK_BOXES and side in SIDES:
        (y, z), degrees, half = _LINK_BOXES[link]
        turn = _about_x(degrees)
        shape: dict[str, mjcf.Value] = {"name": name(body), "type": "box", "size": half}
        mjcf.add(element, "geom", pos=(0.0, y, z), quat=turn, **shape, **_INERT)
    elif link == "follower":
        mesh = hull("follower", "follower.stl", 0.001, 16)
        mjcf.add(element, "geom", name=name(body), type="mesh", mesh=mesh, **_INERT)
    elif link == "pad":
        _add_pad(body, element)


def _add_pad(body: str, element: ET.Element) -> None:
    right = body.startswith("right")
    mjcf.add(
        element,
        "geom",
        name=name(body),
        type="box",
        pos=_PAD_CENTER,
        size=_PAD_HALF,
        group=3,
        contype=2 if right else 0,
        conaffinity=1 if right else 3,
        condim=4,
        priority=1,
        friction=(0.7, 0.01, 0.0001),
        solimp=(0.95, 0.99, 0.001),
        solref=(0.004, 1.0),
    )


def fill(short: str, body: ET.Element, element: ET.Element, hull: Hull) -> None:
    """Adds what is ours to a body of the pack's gripper; nothing to a body that is not its.

    Args:
        short: Our name of the body.
        body: The pack's body.
        element: Our body.
        hull: Adds a reduced mesh asset and returns its name.
    """
    if short not in BODIES:
        return
    for joint in body.findall("joint"):
        add_joint(joint.attrib["name"], element)
    add_geoms(short, element, hull)
    if short == "gripper_base":
        mjcf.add(element, "site", name=name(TCP), pos=(0, 0, TCP_Z), group=4)


def add_mechanism(root: ET.Element) -> None:
    """Adds the couplings between the links and the tendon that drives both fingers."""
    equality = mjcf.section(root, "equality")
    leader = name("right_spring_link_joint")
    couplings = [("left_spring_link_joint", leader, 1.0)]
    for side in SIDES:
        link = name(f"{side}_spring_link_joint")
        couplings += [(f"{side}_driver_joint", link, 1.0), (f"{side}_follower_joint", link, -1.0)]
    for follower, link, sign in couplings:
        mjcf.add(
            equality,
            "joint",
            joint1=name(follower),
            joint2=link,
            polycoef=(0.0, sign, 0.0, 0.0, 0.0),
            **_STIFF,
        )
    tendon = mjcf.add(mjcf.section(root, "tendon"), "fixed", name=name("fingers"))
    for side in SIDES:
        mjcf.add(tendon, "joint", joint=name(f"{side}_spring_link_joint"), coef=0.5)


def add_actuator(root: ET.Element) -> None:
    """Adds the position-like actuator: control 0 (open) to 255 (closed), limited force."""
    mjcf.add(
        mjcf.section(root, "actuator"),
        "general",
        name=name(ACTUATOR),
        tendon=name("fingers"),
        ctrlrange=(0.0, CTRL_CLOSED),
        forcerange=(-5.0, 5.0),
        gainprm=(100.0 * ANGLE_CLOSED / CTRL_CLOSED, 0.0, 0.0),
        biastype="affine",
        biasprm=(0.0, -100.0, -3.0),
    )


def _turn(angle: float, points: Array) -> Array:
    """Rotates (..., 3) about x."""
    c, s = math.cos(angle), math.sin(angle)
    return np.asarray(points @ np.array([[1.0, 0, 0], [0, c, s], [0, -s, c]]))


def _follower_origin(angle: float) -> Array:
    """Origin (3,) of the right follower's frame in the gripper base's frame."""
    pivot = np.array([0.0, *_FOLLOWER_FROM_PIVOT]) + np.array([0.0, *_FOLLOWER_PIVOT])
    start = np.array([0.0, *_LINK_PIVOT])
    return np.asarray(start + _turn(angle, pivot) - np.array([0.0, *_FOLLOWER_PIVOT]))


def _pad_center(angle: float) -> Array:
    offset = np.array([0.0, *_PAD_FROM_FOLLOWER]) + np.array(_PAD_CENTER)
    return np.asarray(_follower_origin(angle) + offset)


def width(angle: float) -> float:
    """Distance between the pads at an angle of the links in rad, metres."""
    return max(0.0, 2.0 * float(_pad_center(angle)[1] - _PAD_HALF[1]))


def _link_points(
    link: str, origin: Sequence[float], angle: float, cut: tuple[float, float]
) -> Array:
    """Corners (8, 3), in the tcp frame, of a part of a link's box along its length."""
    (y, z), degrees, half = _LINK_BOXES[link]
    points = corners(half)
    low, high = (half[2] * (2 * c - 1) for c in cut)
    points[:, 2] = np.where(points[:, 2] < 0, low, high)
    points = _turn(math.radians(degrees), points) + np.array([0.0, y, z])
    return np.asarray(points + np.asarray(origin))


def _right_boxes(angle: float, pieces: int) -> tuple[Box, ...]:
    """Boxes of the right finger in the tcp frame; the slanted link is cut into pieces."""
    shift = np.array([0.0, 0.0, TCP_Z])
    follower = _follower_origin(angle)
    pad = corners(_PAD_HALF) + _pad_center(angle)
    tip = np.concatenate([pad, np.array(_FOLLOWER_BOX) + follower]) - shift
    outer = [
        _link_points("driver", (0, 0, 0), angle, (0, 1)),
        _link_points("coupler", (0, *_COUPLER_FROM_DRIVER), angle, (0, 1)),
    ]
    driver = _turn(angle, np.concatenate(outer)) + np.array([0.0, *_DRIVER_PIVOT]) - shift
    boxes = [bounds(tip, "right"), bounds(driver, "right")]
    for k in range(pieces):
        part = _link_points("spring_link", (0, 0, 0), angle, (k / pieces, (k + 1) / pieces))
        part = _turn(angle, part) + np.array([0.0, *_LINK_PIVOT]) - shift
        boxes.append(bounds(part, "right"))
    return tuple(boxes)


def gripper_map() -> GripperMap:
    """Angle, width and control, sampled over the stroke."""
    angles = np.linspace(0.0, ANGLE_CLOSED, 41).tolist()
    weights = tuple(0.5 if "spring_link" in joint else 0.0 for joint in JOINTS)
    return GripperMap(
        weights=weights,
        coordinate=tuple(angles),
        width_m=tuple(width(a) for a in angles),
        ctrl=tuple(a / ANGLE_CLOSED * CTRL_CLOSED for a in angles),
    )


def finger_geometry() -> FingerGeometry:
    """Finger boxes over the stroke, tcp frame."""
    angles = np.linspace(ANGLE_CLOSED, 0.0, 11).tolist()
    (_, _, z), (hx, hy, hz) = _PALM_BODY
    tip_center, tip_half = _PALM_TIP
    palm = Box((-hx, -hy, z - hz - TCP_Z), (hx, hy, tip_center[2] + tip_half[2] - TCP_Z))
    center, (radius, half) = _MOUNT
    lower = (-radius, -radius, center[2] - half - TCP_Z)
    mount = Box(lower, (radius, radius, center[2] + half - TCP_Z))
    return sample_fingers(
        _right_boxes,
        (palm, mount),
        angles,
        [width(a) for a in angles],
        [float(_pad_center(a)[2]) - TCP_Z for a in angles],
        (2 * _PAD_HALF[0], 2 * _PAD_HALF[2], 2 * _PAD_HALF[1]),
    )


def gripper_2f85() -> Gripper:
    """The gripper as arms carry it."""
    return Gripper(
        joints=JOINTS,
        home_qpos=(0.0,) * len(JOINTS),
        ctrl_open=0.0,
        ctrl_closed=CTRL_CLOSED,
        stroke=gripper_map(),
        close_s=CLOSE_S,
        tcp_body="gripper_base",
        geometry=finger_geometry(),
        finger_bodies=FINGER_BODIES,
        bodies=BODIES,
    )
