"""A gripper as robots share it, and the arm that carries it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from datafactory.geometry import Pose, quat_from_matrix
from datafactory.robots.mjcf import name
from datafactory.robots.model import Arm, CameraMount, FingerGeometry, GripperMap
from datafactory.robots.servos import TRACKING_LAG_S, Servos

ACTUATOR, TCP, LEFT_PAD, RIGHT_PAD = "gripper", "tcp", "left_pad", "right_pad"


@dataclass(frozen=True)
class Gripper:
    """A parallel gripper. Names are without the robot's prefix.

    Its actuator, tcp site and pads are called ``gripper``, ``tcp``, ``left_pad`` and
    ``right_pad``.

    Attributes:
        joints: All joints.
        home_qpos: (m,) their positions, open.
        ctrl_open: Control that opens fully.
        ctrl_closed: Control that closes fully.
        stroke: Joint positions, control and width.
        close_s: Time of a full closing stroke, seconds.
        tcp_body: Body that carries the tcp site.
        geometry: Shape in the tcp frame.
        finger_bodies: Bodies that move with the fingers.
        bodies: All bodies.
    """

    joints: tuple[str, ...]
    home_qpos: tuple[float, ...]
    ctrl_open: float
    ctrl_closed: float
    stroke: GripperMap
    close_s: float
    tcp_body: str
    geometry: FingerGeometry
    finger_bodies: tuple[str, ...]
    bodies: tuple[str, ...]


def _names(shorts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(name, shorts))


def arm_of(
    servos: Servos,
    gripper: Gripper,
    *,
    links: tuple[str, ...],
    home: tuple[float, ...],
    reach_m: float,
    shoulder: tuple[float, float, float],
) -> Arm:
    """The one arm of a robot.

    Args:
        servos: Its joints and actuators.
        gripper: What it carries.
        links: Bodies of the arm without the base and the gripper, without prefix.
        home: (n,) rad.
        reach_m: Largest distance from the shoulder to the wrist centre.
        shoulder: (3,) centre of that sphere, base frame, metres.
    """
    return Arm(
        name="arm",
        joints=_names(servos.joints),
        actuators=_names(servos.joints),
        joint_lower=servos.lower,
        joint_upper=servos.upper,
        velocity_limit=servos.velocity,
        acceleration_limit=servos.acceleration,
        jerk_limit=servos.jerk,
        effort_limit=servos.effort,
        home=home,
        gripper_actuator=name(ACTUATOR),
        gripper_joints=_names(gripper.joints),
        gripper_ctrl_open=gripper.ctrl_open,
        gripper_ctrl_closed=gripper.ctrl_closed,
        gripper_home_qpos=gripper.home_qpos,
        gripper_max_width_m=max(gripper.stroke.width_m),
        gripper_map=gripper.stroke,
        gripper_close_s=gripper.close_s,
        tcp_site=name(TCP),
        tcp_body=name(gripper.tcp_body),
        finger_geometry=gripper.geometry,
        pad_geoms=((name(LEFT_PAD),), (name(RIGHT_PAD),)),
        finger_bodies=_names(gripper.finger_bodies),
        gripper_bodies=_names(gripper.bodies),
        bodies=_names(links),
        reach_m=reach_m,
        shoulder=shoulder,
        tracking_lag_s=TRACKING_LAG_S,
    )


def wrist_camera(body: str, position: tuple[float, float, float], tilt_rad: float) -> CameraMount:
    """A camera in the gripper's x-z plane that looks along the approach, tilted about y.

    Args:
        body: Body with the tcp's axes that carries it, without prefix.
        position: (3,) in that body, metres.
        tilt_rad: Angle from the approach direction towards -x.
    """
    forward = np.array([-math.sin(tilt_rad), 0.0, math.cos(tilt_rad)])
    right = np.array([0.0, 1.0, 0.0])
    rotation = np.stack([right, np.cross(forward, right), forward], axis=1)
    return CameraMount("wrist", name(body), Pose.of(position, quat_from_matrix(rotation)))
