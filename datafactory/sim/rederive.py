"""The world state at the end of a stored episode, from nothing but what is stored.

The model is compiled from the stored text and set to the stored state; poses and contact forces
are measured anew. Assets are made again by their source and must have the stored content hash.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import mujoco

from datafactory.belt import BELT, RAIL
from datafactory.episode import ObjectRecord, Replay
from datafactory.geometry import Pose
from datafactory.scene import WorldState
from datafactory.scene_graph.graph import FURNITURE, TABLE
from datafactory.sim.assembly import CAMERA, OBJECT_PREFIX, OPENCV_FROM_MUJOCO
from datafactory.sim.engine import compile_mjcf, restart
from datafactory.sim.furniture import table_of
from datafactory.sim.measure import contacts
from datafactory_assets.asset import RigidAsset

AssetOf = Callable[[ObjectRecord], RigidAsset]


def end_state(
    replay: Replay,
    objects: tuple[ObjectRecord, ...],
    world_from_base: tuple[float, ...],
    meshes: Mapping[str, bytes],
    asset_of: AssetOf,
) -> WorldState:
    """Measures the state after the last action.

    Args:
        replay: Stored model and states.
        objects: Stored objects.
        world_from_base: (7,) stored robot base pose.
        meshes: Mesh files by name.
        asset_of: Finds the asset of an object.
    """
    model = compile_mjcf(replay.mjcf, meshes)
    data = mujoco.MjData(model)
    restart(model, data, replay.states[0])
    starts = _poses(model, data, objects)
    restart(model, data, replay.states[-1])
    mujoco.mj_forward(model, data)
    camera = model.camera(CAMERA)
    return WorldState(
        table=table_of(model),
        assets={item.name: asset_of(item) for item in objects},
        poses=_poses(model, data, objects),
        contacts=contacts(data, [_entity(model, g) for g in range(model.ngeom)]),
        world_from_base=Pose.from_vector(world_from_base),
        world_from_camera=Pose.of(camera.pos, camera.quat) @ OPENCV_FROM_MUJOCO.inverse(),
        starts=starts,
    )


def _poses(
    model: mujoco.MjModel, data: mujoco.MjData, objects: tuple[ObjectRecord, ...]
) -> dict[str, Pose]:
    """world_from_object of every object."""
    found = {}
    for item in objects:
        address = int(model.joint(OBJECT_PREFIX + item.name).qposadr[0])
        found[item.name] = Pose.from_vector(data.qpos[address : address + 7])
    return found


def _entity(model: mujoco.MjModel, geom: int) -> str:
    body = model.body(int(model.geom_bodyid[geom])).name
    if body.startswith(OBJECT_PREFIX):
        return str(body.removeprefix(OBJECT_PREFIX))
    name = str(model.geom(geom).name).partition("/")[0]
    return name if name in (TABLE, FURNITURE, "floor", BELT, RAIL) else "robot"
