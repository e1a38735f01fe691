"""What goes into a policy and what comes out: one value that training and rollouts share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from datafactory.errors import SpecError
from datafactory_zoo.actions import ActionForm
from datafactory_zoo.frames import FrameTable
from datafactory_zoo.tokenizers import BYTES
from datafactory_zoo.windows import ImageField, PointField, WindowField, WindowSpec, chunk_offsets

OBSERVATION = "observation."
IMAGE = "image."
AUXILIARY = "auxiliary."
POINT = "point."
_LISTS = ("observation", "cameras", "auxiliary", "auxiliary_widths", "points")
NOW = ("joint_position", "gripper_opening", "eef_pose", "world_from_base")


@dataclass(frozen=True)
class PolicyIO:
    """Inputs and outputs of a policy for one robot.

    Attributes:
        robot: Robot name.
        dof, arms: Controlled joints and grippers of the robot.
        fps: Control rate, Hz.
        observation: Features that make up the state, in order.
        cameras: Cameras whose images it sees.
        image_size: Height and width of the images, pixels.
        steps: Observation steps, the present one last.
        chunk: Actions predicted at once.
        execute: Of those, actions carried out before the next prediction.
        first: Frame of the first action relative to the present: 0, or ``1 - steps`` when the
            chunk begins with the oldest observation.
        action: What actions mean.
        state_width: Numbers of the state; state_dim: the same with padding.
        action_width: Numbers of an action; action_dim: the same with padding.
        text_tokens: Length of the instruction in tokens; 0 for policies that read none.
        tokenizer: ``bytes`` or the folder of a pretrained one.
        auxiliary: Features the policy learns to tell from what it observes; never observed.
        auxiliary_widths: Numbers of each of them.
        points: Roles of objects whose centres the policy learns to find in its images.
    """

    robot: str
    dof: int
    arms: int
    fps: int
    observation: tuple[str, ...]
    cameras: tuple[str, ...] = ()
    image_size: int = 96
    steps: int = 1
    chunk: int = 16
    execute: int = 8
    first: int = 0
    action: ActionForm = field(default_factory=ActionForm)
    state_width: int = 0
    state_dim: int = 0
    action_width: int = 0
    action_dim: int = 0
    text_tokens: int = 0
    tokenizer: str = BYTES
    auxiliary: tuple[str, ...] = ()
    auxiliary_widths: tuple[int, ...] = ()
    points: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.execute <= self.chunk + self.first:
            raise SpecError(
                f"{self.execute} actions of a chunk of {self.chunk} cannot be executed",
                why=f"{self.chunk + self.first} lie in the future",
            )
        if self.steps < 1 or not 1 - self.steps <= self.first <= 0:
            raise SpecError(f"a chunk cannot begin at frame {self.first} with {self.steps} step(s)")
        for real, padded in ((self.state_width, self.state_dim),
                             (self.action_width, self.action_dim)):  # fmt: skip
            if padded < real:
                raise SpecError(f"{real} numbers do not fit into {padded}")

    def sized(self, table: FrameTable) -> PolicyIO:
        """The same for the robot and feature widths of a dataset; dimensions grow as needed."""
        width = sum(table.values[f].shape[1] for f in self.observation)
        action = self.action.width(table.dof, table.arms)
        auxiliary = tuple(table.values[f].shape[1] for f in self.auxiliary)
        return replace(
            self, robot=table.robot, dof=table.dof, arms=table.arms, fps=table.fps,
            state_width=width, state_dim=max(width, self.state_dim),
            action_width=action, action_dim=max(action, self.action_dim),
            auxiliary_widths=auxiliary,
        )  # fmt: skip

    @property
    def auxiliary_width(self) -> int:
        """Numbers of all auxiliary features."""
        return sum(self.auxiliary_widths)

    @property
    def now(self) -> tuple[str, ...]:
        """Features of the present moment that actions are relative to."""
        return NOW[:1] if self.action.space == "joint" else NOW

    def windows(self) -> WindowSpec:
        """What a sample of training data holds."""
        past = chunk_offsets(self.steps, self.fps, 1 - self.steps)
        future = chunk_offsets(self.chunk, self.fps, self.first)
        target = "joint" if self.action.space == "joint" else "eef"
        return WindowSpec(
            fields=(
                *(WindowField(OBSERVATION + f, f, past) for f in self.observation),
                *(WindowField("now." + f, f) for f in self.now),
                *(WindowField(AUXILIARY + f, f) for f in self.auxiliary),
                WindowField(f"action.{target}", f"action_{target}", future),
                WindowField("action.gripper", "action_gripper", future),
            ),
            images=tuple(
                ImageField(IMAGE + c, c, self.image_size, self.image_size, past)
                for c in self.cameras
            ),
            text=self.text_tokens > 0,
            points=tuple(
                PointField(f"{POINT}{c}.{r}", c, r) for c in self.cameras for r in self.points
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        data = {f.name: getattr(self, f.name) for f in fields(self)}
        data["action"] = self.action.to_dict()
        for name in _LISTS:
            data[name] = list(data[name])
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PolicyIO:
        """Reads the JSON form."""
        values = dict(data)
        values["action"] = ActionForm(**values["action"])
        for name in _LISTS:
            values[name] = tuple(values.get(name, ()))
        return cls(**values)
