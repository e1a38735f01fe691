"""What a robot can do of a task: where things may lie, where to put them, what it cannot do.

A task is written without a robot in mind. Its layout ring is moved into the robot's workspace;
what a robot cannot do at all is refused before a run starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from datafactory.binding import ManipulationSpec
from datafactory.errors import SpecError
from datafactory.grasps.ranking import can_grasp
from datafactory.robots.model import RobotModel
from datafactory.scene import WorldState
from datafactory.scene_graph.graph import Goal, Relation
from datafactory.scene_graph.region import Region
from datafactory.scene_graph.relations import Placement, sample_poses
from datafactory.spec import Layout
from datafactory_assets.asset import RigidAsset
from datafactory_assets.families.language import GRIPPER_OPENING_M
from datafactory_assets.query import Query
from datafactory_assets.source import AssetSource

NEEDED = ("arm", "gripper")
SEEDS_TRIED = 4


def within_reach(spec: ManipulationSpec, robot: RobotModel) -> ManipulationSpec:
    """The task with its layout ring in the robot's workspace.

    A ring within the workspace stays as it is. One that reaches beyond is moved towards the base
    (or away from it) by as much, and cut where the workspace ends: a small arm gets the same
    scene closer by, not what is left of it at arm's length. Distractors need not be reached: they
    stand in either ring.
    """
    task = spec.task_spec
    low, high = asked = task.layout.radius_m
    near, far = robot.workspace_radius_m
    if _within(asked, robot):
        return spec
    if high > far:
        low, high = min(far, max(near, low - (high - far))), far
    else:
        low, high = near, min(far, max(near, high + near - low))
    around = task.distractors.radius_m or (min(low, asked[0]), max(high, asked[1]))
    layout = task.layout.model_copy(update={"radius_m": (low, high)})
    distractors = task.distractors.model_copy(update={"radius_m": around})
    changed = {"layout": layout, "distractors": distractors}
    return replace(spec, task_spec=task.model_copy(update=changed))


def _within(ring: tuple[float, float], robot: RobotModel) -> bool:
    near, far = robot.workspace_radius_m
    return near <= ring[0] and ring[1] <= far


def reachable_poses(
    relations: Sequence[Relation], subject: RigidAsset, state: WorldState, robot: RobotModel,
    rng: np.random.Generator, n: int,
) -> list[Placement]:  # fmt: skip
    """Draws resting poses that make relations true, within the workspace of a small robot.

    Robots whose workspace holds the ring tasks assume draw anywhere: planning tells what they
    reach.

    Args:
        relations: About one subject.
        subject: Its asset.
        state: Measured world state.
        robot: The robot.
        rng: Source of randomness.
        n: Number of poses wanted; fewer (also none) come back when room is scarce.
    """
    drawn = sample_poses(relations, subject, state, rng, n)
    if _within(Layout().radius_m, robot):
        return drawn
    base = state.world_from_base.position
    region = Region((float(base[0]), float(base[1])), robot.workspace_radius_m)
    found = [p for p in drawn if region.contains(p.world_from_object.position[None, :2])[0]]
    missing = len(drawn) - len(found)
    if missing:
        found += sample_poses(relations, subject, state, rng, missing, region=region)
    return found


def require_able(spec: ManipulationSpec, robot: RobotModel, sources: Sequence[AssetSource]) -> None:
    """Refuses a robot that cannot do any attempt of a task.

    Args:
        spec: The bound task.
        robot: The robot.
        sources: Where the task's objects come from.

    Raises:
        SpecError: It has no arm or no gripper, several arms where the task has a conveyor,
            disturbances or the direct expert, a direct expert where things move, or a gripper that
            takes none of the first instances of what it has to move.
    """
    lacking = [part for part in NEEDED if part not in robot.capabilities]
    if lacking:
        raise SpecError(
            f"robot '{robot.name}' cannot do task '{spec.task}'",
            why=f"it has no {' and no '.join(lacking)}",
            remedy="`datafactory list robots` shows what robots have",
        )
    moving = spec.task_spec.conveyor is not None or spec.task_spec.disturb is not None
    if moving and len(robot.arms) > 1:
        raise SpecError(
            f"task '{spec.task}' does not run on robot '{robot.name}'",
            why="belts and disturbances are for robots with one arm",
            remedy="choose a robot with one arm",
        )
    still = "`expert: direct` and `randomize.jolt_m` are for one arm in a world that keeps still"
    calm = spec.task_spec.expert == "varied" and not spec.task_spec.randomize.jolt_m
    if not calm and (moving or len(robot.arms) > 1):
        raise SpecError(f"task '{spec.task}' asks for too much", why=still,
                        remedy="leave `expert` and `randomize.jolt_m` out")  # fmt: skip
    widest = max(arm.gripper_max_width_m for arm in robot.arms)
    if widest >= GRIPPER_OPENING_M:  # what `graspable` means
        return
    for role, query in _moved(spec):
        found = list(_instances(query, sources))
        if found and not any(can_grasp(a, arm) for a in found for arm in robot.arms):
            raise SpecError(
                f"robot '{robot.name}' cannot do task '{spec.task}'",
                where=f"object '{role}'",
                why=f"its gripper opens {1e3 * widest:.0f} mm, too little for {query.to_dict()!r}",
                remedy="ask for smaller objects (max_width_m, family), or use another robot",
            )


def _moved(spec: ManipulationSpec) -> Iterator[tuple[str, Query]]:
    """Roles that goals ask to be moved, with their queries."""
    for case in spec.task_spec.cases:
        if isinstance(case.goal, Goal):
            subjects = {relation.subject for relation in case.goal.relations()}
            yield from ((r, Query.parse(q)) for r, q in case.objects.items() if r in subjects)


def _instances(query: Query, sources: Sequence[AssetSource]) -> Iterator[RigidAsset]:
    """The first instances of every family that match."""
    for source, info in query.candidates(sources):
        made = (source.make(info.name, seed) for seed in range(SEEDS_TRIED))
        yield from (asset for asset in made if query.matches(asset) and asset.graspable)
