"""Which keys a data model knows at a place of a document: for remedies that can be followed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel


def known_keys(model: type[BaseModel], location: Sequence[int | str]) -> set[str]:
    """Keys known beside the last part of a location.

    Args:
        model: Model of the whole document.
        location: As in pydantic's errors: keys, numbers of list items, names of union branches.
    """
    here = {model}
    for part in location[:-1]:
        inner = {
            found
            for outer in here
            if part in outer.model_fields
            for found in _models(outer.model_fields[str(part)].annotation)
        }
        # What is no field is a list's number, a mapping's key or a branch's name: the same models.
        here = inner or here
    return {name for each in here for name in each.model_fields}


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
