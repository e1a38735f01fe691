"""A ``Scene`` and a ``RobotModel`` become one MJCF text and its compiled model.

The text is the truth: the model an attempt runs on is compiled from exactly the text that is
stored, so re-executing an episode needs neither this module nor the asset programs.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import mujoco
import numpy as np
from numpy.typing import NDArray

from datafactory.belt import BELT, RAIL, RAILS
from datafactory.geometry import Pose
from datafactory.robots.model import Arm, RobotModel
from datafactory.scene import Scene, SceneObject, Table
from datafactory.scene_graph.graph import FURNITURE, TABLE
from datafactory.sim.belt import SceneBelt, belt_mjcf, scene_belt
from datafactory.sim.engine import compile_mjcf
from datafactory.sim.furniture import furniture_mjcf
from datafactory.sim.push import ScenePush, push_mjcf, scene_push
from datafactory_assets.asset import ByContent

TIMESTEP_S = 0.002
OBJECT_PREFIX = "object/"
TABLE_THICKNESS_M = 0.04
_OPTION = {
    "timestep": f"{TIMESTEP_S}",
    "cone": "elliptic",
    "impratio": "10",
    "integrator": "implicitfast",
}
# Four times as stiff as MuJoCo's default: an object dropped by 5 cm stays within 2 mm of overlap.
_CONTACT = 'solref="0.005 1" solimp="0.95 0.99 0.001"'
CAMERA = "viewer"
OPENCV_FROM_MUJOCO = Pose.of((0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0))
"""MuJoCo cameras look along -z with y up; ours look along +z with y down."""


@dataclass(frozen=True)
class _Template:
    """The constant text around the changing parts of a scene."""

    head: str
    tail: str


@lru_cache(maxsize=8)
def _template(mjcf: str, base_body: str) -> _Template:
    """Splits the robot's document around its base pose and the end of its worldbody."""
    root = ET.fromstring(mjcf)
    root.set("model", "scene")
    for old in root.findall("option"):
        root.remove(old)
    option = ET.Element("option", _OPTION)
    ET.SubElement(option, "flag", {"sleep": "enable"})
    root.insert(1, option)
    world = root.find("worldbody")
    assert world is not None
    base = next(b for b in world.iter("body") if b.get("name") == base_body)
    base.set("pos", "@BASE_POS@")
    base.set("quat", "@BASE_QUAT@")
    world.append(ET.Comment("@SCENE@"))
    text = ET.tostring(root, encoding="unicode")
    head, tail = text.split("<!--@SCENE@-->")
    return _Template(head, tail)


def _numbers(values: object) -> str:
    return " ".join(f"{float(v):.9g}" for v in np.ravel(np.asarray(values, dtype=np.float64)))


@lru_cache(maxsize=8192)
def _shape_texts(key: ByContent) -> tuple[tuple[str, str], ...]:
    """(geom attributes, mesh vertices or '') of every shape; cached by content."""
    texts = []
    for shape in key.asset.shapes:
        place = f'pos="{_numbers(shape.position)}" quat="{_numbers(shape.quat)}"'
        if shape.kind == "convex":
            texts.append((f'type="mesh" {place}', _numbers(shape.vertices)))
        else:
            texts.append((f'type="{shape.kind}" size="{_numbers(shape.size)}" {place}', ""))
    return tuple(texts)


def _object_text(item: SceneObject, site: str = "") -> tuple[str, str]:
    """(body text, mesh asset text) of one object, with a site in it."""
    asset = item.asset
    name = OBJECT_PREFIX + item.name
    pose = item.world_from_object
    inertia = np.asarray(asset.inertia) * (item.mass / asset.mass)
    full = (inertia[0, 0], inertia[1, 1], inertia[2, 2], inertia[0, 1], inertia[0, 2],
            inertia[1, 2])  # fmt: skip
    # Round things need rolling resistance, or they never come to rest; it costs two more rows.
    rows = 6 if "rolls" in asset.attributes else 4
    surface = f'condim="{rows}" {_CONTACT} friction="{item.friction:.6g} 0.003 0.0008"'
    parts = [
        f'<body name="{name}" pos="{_numbers(pose.position)}" quat="{_numbers(pose.quat)}">'
        f'<freejoint name="{name}"/><inertial pos="{_numbers(asset.com)}" mass="{item.mass:.9g}" '
        f'fullinertia="{_numbers(full)}"/>'
    ]
    meshes = []
    for i, (attributes, vertices) in enumerate(_shape_texts(ByContent.of(asset))):
        mesh = ""
        if vertices:
            meshes.append(f'<mesh name="{name}/{i}" vertex="{vertices}" inertia="convex"/>')
            mesh = f' mesh="{name}/{i}"'
        parts.append(f'<geom name="{name}/{i}" {attributes}{mesh} {surface}/>')
    parts.append(f"{site}</body>")
    return "".join(parts), "".join(meshes)


