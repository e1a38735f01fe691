"""Random training windows per second: this store against LeRobot's own loader on its export.

    python -m benchmarks.loader DATASET [--variant NAME ...] [--workers 0,2] [--rounds 7]

The frames of the first variant are exported to LeRobot v3.0 and read by the official
``LeRobotDataset`` in an environment of its own. Both sides read the same columns and cameras at
the same offsets, shuffled, in batches of 32, with as many loader processes and one decoder thread
each, and give float32 tensors. Rounds alternate. Exit code 1 when both do not give the same
numbers, 77 when lerobot's environment cannot be built.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from benchmarks.loader_rounds import BATCH, Rounds
from datafactory.exchange.contract import ExportOptions
from datafactory.exchange.lerobot import LeRobotV3
from datafactory.exchange.lerobot_frames import INDEX_FEATURES, video_key
from datafactory.exchange.target import atomic_target
from datafactory.store.dataset import Dataset, open_dataset
from datafactory.store.renders import iter_episode_views
from datafactory.store.variants import find_variant
from datafactory_zoo.loader import Batch, WindowDataset, collate
from datafactory_zoo.windows import ImageField, WindowField, WindowSpec, chunk_offsets
from tests.external.lerobot_environment import (
    CACHE,
    SKIPPED,
    CannotBuildError,
    environment,
    offline,
)

CHUNK, PAST = 16, 2
COMPARED = 256
WARM_UP = 10 * BATCH
COPIED_DB, ENCODED_DB = 38.0, 25.0
OFFICIAL = "LeRobotDataset"
STATE, ACTION = ("joint_position", "gripper_opening"), ("action_joint", "action_gripper")
Frames = NDArray[np.int64]


@dataclass(frozen=True)
class Row:
    """A reader's rounds: medians, and the range of the rates.

    Attributes:
        windows: ``images`` or ``state``.
        workers: Loader processes.
        reader: Variant of this store, or the official loader.
        per_s, low, high: Windows per second of wall clock.
        cpu_ms: CPU milliseconds per window, all processes.
        ratio, cpu_ratio: Times the official loader: rate in the same round, CPU per window.
    """

    windows: str
    workers: int
    reader: str
    per_s: float
    low: float
    high: float
    cpu_ms: float
    ratio: float
    cpu_ratio: float


@dataclass(frozen=True)
class Scene:
    """What is read.

    Attributes:
        cameras: Camera names.
        size: Height and width of the images, pixels.
        fps: Rows of the export, images, per second.
        step: Recorded frames from one row to the next.
        frames: (rows,) recorded frame of every row, counted over all episodes.
    """

    cameras: tuple[str, ...]
    size: tuple[int, int]
    fps: int
    step: int
    frames: Frames


def scene(dataset: Dataset, variant: str) -> Scene:
    cameras = find_variant(dataset, variant).cameras
    frames, first = [], 0
    for episode, views in iter_episode_views(dataset, variant, media=False):
        view = views[cameras[0]]
        frames.append(first + view.frames.astype(np.int64))
        first += episode.length
    lens, fps, rate = view.intrinsics, int(view.fps), int(episode.fps)
    if rate % fps:
        raise SystemExit(f"images at {fps} Hz do not fit records at {rate} Hz")
    return Scene(cameras, (lens.height, lens.width), fps, rate // fps, np.concatenate(frames))


def spec(what: Scene, images: bool) -> WindowSpec:
    """Windows of this store; a row's action is the target of the last frame before the next."""
    past = chunk_offsets(PAST, what.fps, 1 - PAST)
    late = (what.step - 1) / (what.step * what.fps)
    ahead = tuple(t + late for t in chunk_offsets(CHUNK, what.fps))
    fields = [WindowField(name, name, past) for name in STATE]
    fields += [WindowField(name, name, ahead) for name in ACTION]
    shown = [ImageField(video_key(c), c, *what.size, past) for c in what.cameras if images]
    return WindowSpec(tuple(fields), tuple(shown))


def as_floats(batch: Batch) -> Batch:
    """The same tensors as the official loader gives: images in [0, 1]."""
    return {
        k: v.float().div_(255) if v.dtype == torch.uint8 and v.ndim > 2 else v
        for k, v in batch.items()
    }


