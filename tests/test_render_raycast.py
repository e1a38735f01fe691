from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from datafactory.render import raycast
from datafactory.render.gl import GL
from datafactory.render.raycast import Raycast
from datafactory.render.stage import Body, Images, Intrinsics, Material, Surface
from datafactory.render.texels import halved, levels
from tests.film_fixture import (
    assert_projects,
    assert_shows_texture,
    digest,
    digest_elsewhere,
    flat_mesh,
    poster_film,
    random_film,
)

lacks = Raycast.missing()
pytestmark = pytest.mark.skipif(lacks is not None, reason=lacks[0] if lacks else "")
lacks_gl = GL.missing()


@pytest.fixture(scope="module")
def renderer() -> Raycast:
    return Raycast()


@pytest.mark.parametrize(
    "intrinsics",
    [
        Intrinsics(200, 150, 180.0, 180.0, 100.0, 75.0),
        Intrinsics(200, 150, 150.0, 210.0, 88.5, 93.0),
    ],
)
def test_points_are_seen_where_the_intrinsics_say(
    renderer: Raycast, intrinsics: Intrinsics
) -> None:
    assert_projects(renderer, intrinsics)


def test_textures_are_upright_and_emission_is_shown_as_it_is(renderer: Raycast) -> None:
    assert_shows_texture(renderer)


def test_the_same_film_gives_the_same_bytes_everywhere(renderer: Raycast) -> None:
    first = digest(renderer.render(random_film(7)))
    renderer.render(random_film(8, room=True))
    assert digest(renderer.render(random_film(7))) == first
    assert digest_elsewhere("datafactory.render.raycast:Raycast") == first


def test_batches_change_nothing(renderer: Raycast, monkeypatch: pytest.MonkeyPatch) -> None:
    film = random_film(4, 5, size=(40, 30), sky=True)
    whole = digest(renderer.render(film))
    monkeypatch.setattr(raycast, "BUFFER_BYTES", {"cpu": 2 * 3 * 40 * 30 * 16, "cuda": 1})
    assert digest(renderer.render(film)) == whole


def test_models_share_one_kernel(renderer: Raycast) -> None:
    renderer.render(random_film(0, 1, size=(16, 12)))
    kernel = renderer._kernel
    for options in ({"lamp": True}, {"shadows": False}, {"room": True}, {"samples": 2}):
        film: Any = random_film(1, 1, size=(16, 12), **options)  # type: ignore[arg-type]
        fresh = Raycast()
        fresh.render(film)
        assert fresh._kernel.module.get_module_hash() == kernel.module.get_module_hash()


def test_anti_aliasing_smooths_colours_and_leaves_labels(renderer: Raycast) -> None:
    film = random_film(2, 1, size=(64, 48), sky=True)
    plain = renderer.render(film)
    smooth = renderer.render(dataclasses.replace(film, samples=2))
    for camera, image in plain.items():
        assert (smooth[camera].entity == image.entity).all()
        assert (smooth[camera].depth_m == image.depth_m).all()
        assert 0 < np.abs(smooth[camera].rgb.astype(int) - image.rgb).mean() < 12


@pytest.mark.parametrize(("tile_m", "expected"), [(2.0, 0), (1.0, 1), (0.5, 2), (0.25, 3)])
def test_textures_are_shrunk_to_what_a_camera_sees(tile_m: float, expected: int) -> None:
    # 128 texels over one tile, seen from one metre by 64 pixels per metre.
    intrinsics = Intrinsics(64, 64, 64.0, 64.0, 32.0, 32.0)
    film, _ = poster_film()
    image = np.zeros((128, 128, 3), dtype=np.uint8)
    quad = np.array([[1, 0.5, -0.5], [1, -0.5, -0.5], [1, -0.5, 0.5], [1, 0.5, 0.5]])
    surface = Surface("", flat_mesh(quad, tile_m), Material((1.0, 1.0, 1.0), image))
    stage = dataclasses.replace(film.stage, bodies=(Body("poster", 1, (surface,)),))
    shot = dataclasses.replace(film.shots[0], intrinsics=intrinsics)
    assert levels(dataclasses.replace(film, stage=stage), (image,), shot) == [expected]


def test_halving_keeps_the_mean() -> None:
    image = np.arange(8 * 4 * 3, dtype=np.uint8).reshape(8, 4, 3)
    assert halved(image, 0).shape == (8, 4, 3)
    assert halved(image, 9).shape == (2, 1, 3)
    assert np.allclose(halved(image, 2).mean(), image.mean() / 255)


def assert_agree(a: Mapping[str, Images], b: Mapping[str, Images], entities: int) -> None:
    for camera in a:
        for entity in range(entities):
            seen, other = a[camera].entity == entity, b[camera].entity == entity
            if seen.sum() > 200 or other.sum() > 200:
                assert (seen & other).sum() >= 0.98 * (seen | other).sum(), (camera, entity)
        same = (a[camera].entity == b[camera].entity) & (a[camera].entity > 0)
        inside = np.stack([binary_erosion(frame) for frame in same])
        apart_m = np.abs(a[camera].depth_m - b[camera].depth_m)[inside]
        assert apart_m.max() <= 0.002
        grey = np.abs(a[camera].rgb.astype(int) - b[camera].rgb)[same]
        assert grey.mean() <= 8.0, (camera, grey.mean())
        assert np.median(grey) <= 4.0, (camera, np.median(grey))


@pytest.mark.skipif(lacks_gl is not None, reason=lacks_gl[0] if lacks_gl else "")
@pytest.mark.parametrize(
    ("seed", "options"),
    [
        (0, {"sky": True}),
        (1, {"room": True, "lamp": True}),
        (2, {"samples": 2, "sky": True}),
        (3, {"shadows": False}),
    ],
)
def test_it_agrees_with_opengl(renderer: Raycast, seed: int, options: Mapping[str, Any]) -> None:
    film = random_film(seed, 2, size=(128, 112), **options)
    other = GL()
    try:
        assert_agree(renderer.render(film), other.render(film), len(film.stage.entities))
    finally:
        other.close()
