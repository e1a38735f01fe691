"""Robots: conformance, collision geometry, grasps of several shapes and the registry."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

import mujoco
import numpy as np
import pytest
from scipy.spatial import ConvexHull

from datafactory import plugin, seeding
from datafactory.errors import PluginError, UnknownNameError
from datafactory.robots import load_robot
from datafactory.robots.aloha import aloha
from datafactory.robots.hulls import hull_faces, read_vertices
from datafactory.robots.model import RobotModel
from datafactory.robots.needs import robots
from datafactory.robots.panda import PACK, franka_panda, franka_panda_hand
from datafactory.robots.primitive_arm import primitive_arm
from datafactory.robots.ur5e import ur5e
from datafactory.robots.yam import yam
from datafactory.testing.robots import RobotBench, check_robot, raised
from datafactory_assets.convert.hulls import reduce_hull
from datafactory_assets.errors import PackMissingError
from datafactory_assets.packs import ensure_pack

FACTORIES = {
    "primitive_arm": primitive_arm,
    "franka_panda": franka_panda,
    "franka_panda_hand": franka_panda_hand,
    "aloha": aloha,
    "ur5e": ur5e,
    "yam": yam,
}


@dataclass(frozen=True)
class Poses:
    """Around home: offsets without self-contact, a motion; and a folded posture by joint."""

    spread: list[float]
    motion: list[float]
    folded: dict[int, float]


PANDA = Poses(
    [1.2, 0.5, 0.4, 0.5, 0.4, 0.5, 1.0],
    [0.5, 0.2, -0.3, 0.4, 0.5, -0.4, 0.6],
    {1: 1.7, 3: -3.0, 5: 0.1},
)
POSES = {
    "primitive_arm": PANDA,
    "franka_panda": PANDA,
    "franka_panda_hand": PANDA,
    "aloha": Poses(
        [0.4, 0.5, 0.5, 0.4, 0.4, 1.0], [0.5, 0.2, -0.3, 0.4, -0.4, 0.6], {1: -1.8, 2: 1.6, 4: 2.1}
    ),
    "ur5e": Poses(
        [1.2, 0.5, 0.5, 0.5, 0.5, 1.0], [0.5, 0.2, -0.3, 0.4, -0.4, 0.6], {2: 3.1, 3: -3.0}
    ),
    "yam": Poses(
        [1.2, 0.4, 0.4, 0.4, 0.5, 1.0], [0.5, 0.2, -0.3, 0.4, -0.4, 0.6], {1: 0.0, 2: 0.0, 3: -1.5}
    ),
}


@pytest.fixture(params=sorted(FACTORIES), scope="module")
def robot(request: pytest.FixtureRequest) -> RobotModel:
    try:
        return FACTORIES[request.param]()
    except PackMissingError as error:
        pytest.skip(str(error))


def test_conformance(robot: RobotModel) -> None:
    report = check_robot(robot, FACTORIES[robot.name])
    assert report.steady_error_rad < 1e-6
    assert report.lag_s < 0.06
    assert 0.25 < report.close_s < 0.45
    assert report.slip_m < 1e-3


def test_document_stays_small(robot: RobotModel) -> None:
    assert len(robot.mjcf) < 20_000 * len(robot.arms)
    assert sum(map(len, robot.meshes.values())) < 40_000
    assert not list(ET.fromstring(robot.mjcf).iter("default"))


def test_equal_lag_keeps_joints_on_their_line(robot: RobotModel) -> None:
    """Joints that trail by the same time stay on a straight line in joint space."""
    bench = RobotBench(robot)
    goal = np.asarray(bench.arm.home) + np.array(POSES[robot.name].motion)
    start = np.asarray(bench.arm.home)
    worst = 0.0
    for step in range(800):
        share = min(1.0, step / 500)
        smooth = share**3 * (10 - 15 * share + 6 * share**2)
        bench.command(start + smooth * (goal - start))
        bench.run(0.002)
        shares = (bench.data.qpos[bench.qpos] - start) / (goal - start)
        worst = max(worst, float(np.ptp(shares)))
    assert worst < 0.03
    assert np.allclose(bench.data.qpos[bench.qpos], goal, atol=1e-4)


def test_overshoot_of_a_step_is_negligible(robot: RobotModel) -> None:
    for joint, home in enumerate(robot.arms[0].home):
        bench = RobotBench(robot)
        target = np.asarray(bench.arm.home).copy()
        target[joint] += 0.05
        bench.command(target)
        highest = home
        for _ in range(300):
            bench.run(0.002)
            highest = max(highest, float(bench.data.qpos[bench.qpos[joint]]))
        assert highest < home + 0.0505
        assert highest > home + 0.0495


def touching(bench: RobotBench) -> set[tuple[str, str]]:
    mujoco.mj_kinematics(bench.model, bench.data)
    mujoco.mj_collision(bench.model, bench.data)
    body = bench.model.geom_bodyid
    name = [bench.model.body(b).name for b in range(bench.model.nbody)]
    return {tuple(sorted((name[body[c.geom1]], name[body[c.geom2]]))) for c in bench.data.contact}


def test_typical_poses_do_not_touch_themselves(robot: RobotModel) -> None:
    bench = RobotBench(robot)
    rng = seeding.stream(0, "robots", 0, "near home")
    spread = np.array(POSES[robot.name].spread)
    for _ in range(500):
        bench.data.qpos[bench.qpos] = bench.arm.home + rng.uniform(-spread, spread)
        contacts, (tcp, _) = touching(bench), bench.tcp()
        if np.hypot(tcp[0], tcp[1]) > 0.25:
            assert contacts == set()


def test_folded_poses_are_seen(robot: RobotModel) -> None:
    bench = RobotBench(robot)
    q = np.asarray(bench.arm.home).copy()
    for joint, value in POSES[robot.name].folded.items():
        q[joint] = value
    bench.data.qpos[bench.qpos] = q
    assert touching(bench)
    rng = seeding.stream(0, "robots", 0, "anywhere")
    hits = 0
    for _ in range(500):
        bench.data.qpos[bench.qpos] = rng.uniform(bench.arm.joint_lower, bench.arm.joint_upper)
        hits += bool(touching(bench))
    assert 5 < hits < 150


SHAPES = {
    "thin box": ('type="box" size=".02 .008 .03"', 0.03, 0.6),
    "can": ('type="cylinder" size=".025 .03"', 0.03, 0.6),
    "ball": ('type="sphere" size=".025"', 0.025, 0.3),
    "light cube": ('type="box" size=".015 .015 .025"', 0.025, 0.02),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_lifts_other_shapes(robot: RobotModel, shape: str) -> None:
    geom, half, mass = SHAPES[shape]
    plain = RobotBench(robot)
    (x, y, z), _ = plain.tcp()
    target, home = raised(plain, 0.08), np.asarray(plain.arm.home)
    bench = RobotBench(
        robot,
        f'<geom name="robot/stand" type="box" size=".1 .1 .01" pos="{x} {y} {z - half - 0.01}"/>'
        f'<body name="o" pos="{x} {y + 0.004} {z}"><freejoint/>'
        f'<geom name="o" {geom} mass="{mass}"/></body>',
    )
    bench.command(home, bench.arm.gripper_ctrl_closed)
    bench.run(0.8)
    before = bench.data.body("o").xpos - bench.tcp()[0]
    for share in np.linspace(0, 1, 50):
        bench.command(home + share**2 * (3 - 2 * share) * (target - home))
        bench.run(0.02)
    bench.run(1.0)
    after = bench.data.body("o").xpos - bench.tcp()[0]
    assert np.linalg.norm(after - before) < 1.5e-3
    geom_id = bench.model.geom("o").id
    held = [c.dist for c in bench.data.contact if geom_id in (c.geom1, c.geom2)]
    assert held
    assert min(held) > -1e-3


def test_finger_boxes_hold_the_fingers(robot: RobotModel) -> None:
    """Every finger geom lies in the union's bounds at openings between the samples."""
    bench = RobotBench(robot)
    for share in (1.0, 0.83, 0.41, 0.07):
        bench.command(
            np.asarray(bench.arm.home),
            bench.arm.gripper_ctrl_from_width(share * bench.arm.gripper_max_width_m),
        )
        bench.run(1.0)
        position, rotation = bench.tcp()
        opening = bench.arm.gripper_opening(bench.data.qpos[bench.gripper])
        boxes = bench.arm.finger_geometry.boxes(opening)
        lower = np.min([b.lower for b in boxes], axis=0)
        upper = np.max([b.upper for b in boxes], axis=0)
        for geom in range(bench.model.ngeom):
            body = bench.model.body(bench.model.geom_bodyid[geom]).name
            if body in bench.arm.finger_bodies:
                center = bench.model.geom_aabb[geom, :3]
                half = bench.model.geom_aabb[geom, 3:]
                turn = rotation.T @ bench.data.geom_xmat[geom].reshape(3, 3)
                middle = rotation.T @ (bench.data.geom_xpos[geom] - position) + turn @ center
                reach = np.abs(turn) @ half
                assert np.all(middle - reach > lower - 2.5e-3)
                assert np.all(middle + reach < upper + 2.5e-3)


