"""Answers against the images and the episode they are about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from datafactory.errors import SpecError, UnknownNameError
from datafactory.qa.answers import KINDS, Boxes, PickPlace, Plan, Points, Trace, Words
from datafactory.qa.drafts import plural
from datafactory.qa.forms import parse_answer
from datafactory.qa.questions import Rules, questions
from datafactory.qa.references import named
from datafactory.qa.resize import Resize
from datafactory.qa.sample import QASample
from datafactory.qa.story import sub_tasks
from datafactory.render.masks import label_at, object_mask
from datafactory.render.media import decode_masks, encode_masks
from datafactory.seeding import stream
from tests.view_fixture import FRONT, episode, views

TASKS = ("pick_place", "plate_then_box", "stack_two")
SAME_SIZE = Resize(max_pixels=FRONT.width * FRONT.height * 2)
EVERY = Rules(images=12)


def asked(task: str, seed: int = 0, rules: Rules = EVERY) -> Iterator[QASample]:
    for camera, view in views(task).items():
        rng = stream(seed, "test-qa", 0, camera)
        yield from questions(view, episode(task), rng, SAME_SIZE, rules)


@pytest.fixture(scope="module", params=TASKS)
def samples(request) -> tuple[str, list[QASample]]:
    return request.param, list(asked(request.param))


def of_kind(samples: list[QASample], kind: str) -> list[QASample]:
    found = [s for s in samples if s.kind == kind]
    assert found
    return found


def scale(sample: QASample) -> tuple[float, float]:
    return sample.width / FRONT.width, sample.height / FRONT.height


def test_every_kind_is_asked_and_every_answer_can_be_read(samples) -> None:
    _, found = samples
    assert {s.kind for s in found} == set(KINDS)
    assert len({s.question_id for s in found}) == len(found)
    for sample in found:
        assert type(sample.answer) is KINDS[sample.kind]
        assert parse_answer(sample.answer_text) == sample.answer
        assert (sample.width, sample.height) == SAME_SIZE.size(FRONT.width, FRONT.height)
        assert "$" not in sample.question


def test_coordinates_lie_in_the_image(samples) -> None:
    for sample in samples[1]:
        answer = sample.answer
        if isinstance(answer, Boxes | PickPlace):
            boxes = answer.boxes if isinstance(answer, Boxes) else (answer.pick, answer.place)
            for box in boxes:
                assert box.right <= sample.width
                assert box.bottom <= sample.height
                assert min(box.right - box.left, box.bottom - box.top) >= EVERY.min_side
        elif isinstance(answer, Points | Trace):
            points = (
                [(p.x, p.y) for p in answer.points] if isinstance(answer, Points) else answer.points
            )
            assert all(x < sample.width and y < sample.height for x, y in points)


def fits(phrase: str, task: str) -> list[int]:
    """Objects that a plain phrase (no comparison, no support) could mean."""
    words = phrase.split()
    if "the" in words or words[0].endswith("st"):
        return []
    return [
        i
        for i, o in enumerate(episode(task).objects)
        if words[-1] in (o.category, "object") and set(words[:-1]) <= {o.colour, o.material}
    ]


def test_boxes_bound_the_only_object_the_question_can_mean(samples) -> None:
    task, found = samples
    checked = 0
    for sample in of_kind(found, "box"):
        view = views(task)[sample.camera]
        (box,) = sample.answer.boxes
        assert f"the {box.label}" in sample.question.lower()
        seen = view.annotations.visible_pixels[sample.frame]
        meant = [i for i in fits(box.label, task) if seen[i]]
        if not fits(box.label, task):
            continue
        assert len(meant) == 1
        mask = object_mask(view.masks, sample.frame, view.entities.index(
            episode(task).objects[meant[0]].name))  # fmt: skip
        rows, columns = np.nonzero(mask)
        sx, sy = scale(sample)
        wanted = [columns.min() * sx, rows.min() * sy, (columns.max() + 1) * sx,
                  (rows.max() + 1) * sy]  # fmt: skip
        np.testing.assert_allclose(box.edges, wanted, atol=0.51)
        assert view.annotations.visibility[sample.frame, meant[0]] >= EVERY.min_visibility
        checked += 1
    assert checked > 5


def test_points_fall_on_the_object(samples) -> None:
    task, found = samples
    for sample in of_kind(found, "point"):
        (point,) = sample.answer.points
        meant = fits(point.label, task)
        view = views(task)[sample.camera]
        seen = [i for i in meant if view.annotations.visible_pixels[sample.frame, i]]
        sx, sy = scale(sample)
        x, y = int((point.x + 0.5) / sx), int((point.y + 0.5) / sy)
        around = {
            view.entities[label_at(view.masks, sample.frame, min(max(x + i, 0), FRONT.width - 1),
                                   min(max(y + j, 0), FRONT.height - 1))]
            for i in (-1, 0, 1) for j in (-1, 0, 1)
        }  # fmt: skip
        if seen:
            assert episode(task).objects[seen[0]].name in around


def test_grasp_points_are_asked_for_before_the_grasp_only(samples) -> None:
    task, found = samples
    story = sub_tasks(episode(task))
    for sample in of_kind(found, "affordance"):
        frame = views(task)[sample.camera].frames[sample.frame]
        assert len(sample.answer.points) == 2
        view, meant = views(task)[sample.camera], fits(sample.answer.points[0].label, task)
        for point in sample.answer.points if len(meant) == 1 else ():
            label = view.entities.index(episode(task).objects[meant[0]].name)
            rows, columns = np.nonzero(object_mask(view.masks, sample.frame, label))
            sx, sy = scale(sample)
            away = np.hypot(columns + 0.5 - point.x / sx, rows + 0.5 - point.y / sy)
            assert away.min() <= 2.0 + 1.5 / min(sx, sy)  # the answer is a whole pixel
        assert any(frame < t.hold.closed for t in story)


def test_pick_and_place_are_the_moved_object_and_where_it_goes(samples) -> None:
    task, found = samples
    story = sub_tasks(episode(task))
    for sample in of_kind(found, "pick_place"):
        view = views(task)[sample.camera]
        frame = view.frames[sample.frame]
        move = next(t for t in story if frame < t.hold.closed)
        sx, sy = scale(sample)
        pick = view.annotations.visible_box[sample.frame, move.object] * (sx, sy, sx, sy)
        np.testing.assert_allclose(sample.answer.pick.edges, pick, atol=0.51)
        # What is placed ends up at the place it was said to go to.
        last = view.annotations.center_uv[-1, move.object] * (sx, sy)
        place = sample.answer.place
        if sample.camera == "front":
            assert place.left - 3 <= last[0] <= place.right + 3
            assert place.top - 25 <= last[1] <= place.bottom + 3


def test_place_regions_hold_the_object_when_it_is_done(samples) -> None:
    task, found = samples
    for sample in of_kind(found, "place_region"):
        if sample.camera != "front":
            continue
        view = views(task)[sample.camera]
        frame = view.frames[sample.frame]
        move = next(t for t in sub_tasks(episode(task)) if frame < t.hold.stop)
        (box,) = sample.answer.boxes
        outline = view.annotations.amodal_box[-1, move.object] * (scale(sample) * 2)
        assert (np.array(box.edges[:2]) <= outline[:2] + 2).all()
        assert (np.array(box.edges[2:]) >= outline[2:] - 2).all()
        assert view.annotations.amodal_box[-1, move.object] is not None


def test_traces_start_at_the_tool_and_end_where_it_lets_go(samples) -> None:
    task, found = samples
    for sample in of_kind(found, "trajectory"):
        view = views(task)[sample.camera]
        sx, sy = scale(sample)
        x, y = view.annotations.tcp_uv[sample.frame]
        points = sample.answer.points
        assert np.hypot(points[0][0] - x * sx, points[0][1] - y * sy) < 2
        frame = view.frames[sample.frame]
        move = next(t for t in sub_tasks(episode(task)) if frame < t.hold.stop)
        if sample.camera == "front":
            image = int(np.argmin(np.abs(view.frames - move.hold.stop)))
            end = view.annotations.tcp_uv[image] * (sx, sy)
            assert np.hypot(points[-1][0] - end[0], points[-1][1] - end[1]) < 12
        assert all(a != b for a, b in pairwise(points))


def test_plans_shrink_as_the_episode_goes_on() -> None:
    shown = episode("plate_then_box")
    lengths = {}
    for sample in asked("plate_then_box", rules=Rules(kinds=("plan",), images=12)):
        assert isinstance(sample.answer, Plan)
        lengths[int(views("plate_then_box")[sample.camera].frames[sample.frame])] = len(
            sample.answer.steps
        )
    ordered = [lengths[f] for f in sorted(lengths)]
    assert ordered == sorted(ordered, reverse=True)
    assert ordered[0] == 4
    assert set(ordered) >= {4, 3}
    moves = sub_tasks(shown)
    assert max(lengths) < moves[-1].hold.stop
    first = next(asked("plate_then_box", rules=Rules(kinds=("plan",), images=1)))
    block, tray = (named(shown.objects[i]) for i in (0, 1))
    assert first.answer.steps[:2] == (f"pick up the {block}", f"put it on the {tray}")


def test_short_answers_are_true(samples) -> None:
    task, found = samples
    objects = episode(task).objects
    for sample in found:
        note = views(task)[sample.camera].annotations
        seen = note.visible_pixels[sample.frame] > 0
        if sample.kind == "count":
            groups = {plural(o.category): 0 for o in objects}
            groups |= {f"{o.colour} objects": 0 for o in objects}
            for o, s in zip(objects, seen, strict=True):
                groups[plural(o.category)] += int(s)
                groups[f"{o.colour} objects"] += int(s)
            assert any(t in sample.question and str(n) == sample.answer.text
                       for t, n in groups.items())  # fmt: skip
        if sample.kind == "visibility":
            present = {named(o) for o, s in zip(objects, seen, strict=True) if s}
            there = any(f" {thing}" in sample.question for thing in present)
            assert there == (sample.answer.text == "yes")


def test_yes_and_no_are_both_common() -> None:
    answers = [
        s.answer
        for seed in range(8)
        for s in asked("pick_place", seed, Rules(kinds=("relation", "visibility"), images=6))
    ]
    share = answers.count(Words("yes")) / len(answers)
    assert 0.3 < share < 0.7


def test_the_same_generator_gives_the_same_questions() -> None:
    assert list(asked("pick_place", 3)) == list(asked("pick_place", 3))
    assert list(asked("pick_place", 3)) != list(asked("pick_place", 4))


def test_held_out_phrasings_and_instructions_are_held_out() -> None:
    every = list(asked("pick_place", rules=Rules(held_out_share=1.0)))
    assert {s.split for s in every} == {"held_out"}
    none = Rules(held_out_share=0.0, images=12)
    shown = episode("pick_place")
    assert shown.instruction_split == "train"
    assert {s.split for s in asked("pick_place", rules=none)} == {"train"}
    held = replace(shown, instruction_split="held_out")
    view = views("pick_place")["front"]
    for sample in questions(view, held, stream(0, "test-qa", 0, "x"), SAME_SIZE, none):
        quoted = any(text in sample.question for text in (shown.instruction, *shown.paraphrases))
        assert sample.split == ("held_out" if quoted else "train")


def test_questions_quote_the_last_instruction_from_when_it_holds() -> None:
    shown, new = episode("pick_place"), "put it where I point"
    middle = shown.length // 3
    event = {"frame": middle, "kind": "goal_changed", "instruction": new, "goal": ""}
    changed = replace(shown, extra={**shown.extra, "events": [event]})
    view = views("pick_place")["front"]
    rules = Rules(kinds=("plan", "trajectory"), images=12, held_out_share=0.0)
    found = list(questions(view, changed, stream(0, "test-qa", 0, "x"), SAME_SIZE, rules))
    assert any(new in sample.question for sample in found)
    for sample in found:
        assert not any(text in sample.question for text in (shown.instruction, *shown.paraphrases))
        assert view.frames[sample.frame] >= middle or new not in sample.question


def test_ambiguous_objects_are_not_asked_about() -> None:
    shown = episode("pick_place")
    same = tuple(
        replace(o, category="thing", colour="grey", material="", size=(0.1, 0.1, 0.1))
        for o in shown.objects
    )
    twins = replace(shown, objects=same)
    view = views("pick_place")["front"]
    still = replace(view.annotations, center_uv=view.annotations.center_uv * 0 + 100)
    view = replace(view, annotations=still)
    found = questions(view, twins, stream(0, "test-qa", 0, "x"), SAME_SIZE, EVERY)
    assert {s.kind for s in found} <= {"count", "visibility"}


def test_hidden_objects_are_not_asked_about() -> None:
    view = views("pick_place")["front"]
    hidden = replace(view.annotations, visibility=view.annotations.visibility * 0.1)
    found = questions(
        replace(view, annotations=hidden), episode(), stream(0, "test-qa", 0, "x"), SAME_SIZE, EVERY
    )
    assert {s.kind for s in found} == {"visibility"}
    assert all(s.answer == Words("no") for s in found if s.kind == "visibility")


def test_plans_need_what_the_next_step_names_but_not_what_later_ones_do() -> None:
    shown, view = episode("plate_then_box"), views("plate_then_box")["front"]
    rules = Rules(kinds=("plan", "trajectory"), images=12)
    for index, asked_first in enumerate((False, True, True)):
        seen = view.annotations.visibility.copy()
        seen[:, index] = 0.1
        hidden = replace(view, annotations=replace(view.annotations, visibility=seen))
        found = questions(hidden, shown, stream(0, "test-qa", 0, "x"), SAME_SIZE, rules)
        first = {s.kind for s in found if s.frame == 0}
        assert first == ({"plan", "trajectory"} if asked_first else set())
        if index == 1:  # the target of the move: needed as soon as the object is held
            hold = sub_tasks(shown)[0].hold
            frames = {int(view.frames[s.frame]) for s in found}
            assert frames
            assert not any(hold.closed <= f < hold.stop for f in frames)


def test_contact_points_behind_something_are_not_asked_for() -> None:
    view = views("pick_place")["front"]
    rules = Rules(kinds=("affordance",), images=1)
    rng = stream(0, "test-qa", 0, "x")
    assert questions(view, episode(), rng, SAME_SIZE, rules)
    taken = view.entities.index(episode().objects[view.annotations.grasp_object[0]].name)
    masks = decode_masks(view.masks, [0])
    x, y = (int(v) for v in view.annotations.grasp_uv[0, 0, 1])
    around = masks[0, y - 3 : y + 4, x - 3 : x + 4]
    around[around == taken] = view.entities.index("gripper")
    hidden = replace(view, masks=encode_masks(masks))
    assert questions(hidden, episode(), rng, SAME_SIZE, rules) == []
    most = replace(view.annotations, visibility=view.annotations.visibility * 0 + 0.85)
    blind = replace(view, masks=None, annotations=most)
    assert questions(blind, episode(), rng, SAME_SIZE, rules) == []


@pytest.mark.parametrize(
    "category", ["can (12 oz)", "2-litre bottle", "7up", "mug; red", "", "a\nb", " "]
)
def test_objects_that_cannot_be_named_are_not_asked_about(category: str) -> None:
    view = views("pick_place")["front"]
    for colour in ("", "red", "red; "):
        odd = tuple(replace(o, category=category, colour=colour) for o in episode().objects)
        shown = replace(episode(), objects=odd)
        for seed in range(3):
            rng = stream(seed, "test-qa", 0, "x")
            for sample in questions(view, shown, rng, SAME_SIZE, EVERY):
                assert parse_answer(sample.answer_text) == sample.answer
                assert not category.strip(" ") or f"the {category}" not in sample.question
    one = replace(episode().objects[0], category=category, colour="")
    mixed = replace(episode(), objects=(one, *episode().objects[1:]))
    rng = stream(0, "test-qa", 0, "x")
    assert {s.kind for s in questions(view, mixed, rng, SAME_SIZE, EVERY)} >= {"box", "count"}


def test_imported_images_are_refused() -> None:
    view = views("pick_place")["front"]
    nan = float("nan")
    k = replace(view.intrinsics, fx=nan, fy=nan, cx=nan, cy=nan)
    with pytest.raises(SpecError, match="nothing can be asked"):
        questions(replace(view, intrinsics=k), episode(), stream(0, "test-qa", 0, "x"))


def test_rules_are_checked() -> None:
    with pytest.raises(UnknownNameError, match="question kind"):
        Rules(kinds=("boxes",))
    with pytest.raises(UnknownNameError, match="answer form"):
        Rules(forms=("yaml",))  # type: ignore[arg-type]
    for wrong in ({"kinds": ()}, {"images": 0}, {"min_visibility": 0.0}, {"held_out_share": 2.0}):
        with pytest.raises(SpecError):
            Rules(**wrong)


def test_plurals() -> None:
    assert [plural(n) for n in ("can", "box", "dish", "cherry", "tray")] == [
        "cans", "boxes", "dishes", "cherries", "trays",
    ]  # fmt: skip


def test_the_room_is_left_out_where_it_is_seen() -> None:
    from datafactory.qa.phrases import phrase_book

    scope = phrase_book()["scope"]
    view = views("pick_place")["front"]
    assert not any(t in s.question for s in asked("pick_place") for t in scope)
    runs = view.masks.values
    walls = np.where(runs == 0, np.uint8(view.entities.index("room")), runs)
    roomy = replace(view, masks=replace(view.masks, values=walls))
    for blind in (roomy, replace(view, masks=None)):
        for sample in questions(blind, episode(), stream(0, "test-qa", 0, "x"), SAME_SIZE, EVERY):
            said = sum(text in sample.question for text in scope)
            assert said == (sample.kind not in ("trajectory", "plan"))
