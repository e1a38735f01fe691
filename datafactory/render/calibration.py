"""Calibration files: a real set-up's cameras, in the conventions calibration tools write.

::

    pixel_center: 0          # where the tool puts pixel (0, 0)'s centre: 0 (OpenCV, ROS) or 0.5
    cameras:
      front:
        intrinsics: {width: 640, height: 480, fx: 615.2, fy: 615.4, cx: 321.0, cy: 238.8}
        base_from_camera: {position: [1.1, 0.0, 0.7], quat_xyzw: [-0.61, -0.61, 0.35, 0.35]}
      side:
        intrinsics: {width: 640, height: 480, K: [[615, 0, 320], [0, 615, 240], [0, 0, 1]]}
        camera_from_marker: {rvec: [2.1, 0.2, -0.1], tvec: [0.02, 0.05, 0.8]}
        base_from_marker: {position: [0.5, 0.0, 0.0], quat_wxyz: [1, 0, 0, 0]}
      hand:
        intrinsics: {width: 848, height: 480, fx: 427, fy: 427, cx: 424, cy: 240}
        gripper_from_camera: [[0, -1, 0, 0.07], [1, 0, 0, 0], [0, 0, 1, -0.04], [0, 0, 0, 1]]

``a_from_b`` maps coordinates of frame b to frame a, metres. Camera axes are OpenCV's. The gripper
frame is the tool centre point's: z out of the gripper, y along the fingers' closing direction.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from datafactory.errors import SpecError
from datafactory.geometry import Pose, quat_from_axis_angle, quat_from_matrix
from datafactory.render.stage import Intrinsics, Shot
from datafactory.render.style import CameraSpec, Lens
from datafactory.taskfile import Document, load_yaml_file

ROTATION_TOLERANCE = 1e-3
"""Largest deviation from orthonormal that is rounding and not a mistake."""
DISTORTION_TOLERANCE = 1e-3
"""Largest distortion coefficient of images that count as rectified."""
LARGEST_DISTANCE_M = 20.0
"""A translation beyond this is in millimetres."""

_FIXED_M = 1e-6
Three = tuple[float, float, float]
Four = tuple[float, float, float, float]


def _translation(value: Any) -> Any:
    """Also accepts ``{x:, y:, z:}`` and ``{x:, y:, z:, w:}`` as ROS messages print vectors."""
    if isinstance(value, dict) and {"x", "y", "z"} <= set(value) <= {"x", "y", "z", "w"}:
        return [value[key] for key in "xyzw" if key in value]
    return value


def _matrix(value: Any) -> Any:
    """Also accepts the nine or sixteen numbers of a matrix row by row."""
    if isinstance(value, list) and len(value) in (9, 16) and not isinstance(value[0], list):
        side = 3 if len(value) == 9 else 4
        return [value[i : i + side] for i in range(0, len(value), side)]
    return value


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Transform(_Strict):
    """One rigid transform in any of the usual notations."""

    matrix: Annotated[tuple[Four, Four, Four, Four] | None, BeforeValidator(_matrix)] = None
    position: Annotated[Three | None, BeforeValidator(_translation)] = Field(
        default=None, alias="translation"
    )
    quat_wxyz: Four | None = None
    quat_xyzw: Annotated[Four | None, BeforeValidator(_translation)] = Field(
        default=None, alias="rotation"
    )
    rvec: Three | None = None
    tvec: Three | None = None

    model_config = ConfigDict(populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _bare_matrix(cls, data: Any) -> Any:
        return {"matrix": data} if isinstance(data, list) else data

    @model_validator(mode="after")
    def _one_notation(self) -> _Transform:
        given = {name for name in type(self).model_fields if getattr(self, name) is not None}
        known: tuple[set[str], ...] = (
            {"matrix"}, {"position", "quat_wxyz"}, {"position", "quat_xyzw"}, {"rvec", "tvec"},
        )  # fmt: skip
        if given not in known:
            raise ValueError(
                "give a 4x4 matrix, or position with quat_wxyz or quat_xyzw, or rvec with tvec"
            )
        self.pose()
        return self

    def pose(self) -> Pose:
        """The transform; raises ValueError when it is not rigid or not in metres."""
        if self.matrix is not None:
            matrix = np.array(self.matrix)
            if not np.allclose(matrix[3], (0, 0, 0, 1), atol=ROTATION_TOLERANCE):
                raise ValueError(f"the last row must be 0 0 0 1, not {matrix[3].tolist()}")
            pose = Pose.of(matrix[:3, 3], quat_from_matrix(_rotation(matrix[:3, :3])))
        elif self.rvec is not None and self.tvec is not None:
            angle = float(np.linalg.norm(self.rvec))
            quat = quat_from_axis_angle(self.rvec, angle) if angle > 0 else (1.0, 0.0, 0.0, 0.0)
            pose = Pose.of(self.tvec, quat)
        else:
            pose = Pose.of(self.position or (0.0, 0.0, 0.0), self._quat())
        distance = float(np.linalg.norm(pose.position))
        if distance > LARGEST_DISTANCE_M:
            raise ValueError(f"{distance:.0f} metres away: positions are metres, not millimetres")
        return pose

    def _quat(self) -> NDArray[np.float64]:
        quat = np.array(self.quat_wxyz or np.roll(self.quat_xyzw or (0.0, 0.0, 0.0, 0.0), 1))
        length = float(np.linalg.norm(quat))
        if abs(length - 1.0) > ROTATION_TOLERANCE:
            raise ValueError(f"the quaternion has length {length:.6f}, not 1")
        return quat


def _rotation(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest rotation (3, 3); ValueError when that is not near."""
    error = float(np.abs(matrix.T @ matrix - np.eye(3)).max())
    determinant = float(np.linalg.det(matrix))
    if error > ROTATION_TOLERANCE or determinant < 0.0:
        raise ValueError(
            f"the upper left 3x3 is not a rotation: its columns are off orthonormal by "
            f"{error:.4f} (at most {ROTATION_TOLERANCE}), its determinant is {determinant:.4f}"
        )
    left, _, right = np.linalg.svd(matrix)
    return np.asarray(left @ right)


