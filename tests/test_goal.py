"""Goals: any number of sub-goals, alternatives, ordered stages."""

import pytest

from datafactory.errors import SpecError, UnknownNameError
from datafactory.scene_graph.goal import GoalProgress, check_goal
from datafactory.scene_graph.graph import Goal, Relation, inside, left, near, on, touching
from tests.physics_fixture import asset, settle, standing

SPOTS = {"a": (0.5, 0.14), "b": (0.5, 0.0), "c": (0.5, -0.16)}


@pytest.fixture(scope="module")
def state():
    assets = {"a": asset("can"), "b": asset("block"), "c": asset("mug")}
    poses = {name: standing(assets[name], *SPOTS[name]) for name in assets}
    return settle(poses, assets, 0.1)


TRUE = [
    Relation("on", "a", ("table",)),
    Relation("on", "b", ("table",)),
    Relation("on", "c", ("table",)),
    Relation("left", "a", ("b",)),
    Relation("right", "b", ("a",)),
    Relation("left", "b", ("c",)),
    Relation("right", "c", ("b",)),
    Relation("near", "a", ("b",)),
    Relation("near", "b", ("a",)),
    Relation("between", "b", ("a", "c")),
    Relation("between", "b", ("c", "a")),
    Relation("touching", "a", ("table",)),
    Relation("touching", "b", ("table",)),
]
FALSE = Relation("in", "a", ("c",))


@pytest.mark.parametrize("count", range(1, len(TRUE) + 1))
def test_any_number_of_sub_goals_can_pass(state, count):
    goal = Goal(((tuple(TRUE[:count]),),))
    check = check_goal(goal, state)
    assert check.holds
    assert check.stages[0].alternatives[0].satisfied == count
    short = check_goal(Goal((((*TRUE[: count - 1], FALSE),),)), state)
    assert not short.holds
    assert short.stages[0].alternatives[0].satisfied == count - 1


def test_one_true_alternative_is_enough(state):
    goal = inside("a", "c") | (on("a", "b") & near("a", "b")) | left("a", "b")
    check = check_goal(goal, state)
    assert check.holds
    assert [a.holds for a in check.stages[0].alternatives] == [False, False, True]
    assert [a.satisfied for a in check.stages[0].alternatives] == [0, 1, 1]
    worse = check_goal(inside("a", "c") | (on("a", "b") & near("a", "b")), state)
    assert not worse.holds
    assert worse.stages[0].best.satisfied == 1


def test_stages_are_reached_in_order(state):
    goal = left("a", "b").then(touching("a", "c")).then(near("a", "b"))
    assert [s.holds for s in check_goal(goal, state).stages] == [True, False, True]
    assert check_goal(goal, state).holds
    assert not check_goal(goal, state, stage=1).holds
    assert len(check_goal(goal, state, stage=1).stages) == 1
    progress = GoalProgress(goal).advance(state)
    assert progress.stage == 1
    assert not progress.done
    assert progress.advance(state) == progress
    last = GoalProgress(goal, 2).advance(state)
    assert last.done
    assert last.advance(state) == last


def test_wrong_stages_and_names_are_refused(state):
    with pytest.raises(SpecError, match="1 stage"):
        check_goal(on("a", "b"), state, stage=1)
    with pytest.raises(UnknownNameError):
        check_goal(on("a", "nothing"), state)
