"""Inverse kinematics: round trips, limits, equivariance, continuity."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.errors import SpecError, UnknownNameError
from datafactory.geometry import Pose, quat_angle, quat_random
from datafactory.planning.cartesian import pose_distance, screw_path, step_count, straight_path
from datafactory.planning.kinematics import ArmKinematics
from tests.arm_fixture import HOME, JOINTS, LOWER, UPPER, compile_world, kinematics, random_q

KIN = kinematics()
SEEDS = st.integers(0, 2**32 - 1)


def _rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def _random_pose(rng: np.random.Generator) -> Pose:
    return Pose.of(rng.uniform(-1.0, 1.0, 3), quat_random(rng))


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_solution_from_a_near_seed_reaches_the_pose(seed: int) -> None:
    rng = _rng(seed)
    q = random_q(rng, 0.4)
    target = KIN.fk(q)
    found = KIN.solve(target, q + rng.uniform(-0.1, 0.1, 7))
    assert found.ok, found
    assert found.reason == ""
    distance, angle = pose_distance(KIN.fk(found.q), target)
    assert distance <= 5e-4
    assert angle <= 5e-3
    assert distance == pytest.approx(found.error_m, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_limits_hold_and_failures_carry_a_reason(seed: int) -> None:
    rng = _rng(seed)
    found = KIN.solve(_random_pose(rng), random_q(rng))
    assert np.all(found.q >= LOWER)
    assert np.all(found.q <= UPPER)
    assert found.ok == (found.reason == "")
    if not found.ok:
        assert found.reason in ("ik_failed", "joint_limit")


def test_most_reachable_poses_are_found_from_a_few_seeds() -> None:
    rng = _rng(7)
    poses = [KIN.fk(random_q(rng)) for _ in range(60)]
    found = [KIN.solve_best(p, [HOME], rng=rng, n_random=12, good_score=0.0) for p in poses]
    assert sum(s.ok for s in found) >= 59


def test_a_pose_out_of_reach_is_refused() -> None:
    found = KIN.solve(Pose.of([2.0, 0.0, 0.5]), HOME)
    assert not found.ok
    assert found.error_m > 0.5


def test_a_joint_limit_is_named_as_the_reason() -> None:
    kin = ArmKinematics(compile_world(), JOINTS, "robot/tcp")
    target = kin.fk(HOME)
    kin.lower[5], kin.upper[5] = 3.4, 3.5
    kin.lower[3], kin.upper[3] = -2.2, -2.0
    found = kin.solve(target, HOME)
    assert found.reason == "joint_limit"


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_moving_base_and_target_together_changes_nothing(seed: int) -> None:
    rng = _rng(seed)
    world_from_base = _random_pose(rng)
    q = random_q(rng, 0.3)
    start = q + rng.uniform(-0.1, 0.1, 7)
    base_from_tcp = KIN.fk(q)
    moved = ArmKinematics(
        compile_world(base=Pose.of([0.1, 0.2, 0.3], [1, 1, 0, 0])),
        JOINTS,
        "robot/tcp",
        base_body="robot/robot_base",
    )
    moved.world_from_base = world_from_base
    world_from_tcp = world_from_base @ base_from_tcp
    distance, angle = pose_distance(moved.fk(q), world_from_tcp)
    assert distance < 1e-12
    assert angle < 1e-7
    here, there = KIN.solve(base_from_tcp, start), moved.solve(world_from_tcp, start)
    np.testing.assert_allclose(here.q, there.q, atol=1e-7)
    rotation = world_from_base.rotation()
    expected = np.kron(np.eye(2), rotation) @ KIN.jacobian(q)
    np.testing.assert_allclose(moved.jacobian(q), expected, atol=1e-12)


def test_the_base_stands_where_the_model_has_it_by_default() -> None:
    base = Pose.of([0.3, -0.2, 0.1], [0.8, 0.0, 0.0, 0.6])
    model = compile_world(base=base)
    for body in (None, "robot/robot_base"):
        kin = ArmKinematics(model, JOINTS, "robot/tcp", base_body=body)
        np.testing.assert_allclose(
            kin.fk(HOME).position, (base @ KIN.fk(HOME)).position, atol=1e-12
        )


def test_jacobian_agrees_with_finite_differences() -> None:
    q, step = random_q(_rng(3)), 1e-6
    numeric = np.empty((3, 7))
    for k in range(7):
        shift = np.zeros(7)
        shift[k] = step
        numeric[:, k] = (KIN.fk(q + shift).position - KIN.fk(q - shift).position) / (2 * step)
    np.testing.assert_allclose(KIN.jacobian(q)[:3], numeric, atol=1e-8)
    gram = KIN.jacobian(q) @ KIN.jacobian(q).T
    assert KIN.manipulability(q) == pytest.approx(np.sqrt(np.linalg.det(gram)))


def test_results_do_not_depend_on_earlier_calls() -> None:
    target, fresh = KIN.fk(HOME + 0.1), kinematics()
    KIN.solve(Pose.of([2.0, 2.0, 2.0]), random_q(_rng(1)))
    assert KIN.solve(target, HOME).q.tobytes() == fresh.solve(target, HOME).q.tobytes()


def test_the_null_space_is_drawn_to_the_reference() -> None:
    target = KIN.fk(HOME)
    seed = HOME + np.array([0.5, 0.0, -0.5, 0.0, 0.3, 0.0, 0.0])
    near = KIN.solve(target, seed, reference=HOME, pull=0.2)
    far = KIN.solve(target, seed, pull=0.0)
    assert near.ok
    assert far.ok
    assert np.linalg.norm(near.q - HOME) < np.linalg.norm(far.q - HOME)


def test_limit_buffer_and_margin() -> None:
    kin = ArmKinematics(compile_world(), JOINTS, "robot/tcp", limit_buffer=0.1)
    np.testing.assert_allclose(kin.lower, LOWER + 0.1)
    assert kin.limit_margin(LOWER + 0.3) == pytest.approx(0.2, abs=1e-9)
    assert kin.limit_margin(UPPER) == pytest.approx(-0.1, abs=1e-9)
    assert kin.score(UPPER) == pytest.approx(0.0)
    with pytest.raises(SpecError):
        ArmKinematics(compile_world(), JOINTS, "robot/tcp", limit_buffer=9.0)


def test_solve_best_prefers_the_score_and_obeys_validity() -> None:
    target = KIN.fk(HOME)
    seeds = [HOME + d for d in ([0.0] * 7, [0.6, 0, -0.6, 0, 0, 0, 0])]
    left = KIN.solve_best(target, seeds, score=lambda q: -float(q[0]), good_score=9.0)
    right = KIN.solve_best(target, seeds, score=lambda q: float(q[0]), good_score=9.0)
    assert left.q[0] < right.q[0] - 0.1
    refused = KIN.solve_best(target, seeds, valid=lambda q: False)
    assert (refused.ok, refused.reason) == (False, "plan_collision")
    with pytest.raises(SpecError):
        KIN.solve_best(target, [HOME], n_random=1)
    with pytest.raises(SpecError):
        KIN.solve_best(target, [])


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_lines_are_continuous_and_on_the_path(seed: int) -> None:
    rng = _rng(seed)
    start = KIN.fk(HOME)
    # Larger turns come near the wrist's singularity, where a line rightly ends.
    goal = Pose.of(start.position + rng.uniform(-0.1, 0.1, 3), start.quat + rng.normal(0, 0.05, 4))
    poses = straight_path(start, goal, step_count(start, goal, 0.01, 0.06))
    line = KIN.line(HOME, poses)
    assert line.ok, line.reason
    assert line.q[0].tobytes() == HOME.tobytes()
    assert np.abs(np.diff(line.q, axis=0)).max() < 0.25
    for q, pose in zip(line.q, poses, strict=True):
        reached = KIN.fk(q)
        assert np.linalg.norm(reached.position - pose[:3]) <= 1.001e-4
        assert quat_angle(reached.quat, pose[3:]) <= 1.001e-3


def test_a_jump_or_an_unreachable_pose_ends_a_line() -> None:
    start = KIN.fk(HOME)
    far = Pose(start.position + np.array([0.0, 0.4, 0.0]), start.quat)
    jump = KIN.line(HOME, straight_path(start, far, 2))
    assert (jump.ok, jump.reason, len(jump.q)) == (False, "ik_failed", 1)
    out = Pose(start.position + np.array([1.0, 0.0, 0.0]), start.quat)
    line = KIN.line(HOME, straight_path(start, out, 101))
    assert not line.ok
    assert 0 < len(line.q) < 101


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.sampled_from([straight_path, screw_path]))
def test_paths_join_their_ends(seed: int, make: type[straight_path]) -> None:
    rng = _rng(seed)
    a, b = _random_pose(rng), _random_pose(rng)
    path = make(a, b, 9)
    np.testing.assert_allclose(path[0, :3], a.position, atol=1e-12)
    np.testing.assert_allclose(path[-1, :3], b.position, atol=1e-9)
    assert quat_angle(path[-1, 3:], b.quat) < 1e-6
    np.testing.assert_allclose(np.linalg.norm(path[:, 3:], axis=1), 1.0, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_a_screw_repeats_one_relative_motion(seed: int) -> None:
    rng = _rng(seed)
    poses = [Pose.from_vector(v) for v in screw_path(_random_pose(rng), _random_pose(rng), 6)]
    steps = [(p.inverse() @ q).matrix() for p, q in pairwise(poses)]
    for step in steps[1:]:
        np.testing.assert_allclose(step, steps[0], atol=1e-9)


def test_a_straight_path_is_straight_and_even() -> None:
    rng = _rng(11)
    a, b = _random_pose(rng), _random_pose(rng)
    path = straight_path(a, b, 11)
    np.testing.assert_allclose(np.diff(path[:, :3], n=2, axis=0), 0.0, atol=1e-12)
    angles = [quat_angle(p, q) for p, q in pairwise(path[:, 3:])]
    np.testing.assert_allclose(angles, angles[0], atol=1e-9)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="robot/tpc"):
        ArmKinematics(compile_world(), JOINTS, "robot/tpc")
    with pytest.raises(UnknownNameError):
        ArmKinematics(compile_world(), ["robot/joint9"], "robot/tcp")
    with pytest.raises(SpecError):
        ArmKinematics(compile_world(), JOINTS[::-1], "robot/tcp")
