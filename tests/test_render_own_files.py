from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from datafactory.errors import SpecError
from datafactory.render.library import load_style
from datafactory.render.look import draw_look
from datafactory.render.own_files import own_files, read_sky, split_of
from datafactory.render.skies import sky, sky_image
from datafactory.render.skies.light import directions, luminance, solid_angles
from datafactory.render.textures import texture
from datafactory.seeding import Streams


def write_hdr(path, image: np.ndarray) -> None:
    """Flat Radiance RGBE."""
    mantissa, exponent = np.frexp(image.max(axis=-1))
    scale = mantissa * 256 / image.max(axis=-1)
    rgbe = np.dstack([image * scale[..., None], exponent + 128]).astype(np.uint8)
    head = f"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y {image.shape[0]} +X {image.shape[1]}\n"
    path.write_bytes(head.encode() + rgbe.tobytes())


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "mine"
    for kind in ("table", "wall"):
        (root / "textures" / kind).mkdir(parents=True)
    for index in range(12):
        colour = (20 * index, 255 - 20 * index, 90)
        name = f"t{index}@0.4.png" if index % 2 else f"t{index}.jpg"
        Image.new("RGB", (40, 30), colour).save(root / "textures" / "table" / name)
    (root / "skies").mkdir()
    for index in range(6):
        image = np.full((32, 64, 3), 0.2 + 0.1 * index)
        image[6, 10 + index] = 400.0
        write_hdr(root / "skies" / f"s{index}.hdr", image)
    return root


def test_files_become_names_with_both_splits(folder):
    found = own_files(str(folder))
    assert len(found.textures) == 12
    assert len(found.skies) == 6
    assert set(found.texture_names("table", "seen")) < set(found.texture_names("table", None))
    assert found.texture_names("wall", None) == ()
    assert {split_of(f"x{i}") for i in range(40)} == {"seen", "unseen"}


def test_a_texture_is_square_and_knows_its_size(folder):
    names = own_files(str(folder)).texture_names("table", None)
    sized = texture(next(n for n in names if "@" in n), 64)
    assert sized.image.shape == (64, 64, 3)
    assert sized.repeat_m == 0.4
    assert texture(next(n for n in names if "@" not in n), 64).repeat_m == 0.5


def test_a_sky_is_brought_to_our_exposure_and_size(folder):
    name = own_files(str(folder)).skies[0]
    image = sky_image(name, 48)
    assert image.shape == (48, 96, 3)
    falling = directions(48)[:24, :, 2] * solid_angles(48)[:24, None]
    assert np.sum(luminance(image[:24]) * falling) == pytest.approx(np.pi, rel=1e-3)
    assert sky(name).sun_intensity > 0.3
    assert sky(name).sun_direction[2] > 0.5


@pytest.mark.parametrize("height", [16, 31, 32, 64, 77])
def test_resizing_keeps_the_light(folder, height):
    name = own_files(str(folder)).skies[2]
    small, large = read_sky(name, height), read_sky(name, 32)
    total = [np.sum(luminance(i).sum(axis=1) * solid_angles(len(i))) for i in (small, large)]
    assert total[0] == pytest.approx(total[1], rel=0.1)


def test_styles_draw_from_them(folder):
    surfaces = "randomise.surfaces={table: true}"
    style = load_style("random", [f"files={folder}", "files_only=true", "split=all", surfaces])
    looks = [draw_look(style, (), Streams(0, "t", i).__getitem__) for i in range(20)]
    assert {look.sky for look in looks} <= set(own_files(str(folder)).skies)
    assert all(look.table.top.texture.startswith("local:") for look in looks)
    assert not any(look.floor.texture.startswith("local:") for look in looks)
    walls = load_style("random", [f"files={folder}", "files_only=true", "split=all"])
    with pytest.raises(SpecError, match="no all floor texture to draw from"):
        draw_look(walls, (), Streams(0, "t", 0).__getitem__)
    beside = load_style("random", [f"files={folder}", "split=all"])
    drawn = {draw_look(beside, (), Streams(0, "t", i).__getitem__).sky for i in range(60)}
    assert any(n.startswith("local:") for n in drawn)
    assert not all(n.startswith("local:") for n in drawn)


def test_a_style_names_one_of_them(folder):
    style = load_style("plain", [f"files={folder}", "table=local:textures/table/t1@0.4.png"])
    look = draw_look(style, (), Streams(0, "t", 0).__getitem__)
    assert look.table.top.texture == f"local:{folder}/textures/table/t1@0.4.png"
    with pytest.raises(SpecError, match="unknown texture"):
        load_style("plain", [f"files={folder}", "table=local:textures/table/none.png"])


def test_content_is_part_of_the_hash_and_the_place_is_not(folder, tmp_path):
    first = load_style("plain", [f"files={folder}"]).style_hash
    moved = folder.rename(tmp_path / "moved")
    assert load_style("plain", [f"files={moved}"]).style_hash == first
    Image.new("RGB", (8, 8)).save(moved / "textures" / "wall" / "new.png")
    own_files.cache_clear()
    assert load_style("plain", [f"files={moved}"]).style_hash != first


def test_bad_folders_say_why(folder, tmp_path):
    with pytest.raises(SpecError, match="does not exist"):
        load_style("plain", [f"files={tmp_path / 'none'}"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(SpecError, match="no textures and no skies"):
        load_style("plain", [f"files={tmp_path / 'empty'}"])
    broken = folder / "textures" / "table" / "broken.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(SpecError, match="cannot be read"):
        texture(f"local:{broken}", 32)
    misnamed = folder / "textures" / "table" / "oak@wide.png"
    Image.new("RGB", (8, 8)).save(misnamed)
    with pytest.raises(SpecError, match="metres"):
        texture(f"local:{misnamed}", 32)
