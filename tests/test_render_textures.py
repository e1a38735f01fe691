"""Textures: thousands of distinct, repeatable instances that tile; labels that suit and read."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.errors import SpecError, UnknownNameError
from datafactory.render.split import split_of
from datafactory.render.textures import (
    FAMILIES,
    KINDS,
    LABELLED,
    label_for,
    texture,
    texture_names,
)
from datafactory.render.textures.emblems import EMBLEMS
from datafactory.render.textures.label_art import Board
from datafactory.render.textures.label_forms import FORMS, design
from datafactory.render.textures.label_words import PRODUCTS
from datafactory.render.textures.swatch import swatch
from datafactory_assets.families import Tier0
from datafactory_assets.families.materials import COLOURS

MATERIALS = [name for name, family in FAMILIES.items() if "label" not in family.kinds]
LABELS = [name for name, family in FAMILIES.items() if "label" in family.kinds]
SMALL = 32


@pytest.fixture(scope="module")
def drawn() -> dict[str, np.ndarray]:
    draw = texture.__wrapped__
    return {name: draw(name, SMALL).image for name in texture_names()}


def test_there_are_enough_textures() -> None:
    assert len(FAMILIES) >= 16
    assert len(texture_names()) >= 1600
    assert len(set(texture_names())) == len(texture_names())
    for kind in KINDS:
        assert len(texture_names(kind)) >= 100, kind
    for family in FAMILIES.values():
        assert family.kinds
        assert set(family.kinds) <= set(KINDS)
        assert family.description.endswith(".")


def test_all_textures_differ(drawn: dict[str, np.ndarray]) -> None:
    digests = {hashlib.blake2b(image.tobytes()).digest() for image in drawn.values()}
    assert len(digests) == len(drawn)


@pytest.mark.parametrize("family", FAMILIES)
def test_instances_of_a_family_look_different(family: str, drawn: dict[str, np.ndarray]) -> None:
    images = np.stack([drawn[name] for name in FAMILIES[family].names()]).astype(float)
    means = images.mean(axis=(1, 2))
    assert np.linalg.norm(means.std(axis=0)) > 15.0
    assert images.std(axis=(1, 2, 3)).max() > 5.0
    assert 20.0 < images.mean() < 240.0


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_seen_and_unseen_textures(family: str) -> None:
    splits = [split_of(f"texture/{family}", i) for i in range(FAMILIES[family].count)]
    assert splits.count("unseen") == len(splits) // 5
    for name in (f"{family}/000", f"{family}/001"):
        assert name in texture_names(split=texture(name, SMALL).split)
    seen, unseen = texture_names(split="seen"), texture_names(split="unseen")
    assert set(seen) | set(unseen) == set(texture_names())
    assert not set(seen) & set(unseen)


def test_the_split_never_changes() -> None:
    held_out = [i for i in range(20) if split_of("texture/marble", i) == "unseen"]
    assert held_out == [2, 5, 11, 17]


@pytest.mark.parametrize("family", FAMILIES)
def test_an_image_is_what_it_says(family: str) -> None:
    made = texture(f"{family}/007", 48)
    assert made.name == f"{family}/007"
    assert made.image.shape == (48, 48, 3)
    assert made.image.dtype == np.uint8
    assert made.image.flags.c_contiguous
    assert 0.0 <= made.gloss <= 1.0
    if family in LABELS:
        assert made.repeat_m == 0.0
    else:
        assert 0.03 < made.repeat_m < 3.0
    with pytest.raises(ValueError, match="read-only"):
        made.image[0, 0, 0] = 1


@pytest.mark.parametrize("family", MATERIALS)
@pytest.mark.parametrize("index", [2, 9])
def test_materials_tile(family: str, index: int) -> None:
    image = texture(f"{family}/{index:03d}", 128).image.astype(float)
    for axis in (0, 1):
        inside = np.abs(np.diff(image, axis=axis)).mean(axis=(1 - axis, 2))
        first, last = np.take(image, 0, axis), np.take(image, -1, axis)
        seam = np.abs(first - last).mean()
        assert seam <= 1.15 * inside.max() + 1.0, f"axis {axis}"


@pytest.mark.parametrize("form", [form for form in FORMS if form.around])
def test_labels_go_around(form) -> None:
    for index in range(0, 120, 11):
        image = texture(f"{form.name}/{index:03d}", 128).image.astype(float)
        assert np.abs(image[:, 0] - image[:, -1]).mean() < 12.0


@pytest.mark.parametrize("family", FAMILIES)
def test_sizes_show_the_same_thing(family: str) -> None:
    large = texture(f"{family}/011", 256).image.astype(float)
    small = texture(f"{family}/011", 64).image.astype(float)
    reduced = large.reshape(64, 4, 64, 4, 3).mean(axis=(1, 3))
    blurred = [a.reshape(16, 4, 16, 4, 3).mean(axis=(1, 3)) for a in (small, reduced)]
    assert np.abs(blurred[0] - blurred[1]).mean() < 7.0


def test_drawing_again_gives_the_same_bytes() -> None:
    for family in FAMILIES:
        name = f"{family}/013"
        first = texture(name, SMALL)
        texture.cache_clear()
        second = texture(name, SMALL)
        assert first is not second
        assert np.array_equal(first.image, second.image)
        assert (first.repeat_m, first.gloss) == (second.repeat_m, second.gloss)


def test_every_process_draws_the_same_bytes() -> None:
    code = (
        "import hashlib; from datafactory.render.textures import texture;"
        "names = ('marble/004', 'wood_planks/021', 'label_can/033');"
        "print(*(hashlib.blake2b(texture(n, 64).image.tobytes()).hexdigest() for n in names))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(outputs) == 1


def test_unknown_names_are_refused_with_a_hint() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'marble/000'"):
        texture("marbel/000")
    with pytest.raises(UnknownNameError, match="marble/0"):
        texture("marble/999")
    for name in ("marble", "marble/1", "marble/-01", ""):
        with pytest.raises(UnknownNameError):
            texture(name)
    with pytest.raises(UnknownNameError, match="texture kind"):
        texture_names("tables")
    with pytest.raises(UnknownNameError, match="texture split"):
        texture_names(split="test")
    with pytest.raises(SpecError, match="4 pixels"):
        texture("marble/000", 4)


def test_noise_has_the_promised_moments() -> None:
    for across, down, octaves in ((3, 3, 1), (16, 40, 1), (4, 4, 4), (128, 128, 1)):
        values = [swatch("x", i, 64).noise(across, down, octaves) for i in range(40)]
        assert abs(float(np.mean(values))) < 0.2
        assert 0.85 < float(np.std(values)) < 1.15


def test_cells_are_the_nearest_points() -> None:
    cells = swatch("x", 0, 64).cells(5, 7, 1.0)
    assert np.all(cells.nearest <= cells.second)
    assert cells.which.min() >= 0
    assert cells.which.max() < 35
    assert len(np.unique(cells.which)) > 30


@pytest.mark.parametrize("form", FORMS)
def test_a_label_shows_its_colour(form) -> None:
    for index in range(0, 120, 5):
        word = design(form.name, index).colour
        image = texture(f"{form.name}/{index:03d}", 64).image / 255.0
        near = np.abs(image - COLOURS[word][:3]).max(axis=-1) < 0.14
        assert near.mean() > 0.25, f"{index} {word}"


@pytest.mark.parametrize("form", FORMS)
def test_labels_are_printed_on(form) -> None:
    for index in range(0, 120, 7):
        image = texture(f"{form.name}/{index:03d}", 128).image.astype(float)
        front = image[16:112, 40:88].mean(axis=-1)
        assert front.std() > 14.0, index


@given(
    st.text("ABCDEFGHILMNOPRSTUVWY ", min_size=1, max_size=14).filter(str.strip),
    st.floats(0.1, 0.8), st.floats(0.05, 0.4), st.sampled_from([0.0, 0.04, 0.08]), st.booleans(),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_letters_stay_in_their_box(
    text: str, width: float, height: float, weight: float, rimmed: bool
) -> None:
    white, black = np.ones(3, np.float32), np.zeros(3, np.float32)
    board = Board(1.0, 200, white)
    board.text(
        (0.1, 0.3, 0.1 + width, 0.3 + height), text, black, weight=weight,
        outline=black if rimmed else None,
    )  # fmt: skip
    dark = np.asarray(board.picture).min(axis=-1) < 128
    rows, columns = np.nonzero(dark)
    slack = 3
    assert rows.size
    assert rows.min() >= 0.3 * 300 - slack
    assert rows.max() <= (0.3 + height) * 300 + slack
    assert columns.min() >= 0.1 * 300 - slack
    assert columns.max() <= (0.1 + width) * 300 + slack


def test_goods_have_emblems() -> None:
    assert set(PRODUCTS) == set(LABELS)
    assert {p.emblem for goods in PRODUCTS.values() for p in goods} <= set(EMBLEMS)
    white = np.ones(3, np.float32)
    for name, emblem in EMBLEMS.items():
        board = Board(1.0, 64, white)
        emblem(board, 0.5, 0.5, 0.3, np.zeros(3, np.float32))
        marked = (np.asarray(board.picture) < 250).any(axis=-1)
        assert 0.02 < marked.mean() < 0.45, name
        assert not marked[:3].any(), name


def test_a_label_suits_its_object() -> None:
    rng = np.random.Generator(np.random.PCG64(0))

    def goods(category: str, colour: str) -> tuple[str, str, str]:
        form, number = label_for(category, colour, rng).split("/")
        chosen = design(form, int(number))
        return form, chosen.product.name, chosen.colour

    for _ in range(20):
        assert goods("milk carton", "blue")[:2] == ("label_carton", "MILK")
        assert goods("carton", "red")[0] == "label_box"
        form, product, _ = goods("soup can", "red")
        assert form == "label_tin"
        assert "SOUP" in product
        assert goods("can", "green")[::2] == ("label_can", "green")
        assert goods("tea box", "green")[0] == "label_box"
        assert goods("milk_bottle", "white")[1] == "MILK"


@pytest.mark.parametrize("category", ["can", "tin", "bottle", "jar", "carton", "box", "book"])
@pytest.mark.parametrize("split", ["seen", "unseen"])
def test_every_colour_has_labels_in_both_splits(category: str, split: str) -> None:
    rng = np.random.Generator(np.random.PCG64(1))
    for colour in COLOURS:
        name = label_for(category, colour, rng, split)
        form, number = name.split("/")
        assert design(form, int(number)).colour == colour
        assert texture(name, SMALL).split == split


def test_the_same_draw_gives_the_same_label() -> None:
    first, second = (
        [label_for("can", "red", np.random.Generator(np.random.PCG64(s))) for s in range(30)]
        for _ in range(2)
    )
    assert first == second
    assert len(set(first)) > 5


def test_the_packages_on_offer_can_be_labelled() -> None:
    families = {info.category for info in Tier0().families()}
    assert {"can", "tin", "bottle", "jar", "carton", "book", "box"} <= families & set(LABELLED)


def test_what_carries_no_label_is_refused() -> None:
    rng = np.random.Generator(np.random.PCG64(0))
    with pytest.raises(UnknownNameError, match="labelled category"):
        label_for("apple", "red", rng)
    with pytest.raises(UnknownNameError, match="labelled category"):
        label_for("", "red", rng)
    with pytest.raises(UnknownNameError, match="colour 'rouge'"):
        label_for("can", "rouge", rng)
    with pytest.raises(UnknownNameError, match="split"):
        label_for("can", "red", rng, "test")
