"""Random generators derived from (run seed, task, attempt index, named stream).

Every random number in the project comes from a generator made here, so an attempt is a pure
function of its seeds: the streams are independent, and switching one off leaves the others as
they were. Philox counters would serve as well; PCG64 through ``SeedSequence`` is NumPy's default
and costs about 20 microseconds a stream.
"""

from __future__ import annotations

import hashlib

import numpy as np

MAX_SEED = 2**63 - 1


def name_key(name: str) -> int:
    """Maps a name to a 64-bit integer, the same in every process (unlike ``hash``)."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def stream(run_seed: int, task: str, index: int, name: str) -> np.random.Generator:
    """Returns the generator of one named stream of one attempt.

    Args:
        run_seed: Seed of the run, 0 <= run_seed <= 2**63 - 1.
        task: Name that separates tasks under the same run seed (the spec hash is used).
        index: Attempt index, >= 0.
        name: Stream name, such as ``"object_pose"``.
    """
    key = (name_key(task), index, name_key(name))
    sequence = np.random.SeedSequence(run_seed, spawn_key=key)
    return np.random.Generator(np.random.PCG64(sequence))


class Streams:
    """The named streams of one attempt, made on first use.

    A stream asked for twice is the same generator object, so draws continue.
    """

    def __init__(self, run_seed: int, task: str, index: int) -> None:
        self.run_seed = run_seed
        self.task = task
        self.index = index
        self._made: dict[str, np.random.Generator] = {}

    def __getitem__(self, name: str) -> np.random.Generator:
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = stream(self.run_seed, self.task, self.index, name)
        return made
