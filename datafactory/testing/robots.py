"""Conformance of a robot: everything the rest of the system relies on, checked in physics.

A robot's author calls :func:`check_robot` in a test of their own; a broken promise raises
``AssertionError`` with the measured number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import astuple, dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from datafactory.robots.mjcf import PREFIX
from datafactory.robots.model import RobotModel

Array = NDArray[np.float64]

TIMESTEP_S = 0.002
_OPTION = (
    f'<option timestep="{TIMESTEP_S}" integrator="implicitfast" cone="elliptic" impratio="10">'
    '<flag sleep="enable"/></option>'
)
_BOX_HALF_M, _BOX_KG, _LIFT_M = 0.025, 0.5, 0.10


@dataclass(frozen=True)
class RobotReport:
    """What :func:`check_robot` measured; of several arms, each number is the largest.

    Attributes:
        steady_error_rad: Largest joint error after holding home for one second.
        lag_s: Largest delay of a joint behind a ramp of targets.
        close_s: Time from open to 98 % of the stroke without an object.
        width_error_m: Largest error of the metric width over the stroke.
        penetration_m: Deepest contact between pads and the box while it is held.
        slip_m: Movement of the box in the tcp frame over the lift and one second of holding.
    """

    steady_error_rad: float
    lag_s: float
    close_s: float
    width_error_m: float
    penetration_m: float
    slip_m: float


class RobotBench:
    """A robot compiled with the project's physics options, at home, grippers open.

    Commands and measures concern one of its arms; the others hold still.

    Args:
        robot: The robot.
        world: MJCF text appended to the worldbody.
        arm: Index of the arm.
    """

    def __init__(self, robot: RobotModel, world: str = "", arm: int = 0) -> None:
        self.robot = robot
        self.arm = robot.arms[arm]
        text = robot.mjcf.replace("<worldbody>", f"{_OPTION}<worldbody>{world}", 1)
        with mujoco.MjVfs() as vfs:
            for file, data in robot.meshes.items():
                vfs[file] = data
            self.model = mujoco.MjModel.from_xml_string(text, vfs=vfs)
        model = self.model
        self.data = mujoco.MjData(model)
        self.qpos = [int(model.joint(n).qposadr[0]) for n in self.arm.joints]
        self.dof = [int(model.joint(n).dofadr[0]) for n in self.arm.joints]
        self.gripper = [int(model.joint(n).qposadr[0]) for n in self.arm.gripper_joints]
        self.ctrl = [model.actuator(n).id for n in self.arm.actuators]
        self.gripper_ctrl = model.actuator(self.arm.gripper_actuator).id
        self.tcp_id = model.site(self.arm.tcp_site).id
        self.reset()

    def reset(self) -> None:
        """Home, at rest, every target and filter state where the joints are."""
        model, data = self.model, self.data
        mujoco.mj_resetData(model, data)
        for arm in self.robot.arms:
            for name, q in zip(arm.gripper_joints, arm.gripper_home_qpos, strict=True):
                data.qpos[model.joint(name).qposadr[0]] = q
            data.ctrl[model.actuator(arm.gripper_actuator).id] = arm.gripper_ctrl_open
            for joint, name, q in zip(arm.joints, arm.actuators, arm.home, strict=True):
                data.qpos[model.joint(joint).qposadr[0]] = q
                actuator = model.actuator(name).id
                data.ctrl[actuator] = q
                if model.actuator_actnum[actuator]:
                    data.act[model.actuator_actadr[actuator]] = q
        mujoco.mj_forward(model, data)

    def command(self, arm: Array, gripper: float | None = None) -> None:
        """Sets arm targets (n,) in rad and, when given, the gripper control."""
        self.data.ctrl[self.ctrl] = arm
        if gripper is not None:
            self.data.ctrl[self.gripper_ctrl] = gripper

    def run(self, seconds: float) -> None:
        """Steps with constant controls."""
        mujoco.mj_step(self.model, self.data, nstep=round(seconds / TIMESTEP_S))

    def tcp(self) -> tuple[Array, Array]:
        """Position (3,) and rotation (3, 3) of the tcp in the world."""
        mujoco.mj_kinematics(self.model, self.data)
        position: Array = self.data.site_xpos[self.tcp_id].copy()
        rotation: Array = self.data.site_xmat[self.tcp_id].reshape(3, 3).copy()
        return position, rotation

    def width(self) -> float:
        """Width in metres as the robot's map tells it."""
        return self.arm.gripper_width_from_qpos(self.data.qpos[self.gripper])

    def pad_gap(self) -> float:
        """Distance in metres between the facing surfaces of the pads, measured on the geoms."""
        _, rotation = self.tcp()
        faces = []
        for geoms, sign in zip(self.arm.pad_geoms, (1.0, -1.0), strict=True):
            inner = []
            for geom in geoms:
                g = self.model.geom(geom).id
                axis = rotation[:, 1] @ self.data.geom_xmat[g].reshape(3, 3)
                reach = float(np.abs(axis) @ self.model.geom_size[g])
                inner.append(sign * float(self.data.geom_xpos[g] @ rotation[:, 1]) + reach)
            faces.append(max(inner))
        return -(faces[0] + faces[1])


