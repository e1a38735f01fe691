"""The stage of an episode: floor, table, room, robot and objects with their materials, and light.

Everything that stands still follows from the physics model and the look; everything that moves is
a body of the physics model under its own name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datafactory.episode import AssetRecord, ObjectRecord
from datafactory.render.conveyor import body_surfaces
from datafactory.render.furniture import furniture_surfaces, stand_surfaces, table_surfaces
from datafactory.render.illumination import illumination
from datafactory.render.look import Look
from datafactory.render.object_visuals import object_surfaces
from datafactory.render.paint import painted
from datafactory.render.poses import WORLD, BodyTrack, PhysicsGeom
from datafactory.render.robot_visuals import robot_visuals
from datafactory.render.room import floor_surfaces, room_surfaces
from datafactory.render.skies import sky_image
from datafactory.render.stage import Body, Floats, Stage, Surface
from datafactory.robots.model import RobotModel
from datafactory.scene_graph.graph import FURNITURE, TABLE
from datafactory.sim.assembly import OBJECT_PREFIX

FIXED_ENTITIES = ("background", "floor", "table", "room", "arm", "gripper")
ROBOT_FACES = (2_500, 12_000)
"""Faces of the robot in small and in large pictures: at 224 pixels it covers a few thousand."""
FINE_PIXELS = 512
TEXTURE_PIXELS = 256
SKY_ROWS = 128
STAND = "stand"

_FLOOR, _TABLE, _ROOM, _ARM, _GRIPPER = range(1, 6)
_IDENTITY = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)


def build_stage(
    objects: Sequence[ObjectRecord],
    assets: Sequence[AssetRecord],
    robot: RobotModel,
    look: Look,
    track: BodyTrack,
    *,
    pixels: int = TEXTURE_PIXELS,
) -> Stage:
    """Everything that can be seen of an episode.

    Args:
        objects: Objects of the episode.
        assets: Rows of the ``assets`` table of its objects.
        robot: Its robot.
        look: What was drawn for it.
        track: Its poses.
        pixels: Edge of the images of textures; the robot's detail goes with it.

    Raises:
        UnknownNameError: The look names a texture or sky that does not exist.
    """
    own = _by_body(track.geoms)
    top, frame = own.pop(TABLE, []), own.pop(FURNITURE, [])
    fixed = [
        Body("floor", _FLOOR, floor_surfaces(look.room, painted(look.floor, pixels))),
        Body(TABLE, _TABLE, _table(look, track, top, pixels)),
        Body(FURNITURE, _TABLE, furniture_surfaces(frame, pixels)),
        Body("room", _ROOM, room_surfaces(look.room, painted(look.wall, pixels, look.room.paint))),
        Body(STAND, _ROOM, _stand(robot, track)),
    ]
    faces = ROBOT_FACES[pixels >= FINE_PIXELS]
    moving = [*_robot_bodies(robot, faces), *_objects(objects, assets, look, own, pixels)]
    known = {body.name for body in moving} | set(robot.bodies)
    table_z = None if track.table is None else track.table.top_z
    others = [
        Body(name, _ROOM, body_surfaces(name, geoms, table_z))
        for name, geoms in own.items()
        if name not in known
    ]
    lights, ambient = illumination(look, _middle(track), track.floor_z)
    return Stage(
        entities=(*FIXED_ENTITIES, *(item.name for item in objects)),
        bodies=tuple(b for b in (*fixed, *moving, *others) if b.surfaces),
        lights=lights,
        ambient=ambient,
        sky=_sky(look.sky),
        sky_name=look.sky,
    )


def _objects(
    objects: Sequence[ObjectRecord],
    assets: Sequence[AssetRecord],
    look: Look,
    own: Mapping[str, Sequence[PhysicsGeom]],
    pixels: int,
) -> list[Body]:
    """The objects of an episode, in its order; ``own`` are the physics geoms by body."""
    records = {record.asset_id: record for record in assets}
    return [
        Body(
            OBJECT_PREFIX + item.name,
            len(FIXED_ENTITIES) + i,
            object_surfaces(
                item,
                records.get(item.asset_id),
                look.objects.get(item.name, ""),
                pixels,
                own.get(OBJECT_PREFIX + item.name, ()),
            ),
        )
        for i, item in enumerate(objects)
    ]


def world_from_body(stage: Stage, track: BodyTrack) -> NDArray[np.float64]:
    """Poses (F, n, 7), xyz + wxyz, of a stage's bodies, in its order.

    Args:
        stage: A stage of this track's episode.
        track: Where the bodies of the physics are.
    """
    x, y, z = _middle(track)
    below = (x, y, track.floor_z, 1.0, 0.0, 0.0, 0.0)
    centre = z if track.table is None else track.table.center[2]
    fixed = {
        "floor": below,
        FURNITURE: (*below[:2], 0.0, *below[3:]),
        "room": below,
        "table": (x, y, centre, 1.0, 0.0, 0.0, 0.0),
        STAND: tuple(track.world_from_base),
        WORLD: _IDENTITY,
    }
    poses = np.empty((len(track.frames), len(stage.bodies), 7))
    for i, body in enumerate(stage.bodies):
        poses[:, i] = fixed[body.name] if body.name in fixed else track.pose(body.name)
    return poses


def _middle(track: BodyTrack) -> tuple[float, float, float]:
    """The middle of the table's top; without a table, of the floor before the robot."""
    if track.table is None:
        x, y, _ = (float(v) for v in track.world_from_base[:3])
        return (x, y, track.floor_z)
    x, y, _ = track.table.center
    return (x, y, track.table.top_z)


def _table(
    look: Look, track: BodyTrack, top: Sequence[PhysicsGeom], pixels: int
) -> tuple[Surface, ...]:
    """The top of a piece of furniture as it is made; a plain board as the look has it."""
    if track.table is None:
        return ()
    if top:
        # Its body is on the floor below the middle of the top.
        return furniture_surfaces(top, pixels, -track.table.center[2])
    paint = painted(look.table.top, pixels)
    return table_surfaces(track.table, track.floor_z, look.table, paint)


def _stand(robot: RobotModel, track: BodyTrack) -> tuple[Surface, ...]:
    """A stand under the robot's base, unless it stands on the table."""
    x, y, z = (float(v) for v in track.world_from_base[:3])
    table = track.table
    if table is not None:
        beside = (abs(x - table.center[0]), abs(y - table.center[1]))
        if beside[0] < table.half[0] and beside[1] < table.half[1] and z > table.center[2]:
            return ()
    return stand_surfaces(robot.base_box, round(z - track.floor_z, 6))


def _robot_bodies(robot: RobotModel, faces: int) -> list[Body]:
    gripper = set(robot.gripper_bodies)
    return [
        Body(name, _GRIPPER if name in gripper else _ARM, surfaces)
        for name, surfaces in robot_visuals(robot, faces).surfaces.items()
    ]


def _by_body(geoms: Sequence[PhysicsGeom]) -> dict[str, list[PhysicsGeom]]:
    found: dict[str, list[PhysicsGeom]] = {}
    for geom in geoms:
        found.setdefault(geom.body, []).append(geom)
    return found


@lru_cache(maxsize=128)
def _sky(name: str) -> Floats:
    image = np.ascontiguousarray(sky_image(name, SKY_ROWS), dtype=np.float32)
    image.flags.writeable = False
    return image
