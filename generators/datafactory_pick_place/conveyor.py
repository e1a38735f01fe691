"""Drawing a conveyor belt and what rides on it, and laying out the rest beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from datafactory.belt import RAIL_WIDTH_M, Belt
from datafactory.binding import ManipulationSpec
from datafactory.geometry import Pose
from datafactory.scene import Table
from datafactory.scene_graph.footprint import asset_geometry
from datafactory.scene_graph.layout import (
    KeepOut,
    LayoutObject,
    LayoutProblem,
    LayoutResult,
    Region,
    solve_layout,
)
from datafactory_assets.asset import RigidAsset
from datafactory_pick_place.arrange import layout_region, world_from_camera
from datafactory_pick_place.casting import Play
from datafactory_pick_place.streams import AttemptStreams

RISE_M = 0.05
"""Height of the belt's top above the table."""
FEED_S = 16.0
"""So long fresh belt comes in between the rails: longer than an episode lasts."""
SPREAD_M = 0.32
"""Bystanders ride at most so far before or behind the first rider."""
EDGE_M = 0.004
"""Footprints stay so far from the rails."""
LEAST_ROOM_M = 0.004
RIDER_GAP_M = 0.05
KEEP_OUT_STEP_M = 0.04
CLEAR_M = 0.015
ALIGNED_RAD = 0.15


def draw_riders(spec: ManipulationSpec, streams: AttemptStreams) -> int:
    """Number of distractors that ride on the belt."""
    conveyor = spec.task_spec.conveyor
    if conveyor is None:
        return 0
    low, high = conveyor.bystanders
    return int(streams["conveyor"].integers(low, high + 1))


def draw_belt(
    spec: ManipulationSpec, table: Table, riders: tuple[str, ...], streams: AttemptStreams
) -> Belt | None:
    """Draws the belt; None for a task without one.

    Args:
        spec: Bound task.
        table: The table it stands on.
        riders: Role names of the distractors that ride on it.
        streams: ``conveyor`` draws it.
    """
    conveyor = spec.task_spec.conveyor
    if conveyor is None:
        return None
    rng = streams["conveyor"]
    speed = float(rng.uniform(*conveyor.speed_m_s))
    heading = float(rng.uniform(*conveyor.direction_rad))
    if conveyor.both_ways and rng.random() < 0.5:
        heading += math.pi
    return Belt(
        center=conveyor.center_m,
        heading_rad=heading,
        width_m=conveyor.width_m,
        length_m=conveyor.length_m,
        height_m=table.height + RISE_M,
        speed_m_s=speed,
        feed_m=speed * FEED_S,
        carried=(*conveyor.carries, *riders),
    )


def _on_belt(
    spec: ManipulationSpec, assets: Mapping[str, RigidAsset], belt: Belt, base: Pose,
    rng: np.random.Generator,
) -> LayoutResult:  # fmt: skip
    """Places the riders: the task's own where they arrive in time, the others around them."""
    conveyor = spec.task_spec.conveyor
    assert conveyor is not None
    soon, late = conveyor.arrival_s
    first = (-belt.speed_m_s * late - 0.01, -belt.speed_m_s * soon + 0.01)
    around = (first[0] - SPREAD_M, first[1] + SPREAD_M)
    x, y = belt.point(first[0])
    reach = belt.length_m + belt.feed_m
    objects = {
        name: _rider(assets[name], belt, first if name in conveyor.carries else around)
        for name in belt.carried
    }
    problem = LayoutProblem(
        objects=objects,
        relations=(),
        table=Table((x, y), (reach, reach), belt.height_m),
        world_from_base=base,
        world_from_camera=world_from_camera(),
        gap=RIDER_GAP_M,
    )
    return solve_layout(problem, rng)


def _rider(asset: RigidAsset, belt: Belt, span: tuple[float, float]) -> LayoutObject:
    """An object between the rails; what would reach over them lies along the belt."""
    room = 0.5 * belt.width_m - EDGE_M - asset_geometry(asset).rest(0).radius
    region = Region(polygon=belt.stretch(span, max(room, LEAST_ROOM_M)))
    if room > 0.0:
        return LayoutObject(asset, region=region)
    along = belt.heading_rad + (0.5 * math.pi if asset.extents[1] > asset.extents[0] else 0.0)
    return LayoutObject(asset, region=region, yaw=(along - ALIGNED_RAD, along + ALIGNED_RAD))


def _keep_out(belt: Belt) -> tuple[KeepOut, ...]:
    """Discs that together cover the belt and its rails."""
    half = 0.5 * belt.width_m + RAIL_WIDTH_M + CLEAR_M
    radius = math.hypot(half, 0.5 * KEEP_OUT_STEP_M)
    count = math.ceil(belt.length_m / KEEP_OUT_STEP_M) + 1
    places = np.linspace(-0.5 * belt.length_m, 0.5 * belt.length_m, count)
    return tuple(KeepOut(belt.point(float(p)), radius) for p in places)


def _yaws(belt: Belt) -> tuple[tuple[float, float], ...]:
    """Ranges of yaw to try: any, then along and across the belt, where long things fit."""
    along = belt.heading_rad
    across = along + 0.5 * math.pi
    aligned = [(yaw - ALIGNED_RAD, yaw + ALIGNED_RAD) for yaw in (along, across)]
    return ((-math.pi, math.pi), *aligned)


def arrange_beside_belt(
    spec: ManipulationSpec, play: Play, assets: Mapping[str, RigidAsset], table: Table,
    base: Pose, belt: Belt, streams: AttemptStreams,
) -> LayoutResult:  # fmt: skip
    """Places the riders on the belt and everything else on the table beside it.

    Args:
        spec: Bound task.
        play: The case drawn, resolved for its objects.
        assets: Role name to asset.
        table: Table top.
        base: Robot base pose.
        belt: The belt.
        streams: ``object_pose`` places everything but distractors that stand on the table.
    """
    riding = _on_belt(spec, assets, belt, base, streams["object_pose"])
    if not riding.ok:
        return riding
    placed = dict(riding.placements)
    fixed: dict[str, LayoutObject] = {}
    candidates = riding.candidates
    for names, stream in (
        ([n for n in play.names if n not in belt.carried], "object_pose"),
        ([n for n in assets if n not in play.names and n not in belt.carried], "distractors"),
    ):
        if not names:
            continue
        for yaw in _yaws(belt):
            problem = LayoutProblem(
                objects={**fixed, **{n: LayoutObject(assets[n], yaw=yaw) for n in names}},
                relations=play.initial,
                table=table,
                world_from_base=base,
                world_from_camera=world_from_camera(),
                region=layout_region(spec, base),
                gap=spec.task_spec.layout.gap_m,
                keep_out=_keep_out(belt),
            )
            result = solve_layout(problem, streams[stream])
            candidates += result.candidates
            if result.ok:
                break
        if not result.ok:
            return result
        placed.update(result.placements)
        fixed = {
            n: LayoutObject(assets[n], fixed=p.world_from_object)
            for n, p in result.placements.items()
        }
    return replace(riding, placements=placed, candidates=candidates)
