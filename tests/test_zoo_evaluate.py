"""The harness: the expert passes, chance does not, workers do not matter, results are stored."""

from __future__ import annotations

import json

import lance
import numpy as np
import pytest

from datafactory.errors import SpecError, UnknownNameError
from datafactory.plugin import find_task
from datafactory.store.evaluations import TABLE
from datafactory_zoo.evaluate import Contender, Plan, evaluate_suites, run_suite
from datafactory_zoo.results import write_summary
from datafactory_zoo.rollouts import ExpertActor, RandomActor, run_episode, solvable
from datafactory_zoo.suites import SUITES, suite

ROBOT = "primitive_arm"


@pytest.fixture(scope="module")
def world():
    generator, info = find_task("pick_one")
    return generator.world(generator.spec(info.spec, robot=ROBOT), 4711)


@pytest.fixture(scope="module")
def indices(world):
    return solvable(world, range(8))


def test_the_expert_passes(world, indices):
    assert len(indices) >= 7
    outcomes = [run_episode(world, ExpertActor(), k) for k in indices]
    assert all(o.success and o.grasped and o.placed and not o.foul for o in outcomes)


def test_chance_does_not_pass(world, indices):
    outcomes = [run_episode(world, RandomActor(0), k) for k in indices]
    assert not any(o.success for o in outcomes)
    assert all(o.foul or o.timed_out for o in outcomes)


def test_an_episode_repeats_itself(world, indices):
    assert run_episode(world, RandomActor(3), indices[0]) == run_episode(
        world, RandomActor(3), indices[0]
    )


@pytest.mark.slow
def test_workers_do_not_matter_and_results_are_stored(tmp_path):
    _, info = find_task("pick_one")
    contender = Contender("expert", "", ROBOT, "expert")
    plan = Plan(contender, "pick_place", info.spec, "seen", 99, 6)
    one, two = run_suite(plan, workers=1), run_suite(plan, workers=2)
    assert one.outcomes == two.outcomes
    assert one.summary.success.share == 1.0
    results = evaluate_suites(contender, info.spec, ["seen", "distractors"], generator="pick_place",
                       episodes=3, seed=98, out=tmp_path, workers=1)  # fmt: skip
    rows = lance.dataset(str(tmp_path / f"{TABLE}.lance")).to_table().to_pylist()
    assert [r["suite"] for r in rows] == ["seen"] * 3 + ["distractors"] * 3
    assert all(r["success"] for r in rows)
    path = write_summary(tmp_path, [r.summary for r in results], {"policy": "expert"})
    assert json.loads(path.read_text())["suites"][0]["success"]["trials"] == 3


def test_suites_change_one_thing_and_stay_valid_tasks():
    generator, info = find_task("pick_one")
    for name in SUITES:
        changed = suite(name).task(info.spec)
        if name != "unseen_objects":
            generator.spec(changed)
        if name not in ("seen", "camera_shift", "light_shift"):  # two change what is seen
            assert changed != dict(info.spec)
    assert suite("distractors").task(info.spec)["distractors"]["count"] == [6, 10]
    with pytest.raises(UnknownNameError, match="evaluation suite 'sean'"):
        suite("sean")
    bare = {"name": "x", "cases": [{"instructions": {"train": ["go"]}}]}
    with pytest.raises(SpecError, match="no held-out instructions"):
        suite("unseen_instructions").task(bare)


def test_a_summary_adds_up():
    from datafactory_zoo.results import summarise
    from datafactory_zoo.rollouts import Outcome

    made = [
        Outcome(k, "go", k < 3, k < 5, k < 4, "" if k < 6 else "robot_contact", k in (3, 4, 5),
                10 * (k + 1), ())
        for k in range(8)
    ]  # fmt: skip
    found = summarise("seen", made, skipped=2)
    assert (found.success.successes, found.grasped.successes) == (3, 5)
    assert found.fouls == {"robot_contact": 2}
    assert found.mean_frames == 20
    assert np.isclose(found.to_dict()["success"]["share"], 3 / 8)
