"""The filter language: what it means, and that nothing is silently dropped."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafactory.viewer.columns import Numbers, NumberSets, Places, Steps, Texts, TextSets
from datafactory.viewer.grammar import MAX_DEPTH, FilterError, parse
from datafactory.viewer.select import chosen

KINDS = {"length": "number", "robot": "text", "tag": "texts", "done": "flag", "created": "time",
         "start": "place", "metric.slip_m": "number", "grasp.width_m": "values",
         "action.joint_1": "values"}  # fmt: skip
LENGTH = np.array([1.0, 5.0, 9.0, np.nan])
COLUMNS = {
    "length": Numbers(LENGTH),
    "robot": Texts(np.array([0, 1, 0, -1], np.int32), ("Arm", "it's")),
    "tag": TextSets(np.array([0, 0, 2]), np.array([0, 1, 1], np.int32), ("odd", "nice"), 4),
    "done": Numbers(np.array([1.0, 0.0, 1.0, 0.0])),
    "created": Numbers(np.array([0.0, 1e9, 2e9, 2e9])),
    "start": Places(np.array([0, 1, 1]), np.array([[0.4, 0.0], [0.5, 0.1], [0.9, 0.9]]), 4),
    "metric.slip_m": Numbers(np.array([1e-3, 2e-3, np.nan, 0.0])),
    "grasp.width_m": NumberSets(np.array([0, 0, 2]), np.array([0.01, 0.05, 0.03]), 4),
    "action.joint_1": Steps(
        np.array([0, 1, 3]), np.array([0b11, 0b1000, 1 << 15], np.uint16), 0.0, 1.6, 4
    ),
}


def rows(text: str) -> list[int]:
    return np.flatnonzero(chosen(parse(text, KINDS), COLUMNS, 4)).tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [0, 1, 2, 3]),
        ("length > 4", [1, 2]),
        ("length != 5", [0, 2]),
        ("NOT length > 4", [0, 3]),
        ("length NOT BETWEEN 2 AND 6", [0, 2]),
        ("length between 2 and 6 or robot = 'Arm'", [0, 1, 2]),
        ("length IN (1, 9) and done = true", [0, 2]),
        ("length is null", [3]),
        ("robot IS NOT NULL", [0, 1, 2]),
        ("robot = 'it''s'", [1]),
        ('robot = "it\'s"', [1]),
        ("robot ~ 'AR'", [0, 2]),
        ("robot != 'Arm'", [1]),
        ("tag = 'nice'", [0, 2]),
        ("tag = 'odd' AND tag = 'nice'", [0]),
        ("tag IS NULL", [1, 3]),
        ("created >= '2001-09-09'", [1, 2, 3]),
        ("created < '1970-01-01T00:00:01+00:00'", [0]),
        ("start IN BOX (0.45, 0.05, 0.6, 0.2)", [1]),
        ("metric.slip_m <= .001", [0, 3]),
        ("(length = 1 or length = 5) and (done = false)", [1]),
        ("length > -1e3", [0, 1, 2]),
        ("grasp.width_m BETWEEN 0.02 AND 0.04", [2]),
        ("grasp.width_m BETWEEN 0.05 AND 1", [0]),
        ("grasp.width_m NOT BETWEEN 0.05 AND 1", [2]),
        ("grasp.width_m IS NULL", [1, 3]),
        ("action.joint_1 BETWEEN 0.1 AND 0.2", [0]),
        ("action.joint_1 BETWEEN 0.2 AND 0.3", []),
        ("action.joint_1 BETWEEN 0.15 AND 0.35", [0, 1]),
        ("action.joint_1 NOT BETWEEN 0.1 AND 0.2", [1, 3]),
        ("action.joint_1 BETWEEN 7 AND 9", [3]),
        ("action.joint_1 BETWEEN 0.3 AND 0.1", []),
        ("action.joint_1 IS NOT NULL", [0, 1, 3]),
    ],
)
def test_meaning(text, expected):
    assert rows(text) == expected


@pytest.mark.parametrize(
    ("text", "at", "word", "remedy"),
    [
        ("length > 4 AN done = true", 11, "not understood", "AND"),
        ("length > 4; done = true", 10, "unexpected character", ""),
        ("lenght > 4", 0, "no field 'lenght'", "length"),
        ("length > 'a'", 9, "a number", "length > 1.5"),
        ("robot > 'a'", 6, "compared with = != ~", "robot = 'word'"),
        ("robot = Arm", 8, "a text", "'Arm' in quotes"),
        ("robot = 'Arm", 8, "no closing quote", ""),
        ("length >", 8, "a number", ""),
        ("(length > 4", 11, "expected )", ""),
        ("length > 4)", 10, "not understood", ""),
        ("length 4", 7, "expected a comparison", ""),
        ("not", 3, "ends too early", ""),
        ("start = 4", 6, "IN BOX", "BOX (0.4"),
        ("start IN BOX (1, 2, 3)", 13, "x0, y0", ""),
        ("length IN BOX (1, 2, 3, 4)", 10, "otherwise", ""),
        ("action.joint_1 > 1", 15, "compared with BETWEEN", "action.joint_1 BETWEEN"),
        ("action.joint_1 IN (1)", 15, "otherwise", "BETWEEN"),
        ("action.joint_1 BETWEEN 'a' AND 1", 23, "a number", ""),
        ("created > 'yesterday'", 10, "a date", ""),
        ("done = 1", 7, "true or false", ""),
        ("robot BETWEEN 'a' AND 'b'", 6, "no order", ""),
        ("'mug'", 0, "expected a field", ""),
    ],
)
def test_errors_point_at_the_place(text, at, word, remedy):
    with pytest.raises(FilterError) as found:
        parse(text, KINDS)
    assert found.value.at == at
    assert word in found.value.what
    assert remedy in found.value.remedy


def test_limits():
    with pytest.raises(FilterError, match="longer than"):
        parse("length > 1 AND " * 200 + "length > 1", KINDS)
    with pytest.raises(FilterError, match="too deeply"):
        parse("(" * (MAX_DEPTH + 1) + "length > 1" + ")" * (MAX_DEPTH + 1), KINDS)


def test_conditions_keep_their_text():
    found = parse("length > 4 AND (robot = 'a' OR robot = 'b') AND done = true", KINDS)
    assert [c.text for c in found] == ["length > 4", "(robot = 'a' OR robot = 'b')", "done = true"]
    assert len(parse("length > 4 OR done = true", KINDS)) == 1


LEAVES = st.sampled_from(
    ["length > 4", "robot = 'Arm'", "done = true", "tag = 'nice'", "length IN (1, 5)"]
)


def trees(depth: int):
    if depth == 0:
        return LEAVES.map(lambda t: (t, lambda t=t: set(rows(t))))
    inner = trees(depth - 1)
    every = {0, 1, 2, 3}
    return st.one_of(
        inner,
        inner.map(lambda a: (f"NOT ({a[0]})", lambda: every - a[1]())),
        st.tuples(inner, inner).map(
            lambda ab: (f"({ab[0][0]}) AND ({ab[1][0]})", lambda: ab[0][1]() & ab[1][1]())
        ),
        st.tuples(inner, inner).map(
            lambda ab: (f"({ab[0][0]}) OR ({ab[1][0]})", lambda: ab[0][1]() | ab[1][1]())
        ),
    )


@given(trees(3))
def test_logic(tree):
    text, meaning = tree
    assert set(rows(text)) == meaning()


@given(st.text(alphabet="lengthrobo>=<'()1 ANDORTIN.,-", max_size=40))
def test_any_text_is_understood_or_refused(text):
    try:
        found = parse(text, KINDS)
    except FilterError:
        return
    assert chosen(found, COLUMNS, 4).shape == (4,)
