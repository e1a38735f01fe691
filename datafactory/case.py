"""One way a task can look: objects, initial relations, goal, instructions."""

from __future__ import annotations

import string

from pydantic import Field, model_validator

from datafactory.belt import BELT, RAIL
from datafactory.errors import did_you_mean
from datafactory.fields import GoalField, Model, QueryField, RelationField
from datafactory.scene_graph.graph import TABLE


class Instructions(Model):
    """Instruction templates.

    Attributes:
        train: Templates used for training episodes, at least one.
        held_out: Phrasings never used for training episodes.
        held_out_share: Share of episodes that use a held-out phrasing, in [0, 1].
    """

    train: tuple[str, ...] = Field(min_length=1)
    held_out: tuple[str, ...] = ()
    held_out_share: float = Field(default=0.1, ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _templates(self) -> Instructions:
        for template in (*self.train, *self.held_out):
            try:
                list(string.Formatter().parse(template))
            except ValueError as error:
                raise ValueError(f"bad template {template!r}: {error}") from error
        return self

    def placeholders(self) -> frozenset[str]:
        """Names used in any template."""
        return frozenset(
            name
            for template in (*self.train, *self.held_out)
            for _, name, _, _ in string.Formatter().parse(template)
            if name
        )


class Case(Model):
    """One way a task can look: objects, initial relations, goal and instructions.

    Attributes:
        weight: Relative frequency, > 0.
        objects: Role name to object query.
        initial: Relations that hold at the start; objects not mentioned stand on the table.
        goal: What must become true.
        instructions: Templates over the role names.
    """

    weight: float = Field(default=1.0, gt=0.0)
    objects: dict[str, QueryField] = Field(min_length=1)
    initial: tuple[RelationField, ...] = ()
    goal: GoalField
    instructions: Instructions

    @model_validator(mode="after")
    def _names(self) -> Case:
        known = {*self.objects, TABLE}
        for role in self.objects:
            if not role.isidentifier() or role in (TABLE, "robot", "floor", BELT, RAIL):
                raise ValueError(f"'{role}' cannot be an object name")
        for relation in (*self.goal.relations(), *self.initial):
            for name in (relation.subject, *relation.objects):
                if name not in known:
                    raise ValueError(f"unknown object '{name}' in {relation}; "
                                     + did_you_mean(name, known))  # fmt: skip
        for name in self.instructions.placeholders():
            if name not in self.objects:
                raise ValueError(f"unknown object '{{{name}}}' in an instruction; "
                                 + did_you_mean(name, self.objects))  # fmt: skip
        return self
