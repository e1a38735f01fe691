"""Laying out a scene: the task's objects first, then the distractors around them.

The two have streams of their own, so distractors never move what the task is about.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from datafactory.binding import ManipulationSpec
from datafactory.geometry import Pose
from datafactory.robots.model import RobotModel
from datafactory.scene import Table, WorldState
from datafactory.scene_graph.body import Body
from datafactory.scene_graph.goal import check_goal
from datafactory.scene_graph.layout import (
    KeepOut,
    LayoutObject,
    LayoutProblem,
    LayoutResult,
    Region,
    solve_layout,
)
from datafactory.scene_graph.relations import Placement, sample_poses
from datafactory_assets.asset import RigidAsset
from datafactory_pick_place.ability import reachable_poses
from datafactory_pick_place.casting import Play
from datafactory_pick_place.rows import plan_row
from datafactory_pick_place.streams import AttemptStreams
from datafactory_pick_place.subgoals import open_subgoals

CAMERA_POSITION = (1.35, 0.0, 1.45)
CAMERA_TARGET = (0.5, 0.0, 0.78)
MAX_TRIES = 6
FINGER_ROOM_M = 0.025
BESIDE = ("left", "right", "front", "back", "behind", "near", "between")


def world_from_camera() -> Pose:
    """Pose of the fixed viewing camera in front of the table, OpenCV axes."""
    eye = np.array(CAMERA_POSITION)
    z = np.array(CAMERA_TARGET) - eye
    z /= np.linalg.norm(z)
    x = np.cross(z, np.array([0.0, 0.0, 1.0]))
    x /= np.linalg.norm(x)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    matrix[:3, 3] = eye
    return Pose.from_matrix(matrix)


def layout_region(spec: ManipulationSpec, base: Pose, *, distractors: bool = False) -> Region:
    """Where a task's objects, or its distractors, may stand in front of a robot base."""
    layout, own = spec.task_spec.layout, spec.task_spec.distractors
    radius, angle = layout.radius_m, layout.angle_rad
    if distractors:
        radius, angle = own.radius_m or radius, own.angle_rad or angle
    return _sector(radius, angle, base)


def _sector(radius: tuple[float, float], angle: tuple[float, float], base: Pose) -> Region:
    low, high = angle
    return Region(
        center=(float(base.position[0]), float(base.position[1])),
        radius=radius,
        heading=_heading(base) + 0.5 * (low + high),
        half_angle=0.5 * (high - low),
    )


def _heading(base: Pose) -> float:
    return 2.0 * math.atan2(base.quat[3], base.quat[0])


def _placed(
    spec: ManipulationSpec, play: Play, name: str, asset: RigidAsset, base: Pose
) -> LayoutObject:
    """An object of the case, in its zone or that of its set if there is one."""
    groups = (group for group, members in play.cast.sets.items() if name in members)
    zone = play.case.zones.get(next(groups, name))
    if zone is None:
        return LayoutObject(asset=asset)
    low, high = (angle + _heading(base) for angle in zone.yaw_rad)
    region = _sector(zone.radius_m or spec.task_spec.layout.radius_m, zone.angle_rad, base)
    return LayoutObject(asset=asset, region=region, yaw=(low, high))


def _problem(
    spec: ManipulationSpec,
    play: Play,
    objects: Mapping[str, LayoutObject],
    table: Table,
    base: Pose,
) -> LayoutProblem:
    return LayoutProblem(
        objects=objects,
        relations=play.initial,
        table=table,
        world_from_base=base,
        world_from_camera=world_from_camera(),
        region=layout_region(spec, base),
        gap=spec.task_spec.layout.gap_m,
    )


def _state(
    problem: LayoutProblem, result: LayoutResult, assets: Mapping[str, RigidAsset]
) -> WorldState:
    """The laid-out world as far as positions tell: without contacts."""
    return WorldState(
        table=problem.table,
        assets={name: assets[name] for name in result.placements},
        poses={name: p.world_from_object for name, p in result.placements.items()},
        contacts=(),
        starts={name: p.world_from_object for name, p in result.placements.items()},
        world_from_base=problem.world_from_base,
        world_from_camera=problem.world_from_camera,
    )


def _has_room(play: Play, state: WorldState, robot: RobotModel, rng: np.random.Generator) -> bool:
    """Whether there is a place beside every reference that something shall be put beside."""
    beside = [r for r in play.goal.relations() if r.name in BESIDE]
    return all(reachable_poses((r,), state.assets[r.subject], state, robot, rng, 1) for r in beside)


def _kept_free(
    play: Play, problem: LayoutProblem, state: WorldState, rng: np.random.Generator
) -> tuple[KeepOut, ...]:
    """Places that distractors leave free: of a row that the goal asks for, and of what has to
    be set aside.
    """
    movable = [n for n in play.names if state.assets[n].graspable]
    places: list[tuple[str, Placement]] = []
    for stage in play.goal.stages:
        row = plan_row(stage, state, movable, problem.region, rng)
        places += row[1].items() if row is not None else ()
        for subgoal in open_subgoals(stage[0], state, movable) or ():
            if subgoal.relations[0].name == "apart":
                asset = state.assets[subgoal.subject]
                found = sample_poses(subgoal.relations, asset, state, rng, 1, region=problem.region,
                                     gap=FINGER_ROOM_M)  # fmt: skip
                places += [(subgoal.subject, placement) for placement in found]
    bodies = [Body.at(n, state.assets[n], p.world_from_object) for n, p in places]
    return tuple(
        KeepOut((float(b.centre[0]), float(b.centre[1])), b.radius + FINGER_ROOM_M) for b in bodies
    )


def arrange(
    spec: ManipulationSpec, play: Play, assets: Mapping[str, RigidAsset], table: Table,
    base: Pose, streams: AttemptStreams, robot: RobotModel,
) -> LayoutResult:  # fmt: skip
    """Places all objects so that there is something to do that can be done.

    The goal must not hold yet, and there must be room where the goal asks for an object beside
    another one; otherwise the case's objects are laid out anew, a few times. Distractors are placed
    around the result and may take that room away again: then the attempt ends with ``no_place``.

    Args:
        spec: Bound task.
        play: The case drawn, resolved for its objects.
        assets: Role name to asset; roles that are not in the case are distractors.
        table: Table top.
        base: Robot base pose.
        streams: ``object_pose`` places the case's objects, ``distractors`` the others.
        robot: Who shall do it.
    """
    roles = {name: _placed(spec, play, name, assets[name], base) for name in play.names}
    others = {name: LayoutObject(asset=a) for name, a in assets.items() if name not in roles}
    problem = _problem(spec, play, roles, table, base)
    last = len(play.goal.stages) - 1
    for _ in range(MAX_TRIES):
        result = solve_layout(problem, streams["object_pose"])
        if not result.ok:
            return result
        state = _state(problem, result, assets)
        done = check_goal(play.goal, state, stage=last).holds
        if not done and _has_room(play, state, robot, streams["room"]):
            break
    if not others:
        return result
    fixed = {
        name: replace(item, fixed=result.placements[name].world_from_object)
        for name, item in roles.items()
    }
    problem = _problem(spec, play, {**fixed, **others}, table, base)
    keep_out = _kept_free(play, problem, state, streams["room"])
    region = layout_region(spec, base, distractors=True)
    problem = replace(problem, keep_out=keep_out, region=region)
    around = solve_layout(problem, streams["distractors"])
    if not around.ok:
        return around
    return replace(around, placements={**result.placements, **around.placements})
