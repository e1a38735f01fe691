"""Filament: labels and depth against another renderer, light against its definition, its formats.

Drawing needs Vulkan; what says so in words is tested without it.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys

import numpy as np
import pytest

from datafactory.render.backdrop import linear_from_srgb, look_up
from datafactory.render.cameras import looking
from datafactory.render.environment import cube_ktx, texture_ktx
from datafactory.render.filament import Filament
from datafactory.render.gl import GL
from datafactory.render.primitives import rounded_box
from datafactory.render.stage import (
    Body,
    Film,
    Images,
    Intrinsics,
    Light,
    Material,
    Shot,
    Stage,
    Surface,
)
from datafactory.seeding import stream
from tests.film_fixture import random_film

LACK = Filament.missing()
drawing = pytest.mark.skipif(LACK is not None, reason=str(LACK))
compared = pytest.mark.skipif(GL.missing() is not None, reason=str(GL.missing()))
DOWN = (0.0, 0.0, -1.0)
WHITE = Material((1.0, 1.0, 1.0), gloss=0.0)


@pytest.fixture(scope="module")
def filament():
    made = Filament()
    yield made
    made.close()


def box(
    filament: Filament,
    *,
    material: Material = WHITE,
    lights: tuple[Light, ...] = (),
    ambient: tuple[float, float, float] = (0.0, 0.0, 0.0),
    sky: np.ndarray | None = None,
    eye: tuple[float, float, float] = (0.01, 0.0, 1.5),
) -> np.ndarray:
    """(32, 32, 3) picture of the middle of one side of a box of 1 m around the origin."""
    mesh = rounded_box((0.5, 0.5, 0.5), 0.0, 1.0)
    body = Body("table", 1, (Surface("box", mesh, material),))
    stage = Stage(("background", "table"), (body,), lights, ambient, sky)
    pose = looking(eye, (0.0, 0.0, 0.0)).vector()
    at = np.array([[[0.0, 0, 0, 1, 0, 0, 0]]])
    shot = Shot("c", Intrinsics(32, 32, 50.0, 50.0, 16.0, 16.0), pose[None])
    return filament.render(Film(stage, at, (shot,)))["c"].rgb[0]


def light(picture: np.ndarray) -> np.ndarray:
    return linear_from_srgb(picture / 255.0).reshape(-1, 3).mean(axis=0)


def sun(direction: tuple[float, float, float], *rgb: float) -> Light:
    return Light("sun", (0.0, 0.0, 3.0), direction, rgb, True)


@drawing
@compared
def test_labels_and_depth_agree_with_opengl(filament: Filament) -> None:
    film = random_film(11, 2, size=(112, 96), room=True, sky=True, samples=2)
    other = GL()
    expected, got = other.render(film), filament.render(film)
    other.close()
    assert set(got) == {shot.camera for shot in film.shots}
    for camera, image in got.items():
        compare(image, expected[camera])


def compare(image: Images, expected: Images) -> None:
    for entity in np.unique(expected.entity):
        a, b = image.entity == entity, expected.entity == entity
        if b.sum() > 50:
            assert (a & b).sum() / (a | b).sum() >= 0.98
    same = image.entity == expected.entity
    assert same.mean() > 0.995
    off = np.abs(image.depth_m - expected.depth_m)[same]
    assert np.quantile(off, 0.999) < 0.002
    assert ((image.depth_m == 0.0) == (image.entity == 0)).all()
    # The lights differ in kind, but the same things are in the same places in like colours.
    both = np.stack([image.rgb.ravel(), expected.rgb.ravel()]).astype(float)
    assert np.corrcoef(both)[0, 1] > 0.8


@drawing
def test_same_film_same_bytes(filament: Filament) -> None:
    film = random_film(5, 2, size=(64, 48), sky=True)
    one, two = filament.render(film), filament.render(film)
    for camera, image in one.items():
        for field in ("rgb", "depth_m", "entity"):
            assert np.array_equal(getattr(image, field), getattr(two[camera], field))


@drawing
def test_a_sun_lights_a_white_face_by_its_strength(filament: Filament) -> None:
    for strength in (0.02, 0.3, 0.8):
        rgb = (strength, 0.5 * strength, 0.25 * strength)
        got = light(box(filament, lights=(sun(DOWN, *rgb),)))
        np.testing.assert_allclose(got, rgb, rtol=0.06, atol=0.002)
        assert light(box(filament, lights=(sun((0.0, 0.0, 1.0), *rgb),))).max() < 0.002


@drawing
def test_a_lamp_has_its_strength_at_the_table(filament: Filament) -> None:
    lamp = Light("lamp", (0.0, 0.0, 3.0), DOWN, (0.4, 0.3, 0.2), False)
    at_the_face = (3.0 / 2.5) ** 2  # half a metre nearer than the middle of the box
    got = light(box(filament, lights=(lamp,)))
    np.testing.assert_allclose(got, np.array([0.4, 0.3, 0.2]) * at_the_face, rtol=0.06)


@drawing
def test_ambient_light_is_even_without_a_sky(filament: Filament) -> None:
    for eye in ((0.01, 0.0, 1.5), (1.5, 0.0, 0.0), (0.0, -1.5, 0.0)):
        got = light(box(filament, ambient=(0.2, 0.4, 0.6), eye=eye))
        np.testing.assert_allclose(got, (0.2, 0.4, 0.6), rtol=0.06)


@drawing
def test_the_sky_says_where_light_comes_from(filament: Filament) -> None:
    """A sky bright towards +y only lights that side, and the upper one as ambient says."""
    picture = np.full((16, 32, 3), 0.02, np.float32)
    picture[:, 2:14] = 1.0  # azimuth 0 .. 2 pi from the left: +y is at a quarter
    assert look_up(picture, np.array([[0, 1, 0]], np.float32))[0, 0] == 1.0
    sides = {
        name: light(box(filament, ambient=(0.3, 0.3, 0.3), sky=picture, eye=eye))[1]
        for name, eye in {
            "up": (0.01, 0.0, 1.5), "+y": (0.0, 1.5, 0.0), "-y": (0.0, -1.5, 0.0),
            "+x": (1.5, 0.0, 0.0), "-x": (-1.5, 0.0, 0.0),
        }.items()
    }  # fmt: skip
    assert sides["up"] == pytest.approx(0.3, rel=0.1)
    assert sides["+y"] > 1.4 * sides["up"]
    assert sides["-y"] < 0.3 * sides["up"]
    assert sides["+x"] == pytest.approx(sides["-x"], rel=0.1)


@drawing
def test_emission_shows_the_colour_as_it_is(filament: Filament) -> None:
    picture = box(filament, material=Material((0.2, 0.6, 0.9), emission=1.0))
    np.testing.assert_allclose(picture.mean(axis=(0, 1)), np.array([0.2, 0.6, 0.9]) * 255, atol=1.5)


@drawing
def test_textures_lie_as_their_coordinates_say(filament: Filament) -> None:
    """Row 0 of the image is at v = 1."""
    image = np.zeros((64, 64, 3), np.uint8)
    image[:32, :32], image[:32, 32:], image[32:, :32] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    mesh = rounded_box((0.5, 0.5, 0.5), 0.0, 1.0)
    top = np.flatnonzero(mesh.normals[:, 2] > 0.9)
    picture = box(
        filament, material=Material((1.0, 1.0, 1.0), image, "quarters"), ambient=(0.9, 0.9, 0.9)
    )
    spec = looking((0.01, 0.0, 1.5), (0.0, 0.0, 0.0))
    for x, y in ((-0.2, -0.2), (-0.2, 0.2), (0.2, -0.2), (0.2, 0.2)):
        corner = top[np.argmin(np.abs(mesh.vertices[top, :2] - np.sign((x, y)) * 0.5).sum(axis=1))]
        middle = mesh.uv[top].mean(axis=0)
        u, v = (middle + (mesh.uv[corner] - middle) * 0.4) % 1.0
        expected = image[int((1.0 - v) * 64), int(u * 64)]
        px, py, z = spec.inverse().apply((x, y, 0.5))
        seen = picture[int(50 * py / z + 16), int(50 * px / z + 16)]
        np.testing.assert_allclose(seen, expected * 0.95, atol=45)  # a highlight is on top


def test_without_vulkan_a_clear_error_and_no_dead_process() -> None:
    program = (
        "from datafactory.render.filament import Filament\n"
        "from datafactory.errors import MissingPartError\n"
        "try:\n    Filament()\n"
        "except MissingPartError as error:\n    print(error.why, '|', error.remedy)\n"
    )
    hidden = {"VK_ICD_FILENAMES": "/none.json", "VK_DRIVER_FILES": "/none.json"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **hidden},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Vulkan" in done.stdout
    assert "libvulkan1 mesa-vulkan-drivers" in done.stdout


@drawing
def test_nothing_is_written_to_standard_output() -> None:
    program = "from datafactory.render.filament import Filament\nFilament().close()\nprint('end')\n"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "end\n"


def header(content: bytes) -> tuple[int, ...]:
    assert content[:12] == b"\xabKTX 11\xbb\r\n\x1a\n"
    return struct.unpack("<13I", content[12:64])


def test_texture_files_hold_all_levels() -> None:
    image = stream(0, "filament", 0, "texture").integers(0, 256, (20, 64, 3), dtype=np.uint8)
    content = texture_ktx(image)
    fields = header(content)
    assert fields[6:8] == (64, 20)
    assert fields[10:13] == (1, 7, 0)
    offset, sizes = 64, []
    for _ in range(7):
        (size,) = struct.unpack_from("<I", content, offset)
        sizes.append(size)
        offset += 4 + size
    assert offset == len(content)
    assert sizes == [
        4 * w * h for w, h in ((64, 20), (32, 10), (16, 5), (8, 2), (4, 1), (2, 1), (1, 1))
    ]
    first = np.frombuffer(content, np.uint8, sizes[0], 68).reshape(20, 64, 4)
    assert np.array_equal(first[..., :3], image)


def diffuse(content: bytes, normal: tuple[float, float, float]) -> np.ndarray:
    """Evaluates the stored polynomial as the renderer does, for a world normal."""
    (size,) = struct.unpack_from("<I", content, 64)
    key, text, _ = content[68 : 68 + size].split(b"\0")
    assert key == b"sh"
    x, y, z = normal[0], normal[2], -normal[1]
    terms = [1, y, z, x, x * y, y * z, 3 * z * z - 1, x * z, x * x - y * y]
    return np.array(terms) @ np.array(text.split(), float).reshape(9, 3)


def test_diffuse_light_of_even_and_of_one_sided_skies() -> None:
    ambient = np.array([0.2, 0.4, 0.6])
    even = cube_ktx(None, ambient)
    for normal in ((0, 0, 1), (1, 0, 0), (0, -1, 0), (0, 0, -1)):
        np.testing.assert_allclose(diffuse(even, normal), ambient, atol=2e-3)
    sky = np.zeros((32, 64, 3), np.float32)
    sky[:16] = 1.0  # upper half only: half as much light on a wall, none from below
    above = cube_ktx(sky, ambient)
    np.testing.assert_allclose(diffuse(above, (0, 0, 1)), ambient, rtol=0.1)
    np.testing.assert_allclose(diffuse(above, (0, 1, 0)), ambient / 2, rtol=0.1)
    assert np.abs(diffuse(above, (0, 0, -1))).max() < 0.05
