"""Exporter of WebDataset shards: tar files whose members belong together by their name's stem.

Episode N has the members ``N.json`` (task, phases, licences ...), ``N.<column>.npy`` (dots of the
column's name become underscores) and ``N.<camera>.mp4``. The bytes depend on the episodes only:
members have no owner and no time.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from datafactory.errors import SpecError
from datafactory.exchange.columns import ActionChoice, Columns, columns
from datafactory.exchange.contract import ExportOptions, ExportSummary, Progress
from datafactory.exchange.episodes import Sample, iter_samples, select
from datafactory.exchange.extras import Extras
from datafactory.exchange.lerobot_frames import no_images, remarks
from datafactory.exchange.pictures import video_bytes
from datafactory.exchange.provenance import provenance, write_json
from datafactory.store.dataset import Dataset
from datafactory.store.encode import canonical_json
from datafactory.subtasks import subtasks_of

SHARD_EPISODES = 100


class WebDataset:
    """Writes tar shards; see ``contract.Exporter``."""

    name = "webdataset"
    description = "WebDataset tar shards (JSON, NPY and MP4 per episode)"
    settings: Mapping[str, str] = {
        "frame": "frame of the main action's poses: world (default) or base",
        "shard": f"episodes in a tar file ({SHARD_EPISODES})",
    }
    single_file = False
    honours = frozenset({"actions", "space", "extras"})

    def write(
        self, dataset: Dataset, target: Path, options: ExportOptions, progress: Progress
    ) -> ExportSummary:
        """Writes the export; see ``contract.Exporter.write``."""
        choice, size = ActionChoice.of(options), _shard_size(options)
        selection = select(dataset, options)
        first: tuple[Sample, Columns] | None = None
        done = frames = 0
        with ExitStack() as shard, Extras(target, options.extras) as extras:
            for sample in iter_samples(selection):
                found = columns(sample, choice)
                first = first or (sample, found)
                if done % size == 0:
                    shard.close()
                    path = target / f"shard-{done // size:06d}.tar"
                    tar = shard.enter_context(tarfile.open(path, "w", format=tarfile.USTAR_FORMAT))
                for name, data in _members(sample, found, done):
                    _add(tar, f"{done:09d}.{name}", data)
                extras.add(sample, done)
                done, frames = done + 1, frames + sample.length
                progress(done, selection.count)
            extras.finish(dataset)
        if first is None:
            raise no_images(selection.count)
        told = provenance(self.name, selection, choice, *first)
        shards = -(-done // size)
        write_json(target / "datafactory.json", {**told, "episodes": done, "shards": shards})
        said = remarks(first[0], done, selection.count)
        return ExportSummary(str(target), done, frames, 0, said)


def _shard_size(options: ExportOptions) -> int:
    text = options.settings.get("shard", str(SHARD_EPISODES))
    if not text.isdigit() or int(text) < 1:
        raise SpecError(
            f"shard = {text} is not a number of episodes", where="shard", remedy="1 ..."
        )
    return int(text)


def _members(sample: Sample, found: Columns, number: int) -> Iterator[tuple[str, bytes]]:
    episode = sample.episode
    described: dict[str, Any] = {
        "episode_index": number,
        "episode_id": episode.episode_id,
        "task": episode.task,
        "instruction": episode.instructions[-1].text,
        "paraphrases": list(episode.instructions[-1].paraphrases),
        "instructions": [asdict(said) for said in episode.instructions],
        "instruction_split": episode.instruction_split,
        "robot": episode.robot,
        "fps": sample.fps,
        "length": sample.length,
        "success_at_end": episode.verdict.success_at_end,
        "phases": [asdict(p) for p in episode.trajectory.phases],
        "subtasks": [asdict(s) for s in subtasks_of(episode.extra)],
        "licences": list(episode.licences),
    }
    yield "json", canonical_json(described).encode()
    for name, (_, values) in found.items():
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(values), allow_pickle=False)
        yield name.replace(".", "_") + ".npy", buffer.getvalue()
    for camera, view in sample.views.items():
        yield f"{camera}.mp4", video_bytes(view)


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o644
    tar.addfile(member, io.BytesIO(data))
