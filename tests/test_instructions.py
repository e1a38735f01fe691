from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datafactory.instructions import Instruction, instruction_index, instructions_of


def event(frame, text="", kind="goal_changed"):
    return {"frame": frame, "kind": kind, "instruction": text, "goal": ""}


def test_events_that_say_something_are_instructions():
    extra = {"events": [event(30, "c"), event(12, kind="object_moved"), event(20, "b")]}
    found = instructions_of("a", ["A"], extra)
    assert found == (Instruction("a", 0, ("A",)), Instruction("b", 20), Instruction("c", 30))
    for nothing in ({}, {"events": None}, {"events": []}):
        assert instructions_of("a", [], nothing) == (Instruction("a"),)


@given(st.lists(st.integers(1, 50), max_size=4, unique=True), st.integers(1, 60))
def test_an_instruction_holds_until_the_next_one(starts, length):
    found = instructions_of("0", [], {"events": [event(k, str(k)) for k in starts]})
    index = instruction_index(found, np.arange(length))
    for frame in range(length):
        begun = [k for k in (0, *starts) if k <= frame]
        assert found[index[frame]].text == str(max(begun))
