"""Instructions of goal forms from ``phrases.yaml``, with a held-out split, composed over stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from string import Template
from typing import Any, Literal

import numpy as np
import yaml

from datafactory.errors import UnknownNameError
from datafactory.goals.form import Said
from datafactory.language.nouns import (
    Named,
    group_phrase,
    kind_phrase,
    listed,
    noun,
    some_phrase,
    with_article,
)
from datafactory.scene_graph.graph import START, TABLE, Relation

Split = Literal["train", "held_out"]
COMPOSED = 12
"""Phrasings made of an instruction of several stages."""


@lru_cache(maxsize=1)
def phrase_book() -> Mapping[str, Any]:
    """``forms`` and ``connectors``: templates by split."""
    text = files("datafactory.language").joinpath("phrases.yaml").read_text(encoding="utf-8")
    book: Mapping[str, Any] = yaml.safe_load(text)
    return book


@dataclass(frozen=True)
class Wording:
    """How the objects of one episode are called.

    Attributes:
        items: What every object is, by name.
        phrases: A phrase that fits this object alone, by name; objects without one are called by
            what they are.
    """

    items: Mapping[str, Named]
    phrases: Mapping[str, str]

    def of(self, names: Sequence[str]) -> str:
        """A definite phrase for one object or for several."""
        if len(names) == 1:
            return self.phrases.get(names[0]) or group_phrase([self.items[names[0]]])
        if all(n in self.phrases for n in names):
            same = len({self.items[n].category for n in names}) == 1
            if not same or len(names) == 2:
                return listed([self.phrases[n] for n in names])
        return group_phrase([self.items[n] for n in names])

    def one(self, name: str) -> str:
        """A phrase for one object; indefinite when its noun fits another one too."""
        if name in self.phrases:
            return self.phrases[name]
        word = noun(self.items[name])
        alike = sum(noun(item) == word for item in self.items.values())
        return f"the {word}" if alike == 1 else with_article(word)

    def slots(self, said: Said) -> dict[str, str]:
        """Slot texts: ``$x`` is a definite phrase, ``$x_kind`` the plural noun, ``$x_list`` all,
        ``$x_then`` all in order, ``$x_it`` the pronoun.

        ``$subject`` is ``two of the cans`` where the form counts.
        """
        texts: dict[str, str] = {}
        for slot, value in said.slots.items():
            if isinstance(value, str):
                texts[slot] = value
                continue
            members = [self.items[n] for n in value]
            texts[slot] = self.of(value)
            texts[f"{slot}_it"] = "it" if len(value) == 1 else "them"
            texts[f"{slot}_kind"] = kind_phrase(members)
            texts[f"{slot}_list"] = listed([self.of((n,)) for n in value])
            texts[f"{slot}_then"] = ", then ".join(self.of((n,)) for n in value)
        if "count" in said.slots:
            subject = [self.items[n] for n in said.slots["subject"]]
            texts["subject"] = some_phrase(subject, int(texts["count"]))
        return texts


def form_templates(form: str, split: Split) -> tuple[str, ...]:
    """The templates of a form; those of ``put_some_x`` are those of ``put_x``.

    Raises:
        UnknownNameError: The book has no such form.
    """
    forms = phrase_book()["forms"]
    key = form.replace("put_some_", "put_")
    if key not in forms:
        raise UnknownNameError.of("form of the phrase book", key, forms)
    return tuple(forms[key][split])


def phrasings(said: Said, wording: Wording, split: Split) -> tuple[str, ...]:
    """All phrasings of one stage in one split, filled in."""
    slots = wording.slots(said)
    filled = (Template(text).substitute(slots) for text in form_templates(said.form, split))
    return tuple(dict.fromkeys(filled))


def instructions(
    said: Sequence[Said], wording: Wording, split: Split, rng: np.random.Generator
) -> tuple[str, ...]:
    """Distinct instructions: all phrasings of a single stage, or composed ones of several.

    A composed one joins one phrasing of every stage with a connector of the same split.
    """
    stages = [phrasings(one, wording, split) for one in said]
    if len(stages) == 1:
        return stages[0]
    connectors = phrase_book()["connectors"][split]
    found: dict[str, None] = {}
    for _ in range(4 * COMPOSED):
        chosen = [options[int(rng.integers(len(options)))] for options in stages]
        connector = connectors[int(rng.integers(len(connectors)))]
        found[_joined(chosen, connector)] = None
        if len(found) == COMPOSED:
            break
    return tuple(found)


def _joined(parts: Sequence[str], connector: Mapping[str, str]) -> str:
    """``first A, then B, and finally C``."""
    text = connector["first"] + parts[0]
    for part in parts[1:-1]:
        text += connector["then"] + part
    return text + connector["last"] + parts[-1]


def move_text(relation: Relation, wording: Wording) -> tuple[str, str]:
    """(key, text) of the single move that makes a relation true.

    Of an object that shares its noun with another one and has no phrase of its own, the text says
    ``a red can``: any of them.
    """
    places = tuple(n.removesuffix(START) for n in relation.objects)
    name = "behind" if relation.name == "back" else relation.name
    key = f"put_{name}" + ("_table" if TABLE in places else "")
    slots = {"subject": wording.one(relation.subject)}
    if TABLE not in places:
        first = places[:1] if name == "between" else places
        slots["object"] = listed([wording.one(n) for n in first])
        slots["other"] = listed([wording.one(n) for n in places[1:]])
        slots |= {"objects": slots["subject"], "into": slots["object"]}
    slots |= {"subject_it": "it", "objects_it": "it"}
    moves = phrase_book()["moves"]
    template = moves[key] if key in moves else form_templates(key, "train")[0]
    return key, Template(template).substitute(slots)
