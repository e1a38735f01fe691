"""The goal forms. Each is a few keys that name roles or sets, and becomes an ordinary goal.

A form says three things of a given cast: the goal (stages of alternatives of relations), what
must hold at the start besides the task's own initial relations, and what an instruction has to
say: a key of the phrase book and the objects that fill its slots.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, pairwise, permutations
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, model_validator

from datafactory.goals.cast import Cast
from datafactory.goals.form import Form, Said, Trait, all_of
from datafactory.scene_graph.graph import TABLE, FrameName, Goal, Relation, RelationName, start_of


class Put(Form):
    """Every object of ``subject`` (or ``count`` of them) in a relation to ``object``."""

    form: Literal["put"] = "put"
    relation: RelationName
    subject: str
    object: str = ""
    objects: tuple[str, ...] = ()
    frame: FrameName = "world"
    count: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _references(self) -> Put:
        if bool(self.object) == bool(self.objects):
            raise ValueError("'put' takes 'object', or 'objects' for several references")
        return self

    def _references_of(self, cast: Cast) -> tuple[str, ...]:
        return cast.of(*(self.objects or (self.object,)))

    def names(self) -> tuple[str, ...]:
        """Roles and sets the form mentions."""
        return (self.subject, *(self.objects or (self.object,)))

    def wanted(self) -> tuple[tuple[str, str, str], ...]:
        """The objects in a relation to each reference."""
        others = self.objects or (self.object,)
        return tuple((self.relation, self.subject, name) for name in others)

    def goal(self, cast: Cast) -> Goal:
        """All subjects, or any ``count`` of them."""
        subjects, others = cast.of(self.subject), self._references_of(cast)
        chosen = combinations(subjects, min(self.count or len(subjects), len(subjects)))
        return Goal((tuple(
            tuple(Relation(self.relation, s, others, self.frame) for s in some) for some in chosen
        ),))  # fmt: skip

    def said(self, cast: Cast) -> tuple[Said, ...]:
        """``put_<relation>``, or ``put_some_<relation>`` with a count."""
        name = "behind" if self.relation == "back" else self.relation
        slots: dict[str, tuple[str, ...] | str] = {"subject": cast.of(self.subject)}
        others = self._references_of(cast)
        slots["object"] = others[:1] if self.relation == "between" else others
        if self.relation == "between":
            slots["other"] = others[1:]
        if self.count is None:
            return (Said(f"put_{name}", slots),)
        return (Said(f"put_some_{name}", {**slots, "count": str(self.count)}),)


class Sort(Form):
    """Each object in or on the place that shares its trait."""

    form: Literal["sort"] = "sort"
    objects: str
    into: str
    by: Trait = "colour"
    relation: Literal["in", "on"] = "in"

    def names(self) -> tuple[str, ...]:
        """The objects and the places."""
        return (self.objects, self.into)

    def matching(self) -> tuple[tuple[str, str, str], ...]:
        """Objects match places."""
        return ((self.objects, self.into, self.by),)

    def wanted(self) -> tuple[tuple[str, str, str], ...]:
        """The objects in or on the places."""
        return ((self.relation, self.objects, self.into),)

    def goal(self, cast: Cast) -> Goal:
        """Each in its own."""
        place = {cast.trait(n, self.by): n for n in cast.of(self.into)}
        return all_of(*(
            Relation(self.relation, n, (place[cast.trait(n, self.by)],))
            for n in cast.of(self.objects)
        ))  # fmt: skip

    def said(self, cast: Cast) -> tuple[Said, ...]:
        """``sort_in`` or ``sort_on``."""
        slots = {"objects": cast.of(self.objects), "into": cast.of(self.into), "by": self.by}
        return (Said(f"sort_{self.relation}", slots),)


class Group(Form):
    """Sets sorted by what they are: each set in its own place."""

    form: Literal["group"] = "group"
    groups: dict[str, str] = Field(min_length=2)
    relation: Literal["in", "on"] = "in"

    def names(self) -> tuple[str, ...]:
        """Sets and places."""
        return (*self.groups, *self.groups.values())

    def wanted(self) -> tuple[tuple[str, str, str], ...]:
        """Each set in or on its place."""
        return tuple((self.relation, name, place) for name, place in self.groups.items())

    def goal(self, cast: Cast) -> Goal:
        """Every member in its set's place."""
        return all_of(*(
            Relation(self.relation, n, cast.of(place))
            for name, place in self.groups.items()
            for n in cast.of(name)
        ))  # fmt: skip

    def said(self, cast: Cast) -> tuple[Said, ...]:
        """``group_in`` or ``group_on``, with the first two groups or a list of all."""
        slots: dict[str, tuple[str, ...] | str] = {}
        for k, (name, place) in enumerate(self.groups.items()):
            slots |= {f"objects_{k}": cast.of(name), f"place_{k}": cast.of(place)}
        return (Said(f"group_{self.relation}_{len(self.groups)}", slots),)


