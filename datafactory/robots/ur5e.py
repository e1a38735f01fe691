"""Universal Robots UR5e with a Robotiq 2F-85, converted from its pack.

Kinematics, masses, inertias, efforts and the capsules around the links are the pack's; the maker
gives 180 degrees per second for every joint. Actuators, joint ranges, contact settings and
excludes are ours. Each joint of the real arm turns twice around; here it may turn once, which
takes nothing away from what is in front of the arm and keeps the wrist from winding up. The base is
mounted so that the arm points forward at zero pan.
"""

from __future__ import annotations

import functools
import math
import xml.etree.ElementTree as ET
from itertools import combinations

from datafactory.robots import gripper_2f85, mjcf
from datafactory.robots.conversion import Converter, Source, visuals
from datafactory.robots.gripper import arm_of, wrist_camera
from datafactory.robots.hulls import read_vertices
from datafactory.robots.mjcf import name
from datafactory.robots.model import BodyVisual, Box, RobotModel
from datafactory.robots.needs import needs
from datafactory.robots.servos import Servos
from datafactory_assets.packs import PackDir, ensure_pack

PACK = "ur5e_2f85"
VERSION = "1"
LINKS = ("shoulder_link", "upper_arm_link", "forearm_link", "wrist_1_link", "wrist_2_link",
         "wrist_3_link")  # fmt: skip
_PI = math.pi
SERVOS = Servos(
    joints=("shoulder_pan_joint", "shoulder_lift_joint", "elbow_joint", "wrist_1_joint",
            "wrist_2_joint", "wrist_3_joint"),
    axes=((0, 0, 1), (0, 1, 0), (0, 1, 0), (0, 1, 0), (0, 0, 1), (0, 1, 0)),
    lower=(-_PI, -_PI, 0.0, -_PI, -_PI, -_PI),
    upper=(_PI, 0.5, _PI, _PI, _PI, _PI),
    velocity=(_PI,) * 6,
    acceleration=(10.0, 8.0, 12.0, 20.0, 20.0, 20.0),
    jerk=(5000.0, 4000.0, 6000.0, 10000.0, 10000.0, 10000.0),
    effort=(150.0, 150.0, 150.0, 28.0, 28.0, 28.0),
    stiffness=(7000.0, 13000.0, 6500.0, 1000.0, 900.0, 700.0),
    armature=(0.1,) * 6,
    friction=1.0,
)  # fmt: skip
HOME = (-0.3024, -1.7171, 1.6677, -1.5214, -_PI / 2, -0.3024)
REACH = 0.83
SHOULDER = (0.0, 0.0, 0.163)
WORKSPACE_RADIUS_M = (0.3, 0.72)

_RENAMED = {"base": "robot_base"}
_GRIPPER = {
    "base_mount": "gripper_mount",
    "base": "gripper_base",
    "right_silicone_pad": "",
    "left_silicone_pad": "",
}
_DRAWN = {"right_silicone_pad": "right_pad", "left_silicone_pad": "left_pad"}
# The flange in the last link: its approach is the link's y. The gripper's adapter is 7 mm thick.
_MOUNT_POS = (0.0, 0.107, 0.0)
_MOUNT_QUAT = (-math.sqrt(0.5), math.sqrt(0.5), 0.0, 0.0)
_BASE = ((0.0, 0.0, 0.05), (0.075, 0.05))


class _Ur5e:
    """Adds what is ours to the bodies of arm and gripper."""

    def __init__(self, converter: Converter, gripper: Source) -> None:
        self.converter = converter
        self.gripper = gripper

    def arm(self, short: str, body: ET.Element, element: ET.Element) -> None:
        """Joint and the pack's collision shapes of a link; the gripper on the last one."""
        for joint in body.findall("joint"):
            SERVOS.add_joint(joint.attrib["name"], element)
        shapes = [g for g in body.findall("geom") if g.get("class", "").endswith("collision")]
        for k, shape in enumerate(shapes):
            kind = "cylinder" if shape.attrib["class"] == "eef_collision" else "capsule"
            placed = {k: v for k, v in shape.attrib.items() if k in ("pos", "quat", "size")}
            mjcf.add(element, "geom", name=name(f"{short}_{k}"), type=kind, group=3, **placed)
        if short == "robot_base":
            pos, size = _BASE
            mjcf.add(element, "geom", name=name(short), type="cylinder", pos=pos, size=size,
                     group=3)  # fmt: skip
        if short == LINKS[-1]:
            self.converter.bodies(self.gripper, self.gripper.top, element, self.tool,
                                  {"pos": _MOUNT_POS, "quat": _MOUNT_QUAT})  # fmt: skip

    def tool(self, short: str, body: ET.Element, element: ET.Element) -> None:
        """As :func:`.gripper_2f85.fill`."""
        gripper_2f85.fill(short, body, element, self._hull)

    def _hull(self, short: str, file: str, scale: float, limit: int) -> str:
        vertices = read_vertices(self.gripper.pack.member(file)) * scale
        return self.converter.mesh(short, vertices, limit)


def _excluded_pairs() -> list[tuple[str, str]]:
    chain = ("robot_base", *LINKS)
    pairs = list(combinations(chain[:3], 2)) + list(combinations(chain[3:], 2))
    pairs += [("upper_arm_link", "forearm_link")]
    pairs += [(a, b) for a in LINKS[3:] for b in gripper_2f85.BODIES]
    return [(name(a), name(b)) for a, b in pairs]


def _sources(pack: PackDir, gripper: dict[str, str]) -> tuple[Source, Source]:
    return (
        Source.read(pack, "ur5e.xml", _RENAMED),
        Source.read(pack, "2f85.xml", gripper, millimetres=""),
    )


def _visuals(pack: PackDir) -> tuple[BodyVisual, ...]:
    arm, gripper = _sources(pack, {**_GRIPPER, **_DRAWN})
    return (*visuals(arm, "linkgray"), *visuals(gripper, "gray"))


@needs(PACK)
def ur5e() -> RobotModel:
    """The UR5e with a 2F-85; fetches the pack ``ur5e_2f85`` when it is not in the store."""
    pack = ensure_pack(PACK)
    converter, (arm_source, gripper_source) = Converter("ur5e"), _sources(pack, _GRIPPER)
    fill = _Ur5e(converter, gripper_source).arm
    world = mjcf.section(converter.root, "worldbody")
    converter.bodies(arm_source, arm_source.top, world, fill, placed={})
    gripper_2f85.add_mechanism(converter.root)
    SERVOS.add_actuators(converter.root)
    gripper_2f85.add_actuator(converter.root)
    mjcf.exclude(converter.root, _excluded_pairs())
    gripper = gripper_2f85.gripper_2f85()
    arm = arm_of(SERVOS, gripper, links=LINKS, home=HOME, reach_m=REACH, shoulder=SHOULDER)
    return RobotModel(
        name="ur5e",
        version=VERSION,
        licence=pack.pack.licence,
        capabilities=("arm", "gripper"),
        mjcf=mjcf.to_text(converter.root),
        meshes=converter.meshes,
        base_body=name("robot_base"),
        arms=(arm,),
        camera_mounts=(wrist_camera(gripper.tcp_body, (0.075, 0.0, 0.03), math.radians(25.0)),),
        base_box=Box((-0.09, -0.09, 0.0), (0.09, 0.09, 0.1)),
        workspace_radius_m=WORKSPACE_RADIUS_M,
        mount_height_m=0.0,
        visual_loader=functools.partial(_visuals, pack),
    )
