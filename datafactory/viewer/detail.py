"""One attempt, accepted or refused, as the episode page shows it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import DatasetError
from datafactory.inspection import Shown, find_episode, find_rejected, summary
from datafactory.store.labels import Judged, stored_labels
from datafactory.store.location import reading
from datafactory.store.stored import StoredEpisode
from datafactory.store.variants import TABLE, scan_renders
from datafactory.subtasks import subtask_rows, subtasks_of
from datafactory.viewer.index import Snapshot

GRAPHS = ("initial_graph", "final_graph")
VIEW_COLUMNS = ("variant", "camera", "fps", "length", "width", "height", "codec", "has_masks",
                "fx", "fy", "cx", "cy", "renderer", "renderer_version", "style_hash", "n_grasps",
                "entities", "video_bytes", "depth_codec")  # fmt: skip


def find(snapshot: Snapshot, attempt_id: str) -> Shown:
    """The attempt with an id.

    Raises:
        DatasetError: There is none.
    """
    row = snapshot.row_of(attempt_id)
    if row < 0:
        raise DatasetError(f"there is no episode or attempt '{attempt_id}'")
    if snapshot.accepted[row]:
        return find_episode(snapshot.dataset, attempt_id)
    return find_rejected(snapshot.dataset, int(snapshot.places[row]))


def detail(snapshot: Snapshot, attempt_id: str) -> dict[str, Any]:
    """Everything but images, series and shapes.

    Raises:
        DatasetError: There is no such attempt.
        DatasetCorruptError: It cannot be read.
    """
    shown = find(snapshot, attempt_id)
    attempt = shown.attempt
    data = summary(shown)
    data["graphs"] = _graphs(snapshot, attempt_id, accepted=attempt.verdict.accepted)
    data["world_from_base"] = list(attempt.world_from_base)
    run = attempt.trajectory
    data["contacts"] = [vars(c) for c in run.contacts] if run is not None else []
    data["phases"] = [vars(p) for p in run.phases] if run is not None else []
    data["subtasks"] = []
    if isinstance(attempt, StoredEpisode):
        data["subtasks"] = subtask_rows(subtasks_of(attempt.extra))
        data["split"] = attempt.instruction_split
        data["extra"] = {k: v for k, v in attempt.extra.items() if _plain(v)}
    track = shown.track
    data["track"] = None if track is None else {"fps": track.fps, "length": len(track.tcp)}
    data["views"] = _views(snapshot, attempt_id)
    data["judged"] = judged_data(snapshot.judged.of(attempt_id))
    data["history"] = [
        {**vars(label), "created_at": label.created_at.isoformat()}
        for label in stored_labels(snapshot.dataset, attempt_id)
    ]
    return data


def judged_data(judged: Judged) -> dict[str, Any]:
    """What holds after all labels of an attempt, JSON-ready."""
    comments = [{**vars(c), "created_at": c.created_at.isoformat()} for c in judged.comments]
    return {**vars(judged), "tags": list(judged.tags), "comments": comments}


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, bool))


def _graphs(snapshot: Snapshot, attempt_id: str, *, accepted: bool) -> dict[str, Any]:
    name, key = ("episodes", "episode_id") if accepted else ("attempts", "attempt_id")
    with reading(snapshot.dataset.location, name):
        found = snapshot.dataset.table(name).to_table(
            columns=list(GRAPHS), filter=f"{key} = '{attempt_id}'"
        )
    return {g.removesuffix("_graph"): json.loads(found[g][0].as_py()) for g in GRAPHS}


def _views(snapshot: Snapshot, attempt_id: str) -> list[dict[str, Any]]:
    if not snapshot.images.kinds:
        return []
    columns = [c for c in VIEW_COLUMNS if c in snapshot.dataset.table(TABLE).schema.names]
    columns += ["frames"]
    found = scan_renders(snapshot.dataset, f"episode_id = '{attempt_id}'", columns)
    views: list[dict[str, Any]] = found.to_pylist()
    order = {pair: i for i, pair in enumerate(
        (v, c) for v, cameras in snapshot.images.kinds.items() for c in cameras
    )}  # fmt: skip
    return sorted(views, key=lambda v: order.get((v["variant"], v["camera"]), len(order)))


def series(snapshot: Snapshot, attempt_id: str) -> dict[str, Any]:
    """The curves of an attempt: groups of lines over frames.

    Returns:
        ``fps`` and ``groups``: title, unit and lines; a line has a name, values, and ``target``
        values where something was commanded.
    """
    shown = find(snapshot, attempt_id)
    run = shown.attempt.trajectory
    if run is None:
        if shown.track is None:
            return {"fps": 0.0, "length": 0, "groups": []}
        tools = shown.track.tcp if shown.track.tools is None else shown.track.tools
        lines = _lines("", _axes(tools.size // max(3 * len(tools), 1)), tools, None)
        group = {"title": "Tool position", "unit": "m", "lines": lines}
        return {"fps": shown.track.fps, "length": len(shown.track.tcp), "groups": [group]}
    episode = shown.attempt
    assert isinstance(episode, StoredEpisode)
    joints = [str(i + 1) for i in range(run.action_joint.shape[1])]
    groups = [
        ("Joints", "rad", _lines("joint ", joints, episode.joint_positions(), run.action_joint)),
        ("Gripper", "1 = open", _arms("opening", run.gripper_opening, run.action_gripper)),
        ("Tool position", "m", _tool(run.eef_pose, run.action_eef)),
        ("Joint speed", "rad/s", _lines("joint ", joints, _rate(episode), None)),
    ]
    return {
        "fps": run.fps,
        "length": run.length,
        "groups": [{"title": t, "unit": u, "lines": lines} for t, u, lines in groups],
    }


def _rate(episode: StoredEpisode) -> NDArray[np.float64]:
    """(T, dof) speeds of the controlled joints, by differences; rad/s."""
    joints = episode.joint_positions().astype(np.float64)
    return np.gradient(joints, 1.0 / episode.fps, axis=0) if len(joints) > 1 else 0.0 * joints


def _lines(
    prefix: str,
    names: Sequence[str],
    values: NDArray[Any],
    targets: NDArray[Any] | None,
) -> list[dict[str, Any]]:
    shaped = np.asarray(values).reshape(len(values), -1)
    wanted = None if targets is None else np.asarray(targets).reshape(len(targets), -1)
    return [
        {
            "name": f"{prefix}{name}",
            "values": _rounded(shaped[:, i]),
            "target": None if wanted is None or i >= wanted.shape[1] else _rounded(wanted[:, i]),
        }
        for i, name in enumerate(names)
        if i < shaped.shape[1]
    ]


def _arms(name: str, values: NDArray[Any], targets: NDArray[Any]) -> list[dict[str, Any]]:
    """One line per arm."""
    arms = np.asarray(values).reshape(len(values), -1).shape[1]
    names = [name] if arms == 1 else [f"{name} {i + 1}" for i in range(arms)]
    return _lines("", names, values, targets)


def _tool(pose: NDArray[Any], target: NDArray[Any]) -> list[dict[str, Any]]:
    """x, y and z of every arm's tool."""
    arms = max(np.asarray(pose).reshape(len(pose), -1).shape[1] // 7, 1)
    shaped = np.asarray(pose).reshape(len(pose), arms, 7)[:, :, :3].reshape(len(pose), -1)
    wanted = np.asarray(target).reshape(len(target), arms, 7)[:, :, :3].reshape(len(target), -1)
    return _lines("", _axes(arms), shaped, wanted)


def _axes(arms: int) -> list[str]:
    """Names of the coordinates of all arms."""
    return [axis if arms == 1 else f"{axis} {i + 1}" for i in range(arms) for axis in "xyz"]


def _rounded(values: NDArray[Any]) -> list[float | None]:
    """Five decimals are more than any screen shows."""
    return [None if v != v else v for v in np.round(values.astype(np.float64), 5).tolist()]


def questions(snapshot: Snapshot, attempt_id: str) -> list[dict[str, Any]]:
    """The spatial questions about an episode with their answers."""
    from datafactory.qa.store import stored_questions

    result = []
    for sample in stored_questions(snapshot.dataset, attempt_id):
        entry = {n: getattr(sample, n) for n in ("question_id", "variant", "camera", "frame",
                                                 "kind", "question", "answer_text", "width",
                                                 "height", "split")}  # fmt: skip
        entry["answer"] = _answer(sample.answer)
        result.append(entry)
    return result


def _answer(answer: Any) -> dict[str, Any]:
    """Boxes and points of an answer, to be drawn."""
    boxes = list(getattr(answer, "boxes", ()))
    for name in ("pick", "place"):
        if hasattr(answer, name):
            boxes.append(getattr(answer, name))
    points = [[p.x, p.y] if hasattr(p, "x") else list(p) for p in getattr(answer, "points", ())]
    return {"boxes": [list(b.edges) for b in boxes], "points": points,
            "path": type(answer).__name__ == "Trace"}  # fmt: skip
