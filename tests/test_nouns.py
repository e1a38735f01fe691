"""Articles, plurals, lists and group phrases."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from datafactory.language.nouns import (
    group_phrase,
    kind_phrase,
    listed,
    noun,
    number_word,
    plural,
    some_phrase,
    with_article,
)


@dataclass(frozen=True)
class Thing:
    colour: str
    category: str


RED_CAN, BLUE_CAN, BOX = Thing("red", "can"), Thing("blue", "can"), Thing("grey", "box")


@pytest.mark.parametrize(
    ("one", "many"),
    [("can", "cans"), ("box", "boxes"), ("lemon", "lemons"), ("berry", "berries"),
     ("toy", "toys"), ("brush", "brushes"), ("tomato", "tomatoes"), ("kitchen knife",
     "kitchen knives"), ("dish", "dishes"), ("orange", "oranges")],
)  # fmt: skip
def test_plurals(one: str, many: str) -> None:
    assert plural(one) == many


@pytest.mark.parametrize(
    ("phrase", "whole"),
    [("mug", "a mug"), ("orange", "an orange"), ("orange block", "an orange block"),
     ("USB stick", "a USB stick"), ("onion", "an onion"), ("utensil", "a utensil")],
)  # fmt: skip
def test_articles(phrase: str, whole: str) -> None:
    assert with_article(phrase) == whole


def test_lists_and_numbers() -> None:
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert number_word(2) == "two"
    assert number_word(13) == "13"


def test_groups() -> None:
    assert noun(Thing("orange", "orange")) == "orange"
    assert group_phrase([RED_CAN, BLUE_CAN]) == "the two cans"
    assert group_phrase([RED_CAN, RED_CAN]) == "the two red cans"
    assert group_phrase([RED_CAN, BLUE_CAN, BOX]) == "the two cans and the grey box"
    assert some_phrase([RED_CAN, BLUE_CAN, RED_CAN], 2) == "two of the three cans"
    assert kind_phrase([RED_CAN, BOX, BLUE_CAN]) == "cans and boxes"
