"""An episode read back: the arrays exactly as they were recorded, and views derived from them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.episode import (
    ArmSeries,
    CheckResult,
    ContactInterval,
    ObjectRecord,
    Phase,
    Replay,
    Trajectory,
    Verdict,
)
from datafactory.geometry import quat_conjugate, quat_multiply
from datafactory.instructions import Instruction, instructions_of
from datafactory.store.series import TRAJECTORY

Row = Mapping[str, Any]
IMPORTED = "import:"
"""How the ``generator`` of imported episodes begins."""


@dataclass(frozen=True, eq=False)
class StoredEpisode:
    """One accepted episode with its lineage.

    Attributes:
        episode_id, run_id, generator, generator_version, spec_hash, run_seed, attempt: Lineage.
        created_at, engine, cpu: When and where it was made.
        content_hash: Hash over everything logical in the row.
        task, instruction, paraphrases, instruction_split, robot: The task; the instruction is
            what was said first.
        world_from_base: (7,) robot base pose.
        objects: Objects in the scene.
        asset_ids, licences: Assets used and the licences they bring.
        goal, initial_graph, final_graph: JSON values.
        verdict: The judgement; all checks passed.
        metrics, cpu_s: Named numbers.
        trajectory: Recorded frames.
        replay: Replay data; None for generators without physics.
        extra: The generator's own columns.
    """

    episode_id: str
    run_id: str
    generator: str
    generator_version: str
    spec_hash: str
    run_seed: int
    attempt: int
    created_at: datetime
    engine: str
    cpu: str
    content_hash: str
    task: str
    instruction: str
    paraphrases: tuple[str, ...]
    instruction_split: str
    robot: str
    world_from_base: tuple[float, ...]
    objects: tuple[ObjectRecord, ...]
    asset_ids: tuple[str, ...]
    licences: tuple[str, ...]
    goal: Any
    initial_graph: Any
    final_graph: Any
    verdict: Verdict
    metrics: Mapping[str, float]
    cpu_s: Mapping[str, float]
    trajectory: Trajectory
    replay: Replay | None
    extra: Mapping[str, Any]

    @property
    def imported(self) -> bool:
        """Whether it came from elsewhere: nothing of it was executed or checked here."""
        return self.generator.startswith(IMPORTED)

    @property
    def length(self) -> int:
        """Number of frames T."""
        return self.trajectory.length

    @property
    def fps(self) -> int:
        """Control and record rate, Hz."""
        return self.trajectory.fps

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        """All it was told to do, in order: more than one if its goal changed on the way."""
        return instructions_of(self.instruction, self.paraphrases, self.extra)

    def time(self) -> NDArray[np.float64]:
        """(T,) seconds from the episode's start."""
        return np.arange(self.length) / self.fps

    def joint_positions(self) -> NDArray[np.float32]:
        """(T, dof) float32 measured positions of the controlled joints, rad."""
        t = self.trajectory
        dof = t.action_joint.shape[1]
        return t.qpos[:, list(t.joint_addresses) or list(range(dof))]

    def delta_action_joint(self) -> NDArray[np.float32]:
        """(T, dof) float32 joint targets relative to the measured joints, rad."""
        return self.trajectory.action_joint - self.joint_positions()

    def delta_action_eef(self) -> NDArray[np.float64]:
        """(T, 6) TCP target relative to the measured TCP: metres, then rotation vector, rad.

        Both parts are expressed in the world frame. (T, n_arms, 6) for several arms.
        """
        now = self.trajectory.eef_pose.astype(np.float64)
        target = self.trajectory.action_eef.astype(np.float64)
        turn = quat_multiply(target[..., 3:], quat_conjugate(now[..., 3:]))
        turn = np.where(turn[..., :1] < 0, -turn, turn)
        sine = np.linalg.norm(turn[..., 1:], axis=-1, keepdims=True)
        angle = 2.0 * np.arctan2(sine, turn[..., :1])
        axis = turn[..., 1:] / np.where(sine > 0, sine, 1.0)
        return np.concatenate([target[..., :3] - now[..., :3], axis * angle], axis=-1)


def _objects(values: Sequence[Row]) -> tuple[ObjectRecord, ...]:
    tuples = ("attributes", "size", "initial_pose", "final_pose")
    return tuple(ObjectRecord(**{**o, **{n: tuple(o[n]) for n in tuples}}) for o in values)


def _trajectory(row: dict[str, Any]) -> Trajectory:
    arrays = {s.name: row[s.name] for s in TRAJECTORY}
    return Trajectory(
        fps=row["fps"],
        **arrays,
        phases=tuple(Phase(**p) for p in row["phases"]),
        contacts=tuple(ContactInterval(**c) for c in row["contacts"]),
        joint_addresses=tuple(row["joint_addresses"]),
        arms=tuple(ArmSeries(**arm) for arm in row.get("arms") or ()),
    )


def _replay(row: dict[str, Any]) -> Replay | None:
    if row["mjcf"] is None:
        return None
    return Replay(
        mjcf=row["mjcf"],
        mesh_hashes=tuple(row["mesh_hashes"]),
        steps_per_frame=row["steps_per_frame"],
        frames=row["checkpoint_frames"],
        states=row["integration_states"],
    )


def verdict_of(row: Row, *, accepted: bool) -> Verdict:
    """Rebuilds the verdict of an ``episodes`` or ``attempts`` row."""
    return Verdict(
        accepted=accepted,
        stage="" if accepted else row["stage"],
        reason="" if accepted else row["reason"],
        checks=tuple(CheckResult(**c) for c in row["verdict"]),
        success_once=row["success_once"],
        success_at_end=row["success_at_end"],
    )


def stored_episode(row: dict[str, Any], extra: Sequence[str]) -> StoredEpisode:
    """Builds a stored episode from a full ``episodes`` row; arrays are views of the row's."""
    same = "episode_id run_id generator generator_version spec_hash run_seed attempt created_at"
    same += " engine cpu content_hash task instruction instruction_split robot"
    tuples = ("paraphrases", "world_from_base", "asset_ids", "licences")
    graphs = ("goal", "initial_graph", "final_graph")
    plain: dict[str, Any] = {name: row[name] for name in same.split()}
    plain |= {name: tuple(row[name]) for name in tuples}
    plain |= {name: json.loads(row[name]) for name in graphs}
    return StoredEpisode(
        **plain,
        objects=_objects(row["objects"]),
        verdict=verdict_of(row, accepted=True),
        metrics={m["name"]: m["value"] for m in row["metrics"]},
        cpu_s={m["name"]: m["value"] for m in row["cpu_s"]},
        trajectory=_trajectory(row),
        replay=_replay(row),
        extra={name: row[name] for name in extra},
    )
