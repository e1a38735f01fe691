"""The filter language of the viewer, parsed in full; anything left over is an error with a place.

::

    expr  = and {OR and}        and = not {AND not}        not = [NOT] (test | "(" expr ")")
    test  = field op value                     op = = != < <= > >= ~      (~: contains, any case)
          | field [NOT] IN "(" value {"," value} ")"
          | field [NOT] BETWEEN number AND number    (of several values: one of them does)
          | field IS [NOT] NULL
          | place IN BOX "(" x0 "," y0 "," x1 "," y1 ")"                  (metres)
    value = number | 'text' | TRUE | FALSE

A field of several values (``family``, ``tag``) equals a value when one of them does.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from datafactory.errors import SpecError

MAX_LENGTH = 2000
MAX_DEPTH = 40
Kind = Literal["number", "text", "texts", "flag", "time", "place", "values"]
Value = float | str | bool

_WORDS = frozenset({"and", "or", "not", "in", "between", "is", "null", "true", "false", "box"})
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<text>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)"
    r"|(?P<op><=|>=|!=|[=<>~(),]))"
)
_OPERATORS: Mapping[Kind, tuple[str, ...]] = {
    "number": ("=", "!=", "<", "<=", ">", ">="),
    "time": ("<", "<=", ">", ">="),
    "text": ("=", "!=", "~"),
    "texts": ("=", "!=", "~"),
    "flag": ("=", "!="),
    "place": (),
    "values": (),
}
_OTHERWISE: Mapping[Kind, str] = {"place": "IN BOX", "values": "BETWEEN"}
_EXAMPLES: Mapping[Kind, str] = {
    "number": "{} > 1.5",
    "time": "{} >= '2026-01-31'",
    "text": "{} = 'word'",
    "texts": "{} = 'word'",
    "flag": "{} = true",
    "place": "{} IN BOX (0.4, -0.1, 0.5, 0.0)",
    "values": "{} BETWEEN 0.5 AND 1.0",
}


class FilterError(SpecError):
    """A filter that is not understood.

    Attributes:
        at, length: The characters it is about.
    """

    def __init__(self, what: str, text: str, at: int, length: int, remedy: str = "") -> None:
        super().__init__(what, where=f"character {at + 1} of {text!r}", remedy=remedy)
        self.at, self.length = at, max(length, 1)


@dataclass(frozen=True)
class Test:
    """One comparison.

    Attributes:
        field: Field name.
        op: An operator, ``in``, ``between``, ``null`` or ``box``.
        values: What it is compared with.
        negated: ``NOT IN``, ``NOT BETWEEN``, ``IS NOT NULL``.
    """

    field: str
    op: str
    values: tuple[Value, ...]
    negated: bool = False


@dataclass(frozen=True)
class Not:
    """The opposite."""

    part: Node


@dataclass(frozen=True)
class Every:
    """All parts hold."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Some:
    """At least one part holds."""

    parts: tuple[Node, ...]


Node = Test | Not | Every | Some


@dataclass(frozen=True)
class Clause:
    """One condition of a filter whose conditions all have to hold, as it was written."""

    text: str
    node: Node


def parse(text: str, fields: Mapping[str, Kind]) -> tuple[Clause, ...]:
    """The conditions of a filter, all of which have to hold; none for an empty text.

    Args:
        text: The filter.
        fields: Field names and kinds.

    Raises:
        FilterError: It is too long, cannot be parsed to its end, names an unknown field, or
            compares a field with a value of another kind.
    """
    if len(text) > MAX_LENGTH:
        raise FilterError(f"the filter is longer than {MAX_LENGTH} characters", text[:60], 0, 1)
    if not text.strip():
        return ()
    return _Parser(text, fields).clauses()


@dataclass(frozen=True)
class _Token:
    kind: str
    value: str
    at: int
    stop: int


