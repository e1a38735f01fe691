"""Field types of task data: goals, relations and queries read from plain values, ranges."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    model_serializer,
)

from datafactory.errors import DataFactoryError
from datafactory.scene_graph.graph import FRAMES, RELATIONS, Goal, Relation

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


def read_goal(value: Any) -> Goal:
    """Reads a relation, a list of relations or a list of stages."""
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


def _read_table(value: Any) -> dict[str, Any] | None:
    from datafactory_assets.tables.query import TableQuery

    if value is None:
        return None
    try:
        return dict(TableQuery.parse(value).to_dict())
    except DataFactoryError as error:
        raise ValueError(str(error)) from error


GOAL_SCHEMA: dict[str, Any] = {"anyOf": [_RELATION_SCHEMA, {"type": "array"}]}
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


TableField = Annotated[
    dict[str, Any] | None,
    BeforeValidator(_read_table),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}, {"type": "null"}]}),
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


class Model(BaseModel):
    """A part of a task: frozen, unknown keys refused.

    Keys named in ``added`` came later than the first release. They are left out of the data while
    they have their default, so the hashes and random streams of tasks without them are as before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
    added: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _plain(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data: dict[str, Any] = handler(self)
        for name in self.added:
            if getattr(self, name) == type(self).model_fields[name].get_default(
                call_default_factory=True
            ):
                data.pop(name, None)
        return data
