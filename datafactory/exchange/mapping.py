"""Column mappings: which column of another format is which of ours, and how it is converted.

A mapping is a small YAML file::

    name: my-robot
    joint_positions: {key: observation.state, columns: [0, 7], unit: deg}
    gripper_opening: {key: observation.state, columns: [7, 8], closed: 0.04, open: 0.0}
    eef_pose:
      position: {key: observation.ee, columns: [0, 3]}
      rotation: {key: observation.ee, columns: [3, 7], form: xyzw}
      frame: base
    action_joint: {key: action, columns: [0, 7], unit: deg, form: delta}
    action_gripper: {key: action, columns: [7, 8], closed: 1, open: -1}

Entries whose key the source does not have are absent from the new dataset, and said to be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from datafactory.errors import SpecError, UnknownNameError
from datafactory.exchange.actions import quat_from_rotation_vector
from datafactory.exchange.contract import ActionForm

Array = NDArray[np.float64]
Values = Callable[[str], NDArray[Any]]
"""Gives (T, n) values of a source column of the current episode."""

_DEGREE = np.pi / 180.0
_FACTOR = {"rad": 1.0, "deg": _DEGREE, "m": 1.0, "mm": 1e-3, "1": 1.0}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Source(_Strict):
    """Some columns of one source column.

    Attributes:
        key: Name of the source column.
        columns: [first, last + 1] of its components, as a Python slice; None for all.
        names: Regular expression: only components whose name it matches.
        but: Regular expression: no components whose name it matches.
    """

    key: str
    columns: tuple[int | None, int | None] | None = None
    names: str | None = None
    but: str | None = None

    @field_validator("names", "but")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"'{pattern}' is not a regular expression: {error}") from error
        return pattern

    def chosen(self, known: Mapping[str, Sequence[str]]) -> list[int] | None:
        """Indices of the components; None when the source does not have them.

        Args:
            known: Component names of the source's columns.

        Raises:
            SpecError: ``columns`` reaches beyond them.
        """
        if self.key not in known:
            return None
        names = list(known[self.key])
        if self.columns and any(abs(k) > len(names) for k in self.columns if k is not None):
            raise SpecError(
                f"the column mapping asks for components that '{self.key}' does not have",
                where=f"columns: {list(self.columns)}",
                why=f"it has {len(names)}",
            )
        kept = list(range(len(names)))[slice(*self.columns)] if self.columns else range(len(names))
        kept = [k for k in kept if self.names is None or re.search(self.names, names[k])]
        kept = [k for k in kept if self.but is None or not re.search(self.but, names[k])]
        return kept or None


class Vector(Source):
    """Joints or lengths: value = (source * scale) in ``unit``, converted to SI."""

    unit: Literal["rad", "deg", "m", "mm", "1"] = "rad"
    scale: float = 1.0

    def convert(self, values: NDArray[Any]) -> NDArray[Any]:
        """SI values; untouched when there is nothing to convert."""
        factor = self.scale * _FACTOR[self.unit]
        return values if factor == 1.0 else values * factor


class Target(Vector):
    """Joint targets in an action form."""

    form: ActionForm = "absolute"


class Gripper(Source):
    """A gripper: the source's value when it is closed and when it is open."""

    closed: float = 0.0
    open: float = 1.0

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if self.closed == self.open:
            raise ValueError(f"closed and open are both {self.open:g}")
        return self

    def convert(self, values: NDArray[Any]) -> NDArray[Any]:
        """(T,) opening, 0 closed to 1 open; clipped when converted."""
        flat = values.mean(axis=1) if values.shape[1] > 1 else values[:, 0]
        if (self.closed, self.open) == (0.0, 1.0):
            return flat
        return np.clip((flat - self.closed) / (self.open - self.closed), 0.0, 1.0)


class Rotation(Source):
    """An orientation: a quaternion, a rotation vector or extrinsic x-y-z Euler angles."""

    form: Literal["wxyz", "xyzw", "rotvec", "euler_xyz"] = "wxyz"
    scale: float = 1.0

    @property
    def width(self) -> int:
        """Number of components of the form."""
        return 4 if self.form in ("wxyz", "xyzw") else 3

    def vector(self, values: NDArray[Any]) -> Array:
        """(T, 3) rotation vectors, rad."""
        from datafactory.exchange.actions import rotation_vector

        return values * self.scale if self.form == "rotvec" else rotation_vector(self.quat(values))

    def quat(self, values: NDArray[Any]) -> NDArray[Any]:
        """(T, 4) wxyz; untouched when it is that already."""
        if self.form == "wxyz":
            return values
        if self.form == "xyzw":
            return values[:, [3, 0, 1, 2]]
        if self.form == "rotvec":
            return quat_from_rotation_vector(values * self.scale)
        from scipy.spatial.transform import Rotation as Turn

        turned: Array = Turn.from_euler("xyz", values * self.scale).as_quat()
        return turned[:, [3, 0, 1, 2]]


