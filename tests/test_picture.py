"""Pictures: they are drawn for every kind of attempt, stay inside, and say what they should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from datafactory.errors import DatasetCorruptError
from datafactory.picture import Track, coverage_picture, episode_picture, sheet_picture
from datafactory.picture.axes import Axes, Labels, ticks
from datafactory.picture.canvas import Canvas, overlap, shortened, text_width, wrapped
from datafactory.picture.palette import PAPER, object_color
from datafactory.picture.views import scenery
from datafactory.picture.world import arm_postures, hull, outlines, piece_points, table_top
from datafactory.seeding import stream
from tests.fake_generator import fake_episode


def episode(index=0, reason="", distractors=2):
    return fake_episode(index, stream(7, "p", index, "p"), reason=reason, distractors=distractors)


def pixels(image):
    return np.asarray(image, dtype=np.int64)


def test_episode_picture_is_drawn_and_deterministic():
    made = episode()
    image = episode_picture(made, made.assets, "seed 7")
    assert image.size == (1480, 1010)
    again = episode_picture(made, made.assets, "seed 7")
    assert image.tobytes() == again.tobytes()
    assert len(np.unique(pixels(image).reshape(-1, 3), axis=0)) > 200, "edges are anti-aliased"


def test_margins_stay_empty():
    made = episode(distractors=4)
    image = pixels(episode_picture(made, made.assets, "x" * 400))
    for edge in (image[:20], image[-20:], image[:, :20], image[:, -20:]):
        assert (edge == PAPER).all()


@pytest.mark.parametrize("reason", ["ik_failed", "grasp_slip"])
def test_rejected_attempts_are_drawn(reason):
    made = episode(reason=reason)
    image = episode_picture(made, made.assets)
    assert image.size[0] == 1480
    red = pixels(image)
    assert ((red[..., 0] - red[..., 1] > 80).sum()) > 50, "the verdict is red"


def test_attempt_without_layout_is_drawn():
    made = replace(episode(reason="layout_infeasible"), objects=(), instruction="")
    assert episode_picture(made, ()).size == (1480, 700)


def test_track_of_a_rejected_attempt_is_drawn():
    made = episode(reason="ik_failed")
    path = np.linspace([0.4, -0.2, 1.0], [0.6, 0.2, 0.9], 12)
    poses = np.tile([o.initial_pose for o in made.objects], (12, 1, 1))
    with_track = episode_picture(made, made.assets, track=Track(5.0, path, poses))
    assert with_track.tobytes() != episode_picture(made, made.assets).tobytes()


def test_moving_the_object_changes_the_picture_where_it_is():
    made = episode()
    scene = scenery(made, made.assets)
    assert [s.name for s in scene.shapes] == [o.name for o in made.objects]
    assert scene.marks[0][1] == "grasp"
    assert scene.marks[1][1] == "release"
    assert len(scene.arms) == 2
    assert scene.phases == ("reach", "grasp", "lift", "carry", "place", "retreat")


def test_unknown_geometry_falls_back_to_the_bounding_box():
    made = episode()
    first = outlines(made, ())[0]
    assert len(first.pieces) == 1
    size = first.pieces[0].max(axis=0) - first.pieces[0].min(axis=0)
    np.testing.assert_allclose(size, made.objects[0].size)


def test_table_and_arm_come_from_the_stored_model():
    made = episode()
    top = table_top(made.replay)
    assert top is not None
    assert top.height == pytest.approx(0.75)
    postures = arm_postures(made.replay, made.trajectory.qpos[:1])
    assert postures[0].shape == (5, 3)
    np.testing.assert_allclose(postures[0][0], [0, 0, 0.75])
    broken = replace(made.replay, mjcf="<mujoco><nonsense/></mujoco>")
    with pytest.raises(DatasetCorruptError, match="cannot be read"):
        arm_postures(broken, made.trajectory.qpos[:1])
    with pytest.raises(DatasetCorruptError, match="does not fit"):
        arm_postures(made.replay, made.trajectory.qpos[:1, :3])
    assert table_top(None) is None


@pytest.mark.parametrize(
    ("shape", "extent"),
    [
        ({"kind": "box", "size": [0.1, 0.2, 0.3]}, [0.2, 0.4, 0.6]),
        ({"kind": "cylinder", "size": [0.1, 0.2]}, [0.2, 0.2, 0.4]),
        ({"kind": "sphere", "size": [0.1]}, [0.2, 0.2, 0.2]),
        ({"kind": "capsule", "size": [0.1, 0.2]}, [0.2, 0.2, 0.6]),
        ({"kind": "ellipsoid", "size": [0.1, 0.2, 0.3]}, [0.2, 0.4, 0.6]),
        ({"kind": "convex", "vertices": [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]}, [1, 1, 1]),
    ],
)
def test_points_of_every_shape_kind(shape, extent):
    points = piece_points({**shape, "position": [1, 2, 3]})
    np.testing.assert_allclose(np.ptp(points, axis=0), extent, atol=0.006)


def test_hull_is_convex_and_holds_all_points():
    points = stream(0, "hull", 0, "x").normal(size=(60, 2))
    corners = np.array(hull(points))
    edges = np.roll(corners, -1, axis=0) - corners
    turns = edges[:, 0] * np.roll(edges[:, 1], -1) - edges[:, 1] * np.roll(edges[:, 0], -1)
    assert (turns > 0).all()
    for point in points:
        rel = point - corners
        assert (edges[:, 0] * rel[:, 1] - edges[:, 1] * rel[:, 0] > -1e-5).all()
    assert hull(np.zeros((3, 2))) == [(0.0, 0.0)]


def test_sheet_and_coverage():
    episodes = [episode(i, ("", "grasp_slip")[i % 2]) for i in range(5)]
    assets = [a for e in episodes for a in e.assets]
    image = sheet_picture(episodes, assets, "five")
    assert image.size == (2 * 36 + 3 * 250 + 2 * 14, 92 + 2 * 276 + 10)
    counts = np.arange(12.0).reshape(3, 4)
    wide = coverage_picture([("a", counts), ("b", counts)], (0, 0.3), (-0.2, 0.2), "where")
    assert wide.size[0] > wide.size[1]


def test_labels_do_not_cover_each_other():
    canvas = Canvas(400, 300, PAPER)
    labels = Labels((0, 0, 400, 300))
    for k in range(8):
        labels.place(canvas, (190 + k, 140, 200 + k, 150), f"label {k}")
    boxes = [box for box, cost in labels.taken if cost == 50.0]
    assert len(boxes) == 8
    for i, a in enumerate(boxes):
        assert a[0] >= 0
        assert a[2] <= 400
        assert all(overlap(a, b) == 0 for b in boxes[:i])


def test_ticks_are_round_and_inside():
    assert ticks(0, 1, 5) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(-0.33, 0.47, 4) == [-0.2, 0, 0.2, 0.4]
    assert ticks(1, 1, 5) == []


def test_equal_axes_show_left_on_the_left():
    axes = Axes.equal((0, 0, 100, 100), (-1, 1), (0, 1), flip_x=True)
    assert axes.at(1, 0)[0] < axes.at(-1, 0)[0]
    width = abs(axes.at(1, 0)[0] - axes.at(0, 0)[0])
    height = abs(axes.at(0, 1)[1] - axes.at(0, 0)[1])
    assert width == pytest.approx(height)


def test_text_fits():
    text = "put the small red mug on the large blue plate beside the box"
    assert text_width(shortened(text, 120)) <= 120
    lines = wrapped(text, 140, 12, 2)
    assert len(lines) == 2
    assert all(text_width(line, 12) <= 140 for line in lines)
    assert object_color("dark red") == object_color("red")
