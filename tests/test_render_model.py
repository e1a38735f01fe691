from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafactory.errors import SpecError
from datafactory.geometry import quat_rotate
from datafactory.render.backdrop import (
    composite_sky,
    linear_from_srgb,
    look_up,
    pixel_rays,
    srgb_from_linear,
)
from datafactory.render.model import faceted, light_levels, render_model
from datafactory.render.skies.light import directions
from datafactory.render.stage import MAX_LIGHTS, Film, Images, Light, Stage
from datafactory.seeding import stream
from tests.film_fixture import box_mesh, dots_film, flat_mesh, random_film, random_stage


def triangle_areas(mesh) -> np.ndarray:
    a, b, c = (mesh.vertices[mesh.faces[:, i]].astype(float) for i in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def test_meshes_keep_their_place_whatever_their_frame() -> None:
    film = random_film(0, room=True)
    made = render_model(film)
    geom = 0
    for index, body in enumerate(film.stage.bodies):
        for surface in body.surfaces:
            start = made.model.mesh_vertadr[made.model.geom_dataid[geom]]
            count = made.model.mesh_vertnum[made.model.geom_dataid[geom]]
            vertices = made.model.mesh_vert[start : start + count]
            local = quat_rotate(made.model.geom_quat[geom], vertices) + made.model.geom_pos[geom]
            assert np.allclose(local, surface.mesh.vertices, atol=1e-5)
            assert made.entity_of_geom[geom] == body.entity
            assert np.allclose(made.mocap_pos[:, index], film.world_from_body[:, index, :3])
            geom += 1


def test_models_have_what_kernels_are_compiled_for() -> None:
    shapes = set()
    for seed in range(3):
        model = render_model(random_film(seed, objects=2 + seed, lamp=seed == 2)).model
        shapes.add((model.nlight, model.stat.extent, model.vis.map.znear, model.vis.map.zfar))
    assert shapes == {(MAX_LIGHTS + 1, 1.0, np.float32(0.01), 50.0)}


def test_a_mesh_used_twice_is_stored_once() -> None:
    assert render_model(dots_film(random_film(0).shots[0].intrinsics)[0]).model.nmesh == 1


def test_a_stage_may_be_empty() -> None:
    stage = Stage(("background",), (), (), (0.0, 0.0, 0.0))
    made = render_model(Film(stage, np.zeros((2, 0, 7)), ()))
    assert made.frames == 2
    assert made.entity_of_geom.size == 0


def test_too_many_lights_are_refused() -> None:
    film = random_film(0)
    many = dataclasses.replace(film.stage, lights=film.stage.lights[:1] * (MAX_LIGHTS + 1))
    with pytest.raises(SpecError, match="5 lights"):
        render_model(dataclasses.replace(film, stage=many))


@given(st.floats(0.05, 3.0))
def test_facets_cover_the_same_surface(facet_m: float) -> None:
    mesh = box_mesh((0.5, 0.6, 0.02))
    fine = faceted(mesh, facet_m)
    edges = np.diff(fine.vertices[fine.faces][:, [0, 1, 2, 0]], axis=1)
    assert np.linalg.norm(edges, axis=-1).max() <= facet_m * (1 + 1e-5)
    assert triangle_areas(fine).sum() == pytest.approx(triangle_areas(mesh).sum(), rel=1e-5)
    assert np.allclose(np.linalg.norm(fine.normals, axis=1), 1.0, atol=1e-5)
    corners = fine.vertices[fine.faces]
    facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((facing * fine.normals[fine.faces[:, 0]]).sum(axis=1) > 0).all()


def test_facets_share_their_new_corners() -> None:
    quad = flat_mesh(np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=float))
    assert len(faceted(quad, 0.3).vertices) == 9 * 9
    assert faceted(quad, 2.0).faces is quad.faces


colours = st.tuples(*[st.floats(0.0, 1.0)] * 3)


@given(colours, st.lists(st.tuples(colours, st.booleans()), max_size=MAX_LIGHTS))
def test_light_levels_add_up_to_the_encoded_light(ambient, lights) -> None:
    made = tuple(
        Light("lamp", (0.0, 0.0, 1.0), (0.0, 0.0, -1.0), rgb, shadow) for rgb, shadow in lights
    )
    stage = Stage(("background",), (), made, ambient)
    base, levels = light_levels(stage)
    total = np.sum([ambient, *(rgb for rgb, _ in lights)], axis=0)
    assert np.allclose(base, srgb_from_linear(ambient), atol=1e-6)
    assert np.allclose(base + np.sum([np.zeros(3), *levels], axis=0), srgb_from_linear(total))
    assert all((level >= -1e-6).all() for level in levels)


@given(st.floats(0.0, 1.0))
def test_srgb_encoding_inverts(value: float) -> None:
    assert float(linear_from_srgb(srgb_from_linear(value))) == pytest.approx(value, abs=1e-5)


def test_a_sky_is_looked_up_where_skies_put_it() -> None:
    sky = stream(0, "sky", 0, "picture").uniform(0, 1, (16, 32, 3)).astype(np.float32)
    assert np.allclose(look_up(sky, directions(16).reshape(-1, 3)), sky.reshape(-1, 3), atol=1e-4)


def test_rays_go_through_pixel_centres() -> None:
    intrinsics = random_film(0).shots[1].intrinsics
    rays = pixel_rays(intrinsics)
    x, y = rays[..., 0] / rays[..., 2], rays[..., 1] / rays[..., 2]
    assert np.allclose(x[0] * intrinsics.fx + intrinsics.cx, np.arange(intrinsics.width) + 0.5)
    assert np.allclose(y[:, 0] * intrinsics.fy + intrinsics.cy, np.arange(intrinsics.height) + 0.5)


@pytest.mark.parametrize("camera", [0, 2])
def test_sky_fills_the_background_only(camera: int) -> None:
    film = random_film(0, sky=True)
    shot, sky = film.shots[camera], random_stage(0, sky=True).sky
    i = shot.intrinsics
    size = (len(shot.world_from_camera), i.height, i.width)
    entity = np.zeros(size, dtype=np.uint8)
    entity[:, :, 40:] = 1
    black = Images(np.zeros((*size, 3), np.uint8), np.zeros(size, np.float32), entity)
    made = composite_sky(black, shot, sky)
    assert made.rgb[:, :, :40].min() > 0
    assert made.rgb[:, :, 40:].max() == 0
    half = composite_sky(black, shot, sky, np.where(entity == 0, 0.5, 0.0).astype(np.float32))
    difference = half.rgb[:, :, :40] - made.rgb[:, :, :40] / 2
    assert np.abs(difference).max() <= 1.0
    assert composite_sky(black, shot, None) is black
