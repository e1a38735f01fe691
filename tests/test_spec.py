"""Tasks as data: one schema for Python and YAML, hashed by content, refused with the reason."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import datafactory as df
from datafactory.binding import ManipulationSpec, bind, canonical_json, content_hash
from datafactory.errors import DataFactoryError, SpecError
from datafactory.scene_graph.graph import Relation
from datafactory.spec import Instructions, Task, TaskSpec, task_from_dict
from datafactory.testing.json_schema import violations

PLAIN: dict[str, Any] = {
    "name": "put_it",
    "cases": [
        {
            "objects": {"a": "mug", "b": {"family": ["plate", "tray"]}},
            "goal": {"relation": "on", "subject": "a", "object": "b"},
            "instructions": {"train": ["put {a} on {b}"], "held_out": ["{a} goes on {b}"]},
        }
    ],
}


def bound(data: Any = PLAIN, **options: Any) -> ManipulationSpec:
    return bind(data, generator="pick_place", version="1", **options)


def with_key(path: str, value: Any) -> dict[str, Any]:
    """A copy of the plain task with one key set, ``cases.0.weight`` for instance."""
    data = copy.deepcopy(PLAIN)
    target: Any = data
    *parents, last = path.split(".")
    for part in parents:
        target = target[int(part)] if part.isdigit() else target.setdefault(part, {})
    target[last] = value
    return data


# Forms.


def test_three_lines_equal_the_file() -> None:
    task = Task(
        "put {a} on {b}", objects={"a": df.query("mug"), "b": "plate"}, goal=df.on("a", "b")
    )
    text = """
