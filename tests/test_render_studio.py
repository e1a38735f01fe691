from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from datafactory.geometry import Pose
from datafactory.render.calibration import write_calibration
from datafactory.render.choice import choose
from datafactory.render.library import load_style
from datafactory.render.media import decode_images
from datafactory.render.primitives import ellipsoid
from datafactory.render.stage import Body, Film, Intrinsics, Material, Shot, Surface
from datafactory.render.studio import Studio
from datafactory.store.dataset import open_dataset
from tests.render_fixture import SMALL, states

LENS = Intrinsics(320, 240, 303.5, 303.2, 160.9, 130.4)
MARKER_M = 0.012


def studio(*assignments: str, style: str = "default", renderer: str = "auto") -> Studio:
    look = load_style(style, [*SMALL, *assignments])
    return Studio(open_dataset(states()), look, "v", choose(renderer))


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    """A style with a fixed and a hand-mounted camera from a calibration file."""
    folder = tmp_path_factory.mktemp("cell")
    base = Pose.of(open_dataset(states()).episode(0).world_from_base[:3], (1.0, 0.0, 0.0, 0.0))
    eye = Pose.of((1.3, 0.25, 0.6), (0.4, 0.5, 0.58, 0.5))
    fixed = Shot("real", LENS, np.tile((base @ eye).vector(), (2, 1)))
    write_calibration(folder / "cell.yaml", [fixed], world_from_base=base)
    (folder / "cell_style.yaml").write_text(
        "calibration: cell.yaml\nsize: [320, 240]\nfps: 2\nshadows: false\ncameras: [wrist]\n"
    )
    return load_style(folder / "cell_style.yaml")


def only_a_marker(film: Film, world_from_tcp: np.ndarray) -> Film:
    """The same cameras, and nothing in the world but a small ball at the tool centre point."""
    ball = ellipsoid((MARKER_M, MARKER_M, MARKER_M))
    body = Body("marker", 1, (Surface("ball", ball, Material((1, 1, 1), emission=1.0)),))
    stage = replace(film.stage, entities=("background", "marker"), bodies=(body,), sky=None)
    return replace(film, stage=stage, world_from_body=world_from_tcp[:, None])


def test_a_calibrated_camera_sees_the_tool_where_the_store_says(calibrated):
    made = Studio(open_dataset(states()), calibrated, "v", choose("auto"))
    try:
        views = {v.camera: v for v in made.views(0)}
        assert views["real"].intrinsics == LENS
        scene = made.scene(made.dataset.episode(0))
        film = only_a_marker(scene.film, scene.track.world_from_tcp)
        images = made.renderer.render(film)
    finally:
        made.close()
    seen = 0
    for shot in film.shots:
        uv = views[shot.camera].annotations.tcp_uv
        for frame, entity in enumerate(images[shot.camera].entity):
            rows, columns = np.nonzero(entity == 1)
            if len(rows) == 0 or min(rows.min(), columns.min()) == 0:
                continue
            if rows.max() == LENS.height - 1 or columns.max() == LENS.width - 1:
                continue  # cut off: its centre is elsewhere
            center = (columns.mean() + 0.5, rows.mean() + 0.5)
            assert np.hypot(*(center - uv[frame])) <= 0.5
            seen += 1
    assert seen >= 10


def test_poses_are_stored_in_the_world_and_in_the_base_frame():
    made = studio()
    try:
        view = made.views(0)[0]
        base = Pose.from_vector(np.asarray(made.dataset.episode(0).world_from_base))
    finally:
        made.close()
    for world, robot in zip(view.world_from_camera, view.base_from_camera, strict=True):
        expected = base.inverse() @ Pose.from_vector(world.astype(float))
        assert np.allclose(expected.position, robot[:3], atol=1e-5)
        assert abs(abs(expected.quat @ robot[3:]) - 1) < 1e-5


@pytest.mark.parametrize("codec", ["h264", "jpeg", "png"])
def test_colours_keep_their_order(codec):
    made = studio(f"codec={codec}", "shadows=false", style="plain")
    try:
        scene = made.scene(made.dataset.episode(0))
        images = made.renderer.render(scene.film)["front"]
        view = made.views(0)[0]
    finally:
        made.close()
    stored = decode_images(view.video)
    difference = np.abs(stored.astype(int) - images.rgb)
    assert difference.mean() < (4 if codec != "png" else 0.001)
    swapped = np.abs(stored[..., ::-1].astype(int) - images.rgb)
    assert swapped.mean() > 2 * difference.mean()


def test_the_phase_of_every_image_is_that_of_its_frame():
    made = studio()
    try:
        view = made.views(0)[0]
        episode = made.dataset.episode(0)
    finally:
        made.close()
    for frame, phase in zip(view.frames, view.phase, strict=True):
        found = episode.trajectory.phases[phase]
        assert found.start <= frame < found.stop


def test_an_episode_looks_the_same_whatever_was_rendered_before():
    first, second = studio(style="random"), studio(style="random")
    try:
        second.views(0)
        pairs = zip(first.views(1), second.views(1), strict=True)
        assert all(a.video.data == b.video.data and a.look_json == b.look_json for a, b in pairs)
    finally:
        first.close()
        second.close()


def test_a_camera_that_is_added_leaves_the_others_as_they_were():
    one = studio("cameras=[front]", "randomise.camera=high", "randomise.sensor=off")
    two = studio("cameras=[top, front]", "randomise.camera=high", "randomise.sensor=off")
    try:
        alone = one.views(0)[0]
        beside = next(v for v in two.views(0) if v.camera == "front")
    finally:
        one.close()
        two.close()
    assert np.array_equal(alone.world_from_camera, beside.world_from_camera)
    assert alone.intrinsics == beside.intrinsics
    assert alone.video.data == beside.video.data
