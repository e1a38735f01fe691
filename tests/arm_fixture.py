"""A small 7-DoF arm with Panda-like published link dimensions, and scenes around it, as MJCF."""

from __future__ import annotations

import mujoco
import numpy as np

from datafactory.geometry import Array, Pose
from datafactory.planning.collision import CollisionWorld
from datafactory.planning.kinematics import ArmKinematics
from datafactory.planning.timing import JointLimits

JOINTS = tuple(f"robot/joint{i}" for i in range(1, 8))
FINGERS = ("robot/left", "robot/right")
LINKS = tuple(f"robot/link{i}" for i in range(1, 8))
ROBOT_BODIES = ("robot/robot_base", *LINKS, "robot/hand", *FINGERS)
LOWER = np.array([-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973])
UPPER = np.array([2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973])
HOME = np.array([0.0, 0.2, 0.0, -2.1, 0.0, 2.3, 0.785])
LIMITS = JointLimits(
    lower=LOWER,
    upper=UPPER,
    velocity=np.array([2.0, 2.0, 2.0, 2.0, 2.5, 2.5, 2.5]),
    acceleration=np.array([8.0, 6.0, 8.0, 10.0, 12.0, 12.0, 12.0]),
    jerk=np.array([80.0, 60.0, 80.0, 100.0, 120.0, 120.0, 120.0]),
)

_FINGERS = """
<body name="robot/left" pos="0 0 .0584">
 <joint name="robot/left" type="slide" axis="0 1 0" range="0 .04"/>
 <geom type="box" pos="0 .008 .035" size=".009 .007 .017"/>
</body>
<body name="robot/right" pos="0 0 .0584">
 <joint name="robot/right" type="slide" axis="0 -1 0" range="0 .04"/>
 <geom type="box" pos="0 -.008 .035" size=".009 .007 .017"/>
</body>
"""

_LINKS = (  # offset, quarter turn about x, capsule end points and radius
    ("0 0 .333", "1 0 0 0", "0 0 -.12 0 0 0 .07"),
    ("0 0 0", ".7071068 -.7071068 0 0", "0 -.06 0 0 0 0 .07"),
    ("0 -.316 0", ".7071068 .7071068 0 0", "0 0 -.12 0 0 -.02 .065"),
    (".0825 0 0", ".7071068 .7071068 0 0", "0 0 0 0 .01 0 .06"),
    ("-.0825 .384 0", ".7071068 -.7071068 0 0", "0 .02 -.26 0 .03 -.1 .055"),
    ("0 0 0", ".7071068 .7071068 0 0", "0 0 0 .05 0 0 .05"),
    (".088 0 0", ".7071068 .7071068 0 0", "0 0 -.01 0 0 .06 .045"),
)


def arm_xml(base: Pose | None = None) -> str:
    """The arm's body tree, base at a pose in the world."""
    pose = base or Pose.identity()
    inner = (
        '<body name="robot/hand" pos="0 0 .107" quat=".9238795 0 0 -.3826834">'
        '<geom type="box" pos="0 0 .03" size=".02 .1 .03"/>'
        '<site name="robot/tcp" pos="0 0 .1034"/>' + _FINGERS + "</body>"
    )
    for k in range(7, 0, -1):
        pos, quat, capsule = _LINKS[k - 1]
        *ends, radius = capsule.split()
        inner = (
            f'<body name="robot/link{k}" pos="{pos}" quat="{quat}">'
            f'<joint name="robot/joint{k}" axis="0 0 1" range="{LOWER[k - 1]} {UPPER[k - 1]}"/>'
            f'<geom type="capsule" fromto="{" ".join(ends)}" size="{radius}"/>{inner}</body>'
        )
    position = " ".join(map(repr, pose.position.tolist()))
    quat = " ".join(map(repr, pose.quat.tolist()))
    return (
        f'<body name="robot/robot_base" pos="{position}" quat="{quat}">'
        f'<geom type="cylinder" pos="-.03 0 .06" size=".09 .06"/>{inner}</body>'
    )


def compile_world(*bodies: str, base: Pose | None = None) -> mujoco.MjModel:
    """Compiles the arm and extra world elements."""
    return mujoco.MjModel.from_xml_string(
        '<mujoco><compiler angle="radian" autolimits="true"/><worldbody>'
        f"{arm_xml(base)}{''.join(bodies)}</worldbody></mujoco>"
    )


def box(name: str, pos: tuple[float, float, float], half: tuple[float, float, float]) -> str:
    """A free box."""
    x, y, z = pos
    a, b, c = half
    return (
        f'<body name="{name}" pos="{x} {y} {z}"><freejoint/>'
        f'<geom type="box" size="{a} {b} {c}"/></body>'
    )


def wall(name: str, pos: tuple[float, float, float], half: tuple[float, float, float]) -> str:
    """A static box, a geom of the world body."""
    return (
        f'<geom name="{name}" type="box" pos="{pos[0]} {pos[1]} {pos[2]}" '
        f'size="{half[0]} {half[1]} {half[2]}"/>'
    )


TABLE = wall("table", (0.6, 0.0, -0.02), (0.4, 0.6, 0.02))


def table_scene(n_objects: int = 8) -> mujoco.MjModel:
    """The arm, a table and a row of free objects on it (boxes, cylinders, capsules)."""
    bodies = [TABLE]
    for k in range(n_objects):
        shape = ('type="box" size=".02 .02 .03"', 'type="cylinder" size=".025 .03"')[k % 2]
        x, y = 0.4 + 0.08 * (k // 4), -0.35 + 0.22 * (k % 4)
        bodies.append(
            f'<body name="object{k}" pos="{x} {y} .03"><freejoint/><geom {shape}/></body>'
        )
    return compile_world(*bodies)


def kinematics() -> ArmKinematics:
    """Kinematics over a robot-only model."""
    return ArmKinematics(compile_world(), JOINTS, "robot/tcp")


def collision_world(model: mujoco.MjModel, clearance_m: float = 0.003) -> CollisionWorld:
    """Collision world of a scene, gripper open."""
    world = CollisionWorld(
        model,
        robot_bodies=ROBOT_BODIES,
        arm_joints=JOINTS,
        finger_bodies=FINGERS,
        gripper_joints=FINGERS,
        tcp_site="robot/tcp",
        clearance_m=clearance_m,
    )
    world.set_gripper([0.04, 0.04])
    return world


def random_q(rng: np.random.Generator, margin: float = 0.1) -> Array:
    """Uniform joint positions (7,) inside the limits."""
    return np.asarray(rng.uniform(LOWER + margin, UPPER - margin))
