"""One way a task can look: objects, initial relations, goal, instructions."""

from __future__ import annotations

import math
import string
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from datafactory.belt import BELT, RAIL
from datafactory.errors import did_you_mean
from datafactory.fields import (
    GOAL_SCHEMA,
    Model,
    PositiveRange,
    QueryField,
    Range,
    RelationField,
    read_goal,
)
from datafactory.goals.form import Form
from datafactory.goals.forms import form_schema, read_form
from datafactory.scene_graph.graph import FURNITURE, START, TABLE, Goal

Refer = Literal["attribute", "relation", "ordinal", "size"]
REFERS: tuple[Refer, ...] = ("attribute", "relation", "ordinal", "size")


def _read_goal_or_form(value: Any) -> Goal | Form:
    if isinstance(value, Form):
        return value
    if not isinstance(value, Mapping) or "form" not in value:
        return read_goal(value)
    try:
        return read_form(value)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"][1:])
        raise ValueError(f"form '{value['form']}': {key + ': ' if key else ''}{first['msg']}"
                         ) from error  # fmt: skip


GoalOrForm = Annotated[
    Goal | Form,
    BeforeValidator(_read_goal_or_form),
    PlainSerializer(
        lambda g: g.to_list() if isinstance(g, Goal) else g.model_dump(mode="json"),
        return_type=list | dict,
    ),
    WithJsonSchema({"anyOf": [*GOAL_SCHEMA["anyOf"], form_schema()]}),
]


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


class ObjectSet(Model):
    """Several objects of one query, under one name.

    Attributes:
        query: Which objects.
        count: Smallest and largest number, drawn uniformly.
    """

    query: QueryField
    count: tuple[int, int] = (2, 3)

    @model_validator(mode="after")
    def _count(self) -> ObjectSet:
        low, high = self.count
        if not 1 <= low <= high <= 8:
            raise ValueError(f"set count {self.count} must satisfy 1 <= low <= high <= 8")
        return self


class Lookalikes(Model):
    """Distractors that an instruction has to tell from one of the task's objects.

    Attributes:
        of: Role they look like.
        count: Smallest and largest number, drawn uniformly.
        share: What they have in common with it.
        size: They are larger or smaller by at least half its volume, or of any size.
    """

    of: str
    count: tuple[int, int] = (1, 1)
    share: tuple[Literal["category", "colour"], ...] = ("category", "colour")
    size: Literal["any", "larger", "smaller"] = "any"

    @model_validator(mode="after")
    def _count(self) -> Lookalikes:
        low, high = self.count
        if not 0 <= low <= high <= 4:
            raise ValueError(f"lookalike count {self.count} must satisfy 0 <= low <= high <= 4")
        return self


class Zone(Model):
    """Where an object, or the members of a set, stand at the start, as seen from the robot base.

    Attributes:
        radius_m: Distance of its centre, smallest and largest; None for the layout's.
        angle_rad: Bearing of its centre from the base's +x axis, smallest and largest.
        yaw_rad: Its own rotation about the vertical, smallest and largest, relative to the base.
    """

    radius_m: PositiveRange | None = None
    angle_rad: Range
    yaw_rad: Range = (-math.pi, math.pi)


