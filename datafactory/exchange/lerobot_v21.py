"""Exporter of LeRobot datasets in the v2.1 layout: one Parquet and one MP4 file per episode."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Self

import pyarrow.parquet as pq

from datafactory.exchange.columns import ActionChoice, Columns, columns
from datafactory.exchange.contract import ExportOptions, ExportSummary, Progress
from datafactory.exchange.episodes import Sample, Selection, iter_samples, select
from datafactory.exchange.extras import Extras
from datafactory.exchange.lerobot import SETTINGS
from datafactory.exchange.lerobot_frames import (
    CHUNK_FILES,
    SUBTASK_INDEX,
    Statistics,
    Tasks,
    check_alike,
    feature_table,
    frame_columns,
    frame_table,
    no_images,
    remarks,
    task_texts,
    video_key,
)
from datafactory.exchange.pictures import video_bytes
from datafactory.exchange.provenance import own_facts, provenance, write_json, write_own_facts
from datafactory.store.dataset import Dataset

DATA_PATH = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEO_PATH = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"


class LeRobotV21:
    """Writes LeRobot v2.1 datasets; see ``contract.Exporter``. Videos are the stored bytes."""

    name = "lerobot-v2.1"
    description = "LeRobot dataset, layout v2.1 (one Parquet and one MP4 file per episode)"
    settings: Mapping[str, str] = SETTINGS
    single_file = False
    honours = frozenset({"actions", "space", "extras"})

    def write(
        self, dataset: Dataset, target: Path, options: ExportOptions, progress: Progress
    ) -> ExportSummary:
        """Writes the export; see ``contract.Exporter.write``."""
        selection = select(dataset, options)
        choice = ActionChoice.of(options)
        first: tuple[Sample, Columns] | None = None
        with _Writer(target, selection) as writer, Extras(target, options.extras) as extras:
            for sample in iter_samples(selection):
                found = columns(sample, choice)
                first = first or (sample, found)
                extras.add(sample, writer.episodes)
                writer.add(sample, found)
                progress(writer.episodes, selection.count)
            extras.finish(dataset)
        if first is None:
            raise no_images(selection.count)
        writer.describe(first[0])
        told = provenance(self.name, selection, choice, *first)
        write_json(target / "meta/datafactory.json", told)
        write_own_facts(target, writer.facts)
        said = remarks(first[0], writer.episodes, selection.count)
        return ExportSummary(str(target), writer.episodes, writer.frames, 0, said)


class _Writer:
    """Everything below the target but what describes it; counts as it goes."""

    def __init__(self, root: Path, selection: Selection) -> None:
        self._root, self._selection = root, selection
        self._features: dict[str, Any] = {}
        self._tasks, self._subtasks, self._stats = Tasks(), Tasks(), Statistics()
        self.facts: list[dict[str, Any]] = []
        self.episodes = self.frames = 0
        (root / "meta").mkdir()
        self._episodes: IO[str] = (root / "meta/episodes.jsonl").open("w", encoding="utf-8")
        self._own: IO[str] = (root / "meta/episodes_stats.jsonl").open("w", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._episodes.close()
        self._own.close()

    def _place(self, pattern: str, key: str = "") -> Path:
        place = pattern.format(
            episode_chunk=self.episodes // CHUNK_FILES, episode_index=self.episodes, video_key=key
        )
        path = self._root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def add(self, sample: Sample, found: Columns) -> None:
        """Adds an episode."""
        if not self._features:
            self._features = feature_table(sample, found)
        check_alike(self._features, sample, found)
        self.facts.append(own_facts(sample.episode))
        numbers = (self.episodes, self.frames, self._tasks, self._subtasks)
        rows = frame_columns(sample, found, *numbers)
        pq.write_table(frame_table(rows), self._place(DATA_PATH), write_page_checksum=True)
        for camera, view in sample.views.items():
            self._place(VIDEO_PATH, video_key(camera)).write_bytes(video_bytes(view))
        line = {"episode_index": self.episodes, "tasks": task_texts(sample)}
        line["length"] = sample.length
        own = {"episode_index": self.episodes, "stats": self._stats.add(rows, sample)}
        self._episodes.write(json.dumps(line) + "\n")
        self._own.write(json.dumps(own) + "\n")
        self.episodes += 1
        self.frames += sample.length

    def describe(self, first: Sample) -> None:
        """Writes ``info.json``, ``stats.json`` and the tasks."""
        info = {
            "codebase_version": "v2.1",
            "robot_type": self._selection.robot,
            "total_episodes": self.episodes,
            "total_frames": self.frames,
            "total_tasks": len(self._tasks.numbers),
            "total_videos": self.episodes * len(first.views),
            "total_chunks": -(-self.episodes // CHUNK_FILES),
            "chunks_size": CHUNK_FILES,
            "fps": first.fps,
            "splits": {"train": f"0:{self.episodes}"},
            "data_path": DATA_PATH,
            "video_path": VIDEO_PATH if first.views else None,
            "features": self._features,
        }
        write_json(self._root / "meta/info.json", info)
        write_json(self._root / "meta/stats.json", self._stats.result())
        lines = [
            json.dumps({"task_index": number, "task": text})
            for text, number in self._tasks.numbers.items()
        ]
        (self._root / "meta/tasks.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        if self._subtasks.numbers:
            lines = [
                json.dumps({SUBTASK_INDEX: number, "subtask": text})
                for text, number in self._subtasks.numbers.items()
            ]
            path = self._root / "meta/subtasks.jsonl"
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
