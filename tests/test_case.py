"""Goal forms say how many objects they need, before anything runs."""

from __future__ import annotations

import pytest

from datafactory.errors import SpecError
from datafactory.spec import task_from_dict

BLOCKS = {"count": [1, 3], "query": {"family": "block"}}


def task(goal, **case):
    return task_from_dict({"name": "x", "cases": [{"goal": goal, **case}]})


@pytest.mark.parametrize("form", ["swap", "stack", "line", "nest"])
def test_one_object_is_too_few(form):
    with pytest.raises(SpecError, match=f"form '{form}' needs 2"):
        task({"form": form, "objects": ["a"]}, objects={"a": "block"})


def test_a_set_may_turn_out_too_small_or_too_large():
    with pytest.raises(SpecError, match="needs 2 or more objects, not 1 to 3"):
        task({"form": "stack", "objects": ["s"]}, sets={"s": BLOCKS})
    with pytest.raises(SpecError, match="needs 2 objects, not 2 to 3"):
        task({"form": "swap", "objects": ["s"]}, sets={"s": {**BLOCKS, "count": [2, 3]}})
    task({"form": "swap", "objects": ["s"]}, sets={"s": {**BLOCKS, "count": [2, 2]}})


def test_steps_of_a_sequence_are_checked_too():
    steps = [{"form": "stack", "objects": ["a"]}, {"form": "stack", "objects": ["a", "b"]}]
    with pytest.raises(SpecError, match="form 'stack' needs 2"):
        task({"form": "sequence", "steps": steps}, objects={"a": "block", "b": "block"})
