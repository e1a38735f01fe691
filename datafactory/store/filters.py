"""Checks a filter text before Lance sees it.

Lance's parser ignores whatever follows the first complete expression (``success = true AN x > 1``
silently means ``success = true``), so a typo would drop a condition. The text is parsed here in
full against a small grammar; anything left over, and every unknown column, is an error.

    expr    = and {OR and};  and = not {AND not};  not = [NOT] test
    test    = value [op value | [NOT] IN (list) | [NOT] LIKE text | [NOT] BETWEEN value AND value
              | IS [NOT] NULL]
    value   = number | text | TRUE | FALSE | column | function(value, ...) | [list] | (expr)
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from datafactory.errors import SpecError, UnknownNameError

FUNCTIONS = (
    "abs",
    "array_has",
    "array_has_all",
    "array_has_any",
    "array_length",
    "contains",
    "lower",
    "starts_with",
    "upper",
)
_WORDS = frozenset({"and", "or", "not", "in", "like", "is", "null", "between", "true", "false"})
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)"
    r"|(?P<text>'(?:[^']|'')*')"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<op><=|>=|!=|<>|[=<>(),\[\]+*/-]))"
)


def check_filter(text: str, columns: Sequence[str]) -> str:
    """Returns the text unchanged if it is a complete, known filter expression.

    Args:
        text: Filter, for example ``robot = 'ur5e' AND length > 100``.
        columns: Columns it may name.

    Raises:
        SpecError: It cannot be parsed to its end.
        UnknownNameError: It names an unknown column or function.
    """
    parser = _Parser(text, columns)
    parser.expression()
    parser.end()
    return text


class _Parser:
    def __init__(self, text: str, columns: Sequence[str]) -> None:
        self._text = text
        self._columns = columns
        self._tokens = list(self._scan(text))
        self._at = 0

    def _scan(self, text: str) -> list[tuple[str, str, int]]:
        tokens, at = [], 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise self._error("unexpected character", at)
            kind = str(match.lastgroup)
            value, start = match.group(kind), match.start(kind)
            if kind == "name" and value.lower() in _WORDS:
                kind, value = "word", value.lower()
            tokens.append((kind, value, start))
            at = match.end()
        return tokens

    def _error(self, why: str, at: int) -> SpecError:
        return SpecError(
            "the filter is not understood",
            where=f"{self._text!r}, character {at + 1}",
            why=why,
            remedy="for example: robot = 'franka_panda' AND length > 100 "
            "AND array_has(licences, 'CC0-1.0')",
        )

    def _peek(self) -> tuple[str, str]:
        if self._at < len(self._tokens):
            kind, value, _ = self._tokens[self._at]
            return kind, value
        return "end", ""

    def _take(self, *values: str) -> bool:
        kind, value = self._peek()
        if kind in ("word", "op") and value in values:
            self._at += 1
            return True
        return False

    def _need(self, value: str) -> None:
        if not self._take(value):
            raise self._error(f"expected {value.upper()!r}", self._where())

    def _where(self) -> int:
        return self._tokens[self._at][2] if self._at < len(self._tokens) else len(self._text)

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise self._error("the text after the expression would be ignored", self._where())

    def expression(self) -> None:
        self._conjunction()
        while self._take("or"):
            self._conjunction()

    def _conjunction(self) -> None:
        self._negation()
        while self._take("and"):
            self._negation()

    def _negation(self) -> None:
        while self._take("not"):
            pass
        self._test()

    def _test(self) -> None:
        self._sum()
        if self._take("=", "!=", "<>", "<", "<=", ">", ">="):
            self._sum()
        elif self._take("is"):
            self._take("not")
            self._need("null")
        else:
            negated = self._take("not")
            if self._take("in"):
                self._need("(")
                self._list(")")
            elif self._take("like"):
                self._sum()
            elif self._take("between"):
                self._sum()
                self._need("and")
                self._sum()
            elif negated:
                raise self._error("expected IN, LIKE or BETWEEN after NOT", self._where())

    def _sum(self) -> None:
        self._value()
        while self._take("+", "-", "*", "/"):
            self._value()

    def _list(self, close: str) -> None:
        self._sum()
        while self._take(","):
            self._sum()
        self._need(close)

    def _value(self) -> None:
        if self._take("-"):
            return self._value()
        if self._take("("):
            self.expression()
            return self._need(")")
        if self._take("["):
            return self._list("]")
        kind, value = self._peek()
        if kind == "end":
            raise self._error("the expression ends too early", self._where())
        if kind in ("number", "text") or value in ("true", "false"):
            self._at += 1
            return None
        if kind != "name":
            raise self._error(f"unexpected {value!r}", self._where())
        self._at += 1
        if self._take("("):
            if value.lower() not in FUNCTIONS:
                raise UnknownNameError.of("filter function", value, FUNCTIONS, self._text)
            return self._list(")")
        if value not in self._columns:
            raise UnknownNameError.of("column", value, self._columns, self._text)
        return None