def check_robot(robot: RobotModel, make: Callable[[], RobotModel] | None = None) -> RobotReport:
    """Checks a robot against the contract of ``RobotModel``.

    Args:
        robot: The robot.
        make: Its factory; when given, a second robot must have the same bytes.

    Returns:
        The measured numbers.

    Raises:
        AssertionError: A promise is broken.
    """
    if make is not None:
        again = make()
        assert again.mjcf == robot.mjcf, "a second call gives another document"
        assert dict(again.meshes) == dict(robot.meshes), "a second call gives other meshes"
    _check_document(RobotBench(robot))
    reports = [_check_arm(robot, k) for k in range(len(robot.arms))]
    return RobotReport(*(max(values) for values in zip(*map(astuple, reports), strict=True)))


def _check_arm(robot: RobotModel, arm: int) -> RobotReport:
    bench = RobotBench(robot, arm=arm)
    _check_numbers(bench)
    _check_tcp(bench)
    steady = _check_home(bench)
    lag = _check_tracking(bench)
    width_error = _check_width(bench)
    close = _check_stroke(bench)
    penetration, slip = _check_lift(robot, arm)
    return RobotReport(steady, lag, close, width_error, penetration, slip)


def _check_document(bench: RobotBench) -> None:
    robot, model = bench.robot, bench.model
    for file, data in robot.meshes.items():
        digest = file.rsplit(".", 1)[0]
        assert hashlib.sha256(data).hexdigest() == digest, f"mesh {file} is not named by its hash"
    bodies = [model.body(b).name for b in range(1, model.nbody)]
    joints = [model.joint(j).name for j in range(model.njnt)]
    geoms = [model.geom(g).name for g in range(model.ngeom)]
    actuators = [model.actuator(a).name for a in range(model.nu)]
    for names in (bodies, joints, geoms, actuators):
        foreign = [n for n in names if not n.startswith(PREFIX)]
        assert not foreign, f"names without the prefix {PREFIX}: {foreign}"
    tops = [b for b in range(1, model.nbody) if model.body_parentid[b] == 0]
    assert [model.body(b).name for b in tops] == [robot.base_body], "not exactly one top body"
    assert len({arm.name for arm in robot.arms}) == len(robot.arms) > 0, "arms need names"
    stated = [name for arm in robot.arms for name in (*arm.joints, *arm.gripper_joints)]
    assert sorted(joints) == sorted(stated), "joint names"
    assert sorted(bodies) == sorted(robot.bodies), "a body belongs to no part, or to two"
    assert {mount.body for mount in robot.camera_mounts} <= set(bodies)
    for arm in robot.arms:
        assert set(arm.finger_bodies) <= set(arm.gripper_bodies)
        assert arm.tcp_body in bodies
        assert {g for side in arm.pad_geoms for g in side} <= set(geoms)
    visual = (model.geom_contype == 0) & (model.geom_conaffinity == 0)
    assert not visual.any(), "the physics document holds visual geoms"
    assert np.all(model.tree_sleep_policy == mujoco.mjtSleepPolicy.mjSLEEP_AUTO_NEVER), "may sleep"


