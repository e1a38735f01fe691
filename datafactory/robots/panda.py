"""Franka Panda with a Robotiq 2F-85 or with the Franka Hand, converted from packs at run time.

Kinematics, masses and inertias are the pack's. Actuators, joint damping, collision hulls, contact
settings and excludes are ours: position actuators with a first-order filter, gravity compensated
by the arm's own actuators, convex hulls of at most 32 vertices and no visual geometry.
"""

from __future__ import annotations

import functools
import math
import xml.etree.ElementTree as ET

from datafactory.robots import arm7, franka_hand, gripper_2f85, mjcf
from datafactory.robots.conversion import HULL_VERTICES, Converter, Source, visuals
from datafactory.robots.gripper import Gripper, arm_of, wrist_camera
from datafactory.robots.hulls import read_vertices
from datafactory.robots.mjcf import name
from datafactory.robots.model import BodyVisual, Box, CameraMount, RobotModel
from datafactory.robots.needs import needs
from datafactory_assets.asset import Licence
from datafactory_assets.packs import PackDir, ensure_pack

PACK = "panda_2f85"
VERSION = "1"
WORKSPACE_RADIUS_M = (0.3, 0.72)

# The pack's body names and ours.
_RENAMED = {
    "link0": "robot_base",
    "attachment": "flange",
    "base_mount": "gripper_mount",
    "base": "gripper_base",
    "right_silicone_pad": "",
    "left_silicone_pad": "",
}
_BARE = {"link0": "robot_base", "attachment": ""}
_DRAWN = {"right_silicone_pad": "right_pad", "left_silicone_pad": "left_pad"}
_HULL_FILES = {
    "robot_base": ("link0.stl",),
    **{f"link{k}": (f"link{k}.stl",) for k in (1, 2, 3, 4, 6, 7)},
    "link5": tuple(f"link5_collision_{k}.obj" for k in range(3)),
}


def _source(pack: PackDir, renamed: dict[str, str]) -> Source:
    return Source.read(pack, "gym_hil/assets/panda.xml", renamed, "robotiq")


class _Panda:
    """Adds what is ours to the bodies of the arm and of the 2F-85 on it."""

    def __init__(self, converter: Converter, pack: PackDir) -> None:
        self.converter = converter
        self.pack = pack

    def hull(self, short: str, file: str, scale: float, limit: int) -> str:
        """Adds a reduced hull of a pack's mesh as a mesh asset and returns its name."""
        return self.converter.mesh(short, read_vertices(self.pack.member(file)) * scale, limit)

    def arm(self, short: str, body: ET.Element, element: ET.Element) -> None:
        """Joint and hulls of a link."""
        for joint in body.findall("joint"):
            if joint.attrib["name"] in arm7.JOINTS:
                arm7.SERVOS.add_joint(joint.attrib["name"], element)
        for k, file in enumerate(_HULL_FILES.get(short, ())):
            path = f"franka_emika_panda/meshes/{file}"
            mesh = self.hull(f"{short}_{k}", path, 1.0, HULL_VERTICES)
            mjcf.add(element, "geom", name=mesh, type="mesh", mesh=mesh, group=3)

    def with_2f85(self, short: str, body: ET.Element, element: ET.Element) -> None:
        """As :meth:`arm`, for the gripper's bodies too."""
        self.arm(short, body, element)
        gripper_2f85.fill(short, body, element, self.hull)

    def with_hand(self, short: str, body: ET.Element, element: ET.Element) -> None:
        """As :meth:`arm`, with the Franka Hand on the last link."""
        self.arm(short, body, element)
        if short == arm7.LINKS[-1]:
            franka_hand.add_hand(element)


def _visuals_2f85(pack: PackDir) -> tuple[BodyVisual, ...]:
    drawn = {k: v for k, v in _RENAMED.items() if k not in _DRAWN} | _DRAWN
    return visuals(_source(pack, drawn), "gray")


def _visuals_hand(pack: PackDir, hand: PackDir) -> tuple[BodyVisual, ...]:
    return (*visuals(_source(pack, _BARE), "gray"), *franka_hand.visuals(hand))


def _robot(
    robot: str,
    converter: Converter,
    gripper: Gripper,
    licence: Licence,
    camera: CameraMount,
    visual_loader: functools.partial[tuple[BodyVisual, ...]],
    flange: tuple[str, ...],
) -> RobotModel:
    arm = arm_of(
        arm7.SERVOS,
        gripper,
        links=(*arm7.LINKS[1:], *flange),
        home=arm7.HOME,
        reach_m=arm7.REACH,
        shoulder=arm7.SHOULDER,
    )
    return RobotModel(
        name=robot,
        version=VERSION,
        licence=licence,
        capabilities=("arm", "gripper"),
        mjcf=mjcf.to_text(converter.root),
        meshes=converter.meshes,
        base_body=name("robot_base"),
        arms=(arm,),
        camera_mounts=(camera,),
        base_box=Box((-0.16, -0.1, 0.0), (0.08, 0.1, 0.14)),
        workspace_radius_m=WORKSPACE_RADIUS_M,
        mount_height_m=0.0,
        visual_loader=visual_loader,
    )


@needs(PACK)
def franka_panda() -> RobotModel:
    """The Panda arm with a 2F-85; fetches the pack ``panda_2f85`` when it is not in the store."""
    pack = ensure_pack(PACK)
    converter, source = Converter("franka_panda"), _source(pack, _RENAMED)
    panda = _Panda(converter, pack)
    converter.bodies(source, source.top, mjcf.section(converter.root, "worldbody"),
                     panda.with_2f85)  # fmt: skip
    gripper_2f85.add_mechanism(converter.root)
    arm7.SERVOS.add_actuators(converter.root)
    gripper_2f85.add_actuator(converter.root)
    gripper = gripper_2f85.gripper_2f85()
    mjcf.exclude(converter.root, arm7.excluded_pairs(gripper.bodies))
    camera = wrist_camera(gripper.tcp_body, (0.075, 0.0, 0.03), math.radians(25.0))
    loader = functools.partial(_visuals_2f85, pack)
    return _robot("franka_panda", converter, gripper, pack.pack.licence, camera, loader,
                  ("flange",))  # fmt: skip


@needs(PACK, franka_hand.PACK)
def franka_panda_hand() -> RobotModel:
    """The Panda arm with the Franka Hand; fetches ``panda_2f85`` and ``franka_hand``."""
    pack, hand = ensure_pack(PACK), ensure_pack(franka_hand.PACK)
    converter, source = Converter("franka_panda_hand"), _source(pack, _BARE)
    panda = _Panda(converter, pack)
    converter.bodies(source, source.top, mjcf.section(converter.root, "worldbody"),
                     panda.with_hand)  # fmt: skip
    franka_hand.add_mechanism(converter.root)
    arm7.SERVOS.add_actuators(converter.root)
    franka_hand.add_actuator(converter.root)
    gripper = franka_hand.gripper()
    mjcf.exclude(converter.root, arm7.excluded_pairs(gripper.bodies))
    camera = wrist_camera(gripper.tcp_body, (0.085, 0.0, 0.03), math.radians(40.0))
    loader = functools.partial(_visuals_hand, pack, hand)
    return _robot("franka_panda_hand", converter, gripper, pack.pack.licence, camera, loader, ())
