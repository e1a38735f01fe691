"""Tasks as data: the same schema in Python and in YAML, validated and content-hashed.

A task holds one or more *cases*; an episode draws one case by weight. A case names objects by
query, initial relations, a goal and instruction templates in which ``{a}`` stands for the noun
phrase of object ``a`` (``the red mug``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationError, model_validator

from datafactory.case import Case, Instructions
from datafactory.errors import DataFactoryError, SpecError, did_you_mean
from datafactory.fields import Model, PositiveRange, QueryField, Range, TableField
from datafactory.known_keys import known_keys
from datafactory.scene_graph.graph import Goal
from datafactory.spec_motion import Conveyor, Disturb

__all__ = [
    "Case",
    "Distractors",
    "Instructions",
    "Layout",
    "Randomize",
    "Task",
    "TaskSpec",
    "task_from_dict",
]


class Distractors(Model):
    """Objects that do not take part.

    Attributes:
        count: Smallest and largest number, drawn uniformly.
        query: Which objects.
        radius_m, angle_rad: Where they stand, as in the layout; None for the layout's. They need
            not be in reach.
    """

    added: ClassVar[frozenset[str]] = frozenset({"radius_m", "angle_rad"})

    count: tuple[int, int] = (0, 5)
    query: QueryField = Field(default_factory=lambda: {"graspable": True})
    radius_m: PositiveRange | None = None
    angle_rad: Range | None = None

    @model_validator(mode="after")
    def _count(self) -> Distractors:
        low, high = self.count
        if not 0 <= low <= high <= 12:
            raise ValueError(f"distractor count {self.count} must satisfy 0 <= low <= high <= 12")
        return self


class Layout(Model):
    """Where objects are placed.

    Attributes:
        radius_m: Distance of object centres from the robot base, smallest and largest.
        angle_rad: Bearing from the robot base's +x axis, smallest and largest.
        gap_m: Smallest gap between object footprints.
        table: Which piece of furniture to work at, drawn anew in every attempt: conditions of a
            ``TableQuery``, ``{}`` for any; a plain board by default.
    """

    added = frozenset({"table"})
    radius_m: PositiveRange = (0.36, 0.66)
    angle_rad: Range = (-0.9, 0.9)
    gap_m: float = Field(default=0.03, ge=0.0, le=0.3)
    table: TableField = None


class Randomize(Model):
    """Ranges of the named random streams. A range of equal ends switches a stream off.

    Attributes:
        object_choice: Draw case, objects and furniture anew in every attempt; off: as in
            attempt 0.
        object_pose: Draw poses anew in every attempt; off: as in attempt 0.
        distractors: Draw distractors anew in every attempt; off: as in attempt 0.
        table_height_m: Height of the table top above the floor.
        mass_scale: Factor on every object's mass.
        friction_scale: Factor on every object's sliding friction.
        base_xy_m: Largest offset of the robot base in x and y.
        base_yaw_rad: Largest yaw offset of the robot base.
        home_rad: Standard deviation of the arm's start position per joint.
        jolt_m: Standard deviation, per axis, of short jolts that throw the tool off its path while
            it moves freely; the recorded actions lead it back.
    """

    added = frozenset({"jolt_m"})

    object_choice: bool = True
    object_pose: bool = True
    distractors: bool = True
    table_height_m: PositiveRange = (0.73, 0.77)
    mass_scale: PositiveRange = (0.8, 1.2)
    friction_scale: PositiveRange = (0.9, 1.1)
    base_xy_m: float = Field(default=0.02, ge=0.0, le=0.2)
    base_yaw_rad: float = Field(default=0.05, ge=0.0, le=0.8)
    home_rad: float = Field(default=0.02, ge=0.0, le=0.2)
    jolt_m: float = Field(default=0.0, ge=0.0, le=0.05)


class TaskSpec(Model):
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
        conveyor: A belt that carries objects past the robot; none by default.
        disturb: What goes against the robot's plan; nothing by default.
        expert: ``varied`` draws among good grasps and places, so that episodes of one scene differ;
            ``direct`` takes those that need the least turning and lifts over what is in the way,
            so that alike scenes get alike motions.
        fps: Control and record rate, Hz; must divide 500.
    """

    added = frozenset({"conveyor", "disturb", "expert"})
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
    conveyor: Conveyor | None = None
    disturb: Disturb | None = None
    expert: Literal["varied", "direct"] = "varied"
    fps: int = Field(default=20, ge=1, le=500)

    @model_validator(mode="after")
    def _rates(self) -> TaskSpec:
        if 500 % self.fps:
            raise ValueError(f"fps {self.fps} must divide the physics rate of 500 Hz")
        if self.robots and self.robot not in self.robots:
            raise ValueError(f"robot '{self.robot}' is not among the allowed {self.robots}")
        return self

    @model_validator(mode="after")
    def _riders(self) -> TaskSpec:
        riders = self.conveyor.carries if self.conveyor else ()
        if self.conveyor and self.layout.table is not None:
            raise ValueError("a conveyor needs the plain table: leave layout.table out")
        for case in self.cases:
            for name in riders:
                if name not in case.objects:
                    raise ValueError(f"the conveyor carries '{name}', which is no object of a case")
            for relation in case.initial:
                if set(riders) & {relation.subject, *relation.objects}:
                    raise ValueError(f"{relation} is about an object that rides on the conveyor")
            for name, subject, reference in case.wanted():
                if reference in riders:
                    raise ValueError(f"the goal '{name}' of '{subject}' is about '{reference}', "
                                     "which rides on the conveyor: objects are taken off it, "
                                     "never put where it runs")  # fmt: skip
        return self

    @model_validator(mode="after")
    def _disturbed(self) -> TaskSpec:
        if self.disturb is None:
            return self
        if self.conveyor is not None:
            raise ValueError("a task with a conveyor cannot be disturbed")
        for case in self.cases:
            self.disturb.require_fits(case)
        return self


def task_from_dict(data: Mapping[str, Any], where: str = "") -> TaskSpec:
    """Validates plain data into a task.

    A mapping with ``objects`` and ``goal`` at top level is read as a task of a single case.

    Raises:
        SpecError: Names the key, the reason and the nearest valid key.
    """
    plain = dict(data)
    case_keys = set(Case.model_fields)
    single = "cases" not in plain and bool(case_keys & set(plain))
    if single:
        plain["cases"] = [{k: plain.pop(k) for k in list(plain) if k in case_keys}]
    try:
        return TaskSpec.model_validate(plain)
    except ValidationError as error:
        raise _spec_error(error, where, single=single) from error


def _encloses(outer: tuple[int | str, ...], inner: tuple[int | str, ...]) -> bool:
    return len(outer) < len(inner) and inner[: len(outer)] == outer


def _spec_error(error: ValidationError, where: str, *, single: bool) -> SpecError:
    """The first error; a ``single`` case has its keys at top level."""
    found = error.errors()
    # A list that fails on an item is also reported as too short: only the item is the error.
    found = [e for e in found if not any(_encloses(e["loc"], other["loc"]) for other in found)]
    first = found[0]
    key = ".".join(str(part) for part in first["loc"]) or "task"
    remedy = "see `datafactory config schema`"
    if first["type"] == "extra_forbidden":
        known = known_keys(TaskSpec, first["loc"])
        if len(first["loc"]) == 1 and single:
            known |= set(Case.model_fields)
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
