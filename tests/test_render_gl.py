from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from datafactory.errors import MissingPartError
from datafactory.render import gl
from datafactory.render.gl import GL
from datafactory.render.stage import Intrinsics
from tests.film_fixture import (
    assert_projects,
    assert_shows_texture,
    digest,
    digest_elsewhere,
    random_film,
    random_stage,
)

lacks = GL.missing()
needs_gl = pytest.mark.skipif(lacks is not None, reason=lacks[0] if lacks else "")


@pytest.fixture(scope="module")
def renderer() -> Iterator[GL]:
    made = GL()
    yield made
    made.close()


@needs_gl
@pytest.mark.parametrize(
    "intrinsics",
    [
        Intrinsics(200, 150, 180.0, 180.0, 100.0, 75.0),
        Intrinsics(200, 150, 150.0, 210.0, 88.5, 93.0),
        Intrinsics(120, 200, 160.0, 120.0, 71.0, 88.0),
    ],
)
def test_points_are_seen_where_the_intrinsics_say(renderer: GL, intrinsics: Intrinsics) -> None:
    assert_projects(renderer, intrinsics)


@needs_gl
def test_textures_are_upright_and_emission_is_shown_as_it_is(renderer: GL) -> None:
    assert_shows_texture(renderer)


@needs_gl
def test_images_have_the_promised_form(renderer: GL) -> None:
    film = random_film(3, 2, sky=True)
    images = renderer.render(film)
    assert list(images) == [shot.camera for shot in film.shots]
    for shot in film.shots:
        image = images[shot.camera]
        size = (2, shot.intrinsics.height, shot.intrinsics.width)
        assert image.rgb.shape == (*size, 3)
        assert (image.rgb.dtype, image.depth_m.dtype) == (np.uint8, np.float32)
        assert image.entity.shape == image.depth_m.shape == size
        assert image.entity.max() < len(film.stage.entities)
        assert ((image.depth_m > 0) == (image.entity > 0)).all()


@needs_gl
def test_the_same_film_gives_the_same_bytes_everywhere(renderer: GL) -> None:
    first = digest(renderer.render(random_film(7)))
    renderer.render(random_film(8, room=True))
    assert digest(renderer.render(random_film(7))) == first
    assert digest_elsewhere("datafactory.render.gl:GL") == first


@needs_gl
def test_shadows_darken_only(renderer: GL) -> None:
    film = random_film(1, 1, size=(160, 120))
    lit = renderer.render(dataclasses.replace(film, shadows=False))["front"].rgb.astype(int)
    dark = renderer.render(film)["front"].rgb.astype(int)
    assert (dark <= lit + 2).all()
    assert ((lit - dark).max(axis=-1) > 20).mean() > 0.01


@pytest.mark.parametrize(("lamp", "silent"), [(False, {1, 2}), (True, {1, 2, 3})])
def test_only_what_light_passes_first_casts_shadows(lamp: bool, silent: set[int]) -> None:
    stage = random_stage(0, room=True, lamp=lamp)
    entities = np.array([body.entity for body in stage.bodies], dtype=np.uint8)
    found = gl._behind_all_light(stage, entities)
    assert {int(entities[geom]) for geom in found} == silent


@needs_gl
def test_anti_aliasing_smooths_colours_and_leaves_labels(renderer: GL) -> None:
    film = random_film(2, 1, size=(160, 120), sky=True)
    plain = renderer.render(film)
    smooth = renderer.render(dataclasses.replace(film, samples=2))
    for camera, image in plain.items():
        assert (smooth[camera].entity == image.entity).all()
        assert (smooth[camera].depth_m == image.depth_m).all()
        difference = np.abs(smooth[camera].rgb.astype(int) - image.rgb)
        assert 0 < difference.mean() < 8


@needs_gl
def test_any_thread_may_render_and_contexts_are_given_back(renderer: GL) -> None:
    film = random_film(0, 1, size=(32, 24))
    expected = digest(renderer.render(film))
    seen: list[str] = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: seen.append(digest(renderer.render(film))))
        thread.start()
        thread.join()
    for _ in range(5):
        other = GL()
        seen.append(digest(other.render(film)))
        other.close()
    assert set(seen) == {expected}


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "off")
    assert gl.device() is None
    what, remedy = GL.missing() or ("", "")
    assert "MUJOCO_GL" in what
    assert remedy == "unset MUJOCO_GL"
    with pytest.raises(MissingPartError, match="unset MUJOCO_GL") as caught:
        GL()
    assert caught.value.exit_code == 4


def test_a_broken_driver_is_a_finding_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    gl.try_backend.cache_clear()
    monkeypatch.setattr(gl, "_TRY", "import os; os.abort()  # {backend}")
    assert gl.try_backend("egl")[0] is False
    monkeypatch.setattr(gl, "_TRY", "import time; time.sleep(60)  # {backend}")
    monkeypatch.setattr(gl, "PROBE_S", 0.2)
    assert "no answer" in gl.try_backend("osmesa")[1]
    gl.try_backend.cache_clear()


def test_the_environment_names_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "OSMesa")
    assert gl.backends() == ("osmesa",)
    monkeypatch.delenv("MUJOCO_GL")
    assert gl.backends() == ("egl", "osmesa")
