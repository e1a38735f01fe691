"""Annotations against images drawn ray by ray, and against what the episode did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from datafactory.episode import ContactInterval, ObjectRecord, Trajectory
from datafactory.geometry import Pose, quat_multiply, quat_rotate
from datafactory.render.annotate import annotate
from datafactory.render.holds import Hold, find_holds
from datafactory.render.media import decode_masks
from datafactory.render.stage import Film, Images, Intrinsics, Shot
from datafactory.render.view import Annotations
from tests.view_fixture import ENTITIES, episode, labelled, random_film, views

FRAMES = 3


def still_trajectory(poses: np.ndarray) -> Trajectory:
    """Objects that move while the gripper stays open over the table."""
    count = len(poses)
    tcp = np.tile(np.array([0.1, 0.1, 0.9, 0, 1, 0, 0], np.float32), (count, 1))
    ones, none = np.ones(count, np.float32), np.zeros((count, 1), np.float32)
    return Trajectory(20, none, none, none, tcp, ones, ones * 0.08, poses.astype(np.float32), none,
                      ones, tcp, (), ())  # fmt: skip


def records(film: Film) -> tuple[ObjectRecord, ...]:
    names = film.stage.entities[len(ENTITIES) :]
    found = []
    for name in names:
        body = next(b for b in film.stage.bodies if b.name == f"object/{name}")
        vertices = body.surfaces[0].mesh.vertices
        size = tuple((vertices.max(axis=0) - vertices.min(axis=0)).tolist())
        pose = (0.0,) * 7
        found.append(
            ObjectRecord(name, "", "", "thing", "red", "", (), 1.0, 1.0, size, pose, pose, "")
        )
    return tuple(found)


def annotated(film: Film) -> tuple[dict[str, Annotations], dict[str, Images]]:
    objects = [i for i, b in enumerate(film.stage.bodies) if b.entity >= len(ENTITIES)]
    images = {shot.camera: labelled(film, shot) for shot in film.shots}
    trajectory = still_trajectory(film.world_from_body[:, objects])
    frames = np.arange(len(film.world_from_body))
    return annotate(film, images, frames, trajectory, records(film)), images


@pytest.fixture(scope="module")
def random_notes() -> tuple[Film, dict[str, Annotations], dict[str, Images]]:
    film = random_film(4, FRAMES)
    return film, *annotated(film)


def alone(film: Film, shot: Shot, entity: int) -> Images:
    """The image with everything else taken away, on a canvas three times the size."""
    kept = [i for i, b in enumerate(film.stage.bodies) if b.entity == entity]
    stage = replace(film.stage, bodies=tuple(film.stage.bodies[i] for i in kept))
    k = shot.intrinsics
    wide = Intrinsics(3 * k.width, 3 * k.height, k.fx, k.fy, k.cx + k.width, k.cy + k.height)
    film = replace(film, stage=stage, world_from_body=film.world_from_body[:, kept])
    return labelled(film, replace(shot, intrinsics=wide))


def test_amodal_boxes_and_pixels_are_those_of_the_object_alone(random_notes) -> None:
    film, notes, _ = random_notes
    for shot in film.shots:
        note, k = notes[shot.camera], shot.intrinsics
        for i in range(len(film.stage.entities) - len(ENTITIES)):
            image = alone(film, shot, len(ENTITIES) + i).entity > 0
            inside = image[:, k.height : -k.height, k.width : -k.width]
            seen = note.visible_pixels[:, i]
            np.testing.assert_array_equal(note.amodal_pixels[:, i], inside.sum(axis=(1, 2)))
            whole = np.maximum(image.sum(axis=(1, 2)), 1)
            np.testing.assert_allclose(note.visibility[:, i], seen / whole, rtol=1e-6)
            for f in range(FRAMES):
                rows, columns = np.nonzero(inside[f])
                if len(rows):
                    box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                    np.testing.assert_array_equal(note.amodal_box[f, i], box)
                else:
                    assert np.isnan(note.amodal_box[f, i]).all()


def test_nothing_is_seen_beyond_its_outline(random_notes) -> None:
    _, notes, images = random_notes
    for camera, note in notes.items():
        assert (note.visible_pixels <= note.amodal_pixels).all()
        seen = note.visible_pixels > 0
        assert seen.any()
        visible, amodal = note.visible_box[seen], note.amodal_box[seen]
        assert (visible[:, :2] >= amodal[:, :2]).all()
        assert (visible[:, 2:] <= amodal[:, 2:]).all()
        assert np.isnan(note.visible_box[~seen]).all()
        counted = (images[camera].entity == len(ENTITIES)).sum(axis=(1, 2))
        np.testing.assert_array_equal(note.visible_pixels[:, 0], counted)
    assert any((n.visible_pixels < n.amodal_pixels).any() for n in notes.values())


def test_boxes_in_space_hold_every_vertex_and_project_where_they_stand(random_notes) -> None:
    film, notes, _ = random_notes
    objects = records(film)
    for shot in film.shots:
        note, k = notes[shot.camera], shot.intrinsics
        for i, record in enumerate(objects):
            body = next(j for j, b in enumerate(film.stage.bodies) if b.name.endswith(record.name))
            vertices = film.stage.bodies[body].surfaces[0].mesh.vertices.astype(np.float64)
            for f in range(FRAMES):
                world = Pose.from_vector(film.world_from_body[f, body]).apply(vertices)
                camera = Pose.from_vector(shot.world_from_camera[f]).inverse().apply(world)
                box = Pose.from_vector(note.box_camera[f, i])
                local = box.inverse().apply(camera)
                np.testing.assert_allclose(np.abs(local).max(axis=0), np.array(record.size) / 2,
                                           atol=2e-6)  # fmt: skip
                corner = box.apply(np.array(record.size) * (0.5, -0.5, 0.5))
                uv = [k.fx * corner[0] / corner[2] + k.cx, k.fy * corner[1] / corner[2] + k.cy]
                np.testing.assert_allclose(note.corners_uv[f, i, 0b101], uv, atol=1e-2)


def test_still_things_are_outlined_once(monkeypatch) -> None:
    film = random_film(1, 4)
    film = replace(film, world_from_body=np.repeat(film.world_from_body[:1], 4, axis=0))
    drawn = []
    import datafactory.render.annotate as module

    plain = module.outline
    monkeypatch.setattr(module, "outline", lambda *a: drawn.append(1) or plain(*a))
    notes, _ = annotated(film)
    things = len(records(film))
    # Two fixed cameras and one that moves; what is out of view is not outlined at all.
    assert things < len(drawn) <= things * (1 + 1 + 4)
    np.testing.assert_array_equal(notes["front"].amodal_box[0], notes["front"].amodal_box[3])


def test_points_behind_the_camera_are_nan() -> None:
    film = random_film(2, 1)
    turned = film.shots[0].world_from_camera.copy()
    turned[:, 3:] = quat_multiply(turned[:, 3:], np.array([[0.0, 0.0, 1.0, 0.0]]))
    film = replace(film, shots=(replace(film.shots[0], world_from_camera=turned),))
    (note,) = annotated(film)[0].values()
    behind = note.box_camera[..., 2] < 0
    assert behind.any()
    assert np.isnan(note.center_uv[behind]).all()
    assert (note.amodal_pixels[behind] == 0).all()
    assert (note.visibility[behind] == 0).all()


def test_grasps_of_a_real_episode_touch_the_object_and_travel_with_it() -> None:
    shown = episode()
    note = views()["front"].annotations
    trajectory = shown.trajectory
    names = [o.name for o in shown.objects]
    (hold,) = find_holds(trajectory, names)
    assert note.grasp_object.tolist() == [hold.object]
    assert note.grasp_frame.tolist() == [hold.closed]
    grasp = next(p for p in trajectory.phases if p.name == "grasp")
    release = next(p for p in trajectory.phases if p.name == "release")
    assert grasp.start <= hold.closed <= grasp.stop + 1
    assert abs(hold.stop - release.start) <= 2
    moved = [
        np.linalg.norm(np.subtract(o.final_pose[:3], o.initial_pose[:3])) for o in shown.objects
    ]
    assert int(np.argmax(moved)) == hold.object
    # While it is held, the grasp points are where the fingertips are.
    frames = views()["front"].frames
    held = (frames >= hold.closed) & (frames < hold.stop)
    assert held.sum() > 3
    np.testing.assert_allclose(note.grasp_uv[held, 0], note.fingertips_uv[held], atol=1.0)
    middle = note.fingertips_uv.mean(axis=1)
    np.testing.assert_allclose(middle, note.tcp_uv, atol=0.5)
    far = note.tcp_uv[0] - note.grasp_uv[0, 0].mean(axis=0)
    assert np.linalg.norm(far) > 20


def made_up(told: list[float], opening: list[float], contacts: list[tuple[str, int, int]]):
    count = len(told)
    base = still_trajectory(np.zeros((count, 2, 7)))
    return replace(
        base,
        fps=10,
        action_gripper=np.array(told, np.float32),
        gripper_opening=np.array(opening, np.float32),
        gripper_width=0.1 * np.array(opening, np.float32),
        contacts=tuple(
            ContactInterval(*sorted((name, "gripper")), a, b, 1.0, 0.0) for name, a, b in contacts
        ),
    )


def test_holds_are_told_from_touches() -> None:
    told = [1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1]
    opening = [1, 1, 0.7, 0.5, 0.5, 0.5, 0.5, 1, 1, 1, 0.4, 0.4, 0.4, 0.4]
    found = find_holds(
        made_up(told, opening, [("a", 2, 6), ("b", 0, 2), ("b", 10, 13), ("a", 12, 13)]), "ab"
    )
    assert found == (Hold(0, 0, 3, 6), Hold(1, 0, 10, 13))


def test_pushing_with_a_closed_or_open_gripper_is_no_hold() -> None:
    assert find_holds(made_up([0] * 8, [0] * 8, [("a", 0, 8)]), "ab") == ()
    assert find_holds(made_up([1] * 8, [1] * 8, [("a", 0, 8)]), "ab") == ()
    assert find_holds(made_up([0] * 8, [0.5] * 8, [("a", 3, 4)]), "ab") == ()
    assert find_holds(made_up([0] * 8, [0.5] * 8, []), "") == ()


def test_fingertips_are_the_width_apart() -> None:
    shown = episode()
    from datafactory.render.holds import finger_points

    frames = np.arange(0, shown.length, 7)
    (points,) = finger_points(shown.trajectory, frames).swapaxes(0, 1)
    apart = points[:, 0] - points[:, 1]
    width = shown.trajectory.gripper_width[frames]
    np.testing.assert_allclose(np.linalg.norm(apart, axis=1), width, rtol=1e-5)
    axis = quat_rotate(shown.trajectory.eef_pose[frames, 3:], np.array([[0.0, 1.0, 0.0]]))
    np.testing.assert_allclose(apart, axis * width[:, None], atol=1e-6)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """A real episode as the product renders it; masks and annotations by camera."""
    from datafactory.errors import MissingPartError
    from datafactory.render.gl import GL
    from datafactory.render.library import load_style
    from datafactory.render.studio import Studio
    from tests.view_fixture import dataset

    try:
        renderer = GL()
    except MissingPartError as error:
        pytest.skip(str(error))
    source = dataset(tmp_path_factory.mktemp("annotate") / "d", 1)
    style = load_style("default", ["size=[224, 224]", "fps=2", "cameras=[front]"])
    studio = Studio(source, style, "v", renderer)
    try:
        return source.episode(0), studio.views(0)
    finally:
        studio.close()


def test_real_images_show_objects_where_their_outlines_are(rendered) -> None:
    _, shown = rendered
    unhidden = 0
    for view in shown:
        note = view.annotations
        assert (note.visible_pixels <= note.amodal_pixels * 1.02 + 2).all()
        seen = note.visible_pixels > 0
        assert (note.visible_box[seen][:, :2] >= note.amodal_box[seen][:, :2] - 1).all()
        assert (note.visible_box[seen][:, 2:] <= note.amodal_box[seen][:, 2:] + 1).all()
        whole = (note.visible_pixels > 0.99 * note.amodal_pixels) & (note.amodal_pixels > 100)
        np.testing.assert_allclose(note.visible_box[whole], note.amodal_box[whole], atol=1.0)
        unhidden += int(whole.sum())
    assert unhidden > 20


def test_the_tool_centre_lies_between_the_fingers_in_real_images(rendered) -> None:
    shown, every = rendered
    view = next(v for v in every if v.camera == "front")
    held = {"gripper", *(o.name for o in shown.objects)}
    hits = []
    for image, (u, v) in enumerate(view.annotations.tcp_uv):
        labels = decode_masks(view.masks, [image])[0]
        apart = view.annotations.fingertips_uv[image]
        reach = int(np.linalg.norm(apart[0] - apart[1]) / 2) + 2
        x, y = int(u), int(v)
        around = labels[max(y - 3, 0) : y + 4, max(x - reach, 0) : x + reach + 1]
        hits.append(bool(held & {view.entities[i] for i in np.unique(around)}))
    assert np.mean(hits) > 0.9
