"""ViperX 300 6DOF with the ALOHA gripper, converted from the asset pack, one or more per robot.

Kinematics, masses and inertias are the pack's; speeds and torques are the maker's published ones
(Interbotix robot description of the vx300s). Actuators, collision hulls, contact settings and
excludes are ours, as for the Panda.

The gripper's coordinate is half the distance between its finger slides in metres: from
``FINGER_CLOSED`` to ``FINGER_OPEN``. Pads lie 1 mm inside the fingers, as grip tape does.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from itertools import combinations

import numpy as np

from datafactory.geometry import Pose, quat_from_matrix, quat_multiply
from datafactory.robots import mjcf
from datafactory.robots.fingers import sample_fingers
from datafactory.robots.mjcf import name
from datafactory.robots.model import Arm, Box, CameraMount, FingerGeometry, GripperMap
from datafactory_assets.packs import PackDir

PACK = "aloha_vx300s"
JOINTS = ("waist", "shoulder", "elbow", "forearm_roll", "wrist_angle", "wrist_rotate")
LINKS = (
    "base_link", "shoulder_link", "upper_arm_link", "upper_forearm_link", "lower_forearm_link",
    "wrist_link",
)  # fmt: skip
FINGERS = ("left_finger", "right_finger")
GRIPPER_LINKS = ("gripper_link", "gripper_prop_link", "left_finger_link", "right_finger_link")
LOWER = (-3.14158, -1.85005, -1.76278, -3.14158, -1.8675, -3.14158)
UPPER = (3.14158, 1.25664, 1.6057, 3.14158, 2.23402, 3.14158)
VELOCITY = (math.pi,) * 6
EFFORT = (10.0, 20.0, 15.0, 2.0, 5.0, 1.0)
# Not published: about what the Panda has, which its servos reach without losing their targets.
ACCELERATION = (12.0, 10.0, 12.0, 20.0, 20.0, 20.0)
JERK = (6000.0, 5000.0, 6000.0, 10000.0, 10000.0, 10000.0)
SHOULDER_HEIGHT = 0.12705
REACH = 0.606

STIFFNESS = (1600.0, 2400.0, 1600.0, 600.0, 600.0, 400.0)
ARMATURE = (0.1, 0.1, 0.1, 0.06, 0.06, 0.04)
DAMPING_S = 0.025
FILTER_S = 0.03
TRACKING_LAG_S = DAMPING_S + FILTER_S
_JOINT_DAMPING = 0.2

FINGER_OPEN, FINGER_CLOSED = 0.057, 0.02345
MAX_WIDTH = 2.0 * (FINGER_OPEN - FINGER_CLOSED)
GRIP_FORCE = 35.0
CLOSE_S = 0.3
_FINGER_X = 0.0687  # of the finger links in the gripper link
_PAD_CENTER, _PAD_HALF = (0.0665, 0.02195, 0.0), (0.018, 0.0015, 0.009)
TCP_X = _FINGER_X + _PAD_CENTER[0]
# Extents in the gripper link: the bar the fingers slide on, the housing behind it.
_BAR = ((0.017, -0.075, -0.035), (0.0767, 0.075, 0.0355))
_HOUSING = ((-0.04, -0.031, -0.03), (0.043, 0.031, 0.0355))
# Of a finger, from its pad's face outwards: (x from, x to, thickness, half height).
_TIP, _MIDDLE, _ROOT = (0.045, 0.0852, 0.0135, 0.0186), (0.015, 0.045, 0.0235, 0.0306), (
    -0.0052, 0.015, 0.0262, 0.0306)  # fmt: skip

_MESHES: Mapping[str, tuple[str, ...]] = {
    "base_link": ("1_base",),
    "shoulder_link": ("2_shoulder",),
    "upper_arm_link": ("3_upper_arm",),
    "upper_forearm_link": ("4_upper_forearm",),
    "lower_forearm_link": ("5_lower_forearm",),
    "wrist_link": ("6_wrist",),
    "gripper_link": ("7_gripper", "9_gripper_bar"),
    "gripper_prop_link": ("8_gripper_prop",),
    "left_finger_link": ("10_custom_finger_left",),
    "right_finger_link": ("10_custom_finger_right",),
}
HULL_VERTICES = 24
GRIPPER_FROM_TCP = Pose.of(
    (TCP_X, 0.0, 0.0),
    quat_from_matrix(np.array([[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])),
)
Hull = Callable[[str], str]


def mesh_path(part: str) -> str:
    """Path in the pack of a part's mesh, in millimetres."""
    return f"gym_aloha/assets/vx300s_{part}.stl"