def _check_numbers(bench: RobotBench) -> None:
    arm, model = bench.arm, bench.model
    count = len(arm.joints)
    speeds = (arm.velocity_limit, arm.acceleration_limit, arm.jerk_limit)
    for values in (*speeds, arm.effort_limit, arm.home, arm.joint_lower, arm.joint_upper):
        assert len(values) == count, "a limit has the wrong length"
    assert min(*arm.velocity_limit, *arm.acceleration_limit, *arm.jerk_limit) > 0
    ranges = np.array([model.joint(n).range for n in arm.joints])
    assert np.allclose(ranges[:, 0], arm.joint_lower), "lower limits differ from the document"
    assert np.allclose(ranges[:, 1], arm.joint_upper), "upper limits differ from the document"
    assert np.all(np.asarray(arm.home) > ranges[:, 0] + 0.05), "home is at a lower limit"
    assert np.all(np.asarray(arm.home) < ranges[:, 1] - 0.05), "home is at an upper limit"
    stroke = arm.gripper_map
    assert np.all(np.diff(stroke.coordinate) > 0), "gripper coordinate does not increase"
    change = np.diff(stroke.width_m)
    assert np.all(change > 0) or np.all(change < 0), "gripper width is not monotone"
    assert np.isclose(max(stroke.width_m), arm.gripper_max_width_m)
    finger = arm.finger_geometry
    assert finger.openings[0] < 0.02, "finger boxes miss the closed gripper"
    assert np.isclose(finger.openings[-1], 1.0), "finger boxes miss the open gripper"
    assert min(finger.tip_reach_m, finger.throat_depth_m, finger.finger_thickness_m) > 0


def _check_tcp(bench: RobotBench) -> None:
    bench.reset()
    position, rotation = bench.tcp()
    assert position[0] > 0.2, f"home tcp is not in front of the base: {position}"
    assert rotation[2, 2] < -0.999, "home tcp does not point straight down"
    left, right = (
        np.mean([bench.data.geom_xpos[bench.model.geom(g).id] for g in side], axis=0)
        for side in bench.arm.pad_geoms
    )
    across = (right - left) / np.linalg.norm(right - left)
    assert abs(float(across @ rotation[:, 1])) > 0.999, "tcp y is not the closing direction"
    middle = rotation.T @ (0.5 * (left + right) - position)
    assert np.linalg.norm(middle[:2]) < 1e-3, f"tcp is not between the pads: {middle}"
    z = bench.arm.finger_geometry.pad_center_z(1.0)
    assert abs(float(middle[2]) - z) < 1e-3, f"pads' centre is at {middle[2]:.4f}, not {z:.4f} m"


def _check_home(bench: RobotBench) -> float:
    bench.reset()
    assert bench.data.ncon == 0, "home touches itself"
    bench.run(1.0)
    error = float(np.abs(bench.data.qpos[bench.qpos] - bench.arm.home).max())
    assert error < 1e-3, f"home drifts by {error:.2e} rad"
    assert np.abs(bench.data.qvel).max() < 1e-3, "not at rest after one second"
    return error


def _check_tracking(bench: RobotBench) -> float:
    """Ramps every joint by itself and returns the largest delay in seconds."""
    speed, worst = 0.4, 0.0
    for joint, home in enumerate(bench.arm.home):
        bench.reset()
        target = np.asarray(bench.arm.home, dtype=np.float64).copy()
        for step in range(400):
            target[joint] = home + speed * step * TIMESTEP_S
            bench.command(target)
            mujoco.mj_step(bench.model, bench.data)
        delay = float(target[joint] - bench.data.qpos[bench.qpos[joint]]) / speed
        worst = max(worst, abs(delay))
        stated = bench.arm.tracking_lag_s
        assert abs(delay - stated) < 0.01, f"joint {joint} lags {delay:.4f} s, stated {stated} s"
    return worst


def _check_width(bench: RobotBench) -> float:
    arm, worst = bench.arm, 0.0
    for share in (1.0, 0.75, 0.5, 0.25, 0.1):
        bench.reset()
        wanted = share * arm.gripper_max_width_m
        bench.command(np.asarray(arm.home), arm.gripper_ctrl_from_width(wanted))
        bench.run(1.0)
        gap = bench.pad_gap()
        worst = max(worst, abs(bench.width() - gap), abs(wanted - gap))
        assert worst < 1e-3, (
            f"width {wanted:.4f} m commanded, map {bench.width():.4f}, pads {gap:.4f}"
        )
    return worst


