"""Finding one attempt of a dataset, accepted or rejected, with what is needed to show it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from datafactory.episode import AssetRecord, ObjectRecord, Replay, Trajectory, Verdict
from datafactory.errors import DatasetError, SpecError
from datafactory.picture.world import Pictured, Track
from datafactory.store.stored import IMPORTED
from datafactory.subtasks import Subtask, subtask_rows, subtasks_of
from datafactory_assets.asset import Licence

if TYPE_CHECKING:
    from datafactory.store.dataset import Dataset

HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, eq=False)
class RejectedAttempt:
    """One row of the ``attempts`` table, with what an episode would have in its place.

    Attributes:
        attempt, task, instruction, robot, world_from_base, objects, goal, verdict: As in
            ``Episode``.
        metrics, cpu_s: Named numbers.
        trajectory, replay: None; frames of rejected attempts are not kept.
    """

    attempt: int
    task: str
    instruction: str
    robot: str
    world_from_base: tuple[float, ...]
    objects: tuple[ObjectRecord, ...]
    goal: Any
    verdict: Verdict
    metrics: Mapping[str, float]
    cpu_s: Mapping[str, float]
    trajectory: Trajectory | None = None
    replay: Replay | None = None


@dataclass(frozen=True, eq=False)
class Shown:
    """An attempt ready to be printed and drawn.

    Attributes:
        attempt: The attempt.
        attempt_id: Its id: the episode id when it was accepted.
        lineage: Generator, versions, hashes, seed, times, machine.
        metrics, cpu_s: Named numbers.
        paraphrases: Other phrasings.
        phases: (name, first frame, last frame + 1) of accepted episodes.
        subtasks: Labels of accepted episodes, where their generator gives them.
        assets: Rows of its assets.
        track: Low-rate path of a rejected attempt.
        commands: ``re-execute`` and ``make again`` to the command line, where there is one.
    """

    attempt: Pictured
    attempt_id: str
    lineage: Mapping[str, Any]
    metrics: Mapping[str, float]
    cpu_s: Mapping[str, float]
    paraphrases: tuple[str, ...]
    phases: tuple[tuple[str, int, int], ...]
    subtasks: tuple[Subtask, ...]
    assets: tuple[AssetRecord, ...]
    track: Track | None
    commands: Mapping[str, str]


LINEAGE = ("generator", "generator_version", "spec_hash", "run_seed", "attempt", "run_id",
           "engine", "cpu", "created_at", "content_hash")  # fmt: skip


def find_episode(dataset: Dataset, which: str | int) -> Shown:
    """An accepted episode by position, id, or the unique beginning of an id.

    Raises:
        DatasetError: There is none, or several ids begin so.
    """
    key = _full_id(dataset, which) if isinstance(which, str) else which
    episode = dataset.episode(key)
    lineage = {name: getattr(episode, name) for name in LINEAGE}
    return Shown(
        attempt=episode,
        attempt_id=episode.episode_id,
        lineage=lineage,
        metrics=episode.metrics,
        cpu_s=episode.cpu_s,
        paraphrases=episode.paraphrases,
        phases=tuple((p.name, p.start, p.stop) for p in episode.trajectory.phases),
        subtasks=subtasks_of(episode.extra),
        assets=asset_records(dataset, episode.asset_ids),
        track=None,
        commands=_commands(dataset, episode.episode_id, lineage, accepted=True),
    )


def _full_id(dataset: Dataset, text: str) -> str:
    if len(text) == 32 or not text or not set(text) <= HEX:
        return text
    found = dataset.episodes(f"starts_with(episode_id, '{text}')", ["episode_id"], limit=2)
    ids = found["episode_id"].to_pylist()
    if len(ids) > 1:
        raise DatasetError(f"several episodes begin with '{text}'", remedy="give more of the id")
    return str(ids[0]) if ids else text


def find_rejected(dataset: Dataset, index: int) -> Shown:
    """A rejected attempt by position among the rejected.

    Raises:
        DatasetError: There are not so many.
    """
    from datafactory.store.encode import to_rows
    from datafactory.store.stored import verdict_of

    count = dataset.table("attempts").count_rows()
    if not 0 <= index < count:
        raise DatasetError(f"there is no rejected attempt {index}",
                           where=dataset.location.root,
                           why=f"{count} attempts were rejected")  # fmt: skip
    names = dataset.table("attempts").schema.names
    row = to_rows(dataset.attempts(columns=names, limit=1, offset=index))[0]
    attempt = RejectedAttempt(
        **{name: row[name] for name in ("attempt", "task", "instruction", "robot")},
        world_from_base=tuple(row["world_from_base"]),
        objects=tuple(_object(o) for o in row["objects"]),
        goal=json.loads(row["goal"]),
        verdict=verdict_of(row, accepted=False),
        metrics={m["name"]: m["value"] for m in row["metrics"]},
        cpu_s={m["name"]: m["value"] for m in row["cpu_s"]},
    )
    lineage = {name: row[name] for name in LINEAGE}
    return Shown(
        attempt=attempt,
        attempt_id=row["attempt_id"],
        lineage=lineage,
        metrics=attempt.metrics,
        cpu_s=attempt.cpu_s,
        paraphrases=tuple(row["paraphrases"]),
        phases=(),
        subtasks=(),
        assets=asset_records(dataset, tuple(row["asset_ids"])),
        track=_track(row),
        commands=_commands(dataset, row["attempt_id"], lineage, accepted=False),
    )


def _object(value: Mapping[str, Any]) -> ObjectRecord:
    tuples = ("attributes", "size", "initial_pose", "final_pose")
    return ObjectRecord(**{**value, **{name: tuple(value[name]) for name in tuples}})


def _track(row: Mapping[str, Any]) -> Track | None:
    tcp, poses = row["track_tcp_pose"], row["track_object_poses"]
    if tcp is None or poses is None or not len(tcp):
        return None
    count = int(row["length"])
    tools = np.asarray(tcp, dtype=np.float64).reshape(count, -1, 7)[:, :, :3]
    shaped = np.asarray(poses, dtype=np.float64).reshape(count, -1, 7)
    return Track(float(row["track_fps"]), tools[:, 0], shaped, tools)


def asset_records(dataset: Dataset, ids: Sequence[str]) -> tuple[AssetRecord, ...]:
    """Asset rows with their geometry, mesh files left out."""
    if not ids:
        return ()
    from datafactory.store.encode import to_rows
    from datafactory.store.location import reading

    listed = ", ".join("'" + i.replace("'", "''") + "'" for i in ids)
    wanted = f"asset_id IN ({listed}) AND geometry_format = 'shapes-json'"
    with reading(dataset.location, "assets"):
        rows = to_rows(dataset.table("assets").to_table(filter=wanted))
    return tuple(
        AssetRecord(
            **{name: row[name] for name in ("asset_id", "kind", "uid", "category", "mass",
                                            "params_json", "geometry", "geometry_format")},
            size=tuple(row["size"]),
            licence=Licence(row["licence"], row["author"], row["source"], row["attribution"]),
        )
        for row in rows
    )  # fmt: skip


def _commands(
    dataset: Dataset, attempt_id: str, lineage: Mapping[str, Any], *, accepted: bool
) -> dict[str, str]:
    """The command that re-executes the dataset's episodes, and the one that made them."""
    found = {}
    if accepted and not lineage["generator"].startswith(IMPORTED):
        found["re-execute"] = f"datafactory verify {shlex.quote(dataset.location.root)}"
    made = {r.command for r in dataset.runs() if r.run_id == lineage["run_id"] and r.command}
    if made:
        found["make again"] = sorted(made)[0]
    return found


