"""What the rest of the system knows about a robot: one frozen value, no simulator state.

Frames: *base* is the frame of body ``robot/robot_base`` (z up, x forward, origin on the mounting
plane). An arm's *tcp* is a site: z is the approach direction out of the gripper, y the
closing direction of the fingers, x completes a right-handed frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from datafactory.geometry import Pose
from datafactory_assets.asset import Licence, VisualMesh

Array = NDArray[np.float64]
Side = Literal["left", "right", "palm"]


@dataclass(frozen=True)
class Box:
    """An axis-aligned box in a named frame.

    Attributes:
        lower: (3,) lowest corner, metres.
        upper: (3,) highest corner, metres.
        side: Which part of the gripper it bounds.
    """

    lower: tuple[float, float, float]
    upper: tuple[float, float, float]
    side: Side = "palm"

    @property
    def center(self) -> tuple[float, float, float]:
        """(3,) centre, metres."""
        x, y, z = (0.5 * (a + b) for a, b in zip(self.lower, self.upper, strict=True))
        return (x, y, z)

    @property
    def half(self) -> tuple[float, float, float]:
        """(3,) half extents, metres."""
        x, y, z = (0.5 * (b - a) for a, b in zip(self.lower, self.upper, strict=True))
        return (x, y, z)


@dataclass(frozen=True)
class FingerGeometry:
    """The gripper's shape, as far as grasp planning needs it. All in the tcp frame.

    The pads touch an object over ``pad_width_m`` along x and ``pad_height_m`` along z. A part may
    reach from the tcp up to ``throat_depth_m`` towards the palm (along -z).

    Attributes:
        tip_reach_m: Largest z of the fingertips over the stroke: how far they reach past the tcp.
        throat_depth_m: Distance from the tcp back to the palm, over the whole stroke.
        pad_width_m: Extent of one pad along x.
        pad_height_m: Extent of one pad along z.
        finger_thickness_m: Largest distance, over the stroke, from a pad's contact face outwards
            (along y) to the outside of the finger within the pads' height.
        palm: Box around everything that does not move with the fingers.
        openings: Sampled openings, increasing from 0 (closed) to 1 (open).
        samples: For each sampled opening, boxes around the moving parts; the same number and
            order of boxes at every opening.
        pad_z: For each sampled opening, z of the pads' centre, metres.
    """

    tip_reach_m: float
    throat_depth_m: float
    pad_width_m: float
    pad_height_m: float
    finger_thickness_m: float
    palm: Box
    openings: tuple[float, ...]
    samples: tuple[tuple[Box, ...], ...]
    pad_z: tuple[float, ...]

    def boxes(self, opening: float) -> tuple[Box, ...]:
        """Boxes of palm and fingers at an opening in [0, 1], tcp frame; the palm comes first."""
        t = np.asarray(self.openings)
        moving = []
        for k, first in enumerate(self.samples[0]):
            lower = np.array([s[k].lower for s in self.samples])
            upper = np.array([s[k].upper for s in self.samples])
            low = [float(np.interp(opening, t, lower[:, i])) for i in range(3)]
            high = [float(np.interp(opening, t, upper[:, i])) for i in range(3)]
            moving.append(Box((low[0], low[1], low[2]), (high[0], high[1], high[2]), first.side))
        return (self.palm, *moving)

    @property
    def symmetric(self) -> bool:
        """Whether half a turn about the approach leaves the gripper's boxes where they are."""
        boxes = (self.palm, *self.samples[-1])
        return all(abs(box.lower[0] + box.upper[0]) < 1e-4 for box in boxes)

    def pad_center_z(self, opening: float) -> float:
        """Z of the pads' centre in the tcp frame at an opening in [0, 1], metres."""
        return float(np.interp(opening, self.openings, self.pad_z))


