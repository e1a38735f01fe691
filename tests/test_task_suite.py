"""The suite pick_place_200: one seed, the same tasks; nothing seen is unseen; all executable."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import yaml

from datafactory.api import load_task
from datafactory.errors import SpecError, UnknownNameError
from datafactory.plugin import load_generator
from datafactory.robots import load_robot
from datafactory.settings import bind_task, is_task_file, resolve_run
from datafactory.suite_check import check_suite
from datafactory.suite_proof import new_lock, prove
from datafactory.task_suite import VARIANTS, SuiteLock, suite_task, task_suite
from datafactory_assets.query import UNSEEN_FROM
from datafactory_cli.main import run
from datafactory_pick_place.maker import asset_sources
from datafactory_pick_place.sampling import draw_scene
from datafactory_pick_place.streams import AttemptStreams
from datafactory_pick_place.suite.drawing import draw_suite

NAME = "pick_place_200"


@pytest.fixture(scope="module")
def suite():
    return task_suite(NAME)


def with_task(suite, number, **variants):
    tasks = tuple(
        replace(t, variants={**t.variants, **variants}) if t.number == number else t
        for t in suite.tasks
    )
    return replace(suite, tasks=tasks)


def few(suite, *numbers):
    return replace(suite, tasks=tuple(suite.task(n) for n in numbers), min_objects=1)


def failed(suite):
    return {c.name for c in check_suite(suite) if not c.passed} - {"lock", "distinct objects"}


def test_a_seed_gives_the_same_tasks_and_another_seed_others(suite):
    again = draw_suite(suite.seed)
    assert [t.hashes() for t in again] == [t.hashes() for t in suite.tasks]
    other = draw_suite(suite.seed + 1)
    assert [t.title for t in other] == [t.title for t in suite.tasks]
    assert all(a.hashes() != b.hashes() for a, b in zip(other, again, strict=True))


def test_everything_the_suite_promises(suite):
    checks = check_suite(suite)
    assert [c for c in checks if not c.passed] == []
    assert len(suite.tasks) == 200
    assert len({h for t in suite.tasks for h in t.hashes().values()}) == 400


def test_goals_of_both_variants_are_the_same(suite):
    for task in suite.tasks:
        seen, unseen = task.variants["seen"], task.variants["unseen"]
        assert seen["goal"] == unseen["goal"]
        assert {**seen, "name": 0}.keys() == {**unseen, "name": 0}.keys()


def test_a_task_of_a_suite_is_a_task_like_any_other(suite):
    assert not is_task_file(f"{NAME}/017")
    assert is_task_file("folder/017.yaml")
    seen, unseen = load_task(f"{NAME}/017"), load_task(f"{NAME}/017/unseen")
    assert (seen.name, unseen.name) == (f"{NAME}_017_seen", f"{NAME}_017_unseen")
    bound = bind_task(resolve_run({"task": f"{NAME}/017", "robot": "ur5e"}, environ={}))
    assert bound.spec.robot == "ur5e"
    assert bound.generator_name == "pick_place"
    assert suite_task(f"{NAME}/017", "unseen") == suite.task("017").variants["unseen"]


def test_names_that_are_none():
    with pytest.raises(UnknownNameError, match="200"):
        suite_task(f"{NAME}/200")
    with pytest.raises(UnknownNameError):
        suite_task("pick_place_20/001")
    with pytest.raises(UnknownNameError):
        suite_task(f"{NAME}/001", "other")
    with pytest.raises(SpecError):
        suite_task("pick_place")
    with pytest.raises(SpecError):
        suite_task(f"{NAME}/001/seen", "unseen")


def test_checks_see_a_task_that_was_changed(suite):
    data = {**suite.task("003").variants["seen"], "fps": 10}
    changed = few(with_task(suite, "003", seen=data), "003", "004")
    assert "lock" in {c.name for c in check_suite(changed) if not c.passed}


def test_checks_see_what_is_shared_between_seen_and_unseen(suite):
    one = few(suite, "003")
    assert failed(one) == set()
    seen, unseen = one.tasks[0].variants["seen"], one.tasks[0].variants["unseen"]
    copied = with_task(one, "003", unseen={**unseen, "objects": seen["objects"]})
    assert failed(copied) == {"unseen objects"}
    copied = with_task(one, "003", unseen={**unseen, "zones": seen["zones"]})
    assert failed(copied) == {"unseen positions", "unseen orientations"}
    copied = with_task(one, "003", unseen={**unseen, "zones": {}}, seen={**seen, "zones": {}})
    assert failed(copied) == {"unseen positions", "unseen orientations"}
    copied = with_task(one, "003", unseen={**unseen, "held_out_share": 0.5})
    assert failed(copied) == {"unseen instructions"}


def test_headings_that_differ_by_half_a_turn_count_as_the_same(suite):
    one = few(suite, "003")
    unseen = one.tasks[0].variants["unseen"]
    zones = {role: {**zone, "yaw_rad": [1.65, 3.0]} for role, zone in unseen["zones"].items()}
    changed = with_task(one, "003", unseen={**unseen, "zones": zones})
    assert failed(changed) == {"unseen orientations"}


def test_a_variant_without_an_accepted_attempt_is_not_proven(suite):
    one = few(suite, "003")
    assert failed(replace(one, lock=None)) == {"proven"}
    lock = replace(suite.lock, generator_version="0")
    assert failed(replace(one, lock=lock)) == {"proven"}


def test_a_lock_is_read_as_it_was_written(suite):
    assert SuiteLock.read(suite.lock.text(), "") == suite.lock
    with pytest.raises(SpecError, match="lock"):
        SuiteLock.read("{}", "x.json")


def test_proofs_of_tasks_that_changed_are_dropped(suite):
    data = {**suite.task("003").variants["seen"], "fps": 10}
    lock = new_lock(with_task(suite, "003", seen=data), (), (1, 1))
    assert lock.proofs["003"]["seen"].attempt is None
    assert lock.proofs["003"]["unseen"] == suite.lock.proofs["003"]["unseen"]
    assert lock.proofs["004"] == suite.lock.proofs["004"]


@pytest.mark.parametrize("number", ["001", "086", "112", "160"])
def test_recorded_attempts_are_accepted(suite, number):
    for outcome in prove(suite, [number], tries=1):
        assert outcome.reasons == ()
        assert outcome.attempt == suite.lock.proofs[number][outcome.variant].attempt


@pytest.mark.parametrize("number", ["060", "088", "104", "164"])
def test_attempts_are_laid_out_in_their_zones_with_objects_of_their_split(suite, number):
    generator, robot = load_generator(suite.generator), load_robot("franka_panda")
    for variant in VARIANTS:
        spec = generator.spec(suite.task(number).variants[variant])
        sources = asset_sources(spec.task_spec.sources)
        zones = spec.task_spec.cases[0].zones
        for index in range(4):
            draw = draw_scene(spec, robot, AttemptStreams(spec, 3, index), sources)
            assert all((a.seed >= UNSEEN_FROM) == (variant == "unseen")
                       for a in draw.assets.values())  # fmt: skip
            if draw.scene is None:
                continue
            base = draw.scene.world_from_base
            heading = 2.0 * math.atan2(base.quat[3], base.quat[0])
            for item in draw.scene.objects:
                zone = zones.get(item.name.rpartition("_")[0], zones.get(item.name))
                if zone is None:
                    continue
                x, y = np.subtract(item.world_from_object.position[:2], base.position[:2])
                w, _, _, z = item.world_from_object.quat
                bearing, yaw = math.atan2(y, x) - heading, 2.0 * math.atan2(z, w) - heading
                yaw = (yaw + math.pi) % (2.0 * math.pi) - math.pi
                assert zone.angle_rad[0] - 1e-6 <= bearing <= zone.angle_rad[1] + 1e-6
                assert zone.yaw_rad[0] - 1e-6 <= yaw <= zone.yaw_rad[1] + 1e-6


@pytest.mark.parametrize("variant", ["seen", "unseen"])
def test_words_are_of_their_split(suite, variant):
    generator = load_generator(suite.generator)
    maker = generator.open(generator.spec(suite.task("000").variants[variant]), 5)
    splits = {maker.attempt(index).instruction_split for index in range(3)}
    assert splits == {"train" if variant == "seen" else "held_out"}


@pytest.mark.slow
def test_all_recorded_attempts_are_accepted(suite):
    outcomes = list(prove(suite, [t.number for t in suite.tasks], tries=1))
    assert [o for o in outcomes if o.reasons] == []


def call(capsys, *args):
    code = run(["tasks", "suite", *args])
    return code, capsys.readouterr().out


def test_command(capsys, tmp_path):
    code, out = call(capsys)
    assert code == 0
    assert NAME in out
    code, out = call(capsys, NAME, "--json")
    data = json.loads(out)
    assert code == 0
    assert len(data["tasks"]) == 200
    assert all(t["proven_attempts"]["seen"] is not None for t in data["tasks"])
    code, out = call(capsys, NAME, "--only", "017", "--out", str(tmp_path))
    files = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.yaml"))
    assert code == 0
    assert files == ["seen/017.yaml", "unseen/017.yaml"]
    assert load_task(tmp_path / "unseen/017.yaml") == load_task(f"{NAME}/017/unseen")
    assert run(["tasks", "suite", NAME, "--only", "017", "--out", str(tmp_path)]) == 2
    assert yaml.safe_load((tmp_path / "seen/017.yaml").read_text())["name"] == f"{NAME}_017_seen"


def test_command_proves(capsys, tmp_path):
    lock = tmp_path / "lock.json"
    code, out = call(capsys, NAME, "--prove", "--only", "000", "--lock", str(lock), "--json")
    assert code == 0
    assert json.loads(out)["variants"] == 2
    assert SuiteLock.read(lock.read_text(), "") == task_suite(NAME).lock
