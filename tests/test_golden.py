"""Golden episodes: the same bytes on the same engine and CPU family, the same outcome elsewhere.

``python -m tests.golden.make`` writes them anew after a change that is meant to alter episodes.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from datafactory.errors import PackMissingError
from tests.golden.make import ATTEMPTS, FILE, ROBOTS, RUN_SEED, attempt, identity, summary

GOLDEN = json.loads(FILE.read_text(encoding="utf-8"))
SAME_MACHINE = GOLDEN["identity"] == identity()
POSITION_M, QUATERNION = 0.005, 0.05


def test_the_file_covers_every_attempt() -> None:
    kept = [(g["task"], g["robot"], g["attempt"]) for g in GOLDEN["attempts"]]
    assert kept == [(t, r, i) for r in ROBOTS for t, i in ATTEMPTS]
    assert GOLDEN["run_seed"] == RUN_SEED
    assert sum(g["accepted"] for g in GOLDEN["attempts"]) >= len(kept) // 2


@pytest.mark.parametrize(
    "golden",
    GOLDEN["attempts"],
    ids=[f"{g['robot']}-{g['task']}-{g['attempt']}" for g in GOLDEN["attempts"]],
)
def test_golden(golden: dict[str, Any]) -> None:
    try:
        episode = attempt(golden["task"], golden["robot"], golden["attempt"])
    except PackMissingError as error:
        pytest.skip(str(error))
    found = summary(episode)
    for key in ("instruction", "objects", "accepted", "stage", "reason", "phases"):
        assert found[key] == golden[key], key
    near(found["initial"], golden["initial"])
    if SAME_MACHINE:
        assert found["length"] == golden["length"]
        assert found["final"] == golden["final"]
        assert found["digest"] == golden["digest"]
    else:
        assert abs(found["length"] - golden["length"]) <= 5
        near(found["final"], golden["final"])


def near(found: dict[str, list[float]], golden: dict[str, list[float]]) -> None:
    """Positions within 5 mm, orientations within 0.1 rad."""
    assert set(found) == set(golden)
    for name, pose in golden.items():
        a, b = np.array(found[name]), np.array(pose)
        assert np.linalg.norm(a[:3] - b[:3]) < POSITION_M, name
        assert 1.0 - abs(float(a[3:] @ b[3:])) < QUATERNION**2, name
