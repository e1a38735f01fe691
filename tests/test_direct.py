"""The direct expert: less turning than the varied one, lifts over what is in the way, refusals."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from datafactory.binding import ManipulationSpec
from datafactory.episode import Episode
from datafactory.errors import SpecError
from datafactory.geometry import quat_angle
from datafactory.plugin import load_generator
from datafactory.robots import load_robot
from datafactory_pick_place.ability import require_able
from datafactory_pick_place.direct import HIGHEST_LIFT_M
from datafactory_pick_place.maker import asset_sources
from datafactory_pick_place.poses import LIFT_M

GENERATOR = load_generator("pick_place")
TASKS = {info.name: info.spec for info in GENERATOR.tasks()}


def bound(task: str, robot: str = "franka_panda", **keys: Any) -> ManipulationSpec:
    spec = GENERATOR.spec({**TASKS[task], **keys}, robot=robot)
    assert isinstance(spec, ManipulationSpec)
    return spec


@lru_cache(maxsize=2)
def accepted(expert: str) -> tuple[Episode, ...]:
    maker = GENERATOR.open(bound("pick_one", expert=expert), 3)
    episodes = (maker.attempt(k) for k in range(8))
    return tuple(e for e in episodes if e.verdict.accepted)


def tcp_at(episode: Episode, phase: str) -> np.ndarray[Any, Any]:
    assert episode.trajectory is not None
    start = next(p.start for p in episode.trajectory.phases if p.name == phase)
    return np.asarray(episode.trajectory.eef_pose).reshape(-1, 7)[start]


def turned(episode: Episode) -> float:
    return quat_angle(tcp_at(episode, "reach")[3:], tcp_at(episode, "grasp")[3:])


def test_it_turns_the_wrist_less_than_the_varied_expert() -> None:
    direct, varied = ([turned(e) for e in accepted(kind)] for kind in ("direct", "varied"))
    assert len(direct) >= 6
    assert np.median(direct) < 0.6 * np.median(varied)
    assert max(direct) < np.pi / 2 + 0.2


def test_it_puts_things_into_the_middle() -> None:
    def off_centre(episode: Episode) -> float:
        assert episode.trajectory is not None
        a, b = np.asarray(episode.trajectory.object_poses).reshape(-1, 2, 7)[-1]
        return float(np.linalg.norm(a[:2] - b[:2]))

    direct, varied = ([off_centre(e) for e in accepted(kind)] for kind in ("direct", "varied"))
    assert np.median(direct) < np.median(varied)


def test_it_lifts_over_the_container() -> None:
    for episode in accepted("direct"):
        lifted = tcp_at(episode, "carry")[2] - tcp_at(episode, "lift")[2]
        assert LIFT_M - 0.01 < lifted < HIGHEST_LIFT_M + 0.01


def test_the_default_is_varied_and_leaves_hashes_alone() -> None:
    plain = bound("pick_place")
    assert plain.task_spec.expert == "varied"
    assert plain.spec_hash == bound("pick_place", expert="varied").spec_hash
    direct = bound("pick_place", expert="direct")
    assert direct.spec_hash != plain.spec_hash
    assert direct.stream_key == plain.stream_key


@pytest.mark.parametrize(("task", "robot"), [("conveyor", "franka_panda"), ("pick_place", "aloha")])
def test_belts_and_two_arms_have_none(task: str, robot: str) -> None:
    spec = bound(task, robot, expert="direct")
    with pytest.raises(SpecError, match="asks for too much"):
        require_able(spec, load_robot(robot), asset_sources(spec.task_spec.sources))
