"""URDF files become MJCF that compiles; what is repaired is said, what cannot be is an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mujoco
import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from datafactory_assets.errors import AssetError
from datafactory_assets.urdf.document import rotation_from_rpy
from datafactory_assets.urdf.importer import Imported, _quat, import_urdf, repaired_inertia

INERTIAL = (
    '<inertial><origin xyz="0 0 .1"/><mass value="2"/>'
    '<inertia ixx=".02" iyy=".02" izz=".01" ixy="0" ixz="0" iyz="0"/></inertial>'
)
ARM = f"""<robot name="arm">
<material name="red"><color rgba="1 0 0 1"/></material>
<link name="base"/>
<link name="upper">{INERTIAL}
 <visual><geometry>
  <mesh filename="package://arm/meshes/upper.dae" scale=".001 .001 .001"/></geometry>
  <material name="red"/></visual>
 <collision><geometry><mesh filename="package://arm/meshes/upper.stl"/></geometry></collision></link>
<link name="left">{INERTIAL}<collision><geometry><cylinder radius=".01" length=".1"/></geometry>
 </collision></link>
<link name="right"><collision><geometry><sphere radius="0"/></geometry></collision></link>
<joint name="turn" type="continuous"><parent link="base"/><child link="upper"/>
 <axis xyz="0 0 1"/><origin xyz="0 0 .2" rpy="0 0 1.5708"/><dynamics damping="0.5"/></joint>
<joint name="slide" type="prismatic"><parent link="upper"/><child link="left"/>
 <axis xyz="0 1 0"/><limit lower="0" upper=".05" effort="1" velocity="1"/></joint>
<joint name="follow" type="prismatic"><parent link="upper"/><child link="right"/>
 <axis xyz="0 -1 0"/><limit lower="0" upper=".05" effort="1" velocity="1"/>
 <mimic joint="slide" multiplier="2" offset="0.01"/></joint>
</robot>"""


def compiled(imported: Imported) -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_string(imported.mjcf, dict(imported.files))


@pytest.fixture
def arm(tmp_path: Path) -> Path:
    meshes = tmp_path / "arm" / "meshes"
    meshes.mkdir(parents=True)
    box = trimesh.creation.box((0.05, 0.05, 0.2))
    (meshes / "upper.stl").write_text(trimesh.exchange.stl.export_stl_ascii(box))
    large = trimesh.creation.box((50.0, 50.0, 200.0))
    (meshes / "upper.dae").write_bytes(trimesh.exchange.dae.export_collada(large))
    path = tmp_path / "arm" / "urdf" / "arm.urdf"
    path.parent.mkdir()
    path.write_text(ARM)
    return path


def test_an_arm(arm: Path) -> None:
    imported = import_urdf(arm)
    model = compiled(imported)
    assert (model.nv, model.neq, model.ngeom) == (3, 1, 3)
    assert not model.joint("turn").limited
    assert model.joint("slide").range == pytest.approx((0.0, 0.05))
    assert model.dof_damping[model.joint("turn").dofadr[0]] == pytest.approx(0.5)
    assert model.body("upper").mass == pytest.approx(2.0)
    visual = int(np.flatnonzero(model.geom_contype == 0)[0])
    assert model.geom_rgba[visual] == pytest.approx((1.0, 0.0, 0.0, 1.0))
    vertices = model.mesh_vert[model.mesh_vertadr[model.geom_dataid[visual]] :][:8]
    assert sorted(np.ptp(vertices, axis=0)) == pytest.approx((0.05, 0.05, 0.2), abs=1e-5)
    assert model.eq_data[0][:2] == pytest.approx((0.01, 2.0))
    notes = "\n".join(imported.notes)
    assert "right: no inertial" in notes
    assert "right: a sphere of size (0.0,)" in notes
    assert import_urdf(arm).mjcf == imported.mjcf


def test_free_root_and_scan_size(tmp_path: Path) -> None:
    ball = trimesh.creation.icosphere(6, 0.1)  # 81,920 faces
    ball.export(tmp_path / "ball.ply")
    (tmp_path / "ball.urdf").write_text(
        f'<robot name="b"><link name="b">{INERTIAL}<visual><geometry><mesh filename="ball.ply"/>'
        "</geometry></visual></link></robot>"
    )
    imported = import_urdf(tmp_path / "ball.urdf", fixed=False)
    model = compiled(imported)
    assert (model.nv, model.nmesh) == (6, 1)
    assert model.nmeshface <= 20_000
    assert any("81920 faces reduced" in note for note in imported.notes)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<robot", "<robot <", r"well-formed XML"),
        ('robot name="arm"', 'model name="arm"', "well-formed"),
        ('type="continuous"', 'type="hinge"', "type 'hinge'"),
        ('child link="left"', 'child link="lift"', "names no link"),
        ('child link="left"', 'child link="right"', "two parents"),
        ('parent link="base"', 'parent link="left"', "not one tree"),
        ('radius=".01"', 'radius="1cm"', "not a number"),
        ('xyz="0 0 .2"', 'xyz="0 0"', "count of numbers"),
        ("upper.stl", "lower.stl", "lower.stl' is not there"),
        ('<link name="left">', '<link name="upper">', "used twice"),
    ],
)
def test_errors_say_where(arm: Path, old: str, new: str, said: str) -> None:
    assert old in ARM
    arm.write_text(ARM.replace(old, new, 1))
    with pytest.raises(AssetError, match=said) as caught:
        import_urdf(arm)
    assert str(arm) in caught.value.where
    assert caught.value.remedy


@settings(max_examples=50, deadline=None)
@given(arrays(np.float64, (3, 3), elements=st.floats(-2.0, 2.0)))
def test_any_inertia_becomes_one_a_body_can_have(tensor: np.ndarray) -> None:
    symmetric = 0.5 * (tensor + tensor.T)
    repaired, wrong = repaired_inertia(symmetric)
    a, b, c = np.linalg.eigvalsh(repaired)
    assert a > 0.0
    assert a + b >= c * (1.0 - 1e-9)
    again, still = repaired_inertia(repaired)
    assert np.allclose(again, repaired, rtol=1e-5, atol=1e-12)
    assert wrong or np.array_equal(repaired, symmetric) or still


@settings(max_examples=50, deadline=None)
@given(*[st.floats(-7.0, 7.0)] * 3)
def test_quaternions_of_rotations(roll: float, pitch: float, yaw: float) -> None:
    rotation = rotation_from_rpy(roll, pitch, yaw)
    back = np.zeros(9)
    mujoco.mju_quat2Mat(back, _quat(rotation))
    assert back.reshape(3, 3) == pytest.approx(rotation, abs=1e-9)


@pytest.mark.network
def test_robots_of_a_wheel() -> None:
    done = subprocess.run([sys.executable, "-m", "benchmarks.urdf"], capture_output=True, text=True,
                          cwd=Path(__file__).parent.parent, check=True)  # fmt: skip
    good, _, rest = done.stdout.splitlines()[-1].partition(" of ")
    assert int(good) >= 60, done.stdout
    assert rest.startswith("69")
