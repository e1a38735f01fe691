"""The ``extras`` folder of an export: what the format itself has no place for.

::

    extras/episodes.jsonl            instruction, paraphrases, split, phases, objects, lineage
    extras/models/<hash>.xml         the episode's model as MJCF, with its mesh files beside it
    extras/states/episode_N.npz      exact states, controls and object poses at the record rate
    extras/cameras/<camera>/episode_N.json       intrinsics and camera poses of every image
    extras/annotations/<camera>/episode_N.npz    boxes, visibility and projections; with masks,
                                     their runs too: mask_offsets, mask_values, mask_lengths ...
    extras/depth/<camera>/episode_N/FRAME.png    depth, 16-bit millimetres, 0 for none
    extras/licences.json             every asset used, with licence, author and source
    extras/ATTRIBUTION.md            the same for people

Depth images and masks are there when the render variant has them. Masks are run lengths, row by
row, as in ``datafactory.render.view.Masks``; the labels of their values are the ``entities`` of
the camera's JSON file.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from datafactory.exchange.episodes import Sample
from datafactory.exchange.provenance import or_null, write_json
from datafactory.render.media import spans
from datafactory.render.view import Media, View
from datafactory.store.dataset import Dataset
from datafactory.store.encode import canonical_json
from datafactory.store.stored import StoredEpisode
from datafactory.subtasks import subtasks_of

FOLDER = "extras"
_LICENCE = ("asset_id", "kind", "uid", "category", "licence", "author", "source", "attribution")
_LINEAGE = ("episode_id", "generator", "generator_version", "spec_hash", "run_seed", "attempt")
_TASK = ("task", "instruction", "instruction_split", "robot", "content_hash")


class Extras:
    """Writes the folder episode by episode, or nothing at all; use as a context manager."""

    def __init__(self, root: Path, enabled: bool) -> None:
        self._root = root / FOLDER
        self._enabled = enabled
        self._assets: set[str] = set()
        self._meshes: set[str] = set()
        self._lines: IO[str] | None = None

    def __enter__(self) -> Self:
        if self._enabled:
            self._root.mkdir()
            self._lines = (self._root / "episodes.jsonl").open("w", encoding="utf-8")
        return self

    def __exit__(self, *raised: object) -> None:
        if self._lines is not None:
            self._lines.close()

    def add(self, sample: Sample, number: int) -> None:
        """Adds an episode under its number in the export."""
        if self._lines is None:
            return
        episode = sample.episode
        name = f"episode_{number:06d}"
        self._assets.update(episode.asset_ids)
        model = self._model(episode)
        self._lines.write(canonical_json(_line(sample, number, model)) + "\n")
        self._arrays(f"states/{name}.npz", _states(episode))
        for camera, view in sample.views.items():
            write_json(self._root / f"cameras/{camera}/{name}.json", _calibration(view))
            self._arrays(f"annotations/{camera}/{name}.npz", _annotations(view))
            if view.depth is not None:
                _write_files(self._root / f"depth/{camera}/{name}", view.depth)

    def _arrays(self, place: str, arrays: dict[str, Any]) -> None:
        path = self._root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **arrays)

    def _model(self, episode: StoredEpisode) -> str | None:
        """Writes the model once; returns its file name."""
        if episode.replay is None:
            return None
        text = episode.replay.mjcf.encode()
        name = hashlib.blake2b(text, digest_size=16).hexdigest() + ".xml"
        path = self._root / "models" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text)
        self._meshes.update(episode.replay.mesh_hashes)
        return name

    def finish(self, dataset: Dataset) -> None:
        """Writes mesh files and licences of all episodes added."""
        if self._lines is None:
            return
        for mesh in sorted(self._meshes):
            asset = mesh.partition(".")[0]
            (self._root / "models" / mesh).write_bytes(dataset.asset_bytes([asset])[asset])
        rows = dataset.assets(columns=list(_LICENCE)).to_pylist()
        used = sorted(
            (r for r in rows if r["asset_id"] in self._assets), key=lambda r: r["asset_id"]
        )
        write_json(self._root / "licences.json", used)
        (self._root / "ATTRIBUTION.md").write_text(_attribution(used), encoding="utf-8")


def _line(sample: Sample, number: int, model: str | None) -> dict[str, Any]:
    episode = sample.episode
    return {
        "episode_index": number,
        **{name: getattr(episode, name) for name in (*_LINEAGE, *_TASK)},
        "paraphrases": list(episode.paraphrases),
        "instructions": [asdict(said) for said in episode.instructions],
        "world_from_base": or_null(episode.world_from_base),
        "phases": [asdict(p) for p in episode.trajectory.phases],
        "subtasks": [asdict(s) for s in subtasks_of(episode.extra)],
        "objects": [asdict(o) for o in episode.objects],
        "goal": episode.goal,
        "source_fps": episode.fps,
        "source_frames": sample.frames,
        "success_at_end": episode.verdict.success_at_end,
        "licences": list(episode.licences),
        "model": model,
    }


def _states(episode: StoredEpisode) -> dict[str, Any]:
    t, replay = episode.trajectory, episode.replay
    found: dict[str, Any] = {n: getattr(t, n) for n in ("qpos", "qvel", "ctrl", "object_poses")}
    if replay is not None:
        found["checkpoint_frames"] = replay.frames
        found["integration_states"] = replay.states
        found["steps_per_frame"] = np.int32(replay.steps_per_frame)
    return found


def _calibration(view: View) -> dict[str, Any]:
    return {
        "camera": view.camera,
        "variant": view.variant,
        "fps": view.fps,
        "axes": "OpenCV: x right, y down, z forward; poses are xyz + quaternion wxyz",
        "intrinsics": or_null(asdict(view.intrinsics)),
        "frames": view.frames.tolist(),
        "entities": list(view.entities),
        "world_from_camera": or_null(view.world_from_camera),
        "base_from_camera": or_null(view.base_from_camera),
        "renderer": f"{view.renderer} {view.renderer_version}",
        "look": json.loads(view.look_json or "{}"),
    }


def _annotations(view: View) -> dict[str, Any]:
    found = {f.name: getattr(view.annotations, f.name) for f in fields(view.annotations)}
    if view.masks is not None:
        found |= {f"mask_{f.name}": getattr(view.masks, f.name) for f in fields(view.masks)}
    return found


def _write_files(folder: Path, media: Media) -> None:
    """Writes the stored image files of a pack, byte for byte."""
    folder.mkdir(parents=True)
    for k, (begin, end) in enumerate(spans(media.offsets, None)):
        (folder / f"{k:06d}.png").write_bytes(media.data[begin:end])


def _attribution(rows: list[dict[str, Any]]) -> str:
    lines = ["# Attribution", "", "Assets used in these episodes.", ""]
    lines += ["| asset | licence | author | source |", "| --- | --- | --- | --- |"]
    for row in rows:
        name = row["attribution"] or row["uid"] or row["asset_id"][:12]
        lines.append(f"| {name} | {row['licence']} | {row['author']} | {row['source']} |")
    return "\n".join(lines) + "\n"
