"""Stored images: size, encoding, random training reads and browsing, by codec, on the same frames.

python -m benchmarks.images --data DATASET [--variant NAME]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from datafactory.render.media import CODECS, decode_images, encode_images, encode_masks
from datafactory.render.stage import Intrinsics
from datafactory.render.view import Annotations, View
from datafactory.store.dataset import Dataset, open_dataset
from datafactory.store.image_reader import ImageReader
from datafactory.store.render_schema import ANNOTATIONS
from datafactory.store.renders import images, iter_episode_views, render_row
from tests.store_fixture import make

Scene = dict[str, NDArray[np.uint8]]
BATCH, WINDOW = 32, 2
FPS = 10


@dataclass
class Result:
    codec: str
    bytes_per_image: float = 0.0
    encode_cpu_ms: float = 0.0
    decode_cpu_ms: float = 0.0
    psnr_db: float = 0.0
    train_samples_per_s: float = 0.0
    train_cpu_ms_per_sample: float = 0.0
    first_image_ms: float = 0.0
    whole_view_ms: float = 0.0
    disk_mb: float = 0.0


def synthetic(count: int, length: int, size: int) -> list[Scene]:
    """Textured discs that move over a textured background; the second camera pans."""
    rng = np.random.Generator(np.random.PCG64(0))
    y, x = np.mgrid[:size, :size]
    scenes = []
    for _ in range(count):
        back = gaussian_filter(rng.normal(0, 1, (2 * size, 2 * size, 3)), (4, 4, 0))
        back = 120 + 60 * back / back.std()
        back += gaussian_filter(rng.normal(0, 40, (2 * size, 2 * size, 1)), (1, 1, 0))
        back = np.clip(back, 0, 255)
        scene: Scene = {}
        for camera, pan in (("front", 0), ("wrist", 1)):
            frames = np.empty((length, size, size, 3), np.uint8)
            for i in range(length):
                shift = size // 2 + (pan * i) % (size // 2)
                frame = back[shift : shift + size, shift : shift + size].copy()
                for k in range(6):
                    cx = size / 2 + size / 3 * np.cos(i / 20 + k)
                    cy = size / 2 + size / 3 * np.sin(i / 15 + 2 * k)
                    inside = (x - cx) ** 2 + (y - cy) ** 2 < (size / 20 * (1 + k / 4)) ** 2
                    colour = np.array([200 * (k % 2), 40 * k, 255 - 40 * k])
                    frame[inside] = 0.3 * frame[inside] + 0.7 * colour
                frames[i] = frame
            scene[camera] = frames
        scenes.append(scene)
    return scenes


def rendered(path: str, variant: str | None, count: int) -> list[Scene]:
    """Images of the first episodes of a dataset."""
    scenes = []
    for _, views in iter_episode_views(open_dataset(path), variant):
        scenes.append({camera: decode_images(view.video) for camera, view in views.items()})
        if len(scenes) == count:
            break
    return scenes


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    error = np.mean((a.astype(np.float32) - b) ** 2, axis=(1, 2, 3))
    return float(np.mean(10 * np.log10(255**2 / np.maximum(error, 1e-9))))


def as_view(episode_id: str, codec: str, camera: str, rgb: NDArray[np.uint8]) -> View:
    count, height, width, _ = rgb.shape
    sizes = {"length": count, "n_objects": 5, "n_grasps": 1}
    empty = {
        a.name: np.zeros([sizes[s] if isinstance(s, str) else s for s in a.shape], a.dtype)
        for a in ANNOTATIONS
    }
    poses = np.zeros((count, 7), np.float32)
    return View(
        *(episode_id, codec, camera, "benchmark", "1", "0", "{}", FPS),
        frames=np.arange(count, dtype=np.int32),
        intrinsics=Intrinsics(width, height, 1.0, 1.0, 0.0, 0.0),
        world_from_camera=poses,
        base_from_camera=poses,
        entities=("background",),
        video=encode_images(rgb, FPS, codec),
        depth=None,
        masks=encode_masks(np.zeros((count, height, width), np.uint8)),
        annotations=Annotations(**empty),
        phase=np.zeros(count, np.int16),
        thumbnail=b"",
        strip=b"",
        cpu_s={},
    )


def store(path: Path, scenes: list[Scene], codec: str, copies: int, result: Result) -> Dataset:
    """A dataset whose episodes show the scenes, each several times; fills in size and quality."""
    count = 1
    while True:
        committer = make(path / f"{codec}{count}", count=count, shard=count)
        dataset = open_dataset(committer.location.root)
        if len(dataset) >= len(scenes) * copies:
            break
        count = max(count + 1, 2 * count)
    ids = dataset.episodes(columns=["episode_id"], limit=len(scenes) * copies).column(0).to_pylist()
    committer.add_table("renders")
    made: list[dict[str, View]] = []
    total = encode = decode = size = 0.0
    quality = []
    for scene in scenes:
        views = {}
        for camera, rgb in scene.items():
            begin = time.process_time()
            view = as_view("", codec, camera, rgb)
            encode += time.process_time() - begin
            begin = time.process_time()
            back = decode_images(view.video)
            decode += time.process_time() - begin
            quality.append(psnr(back, rgb))
            total += len(rgb)
            size += len(view.video.data)
            views[camera] = view
        made.append(views)
    for k, episode_id in enumerate(ids):
        again = made[k % len(made)].values()
        rows = [render_row(View(**{**vars(v), "episode_id": episode_id}), "run") for v in again]
        committer.append("renders", committer.writer.write("renders", rows), {})
    result.bytes_per_image = size / total
    result.encode_cpu_ms, result.decode_cpu_ms = 1e3 * encode / total, 1e3 * decode / total
    result.psnr_db = float(np.mean(quality))
    files = (path / f"{codec}{count}" / "renders.lance").rglob("*")
    result.disk_mb = sum(f.stat().st_size for f in files if f.is_file()) / 1e6
    return open_dataset(committer.location.root)


def median_ms(call: Callable[[int], object], times: int) -> float:
    spent = []
    for i in range(times):
        begin = time.perf_counter()
        call(i)
        spent.append(time.perf_counter() - begin)
    return 1e3 * float(np.median(spent))


def measure(dataset: Dataset, result: Result, batches: int) -> None:
    """Random windows of a few images of every camera; whole views, and their first images."""
    reader = ImageReader(dataset)
    rng = np.random.Generator(np.random.PCG64(1))

    def batch(_: int) -> None:
        asked = []
        for episode in rng.integers(len(reader), size=BATCH).tolist():
            first = int(rng.integers(reader.length(episode) - WINDOW + 1))
            window = range(first, first + WINDOW)
            asked += [(episode, camera, window) for camera in reader.cameras]
        reader.read(asked)

    batch(0)
    begin = time.process_time()
    wall = median_ms(batch, batches)
    result.train_cpu_ms_per_sample = 1e3 * (time.process_time() - begin) / batches / BATCH
    result.train_samples_per_s = 1e3 * BATCH / wall
    name, camera, count = reader.variant.name, reader.cameras[0], len(reader)

    def key(i: int) -> tuple[str, str, str]:
        return reader.episode_ids[i % count], name, camera

    result.first_image_ms = median_ms(lambda i: images(dataset, key(i), [0]), 2 * count)
    result.whole_view_ms = median_ms(
        lambda i: reader.read([(i % count, camera, range(reader.length(i % count)))]), count
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="dataset with rendered images; synthetic ones without it")
    parser.add_argument("--variant")
    parser.add_argument("--scenes", type=int, default=6, help="different episodes")
    parser.add_argument("--copies", type=int, default=8, help="stored episodes of each")
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--size", type=int, default=224, help="pixels of synthetic images")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.data:
        scenes = rendered(options.data, options.variant, options.scenes)
    else:
        scenes = synthetic(options.scenes, 80, options.size)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for codec in CODECS:
            result = Result(codec)
            dataset = store(Path(folder), scenes, codec, options.copies, result)
            measure(dataset, result, options.batches)
            results.append(result)
    if options.json:
        print(json.dumps([asdict(r) for r in results], indent=2))
        return
    shape = " x ".join(str(n) for n in next(iter(scenes[0].values())).shape)
    print(f"{len(scenes)} scenes of {len(scenes[0])} cameras, {shape}; a training sample is "
          f"{WINDOW} images of each camera, {BATCH} samples at a time")  # fmt: skip
    for name in asdict(results[0]):
        cells = [getattr(r, name) for r in results]
        print(f"{name:24s}" + "".join(
            f"{c:>12s}" if isinstance(c, str) else f"{c:12.2f}" for c in cells))  # fmt: skip


if __name__ == "__main__":
    main()
