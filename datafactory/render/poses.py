"""Where everything was: world poses of all bodies at the rendered frames, and what is fixed.

The stored model is compiled once per episode and its forward kinematics run on the stored
positions. The model also says what bodies of unknown origin look like, and where the table is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from datafactory.errors import DatasetCorruptError, DatasetError, SpecError
from datafactory.geometry import Pose, normalize, quat_multiply, quat_rotate
from datafactory.render.holds import acting_arms
from datafactory.robots.model import CameraMount
from datafactory.scene_graph.graph import FURNITURE, TABLE
from datafactory.sim.engine import compile_mjcf
from datafactory.sim.furniture import table_of
from datafactory.store.stored import StoredEpisode

Array = NDArray[np.float64]
Vector = tuple[float, float, float]

WORLD = "world"
TABLE_GEOM, FLOOR_GEOM = "table", "floor"
SHOWN_GROUPS = 3
"""Geoms of groups below this one are meant to be seen; the others are for collisions."""

_KINDS = {
    mujoco.mjtGeom.mjGEOM_PLANE: "plane",
    mujoco.mjtGeom.mjGEOM_SPHERE: "sphere",
    mujoco.mjtGeom.mjGEOM_CAPSULE: "capsule",
    mujoco.mjtGeom.mjGEOM_ELLIPSOID: "ellipsoid",
    mujoco.mjtGeom.mjGEOM_CYLINDER: "cylinder",
    mujoco.mjtGeom.mjGEOM_BOX: "box",
    mujoco.mjtGeom.mjGEOM_MESH: "mesh",
}


@dataclass(frozen=True, eq=False)
class PhysicsGeom:
    """One geom of the stored model, as far as drawing needs it.

    Attributes:
        body: Body it belongs to; ``world`` for what stands still.
        name: Its name, which may be empty.
        kind: ``plane``, ``sphere``, ``capsule``, ``ellipsoid``, ``cylinder``, ``box`` or ``mesh``.
        size: (3,) MuJoCo's sizes, metres.
        body_from_geom: (7,) xyz + wxyz.
        rgba: Colour, of its material if it has one.
        vertices, faces: Of a mesh, in the geom's frame; else empty.
        finish: What a piece of furniture is made of; empty for everything else.
    """

    body: str
    name: str
    kind: str
    size: Vector
    body_from_geom: Array
    rgba: tuple[float, float, float, float]
    vertices: Array
    faces: NDArray[np.int64]
    finish: str = ""


@dataclass(frozen=True)
class TableBox:
    """The table top of the physics, or the axis-aligned box around it.

    Attributes:
        center: (3,) world, metres.
        half: (3,) half extents, metres.
    """

    center: Vector
    half: Vector

    @property
    def top_z(self) -> float:
        """Height of the surface, metres."""
        return self.center[2] + self.half[2]


@dataclass(frozen=True, eq=False)
class BodyTrack:
    """Poses over the rendered frames. Poses are xyz + wxyz, float64.

    Attributes:
        frames: (F,) episode frame numbers.
        names: Names of the n bodies of the model, the world left out.
        world_from_body: (F, n, 7).
        world_from_tcp: (F, 7), of the arm that acts.
        world_from_mount: Of every camera mount by name, (F, 7), OpenCV camera axes.
        world_from_base: (7,) robot base.
        table: The table top; None when the model has none.
        floor_z: Height of the plane named ``floor``, 0 without one.
        geoms: Everything else that can be seen of the model: the geoms meant to be seen, and of
            bodies without any the collision geoms. A piece of furniture, its top included, is the
            bodies ``table`` and ``furniture``.
    """

    frames: NDArray[np.int64]
    names: tuple[str, ...]
    world_from_body: Array
    world_from_tcp: Array
    world_from_mount: Mapping[str, Array]
    world_from_base: Array
    table: TableBox | None
    floor_z: float
    geoms: tuple[PhysicsGeom, ...]

    def pose(self, body: str) -> Array:
        """(F, 7) world poses of a body."""
        return self.world_from_body[:, self.names.index(body)]


def frame_numbers(length: int, fps: int, render_fps: int) -> NDArray[np.int64]:
    """Episode frames that are rendered: every ``fps / render_fps``-th, the first included.

    Args:
        length: Frames of the episode.
        fps: Rate of the episode, Hz.
        render_fps: Rate of the images, Hz.

    Raises:
        SpecError: The image rate does not divide the episode's.
    """
    if render_fps < 1 or fps % render_fps:
        rates = [str(r) for r in range(1, fps + 1) if fps % r == 0]
        raise SpecError(
            f"{render_fps} images per second do not fit episodes of {fps} Hz",
            where="fps",
            why="an image shows a recorded frame, so its rate must divide the episode's",
            remedy=f"use one of {', '.join(rates)}",
        )
    return np.arange(0, length, fps // render_fps, dtype=np.int64)


def body_track(
    episode: StoredEpisode,
    meshes: Mapping[str, bytes],
    frames: NDArray[np.int64],
    mounts: Sequence[CameraMount] = (),
) -> BodyTrack:
    """World poses of all bodies of an episode at some of its frames.

    Args:
        episode: Stored episode with its model.
        meshes: Mesh files by the name the model uses.
        frames: (F,) frame numbers.
        mounts: Camera mounts of the robot.

    Raises:
        DatasetError: The episode has no model (it was imported), so it cannot be rendered.
        DatasetCorruptError: The model cannot be read, or does not fit the positions or the robot.
    """
    if episode.replay is None:
        raise DatasetError(
            f"episode {episode.episode_id} cannot be rendered",
            why="it was imported without a physics model, so nothing says what it looked like",
            remedy="render only episodes made here: --where \"generator = 'pick_place'\"",
        )
    where = f"episode {episode.episode_id}"
    try:
        model = compile_mjcf(episode.replay.mjcf, meshes)
    except ValueError as error:
        raise DatasetCorruptError(
            "the stored model cannot be read", where=where, why=str(error)
        ) from error
    qpos = episode.trajectory.qpos[frames]
    if model.nq != qpos.shape[1]:
        why = f"{model.nq} positions, {qpos.shape[1]} stored"
        raise DatasetCorruptError(
            "the stored model does not fit the positions", where=where, why=why
        )
    lost = sorted({m.body for m in mounts} - set(_body_names(model)))
    if lost:
        why = f"the model has no body '{lost[0]}'"
        raise DatasetCorruptError(f"the robot is not {episode.robot}", where=where, why=why)
    run = episode.trajectory
    tools = run.per_arm(run.eef_pose)[frames, acting_arms(run)[frames]]
    return model_track(
        model, qpos, tools.astype(np.float64),
        world_from_base=np.asarray(episode.world_from_base, dtype=np.float64), frames=frames,
        mounts=mounts,
    )  # fmt: skip


def _body_names(model: mujoco.MjModel) -> tuple[str, ...]:
    return tuple(model.body(b).name for b in range(1, model.nbody))


def model_track(
    model: mujoco.MjModel, qpos: NDArray[Any], world_from_tcp: Array, *, world_from_base: Array,
    frames: NDArray[np.int64], mounts: Sequence[CameraMount] = (),
) -> BodyTrack:  # fmt: skip
    """World poses of all bodies of a model in F configurations, stored or live.

    Args:
        model: Compiled model.
        qpos: (F, nq) generalised positions.
        world_from_tcp: (F, 7) of the arm that acts.
        world_from_base: (7,) robot base.
        frames: (F,) frame numbers.
        mounts: Camera mounts of the robot.
    """
    names = _body_names(model)
    poses = _forward(model, qpos)
    return BodyTrack(
        frames=frames,
        names=names,
        world_from_body=poses,
        world_from_tcp=world_from_tcp,
        world_from_mount={m.name: _compose(poses[:, names.index(m.body)], m.pose) for m in mounts},
        world_from_base=world_from_base,
        table=_table(model),
        floor_z=_floor_z(model),
        geoms=visible_geoms(model),
    )


def _forward(model: mujoco.MjModel, qpos: NDArray[Any]) -> Array:
    """(F, n, 7) poses of all bodies but the world."""
    data = mujoco.MjData(model)
    poses = np.empty((len(qpos), model.nbody - 1, 7))
    for row, values in zip(poses, qpos, strict=True):
        data.qpos[:] = values
        mujoco.mj_kinematics(model, data)
        row[:, :3], row[:, 3:] = data.xpos[1:], data.xquat[1:]
    return poses


def _compose(world_from_body: Array, body_from_camera: Pose) -> Array:
    position = quat_rotate(world_from_body[:, 3:], body_from_camera.position)
    quat = normalize(quat_multiply(world_from_body[:, 3:], body_from_camera.quat))
    return np.concatenate([world_from_body[:, :3] + position, quat], axis=1)


def _vector(values: NDArray[np.float64]) -> Vector:
    x, y, z = (float(v) for v in values)
    return (x, y, z)


def _named(model: mujoco.MjModel, name: str, kind: int) -> int:
    """Id of a geom of the world with a name and kind, -1 when there is none."""
    found = int(mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_GEOM, name))
    fits = found >= 0 and model.geom_type[found] == kind and model.geom_bodyid[found] == 0
    return found if fits else -1


def _table(model: mujoco.MjModel) -> TableBox | None:
    if mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, TABLE) >= 0:
        table = table_of(model)
        half = (*table.half_extents, float(model.geom(TABLE).size[2]))
        return TableBox((*table.center, table.height - half[2]), half)
    geom = _named(model, TABLE_GEOM, mujoco.mjtGeom.mjGEOM_BOX)
    if geom < 0:
        return None
    return TableBox(_vector(model.geom_pos[geom]), _vector(model.geom_size[geom]))


def _floor_z(model: mujoco.MjModel) -> float:
    geom = _named(model, FLOOR_GEOM, mujoco.mjtGeom.mjGEOM_PLANE)
    return float(model.geom_pos[geom][2]) if geom >= 0 else 0.0


def visible_geoms(model: mujoco.MjModel) -> tuple[PhysicsGeom, ...]:
    """What can be seen of the model beside the table and the floor."""
    skipped = {
        _named(model, TABLE_GEOM, mujoco.mjtGeom.mjGEOM_BOX),
        _named(model, FLOOR_GEOM, mujoco.mjtGeom.mjGEOM_PLANE),
    }
    shown = model.geom_group < SHOWN_GROUPS
    drawn = set(model.geom_bodyid[shown].tolist())
    found = []
    for geom in range(model.ngeom):
        body = int(model.geom_bodyid[geom])
        if geom in skipped or not (shown[geom] or body not in drawn):
            continue
        kind = _KINDS.get(mujoco.mjtGeom(int(model.geom_type[geom])))
        material = int(model.geom_matid[geom])
        rgba = model.geom_rgba[geom] if material < 0 else model.mat_rgba[material]
        if kind is None or rgba[3] == 0.0:
            continue
        vertices, faces = _mesh(model, int(model.geom_dataid[geom]))
        place = np.concatenate([model.geom_pos[geom], model.geom_quat[geom]])
        r, g, b, a = (float(v) for v in rgba)
        finish = model.mat(material).name if material >= 0 else ""
        is_made = finish.startswith(f"{FURNITURE}/")
        found.append(
            PhysicsGeom(model.body(body).name, model.geom(geom).name, kind,
                        _vector(model.geom_size[geom]), place, (r, g, b, a), vertices, faces,
                        finish.rpartition("/")[2] if is_made else "")
        )  # fmt: skip
    return tuple(found)


def _mesh(model: mujoco.MjModel, mesh: int) -> tuple[Array, NDArray[np.int64]]:
    if mesh < 0:
        return np.zeros((0, 3)), np.zeros((0, 3), np.int64)
    first, count = int(model.mesh_vertadr[mesh]), int(model.mesh_vertnum[mesh])
    start, number = int(model.mesh_faceadr[mesh]), int(model.mesh_facenum[mesh])
    vertices = model.mesh_vert[first : first + count].astype(np.float64)
    return vertices, model.mesh_face[start : start + number].astype(np.int64)
