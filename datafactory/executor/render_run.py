"""``datafactory render``: accepted episodes become images, resumable, on dask like generation.

The coordinator walks the episodes in storage order, hands out those whose images are missing, and
commits finished shards strictly in that order. All cameras of an episode are committed together,
so a variant has an episode with all its cameras or not at all.
"""

from __future__ import annotations

import queue
import re
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from datafactory.errors import DatasetError, SpecError
from datafactory.executor.cluster import check_workers, connect, thread_count
from datafactory.executor.interrupt import Interrupt
from datafactory.executor.machine import cpu, engine, machine, package_versions
from datafactory.executor.pool import stop_session
from datafactory.executor.render_child import RenderJob, RenderReply
from datafactory.executor.render_shard import SHARD_TRIES, lost_shard, render_shard
from datafactory.executor.request import Meter, Progress
from datafactory.render.choice import choose, identity
from datafactory.render.poses import frame_numbers
from datafactory.render.style import Style
from datafactory.store.commit import Committer
from datafactory.store.compact import FRAGMENTS_BEFORE_COMPACTION, clean_table, compact_table
from datafactory.store.dataset import Dataset
from datafactory.store.encode import canonical_json, run_id
from datafactory.store.location import Location
from datafactory.store.lock import writer_lock
from datafactory.store.renders import identities, rendered_ids
from datafactory.store.writer import Fragment

IN_FLIGHT = 2
BUFFERED = 6
SHARD_EPISODES = 8
COMMIT_EVERY_S = 2.0
ROW_EVERY_S = 10.0
WAIT_S = 0.2


@dataclass(frozen=True)
class RenderRequest:
    """What to render.

    Attributes:
        path: Dataset.
        style: The style; its ``renderer`` is chosen once for the whole variant.
        variant: Name of the variant.
        where: Filter on episodes, or None for all.
        limit: Largest number of episodes of the filter, or None.
        workers: Local processes; None for one per core. Ignored with a scheduler.
        scheduler: Address of an existing dask scheduler, or None.
        timeout_s: Wall seconds an episode may take.
        command: Command line, recorded.
    """

    path: str
    style: Style
    variant: str
    where: str | None = None
    limit: int | None = None
    workers: int | None = None
    scheduler: str | None = None
    timeout_s: float = 600.0
    command: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,47}", self.variant):
            raise SpecError(
                f"'{self.variant}' cannot be the name of a variant",
                where=f"--variant {self.variant}",
                why="lower case letters, digits, and _ . - within, at most 48",
                remedy="--variant random_1",
            )


@dataclass(frozen=True)
class RenderSummary:
    """How a render call ended.

    Attributes:
        path, variant, renderer: What was rendered and by what.
        status: ``complete`` or ``interrupted``.
        episodes: Episodes of the request that have their images now.
        planned: Episodes of the request.
        made: Episodes rendered by this call.
        images: Images rendered by this call.
        wall_s: Wall seconds of this call.
        cpu_s: CPU seconds of this call by step.
    """

    path: str
    variant: str
    renderer: str
    status: str
    episodes: int
    planned: int
    made: int
    images: int
    wall_s: float
    cpu_s: Mapping[str, float]


def run_rendering(
    request: RenderRequest, *, on_event: Callable[[Progress], None] | None = None
) -> RenderSummary:
    """Renders the episodes of a dataset that have no images of this variant yet.

    Args:
        request: What to render.
        on_event: Receives progress, at most twice a second.

    Raises:
        DatasetError: The variant exists in another style, or there is nothing to render.
        MissingPartError: The renderer cannot run here.
        StorageError: The disk is full; what is committed stays, and the call can be repeated.
    """
    location = Location.of(request.path)
    session = uuid.uuid4().hex[:12]
    with Interrupt() as interrupt:
        Dataset(location)  # refuses what is not a dataset before a lock file is made in it
        with writer_lock(location, "render"):
            try:
                return _Rendering(request, location, session, interrupt, on_event).run()
            finally:
                stop_session(session)


def _chosen(name: str) -> tuple[str, str]:
    """Name and identity of the renderer a style's choice leads to on this machine."""
    renderer = choose(name)
    try:
        return renderer.name, identity(renderer)
    finally:
        renderer.close()


