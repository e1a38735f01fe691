"""Rows and places: what is sampled holds after settling, and what only looks alike does not."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.errors import SpecError, UnknownNameError
from datafactory.scene import WorldState
from datafactory.scene_graph.catalogue import rule_of
from datafactory.scene_graph.graph import Goal, Relation, aligned, apart, at, start_of
from datafactory.scene_graph.relations import check_relation, sample_poses
from datafactory.seeding import stream
from tests.physics_fixture import asset, settle, standing


def world(**places: tuple[float, float]) -> WorldState:
    """Blocks on the table at (x, y), which are also where they started."""
    assets = {name: asset("block", k) for k, name in enumerate(places)}
    poses = {name: standing(assets[name], *xy, 0.3) for name, xy in places.items()}
    state = settle(poses, assets, 0.1)
    return replace(state, starts=state.poses)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 3))
def test_sampled_rows_hold_after_settling(seed: int, count: int) -> None:
    rng = stream(11, "row", seed, "context")
    turn = float(rng.uniform(-math.pi, math.pi))
    step = np.array([math.cos(turn), math.sin(turn)]) * 0.14
    middle = np.array([0.55, 0.0])
    names = [f"r{k}" for k in range(count)]
    spots = {n: tuple((middle + (k - 1) * step).tolist()) for k, n in enumerate(names)}
    context = world(**spots)
    relation = aligned("a", *names).relations()[0]
    thing = asset("can", seed % 5)
    for placement in sample_poses(relation, thing, context, stream(11, "row", seed, "pose"), 2):
        poses = {**context.poses, "a": placement.world_from_object}
        state = settle(poses, {**context.assets, "a": thing}, 0.3)
        check = check_relation(relation, state)
        assert check.holds, check.failed()


@pytest.mark.parametrize(
    ("spots", "holds"),
    [
        ({"a": (0.4, 0.0), "b": (0.55, 0.005), "c": (0.7, 0.0)}, True),
        ({"a": (0.4, 0.0), "b": (0.55, 0.08), "c": (0.7, 0.0)}, False),
        ({"a": (0.3, 0.0), "b": (0.6, 0.0), "c": (0.75, 0.0)}, False),
        ({"a": (0.4, 0.0), "b": (0.55, 0.0)}, True),
    ],
)
def test_rows_are_straight_and_without_wide_gaps(
    spots: dict[str, tuple[float, float]], holds: bool
) -> None:
    state = world(**spots)
    relation = Relation("aligned", "a", tuple(n for n in spots if n != "a"))
    assert check_relation(relation, state).holds == holds


@settings(max_examples=5, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), name=st.sampled_from(["at", "apart"]))
def test_places_are_where_things_stood(seed: int, name: str) -> None:
    context = world(a=(0.45, 0.2), b=(0.55, -0.2))
    moved = {**context.poses, "b": standing(context.assets["b"], 0.7, 0.1, 0.0)}
    context = replace(context, poses=moved)  # the place of b is free now
    relation = Relation(name, "a", (start_of("b"),))
    thing = context.assets["a"]
    found = sample_poses(relation, thing, context, stream(12, name, seed, "pose"), 2)
    assert found
    for placement in found:
        poses = {**moved, "a": placement.world_from_object}
        state = replace(settle(poses, dict(context.assets), 0.3), starts=context.starts)
        assert check_relation(relation, state).holds
        other = "apart" if name == "at" else "at"
        assert not check_relation(Relation(other, "a", relation.objects), state).holds


def test_a_place_is_no_subject_and_carries_nothing() -> None:
    with pytest.raises(SpecError, match="cannot be the subject"):
        rule_of(Relation("at", start_of("a"), ("b",)))
    with pytest.raises(SpecError, match="no meaning for a place"):
        rule_of(Relation("on", "a", (start_of("b"),)))
    with pytest.raises(UnknownNameError, match="place"):
        check_relation(at("a", start_of("z")).relations()[0], world(a=(0.5, 0.0)))


def test_goals_know_objects_not_places() -> None:
    goal = at("a", start_of("b")) & apart("c", start_of("a"))
    assert goal.names() == {"a", "b", "c"} - {"b"}
    assert Goal.from_json(goal.to_list()) == goal
