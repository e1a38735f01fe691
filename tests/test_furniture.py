"""Furniture in scenes: physics, planning, relations, records and pictures of the same thing."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import lru_cache

import mujoco
import numpy as np
import pytest

from datafactory.episode import Episode
from datafactory.errors import SpecError
from datafactory.geometry import Pose
from datafactory.picture.world import table_top
from datafactory.planning.collision import CollisionWorld
from datafactory.plugin import load_generator
from datafactory.render.poses import body_track
from datafactory.render.scenery import build_stage, world_from_body
from datafactory.scene import Table
from datafactory.scene_graph.body import table_surface
from datafactory.scene_graph.footprint import asset_geometry
from datafactory.scene_graph.layout import LayoutObject, LayoutProblem, solve_layout
from datafactory.scene_graph.region import Region
from datafactory.seeding import stream
from datafactory.sim.assembly import assemble
from datafactory.sim.engine import compile_mjcf
from datafactory.sim.furniture import table_of
from datafactory.sim.measure import Measurer
from datafactory.sim.rederive import end_state
from datafactory.spec import task_from_dict
from datafactory.store.encode import Lineage, episode_row
from datafactory.store.stored import stored_episode
from datafactory_assets.families import Tier0, Tier1
from datafactory_assets.tables import make_table, table_families
from tests.sim_fixture import asset, robot_named, scene_of, standing
from tests.stage_fixture import look

CENTER = (0.56, 0.0)


def furnished(family: str, seed: int = 0, center: tuple[float, float] = CENTER, **objects):
    table = Table.of(make_table(family, seed, 0.75), center)
    return replace(scene_of(objects), table=table)


def task(**changes):
    data = {
        "name": "at_furniture",
        "objects": {"a": {"family": "block"}, "b": {"family": "plate"}},
        "goal": {"relation": "on", "subject": "a", "object": "b"},
        "instructions": {"train": ["put {a} on {b}"]},
        "distractors": {"count": [0, 1]},
        "robot": "primitive_arm",
        "layout": {"table": {"family": "bistro_table"}},
    }
    return task_from_dict({**data, **changes})


@lru_cache(maxsize=1)
def accepted() -> Episode:
    generator = load_generator("pick_place")
    maker = generator.open(generator.spec(task(), robot="primitive_arm"), 1)
    return next(e for e in map(maker.attempt, range(30)) if e.verdict.accepted)


@pytest.mark.parametrize("family", [info.name for info in table_families()])
def test_every_family_is_assembled_and_read_back(family: str) -> None:
    scene = furnished(family, 3)
    made = assemble(scene, robot_named())
    found = table_of(made.model)
    assert found.height == pytest.approx(scene.table.height)
    assert np.allclose(found.outline, scene.table.outline, atol=1e-8)
    assert np.allclose(found.half_extents, scene.table.half_extents, atol=1e-8)
    assert found.uid == scene.table.uid
    names = [made.entities[k] for k in made.geom_entity]
    assert names.count("table") == len(scene.table.furniture.tops)
    assert names.count("furniture") == len(scene.table.furniture.parts)
    data = mujoco.MjData(made.model)
    data.qpos[:] = made.home_qpos()
    mujoco.mj_forward(made.model, data)
    assert not data.ncon  # the robot at rest touches no part of it


@pytest.mark.parametrize("family", ["bistro_table", "oval_table", "half_round_table"])
def test_things_rest_level_on_every_piece_of_a_top_and_on_seams(family: str) -> None:
    table = furnished(family, 2).table
    outline = np.array(table.outline) - CENTER
    spots = {"m": (0.0, 0.0)}
    for k, (x, y) in enumerate(outline[:: max(1, len(outline) // 6)]):
        length = math.hypot(x, y)
        spots[f"o{k}"] = (x * (1.0 - 0.06 / length), y * (1.0 - 0.06 / length))
    kinds = ("soap", "can", "carton", "sponge")
    objects = {
        name: (kinds[k % 4], standing(kinds[k % 4], CENTER[0] + x, CENTER[1] + y, 0.4 * k))
        for k, (name, (x, y)) in enumerate(spots.items())
    }
    made = assemble(furnished(family, 2, **objects), robot_named())
    data = mujoco.MjData(made.model)
    data.qpos[:] = made.home_qpos()
    start = data.qpos.copy()
    mujoco.mj_step(made.model, data, nstep=300)
    for address, name in zip(made.object_qpos, objects, strict=True):
        moved = data.qpos[address : address + 3] - start[address : address + 3]
        assert np.abs(moved).max() < 0.002, name
        turn = abs(float(np.dot(data.qpos[address + 3 : address + 7],
                                start[address + 3 : address + 7])))  # fmt: skip
        assert turn > math.cos(math.radians(1.0)), name
    state = Measurer(made).state_of(data)
    carried = {c.a if c.b == "table" else c.b for c in state.contacts if "table" in (c.a, c.b)}
    assert carried >= set(objects)


def test_layouts_keep_to_the_outline() -> None:
    table = furnished("bistro_table", 1).table
    polygon = table_surface(table).polygon
    problem = LayoutProblem(
        objects={f"o{k}": LayoutObject(asset("can", k)) for k in range(6)},
        relations=(),
        table=table,
        world_from_base=Pose.of((0.0, 0.0, 0.75)),
        world_from_camera=Pose.identity(),
        region=Region(),
        edge_margin=0.02,
    )
    corner = np.array(CENTER) + 0.9 * np.array(table.half_extents)
    assert polygon.overshoot(corner) > 0.05  # on the bounding rectangle, not on the table
    for seed in range(6):
        result = solve_layout(problem, stream(seed, "furniture", 0, "layout"))
        assert result.ok
        for name, placed in result.placements.items():
            geometry = asset_geometry(problem.objects[name].asset)
            radius = geometry.rest(placed.stable_pose).radius
            place = placed.world_from_object.position[:2]
            assert polygon.overshoot(place) <= -0.02 - 0.9 * radius


def test_planning_sees_boards_and_tops() -> None:
    scene = furnished("hutch_desk", 0)
    robot = robot_named()
    (arm,) = robot.arms

    def worst(center: tuple[float, float]):
        made = assemble(replace(scene, table=Table.of(scene.table.furniture, center)), robot)
        world = CollisionWorld(
            made.model,
            robot_bodies=(*arm.bodies, *arm.gripper_bodies),
            arm_joints=arm.joints,
            finger_bodies=arm.gripper_bodies,
            gripper_joints=arm.gripper_joints,
            tcp_site=arm.tcp_site,
        )
        world.set_world(made.home_qpos())
        return world, world.check(np.array(arm.home))

    world, free = worst(CENTER)
    assert free is None
    found = set()
    for x in np.linspace(-0.4, 0.5, 19):  # the desk is pushed through the arm
        _, hit = worst((float(x), 0.0))
        if hit is not None:
            found |= {hit.a, hit.b}
    assert "furniture" in found
    world.allow("@fingers", ["table", "furniture"])


def test_an_episode_at_furniture_says_so_and_repeats() -> None:
    episode = accepted()
    (row,) = [a for a in episode.assets if a.kind == "table"]
    assert row.uid.startswith("table/bistro_table@")
    assert row.licence.spdx == "CC0-1.0"
    for graph in (episode.initial_graph, episode.final_graph):
        (node,) = [n for n in graph["nodes"] if n["name"] == "table"]
        assert node["asset"] == row.uid
    generator = load_generator("pick_place")
    maker = generator.open(generator.spec(task(), robot="primitive_arm"), 1)
    again = maker.attempt(episode.attempt)
    assert again.replay.mjcf == episode.replay.mjcf
    assert np.array_equal(again.trajectory.qpos, episode.trajectory.qpos)
    sources = {"tier0": Tier0(), "tier1": Tier1()}
    rows = {a.asset_id: a for a in episode.assets}

    def made(item):
        origin = json.loads(rows[item.asset_id].params_json)
        return sources[origin["source"]].make(origin["family"], origin["seed"])

    state = end_state(
        episode.replay, episode.objects, episode.world_from_base, robot_named().meshes, made
    )
    assert state.table.uid == row.uid
    assert len(state.table.outline) > 8
    top = table_top(episode.replay)
    assert top is not None
    assert np.allclose(top.outline, state.table.outline)
    assert top.height == pytest.approx(state.table.height)
    on = [c for c in state.contacts if {c.a, c.b} == {"b", "table"}]
    assert on


def test_it_is_drawn_as_the_physics_has_it() -> None:
    episode = accepted()
    extra = load_generator("pick_place").extra_columns()
    lineage = Lineage("run", "pick_place", "1", "h", 1, "mujoco", "cpu")
    stored = stored_episode(episode_row(episode, lineage, extra), [f.name for f in extra])
    robot = robot_named()
    track = body_track(stored, robot.meshes, np.array([0]), robot.camera_mounts)
    records = tuple(a for a in episode.assets if a.geometry_format == "shapes-json")
    stage = build_stage(stored.objects, records, robot, look(), track, pixels=64)
    poses = world_from_body(stage, track)[0]
    table = table_of(compile_mjcf(episode.replay.mjcf, robot.meshes))
    drawn = {}
    for index, body in enumerate(stage.bodies):
        if body.name in ("table", "furniture"):
            points = np.concatenate([s.mesh.vertices for s in body.surfaces]) + poses[index, :3]
            drawn[body.name] = (points.min(axis=0), points.max(axis=0))
            assert stage.entities[body.entity] == "table"
    low, high = drawn["table"]
    assert np.allclose(high[:2] - low[:2], 2.0 * np.array(table.half_extents), atol=1e-5)
    assert high[2] == pytest.approx(table.height, abs=1e-5)
    assert drawn["furniture"][0][2] == pytest.approx(0.0, abs=1e-4)
    assert drawn["furniture"][1][2] < table.height


def test_specs() -> None:
    plain = task(layout={})
    assert "table" not in plain.model_dump(mode="json")["layout"]
    assert task().model_dump(mode="json")["layout"]["table"] == {"family": ["bistro table"]}
    with pytest.raises(SpecError, match="no table family matches"):
        task(layout={"table": {"family": "sofa"}})
    with pytest.raises(SpecError, match="known keys"):
        task(layout={"table": {"shape": "circle"}})
    with pytest.raises(SpecError, match="conveyor needs the plain table"):
        task(conveyor={"carries": ["a"]})
    generator = load_generator("pick_place")
    shipped = {t.name: t.spec for t in generator.tasks()}
    assert shipped["furniture"]
