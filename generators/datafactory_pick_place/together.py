"""Driving several arms at once: one trajectory over all their joints."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from datafactory_pick_place.execution import (
    ARRIVAL_RAD,
    MAX_ARRIVAL_FRAMES,
    Execution,
    Motion,
    Stop,
)


def follow_together(
    execution: Execution, motion: Motion, arms: Sequence[int], opening: float
) -> Stop | None:
    """Follows a timed motion of some arms' joints, arm by arm, and waits until they have arrived.

    Args:
        execution: Drives the scene.
        motion: Positions of the arms' joints, in the order of ``arms``.
        arms: Indices of the arms.
        opening: Opening target of their grippers.
    """
    recorder, scene = execution.recorder, execution.scene
    parts = [scene.arms[arm] for arm in arms]
    columns = np.concatenate([np.arange(p.joints.start, p.joints.stop) for p in parts])
    openings = recorder.target_opening.copy()
    openings[list(arms)] = opening
    count = int(np.ceil(motion.duration_s / execution.dt)) + 1
    targets = execution.targets(motion, np.arange(count, dtype=np.float64) * execution.dt)
    for target in targets:
        wanted = recorder.target_q.copy()
        wanted[columns] = target
        recorder.set_targets(wanted, openings)
        stop = execution.tick()
        if stop:
            return stop
    for _ in range(MAX_ARRIVAL_FRAMES):
        q = recorder.data.qpos[scene.arm_qpos[columns]]
        error = float(np.abs(q - targets[-1]).max())
        if error < ARRIVAL_RAD:
            return None
        stop = execution.tick()
        if stop:
            return stop
    if error > 5.0 * ARRIVAL_RAD:
        return Stop("timeout", "arm_arrives", error, 5.0 * ARRIVAL_RAD, "rad")
    return None