def pick(
    dataset: Dataset, *, episode: str | None, index: int | None, rejected: int | None
) -> Shown:
    """The attempt that ``show`` was asked for; the first episode by default.

    Raises:
        SpecError: More than one of the three was given.
        DatasetError: There is no such attempt.
    """
    if sum(value is not None for value in (episode, index, rejected)) > 1:
        raise SpecError("give one of EPISODE, --index and --rejected")
    if rejected is not None:
        return find_rejected(dataset, rejected)
    if episode is not None:
        return find_episode(dataset, episode)
    if len(dataset) == 0:
        raise DatasetError(
            "there is no accepted episode yet", where=dataset.location.root,
            remedy="--rejected 0 shows the first rejected attempt",
        )  # fmt: skip
    return find_episode(dataset, index or 0)


def summary(shown: Shown) -> dict[str, Any]:
    """Everything ``show`` prints, as JSON-ready data."""
    attempt, verdict = shown.attempt, shown.attempt.verdict
    run = attempt.trajectory
    return {
        "id": shown.attempt_id,
        "task": attempt.task,
        "instruction": attempt.instruction,
        "paraphrases": list(shown.paraphrases),
        "robot": attempt.robot,
        "accepted": verdict.accepted,
        "imported": shown.lineage["generator"].startswith(IMPORTED),
        "stage": verdict.stage,
        "reason": verdict.reason,
        "frames": run.length if run is not None else 0,
        "fps": run.fps if run is not None else None,
        "phases": [{"name": n, "start": a, "stop": b} for n, a, b in shown.phases],
        "subtasks": subtask_rows(shown.subtasks),
        "goal": attempt.goal,
        "objects": [_object_summary(o) for o in attempt.objects],
        "checks": [
            {"stage": c.stage, "check": c.check, "passed": c.passed, "value": c.value,
             "limit": c.limit, "unit": c.unit}
            for c in verdict.checks
        ],
        "metrics": dict(shown.metrics),
        "cpu_s": dict(shown.cpu_s),
        "lineage": {key: str(value) if key == "created_at" else value
                    for key, value in shown.lineage.items()},
        "commands": dict(shown.commands),
    }  # fmt: skip


def _object_summary(item: ObjectRecord) -> dict[str, Any]:
    moved = float(np.linalg.norm(np.subtract(item.final_pose[:3], item.initial_pose[:3])))
    return {
        "name": item.name, "uid": item.uid, "category": item.category, "colour": item.colour,
        "material": item.material, "mass_kg": item.mass, "size_m": list(item.size),
        "start": list(item.initial_pose), "end": list(item.final_pose), "moved_m": moved,
        "licence": item.licence,
    }  # fmt: skip
