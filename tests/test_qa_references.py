"""Phrases fit exactly one object."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.episode import ObjectRecord
from datafactory.qa.references import Candidate, named, references

POSE = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)


def record(name: str, category: str, colour: str = "", material: str = "", side: float = 0.1):
    return ObjectRecord(name, "", "", category, colour, material, (), 1.0, 1.0, (side,) * 3,
                        POSE, POSE, "")  # fmt: skip


def candidates(*records: ObjectRecord, x: tuple[float, ...] | None = None) -> list[Candidate]:
    return [Candidate(i, r, None if x is None else x[i]) for i, r in enumerate(records)]


def test_the_shortest_phrase_that_fits_only_one_comes_first() -> None:
    found = references(
        candidates(
            record("a", "mug", "red", "ceramic"),
            record("b", "mug", "blue", "steel"),
            record("c", "plate", "blue", "ceramic"),
        )
    )
    assert found[0] == ("red mug", "red object", "ceramic mug", "red ceramic mug")
    assert found[1] == ("blue mug", "steel mug", "blue steel mug")
    assert found[2][0] == "plate"


def test_twins_are_told_apart_by_place_or_size_or_not_at_all() -> None:
    twins = record("a", "mug", "red"), record("b", "mug", "red")
    assert references(candidates(*twins)) == {0: (), 1: ()}
    assert references(candidates(*twins, x=(0.5, 0.52))) == {0: (), 1: ()}
    apart = references(candidates(*twins, x=(0.8, 0.2)))
    assert apart == {0: ("rightmost mug",), 1: ("leftmost mug",)}
    sizes = references(candidates(record("a", "mug", side=0.1), record("b", "mug", side=0.2)))
    assert sizes == {0: ("smallest mug",), 1: ("largest mug",)}
    three = candidates(*twins, record("c", "mug", "red", side=0.101), x=(0.1, 0.5, 0.9))
    assert references(three) == {0: ("leftmost mug",), 1: (), 2: ("rightmost mug",)}


def test_what_it_stands_on_tells_it_apart() -> None:
    tray, other = record("t", "tray", "blue"), record("u", "tray", "red")
    cans = [record("a", "can", "red"), record("b", "can", "red")]
    found = candidates(*cans, tray, other)
    found[0] = replace(found[0], support=(("on", tray),))
    assert references(found)[0] == ("can on the blue tray",)
    found[1] = replace(found[1], support=(("on", tray),))
    assert references(found)[0] == ()
    hidden = [replace(found[0], support=(("on", record("gone", "tray")),)), *found[1:]]
    assert references(hidden)[0] == ()


def test_names_do_not_repeat_themselves() -> None:
    assert named(record("a", "orange", "orange")) == "orange"
    assert named(record("a", "mug")) == "mug"
    orange = references(candidates(record("a", "orange", "orange", "fruit")))[0]
    assert orange == ("orange", "orange object")
    soap = references(candidates(record("a", "soap", "pink", "soap")))[0]
    assert soap == ("soap", "pink soap", "pink object")


WORD = st.sampled_from


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            WORD(["mug", "can", "red"]), WORD(["red", "blue", ""]), WORD(["steel", "", "can"])
        ),
        min_size=1,
        max_size=6,
    ),
    st.data(),
)
def test_no_phrase_fits_two(kinds, data) -> None:
    records = [record(str(i), *kind, side=0.1 + i % 3) for i, kind in enumerate(kinds)]
    x = tuple(data.draw(st.floats(0, 1)) for _ in records)
    found = references(candidates(*records, x=x))
    phrases = [p for mine in found.values() for p in mine]
    assert len(phrases) == len(set(phrases))
    for i, mine in found.items():
        for phrase in mine:
            words = phrase.split()
            assert words[-1] in (records[i].category, "object")
            same = [r for r in records if r.category == records[i].category]
            if phrase == records[i].category:
                assert len(same) == 1
