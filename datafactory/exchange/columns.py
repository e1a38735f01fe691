"""The numeric columns of an export: what every format writes, under one set of names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import SpecError
from datafactory.exchange.actions import (
    GRIPPER,
    POSE_NAMES,
    action_names,
    convention,
    encode,
    in_frame,
    per_arm_names,
)
from datafactory.exchange.contract import ActionForm, ActionSpace, ExportOptions
from datafactory.exchange.episodes import Sample
from datafactory.exchange.joints import Joints, controlled_joints
from datafactory.subtasks import subtasks_of

FRAMES = ("world", "base")
F32 = "float32"
IMPORTED = "import:"
"""What generators and renderers of imported data are called begins so."""
_STATE_OF = {"joint": "qpos", "eef": "eef_pose"}
_NEEDS = {
    "observation.eef_pose": "eef_pose",
    "observation.gripper_width": "gripper_width",
    "observation.base_pose": "base_pose",
    "action.joints": "action_joint",
    "action.gripper": "action_gripper",
    "action.eef_pose": "action_eef",
}


@dataclass(frozen=True)
class Feature:
    """One column.

    Attributes:
        dtype: ``float32``, ``int64`` or ``bool``.
        names: Names of its components.
        unit: Unit of the values.
        meaning: One line for people.
    """

    dtype: str
    names: tuple[str, ...]
    unit: str
    meaning: str

    @property
    def width(self) -> int:
        """Number of components."""
        return len(self.names)


@dataclass(frozen=True)
class ActionChoice:
    """The main action of an export.

    Attributes:
        form, space: Action form and space.
        frame: ``world`` or ``base``: frame of the main action's poses.
    """

    form: ActionForm
    space: ActionSpace
    frame: str

    @classmethod
    def of(cls, options: ExportOptions) -> ActionChoice:
        """Reads the choice from export options (setting ``frame``).

        Raises:
            SpecError: The frame is neither ``world`` nor ``base``.
        """
        frame = options.settings.get("frame", "world")
        if frame not in FRAMES:
            raise SpecError(f"unknown frame '{frame}'", where="frame", remedy="use world or base")
        return cls(options.actions, options.space, frame)

    def describe(self, joints: tuple[str, ...], arms: tuple[str, ...] = ()) -> dict[str, Any]:
        """Its convention, JSON-ready; ``arms`` names them where there are several."""
        return convention(self.form, self.space, joints, self.frame, arms)

    def values(self, sample: Sample) -> NDArray[np.float32]:
        """(F, n) float32 main action, gripper last.

        Raises:
            SpecError: The episode has no targets in this space.
        """
        episode, t = sample.episode, sample.episode.trajectory
        joint = self.space == "joint"
        wanted = "action_joint" if joint else "action_eef"
        absent = absent_series(episode.extra)
        needed = (wanted,) if self.form == "absolute" else (wanted, _STATE_OF[self.space])
        if not absent.isdisjoint(needed) or (joint and not t.action_joint.shape[1]):
            raise SpecError(
                f"there are no {self.form} {self.space} actions",
                where=f"episode {episode.episode_id}",
                why="the source it was imported from does not have " + " and ".join(needed),
                remedy="choose the other action space, or absolute actions",
            )
        if joint:
            state = episode.joint_positions()[sample.frames]
            parts = [encode(self.form, self.space, t.action_joint[sample.targets], state)]
        else:
            parts = self._tools(sample)
        main = np.concatenate(parts, axis=1).astype(np.float32)
        if "action_gripper" in absent:
            return main
        return np.column_stack([main, t.action_gripper[sample.targets]])

    def _tools(self, sample: Sample) -> list[NDArray[np.float64]]:
        """Encoded tool targets (F, n) of every arm."""
        t, base = sample.episode.trajectory, sample.episode.world_from_base
        goals = t.per_arm(t.action_eef)[sample.targets]
        states = t.per_arm(t.eef_pose)[sample.frames]
        parts = []
        for arm in range(t.n_arms):
            goal, state = (v[:, arm].astype(np.float64) for v in (goals, states))
            if self.frame == "base":
                goal, state = in_frame(base, goal), in_frame(base, state)
            parts.append(encode(self.form, self.space, goal, state))
        return parts


Columns = dict[str, tuple[Feature, NDArray[Any]]]


def columns(sample: Sample, choice: ActionChoice) -> Columns:
    """The columns of an episode in order: what they are, and (F, n) arrays, (F,) for one component.

    ``observation.*`` are measured at the row's frame; ``action*`` are the targets of the row, see
    ``Sample``. What an imported source does not have has no column.

    Raises:
        SpecError: The episode has no targets in the chosen action space.
    """
    joints = controlled_joints(sample.episode)
    found = {
        **_observations(sample, joints),
        **_actions(sample, choice, joints),
        **_labels(sample),
    }
    absent = absent_series(sample.episode.extra)
    return {
        name: (feature, values.reshape(len(values), -1) if feature.width > 1 else values.ravel())
        for name, (feature, values) in found.items()
        if feature.names and _NEEDS.get(name) not in absent
    }


def arm_names(sample: Sample) -> tuple[str, ...]:
    """Names of the arms of a robot with several; empty for one arm."""
    return tuple(arm.name for arm in sample.episode.trajectory.arms)


def _observations(sample: Sample, joints: Joints) -> Columns:
    episode, t, rows = sample.episode, sample.episode.trajectory, sample.frames
    state, names = episode.joint_positions()[rows], joints.names
    arms = arm_names(sample)
    if "gripper_opening" not in absent_series(episode.extra):
        state = np.column_stack([state, t.gripper_opening[rows]])
        names = (*names, *per_arm_names((GRIPPER,), arms))
    base = np.tile(np.asarray(episode.world_from_base, dtype=np.float32), (sample.length, 1))
    velocities = t.qvel[np.ix_(rows, np.array(joints.velocities, dtype=np.int64))]
    moving = joints.names if joints.velocities else ()
    return {
        "observation.state": (
            Feature(F32, names, "rad, 1", "measured joints and gripper opening"),
            state,
        ),
        "observation.eef_pose": (
            Feature(F32, per_arm_names(POSE_NAMES, arms), "m, 1", "world_from_tcp"),
            t.eef_pose[rows],
        ),
        "observation.gripper_width": (
            Feature(F32, per_arm_names(("width",), arms), "m", "metric gripper opening"),
            t.gripper_width[rows],
        ),
        "observation.joint_velocities": (
            Feature(F32, moving, "rad/s", "measured joint velocities"),
            velocities,
        ),
        "observation.base_pose": (Feature(F32, POSE_NAMES, "m, 1", "world_from_base"), base),
    }


def _actions(sample: Sample, choice: ActionChoice, joints: Joints) -> Columns:
    t, targets = sample.episode.trajectory, sample.targets
    main = choice.values(sample)
    arms = arm_names(sample)
    names = tuple(action_names(choice.form, choice.space, joints.names, arms))[: main.shape[1]]
    return {
        "action": (Feature(F32, names, "see conventions", "the main action"), main),
        "action.joints": (
            Feature(F32, joints.names, "rad", "absolute joint targets"),
            t.action_joint[targets],
        ),
        "action.gripper": (
            Feature(
                F32,
                per_arm_names((GRIPPER,), arms),
                "1",
                "absolute opening target, 0 closed to 1 open",
            ),
            t.action_gripper[targets],
        ),
        "action.eef_pose": (
            Feature(
                F32, per_arm_names(POSE_NAMES, arms), "m, 1", "absolute target, world_from_tcp"
            ),
            t.action_eef[targets],
        ),
    }


def _labels(sample: Sample) -> Columns:
    end = np.arange(sample.length) == sample.length - 1
    success = end & sample.episode.verdict.success_at_end
    found: Columns = {
        "next.done": (Feature("bool", ("done",), "1", "last row of the episode"), end),
        "next.success": (
            Feature("bool", ("success",), "1", "last row, and the goal was measured true there"),
            success,
        ),
        "annotation.phase": (
            Feature("int64", ("phase",), "1", "index into the episode's phases, -1 for none"),
            sample.phases(),
        ),
    }
    if subtasks_of(sample.episode.extra):
        found["annotation.subtask"] = (
            Feature("int64", ("subtask",), "1", "index into the episode's sub-tasks, -1 for none"),
            sample.subtasks(),
        )
    for camera, view in sample.views.items():
        known = not view.renderer.startswith(IMPORTED)
        if known and len(view.annotations.tcp_uv) == sample.length:
            found[f"annotation.{camera}.tcp_uv"] = (
                Feature(F32, ("u", "v"), "pixel", "projection of the tool centre point"),
                view.annotations.tcp_uv,
            )
    return found


def absent_series(extra: Mapping[str, Any]) -> frozenset[str]:
    """Series that an imported episode's source did not have; their values are NaN."""
    return frozenset(extra.get("absent") or ())
