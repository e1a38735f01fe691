"""Grippers of two prismatic fingers: joints, pads, coupling, actuator and metric map.

Both finger joints read 0 when closed and half the width when open; a joint equality couples them
and a tendon drives their sum, so the control is the width in metres.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from datafactory.robots import mjcf
from datafactory.robots.gripper import ACTUATOR, Gripper
from datafactory.robots.mjcf import name
from datafactory.robots.model import FingerGeometry, GripperMap

FINGERS = ("right_finger", "left_finger")
JOINTS = tuple(f"{finger}_joint" for finger in FINGERS)
# Everything but the pads collides with other things only, never within the gripper.
INERT = {"group": 3, "contype": 0, "conaffinity": 1}
_GAIN, _RATE_GAIN = 4000.0, 20.0


def add_joint(
    body: ET.Element, finger: str, axis: Sequence[float], max_width_m: float, damping: float
) -> None:
    """Adds a finger's joint.

    Args:
        body: The finger.
        finger: ``right_finger`` or ``left_finger``.
        axis: (3,) direction of opening in the body's frame.
        max_width_m: Stroke of both fingers together.
        damping: N s/m; together with the force it sets the closing speed.
    """
    mjcf.add(
        body,
        "joint",
        name=name(f"{finger}_joint"),
        type="slide",
        axis=axis,
        range=(-0.001, 0.5 * max_width_m + 0.001),
        armature=0.3,
        damping=damping,
    )


def add_pad(
    body: ET.Element,
    side: str,
    center: Sequence[float],
    half: Sequence[float],
    **options: mjcf.Value,
) -> None:
    """Adds a fingertip pad, a box; the two pads collide with each other."""
    mjcf.add(
        body,
        "geom",
        name=name(f"{side}_pad"),
        type="box",
        pos=center,
        size=half,
        **options,
        group=3,
        contype=2 if side == "right" else 0,
        conaffinity=1 if side == "right" else 3,
        condim=4,
        priority=1,
        friction=(0.7, 0.01, 0.0001),
        solimp=(0.95, 0.99, 0.001),
        solref=(0.004, 1.0),
    )


def add_mechanism(root: ET.Element) -> None:
    """Adds the coupling of the fingers and the tendon that drives both."""
    mjcf.add(
        mjcf.section(root, "equality"),
        "joint",
        joint1=name("left_finger_joint"),
        joint2=name("right_finger_joint"),
        polycoef=(0.0, 1.0, 0.0, 0.0, 0.0),
        solimp=(0.99, 0.999, 0.001),
        solref=(0.004, 1.0),
    )
    tendon = mjcf.add(mjcf.section(root, "tendon"), "fixed", name=name("fingers"))
    for joint in JOINTS:
        mjcf.add(tendon, "joint", joint=name(joint), coef=1.0)


def add_actuator(root: ET.Element, max_width_m: float, force: float) -> None:
    """Adds the position-like actuator: control is the width in metres, limited force per pad."""
    mjcf.add(
        mjcf.section(root, "actuator"),
        "general",
        name=name(ACTUATOR),
        tendon=name("fingers"),
        ctrlrange=(0.0, max_width_m),
        forcerange=(-force, force),
        gainprm=(_GAIN, 0.0, 0.0),
        biastype="affine",
        biasprm=(0.0, -_GAIN, -_RATE_GAIN),
    )


def slide_gripper(
    tcp_body: str,
    max_width_m: float,
    close_s: float,
    geometry: FingerGeometry,
    fingers: tuple[str, str] = FINGERS,
) -> Gripper:
    """The gripper as arms carry it.

    Args:
        tcp_body: Its body.
        max_width_m: Stroke of both fingers together.
        close_s: Time of a full closing stroke.
        geometry: Shape in the tcp frame.
        fingers: The fingers in the document's order.
    """
    span = (0.0, max_width_m)
    return Gripper(
        joints=tuple(f"{finger}_joint" for finger in fingers),
        home_qpos=(0.5 * max_width_m, 0.5 * max_width_m),
        ctrl_open=max_width_m,
        ctrl_closed=0.0,
        stroke=GripperMap((1.0, 1.0), span, span, span),
        close_s=close_s,
        tcp_body=tcp_body,
        geometry=geometry,
        finger_bodies=fingers,
        bodies=(tcp_body, *fingers),
    )
