"""Exporter of LeRobot datasets in the v3.0 layout, without depending on lerobot.

Many episodes share a Parquet file and, per camera, an MP4 file. Stored H.264 is copied packet by
packet, never encoded again; where two videos cannot follow one another in one file, a new file
begins.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from datafactory.errors import DatasetCorruptError, SpecError
from datafactory.exchange.columns import ActionChoice, Columns, columns
from datafactory.exchange.contract import ExportOptions, ExportSummary, Progress
from datafactory.exchange.episodes import Sample, Selection, iter_samples, select
from datafactory.exchange.extras import Extras
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
    stats_columns,
    task_texts,
    video_key,
)
from datafactory.exchange.mp4 import Joiner, read_packets
from datafactory.exchange.pictures import video_bytes
from datafactory.exchange.provenance import own_facts, provenance, write_json, write_own_facts
from datafactory.render.view import View
from datafactory.store.dataset import Dataset

DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
ROW_GROUP = 8192
EPISODE_GROUP = 64
DATA_MB, VIDEO_MB = 100, 200
SETTINGS = {"frame": "frame of the main action's poses: world (default) or base"}
_MB = 1 << 20


def megabytes(options: ExportOptions, name: str, default: int) -> int:
    """A size setting in MB.

    Raises:
        SpecError: It is not a positive whole number.
    """
    text = options.settings.get(name, str(default))
    if not text.isdigit() or int(text) < 1:
        raise SpecError(f"{name} = {text} is not a size", where=name, remedy="use 1, 2, 3 ... (MB)")
    return int(text)


class LeRobotV3:
    """Writes LeRobot v3.0 datasets; see ``contract.Exporter``."""

    name = "lerobot-v3"
    description = "LeRobot dataset, layout v3.0 (Parquet and MP4, many episodes per file)"
    settings: Mapping[str, str] = {
        **SETTINGS,
        "data_mb": f"size at which a new Parquet file begins, MB ({DATA_MB})",
        "video_mb": f"size at which a new MP4 file begins, MB ({VIDEO_MB})",
    }
    single_file = False
    honours = frozenset({"actions", "space", "extras"})

    def write(
        self, dataset: Dataset, target: Path, options: ExportOptions, progress: Progress
    ) -> ExportSummary:
        """Writes the export; see ``contract.Exporter.write``."""
        selection = select(dataset, options)
        choice = ActionChoice.of(options)
        sizes = (megabytes(options, "data_mb", DATA_MB), megabytes(options, "video_mb", VIDEO_MB))
        first: tuple[Sample, Columns] | None = None
        with _Writer(target, selection, sizes) as writer, Extras(target, options.extras) as extras:
            for sample in iter_samples(selection):
                found = columns(sample, choice)
                first = first or (sample, found)
                extras.add(sample, writer.episodes)
                writer.add(sample, found)
                progress(writer.episodes, selection.count)
            extras.finish(dataset)
        if first is None:
            raise no_images(selection.count)
        writer.describe(first[0].fps)
        told = provenance(self.name, selection, choice, *first)
        write_json(target / "meta/datafactory.json", told)
        write_own_facts(target, writer.facts)
        said = remarks(first[0], writer.episodes, selection.count)
        return ExportSummary(str(target), writer.episodes, writer.frames, 0, said)


class _Rolling:
    """The running (chunk, file) number of a kind of file."""

    def __init__(self) -> None:
        self.chunk, self.file = 0, 0

    def advance(self) -> None:
        self.file += 1
        if self.file == CHUNK_FILES:
            self.chunk, self.file = self.chunk + 1, 0


class _DataFiles:
    """The Parquet files of frames."""

    def __init__(self, root: Path, limit: int) -> None:
        self._root, self._limit = root, limit
        self._pending: list[pa.Table] = []
        self._rows = 0
        self._file: Any = None
        self._writer: Any = None
        self.at = _Rolling()

    def add(self, table: pa.Table) -> tuple[int, int]:
        """Adds an episode; returns the (chunk, file) it is in."""
        if self._file is not None and self._file.tell() >= self._limit:
            self.close()
            self.at.advance()
        self._pending.append(table)
        self._rows += table.num_rows
        if self._rows >= ROW_GROUP:
            self._flush()
        return self.at.chunk, self.at.file

    def _flush(self) -> None:
        if not self._pending:
            return
        table = pa.concat_tables(self._pending)
        self._pending, self._rows = [], 0
        if self._writer is None:
            place = DATA_PATH.format(chunk_index=self.at.chunk, file_index=self.at.file)
            path = self._root / place
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb")
            self._writer = pq.ParquetWriter(self._file, table.schema, write_page_checksum=True)
        self._writer.write_table(table)

    def close(self) -> None:
        self._flush()
        if self._writer is not None:
            self._writer.close()
            self._file.close()
        self._writer = self._file = None


class _VideoFiles:
    """The MP4 files of one camera."""

    def __init__(self, root: Path, camera: str, fps: int, limit: int) -> None:
        self._root, self._key = root, video_key(camera)
        self._fps, self._limit = fps, limit
        self._open = ExitStack()
        self._joiner: Joiner | None = None
        self._at = _Rolling()

    def add(self, view: View) -> dict[str, Any]:
        """Adds an episode's video; returns its columns of the episodes table."""
        data = video_bytes(view)
        packets = read_packets(data, self._fps)
        if len(packets.data) != view.length:
            raise DatasetCorruptError(
                f"a video has {len(packets.data)} images instead of {view.length}",
                where=f"episode {view.episode_id}, camera {view.camera}",
            )
        if self._joiner is not None:
            full = self._joiner.bytes and self._joiner.bytes + len(data) > self._limit
            if full or not self._joiner.fits(packets):
                self.close()
                self._at.advance()
        if self._joiner is None:
            place = VIDEO_PATH.format(
                video_key=self._key, chunk_index=self._at.chunk, file_index=self._at.file
            )
            self._joiner = self._open.enter_context(Joiner(self._root / place, self._fps))
        start = self._joiner.add(data, packets)
        prefix = f"videos/{self._key}/"
        return {
            prefix + "chunk_index": self._at.chunk,
            prefix + "file_index": self._at.file,
            prefix + "from_timestamp": start / self._fps,
            prefix + "to_timestamp": (start + view.length) / self._fps,
        }

    def close(self) -> None:
        self._open.close()
        self._joiner = None


