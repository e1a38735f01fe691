"""From a goal stage to an ordered list of single-object moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datafactory.scene import WorldState
from datafactory.scene_graph.body import Body
from datafactory.scene_graph.goal import check_goal
from datafactory.scene_graph.graph import Alternative, Goal, Relation
from datafactory.scene_graph.relations import check_relation
from datafactory.scene_graph.world import MeasuredWorld


@dataclass(frozen=True)
class Subgoal:
    """Move one object so that these relations about it hold.

    Attributes:
        subject: Role name of the object to move.
        relations: Relations with this subject.
    """

    subject: str
    relations: tuple[Relation, ...]


@dataclass(frozen=True)
class Move:
    """A sub-goal an attempt set out to reach, and the stage of the goal it serves."""

    subgoal: Subgoal
    stage: int


def order_subgoals(alternative: Alternative) -> tuple[Subgoal, ...]:
    """Groups an alternative by subject; an object is moved after those it will refer to.

    The order is a topological sort (references first) with the alternative's own order as the
    tie-break; a cycle of references is cut at its first member.
    """
    subjects: list[str] = []
    for relation in alternative:
        if relation.subject not in subjects:
            subjects.append(relation.subject)
    grouped = {s: tuple(r for r in alternative if r.subject == s) for s in subjects}
    ordered: list[str] = []
    while len(ordered) < len(subjects):
        waiting = [s for s in subjects if s not in ordered]
        ready = [
            s
            for s in waiting
            if not any(o in waiting and o != s for r in grouped[s] for o in r.objects)
        ]
        ordered.append((ready or waiting)[0])
    return tuple(Subgoal(s, grouped[s]) for s in ordered)


def open_subgoals(
    alternative: Alternative, state: WorldState, movable: Sequence[str]
) -> tuple[Subgoal, ...] | None:
    """Subgoals of an alternative that do not hold yet; None when one cannot be moved."""
    result = []
    for subgoal in order_subgoals(alternative):
        if all(check_relation(r, state).holds for r in subgoal.relations):
            continue
        if subgoal.subject not in movable:
            return None
        result.append(subgoal)
    return with_buffers(result, state)


def with_buffers(subgoals: Sequence[Subgoal], state: WorldState) -> tuple[Subgoal, ...]:
    """Orders moves to places so that each place is free when it is needed.

    Where objects stand in one another's places in a circle, one of them is set aside first,
    clear of all the places that are still needed.
    """
    waiting, result = list(subgoals), []
    wanted = {s.subject: place for s in waiting if (place := _place_of(s)) is not None}
    if not wanted:
        return tuple(waiting)
    world = MeasuredWorld(state)
    bodies = {s.subject: world.body(s.subject) for s in waiting}
    inside = dict(bodies)  # of those that still stand where they stood
    while waiting:
        blockers = {s.subject: _blocker(s, inside, world) for s in waiting}
        free = [s for s in waiting if blockers[s.subject] is None]
        if free:
            result.append(free[0])
            waiting.remove(free[0])
            inside.pop(free[0].subject, None)
            continue
        blocker = blockers[waiting[0].subject]
        assert blocker is not None
        places = [wanted[s.subject] for s in waiting if s.subject in wanted]
        result.append(Subgoal(blocker, tuple(Relation("apart", blocker, (p,)) for p in places)))
        del inside[blocker]
    return tuple(result)


def _place_of(subgoal: Subgoal) -> str | None:
    return next((r.objects[0] for r in subgoal.relations if r.name == "at"), None)


def _blocker(subgoal: Subgoal, inside: Mapping[str, Body], world: MeasuredWorld) -> str | None:
    """An object still to be moved that stands where the subject shall go."""
    place = _place_of(subgoal)
    if place is None:
        return None
    outline = world.body(place).polygon
    for name, body in inside.items():
        if name != subgoal.subject and body.polygon.separation(outline) < 0.0:
            return name
    return None


def plan_stage(
    goal: Goal, stage: int, state: WorldState, movable: Sequence[str]
) -> tuple[Subgoal, ...] | None:
    """Moves that reach a stage: the alternative with the fewest, first on ties.

    Returns:
        The moves (empty when the stage holds already), or None when no alternative can be
        reached by moving graspable objects.
    """
    if check_goal(goal, state, stage=stage).holds:
        return ()
    options = [open_subgoals(a, state, movable) for a in goal.stages[stage]]
    reachable = [o for o in options if o is not None]
    return min(reachable, key=len) if reachable else None
