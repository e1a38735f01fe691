"""Results of an evaluation: one Lance table of episodes, and the numbers drawn from it.

``<out>/evaluations.lance`` (``datafactory.store.evaluations``) holds one row per episode; a second
evaluation into the same folder adds its rows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from datafactory.errors import DatasetError
from datafactory.intervals import Rate, wilson
from datafactory.store.evaluations import SCHEMA, TABLE
from datafactory_zoo.rollouts import Outcome


@dataclass(frozen=True)
class Lineage:
    """What was evaluated, the same for all episodes of a suite.

    Attributes:
        evaluation_id: Id of the call.
        policy, checkpoint: Name, and folder or address.
        suite, task, robot: What it was tested on.
        run_seed, spec_hash: Which worlds.
        style_hash: How the pictures looked that it saw; empty when it saw none.
    """

    evaluation_id: str
    policy: str
    checkpoint: str
    suite: str
    task: str
    robot: str
    run_seed: int
    spec_hash: str
    style_hash: str = ""


@dataclass(frozen=True)
class Summary:
    """Numbers of one suite.

    Attributes:
        suite: Suite name.
        success, grasped, placed, collided, timed_out: Shares with 95 % intervals.
        fouls: Episodes by reason code of the first forbidden contact.
        skipped: Scenes left out because the expert does not solve them.
        mean_frames: Mean length of successful episodes, frames.
    """

    suite: str
    success: Rate
    grasped: Rate
    placed: Rate
    collided: Rate
    timed_out: Rate
    fouls: Mapping[str, int]
    skipped: int
    mean_frames: float

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        data = asdict(self)
        for name in ("success", "grasped", "placed", "collided", "timed_out"):
            data[name]["share"] = getattr(self, name).share
        return {**data, "fouls": dict(self.fouls)}


def summarise(suite: str, outcomes: Sequence[Outcome], skipped: int = 0) -> Summary:
    """Numbers of one suite's episodes."""
    n = len(outcomes)
    done = [o.frames for o in outcomes if o.success]
    return Summary(
        suite=suite,
        success=wilson(sum(o.success for o in outcomes), n),
        grasped=wilson(sum(o.grasped for o in outcomes), n),
        placed=wilson(sum(o.placed for o in outcomes), n),
        collided=wilson(sum(bool(o.foul) for o in outcomes), n),
        timed_out=wilson(sum(o.timed_out for o in outcomes), n),
        fouls=dict(sorted(Counter(o.foul for o in outcomes if o.foul).items())),
        skipped=skipped,
        mean_frames=sum(done) / len(done) if done else 0.0,
    )


def check_results(out: Path) -> None:
    """Checks that a folder takes results: before hours of evaluation, not after.

    Raises:
        DatasetError: It holds results of other columns.
    """
    import lance

    place = out / f"{TABLE}.lance"
    if place.exists() and lance.dataset(str(place)).schema.names != SCHEMA.names:
        raise DatasetError("the results in this folder have other columns", where=str(place),
                           why="another version of datafactory wrote them",
                           remedy="choose another --out")  # fmt: skip


def store_results(
    out: Path, lineage: Lineage, outcomes: Sequence[Outcome], videos: Mapping[int, bytes]
) -> None:
    """Adds the episodes of a suite to the table of a folder.

    Args:
        out: Folder; made when it is not there.
        lineage: What was evaluated.
        outcomes: Episodes.
        videos: MP4 files by episode index, of some of them.
    """
    import lance

    out.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    rows = []
    for outcome in outcomes:
        values = asdict(outcome)
        values["attempt"] = values.pop("index")
        values["uids"] = list(values["uids"])
        rows.append(
            {**asdict(lineage), **values, "created_at": now, "video": videos.get(outcome.index)}
        )
    place = out / f"{TABLE}.lance"
    table = pa.Table.from_pylist(rows, schema=SCHEMA)
    lance.write_dataset(table, str(place), mode="append" if place.exists() else "create")


def write_summary(out: Path, summaries: Sequence[Summary], about: Mapping[str, Any]) -> Path:
    """Writes ``summary.json`` and returns its path."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "summary.json"
    data = {**about, "suites": [s.to_dict() for s in summaries]}
    path.write_text(json.dumps(data, indent=1) + "\n")
    return path
