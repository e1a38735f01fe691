"""Camera poses, projection, random errors, and cameras that cannot see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafactory.errors import SpecError, UnknownNameError
from datafactory.geometry import Pose, quat_random
from datafactory.render.cameras import (
    blocked,
    camera_from_world,
    camera_shots,
    compose,
    inverse,
    looking,
    project,
    resolve,
    transform,
    unproject,
)
from datafactory.render.primitives import rounded_box
from datafactory.render.stage import Body, Intrinsics, Material, Mesh, Shot, Stage, Surface
from datafactory.render.style import CameraRanges, CameraSpec, Style
from datafactory.seeding import stream

LENS = Intrinsics(224, 200, 240.0, 250.0, 110.0, 104.0)
SEEDS = st.integers(0, 10_000)


def generator(seed: int) -> np.random.Generator:
    return stream(seed, "cameras", 0, "test")


def poses(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.stack([np.concatenate([rng.normal(size=3), quat_random(rng)]) for _ in range(n)])


def style(cameras: object = ("front", "wrist"), **changes: object) -> Style:
    return Style.model_validate({"style": "test", "cameras": cameras, **changes})


def streams(seed: int = 0) -> Callable[[str], np.random.Generator]:
    return lambda name: stream(seed, "render/x", 0, name)


def shots_of(look: Style, seed: int = 0, frames: int = 4) -> dict[str, Shot]:
    mounts = {name: poses(generator(1), frames) for name in ("wrist", "tcp")}
    made = camera_shots(
        resolve(look),
        look,
        world_from_table=Pose.of((0.5, 0.0, 0.7)),
        world_from_base=Pose.from_yaw((0.0, 0.1, 0.7), 0.2),
        mounts=mounts,
        n_frames=frames,
        stream=streams(seed),
    )
    return {shot.camera: shot for shot in made}


@given(SEEDS)
def test_poses_compose_and_invert_as_pose_does(seed: int) -> None:
    rng = generator(seed)
    a, b = poses(rng, 3), poses(rng, 3)
    points = rng.normal(size=(3, 5, 3))
    np.testing.assert_allclose(transform(compose(a, b), points), transform(a, transform(b, points)))
    np.testing.assert_allclose(transform(inverse(a), transform(a, points)), points, atol=1e-12)
    np.testing.assert_allclose(
        transform(a[0], points[0]), Pose.from_vector(a[0]).apply(points[0]), atol=1e-12
    )


@given(SEEDS)
def test_unproject_undoes_project(seed: int) -> None:
    rng = generator(seed)
    world_from_camera = poses(rng, 3)
    uv = rng.uniform(-50, 300, (3, 7, 2))
    depth = rng.uniform(0.1, 5, (3, 7))
    points = unproject(uv, depth, world_from_camera, LENS)
    again, z = project(points, world_from_camera, LENS)
    np.testing.assert_allclose(again, uv, atol=1e-8)
    np.testing.assert_allclose(z, depth, atol=1e-12)
    one, _ = project(points[1], world_from_camera[1], LENS)
    np.testing.assert_allclose(one, uv[1], atol=1e-8)


def test_points_behind_the_camera_have_no_pixel_but_a_depth() -> None:
    here = Pose.identity().vector()
    uv, depth = project([[0, 0, 1.0], [0, 0, -1.0], [0, 0, 0.0]], here, LENS)
    assert np.isnan(uv).any(axis=1).tolist() == [False, True, True]
    assert depth.tolist() == [1.0, -1.0, 0.0]
    assert uv[0].tolist() == [LENS.cx, LENS.cy]


@given(SEEDS)
def test_looking_centres_its_target_upright(seed: int) -> None:
    rng = generator(seed)
    start, end = rng.normal(size=3), rng.normal(size=3)
    pose = looking(start, end)
    np.testing.assert_allclose(pose.position, start)
    np.testing.assert_allclose(camera_from_world(end, pose.vector())[:2], 0.0, atol=1e-12)
    right, down, _ = pose.rotation().T
    assert abs(right[2]) < 1e-12
    assert down[2] <= 1e-12


def test_looking_straight_down_has_x_up_in_the_image() -> None:
    pose = looking((0, 0, 1), (0, 0, 0))
    np.testing.assert_allclose(pose.rotation() @ [0, -1, 0], [1, 0, 0], atol=1e-12)
    with pytest.raises(SpecError, match="own position"):
        looking((1, 2, 3), (1, 2, 3))


def test_resolve_names_inline_cameras_and_mistakes() -> None:
    inline = {"name": "mine", "look_from": (1, 0, 1), "look_at": (0, 0, 0)}
    assert [s.name for s in resolve(style(("front", inline)))] == ["front", "mine"]
    with pytest.raises(UnknownNameError, match="did you mean 'wrist'"):
        resolve(style(("wirst",)))
    with pytest.raises(SpecError, match="two cameras are called 'front'"):
        resolve(style(("front", "front")))
    with pytest.raises(UnknownNameError, match="realsense_d405"):
        resolve(style(({**inline, "lens": {"preset": "realsense_d4055"}},)))


def test_shots_without_errors_are_where_the_style_says() -> None:
    pose = (0.1, 0.0, 0.2, 1.0, 0.0, 0.0, 0.0)
    look = style(
        (
            {"name": "a", "look_from": (1, 0, 1), "look_at": (0, 0, 0)},
            {"name": "b", "mount": "base", "pose": pose},
            "wrist",
            {"name": "c", "mount": "tcp", "pose": pose},
            {"name": "d", "mount": "world", "pose": pose},
        ),
        size=(96, 64),
    )
    made = shots_of(look)
    mounts = poses(generator(1), 4)
    assert all(s.world_from_camera.shape == (4, 7) for s in made.values())
    assert all((s.intrinsics.width, s.intrinsics.height) == (96, 64) for s in made.values())
    np.testing.assert_allclose(made["a"].world_from_camera[2, :3], (1.5, 0.0, 1.7))
    expected = Pose.from_yaw((0.0, 0.1, 0.7), 0.2) @ Pose.from_vector(pose)
    np.testing.assert_allclose(made["b"].world_from_camera[0], expected.vector())
    np.testing.assert_allclose(made["wrist"].world_from_camera, mounts, atol=1e-12)
    np.testing.assert_allclose(made["c"].world_from_camera, compose(mounts, pose), atol=1e-12)
    np.testing.assert_allclose(made["d"].world_from_camera[1], pose)


def test_an_unknown_mount_names_what_the_robot_has() -> None:
    camera = CameraSpec.model_validate({"name": "x", "mount": "wirst"})
    with pytest.raises(SpecError, match="tcp, wrist") as caught:
        shots_of(style((camera,)))
    assert "did you mean 'wrist'" in caught.value.remedy


def test_errors_keep_to_their_ranges_and_to_their_camera() -> None:
    ranges = CameraRanges(position_m=0.05, rotation_deg=5.0, focal=0.1, principal_px=4.0)
    plain = shots_of(style(("front", "side")))
    for seed in range(20):
        jittered = style(("front", "side"), randomise={"camera": ranges})
        both, alone = (
            shots_of(jittered, seed),
            shots_of(jittered.model_copy(update={"cameras": ("side",)}), seed),
        )
        assert np.array_equal(both["side"].world_from_camera, alone["side"].world_from_camera)
        assert both["side"].intrinsics == alone["side"].intrinsics
        for name, shot in both.items():
            error = compose(inverse(plain[name].world_from_camera[0]), shot.world_from_camera[0])
            assert (np.abs(error[:3]) <= 0.05).all()
            assert np.abs(error[:3]).max() > 0
            turn = 2 * np.arcsin(min(1.0, np.linalg.norm(error[4:])))
            assert np.degrees(turn) <= 5.0 * 3**0.5 + 1e-9
            k, exact = shot.intrinsics, plain[name].intrinsics
            assert abs(k.fx / exact.fx - 1) <= 0.1
            assert k.fx / exact.fx == k.fy / exact.fy
            assert max(abs(k.cx - exact.cx), abs(k.cy - exact.cy)) <= 4.0
            assert (shot.world_from_camera == shot.world_from_camera[0]).all()


# --- cameras that cannot see -------------------------------------------------------------------


def inwards(mesh: Mesh) -> Mesh:
    """A box seen from inside: what rooms are."""
    return replace(mesh, normals=-mesh.normals, faces=mesh.faces[:, ::-1])


def cell() -> tuple[Stage, np.ndarray]:
    """A closed room of 4 x 4 x 2.6 m with a table and a moving block; two frames."""
    parts = (
        ("floor", rounded_box((5.0, 5.0, 0.05), 0.0), (0.0, 0.0, -0.05), (0.0, 0.0, -0.05)),
        ("table", rounded_box((0.4, 0.6, 0.02), 0.0), (0.0, 0.0, 0.7), (0.0, 0.0, 0.7)),
        ("room", inwards(rounded_box((2.0, 2.0, 1.3), 0.0)), (0.0, 0.0, 1.3), (0.0, 0.0, 1.3)),
        ("object/a", rounded_box((0.1, 0.1, 0.1), 0.0), (0.2, 0.1, 0.85), (0.6, 0.0, 1.2)),
    )
    plain = Material((0.5, 0.5, 0.5))
    bodies = tuple(
        Body(name, k + 1, (Surface(name, mesh, plain),)) for k, (name, mesh, *_) in enumerate(parts)
    )
    at = np.zeros((2, 4, 7))
    at[..., 3] = 1.0
    for k, (_, _, first, second) in enumerate(parts):
        at[:, k, :3] = first, second
    entities = ("background", "floor", "table", "room", "a")
    return Stage(entities, bodies, (), (1.0, 1.0, 1.0)), at


def seen_from(start: tuple[float, ...], end: tuple[float, ...] = (0.0, 0.0, 0.7)) -> str | None:
    stage, at = cell()
    shot = Shot("x", LENS, np.tile(looking(start, end).vector(), (2, 1)))
    return blocked(shot, stage, at)


def test_cameras_in_the_room_can_see() -> None:
    for start in ((1.2, 0.0, 1.4), (0.0, -1.9, 1.0), (0.0, 0.0, 2.5), (-0.3, 0.4, 0.75)):
        assert seen_from(start) is None, start


def test_cameras_inside_things() -> None:
    assert seen_from((0.1, 0.2, 0.701), (1, 0, 0.7)) == "inside 'table'"
    assert seen_from((0.6, 0.05, 1.25)) == "inside 'object/a'"  # in the second frame only


def test_cameras_behind_walls_and_below_the_floor() -> None:
    assert seen_from((2.5, 0.0, 1.2)) == "cut off from the table by 'room'"
    assert seen_from((0.0, 0.0, 2.9)) == "cut off from the table by 'room'"
    assert "cut off" in str(seen_from((0.0, 0.0, -0.5)))


def test_a_lens_against_a_wall_is_covered() -> None:
    assert seen_from((1.99, 0.0, 1.2), (3.0, 0.0, 1.2)) == "covered by 'room'"
    assert seen_from((1.99, 0.0, 1.2)) is None


def test_a_camera_that_moves_with_a_body_is_judged_in_its_frame() -> None:
    stage, at = cell()
    offset = np.concatenate([[0.0, 0.0, 0.15], Pose.identity().quat])
    shot = Shot("x", LENS, compose(at[:, 3], offset))
    assert blocked(shot, stage, at) is None
    offset[2] = 0.05
    assert blocked(replace(shot, world_from_camera=compose(at[:, 3], offset)), stage, at) == (
        "inside 'object/a'"
    )
