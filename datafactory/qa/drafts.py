"""What can be asked about one image: for each kind, the facts and the typed answer.

A function returns None when the image has no question of its kind with one right answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from datafactory.qa.answers import (
    Answer,
    Box,
    Boxes,
    PickPlace,
    Plan,
    Point,
    Points,
    Trace,
    Words,
    is_label,
)
from datafactory.qa.references import named
from datafactory.qa.shown import Array, Shown
from datafactory.qa.story import TARGETS, SubTask, sentence

T = TypeVar("T")

WAYPOINTS = 8
SHORTEST_TRACE = 20.0
"""Shorter paths of the gripper, in resized pixels, are not asked for."""
DEPTH_GAP_M = 0.08
"""Objects whose centres differ less in distance are not compared."""


@dataclass(frozen=True)
class Draft:
    """A question without words.

    Attributes:
        slots: What the phrasing is filled in with.
        answer: The answer.
        held_out: Whether a slot quotes an instruction that is kept out of training.
    """

    slots: Mapping[str, str]
    answer: Answer
    held_out: bool = False


def _pick(items: Sequence[T], rng: np.random.Generator) -> T | None:
    return items[int(rng.integers(len(items)))] if items else None


def _named_object(
    shown: Shown, rng: np.random.Generator, chosen: Sequence[int] | None = None
) -> tuple[int, str] | None:
    """A clearly visible object and a phrase that fits only it."""
    indices = range(len(shown.objects)) if chosen is None else chosen
    index = _pick([i for i in indices if shown.clear(i) and shown.phrases.get(i)], rng)
    if index is None:
        return None
    phrase = _pick(shown.phrases[index], rng)
    return None if phrase is None else (index, phrase)


def box(shown: Shown, rng: np.random.Generator) -> Draft | None:
    """Where an object is."""
    found = _named_object(shown, rng)
    edges = shown.box(*found) if found else None
    if found is None or edges is None:
        return None
    return Draft({"reference": f"the {found[1]}"}, Boxes((edges,)))


def point(shown: Shown, rng: np.random.Generator) -> Draft | None:
    """The centre of an object, if the pixel there shows it."""
    found = _named_object(shown, rng)
    if found is None:
        return None
    center = shown.view.annotations.center_uv[shown.image, found[0]]
    pixel = shown.pixel(center)
    if pixel is None or not shown.shows(found[0], center):
        return None
    return Draft({"reference": f"the {found[1]}"}, Points((Point(found[1], *pixel),)))


def affordance(shown: Shown, rng: np.random.Generator) -> Draft | None:
    """Where the fingers took an object that is still to be grasped, if both places are seen."""
    notes = shown.view.annotations
    ahead = [k for k, frame in enumerate(notes.grasp_frame.tolist()) if frame > shown.frame]
    found = _named_object(shown, rng, sorted({int(notes.grasp_object[k]) for k in ahead}))
    if found is None:
        return None
    grasp = next(k for k in ahead if notes.grasp_object[k] == found[0])
    touched = notes.grasp_uv[shown.image, grasp]
    pixels = [shown.pixel(uv) for uv in touched if shown.shows_near(found[0], uv)]
    points = tuple(Point(found[1], *p) for p in pixels if p is not None)
    return Draft({"reference": f"the {found[1]}"}, Points(points)) if len(points) == 2 else None


@dataclass(frozen=True)
class _Order:
    """An instruction that asks for a sub-task."""

    text: str
    held_out: bool


def _current(shown: Shown) -> SubTask | None:
    """The sub-task under way that has not yet put its object down."""
    under_way = (s for s in shown.story if s.start <= shown.frame < s.hold.stop)
    return next(under_way, None)


def _order(shown: Shown, task: SubTask, rng: np.random.Generator) -> _Order | None:
    """The episode's instruction when the sub-task is all of it, else its own words."""
    if not _sure(shown, task):
        return None
    if len(shown.story) == 1:
        return _instruction(shown, rng)
    text = None if task.wanted is None else sentence(task.wanted, lambda n: _name(shown, n))
    return None if text is None else _Order(text, False)


def _instruction(shown: Shown, rng: np.random.Generator) -> _Order | None:
    """What the robot was told; None as long as it will be told something else."""
    episode = shown.episode
    told = episode.instructions[-1]
    if shown.frame < told.start:
        return None
    texts = (told.text, *told.paraphrases)
    return _Order(texts[int(rng.integers(len(texts)))], episode.instruction_split == "held_out")


