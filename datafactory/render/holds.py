"""When the gripper held which object, read from a recorded trajectory alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datafactory.episode import Trajectory
from datafactory.geometry import quat_rotate

GRIPPER = "gripper"
SQUEEZE = 0.01
"""A gripper squeezes when it is told to close by more than this share of its stroke."""
CLOSED_M_PER_S = 0.01
"""The fingers have closed when their distance changes more slowly than this."""
SHORTEST_S = 0.2


@dataclass(frozen=True)
class Hold:
    """The gripper held an object in frames ``closed`` <= i < ``stop``.

    Attributes:
        object: Index of the object.
        arm: Index of the arm.
        closed: First frame at which the fingers had closed on it.
        stop: First frame at which they were told to open or had lost it.
    """

    object: int
    arm: int
    closed: int
    stop: int


def find_holds(trajectory: Trajectory, names: Sequence[str]) -> tuple[Hold, ...]:
    """Finds the grasps of an episode, in order of time; of several arms, arm by arm.

    A grasp is a run of frames in which the gripper is told to close further than it has, while an
    object that it touches keeps it from doing so. Touching with an open or a closed gripper is
    none. When several objects are touched in one run, the one touched longest is held.

    Args:
        trajectory: Recorded frames.
        names: Names of the objects, as in its contacts.
    """
    grippers = [f"{arm.name}_{GRIPPER}" for arm in trajectory.arms] or [GRIPPER]
    found = [_holds(trajectory, names, arm, gripper) for arm, gripper in enumerate(grippers)]
    return tuple(hold for holds in found for hold in holds)


def _holds(trajectory: Trajectory, names: Sequence[str], arm: int, gripper: str) -> list[Hold]:
    """The grasps of one arm, in order of time."""
    target = trajectory.per_arm(trajectory.action_gripper)[:, arm]
    told = target < trajectory.per_arm(trajectory.gripper_opening)[:, arm] - SQUEEZE
    width = trajectory.per_arm(trajectory.gripper_width)[:, arm]
    edges = np.flatnonzero(np.diff(np.concatenate([[0], told.astype(np.int8), [0]])))
    shortest = max(2, round(SHORTEST_S * trajectory.fps))
    found = []
    for start, stop in edges.reshape(-1, 2).tolist():
        touched = np.zeros((len(names), stop - start), dtype=bool)
        for contact in trajectory.contacts:
            other = contact.b if contact.a == gripper else contact.a
            if gripper in (contact.a, contact.b) and other in names:
                row = touched[names.index(other)]
                row[max(contact.start - start, 0) : max(contact.stop - start, 0)] = True
        frames = touched.sum(axis=1)
        if not len(frames) or frames.max() < shortest:
            continue
        held = int(np.argmax(frames))
        inside = start + np.flatnonzero(touched[held])
        speed = np.abs(np.diff(width[inside])) * trajectory.fps
        closed = inside[np.argmax(speed <= max(CLOSED_M_PER_S, float(speed.min())))]
        found.append(Hold(held, arm, int(closed), int(inside[-1]) + 1))
    return found


def acting_arms(trajectory: Trajectory) -> NDArray[np.int64]:
    """(T,) index of the arm whose tool moves in a frame's phase; of several, the one farthest.

    While none moves it is the arm that moved last.
    """
    acting = np.zeros(trajectory.length, dtype=np.int64)
    targets = trajectory.per_arm(trajectory.action_eef)[..., :3]
    now = 0
    for phase in sorted(trajectory.phases, key=lambda p: p.start):
        moved = np.ptp(targets[phase.start : phase.stop], axis=0).max(axis=-1)
        now = int(np.argmax(moved)) if moved.max() > 1e-4 else now
        acting[phase.start : phase.stop] = now
    return acting


def contact_points(trajectory: Trajectory, hold: Hold) -> NDArray[np.float64]:
    """(2, 3) world points where the two fingers touch the object at frame ``closed``.

    The inner faces of the pads at the tool centre point: the first is on the tool's +y side.
    """
    points: NDArray[np.float64] = finger_points(trajectory, np.array([hold.closed]))[0, hold.arm]
    return points


def finger_points(
    trajectory: Trajectory, frames: NDArray[np.int32] | NDArray[np.int64]
) -> NDArray[np.float64]:
    """(F, n_arms, 2, 3) world points of the pads' inner faces at the TCP; +y side first."""
    tcp = trajectory.per_arm(trajectory.eef_pose)[frames].astype(np.float64)
    half = 0.5 * trajectory.per_arm(trajectory.gripper_width)[frames].astype(np.float64)
    sides = np.zeros((*half.shape, 2, 3))
    sides[..., 0, 1], sides[..., 1, 1] = half, -half
    return tcp[..., None, :3] + quat_rotate(tcp[..., None, 3:], sides)