@dataclass(frozen=True)
class GripperMap:
    """Relation of joint positions, control and metric width of a parallel gripper.

    Attributes:
        weights: One weight per gripper joint; their weighted sum is the gripper's one coordinate.
        coordinate: Sampled coordinate values, increasing.
        width_m: Distance between the pad faces at those values, metres.
        ctrl: Actuator control that commands those values.
    """

    weights: tuple[float, ...]
    coordinate: tuple[float, ...]
    width_m: tuple[float, ...]
    ctrl: tuple[float, ...]

    def width(self, qpos: Sequence[float] | Array) -> float:
        """Width between the pads in metres; qpos (n_gripper,) in ``gripper_joints`` order."""
        value = float(np.dot(self.weights, np.asarray(qpos, dtype=np.float64)))
        return float(np.interp(value, self.coordinate, self.width_m))

    def widths(self, qpos: Array) -> Array:
        """Widths (...,) in metres of many positions (..., n_gripper)."""
        value = np.asarray(qpos, dtype=np.float64) @ np.asarray(self.weights)
        return np.asarray(np.interp(value, self.coordinate, self.width_m), dtype=np.float64)

    def ctrl_from_width(self, width_m: float) -> float:
        """Control that commands a width in metres (clamped to the stroke)."""
        width, ctrl = np.asarray(self.width_m), np.asarray(self.ctrl)
        order = np.argsort(width, kind="stable")
        return float(np.interp(width_m, width[order], ctrl[order]))


@dataclass(frozen=True)
class CameraMount:
    """A place on the robot where a camera may be fixed.

    Attributes:
        name: Camera name, for example ``wrist``.
        body: Body name in the MJCF document.
        pose: body_from_camera; camera frame is OpenCV (x right, y down, z forward).
    """

    name: str
    body: str
    pose: Pose


@dataclass(frozen=True, eq=False)
class BodyVisual:
    """One coloured mesh drawn with a body; vertices in the body's frame, metres.

    Attributes:
        body: Body name in the MJCF document.
        mesh: Vertices (n, 3), faces (m, 3) and colour.
    """

    body: str
    mesh: VisualMesh


@dataclass(frozen=True, eq=False)
class Arm:
    """One arm of a robot with its gripper: what a planner works on.

    Attributes:
        name: ``arm`` where there is one only, else for example ``left``.
        joints: Joint names from base to tip.
        actuators: Position actuators of those joints, same order.
        joint_lower: (n,) rad.
        joint_upper: (n,) rad.
        velocity_limit: (n,) rad/s.
        acceleration_limit: (n,) rad/s^2.
        jerk_limit: (n,) rad/s^3.
        effort_limit: (n,) N m.
        home: (n,) rad: tcp in front of the base, pointing straight down, elbow up.
        gripper_actuator: Name of the gripper's one actuator.
        gripper_joints: All gripper joint names.
        gripper_ctrl_open: Control that opens fully.
        gripper_ctrl_closed: Control that closes fully.
        gripper_home_qpos: (m,) positions of ``gripper_joints``, open and consistent with the
            mechanism's constraints.
        gripper_max_width_m: Largest distance between the pads.
        gripper_map: Map between joint positions, width and control.
        gripper_close_s: Time of a full closing stroke without an object, seconds.
        tcp_site: Name of the tcp site.
        tcp_body: Body that carries the tcp site.
        finger_geometry: Shape of the gripper in the tcp frame.
        pad_geoms: (left names, right names) of the fingertip pad geoms.
        finger_bodies: Bodies that move with the fingers.
        gripper_bodies: All gripper bodies, fingers included.
        bodies: Bodies of the arm without its gripper and without the robot's ``base_body``.
        reach_m: Largest distance from the shoulder to the wrist centre, metres.
        shoulder: (3,) centre of the reach sphere in the base frame, metres.
        tracking_lag_s: Time by which the joints trail a ramp of targets, seconds.
    """

    name: str
    joints: tuple[str, ...]
    actuators: tuple[str, ...]
    joint_lower: tuple[float, ...]
    joint_upper: tuple[float, ...]
    velocity_limit: tuple[float, ...]
    acceleration_limit: tuple[float, ...]
    jerk_limit: tuple[float, ...]
    effort_limit: tuple[float, ...]
    home: tuple[float, ...]
    gripper_actuator: str
    gripper_joints: tuple[str, ...]
    gripper_ctrl_open: float
    gripper_ctrl_closed: float
    gripper_home_qpos: tuple[float, ...]
    gripper_max_width_m: float
    gripper_map: GripperMap
    gripper_close_s: float
    tcp_site: str
    tcp_body: str
    finger_geometry: FingerGeometry
    pad_geoms: tuple[tuple[str, ...], tuple[str, ...]]
    finger_bodies: tuple[str, ...]
    gripper_bodies: tuple[str, ...]
    bodies: tuple[str, ...]
    reach_m: float
    shoulder: tuple[float, float, float]
    tracking_lag_s: float

    @property
    def dof(self) -> int:
        """Number of joints, the gripper's not counted."""
        return len(self.joints)

    def gripper_width_from_qpos(self, qpos: Sequence[float] | Array) -> float:
        """Metric width in metres from qpos (m,) of ``gripper_joints``."""
        return self.gripper_map.width(qpos)

    def gripper_opening(self, qpos: Sequence[float] | Array) -> float:
        """Opening in [0, 1] (0 closed, 1 open) from qpos (m,) of ``gripper_joints``."""
        return min(1.0, max(0.0, self.gripper_map.width(qpos) / self.gripper_max_width_m))

    def gripper_ctrl_from_width(self, width_m: float) -> float:
        """Gripper control that commands a width in metres."""
        return self.gripper_map.ctrl_from_width(width_m)

    def gripper_ctrl_from_opening(self, opening: float) -> float:
        """Gripper control that commands an opening in [0, 1]."""
        return self.gripper_map.ctrl_from_width(opening * self.gripper_max_width_m)


