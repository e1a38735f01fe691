"""Conformance of a generator: everything the rest of the system relies on, checked by running it.

A generator's author calls :func:`check_generator` in a test of their own; a broken promise raises
``AssertionError`` with the attempt, the field and the measured number.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datafactory.episode import Episode
from datafactory.errors import DataFactoryError, SpecError
from datafactory.plugin import BatchMaker, Generator, Spec, registered
from datafactory.testing.episodes import (
    check_identity,
    check_licences,
    check_replay,
    check_trajectory,
    check_verdict,
    digest,
    require,
    require_equal,
)
from datafactory.testing.json_schema import violations

HASH_DIGITS = 32
_FRESH = """
import importlib, json, sys
sys.path[:] = json.loads(sys.argv[1])
module, name, data, seed, index = json.loads(sys.argv[2])
generator = getattr(importlib.import_module(module), name)()
from datafactory.testing.episodes import digest
maker = generator.open(generator.spec(data), seed)
sys.stdout.write(digest(maker.attempt(index)))
"""


@dataclass(frozen=True)
class GeneratorReport:
    """What :func:`check_generator` saw.

    Attributes:
        task: Task that was run.
        robot: Robot it ran on.
        episodes: The attempts made, in index order.
        digests: Digest of each, CPU times aside.
        accepted: Number of accepted attempts.
        replayed: Number of attempts that were re-executed bit for bit.
        solved: Number of accepted attempts whose stored actions succeeded in the world.
    """

    task: str
    robot: str
    episodes: tuple[Episode, ...]
    digests: tuple[str, ...]
    accepted: int
    replayed: int
    solved: int


def check_generator(
    generator: Generator,
    *,
    task: str | None = None,
    robot: str | None = None,
    attempts: int = 6,
    run_seed: int = 0,
    fresh_process: bool = True,
) -> GeneratorReport:
    """Checks a generator against its contract.

    Args:
        generator: The generator.
        task: Shipped task to run; the first one when None.
        robot: Robot to run it on; the task's own when None.
        attempts: Number of attempts to make; at least one of them must be accepted.
        run_seed: Seed of the run.
        fresh_process: Also repeat an attempt in a new Python process.

    Returns:
        What was seen.

    Raises:
        AssertionError: A promise is broken.
    """
    check_listing(generator)
    specs = check_specs(generator)
    name = task or generator.tasks()[0].name
    require(name in specs, f"no shipped task is called '{name}'")
    info = next(t for t in generator.tasks() if t.name == name)
    spec = generator.spec(info.spec, robot=robot)
    episodes = check_attempts(generator, spec, run_seed, range(attempts))
    if fresh_process:
        _check_fresh_process(generator, spec, run_seed, episodes[0])
    replayed = 0
    columns = {field.name for field in generator.extra_columns()}
    for index, episode in enumerate(episodes):
        check_identity(episode, spec, index)
        check_verdict(episode.verdict, generator)
        check_trajectory(episode, spec.fps)
        check_licences(episode)
        require(set(episode.extra) <= columns, f"extra columns {set(episode.extra)}, not {columns}")
        replayed += check_replay(episode) is not None
    good = [episode for episode in episodes if episode.verdict.accepted]
    require(bool(good), f"none of {attempts} attempts was accepted: {_reasons(episodes)}")
    check_world(generator, spec, run_seed)
    solved = sum(check_expert(generator, spec, run_seed, episode) for episode in good[:2])
    return GeneratorReport(
        task=name,
        robot=spec.robot,
        episodes=episodes,
        digests=tuple(digest(episode) for episode in episodes),
        accepted=len(good),
        replayed=replayed,
        solved=solved,
    )


def _reasons(episodes: Sequence[Episode]) -> list[str]:
    return [f"{e.verdict.stage}/{e.verdict.reason}" for e in episodes]


def check_listing(generator: Generator) -> None:
    """Name, version, stages, reasons, tasks and schema are what listings and stores need."""
    require(generator.name.isidentifier(), f"'{generator.name}' is no name")
    require(bool(generator.version), "no version")
    require(bool(generator.stages), "no validation stages")
    require(len(set(generator.stages)) == len(generator.stages), "a stage is listed twice")
    for code, meaning in generator.reasons.items():
        require(code.isidentifier() and bool(meaning), f"reason '{code}' is not documented")
    tasks = generator.tasks()
    require(bool(tasks), "ships no task")
    names = [task.name for task in tasks]
    require(len(set(names)) == len(names), f"task names are not unique: {names}")
    for task in tasks:
        require(bool(task.description), f"task '{task.name}' has no description")
        json.dumps(task.spec, allow_nan=False)
    columns = [field.name for field in generator.extra_columns()]
    require(len(set(columns)) == len(columns), f"extra columns are not unique: {columns}")


def check_specs(generator: Generator) -> dict[str, Spec]:
    """Every shipped task is valid, survives a round trip and has its own hash.

    Returns:
        The bound tasks by name.
    """
    schema = generator.schema()
    json.dumps(schema, allow_nan=False)
    specs: dict[str, Spec] = {}
    for info in generator.tasks():
        before = copy.deepcopy(dict(info.spec))
        spec = generator.spec(info.spec)
        require(dict(info.spec) == before, f"binding task '{info.name}' changes its data")
        require(spec.task == info.name, f"task '{info.name}' binds as '{spec.task}'")
        _check_round_trip(generator, spec)
        broken = violations(info.spec, schema)
        require(not broken, f"task '{info.name}' breaks the generator's schema: {broken[:3]}")
        specs[info.name] = spec
    hashes = {spec.spec_hash for spec in specs.values()}
    require(len(hashes) == len(specs), "two tasks have the same hash")
    _check_robots(generator, generator.tasks()[0].spec)
    _check_refusals(generator, generator.tasks()[0].spec)
    return specs


def _check_round_trip(generator: Generator, spec: Spec) -> None:
    plain = json.loads(json.dumps(spec.to_dict(), allow_nan=False))
    again = generator.spec(plain)
    require(again == spec, f"'{spec.task}' read back from to_dict() is another spec")
    require(again.spec_hash == spec.spec_hash, f"'{spec.task}' read back has another hash")
    require(again.to_dict() == spec.to_dict(), f"'{spec.task}' read back has another to_dict()")
    digits = len(spec.spec_hash) == HASH_DIGITS and set(spec.spec_hash) <= set("0123456789abcdef")
    require(digits, f"spec hash '{spec.spec_hash}' is not {HASH_DIGITS} hex digits")
    require(spec.fps > 0, f"{spec.fps} frames per second")


def _check_robots(generator: Generator, data: Mapping[str, Any]) -> None:
    """A robot that is allowed replaces the task's own and changes the hash."""
    own = generator.spec(data)
    for robot in sorted(registered("robot")):
        try:
            spec = generator.spec(data, robot=robot)
        except SpecError:
            require(robot != own.robot, f"the task's own robot '{robot}' is refused")
            continue
        require(spec.robot == robot, f"asked for robot '{robot}', got '{spec.robot}'")
        _check_round_trip(generator, spec)
        same = spec.spec_hash == own.spec_hash
        require(same == (robot == own.robot), f"the hash does not tell '{robot}' from the others")


