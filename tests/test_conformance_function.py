"""Assets used as what they are for: pegs in slots, fingers through handles."""

from __future__ import annotations

from dataclasses import replace

import pytest

from datafactory_assets.asset import Cavity, RigidAsset, StablePose
from datafactory_assets.conformance import check_asset
from datafactory_assets.conformance_function import check_function, handle_loops
from datafactory_assets.families import Tier0, Tier1
from datafactory_assets.families.language import Draw, Family, Form, Params, assemble
from datafactory_assets.families.pieces import UPRIGHT, box
from datafactory_assets.families.solids import rounded_box
from datafactory_assets.query import Query
from datafactory_assets.source import FamilyInfo

INFO = FamilyInfo(
    "two_cells",
    "rack",
    (),
    container=True,
    graspable=False,
    supports=False,
    description="A box with a partition.",
    dimension_source="this test",
    materials=("wood",),
)
FLOOR, RIM, HALF = 0.01, 0.07, 0.03


def _draw(draw: Draw) -> Params:
    return draw.params(("wood",), wall=draw.uniform(0.004, 0.006))


def _build(params: Params) -> Form:
    wall = params.size["wall"]
    long, wide = 2.0 * HALF + 1.5 * wall, HALF + wall
    parts = [((long, wide, 0.5 * FLOOR), (0.0, 0.0, 0.5 * FLOOR))]
    half, z = 0.5 * (RIM - FLOOR), 0.5 * (RIM + FLOOR)
    parts += [((0.5 * wall, wide, half), (k * (2.0 * HALF + wall), 0.0, z)) for k in (-1, 0, 1)]
    parts += [
        ((HALF, 0.5 * wall, half), (x * (HALF + 0.5 * wall), y * (HALF + 0.5 * wall), z))
        for x in (-1, 1)
        for y in (-1, 1)
    ]
    slots = []
    for x in (-HALF - 0.5 * wall, HALF + 0.5 * wall):
        corners = ((x - HALF, -HALF), (x + HALF, -HALF), (x + HALF, HALF), (x - HALF, HALF))
        slots.append(Cavity(corners, corners, FLOOR, RIM))
    return Form(
        solids=tuple(rounded_box(h, c, 0.0005, 0.0002, params.rgba) for h, c in parts),
        shapes=tuple(box(h, c) for h, c in parts),
        poses=(StablePose(UPRIGHT, 0.0, 0.9),),
        slots=tuple(slots),
    )


@pytest.fixture(scope="module")
def rack() -> RigidAsset:
    return assemble("test", Family(INFO, _draw, _build), 3)


def test_pegs_stand_in_slots(rack: RigidAsset) -> None:
    assert rack.cavity is None
    assert rack.container
    assert rack.volumes == rack.slots
    check_asset(rack, INFO)
    check_function(rack)
    check_function(Tier0().make("bowl", 0))  # nothing to do


def test_slots_count_in_queries(rack: RigidAsset) -> None:
    assert Query(container=True, min_depth_m=0.05).matches(rack)
    assert not Query(min_depth_m=0.07).matches(rack)


def test_slots_are_part_of_the_content(rack: RigidAsset) -> None:
    def without_last(params: Params) -> Form:
        form = _build(params)
        return replace(form, slots=form.slots[:1])

    assert assemble("test", Family(INFO, _draw, without_last), 3).content_hash != rack.content_hash


def test_a_peg_that_does_not_stand_is_found(rack: RigidAsset) -> None:
    blocked = replace(rack, shapes=(*rack.shapes, box((0.02, 0.02, 0.01), (0.035, 0.0, 0.05))))
    with pytest.raises(AssertionError, match="slot 1"):
        check_function(blocked)
    wide = tuple((1.6 * x, 1.6 * y) for x, y in rack.slots[0].floor_polygon)
    with pytest.raises(AssertionError, match="slot 0"):
        check_function(replace(rack, slots=(Cavity(wide, wide, FLOOR, RIM),)))


def test_overlapping_slots_are_found(rack: RigidAsset) -> None:
    near = Cavity(
        tuple((x - 0.01, y) for x, y in rack.slots[1].floor_polygon),
        tuple((x - 0.01, y) for x, y in rack.slots[1].rim_polygon),
        FLOOR,
        RIM,
    )
    with pytest.raises(AssertionError, match="separate slots"):
        check_asset(replace(rack, slots=(rack.slots[0], near)), INFO)


@pytest.mark.parametrize(
    ("family", "loops"),
    [("teacup", 1), ("jug", 1), ("bucket", 1), ("teapot", 1), ("kettle", 1), ("toast_rack", 1),
     ("colander", 2)],
)  # fmt: skip
def test_handles_can_be_threaded(family: str, loops: int) -> None:
    for seed in range(3):
        asset = Tier1().make(family, seed)
        assert "handle" in asset.attributes
        assert len(handle_loops(asset)) == loops
        check_function(asset)
    assert len(handle_loops(Tier0().make("mug", 0))) == 1
    assert handle_loops(Tier0().make("pan", 0)) == []


def test_a_closed_or_an_open_handle_is_found() -> None:
    mug = Tier0().make("mug", 0)
    plug = box((0.012, 0.01, 0.04), (mug.aabb[1][0] - 0.02, 0.0, 0.5 * mug.extents[2]))
    with pytest.raises(AssertionError, match="handle loop 0"):
        check_function(replace(mug, shapes=(*mug.shapes, plug)))
    bars = [s for s in mug.shapes if s.part == "handle"]
    alone = replace(mug, shapes=tuple(bars))
    with pytest.raises(AssertionError, match="handle loop 0"):
        check_function(alone)