def test_camera_sees_the_tcp(robot: RobotModel) -> None:
    bench = RobotBench(robot)
    position, _ = bench.tcp()
    mount = robot.camera_mounts[0]
    body = bench.data.body(mount.body)
    world = body.xpos + body.xmat.reshape(3, 3) @ mount.pose.position
    ray = mount.pose.rotation().T @ body.xmat.reshape(3, 3).T @ (position - world)
    assert ray[2] > 0.05
    assert abs(ray[0]) < 1e-6
    assert abs(ray[1] / ray[2]) < np.tan(np.radians(20))


def test_visual_meshes_belong_to_bodies(robot: RobotModel) -> None:
    visuals = robot.visual_meshes()
    bodies = set(robot.bodies)
    assert {v.body for v in visuals} <= bodies
    assert len({v.body for v in visuals}) >= 9
    for visual in visuals:
        assert visual.mesh.faces.max() < len(visual.mesh.vertices)
        assert np.abs(visual.mesh.vertices).max() < 0.5


def test_hulls_are_small_close_and_outward() -> None:
    rng = seeding.stream(0, "robots", 0, "hulls")
    for scale in ((0.05, 0.05, 0.15), (0.1, 0.02, 0.06)):
        v = rng.standard_normal((2000, 3))
        points = v / np.linalg.norm(v, axis=1, keepdims=True) * scale
        small, error = reduce_hull(points, 32)
        again, _ = reduce_hull(points[::-1], 32)
        assert np.array_equal(small, again)
        assert len(small) <= 32
        true, reduced = ConvexHull(points), ConvexHull(small)
        outside = (points @ reduced.equations[:, :3].T + reduced.equations[:, 3]).max()
        beyond = (small @ true.equations[:, :3].T + true.equations[:, 3]).max()
        assert max(outside, beyond) <= error + 1e-9
        faces = hull_faces(small)
        a, b, c = (small[faces[:, k]] for k in range(3))
        volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
        assert volume == pytest.approx(reduced.volume)