name: custom
objects: {a: mug, b: plate}
goal: {relation: "on", subject: a, object: b}
instructions: {train: ["put {a} on {b}"]}
"""
    assert task_from_dict(yaml.safe_load(text)) == task
    assert task.cases[0].goal.relations() == (Relation("on", "a", ("b",)),)


def test_python_options_are_task_fields() -> None:
    task = Task(
        Instructions(train=("take {a}",), held_out_share=0.0),
        objects={"a": "mug", "b": "plate"}, goal=df.on("a", "b"), name="mine", fps=10,
        distractors={"count": [1, 2]},
    )  # fmt: skip
    assert (task.name, task.fps, task.distractors.count) == ("mine", 10, (1, 2))
    assert task.cases[0].instructions.held_out_share == 0.0


def test_round_trip_through_json_and_yaml() -> None:
    spec = bound()
    for text in (json.dumps(spec.to_dict()), yaml.safe_dump(spec.to_dict())):
        again = bound(yaml.safe_load(text))
        assert again == spec
        assert again.spec_hash == spec.spec_hash


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    weight=st.floats(0.1, 9.0), low=st.integers(0, 3), more=st.integers(0, 3),
    scale=st.floats(0.5, 1.0), fps=st.sampled_from([10, 20, 50]), choice=st.booleans(),
)  # fmt: skip
def test_round_trip_of_any_values(
    weight: float, low: int, more: int, scale: float, fps: int, choice: bool
) -> None:
    data = with_key("cases.0.weight", weight)
    data |= {
        "fps": fps,
        "distractors": {"count": [low, low + more]},
        "randomize": {"mass_scale": [scale, 1.0], "object_choice": choice},
    }
    spec = bound(data)
    assert bound(json.loads(json.dumps(spec.to_dict()))) == spec
    assert not violations(data, TaskSpec.model_json_schema())


# Hashes.


def test_the_hash_ignores_form_and_defaults() -> None:
    explicit = with_key("randomize.home_rad", 0.02)
    reordered = dict(reversed(list(PLAIN.items())))
    one_case = {"name": "put_it", **PLAIN["cases"][0]}
    assert {bound(d).spec_hash for d in (PLAIN, explicit, reordered, one_case)} == {
        bound().spec_hash
    }


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "other"),
        ("fps", 10),
        ("cases.0.weight", 2.0),
        ("cases.0.objects.b", "plate"),
        ("cases.0.goal", {"relation": "near", "subject": "a", "object": "b"}),
        ("cases.0.instructions.train", ["move {a} to {b}"]),
        ("randomize.home_rad", 0.0),
        ("distractors.count", [0, 1]),
        ("layout.gap_m", 0.02),
        ("robot", "primitive_arm"),
    ],
)
def test_the_hash_covers(path: str, value: Any) -> None:
    assert bound(with_key(path, value)).spec_hash != bound().spec_hash


def test_robot_and_version_are_part_of_the_hash() -> None:
    assert bound(robot="primitive_arm").spec_hash != bound().spec_hash
    other = bind(PLAIN, generator="pick_place", version="2")
    assert other.spec_hash != bound().spec_hash
    assert bound(robot="primitive_arm").robot == "primitive_arm"


def test_canonical_json_is_one_text_per_value() -> None:
    assert canonical_json({"b": [1, 2], "a": "ü"}) == '{"a":"ü","b":[1,2]}'
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    assert len(content_hash([])) == 32


# Refusals.

BAD = {
    "unknown key": (with_key("distractor", 3), "distractor", "distractors"),
    "unknown case key": (with_key("cases.0.gaol", {}), "gaol", "goal"),
    "unknown object": (
        with_key("cases.0.goal", {"relation": "on", "subject": "a", "object": "c"}),
        "cases.0", "on(a, c)"),
    "unknown placeholder": (
        with_key("cases.0.instructions.train", ["put {x} away"]), "instruction", "x"),
    "open brace": (
        with_key("cases.0.instructions.train", ["put {a on {b}"]), "instructions", "template"),
    "no templates": (with_key("cases.0.instructions.train", []), "train", ""),
    "unknown relation": (
        with_key("cases.0.goal", {"relation": "atop", "subject": "a", "object": "b"}),
        "goal", "atop"),
    "bad query": (with_key("cases.0.objects.a", {"famly": "mug"}), "objects", "family"),
    "reserved name": (with_key("cases.0.objects.table", "mug"), "table", "object name"),
    "weight of zero": (with_key("cases.0.weight", 0), "weight", ""),
    "rate": (with_key("fps", 30), "fps", "500"),
    "count": (with_key("distractors.count", [3, 1]), "distractors", ""),
    "many distractors": (with_key("distractors.count", [0, 13]), "distractors", ""),
    "type": (with_key("layout.gap_m", "wide"), "gap_m", ""),
    "negative gap": (with_key("layout.gap_m", -0.1), "gap_m", ""),
    "name": (with_key("name", "No Spaces"), "name", ""),
    "no cases": ({"name": "x"}, "cases", ""),
    "robot not allowed": (with_key("robots", ["primitive_arm"]), "robot", "primitive_arm"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_refused_with_key_and_reason(name: str) -> None:
    data, key, word = BAD[name]
    with pytest.raises(SpecError) as caught:
        bound(data, where="task.yaml")
    text = str(caught.value)
    assert "task.yaml" in text
    assert key in text
    assert word in text


def test_a_robot_that_is_not_allowed() -> None:
    data = {**PLAIN, "robot": "franka_panda", "robots": ["franka_panda"]}
    with pytest.raises(SpecError, match="primitive_arm"):
        bound(data, robot="primitive_arm")
    assert bound(data, robot="franka_panda").robot == "franka_panda"


def test_data_of_another_version_is_refused() -> None:
    stored = {**bound().to_dict(), "generator_version": "0"}
    with pytest.raises(SpecError, match="version 0"):
        bound(stored)


RANGES = ("randomize.mass_scale", "randomize.friction_scale", "randomize.table_height_m",
          "layout.radius_m", "layout.angle_rad")  # fmt: skip


@pytest.mark.parametrize("path", RANGES)
@pytest.mark.parametrize("value", [[2.0, 1.0], [float("nan"), 1.0], [1.0, float("inf")]])
def test_ranges_have_to_be_ranges(path: str, value: list[float]) -> None:
    with pytest.raises(DataFactoryError):
        bound(with_key(path, value))


@pytest.mark.parametrize("path", ["randomize.mass_scale", "randomize.friction_scale"])
def test_scales_have_to_be_positive(path: str) -> None:
    with pytest.raises(DataFactoryError):
        bound(with_key(path, [-1.0, 1.0]))
