"""Collision queries against a brute-force scan of MuJoCo's contacts."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafactory.errors import SpecError, UnknownNameError
from datafactory.geometry import Array, Pose
from datafactory.planning.collision import FINGERS, HELD, ROBOT, CollisionWorld
from datafactory.planning.sampling import bisection, segments
from tests.arm_fixture import (
    FINGERS as FINGER_BODIES,
)
from tests.arm_fixture import (
    HOME,
    JOINTS,
    ROBOT_BODIES,
    TABLE,
    box,
    collision_world,
    compile_world,
    kinematics,
    random_q,
    table_scene,
    wall,
)

KIN = kinematics()
DOWN = (0.0, 1.0, 0.0, 0.0)


def _over(x: float, y: float, z: float) -> Array:
    found = KIN.solve_best(Pose.of([x, y, z], DOWN), [HOME])
    assert found.ok
    return found.q


def _brute_force(
    model: mujoco.MjModel, q: Array, held: str = "", tcp_from_held: Pose | None = None
) -> bool:
    """Whether physics sees a penetration that the planner has to see."""
    data = mujoco.MjData(model)
    data.qpos[:7], data.qpos[7:9] = q, 0.04
    if tcp_from_held is not None:
        address = model.jnt_qposadr[model.body(held).jntadr[0]]
        data.qpos[address : address + 7] = (KIN.fk(q) @ tcp_from_held).vector()
    mujoco.mj_forward(model, data)
    robot = set(ROBOT_BODIES)
    for contact in data.contact:
        a, b = (model.body(model.geom_bodyid[g]).name for g in contact.geom)
        if contact.dist >= 0.0 or {a, b} == {"robot/robot_base", "robot/link1"}:
            continue
        if {a, b} == {"robot/robot_base", "world"}:
            continue
        moving = robot | {held} if held else robot
        fingers = set(FINGER_BODIES)
        if held and held in (a, b) and (a in fingers or b in fingers):
            continue
        base_touch = "robot/robot_base" in (a, b) and not {a, b} <= moving
        if (a in moving or b in moving) and not base_touch:
            return True
    return False


def test_agrees_with_a_brute_force_contact_scan() -> None:
    model = table_scene(8)
    world = collision_world(model, clearance_m=0.0)
    rng = np.random.Generator(np.random.PCG64(2))
    seen = [0, 0]
    for k in range(250):
        q = random_q(rng) if k % 2 else _near_table(rng)
        expected = _brute_force(model, q)
        seen[expected] += 1
        assert (world.check(q) is not None) == expected
        assert world.free(q) != expected
    assert min(seen) > 25


def test_agrees_with_brute_force_while_holding() -> None:
    model = table_scene(8)
    world = collision_world(model, clearance_m=0.0)
    tcp_from_held = Pose.of([0.0, 0.01, 0.03], [0.9, 0.1, 0.3, 0.2])
    world.attach("object3", tcp_from_held)
    rng = np.random.Generator(np.random.PCG64(4))
    seen = [0, 0]
    for k in range(200):
        q = random_q(rng) if k % 2 else _near_table(rng)
        expected = _brute_force(model, q, "object3", tcp_from_held)
        seen[expected] += 1
        assert world.free(q) != expected
    assert min(seen) > 25


def _near_table(rng: np.random.Generator) -> Array:
    place = Pose.of([rng.uniform(0.35, 0.6), rng.uniform(-0.4, 0.4), rng.uniform(0, 0.2)], DOWN)
    return KIN.solve(place, HOME).q


def test_clearance_is_the_distance_that_counts() -> None:
    q = _over(0.5, 0.0, 0.2)
    tip = KIN.fk(q).position[2] + 0.1034 - 0.0584 - 0.052
    model = compile_world(wall("plate", (0.5, 0.0, tip - 0.01 - 0.004), (0.3, 0.3, 0.01)))
    assert collision_world(model, clearance_m=0.003).free(q)
    hit = collision_world(model, clearance_m=0.005).check(q)
    assert hit is not None
    assert {hit.a, hit.b} & {"robot/left", "robot/right"}
    assert hit.b == "plate"
    assert hit.limit_m == 0.005
    assert hit.distance_m == pytest.approx(0.004, abs=6e-4)


def test_allowances_are_for_their_pair_and_depth_only() -> None:
    model = compile_world(TABLE, box("cube", (0.5, 0.0, 0.03), (0.02, 0.06, 0.03)))
    world = collision_world(model)
    q = _over(0.5, 0.0, 0.04)
    assert world.check(q) is not None
    world.allow(FINGERS, "cube")
    assert world.check(q) is None
    low = _over(0.5, 0.0, 0.0)
    hit = world.check(low)
    assert hit is not None
    assert {hit.a, hit.b} & {"robot/hand", "table"}
    world.clear_allowances()
    assert world.check(q) is not None
    world.allow(FINGERS, "cube", depth_m=1e-6)
    assert world.check(q) is not None
    world.allow(["robot/left", "robot/right"], ["cube", "table"])
    assert world.check(q) is None
    world.allow(ROBOT, "cube", depth_m=0.001)
    assert world.check(q) is None


def test_a_held_object_meets_the_world_and_not_the_fingers() -> None:
    post = wall("post", (0.5, 0.3, 0.2), (0.02, 0.02, 0.2))
    model = compile_world(TABLE, box("cube", (0.5, 0.0, 0.03), (0.02, 0.02, 0.03)), post)
    world = collision_world(model)
    lifted, beside = _over(0.5, 0.0, 0.25), _over(0.5, 0.27, 0.47)
    assert world.free(lifted)
    assert world.free(beside)
    world.attach("cube", Pose.of([0.0, 0.0, 0.01]))
    assert world.free(lifted)
    assert world.free(_over(0.5, 0.0, 0.045))
    world.attach("cube", Pose.of([0.0, 0.0, 0.06], [0.5, 0.5, 0.5, 0.5]))
    hit = world.check(beside)
    assert hit is not None
    assert (hit.a, hit.b) == ("cube", "post")
    on_table = _over(0.5, 0.0, 0.07)
    hit = world.check(on_table)
    assert hit is not None
    assert (hit.a, hit.b) == ("cube", "table")
    world.allow(HELD, "table")
    assert world.check(on_table) is None
    world.detach()
    assert world.free(on_table)


def test_objects_that_overlap_each_other_are_none_of_its_business() -> None:
    boxes = [box(f"b{k}", (0.5, 0.01 * k, 0.01), (0.03, 0.03, 0.03)) for k in range(4)]
    assert collision_world(compile_world(TABLE, *boxes)).free(_over(0.5, 0.0, 0.3))


def test_objects_stand_where_set_world_puts_them() -> None:
    model = compile_world(TABLE, box("cube", (0.5, 0.3, 0.03), (0.03, 0.03, 0.03)))
    world = collision_world(model)
    q = _over(0.5, 0.0, 0.03)
    assert world.free(q)
    qpos = model.qpos0.copy()
    qpos[7:9] = 0.04
    qpos[9:12] = 0.5, 0.0, 0.05
    world.set_world(qpos)
    assert not world.free(q)
    assert not world.free(q)
    world.set_world(np.concatenate([qpos[:10], [0.3], qpos[11:]]))
    assert world.free(q)


def test_the_gripper_opening_counts() -> None:
    left = wall("post", (0.5, 0.055, 0.07), (0.02, 0.015, 0.07))
    world = collision_world(compile_world(left))
    q = _over(0.5, 0.0, 0.12)
    assert world.check(q, [0.04, 0.04]) is not None
    assert world.check(q, [0.0, 0.0]) is None
    assert world.free(q)


def test_parts_of_the_gripper_are_not_judged_against_each_other() -> None:
    world = collision_world(compile_world())
    assert world.check(HOME, [-0.005, -0.005]) is None
    assert world.data.ncon == 0


def test_edges_find_what_their_points_find() -> None:
    world = collision_world(compile_world(wall("wall", (0.5, 0.0, 0.2), (0.2, 0.02, 0.2))))
    a, b = _over(0.5, -0.25, 0.2), _over(0.5, 0.25, 0.2)
    assert world.free(a)
    assert world.free(b)
    assert not world.edge_free(a, b)
    hit = world.edge_collision(a, b)
    assert hit is not None
    assert "wall" in (hit.a, hit.b)
    assert world.edge_free(a, HOME - [0.5, 0, 0, 0, 0, 0, 0])
    before = world.checks
    world.edge_free(a, a + 0.1, 0.02)
    assert world.checks == before + 1 + segments(a, a + 0.1, 0.02)


@given(st.integers(1, 300))
def test_bisection_visits_every_point_once_end_first(n: int) -> None:
    order = bisection(n)
    assert order[0] == 1.0
    assert sorted(order) == [k / n for k in range(1, n + 1)]


def test_the_scene_model_is_left_alone() -> None:
    model = table_scene(2)
    before = model.geom_contype.copy(), model.geom_margin.copy()
    collision_world(model).attach("object1", Pose.identity())
    np.testing.assert_array_equal(model.geom_contype, before[0])
    np.testing.assert_array_equal(model.geom_margin, before[1])


def test_misuse_is_refused() -> None:
    model = table_scene(1)
    world = collision_world(model)
    with pytest.raises(UnknownNameError, match="object7"):
        world.allow(ROBOT, "object7")
    with pytest.raises(SpecError, match="held"):
        world.allow(HELD, "table")
    with pytest.raises(SpecError, match="free joint"):
        world.attach("robot/link3", Pose.identity())
    bare = CollisionWorld(model, robot_bodies=ROBOT_BODIES, arm_joints=JOINTS)
    with pytest.raises(SpecError, match="tcp_site"):
        bare.attach("object0", Pose.identity())
    with pytest.raises(SpecError, match="finger_bodies"):
        CollisionWorld(
            model, robot_bodies=ROBOT_BODIES, arm_joints=JOINTS, finger_bodies=["object0"]
        )
