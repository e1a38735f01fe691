"""Jolts: controls deviate, actions do not, episodes still replay; where they come and how large."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from datafactory.binding import ManipulationSpec
from datafactory.episode import Episode
from datafactory.plugin import load_generator
from datafactory.seeding import stream
from datafactory_pick_place.jolts import LASTS_S, Jolts

GENERATOR = load_generator("pick_place")
TASK = {info.name: info.spec for info in GENERATOR.tasks()}["pick_one"]
CALM = {"wait", "grasp", "lift", "lower", "release", "retreat", "hold"}


def bound(size_m: float) -> ManipulationSpec:
    spec = GENERATOR.spec({**TASK, "randomize": {"jolt_m": size_m}}, robot="primitive_arm")
    assert isinstance(spec, ManipulationSpec)
    return spec


@lru_cache(maxsize=2)
def accepted(size_m: float) -> tuple[Episode, ...]:
    maker = GENERATOR.open(bound(size_m), 3)
    episodes = (maker.attempt(k) for k in range(6))
    return tuple(e for e in episodes if e.verdict.accepted)


def deviations(episode: Episode) -> np.ndarray[Any, Any]:
    """(T,) largest difference between a frame's controls and its targets, rad."""
    track = episode.trajectory
    assert track is not None
    dof = track.action_joint.shape[1]
    return np.asarray(np.abs(track.ctrl[:, :dof] - track.action_joint).max(axis=1))


def test_controls_deviate_from_the_actions_only_where_the_arm_moves_freely() -> None:
    jolted = accepted(0.02)
    assert len(jolted) >= 3
    assert max(deviations(e).max() for e in jolted) > 0.01
    for episode in jolted:
        assert episode.trajectory is not None
        away = deviations(episode) > 1e-6
        assert not away.all()
        for phase in episode.trajectory.phases:
            if phase.name in CALM:
                assert not away[phase.start : phase.stop].any(), phase.name


def test_without_jolts_controls_are_the_actions() -> None:
    for episode in accepted(0.0):
        assert deviations(episode).max() == 0.0


class Line:
    """A straight motion of a second."""

    duration_s = 1.0

    def __init__(self, begin: np.ndarray[Any, Any], end: np.ndarray[Any, Any]) -> None:
        self._begin, self._end = begin, end

    def positions(self, times: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return self._begin + times[:, None] * (self._end - self._begin)


@pytest.mark.parametrize("size_m", [0.01, 0.02])
def test_displacements_have_the_size_asked_for(size_m: float) -> None:
    kinematics = GENERATOR.open(bound(0.0), 0).kinematics[0]
    home = np.array(kinematics.reference)
    motion = Line(home, home + 0.4)
    jolts = Jolts(stream(0, "test", 0, "jolts"), kinematics, 20, size_m)
    moved = []
    for _ in range(300):
        offsets = jolts.offsets(motion, 21)
        assert offsets.shape == (21, len(home))
        peak = int(np.abs(offsets).max(axis=1).argmax())
        if np.abs(offsets[peak]).max() > 0.0:
            q = motion.positions(np.array([peak / 20.0]))[0]
            there = kinematics.fk(q + offsets[peak]).position
            moved.append(np.linalg.norm(there - kinematics.fk(q).position))
    share = len(moved) / 300
    assert 0.5 < share < 0.9  # of a Poisson distribution with a mean of 1.2
    spread = float(np.sqrt(np.mean(np.square(moved)) / 3.0))
    assert 0.5 * size_m < spread < 1.5 * size_m
    assert motion.duration_s > LASTS_S
