"""Scene graphs and goals as values: nodes, relations, and goals made of them.

A goal is a sequence of stages reached in order; a stage is a list of alternatives (OR); an
alternative is a list of relations (AND). The idea of a goal graph with ORs of ANDs follows the
task-oriented scene graphs of GenManip (arXiv 2506.10966); the definitions here are physical.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from datafactory.errors import SpecError, UnknownNameError

RelationName = Literal[
    "on", "in", "left", "right", "front", "back", "behind",
    "near", "between", "above", "below", "touching", "stacked",
    "aligned", "upright_in", "at", "apart",
]  # fmt: skip
FrameName = Literal["world", "robot", "camera"]
RELATIONS: tuple[str, ...] = get_args(RelationName)
FRAMES: tuple[str, ...] = get_args(FrameName)
TABLE = "table"
TABLE_OUTLINE = "table_outline"
"""Custom number of a stored model: the outline of the top of a piece of furniture."""
FURNITURE = "furniture"
"""What belongs to a table beside its top: legs, doors, boards above and behind."""
START = "@start"
"""Ends the name of a place: where an object stood when the scene had settled."""


def start_of(name: str) -> str:
    """Name of the place where an object stood at the start."""
    return name + START


def is_place(name: str) -> bool:
    """Whether a name is that of a place instead of an object's."""
    return name.endswith(START)


@dataclass(frozen=True, order=True)
class Relation:
    """``subject`` stands in relation ``name`` to ``objects``, seen from ``frame``.

    Attributes:
        name: One of ``RELATIONS``.
        subject: Node name.
        objects: Reference node names: two for ``between``, one or more for ``aligned``, else one.
            ``b@start`` is the place where ``b`` stood at the start.
        frame: Frame of directional relations. The viewer of a frame stands at its origin and looks
            along its +x (world, robot) or +z (camera): ``left`` is the viewer's left, ``front`` is
            nearer to the viewer, ``behind`` and ``back`` are farther away.
    """

    name: str
    subject: str
    objects: tuple[str, ...]
    frame: str = "world"

    def __post_init__(self) -> None:
        if self.name not in RELATIONS:
            raise UnknownNameError.of("relation", self.name, RELATIONS)
        if self.frame not in FRAMES:
            raise UnknownNameError.of("frame", self.frame, FRAMES)
        wanted = 2 if self.name == "between" else 1
        if len(self.objects) != wanted and not (self.name == "aligned" and self.objects):
            raise SpecError(
                f"relation '{self.name}' takes {wanted} reference object(s), got {self.objects}"
            )
        if self.subject in self.objects or len(set(self.objects)) != len(self.objects):
            raise SpecError(f"relation '{self.name}' relates '{self.subject}' to itself")

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "relation": self.name,
            "subject": self.subject,
            "objects": list(self.objects),
            "frame": self.frame,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "") -> Relation:
        """Reads the JSON form; ``object: x`` is accepted for ``objects: [x]``."""
        known = {"relation", "subject", "object", "objects", "frame"}
        for key in data:
            if key not in known:
                raise UnknownNameError.of("relation key", str(key), known, where)
        if "relation" not in data or "subject" not in data:
            raise SpecError("a relation needs 'relation' and 'subject'", where=where)
        objects = data.get("objects", data.get("object"))
        if objects is None:
            raise SpecError("a relation needs 'object' or 'objects'", where=where)
        if isinstance(objects, str):
            objects = [objects]
        return cls(
            str(data["relation"]),
            str(data["subject"]),
            tuple(str(o) for o in objects),
            str(data.get("frame", "world")),
        )

    def __str__(self) -> str:
        suffix = "" if self.frame == "world" else f" [{self.frame}]"
        return f"{self.name}({', '.join((self.subject, *self.objects))}){suffix}"


Alternative = tuple[Relation, ...]
Stage = tuple[Alternative, ...]


