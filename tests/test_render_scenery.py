"""Stages: every body of the physics is on it, under its name, and looks like what it is called."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import numpy as np
import pytest

from datafactory.geometry import Pose
from datafactory.render.object_visuals import object_surfaces
from datafactory.render.poses import body_track
from datafactory.render.robot_visuals import robot_visuals
from datafactory.render.scenery import ROBOT_FACES, build_stage, world_from_body
from datafactory.render.stage import MAX_LIGHTS
from datafactory.render.textures.label_forms import label_for
from datafactory.seeding import stream
from datafactory_assets.families import Tier0
from datafactory_assets.families.materials import COLOURS, METAL
from datafactory_pick_place.record import asset_record
from tests.stage_fixture import assets, episode, look, robot, track
from tests.test_render_poses import foreign

HIGH = {"lights": "high", "sky": "high", "surfaces": "high", "room": "high"}


def stage(**changes):
    return build_stage(episode().objects, assets(), robot(), look(0, **changes), track())


def content(made):
    return [
        (b.name, b.entity, s.name, s.mesh.vertices.tobytes(), s.mesh.faces.tobytes(),
         s.mesh.uv.tobytes(), s.material.rgb, s.material.gloss,
         None if s.material.texture is None else s.material.texture.tobytes())
        for b in made.bodies for s in b.surfaces
    ]  # fmt: skip


def test_bodies_and_entities():
    made = stage()
    names = [b.name for b in made.bodies]
    assert len(set(names)) == len(names)
    assert names[:4] == ["floor", "table", "room", "stand"]
    assert set(names[4:]) <= set(track().names)
    roles = tuple(o.name for o in episode().objects)
    assert made.entities == ("background", "floor", "table", "room", "arm", "gripper", *roles)
    label = {b.name: made.entities[b.entity] for b in made.bodies}
    assert label["robot/link3"] == "arm"
    assert label["robot/left_finger"] == "gripper"
    assert all(label[f"object/{role}"] == role for role in roles)
    assert label["stand"] == "room"
    assert len(made.lights) <= MAX_LIGHTS
    assert made.sky is not None


def test_poses_follow_the_track():
    made = stage()
    poses = world_from_body(made, track())
    assert poses.shape == (len(track().frames), len(made.bodies), 7)
    for i, body in enumerate(made.bodies):
        if body.name in track().names:
            assert np.array_equal(poses[:, i], track().pose(body.name))
    table = next(i for i, b in enumerate(made.bodies) if b.name == "table")
    points = Pose.from_vector(poses[0, table]).apply(made.bodies[table].surfaces[0].mesh.vertices)
    assert points[:, 2].max() == pytest.approx(track().table.top_z, abs=1e-5)
    stand = next(i for i, b in enumerate(made.bodies) if b.name == "stand")
    feet = Pose.from_vector(poses[0, stand]).apply(made.bodies[stand].surfaces[0].mesh.vertices)
    assert feet[:, 2].min() == pytest.approx(0.0, abs=1e-5)


def test_objects_stand_where_the_physics_has_them():
    made, t = stage(), track()
    for item, body in zip(episode().objects, made.bodies[-len(episode().objects) :], strict=True):
        vertices = np.concatenate([s.mesh.vertices for s in body.surfaces])
        size = vertices.max(axis=0) - vertices.min(axis=0)
        assert np.allclose(size, item.size, rtol=0.05, atol=0.003)
        lowest = Pose.from_vector(t.pose(body.name)[0]).apply(vertices)[:, 2].min()
        assert lowest == pytest.approx(t.table.top_z, abs=4e-3)


def test_same_look_same_stage():
    assert content(stage(randomise=HIGH)) == content(stage(randomise=HIGH))


def test_building_again_is_quick():
    stage(randomise=HIGH)
    begin = time.process_time()
    stage(randomise=HIGH)
    assert time.process_time() - begin < 0.2, "a fifth of that on a quiet machine"


def record(family, seed=0):
    asset = Tier0().make(family, seed)
    item = replace(
        episode().objects[0], asset_id=asset.content_hash, category=asset.category,
        colour=asset.colour, material=asset.material, size=asset.extents,
    )  # fmt: skip
    return asset, item, asset_record(asset)


@pytest.mark.parametrize(
    ("family", "part"),
    [("can", "sleeve"), ("tin", "sleeve"), ("bottle", "label"), ("jar", "label"),
     ("carton", "sides"), ("book", "front")],
)  # fmt: skip
def test_packages_carry_labels_and_keep_their_colour(family, part):
    for seed in range(6):
        asset, item, row = record(family, seed)
        label = label_for(asset.category, asset.colour, stream(seed, "label", 0, family))
        surfaces = {s.name: s for s in object_surfaces(item, row, label, 64, ())}
        assert surfaces[part].material.texture_name == label
        assert surfaces[part].material.rgb == (1.0, 1.0, 1.0)
        uv = surfaces[part].mesh.uv
        assert np.allclose([uv.min(axis=0), uv.max(axis=0)], [[0, 0], [1, 1]], atol=0.03)
        plain = {s.material.rgb for name, s in surfaces.items() if name != part}
        assert family in ("can", "tin") or asset.rgba[:3] in plain
        assert METAL[:3] not in plain or family in ("can", "tin", "jar")


def test_patterns_are_in_the_objects_own_colour():
    asset, item, row = record("mug", 2)  # a plain one
    plain = object_surfaces(item, row, "", 64, ())
    assert {s.material.rgb for s in plain} == {asset.rgba[:3]}
    assert all(s.material.texture is None for s in plain)
    for surface in object_surfaces(item, row, "dots/003", 64, ()):
        assert surface.material.texture_name == "dots/003"
        grey = surface.material.texture
        assert (grey == grey[..., :1]).all()
        ratio = np.array(surface.material.rgb) / np.array(asset.rgba[:3])
        assert np.allclose(ratio, ratio[0])


def test_objects_of_lost_sources_are_drawn_by_their_collision_geometry():
    item = episode().objects[0]
    geoms = [g for g in track().geoms if g.body == f"object/{item.name}"]
    row = next(a for a in assets() if a.asset_id == item.asset_id)
    gone = replace(row, params_json=json.dumps({"source": "gone", "family": "mug", "seed": 1}))
    other = json.loads(row.params_json) | {"seed": json.loads(row.params_json)["seed"] + 1}
    for lost in (None, gone, replace(row, params_json=json.dumps(other), uid="changed")):
        changed = item if lost is not None and lost is gone else replace(item, asset_id="x" * 64)
        surfaces = object_surfaces(changed, lost, "", 64, geoms)
        assert len(surfaces) == len(geoms)
        assert surfaces[0].material.rgb == COLOURS[item.colour][:3]


def test_robots_are_thinned_by_body_and_colour():
    visuals = robot_visuals(robot(), ROBOT_FACES[1])
    assert visuals is robot_visuals(robot(), ROBOT_FACES[1]), "made once"
    bodies = set(robot().bodies)
    assert set(visuals.surfaces) <= bodies
    faces = sum(len(s.mesh.faces) for parts in visuals.surfaces.values() for s in parts)
    assert faces < 1.3 * ROBOT_FACES[1]
    drawn = {b.body: b.mesh for b in robot().visual_meshes()}
    for body, parts in visuals.surfaces.items():
        vertices = np.concatenate([s.mesh.vertices for s in parts])
        if len(parts) == 1:
            original = drawn[body].vertices
            assert np.allclose(vertices.min(axis=0), original.min(axis=0), atol=2e-3)
            assert np.allclose(vertices.max(axis=0), original.max(axis=0), atol=2e-3)


def test_any_model_can_be_shown():
    strange = foreign()
    t = body_track(strange, {}, np.array([0, 1]))
    made = build_stage(strange.objects, (), robot(), look(), t)
    bodies = {b.name: b for b in made.bodies}
    assert {"world", "cart", "wheel"} <= set(bodies)
    assert "table" not in bodies
    assert bodies["cart"].surfaces[0].material.rgb == (1.0, 0.0, 0.0)
