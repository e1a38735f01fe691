"""Rooms: closed where they should be, clear of the cameras, with holes for windows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from datafactory.render.furniture import stand_surfaces, table_surfaces
from datafactory.render.look import SurfaceLook, TableLook
from datafactory.render.paint import painted
from datafactory.render.poses import TableBox
from datafactory.render.room import floor_surfaces, room_surfaces, wall_pose
from datafactory.render.room_plan import KINDS, OPEN_M, Prop, draw_room
from datafactory.robots.model import Box
from datafactory.seeding import stream

PAINT = painted(SurfaceLook("painted_wall/002"), 32)
CAMERAS = np.array(
    [[1.15, 0, 1.5], [0.8, 0.85, 1.55], [0.8, -0.85, 1.55], [-1.05, -0.55, 1.8],
     [-0.12, -1.4, 1.35], [-0.12, 0.0, 2.2]]
)  # fmt: skip
"""Places of the rig around a table's centre, above the floor."""


def plan(kind="closed", level="off", seed=0):
    return draw_room(kind, level, "all", stream(seed, "room", 0, "test"))


def triangles(surfaces):
    return np.concatenate([s.mesh.vertices[s.mesh.faces] for s in surfaces]).astype(np.float64)


def hits(corners, origin, direction):
    """Distances at which a ray meets triangles it sees from the front."""
    a, b, c = np.moveaxis(corners, 1, 0)
    normal = np.cross(b - a, c - a)
    slope = normal @ direction
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.einsum("ij,ij->i", a - origin, normal) / slope
        p = origin + t[:, None] * direction
        inside = (slope < 0) & (t > 0)
        for x, y in ((a, b), (b, c), (c, a)):
            inside &= np.einsum("ij,ij->i", np.cross(y - x, p - x), normal) >= -1e-9
    return t[inside]


@pytest.mark.parametrize("level", ["off", "low", "high"])
def test_a_closed_room_is_closed(level):
    for seed in range(3):
        room = plan("closed", "low" if level == "low" else "off", seed)
        every = triangles([*room_surfaces(room, PAINT), *floor_surfaces(room, PAINT)])
        rng = stream(seed, "rays", 0, level)
        for camera in CAMERAS:
            for _ in range(8):
                direction = rng.standard_normal(3)
                assert len(hits(every, camera, direction / np.linalg.norm(direction)))


def test_nothing_stands_between_cameras_and_table():
    for seed in range(15):
        room = plan("corner", "high", seed)
        surfaces = room_surfaces(room, PAINT)
        if not surfaces:
            continue
        every = triangles(surfaces)
        for camera in CAMERAS:
            ray = np.array([0.0, 0.0, 0.78]) - camera
            found = hits(every, camera, ray / np.linalg.norm(ray))
            assert not (found < np.linalg.norm(ray)).any()


def test_surfaces_are_above_the_floor_and_in_the_room():
    for seed in range(8):
        room = plan("closed", "high", seed)
        for surface in room_surfaces(room, PAINT):
            low, high = surface.mesh.vertices.min(axis=0), surface.mesh.vertices.max(axis=0)
            assert low[2] > -0.01
            assert np.isfinite(surface.mesh.vertices).all()
            assert (np.abs(high) <= OPEN_M + 0.1).all()
            assert np.allclose(np.linalg.norm(surface.mesh.normals, axis=1), 1.0, atol=1e-4)


def test_windows_are_holes():
    bare = plan("closed")
    window = Prop("window", "back", 0.3, 0.5, (0.9, 1.4, 0.06), (1.0, 1.0, 1.0), "", 1)
    open_room = replace(bare, props=(window,))
    eye = np.array([0.0, 0.15, 1.37])
    ahead = np.array([-1.0, 0.0, 0.0])
    assert len(hits(triangles(room_surfaces(bare, PAINT)), eye, ahead))
    walls = [s for s in room_surfaces(open_room, PAINT) if s.name.startswith("wall")]
    assert not len(hits(triangles(walls), eye, ahead))
    assert len(hits(triangles(walls), eye + np.array([0.0, 0.8, 0.0]), ahead))


@pytest.mark.parametrize("wall", ["back", "left", "right", "front"])
def test_wall_frames_look_inwards(wall):
    room = plan("closed")
    pose = wall_pose(room, wall)
    origin, right, up, inward = pose.apply(np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]))
    assert np.allclose(up - origin, (0, 0, 1))
    assert np.allclose(np.cross(right - origin, up - origin), inward - origin)
    assert (inward - origin) @ (np.array([0.0, 0.0, 0.0]) - origin) > 0.0


def test_levels():
    assert plan("corner", "off", 1) == plan("corner", "off", 2)
    low = [plan("corner", "low", s) for s in range(12)]
    assert {r.kind for r in low} == {"corner"}
    assert len({r.back_m for r in low}) == 12
    medium = [plan("corner", "medium", s) for s in range(60)]
    assert {r.kind for r in medium} == set(KINDS)
    assert not any(r.props for r in medium)
    high = [plan("corner", "high", s) for s in range(60)]
    kinds = {p.kind for r in high for p in r.props}
    assert kinds == {"window", "poster", "bookcase", "cabinet", "plant", "boxes"}
    for drawn, one in zip(medium, high, strict=True):
        assert drawn == replace(one, props=()), "clutter is drawn last"


def test_rooms_are_the_same_again():
    first = room_surfaces(plan("closed", "high", 5), PAINT)
    second = room_surfaces(plan("closed", "high", 5), PAINT)
    assert [s.name for s in first] == [s.name for s in second]
    for a, b in zip(first, second, strict=True):
        assert a.mesh.vertices.tobytes() == b.mesh.vertices.tobytes()
        assert a.material.rgb == b.material.rgb


def test_no_room_is_no_room():
    assert room_surfaces(plan("none"), PAINT) == ()
    (floor,) = floor_surfaces(plan("none"), PAINT)
    assert np.allclose(floor.mesh.vertices.max(axis=0), (OPEN_M, OPEN_M, 0.0))


@pytest.mark.parametrize("form", ["legs", "trestle", "cabinet"])
def test_tables_are_their_box_and_stand_on_the_floor(form):
    box = TableBox((0.5, 0.1, 0.7), (0.36, 0.6, 0.02))
    look = TableLook(SurfaceLook("wood_veneer/003"), form, (0.5, 0.5, 0.5))
    top, frame = table_surfaces(box, 0.0, look, PAINT)
    assert np.allclose(top.mesh.vertices.max(axis=0), box.half, atol=1e-5)
    assert np.allclose(top.mesh.vertices.min(axis=0), -np.array(box.half), atol=1e-5)
    low, high = frame.mesh.vertices.min(axis=0), frame.mesh.vertices.max(axis=0)
    assert low[2] == pytest.approx(-0.7, abs=1e-5)
    assert high[2] <= -0.02 + 1e-5
    assert (np.abs([low[:2], high[:2]]) <= np.array(box.half[:2]) + 1e-6).all(), "under the top"


def test_robots_stand_on_something():
    base = Box((-0.16, -0.1, 0.0), (0.08, 0.1, 0.14))
    surfaces = stand_surfaces(base, 0.75)
    vertices = np.concatenate([s.mesh.vertices for s in surfaces])
    assert vertices[:, 2].max() == pytest.approx(0.0, abs=1e-6)
    assert vertices[:, 2].min() == pytest.approx(-0.75, abs=1e-6)
    assert stand_surfaces(base, 0.0) == ()
