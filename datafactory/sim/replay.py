"""Re-executing a recorded episode from its stored model, states and controls, bit for bit.

The procedure is the recorder's: at every checkpoint frame the data is reset and the stored
``mjSTATE_INTEGRATION`` vector set, because MuJoCo's sleep state is not part of that vector. A
frame's controls are set before its checkpoint is taken, so they are part of the stored vector.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import mujoco
import numpy as np
from numpy.typing import NDArray

from datafactory.episode import Replay, Trajectory
from datafactory.sim.engine import STATE, compile_mjcf, get_state, restart


class Replayable(Protocol):
    """What can be re-executed: an ``Episode`` or a ``StoredEpisode`` with physics."""

    @property
    def trajectory(self) -> Trajectory | None:
        """Recorded frames."""

    @property
    def replay(self) -> Replay | None:
        """Model, checkpoints and states."""


@dataclass(frozen=True)
class ReplayResult:
    """How a re-execution compares with the record.

    Attributes:
        exact: All frames and checkpoints are bit-equal.
        frames: Frames compared.
        first_difference: First frame that differs; -1 when none does.
        qpos_drift: Largest absolute difference of a position, m or rad.
        qvel_drift: Largest absolute difference of a velocity, m/s or rad/s.
        checkpoint_drift: Largest absolute difference of a checkpoint state reached by stepping.
    """

    exact: bool
    frames: int
    first_difference: int
    qpos_drift: float
    qvel_drift: float
    checkpoint_drift: float


def replay(episode: Replayable, meshes: Mapping[str, bytes]) -> ReplayResult:
    """Re-executes an episode and compares every frame and checkpoint.

    Args:
        episode: Episode with trajectory and replay data.
        meshes: Mesh files by the name the MJCF uses.

    Raises:
        ValueError: The episode has no physics, or its model does not fit its states.
    """
    record, source = episode.trajectory, episode.replay
    if record is None or source is None:
        raise ValueError("the episode has no replay data")
    model = compile_mjcf(source.mjcf, meshes)
    if source.states.shape[1] != mujoco.mj_stateSize(model, STATE):
        raise ValueError("the stored states do not fit the stored model")
    data = mujoco.MjData(model)
    checkpoints = {int(f): source.states[i] for i, f in enumerate(source.frames)}
    qpos, qvel = np.empty_like(record.qpos), np.empty_like(record.qvel)
    checkpoint_drift = 0.0
    broken: list[int] = []
    for frame in range(record.length + 1):
        if frame < record.length:
            data.ctrl[:] = record.ctrl[frame]
        stored = checkpoints.get(frame)
        if stored is not None:
            reached = get_state(model, data)
            if frame > 0 and reached.tobytes() != stored.tobytes():
                checkpoint_drift = max(checkpoint_drift, _distance(reached, stored))
                broken.append(frame)
            restart(model, data, stored)
        if frame == record.length:
            break
        qpos[frame], qvel[frame] = data.qpos, data.qvel
        mujoco.mj_step(model, data, nstep=source.steps_per_frame)
    return _compare(record, qpos, qvel, broken, checkpoint_drift)


def _compare(
    record: Trajectory,
    qpos: NDArray[np.float32],
    qvel: NDArray[np.float32],
    broken: list[int],
    checkpoint_drift: float,
) -> ReplayResult:
    same = (_bits(qpos) == _bits(record.qpos)).all(axis=1)
    same &= (_bits(qvel) == _bits(record.qvel)).all(axis=1)
    differing = sorted([*np.flatnonzero(~same).tolist(), *broken])
    return ReplayResult(
        exact=not differing,
        frames=record.length,
        first_difference=differing[0] if differing else -1,
        qpos_drift=_distance(qpos, record.qpos),
        qvel_drift=_distance(qvel, record.qvel),
        checkpoint_drift=checkpoint_drift,
    )


def _bits(values: NDArray[np.float32]) -> NDArray[np.uint32]:
    return np.ascontiguousarray(values).view(np.uint32)


def _distance(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    if a.size == 0:
        return 0.0
    return float(np.max(np.abs(a.astype(np.float64) - b.astype(np.float64))))
