"""Two-handed moves: grasps on opposite sides, one rigid object between two arms."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from datafactory.episode import Episode, Trajectory
from datafactory.errors import PackMissingError
from datafactory.geometry import Pose, quat_angle, quat_conjugate, quat_multiply
from datafactory.grasps.ranking import Grasp
from datafactory.plugin import find_task
from datafactory.robots import load_robot
from datafactory.testing.episodes import check_replay, check_trajectory
from datafactory.testing.generators import check_expert
from datafactory_pick_place.two_hands_plan import flipped

SEED = 7


@pytest.fixture(scope="module", autouse=True)
def needs_aloha() -> None:
    try:
        load_robot("aloha")
    except PackMissingError as error:
        pytest.skip(str(error))


@lru_cache(maxsize=1)
def moved() -> tuple[Episode, Trajectory]:
    generator, info = find_task("two_hands")
    maker = generator.open(generator.spec(info.spec), SEED)
    episode = next(e for e in map(maker.attempt, range(12)) if e.verdict.accepted)
    assert episode.trajectory is not None
    return episode, episode.trajectory


def frames(t: Trajectory, name: str) -> slice:
    (phase,) = (p for p in t.phases if p.name == name)
    return slice(phase.start, phase.stop)


def test_both_arms_carry_the_object() -> None:
    episode, t = moved()
    assert episode.metrics["two_handed"] == 1.0
    inside = frames(t, "carry")
    for name in ("left_gripper", "right_gripper"):
        spans = [(c.start, c.stop) for c in t.contacts if {c.a, c.b} == {"a", name}]
        assert any(start <= inside.start and inside.stop <= stop for start, stop in spans), name
    assert not any({"left_gripper", "right_gripper"} == {c.a, c.b} for c in t.contacts)
    lifted = t.object_poses[inside.start, 0, 2] - t.object_poses[0, 0, 2]
    assert lifted > 0.08


def test_the_chain_stays_closed() -> None:
    """Each tool stays where it holds the object, and the hands keep their distance."""
    _, t = moved()
    inside = slice(frames(t, "lift").start, frames(t, "lower").stop)
    apart = np.linalg.norm(t.eef_pose[inside, 0, :3] - t.eef_pose[inside, 1, :3], axis=1)
    assert np.ptp(apart) < 0.006
    for arm in range(2):
        turn = quat_multiply(
            quat_conjugate(t.object_poses[inside, 0, 3:].astype(np.float64)),
            t.eef_pose[inside, arm, 3:].astype(np.float64),
        )
        assert max(quat_angle(turn[0], q) for q in turn) < 0.06


def test_records_and_replay() -> None:
    episode, t = moved()
    check_trajectory(episode, t.fps)
    result = check_replay(episode)
    assert result is not None
    assert result.exact
    generator, info = find_task("two_hands")
    assert check_expert(generator, generator.spec(info.spec), SEED, episode)


def test_flipped_grasps_exchange_the_fingers() -> None:
    grasp = Grasp(Pose.of((0.1, 0.0, 0.05), (0.0, 1.0, 0.0, 0.0)), 0.004, 0.4, 1.0)
    other = flipped(grasp)
    assert np.allclose(other.object_from_tcp.position, grasp.object_from_tcp.position)
    here, there = (g.object_from_tcp.rotation() for g in (grasp, other))
    assert np.allclose(here[:, 2], there[:, 2])
    assert np.allclose(here[:, :2], -there[:, :2])
    again = flipped(other).object_from_tcp.quat
    assert abs(abs(float(again @ grasp.object_from_tcp.quat)) - 1.0) < 1e-9
