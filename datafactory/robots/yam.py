"""I2RT YAM: six joints and a gripper of two prismatic fingers, converted from its pack.

Kinematics, masses, inertias and joint limits are the pack's; efforts are those of its drives
(28 N m for the first three joints, 10 N m for the wrist). Speeds, actuators, collision geometry
and pads are ours. The gripper's crank is left out: the fingers are driven as slides, with the
force the pack's authors hold safe.

The fingers are two upright plates that end in narrow tips on one side of the wrist's axis; the tcp
lies between the tips, 42 mm off that axis.
"""

from __future__ import annotations

import functools
import math
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from datafactory.geometry import Pose
from datafactory.robots import mjcf, slide_gripper
from datafactory.robots.conversion import Converter, Source, points_of, pose_of, visuals
from datafactory.robots.fingers import sample_fingers
from datafactory.robots.gripper import TCP, arm_of, wrist_camera
from datafactory.robots.mjcf import name
from datafactory.robots.model import BodyVisual, Box, FingerGeometry, RobotModel
from datafactory.robots.needs import needs
from datafactory.robots.servos import Servos
from datafactory_assets.packs import PackDir, ensure_pack

PACK = "yam"
VERSION = "1"
LINKS = tuple(f"link_{k}" for k in range(1, 7))
SERVOS = Servos(
    joints=tuple(f"joint{k}" for k in range(1, 7)),
    axes=((0, 0, 1),) * 6,
    lower=(-2.61799, 0.0, 0.0, -1.5708, -1.5708, -2.0944),
    upper=(3.05433, 3.66519, 3.66519, 1.5708, 1.5708, 2.0944),
    velocity=(2.6, 2.6, 2.6, 3.0, 3.0, 3.0),
    acceleration=(12.0, 10.0, 12.0, 20.0, 20.0, 20.0),
    jerk=(6000.0, 5000.0, 6000.0, 10000.0, 10000.0, 10000.0),
    effort=(28.0, 28.0, 28.0, 10.0, 10.0, 10.0),
    stiffness=(1600.0, 1800.0, 1200.0, 400.0, 300.0, 200.0),
    armature=(0.06, 0.06, 0.06, 0.03, 0.03, 0.02),
    friction=0.2,
)
HOME = (0.0, 1.8706, 1.3609, -1.0611, 0.0, 0.0)
REACH = 0.516
SHOULDER = (0.02, 0.0, 0.104)
WORKSPACE_RADIUS_M = (0.22, 0.46)
MOUNT_HEIGHT_M = 0.16

MAX_WIDTH = 0.075
GRIP_FORCE = 38.0
CLOSE_S = 0.28
_FINGER_DAMPING = 260.0

_RENAMED = {
    "arm": "robot_base",
    "camera_d405": "camera",
    "camera_frame": "",
    "link_left_finger": "left_finger",
    "link_right_finger": "right_finger",
    "lf_rot": "",
    "rf_rot": "",
}
# Meshes of one hull each.
_HULLS = {
    "robot_base": (("model2",),),
    "link_1": (("model2__2",),),
    "link_2": (("model2__3", "model2__4", "model2__5"),),
    "link_3": (("model2__6", "model2__8"), ("model2__7", "model2__9")),
    "link_4": (("model2__10",),),
    "link_5": (("model2__11",),),
    "link_6": (("model2__12", "model2__13"),),
}
_CAMERA = ((-0.0108, 0.0, -0.0115), (0.0211, 0.025, 0.0115))

# The tcp frame in the last link's: x = y, y = -x, z = z.
_TCP = (0.0, -0.0417, 0.1294)
_QUAT = (math.sqrt(0.5), 0.0, 0.0, math.sqrt(0.5))
_PAD_HALF = (0.009, 0.002, 0.0174)
# Boxes of a finger in the tcp frame when closed: x, then from the middle plane outwards, then z.
_FINGER = (
    ((-0.009, 0.0327), (0.001, 0.0115), (-0.0174, -0.0014)),
    ((-0.009, 0.02), (0.001, 0.0065), (-0.0014, 0.0174)),
    ((-0.009, 0.0467), (0.002, 0.0165), (-0.0314, -0.0174)),
    ((-0.009, 0.0717), (0.0026, 0.022), (-0.0474, -0.0314)),
    ((-0.009, 0.0914), (0.004, 0.0255), (-0.0759, -0.0474)),
)
# Front of what does not move with the fingers.
_PALM = Box((-0.009, -0.0435, -0.11), (0.0921, 0.0435, -0.0624))
_CAMERA_BOX = Box((0.1042, -0.0103, -0.0934), (0.1506, 0.0318, -0.0514))


