"""Meshes of files: repaired, weighed, split, put to rest, and looked into from above."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory_assets.convert import hulls
from datafactory_assets.convert.columns import find_cavity, find_surfaces, height_field
from datafactory_assets.convert.description import Description
from datafactory_assets.convert.hulls import decompose, uncovered
from datafactory_assets.convert.parts import Part, read_parts, z_up
from datafactory_assets.convert.reading import read_object
from datafactory_assets.convert.repair import joined, mass_properties, simplified, welded
from datafactory_assets.convert.resting import resting, turn_from_down
from datafactory_assets.convert.rigid import convert
from datafactory_assets.errors import AssetError
from datafactory_assets.families.pieces import box_poses
from tests.own_fixture import cup

SAID = Description("CC0-1.0")


def part(mesh: trimesh.Trimesh) -> Part:
    return Part("part", np.array(mesh.vertices), np.array(mesh.faces, dtype=np.int64), None)


@settings(max_examples=20, deadline=None)
@given(st.tuples(*[st.floats(0.02, 0.2)] * 3))
def test_boxes_rest_as_solid_angles_say(half: tuple[float, float, float]) -> None:
    corners = trimesh.creation.box(2.0 * np.array(half)).vertices
    found = resting(np.array(corners), np.zeros(3))
    assert len(found) == 6
    assert sum(r.share for r in found) == pytest.approx(1.0)
    wanted = sorted(p.probability for p in box_poses(half))
    assert sorted(r.share for r in found) == pytest.approx(wanted, abs=1e-4)
    for rest in found:
        w, x, y, z = turn_from_down(rest.down)
        turned = trimesh.transformations.quaternion_matrix([w, x, y, z])[:3, :3] @ rest.down
        assert turned == pytest.approx((0.0, 0.0, -1.0), abs=1e-9)


def test_a_leaning_tower_falls_over() -> None:
    tower = np.array(trimesh.creation.box((0.04, 0.04, 0.2)).vertices)
    tower[:, 0] += 0.6 * (tower[:, 2] + 0.1)
    downs = [r.down for r in resting(tower, tower.mean(axis=0))]
    assert max(-down[2] for down in downs) < 0.9
    assert len(downs) == 4


def test_overlapping_parts_weigh_once() -> None:
    first, second = trimesh.creation.box((0.1, 0.1, 0.1)), trimesh.creation.box((0.1, 0.1, 0.1))
    second.apply_translation((0.05, 0.0, 0.0))
    one_mesh = trimesh.util.concatenate([first, second])
    for parts in ([first, second], [one_mesh]):
        whole = joined([welded(part(mesh)) for mesh in parts])
        assert whole.body_count == 1
        found = mass_properties(whole, [])
        assert found.source == "exact"
        assert found.volume == pytest.approx(0.15 * 0.1 * 0.1, rel=1e-6)
        assert found.com == pytest.approx((0.025, 0.0, 0.0), abs=1e-7)


def test_open_surfaces_weigh_as_their_pieces() -> None:
    mesh = trimesh.creation.icosphere(2, 0.05)
    mesh.update_faces(mesh.triangles_center[:, 2] < 0.02)
    mended = welded(part(mesh))
    assert not mended.is_watertight
    pieces, method = decompose(mended, "hull", hollow=False)
    found = mass_properties(mended, pieces)
    assert (found.source, method) == ("hulls", "hull")
    assert 0.5 < found.volume / (4.0 / 3.0 * math.pi * 0.05**3) < 1.0


def test_inside_out_and_unwelded_files_are_mended() -> None:
    box = trimesh.creation.box((0.1, 0.2, 0.3))
    soup = Part("p", np.array(box.triangles[:, ::-1]).reshape(-1, 3),
                np.arange(36).reshape(-1, 3), None)  # fmt: skip
    mended = welded(soup)
    assert mended.is_volume
    assert mended.volume == pytest.approx(0.006)


def test_simplification_keeps_the_shape() -> None:
    sphere = trimesh.creation.icosphere(5, 0.05)
    points, faces = simplified(np.array(sphere.vertices), np.array(sphere.faces), 2000)
    assert len(faces) <= 2000
    assert np.linalg.norm(points, axis=1) == pytest.approx(0.05, abs=5e-4)


def test_vhacd_covers_and_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hulls, "VOXELS", 20_000)
    ell = trimesh.creation.box((0.1, 0.03, 0.03))
    other = trimesh.creation.box((0.03, 0.03, 0.1))
    other.apply_translation((0.035, 0.0, 0.035))
    mesh = ell.union(other, engine="manifold")
    pieces, method = decompose(mesh, "auto", hollow=False, max_hulls=8)
    again, _ = decompose(mesh, "auto", hollow=False, max_hulls=8)
    assert method == "vhacdx"
    assert 2 <= len(pieces) <= 8
    assert all(4 <= len(piece) <= 32 for piece in pieces)
    assert all(np.array_equal(a, b) for a, b in zip(pieces, again, strict=True))
    assert uncovered(mesh, pieces) < 0.003
    assert uncovered(mesh, pieces[:1]) > 0.01


def test_missing_coacd_is_an_error_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "coacd", None)
    with pytest.raises(AssetError, match=r"datafactory\[coacd\]"):
        decompose(cup(), "auto", hollow=True)


def test_hollows_are_conservative() -> None:
    mesh = cup(radius=0.05, height=0.1)
    field = height_field((), np.asarray(mesh.triangles))
    cavity = find_cavity(field)
    assert cavity is not None
    assert (cavity.floor_z, cavity.rim_z) == pytest.approx((-0.044, 0.05), abs=1e-4)
    inner = (0.05 - 0.005) * math.cos(math.pi / 8)
    radius = np.linalg.norm(cavity.rim_polygon, axis=1)
    assert np.all(radius < inner)
    assert np.all(radius > inner - 0.004)
    (floor,) = find_surfaces(field, cavity)
    assert (floor.name, floor.clearance) == ("floor", pytest.approx(0.094, abs=1e-4))


def test_a_box_without_a_lid_and_a_lid_without_a_box() -> None:
    outer, inner = trimesh.creation.box((0.3, 0.1, 0.08)), trimesh.creation.box((0.28, 0.08, 0.08))
    turn = trimesh.transformations.rotation_matrix(0.4, (0, 0, 1))
    inner.apply_translation((0.0, 0.0, 0.01))
    tray = outer.difference(inner, engine="manifold")
    cavity = find_cavity(height_field((), np.asarray(tray.apply_transform(turn).triangles)))
    assert cavity is not None
    assert len(cavity.floor_polygon) == 4
    sides = np.linalg.norm(np.diff(np.array(cavity.floor_polygon), axis=0), axis=1)
    assert np.sort(sides)[-1] == pytest.approx(0.28, abs=0.015)
    assert np.sort(sides)[0] == pytest.approx(0.08, abs=0.015)
    lid = height_field((), np.asarray(outer.triangles))
    assert find_cavity(lid) is None
    (top,) = find_surfaces(lid, None)
    assert top.z == pytest.approx(0.04)


@pytest.mark.parametrize(("up", "tall"), [("z", 0.3), ("y", 0.2), ("x", 0.1), ("-y", 0.2)])
def test_axes_and_units(tmp_path: Path, up: str, tall: float) -> None:
    trimesh.creation.box((100.0, 200.0, 300.0)).export(tmp_path / "box.ply")
    said = Description("MIT", units="mm", up=up)
    (found,) = read_object(tmp_path / "box.ply", said)
    assert np.ptp(found.vertices[:, 2]) == pytest.approx(tall)
    box = trimesh.Trimesh(found.vertices, found.faces)
    assert box.volume == pytest.approx(0.006)  # a rotation, not a mirror


def test_mirrors_are_not_made() -> None:
    tetra = Part("t", np.vstack([np.zeros(3), np.eye(3)]), np.array([[0, 2, 1]]), None)
    for up in ("x", "-x", "y", "-y", "z", "-z"):
        (turned,) = z_up([tetra], up, 1.0)
        assert np.linalg.det(turned.vertices[1:]) == pytest.approx(1.0)


def test_mjcf_and_usd_objects(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(
        '<mujoco><worldbody><body><freejoint/><geom type="box" size=".02 .02 .05" '
        'rgba="0 0 1 1"/></body></worldbody></mujoco>'
    )
    (found,) = read_object(tmp_path / "a.xml", SAID)
    assert np.ptp(found.vertices, axis=0) == pytest.approx((0.04, 0.04, 0.1))
    assert found.rgba == (0.0, 0.0, 1.0, 1.0)
    pytest.importorskip("pxr")
    from pxr import Usd, UsdGeom

    stage = Usd.Stage.CreateNew(str(tmp_path / "b.usda"))
    UsdGeom.SetStageMetersPerUnit(stage, 0.01)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    mesh = UsdGeom.Mesh.Define(stage, "/box")
    box = trimesh.creation.box((4.0, 10.0, 6.0))
    mesh.CreatePointsAttr([tuple(float(x) for x in v) for v in box.vertices])
    mesh.CreateFaceVertexCountsAttr([3] * 12)
    mesh.CreateFaceVertexIndicesAttr([int(i) for i in box.faces.ravel()])
    stage.Save()
    (found,) = read_object(tmp_path / "b.usda", SAID)
    assert np.ptp(found.vertices, axis=0) == pytest.approx((0.04, 0.06, 0.1), abs=1e-6)


def test_articulated_models_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(
        '<mujoco><worldbody><body><geom size=".1"/><body><joint/><geom size=".1"/></body></body>'
        "</worldbody></mujoco>"
    )
    with pytest.raises(AssetError, match="articulated"):
        read_object(tmp_path / "a.xml", SAID)


def test_errors_of_files(tmp_path: Path) -> None:
    (tmp_path / "a.stl").write_bytes(b"not a mesh")
    with pytest.raises(AssetError, match=r"a\.stl"):
        read_parts(tmp_path / "a.stl")
    trimesh.creation.box((100.0, 50.0, 30.0)).export(tmp_path / "b.stl")
    with pytest.raises(AssetError, match="units"):
        convert("b", read_object(tmp_path / "b.stl", SAID), SAID, "auto")
    needle = Description("MIT", units="mm", up="x")
    trimesh.creation.cylinder(4.0, 100.0).export(tmp_path / "c.stl")
    trimesh.creation.cone(30.0, 100.0).export(tmp_path / "d.stl")
    with pytest.raises(AssetError, match="does not stand with the stated axis up"):
        convert("d", read_object(tmp_path / "d.stl", needle), needle, "auto")
    solid = Description("MIT", units="mm", container=True)
    with pytest.raises(AssetError, match="no hollow"):
        convert("c", read_object(tmp_path / "c.stl", solid), solid, "auto")
