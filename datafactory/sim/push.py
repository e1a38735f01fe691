"""An external force on one object, as three more controls of the model.

Motors act at a site in the object's centre of mass, along the axes of its frame, so the force turns
nothing. As controls they are recorded, and an episode in which somebody moved an object re-executes
like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from datafactory.geometry import Array, quat_to_matrix

PUSH = "push"
MAX_FORCE_N = 200.0
_AXES = (("x", "1 0 0 0 0 0"), ("y", "0 1 0 0 0 0"), ("z", "0 0 1 0 0 0"))


def push_mjcf(com: Sequence[float]) -> tuple[str, str]:
    """(site of the pushed body, actuators) as MJCF text.

    Args:
        com: (3,) centre of mass in the body's frame, metres.
    """
    place = " ".join(f"{float(v):.9g}" for v in com)
    motors = "".join(
        f'<motor name="{PUSH}/{axis}" site="{PUSH}" gear="{gear}" ctrllimited="true" '
        f'ctrlrange="-{MAX_FORCE_N} {MAX_FORCE_N}"/>'
        for axis, gear in _AXES
    )
    return f'<site name="{PUSH}" pos="{place}" group="4"/>', motors


@dataclass(frozen=True, eq=False)
class ScenePush:
    """Where the force on an object is in a compiled scene.

    Attributes:
        index: Index of the object.
        ctrl: (3,) ctrl addresses.
        mass_kg: Mass of the object.
    """

    index: int
    ctrl: NDArray[np.int64]
    mass_kg: float

    def set_force(self, data: mujoco.MjData, quat: Array, force: Array) -> None:
        """Sets the force that acts during the next frame, rounded to what is stored.

        Args:
            data: Running simulation.
            quat: (4,) the object's orientation.
            force: (3,) world, newtons.
        """
        data.ctrl[self.ctrl] = (quat_to_matrix(quat).T @ force).astype(np.float32)


def scene_push(model: mujoco.MjModel, index: int, mass_kg: float) -> ScenePush:
    """Finds the force in a compiled model.

    Args:
        model: The model.
        index: Index of the pushed object.
        mass_kg: Its mass.
    """
    ids = [model.actuator(f"{PUSH}/{axis}").id for axis, _ in _AXES]
    return ScenePush(index, np.array(ids, dtype=np.int64), mass_kg)
