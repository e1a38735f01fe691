"""Importer of LeRobot datasets, layouts v2.0, v2.1 and v3.0.

Videos are kept byte for byte (v2) or cut out of the shared files packet by packet (v3); only where
a v3 episode does not begin at a key frame are its images encoded again, and a remark says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from datafactory.errors import DatasetCorruptError, SpecError
from datafactory.exchange.contract import ImportOptions, Progress
from datafactory.exchange.imported import Found, Maker, Origin, left_out
from datafactory.exchange.mapped import Reader
from datafactory.exchange.mapping import ColumnMapping, load_mapping, parse_mapping
from datafactory.exchange.mp4 import cut, read_packets
from datafactory.exchange.pictures import pack
from datafactory.exchange.provenance import OWN_EPISODES
from datafactory.exchange.reading import digest_of, reading, whole_rate
from datafactory.render.media import decode_video, encode_images
from datafactory.render.view import Media

CHUNK = 1000
BATCH_ROWS = 4096
NUMERIC = ("float", "int", "uint", "bool")


@dataclass(frozen=True, eq=False)
class _Layout:
    """A source's metadata.

    Attributes:
        root: Its folder.
        info: ``info.json``.
        v3: Whether many episodes share a file.
        tasks: Task texts by number.
        episodes: Rows of the episodes table in order.
    """

    root: Path
    info: Mapping[str, Any]
    v3: bool
    tasks: Mapping[int, str]
    episodes: Sequence[Mapping[str, Any]]

    @property
    def fps(self) -> int:
        """Rows per second."""
        return whole_rate(self.info["fps"])

    def features(self, *dtypes: str) -> list[str]:
        """Names of the features whose dtype begins like one of these."""
        return [n for n, f in self.info["features"].items() if f["dtype"].startswith(dtypes)]


class LeRobotImport:
    """Reads LeRobot datasets; see ``contract.Importer``."""

    name = "lerobot"
    description = "LeRobot dataset, layout v2.0, v2.1 or v3.0"

    def read(self, source: Path, out: Path, options: ImportOptions, progress: Progress) -> int:
        """Makes the dataset; see ``contract.Importer.read``."""
        with reading(source):
            layout = _read_layout(source)
            mapping = _mapping(layout, options)
            numeric = layout.features(*NUMERIC)
            reader = Reader(mapping, {name: _names(layout.info, name) for name in numeric})
            robot = options.robot or layout.info.get("robot_type") or mapping.robot or "unknown"
            origin = Origin(self.name, str(robot), layout.fps, _digest(layout), source)
            cameras = {
                key: camera
                for key in layout.features("video", "image")
                if (camera := mapping.camera(key)) is not None
            }
            own = _own(source)
        maker = Maker(out, origin, reader)
        total = min(len(layout.episodes), options.limit or len(layout.episodes))
        for table, episode in zip(_tables(layout), layout.episodes[:total], strict=False):
            with reading(source, f"episode {episode.get('episode_index')}"):
                found = _found(layout, table, episode, cameras, maker.remarks)
                found = _with_own(found, own.get(found.number))
            maker.add(found)
            progress(maker.count, total)
        if maker.count < total:
            raise DatasetCorruptError(f"{source} has {maker.count} of {total} episodes")
        return maker.finish()


def _read_layout(root: Path) -> _Layout:
    path = root / "meta/info.json"
    if not path.is_file():
        raise SpecError(
            f"{root} is not a LeRobot dataset",
            why="it has no meta/info.json",
            remedy="give the folder that holds meta/, data/ and videos/",
        )
    info = json.loads(path.read_text(encoding="utf-8"))
    version = str(info.get("codebase_version", ""))
    if not version.startswith(("v2.", "v3.")):
        raise SpecError(
            f"{root} has another layout",
            why=f"codebase_version is '{version}'; v2.0, v2.1 and v3.0 can be read",
        )
    whole_rate(info["fps"])
    if version.startswith("v3."):
        return _Layout(root, info, True, _tasks_v3(root), _episodes_v3(root))
    tasks = {line["task_index"]: line["task"] for line in _lines(root / "meta/tasks.jsonl")}
    return _Layout(root, info, False, tasks, _lines(root / "meta/episodes.jsonl"))


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def _tasks_v3(root: Path) -> dict[int, str]:
    table = pq.read_table(root / "meta/tasks.parquet", page_checksum_verification=True)
    text = next(n for n in table.column_names if n != "task_index")
    return dict(zip(table["task_index"].to_pylist(), table[text].to_pylist(), strict=True))


def _episodes_v3(root: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for path in sorted((root / "meta/episodes").glob("*/*.parquet")):
        file = pq.ParquetFile(path, page_checksum_verification=True)
        names = [n for n in file.schema_arrow.names if not n.startswith("stats/")]
        rows += file.read(columns=names).to_pylist()
    return sorted(rows, key=lambda r: int(r["episode_index"]))


def _names(info: Mapping[str, Any], feature: str) -> list[str]:
    """Component names of a feature; numbers where it has none."""
    described = info["features"][feature]
    names = described.get("names")
    if isinstance(names, Mapping):
        names = [n for part in names.values() for n in part]
    width = int(np.prod(described["shape"], initial=1))
    return (
        [str(n) for n in names] if names and len(names) == width else list(map(str, range(width)))
    )


def _mapping(layout: _Layout, options: ImportOptions) -> ColumnMapping:
    if options.mapping:
        return parse_mapping(options.mapping)
    own = layout.root / "meta/datafactory.json"
    if own.is_file():
        with reading(own):
            return parse_mapping(json.loads(own.read_text(encoding="utf-8"))["mapping"], str(own))
    return parse_mapping(load_mapping("lerobot"), "lerobot")


def _digest(layout: _Layout) -> str:
    """Hash over the bytes of metadata and data, and the sizes of the videos."""
    files = sorted(p for p in layout.root.rglob("*") if p.is_file())
    whole = [p for p in files if p.relative_to(layout.root).parts[0] in ("meta", "data")]
    sizes = [f"{p.relative_to(layout.root)}|{p.stat().st_size}" for p in files]
    return digest_of(whole, sizes)


def _own(root: Path) -> dict[int, dict[str, Any]]:
    """What our own exports say of each episode, by number; empty for others' datasets."""
    path = root / OWN_EPISODES
    return {line["episode_index"]: line for line in _lines(path)} if path.is_file() else {}


