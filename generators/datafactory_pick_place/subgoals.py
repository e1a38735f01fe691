"""From a goal stage to an ordered list of single-object moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datafactory.scene import WorldState
from datafactory.scene_graph.goal import check_goal
from datafactory.scene_graph.graph import Alternative, Goal, Relation
from datafactory.scene_graph.relations import check_relation


@dataclass(frozen=True)
class Subgoal:
    """Move one object so that these relations about it hold.

    Attributes:
        subject: Role name of the object to move.
        relations: Relations with this subject.
    """

    subject: str
    relations: tuple[Relation, ...]


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
    return tuple(result)


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
