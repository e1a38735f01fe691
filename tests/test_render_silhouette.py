"""Outlines against a triangle-by-triangle reference, at every distance and beyond every border."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from datafactory.geometry import quat_to_matrix
from datafactory.render.silhouette import EMPTY, NEAR_M, Outline, outline, topology, weld
from datafactory.render.stage import Intrinsics
from datafactory.seeding import stream

CAMERA = Intrinsics(60, 48, 55.0, 58.0, 31.3, 22.8)
SHAPES = {
    "box": trimesh.creation.box((0.08, 0.05, 0.11)),
    "ring": trimesh.creation.annulus(0.03, 0.05, 0.06, sections=16),
    "torus": trimesh.creation.torus(0.05, 0.02, major_sections=12, minor_sections=6),
    "ball": trimesh.creation.icosphere(1, radius=0.05),
}


def canvas(found: Outline, k: Intrinsics) -> NDArray[np.bool_]:
    """The outline on the whole canvas, three image sizes wide."""
    out = np.zeros((3 * k.height, 3 * k.width), dtype=bool)
    top, left = found.top + k.height, found.left + k.width
    out[top : top + found.mask.shape[0], left : left + found.mask.shape[1]] = found.mask
    return out


def reference(
    points: NDArray[np.float64], faces: NDArray[np.int64], k: Intrinsics
) -> NDArray[np.bool_]:
    """Ray by ray: which pixel centres see a triangle at or beyond the near plane."""
    y, x = np.mgrid[-k.height : 2 * k.height, -k.width : 2 * k.width] + 0.5
    rays = np.stack([(x - k.cx) / k.fx, (y - k.cy) / k.fy, np.ones_like(x)], axis=-1)
    out = np.zeros(x.shape, dtype=bool)
    for a, b, c in points[faces]:
        sides = [rays @ np.cross(p, q) for p, q in ((a, b), (b, c), (c, a))]
        normal = np.cross(b - a, c - a)
        with np.errstate(divide="ignore", invalid="ignore"):
            depth = (a @ normal) / (rays @ normal)
        inside = np.all([s > 0 for s in sides], axis=0) | np.all([s < 0 for s in sides], axis=0)
        out |= inside & (depth >= NEAR_M)
    return out


def placed(name: str, seed: int, center: tuple[float, float, float]) -> NDArray[np.float64]:
    quat = stream(seed, "silhouette", 0, "pose").normal(size=4)
    turn = quat_to_matrix(quat / np.linalg.norm(quat))
    return np.asarray(SHAPES[name].vertices @ turn.T + center)


@pytest.mark.parametrize("name", sorted(SHAPES))
@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 1000),
    x=st.floats(-0.3, 0.3),
    y=st.floats(-0.3, 0.3),
    z=st.floats(-0.02, 0.8),
)
def test_same_pixels_as_ray_by_ray(name: str, seed: int, x: float, y: float, z: float) -> None:
    points, faces = placed(name, seed, (x, y, z)), np.asarray(SHAPES[name].faces)
    vertices, mesh = weld(points, faces)
    found = outline(vertices, mesh, CAMERA)
    np.testing.assert_array_equal(canvas(found, CAMERA), reference(points, faces, CAMERA))


def test_unwelded_and_open_meshes_give_the_same_union() -> None:
    points, faces = placed("torus", 3, (0.02, 0.0, 0.3)), np.asarray(SHAPES["torus"].faces)
    half = faces[: len(faces) // 2]
    soup = topology(np.arange(3 * len(half)).reshape(-1, 3))
    found = outline(points[half].reshape(-1, 3), soup, CAMERA)
    np.testing.assert_array_equal(canvas(found, CAMERA), reference(points, half, CAMERA))


def test_welding_keeps_every_triangle_and_joins_equal_corners() -> None:
    shape = SHAPES["box"]
    soup = np.asarray(shape.triangles).reshape(-1, 3)
    vertices, mesh = weld(soup, np.arange(len(soup)).reshape(-1, 3))
    assert len(vertices) == 8
    assert len(mesh.edges) == 18
    np.testing.assert_array_equal(vertices[mesh.faces], shape.triangles)
    # A closed mesh runs along every edge once in each direction.
    total = np.bincount(mesh.face_edges.ravel(), weights=mesh.face_signs.ravel())
    assert not total.any()


def test_behind_the_camera_is_nothing() -> None:
    vertices, mesh = weld(placed("ball", 0, (0.0, 0.0, -0.5)), SHAPES["ball"].faces)
    assert outline(vertices, mesh, CAMERA).box() is None
    assert outline(vertices, mesh, CAMERA).pixels == 0


def test_part_inside_the_image() -> None:
    vertices, mesh = weld(placed("ball", 0, (-0.2, 0.0, 0.35)), SHAPES["ball"].faces)
    whole = outline(vertices, mesh, CAMERA)
    inside = whole.inside(CAMERA.width, CAMERA.height)
    box = inside.box()
    assert whole.left < 0
    assert box is not None
    assert box[0] == 0
    assert 0 < inside.pixels < whole.pixels
    far = Outline(np.ones((2, 2), dtype=bool), CAMERA.width, 0)
    assert far.inside(CAMERA.width, CAMERA.height) is EMPTY