def top_body(pack: PackDir) -> ET.Element:
    """The arm's tree in the pack's document."""
    return next(ET.parse(pack.member("gym_aloha/assets/vx300s_left.xml")).getroot().iter("body"))


def parts(source: ET.Element) -> list[tuple[str, ET.Element]]:
    """(mesh, geom) of a pack body."""
    short = link_of(source)
    found = [g for g in source.findall("geom") if "mesh" in g.attrib]
    return list(zip(_MESHES[short], found, strict=True))


def link_of(source: ET.Element) -> str:
    """Our name of a pack body, without the arm's."""
    full = source.attrib["name"]
    return full.split("/")[1] if "/" in full else "base_link"


def pose_of(element: ET.Element) -> Pose:
    """parent_from_element of a body or geom of the pack: pos, and quat or xyz Euler angles, rad."""
    numbers = {k: [float(v) for v in element.get(k, "").split()] for k in ("pos", "quat", "euler")}
    quat = np.array(numbers["quat"] or (1.0, 0.0, 0.0, 0.0))
    for axis, angle in enumerate(numbers["euler"]):
        turn = np.zeros(4)
        turn[0], turn[1 + axis] = math.cos(0.5 * angle), math.sin(0.5 * angle)
        quat = quat_multiply(quat, turn)
    return Pose.of(numbers["pos"] or (0.0, 0.0, 0.0), quat)


