"""Meshes to draw: the same solid as before, hard edges kept, texture places as promised."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.geometry import Pose
from datafactory.render.primitives import (
    CELL_M,
    cylinder,
    ellipsoid,
    merged,
    moved,
    panel,
    rounded_box,
    stretched,
    sweep,
)
from datafactory.render.unwrap import (
    box_uv,
    corners_of,
    cylinder_uv,
    drawn,
    front_uv,
    welded,
)
from tests.sim_fixture import asset

SOLIDS = {
    "box": (rounded_box((0.3, 0.2, 0.1), 0.0), 8 * 0.3 * 0.2 * 0.1),
    "rounded": (rounded_box((0.3, 0.2, 0.1), 0.004), 8 * 0.3 * 0.2 * 0.1),
    "cylinder": (cylinder(0.1, 0.2), math.pi * 0.01 * 0.4),
    "bevelled": (cylinder(0.1, 0.2, 0.004), math.pi * 0.01 * 0.4),
    "ellipsoid": (ellipsoid((0.1, 0.2, 0.3)), 4 / 3 * math.pi * 0.006),
    "capsule": (ellipsoid((0.1, 0.1, 0.1), 0.4), math.pi * 0.01 * (0.4 + 4 / 3 * 0.1)),
}


def volume(mesh):
    a, b, c = np.moveaxis(mesh.vertices[mesh.faces].astype(np.float64), 1, 0)
    return float(np.sum(np.cross(a, b) * c)) / 6.0


def outward(mesh):
    """Whether every vertex normal is on the outer side of its faces."""
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return bool((np.einsum("ijk,ik->ij", mesh.normals[mesh.faces], normal) > 0.0).all())


def check(mesh):
    assert mesh.vertices.dtype == mesh.normals.dtype == mesh.uv.dtype == np.float32
    assert mesh.faces.dtype == np.int32
    assert mesh.faces.max() < len(mesh.vertices)
    assert len(mesh.vertices) == len(mesh.normals) == len(mesh.uv)
    assert np.allclose(np.linalg.norm(mesh.normals, axis=1), 1.0, atol=1e-5)
    assert np.isfinite(mesh.uv).all()
    assert outward(mesh)


@pytest.mark.parametrize("name", sorted(SOLIDS))
def test_solids_have_their_volume_and_face_outwards(name):
    mesh, expected = SOLIDS[name]
    check(mesh)
    assert volume(mesh) == pytest.approx(expected, rel=0.03)


@settings(max_examples=25, deadline=None)
@given(st.tuples(*[st.floats(0.01, 1.5)] * 3), st.floats(0.0, 0.05))
def test_rounded_box_keeps_its_outline(half, radius):
    mesh = rounded_box(half, radius, 0.5)
    check(mesh)
    assert np.allclose(mesh.vertices.max(axis=0), half, atol=1e-5)
    assert np.allclose(mesh.vertices.min(axis=0), -np.array(half), atol=1e-5)
    edges = mesh.vertices[mesh.faces] - mesh.vertices[np.roll(mesh.faces, 1, axis=1)]
    assert np.linalg.norm(edges, axis=-1).max() <= CELL_M * math.sqrt(2) + 1e-4


@pytest.mark.parametrize("family", ["mug", "bottle", "carton", "pan", "basket", "apple"])
def test_visual_meshes_keep_their_volume_and_gain_hard_edges(family):
    from datafactory_assets.families import Tier0

    made = asset(family)
    for part in Tier0().visual(made):
        mesh = drawn(part.vertices, part.faces, 0.1)
        check(mesh)
        corners = part.vertices[part.faces]
        expected = np.sum(np.cross(corners[:, 0], corners[:, 1]) * corners[:, 2]) / 6.0
        assert volume(mesh) == pytest.approx(expected, rel=1e-3, abs=1e-10)


def test_box_has_hard_edges_and_a_ball_none():
    cube = drawn(*_box())
    assert len(cube.vertices) == 24, "each corner has one vertex per face"
    assert np.allclose(np.abs(cube.normals).max(axis=1), 1.0)
    ball = SOLIDS["ellipsoid"][0]
    assert len(np.unique(np.round(ball.vertices, 6), axis=0)) == len(ball.vertices)


def test_welding_joins_and_drops():
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1e-9, 0, 0], [2, 0, 0]], float)
    vertices, faces = welded(points, [[0, 1, 2], [3, 1, 2], [0, 3, 1], [0, 1, 4]])
    assert len(vertices) == 4
    assert faces.tolist() == [[0, 1, 2], [0, 1, 2]], "faces without area are dropped"


HALF = np.array([0.2, 0.15, 0.1])


def _box():
    unit = rounded_box(tuple(HALF), 0.0)
    return welded(unit.vertices, unit.faces)


def _rightwards(uv, corners, right):
    """Sign of du along a direction, for one face."""
    du = uv[1:, 0] - uv[0, 0]
    return np.sign(du * ((corners[1:] - corners[0]) @ right))


def test_texture_reads_from_left_to_right_on_all_sides():
    points, faces = _box()
    corners = corners_of(points, faces)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    angle = np.arctan2(normals[:, 1], normals[:, 0])
    for k in np.flatnonzero(np.abs(normals[:, 2]) < 1e-9):
        right = np.array([-math.sin(angle[k]), math.cos(angle[k]), 0.0])
        for uv in (
            box_uv(corners, 0.1),
            front_uv(corners, -HALF, HALF),
            cylinder_uv(corners, (0.0, 0.0), (-0.1, 0.1)),
        ):
            signs = _rightwards(uv[k], corners[k], right)
            assert (signs >= 0.0).all()
            assert (signs > 0.0).any()


def test_front_covers_each_side_once():
    points, faces = _box()
    corners = corners_of(points, faces)
    uv = front_uv(corners, -HALF, HALF)
    assert uv.min() == pytest.approx(0.0, abs=1e-6)
    assert uv.max() == pytest.approx(1.0)
    top = np.all(np.abs(corners[..., 2] - corners[:, :1, 2]) < 1e-9, axis=1)
    assert (uv[top] == 0.0).all()


def test_cylinder_wraps_once_with_a_split_seam():
    tube = SOLIDS["cylinder"][0]
    points, faces = welded(tube.vertices, tube.faces)
    corners = corners_of(points, faces)
    uv = cylinder_uv(corners, (0.0, 0.0), (-0.2, 0.2))
    side = np.ptp(corners[..., 2], axis=1) > 0.1
    assert np.ptp(uv[side][..., 0], axis=1).max() == pytest.approx(1 / 32, abs=1e-6)
    assert uv[side][..., 0].min() == pytest.approx(0.0, abs=1e-6)
    assert uv[side][..., 0].max() == pytest.approx(1.0, abs=1e-6)
    assert sorted(np.unique(np.round(uv[side][..., 1], 6))) == [0.0, 1.0]


def test_panels_fit_together_and_sweeps_look_inwards():
    left, right = panel(1.0, 0.5, 0.3), panel(1.0, 0.5, 0.3, 1.0)
    assert np.allclose(left.uv.max(axis=0)[0], right.uv.min(axis=0)[0])
    stretched_once = panel(2.0, 0.5, 0.0)
    assert stretched_once.uv.max() == 1.0
    wall = sweep(2.0, 2.5, 0.3, 1.8, 0.5)
    check(wall)
    centre = wall.vertices * (1.0, 1.0, 0.0)
    inward = np.einsum("ij,ij->i", wall.normals, -centre) + wall.normals[:, 2]
    assert (inward > 0.0).all()


def test_meshes_are_moved_stretched_and_merged():
    box = rounded_box((0.5, 0.3, 0.2), 0.01)
    turned = moved(box, Pose.from_yaw((1.0, 2.0, 3.0), 0.7))
    wide = stretched(box, (2.0, 1.0, 1.0))
    for mesh in (turned, wide, merged(box, turned)):
        check(mesh)
    assert volume(turned) == pytest.approx(volume(box), rel=1e-4)
    assert volume(wide) == pytest.approx(2.0 * volume(box), rel=1e-5)
    assert volume(merged(box, turned)) == pytest.approx(2.0 * volume(box), rel=1e-4)
