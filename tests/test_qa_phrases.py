"""The phrase book is complete, varied, and its held-out phrasings are no others."""

from __future__ import annotations

import re

import pytest

from datafactory.qa.answers import KINDS
from datafactory.qa.forms import FORMS
from datafactory.qa.phrases import phrase_book

SLOTS = {
    "box": {"reference"},
    "pick_place": {"instruction"},
    "point": {"reference"},
    "affordance": {"reference"},
    "trajectory": {"instruction"},
    "place_region": {"reference", "instruction"},
    "plan": {"instruction"},
    "count": {"things"},
    "relation": {"first", "second", "relation"},
    "visibility": {"thing"},
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_phrasings(kind: str) -> None:
    book = phrase_book()["questions"][kind]
    assert set(book) == {"train", "held_out"}
    assert len(book["train"]) >= 12
    assert len(book["held_out"]) >= 3
    every = book["train"] + book["held_out"]
    assert len(set(every)) == len(every)
    for text in every:
        assert set(re.findall(r"\$(\w+)", text)) == SLOTS[kind]
        assert text.endswith((".", "?", '"'))


def test_every_answer_has_a_hint_in_every_form() -> None:
    hints = phrase_book()["forms"]
    assert set(hints) == {kind.__name__ for kind in KINDS.values()}
    for name, forms in hints.items():
        assert set(forms) == set(FORMS)
        for texts in forms.values():
            assert len(texts) >= 2
            for text in texts:
                sized = {"width", "height"} if name not in ("Plan", "Words") else set()
                assert set(re.findall(r"\$(\w+)", text)) == sized