class PoseSource(_Strict):
    """A pose: where it is, how it is turned, and in which frame."""

    position: Vector
    rotation: Rotation
    frame: Literal["world", "base"] = "world"


class PoseTarget(PoseSource):
    """A pose target in an action form."""

    form: ActionForm = "absolute"


class Tool(_Strict):
    """A gripper and its tool centre point.

    Attributes:
        gripper_opening, gripper_width, eef_pose: What was measured.
        action_gripper, action_eef: Targets.
    """

    gripper_opening: Gripper | None = None
    gripper_width: Vector | None = None
    eef_pose: PoseSource | None = None
    action_gripper: Gripper | None = None
    action_eef: PoseTarget | None = None


class Arm(Tool):
    """One arm of a robot with several.

    Attributes:
        name: Name of the arm, for example ``left``.
        joints: Number of its joints; the joint series hold them one arm after the other.
    """

    name: str
    joints: int = Field(ge=0)


class ColumnMapping(Tool):
    """Which source column is which of ours.

    Attributes:
        name: For people.
        description: One line.
        robot: Robot name to record, when nothing else says it.
        licence: SPDX identifier of the data.
        cameras: Prefixes of image columns; what follows is the camera's name.
        success: Column that claims success in some row.
        joint_positions, joint_velocities, base_pose: What was measured.
        action_joint: Targets.
        arms: The arms of a robot with several; they have the tools then.
    """

    name: str = ""
    description: str = ""
    robot: str = ""
    licence: str = ""
    cameras: tuple[str, ...] = ("observation.images.",)
    success: str = "next.success"
    joint_positions: Vector | None = None
    joint_velocities: Vector | None = None
    base_pose: PoseSource | None = None
    action_joint: Target | None = None
    arms: tuple[Arm, ...] = ()

    @model_validator(mode="after")
    def _one_place_for_tools(self) -> Self:
        names = [arm.name for arm in self.arms]
        if len(names) == 1 or len(set(names)) < len(names):
            raise ValueError("arms must be several, each with a name of its own")
        own = [name for name in Tool.model_fields if getattr(self, name) is not None]
        if names and own:
            raise ValueError(f"'{own[0]}' belongs to one of the arms")
        return self

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tool of every arm."""
        return self.arms or (self,)

    def camera(self, key: str) -> str | None:
        """Camera name of an image column; None for no image column."""
        for prefix in self.cameras:
            if key.startswith(prefix) and len(key) > len(prefix):
                return key.removeprefix(prefix).replace("/", "_")
        return None


def parse_mapping(data: Mapping[str, Any], where: str = "mapping") -> ColumnMapping:
    """Validates a parsed YAML mapping.

    Raises:
        SpecError: A key is unknown or a value invalid; names it.
    """
    try:
        return ColumnMapping.model_validate(dict(data))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SpecError(
            "a column mapping is invalid",
            where=f"{where}: {place}",
            why=first["msg"],
            remedy="see the shipped mappings: " + ", ".join(shipped_mappings()),
        ) from error


def shipped_mappings() -> tuple[str, ...]:
    """Names of the shipped mappings."""
    folder = files("datafactory.exchange") / "mappings"
    return tuple(sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if "yaml" in f.name))


def load_mapping(name_or_file: str) -> dict[str, Any]:
    """Reads a shipped mapping by name, or a YAML file.

    Raises:
        UnknownNameError: Neither a shipped mapping nor a file.
        SpecError: The file is not a YAML mapping.
    """
    from datafactory.taskfile import load_yaml_file

    if name_or_file in shipped_mappings():
        folder = files("datafactory.exchange") / "mappings"
        return dict(load_yaml_file(Path(str(folder / f"{name_or_file}.yaml"))).data)
    if not Path(name_or_file).is_file():
        raise UnknownNameError.of("column mapping", name_or_file, shipped_mappings())
    return dict(load_yaml_file(name_or_file).data)
