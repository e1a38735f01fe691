"""Names of a MuJoCo model resolved to indices."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np
from numpy.typing import NDArray

from datafactory.errors import SpecError, UnknownNameError

_KINDS = {
    "body": mujoco.mjtObj.mjOBJ_BODY,
    "geom": mujoco.mjtObj.mjOBJ_GEOM,
    "joint": mujoco.mjtObj.mjOBJ_JOINT,
    "site": mujoco.mjtObj.mjOBJ_SITE,
}
_COUNTS = {"body": "nbody", "geom": "ngeom", "joint": "njnt", "site": "nsite"}


def names(model: mujoco.MjModel, kind: str) -> list[str]:
    """All names of one kind (``body``, ``geom``, ``joint`` or ``site``), by index."""
    count = int(getattr(model, _COUNTS[kind]))
    return [mujoco.mj_id2name(model, _KINDS[kind], k) or "" for k in range(count)]


def index(model: mujoco.MjModel, kind: str, name: str) -> int:
    """Index of a named element.

    Raises:
        UnknownNameError: There is no such element.
    """
    found = int(mujoco.mj_name2id(model, _KINDS[kind], name))
    if found < 0:
        raise UnknownNameError.of(kind, name, [n for n in names(model, kind) if n])
    return found


def indices(model: mujoco.MjModel, kind: str, wanted: Sequence[str]) -> list[int]:
    """Indices of named elements."""
    return [index(model, kind, name) for name in wanted]


def address_slice(addresses: NDArray[np.int32], what: str) -> slice:
    """The slice of consecutive addresses; scalar joints in model order have such.

    Raises:
        SpecError: The addresses are empty or not consecutive.
    """
    first = [int(a) for a in addresses]
    if not first or first != list(range(first[0], first[0] + len(first))):
        raise SpecError(f"{what} must be one-coordinate joints, consecutive in the model: {first}")
    return slice(first[0], first[0] + len(first))