def _plain_table(table: Table) -> str:
    """A board without anything below it."""
    top = (*table.center, table.height - 0.5 * TABLE_THICKNESS_M)
    half = (*table.half_extents, 0.5 * TABLE_THICKNESS_M)
    return (
        f'<geom name="table" type="box" pos="{_numbers(top)}" size="{_numbers(half)}" '
        f'friction="0.8 0.003 0.0008" condim="4" {_CONTACT}/>'
    )


def scene_mjcf(scene: Scene, robot: RobotModel) -> str:
    """Returns the whole scene as MJCF text: robot, table, floor and objects, physics only."""
    template = _template(robot.mjcf, robot.base_body)
    base = scene.world_from_base
    table = scene.table
    bodies, meshes, drives = [], [], ""
    for item in scene.objects:
        site = ""
        if item.name == scene.pushed:
            site, drives = push_mjcf(item.asset.com)
        body, mesh = _object_text(item, site)
        bodies.append(body)
        meshes.append(mesh)
    fixed, custom = f'<geom name="floor" type="plane" size="4 4 0.1" condim="4" {_CONTACT}/>', ""
    if table.furniture is None:
        fixed += _plain_table(table)
    else:
        text, added, custom = furniture_mjcf(table.furniture, table.center, _CONTACT)
        bodies.append(text)
        meshes.append(added)
    viewer = scene.world_from_camera @ OPENCV_FROM_MUJOCO
    fixed += (
        f'<camera name="{CAMERA}" pos="{_numbers(viewer.position)}" '
        f'quat="{_numbers(viewer.quat)}"/>'
    )
    head = template.head.replace("@BASE_POS@", _numbers(base.position))
    head = head.replace("@BASE_QUAT@", _numbers(base.quat))
    assets = "".join(meshes)
    if scene.belt is not None:
        text, drive = belt_mjcf(scene.belt, _CONTACT)
        bodies.append(text)
        drives += drive
    tail = template.tail
    if assets:
        tail = tail.replace("</mujoco>", f"<asset>{assets}</asset></mujoco>")
    if custom:
        tail = tail.replace("</mujoco>", f"<custom>{custom}</custom></mujoco>")
    if drives:
        tail = tail.replace("</mujoco>", f"<actuator>{drives}</actuator></mujoco>")
    return head + fixed + "".join(bodies) + tail


@dataclass(frozen=True, eq=False)
class SceneArm:
    """Where one arm is in a compiled scene.

    Attributes:
        arm: The arm.
        joints: Its place in the series of all joints (dof,).
        qpos: (n,) qpos addresses of its joints.
        ctrl: (n,) ctrl addresses of its actuators.
        gripper_qpos: (m,) qpos addresses of its gripper joints.
        gripper_ctrl: ctrl address of its gripper actuator.
        tcp: Index of its tcp site.
        entity: Entity index of its links.
        gripper: Entity index of its gripper.
        pad_sides: (ngeom,) 1 for its left pads, 2 for its right pads, else 0.
    """

    arm: Arm
    joints: slice
    qpos: NDArray[np.int64]
    ctrl: NDArray[np.int64]
    gripper_qpos: NDArray[np.int64]
    gripper_ctrl: int
    tcp: int
    entity: int
    gripper: int
    pad_sides: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SceneModel:
    """A compiled scene with the addresses everything else needs.

    Attributes:
        scene: What was assembled.
        robot: The robot in it.
        mjcf: The text it was compiled from.
        model: The compiled model.
        entities: Entity names: ``floor, table``, links and gripper of every arm (``arm, gripper``,
            or ``left_arm, left_gripper, ...``), the objects' role names, then ``belt, rail`` or
            ``furniture`` where there are such.
        geom_entity: (ngeom,) index into ``entities`` of every geom.
        arms: The arms' addresses.
        arm_qpos: (dof,) qpos addresses of the joints of all arms.
        object_qpos: (n_objects,) first qpos address of each object's free joint.
        object_dof: (n_objects,) first dof address of each object's free joint.
        arm_ctrl: (dof,) ctrl addresses of the actuators of all arms.
        belt: The conveyor belt, if there is one.
        push: The external force on an object, if one may act.
    """

    scene: Scene
    robot: RobotModel
    mjcf: str
    model: mujoco.MjModel
    entities: tuple[str, ...]
    geom_entity: NDArray[np.int64]
    arms: tuple[SceneArm, ...]
    arm_qpos: NDArray[np.int64]
    object_qpos: NDArray[np.int64]
    object_dof: NDArray[np.int64]
    arm_ctrl: NDArray[np.int64]
    belt: SceneBelt | None = None
    push: ScenePush | None = None

    @property
    def first_object(self) -> int:
        """Entity index of the first object; those before are fixed or the robot's."""
        return self.arms[-1].gripper + 1

    def entity(self, name: str) -> int:
        """Index of an entity name."""
        return self.entities.index(name)

    def home_qpos(self) -> NDArray[np.float64]:
        """(nq,) positions with the arms at the scene's home, grippers open, objects placed."""
        qpos = np.array(self.model.qpos0)
        qpos[self.arm_qpos] = self.scene.home
        for part in self.arms:
            qpos[part.gripper_qpos] = part.arm.gripper_home_qpos
        for address, item in zip(self.object_qpos, self.scene.objects, strict=True):
            qpos[address : address + 7] = item.world_from_object.vector()
        return qpos

    def object_pose(self, qpos: NDArray[np.float64], index: int) -> Pose:
        """world_from_object of object ``index`` in a configuration."""
        address = self.object_qpos[index]
        return Pose.from_vector(qpos[address : address + 7])


