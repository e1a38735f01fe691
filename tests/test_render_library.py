from __future__ import annotations

import numpy as np
import pytest

from datafactory.errors import DataFactoryError, SpecError, UnknownNameError
from datafactory.geometry import Pose
from datafactory.render.calibration import write_calibration
from datafactory.render.library import load_style, style_names
from datafactory.render.stage import Intrinsics, Shot
from datafactory.render.style import Style

POSE = np.array([[0.5, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]] * 2)


@pytest.mark.parametrize("name", style_names())
def test_shipped_styles_are_valid(name):
    style = load_style(name)
    assert style.style == name
    assert style.description
    assert Style.model_validate(style.to_dict()) == style


def test_name_and_description_do_not_change_the_hash():
    style = load_style("default")
    assert style.style_hash == style.model_copy(update={"style": "other"}).style_hash
    assert style.style_hash != load_style("default", ["fps=5"]).style_hash


def test_styles_differ():
    assert len({load_style(name).style_hash for name in style_names()}) == len(style_names())


@pytest.mark.parametrize(
    ("assignment", "key", "why"),
    [
        ("fps=0", "fps", "greater than or equal"),
        ("codec=mp5", "codec", "h264"),
        ("size=[0, 0]", "size.0", "16"),
        ("randomise.lights={lamps: [3, 1]}", "randomise.lights.lamps", "first"),
        ("randomise.lights={lamps: [0, 9]}", "randomise.lights.lamps", "0 to 3"),
        ("cameras=[{name: a, pose: [0, 0, 1, 0, 0, 0, 0]}]", "cameras.0", "unit quaternion"),
        ("randomise.lights=bright", "randomise.lights", "'low'"),
        ("randomize.lights=high", "randomize", "not known"),
        ("cameras=[{name: a, lens: {fovy_deg: 50}}]", "cameras.0", "look_from"),
        ("cameras=[{name: a, mount: wrist, lens: {fovy_deg: 50, preset: x}}]", "lens", "give"),
    ],
)
def test_a_wrong_value_names_its_key(assignment, key, why):
    with pytest.raises(SpecError) as caught:
        load_style("default", [assignment])
    assert key in str(caught.value).splitlines()[0]
    assert assignment in caught.value.where
    assert why in caught.value.why


def test_a_wrong_file_names_the_line(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("fps: 10\nrandomise:\n  sky: blue\n")
    with pytest.raises(SpecError) as caught:
        load_style(path)
    assert f"{path}:3:randomise.sky" in caught.value.where


def test_explicit_ranges_replace_a_level(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("randomise:\n  lights: {azimuth_deg: [10, 20], lamps: [2, 2]}\n")
    style = load_style(path)
    assert style.style == "mine"
    assert style.randomise.ranges()[0].azimuth_deg == (10, 20)


def test_a_calibration_is_found_beside_its_style_and_its_numbers_are_hashed(tmp_path):
    (tmp_path / "mine.yaml").write_text("calibration: cell.yaml\n")
    hashes = set()
    for focal in (600, 610):
        shot = Shot("real", Intrinsics(640, 480, focal, focal, 320, 240), POSE)
        write_calibration(tmp_path / "cell.yaml", [shot], world_from_base=Pose.identity())
        style = load_style(tmp_path / "mine.yaml")
        assert [c.name for c in style.cameras] == ["front", "wrist", "real"]
        hashes.add(style.style_hash)
    assert len(hashes) == 2


def test_unknown_styles_are_guessed():
    with pytest.raises(UnknownNameError, match="default"):
        load_style("defaults")
    with pytest.raises(DataFactoryError):
        load_style("no/such.yaml")


def test_h264_needs_even_sizes():
    with pytest.raises(SpecError) as caught:
        load_style("default", ["size=[225, 224]"])
    assert "even" in caught.value.why
    assert load_style("default", ["size=[225, 224]", "codec=jpeg"]).size == (225, 224)