def _sure(shown: Shown, task: SubTask) -> bool:
    """Whether all the sub-task mentions can be named, each object unlike all others."""
    if task.wanted is None:
        return False
    names = {o.name: named(o) for o in shown.objects}
    mentioned = [names.get(r, r) for r in (task.wanted.subject, *task.wanted.objects)]
    times = Counter(names.values())
    return all(is_label(name) and times[name] <= 1 for name in mentioned)


def _next_seen(shown: Shown, task: SubTask) -> bool:
    """Whether the objects in the sub-task's next step are seen, so that the image tells the step.

    These are the object to pick up, or once it is held, it and the objects that say where to.
    """
    names = {shown.objects[task.object].name}
    if task.wanted is not None and shown.frame >= task.hold.closed:
        names |= set(task.wanted.objects)
    return all(shown.clear(i) for i, o in enumerate(shown.objects) if o.name in names)


def _name(shown: Shown, role: str) -> str:
    """Noun phrase of an object by role name; names of other things stand for themselves."""
    record = next((o for o in shown.objects if o.name == role), None)
    return f"the {role if record is None else named(record)}"


def pick_place(shown: Shown, rng: np.random.Generator) -> Draft | None:
    """The object to take and the place to put it, before it is taken."""
    task = _current(shown)
    if task is None or shown.frame >= task.hold.closed or not shown.clear(task.object):
        return None
    order, pick = _order(shown, task, rng), shown.box(task.object, "pick")
    place = _place(shown, task)
    if order is None or pick is None or place is None:
        return None
    answer = PickPlace(pick, Box("place", *place.edges))
    return Draft({"instruction": order.text}, answer, order.held_out)


def _place(shown: Shown, task: SubTask) -> Box | None:
    """The object to put it on or in; for other relations the region where it ends up."""
    if task.wanted is not None and task.wanted.name in TARGETS:
        roles = [o.name for o in shown.objects]
        if task.wanted.objects[0] in roles:
            target = roles.index(task.wanted.objects[0])
            return shown.box(target, "place") if shown.clear(target) else None
    return _final_region(shown, task)


def _final_region(shown: Shown, task: SubTask) -> Box | None:
    return shown.region(
        task.object, shown.episode.trajectory.object_poses[task.stop - 1, task.object]
    )


def place_region(shown: Shown, rng: np.random.Generator) -> Draft | None:
    """Where an object ends up, before it is put down."""
    task = _current(shown)
    region = None if task is None else _final_region(shown, task)
    if task is None or region is None:
        return None
    order = _order(shown, task, rng)
    found = _named_object(shown, rng, [task.object])
    if order is None or found is None:
        return None
    answer = Boxes((Box(found[1], *region.edges),))
    slots = {"reference": f"the {found[1]}", "instruction": order.text}
    return Draft(slots, answer, order.held_out)


def trajectory(shown: Shown, rng: np.random.Generator) -> Draft | None:
    """The path of the tool centre point from now until the object is let go.

    It leads to what the next step is about, so that has to be seen.
    """
    task = _current(shown)
    if task is None or not _next_seen(shown, task):
        return None
    order = _order(shown, task, rng)
    if order is None:
        return None
    run = shown.episode.trajectory
    tools = run.per_arm(run.eef_pose)[:, task.hold.arm, :3]
    path = tools[shown.frame : task.hold.stop + 1]
    points = _thinned(shown, shown.project(path.astype(np.float64)))
    if points is None:
        return None
    return Draft({"instruction": order.text}, Trace(points), order.held_out)


def _thinned(shown: Shown, uv: Array) -> tuple[tuple[int, int], ...] | None:
    """Pixels at equal distances along a path (n, 2); None when it is short or leaves the image."""
    if any(shown.pixel(p) is None for p in uv):
        return None
    k = shown.view.intrinsics
    steps = np.diff(uv, axis=0) * (
        shown.width / k.width,
        shown.height / k.height,
    )
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(steps, axis=1))])
    if along[-1] < SHORTEST_TRACE:
        return None
    at = np.linspace(0.0, along[-1], WAYPOINTS)
    points = [np.array([np.interp(a, along, uv[:, 0]), np.interp(a, along, uv[:, 1])]) for a in at]
    pixels = [shown.pixel(p) for p in points]
    return tuple(dict.fromkeys(p for p in pixels if p is not None))