class _Yam:
    """Adds what is ours to the pack's bodies."""

    def __init__(self, converter: Converter, source: Source) -> None:
        self.converter = converter
        self.source = source

    def fill(self, short: str, body: ET.Element, element: ET.Element) -> None:
        """Joints, collision geometry and, on the last link, the tcp."""
        if short in slide_gripper.FINGERS:
            self._finger(short, body, element)
            return
        for joint in body.findall("joint"):
            SERVOS.add_joint(joint.attrib["name"], element)
        for k, meshes in enumerate(_HULLS.get(short, ())):
            self.converter.hull(element, f"{short}_{k}", points_of(self.source, body, meshes))
        if short == "camera":
            center, half = _CAMERA
            mjcf.add(element, "geom", name=name(short), type="box", pos=center, size=half,
                     mass=0.05, **slide_gripper.INERT)  # fmt: skip
        if short == LINKS[-1]:
            base = mjcf.add(element, "body", name=name("gripper_base"), gravcomp=1, pos=_TCP,
                            quat=_QUAT)  # fmt: skip
            mjcf.add(base, "site", name=name(TCP), pos=(0, 0, 0), group=4)
            mjcf.add(base, "geom", name=name("palm"), type="box", pos=_PALM.center,
                     size=_PALM.half, mass=0.001, **slide_gripper.INERT)  # fmt: skip

    def _finger(self, short: str, body: ET.Element, element: ET.Element) -> None:
        side = short.removesuffix("_finger")
        # The right finger opens along the tcp's y, which is the last link's -x and its own -z.
        axis = (0, 0, -1) if side == "right" else (0, 0, 1)
        slide_gripper.add_joint(element, short, axis, MAX_WIDTH, _FINGER_DAMPING)
        finger_from_tcp = pose_of(body).inverse() @ Pose.of(_TCP, _QUAT)
        quat = finger_from_tcp.quat.tolist()
        for k, box in enumerate(_finger_boxes(0.0)):
            center = np.array(box.center) * (1.0, 1.0 if side == "right" else -1.0, 1.0)
            mjcf.add(element, "geom", name=name(f"{short}_{k}"), type="box",
                     pos=finger_from_tcp.apply(center).tolist(), quat=quat, size=box.half,
                     **slide_gripper.INERT)  # fmt: skip
        pad = (0.0, _PAD_HALF[1] if side == "right" else -_PAD_HALF[1], 0.0)
        center = finger_from_tcp.apply(np.array(pad))
        slide_gripper.add_pad(element, side, center.tolist(), _PAD_HALF, quat=quat)


def _finger_boxes(width_m: float) -> Iterator[Box]:
    """Boxes of the right finger in the tcp frame."""
    for (x, X), (y, Y), (z, Z) in _FINGER:
        yield Box((x, y + 0.5 * width_m, z), (X, Y + 0.5 * width_m, Z), "right")


def _finger_geometry() -> FingerGeometry:
    def right(width_m: float, pieces: int) -> tuple[Box, ...]:
        y = 0.5 * width_m
        (x, _, z), thick = _PAD_HALF, 2 * _PAD_HALF[1]
        pad = Box((-x, y, -z), (x, y + thick, z), "right")
        return (pad, *_finger_boxes(width_m))

    size = (2 * _PAD_HALF[0], 2 * _PAD_HALF[2], 2 * _PAD_HALF[1])
    widths = (0.0, MAX_WIDTH)
    return sample_fingers(right, (_PALM, _CAMERA_BOX), widths, widths, (0.0, 0.0), size)


def _excluded_pairs() -> list[tuple[str, str]]:
    chain = ("robot_base", *LINKS)
    pairs = list(combinations(chain[:3], 2)) + list(combinations(chain[3:], 2))
    pairs += [("link_2", "link_3")]
    tool = ("camera", "gripper_base", *slide_gripper.FINGERS)
    pairs += [(a, b) for a in chain[4:] for b in tool]
    return [(name(a), name(b)) for a, b in pairs]


def _source(pack: PackDir) -> Source:
    return Source.read(pack, "yam.xml", _RENAMED)


def _visuals(pack: PackDir) -> tuple[BodyVisual, ...]:
    return visuals(_source(pack), "black")


@needs(PACK)
def yam() -> RobotModel:
    """The YAM arm with its gripper; fetches the pack ``yam`` when it is not in the store."""
    pack = ensure_pack(PACK)
    converter, source = Converter("yam"), _source(pack)
    fill = _Yam(converter, source).fill
    converter.bodies(source, source.top, mjcf.section(converter.root, "worldbody"), fill)
    slide_gripper.add_mechanism(converter.root)
    SERVOS.add_actuators(converter.root)
    slide_gripper.add_actuator(converter.root, MAX_WIDTH, GRIP_FORCE)
    mjcf.exclude(converter.root, _excluded_pairs())
    gripper = slide_gripper.slide_gripper(
        "gripper_base", MAX_WIDTH, CLOSE_S, _finger_geometry(), ("left_finger", "right_finger")
    )
    arm = arm_of(SERVOS, gripper, links=(*LINKS, "camera"), home=HOME, reach_m=REACH,
                 shoulder=SHOULDER)  # fmt: skip
    return RobotModel(
        name="yam",
        version=VERSION,
        licence=pack.pack.licence,
        capabilities=("arm", "gripper"),
        mjcf=mjcf.to_text(converter.root),
        meshes=converter.meshes,
        base_body=name("robot_base"),
        arms=(arm,),
        camera_mounts=(wrist_camera("gripper_base", (0.12, 0.0, -0.06), math.radians(45.0)),),
        base_box=Box((-0.12, -0.06, -0.01), (0.06, 0.06, 0.1)),
        workspace_radius_m=WORKSPACE_RADIUS_M,
        mount_height_m=MOUNT_HEIGHT_M,
        visual_loader=functools.partial(_visuals, pack),
    )
