"""What the Panda and the primitive arm share: joints, limits and the actuator overlay.

Both have the Panda's published kinematics, joint limits and effort limits.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from datafactory.geometry import Pose, quat_from_matrix
from datafactory.robots import mjcf
from datafactory.robots.mjcf import name
from datafactory.robots.model import CameraMount

JOINTS = tuple(f"joint{k}" for k in range(1, 8))
LINKS = ("robot_base", *(f"link{k}" for k in range(1, 8)))
LOWER = (-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973)
UPPER = (2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973)
VELOCITY = (2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61)
ACCELERATION = (15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0)
JERK = (7500.0, 3750.0, 5000.0, 6250.0, 7500.0, 10000.0, 10000.0)
EFFORT = (87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0)
HOME = (0.0, -0.3375, 0.0, -2.2622, 0.0, 1.9247, 0.7854)
REACH = 0.719
SHOULDER_HEIGHT = 0.333

# Stiffness in N m/rad gives each joint about the same natural frequency at home. Damping is the
# same multiple of it for all joints, so that all trail a moving target by the same time and the
# tcp stays on its path.
STIFFNESS = (6000.0, 9000.0, 6000.0, 6000.0, 2000.0, 2000.0, 2000.0)
DAMPING_S = 0.025
FILTER_S = 0.03
TRACKING_LAG_S = DAMPING_S + FILTER_S
_ARMATURE = 0.1
_JOINT_DAMPING = 1.0


def add_joint(short: str, body: ET.Element) -> None:
    """Adds an arm joint; its actuator also compensates gravity, within the effort limit."""
    k = JOINTS.index(short)
    mjcf.add(
        body,
        "joint",
        name=name(short),
        axis=(0, 0, 1),
        range=(LOWER[k], UPPER[k]),
        armature=_ARMATURE,
        damping=_JOINT_DAMPING,
        actuatorfrcrange=(-EFFORT[k], EFFORT[k]),
        actuatorgravcomp=True,
    )


def add_actuators(root: ET.Element) -> None:
    """Adds the seven position actuators with a first-order filter on the target."""
    actuators = mjcf.section(root, "actuator")
    for joint, stiffness, effort in zip(JOINTS, STIFFNESS, EFFORT, strict=True):
        mjcf.add(
            actuators,
            "position",
            name=name(joint),
            joint=name(joint),
            kp=stiffness,
            kv=DAMPING_S * stiffness,
            timeconst=FILTER_S,
            inheritrange=1,
            forcerange=(-effort, effort),
        )


def excluded_pairs(gripper_bodies: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of links that touch always or never over the whole joint space.

    What is left: base, shoulder and upper arm against wrist and gripper, and elbow, forearm and
    wrist against the gripper. Found by sampling joint space.
    """
    lower, wrist = LINKS[:5], LINKS[5:]
    pairs = [*combinations(lower, 2), *combinations(wrist, 2)]
    pairs += [(a, b) for a in lower[3:] for b in wrist]
    pairs += [(a, b) for a in wrist[1:] for b in gripper_bodies]
    return [(name(a), name(b)) for a, b in pairs]


def wrist_camera() -> CameraMount:
    """Beside the gripper, on the side away from the base at home, tilted towards the tcp."""
    tilt = math.radians(25.0)
    forward = np.array([-math.sin(tilt), 0.0, math.cos(tilt)])
    right = np.array([0.0, 1.0, 0.0])
    rotation = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose = Pose.of((0.075, 0.0, 0.03), quat_from_matrix(rotation))
    return CameraMount("wrist", name("gripper_base"), pose)
