"""The tier-0 families: conformance, exact mass, closed walls, determinism."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import replace

import mujoco
import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from manifold3d import Manifold, Mesh, OpType

from datafactory_assets.asset import RigidAsset, StablePose
from datafactory_assets.conformance import check_asset, check_source, check_visual
from datafactory_assets.conformance_physics import check_physics, model_xml
from datafactory_assets.errors import AssetError
from datafactory_assets.families import SeededSource, Tier0, Tier1
from datafactory_assets.families.language import GRIP_MASS_KG
from datafactory_assets.families.materials import COLOURS, METAL
from datafactory_assets.families.solids import (
    Ellipsoid,
    Loft,
    Prism,
    Revolve,
    Sweep,
    mass_properties,
    rounded_box,
)
from datafactory_assets.query import INSTANCES_PER_FAMILY
from datafactory_assets.source import FamilyInfo

SOURCE = Tier0()
MORE = Tier1()
INFOS = {info.name: info for info in SOURCE.families()}
EVERY = [(source, info) for source in (SOURCE, MORE) for info in source.families()]
EVERY_ID = [f"{source.name}-{info.name}" for source, info in EVERY]
CONTAINERS = [asset for s, i in EVERY if (asset := s.make(i.name, 4)).cavity is not None]
PRINT_HASHES = (
    "from datafactory_assets.families import Tier0, Tier1; "
    "print([s.make(i.name, 5).content_hash for s in (Tier0(), Tier1()) for i in s.families()])"
)


def python(code: str, hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize(("source", "info"), EVERY, ids=EVERY_ID)
def test_family_conforms(source: SeededSource, info: FamilyInfo) -> None:
    check_source(source, seeds=(0, 2**31 - 1), families=(info.name,))


@settings(max_examples=300, deadline=None)
@given(which=st.sampled_from(EVERY), seed=st.integers(0, 2**31 - 1))
def test_any_seed_is_consistent(which: tuple[SeededSource, FamilyInfo], seed: int) -> None:
    source, info = which
    asset = source.make(info.name, seed)
    check_asset(asset, info)
    assert asset.graspable == info.graspable
    assert asset.mass <= (GRIP_MASS_KG if asset.graspable else 3.0)
    assert asset.colour in COLOURS


@pytest.mark.parametrize(("source", "info"), EVERY, ids=EVERY_ID)
def test_mass_properties_equal_those_of_the_mesh(source: SeededSource, info: FamilyInfo) -> None:
    for seed in (1, 2):
        asset = source.make(info.name, seed)
        parts = [trimesh.Trimesh(m.vertices, m.faces, process=False) for m in source.visual(asset)]
        assert all(part.is_watertight for part in parts)
        volume = sum(part.volume for part in parts)
        com = sum(part.volume * part.center_mass for part in parts) / volume
        inertia = np.zeros((3, 3))
        for part in parts:
            d = part.center_mass - com
            inertia += part.moment_inertia + part.volume * (d @ d * np.eye(3) - np.outer(d, d))
        exact = np.array(asset.inertia)
        assert volume * asset.density == pytest.approx(asset.mass, rel=0.01)
        assert np.abs(com - asset.com).max() <= 0.002 * max(asset.extents)
        assert np.abs(asset.density * inertia - exact).max() <= 0.02 * exact.max()


@pytest.mark.parametrize(("source", "info"), EVERY, ids=EVERY_ID)
def test_parts_do_not_count_twice(source: SeededSource, info: FamilyInfo) -> None:
    """The union of the parts, by another library's boolean operation, has the volume counted."""
    asset = source.make(info.name, 3)
    parts = [
        Manifold(Mesh(mesh.vertices.astype(np.float32), mesh.faces.astype(np.uint32)))
        for mesh in source.visual(asset)
    ]
    union = Manifold.batch_boolean(parts, OpType.Add)
    assert union.volume() * asset.density == pytest.approx(asset.mass, rel=0.04)


