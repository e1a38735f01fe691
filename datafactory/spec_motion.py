"""The parts of a task in which the world moves: a conveyor belt, and disturbances."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from datafactory.case import Case, Instructions
from datafactory.errors import did_you_mean
from datafactory.fields import GOAL_SCHEMA, Model, PositiveRange, Range, read_goal
from datafactory.scene_graph.graph import TABLE, Goal

GoalField = Annotated[
    Goal,
    BeforeValidator(read_goal),
    PlainSerializer(lambda g: g.to_list(), return_type=list),
    WithJsonSchema(GOAL_SCHEMA),
]


class Conveyor(Model):
    """A belt that carries objects past the robot. Drawn anew in every attempt.

    Attributes:
        carries: Roles of the case that ride on it at the start; the first is what instructions
            are about.
        speed_m_s: Speed of the belt.
        direction_rad: World yaw of its motion; the robot looks along 0.
        both_ways: Run it the other way in every second attempt, on average.
        center_m: (x, y) of the middle of the belt, world.
        width_m: Width between the rails.
        length_m: Length of the rails.
        arrival_s: Time at which what rides on it passes the middle.
        bystanders: Smallest and largest number of distractors that ride along.
    """

    carries: tuple[str, ...] = Field(default=("a",), min_length=1)
    speed_m_s: PositiveRange = (0.03, 0.12)
    direction_rad: Range = (1.45, 1.69)
    both_ways: bool = True
    center_m: tuple[float, float] = (0.64, 0.0)
    width_m: float = Field(default=0.16, ge=0.1, le=0.5)
    length_m: float = Field(default=1.1, ge=0.4, le=3.0)
    arrival_s: PositiveRange = (4.0, 5.5)
    bystanders: tuple[int, int] = (0, 3)

    @model_validator(mode="after")
    def _within_bounds(self) -> Conveyor:
        if self.speed_m_s[1] > 0.5:
            raise ValueError(f"a belt speed of {self.speed_m_s[1]:g} m/s is above 0.5")
        low, high = self.bystanders
        if not 0 <= low <= high <= 6:
            raise ValueError(f"bystanders {self.bystanders} must satisfy 0 <= low <= high <= 6")
        return self


class Disturb(Model):
    """Something goes against the plan while the robot is at work, and it has to recover.

    Attributes:
        kind: What may happen, drawn uniformly: ``object_moved``: the object to be grasped is
            carried to another place while the robot reaches for it; ``goal_changed``: another
            goal is named while the robot carries the object.
        share: Share of the attempts that are disturbed.
        moved_m: Distance the object is moved.
        near_m: It is moved when the tool first comes this near.
        carried_m: The goal changes when the object was first carried this far, horizontally.
        goal: What shall become true instead; about the same object.
        instructions: Templates of what is said then.
    """

    kind: tuple[Literal["object_moved", "goal_changed"], ...] = Field(min_length=1)
    share: float = Field(default=1.0, ge=0.0, le=1.0)
    moved_m: PositiveRange = (0.04, 0.09)
    near_m: PositiveRange = (0.18, 0.3)
    carried_m: PositiveRange = (0.03, 0.10)
    goal: GoalField | None = None
    instructions: Instructions | None = None

    @model_validator(mode="after")
    def _complete(self) -> Disturb:
        if "goal_changed" not in self.kind:
            return self
        if self.goal is None or self.instructions is None:
            raise ValueError("goal_changed needs a goal and instructions")
        if len(self.goal.stages) != 1 or len({r.subject for r in self.goal.relations()}) != 1:
            raise ValueError("the changed goal must be one stage about one object")
        return self

    def require_fits(self, case: Case) -> None:
        """Checks that a case can be disturbed this way.

        Raises:
            ValueError: The changed goal names an object the case does not have, or is about
                another object than the case's goal.
        """
        if not isinstance(case.goal, Goal):
            raise ValueError("goal forms cannot be disturbed")
        subjects = {r.subject for r in case.goal.relations()}
        if len(subjects) != 1 or len(case.goal.stages) != 1:
            raise ValueError("only goals of one stage about one object can be disturbed")
        if self.goal is None or self.instructions is None:
            return
        if {r.subject for r in self.goal.relations()} != subjects:
            raise ValueError("the changed goal must be about the object that is carried")
        for name in sorted(self.goal.names() | self.instructions.placeholders()):
            if name not in {*case.objects, TABLE}:
                raise ValueError(f"unknown object '{name}' in the changed goal; "
                                 + did_you_mean(name, case.objects))  # fmt: skip