def _check_stroke(bench: RobotBench) -> float:
    """Closes and opens; returns the closing time in seconds."""
    arm = bench.arm
    bench.reset()
    home = np.asarray(arm.home)
    bench.command(home, arm.gripper_ctrl_closed)
    steps = 0
    while bench.width() > 0.02 * arm.gripper_max_width_m:
        bench.run(TIMESTEP_S)
        steps += 1
        assert steps < 1000, f"does not close: {bench.width():.4f} m after two seconds"
    close = steps * TIMESTEP_S
    assert abs(close - arm.gripper_close_s) < 0.1, f"closes in {close:.3f} s, not as stated"
    bench.run(0.5)
    assert arm.gripper_opening(bench.data.qpos[bench.gripper]) < 0.03
    bench.command(home, arm.gripper_ctrl_open)
    bench.run(1.0)
    assert arm.gripper_opening(bench.data.qpos[bench.gripper]) > 0.99, "does not open"
    return close


def raised(bench: RobotBench, height_m: float) -> Array:
    """Joint positions (n,) with the tcp straight above home, same orientation."""
    model, data = bench.model, bench.data
    start, rotation = bench.tcp()
    goal = start + np.array([0.0, 0.0, height_m])
    jacobian = np.zeros((6, model.nv))
    for _ in range(100):
        position, now = bench.tcp()
        mujoco.mj_comPos(model, data)
        mujoco.mj_jacSite(model, data, jacobian[:3], jacobian[3:], bench.tcp_id)
        turn = 0.5 * np.cross(now.T, rotation.T).sum(axis=0)
        error = np.concatenate([goal - position, turn])
        J = jacobian[:, bench.dof]
        step = J.T @ np.linalg.solve(J @ J.T + 1e-6 * np.eye(6), error)
        data.qpos[bench.qpos] += 0.5 * step
    assert np.linalg.norm(error) < 1e-4, f"cannot reach {height_m} m above home"
    return np.asarray(data.qpos[bench.qpos].copy())


def _check_lift(robot: RobotModel, arm: int) -> tuple[float, float]:
    """Lifts a box of 5 cm and 0.5 kg by 10 cm; returns penetration and slip in metres."""
    plain = RobotBench(robot, arm=arm)
    (x, y, z), _ = plain.tcp()
    target = raised(plain, _LIFT_M)
    z -= max(0.0, plain.arm.finger_geometry.tip_reach_m + 0.004 - _BOX_HALF_M)
    h = _BOX_HALF_M
    world = (
        f'<geom name="robot/stand" type="box" size=".1 .1 .01" pos="{x} {y} {z - h - 0.01}"/>'
        f'<body name="box" pos="{x} {y} {z}"><freejoint/>'
        f'<geom name="box" type="box" size="{h} {h} {h}" mass="{_BOX_KG}"/></body>'
    )
    bench = RobotBench(robot, world, arm)
    home = np.asarray(bench.arm.home)
    bench.command(home, bench.arm.gripper_ctrl_closed)
    bench.run(bench.arm.gripper_close_s + 0.3)
    before = _in_tcp(bench)
    assert bench.width() > 1.8 * h, "the box is not between the pads"
    for share in np.linspace(0.0, 1.0, 500):
        smooth = share**3 * (10 - 15 * share + 6 * share**2)
        bench.command(home + smooth * (target - home))
        bench.run(TIMESTEP_S)
    bench.run(1.0)
    slip = float(np.linalg.norm(_in_tcp(bench) - before))
    risen = float(bench.data.body("box").xpos[2]) - z
    assert risen > 0.95 * _LIFT_M, f"the box rose by {risen:.3f} m only"
    assert slip < 3e-3, f"the box slipped by {slip * 1e3:.2f} mm"
    box = bench.model.geom("box").id
    depth = -min((c.dist for c in bench.data.contact if box in (c.geom1, c.geom2)), default=0.0)
    assert depth < 1e-3, f"the pads penetrate the box by {depth * 1e3:.2f} mm"
    return float(depth), slip


def _in_tcp(bench: RobotBench) -> Array:
    """Position (3,) of the box in the tcp frame."""
    position, rotation = bench.tcp()
    return np.asarray(rotation.T @ (bench.data.body("box").xpos - position))
