"""The floor and the room around a table, as surfaces in the frame of the floor below the table.

Walls are seen from inside only, and stand behind every place of the camera rig.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from datafactory.geometry import Pose
from datafactory.render.clutter import prop_surfaces
from datafactory.render.paint import Paint
from datafactory.render.primitives import merged, moved, panel, rounded_box, sweep
from datafactory.render.room_plan import ENDS, Colour, Prop, RoomPlan
from datafactory.render.stage import Material, Mesh, Surface

BACKDROP_M = 2.6
"""Radius of a studio wall; the cameras in front of the table stand outside its opening."""
_BACKDROP_HALF_ANGLE = math.radians(105.0)
_SKIRTING_DEPTH_M = 0.014
_CEILING: Colour = (0.94, 0.94, 0.93)


def floor_surfaces(plan: RoomPlan, paint: Paint) -> tuple[Surface, ...]:
    """The floor, up to the walls or as far as ``OPEN_M``.

    Args:
        plan: The room.
        paint: Of the floor.
    """
    back, front = plan.reach("back"), plan.reach("front")
    left, right = plan.reach("left"), plan.reach("right")
    mesh = panel(front + back, left + right, paint.repeat_m, -back, -right)
    place = Pose.of((-back, -right, 0.0))
    return (Surface("floor", moved(mesh, place), paint.material),)


def room_surfaces(plan: RoomPlan, paint: Paint) -> tuple[Surface, ...]:
    """Walls, ceiling, skirting boards and what stands along the walls; empty without a room.

    Args:
        plan: The room.
        paint: Of the walls.
    """
    if plan.kind == "backdrop":
        mesh = sweep(BACKDROP_M, plan.height_m, 0.4, _BACKDROP_HALF_ANGLE, paint.repeat_m)
        return (Surface("backdrop", mesh, paint.material),)
    found = [s for wall in plan.walls for s in _wall(wall, plan, paint)]
    found += [s for prop in plan.props for s in prop_surfaces(prop, wall_frame(plan, prop))]
    if plan.kind == "closed":
        ceiling = panel(plan.front_m + plan.back_m, plan.left_m + plan.right_m, 0.0)
        place = Pose.of((-plan.back_m, plan.left_m, plan.height_m), (0.0, 1.0, 0.0, 0.0))
        found.append(Surface("ceiling", moved(ceiling, place), Material(_CEILING, gloss=0.0)))
    return tuple(found)


def wall_pose(plan: RoomPlan, wall: str) -> Pose:
    """room_from_wall: x to the right seen from inside, y up, z into the room.

    The origin is on the floor, at the left end of the wall seen from inside.
    """
    back, front = plan.reach("back"), plan.reach("front")
    left, right = plan.reach("left"), plan.reach("right")
    origin, along, inward = {
        "back": ((-back, -right), (0.0, 1.0), (1.0, 0.0)),
        "left": ((-back, left), (1.0, 0.0), (0.0, -1.0)),
        "right": ((front, -right), (-1.0, 0.0), (0.0, 1.0)),
        "front": ((front, left), (0.0, -1.0), (-1.0, 0.0)),
    }[wall]
    matrix = np.eye(4)
    matrix[:2, 0], matrix[:3, 1], matrix[:2, 2] = along, (0.0, 0.0, 1.0), inward
    matrix[2, 2] = 0.0
    matrix[:2, 3] = origin
    return Pose.from_matrix(matrix)


def wall_frame(plan: RoomPlan, prop: Prop) -> Pose:
    """room_from_prop: the wall's axes, with the origin at the middle of the prop's lower edge."""
    start = plan.reach(ENDS[prop.wall][0])
    return wall_pose(plan, prop.wall) @ Pose.of((start + prop.along_m, prop.base_m, 0.0))


def _wall(wall: str, plan: RoomPlan, paint: Paint) -> list[Surface]:
    pose = wall_pose(plan, wall)
    start, rest = (plan.reach(end) for end in ENDS[wall])
    length = start + rest
    windows = [p for p in plan.props if p.kind == "window" and p.wall == wall]
    holes = [(start + p.along_m - 0.5 * p.size[0], p.base_m, p.size[0], p.size[1]) for p in windows]
    mesh = _perforated(length, plan.height_m, paint.repeat_m, holes)
    board = rounded_box((0.5 * length, 0.5 * plan.skirting_m, _SKIRTING_DEPTH_M), 0.004)
    skirting = moved(board, pose @ Pose.of((0.5 * length, 0.5 * plan.skirting_m, 0.0)))
    return [
        Surface(f"wall/{wall}", moved(mesh, pose), paint.material),
        Surface(f"skirting/{wall}", skirting, Material(plan.trim, gloss=0.25)),
    ]


def _perforated(
    length: float,
    height: float,
    repeat_m: float,
    holes: Sequence[tuple[float, float, float, float]],
) -> Mesh:
    """A wall in its own frame with rectangular holes (x, y, width, height)."""
    columns = sorted({0.0, length, *(x for x, _, _, _ in holes), *(x + w for x, _, w, _ in holes)})
    found = []
    for x0, x1 in pairwise(columns):
        over = [(y, y + h) for x, y, w, h in holes if x < 0.5 * (x0 + x1) < x + w]
        rows = sorted({0.0, height, *(y for span in over for y in span)})
        for y0, y1 in pairwise(rows):
            if any(low < 0.5 * (y0 + y1) < high for low, high in over):
                continue
            part = panel(x1 - x0, y1 - y0, repeat_m, x0, y0)
            found.append(moved(part, Pose.of((x0, y0, 0.0))))
    return merged(*found)
