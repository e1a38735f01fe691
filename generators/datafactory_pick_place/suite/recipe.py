"""What a recipe of the suite is: a kind of task, with the objects it may be about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Side = Literal["one", "other", "carried"]


@dataclass(frozen=True)
class Part:
    """A role or a set.

    Attributes:
        families: Families it may be of.
        side: The half of the layout it starts in, swapped for the unseen variant; ``carried``
            when something else holds it at the start.
        count: Smallest and largest number of a set; None for a single object.
        kinds: Number of families one task takes.
        where: Conditions of the query besides the family.
        listed: Single instances are listed; otherwise every instance of the split is meant, where
            a goal needs objects that share a trait.
    """

    families: tuple[str, ...]
    side: Side = "one"
    count: tuple[int, int] | None = None
    kinds: int = 2
    where: Mapping[str, Any] = field(default_factory=dict)
    listed: bool = True


@dataclass(frozen=True)
class Recipe:
    """A kind of task.

    Attributes:
        title: Short name.
        tasks: How many tasks of the suite are of it.
        description: One line.
        goal: Goal form.
        parts: Roles and sets by name.
        distractors: Smallest and largest number.
        refer: As in task files.
        lookalikes: As in task files.
        table: Condition of the furniture to work at; the plain board when None.
        reach_rad: Greatest bearing of an object.
    """

    title: str
    tasks: int
    description: str
    goal: Mapping[str, Any]
    parts: Mapping[str, Part]
    distractors: tuple[int, int] = (0, 3)
    refer: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lookalikes: tuple[Mapping[str, Any], ...] = ()
    table: Mapping[str, Any] | None = None
    reach_rad: float = 1.0
