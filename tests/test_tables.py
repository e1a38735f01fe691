"""Table families: outlines and their pieces, heights, reach, queries, determinism."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from datafactory.seeding import stream
from datafactory_assets.asset import Shape
from datafactory_assets.conformance import reach
from datafactory_assets.errors import AssetError
from datafactory_assets.query import INSTANCES_PER_FAMILY
from datafactory_assets.tables import TableAsset, make_table, table_families
from datafactory_assets.tables.query import TableQuery

NAMES = [info.name for info in table_families()]
TABLES = st.builds(
    make_table,
    st.sampled_from(NAMES),
    st.integers(0, 2**31 - 1),
    st.sampled_from((0.70, 0.75, 0.80)),
)


def footprint(shape: Shape) -> np.ndarray:
    """(n, 2) corners of an upright box or hull."""
    if shape.kind == "box":
        a, b, _ = shape.size
        corners = np.array([(-a, -b), (a, -b), (a, b), (-a, b)])
    else:
        corners = np.array(shape.vertices)[:, :2]
    return corners + shape.position[:2]


def area(points: object) -> float:
    return float(ConvexHull(np.array(points)).volume)


def outside(outline: np.ndarray, points: np.ndarray) -> float:
    """Greatest distance of points beyond the edges of a convex outline, metres."""
    edge = np.roll(outline, -1, axis=0) - outline
    normal = np.stack([edge[:, 1], -edge[:, 0]], axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return float((points @ normal.T - np.sum(normal * outline, axis=1)).max())


@settings(max_examples=150, deadline=None)
@given(table=TABLES)
def test_pieces_of_a_top_make_up_its_outline(table: TableAsset) -> None:
    outline = np.array(table.outline)
    edge = np.roll(outline, -1, axis=0) - outline
    following = np.roll(edge, -1, axis=0)
    assert (edge[:, 0] * following[:, 1] - edge[:, 1] * following[:, 0] > 0.0).all()
    assert {(x, -y) for x, y in table.outline} == set(table.outline) or outside(
        outline, outline * (1.0, -1.0)
    ) < 1e-8
    assert table.tops[0].kind == "box"
    total = sum(area(footprint(shape)) for shape in table.tops)
    assert total == pytest.approx(area(outline), abs=6e-5)  # so they neither overlap nor leave gaps
    for shape in table.tops:
        assert outside(outline, footprint(shape)) < 1e-6
        half = shape.size[2] if shape.kind == "box" else max(v[2] for v in shape.vertices)
        assert shape.position[2] + half == pytest.approx(table.height, abs=2e-9)


@settings(max_examples=150, deadline=None)
@given(table=TABLES)
def test_parts_stand_on_the_floor_and_leave_the_work_area_free(table: TableAsset) -> None:
    lowest, bottom = np.inf, table.height - table.thickness
    for part in table.parts:
        shape = part.shape
        assert shape.kind in ("box", "cylinder")
        assert min(shape.size) > 0.0
        low, high = -reach(shape, np.array([0.0, 0.0, -1.0])), reach(shape, np.array([0, 0, 1.0]))
        lowest = min(lowest, low)
        if low < bottom - 1e-6:
            continue
        # Above the top: a low rim or back, or a board at the far edge well above things.
        if high - table.height > 0.25:
            near = -reach(shape, np.array([-1.0, 0.0, 0.0]))
            assert near > table.half_extents[0] - 0.21
            upright = shape.size[1] < 0.02
            assert upright or low - table.height > 0.40
    assert abs(lowest) < 0.03


def test_a_height_is_a_matter_of_the_legs() -> None:
    low, high = (make_table("dining_table", 3, height) for height in (0.70, 0.80))
    assert low.content_hash == high.content_hash
    assert low.uid == high.uid
    assert low.outline == high.outline
    legs = [
        max(p.shape.size[2] for p in table.parts if p.shape.part == "board")
        for table in (low, high)
    ]
    assert legs[1] - legs[0] == pytest.approx(0.05)


def test_no_two_seeds_make_the_same_table() -> None:
    assert len(NAMES) >= 20
    assert {info.top for info in table_families()} >= {"rectangle", "rounded", "circle", "oval",
                                                       "octagon"}  # fmt: skip
    hashes = {make_table(name, seed).content_hash for name in NAMES for seed in range(48)}
    assert len(hashes) == 48 * len(NAMES)
    assert make_table("desk", 5) == make_table("desk", 5)
    for info in table_families():
        tables = [make_table(info.name, seed) for seed in range(48)]
        assert {t.finish for t in tables} <= set(info.finishes)
        assert len({t.rgba for t in tables}) > 20
        assert info.dimension_source
        assert info.description


def test_queries() -> None:
    rng = stream(0, "tables", 0, "query")
    assert len(TableQuery.parse({}).candidates()) == len(NAMES)
    round_ones = TableQuery.parse({"top": ["circle", "oval"]})
    assert {i.name for i in round_ones.candidates()} == {"bistro_table", "oval_table"}
    for _ in range(20):
        table = TableQuery.parse({"finish": "stone"}).draw(rng, 0.75)
        assert table.finish == "stone"
        assert 0 <= table.seed < INSTANCES_PER_FAMILY
    named = TableQuery.parse("desk")
    assert {i.name for i in named.candidates()} >= {"desk", "school_desk", "standing_desk"}
    assert TableQuery.parse(named.to_dict()) == named
    assert json.dumps(named.to_dict())
    drawn = {TableQuery.parse({"exclude_family": "desk"}).draw(rng, 0.75).family
             for _ in range(200)}  # fmt: skip
    assert "desk" not in drawn
    assert len(drawn) > 20


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"shape": "circle"}, "no key 'shape'"),
        ({"family": "spaceship"}, "no table family matches"),
        (7, "no table query"),
        ({"top": [3]}, "must be text"),
    ],
)
def test_queries_that_cannot_be(value: object, text: str) -> None:
    with pytest.raises(AssetError, match=text):
        TableQuery.parse(value)


def test_unknown_families_and_seeds_are_refused() -> None:
    with pytest.raises(AssetError, match="'bistro_table'"):
        make_table("bistrotable", 0)
    with pytest.raises(AssetError, match="negative"):
        make_table("desk", -1)
