"""Exporter of robomimic-style HDF5 files.

::

    data                      attributes total, env_args, datafactory
      demo_0                  attributes num_samples, model_file, ep_meta, episode_id
        obs/<column>          measured values; obs/<camera>_image uint8 (F, h, w, 3)
        actions               the main action
        action_dict/<column>  absolute targets
        states                time, qpos, qvel of the whole model, float64
        rewards, dones        1 at a verified success; 1 in the last row
    mask/<filter key>         train, valid (every tenth demo), held_out (its phrasings)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from datafactory.errors import MissingPartError, SpecError
from datafactory.exchange.columns import ActionChoice, Columns, columns
from datafactory.exchange.contract import ExportOptions, ExportSummary, Progress
from datafactory.exchange.episodes import Sample, iter_samples, select
from datafactory.exchange.lerobot_frames import check_alike, feature_table, no_images, remarks
from datafactory.exchange.pictures import decode
from datafactory.exchange.provenance import own_facts, provenance
from datafactory.store.dataset import Dataset
from datafactory.store.encode import canonical_json

VALID_EVERY = 10
LAYOUT = ("v108", "v110")
"""Oldest HDF5 layout whose attributes may be larger than 64 KB (models are)."""
_OBSERVATION, _ACTION = "observation.", "action."


def h5py_module() -> Any:
    """Imports h5py.

    Raises:
        MissingPartError: It is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise MissingPartError(
            "HDF5 files need h5py",
            why=str(error),
            remedy="pip install 'datafactory[exchange]'",
        ) from error
    return h5py


def place(column: str) -> str:
    """Where a column is within a demo."""
    if column.startswith(_OBSERVATION):
        return "obs/" + column.removeprefix(_OBSERVATION)
    if column.startswith(_ACTION):
        return "action_dict/" + column.removeprefix(_ACTION)
    return {"action": "actions", "next.done": "dones", "next.success": "rewards"}.get(
        column, "labels/" + column.replace(".", "_")
    )


class Robomimic:
    """Writes one HDF5 file; see ``contract.Exporter``."""

    name = "robomimic"
    description = "robomimic HDF5 file (data/demo_N with obs, actions, states; masks)"
    settings: Mapping[str, str] = {
        "frame": "frame of the main action's poses: world (default) or base",
        "images": "whether images are decoded into the file: yes (default) or no",
    }
    single_file = True
    honours = frozenset({"actions", "space"})

    def write(
        self, dataset: Dataset, target: Path, options: ExportOptions, progress: Progress
    ) -> ExportSummary:
        """Writes the export; see ``contract.Exporter.write``."""
        h5py = h5py_module()
        choice, images = ActionChoice.of(options), _images(options)
        _refuse_extras(options)
        selection = select(dataset, options)
        first: tuple[Sample, Columns] | None = None
        features: dict[str, Any] = {}
        masks: dict[str, list[str]] = {}
        frames = done = 0
        with h5py.File(target, "w", libver=LAYOUT) as file:
            data = file.create_group("data")
            for sample in iter_samples(selection):
                found = columns(sample, choice)
                first, features = first or (sample, found), features or feature_table(sample, found)
                check_alike(features, sample, found)
                name = f"demo_{done}"
                _write_demo(data.create_group(name), sample, found, images)
                for key in _filters(sample, done):
                    masks.setdefault(key, []).append(name)
                done, frames = done + 1, frames + sample.length
                progress(done, selection.count)
            if first is None:
                raise no_images(selection.count)
            data.attrs["total"] = frames
            data.attrs["env_args"] = canonical_json(_environment(first[0]))
            keys = {column: place(column) for column in first[1]}
            told = provenance(self.name, selection, choice, *first, keys)
            data.attrs["datafactory"] = json.dumps(told, allow_nan=False)
            for key, names in masks.items():
                file.create_dataset(f"mask/{key}", data=np.array(names, dtype="S"))
        said = remarks(None, done, selection.count)
        return ExportSummary(str(target), done, frames, 0, said)


def _images(options: ExportOptions) -> bool:
    text = options.settings.get("images", "yes")
    if text not in ("yes", "no"):
        raise SpecError(f"images = {text} is not understood", where="images", remedy="yes or no")
    return text == "yes"


def _refuse_extras(options: ExportOptions) -> None:
    if options.extras:
        raise SpecError(
            "this format has no place for extras",
            why="models and states are in the file already",
            remedy="leave --extras out",
        )


def _environment(first: Sample) -> dict[str, Any]:
    """What robomimic reads as the environment; type 2 is a Gymnasium one."""
    episode = first.episode
    arguments = {"robot": episode.robot, "control_freq": first.fps}
    return {"env_name": episode.task, "type": 2, "env_kwargs": arguments}


def _write_demo(group: Any, sample: Sample, found: Columns, images: bool) -> None:
    episode, t = sample.episode, sample.episode.trajectory
    for name, (feature, values) in found.items():
        kept = values.astype(np.float32) if feature.dtype == "bool" else values
        group.create_dataset(place(name), data=kept)
    time = sample.frames[:, None] / episode.fps
    states = np.concatenate([time, t.qpos[sample.frames], t.qvel[sample.frames]], axis=1)
    group.create_dataset("states", data=states.astype(np.float64))
    for camera, view in sample.views.items() if images else ():
        group.create_dataset(f"obs/{camera}_image", data=decode(view.video, range(view.length)))
    told = sample.instructions()
    described = {"lang": told[-1].text, "task": episode.task, **own_facts(episode)}
    described["paraphrases"] = list(told[-1].paraphrases)
    described["instructions"] = [asdict(said) for said in told]
    group.attrs["num_samples"] = sample.length
    group.attrs["ep_meta"] = canonical_json(described)
    group.attrs["episode_id"] = episode.episode_id
    if episode.replay is not None:
        group.attrs["model_file"] = episode.replay.mjcf


def _filters(sample: Sample, number: int) -> list[str]:
    keys = ["valid" if number % VALID_EVERY == VALID_EVERY - 1 else "train"]
    return [*keys, "held_out"] if sample.episode.instruction_split == "held_out" else keys
