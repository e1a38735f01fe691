"""What runs inside a child: attempts made, encoded, written as uncommitted fragments."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from typing import Any

from datafactory.episode import REASONS, Episode, Verdict
from datafactory.errors import DataFactoryError, PluginError
from datafactory.executor.child import resolve
from datafactory.executor.faults import AttemptBugError
from datafactory.executor.machine import cpu, engine, relax_collector
from datafactory.plugin import BatchMaker, Generator, Maker, Spec, load_generator
from datafactory.store.writer import Fragment

IDLE_EXIT_S = 120.0
"""A child nobody asks for anything ends itself after this long."""
TIMEOUT_STAGE = "execute"


@dataclass(frozen=True)
class Job:
    """A shard of attempts.

    Attributes:
        session: Id of the coordinator's run; assets are sent once per session and child.
        path: Dataset.
        generator: Entry point name or ``module:attribute``.
        spec: Spec as plain data.
        run_id, run_seed: Lineage.
        indices: Attempt indices, ascending.
        timeout_s: Wall seconds an attempt may take.
        timed_out: Those of the indices already known to exceed it.
        one_by_one: Do not run attempts as a batch.
        all_assets: Send every asset again.
    """

    session: str
    path: str
    generator: str
    spec: dict[str, Any]
    run_id: str
    run_seed: int
    indices: tuple[int, ...]
    timeout_s: float
    timed_out: frozenset[int] = frozenset()
    one_by_one: bool = False
    all_assets: bool = False


@dataclass
class Reply:
    """What a shard gave: small, but for assets seen for the first time.

    Attributes:
        indices: Attempt indices, ascending.
        reasons: Reason code per attempt; empty when accepted.
        ids: Episode id per attempt.
        uses: Asset ids per attempt.
        episodes, attempts: Uncommitted fragments.
        assets: Rows of assets this child sends for the first time in the session.
        wall_s: Wall seconds of the attempts.
        error: Set when the shard failed; everything else is then empty.
    """

    indices: tuple[int, ...]
    reasons: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    uses: list[tuple[str, ...]] = field(default_factory=list)
    episodes: list[Fragment] = field(default_factory=list)
    attempts: list[Fragment] = field(default_factory=list)
    assets: dict[str, dict[str, Any]] = field(default_factory=dict)
    wall_s: float = 0.0
    error: BaseException | None = None


def find_generator(reference: str) -> Generator:
    """Instantiates a generator given by entry point name or ``module:attribute``."""
    if ":" not in reference:
        return load_generator(reference)
    try:
        generator: Generator = resolve(reference)()
    except (ImportError, AttributeError) as error:
        raise PluginError(
            f"the generator '{reference}' cannot be loaded", why=f"{type(error).__name__}: {error}"
        ) from error
    return generator


def serve(connection: Connection, settings: dict[str, Any]) -> None:
    """Answers jobs until the connection closes or stays idle.

    For each job: ``("begin", attempts)`` messages as attempts start, ``("writing",)``, then
    ``("reply", Reply)``. Settings may name a generator to import ahead of the first job.
    """
    relax_collector()
    worker = _Worker(connection)
    ahead = settings.get("generator")
    if ahead is not None:
        worker.import_ahead(ahead)
    while connection.poll(IDLE_EXIT_S):
        job: Job = connection.recv()
        try:
            reply = worker.run(job)
        except DataFactoryError as error:
            reply = Reply(job.indices, error=error)
        except Exception:
            detail = traceback.format_exc()
            bug = AttemptBugError(job.generator, worker.current, detail)
            reply = Reply(job.indices, error=bug)
        connection.send(("reply", reply))


class _Worker:
    """The caches of one child: the open maker, table handles, and which assets were sent."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._key: tuple[Any, ...] = ()
        self._session = ""
        self._sent: set[str] = set()
        self._generator: Generator
        self._spec: Spec
        self._maker: Maker
        self._writer: Any = None
        self.current: int | None = None

    def import_ahead(self, reference: str) -> None:
        """Imports what the first job will need; its errors show up when the job runs."""
        try:
            find_generator(reference)
        except DataFactoryError:
            return
        from datafactory.store.location import lance_module

        lance_module()

    def _open(self, job: Job) -> None:
        from datafactory.store.location import Location
        from datafactory.store.writer import FragmentWriter

        self.current = None
        key = (job.generator, str(sorted(job.spec.items())), job.run_seed)
        if key != self._key:
            self._generator = find_generator(job.generator)
            self._spec = self._generator.spec(job.spec)
            self._maker = self._generator.open(self._spec, job.run_seed)
            self._key = key
        if job.session != self._session:
            self._session, self._sent = job.session, set()
            self._writer = FragmentWriter(Location.of(job.path))

    def run(self, job: Job) -> Reply:
        from datafactory.store.encode import Lineage, asset_row, attempt_row, episode_row

        self._open(job)
        generator = self._generator
        lineage = Lineage(
            job.run_id,
            generator.name,
            generator.version,
            self._spec.spec_hash,
            job.run_seed,
            engine(),
            cpu(),
        )
        extra = generator.extra_columns()
        reply = Reply(job.indices)
        accepted: list[dict[str, Any]] = []
        rejected: list[dict[str, Any]] = []
        begin = time.perf_counter()
        for episode in self._episodes(job):
            if episode.verdict.accepted:
                row = episode_row(episode, lineage, extra)
                accepted.append(row)
                reply.ids.append(row["episode_id"])
            else:
                row = attempt_row(episode, lineage)
                rejected.append(row)
                reply.ids.append(row["attempt_id"])
            reply.reasons.append(episode.verdict.reason)
            reply.uses.append(tuple(row["asset_ids"]))
            for asset in episode.assets:
                if job.all_assets or asset.asset_id not in self._sent:
                    reply.assets.setdefault(asset.asset_id, asset_row(asset))
        reply.wall_s = time.perf_counter() - begin
        self.current = None
        self._connection.send(("writing",))
        reply.episodes = self._writer.write("episodes", accepted)
        reply.attempts = self._writer.write("attempts", rejected)
        self._sent.update(reply.assets)
        return reply

    def _episodes(self, job: Job) -> Iterator[Episode]:
        batch = self._maker if isinstance(self._maker, BatchMaker) else None
        if batch is not None and not (job.one_by_one or job.timed_out):
            self._connection.send(("begin", job.indices))
            yield from self._checked(job.indices, lambda: batch.attempts(job.indices))
            return
        for index in job.indices:
            if index in job.timed_out:
                yield timed_out(index, self._spec, job.timeout_s)
                continue
            self.current = index
            self._connection.send(("begin", (index,)))
            yield from self._checked((index,), lambda: [self._maker.attempt(self.current or 0)])

    def _checked(
        self, indices: tuple[int, ...], make: Callable[[], list[Episode]]
    ) -> Iterator[Episode]:
        known = set(REASONS) | set(self._generator.reasons)
        episodes = make()
        for index, episode in zip(indices, episodes, strict=True):
            verdict = episode.verdict
            if episode.attempt != index or verdict.accepted != (verdict.reason == ""):
                raise _broken(self._generator, index, "its index or verdict contradicts itself")
            if verdict.reason and verdict.reason not in known:
                raise _broken(self._generator, index, f"unknown reason code '{verdict.reason}'")
            yield episode


def _broken(generator: Generator, index: int, why: str) -> PluginError:
    return PluginError(
        f"the generator '{generator.name}' broke its contract at attempt {index}",
        why=why,
        remedy="run datafactory.testing's conformance suite on it",
    )


def timed_out(index: int, spec: Spec, limit_s: float) -> Episode:
    """The rejected episode that stands for an attempt that exceeded its wall time."""
    return Episode(
        attempt=index,
        verdict=Verdict(False, TIMEOUT_STAGE, "timeout", (), False, False),
        task=spec.task,
        instruction="",
        paraphrases=(),
        instruction_split="",
        robot=spec.robot,
        world_from_base=(0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0),
        objects=(),
        goal={},
        initial_graph={},
        final_graph={},
        trajectory=None,
        replay=None,
        metrics={"timeout_s": limit_s},
        cpu_s={},
        assets=(),
    )


def with_timeouts(job: Job, indices: frozenset[int]) -> Job:
    """The job with more attempts known to exceed their time."""
    return replace(job, timed_out=job.timed_out | indices)
