"""Looks: drawn from independent streams, within their ranges, from the asked split."""

from __future__ import annotations

import colorsys
import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.errors import UnknownNameError
from datafactory.geometry import normalize
from datafactory.render.illumination import EXPOSED, illumination, light_colour
from datafactory.render.paint import painted, patterned
from datafactory.render.scenery import build_stage
from datafactory.render.skies import sky
from datafactory.render.stage import MAX_LIGHTS
from datafactory.render.style import LIGHTS, SURFACES
from datafactory.render.textures.library import texture, texture_names
from datafactory.store.encode import canonical_json
from datafactory_assets.families.materials import COLOURS
from tests.stage_fixture import NAMES, assets, episode, look, robot, track

HIGH = {"lights": "high", "sky": "high", "surfaces": "high", "room": "high"}
PARTS = {
    "lights": ("main", "lamps", "ambient"),
    "sky": ("sky",),
    "surfaces": ("table", "floor", "wall", "objects"),
    "room": ("room",),
}
SEEDS = st.integers(0, 2**31)


def parts(drawn, names):
    values = asdict(drawn)
    return {name: values[name] for name in names}


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.sampled_from(sorted(PARTS)))
def test_switching_one_part_off_leaves_the_others(seed, part):
    every = look(seed, randomise=HIGH)
    without = look(seed, randomise={**HIGH, part: "off"})
    for name, fields in PARTS.items():
        if name != part:
            assert parts(every, fields) == parts(without, fields)
    assert parts(without, PARTS[part]) == parts(look(seed), PARTS[part]), "off is the style's own"


def test_nothing_random_is_the_same_for_every_episode():
    assert look(1) == look(2)
    own = look(1)
    assert (own.sky, own.table.top.texture) == (NAMES["sky"], NAMES["table"])
    assert own.room.kind == "corner"
    assert own.room.props == ()
    assert own.floor.tint == own.wall.tint == (1.0, 1.0, 1.0)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.sampled_from(["low", "medium", "high"]))
def test_draws_stay_in_their_ranges(seed, level):
    drawn = look(seed, randomise={"lights": level, "surfaces": level})
    ranges = LIGHTS[level]
    low, high = ranges.azimuth_deg
    assert low <= drawn.main.azimuth_deg <= high
    assert ranges.elevation_deg[0] <= drawn.main.elevation_deg <= ranges.elevation_deg[1]
    assert ranges.intensity[0] <= drawn.main.intensity <= ranges.intensity[1]
    assert ranges.ambient[0] <= drawn.ambient <= ranges.ambient[1]
    assert ranges.lamps[0] <= len(drawn.lamps) <= ranges.lamps[1]
    for surface in (drawn.table.top, drawn.floor, drawn.wall):
        assert all(1.0 - SURFACES[level].tint <= t <= 1.0 for t in surface.tint)
    assert drawn.table.top.texture in texture_names("table")


@pytest.mark.parametrize("split", ["seen", "unseen"])
def test_splits_share_nothing(split):
    for seed in range(12):
        drawn = look(seed, randomise=HIGH, split=split)
        names = [drawn.table.top.texture, drawn.floor.texture, drawn.wall.texture]
        names += [n for n in drawn.objects.values() if n]
        names += [p.texture for p in drawn.room.props if p.texture]
        assert {texture(n, 8).split for n in names} == {split}
        assert sky(drawn.sky).split == split


def test_sky_levels():
    assert {look(s, randomise={"sky": "low"}).sky.partition("/")[0] for s in range(20)} == {
        "office_windows"
    }
    medium = {look(s, randomise={"sky": "medium"}).sky.partition("/")[0] for s in range(80)}
    assert "night_city" not in medium
    assert len(medium) > 6
    assert "night_city" in {
        look(s, randomise={"sky": "high"}).sky.partition("/")[0] for s in range(80)
    }


def test_looks_are_json():
    drawn = look(3, randomise=HIGH)
    text = canonical_json(asdict(drawn))
    assert canonical_json(json.loads(text)) == text
    assert look(3, randomise=HIGH) == drawn, "and the same again"


def test_unknown_names_are_told():
    wrong = look(0, table="wood_vener/000")
    with pytest.raises(UnknownNameError, match="wood_vener"):
        build_stage(episode().objects, assets(), robot(), wrong, track())


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_lights_are_in_the_room_and_well_exposed(seed):
    drawn = look(seed, randomise=HIGH)
    target = np.array([0.56, 0.0, 0.75])
    lights, ambient = illumination(drawn, target, 0.0)
    assert 1 <= len(lights) <= MAX_LIGHTS
    assert [light.shadow for light in lights] == [True] + [False] * (len(lights) - 1)
    assert (lights[0].kind == "sun") == (drawn.room.kind == "none")
    for light in lights:
        assert np.allclose(np.linalg.norm(light.direction), 1.0)
        towards = normalize(np.array(light.position) - target)
        assert np.allclose(towards, -np.array(light.direction), atol=1e-6)
        assert light.direction[2] < 0.0
    if drawn.room.kind == "closed":
        for lamp in (x for x in lights if x.kind == "lamp"):
            x, y, z = np.array(lamp.position) - (target[0], target[1], 0.0)
            assert -drawn.room.back_m < x < drawn.room.front_m
            assert -drawn.room.right_m < y < drawn.room.left_m
            assert z < drawn.room.height_m
    total = np.mean(ambient) + sum(-x.direction[2] * np.mean(x.rgb) for x in lights)
    assert EXPOSED[0] - 1e-6 <= total <= EXPOSED[1] + 1e-6


def test_warm_light_is_warm():
    assert light_colour(5600.0) == pytest.approx((1.0, 1.0, 1.0), abs=1e-6)
    previous = -1.0
    for kelvin in range(2500, 10000, 250):
        r, _, b = light_colour(float(kelvin))
        assert b - r > previous
        previous = b - r


@pytest.mark.parametrize("word", sorted(set(COLOURS) - {"white", "grey", "black"}))
@pytest.mark.parametrize("name", ["plaid/003", "marble/001", "cardboard/002"])
def test_patterns_keep_the_colour(word, name):
    colour = COLOURS[word][:3]
    paint = patterned(name, colour, 64)
    image = paint.material.texture.astype(float) / 255.0 * paint.material.rgb
    mean = image.reshape(-1, 3).mean(axis=0)
    hue, saturation, _ = colorsys.rgb_to_hsv(*mean)
    wanted = colorsys.rgb_to_hsv(*colour)
    assert min(abs(hue - wanted[0]), 1 - abs(hue - wanted[0])) < 0.01
    assert saturation == pytest.approx(wanted[1], abs=0.02)
    assert mean.max() > 0.75 * max(colour)


def test_tints_multiply():
    from datafactory.render.look import SurfaceLook

    paint = painted(SurfaceLook("concrete/004", (0.5, 1.0, 0.8)), 64, (1.0, 0.5, 1.0))
    assert paint.material.rgb == (0.5, 0.5, 0.8)
    assert paint.material.texture_name == "concrete/004"
    plain = painted(SurfaceLook(""), 64)
    assert plain.material.texture is None
    assert plain.repeat_m == 0.0
