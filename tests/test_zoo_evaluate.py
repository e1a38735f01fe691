"""The harness: the expert passes, chance does not, workers do not matter, results are stored."""

from __future__ import annotations

import json

import lance
import numpy as np
import pyarrow as pa
import pytest

from datafactory.errors import DatasetError, SpecError, UnknownNameError
from datafactory.plugin import find_task
from datafactory.store.evaluations import TABLE
from datafactory_zoo.evaluate import Contender, Plan, evaluate_suites, run_suite
from datafactory_zoo.results import write_summary
from datafactory_zoo.rollouts import ExpertActor, RandomActor, run_episode, solvable
from datafactory_zoo.suites import SUITES, suite, suites_named

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


def test_results_of_other_columns_are_refused_before_anything_runs(tmp_path, monkeypatch):
    older = pa.table({"evaluation_id": ["x"], "success": [True]})
    lance.write_dataset(older, str(tmp_path / f"{TABLE}.lance"))
    monkeypatch.setattr("datafactory_zoo.evaluate._pool", None)  # nothing may be started
    with pytest.raises(DatasetError, match="other columns"):
        evaluate_suites(Contender("random", "", "primitive_arm", "random", ()), {}, ["seen"],
                        generator="pick_place", episodes=1, out=tmp_path)  # fmt: skip


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


def test_task_suites_are_suites():
    assert [s.name for s in suites_named("physics")] == ["physics"]
    both = suites_named("pick_place_200/084")
    assert [s.name for s in both] == [f"pick_place_200/084/{v}" for v in ("seen", "unseen")]
    (one,) = suites_named("pick_place_200/084/unseen")
    assert one.task({"name": "another"})["name"] == "pick_place_200_084_unseen"
    assert len(suites_named("pick_place_200")) == 400
    with pytest.raises(UnknownNameError, match="task of suite"):
        suites_named("pick_place_200/999")
    with pytest.raises(UnknownNameError, match="evaluation suite"):
        suites_named("pick_place_20")


def test_tasks_of_sets_are_changed_too():
    generator, _ = find_task("pick_one")
    (given,) = suites_named("pick_place_200/084/seen")
    task = given.task({})
    assert "objects" not in task
    for name in ("unseen_instructions", "distractors", "physics"):
        generator.spec(suite(name).task(task))
    assert suite("unseen_instructions").task(task)["held_out_share"] == 1.0
    with pytest.raises(SpecError) as fixed:
        suite("unseen_objects").task(task)
    assert "names the very objects" in str(fixed.value)
    with pytest.raises(SpecError, match="cannot change task") as zoned:
        suite("unseen_positions").task(task)
    assert "--suite pick_place_200/017/unseen" in str(zoned.value)
    task["sets"]["parts"]["query"] = {"family": ["block"], "split": "seen"}
    changed = suite("unseen_objects").task(task)
    assert changed["sets"]["parts"]["query"]["split"] == "unseen"


def test_suites_of_tasks_are_pooled():
    from datafactory_zoo.evaluate import SuiteResult, pooled
    from datafactory_zoo.rollouts import Outcome

    def result(name, successes):
        outcomes = [Outcome(k, "go", k < successes, True, True, "", False, 9, ()) for k in range(4)]
        plan = Plan(Contender("expert", "", ROBOT, "expert"), "g", {}, name, 0, 4)
        return SuiteResult(plan, tuple(outcomes), 1, "hash", {})

    found = pooled(
        [result("s/001/seen", 1), result("s/002/seen", 3), result("s/001/unseen", 2),
         result("seen", 4)]
    )  # fmt: skip
    assert [s.suite for s in found[:4]] == ["s/001/seen", "s/002/seen", "s/001/unseen", "seen"]
    (whole,) = found[4:]
    assert whole.suite == "s/*/seen"
    assert (whole.success.successes, whole.success.trials, whole.skipped) == (4, 8, 2)
