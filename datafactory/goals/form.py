"""What a goal form is, and what it says of a given cast."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from datafactory.fields import Model
from datafactory.goals.cast import Cast
from datafactory.scene_graph.graph import Goal, Relation

Trait = Literal["colour", "material", "category"]


@dataclass(frozen=True)
class Said:
    """What an instruction says of one stage.

    Attributes:
        form: Key of the phrase book (``sort``, ``put_in`` ...).
        slots: Slot to object names, or to a plain word.
    """

    form: str
    slots: Mapping[str, tuple[str, ...] | str]


class Form(Model):
    """One goal form; the key ``form`` tells which."""

    sizes: ClassVar[tuple[int, int]] = (1, 64)
    """Fewest and most objects that ``objects`` may stand for, members of sets counted."""

    @property
    def kind(self) -> str:
        """Its name in task files, the field ``form`` of every concrete form."""
        return str(self.model_dump()["form"])

    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Roles and sets the form mentions."""

    @abstractmethod
    def goal(self, cast: Cast) -> Goal:
        """What must become true."""

    @abstractmethod
    def said(self, cast: Cast) -> tuple[Said, ...]:
        """What an instruction says, stage by stage."""

    def initial(self, cast: Cast) -> tuple[Relation, ...]:
        """What holds at the start because of the form."""
        return ()

    def wanted(self) -> tuple[tuple[str, str, str], ...]:
        """(relation, objects, reference), by role or set, as far as known without a cast."""
        return ()

    def matching(self) -> tuple[tuple[str, str, str], ...]:
        """(objects, places, trait): every object shares its trait with exactly one place."""
        return ()


def all_of(*relations: Relation) -> Goal:
    """The goal that all relations hold together."""
    return Goal(((tuple(relations),),))