def test_closed_forms_of_simple_solids() -> None:
    r, h, rho = 0.03, 0.1, 900.0
    mass, com, inertia = mass_properties((Revolve(((r, 0.0), (r, h)), METAL),), rho)
    assert mass == pytest.approx(rho * math.pi * r * r * h)
    assert com == pytest.approx((0.0, 0.0, h / 2))
    assert inertia[0][0] == pytest.approx(mass * (3 * r * r + h * h) / 12)
    assert inertia[2][2] == pytest.approx(mass * r * r / 2)
    lying = Revolve(((r, 0.0), (r, h)), METAL, axis="x", origin=(0.0, 0.2, 0.0))
    mass, com, inertia = mass_properties((lying,), rho)
    assert com == pytest.approx((h / 2, 0.2, 0.0))
    assert inertia[0][0] == pytest.approx(mass * r * r / 2)
    sharp = Loft(((r, h, 0.0, 0.0), (r, h, 0.0, 0.04)), METAL)
    mass, _, inertia = mass_properties((sharp,), rho)
    assert mass == pytest.approx(rho * 4 * r * h * 0.04)
    assert inertia[0][0] == pytest.approx(mass * ((2 * h) ** 2 + 0.04**2) / 12)
    round_loft = Loft(((r, r, r, 0.0), (r, r, r, h)), METAL)
    assert mass_properties((round_loft,), rho)[2][2][2] == pytest.approx(
        rho * math.pi * r**4 * h / 2
    )
    ball = Ellipsoid((r, r, r), (0.1, 0.2, 0.3), METAL)
    mass, com, inertia = mass_properties((ball,), rho)
    assert com == pytest.approx((0.1, 0.2, 0.3))
    assert inertia[1][1] == pytest.approx(0.4 * mass * r * r)
    assert inertia[0][1] == pytest.approx(0.0, abs=1e-12)
    wedge = Prism(((0.0, 0.0), (r, 0.0), (0.0, r)), 0.0, h, METAL)
    assert mass_properties((wedge,), rho)[0] == pytest.approx(rho * r * r * h / 2)
    for axis, com in (("x", (h / 2, r / 3, r / 3)), ("y", (r / 3, h / 2, r / 3))):
        turned = replace(wedge, axis=axis, origin=(0.1, 0.2, 0.3))
        found = mass_properties((turned,), rho)[1]
        assert found == pytest.approx(np.add(com, (0.1, 0.2, 0.3)))
    rod = Sweep(((r, r, r, 0.0, 0.0, 0.0), (r, r, r, h, 0.02, 0.0)), METAL)
    mass, com, _ = mass_properties((rod,), rho)
    assert mass == pytest.approx(rho * math.pi * r * r * h)
    assert com == pytest.approx((h / 2, 0.01, 0.0))
    slab = rounded_box((0.02, 0.03, 0.01), (0.0, 0.0, 0.01), 0.002, 0.001, METAL)
    assert mass_properties((slab,), rho)[0] < rho * 8 * 0.02 * 0.03 * 0.01


@pytest.mark.parametrize("asset", CONTAINERS, ids=lambda asset: asset.family)
def test_walls_have_no_gap_at_their_corners(asset: RigidAsset) -> None:
    cavity = asset.cavity
    assert cavity is not None
    xml = model_xml(asset, asset.stable_poses[0], free=False)
    model = mujoco.MjModel.from_xml_string(xml)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    hit = np.zeros(1, dtype=np.int32)
    for share in (0.05, 0.5, 0.95):
        z = cavity.floor_z + share * (cavity.rim_z - cavity.floor_z)
        for low, high in zip(cavity.floor_polygon, cavity.rim_polygon, strict=True):
            corner = np.array(low) + share * (np.array(high) - np.array(low))
            distance = float(np.linalg.norm(corner))
            ray = np.array([*(corner / distance), 0.0])
            seen = mujoco.mj_ray(model, data, np.array([0.0, 0.0, z]), ray, None, 1, -1, hit)
            assert 0.0 < seen < distance + 0.0015
    # From above, the floor is closed up to the walls.
    for low in cavity.floor_polygon:
        start = np.array([0.985 * low[0], 0.985 * low[1], cavity.rim_z])
        down = mujoco.mj_ray(model, data, start, np.array([0.0, 0.0, -1.0]), None, 1, -1, hit)
        assert start[2] - down > 0.8 * cavity.floor_z


@pytest.mark.parametrize("seed", range(4))
def test_a_finger_passes_the_handle_of_a_mug(seed: int) -> None:
    mug = SOURCE.make("mug", seed)
    wall = max(s.position[0] + s.size[0] for s in mug.shapes if s.part == "wall")
    outer = max(s.position[0] for s in mug.shapes if s.part == "handle")
    handle = [s for s in mug.shapes if s.part == "handle"]
    middle = 0.5 * (wall + outer - handle[0].size[0])
    probe = (
        f'<geom name="probe" type="capsule" size="0.008 0.06" '
        f'pos="{middle} 0 {mug.extents[2] / 2}" euler="90 0 0"/>'
    )
    mug_xml = model_xml(mug, mug.stable_poses[0], extra=probe)
    model = mujoco.MjModel.from_xml_string(mug_xml)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    finger = model.geom("probe").id
    assert not any(finger in contact.geom for contact in data.contact)


def test_layout_poses() -> None:
    for source, info in EVERY:
        asset = source.make(info.name, 0)
        first = asset.stable_poses[0]
        assert first.name == "upright" or "lies_along_x" in asset.attributes
        assert first.quat == (1.0, 0.0, 0.0, 0.0)
        assert first.height == 0.0


