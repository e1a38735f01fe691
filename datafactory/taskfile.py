"""Task and config files: YAML read with the line of every key, and ``--set`` overrides.

The dialect is YAML 1.2's for plain words and numbers: ``on`` and ``off`` are words, not booleans
(``relation: on`` must mean the relation), and ``1e-3`` is a number. A key written twice is an
error, never the last one silently.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from datafactory.errors import DataFactoryError, SpecError, UnknownNameError

__all__ = [
    "Document",
    "apply_set",
    "load_task_file",
    "load_yaml_file",
    "located",
    "merge",
    "parse_value",
]

MAX_NODES = 100_000
_FLOAT = re.compile(
    r"""^(?:[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?
    |[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$""",
    re.VERBOSE,
)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with YAML 1.2's booleans and floats."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in pairs
        if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:float")
    ]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))


@dataclass(frozen=True)
class Document:
    """A parsed YAML mapping that remembers where its keys stand.

    Attributes:
        data: Plain data.
        source: File name as the user wrote it.
        lines: Line number (from 1) by dotted key (``randomize.mass_scale.0``).
    """

    data: dict[str, Any]
    source: str
    lines: Mapping[str, int] = field(default_factory=dict)

    def where(self, key: str) -> str:
        """``file:line:key``, with the line of the nearest enclosing key that has one."""
        line = _nearest(key, self.lines)
        return f"{self.source}:{line}:{key}" if line else f"{self.source}:{key}"


def load_yaml_file(path: str | Path) -> Document:
    """Reads one YAML mapping.

    Args:
        path: File to read.

    Raises:
        SpecError: Missing, unreadable, not YAML, not a mapping, or a key twice; names
            ``file:line:column`` or ``file:line:key``.
    """
    source = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SpecError("not a text file", where=source, why=f"not UTF-8: {error}") from error
    except OSError as error:
        raise SpecError("cannot read a file", where=source, why=error.strerror or str(error),
                        remedy="check the path") from error  # fmt: skip
    return _parse(text, source)


def load_task_file(path: str | Path) -> Document:
    """Reads a task file; see ``load_yaml_file``. A task without a name gets the file's stem."""
    document = load_yaml_file(path)
    if "name" not in document.data:
        stem = re.sub(r"[^a-z0-9_\-]+", "_", Path(path).stem.lower()).strip("_-")
        document.data["name"] = stem or "task"
    return document


def _parse(text: str, source: str) -> Document:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        lines: dict[str, int] = {}
        if node is not None:
            for count, (key, line) in enumerate(_walk(node, "", source, frozenset())):
                if count > MAX_NODES:
                    raise SpecError("this YAML file is too large", where=source,
                                    why=f"more than {MAX_NODES} keys")  # fmt: skip
                lines[key] = line
        data = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        raise _syntax_error(error, source) from error
    finally:
        loader.dispose()
    if not isinstance(data, dict):
        found = "nothing" if data is None else type(data).__name__
        raise SpecError("a file must hold a mapping of keys to values", where=f"{source}:1",
                        why=f"found {found}", remedy="see `datafactory config init`")  # fmt: skip
    return Document(data, source, lines)


def _walk(
    node: yaml.Node, prefix: str, source: str, parents: frozenset[int]
) -> Iterator[tuple[str, int]]:
    """Yields (dotted key, line) of every key and list item below a node."""
    if id(node) in parents:
        raise SpecError("a YAML alias contains itself", where=f"{source}:{prefix}")
    inside = parents | {id(node)}
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            key, line = str(key_node.value), key_node.start_mark.line + 1
            path = f"{prefix}.{key}" if prefix else key
            if key in seen and key != "<<":
                raise SpecError(f"key '{key}' is written twice", where=f"{source}:{line}:{path}",
                                why=f"first on line {seen[key]}",
                                remedy="keep one of them")  # fmt: skip
            seen[key] = line
            yield path, line
            yield from _walk(value_node, path, source, inside)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            path = f"{prefix}.{index}" if prefix else str(index)
            yield path, item.start_mark.line + 1
            yield from _walk(item, path, source, inside)


def _syntax_error(error: yaml.YAMLError, source: str) -> SpecError:
    mark = getattr(error, "problem_mark", None)
    where = source if mark is None else f"{source}:{mark.line + 1}:{mark.column + 1}"
    why = getattr(error, "problem", None) or str(error).splitlines()[0]
    return SpecError("not valid YAML", where=where, why=why, remedy="check indentation and quotes")


def _nearest(key: str, known: Mapping[str, Any]) -> Any:
    """Value of the longest known prefix of a dotted key; a task of a single case may omit it."""
    for candidate in (key, key.removeprefix("cases.0.")):
        parts = candidate.split(".")
        for end in range(len(parts), 0, -1):
            found = known.get(".".join(parts[:end]))
            if found is not None:
                return found
    return known.get("")


def located(error: DataFactoryError, sources: Mapping[str, str]) -> DataFactoryError:
    """Rewrites an error's ``where`` from ``...:key`` to the place the key was written.

    Args:
        error: Raised by a validation that was given no file name, so ``where`` ends in the key.
        sources: Dotted key to place (``file:line`` or ``--set key=value``); the empty key stands
            for the whole document.

    Returns:
        The same error type with a precise ``where``; the error itself when nothing is known.
    """
    key = error.where.rpartition(":")[2]
    place = _nearest(key, sources)
    if place is None:
        return error
    where = place if place.startswith("--") or not key else f"{place}:{key}"
    return type(error)(error.what, where=where, why=error.why, remedy=error.remedy)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """A deep copy of ``base`` with the mappings of ``over`` laid over it; lists are replaced."""
    merged = {
        key: merge(value, {}) if isinstance(value, Mapping) else value
        for key, value in base.items()
    }
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = merge(old, value)
        else:
            merged[key] = merge(value, {}) if isinstance(value, Mapping) else value
    return merged


def apply_set(
    data: Mapping[str, Any], assignments: Sequence[str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Applies ``--set`` overrides such as ``randomize.mass_scale=[0.9, 1.1]``.

    Args:
        data: Plain data; not changed.
        assignments: ``dotted.key=value``; the value is YAML, a number in the key indexes a list.

    Returns:
        The new data, and the dotted key to its ``--set`` text.

    Raises:
        SpecError: An assignment is malformed or its key passes through something that is no
            mapping or list.
    """
    result = merge(data, {})
    sources: dict[str, str] = {}
    for text in assignments:
        key, equals, value_text = text.partition("=")
        key, place = key.strip(), f"--set {text}"
        if not equals or not key or not all(key.split(".")):
            raise SpecError("--set takes KEY=VALUE", where=place,
                            remedy="for example --set randomize.mass_scale=[0.9,1.1]")  # fmt: skip
        _assign(result, key.split("."), parse_value(value_text, place), place)
        sources[key] = place
    return result, sources


def parse_value(text: str, where: str) -> Any:
    """Reads one YAML value, such as ``[0.9, 1.1]``; ``where`` is named in errors."""
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    except yaml.YAMLError as error:
        raise SpecError("not a valid YAML value", where=where,
                        why=str(getattr(error, "problem", error)),
                        remedy="quote it for the shell: 'key=[1, 2]'") from error  # fmt: skip
    finally:
        loader.dispose()


def _assign(data: dict[str, Any], path: Sequence[str], value: Any, where: str) -> None:
    holder: Any = data
    for depth, part in enumerate(path):
        last = depth == len(path) - 1
        if isinstance(holder, list):
            index = _list_index(holder, part, path[:depth], where)
            if last:
                holder[index] = value
                return
            holder[index] = _copied(holder[index])
            holder = holder[index]
        elif isinstance(holder, dict):
            if last:
                holder[part] = value
                return
            holder[part] = _copied(holder.get(part, {}))
            holder = holder[part]
        else:
            raise SpecError(f"'{'.'.join(path[:depth])}' has no keys", where=where,
                            why=f"it is {type(holder).__name__} {holder!r}")  # fmt: skip


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, list | tuple):
        return list(value)
    return value


def _list_index(items: list[Any], part: str, parents: Sequence[str], where: str) -> int:
    if not part.isdigit() or int(part) >= len(items):
        known = [str(i) for i in range(len(items))]
        raise UnknownNameError.of(f"index of '{'.'.join(parents)}'", part, known, where)
    return int(part)
