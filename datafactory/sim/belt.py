"""A conveyor belt in physics: a slab on a slide joint that a velocity actuator drives.

Friction carries what stands on it. Its control is one more entry of ``ctrl``, so a recorded episode
re-executes with nothing else stored. The slab is as long as what will run through; only the stretch
between the rails is where it can be seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from datafactory.belt import BELT, RAIL_RISE_M, RAIL_WIDTH_M, RAILS, THICKNESS_M, Belt
from datafactory.geometry import Array
from datafactory.scene import Contact

MASS_KG = 40.0
GAIN = 20_000.0
"""N per m/s of error: what rubs on the belt with 10 N slows it by half a millimetre per second."""
SPEED_RANGE_M_S = 1.0
FRICTION = 1.0
GAP_M = 0.002
"""Between the belt and its rails."""


def belt_mjcf(belt: Belt, contact: str) -> tuple[str, str]:
    """(bodies and geoms, actuators) of a belt as MJCF text.

    Args:
        belt: The belt.
        contact: Attributes of the contact model.
    """
    half_length = 0.5 * (belt.length_m + belt.feed_m)
    x, y = belt.point(-0.5 * belt.feed_m)
    half_turn = 0.5 * belt.heading_rad
    turn = f'quat="{math.cos(half_turn):.9g} 0 0 {math.sin(half_turn):.9g}"'
    surface = f'condim="4" friction="{FRICTION} 0.003 0.0008" {contact}'
    half = 0.5 * THICKNESS_M
    text = (
        f'<body name="{BELT}" pos="{x:.9g} {y:.9g} {belt.height_m - half:.9g}" {turn}>'
        f'<joint name="{BELT}" type="slide" axis="1 0 0"/>'
        f'<geom name="{BELT}" type="box" mass="{MASS_KG}" rgba="0.16 0.17 0.18 1" '
        f'size="{half_length:.9g} {0.5 * belt.width_m:.9g} {half}" {surface}/></body>'
    )
    tall = half + 0.5 * RAIL_RISE_M
    for side, name in zip((1.0, -1.0), RAILS, strict=True):
        x, y = belt.point(0.0, side * (0.5 * (belt.width_m + RAIL_WIDTH_M) + GAP_M))
        text += (
            f'<geom name="{name}" type="box" rgba="0.62 0.64 0.66 1" '
            f'pos="{x:.9g} {y:.9g} {belt.height_m + RAIL_RISE_M - tall:.9g}" {turn} '
            f'size="{0.5 * belt.length_m:.9g} {0.5 * RAIL_WIDTH_M} {tall}" {surface}/>'
        )
    drive = (
        f'<velocity name="{BELT}" joint="{BELT}" kv="{GAIN}" ctrllimited="true" '
        f'ctrlrange="0 {SPEED_RANGE_M_S}"/>'
    )
    return text, drive


@dataclass(frozen=True, eq=False)
class SceneBelt:
    """Where a belt is in a compiled scene.

    Attributes:
        belt: The belt.
        qpos, dof, ctrl: Addresses of its joint and actuator.
        riders: (k,) first dof addresses of the objects that ride on it at the start.
        entity, rail: Entity indices of the belt and of its rails.
    """

    belt: Belt
    qpos: int
    dof: int
    ctrl: int
    riders: NDArray[np.int64]
    entity: int
    rail: int

    def start(self, data: mujoco.MjData) -> None:
        """Sets belt and riders moving; the speed is rounded to what is stored."""
        speed = float(np.float32(self.belt.speed_m_s))
        data.ctrl[self.ctrl] = speed
        data.qvel[self.dof] = speed
        for address in self.riders:
            data.qvel[address : address + 3] = speed * self.belt.direction

    def carried(
        self, data: mujoco.MjData, contacts: Sequence[Contact], names: Sequence[str]
    ) -> Mapping[str, Array]:
        """How far the belt has carried what touches it, (3,) metres by role name."""
        touching = {n for c in contacts if BELT in (c.a, c.b) for n in (c.a, c.b)}
        moved = float(data.qpos[self.qpos]) * self.belt.direction
        return {name: moved for name in names if name in touching}

    def velocity(self, data: mujoco.MjData) -> Array:
        """(3,) velocity of its surface now, world, m/s."""
        return float(data.qvel[self.dof]) * self.belt.direction


def scene_belt(
    model: mujoco.MjModel, belt: Belt, riders: NDArray[np.int64], entity: int
) -> SceneBelt:
    """Finds a belt in a compiled model.

    Args:
        model: The model.
        belt: The belt in it.
        riders: First dof addresses of the objects that ride on it at the start.
        entity: Entity index of the belt; the rails' is the next.
    """
    joint = model.joint(BELT)
    return SceneBelt(
        belt, int(joint.qposadr[0]), int(joint.dofadr[0]), int(model.actuator(BELT).id), riders,
        entity, entity + 1,
    )  # fmt: skip
