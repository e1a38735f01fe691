"""Tasks as data: the same schema in Python and in YAML, validated and content-hashed.

A task holds one or more *cases*; an episode draws one case by weight. A case names objects by
query, initial relations, a goal and instruction templates in which ``{a}`` stands for the noun
phrase of object ``a`` (``the red mug``).
"""

from __future__ import annotations

import math
import string
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from datafactory.errors import DataFactoryError, SpecError, did_you_mean
from datafactory.scene_graph.graph import FRAMES, RELATIONS, TABLE, Goal, Relation

_RELATION_SCHEMA = {
    "type": "object",
    "required": ["relation", "subject"],
    "properties": {
        "relation": {"enum": list(RELATIONS)},
        "subject": {"type": "string"},
        "object": {"type": "string"},
        "objects": {"type": "array", "items": {"type": "string"}},
        "frame": {"enum": list(FRAMES)},
    },
    "additionalProperties": False,
}


def _read_goal(value: Any) -> Goal:
    try:
        return value if isinstance(value, Goal) else Goal.from_json(value)
    except DataFactoryError as error:
        raise ValueError(str(error)) from error


def _read_relation(value: Any) -> Relation:
    if isinstance(value, Goal):
        relations = value.relations()
        if len(relations) != 1:
            raise ValueError("an initial relation is a single relation")
        return relations[0]
    try:
        return value if isinstance(value, Relation) else Relation.from_dict(value)
    except DataFactoryError as error:
        raise ValueError(str(error)) from error


def _read_query(value: Any) -> dict[str, Any]:
    from datafactory_assets.query import Query

    try:
        return value.to_dict() if isinstance(value, Query) else Query.parse(value).to_dict()
    except DataFactoryError as error:
        raise ValueError(str(error)) from error


GoalField = Annotated[
    Goal,
    BeforeValidator(_read_goal),
    PlainSerializer(lambda g: g.to_list(), return_type=list),
    WithJsonSchema({"anyOf": [_RELATION_SCHEMA, {"type": "array"}]}),
]
RelationField = Annotated[
    Relation,
    BeforeValidator(_read_relation),
    PlainSerializer(lambda r: r.to_dict(), return_type=dict),
    WithJsonSchema(_RELATION_SCHEMA),
]
QueryField = Annotated[
    dict[str, Any],
    BeforeValidator(_read_query),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}]}),
]


def _check_range(value: tuple[float, float]) -> tuple[float, float]:
    if not (math.isfinite(value[0]) and math.isfinite(value[1]) and value[0] <= value[1]):
        raise ValueError(f"{list(value)} is not a range (lowest, highest)")
    return value


def _check_positive(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] <= 0.0:
        raise ValueError(f"{list(value)} must be positive")
    return value