def _check_refusals(generator: Generator, data: Mapping[str, Any]) -> None:
    wrong: dict[str, Mapping[str, Any]] = {
        "an unknown key": {**data, "no_such_key": 1},
        "an empty mapping": {},
    }
    for what, value in wrong.items():
        try:
            generator.spec(value, where="task.yaml")
        except DataFactoryError as error:
            require(isinstance(error, SpecError), f"{what} raises {type(error).__name__}")
            require("task.yaml" in str(error), f"the error about {what} does not say where")
            continue
        raise AssertionError(f"{what} is accepted as a task")


def check_attempts(
    generator: Generator, spec: Spec, run_seed: int, indices: Sequence[int]
) -> tuple[Episode, ...]:
    """An attempt is a function of its index: not of the maker, nor of what ran before.

    Returns:
        The episodes, in the order of ``indices``.
    """
    maker = generator.open(spec, run_seed)
    episodes = tuple(maker.attempt(index) for index in indices)
    require_equal(episodes[0], maker.attempt(indices[0]), "repeated by the same maker")
    other = generator.open(generator.spec(spec.to_dict()), run_seed)
    for index, episode in reversed(list(zip(indices, episodes, strict=True))):
        require_equal(episode, other.attempt(index), "made in reverse order by another maker")
    if isinstance(maker, BatchMaker):
        batch = generator.open(spec, run_seed)
        assert isinstance(batch, BatchMaker)
        together = batch.attempts(list(indices))
        require(len(together) == len(indices), "attempts() returns another number of episodes")
        for episode, batched in zip(episodes, together, strict=True):
            require_equal(episode, batched, "made in a batch")
    different = generator.open(spec, run_seed + 1).attempt(indices[0])
    require(digest(different) != digest(episodes[0]), "another run seed gives the same attempt")
    if len(episodes) > 1:
        require(len({digest(e) for e in episodes}) > 1, "all attempts are the same")
    return episodes


