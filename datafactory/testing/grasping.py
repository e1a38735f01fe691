"""Whether what calls itself graspable can be lifted: a gripper without an arm, one object, a table.

The gripper is the primitive arm's own, cut out of its document and carried by three driven slides;
contacts, friction and solver are those of every episode. Run it over your own source::

    lift = try_lifts(source.make("mug", 3))
    assert lift.held, lift
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass

import mujoco
import numpy as np

from datafactory.geometry import Array, Pose
from datafactory.grasps.ranking import Grasp, rank_grasps
from datafactory.robots import load_robot
from datafactory.robots.model import Arm, RobotModel
from datafactory.scene import Scene, SceneObject, Table
from datafactory.seeding import stream
from datafactory.sim.assembly import scene_mjcf
from datafactory_assets.asset import RigidAsset

ROBOT = "primitive_arm"
TRIES = 5
LIFT_M = 0.10
LIFT_S = 1.0
HOLD_S = 1.0
SHAKE_M, SHAKE_HZ = 0.004, 2.5
LEAST_RISE_M = 0.05
_HEIGHT = 0.75
_TABLE = Table(center=(0.0, 0.0), half_extents=(0.6, 0.6), height=_HEIGHT)
_CARRIER = "carrier"
_KP, _KV = 20000.0, 600.0


@dataclass(frozen=True)
class Lift:
    """What became of the candidates of one object, best first, until one held.

    Attributes:
        held: The last candidate tried held: raised, off the table, still between the pads.
        candidates: How many candidates there were, ``TRIES`` at most.
        tried: How many were tried; the one that held counts.
        rise_m: How far the last one raised the centre of mass.
        turned_rad: How far the object turned in the last one, from the closing to the end.
    """

    held: bool
    candidates: int
    tried: int
    rise_m: float
    turned_rad: float


def try_lifts(asset: RigidAsset, tries: int = TRIES) -> Lift:
    """Closes on an object in its layout pose, lifts it 10 cm, and shakes it gently for a second.

    Args:
        asset: The object; its grasps are ranked with a generator of its content.
        tries: How many candidates to try, best first, until one holds.
    """
    robot = load_robot(ROBOT)
    (arm,) = robot.arms
    rest = asset.stable_poses[0]
    pose = Pose.of((0.0, 0.0, _HEIGHT + rest.height), rest.quat)
    grasps = rank_grasps(
        asset, pose, arm, _HEIGHT, np.zeros((0, 3)), stream(0, asset.content_hash, 0, "lift"),
        count=tries,
    )  # fmt: skip
    rise, turned = 0.0, 0.0
    for k, grasp in enumerate(grasps, start=1):
        held, rise, turned = _lift(asset, pose, grasp, robot, arm)
        if held:
            return Lift(True, len(grasps), k, rise, turned)
    return Lift(False, len(grasps), len(grasps), rise, turned)


def _lift(
    asset: RigidAsset, pose: Pose, grasp: Grasp, robot: RobotModel, arm: Arm
) -> tuple[bool, float, float]:
    """Whether one grasp holds, how far it raises the centre of mass, how far the object turns."""
    model = mujoco.MjModel.from_xml_string(
        _document(asset, pose, pose @ grasp.object_from_tcp, robot)
    )
    data = mujoco.MjData(model)
    width = grasp.opening * arm.gripper_max_width_m
    for joint in arm.gripper_joints:
        data.joint(joint).qpos[0] = 0.5 * width
    gripper = model.actuator(arm.gripper_actuator).id
    data.ctrl[gripper] = arm.gripper_map.ctrl_from_width(width)
    body = model.body("object/shown").id
    table, pads = model.geom("table").id, _pads(model, arm)
    mine = {i for i in range(model.ngeom) if model.geom_bodyid[i] == body}
    _drive(model, data, np.zeros((round(0.2 / model.opt.timestep), 3)))
    start, axes = data.xipos[body].copy(), data.xmat[body].reshape(3, 3).copy()
    data.ctrl[gripper] = arm.gripper_ctrl_closed
    close = np.zeros((round((arm.gripper_close_s + 0.3) / model.opt.timestep), 3))
    _drive(model, data, np.concatenate([close, _path(model.opt.timestep)]))
    touching = [set(contact.geom.tolist()) for contact in data.contact]
    on_table = any(table in pair and pair & mine for pair in touching)
    between = all(any(pair & side and pair & mine for pair in touching) for side in pads)
    rise = float(data.xipos[body][2] - start[2])
    cosine = 0.5 * (float(np.trace(axes.T @ data.xmat[body].reshape(3, 3))) - 1.0)
    turned = math.acos(min(1.0, max(-1.0, cosine)))
    return rise >= LEAST_RISE_M and between and not on_table, rise, turned


def _path(step_s: float) -> Array:
    """Targets of the slides (n, 3), metres: up by a minimum-jerk ramp, then circles while held."""
    s = np.arange(1, round(LIFT_S / step_s) + 1) * step_s / LIFT_S
    up = np.zeros((len(s), 3))
    up[:, 2] = LIFT_M * (10.0 * s**3 - 15.0 * s**4 + 6.0 * s**5)
    t = np.arange(1, round(HOLD_S / step_s) + 1) * step_s
    phase = 2.0 * math.pi * SHAKE_HZ * t
    fade = np.minimum(1.0, 4.0 * t)
    shake = SHAKE_M * np.stack([np.sin(phase), 1.0 - np.cos(phase), 0.5 * np.sin(phase)], axis=1)
    return np.concatenate([up, [0.0, 0.0, LIFT_M] + fade[:, None] * shake])


def _drive(model: mujoco.MjModel, data: mujoco.MjData, targets: Array) -> None:
    slides = [model.actuator(f"{_CARRIER}/{axis}").id for axis in "xyz"]
    for target in targets:
        data.ctrl[slides] = target
        mujoco.mj_step(model, data)


def _pads(model: mujoco.MjModel, arm: Arm) -> tuple[set[int], set[int]]:
    left, right = ({model.geom(name).id for name in side} for side in arm.pad_geoms)
    return left, right


def _document(asset: RigidAsset, pose: Pose, world_from_tcp: Pose, robot: RobotModel) -> str:
    """The scene of an object on a table, its arm replaced by slides that carry the gripper."""
    (arm,) = robot.arms
    item = SceneObject("shown", asset, pose, 0, asset.mass, asset.friction)
    scene = Scene(_TABLE, robot.name, Pose.identity(), arm.home, (item,), (), Pose.identity())
    root = ET.fromstring(scene_mjcf(scene, robot))
    world = _only(root, "worldbody")
    base = next(b for b in world if b.get("name") == robot.base_body)
    gripper = next(b for b in base.iter("body") if b.get("name") in arm.gripper_bodies)
    world.remove(base)
    site = next(s for s in gripper.findall("site") if s.get("name") == arm.tcp_site)
    gripper_from_tcp = Pose.of([float(v) for v in site.get("pos", "0 0 0").split()])
    place = world_from_tcp @ gripper_from_tcp.inverse()
    gripper.set("pos", "0 0 0")
    gripper.set("quat", _row(place.quat))
    carrier = ET.SubElement(world, "body", name=_CARRIER, pos=_row(place.position), gravcomp="1")
    actuators = _only(root, "actuator")
    for drive in list(actuators):
        if drive.get("name") != arm.gripper_actuator:
            actuators.remove(drive)
    for axis, direction in zip("xyz", np.eye(3), strict=True):
        name = f"{_CARRIER}/{axis}"
        ET.SubElement(carrier, "joint", name=name, type="slide", axis=_row(direction))
        ET.SubElement(actuators, "position", name=name, joint=name, kp=str(_KP), kv=str(_KV))
    carrier.append(gripper)
    contact = root.find("contact")
    bodies = {b.get("name") for b in world.iter("body")}
    for pair in list(contact) if contact is not None else ():
        if not {pair.get("body1"), pair.get("body2")} <= bodies and contact is not None:
            contact.remove(pair)
    return ET.tostring(root, encoding="unicode")


def _only(root: ET.Element, tag: str) -> ET.Element:
    found = root.find(tag)
    assert found is not None, f"the scene has no {tag}"
    return found


def _row(values: Array) -> str:
    return " ".join(repr(float(v)) for v in values)