Range = Annotated[tuple[float, float], AfterValidator(_check_range)]
PositiveRange = Annotated[Range, AfterValidator(_check_positive)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Instructions(_Model):
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


class Case(_Model):
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
            if not role.isidentifier() or role in (TABLE, "robot", "floor"):
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


class Distractors(_Model):
    """Objects that do not take part.

    Attributes:
        count: Smallest and largest number, drawn uniformly.
        query: Which objects.
    """

    count: tuple[int, int] = (0, 5)
    query: QueryField = Field(default_factory=lambda: {"graspable": True})

    @model_validator(mode="after")
    def _count(self) -> Distractors:
        low, high = self.count
        if not 0 <= low <= high <= 12:
            raise ValueError(f"distractor count {self.count} must satisfy 0 <= low <= high <= 12")
        return self


class Layout(_Model):
    """Where objects are placed.

    Attributes:
        radius_m: Distance of object centres from the robot base, smallest and largest.
        angle_rad: Bearing from the robot base's +x axis, smallest and largest.
        gap_m: Smallest gap between object footprints.
    """

    radius_m: PositiveRange = (0.36, 0.66)
    angle_rad: Range = (-0.9, 0.9)
    gap_m: float = Field(default=0.03, ge=0.0, le=0.3)


class Randomize(_Model):
    """Ranges of the named random streams. A range of equal ends switches a stream off.

    Attributes:
        object_choice: Draw case and objects anew in every attempt; off: as in attempt 0.
        object_pose: Draw poses anew in every attempt; off: as in attempt 0.
        distractors: Draw distractors anew in every attempt; off: as in attempt 0.
        table_height_m: Height of the table top above the floor.
        mass_scale: Factor on every object's mass.
        friction_scale: Factor on every object's sliding friction.
        base_xy_m: Largest offset of the robot base in x and y.
        base_yaw_rad: Largest yaw offset of the robot base.
        home_rad: Standard deviation of the arm's start position per joint.
    """

    object_choice: bool = True
    object_pose: bool = True
    distractors: bool = True
    table_height_m: PositiveRange = (0.73, 0.77)
    mass_scale: PositiveRange = (0.8, 1.2)
    friction_scale: PositiveRange = (0.9, 1.1)
    base_xy_m: float = Field(default=0.02, ge=0.0, le=0.2)
    base_yaw_rad: float = Field(default=0.05, ge=0.0, le=0.8)
    home_rad: float = Field(default=0.02, ge=0.0, le=0.2)


class TaskSpec(_Model):
    """A manipulation task.

    Attributes:
        name: Task name.
        description: One line for listings.
        generator: Registered generator that understands it.
        sources: Registered asset sources objects are drawn from. Part of the task, so that
            installing another source changes no episode.
        robot: Default robot.
        robots: Robots it may run on; empty for any.
        cases: At least one case.
        distractors, layout, randomize: See their types.
        fps: Control and record rate, Hz; must divide 500.
    """

    name: str = Field(min_length=1, pattern=r"^[a-z0-9][a-z0-9_\-]*$")
    description: str = ""
    generator: str = "pick_place"
    sources: tuple[str, ...] = Field(default=("tier0",), min_length=1)
    robot: str = "franka_panda"
    robots: tuple[str, ...] = ()
    cases: tuple[Case, ...] = Field(min_length=1)
    distractors: Distractors = Distractors()
    layout: Layout = Layout()
    randomize: Randomize = Randomize()
    fps: int = Field(default=20, ge=1, le=500)

    @model_validator(mode="after")
    def _rates(self) -> TaskSpec:
        if 500 % self.fps:
            raise ValueError(f"fps {self.fps} must divide the physics rate of 500 Hz")
        if self.robots and self.robot not in self.robots:
            raise ValueError(f"robot '{self.robot}' is not among the allowed {self.robots}")
        return self


def task_from_dict(data: Mapping[str, Any], where: str = "") -> TaskSpec:
    """Validates plain data into a task.

    A mapping with ``objects`` and ``goal`` at top level is read as a task of a single case.

    Raises:
        SpecError: Names the key, the reason and the nearest valid key.
    """
    plain = dict(data)
    case_keys = set(Case.model_fields)
    if "cases" not in plain and case_keys & set(plain):
        plain["cases"] = [{k: plain.pop(k) for k in list(plain) if k in case_keys}]
    try:
        return TaskSpec.model_validate(plain)
    except ValidationError as error:
        raise _spec_error(error, where) from error


def _encloses(outer: tuple[int | str, ...], inner: tuple[int | str, ...]) -> bool:
    return len(outer) < len(inner) and inner[: len(outer)] == outer


def _spec_error(error: ValidationError, where: str) -> SpecError:
    found = error.errors()
    # A list that fails on an item is also reported as too short: only the item is the error.
    found = [e for e in found if not any(_encloses(e["loc"], other["loc"]) for other in found)]
    first = found[0]
    key = ".".join(str(part) for part in first["loc"]) or "task"
    remedy = "see `datafactory config schema`"
    if first["type"] == "extra_forbidden":
        known: set[str] = set()
        for model in (TaskSpec, Case, Instructions, Distractors, Layout, Randomize):
            known |= set(model.model_fields)
        remedy = did_you_mean(str(first["loc"][-1]), known)
    more = len(found) - 1
    why = str(first["msg"]).removeprefix("Value error, ")
    cause = getattr(first.get("ctx", {}).get("error"), "__cause__", None)
    if isinstance(cause, DataFactoryError):  # it has a remedy of its own: one place, one remedy
        why = f"{cause.what}; {cause.why}" if cause.why else cause.what
        remedy = cause.remedy or remedy
    return SpecError(
        f"invalid task: {key}" + (f" (and {more} more)" if more else ""),
        where=f"{where}:{key}" if where else key,
        why=why if first["type"] != "extra_forbidden" else "this key is not known",
        remedy=remedy,
    )


def Task(  # noqa: N802  (reads as a type in user code)
    instruction: str | Instructions,
    *,
    objects: Mapping[str, Any],
    goal: Goal,
    initial: tuple[Goal, ...] | list[Goal] = (),
    name: str = "custom",
    **options: Any,
) -> TaskSpec:
    """Builds a single-case task, the three-line form.

    Args:
        instruction: Template such as ``"put {a} on {b}"``, or ``Instructions``.
        objects: Role name to query (text, mapping or ``query(...)``).
        goal: Goal made with ``on``, ``inside``, ``left`` ... combined with ``&``, ``|``, ``then``.
        initial: Initial relations, each made the same way.
        name: Task name.
        **options: Any other ``TaskSpec`` field.

    Raises:
        SpecError: Something is invalid.
    """
    templates = (
        instruction.model_dump()
        if isinstance(instruction, Instructions)
        else {"train": [instruction]}
    )
    case = {
        "objects": dict(objects),
        "goal": goal,
        "initial": list(initial),
        "instructions": templates,
    }
    return task_from_dict({"name": name, "cases": [case], **options}, "Task(...)")