def _entity_names(robot: RobotModel, scene: Scene) -> tuple[str, ...]:
    names = ["floor", "table"]
    for arm in robot.arms:
        lone = len(robot.arms) == 1
        names += ["arm", "gripper"] if lone else [f"{arm.name}_arm", f"{arm.name}_gripper"]
    names += [item.name for item in scene.objects]
    names += () if scene.belt is None else (BELT, RAIL)
    names += () if scene.table.furniture is None else (FURNITURE,)
    return tuple(names)


def _geom_entities(
    model: mujoco.MjModel, robot: RobotModel, arms: tuple[SceneArm, ...], scene: Scene
) -> NDArray[np.int64]:
    """(ngeom,) entity index of every geom; the robot's base counts as its first arm."""
    index = {name: part.entity for part in arms for name in part.arm.bodies}
    index |= {name: part.gripper for part in arms for name in part.arm.gripper_bodies}
    index[robot.base_body] = arms[0].entity
    first = arms[-1].gripper + 1
    index |= {OBJECT_PREFIX + item.name: first + k for k, item in enumerate(scene.objects)}
    if scene.belt is not None:
        index[BELT] = first + len(scene.objects)
    if scene.table.furniture is not None:
        index |= {TABLE: 1, FURNITURE: _entity_names(robot, scene).index(FURNITURE)}
    body_entity = np.zeros(model.nbody, dtype=np.int64)
    for b in range(1, model.nbody):
        body_entity[b] = index[model.body(b).name]
    entity: NDArray[np.int64] = body_entity[model.geom_bodyid]
    entity[model.geom("table").id] = 1
    if scene.belt is not None:
        entity[[model.geom(name).id for name in RAILS]] = index[BELT] + 1
    return entity


def _addresses(model: mujoco.MjModel, names: Sequence[str], table: str) -> NDArray[np.int64]:
    """Addresses of joints in a column of the model: ``jnt_qposadr`` or ``jnt_dofadr``."""
    values = getattr(model, table)
    return np.array([values[model.joint(n).id] for n in names], dtype=np.int64)


def _scene_arms(model: mujoco.MjModel, robot: RobotModel) -> tuple[SceneArm, ...]:
    arms: list[SceneArm] = []
    for k, arm in enumerate(robot.arms):
        sides = np.zeros(model.ngeom, dtype=np.int64)
        for side, geoms in enumerate(arm.pad_geoms, start=1):
            for geom in geoms:
                sides[model.geom(geom).id] = side
        first = arms[-1].joints.stop if arms else 0
        arms.append(
            SceneArm(
                arm=arm,
                joints=slice(first, first + arm.dof),
                qpos=_addresses(model, arm.joints, "jnt_qposadr"),
                ctrl=np.array([model.actuator(a).id for a in arm.actuators], dtype=np.int64),
                gripper_qpos=_addresses(model, arm.gripper_joints, "jnt_qposadr"),
                gripper_ctrl=int(model.actuator(arm.gripper_actuator).id),
                tcp=int(model.site(arm.tcp_site).id),
                entity=2 + 2 * k,
                gripper=3 + 2 * k,
                pad_sides=sides,
            )
        )
    return tuple(arms)


def assemble(scene: Scene, robot: RobotModel) -> SceneModel:
    """Compiles a scene.

    Args:
        scene: The sampled scene.
        robot: The robot named in it.

    Returns:
        The compiled scene with addresses.
    """
    mjcf = scene_mjcf(scene, robot)
    model = compile_mjcf(mjcf, robot.meshes)
    arms = _scene_arms(model, robot)
    joints = [OBJECT_PREFIX + o.name for o in scene.objects]
    belt = None
    if scene.belt is not None:
        riders = [OBJECT_PREFIX + name for name in scene.belt.carried]
        entity = arms[-1].gripper + 1 + len(joints)
        belt = scene_belt(model, scene.belt, _addresses(model, riders, "jnt_dofadr"), entity)
    return SceneModel(
        scene=scene,
        robot=robot,
        mjcf=mjcf,
        model=model,
        entities=_entity_names(robot, scene),
        geom_entity=_geom_entities(model, robot, arms, scene),
        arms=arms,
        arm_qpos=np.concatenate([part.qpos for part in arms]),
        object_qpos=_addresses(model, joints, "jnt_qposadr"),
        object_dof=_addresses(model, joints, "jnt_dofadr"),
        arm_ctrl=np.concatenate([part.ctrl for part in arms]),
        belt=belt,
        push=_scene_push(model, scene),
    )


def _scene_push(model: mujoco.MjModel, scene: Scene) -> ScenePush | None:
    for k, item in enumerate(scene.objects):
        if item.name == scene.pushed:
            return scene_push(model, k, item.mass)
    return None