class _Parser:
    def __init__(self, text: str, fields: Mapping[str, Kind]) -> None:
        self._text, self._fields = text, fields
        self._tokens = self._scan()
        self._at = self._depth = 0

    def _scan(self) -> list[_Token]:
        tokens, at = [], 0
        while self._text[at:].strip():
            match = _TOKEN.match(self._text, at)
            if match is None:
                start = at + len(self._text[at:]) - len(self._text[at:].lstrip())
                quote = self._text[start] in "'\""
                what = "this text has no closing quote" if quote else "unexpected character"
                rest = len(self._text) - start if quote else 1
                raise FilterError(what, self._text, start, rest)
            kind = str(match.lastgroup)
            value = match.group(kind)
            if kind == "name" and value.lower() in _WORDS:
                kind, value = "word", value.lower()
            tokens.append(_Token(kind, value, match.start(match.lastgroup or 0), match.end()))
            at = match.end()
        return tokens

    def clauses(self) -> tuple[Clause, ...]:
        """Parses everything."""
        found, start = [], self._peek().at
        first = True
        while first or self._take("and"):
            first = False
            start = self._peek().at
            node = self._not()
            found.append(Clause(self._text[start : self._tokens[self._at - 1].stop], node))
        if self._peek().value == "or" and self._peek().kind == "word":
            self._at = 0
            node = self._expression()
            found = [Clause(self._text.strip(), node)]
        rest = self._peek()
        if rest.kind != "end":
            raise self._error("what follows is not understood", rest, self._after(rest))
        return tuple(found)

    def _after(self, token: _Token) -> str:
        near = difflib.get_close_matches(token.value.lower(), ("and", "or"), n=1, cutoff=0.4)
        return f"did you mean {near[0].upper()}?" if near else "join conditions with AND or OR"

    def _error(self, what: str, token: _Token, remedy: str = "") -> FilterError:
        return FilterError(what, self._text, token.at, token.stop - token.at, remedy)

    def _peek(self) -> _Token:
        if self._at < len(self._tokens):
            return self._tokens[self._at]
        return _Token("end", "", len(self._text), len(self._text))

    def _next(self) -> _Token:
        token = self._peek()
        self._at += 1
        return token

    def _take(self, *values: str) -> str:
        token = self._peek()
        if token.kind in ("word", "op") and token.value in values:
            self._at += 1
            return token.value
        return ""

    def _need(self, value: str) -> None:
        if not self._take(value):
            raise self._error(f"expected {value.upper()}", self._peek())

    def _expression(self) -> Node:
        parts = [self._and()]
        while self._take("or"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def _and(self) -> Node:
        parts = [self._not()]
        while self._take("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _not(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error("too deeply nested", self._peek())
        try:
            if self._take("not"):
                return Not(self._not())
            if self._take("("):
                inner = self._expression()
                self._need(")")
                return inner
            return self._test()
        finally:
            self._depth -= 1

    def _test(self) -> Test:
        token = self._next()
        if token.kind != "name":
            what = "the filter ends too early" if token.kind == "end" else "expected a field"
            raise self._error(what, token, "for example: " + self._example("outcome"))
        kind = self._fields.get(token.value)
        if kind is None:
            near = difflib.get_close_matches(token.value, self._fields, n=1, cutoff=0.5)
            known = ", ".join(sorted(self._fields)[:12])
            remedy = f"did you mean {near[0]}?" if near else f"known: {known} ..."
            raise self._error(f"there is no field '{token.value}'", token, remedy)
        if self._take("is"):
            negated = bool(self._take("not"))
            self._need("null")
            return Test(token.value, "null", (), negated)
        negated = bool(self._take("not"))
        if self._take("in"):
            return self._in(token.value, kind, negated)
        if self._take("between"):
            return self._between(token.value, kind, negated)
        if negated:
            raise self._error("expected IN or BETWEEN after NOT", self._peek())
        return self._compare(token.value, kind)

    def _example(self, field: str) -> str:
        return _EXAMPLES[self._fields.get(field, "text")].format(field)

    def _in(self, field: str, kind: Kind, negated: bool) -> Test:
        box = bool(self._take("box"))
        if kind == "values" or box != (kind == "place"):
            raise self._error(f"'{field}' is compared otherwise", self._tokens[self._at - 1],
                              "for example: " + self._example(field))  # fmt: skip
        opening = self._peek()
        self._need("(")
        values = [self._value("number" if box else kind, field)]
        while self._take(","):
            values.append(self._value("number" if box else kind, field))
        self._need(")")
        if box and len(values) != 4:
            raise self._error("BOX takes x0, y0, x1, y1", opening)
        return Test(field, "box" if box else "in", tuple(values), negated)

    def _between(self, field: str, kind: Kind, negated: bool) -> Test:
        if kind not in ("number", "time", "values"):
            raise self._error(f"'{field}' has no order", self._tokens[self._at - 1],
                              "for example: " + self._example(field))  # fmt: skip
        one: Kind = "number" if kind == "values" else kind
        low = self._value(one, field)
        self._need("and")
        return Test(field, "between", (low, self._value(one, field)), negated)

    def _compare(self, field: str, kind: Kind) -> Test:
        token = self._next()
        if token.kind != "op" or token.value in "(),":
            raise self._error(f"expected a comparison after '{field}'", token,
                              "for example: " + self._example(field))  # fmt: skip
        if token.value not in _OPERATORS[kind]:
            allowed = " ".join(_OPERATORS[kind]) or _OTHERWISE[kind]
            raise self._error(f"'{field}' ({kind}) is compared with {allowed}", token,
                              "for example: " + self._example(field))  # fmt: skip
        return Test(field, token.value, (self._value(kind, field),))

    def _value(self, kind: Kind, field: str) -> Value:
        token = self._next()
        if token.kind == "text":
            quote = token.value[0]
            value: Value | None = token.value[1:-1].replace(quote * 2, quote)
            found = {"text", "texts"}
            if kind == "time":
                value, found = self._seconds(token, field), {"time"}
        elif token.kind == "number":
            value, found = float(token.value), {"number"}
        elif token.kind == "word" and token.value in ("true", "false"):
            value, found = token.value == "true", {"flag"}
        else:
            value, found = None, set()
        if value is None or kind not in found:
            quoted = token.kind == "name" and kind in ("text", "texts")
            remedy = f"'{token.value}' in quotes" if quoted else self._example(field)
            wanted = {"texts": "text", "flag": "true or false", "time": "date"}.get(kind, kind)
            raise self._error(f"'{field}' is compared with a {wanted}", token,
                              f"for example: {remedy}")  # fmt: skip
        return value

    def _seconds(self, token: _Token, field: str) -> float:
        """A date or time, UTC unless it says otherwise, as seconds since 1970."""
        try:
            moment = datetime.fromisoformat(token.value[1:-1])
        except ValueError:
            raise self._error(f"'{field}' is compared with a date", token,
                              f"for example: {self._example(field)}") from None  # fmt: skip
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
