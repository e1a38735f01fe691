"""Phrasings of questions, from ``phrases.yaml``: filled in at random, with a held-out split."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np
import yaml

from datafactory.qa.answers import Answer
from datafactory.qa.forms import Form
from datafactory.qa.sample import Split


@lru_cache(maxsize=1)
def phrase_book() -> Mapping[str, Any]:
    """``questions`` by kind and split, ``scope``, and ``forms`` by type of answer and form."""
    text = files("datafactory.qa").joinpath("phrases.yaml").read_text(encoding="utf-8")
    book: Mapping[str, Any] = yaml.safe_load(text)
    return book


def ask(kind: str, split: Split, slots: Mapping[str, str], rng: np.random.Generator) -> str:
    """A question of a kind in a random phrasing of a split, with its slots filled in."""
    return _filled(phrase_book()["questions"][kind][split], slots, rng)


def scope_hint(rng: np.random.Generator) -> str:
    """The sentence that leaves the room around the table out, in a random phrasing."""
    return _filled(phrase_book()["scope"], {}, rng)


def form_hint(answer: Answer, form: Form, width: int, height: int, rng: np.random.Generator) -> str:
    """The sentence that says how the answer is to be written, in a random phrasing."""
    hints = phrase_book()["forms"][type(answer).__name__][form]
    return _filled(hints, {"width": str(width), "height": str(height)}, rng)


def _filled(templates: list[str], slots: Mapping[str, str], rng: np.random.Generator) -> str:
    return Template(templates[int(rng.integers(len(templates)))]).substitute(slots)