class _Intrinsics(_Strict):
    """A rectified pinhole camera: fx, fy, cx, cy or the matrix K."""

    width: int = Field(ge=8, le=8192)
    height: int = Field(ge=8, le=8192)
    fx: float | None = Field(default=None, gt=0)
    fy: float | None = Field(default=None, gt=0)
    cx: float | None = None
    cy: float | None = None
    K: Annotated[tuple[Three, Three, Three] | None, BeforeValidator(_matrix)] = None
    distortion: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _checked(self) -> _Intrinsics:
        numbers = (self.fx, self.fy, self.cx, self.cy)
        if (self.K is None) == any(v is None for v in numbers) or (
            self.K is not None and any(v is not None for v in numbers)
        ):
            raise ValueError("give fx, fy, cx and cy, or K")
        if self.K is not None:
            k = np.array(self.K)
            if k[0, 0] <= 0 or k[1, 1] <= 0 or not np.allclose(k[[1, 2, 2], [0, 0, 1]], 0):
                raise ValueError(f"K must be [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], not {k}")
            if abs(k[0, 1]) > 1e-6 * k[0, 0] or abs(k[2, 2] - 1.0) > 1e-9:
                raise ValueError(f"K has skew {k[0, 1]} and scale {k[2, 2]}; they must be 0 and 1")
        worst = max(map(abs, self.distortion), default=0.0)
        if worst > DISTORTION_TOLERANCE:
            raise ValueError(
                f"a distortion coefficient is {worst:g}: rectify the real images first, and give "
                "the intrinsics of the rectified images without distortion"
            )
        return self

    def lens(self, pixel_center: float) -> Lens:
        """The lens with pixel (0, 0)'s centre at (0.5, 0.5)."""
        if self.K is not None:
            fx, fy, cx, cy = self.K[0][0], self.K[1][1], self.K[0][2], self.K[1][2]
        else:
            fx, fy, cx, cy = (
                float(v) for v in (self.fx, self.fy, self.cx, self.cy) if v is not None
            )
        shift = 0.5 - pixel_center
        return Lens.model_validate(
            {"width": self.width, "height": self.height, "fx": fx, "fy": fy,
             "cx": cx + shift, "cy": cy + shift}
        )  # fmt: skip


_NOTATIONS = (
    {"base_from_camera"}, {"camera_from_base"}, {"world_from_camera"},
    {"gripper_from_camera"}, {"camera_from_gripper"}, {"camera_from_marker", "base_from_marker"},
)  # fmt: skip


class _Camera(_Strict):
    """One camera: intrinsics, and where it is."""

    intrinsics: _Intrinsics
    base_from_camera: _Transform | None = None
    camera_from_base: _Transform | None = None
    world_from_camera: _Transform | None = None
    gripper_from_camera: _Transform | None = None
    camera_from_gripper: _Transform | None = None
    camera_from_marker: _Transform | None = None
    base_from_marker: _Transform | None = None

    @model_validator(mode="after")
    def _one_place(self) -> _Camera:
        given = set(self._transforms())
        if given not in _NOTATIONS:
            found = ", ".join(sorted(given)) or "nothing"
            ways = "; ".join(" with ".join(sorted(keys)) for keys in _NOTATIONS)
            raise ValueError(f"give exactly one of: {ways}. Found {found}")
        return self

    def _transforms(self) -> dict[str, Pose]:
        values = {key: getattr(self, key) for key in type(self).model_fields if "_from_" in key}
        return {key: value.pose() for key, value in values.items() if value is not None}

    def mounted(self) -> tuple[str, Pose]:
        """(mount, mount_from_camera) as in ``CameraSpec``."""
        poses = self._transforms()
        if "camera_from_marker" in poses:
            return "base", poses["base_from_marker"] @ poses["camera_from_marker"].inverse()
        key, pose = next(iter(poses.items()))
        left, right = key.split("_from_")
        frame = right if left == "camera" else left
        return {"gripper": "tcp"}.get(frame, frame), pose.inverse() if left == "camera" else pose


