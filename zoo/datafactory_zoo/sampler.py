"""Which sample comes next: a permutation per epoch that needs no memory and resumes exactly.

The permutation is a Feistel network over the smallest even number of bits that holds the count,
with cycle walking for values outside (Black and Rogaway, "Ciphers with Arbitrary Finite Domains",
CT-RSA 2002): position p of epoch e is computed on its own, so a resumed run continues at any
position, and each rank of a distributed run computes its own share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import SpecError
from datafactory.seeding import stream

Ints = NDArray[np.int64]
_ROUNDS = 4
_MIX = np.uint64(0x9E3779B97F4A7C15)


def _round(half: NDArray[np.uint64], key: np.uint64, mask: np.uint64) -> NDArray[np.uint64]:
    """One mixing function of 64-bit multiply and xor-shift (the finaliser of SplitMix64)."""
    x = (half + key) * _MIX
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x & mask


def permuted(positions: Ints, count: int, keys: NDArray[np.uint64]) -> Ints:
    """Images of positions under a permutation of ``range(count)``.

    Args:
        positions: (B,) values in [0, count).
        count: Size of the domain, > 0.
        keys: (4,) round keys.

    Returns:
        (B,) distinct values in [0, count) for distinct positions.
    """
    bits = max(1, (int(count - 1).bit_length() + 1) // 2)
    shift, mask = np.uint64(bits), np.uint64((1 << bits) - 1)
    value = positions.astype(np.uint64)
    waiting = np.ones(len(value), dtype=bool)
    with np.errstate(over="ignore"):
        while waiting.any():
            left, right = value[waiting] >> shift, value[waiting] & mask
            for key in keys:
                left, right = right, left ^ _round(right, key, mask)
            value[waiting] = (left << shift) | right
            waiting = value >= np.uint64(count)
    return value.astype(np.int64)


@dataclass(frozen=True)
class SamplerState:
    """Where a sampler stands; saved in checkpoints.

    Attributes:
        drawn: Samples drawn so far by all ranks together.
    """

    drawn: int = 0


class Sampler:
    """Endless stream of sample numbers, each epoch a new permutation of all of them.

    Rank r of W takes every W-th sample, so all ranks together see each one once an epoch.

    Args:
        count: Number of samples.
        seed: Seed of the order.
        rank, world: Number of this process and of all.
        state: Where to continue.
    """

    def __init__(
        self, count: int, seed: int, *, rank: int = 0, world: int = 1,
        state: SamplerState | None = None,
    ) -> None:  # fmt: skip
        if count < 1:
            raise SpecError("there is nothing to sample", why="no episode is left",
                            remedy="check the split and the filter")  # fmt: skip
        if not 0 <= rank < world:
            raise SpecError(f"rank {rank} is not among {world}")
        self.count, self.seed = count, seed
        self.rank, self.world = rank, world
        self.state = state or SamplerState()
        self._keys: dict[int, NDArray[np.uint64]] = {}

    @property
    def epoch(self) -> float:
        """Epochs passed."""
        return self.state.drawn / self.count

    def _epoch_keys(self, epoch: int) -> NDArray[np.uint64]:
        keys = self._keys.get(epoch)
        if keys is None:
            rng = stream(self.seed, "sampler", epoch, "order")
            keys = rng.integers(0, 2**63, _ROUNDS, dtype=np.uint64)
            self._keys = {epoch: keys, **{k: v for k, v in self._keys.items() if k == epoch - 1}}
        return keys

    def next(self, batch: int) -> Ints:
        """(batch,) sample numbers of this rank; advances the state of all ranks alike."""
        positions = self.state.drawn + self.rank + self.world * np.arange(batch, dtype=np.int64)
        epochs, inside = np.divmod(positions, self.count)
        result = np.empty(batch, dtype=np.int64)
        for epoch in np.unique(epochs):
            chosen = epochs == epoch
            result[chosen] = permuted(inside[chosen], self.count, self._epoch_keys(int(epoch)))
        self.state = SamplerState(self.state.drawn + batch * self.world)
        return result