def test_same_bytes_in_other_processes() -> None:
    here = [source.make(info.name, 5).content_hash for source, info in EVERY]
    assert {python(PRINT_HASHES, "1"), python(PRINT_HASHES, "77")} == {str(here)}


def test_no_two_seeds_make_the_same_object() -> None:
    for source, info in EVERY:
        assert len({source.make(info.name, seed).content_hash for seed in range(64)}) == 64


@pytest.mark.slow
def test_all_seeds_that_queries_draw_make_different_objects() -> None:
    hashes = {
        source.make(info.name, seed).content_hash
        for source, info in EVERY
        for seed in range(INSTANCES_PER_FAMILY)
    }
    assert len(hashes) == INSTANCES_PER_FAMILY * len(EVERY)
    assert len(hashes) >= 14_000


def test_imports_stay_light() -> None:
    code = (
        "import sys, datafactory_assets; light = 'numpy' not in sys.modules; "
        "datafactory_assets.Tier0().make('mug', 0); "
        "heavy = {'trimesh', 'scipy', 'manifold3d', 'mujoco'} & set(sys.modules); "
        "print(light, sorted(heavy), sorted(datafactory_assets.__all__) == "
        "datafactory_assets.__all__, all(hasattr(datafactory_assets, n) "
        "for n in datafactory_assets.__all__))"
    )
    assert python(code, "0") == "True [] True True"


def test_enough_variety() -> None:
    assert len(INFOS) >= 14
    names = [info.name for _, info in EVERY]
    assert len(names) == len(set(names)) >= 60
    assert len(CONTAINERS) >= 7
    assert sum(info.supports for info in INFOS.values()) >= 5
    colours = {SOURCE.make("block", seed).colour for seed in range(200)}
    assert len(colours) >= 8
    assert all(info.dimension_source and info.description for info in INFOS.values())


def test_unknown_family_names_the_nearest() -> None:
    with pytest.raises(AssetError, match="'mug'"):
        SOURCE.make("mugg", 0)
    with pytest.raises(AssetError, match="apple, ball, basket"):
        SOURCE.make("zzzzzz", 0)
    with pytest.raises(AssetError, match="negative"):
        SOURCE.make("mug", -1)


def _taller_pose(asset: RigidAsset) -> RigidAsset:
    return replace(asset, stable_poses=(StablePose((1.0, 0.0, 0.0, 0.0), 0.01, 1.0),))


@pytest.mark.parametrize(
    ("break_it", "rule"),
    [
        (lambda a: replace(a, mass=-1.0), "positive mass"),
        (lambda a: replace(a, uid="x"), "uid"),
        (lambda a: replace(a, inertia=((1.0, 0, 0), (0, 1.0, 0), (0, 0, 9.0))), "inertia"),
        (lambda a: replace(a, shapes=a.shapes[:3]), "bounds of its pieces"),
        (lambda a: replace(a, cavity=None), "cavity"),
        (lambda a: replace(a, com=(1.0, 0.0, 0.0)), "centre of mass"),
        (_taller_pose, "touches the plane"),
    ],
)
def test_conformance_finds_broken_values(break_it, rule) -> None:
    bowl = SOURCE.make("bowl", 0)
    with pytest.raises(AssertionError, match=rule):
        check_asset(break_it(bowl), INFOS["bowl"])


def test_conformance_finds_broken_physics() -> None:
    bowl = SOURCE.make("bowl", 0)
    with pytest.raises(AssertionError, match="moved"):
        check_physics(replace(bowl, com=(0.08, 0.0, 0.05)))
    floorless = tuple(s for s in bowl.shapes if s.part != "floor")
    upright = bowl.stable_poses[:1]
    with pytest.raises(AssertionError, match="a ball dropped"):
        check_physics(replace(bowl, shapes=floorless, stable_poses=upright))
    with pytest.raises(AssertionError, match="walls"):
        check_physics(replace(bowl, shapes=bowl.shapes[1:], stable_poses=upright))


def test_conformance_finds_broken_meshes() -> None:
    bowl = SOURCE.make("bowl", 0)
    (mesh,) = SOURCE.visual(bowl)
    with pytest.raises(AssertionError, match="closed"):
        check_visual(bowl, (replace(mesh, faces=mesh.faces[1:]),))
    with pytest.raises(AssertionError, match="outwards"):
        check_visual(bowl, (replace(mesh, faces=mesh.faces[:, ::-1]),))
    with pytest.raises(AssertionError, match="bounds"):
        check_visual(bowl, (replace(mesh, vertices=mesh.vertices * 1.2),))
    with pytest.raises(AssertionError, match="faces"):
        check_visual(bowl, (mesh, mesh))
