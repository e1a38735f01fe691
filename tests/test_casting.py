"""Who plays which role: sets, matching places, lookalikes, distractors; and whole attempts."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import pytest

from datafactory.episode import Episode
from datafactory.language.nouns import noun
from datafactory.language.referring import expressions
from datafactory.plugin import find_task
from datafactory.scene_graph.graph import Goal
from datafactory.subtasks import faults, subtask_index, subtasks_of
from datafactory_pick_place.casting import draw_cast, draw_others
from datafactory_pick_place.maker import PickPlaceMaker
from datafactory_pick_place.streams import AttemptStreams
from tests.physics_fixture import asset, settle, standing

ARM = "primitive_arm"


@lru_cache(maxsize=8)
def maker(task: str) -> PickPlaceMaker:
    generator, info = find_task(task)
    made = generator.open(generator.spec(info.spec, robot=ARM), 5)
    assert isinstance(made, PickPlaceMaker)
    return made


def cast(task: str, index: int) -> Any:
    made = maker(task)
    streams = AttemptStreams(made.spec, 5, index)
    case = made.spec.task_spec.cases[index % len(made.spec.task_spec.cases)]
    play, taken, impossible = draw_cast(case, made.robot, streams, made.sources)
    wanted = made.spec.task_spec.distractors
    return play, draw_others(play, wanted, streams, taken, made.sources), impossible


def first_accepted(task: str, tries: int = 12) -> Episode:
    return next(e for e in map(maker(task).attempt, range(tries)) if e.verdict.accepted)


def test_every_object_to_sort_has_one_place_of_its_colour() -> None:
    for index in range(8):
        play, _, impossible = cast("sort_by_colour", index)
        assert not impossible
        assets = play.cast.assets
        places = [n for n in assets if n.startswith(("plates", "boxes"))]
        colours = [assets[n].colour for n in places]
        assert len(set(colours)) == len(colours)
        for relation in play.goal.relations():
            assert assets[relation.subject].colour == assets[relation.objects[0]].colour


def test_all_of_a_kind_is_all_there_is() -> None:
    for index in range(6):
        play, others, _ = cast("all_of_a_kind", index)
        kinds = {play.cast.assets[n].category for s in play.cast.sets.values() for n in s}
        assert not kinds & {asset.category for asset in others.values()}


def test_lookalikes_share_the_noun() -> None:
    for index in range(8):
        play, others, _ = cast("follow_reference", index)
        (group,) = play.case.lookalikes
        model = play.cast.assets[group.of]
        alike = others["distractor_0"]
        assert alike.category == model.category
        assert alike.content_hash != model.content_hash
        if "colour" in group.share:
            assert noun(alike) == noun(model)


@pytest.mark.parametrize("task", ["swap_two", "line_up", "sort_by_colour"])
def test_attempts_label_every_frame(task: str) -> None:
    episode = first_accepted(task)
    assert episode.trajectory is not None
    labels, length = subtasks_of(episode.extra), episode.trajectory.length
    names = [item.name for item in episode.objects]
    assert list(faults(labels, length, names)) == []
    assert set(subtask_index(labels, length).tolist()) == set(range(len(labels)))
    moved = {phase.subgoal for phase in episode.trajectory.phases}
    assert len(labels) == len(moved)
    form = json.loads(episode.extra["form"])
    assert form["form"] in ("swap", "line", "sort")
    assert Goal.from_json(episode.goal).names() <= set(names)


def test_a_reference_fits_one_object_of_the_settled_scene() -> None:
    made, seen = maker("follow_reference"), 0
    for index in range(8):
        episode = made.attempt(index)
        assert episode.verdict.reason != "ambiguous_reference"
        checks = {c.check: c.passed for c in episode.verdict.checks}
        if "refers_to:a" not in checks:
            continue
        seen += 1
        assert checks["refers_to:a"]
        words = [episode.instruction, *episode.paraphrases]
        labels = subtasks_of(episode.extra)
        assert len(words) >= 3
        if labels:
            assert " a " not in f" {labels[0].text} "
    assert seen >= 4


def test_two_alike_side_by_side_are_ambiguous() -> None:
    can = asset("can", 1)
    poses = {"a": standing(can, 0.5, 0.04, 0.0), "b": standing(can, 0.5, -0.04, 0.0)}
    state = settle(poses, {"a": can, "b": can}, 0.05)
    shown = expressions("a", state)
    assert {e.kind for e in shown} <= {"ordinal"}  # 8 cm apart: their order is all there is


def test_swapping_needs_a_buffer() -> None:
    episode = first_accepted("swap_two")
    names = [s.name for s in subtasks_of(episode.extra)]
    assert names == ["put_apart", "put_at", "put_at"]


def test_the_world_plays_goals_with_places() -> None:
    generator, info = find_task("swap_two")
    world: Any = generator.world(generator.spec(info.spec, robot=ARM), 5)
    _, told = world.reset(options={"index": first_accepted("swap_two").attempt})
    assert told["instruction"]
    for action in world.unwrapped.expert():
        _, reward, done, _, _ = world.step(action)
        if done:
            break
    assert reward == 1.0
