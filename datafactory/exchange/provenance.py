"""What every export says about itself: where it is from and what its numbers mean."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import datafactory
from datafactory.episode import ArmSeries
from datafactory.exchange.columns import ActionChoice, Columns, arm_names
from datafactory.exchange.episodes import Sample, Selection
from datafactory.store.dataset import content_digest
from datafactory.store.schema import CONVENTIONS
from datafactory.store.stored import StoredEpisode

OWN_EPISODES = "meta/datafactory_episodes.jsonl"
"""What LeRobot's layouts have no place for, per episode; :func:`own_facts`."""
SUBSAMPLING = (
    "row k is the episode frame that image k shows; its action is the target of the last episode "
    "frame before row k + 1, so holding it for one row ends where the robot was heading then"
)


def or_null(value: Any) -> Any:
    """JSON-ready form of numbers, arrays and dictionaries: null for what is not finite.

    Imported views have NaN where nothing is known of their camera.
    """
    if isinstance(value, np.ndarray | np.generic):
        return or_null(value.tolist())
    if isinstance(value, Mapping):
        return {name: or_null(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [or_null(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_json(path: Path, value: Any) -> None:
    """Writes indented JSON; the same value always gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def own_facts(episode: StoredEpisode) -> dict[str, Any]:
    """What an importer reads back of an episode beside its columns; JSON-ready."""
    return {
        "episode_id": episode.episode_id,
        "paraphrases": list(episode.paraphrases),
        "instruction_split": episode.instruction_split,
        "licences": list(episode.licences),
    }


def write_own_facts(root: Path, facts: Sequence[Mapping[str, Any]]) -> None:
    """Writes :func:`own_facts` of all episodes of a LeRobot dataset, in order."""
    lines = [json.dumps({"episode_index": k, **f}) + "\n" for k, f in enumerate(facts)]
    (root / OWN_EPISODES).write_text("".join(lines), encoding="utf-8")


def provenance(
    format_name: str,
    selection: Selection,
    choice: ActionChoice,
    first: Sample,
    columns: Columns,
    keys: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """JSON-ready description of an export.

    Args:
        format_name: Exporter name.
        selection: What is exported.
        choice: Main action.
        first: The first episode.
        columns: Its columns.
        keys: Name of each column in the format, where it differs.
    """
    named = keys or {}
    joints = columns["action.joints"][0].names if "action.joints" in columns else ()
    return {
        "format": format_name,
        "made_by": f"datafactory {datafactory.__version__}",
        "source": {
            "content_digest": content_digest(selection.dataset, recompute=False),
            "selection": selection.describe(),
        },
        "fps": first.fps,
        "subsampling": SUBSAMPLING,
        "conventions": CONVENTIONS,
        "action": choice.describe(joints, arm_names(first)),
        "columns": {
            named.get(name, name): {"names": f.names, "unit": f.unit, "meaning": f.meaning}
            for name, (f, _) in columns.items()
        },
        "cameras": {
            name: {
                "intrinsics": or_null(asdict(view.intrinsics)),
                "fps": view.fps,
                "codec": view.video.codec,
            }
            for name, view in first.views.items()
        },
        "mapping": own_mapping(columns, named, first.episode.trajectory.arms),
    }


def own_mapping(
    columns: Columns, keys: Mapping[str, str], arms: Sequence[ArmSeries] = ()
) -> dict[str, Any]:
    """The column mapping that reads an export back.

    Args:
        columns: Columns of an episode.
        keys: Name of each column in the format, where it differs.
        arms: The arms of a robot with several.
    """

    def entry(column: str, first: int, count: int, **more: Any) -> dict[str, Any]:
        return {"key": keys.get(column, column), "columns": [first, first + count], **more}

    def pose(column: str, number: int) -> dict[str, Any]:
        return {
            "position": entry(column, 7 * number, 3, unit="m"),
            "rotation": entry(column, 7 * number + 3, 4, form="wxyz"),
        }

    def whole(column: str) -> dict[str, Any]:
        return {"key": keys.get(column, column)}

    def known(**entries: tuple[str, dict[str, Any]]) -> dict[str, Any]:
        return {name: made for name, (column, made) in entries.items() if column in columns}

    def tool(k: int) -> dict[str, Any]:
        width, eef = "observation.gripper_width", "observation.eef_pose"
        gripper, target = "action.gripper", "action.eef_pose"
        opening = {"gripper_opening": entry(state, joints + k, 1)} if k < grippers else {}
        return opening | known(
            gripper_width=(width, entry(width, k, 1, unit="m")),
            eef_pose=(eef, pose(eef, k)),
            action_gripper=(gripper, entry(gripper, k, 1)),
            action_eef=(target, pose(target, k)),
        )

    state, base = "observation.state", "observation.base_pose"
    speed, targets = "observation.joint_velocities", "action.joints"
    names = columns[state][0].names
    grippers = sum(name.split("_")[-1] == "gripper" for name in names)
    joints = len(names) - grippers
    success = keys.get("next.success", "next.success")
    mapping = {"name": "datafactory", "success": success} | known(
        joint_positions=(state, entry(state, 0, joints)),
        joint_velocities=(speed, whole(speed)),
        base_pose=(base, pose(base, 0)),
        action_joint=(targets, whole(targets)),
    )
    if arms:
        parts = [{"name": a.name, "joints": a.dof, **tool(k)} for k, a in enumerate(arms)]
        return {**mapping, "arms": parts}
    return mapping | tool(0)
