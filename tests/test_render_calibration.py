"""Calibration files: every notation against one known camera, round trips, and mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from datafactory.errors import SpecError
from datafactory.geometry import Pose, quat_random
from datafactory.render.calibration import read_calibration, write_calibration
from datafactory.render.cameras import camera_shots, compose, resolve
from datafactory.render.stage import Intrinsics, Shot
from datafactory.render.style import CameraSpec, Style
from datafactory.seeding import stream

NUMBERS = {"width": 640, "height": 480, "fx": 615.0, "fy": 616.0, "cx": 321.0, "cy": 239.0}


def generator(seed: int = 0) -> np.random.Generator:
    return stream(seed, "calibration", 0, "test")


def some_pose(seed: int = 0) -> Pose:
    rng = generator(seed)
    return Pose.of(rng.normal(size=3), quat_random(rng))


def written(path: Path, extrinsics: dict[str, Any], intrinsics: Any = NUMBERS, **top: Any) -> Path:
    data = {**top, "cameras": {"front": {"intrinsics": intrinsics, **extrinsics}}}
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


def numbers(pose: Pose) -> list[list[float]]:
    return [[float(v) for v in row] for row in pose.matrix()]


def rodrigues(pose: Pose) -> dict[str, list[float]]:
    """As OpenCV's solvePnP gives it."""
    rotation = Rotation.from_matrix(pose.rotation())
    return {"rvec": rotation.as_rotvec().tolist(), "tvec": pose.position.tolist()}


def only(path: Path) -> tuple[CameraSpec, Pose]:
    (spec,) = read_calibration(path)
    assert spec.pose is not None
    return spec, Pose.from_vector(spec.pose)


def agree(a: Pose, b: Pose, tolerance: float = 1e-9) -> bool:
    return bool(np.allclose(a.matrix(), b.matrix(), atol=tolerance))


def notations(pose: Pose) -> dict[str, Any]:
    w, x, y, z = pose.quat.tolist()
    position = pose.position.tolist()
    ros = {
        "translation": dict(zip("xyz", position, strict=True)),
        "rotation": {"x": x, "y": y, "z": z, "w": w},
    }
    return {
        "matrix": numbers(pose),
        "sixteen": [v for row in numbers(pose) for v in row],
        "named": {"matrix": numbers(pose)},
        "wxyz": {"position": position, "quat_wxyz": [w, x, y, z]},
        "xyzw": {"position": position, "quat_xyzw": [x, y, z, w]},
        "ros": ros,
        "opencv": rodrigues(pose),
    }


@pytest.mark.parametrize("notation", sorted(notations(some_pose())))
def test_every_notation_gives_the_same_pose(tmp_path: Path, notation: str) -> None:
    for seed in range(5):
        pose = some_pose(seed)
        value = notations(pose)[notation]
        spec, read = only(written(tmp_path / "c.yaml", {"base_from_camera": value}))
        assert spec.mount == "base"
        assert agree(read, pose)
        _, read = only(written(tmp_path / "c.yaml", {"camera_from_base": value}))
        assert agree(read, pose.inverse())


def test_marker_and_hand_eye_and_world(tmp_path: Path) -> None:
    a, b = some_pose(1), some_pose(2)
    marker = {"camera_from_marker": rodrigues(a), "base_from_marker": numbers(b)}
    spec, read = only(written(tmp_path / "c.yaml", marker))
    assert spec.mount == "base"
    assert agree(read, b @ a.inverse())
    spec, read = only(written(tmp_path / "c.yaml", {"gripper_from_camera": numbers(a)}))
    assert spec.mount == "tcp"
    assert agree(read, a)
    spec, read = only(written(tmp_path / "c.yaml", {"camera_from_gripper": numbers(a)}))
    assert spec.mount == "tcp"
    assert agree(read, a.inverse())
    spec, read = only(written(tmp_path / "c.yaml", {"world_from_camera": numbers(a)}))
    assert spec.mount == "world"
    assert agree(read, a)


def test_pixel_conventions_and_matrix_k(tmp_path: Path) -> None:
    place = {"base_from_camera": numbers(some_pose())}
    spec, _ = only(written(tmp_path / "c.yaml", place))
    assert (spec.lens.cx, spec.lens.cy) == (321.5, 239.5)  # OpenCV: pixel centres are integers
    spec, _ = only(written(tmp_path / "c.yaml", place, pixel_center=0.5))
    assert (spec.lens.fx, spec.lens.fy, spec.lens.cx, spec.lens.cy) == (615, 616, 321, 239)
    k = [[615.0, 0.0, 321.0], [0.0, 616.0, 239.0], [0.0, 0.0, 1.0]]
    for value in (k, [v for row in k for v in row]):
        matrix = {"width": 640, "height": 480, "K": value, "distortion": [0.0] * 5}
        again, _ = only(written(tmp_path / "c.yaml", place, matrix, pixel_center=0.5))
        assert again.lens == spec.lens


