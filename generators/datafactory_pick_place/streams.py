"""The named random streams of an attempt."""

from __future__ import annotations

import numpy as np

from datafactory.binding import ManipulationSpec
from datafactory.seeding import Streams


class AttemptStreams:
    """Named streams of one attempt, with switched-off streams repeating attempt 0."""

    def __init__(self, spec: ManipulationSpec, run_seed: int, index: int) -> None:
        key = spec.stream_key
        self._own = Streams(run_seed, key, index)
        self._fixed = Streams(run_seed, key, 0)
        randomize = spec.task_spec.randomize
        self._off = {
            name
            for name, on in (
                ("object_choice", randomize.object_choice),
                ("furniture", randomize.object_choice),
                ("object_pose", randomize.object_pose),
                ("distractors", randomize.distractors),
            )
            if not on
        }

    def __getitem__(self, name: str) -> np.random.Generator:
        return (self._fixed if name in self._off else self._own)[name]
