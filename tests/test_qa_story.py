"""Sub-tasks are what the episode did, in its order, for the relations its goal names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from datafactory.episode import Phase
from datafactory.qa.story import Wanted, relations, sentence, sub_tasks
from tests.view_fixture import episode


def test_one_move() -> None:
    shown = episode()
    (task,) = sub_tasks(shown)
    goal = shown.goal[0][0][0]
    assert shown.objects[task.object].name == goal["subject"]
    assert task.wanted == Wanted(goal["relation"], goal["subject"], tuple(goal["objects"]))
    assert (task.start, task.stop) == (0, shown.length)
    assert task.start < task.hold.closed < task.hold.stop < task.stop


@pytest.mark.parametrize("task", ["two_into_one", "plate_then_box"])
def test_moves_come_in_order(task: str) -> None:
    shown = episode(task)
    found = sub_tasks(shown)
    names = [shown.objects[t.object].name for t in found]
    assert names == [r.subject for r in relations(shown.goal)]
    assert found[0].hold.stop <= found[1].start < found[1].hold.closed
    assert [t.wanted for t in found] == list(relations(shown.goal))


def test_moves_within_one_sub_goal_are_told_apart() -> None:
    shown = episode("plate_then_box")
    phases = (Phase("all", 0, shown.length),)
    merged = replace(shown, trajectory=replace(shown.trajectory, phases=phases))
    first, second = sub_tasks(merged)
    assert [t.object for t in (first, second)] == [t.object for t in sub_tasks(shown)]
    assert first.stop == second.hold.closed
    assert second.start == first.hold.stop


def test_an_uncertain_alternative_is_not_guessed() -> None:
    shown = episode()
    other = {"relation": "on", "subject": "a", "objects": ["b"]}
    goal = [[[other], *shown.goal[0]]]
    held = replace(shown, goal=goal, final_graph={"edges": [other]})
    assert sub_tasks(held)[0].wanted == Wanted("on", "a", ("b",))
    assert sub_tasks(replace(shown, goal=goal, final_graph={}))[0].wanted is None
    assert sub_tasks(replace(shown, goal={"reach": [1, 2]}))[0].wanted is None


def test_relations_as_sentences() -> None:
    names = {"a": "the can", "b": "the bowl", "c": "the mug"}
    between = Wanted("between", "a", ("b", "c"))
    assert sentence(between, names.__getitem__) == "put the can between the bowl and the mug"
    assert sentence(Wanted("in", "a", ("b",)), names.__getitem__, "it") == "put it in the bowl"
    assert sentence(Wanted("stacked", "a", ("b",)), names.__getitem__) == (
        "stack the can on the bowl"
    )
    assert sentence(Wanted("unheard of", "a", ("b",)), names.__getitem__) is None
