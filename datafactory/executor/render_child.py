"""What runs inside a child that renders: episodes read, rendered, written as fragments."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from datafactory.errors import DataFactoryError, SpecError
from datafactory.executor.attempts import IDLE_EXIT_S
from datafactory.executor.machine import relax_collector
from datafactory.store.writer import Fragment

if TYPE_CHECKING:
    from datafactory.render.studio import Studio


@dataclass(frozen=True)
class RenderJob:
    """Some episodes to render.

    Attributes:
        session: Id of the coordinator's run.
        path: Dataset.
        version: Version of its episodes table that ``positions`` count in.
        style: Style as plain data.
        variant: Name of the render variant.
        renderer: Registered name.
        identity: Version and device it must have; see ``render.choice.identity``.
        run_id: Lineage.
        positions: Episodes by position in storage order, ascending.
    """

    session: str
    path: str
    version: int
    style: dict[str, Any]
    variant: str
    renderer: str
    identity: str
    run_id: str
    positions: tuple[int, ...]


@dataclass
class RenderReply:
    """What came of a job.

    Attributes:
        positions: Episodes done.
        images: Images rendered.
        fragments: Uncommitted fragments of ``renders``.
        cpu_s: CPU seconds by step, over all episodes.
        error: Set when the job failed; nothing of it counts then.
    """

    positions: tuple[int, ...]
    images: int = 0
    fragments: list[Fragment] = field(default_factory=list)
    cpu_s: dict[str, float] = field(default_factory=dict)
    error: BaseException | None = None


class RenderBugError(Exception):
    """Rendering raised an exception or killed its process: a bug, exit code 70."""


def serve(connection: Connection, settings: dict[str, Any]) -> None:
    """Answers jobs until the connection closes or stays idle. Settings are not used."""
    del settings
    relax_collector()
    worker = _Worker()
    try:
        while connection.poll(IDLE_EXIT_S):
            job: RenderJob = connection.recv()
            try:
                reply = worker.run(job)
            except DataFactoryError as error:
                reply = RenderReply(job.positions, error=error)
            except Exception:
                bug = RenderBugError(traceback.format_exc())
                reply = RenderReply(job.positions, error=bug)
            connection.send(reply)
    finally:
        worker.close()


class _Worker:
    """The open studio and writer of one child."""

    def __init__(self) -> None:
        self._key: tuple[Any, ...] = ()
        self._studio: Studio | None = None
        self._writer: Any = None

    def close(self) -> None:
        """Frees the renderer."""
        if self._studio is not None:
            self._studio.close()
            self._studio = None

    def _open(self, job: RenderJob) -> Studio:
        from datafactory.render.choice import choose, identity
        from datafactory.render.studio import Studio
        from datafactory.render.style import Style
        from datafactory.store.dataset import open_dataset
        from datafactory.store.writer import FragmentWriter

        key = (job.session, job.version, job.renderer, str(sorted(job.style.items())))
        if self._studio is None or key != self._key:
            self.close()
            dataset = open_dataset(job.path, job.version)
            style = Style.model_validate(job.style)
            renderer = choose(job.renderer)
            self._studio = Studio(dataset, style, job.variant, renderer)
            if identity(renderer) != job.identity:
                raise SpecError(
                    "a worker would draw other images than the rest of the variant",
                    why=f"{identity(renderer)} there, {job.identity} elsewhere",
                    remedy="use workers with the same devices and drivers",
                )
            self._writer = FragmentWriter(dataset.location)
            self._key = key
        return self._studio

    def run(self, job: RenderJob) -> RenderReply:
        from datafactory.store.renders import render_row

        studio = self._open(job)
        reply = RenderReply(job.positions)
        rows = []
        for position in job.positions:
            for view in studio.views(position):
                rows.append(render_row(view, job.run_id))
                reply.images += view.length
                for step, seconds in view.cpu_s.items():
                    reply.cpu_s[step] = reply.cpu_s.get(step, 0.0) + seconds
        with studio.clock("store", reply.cpu_s):
            reply.fragments = self._writer.write("renders", rows)
        return reply
