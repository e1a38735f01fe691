"""What an episode did, as sub-tasks: which object was moved when, and which relation was wanted.

Read from phases, grasps and the goal of the stored episode, so any generator's episodes serve that
label sub-goals and state their goal as relations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from datafactory.render.holds import Hold, find_holds
from datafactory.store.stored import StoredEpisode

_WORDING = {
    "on": "put {subject} on {first}",
    "in": "put {subject} in {first}",
    "left": "put {subject} to the left of {first}",
    "right": "put {subject} to the right of {first}",
    "front": "put {subject} in front of {first}",
    "back": "put {subject} behind {first}",
    "behind": "put {subject} behind {first}",
    "near": "put {subject} next to {first}",
    "between": "put {subject} between {first} and {second}",
    "above": "put {subject} above {first}",
    "below": "put {subject} below {first}",
    "touching": "put {subject} against {first}",
    "stacked": "stack {subject} on {first}",
}
TARGETS = ("on", "in", "stacked")
"""Relations whose reference object is itself the place to put something."""


@dataclass(frozen=True)
class Wanted:
    """A relation of the goal."""

    name: str
    subject: str
    objects: tuple[str, ...]


@dataclass(frozen=True)
class SubTask:
    """One object moved to one place.

    Attributes:
        object: Index of the object.
        start, stop: Its frames, ``start`` <= i < ``stop``; it is in its place in the last one.
        hold: When it was held.
        wanted: The relation it was moved for; None when the goal does not say.
    """

    object: int
    start: int
    stop: int
    hold: Hold
    wanted: Wanted | None


def sub_tasks(episode: StoredEpisode) -> tuple[SubTask, ...]:
    """The sub-tasks of an episode in order; sub-goals without a grasp have none.

    A sub-goal in which several objects were held has one for each: from the release of the one
    before, so its frames overlap with the other's, which lasts until the next object is held.
    """
    names = [o.name for o in episode.objects]
    holds = find_holds(episode.trajectory, names)
    found: list[SubTask] = []
    for begin, stop in _ranges(episode):
        start = begin
        inside = [h for h in holds if begin <= h.closed < stop]
        for hold, following in zip(inside, [*inside[1:], None], strict=False):
            if following is not None and following.object == hold.object:
                continue  # it was taken again
            end = stop if following is None else following.closed
            used = [s.wanted for s in found]
            wanted = _wanted(episode, names[hold.object], used)
            found.append(SubTask(hold.object, start, end, hold, wanted))
            start = hold.stop
    return tuple(found)


def _ranges(episode: StoredEpisode) -> list[tuple[int, int]]:
    """Frames of each run of phases with the same sub-goal."""
    runs = [list(run) for _, run in groupby(episode.trajectory.phases, key=lambda p: p.subgoal)]
    return [(run[0].start, run[-1].stop) for run in runs]


def _wanted(episode: StoredEpisode, subject: str, used: list[Wanted | None]) -> Wanted | None:
    """The goal's relation about an object that no earlier sub-task was for.

    When there are alternatives, only one that the final graph confirms is certain.
    """
    options = [w for w in relations(episode.goal) if w.subject == subject and w not in used]
    if len(options) < 2:
        return options[0] if options else None
    graph = episode.final_graph if isinstance(episode.final_graph, Mapping) else {}
    held = set(relations(graph.get("edges", ())))
    true = [w for w in options if w in held]
    return true[0] if true else None


def relations(value: Any) -> Iterator[Wanted]:
    """All relations in a JSON value, in order; anything else in it is passed over."""
    if isinstance(value, Mapping):
        name, subject = value.get("relation"), value.get("subject")
        if isinstance(name, str) and isinstance(subject, str):
            yield Wanted(name, subject, tuple(str(o) for o in value.get("objects", ())))
            return
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from relations(item)


def sentence(wanted: Wanted, name: Callable[[str], str], subject: str | None = None) -> str | None:
    """The relation as an instruction: ``put the can in the bowl``.

    Args:
        wanted: The relation.
        name: Gives an object's noun phrase by its role name.
        subject: Words for the subject instead of its name, such as ``it``.

    Returns:
        None when there are no words for this relation.
    """
    wording = _WORDING.get(wanted.name)
    if wording is None or not wanted.objects:
        return None
    places = [name(o) for o in wanted.objects]
    return wording.format(subject=subject or name(wanted.subject), first=places[0],
                          second=places[-1])  # fmt: skip