def plan(shown: Shown, rng: np.random.Generator) -> Draft | None:
    """The steps that are still to be done.

    What the first of them names has to be seen: it tells how far the episode is. Later steps
    follow from the instruction.
    """
    if not shown.story or not all(_sure(shown, task) for task in shown.story):
        return None
    steps: list[str] = []
    for task in shown.story:
        wanted = task.wanted
        if wanted is None or shown.frame >= task.hold.stop:
            continue
        if not steps and not _next_seen(shown, task):
            return None
        taken = shown.frame >= task.hold.closed
        put = sentence(wanted, lambda n: _name(shown, n), None if taken else "it")
        if put is None:
            return None
        steps += [put] if taken else [f"pick up {_name(shown, wanted.subject)}", put]
    if not steps:
        return None
    order = _instruction(shown, rng)
    if order is None:
        return None
    return Draft({"instruction": order.text}, Plan(tuple(steps)), order.held_out)


def count(shown: Shown, rng: np.random.Generator) -> Draft | None:
    """How many objects of a category or colour are seen, when none is half hidden."""
    groups: dict[str, list[int]] = {}
    for i, record in enumerate(shown.objects):
        if is_label(record.category):
            groups.setdefault(plural(record.category), []).append(i)
        if is_label(record.colour):
            groups.setdefault(f"{record.colour} objects", []).append(i)
    certain = [
        things
        for things, members in groups.items()
        if all(shown.clear(i) or not shown.seen(i) for i in members)
    ]
    things = _pick(certain, rng)
    if things is None:
        return None
    return Draft({"things": things}, Words(str(sum(shown.seen(i) for i in groups[things]))))


def plural(noun: str) -> str:
    """Regular English plural: ``boxes``, ``cherries``, ``cans``."""
    if noun.endswith(("s", "x", "z", "ch", "sh")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def relation(shown: Shown, rng: np.random.Generator) -> Draft | None:
    """Whether one object is left of another in the image, or nearer to the camera."""
    clear = [i for i in range(len(shown.objects)) if shown.clear(i) and shown.phrases.get(i)]
    if len(clear) < 2:
        return None
    a, b = (clear[i] for i in rng.permutation(len(clear))[:2])
    facts = _compared(shown, a, b)
    fact = _pick(facts, rng)
    if fact is None:
        return None
    words = [_pick(shown.phrases[i], rng) for i in (a, b)]
    truth = bool(rng.integers(2))
    slots = {"first": f"the {words[0]}", "second": f"the {words[1]}"}
    return Draft(
        {**slots, "relation": fact[0] if truth else fact[1]}, Words("yes" if truth else "no")
    )


def _compared(shown: Shown, a: int, b: int) -> list[tuple[str, str]]:
    """(what is true, what is false) of a with respect to b, only where it is plain to see."""
    notes = shown.view.annotations
    facts = []
    first, second = notes.visible_box[shown.image, [a, b]]
    sides = ("to the left of", "to the right of")
    if first[2] <= second[0]:
        facts.append(sides)
    elif second[2] <= first[0]:
        facts.append((sides[1], sides[0]))
    near = float(notes.box_camera[shown.image, b, 2] - notes.box_camera[shown.image, a, 2])
    depths = ("closer to the camera than", "farther from the camera than")
    if abs(near) >= DEPTH_GAP_M:
        facts.append(depths if near > 0 else (depths[1], depths[0]))
    return facts


def visibility(shown: Shown, rng: np.random.Generator) -> Draft | None:
    """Whether an object of some colour and category is in the image; half of the time it is."""
    seen = [i for i in range(len(shown.objects)) if shown.seen(i)]
    present = {named(shown.objects[i]) for i in seen}
    colours = dict.fromkeys(o.colour for o in shown.objects if o.colour)
    coloured = [o.category for o in shown.objects if named(o) != o.category]
    mixed = [f"{c} {n}" for n in dict.fromkeys(coloured) for c in colours]
    hidden = [named(o) for o in shown.objects]
    absent = [thing for thing in dict.fromkeys((*hidden, *mixed)) if thing not in present]
    clear = [named(shown.objects[i]) for i in seen if shown.clear(i)]
    there = bool(rng.integers(2))
    thing = _pick([t for t in (clear if there else absent) if is_label(t)], rng)
    if thing is None:
        return None
    return Draft({"thing": _article(thing)}, Words("yes" if there else "no"))


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


DRAFTS: dict[str, Callable[[Shown, np.random.Generator], Draft | None]] = {
    "box": box,
    "pick_place": pick_place,
    "point": point,
    "affordance": affordance,
    "trajectory": trajectory,
    "place_region": place_region,
    "plan": plan,
    "count": count,
    "relation": relation,
    "visibility": visibility,
}
"""What makes the questions of each kind, as in ``answers.KINDS``."""