class ArmWriter:
    """Writes one ViperX into a robot's document.

    Args:
        root: The document.
        arm: Name of the arm, the prefix of all its parts.
        number: 0 for the first arm of the robot, 1 for the second: their grippers do collide.
        hull: Adds the reduced hull of a part's mesh, once, and returns its name.
    """

    def __init__(self, root: ET.Element, arm: str, number: int, hull: Hull) -> None:
        self.root, self.arm, self.hull = root, arm, hull
        own, other = (4, 8) if number == 0 else (8, 4)
        self._inert = {"group": 3, "contype": own, "conaffinity": 1 | other}
        self._pads = (2, 16)[number]
        self._own, self._other = own, other

    def name(self, short: str) -> str:
        """Name in the document of a part of this arm."""
        return name(f"{self.arm}_{short}")

    def write(self, source: ET.Element, parent: ET.Element, base: Pose) -> None:
        """Adds bodies, mechanism, actuators and excludes.

        Args:
            source: The arm's tree in the pack.
            parent: Body to mount it on.
            base: parent_from_arm base.
        """
        self._body(source, parent, base)
        self._mechanism()
        self._actuators()
        mjcf.exclude(self.root, self._excluded())

    def _body(self, source: ET.Element, parent: ET.Element, base: Pose | None = None) -> None:
        short = link_of(source)
        if short not in _MESHES:
            return
        at = pose_of(source) if base is None else base
        pos, quat = at.position.tolist(), at.quat.tolist()
        element = mjcf.add(parent, "body", name=self.name(short), gravcomp=1, pos=pos, quat=quat)
        for inertial in source.findall("inertial"):
            mjcf.add(element, "inertial", **inertial.attrib)
        for joint in source.findall("joint"):
            self._joint(joint.attrib["name"].split("/")[1], element)
        gripper = short in GRIPPER_LINKS
        for part, geom in parts(source):
            at = pose_of(geom)
            kind = self._inert if gripper else {"group": 3}
            mjcf.add(element, "geom", name=self.name(part), type="mesh", mesh=self.hull(part),
                     pos=at.position.tolist(), quat=at.quat.tolist(), **kind)  # fmt: skip
        if short.endswith("finger_link"):
            self._pad(short.split("_")[0], element)
        if short == "gripper_link":
            tcp = GRIPPER_FROM_TCP
            mjcf.add(element, "site", name=self.name("tcp"), pos=tcp.position.tolist(),
                     quat=tcp.quat.tolist(), group=4)  # fmt: skip
        for child in source.findall("body"):
            self._body(child, element)

    def _joint(self, short: str, element: ET.Element) -> None:
        if short in FINGERS:
            low, high = FINGER_CLOSED - 0.001, FINGER_OPEN + 0.0005
            span = (low, high) if short == "left_finger" else (-high, -low)
            mjcf.add(element, "joint", name=self.name(short), type="slide", axis=(0, 1, 0),
                     range=span, armature=0.3, damping=260.0)  # fmt: skip
            return
        k = JOINTS.index(short)
        axis = ((0, 0, 1), (0, 1, 0), (0, 1, 0), (1, 0, 0), (0, 1, 0), (1, 0, 0))[k]
        mjcf.add(
            element,
            "joint",
            name=self.name(short),
            axis=axis,
            range=(LOWER[k], UPPER[k]),
            armature=ARMATURE[k],
            damping=_JOINT_DAMPING,
            actuatorfrcrange=(-EFFORT[k], EFFORT[k]),
            actuatorgravcomp=True,
        )

    def _pad(self, side: str, element: ET.Element) -> None:
        left = side == "left"
        x, y, z = _PAD_CENTER
        mjcf.add(
            element,
            "geom",
            name=self.name(f"{side}_pad"),
            type="box",
            pos=(x, -y if left else y, z),
            size=_PAD_HALF,
            mass=0.005,
            group=3,
            contype=self._own | (0 if left else self._pads),
            conaffinity=1 | self._other | (self._pads if left else 0),
            condim=4,
            priority=1,
            friction=(0.7, 0.01, 0.0001),
            solimp=(0.95, 0.99, 0.001),
            solref=(0.004, 1.0),
        )

    def _mechanism(self) -> None:
        """The fingers move symmetrically; one tendon drives both."""
        left, right = (self.name(finger) for finger in FINGERS)
        mjcf.add(
            mjcf.section(self.root, "equality"),
            "joint",
            joint1=right,
            joint2=left,
            polycoef=(0.0, -1.0, 0.0, 0.0, 0.0),
            solimp=(0.99, 0.999, 0.001),
            solref=(0.004, 1.0),
        )
        tendon = mjcf.add(mjcf.section(self.root, "tendon"), "fixed", name=self.name("fingers"))
        for finger, coefficient in ((left, 0.5), (right, -0.5)):
            mjcf.add(tendon, "joint", joint=finger, coef=coefficient)

    def _actuators(self) -> None:
        actuators = mjcf.section(self.root, "actuator")
        for joint, stiffness, effort in zip(JOINTS, STIFFNESS, EFFORT, strict=True):
            mjcf.add(
                actuators,
                "position",
                name=self.name(joint),
                joint=self.name(joint),
                kp=stiffness,
                kv=DAMPING_S * stiffness,
                timeconst=FILTER_S,
                inheritrange=1,
                forcerange=(-effort, effort),
            )
        mjcf.add(
            actuators,
            "general",
            name=self.name("gripper"),
            tendon=self.name("fingers"),
            ctrlrange=(FINGER_CLOSED, FINGER_OPEN),
            forcerange=(-2.0 * GRIP_FORCE, 2.0 * GRIP_FORCE),
            gainprm=(16000.0, 0.0, 0.0),
            biastype="affine",
            biasprm=(0.0, -16000.0, -40.0),
        )

    def _excluded(self) -> list[tuple[str, str]]:
        """Pairs of links that touch always or never over the whole joint space."""
        lower, wrist = LINKS[:4], (*LINKS[4:], *GRIPPER_LINKS)
        pairs = [*combinations(lower, 2), *combinations(wrist, 2)]
        pairs += [("upper_forearm_link", link) for link in LINKS[4:]]
        return [(self.name(a), self.name(b)) for a, b in pairs]