def reduced(source: Path, target: Path, images: bool) -> None:
    """An export without the columns that no window shows, so that both sides read the same."""
    shutil.copytree(source / "meta", target / "meta")
    info = json.loads((source / "meta/info.json").read_text())
    kept = {"observation.state", "action", *INDEX_FEATURES}
    info["features"] = {
        k: v for k, v in info["features"].items()
        if k in kept or (images and v["dtype"] == "video")
    }  # fmt: skip
    (target / "meta/info.json").write_text(json.dumps(info))
    for path in source.glob("data/*/*.parquet"):
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pq.read_table(path).select(sorted(kept)), place)
    (target / "videos").symlink_to(source / "videos")


class Official:
    """The official loader in its own process; use as a context manager."""

    def __init__(self, python: Path, folder: Path, windows: dict[str, Any]) -> None:
        asked = folder / "windows.json"
        asked.write_text(json.dumps(windows))
        self._process = subprocess.Popen(
            [str(python), "-m", "benchmarks.loader_official", str(asked)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=offline(folder / "hf"), cwd=Path(__file__).parent.parent,
        )  # fmt: skip
        self.versions = self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the official loader ended; its error is above")
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, **asked: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return self._answer()


class Comparison:
    """Both sides, in turns."""

    def __init__(
        self, dataset: Dataset, what: Scene, official: Official, folder: Path, workers: int
    ) -> None:
        self._dataset, self._what, self._official = dataset, what, official
        self._folder, self._workers = folder, workers
        self._rng = np.random.Generator(np.random.PCG64(0))

    def _samples(self, count: int) -> Frames:
        return self._rng.integers(len(self._what.frames), size=count)

    def _asked(self, windows: str, rows: Frames) -> dict[str, Any]:
        return {"name": windows, "workers": self._workers, "samples": rows.tolist()}

    def _ours(self, variant: str | None) -> Rounds:
        windows = spec(self._what, variant is not None)
        data = WindowDataset(self._dataset, windows, variant=variant)
        return Rounds(data, self._workers, "spawn", collate, as_floats)

    def differences(self, variant: str, exported: bool) -> dict[str, float]:
        """What both sides read of the same windows.

        Raises:
            SystemExit: They do not read the same.
        """
        rows = self._samples(COMPARED)
        file = self._folder / "read.npz"
        self._official.ask(**self._asked("images", rows), save=str(file))
        batches = self._ours(variant).read(self._what.frames[rows].tolist())
        ours = {k: torch.cat([b[k] for b in batches]).numpy() for k in batches[0]}
        with np.load(file) as theirs:
            state = np.concatenate([ours[n] for n in STATE], axis=2)
            action = np.concatenate([ours[n] for n in ACTION], axis=2)
            same = np.array_equal(state, theirs["observation.state"])
            same &= np.array_equal(action, theirs["action"])
            pairs = [(ours[k], theirs[k]) for k in map(video_key, self._what.cameras)]
            same &= all(
                np.array_equal(ours[f"{k}_is_pad"], theirs[f"{k}_is_pad"])
                for k in map(video_key, self._what.cameras)
            )
        if not same:
            raise SystemExit("the official loader reads other numbers from the export")
        errors = np.concatenate([((a - b) ** 2).mean(axis=(2, 3, 4)).ravel() for a, b in pairs])
        quality = -10 * np.log10(np.maximum(errors, 1e-10))
        if quality.min() < (COPIED_DB if exported else ENCODED_DB):
            raise SystemExit(f"images differ: {quality.min():.1f} dB")
        return {"windows": COMPARED, "psnr_db": float(np.median(quality)),
                "worst_psnr_db": float(quality.min())}  # fmt: skip

    def rows(
        self, windows: str, variants: tuple[str | None, ...], rounds: int, s: float
    ) -> list[Row]:
        """Timed rounds of all readers in turns, as many windows each as take about ``s``."""
        frames = self._what.frames
        ours = {str(v or "this store"): self._ours(v) for v in variants}

        def timed(reader: str, count: int) -> tuple[float, float]:
            rows = self._samples(count)
            if reader == OFFICIAL:
                found = self._official.ask(**self._asked(windows, rows))
            else:
                found = ours[reader].timed(frames[rows].tolist())
            return count / found["wall_s"], 1e3 * found["cpu_s"] / count

        readers = (OFFICIAL, *ours)
        timed_once = {r: [timed(r, WARM_UP) for _ in range(2)][1][0] for r in readers}
        counts = {r: max(1, round(rate * s / BATCH)) * BATCH for r, rate in timed_once.items()}
        found = [{r: timed(r, counts[r]) for r in readers} for _ in range(rounds)]
        result = []
        for r in readers:
            rates = [f[r][0] for f in found]
            result.append(Row(
                windows, self._workers, r, float(np.median(rates)), min(rates), max(rates),
                float(np.median([f[r][1] for f in found])),
                float(np.median([f[r][0] / f[OFFICIAL][0] for f in found])),
                float(np.median([f[OFFICIAL][1] / f[r][1] for f in found])),
            ))  # fmt: skip
        return result


def compare(dataset: Dataset, variants: tuple[str, ...], python: Path, options: Any) -> Any:
    what = scene(dataset, variants[0])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with atomic_target(folder / "export", single_file=False) as target:
            LeRobotV3().write(dataset, target, ExportOptions(variant=variants[0]), lambda *_: None)
        past = [k / what.fps for k in range(1 - PAST, 1)]
        deltas: dict[str, Any] = {"observation.state": past}
        deltas["action"] = [k / what.fps for k in range(CHUNK)]
        asked = {"state": {"root": str(folder / "state"), "delta_timestamps": dict(deltas)}}
        deltas |= {video_key(c): past for c in what.cameras}
        asked["images"] = {"root": str(folder / "images"), "delta_timestamps": deltas}
        for case in asked:
            reduced(folder / "export", folder / case, case == "images")
        rows, same = [], {}
        # One process each: the official decoders do not survive being forked.
        for workers in options.workers:
            with Official(python, folder, asked) as official:
                if official.versions["torchcodec"] is None:
                    raise SystemExit("torchcodec finds no FFmpeg libraries: apt-get install ffmpeg")
                both = Comparison(dataset, what, official, folder, workers)
                same = same or {v: both.differences(v, v == variants[0]) for v in variants}
                for windows, readers in (("images", variants), ("state", (None,))):
                    rows += both.rows(windows, readers, options.rounds, options.seconds)
    about = {"cameras": what.cameras, "size": what.size, "fps": what.fps,
             "rows": len(what.frames), **official.versions}  # fmt: skip
    return {"about": about, "same": same, "rows": [asdict(r) for r in rows]}


def show(found: Any) -> None:
    print(json.dumps(found["about"]))
    for variant, same in found["same"].items():
        print(f"{variant}: state and actions of {same['windows']} windows are equal; images "
              f"{same['psnr_db']:.1f} dB apart, at worst {same['worst_psnr_db']:.1f}")  # fmt: skip
    print("windows  workers  reader            windows/s          (range)  CPU ms"
          "   ratio  CPU ratio")  # fmt: skip
    for r in (Row(**row) for row in found["rows"]):
        print(f"{r.windows:8s} {r.workers:7d}  {r.reader:15s} {r.per_s:11.0f} "
              f"{f'({r.low:.0f}-{r.high:.0f})':>16s} {r.cpu_ms:7.3f} {r.ratio:7.2f} "
              f"{r.cpu_ratio:10.2f}")  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", help="dataset with rendered images")
    parser.add_argument("--variant", action="append", help="the first is exported; all are read")
    parser.add_argument("--workers", default="0,2", help="loader processes, comma-separated")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a round")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where lerobot is installed")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.workers = [int(n) for n in options.workers.split(",")]
    torch.set_num_threads(1)
    try:
        python = environment(options.cache)
    except (CannotBuildError, OSError) as error:
        print(f"skipped: lerobot's environment cannot be built here: {error}")
        return SKIPPED
    dataset = open_dataset(options.dataset)
    variants = tuple(options.variant or [find_variant(dataset, None).name])
    found = compare(dataset, variants, python, options)
    print(json.dumps(found, indent=2)) if options.json else show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
