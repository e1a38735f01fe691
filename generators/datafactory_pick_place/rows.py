"""Where the members of a row go, found for all of them together before the first one is moved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from datafactory.scene import WorldState
from datafactory.scene_graph.body import Body
from datafactory.scene_graph.footprint import asset_geometry
from datafactory.scene_graph.graph import TABLE, Alternative, Goal, Relation
from datafactory.scene_graph.layout import LayoutObject, LayoutProblem, solve_layout
from datafactory.scene_graph.region import KeepOut, Region
from datafactory.scene_graph.relations import Placement
from datafactory_pick_place.reach import Reach
from datafactory_pick_place.subgoals import Subgoal, open_subgoals, plan_stage

ROW_GAP_M = 0.025
MAX_ORDERS = 6
MAX_ROWS = 6


def plan_moves(
    goal: Goal, stage: int, state: WorldState, reach: Reach, rng: np.random.Generator
) -> tuple[Subgoal, ...] | None:
    """Moves that reach a stage of a goal; None when moving graspable objects does not bring it.

    Places that were found for several objects together are left in ``reach.targets``.
    """
    movable = tuple(name for name, asset in state.assets.items() if reach.can_move(asset))
    subgoals = plan_stage(goal, stage, state, movable)
    reach.targets.clear()
    if not subgoals or reach.region is None:
        return subgoals
    row = plan_row(goal.stages[stage], state, movable, reach.region, rng)
    if row is None:
        return subgoals
    reach.targets.update(row[1])
    return row[0]


def plan_row(
    stage: Sequence[Alternative], state: WorldState, movable: Sequence[str], region: Region,
    rng: np.random.Generator,
) -> tuple[tuple[Subgoal, ...], dict[str, Placement]] | None:  # fmt: skip
    """Moves that form a row, and where each object goes; None when no free row was found.

    First some member stays where it is and the others continue its row; where there is no room
    for that, all of them go to a new row.

    Args:
        stage: Alternatives, each an order along the row.
        state: Measured state.
        movable: Objects the robot can move.
        region: Where the row may be.
        rng: Source of randomness.
    """
    orders = [a for a in stage if all(r.name == "aligned" for r in a)]
    if not orders:
        return None
    plans = [p for a in orders if (p := open_subgoals(a, state, movable)) is not None]
    for subgoals in sorted(plans, key=len)[:MAX_ORDERS]:
        found = _solve(subgoals, state, region, rng)
        if found is not None:
            return subgoals, found
    anchor = orders[0][0].objects[0]
    if anchor not in movable:
        return None
    first = Subgoal(anchor, (Relation("on", anchor, (TABLE,)),))
    whole = (first, *(Subgoal(r.subject, (r,)) for r in orders[0]))
    for _ in range(MAX_ROWS):
        found = _solve(whole, state, region, rng)
        if found is not None:
            return whole, found
    return None


def _solve(
    subgoals: Sequence[Subgoal], state: WorldState, region: Region, rng: np.random.Generator
) -> dict[str, Placement] | None:
    """Free places for all objects to move, which stay clear of where any of them stands now."""
    moving = [s.subject for s in subgoals]
    objects, discs = {}, []
    for name, pose in state.poses.items():
        asset = state.assets[name]
        rest = asset_geometry(asset).nearest_rest(pose.quat)
        if name not in moving:
            objects[name] = LayoutObject(asset, fixed=pose)
            continue
        objects[name] = LayoutObject(asset, stable_poses=(rest,))
        body = Body.at(name, asset, pose)
        centre = (float(body.centre[0]), float(body.centre[1]))
        discs.append(KeepOut(centre, body.radius + 0.5 * ROW_GAP_M))
    problem = LayoutProblem(
        objects=objects,
        relations=tuple(r for s in subgoals for r in s.relations if r.name == "aligned"),
        table=state.table,
        world_from_base=state.world_from_base,
        world_from_camera=state.world_from_camera,
        region=region,
        gap=ROW_GAP_M,
        keep_out=tuple(discs),
    )
    result = solve_layout(problem, rng)
    return {n: result.placements[n] for n in moving} if result.ok else None