class Stack(Form):
    """A tower, widest at the bottom."""

    sizes = (2, 64)
    form: Literal["stack"] = "stack"
    objects: tuple[str, ...] = Field(min_length=1)

    def names(self) -> tuple[str, ...]:
        """What the tower is made of."""
        return self.objects

    def _order(self, cast: Cast) -> tuple[str, ...]:
        return cast.widest_first(cast.of(*self.objects))

    def goal(self, cast: Cast) -> Goal:
        """Each on the one below it."""
        order = self._order(cast)
        return all_of(*(
            Relation("stacked", a, (b,)) for b, a in pairwise(order)
        ))  # fmt: skip

    def said(self, cast: Cast) -> tuple[Said, ...]:
        """``put_stacked`` for two, else ``stack`` with the order from the bottom."""
        order = self._order(cast)
        if len(order) == 2:
            return (Said("put_stacked", {"subject": order[1:], "object": order[:1]}),)
        slots = {"order": order, "bottom": order[:1], "top": order[-1:], "rest": order[1:]}
        return (Said("stack", {**slots, "upper": order[1:-1]}),)


class Clear(Form):
    """Everything of the sets goes from the table into a container."""

    form: Literal["clear"] = "clear"
    objects: tuple[str, ...] = Field(min_length=1)
    into: str
    relation: Literal["in", "on"] = "in"

    def names(self) -> tuple[str, ...]:
        """What is cleared away, and where to."""
        return (*self.objects, self.into)

    def wanted(self) -> tuple[tuple[str, str, str], ...]:
        """All in or on the container."""
        return tuple((self.relation, name, self.into) for name in self.objects)

    def goal(self, cast: Cast) -> Goal:
        """All in the container."""
        into = cast.of(self.into)
        return all_of(*(Relation(self.relation, n, into) for n in cast.of(*self.objects)))

    def said(self, cast: Cast) -> tuple[Said, ...]:
        """``clear_in`` or ``clear_on``."""
        slots = {"objects": cast.of(*self.objects), "into": cast.of(self.into)}
        return (Said(f"clear_{self.relation}", slots),)


class Line(Form):
    """All in one straight row; up to five objects."""

    sizes = (2, 64)
    form: Literal["line"] = "line"
    objects: tuple[str, ...] = Field(min_length=1)

    def names(self) -> tuple[str, ...]:
        """What stands in the row."""
        return self.objects

    def goal(self, cast: Cast) -> Goal:
        """Each one continues the row of those before it, in any order along the row.

        A row read backwards is the same row, so half of all orders are enough.
        """
        members = cast.of(*self.objects)
        orders = (p for p in permutations(range(len(members))) if p[0] <= p[-1])
        rows = ([members[k] for k in order] for order in orders)
        return Goal((tuple(
            tuple(Relation("aligned", n, tuple(row[:k])) for k, n in enumerate(row) if k)
            for row in rows
        ),))  # fmt: skip

    def said(self, cast: Cast) -> tuple[Said, ...]:
        """``line``."""
        return (Said("line", {"objects": cast.of(*self.objects)}),)


class Nest(Form):
    """One container inside the other, widest outside."""

    sizes = (2, 64)
    form: Literal["nest"] = "nest"
    objects: tuple[str, ...] = Field(min_length=1)

    def names(self) -> tuple[str, ...]:
        """The containers."""
        return self.objects

    def _order(self, cast: Cast) -> tuple[str, ...]:
        return cast.widest_first(cast.of(*self.objects))

    def goal(self, cast: Cast) -> Goal:
        """Each in the next wider one."""
        order = self._order(cast)
        return all_of(*(
            Relation("in", a, (b,)) for b, a in pairwise(order)
        ))  # fmt: skip

    def said(self, cast: Cast) -> tuple[Said, ...]:
        """``nest``, with the outermost and the others."""
        order = self._order(cast)
        return (Said("nest", {"outer": order[:1], "inner": order[1:]}),)


class Insert(Form):
    """Something long stands in a holder, or in a cell of it."""

    form: Literal["insert"] = "insert"
    objects: tuple[str, ...] = Field(min_length=1)
    into: str

    def names(self) -> tuple[str, ...]:
        """What is inserted, and where."""
        return (*self.objects, self.into)

    def wanted(self) -> tuple[tuple[str, str, str], ...]:
        """Each in the holder."""
        return tuple(("upright_in", name, self.into) for name in self.objects)

    def goal(self, cast: Cast) -> Goal:
        """Each upright in the holder."""
        into = cast.of(self.into)
        return all_of(*(Relation("upright_in", n, into) for n in cast.of(*self.objects)))

    def said(self, cast: Cast) -> tuple[Said, ...]:
        """``insert``."""
        slots = {"objects": cast.of(*self.objects), "into": cast.of(self.into)}
        return (Said("insert", slots),)