def _with_own(found: Found, own: Mapping[str, Any] | None) -> Found:
    """An episode with what :func:`_own` has of it."""
    if own is None:
        return found
    return replace(
        found,
        others=tuple(own["paraphrases"]),
        split=own["instruction_split"],
        licences=tuple(own["licences"]),
    )


def _tables(layout: _Layout) -> Iterator[pa.Table]:
    """The rows of each episode, in order, a few thousand in memory."""
    held: list[pa.RecordBatch] = []
    number: int | None = None
    for part in _parts(layout.root):
        found = part.column("episode_index")[0].as_py()
        if held and found != number:
            yield pa.Table.from_batches(held)
            held = []
        number = found
        held.append(part)
    if held:
        yield pa.Table.from_batches(held)


def _parts(root: Path) -> Iterator[pa.RecordBatch]:
    """All rows, no episode boundary within a batch; page checksums are checked where stored."""
    for path in sorted((root / "data").glob("*/*.parquet")):
        with reading(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                yield from _runs(batch)


def _runs(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The parts of a batch with one episode each."""
    numbers = batch.column("episode_index").to_numpy()
    bounds = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
    for start, stop in pairwise(bounds):
        if stop > start:
            yield batch.slice(start, stop - start)


def _found(
    layout: _Layout,
    table: pa.Table,
    episode: Mapping[str, Any],
    cameras: Mapping[str, str],
    remarks: list[str],
) -> Found:
    number = int(episode["episode_index"])
    stored = table.column("episode_index")[0].as_py()
    if stored != number or table.num_rows != episode["length"]:
        raise DatasetCorruptError(
            "rows and metadata contradict each other",
            where=f"episode {number}",
            why=f"metadata: {episode['length']} rows; data: {table.num_rows} of episode {stored}",
        )
    if _late(table, layout.fps):
        remarks.append(f"episode {number}: timestamps do not follow {layout.fps} fps")
    told = _told(layout, table)
    texts = [text for _, text in told[:1]] + [str(t) for t in episode.get("tasks") or ()]
    media, files = {}, {}
    for key, camera in cameras.items():
        images = _images(layout, key, table, episode, remarks)
        if images is not None:
            media[camera], files[camera] = images, _file(layout, key, episode)
    return Found(
        number=number,
        instruction=texts[0] if texts else "",
        others=tuple(dict.fromkeys(t for t in texts if t not in {said for _, said in told})),
        length=table.num_rows,
        values=lambda name: _values(table, name),
        media=media,
        files=files,
        later=told[1:],
    )


def _told(layout: _Layout, table: pa.Table) -> tuple[tuple[int, str], ...]:
    """(first row, text) of an episode's tasks in the order in which they hold."""
    if "task_index" not in table.column_names:
        return ()
    numbers = table["task_index"].to_numpy()
    begins = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist()]
    return tuple((k, str(layout.tasks[int(numbers[k])])) for k in begins)


def _late(table: pa.Table, fps: int) -> bool:
    """Whether timestamps are off by half a frame or more."""
    if "timestamp" not in table.column_names:
        return False
    late = np.abs(table["timestamp"].to_numpy() - np.arange(table.num_rows) / fps)
    return bool(late.max(initial=0.0) > 0.5 / fps)


def _values(table: pa.Table, name: str) -> NDArray[Any]:
    """(T, n) values of a column, with their own dtype."""
    column = table[name].combine_chunks()
    while pa.types.is_list(column.type) or pa.types.is_fixed_size_list(column.type):
        column = column.flatten()
    values = column.to_numpy(zero_copy_only=False)
    return np.asarray(values).reshape(table.num_rows, -1)


def _images(
    layout: _Layout, key: str, table: pa.Table, episode: Mapping[str, Any], remarks: list[str]
) -> Media | None:
    """Images of one camera; None, and a remark, when they do not fit the rows."""
    number = int(episode["episode_index"])
    if layout.info["features"][key]["dtype"] == "image":
        files = pc.struct_field(table[key].combine_chunks(), "bytes").to_pylist()
        media = pack(files) if all(files) else None
        if media is None:
            remarks.append(f"episode {number}: images of {key} are neither PNG nor JPEG files")
        return media
    place = _file(layout, key, episode)
    try:
        if layout.v3:
            return _shared_video(layout, key, episode, remarks)
        data = (layout.root / place).read_bytes()
        packets = read_packets(data, layout.fps)
        if len(packets.data) != table.num_rows:
            raise DatasetCorruptError(
                "images are missing", why=f"{len(packets.data)} for {table.num_rows} rows"
            )
        return Media(packets.kind.codec, data, np.empty(0, np.int64))
    except DatasetCorruptError as error:
        remarks.append(left_out(number, key, place, error))
    except FileNotFoundError:
        remarks.append(left_out(number, key, place, DatasetCorruptError("there is no such file")))
    return None


def _file(layout: _Layout, key: str, episode: Mapping[str, Any]) -> str:
    """The file an episode's images are in, below the root; ``data`` for images in the rows.

    Raises:
        ValueError: The source does not say where its videos are.
    """
    if layout.info["features"][key]["dtype"] == "image":
        return "data"
    pattern = layout.info.get("video_path")
    if not pattern:
        raise ValueError(f"meta/info.json has videos ({key}) but no video_path")
    if layout.v3:
        prefix = f"videos/{key}/"
        shared = {name: episode[prefix + name] for name in ("chunk_index", "file_index")}
        return str(pattern.format(video_key=key, **shared))
    number = int(episode["episode_index"])
    chunk = number // int(layout.info.get("chunks_size", CHUNK))
    return str(pattern.format(episode_chunk=chunk, video_key=key, episode_index=number))


def _shared_video(
    layout: _Layout, key: str, episode: Mapping[str, Any], remarks: list[str]
) -> Media:
    """An episode's part of a shared file."""
    path = layout.root / _file(layout, key, episode)
    start = round(episode[f"videos/{key}/from_timestamp"] * layout.fps)
    stop = start + int(episode["length"])
    data = cut(path, layout.fps, start, stop)
    none = np.empty(0, np.int64)
    if data is not None:
        return Media(read_packets(data, layout.fps).kind.codec, data, none)
    with path.open("rb") as file:
        made = encode_images(decode_video(file, range(start, stop)), layout.fps, "h264")
    remarks.append(
        f"episode {episode['episode_index']}: images of {key} were encoded again, because the "
        "episode does not begin at a key frame"
    )
    return made
