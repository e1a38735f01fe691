"""What has no opening, or only a shallow one, is refused as a container when a task is read."""

from __future__ import annotations

import pytest

from datafactory.errors import SpecError
from datafactory.plugin import load_generator


def read(goal, a="marker", b="plate", **more):
    task = {
        "name": "t", "sources": ["tier0", "tier1"], "goal": goal,
        "objects": {"a": {"family": [a]}, "b": {"family": b if isinstance(b, list) else [b]}},
        "instructions": {"train": ["put {a} into {b}"]}, **more,
    }  # fmt: skip
    return load_generator("pick_place").spec(task, where="t.yaml")


INSERT = {"form": "insert", "objects": ["a"], "into": "b"}
PUT_IN = {"relation": "in", "subject": "a", "object": "b"}


@pytest.mark.parametrize(
    ("goal", "container", "why"),
    [
        (INSERT, "plate", "too shallow"),
        (INSERT, "block", "no opening"),
        (PUT_IN, "block", "no opening"),
        ({"form": "put", **PUT_IN}, "can", "no opening"),
        ({"form": "clear", "objects": ["a"], "into": "b"}, "can", "no opening"),
        ({"form": "sequence", "steps": [INSERT, {"form": "put", **PUT_IN}]}, "can", "no opening"),
    ],
)
def test_what_cannot_take_anything_is_refused(goal, container, why):
    with pytest.raises(SpecError, match="'a' cannot be put into 'b'") as refused:
        read(goal, b=container)
    assert why in refused.value.why
    assert container in refused.value.why
    assert refused.value.where == "t.yaml:cases.0"


def test_one_family_that_can_is_enough():
    read(INSERT, b=["plate", "pen_holder"])
    read(PUT_IN, a="block", b=["can", "bowl"])
    read({"relation": "on", "subject": "a", "object": "b"}, b="block")


def test_things_cannot_begin_in_what_has_no_opening():
    goal = {"relation": "left", "subject": "a", "object": "b"}
    with pytest.raises(SpecError, match="cannot be put into"):
        read(goal, b="can", initial=[PUT_IN])


def test_named_instances_are_those_looked_at():
    for name in ("pen_holder@7", "pen_holder@200"):
        spec = {"instances": [name]}
        task = {"name": "t", "sources": ["tier0", "tier1"], "goal": INSERT,
                "objects": {"a": {"family": ["marker"]}, "b": spec}}  # fmt: skip
        load_generator("pick_place").spec(task)


def test_every_shipped_task_can_be_done():
    generator = load_generator("pick_place")
    for info in generator.tasks():
        generator.spec(info.spec)


@pytest.mark.parametrize("goal", ["on", "left"])
def test_nothing_is_put_where_a_belt_runs(goal):
    wanted = {"relation": goal, "subject": "a", "object": "b"}
    read(wanted, a="block", conveyor={"carries": ["a"]})
    with pytest.raises(SpecError, match="invalid task") as refused:
        read(wanted, a="block", conveyor={"carries": ["a", "b"]})
    assert "'b', which rides on the conveyor" in refused.value.why