class Case(Model):
    """One way a task can look: objects, initial relations, goal and instructions.

    Attributes:
        weight: Relative frequency, > 0.
        objects: Role name to object query.
        sets: Name to several objects of one query; members are ``name_0``, ``name_1`` ...
        initial: Relations that hold at the start; objects not mentioned stand on the table. A
            set as subject means all its members.
        goal: What must become true: relations, or a goal form over roles and sets.
        instructions: Templates over the role names; None takes the phrase book's, which needs a
            goal form.
        held_out_share: Share of episodes worded by held-out phrasings of the book, in [0, 1].
        refer: Role to the kinds of referring expressions that may be used for it, besides its
            plain noun phrase.
        lookalikes: Distractors that share nouns with a role of ``refer``.
        zones: Role or set name to where it stands at the start, for those that do not stand
            anywhere in the task's layout.
    """

    added: ClassVar[frozenset[str]] = frozenset(
        {"sets", "instructions", "held_out_share", "refer", "lookalikes", "zones"}
    )

    weight: float = Field(default=1.0, gt=0.0)
    objects: dict[str, QueryField] = Field(default_factory=dict)
    sets: dict[str, ObjectSet] = Field(default_factory=dict)
    initial: tuple[RelationField, ...] = ()
    goal: GoalOrForm
    instructions: Instructions | None = None
    held_out_share: float = Field(default=0.1, ge=0.0, le=1.0)
    refer: dict[str, tuple[Refer, ...]] = Field(default_factory=dict)
    lookalikes: tuple[Lookalikes, ...] = ()
    zones: dict[str, Zone] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names(self) -> Case:
        if not self.objects and not self.sets:
            raise ValueError("a case needs 'objects' or 'sets'")
        for role in (*self.objects, *self.sets):
            taken = (TABLE, FURNITURE, "robot", "floor", BELT, RAIL)
            if not role.isidentifier() or role in taken:
                raise ValueError(f"'{role}' cannot be an object name")
        clash = set(self.objects) & set(self.sets)
        if clash:
            raise ValueError(f"'{min(clash)}' is both an object and a set")
        known = {*self.objects, *self.sets}
        for role in self.zones:
            if role not in known:
                raise ValueError(f"unknown object '{role}' in zones; "
                                 + did_you_mean(role, known))  # fmt: skip
        self._check_relations()
        self._check_words()
        self._check_counts(self.goal)
        return self

    def wanted(self) -> tuple[tuple[str, str, str], ...]:
        """(relation, objects, reference) of the goal, by role or set."""
        if not isinstance(self.goal, Goal):
            return self.goal.wanted()
        return tuple(
            (relation.name, relation.subject, name.removesuffix(START))
            for relation in self.goal.relations()
            for name in relation.objects
        )

    def _check_counts(self, goal: Goal | Form) -> None:
        """A form gets as many objects as it needs, however many a set turns out to have."""
        if isinstance(goal, Goal):
            return
        for step in getattr(goal, "steps", ()):
            self._check_counts(step)
        names, (fewest, most) = getattr(goal, "objects", ()), goal.sizes
        if isinstance(names, str) or not names:
            return
        counts = [self.sets[n].count if n in self.sets else (1, 1) for n in names]
        low, high = sum(c[0] for c in counts), sum(c[1] for c in counts)
        if low < fewest or high > most:
            wanted = f"{fewest}" if fewest == most else f"{fewest} or more"
            found = f"{low}" if low == high else f"{low} to {high}"
            raise ValueError(f"form '{goal.kind}' needs {wanted} objects, not {found}")

    def _check_relations(self) -> None:
        mentioned: list[tuple[str, str]] = [
            (name.removesuffix(START), str(relation))
            for relation in self.initial
            for name in (relation.subject, *relation.objects)
        ]
        known = {*self.objects, TABLE}
        if isinstance(self.goal, Goal):
            mentioned += [
                (name.removesuffix(START), str(relation))
                for relation in self.goal.relations()
                for name in (relation.subject, *relation.objects)
            ]
        else:
            mentioned += [(name, f"form '{self.goal.kind}'") for name in self.goal.names()]
        subjects = {r.subject for r in self.initial}
        known |= set(self.sets) if isinstance(self.goal, Form) else subjects & set(self.sets)
        for name, place in mentioned:
            if name not in known:
                raise ValueError(f"unknown object '{name}' in {place}; "
                                 + did_you_mean(name, known))  # fmt: skip

    def _check_words(self) -> None:
        if self.instructions is None and isinstance(self.goal, Goal):
            raise ValueError("'instructions' are needed, unless the goal is a form")
        names = {*self.objects, *self.sets}
        for name in self.instructions.placeholders() if self.instructions else ():
            if name not in names:
                raise ValueError(f"unknown object '{{{name}}}' in an instruction; "
                                 + did_you_mean(name, names))  # fmt: skip
        for role in (*self.refer, *(group.of for group in self.lookalikes)):
            if role not in self.objects:
                raise ValueError(f"unknown object '{role}' in refer or lookalikes; "
                                 + did_you_mean(role, self.objects))  # fmt: skip
        for group in self.lookalikes:
            if group.of not in self.refer:
                raise ValueError(f"lookalikes of '{group.of}' need 'refer' for it: its noun "
                                 "phrase alone does not tell them apart")  # fmt: skip
