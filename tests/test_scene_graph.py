"""The values of scene graphs, and the graph described from a state."""

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.errors import SpecError, UnknownNameError
from datafactory.geometry import Pose
from datafactory.scene_graph.goal import describe_graph
from datafactory.scene_graph.graph import Goal, Relation, between, inside, left, near, on
from datafactory.scene_graph.relations import check_relation
from datafactory.seeding import stream
from tests.physics_fixture import TABLE, asset, settle, standing

DIRECTIONS = ("left", "right", "front", "behind")


def crowded(seed: int):
    rng = stream(5, "crowd", seed, "pose")
    families = {"a": "mug", "b": "plate", "c": "block", "d": "bowl", "e": "lemon", "f": "soap"}
    assets = {name: asset(family, seed % 4) for name, family in families.items()}
    poses = {
        name: standing(
            assets[name], 0.4 + 0.25 * (k % 2), 0.25 * (k // 2) - 0.25, rng.uniform(-3, 3)
        )
        for k, name in enumerate("abd")
    }
    for upper, lower, lift in (("c", "b", 0.02), ("e", "d", 0.03), ("f", "b", 0.08)):
        base = poses[lower].position
        poses[upper] = Pose.of([base[0], base[1], TABLE.height + lift])
    return settle(poses, assets, 0.6)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000))
def test_the_described_graph_is_every_relation_that_holds(seed):
    state = crowded(seed)
    expected = set()
    for a, b in permutations(sorted(state.poses), 2):
        candidates = [Relation(n, a, (b,)) for n in ("on", "in", "stacked", "above")]
        candidates += [Relation(n, a, (b,), "robot") for n in DIRECTIONS]
        if a < b:
            candidates += [Relation(n, a, (b,)) for n in ("near", "touching")]
        expected |= {r for r in candidates if check_relation(r, state).holds}
    for a in state.poses:
        for name in ("on", "touching"):
            relation = Relation(name, a, ("table",))
            if check_relation(relation, state).holds:
                expected.add(relation)
    graph = describe_graph(state)
    assert set(graph.edges) == expected
    assert len(graph.edges) == len(expected)
    assert {str(e) for e in graph.edges} >= {"on(c, b)", "in(e, d)", "on(b, table)"}


def test_nodes_say_what_things_are():
    graph = describe_graph(crowded(0))
    kinds = {n.name: (n.kind, n.category) for n in graph.nodes}
    assert kinds["table"] == ("support", "")
    assert kinds["robot"] == ("robot", "")
    assert kinds["d"] == ("container", "bowl")
    assert kinds["c"][0] == "object"
    data = graph.to_dict()
    assert len(data["edges"]) == len(graph.edges)
    assert [Relation.from_dict(e) for e in data["edges"]] == list(graph.edges)
    assert describe_graph(crowded(0)) == graph


def test_goals_combine_and_survive_json():
    goal = ((on("a", "b") | inside("a", "c")) & left("a", "d", "robot")).then(near("a", "e"))
    assert len(goal.stages) == 2
    assert [len(alternative) for alternative in goal.stages[0]] == [2, 2]
    assert Goal.from_json(goal.to_list()) == goal
    assert goal.names() == frozenset("abcde")
    assert str(between("a", "b", "c")) == "between(a, b, c)"
    assert Goal.from_json({"relation": "on", "subject": "a", "object": "b"}) == on("a", "b")
    with pytest.raises(SpecError, match="single-stage"):
        goal & on("a", "b")


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Relation("under", "a", ("b",)), UnknownNameError),
        (lambda: Relation("left", "a", ("b",), "gripper"), UnknownNameError),
        (lambda: Relation("between", "a", ("b",)), SpecError),
        (lambda: Relation("on", "a", ("a",)), SpecError),
        (lambda: Relation("between", "a", ("b", "b")), SpecError),
        (lambda: Relation.from_dict({"relation": "on", "subjekt": "a"}), UnknownNameError),
        (lambda: Goal.from_json([]), SpecError),
    ],
)
def test_malformed_graphs_are_refused(make, error):
    with pytest.raises(error):
        make()
