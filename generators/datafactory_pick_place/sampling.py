"""Drawing a scene: case, objects, distractors, table, robot base, dynamics, and their layout.

Every kind of randomness has its own named stream, so switching one off leaves the others as they
were. A stream that is off repeats the draws of attempt 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from datafactory.binding import ManipulationSpec
from datafactory.geometry import Pose
from datafactory.robots.model import RobotModel
from datafactory.scene import Scene, SceneObject, Table
from datafactory.spec import Case
from datafactory_assets.asset import RigidAsset
from datafactory_assets.source import AssetSource
from datafactory_assets.tables.query import TableQuery
from datafactory_pick_place.ability import within_reach
from datafactory_pick_place.arrange import arrange, world_from_camera
from datafactory_pick_place.casting import Play, draw_cast, draw_others
from datafactory_pick_place.conveyor import arrange_beside_belt, draw_belt, draw_riders
from datafactory_pick_place.disturb import may_be_pushed
from datafactory_pick_place.streams import AttemptStreams

BASE_HEIGHT_M = 0.75
TABLE_CENTER = (0.56, 0.0)
TABLE_HALF = (0.36, 0.60)
NEAR_EDGE_M = 0.20
NARROW_CENTER_M = 0.52


@dataclass(frozen=True)
class Draw:
    """A drawn scene, or the edges that could not be laid out.

    Attributes:
        play: The case drawn, resolved for its objects.
        scene: The scene; None when the layout failed.
        assets: Role name to asset, task objects first.
        unsatisfied: Unsatisfied edges when ``scene`` is None.
        candidates: Number of poses the layout solver looked at.
    """

    play: Play
    scene: Scene | None
    assets: dict[str, RigidAsset]
    unsatisfied: tuple[str, ...]
    candidates: int


def _draw_case(spec: ManipulationSpec, rng: np.random.Generator) -> Case:
    cases = spec.task_spec.cases
    weights = np.array([c.weight for c in cases])
    return cases[int(rng.choice(len(cases), p=weights / weights.sum()))]


def _draw_table(spec: ManipulationSpec, height: float, streams: AttemptStreams) -> Table:
    """The plain board, or a piece of furniture in front of the robot."""
    wanted = spec.task_spec.layout.table
    if wanted is None:
        return Table(TABLE_CENTER, TABLE_HALF, height)
    furniture = TableQuery.parse(wanted).draw(streams["furniture"], height)
    # What is deep begins where the plain board does; what is narrow is moved into reach.
    x = max(NEAR_EDGE_M + furniture.half_extents[0], NARROW_CENTER_M)
    return Table.of(furniture, (x, 0.0))


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
    lower = np.concatenate([arm.joint_lower for arm in robot.arms]) + margin
    upper = np.concatenate([arm.joint_upper for arm in robot.arms]) - margin
    home = np.clip(home, lower, upper)
    height = BASE_HEIGHT_M + robot.mount_height_m
    base = Pose.from_yaw((float(xy[0]), float(xy[1]), height), yaw)
    return base, tuple(float(v) for v in home)


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
    riders = draw_riders(spec, streams)
    play, taken, impossible = draw_cast(case, robot, streams, sources)
    others = draw_others(play, spec.task_spec.distractors, streams, taken, sources, riders)
    assets = {**play.cast.assets, **others}
    height = float(streams["table_height"].uniform(*randomize.table_height_m))
    table = _draw_table(spec, height, streams)
    base, home = _draw_base(spec, robot, streams)
    if impossible:
        return Draw(play, None, assets, impossible, 0)
    belt = draw_belt(spec, table, tuple(assets)[len(assets) - riders :], streams)
    reachable = within_reach(spec, robot)
    if belt is None:
        result = arrange(reachable, play, assets, table, base, streams, robot)
    else:
        result = arrange_beside_belt(reachable, play, assets, table, base, belt, streams)
    if not result.ok:
        return Draw(play, None, assets, result.unsatisfied, result.candidates)
    dynamics = streams["dynamics"]
    objects = []
    for name, asset in assets.items():
        placed = result.placements[name]
        mass = asset.mass * float(dynamics.uniform(*randomize.mass_scale))
        friction = asset.friction * float(dynamics.uniform(*randomize.friction_scale))
        objects.append(
            SceneObject(name, asset, placed.world_from_object, placed.stable_pose, mass, friction)
        )
    scene = Scene(table, robot.name, base, home, tuple(objects), play.initial, world_from_camera(),
                  belt, may_be_pushed(spec, play))  # fmt: skip
    return Draw(play, scene, assets, (), result.candidates)
