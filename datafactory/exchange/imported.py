"""Imported episodes as a dataset: what their source says, and nothing it does not.

Nothing of an imported episode was verified here: its verdict has no checks, both success flags
are false, and it has no model to re-execute. What the source claims is in ``claimed_success``.
Series the source does not have are NaN and listed in the column ``absent``; all of an episode is
one phase.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import datafactory
from datafactory.episode import Episode, Verdict
from datafactory.errors import DataFactoryError, DatasetCorruptError, SpecError
from datafactory.exchange.columns import IMPORTED
from datafactory.exchange.mapped import Reader, read_trajectory
from datafactory.exchange.mapping import Values
from datafactory.exchange.pictures import decode
from datafactory.exchange.reading import reading
from datafactory.executor.machine import cpu, machine, package_versions
from datafactory.instructions import COLUMN as EVENTS
from datafactory.instructions import event_field
from datafactory.render.media import contact_strip, thumbnail
from datafactory.render.stage import Intrinsics
from datafactory.render.view import Annotations, Media, View
from datafactory.store.commit import Committer, create_tables
from datafactory.store.encode import (
    Lineage,
    Row,
    canonical_json,
    content_hash,
    episode_row,
    run_id,
)
from datafactory.store.location import Location
from datafactory.store.render_rows import render_row

VARIANT = "source"
VERSION = "1"
BATCH = 32
STRIP_IMAGES = 6
EXTRA = (
    pa.field("source", pa.string(), metadata={"meaning": "where the episode is from, JSON"}),
    pa.field("absent", pa.list_(pa.string()), metadata={"meaning": "series the source lacks; NaN"}),
    event_field(),
    pa.field(
        "claimed_success", pa.bool_(), metadata={"meaning": "what the source says, unverified"}
    ),
)


@dataclass(frozen=True, eq=False)
class Found:
    """One episode of a source.

    Attributes:
        number: Its number there.
        instruction: Task text at the start; ``others`` are other wordings of it.
        length: Number of rows.
        values: Gives (T, n) values of a column by name.
        media: Images by camera name.
        files: File that the images of a camera are from, where it is not the source itself.
        later: (first row, text) of the task texts that hold after the first one.
        split: ``train`` or ``held_out``; empty when not known.
        licences: SPDX identifiers; None when not known.
    """

    number: int
    instruction: str
    others: tuple[str, ...]
    length: int
    values: Values
    media: Mapping[str, Media]
    files: Mapping[str, str] = field(default_factory=dict)
    later: tuple[tuple[int, str], ...] = ()
    split: str = ""
    licences: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Origin:
    """What all episodes of a source share.

    Attributes:
        format: Importer name.
        robot: Robot name.
        fps: Rows per second.
        digest: Hash over what identifies the source.
        place: Its file or folder.
    """

    format: str
    robot: str
    fps: int
    digest: str
    place: Path


class Maker:
    """Makes a new dataset of imported episodes."""

    def __init__(self, out: Path, origin: Origin, reader: Reader) -> None:
        self._origin, self._reader = origin, reader
        spec = {
            "source": origin.digest,
            "mapping": reader.mapping.model_dump(exclude_none=True),
            "robot": origin.robot,
            "fps": origin.fps,
        }
        generator = IMPORTED + origin.format
        text = canonical_json(spec)
        spec_hash = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        run = run_id(generator, VERSION, spec_hash, 0)
        self._lineage = Lineage(run, generator, VERSION, spec_hash, 0, "none", cpu())
        self._spec_json = text
        location = Location.of(out)
        create_tables(location, EXTRA)
        self._committer = Committer(location)
        self._episodes: list[Row] = []
        self._views: list[Row] = []
        self._started = datetime.now(UTC)
        self.count = 0
        self.remarks: list[str] = []
        self._cameras: set[frozenset[str]] = set()
        self._unknown = {"licences": False, "splits of the instructions": False}

    def add(self, found: Found) -> None:
        """Adds an episode.

        Raises:
            SpecError: Its columns do not fit one another.
        """
        with reading(self._origin.place, f"episode {found.number}"):
            episode = self._episode(found)
        row = episode_row(episode, self._lineage, EXTRA)
        stated = self._reader.mapping.licence
        row["licences"] = [stated] if stated else list(found.licences or ())
        row["content_hash"] = content_hash({k: v for k, v in row.items() if k != "content_hash"})
        self._unknown["licences"] |= not stated and found.licences is None
        self._unknown["splits of the instructions"] |= not found.split
        self._episodes.append(row)
        shown = {
            c for c, m in found.media.items() if self._add_view(row["episode_id"], c, m, found)
        }
        self._cameras |= {frozenset(shown)} if shown else set()
        self.count += 1
        if len(self._episodes) >= BATCH:
            self._flush()

    def _add_view(self, episode_id: str, camera: str, media: Media, found: Found) -> bool:
        """Adds the images of a camera; a remark and False when they cannot be decoded."""
        try:
            with reading(self._origin.place, f"episode {found.number}, camera {camera}"):
                made = _view(episode_id, camera, media, found.length, self._origin, self._lineage)
        except DatasetCorruptError as error:
            file = found.files.get(camera, str(self._origin.place))
            self.remarks.append(left_out(found.number, camera, file, error))
            return False
        self._views.append(render_row(made, self._lineage.run_id))
        return True

    def _flush(self) -> None:
        for name, rows in (("episodes", self._episodes), ("renders", self._views)):
            if rows:
                if name == "renders":
                    self._committer.add_table(name)
                self._committer.append(name, self._committer.writer.write(name, rows), {})
        self._episodes, self._views = [], []

    def finish(self) -> int:
        """Writes what is left; returns the number of episodes.

        Raises:
            SpecError: There is none.
        """
        if not self.count:
            raise SpecError("the source has no episodes")
        unknown = " and ".join(name for name, is_so in self._unknown.items() if is_so)
        if unknown:
            self.remarks.append(f"the source does not state {unknown}")
        if len(self._cameras) > 1:
            self.remarks.append("not every episode has every camera; export them with --cameras")
        self._flush()
        now, lineage = datetime.now(UTC), self._lineage
        self._committer.write_run(
            {
                "call_id": f"{lineage.run_id}-0",
                "run_id": lineage.run_id,
                "command": "",
                "generator": lineage.generator,
                "generator_version": lineage.generator_version,
                "spec_hash": lineage.spec_hash,
                "spec_json": self._spec_json,
                "run_seed": 0,
                "task": self._origin.format,
                "robot": self._origin.robot,
                "options_json": canonical_json({"remarks": self.remarks}),
                "versions_json": canonical_json(package_versions()),
                "machine_json": canonical_json(machine()),
                "engine": lineage.engine,
                "cpu": lineage.cpu,
                "status": "complete",
                "reasons_json": "{}",
                "planned": self.count,
                "accepted": self.count,
                "rejected": 0,
                "started_at": self._started,
                "updated_at": now,
                "ended_at": now,
            }
        )
        return self.count

    def _episode(self, found: Found) -> Episode:
        read = (self._reader, _checked(found), found.length, self._origin.fps)
        base, trajectory, absent = read_trajectory(*read, f"episode {found.number}")
        claimed = None
        success = self._reader.mapping.success
        if self._reader.knows(success):
            claimed = bool(np.any(_checked(found)(success) > 0))
        source = {"format": self._origin.format, "episode": found.number}
        return Episode(
            attempt=found.number,
            verdict=Verdict(True, "", "", (), success_once=False, success_at_end=False),
            task=self._origin.format,
            instruction=found.instruction,
            paraphrases=found.others,
            instruction_split=found.split or "train",
            robot=self._origin.robot,
            world_from_base=tuple(float(v) for v in base),
            objects=(),
            goal={},
            initial_graph={},
            final_graph={},
            trajectory=trajectory,
            replay=None,
            metrics={},
            cpu_s={},
            assets=(),
            extra={
                "source": canonical_json({**source, "imported_by": datafactory.__version__}),
                "absent": sorted(absent),
                "claimed_success": claimed,
                EVENTS: [
                    {"frame": frame, "kind": "goal_changed", "instruction": text, "goal": ""}
                    for frame, text in found.later
                ],
            },
        )


def _checked(found: Found) -> Values:
    """The episode's columns; every one must have its length."""

    def values(key: str) -> NDArray[Any]:
        array = np.asarray(found.values(key))
        if not found.length or array.shape[:1] != (found.length,):
            raise ValueError(f"'{key}' has the shape {array.shape}; {found.length} rows are needed")
        return array

    return values