class _Writer:
    """Everything below the target but what describes it; counts as it goes."""

    def __init__(self, root: Path, selection: Selection, sizes: tuple[int, int]) -> None:
        self._root, self._selection, self._sizes = root, selection, sizes
        self._data = _DataFiles(root, sizes[0] * _MB)
        self._videos: dict[str, _VideoFiles] = {}
        self._features: dict[str, Any] = {}
        self._tasks, self._subtasks, self._stats = Tasks(), Tasks(), Statistics()
        self.facts: list[dict[str, Any]] = []
        self._rows: list[dict[str, Any]] = []
        self._writer: Any = None
        self.episodes = self.frames = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._data.close()
        for video in self._videos.values():
            video.close()
        self._flush()
        if self._writer is not None:
            self._writer.close()

    def add(self, sample: Sample, found: Columns) -> None:
        """Adds an episode."""
        if not self._features:
            self._features = feature_table(sample, found)
        check_alike(self._features, sample, found)
        self.facts.append(own_facts(sample.episode))
        numbers = (self.episodes, self.frames, self._tasks, self._subtasks)
        rows = frame_columns(sample, found, *numbers)
        chunk, file = self._data.add(frame_table(rows))
        row: dict[str, Any] = {
            "episode_index": self.episodes,
            "tasks": task_texts(sample),
            "length": sample.length,
            "data/chunk_index": chunk,
            "data/file_index": file,
            "dataset_from_index": self.frames,
            "dataset_to_index": self.frames + sample.length,
        }
        for camera, view in sample.views.items():
            if camera not in self._videos:
                limit = self._sizes[1] * _MB
                self._videos[camera] = _VideoFiles(self._root, camera, sample.fps, limit)
            row |= self._videos[camera].add(view)
        row |= {"meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0}
        self._rows.append(row | stats_columns(self._stats.add(rows, sample)))
        if len(self._rows) >= EPISODE_GROUP:
            self._flush()
        self.episodes += 1
        self.frames += sample.length

    def _flush(self) -> None:
        if not self._rows:
            return
        table = pa.Table.from_pylist(self._rows)
        self._rows = []
        if self._writer is None:
            path = self._root / "meta/episodes/chunk-000/file-000.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(path, table.schema, write_page_checksum=True)
        self._writer.write_table(table.cast(self._writer.schema))

    def describe(self, fps: int) -> None:
        """Writes ``info.json``, ``stats.json`` and the tasks."""
        info = {
            "codebase_version": "v3.0",
            "robot_type": self._selection.robot,
            "total_episodes": self.episodes,
            "total_frames": self.frames,
            "total_tasks": len(self._tasks.numbers),
            "chunks_size": CHUNK_FILES,
            "data_files_size_in_mb": self._sizes[0],
            "video_files_size_in_mb": self._sizes[1],
            "fps": fps,
            "splits": {"train": f"0:{self.episodes}"},
            "data_path": DATA_PATH,
            "video_path": VIDEO_PATH if self._videos else None,
            "features": self._features,
        }
        write_json(self._root / "meta/info.json", info)
        write_json(self._root / "meta/stats.json", self._stats.result())
        path = self._root / "meta/tasks.parquet"
        pq.write_table(task_table(self._tasks.numbers), path, write_page_checksum=True)
        if self._subtasks.numbers:
            table = task_table(self._subtasks.numbers, SUBTASK_INDEX)
            pq.write_table(table, self._root / "meta/subtasks.parquet", write_page_checksum=True)


def task_table(numbers: dict[str, int], column: str = "task_index") -> pa.Table:
    """``tasks.parquet``: task numbers with the texts as pandas index, described as pandas does.

    ``subtasks.parquet`` is the same with ``subtask_index``.
    """
    index = "__index_level_0__"
    described = {
        "index_columns": [index],
        "column_indexes": [],
        "columns": [
            {"name": column, "field_name": column, "pandas_type": "int64"}
            | {"numpy_type": "int64", "metadata": None},
            {"name": None, "field_name": index, "pandas_type": "unicode"}
            | {"numpy_type": "object", "metadata": None},
        ],
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.0.0",
    }
    table = pa.table({column: pa.array(numbers.values(), pa.int64()), index: list(numbers)})
    return table.replace_schema_metadata({"pandas": json.dumps(described)})
