"""What both LeRobot layouts share: features, frame tables, tasks and statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datafactory.errors import SpecError
from datafactory.exchange.columns import Columns
from datafactory.exchange.episodes import Sample
from datafactory.exchange.feature_stats import ImageStats, Summary, VectorStats
from datafactory.exchange.mp4 import read_packets
from datafactory.exchange.pictures import sampled_images
from datafactory.render.media import is_video
from datafactory.subtasks import subtasks_of

VIDEO_PREFIX = "observation.images."
CHUNK_FILES = 1000
_INDEX = dict.fromkeys(("frame_index", "episode_index", "index", "task_index"), "int64")
SUBTASK_INDEX = "subtask_index"
INDEX_FEATURES = {"timestamp": "float32", **_INDEX}


def video_key(camera: str) -> str:
    """Feature name of a camera."""
    return VIDEO_PREFIX + camera


def feature_table(sample: Sample, columns: Columns) -> dict[str, Any]:
    """The ``features`` of ``info.json``."""
    found: dict[str, Any] = {
        name: {"dtype": f.dtype, "shape": [f.width], "names": list(f.names)}
        for name, (f, _) in columns.items()
    }
    for camera, view in sample.views.items():
        lens = view.intrinsics
        codec, pixels = "h264", "yuv420p"
        if is_video(view.video):
            kind = read_packets(view.video.data, view.fps).kind
            codec, pixels = kind.codec, kind.pix_fmt
        found[video_key(camera)] = {
            "dtype": "video",
            "shape": [lens.height, lens.width, 3],
            "names": ["height", "width", "channels"],
            "info": {
                "video.fps": view.fps,
                "video.height": lens.height,
                "video.width": lens.width,
                "video.channels": 3,
                "video.codec": codec,
                "video.pix_fmt": pixels,
                "video.is_depth_map": False,
                "has_audio": False,
            },
        }
    indices = dict(INDEX_FEATURES)
    if subtasks_of(sample.episode.extra):
        indices[SUBTASK_INDEX] = "int64"
    for name, dtype in indices.items():
        found[name] = {"dtype": dtype, "shape": [1], "names": None}
    return found


def check_alike(expected: dict[str, Any], sample: Sample, columns: Columns) -> None:
    """Makes sure that an episode has the features of the first one.

    Raises:
        SpecError: It does not.
    """
    found = {name: list(f.names) for name, (f, _) in columns.items()}
    wanted = {
        name: f["names"]
        for name, f in expected.items()
        if f["dtype"] != "video" and name not in (*INDEX_FEATURES, SUBTASK_INDEX)
    }
    if found != wanted:
        apart = sorted(k for k in {*found, *wanted} if found.get(k) != wanted.get(k))
        raise SpecError(
            "the episodes do not have the same columns",
            where=f"episode {sample.episode.episode_id}",
            why=f"it differs from the first one in {', '.join(apart)}",
            remedy="choose episodes that are alike with --where",
        )


def frame_columns(
    sample: Sample, columns: Columns, episode: int, first: int, tasks: Tasks, subtasks: Tasks
) -> dict[str, NDArray[Any]]:
    """All columns of an episode's rows, the index columns last.

    Args:
        sample: Episode.
        columns: Its columns.
        episode: Its number in the export.
        first: Number of its first row in the export.
        tasks: Numbers of task texts: the instruction that holds at a row is its task.
        subtasks: Numbers of sub-task texts; those of labelled episodes become ``subtask_index``.
    """
    n = sample.length
    told = np.array([tasks.number(said.text) for said in sample.episode.instructions])
    index: dict[str, NDArray[Any]] = {
        "timestamp": sample.timestamps(),
        "frame_index": np.arange(n),
        "episode_index": np.full(n, episode),
        "index": np.arange(first, first + n),
        "task_index": told[sample.instruction_index()],
    }
    labels = subtasks_of(sample.episode.extra)
    if labels:
        numbers = np.array([subtasks.number(label.text) for label in labels])
        index[SUBTASK_INDEX] = numbers[sample.subtasks()]
    return {**{name: values for name, (_, values) in columns.items()}, **index}


def frame_table(rows: dict[str, NDArray[Any]]) -> pa.Table:
    """Arrow table of :func:`frame_columns`: vectors as fixed size lists."""
    arrays = {}
    for name, values in rows.items():
        if values.ndim == 1:
            arrays[name] = pa.array(values)
        else:
            flat = pa.array(np.ascontiguousarray(values).reshape(-1))
            arrays[name] = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    return pa.table(arrays)


def task_texts(sample: Sample) -> list[str]:
    """The tasks of an episode's rows in the order they first appear."""
    told = sample.episode.instructions
    return list(dict.fromkeys(told[k].text for k in sample.instruction_index()))


class Tasks:
    """Task texts in the order they first appear."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """Number of a task; a new one for a new text."""
        return self.numbers.setdefault(text, len(self.numbers))


class Statistics:
    """Statistics of every feature, per episode and over all."""

    def __init__(self) -> None:
        self._vectors: dict[str, VectorStats] = {}
        self._images: dict[str, ImageStats] = {}

    def add(self, rows: dict[str, NDArray[Any]], sample: Sample) -> dict[str, Summary]:
        """Adds an episode; returns its own statistics by feature."""
        found: dict[str, Summary] = {}
        for name, values in rows.items():
            width = values.shape[1] if values.ndim > 1 else 1
            own = VectorStats(width)
            own.add(values)
            self._vectors.setdefault(name, VectorStats(width)).add(values)
            found[name] = own.result()
        for camera, view in sample.views.items():
            seen = ImageStats()
            seen.add(sampled_images(view))
            self._images.setdefault(video_key(camera), ImageStats()).merge(seen)
            found[video_key(camera)] = seen.result()
        return found

    def result(self) -> dict[str, Summary]:
        """Statistics over all episodes by feature."""
        found = {name: vectors.result() for name, vectors in self._vectors.items()}
        return found | {name: images.result() for name, images in self._images.items()}


def remarks(sample: Sample | None, done: int, count: int) -> tuple[str, ...]:
    """What the user should know after an export.

    Args:
        sample: The first episode.
        done: Episodes exported.
        count: Episodes selected.
    """
    found = []
    if done < count:
        found.append(f"{count - done} of {count} episodes have no images and were left out")
    for camera, view in sample.views.items() if sample else ():
        if not is_video(view.video):
            found.append(
                f"images of '{camera}' were encoded as H.264 (they are {view.video.codec})"
            )
    return tuple(found)


def no_images(count: int) -> SpecError:
    """The error for a selection of which no episode has images."""
    return SpecError(
        "there is nothing to export",
        why=f"none of the {count} episodes has images in this variant",
        remedy="render them, or choose another --variant",
    )


def stats_columns(stats: dict[str, Summary]) -> dict[str, Any]:
    """Statistics of one episode under the names of the episodes table."""
    return {
        f"stats/{feature}/{name}": value
        for feature, summary in stats.items()
        for name, value in summary.items()
    }
