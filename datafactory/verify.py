"""Re-executing a dataset's episodes in fresh processes and demanding bit-equal states.

Bit equality is promised for the same engine version and CPU. Elsewhere episodes may drift; the
report then says how far, and the outcome is judged instead: the controls are executed once more
from the first state on, and the goal has to be true of the end they reach.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from datafactory.episode import Replay
from datafactory.errors import DataFactoryError, DatasetCorruptError
from datafactory.executor.child import Child, ChildDied
from datafactory.executor.machine import cpu, engine
from datafactory.seeding import stream
from datafactory.store.dataset import Dataset, open_dataset
from datafactory.store.stored import StoredEpisode

if TYPE_CHECKING:
    from datafactory.validate_labels import Remaker

REPLAY_S = 600.0
"""Wall seconds the re-execution of one episode may take."""


@dataclass(frozen=True)
class EpisodeCheck:
    """The re-execution of one episode.

    Attributes:
        episode_id: The episode; its position where not even its id can be read.
        exact: Bit-equal.
        first_difference: First frame that differs; -1 when none does.
        drift: Largest absolute difference of a position, m or rad.
        same_machine: Made by the engine version and CPU that checked it.
        error: Why it could not be re-executed or does not reach its goal; empty otherwise.
        outcome: On another machine, whether the goal is true of the end reached there:
            ``holds``, ``fails`` or why it was not judged; empty on the same machine.
    """

    episode_id: str
    exact: bool
    first_difference: int
    drift: float
    same_machine: bool
    error: str
    outcome: str = ""


@dataclass(frozen=True)
class VerifyReport:
    """The re-execution of a dataset, or of a sample of it.

    Attributes:
        path: Dataset.
        engine, cpu: Of this machine.
        episodes: Episodes in the dataset.
        checked: Episodes re-executed.
        exact: Bit-equal ones.
        without_replay: Episodes that have no physics to re-execute.
        failures: Those that are not bit-equal or could not be re-executed.
        wall_s: Wall seconds.
    """

    path: str
    engine: str
    cpu: str
    episodes: int
    checked: int
    exact: int
    without_replay: int
    failures: tuple[EpisodeCheck, ...]
    wall_s: float

    @property
    def passed(self) -> bool:
        """Whether what should be bit-equal is, and what drifts elsewhere reaches its goal.

        Episodes that drift and have no goal to judge by pass; their ``outcome`` says so.
        """
        return not any(f.same_machine or f.error for f in self.failures)


def verify(
    path: str,
    *,
    sample: int | None = None,
    workers: int | None = None,
    on_checked: Callable[[int, int], None] | None = None,
) -> VerifyReport:
    """Re-executes episodes from their stored model, states and controls.

    Args:
        path: Dataset.
        sample: Number of episodes, drawn at random but always the same ones; None for all.
        workers: Processes; None for one per core.
        on_checked: Called with (checked, total) after each episode.

    Raises:
        DatasetError: It is not a dataset.
        DatasetCorruptError: Re-executing an episode ends its process or takes too long.
    """
    begin = time.monotonic()
    dataset = open_dataset(path)
    total = len(dataset)
    positions = _positions(dataset, sample)
    checks: list[EpisodeCheck | None] = []
    count = min(workers or len(os.sched_getaffinity(0)), max(len(positions), 1))
    for check in _run(dataset, positions, count):
        checks.append(check)
        if on_checked is not None:
            on_checked(len(checks), len(positions))
    done = [c for c in checks if c is not None]
    failures = sorted((c for c in done if not c.exact), key=lambda c: c.episode_id)
    return VerifyReport(
        path=dataset.location.root,
        engine=engine(),
        cpu=cpu(),
        episodes=total,
        checked=len(done),
        exact=len(done) - len(failures),
        without_replay=len(checks) - len(done),
        failures=tuple(failures),
        wall_s=time.monotonic() - begin,
    )


def _positions(dataset: Dataset, sample: int | None) -> list[int]:
    total = len(dataset)
    if sample is None or sample >= total:
        return list(range(total))
    chosen = stream(0, dataset.location.root, total, "verify").permutation(total)[:sample]
    return sorted(int(i) for i in chosen)


def _run(dataset: Dataset, positions: Sequence[int], count: int) -> Iterator[EpisodeCheck | None]:
    """Drives ``count`` children, each by a thread that feeds it positions."""
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    for position in positions:
        todo.put(position)
    done: queue.SimpleQueue[EpisodeCheck | BaseException | None] = queue.SimpleQueue()
    settings = {"path": dataset.location.root, "version": dataset.version}
    children = [Child("datafactory.verify:serve", settings) for _ in range(count)]
    root = dataset.location.root
    threads = [
        threading.Thread(target=_feed, args=(child, todo, done, root), daemon=True)
        for child in children
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in positions:
            result = done.get()
            if isinstance(result, BaseException):
                raise result
            yield result
    finally:
        for child in children:
            child.kill()
        for thread in threads:
            thread.join()
        for child in children:
            child.close()


def _feed(
    child: Child, todo: queue.SimpleQueue[int], done: queue.SimpleQueue[Any], root: str
) -> None:
    position = -1
    try:
        while True:
            position = todo.get_nowait()
            child.send(position)
            done.put(child.receive(REPLAY_S))
    except queue.Empty:
        return
    except (ChildDied, TimeoutError) as error:
        late = isinstance(error, TimeoutError)
        done.put(
            DatasetCorruptError(
                f"episode {position} of {root} cannot be re-executed",
                why=f"it took more than {REPLAY_S:g} s" if late else "it ended its process",
                remedy=f"datafactory validate {root}",
            )
        )


def mesh_files(dataset: Dataset, replay: Replay, cache: dict[str, bytes]) -> dict[str, bytes]:
    """The mesh files of an episode's model by the name its MJCF uses.

    A file's name is its ``assets`` row and a suffix.

    Args:
        dataset: Where the bytes are.
        replay: The model.
        cache: Files read before, by name; grows.
    """
    new = {n.partition(".")[0]: n for n in replay.mesh_hashes if n not in cache}
    for asset, geometry in dataset.asset_bytes(list(new)).items():
        cache[new[asset]] = geometry
    return {name: cache[name] for name in replay.mesh_hashes}


def serve(connection: Connection, settings: dict[str, Any]) -> None:
    """Re-executes the positions it is sent, in a process that made none of the data."""
    dataset = open_dataset(settings["path"], settings["version"])
    check = _Checker(dataset)
    while True:
        connection.send(check(connection.recv()))


class _Checker:
    """Re-executes episodes of one dataset; keeps the meshes and assets it has read."""

    def __init__(self, dataset: Dataset) -> None:
        from datafactory.validate_labels import Remaker

        self._dataset = dataset
        self._meshes: dict[str, bytes] = {}
        self._remaker = Remaker(dataset)

    def __call__(self, position: int) -> EpisodeCheck | None:
        from datafactory.sim.replay import replay

        try:
            episode = self._dataset.episode(position)
        except DataFactoryError as error:
            return EpisodeCheck(f"position {position}", False, -1, 0.0, True, str(error))
        if episode.replay is None:
            return None
        same = (episode.engine, episode.cpu) == (engine(), cpu())
        outcome = error_text = ""
        try:
            files = mesh_files(self._dataset, episode.replay, self._meshes)
            result = replay(episode, files)
        except (ValueError, DataFactoryError) as error:
            return EpisodeCheck(episode.episode_id, False, -1, 0.0, same, str(error))
        if not result.exact and not same:
            outcome, error_text = _judge(episode, episode.replay, files, self._remaker)
        return EpisodeCheck(
            episode.episode_id,
            result.exact,
            result.first_difference,
            result.qpos_drift,
            same,
            error_text,
            outcome,
        )


def _judge(
    episode: StoredEpisode, source: Replay, meshes: dict[str, bytes], remaker: Remaker
) -> tuple[str, str]:
    """(outcome, error) of executing an episode from its first state to its end on this machine."""
    from datafactory.validate_labels import derived_end, goal_holds

    if not episode.goal:
        return "not judged: the episode has no goal", ""
    try:
        reached = replace(source, states=_end_reached(episode, source, meshes))
        if goal_holds(episode, derived_end(episode, reached, meshes, remaker)):
            return "holds", ""
    except DataFactoryError as error:
        return "not judged", f"the outcome cannot be judged: {error.what}"
    return "fails", "the goal is not true of the end reached on this machine"


def _end_reached(episode: StoredEpisode, source: Replay, meshes: dict[str, bytes]) -> Any:
    """(1, state size) state after the last action, from the first checkpoint alone.

    At the later checkpoints the data is reset to the state reached, not to the stored one, which
    is what the recorder did.
    """
    import mujoco

    from datafactory.sim.engine import compile_mjcf, get_state, restart

    model = compile_mjcf(source.mjcf, meshes)
    data = mujoco.MjData(model)
    resets = set(source.frames.tolist())
    for frame, ctrl in enumerate(episode.trajectory.ctrl):
        data.ctrl[:] = ctrl
        if frame in resets:
            restart(model, data, get_state(model, data) if frame else source.states[0])
        mujoco.mj_step(model, data, nstep=source.steps_per_frame)
    return get_state(model, data)[None]
