"""Several datasets as one stream of samples: weights, and which rank reads which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datafactory.errors import SpecError
from datafactory.seeding import stream
from datafactory_zoo.sampler import Sampler, SamplerState

Ints = NDArray[np.int64]
MAX_BATCH = 65_536


def mixture_weights(
    frames: Sequence[int], weights: Sequence[float] | None = None, gamma: float = 1.0
) -> NDArray[np.float64]:
    """Share of samples of each dataset: proportional to weight x frames^gamma.

    ``gamma`` 1 draws every frame alike, 0 every dataset alike (InternVLA-A1 uses 0.1 to 0.25).

    Args:
        frames: Number of frames of each.
        weights: Factor of each; None for 1.
        gamma: Exponent, in [0, 1].

    Returns:
        Shares that add up to 1.
    """
    factors = np.ones(len(frames)) if weights is None else np.asarray(weights, dtype=np.float64)
    if len(factors) != len(frames) or not len(frames):
        raise SpecError(f"{len(factors)} weights for {len(frames)} datasets")
    if (factors <= 0).any() or not 0.0 <= gamma <= 1.0:
        raise SpecError("a mixture needs positive weights and an exponent in [0, 1]")
    scores = factors * np.asarray(frames, dtype=np.float64) ** gamma
    return np.asarray(scores / scores.sum())


def assign_lpt(sizes: Sequence[int], ranks: int) -> list[list[int]]:
    """Which datasets each rank reads: longest processing time first.

    The largest load is at most 4/3 - 1/(3 ranks) of the smallest possible one (Graham, "Bounds on
    Multiprocessing Timing Anomalies", 1969). With fewer datasets than ranks, the ranks that would
    get none read the datasets again, the largest first.

    Args:
        sizes: Frames of each dataset.
        ranks: Number of ranks.
    """
    if ranks < 1 or not sizes:
        raise SpecError(f"{len(sizes)} datasets cannot be dealt to {ranks} ranks")
    order = sorted(range(len(sizes)), key=lambda k: (-sizes[k], k))
    loads, shares = [0] * ranks, [[] for _ in range(ranks)]  # type: list[int], list[list[int]]
    for item in order:
        rank = min(range(ranks), key=lambda r: (loads[r], r))
        shares[rank].append(item)
        loads[rank] += sizes[item]
    for k, rank in enumerate(r for r in range(ranks) if not shares[r]):
        shares[rank].append(order[k % len(order)])
    return shares


@dataclass(frozen=True)
class MixtureState:
    """Where a mixture stands: batches drawn, and each dataset's own sampler."""

    batches: int
    samplers: tuple[SamplerState, ...]


class Mixture:
    """Draws (dataset, sample) pairs; each dataset is walked through in its own permutation.

    Args:
        counts: Number of samples of each dataset.
        shares: Share of each, adding up to 1.
        seed: Seed of all draws.
        rank, world: Number of this process and of all.
        state: Where to continue.
    """

    def __init__(
        self, counts: Sequence[int], shares: NDArray[np.float64], seed: int, *,
        rank: int = 0, world: int = 1, state: MixtureState | None = None,
    ) -> None:  # fmt: skip
        states = state.samplers if state else (None,) * len(counts)
        self._samplers = [
            Sampler(n, seed + k, rank=rank, world=world, state=s)
            for k, (n, s) in enumerate(zip(counts, states, strict=True))
        ]
        self._shares = shares
        self._seed = seed
        self._batches = state.batches if state else 0

    @property
    def state(self) -> MixtureState:
        """Where it stands."""
        return MixtureState(self._batches, tuple(s.state for s in self._samplers))

    @property
    def samples(self) -> int:
        """Samples drawn so far by all ranks together."""
        return sum(s.state.drawn for s in self._samplers)

    def next(self, batch: int) -> list[tuple[int, Ints]]:
        """(dataset, sample numbers) of the next batch; all ranks draw the same shares.

        Raises:
            SpecError: The batch is empty or larger than 65,536.
        """
        if not 1 <= batch <= MAX_BATCH:
            raise SpecError(f"a batch of {batch} samples", why=f"use 1 to {MAX_BATCH}")
        rng = stream(self._seed, "mixture", self._batches, "counts")
        self._batches += 1
        counts = rng.multinomial(batch, self._shares)
        return [(k, self._samplers[k].next(int(n))) for k, n in enumerate(counts) if n]