def _check_fresh_process(generator: Generator, spec: Spec, run_seed: int, episode: Episode) -> None:
    kind = type(generator)
    what = [kind.__module__, kind.__qualname__, spec.to_dict(), run_seed, episode.attempt]
    command = [sys.executable, "-c", _FRESH, json.dumps(sys.path), json.dumps(what)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"an attempt in a fresh process fails: {done.stderr[-2000:]}")
    same = done.stdout == digest(episode)
    require(same, f"attempt {episode.attempt} has other bytes in a fresh process")


def check_world(generator: Generator, spec: Spec, seed: int) -> None:
    """The world is a Gymnasium environment, and a seeded reset repeats it."""
    from gymnasium.envs.registration import EnvSpec
    from gymnasium.utils.env_checker import check_env

    world = generator.world(spec, seed)
    own = world.spec is None or isinstance(world.spec, EnvSpec)
    require(own, "the world's 'spec' is not Gymnasium's: keep the task under another name")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # advice on ranges, not rules
        check_env(world, skip_render_check=True)
    world.close()
    one, two = generator.world(spec, seed), generator.world(spec, seed)
    action = one.action_space.sample()
    for options in (None, {"index": 0}):
        first, told = one.reset(seed=7, options=options)
        second, again = two.reset(seed=7, options=options)
        _require_same(first, second, "two worlds reset alike")
        require(bool(told.get("instruction")), "reset's info has no instruction")
        require(told["instruction"] == again["instruction"], "resets differ in the instruction")
        moved, same = one.step(action), two.step(action)
        _require_same(moved[0], same[0], "two worlds stepped alike")
        require(moved[1:4] == same[1:4], "two worlds stepped alike differ in their outcome")
        require("success" in moved[4], "step's info has no 'success'")
        repeated, _ = one.reset(seed=7, options=options)
        _require_same(first, repeated, "one world reset twice with the same seed")
    one.close()
    two.close()


def _require_same(a: Any, b: Any, what: str) -> None:
    if isinstance(a, Mapping):
        require(set(a) == set(b), f"{what} differ in their keys")
        for key in a:
            _require_same(a[key], b[key], f"{what}: {key}")
    else:
        left, right = np.asarray(a), np.asarray(b)
        same = left.shape == right.shape and left.tobytes() == right.tobytes()
        require(same, f"{what} observe different things")


def expert_actions(episode: Episode, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The stored actions (T, *shape) as the world takes them: joint targets, then the grippers.

    Args:
        episode: Episode with a trajectory.
        shape: Shape of one action; columns beyond the joints are the grippers' openings.
    """
    record = episode.trajectory
    assert record is not None
    columns = [record.action_joint]
    if shape[-1] == record.action_joint.shape[1] + record.n_arms:
        columns.append(record.per_arm(record.action_gripper))
    return np.concatenate(columns, axis=1, dtype=np.float32)


def check_expert(generator: Generator, spec: Spec, run_seed: int, episode: Episode) -> bool:
    """The actions stored with an accepted attempt succeed in the world of the same attempt.

    Returns:
        True.
    """
    world = generator.world(spec, run_seed)
    _, info = world.reset(options={"index": episode.attempt})
    told = info["instruction"]
    require(told == episode.instruction, f"the world asks for '{told}'")
    shape = world.action_space.shape
    assert shape is not None
    length, success = 0, False
    for action in expert_actions(episode, shape):
        require(world.action_space.contains(action), f"action {length} is not in the space")
        _, _, terminated, truncated, info = world.step(action)
        length += 1
        success = bool(info["success"])
        if terminated or truncated:
            break
    world.close()
    where = f"attempt {episode.attempt}: after {length} stored actions"
    require(success, f"{where} the world sees no success")
    return success
