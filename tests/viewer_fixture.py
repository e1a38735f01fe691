"""A small dataset with everything the viewer shows, and a server that runs in this process."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import uvicorn

from datafactory.episode import CheckResult, Episode, Verdict
from datafactory.plugin import load_generator
from datafactory.render.media import contact_strip, encode_images, encode_masks, thumbnail
from datafactory.render.stage import Intrinsics
from datafactory.render.view import Annotations, View
from datafactory.store.commit import Committer, create_tables
from datafactory.store.encode import asset_row, attempt_row, episode_row
from datafactory.store.location import Location
from datafactory.store.render_rows import render_row
from datafactory.viewer.access import Access
from datafactory.viewer.app import Site, make_app
from datafactory.viewer.server import Settings, bind, site_of
from tests.fake_attempts import FakeSpec
from tests.store_fixture import lineage, run_row

ARM = "primitive_arm"
VARIANT, CAMERAS, FPS, SIZE = "plain", ("front", "wrist"), 10, (160, 120)
REFUSALS = (("plan", "ik_failed"), ("execute", "dropped"), ("execute", "dropped"))
CELL = 12
BITS = 8
TOKEN = "a-token-of-the-tests"


@cache
def accepted(count: int = 3) -> tuple[Episode, ...]:
    """Real episodes of the primitive arm."""
    generator = load_generator("pick_place")
    task = {info.name: info for info in generator.tasks()}["pick_place"].spec
    maker = generator.open(generator.spec(task, robot=ARM), 5)
    found: list[Episode] = []
    index = 0
    while len(found) < count:
        episode = maker.attempt(index)
        found += [episode] if episode.verdict.accepted else []
        index += 1
    return tuple(replace(e, attempt=i) for i, e in enumerate(found))


def refused() -> list[Episode]:
    """The same episodes as if they had failed."""
    made = []
    for i, (stage, reason) in enumerate(REFUSALS):
        check = CheckResult(stage, "made_up", False, 2.0, 1.0, "m")
        verdict = Verdict(False, stage, reason, (check,), False, False)
        source = accepted()[i]
        run = None if stage == "plan" else source.trajectory
        made.append(replace(source, attempt=10 + i, verdict=verdict, trajectory=run))
    return made


def counted(count: int) -> np.ndarray:
    """(F, h, w, 3) images with their number as bits along the top, and a bright square."""
    width, height = SIZE
    images = np.full((count, height, width, 3), 60, np.uint8)
    for i in range(count):
        for bit in range(BITS):
            if i >> bit & 1:
                images[i, :CELL, bit * CELL : (bit + 1) * CELL] = 255
        left, top = square(i)
        images[i, top : top + 20, left : left + 20] = (255, 255, 0)
    return images


def square(i: int) -> tuple[int, int]:
    """Left and top of the bright square in image ``i``."""
    return 8 + (4 * i) % (SIZE[0] - 40), 40 + (2 * i) % 40


def view(episode: Episode, episode_id: str, camera: str, codec: str = "h264") -> View:
    """A view whose first object is the bright square."""
    t = episode.trajectory
    assert t is not None
    frames = np.arange(0, t.length, t.fps // FPS, dtype=np.int32)
    count, n = len(frames), len(episode.objects)
    rgb = counted(count)
    boxes = np.full((count, n, 4), np.nan, np.float32)
    for i in range(count):
        left, top = square(i)
        boxes[i, 0] = (left, top, left + 20, top + 20)
    entity = np.zeros((count, SIZE[1], SIZE[0]), np.uint8)
    for i in range(count):
        left, top = square(i)
        entity[i, top : top + 20, left : left + 20] = 1

    def none(*shape: int) -> np.ndarray:
        return np.full(shape, np.nan, np.float32)

    notes = Annotations(
        visible_box=boxes,
        amodal_box=boxes,
        visible_pixels=np.full((count, n), 400, np.int32),
        amodal_pixels=np.full((count, n), 400, np.int32),
        visibility=np.ones((count, n), np.float32),
        center_uv=(boxes[:, :, :2] + 10).astype(np.float32),
        corners_uv=none(count, n, 8, 2),
        box_camera=none(count, n, 7),
        tcp_uv=np.column_stack([np.arange(count), np.arange(count) * 0.5]).astype(np.float32),
        tcp_camera=none(count, 3),
        fingertips_uv=none(count, 2, 2),
        grasp_uv=none(count, 0, 2, 2),
        grasp_object=np.zeros(0, np.int32),
        grasp_frame=np.zeros(0, np.int32),
    )
    poses = np.tile(np.array([1.2, 0.0, 1.3, 0.27, 0.65, 0.65, 0.27], np.float32), (count, 1))
    return View(
        episode_id=episode_id,
        variant=VARIANT,
        camera=camera,
        renderer="by-hand",
        renderer_version="1",
        style_hash="0" * 32,
        look_json="{}",
        fps=FPS,
        frames=frames,
        intrinsics=Intrinsics(*SIZE, 150.0, 150.0, 80.0, 60.0),
        world_from_camera=poses,
        base_from_camera=poses,
        entities=("background", *(o.name for o in episode.objects)),
        video=encode_images(rgb, FPS, codec),
        depth=None,
        masks=encode_masks(entity),
        annotations=notes,
        phase=np.zeros(count, np.int16),
        thumbnail=thumbnail(rgb[0]),
        strip=contact_strip(rgb),
        cpu_s={},
    )


def make(path: Path, *, rendered: bool = True, codec: str = "h264") -> Path:
    """Three accepted and three refused attempts; the accepted ones with images."""
    location, spec = Location.of(path), FakeSpec(robot=ARM)
    extra = load_generator("pick_place").extra_columns()
    create_tables(location, extra)
    committer = Committer(location)
    counts = {"task": "pick_place", "robot": ARM, "accepted": 3, "rejected": 3, "planned": 3}
    command = f"datafactory generate --task pick_place --robot {ARM} --n 3"
    committer.write_run(run_row(spec, **counts, command=command))
    every = [*accepted(), *refused()]
    assets = {a.asset_id: asset_row(a) for e in every for a in e.assets}
    committer.add_assets(list(assets.values()))
    rows = [episode_row(e, lineage(spec), extra) for e in accepted()]
    committer.append("episodes", committer.writer.write("episodes", rows), {})
    failed = [attempt_row(e, lineage(spec)) for e in refused()]
    committer.append("attempts", committer.writer.write("attempts", failed), {})
    if rendered:
        committer.add_table("renders")
        views = [
            view(e, row["episode_id"], c, codec)
            for e, row in zip(accepted(), rows, strict=True)
            for c in CAMERAS
        ]
        made = [render_row(v, "run") for v in views]
        committer.append("renders", committer.writer.write("renders", made), {})
    return path


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Client:
    """Asks a running server, byte for byte as told."""

    port: int
    site: Site

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> Reply:
        return self.send("GET", path + (f"?{urlencode(query)}" if query else ""), headers)

    def send(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: Any = None
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, body=text, headers=headers or {})
            answer = connection.getresponse()
            found = {k.lower(): v for k, v in answer.getheaders()}
            return Reply(answer.status, found, answer.read())
        finally:
            connection.close()

    def label(self, alias: str, ids: Sequence[str], kind: str, value: str, **more: Any) -> Reply:
        body = {"ids": list(ids), "kind": kind, "value": value, **more}
        return self.send("POST", f"/api/{alias}/labels", {"x-datafactory-token": TOKEN}, body)


@contextmanager
def running(paths: Sequence[Path | str], access: Access | None = None) -> Iterator[Client]:
    """A server over datasets."""
    rules = access or Access(TOKEN, writable=True)
    site = site_of([str(p) for p in paths], rules)
    taken = bind(Settings(port=0))
    config = uvicorn.Config(make_app(site), log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, daemon=True)
    thread.start()
    try:
        yield Client(taken.getsockname()[1], site)
    finally:
        server.should_exit = True
        thread.join(10)
        taken.close()
