"""Measures the viewer on a made-up dataset of any size, through HTTP, against its bars.

The rows are those of a few real attempts in random order under new ids, so every column but the
time series has its real size; the first rows keep their series, and some get films (series of all
rows would take 15 GB). What is measured is a server in a process of its own, started as a person
starts it.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
import pyarrow as pa

from datafactory.benchmark import Measure
from datafactory.episode import Episode
from datafactory.plugin import load_generator
from datafactory.render.media import contact_strip, encode_images, thumbnail
from datafactory.render.stage import Intrinsics
from datafactory.render.view import Annotations, View
from datafactory.seeding import stream
from datafactory.store.commit import Committer, create_tables
from datafactory.store.encode import Lineage, asset_row, attempt_row, episode_row, to_batch
from datafactory.store.location import Location
from datafactory.store.render_rows import render_row
from datafactory.store.render_schema import ANNOTATIONS
from datafactory.store.schema import STORAGE_VERSION, table_schema
from datafactory.store.series import BY_NAME
from datafactory.viewer import bench_browser

TEMPLATES = 24
REJECTED_SHARE = 0.1
SERIES, FILMS = 2048, 48
BLOCK = 4096
SIZE, FPS = (224, 224), 10
QUERIES = 40
MOTION_TRIES = 1200
BARS: Mapping[str, tuple[str, float | None]] = {
    "server start, until it answers": ("s", 2.0),
    "overview, cold": ("s", 1.0),
    "CPU of start and cold overview": ("s", None),
    "overview with a filter, 95 % under": ("s", 0.3),
    "filter, sort and page, 95 % under": ("s", 0.3),
    "page anywhere, 95 % under": ("s", 0.2),
    "episode, 95 % under": ("s", 0.3),
    "first 64 KiB of a film, 95 % under": ("s", 0.2),
    "time series of 1,000 episodes, in the background": ("s", None),
    "resident memory": ("MB", 500.0),
    "its growth over the last 80 requests": ("MB", 25.0),
    "comparing it with itself, first time": ("s", 2.0),
    "the same comparison again": ("s", 0.2),
    "resident memory after comparing": ("MB", 500.0),
    **bench_browser.BARS,
}
FILTERS = (
    "relation = 'in' AND seconds > {s}",
    "family = 'mug' OR family = 'bottle' AND seconds > {s}",
    "instruction ~ 'blue' AND seconds > {s}",
    "outcome = 'rejected' AND attempt > {n}",
    "distractors >= 2 AND metric.slip_m < 0.0{n} AND NOT robot = 'ur5e'",
    "start IN BOX (0.{n}, -0.3, 0.8, 0.3) AND seconds BETWEEN 5 AND {s}",
)
ACCEPTED = "outcome = 'accepted'"
SORTS = ("seconds", "metric.slip_m", "instruction", "attempt", "relation")


def make_dataset(path: Path, count: int, seed: int = 0) -> None:
    """Makes a dataset of ``count`` attempts, one in ten refused; the first ones with films."""
    attempts = _attempts()
    location = Location.of(path)
    generator = load_generator("pick_place")
    extra = tuple(generator.extra_columns())
    lineage = Lineage("bench", "pick_place", "1", "0" * 32, seed, "mujoco", "none")
    create_tables(location, extra)
    committer = Committer(location)
    assets = {a.asset_id: asset_row(a) for e in attempts for a in e.assets}
    committer.add_assets(list(assets.values()))
    rows = [episode_row(e, lineage, extra) for e in attempts]
    failed = [attempt_row(_refused(e), lineage) for e in attempts]
    rejected = int(REJECTED_SHARE * count)
    schema = table_schema("episodes", extra)
    _write(location, "episodes", to_batch(rows, schema), count - rejected, seed, SERIES)
    _write(location, "attempts", to_batch(failed, table_schema("attempts")), rejected, seed, 0)
    committer.add_table("renders")
    views = [render_row(v, "bench") for v in _views(attempts, count - rejected, seed)]
    committer.append("renders", committer.writer.write("renders", views), {})
    committer.write_run(_run(lineage, count - rejected, rejected))


def _attempts() -> list[Episode]:
    generator = load_generator("pick_place")
    task = {info.name: info for info in generator.tasks()}["pick_place"].spec
    maker = generator.open(generator.spec(task, robot="primitive_arm"), 0)
    found = (e for e in map(maker.attempt, range(4 * TEMPLATES)) if e.verdict.accepted)
    return [next(found) for _ in range(TEMPLATES)]


def _refused(episode: Episode) -> Episode:
    from dataclasses import replace

    reasons = ("grasp_slip", "ik_failed", "dropped", "place_missed")
    stages = ("grasp", "plan", "execute", "goal")
    k = episode.attempt % len(reasons)
    verdict = replace(episode.verdict, accepted=False, stage=stages[k], reason=reasons[k])
    return replace(episode, verdict=verdict)


def _id(table: str, seed: int, row: int) -> str:
    """An id that looks like any other."""
    import hashlib

    return hashlib.blake2b(f"{table}/{seed}/{row}".encode(), digest_size=16).hexdigest()


def _write(
    location: Location, name: str, template: pa.RecordBatch, count: int, seed: int, real: int
) -> None:
    """Appends ``count`` rows drawn from a template; from ``real`` on without time series."""
    import lance

    whole = pa.Table.from_batches([template])
    light = whole
    for i, column in enumerate(whole.schema):
        if column.name in BY_NAME:
            none = pa.array([[]] * whole.num_rows, type=column.type)
            light = light.set_column(i, column, none)
    order = stream(seed, "viewer bench", 0, name).integers(0, whole.num_rows, count)

    def blocks() -> Iterator[pa.RecordBatch]:
        start = 0
        while start < count:
            stop = min(start + BLOCK, count) if start >= real else min(real, count)
            part = (whole if start < real else light).take(pa.array(order[start:stop]))
            ids = pa.array([_id(name, seed, row) for row in range(start, stop)])
            part = part.set_column(0, part.schema.field(0), ids)
            place = part.schema.get_field_index("attempt")
            numbers = pa.array(np.arange(start, stop, dtype=np.int64))
            part = part.set_column(place, part.schema.field(place), numbers)
            yield from part.to_batches()
            start = stop

    reader = pa.RecordBatchReader.from_batches(whole.schema, blocks())
    lance.write_dataset(
        reader,
        location.table(name),
        mode="append",
        data_storage_version=STORAGE_VERSION,
        max_rows_per_file=4 * BLOCK,
    )


def _views(attempts: Sequence[Episode], count: int, seed: int) -> Iterator[View]:
    """Films of the first rows, of noise that moves; nothing is known of what they show."""
    order = stream(seed, "viewer bench", 0, "episodes").integers(0, len(attempts), count)
    for row in range(min(FILMS, count)):
        episode = attempts[order[row]]
        run = episode.trajectory
        assert run is not None
        frames = np.arange(0, run.length, run.fps // FPS, dtype=np.int32)
        for camera in ("front", "wrist"):
            yield _view(_id("episodes", seed, row), camera, frames, len(episode.objects), row)


def _view(key: str, camera: str, frames: np.ndarray[Any, Any], objects: int, row: int) -> View:
    width, height = SIZE
    texture = stream(row, "viewer bench", 0, camera).integers(0, 200, (height, width, 3), np.uint8)
    rgb = np.stack([np.roll(texture // 4 + 80, 2 * i, axis=1) for i in range(len(frames))])
    sizes = {"length": len(frames), "n_objects": objects, "n_grasps": 0}
    shapes = {a.name: [sizes[s] if isinstance(s, str) else s for s in a.shape] for a in ANNOTATIONS}
    notes = {a.name: np.zeros(shapes[a.name], a.dtype) for a in ANNOTATIONS}
    poses = np.tile(np.array([1, 0, 1, 1, 0, 0, 0], np.float32), (len(frames), 1))
    return View(
        episode_id=key,
        variant="bench",
        camera=camera,
        renderer="none",
        renderer_version="1",
        style_hash="0" * 32,
        look_json="{}",
        fps=FPS,
        frames=frames,
        intrinsics=Intrinsics(width, height, 200.0, 200.0, width / 2, height / 2),
        world_from_camera=poses,
        base_from_camera=poses,
        entities=("background",),
        video=encode_images(rgb, FPS, "h264"),
        depth=None,
        masks=None,
        annotations=Annotations(**notes),
        phase=np.zeros(len(frames), np.int16),
        thumbnail=thumbnail(rgb[0]),
        strip=contact_strip(rgb),
        cpu_s={},
    )


def _run(lineage: Lineage, accepted: int, rejected: int) -> dict[str, Any]:
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    row: dict[str, Any] = dict.fromkeys(
        ("spec_json", "options_json", "versions_json", "machine_json", "reasons_json"), "{}"
    )
    row |= {"call_id": "bench", "run_id": lineage.run_id, "command": "", "status": "complete"}
    row |= {"generator": lineage.generator, "generator_version": lineage.generator_version}
    row |= {"spec_hash": lineage.spec_hash, "run_seed": lineage.run_seed, "task": "pick_place"}
    row |= {"robot": "primitive_arm", "engine": lineage.engine, "cpu": lineage.cpu}
    row |= {"planned": accepted, "accepted": accepted, "rejected": rejected}
    return {**row, "started_at": now, "updated_at": now, "ended_at": now}


@dataclass
class _Server:
    """A server in another process."""

    process: subprocess.Popen[str]
    port: int
    alias: str

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> bytes:
        """One answer of the dataset's interface."""
        target = f"/api/{quote(self.alias)}/{path}" + (f"?{urlencode(query)}" if query else "")
        return self.ask(target, headers)

    def compare(self) -> bytes:
        """The dataset compared with itself."""
        return self.ask("/api/difference?" + urlencode({"a": self.alias, "b": self.alias}))

    def ask(self, target: str, headers: dict[str, str] | None = None) -> bytes:
        """One answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", target, headers=headers or {})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status not in (200, 206):
                raise RuntimeError(f"{target}: {answer.status} {body[:200]!r}")
            return body
        finally:
            connection.close()

    def cpu_s(self) -> float:
        """CPU seconds the server has used."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Resident memory of the server."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        line = next(x for x in status.splitlines() if x.startswith("VmRSS"))
        return int(line.split()[1]) / 1000


