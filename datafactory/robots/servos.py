"""Joints of an arm and their actuators: position servos that trail every ramp by the same time."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass

from datafactory.robots import mjcf
from datafactory.robots.mjcf import name

DAMPING_S = 0.025
FILTER_S = 0.03
TRACKING_LAG_S = DAMPING_S + FILTER_S


@dataclass(frozen=True)
class Servos:
    """The joints of one arm, base to tip, and the position actuators on them.

    Stiffness should give each joint about the same natural frequency at home (sqrt(stiffness /
    inertia) of 65 to 80 rad/s). Damping is ``DAMPING_S`` times the stiffness for all joints, so
    that all trail a moving target by the same time and the tcp stays on its path; a first-order
    filter of ``FILTER_S`` keeps targets held for a control period from jerking the arm.

    Attributes:
        joints: Joint names without the robot's prefix.
        axes: (n,) joint axes in the link's frame.
        lower: (n,) rad.
        upper: (n,) rad.
        velocity: (n,) rad/s.
        acceleration: (n,) rad/s^2.
        jerk: (n,) rad/s^3.
        effort: (n,) N m; also what compensating gravity may use.
        stiffness: (n,) N m/rad.
        armature: (n,) kg m^2, inertia of the drive on the joint's side.
        friction: Viscous friction of every joint, N m s/rad.
    """

    joints: tuple[str, ...]
    axes: tuple[tuple[int, int, int], ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    velocity: tuple[float, ...]
    acceleration: tuple[float, ...]
    jerk: tuple[float, ...]
    effort: tuple[float, ...]
    stiffness: tuple[float, ...]
    armature: tuple[float, ...]
    friction: float

    def add_joint(self, short: str, body: ET.Element) -> None:
        """Adds a joint; its actuator also compensates gravity, within the effort limit."""
        k = self.joints.index(short)
        mjcf.add(
            body,
            "joint",
            name=name(short),
            axis=self.axes[k],
            range=(self.lower[k], self.upper[k]),
            armature=self.armature[k],
            damping=self.friction,
            actuatorfrcrange=(-self.effort[k], self.effort[k]),
            actuatorgravcomp=True,
        )

    def add_actuators(self, root: ET.Element) -> None:
        """Adds the position actuators with a first-order filter on the target."""
        actuators = mjcf.section(root, "actuator")
        for joint, stiffness, effort in zip(self.joints, self.stiffness, self.effort, strict=True):
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