class _File(_Strict):
    cameras: dict[str, _Camera] = Field(min_length=1)
    pixel_center: float = 0.0

    @field_validator("pixel_center")
    @classmethod
    def _corner_or_middle(cls, value: float) -> float:
        if value not in (0.0, 0.5):
            raise ValueError("pixel_center is 0 (OpenCV, ROS) or 0.5")
        return value


def read_calibration(path: str | Path) -> tuple[CameraSpec, ...]:
    """Reads the cameras of a calibration file, YAML or JSON.

    Returns:
        One camera each: mounted on ``base``, ``world`` or ``tcp``, with the calibrated lens.

    Raises:
        SpecError: The file cannot be read, or a camera is invalid; names file, line and key.
    """
    document = _load(Path(path))
    try:
        file = _File.model_validate(document.data)
    except ValidationError as error:
        raise _invalid(error, document) from error
    specs = []
    for name, camera in file.cameras.items():
        mount, pose = camera.mounted()
        lens = camera.intrinsics.lens(file.pixel_center)
        data = {"name": name, "mount": mount, "pose": pose.vector().tolist(), "lens": lens}
        try:
            specs.append(CameraSpec.model_validate(data))
        except ValidationError as error:
            raise SpecError(f"'{name}' is no camera name", where=document.where(f"cameras.{name}"),
                            why="names are small letters, digits and _, at most 32",
                            remedy="rename the camera") from error  # fmt: skip
    return tuple(specs)


def _load(path: Path) -> Document:
    if path.suffix.lower() != ".json":
        return load_yaml_file(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(
            "cannot read a calibration file",
            where=str(path),
            why=error.strerror or str(error),
            remedy="check the path",
        ) from error
    except ValueError as error:
        raise SpecError("not valid JSON", where=str(path), why=str(error)) from error
    if not isinstance(data, dict):
        raise SpecError("a calibration file must hold a mapping", where=str(path))
    return Document(data, str(path))


def _invalid(error: ValidationError, document: Document) -> SpecError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    return SpecError(
        "invalid calibration",
        where=document.where(key),
        why=first["msg"].removeprefix("Value error, "),
        remedy="correct the file; the module datafactory.render.calibration shows an example",
    )


def write_calibration(
    path: str | Path,
    shots: Sequence[Shot],
    *,
    world_from_base: Pose,
    world_from_tcp: NDArray[np.float64] | None = None,
) -> None:
    """Writes cameras as a calibration file that ``read_calibration`` gives back.

    Args:
        path: YAML file to write.
        shots: Cameras; each stands still, or moves with the gripper.
        world_from_base: Robot base; fixed cameras are written relative to it.
        world_from_tcp: (F, 7) tool centre point of the shots' frames, for moving cameras.

    Raises:
        SpecError: A camera moves, and not with the gripper.
    """
    cameras = {}
    for shot in shots:
        poses = [Pose.from_vector(v) for v in shot.world_from_camera]
        key, relative = "base_from_camera", [world_from_base.inverse() @ pose for pose in poses]
        if not _constant(relative) and world_from_tcp is not None:
            tcp = [Pose.from_vector(v) for v in world_from_tcp]
            key = "gripper_from_camera"
            relative = [a.inverse() @ b for a, b in zip(tcp, poses, strict=True)]
        if not _constant(relative):
            raise SpecError(f"camera '{shot.camera}' moves, and not with the gripper",
                            remedy="leave it out of the calibration")  # fmt: skip
        cameras[shot.camera] = {
            "intrinsics": _written(shot.intrinsics),
            key: {
                "position": relative[0].position.tolist(),
                "quat_wxyz": relative[0].quat.tolist(),
            },
        }
    text = yaml.safe_dump(
        {"pixel_center": 0.5, "cameras": cameras}, sort_keys=False, default_flow_style=None
    )
    Path(path).write_text(text, encoding="utf-8")


def _constant(poses: Sequence[Pose]) -> bool:
    matrices = np.stack([pose.matrix() for pose in poses])
    return bool(np.abs(matrices - matrices[0]).max() <= _FIXED_M)


def _written(intrinsics: Intrinsics) -> dict[str, float]:
    return {key: getattr(intrinsics, key) for key in ("width", "height", "fx", "fy", "cx", "cy")}
