"""Goal forms: what they become for a cast, how they are read, and what they say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from datafactory.errors import SpecError
from datafactory.goals.cast import Cast, member_names
from datafactory.goals.form import Form
from datafactory.goals.forms import FORMS, read_form
from datafactory.language.book import Wording, instructions, phrase_book, phrasings
from datafactory.language.nouns import noun
from datafactory.scene_graph.graph import Goal
from datafactory.seeding import stream
from datafactory.spec import task_from_dict
from tests.physics_fixture import asset

SETS = {"items": member_names("items", 3), "plates": member_names("plates", 2)}
ASSETS = {
    "items_0": asset("block", 0), "items_1": asset("can", 1), "items_2": asset("tin", 2),
    "plates_0": asset("plate", 0), "plates_1": asset("plate", 1), "a": asset("bottle", 1),
    "b": asset("open_box", 3), "c": asset("carton", 2),
}  # fmt: skip
CAST = Cast(SETS, ASSETS)
EXAMPLES: dict[str, dict[str, Any]] = {
    "put": {"form": "put", "relation": "in", "subject": "items", "object": "b"},
    "group": {"form": "group", "groups": {"items": "b", "a": "plates_0"}},
    "stack": {"form": "stack", "objects": ["items"]},
    "clear": {"form": "clear", "objects": ["items", "a"], "into": "b"},
    "line": {"form": "line", "objects": ["items"]},
    "nest": {"form": "nest", "objects": ["b", "plates_0"]},
    "insert": {"form": "insert", "objects": ["a"], "into": "b"},
    "unload": {"form": "unload", "objects": ["items"], "source": "b"},
    "swap": {"form": "swap", "objects": ["a", "c"]},
    "sequence": {"form": "sequence", "steps": [
        {"form": "stack", "objects": ["items"]},
        {"form": "put", "relation": "left", "subject": "a", "object": "b", "frame": "robot"},
    ]},
}  # fmt: skip


def wording() -> Wording:
    return Wording(ASSETS, {n: f"the {noun(a)}" for n, a in ASSETS.items()})


def test_every_form_has_an_example() -> None:
    assert {*EXAMPLES, "sort"} == set(FORMS)


@pytest.mark.parametrize("data", EXAMPLES.values(), ids=EXAMPLES)
def test_forms_become_goals_and_words(data: dict[str, Any]) -> None:
    form = read_form(data)
    goal = form.goal(CAST)
    assert goal.names() <= {*ASSETS, "table"}
    assert Goal.from_json(goal.to_list()) == goal
    rng = stream(0, "words", 0, "language")
    train = instructions(form.said(CAST), wording(), "train", rng)
    held_out = instructions(form.said(CAST), wording(), "held_out", rng)
    assert len(train) >= 10
    assert len(held_out) >= 3
    assert not set(train) & set(held_out)
    for text in (*train, *held_out):
        assert "$" not in text
        assert "  " not in text
    assert read_form(form.model_dump(mode="json")) == form


def test_sort_puts_each_to_its_own() -> None:
    assets = {**ASSETS, "plates_0": ASSETS["plates_0"], "plates_1": ASSETS["plates_1"]}
    colours = {a.colour for n, a in assets.items() if n.startswith("plates")}
    assert len(colours) == 2
    matching = {
        f"items_{k}": next(
            b for b in (asset("block", s) for s in range(60))
            if b.colour == assets[f"plates_{k % 2}"].colour
        )
        for k in range(3)
    }  # fmt: skip
    cast = Cast(SETS, {**assets, **matching})
    form = read_form({"form": "sort", "objects": "items", "into": "plates", "relation": "on"})
    pairs = {r.subject: r.objects[0] for r in form.goal(cast).relations()}
    assert pairs == {"items_0": "plates_0", "items_1": "plates_1", "items_2": "plates_0"}


def test_count_means_any_of_them() -> None:
    form = read_form({**EXAMPLES["put"], "count": 2})
    (stage,) = form.goal(CAST).stages
    assert len(stage) == 3
    assert all(len(alternative) == 2 for alternative in stage)
    (said,) = form.said(CAST)
    assert "two of the" in phrasings(said, wording(), "train")[0]


def test_towers_are_widest_at_the_bottom() -> None:
    form: Form = read_form(EXAMPLES["stack"])
    for relation in form.goal(CAST).relations():
        below, above = ASSETS[relation.objects[0]], ASSETS[relation.subject]
        assert min(below.extents[:2]) >= min(above.extents[:2])


def test_all_templates_are_filled_and_held_out_ones_apart() -> None:
    for name, form in phrase_book()["forms"].items():
        assert len(set(form["train"])) >= 10, name
        assert len(set(form["held_out"])) >= 3, name
        assert not set(form["train"]) & set(form["held_out"]), name


def task(**case: Any) -> dict[str, Any]:
    return {"name": "t", "cases": [case]}


def test_a_form_in_a_task_file() -> None:
    data = task(sets={"s": {"query": "can", "count": [2, 3]}}, objects={"b": "basket"},
                goal={"form": "put", "relation": "in", "subject": "s", "object": "b"})  # fmt: skip
    spec = task_from_dict(data)
    assert task_from_dict(spec.model_dump(mode="json")) == spec
    assert "instructions" not in spec.model_dump(mode="json")["cases"][0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"goal": {"form": "pile"}}, "pile"),
        ({"goal": {"form": "stack", "objects": ["x"]}}, "unknown object 'x'"),
        ({"goal": {"form": "swap", "objects": []}}, "swap"),
        ({"goal": {"relation": "on", "subject": "b", "object": "c"}}, "instructions"),
        ({"refer": {"z": ["size"]}}, "unknown object 'z'"),
        ({"lookalikes": [{"of": "b"}]}, "need 'refer'"),
        ({"sets": {"b": {"query": "can"}}}, "both an object and a set"),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], said: str) -> None:
    case = {"objects": {"b": "basket", "c": "can"},
            "goal": {"form": "put", "relation": "in", "subject": "c", "object": "b"}}  # fmt: skip
    with pytest.raises(SpecError, match=said):
        task_from_dict(task(**{**case, **change}))


def test_put_needs_references() -> None:
    with pytest.raises(ValidationError, match="objects"):
        read_form({"form": "put", "relation": "in", "subject": "a"})
