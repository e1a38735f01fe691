"""Reading a ``WorldState`` (poses, contacts with forces) out of physics.

Sleeping bodies have no contacts in the running simulation, so a state is measured on a second
``MjData`` in which everything is awake.
"""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np
from numpy.typing import NDArray

from datafactory.geometry import Pose
from datafactory.scene import Contact, WorldState
from datafactory.sim.assembly import SceneModel
from datafactory.sim.engine import get_state, restart


class Measurer:
    """Measures states of one scene; owns the second ``MjData``."""

    def __init__(self, scene: SceneModel) -> None:
        self.scene = scene
        self.data = mujoco.MjData(scene.model)

    def state_of(self, data: mujoco.MjData) -> WorldState:
        """Measures the state that a running simulation is in, without touching it."""
        return self.state(get_state(self.scene.model, data))

    def state(self, integration_state: NDArray[np.float64]) -> WorldState:
        """Measures an integration state (S,)."""
        restart(self.scene.model, self.data, integration_state)
        mujoco.mj_forward(self.scene.model, self.data)
        return world_state(self.scene, self.data)


def world_state(scene: SceneModel, data: mujoco.MjData) -> WorldState:
    """Builds a ``WorldState`` from simulation data on which ``mj_forward`` ran."""
    objects = scene.scene.objects
    poses = {
        item.name: Pose.from_vector(data.qpos[address : address + 7])
        for item, address in zip(objects, scene.object_qpos, strict=True)
    }
    touching = contacts(data, _entity_names(scene))
    return WorldState(
        table=scene.scene.table,
        assets={item.name: item.asset for item in objects},
        poses=poses,
        contacts=touching,
        world_from_base=scene.scene.world_from_base,
        world_from_camera=scene.scene.world_from_camera,
        carried={} if scene.belt is None else scene.belt.carried(data, touching, tuple(poses)),
    )


def _entity_names(scene: SceneModel) -> list[str]:
    """Entity name of every geom, as predicates see it: links and grippers are the robot."""
    robot = range(scene.arms[0].entity, scene.first_object)
    shown = ["robot" if k in robot else n for k, n in enumerate(scene.entities)]
    return [shown[k] for k in scene.geom_entity]


def contacts(data: mujoco.MjData, entity_of_geom: Sequence[str]) -> tuple[Contact, ...]:
    """Reads the contacts between different entities after ``mj_forward``.

    Args:
        data: Simulation data.
        entity_of_geom: Entity name by geom index.
    """
    if not data.ncon:
        return ()
    contact = data.contact
    normals, positions = contact.frame[:, :3], contact.pos
    rows = zip(
        contact.geom.tolist(), contact.dist.tolist(), contact.efc_address.tolist(), strict=True
    )
    result = []
    for k, ((first, second), distance, address) in enumerate(rows):
        a, b = entity_of_geom[first], entity_of_geom[second]
        if a == b:
            continue
        force = float(data.efc_force[address]) if address >= 0 else 0.0
        sign = 1.0  # MuJoCo's normal points from the first geom to the second
        if a > b:
            a, b, sign = b, a, -1.0
        result.append(Contact(a, b, positions[k].copy(), sign * normals[k], force, distance))
    return tuple(result)


def speeds(scene: SceneModel, data: mujoco.MjData) -> tuple[NDArray[np.float64], ...]:
    """Linear (n_objects,) m/s and angular (n_objects,) rad/s speeds of all objects.

    With a belt, the linear one is the smaller of the speeds in the world and on the belt.
    """
    dof = scene.object_dof[:, None]
    velocity = data.qvel[dof + np.arange(3)]
    linear = np.linalg.norm(velocity, axis=1)
    if scene.belt is not None:
        on_belt = np.linalg.norm(velocity - scene.belt.velocity(data), axis=1)
        linear = np.minimum(linear, on_belt)
    angular = np.linalg.norm(data.qvel[dof + np.arange(3, 6)], axis=1)
    return linear, angular