def test_json_files(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    camera = {"intrinsics": NUMBERS, "base_from_camera": numbers(some_pose())}
    path.write_text(json.dumps({"cameras": {"front": camera}}, indent="\t"), encoding="utf-8")
    assert agree(only(path)[1], some_pose())
    path.write_text("{", encoding="utf-8")
    with pytest.raises(SpecError, match="not valid JSON"):
        read_calibration(path)


IDENTITY = [[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


@pytest.mark.parametrize(
    ("extrinsics", "intrinsics", "message"),
    [
        ({"base_from_camera": [[1.1, 0, 0, 0], *IDENTITY[1:]]}, NUMBERS, "orthonormal by 0.21"),
        ({"base_from_camera": [[-1.0, 0, 0, 0], *IDENTITY[1:]]}, NUMBERS, "determinant is -1.0"),
        ({"base_from_camera": [*IDENTITY[:3], [0, 0, 0, 2.0]]}, NUMBERS, "last row"),
        ({"base_from_camera": [[1.0, 0, 0, 850.0], *IDENTITY[1:]]}, NUMBERS, "not millimetres"),
        (
            {"base_from_camera": {"position": [0, 0, 1], "quat_wxyz": [1.0, 0, 0, 0.5]}},
            NUMBERS,
            "length 1.118",
        ),
        ({"base_from_camera": {"position": [0, 0, 1]}}, NUMBERS, "quat_wxyz or quat_xyzw"),
        ({"base_from_camera": {"rvec": [0, 0, 1]}}, NUMBERS, "rvec with tvec"),
        ({"camera_from_marker": IDENTITY}, NUMBERS, "base_from_marker"),
        ({}, NUMBERS, "Found nothing"),
        ({"base_from_camera": IDENTITY, "camera_from_base": IDENTITY}, NUMBERS, "exactly one"),
        ({"base_from_camera": IDENTITY, "rotation": 1}, NUMBERS, "not permitted"),
        ({"base_from_camera": IDENTITY}, {**NUMBERS, "distortion": [0.1, 0]}, "rectify"),
        ({"base_from_camera": IDENTITY}, {"width": 640, "height": 480}, "or K"),
        ({"base_from_camera": IDENTITY}, {**NUMBERS, "fx": -1.0}, "greater than 0"),
        (
            {"base_from_camera": IDENTITY},
            {"width": 64, "height": 48, "K": [[60, 2.0, 32], [0, 60, 24], [0, 0, 1]]},
            "skew",
        ),
        (
            {"base_from_camera": IDENTITY},
            {"width": 64, "height": 48, "K": [[60, 0, 0], [0, 60, 0], [32, 24, 1]]},
            "K must be",
        ),
    ],
)
def test_mistakes_are_named_with_file_and_key(
    tmp_path: Path, extrinsics: dict[str, Any], intrinsics: dict[str, Any], message: str
) -> None:
    path = written(tmp_path / "c.yaml", extrinsics, intrinsics)
    with pytest.raises(SpecError, match=message) as caught:
        read_calibration(path)
    assert caught.value.where.startswith(f"{path}:")
    assert "cameras.front" in caught.value.where


def test_bad_names_and_missing_files(tmp_path: Path) -> None:
    data = {"cameras": {"Front Cam": {"intrinsics": NUMBERS, "base_from_camera": IDENTITY}}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(SpecError, match="no camera name"):
        read_calibration(tmp_path / "c.yaml")
    for name in ("absent.yaml", "absent.json"):
        with pytest.raises(SpecError, match="cannot read"):
            read_calibration(tmp_path / name)


def test_slightly_rounded_rotations_are_made_exact(tmp_path: Path) -> None:
    pose = some_pose(3)
    rounded = [[round(v, 4) for v in row] for row in numbers(pose)]
    _, read = only(written(tmp_path / "c.yaml", {"base_from_camera": rounded}))
    assert agree(read, pose, 2e-4)
    assert np.linalg.norm(read.quat) == pytest.approx(1.0, abs=1e-12)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_rig_round_trips(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    rng = generator(seed)
    base, frames = some_pose(seed + 1), 3
    tcp = np.stack([some_pose(seed + 10 + k).vector() for k in range(frames)])
    fixed = np.tile((base @ some_pose(seed + 2)).vector(), (frames, 1))
    moving = compose(tcp, some_pose(seed + 3).vector())
    made = [
        Shot(name, Intrinsics(640, 480, *rng.uniform(200, 900, 4).tolist()), camera)
        for name, camera in (("front", fixed), ("hand", moving))
    ]
    path = tmp_path_factory.mktemp("rig") / "rig.yaml"
    write_calibration(path, made, world_from_base=base, world_from_tcp=tcp)
    look = Style.model_validate(
        {"style": "t", "size": (640, 480), "cameras": ("top",), "calibration": str(path)}
    )
    _, *specs = resolve(look)
    again = camera_shots(
        specs, look, world_from_table=Pose.identity(), world_from_base=base,
        mounts={"tcp": tcp}, n_frames=frames, stream=lambda name: generator(),
    )  # fmt: skip
    for a, b in zip(made, again, strict=True):
        assert a.camera == b.camera
        for key in ("fx", "fy", "cx", "cy", "width", "height"):
            assert getattr(a.intrinsics, key) == pytest.approx(getattr(b.intrinsics, key), abs=1e-9)
        for one, two in zip(a.world_from_camera, b.world_from_camera, strict=True):
            assert agree(Pose.from_vector(one), Pose.from_vector(two))


def test_a_freely_moving_camera_is_no_calibration(tmp_path: Path) -> None:
    moving = np.stack([some_pose(k).vector() for k in range(3)])
    shot = Shot("drone", Intrinsics(64, 48, 60, 60, 32, 24), moving)
    with pytest.raises(SpecError, match="'drone' moves"):
        write_calibration(tmp_path / "c.yaml", [shot], world_from_base=Pose.identity())
