"""Franka Panda with a Robotiq 2F-85 gripper, converted from the asset pack at run time.

Kinematics, masses and inertias are the pack's. Actuators, joint damping, collision hulls, contact
settings and excludes are ours: position actuators with a first-order filter, gravity compensated
by the arm's own actuators, convex hulls of at most 32 vertices and no visual geometry.
"""

from __future__ import annotations

import functools
import xml.etree.ElementTree as ET

import numpy as np

from datafactory.robots import arm7, mjcf
from datafactory.robots import gripper_2f85 as gripper
from datafactory.robots.hulls import mesh_file, read_vertices, reduce_hull
from datafactory.robots.mjcf import name
from datafactory.robots.model import Arm, BodyVisual, Box, RobotModel
from datafactory_assets.asset import VisualMesh
from datafactory_assets.packs import PackDir, ensure_pack

PACK = "panda_2f85"
VERSION = "1"
HULL_VERTICES = 32

# The pack's body names and ours.
_RENAMED = {
    "link0": "robot_base",
    "attachment": "flange",
    "base_mount": "gripper_mount",
    "base": "gripper_base",
}
_MERGED = {"right_silicone_pad": "right_pad", "left_silicone_pad": "left_pad"}
_HULL_FILES = {
    "robot_base": ("link0.stl",),
    **{f"link{k}": (f"link{k}.stl",) for k in (1, 2, 3, 4, 6, 7)},
    "link5": tuple(f"link5_collision_{k}.obj" for k in range(3)),
}


class _Converter:
    """Turns the pack's document into ours."""

    def __init__(self, pack: PackDir) -> None:
        self.pack = pack
        self.root = mjcf.document("franka_panda")
        self.meshes: dict[str, bytes] = {}
        self.assets = mjcf.add(self.root, "asset")

    def hull(self, short: str, file: str, scale: float, limit: int) -> str:
        """Adds a reduced hull of a pack mesh as a mesh asset, once, and returns its name."""
        vertices, _ = reduce_hull(read_vertices(self.pack.member(file)) * scale, limit)
        file_name, data = mesh_file(vertices)
        if file_name not in self.meshes:
            self.meshes[file_name] = data
            mjcf.add(self.assets, "mesh", name=name(short), file=file_name)
        return name(short)

    def convert(self) -> str:
        """Returns the MJCF document."""
        self._body(_top_body(self.pack), mjcf.section(self.root, "worldbody"))
        gripper.add_mechanism(self.root)
        arm7.add_actuators(self.root)
        gripper.add_actuator(self.root)
        mjcf.exclude(self.root, arm7.excluded_pairs(gripper.BODIES))
        return mjcf.to_text(self.root)

    def _body(self, source: ET.Element, parent: ET.Element) -> None:
        short = _RENAMED.get(source.attrib["name"], source.attrib["name"])
        if short in _MERGED:
            return
        placed = {k: source.attrib[k] for k in ("pos", "quat") if k in source.attrib}
        element = mjcf.add(parent, "body", name=name(short), gravcomp=1, **placed)
        for inertial in source.findall("inertial"):
            mjcf.add(element, "inertial", **inertial.attrib)
        for joint in source.findall("joint"):
            self._joint(joint.attrib["name"], element)
        for k, file in enumerate(_HULL_FILES.get(short, ())):
            path = f"franka_emika_panda/meshes/{file}"
            mesh = self.hull(f"{short}_{k}", path, 1.0, HULL_VERTICES)
            mjcf.add(element, "geom", name=mesh, type="mesh", mesh=mesh, group=3)
        gripper.add_geoms(short, element, self.hull)
        if short == "gripper_base":
            mjcf.add(element, "site", name=name("tcp"), pos=(0, 0, gripper.TCP_Z), group=4)
        for child in source.findall("body"):
            self._body(child, element)

    def _joint(self, short: str, element: ET.Element) -> None:
        if short in arm7.JOINTS:
            arm7.add_joint(short, element)
        else:
            gripper.add_joint(short, element)


