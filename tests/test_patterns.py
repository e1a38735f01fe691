"""Patterns: what the attributes say is what is drawn, and nothing else of a family changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from datafactory.errors import UnknownNameError
from datafactory.render.look import PATTERNED, draw_look
from datafactory.render.textures.prints import printed
from datafactory.seeding import Streams
from datafactory_assets.families import Tier0, Tier1
from datafactory_assets.families.language import assemble
from datafactory_assets.families.patterns import PATTERNS, PLAIN, PRINTABLE, pattern_of
from datafactory_assets.families.tableware import FAMILIES
from datafactory_assets.query import Query
from tests.stage_fixture import episode, style

BLUE, WHITE = (0.14, 0.32, 0.70), (0.92, 0.91, 0.88)


def test_words_are_drawn_on_their_own() -> None:
    mug = next(f for f in FAMILIES if f.info.name == "mug")
    for seed in range(5):
        with_word = Tier0().make("mug", seed)
        without = assemble("tier0", replace(mug, patterns=False), seed)
        assert with_word.attributes == (*without.attributes, pattern_of(with_word.attributes))
        assert with_word.shapes == without.shapes
        assert with_word.params_json == without.params_json
        assert with_word.content_hash != without.content_hash


def test_half_of_the_instances_are_plain_and_all_patterns_occur() -> None:
    words = [pattern_of(Tier0().make("mug", seed).attributes) for seed in range(400)]
    assert set(words) == {PLAIN, *PATTERNS}
    assert 0.42 < words.count(PLAIN) / len(words) < 0.58
    for seed in range(60):
        jug = Tier1().make("jug", seed)
        assert jug.material in PRINTABLE or pattern_of(jug.attributes) == PLAIN


def test_families_without_patterns_do_not_say() -> None:
    assert pattern_of(Tier0().make("bowl", 0).attributes) == ""


def test_patterns_can_be_asked_for() -> None:
    query = Query(category="mug", attributes="striped")
    mug = query.draw(np.random.Generator(np.random.PCG64(0)), [Tier0()])
    assert "striped" in mug.attributes


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("colour", [BLUE, WHITE])
def test_prints_keep_the_colour_and_show_another(
    pattern: str, colour: tuple[float, float, float]
) -> None:
    tile = printed(pattern, colour, 64)
    assert tile is printed(pattern, colour, 64)
    assert tile.shape == (64, 64, 3)
    own = np.abs(tile.astype(float) / 255.0 - colour).max(axis=2) < 0.01
    other = np.abs(tile.astype(float) / 255.0 - colour).max(axis=2) > 0.3
    assert other.mean() > 0.08
    assert own.mean() > (0.2 if pattern == "checked" else 0.5)


def test_stripes_stand_and_bands_lie() -> None:
    striped, banded = (printed(p, BLUE, 32).astype(int) for p in ("striped", "banded"))
    assert np.ptp(striped, axis=0).max() == 0 < np.ptp(striped, axis=1).max()
    assert np.ptp(banded, axis=1).max() == 0 < np.ptp(banded, axis=0).max()


def test_unknown_patterns_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="striped"):
        printed("stripy", BLUE, 32)


def test_looks_do_not_contradict_the_word() -> None:
    high = style(randomise={"surfaces": "high"})
    (shown, *_) = episode().objects
    plain = replace(shown, category="mug", material="ceramic", attributes=("handle", PLAIN))
    striped = replace(plain, attributes=("handle", "striped"))
    drawn = set()
    for seed in range(60):
        streams = Streams(seed, "test", 0)
        look = draw_look(high, (plain,), streams.__getitem__)
        drawn.add(look.objects[shown.name].partition("/")[0])
        look = draw_look(high, (striped,), Streams(seed, "test", 0).__getitem__)
        assert look.objects[shown.name] == ""
    assert drawn.isdisjoint(PATTERNED)
    assert len(drawn) > 3