@dataclass(frozen=True)
class Goal:
    """Ordered stages, each an OR of ANDs of relations. Combine with ``&``, ``|`` and ``then``."""

    stages: tuple[Stage, ...]

    def __and__(self, other: Goal) -> Goal:
        a, b = self._single(), other._single()
        return Goal((tuple(x + y for x in a for y in b),))

    def __or__(self, other: Goal) -> Goal:
        return Goal((self._single() + other._single(),))

    def then(self, other: Goal) -> Goal:
        """This goal first, then the other; earlier stages need not stay true."""
        return Goal(self.stages + other.stages)

    def _single(self) -> Stage:
        if len(self.stages) != 1:
            raise SpecError("'&' and '|' combine single-stage goals; use .then() last")
        return self.stages[0]

    def relations(self) -> tuple[Relation, ...]:
        """All relations, in order, with repeats."""
        return tuple(r for stage in self.stages for alt in stage for r in alt)

    def names(self) -> frozenset[str]:
        """All node names the goal mentions, those of places left out."""
        mentioned = (n for r in self.relations() for n in (r.subject, *r.objects))
        return frozenset(n for n in mentioned if not is_place(n))

    def to_list(self) -> list[list[list[dict[str, Any]]]]:
        """JSON form: stages of alternatives of relations."""
        return [[[r.to_dict() for r in alt] for alt in stage] for stage in self.stages]

    @classmethod
    def from_json(cls, data: Any, where: str = "goal") -> Goal:
        """Reads a relation, a list of relations (AND), or the full three-level form."""
        if isinstance(data, Mapping):
            return cls((((Relation.from_dict(data, where),),),))
        if not isinstance(data, list | tuple) or not data:
            raise SpecError("a goal is a relation or a non-empty list", where=where)
        if all(isinstance(item, Mapping) for item in data):
            relations = tuple(
                Relation.from_dict(item, f"{where}[{i}]") for i, item in enumerate(data)
            )
            return cls(((relations,),))
        stages = []
        for i, stage in enumerate(data):
            if not isinstance(stage, list | tuple) or not stage:
                raise SpecError("a goal stage is a non-empty list", where=f"{where}[{i}]")
            alternatives = []
            for j, alt in enumerate(stage):
                items = [alt] if isinstance(alt, Mapping) else alt
                alternatives.append(
                    tuple(
                        Relation.from_dict(item, f"{where}[{i}][{j}][{k}]")
                        for k, item in enumerate(items)
                    )
                )
            stages.append(tuple(alternatives))
        return cls(tuple(stages))

    def __str__(self) -> str:
        return " then ".join(
            " or ".join(" and ".join(str(r) for r in alt) for alt in stage) for stage in self.stages
        )


def _relation(name: str, subject: str, *objects: str, frame: str = "world") -> Goal:
    return Goal((((Relation(name, subject, tuple(objects), frame),),),))


def on(subject: str, support: str) -> Goal:
    """``subject`` rests on ``support``: its weight is carried by contact with it."""
    return _relation("on", subject, support)


def inside(subject: str, container: str) -> Goal:
    """``subject`` is in the cavity of ``container``."""
    return _relation("in", subject, container)


def left(subject: str, reference: str, frame: str = "world") -> Goal:
    """``subject`` is to the left of ``reference`` for the viewer of ``frame``."""
    return _relation("left", subject, reference, frame=frame)


def right(subject: str, reference: str, frame: str = "world") -> Goal:
    """``subject`` is to the right of ``reference`` for the viewer of ``frame``."""
    return _relation("right", subject, reference, frame=frame)


def front(subject: str, reference: str, frame: str = "world") -> Goal:
    """``subject`` is nearer to the viewer of ``frame`` than ``reference``."""
    return _relation("front", subject, reference, frame=frame)


def behind(subject: str, reference: str, frame: str = "world") -> Goal:
    """``subject`` is farther from the viewer of ``frame`` than ``reference``."""
    return _relation("behind", subject, reference, frame=frame)


def near(subject: str, reference: str) -> Goal:
    """``subject`` stands close to ``reference``."""
    return _relation("near", subject, reference)


def between(subject: str, first: str, second: str) -> Goal:
    """``subject`` stands between two references, at their height."""
    return _relation("between", subject, first, second)


def above(subject: str, reference: str) -> Goal:
    """``subject`` is higher than ``reference``, over its footprint."""
    return _relation("above", subject, reference)


def below(subject: str, reference: str) -> Goal:
    """``subject`` is lower than ``reference``, under its footprint."""
    return _relation("below", subject, reference)


def touching(subject: str, reference: str) -> Goal:
    """``subject`` and ``reference`` are in contact."""
    return _relation("touching", subject, reference)


def stacked(subject: str, support: str) -> Goal:
    """``subject`` rests on ``support`` alone and is centred over it."""
    return _relation("stacked", subject, support)


def aligned(subject: str, *others: str) -> Goal:
    """``subject`` stands in one straight row with the others, no gap of the row too wide."""
    return _relation("aligned", subject, *others)


def upright_in(subject: str, holder: str) -> Goal:
    """``subject`` stands upright in the cavity, or a cell, of ``holder``."""
    return _relation("upright_in", subject, holder)


def at(subject: str, place: str) -> Goal:
    """``subject`` stands at a place: ``at("a", start_of("b"))`` is where ``b`` stood."""
    return _relation("at", subject, place)


def apart(subject: str, place: str) -> Goal:
    """``subject`` stands at the height of an object or place, clear of it."""
    return _relation("apart", subject, place)


@dataclass(frozen=True)
class Node:
    """A node of a scene graph.

    Attributes:
        name: Role name (``a``, ``distractor_0``, ``table``, ``robot``).
        kind: ``object``, ``container``, ``support``, ``part`` or ``robot``.
        category: Category noun; empty for table and robot.
        asset: Asset uid; empty for a plain table and the robot.
    """

    name: str
    kind: str
    category: str = ""
    asset: str = ""


@dataclass(frozen=True)
class SceneGraph:
    """Nodes and the relations that hold between them."""

    nodes: tuple[Node, ...]
    edges: tuple[Relation, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "nodes": [
                {"name": n.name, "kind": n.kind, "category": n.category, "asset": n.asset}
                for n in self.nodes
            ],
            "edges": [e.to_dict() for e in self.edges],
        }