def gripper_map() -> GripperMap:
    """Half distance of the slides, width and control."""
    span = (FINGER_CLOSED, FINGER_OPEN)
    return GripperMap((0.5, -0.5), span, (0.0, MAX_WIDTH), span)


def finger_geometry() -> FingerGeometry:
    """Finger boxes over the stroke, tcp frame; fingers keep their z."""

    def right(width_m: float, pieces: int) -> tuple[Box, ...]:
        boxes = []
        for start, stop, thickness, half in (_TIP, _MIDDLE, _ROOT):
            y, shift = 0.5 * width_m, _FINGER_X - TCP_X
            lower = (-half, y + (0.0 if start == _TIP[0] else 0.001), start + shift)
            boxes.append(Box(lower, (half, y + thickness, stop + shift), "right"))
        return tuple(boxes)

    def turned(extents: tuple[tuple[float, ...], tuple[float, ...]]) -> Box:
        (x, y, z), (X, Y, Z) = extents  # gripper x is z of the tcp, z is x
        return Box((z, -Y, x - TCP_X), (Z, -y, X - TCP_X))

    pads = (2 * _PAD_HALF[2], 2 * _PAD_HALF[0], 2 * _PAD_HALF[1])
    widths = np.linspace(0.0, MAX_WIDTH, 5).tolist()
    fixed = (turned(_BAR), turned(_HOUSING))
    return sample_fingers(right, fixed, widths, widths, [0.0] * 5, pads)


def wrist_camera(arm: str) -> CameraMount:
    """Above the gripper, looking at the fingertips."""
    eye = np.array([-0.02, 0.0, 0.1])
    forward = np.array([TCP_X, 0.0, 0.0]) - eye
    forward /= np.linalg.norm(forward)
    right = np.array([0.0, -1.0, 0.0])
    rotation = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose = Pose(eye, quat_from_matrix(rotation))
    return CameraMount(f"{arm}_wrist", name(f"{arm}_gripper_link"), pose)


def arm_model(arm: str, base: Pose, home: tuple[float, ...]) -> Arm:
    """What planners need to know of one ViperX.

    Args:
        arm: Name of the arm.
        base: Where it is mounted, in the robot's base frame.
        home: (6,) rad.
    """
    x, y, z = base.apply(np.array([0.0, 0.0, SHOULDER_HEIGHT])).tolist()

    def names(shorts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name(f"{arm}_{short}") for short in shorts)

    return Arm(
        name=arm,
        joints=names(JOINTS),
        actuators=names(JOINTS),
        joint_lower=LOWER,
        joint_upper=UPPER,
        velocity_limit=VELOCITY,
        acceleration_limit=ACCELERATION,
        jerk_limit=JERK,
        effort_limit=EFFORT,
        home=home,
        gripper_actuator=name(f"{arm}_gripper"),
        gripper_joints=names(FINGERS),
        gripper_ctrl_open=FINGER_OPEN,
        gripper_ctrl_closed=FINGER_CLOSED,
        gripper_home_qpos=(FINGER_OPEN, -FINGER_OPEN),
        gripper_max_width_m=MAX_WIDTH,
        gripper_map=gripper_map(),
        gripper_close_s=CLOSE_S,
        tcp_site=name(f"{arm}_tcp"),
        tcp_body=name(f"{arm}_gripper_link"),
        finger_geometry=finger_geometry(),
        pad_geoms=(names(("left_pad",)), names(("right_pad",))),
        finger_bodies=names(("left_finger_link", "right_finger_link")),
        gripper_bodies=names(GRIPPER_LINKS),
        bodies=names(LINKS),
        reach_m=REACH,
        shoulder=(x, y, z),
        tracking_lag_s=TRACKING_LAG_S,
    )
