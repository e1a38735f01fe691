"""A validator for the JSON Schema vocabulary that task schemas use. Unknown keywords are refused.

Small on purpose: it serves conformance checks, so that they need no further dependency.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_ANNOTATIONS = frozenset(
    {"title", "description", "default", "examples", "$defs", "$schema", "$id", "deprecated"}
)
_TOGETHER = ("required", "properties", "additionalProperties", "prefixItems", "items")
"""Keywords that only mean something together."""
_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (Mapping,),
    "array": (list, tuple),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def violations(data: Any, schema: Mapping[str, Any]) -> list[str]:
    """What of a schema some plain data breaks, each as ``path: rule``; empty when it is valid.

    Raises:
        ValueError: The schema uses a keyword that is not supported here.
    """
    return list(_Validator(schema).check(data, schema, "$"))


def _is_type(data: Any, name: str) -> bool:
    if isinstance(data, bool) and name != "boolean":
        return False
    return isinstance(data, _TYPES[name]) or (
        name == "integer" and isinstance(data, float) and data.is_integer()
    )


class _Validator:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root

    def check(self, data: Any, schema: Any, path: str) -> Iterator[str]:
        if schema is True:
            return
        if schema is False:
            yield f"{path}: nothing is allowed here"
            return
        for key, rule in schema.items():
            if key in _ANNOTATIONS or key in _TOGETHER:
                continue
            method = getattr(self, "_" + key.removeprefix("$"), None)
            if method is None:
                raise ValueError(f"JSON Schema keyword '{key}' is not supported")
            yield from method(data, rule, path)
        if isinstance(data, Mapping):
            yield from self._members(data, schema, path)
        elif isinstance(data, list | tuple):
            yield from self._elements(data, schema, path)

    def _members(self, data: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
        for name in schema.get("required", ()):
            if name not in data:
                yield f"{path}: '{name}' is required"
        named = schema.get("properties", {})
        rest = schema.get("additionalProperties", True)
        for name, value in data.items():
            yield from self.check(value, named.get(name, rest), f"{path}.{name}")

    def _elements(self, data: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
        first = schema.get("prefixItems", ())
        rest = schema.get("items", True)
        for k, value in enumerate(data):
            yield from self.check(value, first[k] if k < len(first) else rest, f"{path}[{k}]")

    def _ref(self, data: Any, rule: str, path: str) -> Iterator[str]:
        target: Any = self._root
        for part in rule.removeprefix("#/").split("/"):
            target = target[part]
        yield from self.check(data, target, path)

    def _type(self, data: Any, rule: str | Sequence[str], path: str) -> Iterator[str]:
        names = [rule] if isinstance(rule, str) else rule
        if not any(_is_type(data, name) for name in names):
            yield f"{path}: {type(data).__name__} is not {' or '.join(names)}"

    def _enum(self, data: Any, rule: Sequence[Any], path: str) -> Iterator[str]:
        if data not in rule:
            yield f"{path}: {data!r} is none of {list(rule)}"

    def _const(self, data: Any, rule: Any, path: str) -> Iterator[str]:
        yield from self._enum(data, [rule], path)

    def _anyOf(self, data: Any, rule: Sequence[Any], path: str) -> Iterator[str]:  # noqa: N802
        broken = [list(self.check(data, option, path)) for option in rule]
        if all(broken):
            yield f"{path}: matches no alternative ({'; '.join(b[0] for b in broken)})"

    def _oneOf(self, data: Any, rule: Sequence[Any], path: str) -> Iterator[str]:  # noqa: N802
        fitting = sum(not list(self.check(data, option, path)) for option in rule)
        if fitting != 1:
            yield f"{path}: matches {fitting} alternatives, not one"

    def _allOf(self, data: Any, rule: Sequence[Any], path: str) -> Iterator[str]:  # noqa: N802
        for part in rule:
            yield from self.check(data, part, path)

    def _minItems(self, data: Any, rule: int, path: str) -> Iterator[str]:  # noqa: N802
        if isinstance(data, list | tuple) and len(data) < rule:
            yield f"{path}: fewer than {rule} items"

    def _maxItems(self, data: Any, rule: int, path: str) -> Iterator[str]:  # noqa: N802
        if isinstance(data, list | tuple) and len(data) > rule:
            yield f"{path}: more than {rule} items"

    def _minProperties(self, data: Any, rule: int, path: str) -> Iterator[str]:  # noqa: N802
        if isinstance(data, Mapping) and len(data) < rule:
            yield f"{path}: fewer than {rule} keys"

    def _minLength(self, data: Any, rule: int, path: str) -> Iterator[str]:  # noqa: N802
        if isinstance(data, str) and len(data) < rule:
            yield f"{path}: shorter than {rule}"

    def _pattern(self, data: Any, rule: str, path: str) -> Iterator[str]:
        if isinstance(data, str) and not re.search(rule, data):
            yield f"{path}: {data!r} does not match {rule}"

    def _minimum(self, data: Any, rule: float, path: str) -> Iterator[str]:
        if _is_type(data, "number") and data < rule:
            yield f"{path}: {data} < {rule}"

    def _maximum(self, data: Any, rule: float, path: str) -> Iterator[str]:
        if _is_type(data, "number") and data > rule:
            yield f"{path}: {data} > {rule}"

    def _exclusiveMinimum(self, data: Any, rule: float, path: str) -> Iterator[str]:  # noqa: N802
        if _is_type(data, "number") and data <= rule:
            yield f"{path}: {data} <= {rule}"

    def _exclusiveMaximum(self, data: Any, rule: float, path: str) -> Iterator[str]:  # noqa: N802
        if _is_type(data, "number") and data >= rule:
            yield f"{path}: {data} >= {rule}"
