"""Drawing a scene: case, objects, distractors, table, robot base, dynamics, and their layout.

Every kind of randomness has its own named stream, so switching one off leaves the others as they
were. A stream that is off repeats the draws of attempt 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datafactory.geometry import Pose
from datafactory.robots.model import RobotModel
from datafactory.scene import Scene, SceneObject, Table, WorldState
from datafactory.scene_graph.contradictions import find_asset_contradictions
from datafactory.scene_graph.fitting import fits_in
from datafactory.scene_graph.goal import check_goal
from datafactory.scene_graph.graph import Relation
from datafactory.scene_graph.layout import (
    LayoutObject,
    LayoutProblem,
    LayoutResult,
    Region,
    solve_layout,
)
from datafactory.scene_graph.relations import sample_poses
from datafactory.seeding import Streams
from datafactory.spec import Case, ManipulationSpec
from datafactory_assets.asset import RigidAsset
from datafactory_assets.query import Query
from datafactory_assets.source import AssetSource
from datafactory_pick_place.language import noun_phrase

BASE_HEIGHT_M = 0.75
TABLE_CENTER = (0.56, 0.0)
TABLE_HALF = (0.36, 0.60)
CAMERA_POSITION = (1.35, 0.0, 1.45)
CAMERA_TARGET = (0.5, 0.0, 0.78)
MAX_DISTRACTOR_TRIES = 12
MAX_OBJECT_TRIES = 8
MAX_LAYOUT_TRIES = 6
BESIDE = ("left", "right", "front", "back", "behind", "near", "between")


@dataclass(frozen=True)
class Draw:
    """A drawn scene, or the edges that could not be laid out.

    Attributes:
        case: The case drawn.
        scene: The scene; None when the layout failed.
        assets: Role name to asset, task objects first.
        unsatisfied: Unsatisfied edges when ``scene`` is None.
        candidates: Number of poses the layout solver looked at.
    """

    case: Case
    scene: Scene | None
    assets: dict[str, RigidAsset]
    unsatisfied: tuple[str, ...]
    candidates: int


class AttemptStreams:
    """Named streams of one attempt, with switched-off streams repeating attempt 0."""

    def __init__(self, spec: ManipulationSpec, run_seed: int, index: int) -> None:
        key = spec.stream_key
        self._own = Streams(run_seed, key, index)
        self._fixed = Streams(run_seed, key, 0)
        randomize = spec.task_spec.randomize
        self._off = {
            name
            for name, on in (
                ("object_choice", randomize.object_choice),
                ("object_pose", randomize.object_pose),
                ("distractors", randomize.distractors),
            )
            if not on
        }

    def __getitem__(self, name: str) -> np.random.Generator:
        return (self._fixed if name in self._off else self._own)[name]


def world_from_camera(base_height: float = 0.0) -> Pose:
    """Pose of the fixed viewing camera in front of the table, OpenCV axes."""
    eye = np.array(CAMERA_POSITION) + np.array([0.0, 0.0, base_height])
    z = np.array(CAMERA_TARGET) - eye
    z /= np.linalg.norm(z)
    x = np.cross(z, np.array([0.0, 0.0, 1.0]))
    x /= np.linalg.norm(x)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    matrix[:3, 3] = eye
    return Pose.from_matrix(matrix)


def _draw_case(spec: ManipulationSpec, rng: np.random.Generator) -> Case:
    cases = spec.task_spec.cases
    weights = np.array([c.weight for c in cases])
    return cases[int(rng.choice(len(cases), p=weights / weights.sum()))]


def _draw_objects(
    spec: ManipulationSpec, case: Case, streams: AttemptStreams, sources: Sequence[AssetSource]
) -> dict[str, RigidAsset]:
    """Task objects with distinct noun phrases, then distractors that match none of them."""
    relations = (*case.initial, *case.goal.relations())
    for _ in range(MAX_OBJECT_TRIES):  # a bottle does not fit every bowl: draw again
        assets: dict[str, RigidAsset] = {}
        taken: set[str] = set()
        for role, query in case.objects.items():
            drawn = _distinct(Query.parse(query), streams["object_choice"], sources, taken)
            assets[role] = drawn
        if _plausible(relations, assets):
            break
    rng = streams["distractors"]
    low, high = spec.task_spec.distractors.count
    query = Query.parse(spec.task_spec.distractors.query)
    for k in range(int(rng.integers(low, high + 1))):
        assets[f"distractor_{k}"] = _distinct(query, rng, sources, taken)
    return assets


def _plausible(relations: Sequence[Relation], assets: dict[str, RigidAsset]) -> bool:
    """Whether everything fits where it shall go, in the orientation it starts in."""
    if find_asset_contradictions(relations, assets):
        return False
    return all(
        fits_in(assets[r.subject], assets[r.objects[0]], (0,)) for r in relations if r.name == "in"
    )


def _distinct(
    query: Query, rng: np.random.Generator, sources: Sequence[AssetSource], taken: set[str]
) -> RigidAsset:
    for _ in range(MAX_DISTRACTOR_TRIES):
        asset = query.draw(rng, sources)
        if noun_phrase(asset) not in taken:
            break
    taken.add(noun_phrase(asset))
    return asset


def _draw_base(
    spec: ManipulationSpec, robot: RobotModel, streams: AttemptStreams
) -> tuple[Pose, tuple[float, ...]]:
    randomize = spec.task_spec.randomize
    rng = streams["robot_base"]
    xy = rng.uniform(-1.0, 1.0, 2) * randomize.base_xy_m
    yaw = float(rng.uniform(-1.0, 1.0)) * randomize.base_yaw_rad
    home = np.array(robot.home)
    home = home + streams["home"].normal(0.0, 1.0, len(home)) * randomize.home_rad
    margin = 0.05
    home = np.clip(home, np.array(robot.joint_lower) + margin, np.array(robot.joint_upper) - margin)
    base = Pose.from_yaw((float(xy[0]), float(xy[1]), BASE_HEIGHT_M), yaw)
    return base, tuple(float(v) for v in home)


def _layout_problem(
    spec: ManipulationSpec, case: Case, assets: dict[str, RigidAsset], table: Table, base: Pose
) -> LayoutProblem:
    layout = spec.task_spec.layout
    yaw = 2.0 * math.atan2(base.quat[3], base.quat[0])
    low, high = layout.angle_rad
    region = Region(
        center=(float(base.position[0]), float(base.position[1])),
        radius=layout.radius_m,
        heading=yaw + 0.5 * (low + high),
        half_angle=0.5 * (high - low),
    )
    return LayoutProblem(
        objects={name: LayoutObject(asset=asset) for name, asset in assets.items()},
        relations=case.initial,
        table=table,
        world_from_base=base,
        world_from_camera=world_from_camera(),
        region=region,
        gap=layout.gap_m,
    )


def _is_task(
    case: Case, problem: LayoutProblem, result: LayoutResult, assets: dict[str, RigidAsset],
    rng: np.random.Generator,
) -> bool:  # fmt: skip
    """Whether a layout leaves something to do that can be done, as far as positions alone tell.

    The goal must not hold yet, and there must be room beside the references it names.
    """
    state = WorldState(
        table=problem.table,
        assets=assets,
        poses={name: p.world_from_object for name, p in result.placements.items()},
        contacts=(),
        world_from_base=problem.world_from_base,
        world_from_camera=problem.world_from_camera,
    )
    if check_goal(case.goal, state, stage=len(case.goal.stages) - 1).holds:
        return False
    beside = [r for r in case.goal.relations() if r.name in BESIDE]
    return all(sample_poses(r, assets[r.subject], state, rng, 1) for r in beside)


def draw_scene(
    spec: ManipulationSpec,
    robot: RobotModel,
    streams: AttemptStreams,
    sources: Sequence[AssetSource],
) -> Draw:
    """Draws everything that is in the world before the robot moves.

    Args:
        spec: Bound task.
        robot: The robot.
        streams: Named streams of the attempt.
        sources: Asset sources queries draw from.
    """
    randomize = spec.task_spec.randomize
    case = _draw_case(spec, streams["object_choice"])
    assets = _draw_objects(spec, case, streams, sources)
    height = float(streams["table_height"].uniform(*randomize.table_height_m))
    table = Table(TABLE_CENTER, TABLE_HALF, height)
    base, home = _draw_base(spec, robot, streams)
    impossible = find_asset_contradictions((*case.initial, *case.goal.relations()), assets)
    if impossible:
        return Draw(case, None, assets, tuple(c.message for c in impossible), 0)
    problem = _layout_problem(spec, case, assets, table, base)
    for _ in range(MAX_LAYOUT_TRIES):  # a layout in which the goal already holds is no task
        result = solve_layout(problem, streams["object_pose"])
        if not result.ok or _is_task(case, problem, result, assets, streams["place_check"]):
            break
    if not result.ok:
        return Draw(case, None, assets, result.unsatisfied, result.candidates)
    dynamics = streams["dynamics"]
    objects = []
    for name, asset in assets.items():
        placed = result.placements[name]
        mass = asset.mass * float(dynamics.uniform(*randomize.mass_scale))
        friction = asset.friction * float(dynamics.uniform(*randomize.friction_scale))
        objects.append(
            SceneObject(name, asset, placed.world_from_object, placed.stable_pose, mass, friction)
        )
    scene = Scene(
        table, robot.name, base, home, tuple(objects), case.initial, problem.world_from_camera
    )
    return Draw(case, scene, assets, (), result.candidates)