def _top_body(pack: PackDir) -> ET.Element:
    source = ET.parse(pack.member("gym_hil/assets/panda.xml")).getroot()
    return next(source.iter("body"))


def _visuals(pack: PackDir) -> tuple[BodyVisual, ...]:
    """Visual meshes of the pack with their material's colour, in body frames."""
    import trimesh

    source = ET.parse(pack.member("gym_hil/assets/panda.xml")).getroot()
    colours = {m.attrib["name"]: m.attrib["rgba"].split() for m in source.iter("material")}
    files = {}
    for asset in source.iter("mesh"):
        if "file" in asset.attrib:
            stem = asset.attrib["file"].rsplit("/", 1)[1].rsplit(".", 1)[0]
            files[asset.attrib.get("name", stem)] = asset.attrib["file"]
    visuals = []
    for body in _top_body(pack).iter("body"):
        short = _RENAMED.get(body.attrib["name"], body.attrib["name"])
        for geom in body.findall("geom"):
            if not geom.attrib.get("class", "").endswith("/visual"):
                continue
            file = files[geom.attrib["mesh"]]
            mesh = trimesh.load_mesh(pack.member(f"gym_hil/assets/{file}"))
            scale = 0.001 if file.startswith("robotiq") else 1.0
            r, g, b, a = (float(c) for c in colours.get(geom.attrib.get("material", "gray"), ()))
            vertices = np.asarray(mesh.vertices, dtype=np.float64) * scale
            faces = np.asarray(mesh.faces, dtype=np.int64)
            visual = VisualMesh(geom.attrib["mesh"], vertices, faces, (r, g, b, a))
            visuals.append(BodyVisual(name(_MERGED.get(short, short)), visual))
    return tuple(visuals)


def franka_panda() -> RobotModel:
    """The Panda arm with a 2F-85; fetches the pack ``panda_2f85`` when it is not in the store."""
    pack = ensure_pack(PACK)
    converter = _Converter(pack)
    document = converter.convert()
    stroke = gripper.gripper_map()
    arm = Arm(
        name="arm",
        joints=tuple(map(name, arm7.JOINTS)),
        actuators=tuple(map(name, arm7.JOINTS)),
        joint_lower=arm7.LOWER,
        joint_upper=arm7.UPPER,
        velocity_limit=arm7.VELOCITY,
        acceleration_limit=arm7.ACCELERATION,
        jerk_limit=arm7.JERK,
        effort_limit=arm7.EFFORT,
        home=arm7.HOME,
        gripper_actuator=name("gripper"),
        gripper_joints=tuple(map(name, gripper.JOINTS)),
        gripper_ctrl_open=0.0,
        gripper_ctrl_closed=gripper.CTRL_CLOSED,
        gripper_home_qpos=(0.0,) * len(gripper.JOINTS),
        gripper_max_width_m=stroke.width_m[0],
        gripper_map=stroke,
        gripper_close_s=gripper.CLOSE_S,
        tcp_site=name("tcp"),
        tcp_body=name("gripper_base"),
        finger_geometry=gripper.finger_geometry(),
        pad_geoms=((name("left_pad"),), (name("right_pad"),)),
        finger_bodies=tuple(map(name, gripper.FINGER_BODIES)),
        gripper_bodies=tuple(map(name, gripper.BODIES)),
        bodies=tuple(map(name, (*arm7.LINKS[1:], "flange"))),
        reach_m=arm7.REACH,
        shoulder=(0.0, 0.0, arm7.SHOULDER_HEIGHT),
        tracking_lag_s=arm7.TRACKING_LAG_S,
    )
    return RobotModel(
        name="franka_panda",
        version=VERSION,
        licence=pack.pack.licence,
        capabilities=("arm", "gripper"),
        mjcf=document,
        meshes=converter.meshes,
        base_body=name("robot_base"),
        arms=(arm,),
        camera_mounts=(arm7.wrist_camera(),),
        base_box=Box((-0.16, -0.1, 0.0), (0.08, 0.1, 0.14)),
        visual_loader=functools.partial(_visuals, pack),
    )