def test_panda_hulls_are_within_four_millimetres() -> None:
    try:
        pack = ensure_pack(PACK)
    except PackMissingError as error:
        pytest.skip(str(error))
    files = [f"link{k}.stl" for k in (0, 1, 2, 3, 4, 6, 7)]
    files += [f"link5_collision_{k}.obj" for k in range(3)]
    for file in files:
        vertices = read_vertices(pack.member(f"franka_emika_panda/meshes/{file}"))
        assert reduce_hull(vertices, 32)[1] < 0.004


def register(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    point = EntryPoint("my_arm", value, "datafactory.robots")
    monkeypatch.setattr(plugin, "entry_points", lambda group: [point])
    load_robot.cache_clear()


def test_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, "datafactory.robots.primitive_arm:primitive_arm")
    assert load_robot("my_arm") is load_robot("my_arm")
    with pytest.raises(UnknownNameError, match="did you mean 'my_arm'"):
        load_robot("my_amr")
    register(monkeypatch, "datafactory.robots.primitive_arm:no_such_arm")
    with pytest.raises(PluginError, match="my_arm"):
        load_robot("my_arm")
    register(monkeypatch, "datafactory.robots.primitive_arm:_finger_geometry")
    with pytest.raises(PluginError, match="not RobotModel"):
        load_robot("my_arm")
    register(monkeypatch, "datafactory.robots.hulls:hull_faces")
    with pytest.raises(PluginError, match="cannot be made"):
        load_robot("my_arm")
    load_robot.cache_clear()


def test_listing_fetches_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATAFACTORY_ASSET_STORE", str(tmp_path))
    monkeypatch.setenv("DATAFACTORY_OFFLINE", "1")
    entries = {entry.name: entry for entry in robots()}
    assert entries["yam"].missing == entries["yam"].packs == ("yam",)
    assert entries["yam"].capabilities == ()
    assert entries["primitive_arm"].dof == 7
    load_robot.cache_clear()
    with pytest.raises(PackMissingError, match="'yam' is not in the asset store"):
        load_robot("yam")
