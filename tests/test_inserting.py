"""``upright_in``: things stand in holders and cells, or do not."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.geometry import Pose
from datafactory.scene_graph.footprint import asset_geometry
from datafactory.scene_graph.graph import Relation
from datafactory.scene_graph.relations import check_relation, sample_poses
from datafactory.seeding import stream
from datafactory_assets.families import Tier0, Tier1
from tests.physics_fixture import settle, standing

RELATION = Relation("upright_in", "a", ("b",))
PAIRS = [("bottle", "bottle_crate"), ("marker", "pen_holder"), ("toothbrush", "cup"),
         ("spoon", "utensil_crock")]  # fmt: skip


def thing(family: str, seed: int):
    source = next(s for s in (Tier0(), Tier1()) if family in {i.name for i in s.families()})
    return source.make(family, seed)


@pytest.mark.parametrize(("subject", "holder"), PAIRS)
@settings(max_examples=3, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_what_is_sampled_stands_after_settling(subject: str, holder: str, seed: int) -> None:
    a, b = thing(subject, seed % 7), thing(holder, seed % 5)
    context = settle({"b": standing(b, 0.5, 0.0, 0.1 * (seed % 60))}, {"b": b}, 0.05)
    found = sample_poses(RELATION, a, context, stream(13, subject, seed, "pose"), 2)
    assert found
    for placement in found:
        state = settle({**context.poses, "a": placement.world_from_object}, {"a": a, "b": b}, 1.5)
        check = check_relation(RELATION, state)
        assert check.holds, check.failed()


def test_neither_beside_nor_lying_across() -> None:
    a, b = thing("marker", 1), thing("pen_holder", 1)
    beside = {"b": standing(b, 0.5, 0.0, 0.0), "a": standing(a, 0.5, 0.2, 0.0)}
    assert not check_relation(RELATION, settle(beside, {"a": a, "b": b}, 0.1)).holds
    top = b.aabb[1][2] + 0.01
    across = Pose.of(np.add(beside["b"].position, (0.0, 0.0, top)), beside["a"].quat)
    state = settle({**beside, "a": across}, {"a": a, "b": b}, 0.3)
    assert not check_relation(RELATION, state).holds


def test_a_bottle_upside_down_does_not_stand() -> None:
    bottle, crate = thing("bottle", 1), thing("bottle_crate", 1)
    (rest,) = asset_geometry(bottle).standing
    assert rest.quat.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert len(asset_geometry(thing("marker", 1)).standing) == 2
    context = settle({"b": standing(crate, 0.5, 0.0, 0.0)}, {"b": crate}, 0.05)
    (placement,) = sample_poses(RELATION, bottle, context, stream(1, "x", 0, "pose"), 1)
    turned = placement.world_from_object @ Pose.of((0.0, 0.0, bottle.extents[2]), (0, 1, 0, 0))
    state = settle({**context.poses, "a": turned}, {"a": bottle, "b": crate}, 0.0)
    measured = {m.name: m.value for m in check_relation(RELATION, state).measured}
    assert math.isclose(measured["lean_max"], 180.0, abs_tol=1.0)


def test_every_bottle_gets_a_cell_of_its_own() -> None:
    bottle, crate = thing("bottle", 1), thing("bottle_crate", 1)
    assets, poses = {"b": crate}, {"b": standing(crate, 0.5, 0.0, 0.0)}
    for k in range(len(crate.slots)):
        context = settle(poses, assets, 0.05)
        relation = Relation("upright_in", f"a{k}", ("b",))
        (placement,) = sample_poses(relation, bottle, context, stream(2, "cell", k, "pose"), 1)
        assets[f"a{k}"], poses[f"a{k}"] = bottle, placement.world_from_object
    context = settle(poses, assets, 0.1)
    relation = Relation("upright_in", "z", ("b",))
    assert not sample_poses(relation, bottle, context, stream(2, "cell", 9, "pose"), 1)