class _Rendering:
    """The state of one call."""

    def __init__(
        self,
        request: RenderRequest,
        location: Location,
        session: str,
        interrupt: Interrupt,
        on_event: Callable[[Progress], None] | None,
    ) -> None:
        self._request = request
        self._session = session
        self._interrupt = interrupt
        self._begin = time.monotonic()
        self._committer = Committer(location)
        self._dataset = Dataset(location)
        wanted = self._wanted()
        self._renderer, self._renderer_version = _chosen(request.style.renderer)
        self._refuse_another_style()
        done = rendered_ids(self._dataset, request.variant)
        self._left = deque(position for position, key in wanted if key not in done)
        self._planned, self._had = len(wanted), len(wanted) - len(self._left)
        self._made = self._images = 0
        self._cpu_s: Counter[str] = Counter()
        self._done: queue.Queue[tuple[int, int]] = queue.Queue()
        self._futures: dict[int, tuple[Any, RenderJob, int]] = {}
        self._order: deque[int] = deque()
        self._next = 0
        self._replies: dict[int, RenderReply] = {}
        self._waiting: list[Fragment] = []
        self._fragments = 0
        self._committed = time.monotonic()
        self._row = self._run_row()
        self._row_written = 0.0
        self._meter = Meter(on_event, self._planned)
        self._meter.start(self._had)

    def _wanted(self) -> list[tuple[int, str]]:
        """(position, episode id) of the request's episodes in storage order."""
        table = self._dataset.episodes(columns=["episode_id", "fps"])
        every = table.column(0).to_pylist()
        for fps in set(table.column(1).to_pylist()):
            frame_numbers(1, fps, self._request.style.fps)  # refuses rates that do not divide
        if self._request.where is not None:
            chosen = self._dataset.episodes(self._request.where, columns=["episode_id"])
            kept = set(chosen.column(0).to_pylist())
        else:
            kept = set(every)
        found = [(i, key) for i, key in enumerate(every) if key in kept][: self._request.limit]
        if not found:
            raise DatasetError(
                f"{self._request.path} has no episode to render",
                why=f"the filter is: {self._request.where}" if self._request.where else "",
                remedy=f"datafactory stats {self._request.path}",
            )
        return found

    def _refuse_another_style(self) -> None:
        """Compares with the images that are there, whatever the calls that made them recorded."""
        request, style = self._request, self._request.style
        for found in identities(self._dataset, request.variant):
            if found.style_hash != style.style_hash:
                raise DatasetError(
                    f"the variant '{request.variant}' of {request.path} has another style",
                    why=f"its style has the hash {found.style_hash}, this one {style.style_hash}",
                    remedy="choose another name: --variant NAME",
                )
            ours = (self._renderer, self._renderer_version)
            if (found.renderer, found.renderer_version) != ours:
                raise SpecError(
                    f"the variant '{request.variant}' was begun by another renderer",
                    why=f"{found.renderer} ({found.renderer_version}) there, "
                    f"{self._renderer} ({self._renderer_version}) here",
                    remedy=f"--renderer {found.renderer} on such a machine, or another --variant",
                )

    def run(self) -> RenderSummary:
        """Renders what is missing."""
        status = "complete"
        try:
            if self._left:
                self._committer.add_table("renders")
                self._write_row("running")
                workers = self._request.workers or machine()["cores"]
                with connect(self._request.scheduler, workers, self._session) as client:
                    if self._request.scheduler is not None:
                        check_workers(client, self._committer.location.root)
                    status = self._drive(client)
        except BaseException:
            self._end("stopped")
            raise
        self._end(status)
        return self._summary(status)

    def _drive(self, client: Any) -> str:
        while self._left or self._order:
            self._hand_out(client, thread_count(client))
            self._collect(client)
            self._take_in_order()
            self._meter.update(self._had + self._made, self._had + self._made, {}, False)
            if self._interrupt.asked:
                return "interrupted"
        return "complete"

    def _hand_out(self, client: Any, threads: int) -> None:
        while self._left and len(self._futures) < IN_FLIGHT * threads:
            if len(self._order) >= BUFFERED * threads:
                return
            size = max(1, min(SHARD_EPISODES, -(-len(self._left) // (threads * 3))))
            positions = tuple(self._left.popleft() for _ in range(size))
            number = self._next
            self._next += 1
            self._order.append(number)
            job = RenderJob(
                session=self._session,
                path=self._committer.location.root,
                version=self._dataset.version,
                style=self._request.style.to_dict(),
                variant=self._request.variant,
                renderer=self._renderer,
                identity=self._renderer_version,
                run_id=self._row["run_id"],
                positions=positions,
            )
            self._submit(client, number, job, 1)

    def _submit(self, client: Any, number: int, job: RenderJob, tries: int) -> None:
        future = client.submit(
            render_shard,
            job,
            self._request.timeout_s,
            key=(f"datafactory-{self._session}", number, tries),
            pure=False,
            priority=-number,
        )
        self._futures[number] = (future, job, tries)
        future.add_done_callback(lambda _: self._done.put((number, tries)))

    def _collect(self, client: Any) -> None:
        """Waits a moment for finished shards."""
        wait = WAIT_S
        while True:
            try:
                number, tries = self._done.get(timeout=wait)
            except queue.Empty:
                return
            wait = 0.0001
            future, job, latest = self._futures[number]
            if tries != latest:
                continue
            del self._futures[number]
            if future.status == "finished":
                self._replies[number] = future.result()
            elif client.status == "running" and tries < SHARD_TRIES:
                self._submit(client, number, job, tries + 1)
            else:
                self._replies[number] = RenderReply(job.positions, error=lost_shard(future))

    def _take_in_order(self) -> None:
        while self._order and self._order[0] in self._replies:
            reply = self._replies.pop(self._order[0])
            if reply.error is not None:
                raise reply.error
            self._order.popleft()
            self._waiting.extend(reply.fragments)
            self._made += len(reply.positions)
            self._images += reply.images
            self._cpu_s.update(reply.cpu_s)
        if time.monotonic() - self._committed > COMMIT_EVERY_S:
            self._commit()

    def _commit(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._committer.append("renders", waiting, {"variant": self._request.variant})
        self._fragments += len(waiting)
        self._committed = time.monotonic()
        if self._fragments >= FRAGMENTS_BEFORE_COMPACTION:
            compact_table(self._committer, "renders")
            clean_table(self._committer, "renders")
            self._fragments = 0
        self._write_row("running")

    def _end(self, status: str) -> None:
        """Commits what is finished and records how the call ended."""
        if self._row_written == 0.0 and not self._left:
            self._write_row(status)  # nothing to do: the call is recorded all the same
        elif self._row_written:
            self._commit()
            self._write_row(status)
            stop_session(self._session)
            clean_table(self._committer, "renders", orphans=True)

    def _run_row(self) -> dict[str, Any]:
        request, style = self._request, self._request.style
        run = run_id("render", request.variant, style.style_hash, style.seed)
        calls = sum(r.run_id == run for r in self._dataset.runs())
        return {
            "call_id": f"{run}-{calls}",
            "run_id": run,
            "command": request.command,
            "generator": f"render:{self._renderer}",
            "generator_version": self._renderer_version,
            "spec_hash": style.style_hash,
            "spec_json": canonical_json(style.to_dict()),
            "run_seed": style.seed,
            "task": request.variant,
            "robot": "",
            "options_json": canonical_json({"where": request.where, "limit": request.limit}),
            "versions_json": canonical_json(package_versions()),
            "machine_json": canonical_json(machine()),
            "engine": engine(),
            "cpu": cpu(),
            "reasons_json": "{}",
            "planned": self._planned,
            "rejected": 0,
            "started_at": datetime.now(UTC),
        }

    def _write_row(self, status: str) -> None:
        now = datetime.now(UTC)
        self._row |= {
            "status": status,
            "accepted": self._had + self._made,
            "updated_at": now,
            "ended_at": None if status == "running" else now,
        }
        self._committer.write_run(self._row)
        self._row_written = time.monotonic()

    def _summary(self, status: str) -> RenderSummary:
        self._meter.update(self._had + self._made, self._had + self._made, {}, True)
        return RenderSummary(
            path=self._committer.location.root,
            variant=self._request.variant,
            renderer=self._renderer,
            status=status,
            episodes=self._had + self._made,
            planned=self._planned,
            made=self._made,
            images=self._images,
            wall_s=time.monotonic() - self._begin,
            cpu_s=dict(self._cpu_s),
        )