@contextmanager
def _server(path: Path) -> Iterator[tuple[_Server, float]]:
    """A running server and the seconds until it answered."""
    words = [sys.executable, "-m", "datafactory_cli.main", "view", str(path), "--json"]
    begin = time.perf_counter()
    process = subprocess.Popen(
        [*words, "--port", "0", "--no-open"], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        port = int(said["url"].rstrip("/").rpartition(":")[2])
        running = _Server(process, port, said["datasets"][0])
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            connection.request("GET", "/")
            connection.getresponse().read()
        yield running, time.perf_counter() - begin
    finally:
        process.terminate()
        process.communicate(timeout=20)


def bench_view(path: Path, note: Callable[[str], None], seed: int = 0) -> tuple[Measure, ...]:
    """Measures a server on a dataset of :func:`make_dataset`.

    Args:
        path: The dataset.
        note: Told what is not measured, and why.
        seed: Of the queries.
    """
    found: dict[str, float] = {}
    with _server(path) as (server, started):
        found["server start, until it answers"] = started
        found["overview, cold"] = _timed(lambda: server.get("overview"))
        found["CPU of start and cold overview"] = server.cpu_s()
        queries = list(_queries(QUERIES, seed))
        found["overview with a filter, 95 % under"] = _p95(
            [_timed(lambda q=q: server.get("overview", where=q["where"])) for q in queries[::2]]
        )
        found["filter, sort and page, 95 % under"] = _p95(
            [_timed(lambda q=q: server.get("rows", None, limit=100, **q)) for q in queries]
        )
        total = json.loads(server.get("rows", limit=0))["count"]
        places = stream(seed, "viewer bench", 0, "places").integers(0, total, QUERIES)
        found["page anywhere, 95 % under"] = _p95(
            [_timed(lambda p=p: server.get("rows", limit=100, offset=int(p))) for p in places]
        )
        ids = [r["id"] for r in json.loads(server.get("rows", limit=FILMS, where=ACCEPTED))["rows"]]
        found["episode, 95 % under"] = _p95(
            [_timed(lambda i=i: server.get(f"attempts/{i}")) for i in ids[: QUERIES // 2]]
        )
        part = {"range": "bytes=0-65535"}
        films = [f"attempts/{i}/views/bench/front/video" for i in ids[:QUERIES]]
        found["first 64 KiB of a film, 95 % under"] = _p95(
            [_timed(lambda f=f: server.get(f, part)) for f in films]
        )
        found["time series of 1,000 episodes, in the background"] = _read_series(server)
        passes = []
        for again in (1, 2):
            for query in _queries(QUERIES, seed + again):
                server.get("rows", None, limit=100, **query)
                server.get("overview", where=query["where"])
            passes.append(server.memory_mb())
        found["resident memory"] = passes[1]
        found["its growth over the last 80 requests"] = max(0.0, passes[1] - passes[0])
        found["comparing it with itself, first time"] = _timed(server.compare)
        found["the same comparison again"] = _timed(server.compare)
        found["resident memory after comparing"] = server.memory_mb()
        if why := bench_browser.missing():
            note(f"nothing was measured in a browser: {why}")
        else:
            found |= bench_browser.first_images(server.port, server.alias, ids[-FILMS // 2 :])
    bars = ((n, *bar) for n, bar in BARS.items() if n in found)
    return tuple(Measure(n, found[n], unit, bar, "low") for n, unit, bar in bars)


def _read_series(server: _Server) -> float:
    """Seconds for 1,000 episodes with series; all are read, as what is kept of them counts, too."""
    begin, taken = time.perf_counter(), 0.0
    for _ in range(MOTION_TRIES):
        motion = json.loads(server.get("motion"))
        many = min(SERIES, int(motion["total"]))
        if not taken and motion["done"] >= many:
            taken = time.perf_counter() - begin
        if motion["done"] == motion["total"]:
            break
        time.sleep(0.05)
    return 1000 * taken / many


def _queries(count: int, seed: int) -> Iterator[dict[str, str]]:
    """Filters and orders, none of them twice."""
    rng = stream(seed, "viewer bench", 0, "queries")
    for k in range(count):
        where = FILTERS[k % len(FILTERS)].format(s=round(float(rng.uniform(6, 12)), 4), n=k + 1)
        sort = str(rng.choice(SORTS))
        yield {"where": where, "sort": sort, "descending": "true" if rng.random() < 0.5 else ""}


def _timed(call: Any) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def _p95(values: Sequence[float]) -> float:
    return float(np.percentile(values, 95))
