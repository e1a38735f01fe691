"""Every answer round-trips through every form, and malformed text is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.errors import SpecError, UnknownNameError
from datafactory.qa.answers import (
    KINDS,
    Answer,
    Box,
    Boxes,
    PickPlace,
    Plan,
    Point,
    Points,
    Trace,
    Words,
)
from datafactory.qa.forms import FORMS, Form, parse_answer, write_answer

NUMBERS = st.integers(0, 5000)
LABELS = st.from_regex(r"[a-zA-Zé-ö][a-z0-9&<>'\"{},.:-]{0,8}( [a-z&<'\"1-9.,]{1,5}){0,2}",
                       fullmatch=True).filter(str.isprintable)  # fmt: skip
PHRASES = st.from_regex(r"[a-z][ -~]{0,30}[!-~]", fullmatch=True)


@st.composite
def boxes(draw: st.DrawFn, labels: st.SearchStrategy[str] = LABELS) -> Box:
    left, top = draw(NUMBERS), draw(NUMBERS)
    width, height = draw(st.integers(1, 999)), draw(st.integers(1, 999))
    return Box(draw(labels), left, top, left + width, top + height)


ANSWERS = st.one_of(
    st.lists(boxes(), min_size=1, max_size=3).map(lambda b: Boxes(tuple(b))),
    st.builds(PickPlace, boxes(st.just("pick")), boxes(st.just("place"))),
    st.lists(st.builds(Point, LABELS, NUMBERS, NUMBERS), min_size=1, max_size=3).map(
        lambda p: Points(tuple(p))
    ),
    st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=9).map(lambda p: Trace(tuple(p))),
    st.lists(PHRASES, min_size=1, max_size=5).map(lambda s: Plan(tuple(s))),
    st.from_regex(r"[a-z0-9]{1,6}( [a-z0-9]{1,6}){0,2}", fullmatch=True).map(Words),
)


@settings(deadline=None)
@given(ANSWERS, st.sampled_from(FORMS))
def test_every_answer_round_trips(answer: Answer, form: Form) -> None:
    text = write_answer(answer, form)
    assert parse_answer(text) == answer
    assert parse_answer(f"\n```json\n{text}\n```\n") == answer
    assert type(answer) in KINDS.values()


def test_the_documented_forms() -> None:
    mug = Box("red mug", 1, 2, 3, 4)
    both = PickPlace(Box("pick", 1, 2, 3, 4), Box("place", 5, 6, 7, 8))
    written = {
        (mug, "json"): '{"label": "red mug", "bbox_2d": [1, 2, 3, 4]}',
        (mug, "xml"): '<box label="red mug" x1="1" y1="2" x2="3" y2="4"/>',
        (mug, "plain"): "red mug [1, 2, 3, 4]",
        (both, "json"): '{"pick": {"bbox_2d": [1, 2, 3, 4]}, "place": {"bbox_2d": [5, 6, 7, 8]}}',
        (both, "plain"): "pick at [1, 2, 3, 4], place at [5, 6, 7, 8]",
        (Trace(((1, 2), (3, 4))), "json"): '{"trace_2d": [[1, 2], [3, 4]]}',
        (Points((Point("mug", 1, 2),)), "xml"): '<point label="mug" x="1" y="2"/>',
        (Plan(("pick it up", "put it down")), "plain"): "1. pick it up\n2. put it down",
        (Words("yes"), "json"): '{"answer": "yes"}',
    }
    for (value, form), text in written.items():
        answer = Boxes((value,)) if isinstance(value, Box) else value
        assert write_answer(answer, form) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        "[1, 2]",
        '{"label": "mug", "bbox_2d": [1, 2, 3]}',
        '{"label": "mug", "bbox_2d": [1, 2, 3, "4"]}',
        '{"label": "mug", "bbox_2d": [1.5, 2, 3, 4]}',
        '{"label": "mug", "bbox_2d": [3, 2, 1, 4]}',
        '{"label": "mug", "point_2d": [-1, 2]}',
        '{"bbox_2d": [1, 2, 3, 4]}',
        '{"pick": {"bbox_2d": [1, 2, 3, 4]}}',
        '{"trace_2d": [[1, 2]]}',
        '{"trace_2d": 5}',
        '{"plan": "go"}',
        '{"answer": 3}',
        '[{"answer": "yes"}]',
        "<box>",
        '<box label="mug" x1="1" y1="2" x2="3"/>',
        '<box label="mug" x1="1" y1="2" x2="3" y2="-4"/>',
        "<mug/>",
        "<trace/>",
        "mug [1, 2, 3]",
        "mug (1, 2",
        "pick at [1, 2, 3, 4]; place at [4, 3, 2, 1]",
        "I think it is left!",
        "[" * 100_000,
        '{"plan":' * 100_000,
        "<plan>" * 10_000 + "</plan>" * 10_000,
        "mug (\u0661, \u0662)",
        "mug [1, 2, 3, \u0664]",
        "<plan><step>a<b/></step></plan>",
        "<plan><box/></plan>",
        "<plan>first <step>a</step></plan>",
        '<point label="mug" x="1" y="2"/> or so',
        '<box label="mug" x1="1" y1="2" x2="3" y2="4">here</box>',
    ],
)
def test_malformed_text_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="this is no answer") as caught:
        parse_answer(text)
    assert caught.value.why


def test_unknown_form() -> None:
    with pytest.raises(UnknownNameError, match="answer form"):
        write_answer(Words("yes"), "yaml")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "label", ["", " mug", "mug ", "a;b", "mug (left)", "1. mug", "a\nb", "a  b"]
)
def test_labels_that_a_form_could_not_carry_are_refused(label: str) -> None:
    with pytest.raises(ValueError, match="label"):
        Box(label, 0, 0, 1, 1)
