"""An arm of capsules with a parallel-jaw gripper: no download, no mesh, fast to simulate.

Kinematics and limits are the Panda's published ones and the tcp sits at the same place, so plans
look alike; shapes, masses and the gripper are ours.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import numpy as np

from datafactory.robots import arm7, mjcf, slide_gripper
from datafactory.robots.fingers import sample_fingers
from datafactory.robots.gripper import arm_of, wrist_camera
from datafactory.robots.mjcf import name
from datafactory.robots.model import BodyVisual, Box, FingerGeometry, RobotModel
from datafactory_assets.asset import Licence, VisualMesh

VERSION = "1"
MAX_WIDTH = 0.085
GRIP_FORCE = 40.0
_FINGER_DAMPING = 260.0
CLOSE_S = 0.31

_S = math.sqrt(0.5)
_TURN, _BACK = (_S, _S, 0.0, 0.0), (_S, -_S, 0.0, 0.0)
# Per link: position, orientation, mass in kg and capsule (end point, end point, radius).
_LINKS = (
    ((0, 0, 0.333), (1, 0, 0, 0), 3.0, ((0, 0, -0.12), (0, 0, 0), 0.06)),
    ((0, 0, 0), _BACK, 3.0, ((0, -0.03, 0), (0, -0.2, 0), 0.055)),
    ((0, -0.316, 0), _TURN, 2.5, ((0, 0, -0.08), (0.05, 0, 0), 0.05)),
    ((0.0825, 0, 0), _TURN, 2.5, ((0, 0, 0), (-0.0825, 0.08, 0), 0.05)),
    ((-0.0825, 0.384, 0), _BACK, 2.0, ((0, 0, -0.25), (0, 0, -0.03), 0.045)),
    ((0, 0, 0), _TURN, 1.5, ((0, 0, 0), (0.088, 0, 0), 0.045)),
    ((0.088, 0, 0), _TURN, 0.7, ((0, 0, 0.02), (0, 0, 0.06), 0.04)),
)
_BASE_RADIUS, _BASE_HALF = 0.08, 0.07
_GRIPPER_POS, _GRIPPER_YAW = (0.0, 0.0, 0.107), -math.pi / 4
TCP_Z = 0.1458
_PALM_HALF = (0.03, 0.045, 0.035)  # from the flange to z = 0.07 in the gripper's frame
_PAD_HALF = (0.011, 0.004, 0.01875)
_FINGER_HALF = (0.01, 0.006, 0.047)
_TIP_Z = TCP_Z + _PAD_HALF[2]

_GREY, _DARK, _PAD_COLOUR = (0.8, 0.82, 0.85, 1), (0.25, 0.26, 0.28, 1), (0.12, 0.12, 0.13, 1)

LICENCE = Licence("Apache-2.0", "the datafactory authors", "datafactory")


def _add_finger(base: ET.Element, side: str) -> None:
    sign = 1.0 if side == "right" else -1.0
    body = mjcf.add(base, "body", name=name(f"{side}_finger"), gravcomp=1)
    slide_gripper.add_joint(body, f"{side}_finger", (0, sign, 0), MAX_WIDTH, _FINGER_DAMPING)
    y = 2 * _PAD_HALF[1] + _FINGER_HALF[1]
    mjcf.add(
        body,
        "geom",
        name=name(f"{side}_finger"),
        type="box",
        pos=(0, sign * y, _TIP_Z - _FINGER_HALF[2]),
        size=_FINGER_HALF,
        mass=0.08,
        rgba=_DARK,
        **slide_gripper.INERT,
    )
    pad = (0, sign * _PAD_HALF[1], TCP_Z)
    slide_gripper.add_pad(body, side, pad, _PAD_HALF, mass=0.02, rgba=_PAD_COLOUR)


def _add_gripper(wrist: ET.Element, root: ET.Element) -> None:
    half = 0.5 * _GRIPPER_YAW
    turn = (math.cos(half), 0.0, 0.0, math.sin(half))
    base = mjcf.add(
        wrist, "body", name=name("gripper_base"), pos=_GRIPPER_POS, quat=turn, gravcomp=1
    )
    mjcf.add(
        base,
        "geom",
        name=name("palm"),
        type="box",
        pos=(0, 0, _PALM_HALF[2]),
        size=_PALM_HALF,
        mass=0.6,
        rgba=_DARK,
        **slide_gripper.INERT,
    )
    mjcf.add(base, "site", name=name("tcp"), pos=(0, 0, TCP_Z), group=4)
    _add_finger(base, "right")
    _add_finger(base, "left")
    slide_gripper.add_mechanism(root)


def _document() -> str:
    root = mjcf.document("primitive_arm")
    body = mjcf.add(mjcf.section(root, "worldbody"), "body", name=name("robot_base"), gravcomp=1)
    mjcf.add(
        body,
        "geom",
        name=name("robot_base"),
        type="cylinder",
        pos=(0, 0, _BASE_HALF),
        size=(_BASE_RADIUS, _BASE_HALF),
        mass=3.0,
        group=3,
        rgba=_DARK,
    )
    for k, (pos, quat, mass, (start, end, radius)) in enumerate(_LINKS, start=1):
        link = name(f"link{k}")
        body = mjcf.add(body, "body", name=link, pos=pos, quat=quat, gravcomp=1)
        arm7.SERVOS.add_joint(f"joint{k}", body)
        ends = (*start, *end)
        mjcf.add(body, "geom", name=link, type="capsule", fromto=ends, size=radius, mass=mass,
                 group=3, rgba=_GREY if k % 2 else _DARK)  # fmt: skip
    _add_gripper(body, root)
    arm7.SERVOS.add_actuators(root)
    slide_gripper.add_actuator(root, MAX_WIDTH, GRIP_FORCE)
    mjcf.exclude(root, arm7.excluded_pairs(("gripper_base", *slide_gripper.FINGERS)))
    return mjcf.to_text(root)


def _finger_geometry() -> FingerGeometry:
    thickness = 2 * (_PAD_HALF[1] + _FINGER_HALF[1])

    def right(opening_m: float, pieces: int) -> tuple[Box, ...]:
        y, x = 0.5 * opening_m, _PAD_HALF[0]
        root = _TIP_Z - 2 * _FINGER_HALF[2] - TCP_Z
        tip = Box((-x, y, -_PAD_HALF[2]), (x, y + thickness, _PAD_HALF[2]), "right")
        inside = y + 2 * _PAD_HALF[1]
        return (tip, Box((-x, inside, root), (x, y + thickness, -_PAD_HALF[2]), "right"))

    x, y, z = _PALM_HALF
    palm = Box((-x, -y, -TCP_Z), (x, y, 2 * z - TCP_Z))
    pad_size = (2 * _PAD_HALF[0], 2 * _PAD_HALF[2], 2 * _PAD_HALF[1])
    widths = (0.0, MAX_WIDTH)
    return sample_fingers(right, (palm,), widths, widths, (0.0, 0.0), pad_size)


def _visuals() -> tuple[BodyVisual, ...]:
    """Meshes of the geoms themselves."""
    import trimesh

    from datafactory.geometry import Pose

    visuals = []
    for body in ET.fromstring(_document()).iter("body"):
        for geom in body.findall("geom"):
            size = [float(v) for v in geom.attrib["size"].split()]
            kind = geom.attrib["type"]
            place = Pose.of([float(v) for v in geom.attrib.get("pos", "0 0 0").split()]).matrix()
            if kind == "capsule":
                ends = np.array(geom.attrib["fromto"].split(), dtype=np.float64).reshape(2, 3)
                mesh = trimesh.creation.cylinder(size[0], segment=ends, sections=32)
                balls = [trimesh.creation.icosphere(3, size[0]) for _ in ends]
                for ball, end in zip(balls, ends, strict=True):
                    ball.apply_translation(end)
                mesh = trimesh.util.concatenate([mesh, *balls])
            elif kind == "cylinder":
                mesh = trimesh.creation.cylinder(size[0], 2 * size[1], 48, transform=place)
            else:
                mesh = trimesh.creation.box(2 * np.array(size), place)
            r, g, b, a = (float(v) for v in geom.attrib["rgba"].split())
            visual = VisualMesh(
                geom.attrib["name"].removeprefix(mjcf.PREFIX),
                np.asarray(mesh.vertices, dtype=np.float64),
                np.asarray(mesh.faces, dtype=np.int64),
                (r, g, b, a),
            )
            visuals.append(BodyVisual(body.attrib["name"], visual))
    return tuple(visuals)


def primitive_arm() -> RobotModel:
    """The tier-0 arm; needs no asset pack."""
    gripper = slide_gripper.slide_gripper("gripper_base", MAX_WIDTH, CLOSE_S, _finger_geometry())
    arm = arm_of(
        arm7.SERVOS,
        gripper,
        links=arm7.LINKS[1:],
        home=arm7.HOME,
        reach_m=arm7.REACH,
        shoulder=arm7.SHOULDER,
    )
    return RobotModel(
        name="primitive_arm",
        version=VERSION,
        licence=LICENCE,
        capabilities=("arm", "gripper"),
        mjcf=_document(),
        meshes={},
        base_body=name("robot_base"),
        arms=(arm,),
        camera_mounts=(wrist_camera("gripper_base", (0.075, 0.0, 0.03), math.radians(25.0)),),
        base_box=Box((-0.09, -0.09, 0.0), (0.09, 0.09, 0.14)),
        workspace_radius_m=(0.3, 0.72),
        mount_height_m=0.0,
        visual_loader=_visuals,
    )
