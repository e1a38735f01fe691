"""Object queries: parsing, matching, drawing."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory_assets.errors import AssetError
from datafactory_assets.families import Tier0
from datafactory_assets.query import UNSEEN_FROM, Query, is_support

SOURCES = (Tier0(),)
CATEGORIES = sorted({info.category for info in SOURCES[0].families()})


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def families_of(query: Query) -> set[str]:
    return {info.name for _, info in query.candidates(SOURCES)}


def test_parse_text() -> None:
    assert families_of(Query.parse("mug")) == {"mug"}
    assert families_of(Query.parse("Frying_Pan")) == {"pan"}
    assert families_of(Query.parse("box")) == {"open_box"}
    assert families_of(Query.parse("fruit")) == {"apple", "orange", "lemon"}
    query = Query(category="mug")
    assert Query.parse(query) is query


def test_parse_mapping() -> None:
    query = Query.parse({"category": ["mug", "bowl"], "max_mass_kg": 1, "graspable": True})
    assert query.category == ("mug", "bowl")
    assert families_of(query) == {"mug", "bowl"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"catgory": "mug"}, "'category'"),
        ({"max_widht_m": 0.1}, "'max_width_m'"),
        ({"category": 3}, "a word or a list of words"),
        ({"category": [""]}, "a word"),
        ({"graspable": "yes"}, "true or false"),
        ({"max_mass_kg": -1.0}, "0 or more"),
        ({"max_mass_kg": True}, "finite number"),
        ({"min_height_m": float("nan")}, "finite number"),
    ],
)
def test_parse_refuses(value, message) -> None:
    with pytest.raises(AssetError, match=message):
        Query.parse(value)


def test_flags_select_families() -> None:
    assert {"bowl", "plate", "tray", "basket", "open_box", "mug"} <= families_of(
        Query(container=True)
    )
    assert {"plate", "tray", "block", "book"} <= families_of(Query(supports=True))
    assert families_of(Query(supports=True)).isdisjoint({"ball", "bowl", "apple"})
    assert "tray" not in families_of(Query(graspable=True))
    assert families_of(Query(container=True, exclude_category=("plate", "coffee mug"))).isdisjoint(
        {"plate", "mug"}
    )
    assert families_of(Query(min_depth_m=0.03)) <= families_of(Query(container=True))
    of_steel = families_of(Query(material="steel"))
    assert {"cup", "pan", "pot", "tin"} <= of_steel
    assert of_steel.isdisjoint({"apple", "bowl", "mug"})


def test_draw_meets_every_condition() -> None:
    query = Query(
        colour=("red", "blue"),
        graspable=True,
        container=False,
        max_mass_kg=0.3,
        min_width_m=0.03,
        max_width_m=0.06,
        min_height_m=0.02,
        max_height_m=0.12,
        attributes="flat",
        licence="CC0-1.0",
    )
    for seed in range(20):
        asset = query.draw(generator(seed), SOURCES)
        assert asset.colour in ("red", "blue")
        assert asset.graspable
        assert not asset.container
        assert asset.mass <= 0.3
        assert 0.03 <= min(asset.extents[:2]) <= 0.06
        assert 0.02 <= asset.extents[2] <= 0.12
        assert "flat" in asset.attributes
        assert is_support(asset)


def test_depth_needs_a_deep_container() -> None:
    plate, mug = SOURCES[0].make("plate", 0), SOURCES[0].make("mug", 0)
    query = Query(min_depth_m=0.04)
    assert query.matches(mug)
    assert not query.matches(plate)
    assert not query.matches(SOURCES[0].make("can", 0))


def test_draw_is_a_function_of_the_generator() -> None:
    query = Query(graspable=True)
    first = [query.draw(rng, SOURCES).uid for rng in [generator(7)] for _ in range(5)]
    again = [query.draw(rng, SOURCES).uid for rng in [generator(7)] for _ in range(5)]
    assert first == again
    assert len(set(first)) == 5


def test_draw_is_uniform_over_families() -> None:
    query = Query(category=("mug", "can", "ball"))
    rng = generator(1)
    drawn = [query.draw(rng, SOURCES).family for _ in range(600)]
    for name in ("mug", "can", "ball"):
        assert 150 < drawn.count(name) < 250


def test_nothing_can_match() -> None:
    with pytest.raises(AssetError, match="'mug' instead of 'mugg'"):
        Query.parse("mugg").draw(generator(), SOURCES)
    with pytest.raises(AssetError, match="drop a condition"):
        Query(category="ball", container=True).draw(generator(), SOURCES)
    with pytest.raises(AssetError, match="categories on offer: none"):
        Query().draw(generator(), ())
    with pytest.raises(AssetError, match="none of 20 instances of ball"):
        Query(category="ball", max_mass_kg=1e-4).draw(generator(), SOURCES, max_tries=20)


@settings(max_examples=60, deadline=None)
@given(
    category=st.lists(st.sampled_from(CATEGORIES), max_size=3, unique=True),
    exclude=st.lists(st.sampled_from(CATEGORIES), max_size=2, unique=True),
    graspable=st.sampled_from([None, True, False]),
    supports=st.sampled_from([None, True, False]),
    mass=st.none() | st.floats(0.0, 3.0),
    family=st.sampled_from([info.name for info in SOURCES[0].families()]),
    seed=st.integers(0, 2**31 - 1),
)
def test_matches_implies_candidate(
    category, exclude, graspable, supports, mass, family, seed
) -> None:
    query = Query(
        category=tuple(category),
        exclude_category=tuple(exclude),
        graspable=graspable,
        supports=supports,
        max_mass_kg=mass,
    )
    if query.matches(SOURCES[0].make(family, seed)):
        assert family in families_of(query)
    data = json.loads(json.dumps(query.to_dict()))
    assert Query.parse(data).to_dict() == query.to_dict()


def test_to_dict_is_canonical() -> None:
    a = Query(category=("mug", "bowl"), graspable=True)
    b = Query.parse({"graspable": True, "category": ["bowl", "mug"]})
    assert json.dumps(a.to_dict()) == json.dumps(b.to_dict())
    assert Query().to_dict() == {}


def test_splits_have_no_instance_in_common() -> None:
    seeds: dict[str, set[int]] = {}
    for split in ("seen", "unseen"):
        query, rng = Query.parse({"family": "mug", "split": split}), generator(3)
        seeds[split] = {query.draw(rng, SOURCES).seed for _ in range(400)}
    assert not seeds["seen"] & seeds["unseen"]
    assert max(seeds["seen"]) == UNSEEN_FROM - 1
    assert (min(seeds["unseen"]), max(seeds["unseen"])) == (UNSEEN_FROM, 255)
    both = {Query.parse("mug").draw(generator(k), SOURCES).seed for k in range(300)}
    assert both & seeds["seen"]
    assert both & seeds["unseen"]


def test_listed_instances() -> None:
    query = Query.parse({"instances": ["mug@17", "bowl@3", "mug@200"]})
    drawn = {query.draw(generator(k), SOURCES) for k in range(60)}
    assert {(a.family, a.seed) for a in drawn} == {("mug", 17), ("bowl", 3), ("mug", 200)}
    assert Query.parse(query.to_dict()).to_dict() == query.to_dict()
    assert not query.matches(SOURCES[0].make("mug", 18))
    only = Query.parse({"instances": ["mug@17", "bowl@3"], "category": "bowl"})
    assert {only.draw(generator(k), SOURCES).family for k in range(9)} == {"bowl"}


@pytest.mark.parametrize(
    "wrong", [{"split": "train"}, {"instances": "mug"}, {"instances": ["mug@256"]}]
)
def test_splits_and_instances_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(AssetError, match="cannot use"):
        Query.parse(wrong)