def left_out(number: int, camera: str, file: str, error: DataFactoryError) -> str:
    """The remark that images of an episode cannot be had, on one line."""
    why = " ".join(f"{error.what}: {error.why}".split())
    return f"episode {number}: images of {camera} were left out ({file}: {why})"


def _view(
    episode_id: str, camera: str, media: Media, length: int, origin: Origin, lineage: Lineage
) -> View:
    """The row of a source's images; nothing is known of their camera."""
    chosen = np.linspace(0, length - 1, min(STRIP_IMAGES, length)).round().astype(int).tolist()
    if len(media.offsets) and len(media.offsets) - 1 != length:
        raise ValueError(f"{len(media.offsets) - 1} images for {length} rows")
    shown = decode(media, chosen)
    height, width = shown.shape[1:3]
    return View(
        episode_id=episode_id,
        variant=VARIANT,
        camera=camera,
        renderer=IMPORTED + origin.format,
        renderer_version=VERSION,
        style_hash=lineage.spec_hash,
        look_json="{}",
        fps=origin.fps,
        frames=np.arange(length, dtype=np.int32),
        intrinsics=Intrinsics(width, height, *(float("nan") for _ in range(4))),
        world_from_camera=np.full((length, 7), np.nan, np.float32),
        base_from_camera=np.full((length, 7), np.nan, np.float32),
        entities=(),
        video=media,
        depth=None,
        masks=None,
        annotations=_nothing_known(length),
        phase=np.zeros(length, np.int16),
        thumbnail=thumbnail(shown[len(shown) // 2]),
        strip=contact_strip(shown),
        cpu_s={},
    )


def _nothing_known(n: int) -> Annotations:
    def none(*shape: int) -> NDArray[np.float32]:
        return np.full(shape, np.nan, np.float32)

    counts = np.zeros((n, 0), np.int32)
    return Annotations(
        visible_box=none(n, 0, 4),
        amodal_box=none(n, 0, 4),
        visible_pixels=counts,
        amodal_pixels=counts,
        visibility=none(n, 0),
        center_uv=none(n, 0, 2),
        corners_uv=none(n, 0, 8, 2),
        box_camera=none(n, 0, 7),
        tcp_uv=none(n, 2),
        tcp_camera=none(n, 3),
        fingertips_uv=none(n, 2, 2),
        grasp_uv=none(n, 0, 2, 2),
        grasp_object=np.zeros(0, np.int32),
        grasp_frame=np.zeros(0, np.int32),
    )
