"""Settles rigid assets on a table with MuJoCo and reads the world state back. For tests only."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import mujoco
import numpy as np

from datafactory.geometry import Pose
from datafactory.scene import Contact, Table, WorldState
from datafactory_assets.asset import RigidAsset, Shape
from datafactory_assets.families import Tier0

TABLE = Table(center=(0.5, 0.0), half_extents=(0.45, 0.55), height=0.4)
BASE = Pose.from_yaw([0.0, 0.0, 0.4], 0.3)
CAMERA = Pose.from_matrix(
    np.array(
        [
            [0.0, 0.6, -0.8, 1.3],
            [1.0, 0.0, 0.0, 0.1],
            [0.0, -0.8, -0.6, 1.1],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )
)
KINDS = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "ellipsoid": mujoco.mjtGeom.mjGEOM_ELLIPSOID,
}


@lru_cache(maxsize=256)
def asset(family: str, seed: int = 0) -> RigidAsset:
    return Tier0().make(family, seed)


def _add_geom(spec: mujoco.MjSpec, body: mujoco.MjsBody, shape: Shape, name: str) -> None:
    geom = body.add_geom(pos=shape.position, quat=shape.quat)
    if shape.kind == "convex":
        mesh = spec.add_mesh(name=name, uservert=np.array(shape.vertices).ravel())
        geom.type = mujoco.mjtGeom.mjGEOM_MESH
        geom.meshname = mesh.name
    else:
        geom.type = KINDS[shape.kind]
        size = np.zeros(3)
        size[: len(shape.size)] = shape.size
        geom.size = size


def build(poses: Mapping[str, Pose], assets: Mapping[str, RigidAsset]) -> mujoco.MjModel:
    spec = mujoco.MjSpec()
    spec.option.timestep = 0.002
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    table = spec.worldbody.add_body(name="table")
    table.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[*TABLE.half_extents, 0.02],
        pos=[*TABLE.center, TABLE.height - 0.02],
    )
    for name in sorted(poses):
        item, pose = assets[name], poses[name]
        body = spec.worldbody.add_body(name=name, pos=pose.position, quat=pose.quat)
        body.add_freejoint()
        body.explicitinertial = True
        body.mass, body.ipos = item.mass, item.com
        inertia = np.array(item.inertia)
        body.fullinertia = [*np.diag(inertia), inertia[0, 1], inertia[0, 2], inertia[1, 2]]
        for k, shape in enumerate(item.shapes):
            _add_geom(spec, body, shape, f"{name}_{k}")
        for geom in body.geoms:
            geom.friction = [item.friction, 0.005, 0.0001]
            geom.condim = 4
    return spec.compile()


def settle(
    poses: Mapping[str, Pose], assets: Mapping[str, RigidAsset], seconds: float = 0.8
) -> WorldState:
    """Drops objects at these poses (world_from_object), waits, and reads the state."""
    model = build(poses, assets)
    data = mujoco.MjData(model)
    mujoco.mj_step(model, data, nstep=int(seconds / 0.002))
    mujoco.mj_forward(model, data)
    return read(model, data, assets)


def read(
    model: mujoco.MjModel, data: mujoco.MjData, assets: Mapping[str, RigidAsset]
) -> WorldState:
    poses = {}
    for name in assets:
        body = data.body(name)
        poses[name] = Pose.of(body.xpos.copy(), body.xquat.copy())
    contacts = []
    force = np.zeros(6)
    for k, contact in enumerate(data.contact):
        first, second = (
            mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_BODY, model.geom_bodyid[g])
            for g in contact.geom
        )
        mujoco.mj_contactForce(model, data, k, force)
        normal = contact.frame[:3].copy()
        if first > second:
            first, second, normal = second, first, -normal
        contacts.append(
            Contact(first, second, contact.pos.copy(), normal, float(force[0]), float(contact.dist))
        )
    return WorldState(TABLE, dict(assets), poses, tuple(contacts), BASE, CAMERA)


def standing(item: RigidAsset, x: float, y: float, yaw: float = 0.0, index: int = 0) -> Pose:
    """world_from_object of an asset in a stable pose on the table."""
    stable = item.stable_poses[index]
    world_from_plane = Pose.from_yaw([x, y, TABLE.height + stable.height], yaw)
    return world_from_plane @ Pose.of([0, 0, 0], stable.quat)


def raised(pose: Pose, height: float) -> Pose:
    """The pose moved up by some metres."""
    return Pose(pose.position + np.array([0.0, 0.0, height]), pose.quat)


def still(state: WorldState, contacts: tuple[Contact, ...] | None = None, **poses: Pose):
    """The same state with some poses or the contacts replaced."""
    return WorldState(
        state.table,
        state.assets,
        {**state.poses, **poses},
        state.contacts if contacts is None else contacts,
        state.world_from_base,
        state.world_from_camera,
    )
