"""Rigid transforms: the axioms, and that the fast scalar paths equal the array paths."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory import geometry as g
from datafactory.geometry import Array, Pose
from datafactory.seeding import stream

settings.register_profile("geometry", max_examples=40, deadline=None, derandomize=True)
PROFILE = settings.get_profile("geometry")
numbers = st.floats(-5.0, 5.0, allow_nan=False, width=32)
vectors = st.tuples(numbers, numbers, numbers)
quats = (
    st.tuples(numbers, numbers, numbers, numbers)
    .filter(lambda q: sum(x * x for x in q) > 1e-3)
    .map(g.normalize)
)
poses = st.builds(Pose.of, vectors, quats)


def same(a: Pose, b: Pose, tolerance: float = 1e-9) -> bool:
    """The same transform; q and -q are the same rotation."""
    turned = abs(abs(float(a.quat @ b.quat)) - 1.0)
    return bool(np.allclose(a.position, b.position, atol=tolerance)) and turned < tolerance


@PROFILE
@given(poses, poses, poses)
def test_group_axioms(a: Pose, b: Pose, c: Pose) -> None:
    assert same((a @ b) @ c, a @ (b @ c), 1e-8)
    assert same(a @ Pose.identity(), a)
    assert same(Pose.identity() @ a, a)
    assert same(a @ a.inverse(), Pose.identity(), 1e-8)
    assert same(a.inverse() @ a, Pose.identity(), 1e-8)
    assert same((a @ b).inverse(), b.inverse() @ a.inverse(), 1e-8)


@PROFILE
@given(poses, poses, vectors)
def test_composition_is_application(a: Pose, b: Pose, p: tuple[float, ...]) -> None:
    assert np.allclose((a @ b).apply(p), a.apply(b.apply(p)), atol=1e-8)
    assert np.allclose(a.inverse().apply(a.apply(p)), p, atol=1e-8)
    assert np.allclose((a @ b).matrix(), a.matrix() @ b.matrix(), atol=1e-8)


@PROFILE
@given(poses, vectors, vectors)
def test_distances_and_handedness_are_kept(
    a: Pose, p: tuple[float, ...], q: tuple[float, ...]
) -> None:
    before = np.linalg.norm(np.subtract(p, q))
    assert np.isclose(np.linalg.norm(a.apply(p) - a.apply(q)), before, atol=1e-8)
    rotation = a.rotation()
    assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    assert np.isclose(np.linalg.det(rotation), 1.0)


@PROFILE
@given(poses)
def test_representations_round_trip(a: Pose) -> None:
    assert same(Pose.from_matrix(a.matrix()), a, 1e-7)
    assert same(Pose.from_vector(a.vector()), a)
    assert a.vector().shape == (7,)
    assert np.isclose(np.linalg.norm(a.quat), 1.0)
    assert g.quat_from_matrix(a.rotation())[0] >= 0.0


@PROFILE
@given(st.lists(st.tuples(quats, quats, vectors), min_size=1, max_size=4))
def test_one_at_a_time_equals_many_at_a_time(
    rows: list[tuple[Array, Array, tuple[float, ...]]],
) -> None:
    a, b, v = (np.array(column) for column in zip(*rows, strict=True))
    products, turned = g.quat_multiply(a, b), g.quat_rotate(a, v)
    matrices, units = g.quat_to_matrix(a), g.normalize(v)
    for k, (qa, qb, x) in enumerate(rows):
        assert np.allclose(g.quat_multiply(qa, qb), products[k], atol=1e-12)
        assert np.allclose(g.quat_rotate(qa, x), turned[k], atol=1e-12)
        assert np.allclose(g.quat_to_matrix(qa), matrices[k], atol=1e-12)
        assert np.allclose(g.normalize(x), units[k], atol=1e-12)
        assert np.allclose(matrices[k] @ x, turned[k], atol=1e-9)
        assert np.allclose(g.quat_multiply(tuple(qa), list(qb)), products[k], atol=1e-12)


@PROFILE
@given(vectors.filter(lambda v: math.hypot(*v) > 1e-2), st.floats(-3.1, 3.1), vectors)
def test_axis_angle(axis: tuple[float, ...], angle: float, v: tuple[float, ...]) -> None:
    q = g.quat_from_axis_angle(axis, angle)
    assert np.isclose(g.quat_angle(q, [1.0, 0.0, 0.0, 0.0]), abs(angle), atol=1e-7)
    assert np.allclose(g.quat_rotate(q, axis), axis, atol=1e-8)
    unit = g.normalize(axis)
    cross = np.cross(unit, v)
    rodrigues = (
        np.array(v) * math.cos(angle)
        + cross * math.sin(angle)
        + unit * (unit @ v) * (1 - math.cos(angle))
    )
    assert np.allclose(g.quat_rotate(q, v), rodrigues, atol=1e-8)


@PROFILE
@given(quats, quats, st.floats(0.0, 1.0))
def test_slerp_walks_the_shorter_arc(a: Array, b: Array, t: float) -> None:
    whole = g.quat_angle(a, b)
    between = g.quat_slerp(a, b, t)
    assert np.isclose(np.linalg.norm(between), 1.0)
    assert np.isclose(g.quat_angle(a, between), t * whole, atol=1e-6)
    assert np.isclose(g.quat_angle(between, b), (1 - t) * whole, atol=1e-6)
    assert whole <= math.pi + 1e-12


@PROFILE
@given(poses, poses)
def test_interpolation_ends_where_it_should(a: Pose, b: Pose) -> None:
    assert same(a.interpolate(b, 0.0), a, 1e-7)
    assert same(a.interpolate(b, 1.0), b, 1e-7)
    middle = a.interpolate(b, 0.5).position
    assert np.allclose(middle, 0.5 * (a.position + b.position))


def test_yaw_is_about_world_z() -> None:
    pose = Pose.from_yaw((1.0, 2.0, 3.0), math.pi / 2)
    assert np.allclose(pose.apply([1.0, 0.0, 0.0]), [1.0, 3.0, 3.0])
    assert np.allclose(pose.apply([[0, 0, 1], [0, 1, 0]]), [[1, 2, 4], [0, 2, 3]])


def test_zero_stays_zero_and_quaternions_are_normalised() -> None:
    assert g.normalize([0.0, 0.0, 0.0]).tolist() == [0.0, 0.0, 0.0]
    assert g.normalize(np.zeros((2, 3))).tolist() == [[0.0] * 3] * 2
    assert np.allclose(Pose.of([0, 0, 0], [2, 0, 0, 0]).quat, [1, 0, 0, 0])


@pytest.mark.parametrize("axis", range(3))
def test_half_turns_survive_the_matrix(axis: int) -> None:
    """Where w is zero, the largest of the other components has to be found."""
    q = np.zeros(4)
    q[axis + 1] = 1.0
    again = g.quat_from_matrix(g.quat_to_matrix(q))
    assert abs(float(again @ q)) == pytest.approx(1.0)


def test_random_quaternions_cover_the_sphere() -> None:
    rng = stream(0, "geometry", 0, "random")
    many = np.array([g.quat_random(rng) for _ in range(2000)])
    assert np.allclose(np.linalg.norm(many, axis=1), 1.0)
    assert np.abs(many.mean(axis=0)).max() < 0.05
    assert np.allclose((many**2).mean(axis=0), 0.25, atol=0.02)
