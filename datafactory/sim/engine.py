"""The few MuJoCo calls that recording, measuring and re-executing must make in the same way."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import mujoco
import numpy as np
from numpy.typing import NDArray

STATE = mujoco.mjtState.mjSTATE_INTEGRATION
"""The state that is stored: everything the next step depends on, except who is asleep."""

# Instability becomes a verdict; without a handler MuJoCo would also write MUJOCO_LOG.TXT into
# whatever folder the user is in.
mujoco.set_mju_user_warning(lambda text: logging.getLogger(__name__).debug("%s", text))


def compile_mjcf(mjcf: str, meshes: Mapping[str, bytes]) -> mujoco.MjModel:
    """Compiles MJCF text; mesh files are given as bytes by file name."""
    with mujoco.MjVfs() as vfs:
        for name, data in meshes.items():
            vfs[name] = data
        return mujoco.MjModel.from_xml_string(mjcf, vfs=vfs)


def get_state(model: mujoco.MjModel, data: mujoco.MjData) -> NDArray[np.float64]:
    """Returns the (S,) float64 integration state."""
    state = np.empty(mujoco.mj_stateSize(model, STATE))
    mujoco.mj_getState(model, data, state, STATE)
    return state


def restart(model: mujoco.MjModel, data: mujoco.MjData, state: NDArray[np.float64]) -> None:
    """Resets the data, all bodies awake, and sets the integration state."""
    mujoco.mj_resetData(model, data)
    mujoco.mj_setState(model, data, state, STATE)
