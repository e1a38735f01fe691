"""Exporter of plain MP4 files: one folder per camera, a JSON file beside each video, an index."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from datafactory.errors import SpecError
from datafactory.exchange.contract import ExportOptions, ExportSummary, Progress
from datafactory.exchange.episodes import Sample, iter_samples, select
from datafactory.exchange.extras import Extras
from datafactory.exchange.lerobot_frames import no_images, remarks
from datafactory.exchange.pictures import video_bytes
from datafactory.exchange.provenance import or_null, write_json
from datafactory.render.view import View
from datafactory.store.dataset import Dataset
from datafactory.subtasks import subtasks_of

_INDEX = ("episode_index", "episode_id", "camera", "file", "task", "instruction", "robot")
_INDEX_MORE = ("fps", "images", "width", "height", "success_at_end")


class Videos:
    """Writes MP4 files; see ``contract.Exporter``."""

    name = "videos"
    description = "MP4 files by camera with JSON sidecars and index.csv"
    settings: Mapping[str, str] = {}
    single_file = False
    honours = frozenset({"extras"})

    def write(
        self, dataset: Dataset, target: Path, options: ExportOptions, progress: Progress
    ) -> ExportSummary:
        """Writes the export; see ``contract.Exporter.write``."""
        selection = select(dataset, options)
        if not selection.variant:
            raise SpecError(
                f"{dataset.location.root} has no images",
                remedy=f"datafactory render {dataset.location.root}",
            )
        first: Sample | None = None
        done = frames = 0
        with (
            (target / "index.csv").open("w", encoding="utf-8", newline="") as file,
            Extras(target, options.extras) as extras,
        ):
            index = csv.DictWriter(file, [*_INDEX, *_INDEX_MORE])
            index.writeheader()
            for sample in iter_samples(selection):
                first = first or sample
                for view in sample.views.values():
                    index.writerow(_write_view(target, sample, view, done))
                extras.add(sample, done)
                done, frames = done + 1, frames + sample.length
                progress(done, selection.count)
            extras.finish(dataset)
        if first is None:
            raise no_images(selection.count)
        said = remarks(first, done, selection.count)
        return ExportSummary(str(target), done, frames, 0, said)


def _write_view(root: Path, sample: Sample, view: View, number: int) -> dict[str, Any]:
    episode = sample.episode
    path = root / view.camera / f"episode_{number:06d}.mp4"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(video_bytes(view))
    row = {
        "episode_index": number,
        "episode_id": episode.episode_id,
        "camera": view.camera,
        "file": f"{view.camera}/{path.name}",
        "task": episode.task,
        "instruction": episode.instructions[-1].text,
        "robot": episode.robot,
        "fps": view.fps,
        "images": view.length,
        "width": view.intrinsics.width,
        "height": view.intrinsics.height,
        "success_at_end": episode.verdict.success_at_end,
    }
    described = {
        **row,
        "paraphrases": list(episode.instructions[-1].paraphrases),
        "instructions": [asdict(said) for said in episode.instructions],
        "variant": view.variant,
        "intrinsics": or_null(asdict(view.intrinsics)),
        "frames": view.frames.tolist(),
        "phases": [asdict(p) for p in episode.trajectory.phases],
        "subtasks": [asdict(s) for s in subtasks_of(episode.extra)],
        "licences": list(episode.licences),
        "look": json.loads(view.look_json or "{}"),
    }
    write_json(path.with_suffix(".json"), described)
    return row
