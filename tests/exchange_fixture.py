"""Small real datasets with made-up images, to be exported; made once per test process."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import av
import numpy as np

from datafactory.episode import Episode
from datafactory.exchange.contract import ExportOptions
from datafactory.plugin import load_generator
from datafactory.render.media import encode_images
from datafactory.render.stage import Intrinsics
from datafactory.render.view import Annotations, View
from datafactory.store.commit import Committer, create_tables
from datafactory.store.dataset import Dataset, open_dataset
from datafactory.store.encode import asset_row, episode_row
from datafactory.store.location import Location
from datafactory.store.render_rows import render_row
from tests.fake_attempts import FakeSpec
from tests.store_fixture import lineage, run_row

ARM = "primitive_arm"
EPISODES = 3
CAMERAS = ("front", "wrist")
FPS = 10
SIZE = (64, 48)
CHANGED, NEW = 31, "put it in the box instead"


@cache
def accepted() -> tuple[Episode, ...]:
    """Real episodes of the primitive arm; the second one says that its goal changed."""
    generator = load_generator("pick_place")
    task = {info.name: info for info in generator.tasks()}["pick_place"].spec
    maker = generator.open(generator.spec(task, robot=ARM), 5)
    found: list[Episode] = []
    index = 0
    while len(found) < EPISODES:
        episode = maker.attempt(index)
        found += [episode] if episode.verdict.accepted else []
        index += 1
    told = [{"frame": CHANGED, "kind": "goal_changed", "instruction": NEW, "goal": ""}]
    found[1] = replace(found[1], extra={**found[1].extra, "events": told})
    return tuple(found)


def pictures(seed: int, count: int) -> np.ndarray:
    """(F, h, w, 3) uint8: a square moves over a colour gradient; another one for every seed."""
    width, height = SIZE
    y, x = np.mgrid[:height, :width]
    base = np.stack([x * 4, y * 5, np.full_like(x, 40 * seed % 256)], axis=-1).astype(np.uint8)
    images = np.repeat(base[None], count, axis=0)
    for k in range(count):
        at = (k * 3 + seed * 7) % (width - 8)
        images[k, 10:20, at : at + 8] = (250, 30 * seed % 256, k % 256)
    return images


def encoded(images: np.ndarray, codec: str = "libx264", **options: str) -> bytes:
    """A video as other programs make them."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=FPS)
        stream.height, stream.width = images.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.options = options
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def view(episode: Episode, episode_id: str, camera: str, seed: int, codec: str) -> View:
    t = episode.trajectory
    frames = np.arange(0, t.length, t.fps // FPS, dtype=np.int32)
    n, objects = len(frames), len(episode.objects)

    def none(*shape: int) -> np.ndarray:
        return np.full(shape, np.nan, np.float32)

    notes = Annotations(
        visible_box=none(n, objects, 4),
        amodal_box=none(n, objects, 4),
        visible_pixels=np.zeros((n, objects), np.int32),
        amodal_pixels=np.zeros((n, objects), np.int32),
        visibility=none(n, objects),
        center_uv=none(n, objects, 2),
        corners_uv=none(n, objects, 8, 2),
        box_camera=none(n, objects, 7),
        tcp_uv=np.column_stack([np.arange(n), np.arange(n) * 2]).astype(np.float32),
        tcp_camera=none(n, 3),
        fingertips_uv=none(n, 2, 2),
        grasp_uv=none(n, 0, 2, 2),
        grasp_object=np.zeros(0, np.int32),
        grasp_frame=np.zeros(0, np.int32),
    )
    return View(
        episode_id=episode_id,
        variant="v",
        camera=camera,
        renderer="by-hand",
        renderer_version="1",
        style_hash="0" * 32,
        look_json="{}",
        fps=FPS,
        frames=frames,
        intrinsics=Intrinsics(*SIZE, 60.0, 60.0, 32.0, 24.0),
        world_from_camera=np.tile(np.float32([0, 0, 1, 1, 0, 0, 0]), (n, 1)),
        base_from_camera=np.tile(np.float32([0, 0, 1, 1, 0, 0, 0]), (n, 1)),
        entities=("background",),
        video=encode_images(pictures(seed, n), FPS, codec),
        depth=None,
        masks=None,
        annotations=notes,
        phase=np.zeros(n, np.int16),
        thumbnail=b"",
        strip=b"",
        cpu_s={},
    )


EXTRA = load_generator("pick_place").extra_columns()


@cache
def dataset(codec: str = "h264") -> Dataset:
    """A dataset of three episodes; ``codec`` is that of its images, empty for none."""
    return stored(accepted(), Path(mkdtemp(prefix="datafactory-exchange-")) / "d", codec)


def stored(episodes: tuple[Episode, ...], path: Path, codec: str = "") -> Dataset:
    """A dataset of some episodes."""
    location = Location.of(path)
    create_tables(location, EXTRA)
    committer = Committer(location)
    committer.write_run(run_row(FakeSpec()))
    assets = {a.asset_id: asset_row(a) for e in episodes for a in e.assets}
    committer.add_assets(list(assets.values()))
    rows = [episode_row(e, lineage(FakeSpec()), EXTRA) for e in episodes]
    committer.append("episodes", committer.writer.write("episodes", rows), {})
    if codec:
        committer.add_table("renders")
        made = [
            render_row(view(e, r["episode_id"], camera, 2 * i + k, codec), "run")
            for i, (e, r) in enumerate(zip(episodes, rows, strict=True))
            for k, camera in enumerate(CAMERAS)
        ]
        committer.append("renders", committer.writer.write("renders", made), {})
    return open_dataset(path)


def ignore(done: int, total: int) -> None:
    """No progress."""


def export(exporter, out: Path, source: Dataset | None = None, **options):
    """Writes an export of the small dataset; returns its summary."""
    if not exporter.single_file:
        out.mkdir(parents=True)
    return exporter.write(source or dataset(), out, ExportOptions(**options), ignore)