@dataclass(frozen=True, eq=False)
class RobotModel:
    """A robot, ready to be put into a scene. Every MJCF name starts with ``robot/``.

    Attributes:
        name: Registered name, for example ``franka_panda``.
        version: Version of this description; any change of physics changes it.
        licence: Licence of the geometry it was made from.
        capabilities: Subset of ``arm``, ``gripper``, ``base``.
        mjcf: Stand-alone MJCF document with the robot only. Physics geometry only. The scene
            builder parses it, sets pos/quat of body ``robot/robot_base`` and appends to it.
        meshes: File name in the document -> bytes. File names are ``<sha256>.<ext>``.
        base_body: Name of the top body.
        arms: The arms with their grippers; joint series hold their joints in this order.
        camera_mounts: Camera mounting places.
        base_box: Box around the robot's fixed base, base frame; keep objects out of it.
        workspace_radius_m: Nearest and farthest distance from the base's axis at which things on
            a table are comfortably grasped from above and put down; layouts
            stay within it.
        mount_height_m: Height of the base's mounting plane above the nominal table top.
        visual_loader: Reads the visual meshes; use :meth:`visual_meshes`.
    """

    name: str
    version: str
    licence: Licence
    capabilities: tuple[str, ...]
    mjcf: str
    meshes: Mapping[str, bytes]
    base_body: str
    arms: tuple[Arm, ...]
    camera_mounts: tuple[CameraMount, ...]
    base_box: Box
    workspace_radius_m: tuple[float, float]
    mount_height_m: float
    visual_loader: Callable[[], tuple[BodyVisual, ...]] = field(repr=False)

    @property
    def dof(self) -> int:
        """Number of joints of all arms."""
        return sum(arm.dof for arm in self.arms)

    @property
    def home(self) -> tuple[float, ...]:
        """(dof,) home postures of all arms, rad."""
        return tuple(q for arm in self.arms for q in arm.home)

    @property
    def gripper_bodies(self) -> tuple[str, ...]:
        """Bodies of all grippers."""
        return tuple(name for arm in self.arms for name in arm.gripper_bodies)

    @property
    def bodies(self) -> tuple[str, ...]:
        """All bodies: the base, then arm by arm its links and its gripper."""
        parts = (name for arm in self.arms for name in (*arm.bodies, *arm.gripper_bodies))
        return (self.base_body, *parts)

    def visual_meshes(self) -> tuple[BodyVisual, ...]:
        """Visual meshes per body, read from the pack now (tens of megabytes for a real robot)."""
        return self.visual_loader()
