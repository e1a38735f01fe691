"""The Panda's joints, shared by every robot with that arm and by the primitive arm.

Kinematics, joint limits and effort limits are the Panda's published ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from datafactory.robots.mjcf import name
from datafactory.robots.servos import Servos

JOINTS = tuple(f"joint{k}" for k in range(1, 8))
LINKS = ("robot_base", *(f"link{k}" for k in range(1, 8)))
SERVOS = Servos(
    joints=JOINTS,
    axes=((0, 0, 1),) * 7,
    lower=(-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973),
    upper=(2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973),
    velocity=(2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61),
    acceleration=(15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0),
    jerk=(7500.0, 3750.0, 5000.0, 6250.0, 7500.0, 10000.0, 10000.0),
    effort=(87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0),
    stiffness=(6000.0, 9000.0, 6000.0, 6000.0, 2000.0, 2000.0, 2000.0),
    armature=(0.1,) * 7,
    friction=1.0,
)
HOME = (0.0, -0.3375, 0.0, -2.2622, 0.0, 1.9247, 0.7854)
REACH = 0.719
SHOULDER = (0.0, 0.0, 0.333)


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