class Unload(Form):
    """Everything that is in or on one thing at the start goes to another place."""

    form: Literal["unload"] = "unload"
    objects: tuple[str, ...] = Field(min_length=1)
    source: str
    to: str = TABLE
    start: Literal["in", "on", "upright_in"] = "in"
    relation: Literal["in", "on", "upright_in"] = "on"

    def names(self) -> tuple[str, ...]:
        """The objects, where they are, and where they go."""
        return (*self.objects, self.source, *(() if self.to == TABLE else (self.to,)))

    def initial(self, cast: Cast) -> tuple[Relation, ...]:
        """All are at the source."""
        source = cast.of(self.source)
        return tuple(Relation(self.start, n, source) for n in cast.of(*self.objects))

    def wanted(self) -> tuple[tuple[str, str, str], ...]:
        """All where they are, and where they go."""
        start = tuple((self.start, name, self.source) for name in self.objects)
        return (*start, *((self.relation, name, self.to) for name in self.objects))

    def goal(self, cast: Cast) -> Goal:
        """All are at the other place."""
        to = cast.of(self.to)
        return all_of(*(Relation(self.relation, n, to) for n in cast.of(*self.objects)))

    def said(self, cast: Cast) -> tuple[Said, ...]:
        """``unload``; ``transfer`` when the target is not the table."""
        slots: dict[str, tuple[str, ...] | str] = {
            "objects": cast.of(*self.objects), "source": cast.of(self.source)
        }  # fmt: skip
        if self.to == TABLE:
            return (Said("unload", slots),)
        return (Said("transfer", {**slots, "to": cast.of(self.to)}),)


class Swap(Form):
    """Two objects exchange their places."""

    sizes = (2, 2)
    form: Literal["swap"] = "swap"
    objects: tuple[str, ...] = Field(min_length=1, max_length=2)

    def names(self) -> tuple[str, ...]:
        """The two objects."""
        return self.objects

    def goal(self, cast: Cast) -> Goal:
        """Each is where the other was."""
        a, b = cast.of(*self.objects)
        return all_of(Relation("at", a, (start_of(b),)), Relation("at", b, (start_of(a),)))

    def said(self, cast: Cast) -> tuple[Said, ...]:
        """``swap``."""
        a, b = cast.of(*self.objects)
        return (Said("swap", {"first": (a,), "second": (b,), "both": (a, b)}),)


class Sequence(Form):
    """One form after the other; earlier ones need not stay true."""

    form: Literal["sequence"] = "sequence"
    steps: tuple[AnyForm, ...] = Field(min_length=2, max_length=6)

    def names(self) -> tuple[str, ...]:
        """Everything the steps mention."""
        return tuple(name for step in self.steps for name in step.names())

    def matching(self) -> tuple[tuple[str, str, str], ...]:
        """What the steps match."""
        return tuple(rule for step in self.steps for rule in step.matching())

    def initial(self, cast: Cast) -> tuple[Relation, ...]:
        """What the steps need at the start."""
        return tuple(dict.fromkeys(r for step in self.steps for r in step.initial(cast)))

    def wanted(self) -> tuple[tuple[str, str, str], ...]:
        """What the steps want."""
        return tuple(wanted for step in self.steps for wanted in step.wanted())

    def goal(self, cast: Cast) -> Goal:
        """The stages of all steps."""
        return Goal(tuple(stage for step in self.steps for stage in step.goal(cast).stages))

    def said(self, cast: Cast) -> tuple[Said, ...]:
        """What the steps say, in order."""
        return tuple(said for step in self.steps for said in step.said(cast))


Simple = Put | Sort | Group | Stack | Clear | Line | Nest | Insert | Unload | Swap
AnyForm = Annotated[Simple, Field(discriminator="form")]
Sequence.model_rebuild()
_FORM: TypeAdapter[Form] = TypeAdapter(Annotated[Simple | Sequence, Field(discriminator="form")])
FORMS: tuple[str, ...] = (
    "put", "sort", "group", "stack", "clear", "line", "nest", "insert", "unload", "swap",
    "sequence",
)  # fmt: skip


def read_form(data: Mapping[str, Any]) -> Form:
    """Reads a form from plain data; raises pydantic's ``ValidationError``."""
    return _FORM.validate_python(dict(data))


def form_schema() -> dict[str, Any]:
    """JSON Schema of all forms, without shared definitions."""
    return {"type": "object", "required": ["form"], "properties": {"form": {"enum": list(FORMS)}}}
